"""Every route of the desk, inside the real Airflow API server: who is refused, and what every answer carries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import jwt
import pytest
from desk_server import PREFIX, AirflowDesk, Caller
from fastapi.routing import APIRoute

from desk.access import Person
from desk.app import create

CSP = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; form-action 'self';"
    " frame-ancestors 'self'; base-uri 'none'"
)


def routes() -> Iterator[tuple[str, str]]:
    """Method and path of every route, a number (or a known file) for each parameter."""
    for route in create(lambda: Person("x", may_read=False), "x").routes:
        assert isinstance(route, APIRoute)
        file = "desk.css" if route.path.startswith("/static/") else "1"
        for method in sorted(route.methods):
            yield method, re.sub(r"\{[^}]*\}", file, route.path)


GETS = [path for method, path in routes() if method == "GET"]
POSTS = [path for method, path in routes() if method != "GET"]


@pytest.fixture(scope="module")
def callers(airflow_desk: AirflowDesk) -> dict[str | None, Caller]:
    """A signed-in browser for each account, and one of nobody."""
    return {user: airflow_desk.by(user) for user in (None, "lecteur", "analyste", "chef", "admin")}


def armoured(answer: httpx.Response) -> None:
    assert answer.headers["content-security-policy"] == CSP
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    public = "/static/" in answer.url.path and answer.status_code == 200
    assert answer.headers["cache-control"] == ("private, max-age=86400" if public else "no-store")


def served(answer: httpx.Response) -> bool:
    """Whether the route was reached and did not break (it may well say that there is no such row)."""
    return answer.status_code < 500 and answer.status_code not in (401, 403)


def refused(answer: httpx.Response, status: int, words: str) -> None:
    assert answer.status_code == status, (answer.url.path, answer.status_code, answer.text[:500])
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert words in answer.text
    assert '<html lang="fr">' in answer.text
    armoured(answer)


def test_routes_are_known() -> None:
    assert {"/", "/static/desk.css", "/1"} <= set(GETS)
    assert "/1" in POSTS
    assert {method for method, _ in routes()} == {"GET", "POST"}


@pytest.mark.parametrize("path", GETS)
def test_reading_asks_who_one_is(callers: dict[str | None, Caller], path: str) -> None:
    refused(callers[None].get(path), 401, "Connectez-vous")
    for user in ("lecteur", "analyste", "chef", "admin"):
        answer = callers[user].get(path)
        assert served(answer), (user, answer.status_code)
        armoured(answer)


@pytest.mark.parametrize("path", POSTS)
def test_deciding_is_another_right(callers: dict[str | None, Caller], path: str) -> None:
    refused(callers[None].post(path, token=callers["analyste"].form_token()), 401, "Connectez-vous")
    if path == "/recherche":
        assert served(callers["lecteur"].post(path)), "asking changes nothing"
    else:
        refused(callers["lecteur"].post(path), 403, "pas décider")
    answer = callers["chef"].post(path)
    assert served(answer), (answer.status_code, answer.text)
    armoured(answer)


@pytest.mark.parametrize("path", POSTS)
def test_a_form_carries_its_persons_token(callers: dict[str | None, Caller], path: str) -> None:
    caller = callers["chef"]
    good = caller.form_token()
    spoiled = good[:-1] + ("0" if good[-1] != "0" else "1")
    later = f"{int(good.partition('.')[0]) + 86400}.{good.partition('.')[2]}"
    for token in ("", "x", "a.b.c.d", spoiled, later, callers["analyste"].form_token()):
        refused(caller.post(path, token=token), 403, "ne porte pas votre jeton")
    refused(caller.post(path, token=caller.form_token(lifetime_s=-1)), 403, "trop longtemps")
    sent = {"json": {"jeton": good}, "headers": {"Origin": caller.origin}}
    refused(caller.client.post(PREFIX + path, **sent), 403, "ne porte pas votre jeton")


@pytest.mark.parametrize("path", POSTS)
def test_a_form_comes_from_the_desk_itself(callers: dict[str | None, Caller], path: str) -> None:
    caller = callers["chef"]
    here = caller.origin
    for headers in (
        {"Origin": "https://ailleurs.example"},
        {"Origin": "null"},
        {"Origin": f"{here}.ailleurs.example"},
        {"Origin": here.rpartition(":")[0]},
        {"Origin": "http://[", "Referer": f"{here}/siseri/"},
        {"Referer": "https://ailleurs.example/siseri/"},
        {"Origin": "https://ailleurs.example", "Referer": f"{here}/siseri/"},
        {"Origin": here, "Sec-Fetch-Site": "cross-site"},
        {"Origin": here, "Sec-Fetch-Site": "same-site"},
        {},
    ):
        refused(caller.post(path, headers=headers), 403, "ne vient pas d’une page de ce site")
    for headers in ({"Referer": f"{here}/siseri/"}, {"Origin": here, "Sec-Fetch-Site": "same-origin"}):
        assert served(caller.post(path, headers=headers))


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE"])
@pytest.mark.parametrize("path", sorted({*GETS, *POSTS}))
def test_no_other_method_does_anything(callers: dict[str | None, Caller], method: str, path: str) -> None:
    for user in (None, "chef"):
        answer = callers[user].client.request(method, PREFIX + path)
        assert answer.status_code == 405
        armoured(answer)


def test_a_token_that_is_no_longer_good_counts_for_nothing(airflow_desk: AirflowDesk) -> None:
    told = jwt.decode(airflow_desk.token("analyste"), options={"verify_signature": False})
    secret = airflow_desk.environment["AIRFLOW__API_AUTH__JWT_SECRET"]

    def signed(key: str = secret, **changed: Any) -> Caller:
        return airflow_desk.by(None, jwt.encode(told | changed, key, algorithm="HS512"))

    assert signed().get("/").status_code == 200, "or the rest of this test proves nothing"
    refused(signed("k" * 64).get("/"), 401, "Connectez-vous")
    refused(signed(exp=told["iat"] - 3600).get("/"), 401, "Connectez-vous")
    refused(airflow_desk.by(None, "n’importe quoi".encode("ascii", "replace").decode()).get("/"), 401, "Connectez-vous")
    # A role or an account that the settings no longer know: what the token remembers does not count.
    refused(signed(sub="partie", role="admin").get("/"), 403, "pas le droit de lire")
    reader = signed(sub="lecteur", role="admin")
    reader.name = "lecteur"
    refused(reader.post("/1"), 403, "pas décider")


def test_a_bearer_token_is_an_account_too(airflow_desk: AirflowDesk) -> None:
    caller = airflow_desk.by(None)
    head = {"Authorization": f"Bearer {airflow_desk.token('lecteur')}"}
    answer = caller.client.get(f"{PREFIX}/", headers=head)
    assert answer.status_code == 200
    assert "lecteur" in answer.text
    refused(caller.client.get(f"{PREFIX}/", headers={"Authorization": "Bearer x"}), 401, "Connectez-vous")


def test_too_much_is_refused(callers: dict[str | None, Caller]) -> None:
    caller = callers["chef"]
    refused(caller.post("/1", {"motif": "x" * (1 << 20)}, token="x"), 413, "1 Mo")
    stream = (b"motif=" + b"x" * 1000 for _ in range(1100))  # no length announced
    head = {"Content-Type": "application/x-www-form-urlencoded", "Origin": caller.origin}
    refused(caller.client.post(f"{PREFIX}/1", content=stream, headers=head), 413, "1 Mo")


def test_a_number_looked_for_stands_in_no_log(airflow_desk: AirflowDesk, callers: dict[str | None, Caller]) -> None:
    nir = "2790699123456"
    caller = callers["analyste"]
    answer = caller.post("/recherche", {"q": nir})
    assert answer.status_code == 200
    assert nir not in str(answer.headers)
    assert served(caller.post("/apercu", {"ligne": "1:0", "action": "rattacher", "vers": "NIR", "numero": nir}))
    told = {"genre": "NIR", "recu": nir, "lu": nir[::-1], "motif": nir, "du": "2026-01-01"}
    assert served(caller.post("/permanentes", told))
    assert "/siseri/recherche" in airflow_desk.log, "the server writes every address"
    assert nir not in airflow_desk.log


def test_the_menu_entry_is_there(airflow_desk: AirflowDesk) -> None:
    answer = airflow_desk.by("admin").client.get("/api/v2/plugins")
    assert answer.status_code == 200
    [plugin] = [one for one in answer.json()["plugins"] if one["name"] == "siseri_desk"]
    [view] = plugin["external_views"]
    assert (view["name"], view["href"], view["destination"], view["category"]) == (
        "Rejets",
        "/siseri/",
        "nav",
        "browse",
    )
    assert airflow_desk.by("admin").client.get(view["icon"]).headers["content-type"] == "image/svg+xml"
    assert airflow_desk.by("admin").client.get("/api/v2/plugins/importErrors").json()["import_errors"] == []
