"""An establishment beside the nation: its trades and sectors, its distribution, five years; no individual dose.

Its own figures need eleven workers each, the nation's are those that the public may see, both with what must be
withheld besides (``pipelines/disclosure``). Workers count under it as they do in the nation's tables.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path

import sql
from loaders.errors import UsageError
from loaders.settings import PARIS
from loaders.warehouse import Connection
from pipelines.disclosure.cells import Rule
from pipelines.progress import Say, quiet
from pipelines.statistics import public, publish, tables
from pipelines.statistics.activities import TOTAL
from pipelines.statistics.asked import Asked, asked
from pipelines.statistics.cells import ANNUAL_BRACKETS, Unit, text
from pipelines.statistics.people import Place
from pipelines.statistics.yearbook import Yearbook, compile_year
from reports.annual import Edition, Figure, Heading, Line, Sheet, edition_page, edition_pdf
from reports.charts import Chart, Series, labels_of

#: Years of the trend, this one included.
YEARS = 5
#: What an establishment's own cell needs: nobody else is in it. Of few workers a dose says much: three values that stay
#: possible are enough, so that the mean is not lost.
OWN = Rule(establishments=1, share_percent=100, count_width=2)
#: Columns shown, own first and then the nation's.
COLUMNS = ("suivis", "exposes", "moyenne_suivis_msv", "moyenne_exposes_msv", "mediane_msv", "p95_msv")
_NATION = "nation_"


@dataclass(frozen=True)
class Side:
    """A yearbook and what may not be shown of it."""

    book: Yearbook
    hidden: Collection[Place]

    def figure(self, table: str, code: str, column: str) -> Figure:
        """A cell as it may be shown; empty where the table has no such row."""
        found = self.book.table(table)
        if code not in {row.code for row in found.rows}:
            return Figure("")
        unit = next(one.unit for one in found.columns if one.name == column)
        return Figure(text(found.cell(code, column).value, unit), (table, code, column) in self.hidden)


def report(
    connection: Connection, siret: str, year: int, today: date, out: Path, say: Say = quiet
) -> dict[str, object]:
    """Write an establishment's report into a folder.

    Args:
        connection: one in which no transaction is under way.
        out: made where missing; files of the same names are replaced.
        say: told of each step.

    Returns:
        The manifest.

    Raises:
        UsageError: no such establishment, a year that has not begun, a folder that cannot be written.
    """
    row = connection.execute(sql.query("statistics", "establishment"), (siret,)).fetchone()
    if row is None:
        raise UsageError("aucun établissement de ce SIRET au registre")
    now = asked(connection, year, None, "tous", today)
    sides = {one: _sides(connection, int(row[0]), one, now, say) for one in range(year - YEARS + 1, year + 1)}
    own, _ = sides[year]
    nation = _published(connection, now, say)
    sheets = (
        _rows("metiers", "Par métier", own, nation),
        _rows("secteurs", "Par secteur d'activité", own, nation),
        _distribution(own, nation),
        _trend(sides),
    )
    edition = _edition(siret, now, sheets)
    files = {f"{sheet.name}.csv": _csv(sheet) for sheet in sheets}
    manifest: dict[str, object] = {
        "version": 1,
        "siret": siret,
        "annee": year,
        "as_of": now.as_of.isoformat(),
        "nation_as_of": nation.book.asked.as_of.isoformat(),
        "version_code": version("siseri-exchange"),
        "tables": {name: {"sha256": hashlib.sha256(body).hexdigest()} for name, body in files.items()},
    }
    papers = {"etablissement.html": edition_page(edition), "etablissement.pdf": edition_pdf(edition)}
    publish.write_folder(out, files | papers | {publish.MANIFEST: publish.document(manifest)})
    return manifest


def _sides(connection: Connection, establishment: int, year: int, now: Asked, say: Say) -> tuple[Side, Side]:
    """Own and national figures of a year, as the registry stands; of the nation's, the total row is what serves."""
    whole = compile_year(connection, Asked(year, "tous", now.load, now.as_of), say=say)
    mine = whole.population.of_establishment(establishment)
    made = (tables.domains, tables.sectors, tables.sectors_with_parts, tables.trades)
    book = Yearbook(whole.asked, tuple(make(mine) for make in made), {}, int(mine.monitored.sum()), mine)
    return Side(book, public.guarded(book, OWN)), Side(whole, public.too_small(whole))


def _published(connection: Connection, now: Asked, say: Say) -> Side:
    """The nation as the public last saw it; the first time, as the registry stands."""
    shown = connection.execute(sql.query("editions", "public_latest"), (now.year, now.scope)).fetchone()
    at = Asked(now.year, now.scope, int(shown[0]), shown[1].astimezone(PARIS)) if shown else now
    book = compile_year(connection, at, say=say)
    return Side(book, {(one.table, one.code, one.column) for one in public.withheld(connection, book, say)})


def _rows(table: str, title: str, own: Side, nation: Side) -> Sheet:
    """Rows in which the establishment has workers, and the total."""
    shown = own.book.table(table)
    lines = tuple(
        Line(
            row.code,
            row.label,
            tuple(side.figure(table, row.code, name) for side in (own, nation) for name in COLUMNS),
        )
        for row in shown.rows
        if row.code == TOTAL or shown.cell(row.code, "suivis").value
    )
    return Sheet(table, title, _headings(own), lines)


def _headings(side: Side) -> tuple[Heading, ...]:
    """Columns of both sides; they are those of every table of the annual dose."""
    columns = {one.name: one for one in side.book.table("domaines").columns}
    return tuple(
        Heading(before + name, f"{columns[name].title} : {whose}", columns[name].unit.name)
        for before, whose in (("", "établissement"), (_NATION, "nation"))
        for name in COLUMNS
    )


def _distribution(own: Side, nation: Side) -> Sheet:
    headings = (
        Heading("effectif", "Travailleurs suivis : établissement", Unit.COUNT.name),
        Heading("nation_effectif", "Travailleurs suivis : nation", Unit.COUNT.name),
    )
    lines = tuple(
        Line(name, f"{name} mSv", tuple(side.figure("domaines", TOTAL, name) for side in (own, nation)))
        for name in ANNUAL_BRACKETS.names
    )
    return Sheet("repartition", "Répartition des doses annuelles", headings, lines)


def _trend(sides: dict[int, tuple[Side, Side]]) -> Sheet:
    lines = tuple(
        Line(
            str(year), f"Année {year}", tuple(side.figure("domaines", TOTAL, name) for side in both for name in COLUMNS)
        )
        for year, both in sides.items()
    )
    own, _ = next(iter(sides.values()))
    return Sheet("evolution", "Évolution sur cinq ans", _headings(own), lines)


def _edition(siret: str, now: Asked, sheets: tuple[Sheet, ...]) -> Edition:
    return Edition(
        now.year,
        now.as_of.astimezone(PARIS),
        "tous les travailleurs qui comptent sous l'établissement",
        "établissement",
        version("siseri-exchange"),
        sheets,
        subject=f"Établissement {siret} : doses de {now.year} à côté de celles de la nation",
        drawings=tuple(_charts(sheets)),
    )


def _charts(sheets: tuple[Sheet, ...]) -> Iterator[Chart]:
    by_name = {sheet.name: sheet for sheet in sheets}
    titles = {"metiers": "Dose moyenne des suivis, par métier", "evolution": "Dose moyenne des suivis, par an"}
    for name, title in titles.items():
        sheet = by_name[name]
        series = []
        for column, words in (("moyenne_suivis_msv", "Établissement"), (f"{_NATION}moyenne_suivis_msv", "Nation")):
            at = sheet.column(column)
            if at is not None:
                series.append(Series(words, tuple(line.figures[at].number for line in sheet.lines)))
        labels = labels_of([(line.code, line.label) for line in sheet.lines])
        yield Chart(name, title, labels, tuple(series), "mSv", lying=name == "metiers")


def _csv(sheet: Sheet) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\n")
    writer.writerow(["code", "libelle", *(one.name for one in sheet.columns)])
    for line in sheet.lines:
        figures = (publish.SUPPRESSED if one.hidden else one.text for one in line.figures)
        writer.writerow([line.code, line.label, *figures])
    return out.getvalue().encode()
