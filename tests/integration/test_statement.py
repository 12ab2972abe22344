"""Statements: the real command, and the text of its documents read back, for each who may ask."""

from __future__ import annotations

import io
import json
import re
import stat
import subprocess
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader
from senders import (
    CONCLUSION,
    DESIGNATIONS,
    ENGAGEE,
    INTERNE,
    NAVIGANT,
    NIR,
    NIR2,
    NIR3,
    OPERATIONNELLE,
    PASSIVE,
    RPPS,
    RPPS2,
    SIRET,
    SIRET2,
    SISERI,
    TRAVAILLEURS,
    cells,
    country,
    dose,
    file,
    row,
    siseri,
)

from loaders.errors import UsageError
from loaders.orchestrator import settings_environment
from pipelines import audit
from pipelines.principals import principal
from pipelines.statement import NOTHING, statement
from reports.statement import render

TODAY = date(2026, 4, 10)
#: Marks that are no substring of anything else: the committed dose, the analysis, sums that hold the committed dose.
COMMITTED, ACTIVITY = "7.777", "123.456"


@pytest.fixture
def land(registry: Any) -> Any:
    country(registry)
    registry.partner("DOCTEUR", "MDT", identifiant=RPPS)
    registry.partner("NAVIG", "CALCUL")
    chosen = [
        row(DESIGNATIONS, ROLE="MDT", IDENTIFIANT=RPPS),
        row(DESIGNATIONS, ROLE="CRP", IDENTIFIANT="P1"),
        row(DESIGNATIONS, ROLE="CES", IDENTIFIANT="C1"),
    ]
    registry.drop("ASNR", "chosen.csv", file(DESIGNATIONS, *chosen))
    registry.drop("EMPL", "deux.csv", file(TRAVAILLEURS, row(TRAVAILLEURS, SIRET=SIRET2, DATEDEBUT="01/01/2024")))
    registry.run()
    january = {"DATE_DEBUT_PORT": "01/01/2026", "DATE_FIN_PORT": "31/01/2026"}
    february = {"DATE_DEBUT_PORT": "01/02/2026", "DATE_FIN_PORT": "28/02/2026"}
    last_year = {"DATE_DEBUT_PORT": "01/05/2025", "DATE_FIN_PORT": "31/05/2025"}
    long_ago = {"DATE_DEBUT_PORT": "01/05/2020", "DATE_FIN_PORT": "31/05/2020"}
    registry.drop(
        *("LABO1", "doses.csv"),
        file(
            PASSIVE,
            dose("M1", "13.001"),
            dose("M2", "0", **january),
            dose("M3", "", **february, ETAT_RESULTAT="ABS"),
            dose("M4", "", **last_year, ETAT_RESULTAT="INF"),
            dose("M5", "3.003", **long_ago),
            dose("M6", "2.345", SIRET=SIRET2),
            dose("M7", "501.5", TYPE_MESURE="PAS-HP007-EXT", LOCALISATION="MAIN_D"),
        ),
    )
    registry.drop("SITE", "ope.csv", file(OPERATIONNELLE, row(OPERATIONNELLE)))
    registry.drop("NAVIG", "vols.csv", file(NAVIGANT, row(NAVIGANT)))
    registry.drop("LABO1", "analyse.csv", file(INTERNE, row(INTERNE, ACTIVITE=ACTIVITY)))
    registry.drop("DOCTEUR", "engagee.csv", file(ENGAGEE, row(ENGAGEE, VALEUR=COMMITTED)))
    registry.run()
    assert registry.queue() == []
    return registry


def facts(land: Any, who: str, nir: str = NIR, months: int | None = None, today: date = TODAY) -> dict[str, Any]:
    place = land.registry
    more = {"today": today, "months": months, "who": "essai", "door": audit.COMMAND}
    return statement(place.warehouse, place.key, principal(who, nir), nir, **more)


def text(document: dict[str, Any], lang: str = "fr") -> str:
    """What a reader of the PDF finds, spaces made one."""
    reader = PdfReader(io.BytesIO(render(document, ".pdf", lang)))
    return " ".join(" ".join(page.extract_text() for page in reader.pages).split())


def sums(document: dict[str, Any]) -> dict[tuple[str, str], tuple[str, str | None, str]]:
    return {
        (one["periode"], one["grandeur"]): (one["somme_msv"], one["limite_msv"], one["nature"])
        for one in document["sommes"]
    }


def test_the_worker_s_own_statement_holds_everything(land: Any) -> None:
    found = facts(land, "TRAVAILLEUR:-")
    shown = text(found)
    for part in (
        *("MARTIN, JEAN-PIERRE", NIR, "12/06/1985", SIRET, SIRET2, "13,001 mSv", "2,345 mSv", "3,003 mSv", "7,777 mSv"),
        *("123,456 Bq/L", "Cs-137", "0,012 mSv", "0,210 mSv", "inférieur au seuil (0,050 mSv)", "sans résultat"),
        *("0,000 mSv", "main droite", "501,500 mSv"),
    ):
        assert part in shown, part
    # 13.001 + 2.345 + 0.21 + 7.777; three and the same facts: below, none, zero.
    assert sums(found)["12_MOIS", "EFFICACE"] == ("23.333", "20.000", "EFFICACE")
    assert sums(found)["2020", "EFFICACE"] == ("3.003", "20.000", "EFFICACE")
    assert sums(found)["CARRIERE", "EFFICACE"] == ("26.336", None, "EFFICACE")
    assert sums(found)["2026", "EXTREMITES"] == ("501.500", "500.000", "EQUIVALENTE")
    assert sums(found)["2026", "OPE-HP10-PHO"] == ("0.012", None, "OPERATIONNELLE")
    assert [(one["grandeur"], one["valeur_msv"]) for one in found["depassements"]] == [
        ("EFFICACE", "23.333"),
        ("EXTREMITES", "501.500"),
    ]
    # The physician sees the same; the name of an employer is his where the establishment designates him.
    physician = facts(land, "MDT:" + RPPS)
    assert physician["sommes"] == found["sommes"]
    assert {one["etablissement"] for one in physician["resultats"]} == {"CLINIQUE", ""}
    assert [one | {"etablissement": "CLINIQUE"} for one in physician["resultats"]] == found["resultats"]


@pytest.mark.parametrize("who", ["CRP:P1", "AGENT:I-17", "INSPECTEUR:I-17"])
def test_advisers_and_agents_get_no_internal_value_nor_a_sum_with_one(land: Any, who: str) -> None:
    for months in (None, 1, 2, 12, 120):
        found = facts(land, who, months=months)
        shown, data = text(found), json.dumps(found)
        for mark in (COMMITTED, ACTIVITY, "23.333", "26.336", "20.778", "Cs-137"):
            assert mark not in data
            assert mark.replace(".", ",") not in shown
        assert "une dose interne engagée existe dans cette période" in shown
        assert "aucune donnée d'exposition interne" in shown
        assert {one["nature"] for one in found["sommes"] if one["grandeur"] == "EFFICACE"} <= {"EXTERNE", "EFFICACE"}


def test_what_a_physician_retained_stands_beside_the_result_he_adjusted(land: Any) -> None:
    told = row(CONCLUSION, ID_DEPASSEMENT="1", CONCLUSION="MODIFIEE", VALEUR_RETENUE="19.191")
    land.drop("DOCTEUR", "conclusion.csv", file(CONCLUSION, told))
    land.run()
    assert land.report("DOCTEUR", "conclusion.csv")["statut"] == "INTEGRE"
    for who in ("TRAVAILLEUR:-", "MDT:" + RPPS):
        found = facts(land, who)
        # 13.001 becomes what brings the window to 19.191; the others are as they were.
        adjusted = [one for one in found["resultats"] if one["depassement"] is not None]
        assert [(one["depassement"], one["valeur_msv"], one["etat"]) for one in adjusted] == [(1, "8.859", "EST")]
        assert [(one["conclusion"], one["valeur_retenue_msv"], one["conclu_le"]) for one in adjusted] == [
            ("MODIFIEE", "19.191", "2026-04-02")
        ]
        assert sums(found)["12_MOIS", "EFFICACE"][0] == "19.191"
        assert [(one["id"], one["etat"], one["valeur_retenue_msv"]) for one in found["depassements"]] == [
            (1, "MODIFIE", "19.191"),
            (2, "NOTIFIE", None),
        ]
        assert "dépassement 1, modifiée par le médecin le 02/04/2026" in text(found)
        assert "dose retenue sur la période du dépassement : 19,191 mSv" in text(found)
        assert "exceedance 1, modified by the physician" in text(found, "en")
        line = next(one for one in cells(render(found, ".csv", "fr")) if one["DEPASSEMENT"])
        assert (line["CONCLUSION"], line["VALEUR_RETENUE_MSV"]) == ("MODIFIEE", "19.191")
    for who in ("CRP:P1", "AGENT:I-17"):
        found = facts(land, who)
        assert "19.191" not in json.dumps(found)
        assert "19,191" not in text(found)
        assert {one["depassement"] for one in found["resultats"]} == {None}
        assert {one["conclusion"] for one in (*found["resultats"], *found["depassements"])} == {None}


def test_an_adviser_s_sums_are_of_the_establishment_and_the_contract(land: Any) -> None:
    found = facts(land, "CRP:P1")
    assert SIRET2 not in text(found)
    assert "3.003" not in json.dumps(found["resultats"])
    # 13.001 + 0.21; the older result is in the sum over the contract alone.
    assert sums(found)["12_MOIS", "EFFICACE"] == ("13.211", "20.000", "EXTERNE")
    assert sums(found)["2025", "EFFICACE"] == ("0.000", "20.000", "EFFICACE")
    assert ("2020", "EFFICACE") not in sums(found)
    assert ("CARRIERE", "EFFICACE") not in sums(found)
    assert [(one["grandeur"], one["somme_msv"], one["nature"]) for one in found["sommes_contrats"]] == [
        ("EFFICACE", "16.214", "EXTERNE"),
        ("EXTREMITES", "501.500", "EQUIVALENTE"),
    ]
    # The window of the exceedance goes over all employers, its external results only.
    assert [(one["grandeur"], one["valeur_msv"], one["nature"]) for one in found["depassements"]] == [
        ("EFFICACE", "15.556", "EXTERNE"),
        ("EXTREMITES", "501.500", "EQUIVALENTE"),
    ]


def test_the_sums_do_not_depend_on_how_much_is_listed(land: Any) -> None:
    whole = sums(facts(land, "CRP:P1"))
    for months in (1, 3, 12, 24):
        some = facts(land, "CRP:P1", months=months)
        assert sums(some).items() <= whole.items()
        assert some["sommes_contrats"] == facts(land, "CRP:P1")["sommes_contrats"]


def test_the_last_months_alone(land: Any) -> None:
    found = facts(land, "TRAVAILLEUR:-", months=2)
    assert found["depuis"] == "2026-02-11"
    assert {one["fin"][:10] for one in found["resultats"]} == {
        "2026-02-28", "2026-03-12", "2026-03-16", "2026-03-31", "2026-04-08",
    }  # fmt: skip
    assert "Résultats des 2 derniers mois" in text(found)


@pytest.mark.parametrize("who", [f"EMPLOYEUR:{SIRET}", "CES:C1"])
def test_an_employer_gets_the_administrative_record_without_any_dose(land: Any, who: str) -> None:
    found = facts(land, who)
    shown = text(found)
    assert "Fiche administrative du travailleur" in shown
    assert ("MARTIN" in shown, SIRET in shown, SIRET2 in shown) == (True, True, False)
    assert "aucune dose" in shown
    assert "mSv" not in shown
    assert not re.search(r"\d,\d{3}", shown)
    assert [found[name] for name in ("resultats", "sommes", "sommes_contrats", "depassements")] == [[], [], [], []]


@pytest.mark.parametrize(
    ("who", "nir"),
    [
        ("AGENT:I1", NIR3),
        ("TRAVAILLEUR:" + NIR2, NIR),
        ("TRAVAILLEUR:-", NIR3),
        ("MDT:" + RPPS2, NIR),
        ("MDT:" + RPPS, NIR3),
        ("CRP:P2", NIR),
        ("CES:C2", NIR),
        ("EMPLOYEUR:73282932000090", NIR),
        ("PST:" + RPPS, NIR),
    ],
)
def test_what_is_not_open_and_what_is_not_there_are_told_alike(land: Any, who: str, nir: str) -> None:
    with pytest.raises(UsageError) as told:
        facts(land, who, nir)
    assert str(told.value) == NOTHING


@pytest.mark.parametrize("who", ["DGT:X", "RECHERCHE:X", "OA:LABO1", "MDT:123", "EMPLOYEUR:1", "CRP:", "CRP", ""])
def test_who_cannot_ask_is_told_what_may_be_written(who: str) -> None:
    with pytest.raises(UsageError):
        principal(who, NIR)


def test_in_english(land: Any) -> None:
    shown = text(facts(land, "TRAVAILLEUR:-"), "en")
    for part in (
        "Individual dose statement",
        "Committed effective dose",
        "13.001 mSv",
        "2026-03-31",
        "right hand",
    ):
        assert part in shown
    for word in ("Relevé", "Employeur", "résultat"):
        assert word not in shown


def test_the_document_is_accessible_and_the_same_every_time(land: Any) -> None:
    found = facts(land, "TRAVAILLEUR:-")
    body = render(found, ".pdf", "fr")
    assert body == render(found, ".pdf", "fr")
    root = PdfReader(io.BytesIO(body)).trailer["/Root"]
    assert root["/Lang"] == "fr"
    assert root["/MarkInfo"]["/Marked"]
    assert "/StructTreeRoot" in root
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    assert b"pdfuaid" in root["/Metadata"].get_data()


def test_the_command(land: Any, tmp_path: Path) -> None:
    env = settings_environment(land.settings)
    out = tmp_path / "releve.pdf"
    done = siseri(env, "statement", "--nir", NIR, "--as", f"MDT:{RPPS}", "--out", out, "--months", "12", "--json")
    told = json.loads(done.stdout)
    assert (told["resultats"], told["depassements"]) == (10, 2)
    assert NIR not in done.stdout + done.stderr
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert out.read_bytes().startswith(b"%PDF-")
    assert siseri(env, "statement", "--nir", NIR, "--as", "AGENT:I1", "--out", tmp_path / "a.json").stderr == ""
    assert COMMITTED not in (tmp_path / "a.json").read_text()
    siseri(env, "statement", "--nir", f"{NIR}20", "--as", "crp:P1", "--out", tmp_path / "a.csv")
    assert "13.001" in {one["VALEUR_MSV"] for one in cells((tmp_path / "a.csv").read_bytes())}
    words = (*("--nir", "-", "--as", "TRAVAILLEUR:-"), "--out", tmp_path / "a.json", "--json")
    asked = subprocess.run(
        [SISERI, "statement", *words], env=env, input=f"{NIR}\n", capture_output=True, text=True, check=True
    )
    assert json.loads(asked.stdout)["resultats"] == 11
    assert COMMITTED in (tmp_path / "a.json").read_text()
    refusals = [
        ("--nir", NIR3, "--as", "AGENT:I1", "--out", tmp_path / "b.pdf"),
        ("--nir", NIR, "--as", "CRP:P2", "--out", tmp_path / "b.pdf"),
    ]
    messages = {siseri(env, "statement", *words, expect=2).stderr for words in refusals}
    assert messages == {f"siseri: {NOTHING}\n"}
    for words in (
        ("--nir", "185067511004", "--as", "AGENT:I1", "--out", tmp_path / "b.pdf"),
        ("--nir", NIR, "--as", "AGENT:I1", "--out", tmp_path / "b.doc"),
        ("--nir", NIR, "--as", "AGENT:I1", "--lang", "de", "--out", tmp_path / "b.pdf"),
        ("--nir", NIR, "--as", "AGENT:I1", "--out", tmp_path / "nulle part" / "b.pdf"),
    ):
        refused = siseri(env, "statement", *words, expect=2)
        assert refused.stderr.startswith("siseri: ")
        assert NIR[:12] not in refused.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "a.json", "releve.pdf"]
    looks = (
        land.as_("administrator")
        .execute("select what, held, records from audit.look where door = 'COMMANDE'")
        .fetchall()
    )
    assert looks[0] == ("releve", f"MDT:{RPPS}", 1)
    assert ("releve", "CRP:P2", 0) in looks
