"""Unusual doses on the real warehouse: flags after loads, answers that the next evaluation heeds, nothing else."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import pytest
from desk_server import ANALYST, READER, Caller, Desk
from exposed_service import PEOPLE, Service
from senders import SIRET, country

from loaders.errors import UsageError
from pipelines import questions, unusual_answers
from pipelines.isolate import Troubles
from pipelines.unusual import Evaluated, evaluate
from pipelines.unusual_answers import decide, flags


@pytest.fixture
def service(registry: Any) -> Service:
    return Service(registry)


def test_a_flag_tells_why_and_changes_nothing(service: Service) -> None:
    name = service.send(2026, 1, {0: "50"})
    before = service.bench.state()
    answers = {one: service.bench.read("LABO1", one) for one in service.bench.files("LABO1")}
    assert service.evaluate() == Evaluated(8, 1, 0)
    (flag,) = service.listed()
    assert flag.items() >= {
        ("genre", "UNITE"),
        ("etat", "OUVERTE"),
        ("dose_msv", "50.000"),
        ("jour", "2026-01-31"),
        ("emetteur", "LABO1"),
        ("siret", SIRET),
        ("ligne", 1),
        ("lignes", 1),
        ("depot", service.bench.submission("LABO1", name)),
    }
    assert "fois la dose habituelle du métier « Manipul" in flag["motif"]
    assert "dans cet établissement" in flag["motif"]
    spread = flag["distribution"]
    assert spread["resultats"] == 103
    assert sum(spread["effectifs"]) == 103
    assert not any(secret in json.dumps(flag) for secret in (PEOPLE.nir[0], PEOPLE.last[0]))
    # Nothing of it in doses, books, entries or reports, now or when reports are made again.
    assert service.bench.state() == before
    service.bench.run()
    service.bench.answer()
    assert {one: service.bench.read("LABO1", one) for one in service.bench.files("LABO1")} == answers
    # Late, and the first above what class B stands for; nothing of the flag.
    assert service.bench.rows("LABO1", name) == [("INTEGRE", {"AVT-04", "AVT-05"}), *[("INTEGRE", {"AVT-04"})] * 7]
    service.bench.verify()


def test_with_nothing_new_nothing_is_written(service: Service) -> None:
    service.send(2026, 1, {0: "50"})
    service.evaluate()
    loads = service.connection.execute("select max(load_id) from ledger.load").fetchone()
    assert service.evaluate() == Evaluated()
    assert service.connection.execute("select max(load_id) from ledger.load").fetchone() == loads


def test_an_empty_registry_is_evaluated(registry: Any) -> None:
    assert evaluate(registry.connection) == Evaluated()
    country(registry)
    assert evaluate(registry.connection) == Evaluated()
    assert flags(registry.connection) == []


def test_a_corrected_result_closes_its_flag_and_is_judged_anew(service: Service) -> None:
    service.send(2026, 1, {0: "50"})
    service.evaluate()
    service.send(2026, 1, {0: "0.05"}, range(1), CODE_METROLOGIE="C")
    assert service.evaluate() == Evaluated(1, 0, 1)
    (flag,) = service.listed(state="CLOSE")
    assert flag["close_le"]
    with pytest.raises(UsageError, match="plus en vigueur"):
        service.answer(flag["id"], "ask")


@pytest.mark.parametrize(("later", "found"), [({0: "1.20"}, []), ({1: "50"}, ["50.000"])])
def test_a_dismissed_flag_raises_the_bound_there(service: Service, later: dict[int, str], found: list[str]) -> None:
    service.send(2026, 1, {0: "1.20"})
    service.evaluate()
    (flag,) = service.listed()
    service.answer(flag["id"], "dismiss")
    assert service.listed()[0]["etat"] == "ECARTEE"
    service.send(2026, 2, later)
    service.evaluate()
    assert [one["dose_msv"] for one in service.listed(state="OUVERTE")] == found


def test_without_a_dismissal_the_same_is_flagged_again(service: Service) -> None:
    """Or the test before proves nothing."""
    service.send(2026, 1, {0: "1.20"})
    service.evaluate()
    service.send(2026, 2, {0: "1.20"})
    service.evaluate()
    assert [one["dose_msv"] for one in service.listed()] == ["1.200", "1.200"]


def test_nothing_is_learned_from_a_confirmed_fault(service: Service) -> None:
    service.send(2026, 1, {0: "50"})
    service.evaluate()
    (flag,) = service.listed()
    assert flag["distribution"]["passe"] == 12
    service.answer(flag["id"], "confirm")
    service.send(2026, 2, {0: "30"})
    service.evaluate()
    second = service.listed(state="OUVERTE")[0]
    # Twelve results of the past are looked at; the confirmed one is among them and does not count.
    assert second["distribution"]["passe"] == 11
    assert second["distribution"]["resultats"] == 12 * 8 + 8 + 8 - 2


def test_a_forgotten_control_badge_is_one_flag_on_the_batch(service: Service) -> None:
    service.send(2026, 1, {at: f"{0.35 + 0.05 * (at % 3):.2f}" for at in range(8)})
    assert service.evaluate().flags == 1
    (flag,) = service.listed()
    assert (flag["genre"], flag["lignes"]) == ("TEMOIN", 8)
    assert "8 résultats de cet envoi" in flag["motif"]


def test_the_sender_is_asked_about_an_integrated_row(service: Service) -> None:
    name = service.send(2026, 1, {2: "50"})
    service.evaluate()
    (flag,) = service.listed()
    service.answer(flag["id"], "ask")
    assert service.listed()[0]["etat"] == "DEMANDEE"
    troubles = Troubles()
    assert questions.deliver(service.bench.client, service.connection, service.key, troubles) == 1
    assert not troubles
    stem = name.removesuffix(".csv")
    (told,) = [one for one in service.bench.files("LABO1") if "question" in one and one.endswith(".json")]
    asked = json.loads(service.bench.read("LABO1", told))
    assert told.startswith(stem)
    assert (asked["ligne"], asked["codes"], asked["question"]) == (3, [], "vu avec le laboratoire")
    page = service.bench.read("LABO1", told.replace(".json", ".html")).decode()
    assert "elle remplacera celle du registre" in page
    assert "La ligne attend" not in page
    assert service.bench.rows("LABO1", name)[2][0] == "INTEGRE"


@pytest.mark.parametrize(
    ("number", "answer", "motive", "told"),
    [(1, "perhaps", "x", "on répond"), (99, "confirm", "x", "aucun signalement"), (1, "confirm", " ", "motif")],
)
def test_a_bad_answer_is_told(service: Service, number: int, answer: str, motive: str, told: str) -> None:
    service.send(2026, 1, {0: "50"})
    service.evaluate()
    with pytest.raises(UsageError, match=told):
        decide(service.connection, service.key, number, answer, motive, "ana")
    assert service.listed()[0]["etat"] == "OUVERTE"


def test_filters_of_unknown_words_are_refused() -> None:
    for told in ({"kind": "X"}, {"state": "X"}):
        with pytest.raises(UsageError):
            unusual_answers.Filters(**told)


# --- the desk's page ---------------------------------------------------------------------------------


def shown(answer: Any, status: int = 200) -> str:
    assert answer.status_code == status, answer.text[:1000]
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", answer.text)).replace("\u202f", " ").split())


def looks(service: Service) -> list[tuple[Any, ...]]:
    return (
        service.bench.as_("administrator")
        .execute("select who, door, what, records from audit.look order by look_id")
        .fetchall()
    )


def respond(caller: Caller, number: int, **sent: str) -> Any:
    return caller.post(f"/inhabituelles/{number}/repondre", {"motif": "vu", **sent})


def test_the_page_shows_reason_and_drawing_and_notes_the_look(service: Service, desk: Desk) -> None:
    service.send(2026, 1, {0: "50", 3: "9.35"})
    service.evaluate()
    caller = desk.by(READER)
    answer = caller.get("/inhabituelles")
    text = shown(answer)
    assert "unité × 1000 ?" in text
    assert "dosimètre resté dans le faisceau ?" in text
    assert "fois la dose habituelle du métier" in text
    assert answer.text.count('<svg class="repartition"') == 2
    assert "la dose signalée est de 50 mSv" in answer.text
    assert "Doses inhabituelles" in shown(caller.get("/"))
    assert PEOPLE.last[0] not in answer.text
    assert "Écarter" not in text, "a reader does not decide"
    assert looks(service) == [("lecteur", "BUREAU", "inhabituelles", 2)]
    assert "Les chiffres" in shown(caller.get("/inhabituelles/1"))
    assert looks(service)[-1] == ("lecteur", "BUREAU", "inhabituelle", 1)
    assert caller.get("/inhabituelles/99").status_code == 404


def test_filters_of_the_page(service: Service, desk: Desk) -> None:
    service.send(2026, 1, {0: "50", 3: "9.35"})
    service.evaluate()
    caller = desk.by(ANALYST)
    assert "N° 1" in shown(caller.get("/inhabituelles", genre="UNITE", etat="OUVERTE", emetteur="LABO1", siret=SIRET))
    assert "Aucun signalement sous ces filtres" in shown(caller.get("/inhabituelles", etat="ECARTEE"))
    assert "Aucun signalement sous ces filtres" in shown(caller.get("/inhabituelles", emetteur="LABO2"))
    assert "L'état est l'un de" in shown(caller.get("/inhabituelles", etat="X"), 400)
    assert "trop long" in shown(caller.get("/inhabituelles", siret="1" * 50), 400)


def test_answers_from_the_page(service: Service, desk: Desk) -> None:
    service.send(2026, 1, {0: "50", 3: "9.35"})
    service.evaluate()
    caller = desk.by(ANALYST)
    assert respond(caller, 1, reponse="ask", motif="Est-ce bien 50 mSv ?").status_code == 303
    desk.app.state.aftermath.wait()
    assert any("question" in one for one in service.bench.files("LABO1"))
    assert respond(caller, 2, reponse="dismiss").status_code == 303
    assert {one["id"]: one["etat"] for one in service.listed()} == {1: "DEMANDEE", 2: "ECARTEE"}
    assert "analyste , le" in shown(caller.get("/inhabituelles/2"))
    for sent in ({"reponse": "x"}, {"reponse": "confirm", "motif": ""}):
        assert respond(caller, 1, **sent).headers["location"].endswith("/inhabituelles/1")
    assert respond(caller, 99, reponse="confirm").status_code == 404
    assert respond(desk.by(READER), 1, reponse="confirm").status_code == 403


def test_pages_of_flags(service: Service, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from desk import unusual

    monkeypatch.setattr(unusual, "PAGE", 1)
    service.send(2026, 1, {0: "50", 3: "9.35"})
    service.evaluate()
    caller = desk.by(ANALYST)
    first = caller.get("/inhabituelles")
    assert "N° 2" in shown(first)
    assert "N° 1 " not in shown(first)
    assert "apres=2" in first.text
    assert "N° 1 " in shown(caller.get("/inhabituelles", apres=2))
