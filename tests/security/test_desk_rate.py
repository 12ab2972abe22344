"""One person's requests are counted: whoever asks too fast waits, alone, and a session ends."""

from __future__ import annotations

import time
from typing import Any

import jwt
import pytest
from desk_server import ANALYST, SENIOR, AirflowDesk, Desk
from hypothesis import given
from hypothesis import strategies as st

from desk.rate import Limit, TooMany


def test_too_many_requests_get_a_page_and_the_others_none(registry: Any) -> None:
    desk = Desk(registry.settings, per_minute=1)
    try:
        caller = desk.by(ANALYST)
        assert caller.get("/").status_code == 200
        last = caller.get("/")
        assert last.status_code == 429
        assert 1 <= int(last.headers["retry-after"]) <= 60
        assert last.headers["content-type"] == "text/html; charset=utf-8"
        assert "Trop de demandes" in last.text
        assert "default-src 'none'" in last.headers["content-security-policy"]
        assert caller.get("/static/desk.css").status_code == 200, "or the page would be bare"
        assert desk.by(SENIOR).get("/").status_code == 200
    finally:
        desk.close()


def test_what_changes_something_is_counted_closer(registry: Any) -> None:
    desk = Desk(registry.settings, per_minute=9)
    try:
        caller = desk.by(ANALYST)
        assert caller.post("/recherche", {"q": "1"}).status_code == 303
        assert caller.post("/recherche", {"q": "1"}).status_code == 429
        assert caller.get("/").status_code == 200
    finally:
        desk.close()


@given(
    st.integers(1, 600),
    st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 30)), max_size=60),
)
def test_the_limit_against_a_slow_twin(per_minute: int, asked: list[tuple[str, float]]) -> None:
    """Never more than the burst and what flowed in since; and never refused while a whole request is left."""
    now = 0.0
    limit = Limit(per_minute, lambda: now)
    burst = max(per_minute / 3, 1.0)
    left = {"a": burst, "b": burst}
    for person, pause in asked:
        now += pause
        left = {one: min(burst, had + pause * per_minute / 60) for one, had in left.items()}
        if abs(left[person] - 1) < 1e-6:
            return  # a matter of rounding
        if left[person] >= 1:
            limit.take(person)
            left[person] -= 1
        else:
            with pytest.raises(TooMany) as told:
                limit.take(person)
            assert left[person] + told.value.wait_s * per_minute / 60 >= 1 - 1e-6


def test_no_limit_where_none_is_wanted() -> None:
    limit = Limit(0)
    for _ in range(1000):
        limit.take("a")


@pytest.fixture(scope="module")
def token(airflow_desk: AirflowDesk) -> str:
    return airflow_desk.token("lecteur")


def test_a_session_ends_after_a_working_day(airflow_desk: AirflowDesk, token: str) -> None:
    told = jwt.decode(token, options={"verify_signature": False})
    assert told["exp"] - told["iat"] == 8 * 3600
    assert told["exp"] > time.time()
    secret = airflow_desk.environment["AIRFLOW__API_AUTH__JWT_SECRET"]
    over = jwt.encode(told | {"iat": told["iat"] - 90_000, "exp": told["iat"] - 3600}, secret, algorithm="HS512")
    assert airflow_desk.by("lecteur", token).get("/").status_code == 200
    assert airflow_desk.by("lecteur", over).get("/").status_code == 401
