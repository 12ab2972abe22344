"""The desk's own machinery: what it does when something is missing, slow or broken, and what it keeps to itself."""

from __future__ import annotations

import dataclasses
import threading
from typing import Annotated, Any

import pytest
from desk_server import ANALYST, NOBODY, READER, SENIOR, Desk
from fastapi import APIRouter, FastAPI, Form, Response
from fastapi.responses import StreamingResponse

from desk import app as application
from desk import registry as rooms
from desk.access import APPROVE, Person
from desk.needs import Key, Reader, Signed, ThePage, TheSettings, Writer
from desk.tokens import Expired, Forged, Tokens
from loaders.warehouse import load

NIR = "1850675198765"
probe = APIRouter()


@probe.get("/essai/echec")
def fails() -> Response:
    raise ValueError(NIR)


@probe.get("/essai/lent")
def slow(reader: Reader) -> Response:
    reader.execute("select pg_sleep(20)")
    return Response()


@probe.get("/essai/occupe")
def busy(writer: Writer) -> Response:
    with load(writer, "DECISION"):
        pass
    return Response()


@probe.get("/essai/nombre")
def number(combien: int) -> Response:
    return Response(str(combien))


@probe.get("/essai/roles")
def roles(reader: Reader, writer: Writer, key: Key, settings: TheSettings, person: Signed) -> dict[str, Any]:
    found = [one.execute("select current_user").fetchone() for one in (reader, writer)]
    return {"roles": found, "cle": key.check_value(), "jour": str(settings.registry_date()), "nom": person.name}


@probe.get("/essai/flux")
def stream(reader: Reader) -> Response:
    return StreamingResponse(
        (f"{n}\n" for (n,) in reader.execute("select generate_series(1, 1000)")), media_type="text/csv"
    )


@probe.post("/essai/decision")
def decide(page: ThePage, motif: Annotated[str, Form()]) -> Response:
    return page.go("causes", {"code": "IDT-06", "vide": ""}, done=f"« {motif} » : fait")


@probe.post("/essai/regle", dependencies=[APPROVE])
def approve(page: ThePage) -> Response:
    return page.go("causes", done="approuvée")


@pytest.fixture(autouse=True)
def probes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(application, "ROUTERS", (*application.ROUTERS, probe))


def test_a_failure_is_told_by_number_and_keeps_its_message(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    answer = desk.by(ANALYST).get("/essai/echec")
    assert answer.status_code == 500
    assert answer.headers["cache-control"] == "no-store"
    [record] = [one for one in caplog.records if one.name == "siseri.desk"]
    number = record.getMessage().split()[1].rstrip(":")
    assert number in answer.text
    assert "ValueError at fails" in record.getMessage()
    assert NIR not in answer.text + caplog.text


def test_each_need_is_the_right_one(desk: Desk) -> None:
    told = desk.by(READER).get("/essai/roles").json()
    assert [one[0].rpartition("_")[2] for one in told["roles"]] == ["analyst", "loader"]
    assert told["cle"]
    assert told["jour"] == "2026-04-10"
    assert told["nom"] == "lecteur"


def test_a_streamed_answer_keeps_its_connection(desk: Desk) -> None:
    assert desk.by(READER).get("/essai/flux").text.splitlines()[-1] == "1000"


def test_a_slow_search_is_stopped(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(rooms.READING, "statement_timeout_ms", 100)
    answer = desk.by(READER).get("/essai/lent")
    assert answer.status_code == 503
    assert "Recherche trop longue" in answer.text


def test_a_decision_does_not_wait_for_ever(registry: Any, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(rooms.WRITING, "lock_timeout_ms", 100)
    with registry.registry.warehouse.admin() as admin:
        admin.execute("lock table ledger.load")
        answer = desk.by(ANALYST).get("/essai/occupe")
    assert answer.status_code == 503
    assert "occupé" in answer.text


def test_a_malformed_demand_names_the_field_not_the_value(desk: Desk) -> None:
    answer = desk.by(READER).get("/essai/nombre", combien=NIR + "x")
    assert answer.status_code == 422
    assert "combien" in answer.text
    assert NIR not in answer.text


def test_without_a_right_nothing_is_shown(desk: Desk) -> None:
    for path in ("/", "/static/desk.css", "/nulle-part"):
        assert desk.by(NOBODY).get(path).status_code == 403
        assert desk.by(None).get(path).status_code == 401
    assert desk.by(READER).get("/nulle-part").status_code == 404


def test_approving_is_a_third_right(desk: Desk) -> None:
    answer = desk.by(ANALYST).post("/essai/regle")
    assert answer.status_code == 403
    assert "analyste principal" in answer.text
    assert desk.by(SENIOR).post("/essai/regle").status_code == 303


def test_a_decision_is_told_once_on_the_next_page(desk: Desk) -> None:
    caller = desk.by(ANALYST)
    answer = caller.post("/essai/decision", {"motif": "<b>relu</b>"})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/siseri/?code=IDT-06"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Path=/siseri/" in cookie
    assert "« &lt;b&gt;relu&lt;/b&gt; » : fait" in caller.get("/").text
    assert "relu" not in caller.get("/").text


def test_a_message_is_its_persons_alone(desk: Desk) -> None:
    carried = desk.by(ANALYST).post("/essai/decision", {"motif": "secret"}).cookies["siseri_message"]
    for value in (carried, "x", "a.b.c.d"):
        caller = desk.by(READER)
        caller.client.cookies.set("siseri_message", value)
        answer = caller.get("/")
        assert answer.status_code == 200
        assert "secret" not in answer.text


def test_a_restarted_database_is_nobodys_trouble(registry: Any, desk: Desk) -> None:
    assert desk.by(READER).get("/").status_code == 200
    with registry.registry.warehouse.admin() as admin:
        ended = admin.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid() and usename like '%analyst'"
        ).fetchall()
    assert ended
    assert desk.by(READER).get("/").status_code == 200


def test_a_registry_that_is_not_there_says_what_to_do_and_comes_back(registry: Any) -> None:
    passwords = registry.settings.home / "keys" / "roles.json"
    kept = passwords.read_bytes()
    desk = Desk(registry.settings)
    try:
        passwords.write_text("{}")
        answer = desk.by(READER).get("/")
        assert answer.status_code == 503
        assert "siseri init" in answer.text
        assert "l’exploitant" in answer.text
        assert desk.by(READER).get("/static/desk.css").status_code == 200
    finally:
        passwords.write_bytes(kept)
    desk.app.state.registry._failure = (float("-inf"), "")
    assert desk.by(READER).get("/").status_code == 200
    desk.close()


def test_the_registry_is_opened_once_for_all(registry: Any) -> None:
    loads = []

    def load() -> Any:
        loads.append(1)
        return registry.settings

    opened = rooms.DeskRegistry(load)
    threads = [threading.Thread(target=opened.opened) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(loads) == 1
    opened.close()
    opened.close()


def test_a_closed_registry_gives_everything_back(registry: Any) -> None:
    desk = Desk(dataclasses.replace(registry.settings))
    desk.by(READER).get("/")
    counted = "select count(*) from pg_stat_activity where datname = current_database() and usename like '%analyst'"
    assert registry.connection.execute(counted).fetchone() != (0,)
    desk.close()
    with registry.registry.warehouse.admin() as admin:
        for _ in range(50):
            if admin.execute(counted).fetchone() == (0,):
                break
            admin.execute("select pg_sleep(0.1)")
        assert admin.execute(counted).fetchone() == (0,)


def test_a_route_without_the_guard_is_not_served() -> None:
    app = application.create(lambda: READER, "x")
    check = app.router.dependencies[0].dependency
    assert check is not None
    application._insist(app, check)
    app.router.add_route("/libre", lambda request: Response("libre"))
    with pytest.raises(AssertionError, match="without the guard"):
        application._insist(app, check)
    other = FastAPI()
    other.add_api_route("/autre", lambda: None)
    with pytest.raises(AssertionError, match="without the guard"):
        application._insist(other, check)


def test_rights_in_words() -> None:
    assert Person("x", may_read=True, may_decide=True).rights == "lecture, décision"
    assert NOBODY.rights == "aucun droit"


def test_tokens_hold_to_purpose_person_server_and_time() -> None:
    tokens = Tokens("un secret")
    token = tokens.sign("formulaire", "analyste", "voilà")
    assert Tokens("un secret").read("formulaire", "analyste", token) == "voilà"
    assert token != tokens.sign("formulaire", "analyste", "voilà")
    for other, purpose, person in (
        (Tokens("un autre"), "formulaire", "analyste"),
        (tokens, "message", "analyste"),
        (tokens, "formulaire", "lecteur"),
    ):
        with pytest.raises(Forged):
            other.read(purpose, person, token)
    with pytest.raises(Expired):
        tokens.read("formulaire", "analyste", tokens.sign("formulaire", "analyste", lifetime_s=-1))
    for wrong in ("", ".", "é.é", token[:-1], token + "0", "0" + token):
        with pytest.raises(Forged):
            tokens.read("formulaire", "analyste", wrong)
    with pytest.raises(ValueError):
        Tokens("")
