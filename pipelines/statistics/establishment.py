"""An establishment beside the nation: its trades and sectors, its distribution, five years; no individual dose.

Its own figures need eleven workers each, the nation's are those that the public may see, both with what must be
withheld besides (``pipelines/disclosure``). Workers count under it as they do in the nation's tables. The report is
written from what the database took in of these figures, by a profile that reads nothing else
(:mod:`pipelines.statistics.comparison`).
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from importlib.metadata import version
from pathlib import Path

import sql
from loaders.errors import UsageError
from loaders.settings import PARIS
from loaders.warehouse import Connection, Warehouse
from pipelines.disclosure.cells import Rule
from pipelines.progress import Say, quiet
from pipelines.statistics import comparison, public, publish, tables
from pipelines.statistics.activities import TOTAL
from pipelines.statistics.asked import Asked, asked
from pipelines.statistics.cells import ANNUAL_BRACKETS, Column, Unit, text
from pipelines.statistics.comparison import Handed, handed_over, read
from pipelines.statistics.people import Place
from pipelines.statistics.yearbook import Yearbook, compile_year
from reports.annual import Edition, Figure, Heading, Line, Sheet, edition_page, edition_pdf
from reports.charts import Chart, Series, labels_of
from schemas import nomenclature

#: Years of the trend, this one included.
YEARS = 5
#: What an establishment's own cell needs: nobody else is in it. Of few workers a dose says much: three values that stay
#: possible are enough, so that the mean is not lost.
OWN = Rule(establishments=1, share_percent=100, count_width=2)
#: Columns shown, own first and then the nation's.
COLUMNS = ("suivis", "exposes", "moyenne_suivis_msv", "moyenne_exposes_msv", "mediane_msv", "p95_msv")
#: Sheets of the report, in its order.
TITLES = {
    "metiers": "Par métier",
    "secteurs": "Par secteur d'activité",
    "repartition": "Répartition des doses annuelles",
    "evolution": "Évolution sur cinq ans",
}
_NATION = "nation_"
_STAFF = Column("effectif", "Travailleurs suivis", Unit.COUNT)


@dataclass(frozen=True)
class Side:
    """A yearbook and what may not be shown of it."""

    book: Yearbook
    hidden: Collection[Place]

    def handed(self, sheet: str, row: Row, table: str, column: str, *, own: bool, kind: str | None = None) -> Handed:
        """A cell as it may be shown; nothing, of nobody, where the table has no such row.

        Args:
            row: of the sheet; in the table it has the code ``at``.
            kind: the code list of the row, where it is of one trade or sector.
        """
        year = self.book.asked.year
        found = self.book.table(table)
        if row.at not in {one.code for one in found.rows}:
            return Handed(sheet, row.code, row.label, own, column, year, kind, 0, "")
        unit = next(one.unit for one in found.columns if one.name == column)
        cell = found.cell(row.at, column)
        figure = None if (table, row.at, column) in self.hidden else text(cell.value, unit)
        workers = cell.basis.workers if cell.basis else 0
        return Handed(sheet, row.code, row.label, own, column, year, kind, workers, figure)


@dataclass(frozen=True)
class Row:
    """A row of a sheet; ``at``: the row of the statistics' table that it shows."""

    code: str
    label: str
    at: str


def report(warehouse: Warehouse, siret: str, year: int, today: date, out: Path, say: Say = quiet) -> dict[str, object]:
    """Write an establishment's report into a folder.

    The figures are reckoned by the publisher and written by the reporter, who sees those that the database took in.

    Args:
        out: made where missing; files of the same names are replaced.
        say: told of each step.

    Returns:
        The manifest.

    Raises:
        UsageError: no such establishment, a year that has not begun, a folder that cannot be written.
        WarehouseRefused: the database refused a figure: a defect of ours.
    """
    with warehouse.login("publisher") as publisher:
        row = publisher.execute(sql.query("statistics", "establishment"), (siret,)).fetchone()
        if row is None:
            raise UsageError("aucun établissement de ce SIRET au registre")
        now = asked(publisher, year, None, "tous", today)
        sides = {one: _sides(publisher, int(row[0]), one, now, say) for one in range(year - YEARS + 1, year + 1)}
        nation = _published(publisher, now, say)
        figures = [*_figures(sides, nation, year)]
        nation_as_of = nation.book.asked.as_of
        with (
            handed_over(publisher, int(row[0]), now.load, figures) as number,
            warehouse.login("reporter") as reporter,
        ):
            sheets = _sheets(*read(reporter, number))
    edition = _edition(siret, now, sheets)
    files = {f"{sheet.name}.csv": _csv(sheet) for sheet in sheets}
    manifest: dict[str, object] = {
        "version": 1,
        "siret": siret,
        "annee": year,
        "as_of": now.as_of.isoformat(),
        "nation_as_of": nation_as_of.isoformat(),
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


def _figures(sides: Mapping[int, tuple[Side, Side]], nation: Side, year: int) -> Iterator[Handed]:
    """Every figure of the report, sheet by sheet."""
    own, _ = sides[year]
    for table, kind in (("metiers", "metier"), ("secteurs", "secteur_activite")):
        known = set(nomenclature.codes(kind))
        shown = own.book.table(table)
        for one in shown.rows:
            # Rows in which the establishment has workers, and the total.
            if one.code == TOTAL or shown.cell(one.code, "suivis").value:
                row = Row(one.code, one.label, one.code)
                listed = kind if one.code in known else None
                yield from _both(table, row, table, (own, nation), kind=listed)
    for name in ANNUAL_BRACKETS.names:
        row = Row(name, f"{name} mSv", TOTAL)
        for side, mine in ((own, True), (nation, False)):
            yield replace(side.handed("repartition", row, "domaines", name, own=mine), column="effectif")
    for at, both in sides.items():
        yield from _both("evolution", Row(str(at), f"Année {at}", TOTAL), "domaines", both)


def _both(sheet: str, row: Row, table: str, both: tuple[Side, Side], kind: str | None = None) -> Iterator[Handed]:
    for side, own in zip(both, (True, False), strict=True):
        for column in COLUMNS:
            yield side.handed(sheet, row, table, column, own=own, kind=kind if own else None)


def _sheets(rows: Mapping[str, list[tuple[str, str]]], figures: Mapping[comparison.Place, Figure]) -> tuple[Sheet, ...]:
    """The sheets of what may be shown: nothing but texts comes in."""
    made = []
    for name, title in TITLES.items():
        columns = ("effectif",) if name == "repartition" else COLUMNS
        lines = tuple(
            Line(code, label, tuple(figures[name, code, own, column] for own in (True, False) for column in columns))
            for code, label in rows.get(name, ())
        )
        made.append(Sheet(name, title, _headings(columns), lines))
    return tuple(made)


def _headings(columns: Sequence[str]) -> tuple[Heading, ...]:
    """Columns of both sides."""
    known = {one.name: one for one in (*tables.DOSE_COLUMNS, _STAFF)}
    return tuple(
        Heading(before + name, f"{known[name].title} : {whose}", known[name].unit.name)
        for before, whose in (("", "établissement"), (_NATION, "nation"))
        for name in columns
    )


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
