"""Monthly results of physicians and advisers: what is in the file of an establishment, when it comes, when it goes."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from legacy_world import figures, part, passive, worker
from senders import (
    CONCLUSION,
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
    assert [(one["VALEUR"], one["SUITE"]) for one in cells(land.read("CONSEIL", APRIL))] == [("2.500", "CORRIGE")]


def told(land: Any, account: str, name: str) -> list[tuple[str, str, str, str]]:
    """What a file tells, by type: state, value, and why it is told."""
    return [
        (one["TYPE_MESURE"], one["ETAT_RESULTAT"], one["VALEUR"], one["SUITE"])
        for one in cells(land.read(account, name))
    ]


def test_what_was_told_and_changed_or_holds_no_longer_is_told_once(land: Any) -> None:
    designate(land, "m.csv", "MDT", RPPS)
    designate(land, "c.csv", "CRP", "P1")
    february = {"DATE_DEBUT_PORT": "01/02/2026", "DATE_FIN_PORT": "28/02/2026"}
    land.drop("EMPL", "deux.csv", file(TRAVAILLEURS, row(TRAVAILLEURS, SIRET=SIRET2, DATEDEBUT="01/01/2024")))
    land.drop(
        *("LABO1", "doses.csv"),
        file(
            PASSIVE,
            dose("M1", "1.5"),
            dose("M2", "2.5", TYPE_MESURE="PAS-HP3", LOCALISATION="TETE"),
            dose("M3", "3.5", TYPE_MESURE="PAS-HP007-PEAU", LOCALISATION="AUTRE"),
            dose("M4", "4.5", TYPE_MESURE="PAS-HP10-NEU"),
        ),
    )
    land.drop("DOCTEUR", "engagee.csv", file(ENGAGEE, row(ENGAGEE, DATE_INCORPORATION="20/03/2026")))
    land.run()
    assert {suite for *_, suite in told(land, "CONSEIL", MARCH)} == {""}
    changes = (
        dose("M1", "9", CODE_METROLOGIE="A"),
        dose("M2", "2.75", TYPE_MESURE="PAS-HP3", LOCALISATION="TETE", CODE_METROLOGIE="C"),
        dose("M3", "3.5", TYPE_MESURE="PAS-HP007-PEAU", LOCALISATION="AUTRE", SIRET=SIRET2, CODE_METROLOGIE="C"),
        dose("M5", "5.5", **february),
        dose("M6", "6.5", **february, TYPE_MESURE="PAS-HP3", LOCALISATION="TETE"),
    )
    land.drop("LABO1", "suite.csv", file(PASSIVE, *changes))
    land.drop("DOCTEUR", "plus.csv", file(ENGAGEE, row(ENGAGEE, DATE_INCORPORATION="20/03/2026", CODE_METROLOGIE="A")))
    land.run()
    # What came and went between two files was never told.
    land.drop("LABO1", "ote.csv", file(PASSIVE, dose("M6", "1", CODE_METROLOGIE="A")))
    land.run()
    land.run(date(2026, 5, 1))
    adviser = [
        ("PAS-HP10-PHO", "MES", "5.500", "TARDIF"),
        ("PAS-HP007-PEAU", "ANNULE", "", "ANNULE"),
        ("PAS-HP10-PHO", "ANNULE", "", "ANNULE"),
        ("PAS-HP3", "MES", "2.750", "CORRIGE"),
    ]
    assert sorted(told(land, "CONSEIL", APRIL)) == sorted(adviser)
    assert sorted(told(land, "DOCTEUR", APRIL)) == sorted([*adviser, ("INT-E50", "ANNULE", "", "ANNULE")])
    gone = next(one for one in cells(land.read("CONSEIL", APRIL)) if one["SUITE"] == "ANNULE")
    assert (gone["NOM"], gone["DATE_FIN"], gone["EMETTEUR"], gone["SEUIL"]) == ("MARTIN", "31/03/2026", "LABO1", "")
    assert list(gone)[-1] == "SUITE"
    land.drop("LABO1", "mai.csv", file(PASSIVE, dose("M7", "7.5", **february)))
    land.run()
    land.run(date(2026, 6, 1))
    assert told(land, "CONSEIL", f"resultats-{SIRET}-2026-05.csv") == [("PAS-HP10-PHO", "MES", "7.500", "TARDIF")]


def test_a_physicians_version_is_a_correction_and_so_is_the_bodys_that_holds_again(land: Any) -> None:
    designate(land, "m.csv", "MDT", RPPS)
    land.drop("LABO1", "doses.csv", file(PASSIVE, dose("M1", "1.5")))
    land.run()
    mine = {"ID_MESURE": "LABO1/M1", "ETAT_RESULTAT": "EST", "SEUIL": ""}
    land.drop("DOCTEUR", "mien.csv", file(PASSIVE, dose("M1", "0.7", **mine, CODE_METROLOGIE="C")))
    land.run()
    land.run(date(2026, 5, 1))
    assert told(land, "DOCTEUR", APRIL) == [("PAS-HP10-PHO", "EST", "0.700", "CORRIGE")]
    land.drop("DOCTEUR", "ote.csv", file(PASSIVE, dose("M1", "0.7", **mine, CODE_METROLOGIE="A")))
    land.run()
    land.run(date(2026, 6, 1))
    assert told(land, "DOCTEUR", f"resultats-{SIRET}-2026-05.csv") == [("PAS-HP10-PHO", "MES", "1.500", "CORRIGE")]


def test_an_adjustment_that_an_adviser_may_not_see_leaves_no_trace(land: Any) -> None:
    """Were the adjusted result told as gone, the adviser would learn whom a committed dose was weighed for."""
    designate(land, "m.csv", "MDT", RPPS)
    designate(land, "c.csv", "CRP", "P1")
    land.drop("LABO1", "doses.csv", file(PASSIVE, dose("M1", "21")))
    land.drop("DOCTEUR", "engagee.csv", file(ENGAGEE, row(ENGAGEE, VALEUR="1", DATE_INCORPORATION="20/03/2026")))
    land.run()
    said = row(CONCLUSION, ID_DEPASSEMENT="1", CONCLUSION="MODIFIEE", VALEUR_RETENUE="12")
    land.drop("DOCTEUR", "conclusion.csv", file(CONCLUSION, said))
    land.run()
    assert land.report("DOCTEUR", "conclusion.csv")["statut"] == "INTEGRE"
    land.run(date(2026, 5, 1))
    assert APRIL not in land.files("CONSEIL")
    assert told(land, "DOCTEUR", APRIL) == [("PAS-HP10-PHO", "EST", "11.000", "CORRIGE")]


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
