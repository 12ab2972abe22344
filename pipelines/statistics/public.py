"""The public's tables: every figure about persons as a cell of disclosure control, with all that ties them together.

Rows that mean the same in several tables (the total, a sector that nothing refines) are one cell.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import sql
from loaders.warehouse import Connection
from pipelines.disclosure.cells import Cell, Edition, Kind, Relation, Rule, total, within
from pipelines.disclosure.suppression import Unprotected, protect
from pipelines.statistics import activities
from pipelines.statistics.activities import TOTAL
from pipelines.statistics.cells import ANNUAL_BRACKETS, Row, Table, Unit
from pipelines.statistics.tables import RATIO_BOUNDS
from pipelines.statistics.yearbook import Yearbook

log = logging.getLogger("siseri.public")

#: Tables of the annual dose that share their total.
DOSE_TABLES = ("domaines", "secteurs", "secteurs_cumul", "metiers")
#: Counts of results, not of workers: protected as a sum over workers is.
_RECORDS = frozenset({"enregistrements", "examens", "positifs"})
_MEANS = {"moyenne_suivis_msv": "suivis", "moyenne_exposes_msv": "exposes"}
#: Share of the workers on a quantile's thinner side.
_QUANTILES = {"mediane_msv": Fraction(1, 2), "p95_msv": Fraction(5, 100), "p99_msv": Fraction(1, 100)}
_DOSE, _ALL, _SOME, _ABOVE = "dose_collective_hsv", "suivis", "exposes", "depassements"
#: No worker's annual dose, in micro-sievert.
_MOST_USV = 10_000_000
#: How dear it is to withhold a figure of these tables.
_WEIGHTS = {"domaines": 5, "categories": 5}
_RULE = Rule()
EVERYTHING = "ENSEMBLE"


@dataclass(frozen=True)
class Hidden:
    """A figure that may not be published: its place, and why (a reason of disclosure control)."""

    table: str
    code: str
    column: str
    reason: str


class Places:
    """Names of cells, by table, row and column."""

    def __init__(self, book: Yearbook) -> None:
        refined = {row.parent for row in book.table("secteurs_cumul").rows}
        self._leaves = {row.code for row in book.table("secteurs_cumul").rows} - refined - {TOTAL}
        self._shared = {"0", *ANNUAL_BRACKETS.names[1:4]}

    def name(self, table: str, code: str, column: str) -> str:
        """The name of a cell; places that hold the same figure by definition have the same."""
        if code == TOTAL and table in DOSE_TABLES:
            return f"total/{column}"
        if code == TOTAL and table == "categories" and (column in self._shared or column == TOTAL):
            return f"total/{_ALL if column == TOTAL else column}"
        if table == "secteurs_cumul" and code in self._leaves:
            return f"secteurs/{code}/{column}"
        return f"{table}/{code}/{column}"


def cells_of(book: Yearbook) -> dict[str, Cell]:
    """The cells of a yearbook, by name."""
    places = Places(book)
    found: dict[str, Cell] = {}
    for table in book.tables:
        for row in table.rows:
            for cell in _cells(places, table, row):
                found.setdefault(cell.name, cell)
    return found


def _cells(places: Places, table: Table, row: Row) -> Iterator[Cell]:
    names = [column.name for column in table.columns]
    told = _told_by_dose(row, names) if table.name in DOSE_TABLES else None
    whole = next((name for name in (_ALL, "travailleurs", TOTAL, "effectif") if name in names), None)

    def at(column: str) -> str:
        return places.name(table.name, row.code, column)

    for cell, column in zip(row.cells, table.columns, strict=True):
        basis, value = cell.basis, cell.value
        if basis is None or value is None or isinstance(value, str):
            continue
        kind, figure, workers = Kind.COUNT, int(value), basis.workers
        bases: tuple[str, ...] = ()
        if column.unit is Unit.MAN_SIEVERT:
            kind, figure = Kind.DOSE, int(value * 1_000_000)
            workers = workers if told is None else told
        elif column.name in _RECORDS:
            kind = Kind.DOSE
        elif column.name in _QUANTILES:
            kind, figure = Kind.QUANTILE, round(value * 1000)
            workers, bases = -(-basis.workers * _QUANTILES[column.name] // 1), (at(_ALL),)
        elif column.name in _MEANS:
            kind, figure, bases = Kind.RATIO, 0, (at(_DOSE), at(_MEANS[column.name]))
        elif column.name == "rapport_passif":
            kind, figure, bases = Kind.RATIO, 0, (at(_DOSE), at("dose_collective_passive_hsv"))
        elif column.unit is Unit.SHARE:
            kind, figure = Kind.RATIO, 0
            part, denominator = column.name.split("_")
            of_all = _DOSE if part == "sr" else {"suivis": _ALL, "exposes": _SOME}[denominator]
            bases = (at("effectif" if part == "nr" else _DOSE), f"total/{of_all}")
        population = at(whole) if whole and kind is not Kind.RATIO and at(column.name) != at(whole) else None
        weight = 20 if row.code == TOTAL else _WEIGHTS.get(table.name, 1)
        # How many there are is looked for before how they are spread.
        weight *= 4 if column.name == whole else 1
        yield Cell(
            at(column.name),
            kind,
            figure,
            int(workers),
            basis.establishments,
            basis.usv,
            basis.largest_usv,
            population,
            bases,
            weight,
        )


def _told_by_dose(row: Row, names: Sequence[str]) -> int | None:
    """Of how few workers a row's collective dose tells: those of a bracket too small to be shown, whose number the dose
    and the other brackets leave no room for; ``None`` where there is none."""
    cells = dict(zip(names, row.cells, strict=True))
    usv = int(Fraction(cells[_DOSE].value or 0) * 1_000_000)
    edges = [0, 0, *(1000 * bound for bound in ANNUAL_BRACKETS.bounds)]
    tops = [0, *edges[2:], _MOST_USV]
    counts = [int(cells[name].value or 0) for name in ANNUAL_BRACKETS.names]
    least = sum(low * count for low, count in zip(edges, counts, strict=True))
    most = sum(top * count for top, count in zip(tops, counts, strict=True))
    found = []
    for low, top, count in zip(edges[1:], tops[1:], counts[1:], strict=True):
        if not 0 < count < _RULE.workers:
            continue
        highest = (usv - least) // low + count if low else _RULE.workers
        lowest = count - (most - usv) // top
        if min(highest, _RULE.workers - 1) - max(lowest, 1) < _RULE.count_width:
            found.append(count)
    return min(found, default=None)


def relations_of(book: Yearbook, cells: Mapping[str, Cell]) -> list[Relation]:
    """What every reader knows to hold among the cells; relations with a cell that is not there are left out."""
    places = Places(book)
    made = [
        *_along_rows(book, places),
        *_down_columns(book, places),
        *_nested(book, places),
        *_distributed(),
    ]
    known = {one.terms: one for one in made if all(name in cells for name, _ in one.terms)}
    return list(known.values())


def _along_rows(book: Yearbook, places: Places) -> Iterator[Relation]:
    """Brackets add up to the whole, exposed and 0 too."""
    for table in book.tables:
        names = [column.name for column in table.columns]
        for row in table.rows:

            def at(column: str, table: Table = table, row: Row = row) -> str:
                return places.name(table.name, row.code, column)

            if table.name == "categories":
                yield total(at(TOTAL), [at(name) for name in names if name != TOTAL])
            elif table.name in DOSE_TABLES:
                brackets = [at(name) for name in ANNUAL_BRACKETS.names]
                yield total(at(_ALL), brackets)
                yield total(at(_ALL), [at("0"), at(_SOME)])
                yield within(at(_ABOVE), at(_SOME))
            elif table.name == "organes":
                filled = [one.name for one, cell in zip(table.columns, row.cells, strict=True) if cell.basis]
                counted = [name for name in filled if name not in (_ALL, _SOME, _ABOVE)]
                yield total(at(_ALL), [at(name) for name in counted])
                yield total(at(_ALL), [at("0"), at(_SOME)])
                yield within(at(_ABOVE), at(_SOME))
            elif table.name == "interne" and row.code == "INT-E50":
                yield total(at("travailleurs"), [at(name) for name in ANNUAL_BRACKETS.names])
            elif table.name == "depassements":
                yield within(at("calendaire_confirmes"), at("calendaire"))
                yield within(at("glissant_confirmes"), at("glissant"))


#: Columns that add up over rows.
_ADDITIVE = (_ALL, _SOME, _DOSE, *ANNUAL_BRACKETS.names, _ABOVE)


def _down_columns(book: Yearbook, places: Places) -> Iterator[Relation]:
    """Rows add up to the total; sectors to their domain of the report; brackets of one table to those of another."""
    for table in book.tables:
        parts = [row.code for row in table.rows if row.parent == TOTAL]
        if not parts or table.name == "secteurs_cumul":
            continue
        for column in table.columns:
            if column.unit in (Unit.COUNT, Unit.MAN_SIEVERT) and table.name != "depassements":
                whole = places.name(table.name, TOTAL, column.name)
                yield total(whole, [places.name(table.name, code, column.name) for code in parts])
    yield total(places.name("categories", TOTAL, ">10"), [f"total/{name}" for name in ANNUAL_BRACKETS.names[4:]])
    sorting, sectors = activities.domains(), activities.sectors()
    for at, (domain, _) in enumerate(sorting.rows):
        inside = [code for place, (code, _) in enumerate(sectors.rows) if sorting.row_of[place] == at]
        for name in _ADDITIVE:
            yield total(places.name("domaines", domain, name), [places.name("secteurs", code, name) for code in inside])


def _nested(book: Yearbook, places: Places) -> Iterator[Relation]:
    """A sector with its parts is itself and they; the uppermost add up to the total."""
    rows = book.table("secteurs_cumul").rows
    for one in rows:
        parts = [row.code for row in rows if row.parent == one.code]
        if not parts:
            continue
        for column in _ADDITIVE:
            own = [] if one.code == TOTAL else [places.name("secteurs", one.code, column)]
            inside = [places.name("secteurs_cumul", code, column) for code in parts]
            yield total(places.name("secteurs_cumul", one.code, column), [*own, *inside])


def _distributed() -> Iterator[Relation]:
    """Workers above E are those of the brackets above; their doses are nested."""
    outer = f"total/{_DOSE}"
    for bound in sorted(RATIO_BOUNDS):
        above = [
            f"total/{name}"
            for name, low in zip(ANNUAL_BRACKETS.names[1:], (0, *ANNUAL_BRACKETS.bounds), strict=True)
            if low >= bound
        ]
        yield total(f"distribution/{bound}/effectif", above)
        yield within(f"distribution/{bound}/{_DOSE}", outer)
        outer = f"distribution/{bound}/{_DOSE}"


def withheld(connection: Connection, book: Yearbook) -> list[Hidden]:
    """What the public may not be shown of a year, in the order of the tables.

    The first time that an instant is asked for, it is decided in view of what was shown of the year before, and kept:
    the same year, scope and instant always come out the same.
    """
    asked = book.asked
    cells = cells_of(book)
    with connection.transaction():
        connection.execute(sql.query("editions", "public_lock"), (asked.year,))
        rows = connection.execute(sql.query("editions", "public_shown"), (asked.year, asked.scope)).fetchall()
        reasons = next((dict(why) for load, _, why in rows if load == asked.load), None)
        if reasons is None:
            reasons = _decided(book, cells, [Edition(shown) for _, shown, _ in rows])
            shown = {name: None if name in reasons else cell.value for name, cell in cells.items()}
            kept = (asked.year, asked.scope, asked.load, json.dumps(shown), json.dumps(reasons))
            connection.execute(sql.query("editions", "public_keep"), kept)
    log.info("public tables of %s: %s of %s figures withheld", asked.year, len(reasons), len(cells))
    places = Places(book)
    return [
        Hidden(table.name, row.code, column.name, reasons[name])
        for table in book.tables
        for row in table.rows
        for column in table.columns
        if (name := places.name(table.name, row.code, column.name)) in reasons
    ]


def guarded(book: Yearbook, rule: Rule) -> dict[str, str]:
    """Which cells of a yearbook may not be shown under a rule, and why, by name; no edition is kept."""
    return _decided(book, cells_of(book), (), rule)


def _decided(book: Yearbook, cells: dict[str, Cell], earlier: Sequence[Edition], rule: Rule = _RULE) -> dict[str, str]:
    try:
        verdict = protect(cells.values(), relations_of(book, cells), rule, earlier)
    except Unprotected:
        # So few figures that hiding some hides none: nothing about persons is shown.
        return dict.fromkeys(cells, EVERYTHING)
    return {name: one.reason.value for name, one in verdict.withheld.items()}
