"""Standing checks over small registries: each on both sides of its boundary, what an analyst explains, the desk."""

from __future__ import annotations

import re
from typing import Any

import pytest
from desk_server import ANALYST, Desk
from senders import (
    NIR,
    NIR2,
    OPERATIONNELLE,
    PASSIVE,
    SIRET,
    SIRET2,
    SORTIES,
    TRAVAILLEURS,
    country,
    dose,
    file,
    row,
)

from loaders.errors import UsageError
from pipelines import watch
from schemas.identifiers import key_of

CLASS_B, APART, PLACES, GAP, DUE = watch.CONTROLS
ANNE = {"NIR": NIR2, "NOM": "NGUYEN", "PRENOM": "ANNE"}


class Land:
    def __init__(self, registry: Any) -> None:
        self.registry = country(registry)
        self.count = 0
        self.send("EMPL", TRAVAILLEURS, row(TRAVAILLEURS, SIRET=SIRET2))

    def send(self, partner: str, header: str, *rows: str) -> None:
        self.count += 1
        self.registry.drop(partner, f"w{self.count}.csv", file(header, *rows))
        assert not self.registry.run().incidents
        told = self.registry.rows(partner, f"w{self.count}.csv")
        assert {outcome for outcome, _ in told} == {"INTEGRE"}, told

    def found(self, control: str, **more: Any) -> list[dict[str, Any]]:
        bench = self.registry
        wanted = watch.asked(control, bench.today, **more)
        found = watch.findings(bench.connection, bench.registry.key, wanted)
        assert found.total - (0 if wanted.seen else found.explained) == len(found.rows)
        return found.rows

    def spans(self, control: str, **more: Any) -> list[tuple[str, str]]:
        return [(one["debut"], one["fin"]) for one in self.found(control, **more)]

    def explain(self, control: str, finding: str, motive: str = "vu") -> None:
        bench = self.registry
        watch.explain(bench.connection, watch.asked(control, bench.today), finding, motive, "anna")


@pytest.fixture
def land(registry: Any) -> Land:
    return Land(registry)


def worn(identifier: str, span: str, value: str = "0.1", **changed: str) -> str:
    start, end = span.split("-")
    return dose(identifier, value, **({"DATE_DEBUT_PORT": start, "DATE_FIN_PORT": end} | changed))


JANUARY, FEBRUARY, MARCH = "01/01/2026-31/01/2026", "01/02/2026-28/02/2026", "01/03/2026-31/03/2026"


def test_class_b_above_6_mSv_shows_the_highest_window(land: Land) -> None:
    land.send("LABO1", PASSIVE, worn("M1", JANUARY, "3"), worn("M2", FEBRUARY, "3"))
    assert land.found(CLASS_B) == []
    land.send("LABO1", PASSIVE, worn("M3", MARCH, "0.001"))
    (found,) = land.found(CLASS_B)
    assert found.items() >= {
        ("nir", NIR),
        ("siret", SIRET),
        ("emetteur", "LABO1"),
        ("debut", "2025-04-01"),
        ("fin", "2026-03-31"),
        ("valeur_msv", "6.001"),
    }
    assert land.found(CLASS_B, last="2026-03-30") == []
    assert land.found(CLASS_B, siret=SIRET2) == []
    land.send("LABO1", PASSIVE, worn("M3", MARCH, "0", CODE_METROLOGIE="C"))
    assert land.found(CLASS_B) == []


def test_of_class_a_nobody_is_shown(land: Land) -> None:
    at = {"SIRET": SIRET2}
    land.send("EMPL", TRAVAILLEURS, row(TRAVAILLEURS, CLASSEMENT="A", **at))
    land.send("LABO1", PASSIVE, worn("M1", MARCH, "7", **at))
    assert [one["siret"] for one in land.found(CLASS_B)] == [SIRET2], "class A holds from 10 April on"
    land.send("LABO1", PASSIVE, worn("M1", MARCH, "1", CODE_METROLOGIE="C", **at))
    land.send("LABO1", PASSIVE, worn("M2", "01/04/2026-10/04/2026", "7", **at))
    assert land.found(CLASS_B) == []


def test_passive_against_operational(land: Land) -> None:
    passage = {"DATE_DEBUT_PORT": "31/03/2026 22:00", "DATE_FIN_PORT": "31/03/2026 23:59"}
    land.send("SITE", OPERATIONNELLE, row(OPERATIONNELLE, VALEUR="1", **passage))
    land.send("LABO1", PASSIVE, worn("M1", MARCH, "0.7"), worn("M2", MARCH, "0.699"), worn("M3", FEBRUARY, "9"))
    (found,) = land.found(APART)
    assert (found["valeur_msv"], found["operationnelle_msv"]) == ("0.699", "1.000")
    assert land.found(APART, sender="LABO2") == []
    midnight = {"DATE_DEBUT_PORT": "31/03/2026 23:00", "DATE_FIN_PORT": "01/04/2026 00:00"}
    land.send("SITE", OPERATIONNELLE, row(OPERATIONNELLE, VALEUR="1", **midnight))
    assert len(land.found(APART)) == 1, "it does not lie wholly inside"
    land.send("LABO1", PASSIVE, worn("M4", MARCH, "", ETAT_RESULTAT="PER"), worn("M5", MARCH, "", ETAT_RESULTAT="INF"))
    assert [one["valeur_msv"] for one in land.found(APART)] == ["0.699", "0.000"]


def test_dosimeters_at_two_places_at_once(land: Land) -> None:
    land.send("LABO1", PASSIVE, worn("M1", MARCH), worn("M2", "20/02/2026-28/02/2026", SIRET=SIRET2))
    assert land.found(PLACES) == [], "one day after the other"
    shared = "28/02/2026-01/03/2026"
    land.send("LABO2", PASSIVE, worn("M3", shared, SIRET=SIRET2))
    (found,) = land.found(PLACES)
    assert {found["siret"], found["autre_siret"]} == {SIRET, SIRET2}
    assert (found["debut"], found["fin"]) == ("2026-03-01", "2026-03-01")
    assert len(land.found(PLACES, sender="LABO1")) == len(land.found(PLACES, sender="LABO2")) == 1
    land.send("LABO2", PASSIVE, worn("M4", MARCH, "", SIRET=SIRET2, ETAT_RESULTAT="ABS"))
    assert len(land.found(PLACES)) == 1, "no result: nobody wore it"


def test_passages_at_two_places_in_the_same_minute(land: Land) -> None:
    one = {"DATE_DEBUT_PORT": "05/03/2026 08:00", "DATE_FIN_PORT": "05/03/2026 10:00"}
    two = {"DATE_DEBUT_PORT": "05/03/2026 10:00", "DATE_FIN_PORT": "05/03/2026 12:00", "SIRET": SIRET2}
    land.send("ASNR", OPERATIONNELLE, row(OPERATIONNELLE, **one), row(OPERATIONNELLE, **two))
    assert land.found(PLACES) == []
    land.send("ASNR", OPERATIONNELLE, row(OPERATIONNELLE, **(two | {"DATE_DEBUT_PORT": "05/03/2026 09:59"})))
    (found,) = land.found(PLACES)
    assert (found["format"], found["debut"], found["fin"]) == ("OPERATIONNELLE", "2026-03-05", "2026-03-05")


def test_a_missing_wear_period(land: Land) -> None:
    land.send("LABO1", PASSIVE, worn("M1", JANUARY), worn("M3", MARCH))
    assert land.spans(GAP) == [("2026-02-01", "2026-02-28")]
    land.send("LABO1", PASSIVE, worn("M9", FEBRUARY, TYPE_MESURE="PAS-HP10-NEU"))
    assert land.spans(GAP) == [("2026-02-01", "2026-02-28")], "another quantity says nothing of it"
    land.send("LABO1", PASSIVE, worn("M2", FEBRUARY, "", ETAT_RESULTAT="PER", LOCALISATION="CEINTURE"))
    assert land.spans(GAP) == [], "lost is a fact"


@pytest.mark.parametrize(("start", "found"), [("14/02/2026", False), ("15/02/2026", True)])
def test_half_as_long_as_the_shorter_of_the_two(land: Land, start: str, found: bool) -> None:
    """13 days beside 28 are a hole in a calendar; 14 are a period that is missing."""
    land.send("LABO1", PASSIVE, worn("M1", JANUARY), worn("M2", f"{start}-{int(start[:2]) - 1}/03/2026"))
    assert bool(land.spans(GAP)) is found


def test_who_had_left_wore_nothing(land: Land) -> None:
    land.send("EMPL", SORTIES, row(SORTIES, DATEFIN="31/01/2026"))
    land.send("EMPL", TRAVAILLEURS, row(TRAVAILLEURS, DATEDEBUT="01/03/2026"))
    land.send("LABO1", PASSIVE, worn("M1", JANUARY), worn("M3", MARCH))
    assert land.spans(GAP) == []


def test_results_that_did_not_come(land: Land) -> None:
    """Monthly; today is 10 April 2026: February was due on 20 March, March is due on 20 April."""
    land.send("LABO1", PASSIVE, worn("M0", "01/12/2025-31/12/2025"), worn("M1", JANUARY))
    (found,) = land.found(DUE)
    assert (found["debut"], found["fin"], found["attendu_le"]) == ("2026-02-01", "2026-02-28", "2026-03-20")
    land.send("LABO1", PASSIVE, worn("M2", FEBRUARY))
    assert land.found(DUE) == []
    land.send("EMPL", TRAVAILLEURS, row(TRAVAILLEURS, **ANNE, CLE=key_of(NIR2), SEXE="F", DATENAISSANCE="12/05/1984"))
    quarter = "01/10/2025-31/12/2025"
    land.send("LABO1", PASSIVE, worn("N1", "01/07/2025-30/09/2025", **ANNE), worn("N2", quarter, **ANNE))
    assert land.found(DUE) == [], "a quarter that ended on 31 March has until 20 April"


def test_the_twentieth_day_is_not_late(land: Land) -> None:
    land.send("LABO1", PASSIVE, worn("M0", "01/03/2026-07/03/2026"), worn("M1", "08/03/2026-14/03/2026"))
    assert land.found(DUE) == [], "the week to 21 March: due on 10 April, which is today"
    land.send("LABO1", PASSIVE, worn("M1", "08/03/2026-14/03/2026", CODE_METROLOGIE="A"))
    land.send("LABO1", PASSIVE, worn("M2", "07/03/2026-13/03/2026"))
    assert land.spans(DUE) == [("2026-03-14", "2026-03-20")]


def test_nothing_is_expected_of_who_left(land: Land) -> None:
    land.send("LABO1", PASSIVE, worn("M0", "01/12/2025-31/12/2025"), worn("M1", JANUARY))
    land.send("EMPL", SORTIES, row(SORTIES, DATEFIN="27/02/2026"))
    assert land.found(DUE) == []


def test_an_explained_finding_comes_back_when_its_facts_change(land: Land) -> None:
    land.send("LABO1", PASSIVE, worn("M1", JANUARY, "7"))
    (found,) = land.found(CLASS_B)
    with pytest.raises(UsageError, match="motif"):
        land.explain(CLASS_B, found["constat"], " ")
    with pytest.raises(UsageError, match="plus fait"):
        land.explain(CLASS_B, "0" * 32)
    land.explain(CLASS_B, found["constat"], "classement revu")
    assert land.found(CLASS_B) == []
    (seen,) = land.found(CLASS_B, seen=True)
    assert (seen["remarque"]["par"], seen["remarque"]["motif"]) == ("anna", "classement revu")
    with pytest.raises(UsageError, match="déjà"):
        land.explain(CLASS_B, found["constat"])
    land.send("LABO1", PASSIVE, worn("M2", FEBRUARY, "0.001"))
    (again,) = land.found(CLASS_B)
    assert again["valeur_msv"] == "7.001"
    land.send("LABO1", PASSIVE, worn("M2", FEBRUARY, CODE_METROLOGIE="A"))
    assert land.found(CLASS_B) == [], "as it was when it was explained"
    watch.reopen(land.registry.connection, CLASS_B, found["constat"], "bruno")
    assert len(land.found(CLASS_B)) == 1
    with pytest.raises(UsageError, match="pas expliqué"):
        watch.reopen(land.registry.connection, CLASS_B, found["constat"], "bruno")
    kept = land.registry.connection.execute("select made_by, ended_by from watch.remark").fetchall()
    assert kept == [("anna", "bruno")]


def test_what_cannot_be_asked(land: Land) -> None:
    today = land.registry.today
    for words in ({"control": "x"}, {"first": "x"}, {"first": "2026-02-01", "last": "2026-01-01"}):
        with pytest.raises(UsageError):
            watch.asked(**({"control": GAP, "today": today} | words))
    for words in ({"siret": "1"}, {"sender": "X"}):
        with pytest.raises(UsageError):
            land.found(GAP, **words)
    assert watch.asked(GAP, today).first.isoformat() == "2024-04-11"


def test_the_desk_shows_a_tab_for_each_and_keeps_what_is_explained(land: Land, desk: Desk) -> None:
    land.send("LABO1", PASSIVE, worn("M1", JANUARY, "7"))
    caller = desk.by(ANALYST)
    for control, label in watch.CONTROLS.items():
        answer = caller.get(f"/controles/{control}")
        assert answer.status_code == 200
        assert label in answer.text
    text = caller.get(f"/controles/{CLASS_B}").text
    assert NIR in text
    assert "7,000" in text
    looks = "select sum(records) from audit.look where what = 'controles'"
    assert land.registry.as_("administrator").execute(looks).fetchone() == (3,), "a month that is due, too"
    (constat,) = set(re.findall(r'name="constat" value="([0-9a-f]{32})"', text))
    path = f"/controles/{CLASS_B}/expliquer"
    assert caller.post(path, {"constat": constat, "motif": " "}).status_code == 303
    assert len(land.found(CLASS_B)) == 1
    assert caller.post(path, {"constat": constat, "motif": "vu avec le médecin"}).status_code == 303
    assert land.found(CLASS_B) == []
    assert "vu avec le médecin" in caller.get(f"/controles/{CLASS_B}?vus=1").text
    assert caller.post(f"/controles/{CLASS_B}/reprendre", {"constat": constat}).status_code == 303
    assert len(land.found(CLASS_B)) == 1
    assert caller.get("/controles/x").status_code == 404
    assert caller.get(f"/controles/{GAP}?du=x").status_code == 400
    assert caller.get(f"/controles/{GAP}?siret=1").status_code == 400
