"""Editions of the statistics: published by a yes, kept as they are, explained when they change."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import psycopg
import pypdf
import pytest
from refusals import refused
from senders import PASSIVE, country, dose, file

from loaders.errors import UsageError
from pipelines import editions
from pipelines.isolate import Troubles

DAY = date(2026, 4, 10)
PAPERS = {"bilan.html", "bilan.xlsx", "bilan.pdf", "manifest.json"}


@pytest.fixture
def land(registry: Any) -> Any:
    """A country with two results in 2026 and a ministry."""
    country(registry)
    registry.drop("LABO1", "mars.csv", file(PASSIVE, dose("M1", VALEUR="1.5"), dose("M2", VALEUR="0.2")))
    registry.run(DAY)
    registry.partner("DGT", "DGT")
    return registry


def folders(land: Any, partner: str = "DGT") -> list[str]:
    return sorted(
        path.name for path in (land.home(partner) / "retour").iterdir() if path.is_dir() and "stat" in path.name
    )


def given(land: Any, folder: str, partner: str = "DGT") -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (land.home(partner) / "retour" / folder).iterdir()}


def deliver(land: Any) -> int:
    troubles = Troubles()
    done = editions.deliver(land.client, land.as_("publisher"), land.settings, troubles)
    assert not troubles
    return done


def proposed(land: Any, **more: Any) -> int:
    return editions.propose(land.as_("publisher"), land.today, 2026, "tous", "Une analyste", **more)


def test_a_month_goes_out_by_itself_and_once(land: Any) -> None:
    land.run(date(2026, 5, 2))
    assert folders(land) == ["statistiques-2026-04"]
    files = given(land, "statistiques-2026-04")
    assert set(files) > PAPERS
    manifest = json.loads(files["manifest.json"])
    assert manifest["annee"] == 2026
    for name, told in manifest["tables"].items():
        assert hashlib.sha256(files[name]).hexdigest() == told["sha256"]
    assert land.run(date(2026, 5, 20)).editions == 0
    assert given(land, "statistiques-2026-04") == files
    land.partner("DGTBIS", "DGT")
    land.run(date(2026, 5, 21))
    assert given(land, "statistiques-2026-04", "DGTBIS") == files


def test_nothing_is_made_where_no_ministry_receives(registry: Any) -> None:
    country(registry)
    registry.run(DAY)
    assert editions.listing(registry.as_("publisher")) == []


def test_a_year_waits_for_a_yes_and_then_is_kept(land: Any) -> None:
    deliver(land)  # the month's
    number = proposed(land)
    assert deliver(land) == 0
    with pytest.raises(UsageError, match="attend déjà"):
        proposed(land)
    editions.decide(land.as_("publisher"), number, True, "Un chef")
    assert deliver(land) == 1
    assert deliver(land) == 0
    assert "statistiques-2026" in folders(land)
    with pytest.raises(editions.NotWaiting):
        editions.decide(land.as_("publisher"), number, False, "Un autre", "trop tard")
    with refused(psycopg.errors.RaiseException, "kept as it is"), land.registry.warehouse.admin() as admin:
        admin.execute("update ledger.edition set year = 2025 where edition_id = %s", (number,))
    listed = editions.listing(land.as_("publisher"))[-1]
    assert (listed["publiee"], listed["decidee_par"], listed["remises"]) == (True, "Un chef", 1)


def test_a_no_needs_a_motive_and_leaves_room_for_another(land: Any) -> None:
    number = proposed(land)
    with pytest.raises(UsageError):
        editions.decide(land.as_("publisher"), number, False, "Un chef")
    editions.decide(land.as_("publisher"), number, False, "Un chef", "Fichier d'un organisme attendu")
    assert deliver(land) == 1  # the month's
    again = proposed(land)
    assert editions.one(land.as_("publisher"), again).edition == 2
    with pytest.raises(editions.NotWaiting):
        editions.decide(land.as_("publisher"), 10_000, True, "Un chef")


def test_a_further_edition_says_what_came_since_and_the_first_stays(land: Any) -> None:
    number = proposed(land)
    editions.decide(land.as_("publisher"), number, True, "Un chef")
    deliver(land)
    before = given(land, "statistiques-2026")
    late = file(
        PASSIVE,
        dose("M1", VALEUR="2.5", CODE_METROLOGIE="C"),
        dose("M2", CODE_METROLOGIE="A"),
        dose("M3", VALEUR="0.4", DATE_DEBUT_PORT="01/02/2026", DATE_FIN_PORT="28/02/2026"),
    )
    land.drop("LABO1", "avril.csv", late)
    land.run(DAY)
    second = proposed(land)
    editions.decide(land.as_("publisher"), second, True, "Un chef")
    deliver(land)
    kept = editions.one(land.as_("publisher"), second)
    assert kept.changes == {"tardifs": 2, "corriges": 1, "annules": 1}
    after = given(land, "statistiques-2026-edition-2")
    assert after["categories.csv"] != before["categories.csv"] or after["domaines.csv"] != before["domaines.csv"]
    page = after["bilan.html"].decode()
    assert "Ce qui a changé depuis l'édition précédente" in page
    assert "Résultats corrigés : 1" in page
    assert json.loads(after["manifest.json"])["changements"] == kept.changes
    assert given(land, "statistiques-2026") == before
    assert editions.files(land.as_("publisher"), editions.one(land.as_("publisher"), number)) == before


def test_a_past_that_changed_is_not_published(land: Any) -> None:
    number = proposed(land)
    with land.registry.warehouse.admin() as admin:
        admin.execute("update dose.passive set value_usv = value_usv + 1000")
    with pytest.raises(RuntimeError, match="comes out differently"):
        editions.files(land.as_("publisher"), editions.one(land.as_("publisher"), number))


def test_the_documents_show_the_tables_figures(land: Any, tmp_path: Path) -> None:
    files = editions.files(land.as_("publisher"), editions.one(land.as_("publisher"), proposed(land)))
    book = openpyxl.load_workbook(io.BytesIO(files["bilan.xlsx"]))
    tables = {name.removesuffix(".csv") for name in files if name.endswith(".csv")}
    assert set(book.sheetnames) == {"Lire", *tables}
    rows = list(csv.reader(io.StringIO(files["categories.csv"].decode()), delimiter=";"))
    sheet = book["categories"]
    told = [[sheet.cell(row, column).value for column in range(3, len(rows[0]) + 1)] for row in range(3, len(rows) + 2)]
    assert told == [[int(text) for text in row[2:]] for row in rows[1:]]
    words = "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(files["bilan.pdf"])).pages)
    assert "1,700" in words or "0,002" in words
