"""The yearly statistics for people: page, workbook and PDF tell the tables' figures, and nothing that is hidden."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime

import openpyxl
import pypdf
import pytest

from reports.annual import (
    HIDDEN,
    Change,
    Edition,
    Figure,
    Heading,
    Line,
    Sheet,
    edition_charts,
    edition_page,
    edition_pdf,
    edition_workbook,
    key_figures,
)
from reports.charts import Chart, Series, inline, told
from reports.numbers import french_number

SECRET = "777333"
_DOMAINS = (
    ("100000", "Médical & vétérinaire", 210_000, 40_000, "11.200000"),
    ("500000", "=CMD|' /C calc'!A0", 85_000, 40_000, "45.123456"),
    ("600000", "<script>alert(1)</script>", 12, 11, "0.000400"),
    ("Total", "Ensemble", 295_012, 80_011, "56.323856"),
)


@pytest.fixture
def edition() -> Edition:
    categories = Sheet(
        "categories",
        "Travailleurs suivis par catégorie",
        tuple(Heading(name, name, "COUNT") for name in ("0", "]0;1]", ">10", "Total")),
        (
            Line("A", "Catégorie A", tuple(Figure(text) for text in ("20928", "10245", "158", "31331"))),
            Line("B", "Catégorie B", (Figure("163344"), Figure(SECRET, hidden=True), Figure("14"), Figure("172000"))),
        ),
    )
    domains = Sheet(
        "domaines",
        "Doses annuelles par domaine",
        (
            Heading("suivis", "Travailleurs suivis", "COUNT"),
            Heading("exposes", "Exposés", "COUNT"),
            Heading("dose_collective_hsv", "Dose collective", "MAN_SIEVERT"),
            Heading("moyenne_exposes_msv", "Moyenne des exposés", "MILLISIEVERT"),
        ),
        tuple(
            Line(code, label, (Figure(str(all_)), Figure(str(some)), Figure(dose), Figure("0.000500")))
            for code, label, all_, some, dose in _DOMAINS
        ),
    )
    senders = Sheet(
        "emetteurs", "Émetteurs", (Heading("codes", "Codes", "TEXT"),), (Line("LABO1", "", (Figure("=1+1"),)),)
    )
    return Edition(
        2020,
        datetime(2021, 6, 1, 12, tzinfo=UTC),
        "tous les travailleurs",
        "public",
        "1.2.3",
        (categories, domains, senders),
        datetime(2021, 3, 1, tzinfo=UTC),
        (Change("Résultats venus depuis", 1203),),
    )


def pdf_text(body: bytes) -> str:
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(body)).pages)


def test_the_page_tells_every_figure_and_hides_what_is_hidden(edition: Edition) -> None:
    page = edition_page(edition).decode()
    for figure in ("20\u202f928", "163\u202f344", "45,123", "0,001", "1.2.3", "Résultats venus depuis : 1203"):
        assert figure in page
    assert HIDDEN in page
    assert SECRET not in page
    assert french_number(SECRET) not in page
    assert "<script>" not in page
    outside = re.sub(r'xmlns(:xlink)?="[^"]*"', "", page)
    assert "http:" not in outside
    assert "https:" not in outside
    assert page.count('role="img"') == len(edition_charts(edition)) == 3


def test_the_same_edition_gives_the_same_bytes(edition: Edition) -> None:
    for make in (edition_page, edition_workbook, edition_pdf):
        assert make(edition) == make(edition)


def test_the_workbook_holds_numbers_and_no_formula(edition: Edition) -> None:
    body = edition_workbook(edition)
    book = openpyxl.load_workbook(io.BytesIO(body))
    assert book.sheetnames == ["Lire", "categories", "domaines", "emetteurs"]
    sheet = book["domaines"]
    assert sheet.freeze_panes == "C3"
    assert [cell.value for cell in sheet[4]] == ["500000", "=CMD|' /C calc'!A0", 85_000, 40_000, 45.123456, 0.0005]
    assert (sheet["C4"].number_format, sheet["E4"].number_format) == ("#,##0", "#,##0.000000")
    cells = [cell for page in book for row in page.iter_rows() for cell in row]
    assert {cell.data_type for cell in cells if str(cell.value).startswith("=")} == {"s"}
    assert book["categories"]["D4"].value == HIDDEN
    assert SECRET not in {str(cell.value) for cell in cells}


def test_the_pdf_is_accessible_and_tells_the_same(edition: Edition) -> None:
    body = edition_pdf(edition)
    reader = pypdf.PdfReader(io.BytesIO(body))
    root = reader.trailer["/Root"]
    assert root["/Lang"] == "fr"
    assert root["/MarkInfo"]["/Marked"].value is True
    assert b"pdfuaid:part" in root["/Metadata"].get_object().get_data()
    text = pdf_text(body)
    assert "Exposition professionnelle aux rayonnements ionisants, 2020" in text
    assert "45,123" in text
    assert HIDDEN in text
    assert SECRET not in text.replace("\u202f", "")


def test_key_figures_are_those_of_the_total(edition: Edition) -> None:
    assert [value for _, value, _ in key_figures(edition)] == ["295\u202f012", "80\u202f011", "56,324", "0,001"]


def test_without_tables_there_is_nothing_to_draw() -> None:
    bare = Edition(2020, datetime(2021, 6, 1, tzinfo=UTC), "tous", "DGT", "1", ())
    assert edition_charts(bare) == ()
    assert key_figures(bare) == []
    assert "Ce qui a changé" not in edition_page(bare).decode()
    assert edition_pdf(bare).startswith(b"%PDF")


def test_a_chart_tells_its_figures_in_words() -> None:
    chart = Chart("c", "Doses", ("un", "deux"), (Series("A", (1.5, None)), Series("B", (12_345.0, 0.0))), "mSv")
    assert told(chart) == "Doses (mSv). A : un : 1,5, deux : pas de valeur. B : un : 12\u202f345, deux : 0."
    picture = inline(chart, "x")
    assert picture.startswith("<svg")
    assert len(set(re.findall(r' id="([^"]+)"', picture))) == len(re.findall(r' id="([^"]+)"', picture))
    assert all(one.startswith("x-") for one in re.findall(r' id="([^"]+)"', picture))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (1234567, "1\u202f234\u202f567"),
        ("1234.500", "1\u202f234,500"),
        (0.01236, "0,01236"),
        (1e-7, "0,000000"),
    ],
)
def test_numbers_as_the_french_write_them(value: float | int | str, text: str) -> None:
    assert french_number(value) == text
