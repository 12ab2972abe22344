"""A worker's right of access and rectification: recorded, passed on to who can mend, answered within a month."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from senders import NIR, NIR2, PASSIVE, country, dose, environment, file, siseri

from loaders.errors import UsageError
from pipelines import requests
from pipelines.requests import Request
from schemas.formats.common import months_later

DAY = date(2026, 4, 10)
WORDS = "Je n'étais pas dans le service en mars"


@pytest.fixture
def land(registry: Any) -> Any:
    country(registry)
    registry.drop("LABO1", "mars.csv", file(PASSIVE, dose("M1"), dose("M2", NIR=NIR2)))
    registry.run()
    return registry


def record(land: Any, kind: str = "RECTIFICATION", row: tuple[int, int] | None = None, **more: Any) -> int:
    asked = {"person": NIR, "text": WORDS, "received": DAY, "who": "dpo"} | more
    return requests.record(land.connection, land.registry.key, Request(kind, row=row, **asked), DAY)


def listed(land: Any, today: date = DAY) -> list[dict[str, Any]]:
    return requests.listing(land.connection, today)


def test_a_contested_dose_goes_to_its_sender_and_comes_back_mended(land: Any) -> None:
    mars = land.submission("LABO1", "mars.csv")
    number = record(land, row=(mars, 1))
    land.run()
    question = json.loads(land.read("LABO1", "mars.csv.question-1.json"))
    assert question["question"] == WORDS
    assert question["ligne"] == 1
    [shown] = listed(land)
    assert shown["a_corriger_par"] == ["LABO1"]
    assert shown["echeance"] == "2026-05-10"
    assert not shown["ligne_remplacee"]
    assert NIR not in json.dumps(shown)
    with pytest.raises(UsageError, match="ni corrigée ni annulée"):
        requests.close(land.connection, number, "RECTIFIEE", "vu", "dpo", DAY)
    land.drop("LABO1", "correction.csv", file(PASSIVE, dose("M1", "0.05", CODE_METROLOGIE="C")))
    land.run()
    assert listed(land)[0]["ligne_remplacee"]
    requests.close(land.connection, number, "RECTIFIEE", "corrigée par le laboratoire", "dpo", DAY)
    with pytest.raises(UsageError, match="déjà close"):
        requests.close(land.connection, number, "REFUSEE", "x", "dpo", DAY)
    assert [one["issue"] for one in listed(land)] == ["RECTIFIEE"]
    land.verify()


def test_a_row_that_waits_can_be_contested_by_its_person_alone(land: Any) -> None:
    mars = land.submission("LABO1", "mars.csv")
    assert record(land, row=(mars, 2), person=NIR2)
    for person, row in ((NIR, (mars, 2)), (NIR2, (mars, 1)), (NIR, (mars, 9)), (NIR, (999, 1))):
        with pytest.raises(UsageError, match="ne concerne pas"):
            record(land, row=row, person=person)


def test_an_identity_is_mended_by_the_employer(land: Any) -> None:
    record(land)
    [shown] = listed(land)
    assert shown["a_corriger_par"] == ["EMPL"]
    assert shown["travailleur"] is not None


def test_a_deadline_is_put_off_once_and_in_time(land: Any) -> None:
    number = record(land, "ACCES")
    due = date(2026, 5, 10)
    assert [one["en_retard"] for one in listed(land, due)] == [False]
    assert [one["en_retard"] for one in listed(land, due + timedelta(days=1))] == [True]
    with pytest.raises(UsageError, match="hors délai"):
        requests.extend(land.connection, number, "complexe", "dpo", due + timedelta(days=1))
    assert requests.extend(land.connection, number, "complexe", "dpo", due) == date(2026, 7, 10)
    with pytest.raises(UsageError, match="déjà prolongée"):
        requests.extend(land.connection, number, "encore", "dpo", due)
    with pytest.raises(UsageError, match="issue inconnue"):
        requests.close(land.connection, number, "RECTIFIEE", "x", "dpo", due)
    requests.close(land.connection, number, "COMMUNIQUEE", "relevé remis", "dpo", due)
    shown = requests.show(land.connection, land.registry.key, number, due)
    assert (shown["numero"], shown["texte"], shown["motif"]) == (NIR, WORDS, "relevé remis")


def test_what_cannot_be_is_refused(land: Any) -> None:
    for more, words in (
        ({"kind": "OUBLI"}, "genre"),
        ({"text": " "}, "manque"),
        ({"text": "x" * 2001}, "dépasse"),
        ({"who": ""}, "manque"),
        ({"received": DAY + timedelta(days=1)}, "avenir"),
        ({"kind": "ACCES", "row": (1, 1)}, "rectification"),
    ):
        with pytest.raises(UsageError, match=words):
            record(land, **more)
    for call in (requests.extend, requests.close):
        words_ = ("x", "dpo", DAY) if call is requests.extend else ("REFUSEE", "x", "dpo", DAY)
        with pytest.raises(UsageError, match="aucune demande"):
            call(land.connection, 77, *words_)  # type: ignore[operator]
    assert listed(land) == []


def test_the_commands(land: Any) -> None:
    env = environment(land.settings.home, SISERI_DATABASE_URL=land.settings.database_url or "")
    mars = land.submission("LABO1", "mars.csv")
    asked = ("--genre", "rectification", "--texte", WORDS, "--par", "dpo")
    told = siseri(
        env, "workers", "request", "add", "--nir", NIR, *asked, "--depot", str(mars), "--ligne", "1", "--json"
    )
    assert json.loads(told.stdout) == {"id": 1, "echeance": "2026-05-10"}
    assert "mars.csv.question-1.json" in land.files("LABO1")
    assert json.loads(siseri(env, "workers", "request", "list", "--json").stdout)[0]["id"] == 1
    shown = json.loads(siseri(env, "workers", "request", "show", "1", "--json").stdout)
    assert shown["texte"] == WORDS
    looks = land.as_("administrator").execute("select what from audit.look order by look_id desc limit 1").fetchone()
    assert looks == ("workers request show",)
    late = env | {"SISERI_TODAY": "2026-05-11"}
    siseri(late, "workers", "request", "list", expect=1)
    siseri(env, "workers", "request", "extend", "1", "--motif", "complexe", "--par", "dpo")
    siseri(late, "workers", "request", "list", "--ouvertes")
    siseri(env, "workers", "request", "close", "1", "--issue", "refusee", "--motif", "exacte", "--par", "dpo")
    assert json.loads(siseri(env, "workers", "request", "list", "--ouvertes", "--json").stdout) == []
    siseri(env, "workers", "request", "add", "--nir", NIR, *asked, "--depot", "1", expect=2)


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(1, 12))
def test_a_month_later_is_never_further_than_its_end(day: date, months: int) -> None:
    later = months_later(day, months)
    assert (later.year * 12 + later.month) - (day.year * 12 + day.month) == months
    assert later.day == day.day or (later + timedelta(days=1)).day == 1
    assert later.day <= day.day
