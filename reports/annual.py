"""The yearly statistics for people: one page, one workbook, and the charts that both show.

The figures are those of the tables, text for text; nothing is reckoned here but which rows a chart shows.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from markupsafe import Markup

from reports import charts, pdf
from reports.charts import Chart, Series
from reports.numbers import french_number
from reports.page import environment

#: What stands for a figure that may not be published.
HIDDEN = "n. p."
#: Rows of a chart of trades.
_LONGEST = 15
_FORMATS = {"COUNT": "#,##0", "MAN_SIEVERT": "#,##0.000000", "PERCENT": "0.00", "DAYS": "0.0"}


@dataclass(frozen=True)
class Figure:
    """A cell: its text in the table (empty: nothing), or ``hidden`` where it may not be published."""

    text: str
    hidden: bool = False

    @property
    def number(self) -> float | None:
        """The figure, where it is one and may be shown."""
        try:
            return None if self.hidden else float(self.text)
        except ValueError:
            return None


@dataclass(frozen=True)
class Heading:
    """A column: its name in the file, what it is in words, the name of its unit (``TEXT``: no figures)."""

    name: str
    title: str
    unit: str


@dataclass(frozen=True)
class Line:
    """A row: code, label, one figure a column."""

    code: str
    label: str
    figures: tuple[Figure, ...]


@dataclass(frozen=True)
class Sheet:
    """A table. ``name`` is the file's without its ending; ``columns`` begin after code and label."""

    name: str
    title: str
    columns: tuple[Heading, ...]
    lines: tuple[Line, ...]

    def column(self, name: str) -> int | None:
        """Where a column stands."""
        return next((at for at, one in enumerate(self.columns) if one.name == name), None)


@dataclass(frozen=True)
class Change:
    """Why figures are not those of the edition before: what came since, and how much of it."""

    label: str
    count: int


@dataclass(frozen=True)
class Edition:
    """A year's statistics as published once.

    Attributes:
        scope, audience: in words.
        subject: the title, where it is not that of the nation's yearly statistics.
        drawings: the charts, where they are not those of the nation's tables.
        before: the instant of the edition before, with what changed since; ``None`` for the first one.
    """

    year: int
    as_of: datetime
    scope: str
    audience: str
    version: str
    sheets: tuple[Sheet, ...]
    before: datetime | None = None
    changes: tuple[Change, ...] = ()
    subject: str = ""
    drawings: tuple[Chart, ...] | None = None

    def sheet(self, name: str) -> Sheet | None:
        """A table by its name."""
        return next((one for one in self.sheets if one.name == name), None)


def edition_charts(edition: Edition) -> tuple[Chart, ...]:
    """The charts of an edition; one whose figures are all missing is left out."""
    if edition.drawings is not None:
        return edition.drawings
    made = [
        _brackets(edition.sheet("categories")),
        _by_row(edition.sheet("domaines"), "Dose moyenne par domaine", "mSv", _MEANS),
        _by_row(edition.sheet("domaines"), "Dose collective par domaine", "homme.Sv", _COLLECTIVE),
        _by_row(
            edition.sheet("metiers"), f"Dose collective : les {_LONGEST} premiers métiers", "homme.Sv", _COLLECTIVE
        ),
        _counts(edition.sheet("depassements")),
    ]
    return tuple(one for one in made if one and any(value for series in one.series for value in series.values))


_MEANS = (("moyenne_suivis_msv", "Moyenne de tous les suivis"), ("moyenne_exposes_msv", "Moyenne des seuls exposés"))
_COLLECTIVE = (("dose_collective_hsv", "Dose collective"),)


def _series(sheet: Sheet, lines: Sequence[Line], columns: Sequence[tuple[str, str]]) -> tuple[Series, ...]:
    found = []
    for name, title in columns:
        at = sheet.column(name)
        if at is not None:
            found.append(Series(title, tuple(line.figures[at].number for line in lines)))
    return tuple(found)


def _brackets(sheet: Sheet | None) -> Chart | None:
    if sheet is None:
        return None
    names = [one.name for one in sheet.columns if one.name != "Total"]
    series = tuple(
        Series(line.label, tuple(line.figures[sheet.column(name) or 0].number for name in names))
        for line in sheet.lines
        if line.code != "Total"
    )
    title = "Travailleurs suivis par dose annuelle et catégorie"
    return Chart("categories", title, tuple(f"{name} mSv" for name in names), series, "travailleurs", logarithmic=True)


def _by_row(sheet: Sheet | None, title: str, unit: str, columns: Sequence[tuple[str, str]]) -> Chart | None:
    if sheet is None:
        return None
    lines = [line for line in sheet.lines if line.code != "Total"]
    if len(lines) > _LONGEST:
        first = sheet.column(columns[0][0])
        ranked = sorted(lines, key=lambda line: -(line.figures[first or 0].number or 0.0))
        lines = ranked[:_LONGEST]
    series = _series(sheet, lines, columns)
    labels = charts.labels_of([(line.code, line.label) for line in lines])
    name = f"{sheet.name}-{columns[0][0].split('_')[0]}"
    return Chart(name, title, labels, series, unit, lying=True) if series else None


def _counts(sheet: Sheet | None) -> Chart | None:
    if sheet is None:
        return None
    series = _series(
        sheet, sheet.lines, (("calendaire", "Sur l'année civile"), ("glissant", "Sur douze mois glissants"))
    )
    labels = charts.labels_of([(line.code, line.label) for line in sheet.lines])
    title = "Travailleurs au-dessus d'une limite"
    return Chart("depassements", title, labels, series, "travailleurs", lying=True) if series else None


def key_figures(edition: Edition) -> list[tuple[str, str, str]]:
    """The figures that a reader looks for first: what, how much, in which unit."""
    sheet = edition.sheet("domaines")
    total = next((line for line in sheet.lines if line.code == "Total"), None) if sheet else None
    if sheet is None or total is None:
        return []
    wanted = (
        ("suivis", "Travailleurs suivis", ""),
        ("exposes", "dont exposés (dose > 0)", ""),
        ("dose_collective_hsv", "Dose collective", "homme.Sv"),
        ("moyenne_suivis_msv", "Moyenne de tous les suivis", "mSv"),
        ("moyenne_exposes_msv", "Moyenne des seuls exposés", "mSv"),
        ("depassements", "Au-dessus de la limite, année civile", ""),
    )
    found = [(title, sheet.column(name), unit) for name, title, unit in wanted]
    return [(title, shown(total.figures[at], sheet.columns[at]), unit) for title, at, unit in found if at is not None]


def shown(figure: Figure, column: Heading) -> str:
    """A figure for people."""
    if figure.hidden:
        return HIDDEN
    if column.unit == "TEXT" or figure.number is None:
        return figure.text
    return french_number(_shorter(figure.text, column.unit))


def _shorter(text: str, unit: str) -> Decimal:
    """Without the decimals that only the tables need; half away from zero."""
    exact = Decimal(text)
    places = {"MAN_SIEVERT": 3, "MILLISIEVERT": 3, "SHARE": 4}.get(unit)
    return exact if places is None else exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def edition_page(edition: Edition) -> bytes:
    """All of it on one page that prints well."""
    pictures = [(one, Markup(charts.inline(one, f"g{at}"))) for at, one in enumerate(edition_charts(edition))]  # noqa: S704
    template = environment().get_template("statistiques.html")
    return template.render(
        edition=edition,
        figures=key_figures(edition),
        charts=pictures,
        shown=shown,
        instant=french_instant,
        title=title_of(edition),
    ).encode()


def edition_pdf(edition: Edition) -> bytes:
    """The page's content as an accessible PDF; the same edition gives the same bytes."""
    before = edition.before
    changed = [f"{one.label} : {french_number(one.count)}" for one in edition.changes]
    data = {
        "titre": title_of(edition),
        "rappel": f"registre au {french_instant(edition.as_of)}, {edition.scope}",
        "faits": [
            f"Registre tel qu'il était le {french_instant(edition.as_of)} (heure de Paris).",
            f"Périmètre : {edition.scope}. Destinataire : {edition.audience}.",
        ],
        "chiffres": key_figures(edition),
        "changements": before and {"avant": f"Édition précédente : {french_instant(before)}.", "lignes": changed},
        "images": [
            {"titre": one.title, "texte": charts.told(one), "svg": charts.drawn(one)} for one in edition_charts(edition)
        ],
        "tableaux": [
            {
                "titre": sheet.title,
                "nom": sheet.name,
                "colonnes": ["Code", "Libellé", *(one.title for one in sheet.columns)],
                "lignes": [
                    [line.code, line.label, *(shown(*pair) for pair in zip(line.figures, sheet.columns, strict=True))]
                    for line in sheet.lines
                ],
            }
            for sheet in edition.sheets
        ],
        "pied": f"{HIDDEN} : non publié (secret statistique). Version {edition.version}.",
    }
    return pdf.rendered("statistiques.typ", {"donnees": json.dumps(data, ensure_ascii=False)})


def title_of(edition: Edition) -> str:
    """What the edition is called."""
    return edition.subject or f"Exposition professionnelle aux rayonnements ionisants, {edition.year}"


def french_instant(instant: datetime) -> str:
    """An instant to the second."""
    return instant.strftime("%d/%m/%Y à %H:%M:%S")


def edition_workbook(edition: Edition) -> bytes:
    """A sheet a table: numbers are numbers under their format, the headings stay in view, no text is ever a formula.

    The same edition gives the same bytes.
    """
    import xlsxwriter

    out = io.BytesIO()
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "in_memory": True}
    with xlsxwriter.Workbook(out, options) as book:
        book.set_properties({"created": edition.as_of.replace(tzinfo=None), "title": f"SISERI {edition.year}"})
        bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
        hidden = book.add_format({"align": "right", "italic": True})
        formats = {unit: book.add_format({"num_format": text}) for unit, text in _FORMATS.items()}
        other = book.add_format({"num_format": "#,##0.000000"})
        front = book.add_worksheet("Lire")
        front.set_column(0, 0, 34)
        front.set_column(1, 1, 60)
        facts = [
            ("Année civile", str(edition.year)),
            ("Registre tel qu'il était le", edition.as_of.strftime("%d/%m/%Y %H:%M:%S %Z")),
            ("Périmètre", edition.scope),
            ("Destinataire", edition.audience),
            ("Version du logiciel", edition.version),
            (HIDDEN, "non publié : secret statistique"),
            *((title, f"{value} {unit}".strip()) for title, value, unit in key_figures(edition)),
        ]
        for at, (name, value) in enumerate(facts):
            front.write_string(at, 0, name, bold)
            front.write_string(at, 1, value)
        for sheet in edition.sheets:
            page = book.add_worksheet(sheet.name)
            page.freeze_panes(2, 2)
            page.set_column(0, 0, 12)
            page.set_column(1, 1, 48)
            page.set_column(2, 1 + len(sheet.columns), 14)
            page.repeat_rows(0, 1)
            page.set_landscape()
            page.fit_to_pages(1, 0)
            page.write_string(0, 0, sheet.title, book.add_format({"bold": True}))
            for at, title in enumerate(("Code", "Libellé", *(one.title for one in sheet.columns))):
                page.write_string(1, at, title, bold)
            for row, line in enumerate(sheet.lines, start=2):
                page.write_string(row, 0, line.code)
                page.write_string(row, 1, line.label)
                for at, (figure, column) in enumerate(zip(line.figures, sheet.columns, strict=True), start=2):
                    if figure.hidden:
                        page.write_string(row, at, HIDDEN, hidden)
                    elif column.unit != "TEXT" and figure.number is not None:
                        page.write_number(row, at, figure.number, formats.get(column.unit, other))
                    elif figure.text:
                        page.write_string(row, at, figure.text)
            page.autofilter(1, 0, max(1 + len(sheet.lines), 2), 1 + len(sheet.columns))
    return out.getvalue()
