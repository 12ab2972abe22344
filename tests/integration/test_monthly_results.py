"""Monthly results of physicians and advisers: what is in the file of an establishment, when it comes, when it goes."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from legacy_world import figures, part, passive, worker
from senders import (
    DESIGNATIONS,
    ENGAGEE,
    INTERNE,
    NIR2,
    OPERATIONNELLE,
    PASSIVE,
    RPPS,
    SIRET,
    SIRET2,
    TRAVAILLEURS,
    cells,
    country,
    dose,
    file,
    row,
)

from pipelines.legacy.decide import accept
from pipelines.legacy.run import migrate
from schemas.identifiers import key_of

MARCH = f"resultats-{SIRET}-2026-03.csv"
APRIL = f"resultats-{SIRET}-2026-04.csv"


@pytest.fixture
def land(registry: Any) -> Any:
    country(registry)
    registry.partner("DOCTEUR", "MDT", identifiant=RPPS)
    registry.partner("CONSEIL", "CRP", identifiant="P1")
    registry.partner("AUTRE", "CRP", identifiant="P2")
    return registry


def designate(land: Any, name: str, role: str, who: str, **changed: str) -> None:
    land.drop("ASNR", name, file(DESIGNATIONS, row(DESIGNATIONS, ROLE=role, IDENTIFIANT=who, **changed)))


def test_each_gets_what_it_may_see_of_the_month(land: Any) -> None:
    designate(land, "m.csv", "MDT", RPPS)
    designate(land, "c.csv", "CRP", "P1")
    other = row(
        TRAVAILLEURS, NIR=NIR2, CLE=key_of(NIR2), NOM="=ROSSI", PRENOM="ANNA", DATENAISSANCE="01/05/1984", SEXE="F"
    )
    land.drop("EMPL", "autre.csv", file(TRAVAILLEURS, other, row(TRAVAILLEURS, SIRET=SIRET2)))
    february = {"DATE_DEBUT_PORT": "01/02/2026", "DATE_FIN_PORT": "28/02/2026"}
    land.drop(
        *("LABO1", "doses.csv"),
        file(
            PASSIVE,
            dose("M1", "1.5"),
            dose("M2", "0", NIR=NIR2, NOM="=ROSSI", PRENOM="ANNA", ETAT_RESULTAT="INF"),
            dose("M3", "9", **february),
            dose("M4", "9", SIRET=SIRET2),
        ),
    )
    land.drop("SITE", "ope.csv", file(OPERATIONNELLE, row(OPERATIONNELLE)))  # of April
    land.run()
    assert MARCH in land.files("CONSEIL")
    land.drop("LABO1", "analyse.csv", file(INTERNE, row(INTERNE)))
    land.drop("DOCTEUR", "engagee.csv", file(ENGAGEE, row(ENGAGEE)))
    land.run()
    found = cells(land.read("CONSEIL", MARCH))
    assert [(one["NOM"], one["TYPE_MESURE"], one["ETAT_RESULTAT"], one["VALEUR"]) for one in found] == [
        ("'=ROSSI", "PAS-HP10-PHO", "INF", ""),
        ("MARTIN", "PAS-HP10-PHO", "MES", "1.500"),
    ]
    assert (found[1]["DATE_DEBUT"], found[1]["DATE_FIN"], found[1]["SIRET"]) == ("01/03/2026", "31/03/2026", SIRET)
    assert "RADIONUCLEIDE" not in found[0]
    assert cells(land.read("DOCTEUR", MARCH))[1]["RADIONUCLEIDE"] == ""
    assert not [name for name in land.files("AUTRE") if name.startswith("resultats-")]
    # What came after the file of March comes with that of April; internal results for the physician alone.
    land.run(date(2026, 5, 1))
    adviser, physician = cells(land.read("CONSEIL", APRIL)), cells(land.read("DOCTEUR", APRIL))
    assert [one["TYPE_MESURE"] for one in adviser] == ["OPE-HP10-PHO"]
    assert sorted(one["TYPE_MESURE"] for one in physician) == ["INT-E50", "OPE-HP10-PHO", "RTU"]
    assert {one["RADIONUCLEIDE"] for one in physician if one["FORMAT"] != "OPERATIONNELLE"} == {"Cs-137"}
    again = [land.read(one, APRIL) for one in ("CONSEIL", "DOCTEUR")]
    land.run()
    assert [land.read(one, APRIL) for one in ("CONSEIL", "DOCTEUR")] == again


def test_a_file_comes_once_there_is_something_to_tell(land: Any) -> None:
    designate(land, "c.csv", "CRP", "P1")
    land.run()
    assert MARCH not in land.files("CONSEIL")
    land.drop("LABO1", "doses.csv", file(PASSIVE, dose("M1", "1.5")))
    land.run()
    assert [one["VALEUR"] for one in cells(land.read("CONSEIL", MARCH))] == ["1.500"]
    land.drop("LABO1", "correction.csv", file(PASSIVE, dose("M1", "2.5", CODE_METROLOGIE="C")))
    land.run()
    assert [one["VALEUR"] for one in cells(land.read("CONSEIL", MARCH))] == ["1.500"]
    land.run(date(2026, 5, 2))
    assert [one["VALEUR"] for one in cells(land.read("CONSEIL", APRIL))] == ["2.500"]


def test_history_taken_over_is_no_news_of_the_month(land: Any, tmp_path: Path) -> None:
    designate(land, "m.csv", "MDT", RPPS)
    land.drop("LABO1", "doses.csv", file(PASSIVE, dose("M1", "1.5")))
    land.run()
    known = dict(zip(TRAVAILLEURS.split(";"), row(TRAVAILLEURS).split(";"), strict=True))
    old = {"DATE_DEBUT_PORT": date(2015, 3, 1), "DATE_FIN_PORT": date(2015, 3, 31)}
    who = {"NOM": known["NOM"], "PRENOM": known["PRENOM"], "DATENAISSANCE": date(1985, 6, 12)}
    part(tmp_path, "travailleurs", worker(1, known["NIR"], **who))
    part(tmp_path, "externes", passive(1, SIRET, "ANCIEN", **old))
    assert migrate(land.registry, tmp_path).rows == 2
    assert figures(land)["externes", "REPRIS", ""] == 1
    accept(land.registry, "ana")
    land.run(date(2026, 5, 1))
    assert APRIL not in land.files("DOCTEUR")


def test_a_designation_that_begins_or_ends_opens_and_closes_the_same_day(land: Any) -> None:
    land.drop("LABO1", "doses.csv", file(PASSIVE, dose("M1", "1.5")))
    designate(land, "c.csv", "CRP", "P1", DATEDEBUT="12/04/2026", DATEFIN="20/04/2026")
    land.run()
    assert MARCH not in land.files("CONSEIL")
    land.run(date(2026, 4, 12))
    assert MARCH in land.files("CONSEIL")
    land.run(date(2026, 4, 20))
    assert MARCH in land.files("CONSEIL")
    land.run(date(2026, 4, 21))
    assert MARCH not in land.files("CONSEIL")
    land.run(date(2026, 5, 1))
    assert not [name for name in land.files("CONSEIL") if name.startswith("resultats-")]


def test_deliveries_are_audited_under_the_right_of_the_account(land: Any) -> None:
    designate(land, "m.csv", "MDT", RPPS)
    land.drop("LABO1", "doses.csv", file(PASSIVE, dose("M1", "1.5")))
    land.run()
    found = land.as_("administrator").execute("select who, door, what, held, records from audit.look").fetchall()
    assert found == [("DOCTEUR", "RETOUR", "resultats", f"MDT:{RPPS}", 1)]


def test_an_account_out_of_reach_is_told_and_served_later(land: Any) -> None:
    designate(land, "m.csv", "MDT", RPPS)
    designate(land, "c.csv", "CRP", "P1")
    land.drop("LABO1", "doses.csv", file(PASSIVE, dose("M1", "1.5")))
    folder = land.home("CONSEIL") / "retour"
    folder.rename(folder.with_name("ailleurs"))
    assert land.run().troubles
    assert MARCH in land.files("DOCTEUR")
    folder.with_name("ailleurs").rename(folder)
    assert not land.run().troubles
    assert MARCH in land.files("CONSEIL")
