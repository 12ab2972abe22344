"""Who sent what, beside the bytes: in a folder and in an object store alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from object_store import Store, object_store

from loaders import arrivals
from loaders.arrivals import Arrival
from loaders.errors import UsageError
from loaders.settings import Settings

ONE = Arrival(
    submission=7,
    partner="LABO1",
    name="été.csv",
    number=2,
    sha256="ab" * 32,
    size=12,
    mtime=1_700_000_000,
    marker="TOTAL=3",
    received_at=datetime(2026, 4, 10, 8, 0, 0, 123456, UTC),
    registry_date=date(2026, 4, 10),
    passage=datetime(2026, 4, 10, 7, 59, tzinfo=UTC),
)


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    with object_store() as made:
        yield made


@pytest.fixture(params=["folder", "store"])
def settings(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    told = {"SISERI_HOME": str(tmp_path / "home")}
    if request.param == "store":
        store: Store = request.getfixturevalue("store")
        for name, value in store.environment.items():
            monkeypatch.setenv(name, value)
        told |= store.environment
    return Settings.load(told)


def test_arrivals_are_kept_in_the_order_of_their_numbers(settings: Settings) -> None:
    assert arrivals.newest(settings) is None
    assert list(arrivals.every(settings)) == []
    listed = [replace(ONE, submission=number, marker=None) for number in (1500, 7, 999, 1000)]
    for one in listed:
        arrivals.note(settings, one)
    arrivals.note(settings, listed[0])
    assert list(arrivals.every(settings)) == sorted(listed, key=lambda one: one.submission)
    assert arrivals.newest(settings) == listed[0]
    with pytest.raises(UsageError, match="another file under the number 7"):
        arrivals.note(settings, replace(ONE, sha256="cd" * 32))
    assert arrivals.read(settings, 8) is None


def test_an_arrival_comes_back_as_it_was(tmp_path: Path) -> None:
    assert Arrival.of(ONE.as_json()) == ONE
    settings = Settings.load({"SISERI_HOME": str(tmp_path / "home")})
    arrivals.note(settings, ONE)
    names = [path.name for path in settings.home.rglob("*.json")]
    assert names == ["000000007.json"], "no name of a sender in the name of a file"
