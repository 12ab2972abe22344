"""The yearly tables as one system: every figure about persons is a cell, and what ties the cells is said.

For disclosure control (:mod:`pipelines.disclosure`). Figures that are the same one in several tables (totals, a sector
that nothing refines) are one cell. What ties them: rows that add up, brackets that add up to the workers and bound
their dose, shares of one another, and what a quantile tells of the brackets.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import pairwise

from pipelines.disclosure.cells import Cell, Kind, Relation, total, within
from pipelines.statistics import activities
from pipelines.statistics.activities import TOTAL, Sorting
from pipelines.statistics.cells import ANNUAL_BRACKETS, MINISTRY_BRACKETS, Basis, Brackets, Row, Table
from pipelines.statistics.cells import Cell as Figure
from pipelines.statistics.people import Place
from pipelines.statistics.tables import QUANTILES, RATIO_BOUNDS
from pipelines.statistics.yearbook import Yearbook

#: Tables of the columns of the annual dose.
DOSE_TABLES = ("domaines", "secteurs", "secteurs_cumul", "metiers")
#: Tables about no person: their rows name a single sender, which is no figure of three establishments.
OF_SENDERS = ("emetteurs",)
RATIOS = {
    "moyenne_suivis_msv": ("suivis", "dose_collective_hsv"),
    "moyenne_exposes_msv": ("exposes", "dose_collective_hsv"),
    "rapport_passif": ("dose_collective_hsv", "dose_collective_passive_hsv"),
}
_QUANTILES = dict(zip(("mediane_msv", "p95_msv", "p99_msv"), QUANTILES, strict=True))
_DOSES = ("dose_collective_hsv", "dose_collective_passive_hsv")
_RECORDS = ("examens", "positifs", "enregistrements")
#: The column that counts everybody in a row, by table.
_SIZES = {"categories": "Total", "organes": "suivis", "interne": "travailleurs", "operationnelle": "travailleurs"}
ADDED = ("suivis", "exposes", "dose_collective_hsv", *ANNUAL_BRACKETS.names, "depassements")
_OPERATIONAL = ("enregistrements", "travailleurs", *_DOSES)
#: How dear a figure is to withhold: by row, by column.
_ROW_WEIGHTS = {"domaines": 6, "categories": 6, "secteurs_cumul": 3}
_TOTAL_WEIGHT = 20
_COLUMN_WEIGHTS = {"suivis": 8, "Total": 8, "travailleurs": 8, "exposes": 4, "dose_collective_hsv": 8}
#: No worker is taken to receive more in a year, unless the tables say so.
_MOST_USV = 500_000


class Linked:
    """``cells`` and ``relations`` of a yearbook; ``names``: the cell of each figure about persons.

    The tables of the annual dose must be there, the others may.
    """

    def __init__(self, book: Yearbook) -> None:
        self._tables = {table.name: table for table in book.tables if table.name not in OF_SENDERS}
        self._same: dict[Place, Place] = {}
        self._join()
        self.cells: list[Cell] = []
        self.relations: list[Relation] = []
        self.names: dict[Place, str] = {}
        self._made: dict[str, Cell] = {}
        for table in self._tables.values():
            for row in table.rows:
                self._row(table, row)
        self._tie()

    # --- which figures are one -------------------------------------------------------------------------

    def _join(self) -> None:
        first = DOSE_TABLES[0]
        for name in DOSE_TABLES[1:]:
            self._same_row((name, TOTAL), (first, TOTAL))
        for (domain, _), sectors in zip(activities.domains().rows, _parts(activities.domains()), strict=True):
            if len(sectors) == 1:
                self._same_row(("domaines", domain), ("secteurs", sectors[0]))
        for code, parts in _refined(activities.sectors()).items():
            if not parts:
                self._same_row(("secteurs_cumul", code), ("secteurs", code))
        for name in MINISTRY_BRACKETS.names[:-1]:
            self._same["categories", TOTAL, name] = (first, TOTAL, name)
        self._same["categories", TOTAL, "Total"] = (first, TOTAL, "suivis")

    def _same_row(self, one: tuple[str, str], other: tuple[str, str]) -> None:
        for column in self._tables[one[0]].columns:
            self._same[*one, column.name] = (*other, column.name)

    def _name(self, place: Place) -> str:
        while place in self._same:
            place = self._same[place]
        return "/".join(place)

    # --- cells ---------------------------------------------------------------------------------------------

    def _row(self, table: Table, row: Row) -> None:
        size = _SIZES.get(table.name, "suivis")
        columns = [column.name for column in table.columns]
        population = self._name((table.name, row.code, size)) if size in columns else None
        if table.name == "distribution":
            population = self._name((DOSE_TABLES[0], TOTAL, "suivis"))
        weight = _TOTAL_WEIGHT if row.code == TOTAL else _ROW_WEIGHTS.get(table.name, 1)
        for column, figure in zip(columns, row.cells, strict=True):
            if figure.basis is None:
                continue  # a blank of the table's shape
            place = (table.name, row.code, column)
            name = self.names[place] = self._name(place)
            made = self._cell(name, place, figure, figure.basis, population, weight * _COLUMN_WEIGHTS.get(column, 1))
            known = self._made.setdefault(name, made)
            if known is made:
                self.cells.append(made)
            elif (known.kind, known.value) != (made.kind, made.value):
                raise ValueError(f"the figures {name} and {'/'.join(place)} should be the same")

    def _cell(self, name: str, place: Place, figure: Figure, held: Basis, population: str | None, weight: int) -> Cell:
        table, row, column = place
        workers, kind, bases, value = held.workers, Kind.COUNT, tuple[str, ...](), figure.value
        if column in _QUANTILES:
            kind, bases = Kind.QUANTILE, (self._name((table, row, "suivis")),)
            workers = int(held.workers * (1 - _QUANTILES[column]))
            if not held.workers:
                kind = Kind.RATIO  # of nobody: there is none
            # Hundredths of a micro-sievert: exact, for places between two workers are hundredths.
            value = Fraction(value or 0) * 100_000 if not isinstance(value, str) else 0
        elif column in _DOSES:
            kind, value = Kind.DOSE, Fraction(value or 0) * 1_000_000 if not isinstance(value, str) else 0
        elif (ratio := self._ratio(place)) is not None:
            kind, bases, value = Kind.RATIO, ratio, 0
        elif column in _RECORDS or (table == "depassements" and not column.startswith(("calendaire", "glissant"))):
            kind = Kind.RECORDS
        assert not isinstance(value, str)
        facts = (workers, held.establishments, held.usv, held.largest_usv)
        return Cell(name, kind, int(value or 0), *facts, population, bases, weight)

    def _ratio(self, place: Place) -> tuple[str, ...] | None:
        table, row, column = place
        whole = (DOSE_TABLES[0], TOTAL)
        if table == "distribution" and column[:3] in ("nr_", "sr_"):
            if column.startswith("sr_"):
                return self._names((table, row), ["dose_collective_hsv"]) + self._names(whole, ["dose_collective_hsv"])
            return self._names((table, row), ["effectif"]) + self._names(whole, [column.removeprefix("nr_")])
        return self._names((table, row), RATIOS[column]) if column in RATIOS else None

    def _names(self, row: tuple[str, str], columns: Iterable[str]) -> tuple[str, ...]:
        return tuple(self._name((*row, column)) for column in columns)

    # --- what ties them ------------------------------------------------------------------------------------

    def _tie(self) -> None:
        for name in DOSE_TABLES:
            for row in self._tables[name].rows:
                if (name, row.code, "suivis") not in self._same:
                    self._doses((name, row.code), ANNUAL_BRACKETS)
                    self._quantiles((name, row.code), row)
        domains, sectors = activities.domains(), activities.sectors()
        for (code, _), parts in zip(domains.rows, _parts(domains), strict=True):
            self._adds(("domaines", code), [("secteurs", part) for part in parts], ADDED)
        for code, parts in _refined(sectors).items():
            self._adds(
                ("secteurs_cumul", code), [("secteurs", code), *(("secteurs_cumul", one) for one in parts)], ADDED
            )
        for name in ("domaines", "metiers"):
            self._adds((name, TOTAL), self._others(name), ADDED)
        for name, tie in (
            ("categories", self._categories),
            ("distribution", self._distribution),
            ("organes", self._organs),
            ("interne", self._internal),
            ("operationnelle", self._operational),
            ("depassements", self._exceedances),
        ):
            if name in self._tables:
                tie()

    def _others(self, table: str) -> list[tuple[str, str]]:
        return [(table, row.code) for row in self._tables[table].rows if row.code != TOTAL]

    def _adds(self, whole: tuple[str, str], parts: Sequence[tuple[str, str]], columns: Iterable[str]) -> None:
        for column in columns:
            name, added = self._name((*whole, column)), [self._name((*part, column)) for part in parts]
            if added != [name]:
                self.relations.append(total(name, added))

    def _doses(self, row: tuple[str, str], brackets: Brackets) -> None:
        """Brackets add up to the workers, and bound their dose and who is above the limit."""
        size, exposed, dose, above = self._names(row, ("suivis", "exposes", "dose_collective_hsv", "depassements"))
        parts = self._names(row, brackets.names)
        self.relations += [total(size, parts), total(exposed, parts[1:])]
        low = [(part, bound * 1000 + 1) for part, bound in zip(parts[1:], (0, *brackets.bounds), strict=True)]
        self._bound(dose, low, [1000 * bound for bound in brackets.bounds])
        self.relations.append(within(above, size))
        self._order(parts[-1], above)

    def _bound(self, dose: str, low: Sequence[tuple[str, int]], high: Sequence[int]) -> None:
        """A dose lies between what brackets leave: ``low`` the least of each, ``high`` the most of all but the last."""
        names = [name for name, _ in low]
        counts = [self._made[name].value for name in names]
        rest = self._made[dose].value - sum(most * count for most, count in zip(high, counts[:-1], strict=True))
        # Small enough that the solver's tolerance on a count is no micro-sievert.
        most = max(_MOST_USV, -(-rest // counts[-1]) if counts[-1] else 0)
        self.relations.append(Relation((*low, (dose, -1)), at_most=True))
        tops = [(name, -top) for name, top in zip(names, (*high, most), strict=True)]
        self.relations.append(Relation(((dose, 1), *tops), at_most=True))

    def _order(self, one: str, other: str) -> None:
        """Which of two counts contains the other follows from the limit of the year: who reads the table knows it."""
        small, large = sorted((one, other), key=lambda name: self._made[name].value)
        self.relations.append(within(small, large))

    def _quantiles(self, row: tuple[str, str], figures: Row) -> None:
        size = self._made[self._name((*row, "suivis"))].value
        parts = self._names(row, ANNUAL_BRACKETS.names)
        dose = self._name((*row, "dose_collective_hsv"))
        for column, share in _QUANTILES.items():
            quantile = self._name((*row, column))
            if not size:
                continue
            usv = Fraction(self._made[quantile].value, 100)
            at = sum(usv > bound for bound in (0, *(1000 * bound for bound in ANNUAL_BRACKETS.bounds)))
            below = int(share * (size - 1)) + 1
            beyond = size - below
            told = (
                (tuple((part, -1) for part in parts[: at + 1]), -below),
                (tuple((part, -1) for part in parts[at:]), -beyond),
                (((dose, -1),), -int(beyond * usv)),
            )
            self.relations += [Relation(terms, True, limit, quantile) for terms, limit in told if terms]

    def _categories(self) -> None:
        columns = [*MINISTRY_BRACKETS.names, "Total"]
        for row in self._tables["categories"].rows:
            if row.code != TOTAL:
                name, parts = self._name(("categories", row.code, "Total")), MINISTRY_BRACKETS.names
                self.relations.append(total(name, self._names(("categories", row.code), parts)))
        self._adds(("categories", TOTAL), self._others("categories"), columns)
        merged = [name for name in ANNUAL_BRACKETS.names if name not in MINISTRY_BRACKETS.names]
        last = self._name(("categories", TOTAL, MINISTRY_BRACKETS.names[-1]))
        self.relations.append(total(last, self._names((DOSE_TABLES[0], TOTAL), merged)))

    def _distribution(self) -> None:
        whole = (DOSE_TABLES[0], TOTAL)
        names, bounds = ANNUAL_BRACKETS.names, (0, *ANNUAL_BRACKETS.bounds)
        rows = [("distribution", str(bound)) for bound in RATIO_BOUNDS]
        for bound, row in zip(RATIO_BOUNDS, rows, strict=True):
            beyond = [name for name, low in zip(names[1:], bounds, strict=True) if low >= bound]
            parts = self._names(whole, beyond)
            count, dose = self._names(row, ("effectif", "dose_collective_hsv"))
            self.relations.append(total(count, parts))
            ends = dict(zip(names[1:], zip(bounds, (*bounds[1:], 0), strict=True), strict=True))
            low = [(part, ends[name][0] * 1000 + 1) for part, name in zip(parts, beyond, strict=True)]
            self._bound(dose, low, [ends[name][1] * 1000 for name in beyond[:-1]])
        doses = [self._name((*row, "dose_collective_hsv")) for row in (*rows, whole)]
        self.relations += [within(one, other) for one, other in pairwise(doses)]

    def _organs(self) -> None:
        for row in self._tables["organes"].rows:
            place = ("organes", row.code)
            columns = [column.name for column in self._tables["organes"].columns]
            parts = [one for one in columns if one[0] in "0]>" and (*place, one) in self.names]
            size, exposed, above = self._names(place, ("suivis", "exposes", "depassements"))
            held = self._names(place, parts)
            self.relations += [total(size, held), total(exposed, held[1:]), within(above, size)]

    def _internal(self) -> None:
        for row in self._tables["interne"].rows:
            place = ("interne", row.code)
            done, found, size = self._names(place, ("examens", "positifs", "travailleurs"))
            self.relations += [within(size, done), within(found, done)]
            held = [self._name((*place, one)) for one in ANNUAL_BRACKETS.names if (*place, one) in self.names]
            if held:
                self.relations += [total(size, held), total(found, held[1:])]

    def _operational(self) -> None:
        self._adds(("operationnelle", TOTAL), self._others("operationnelle"), _OPERATIONAL)
        for row in self._tables["operationnelle"].rows:
            self.relations.append(
                within(*self._names(("operationnelle", row.code), ("travailleurs", "enregistrements")))
            )

    def _exceedances(self) -> None:
        for row in self._tables["depassements"].rows:
            for whole in ("calendaire", "glissant"):
                self.relations.append(within(*self._names(("depassements", row.code), (f"{whole}_confirmes", whole))))


def _parts(sorting: Sorting) -> list[list[str]]:
    """The sectors of each row of a sorting by sector."""
    codes = [code for code, _ in activities.sectors().rows]
    return [[codes[at] for at, held in enumerate(sorting.row_of) if held == row] for row in range(len(sorting.rows))]


def _refined(sorting: Sorting) -> dict[str, list[str]]:
    """The sectors that refine each sector."""
    codes = [code for code, _ in sorting.rows]
    return {
        code: [codes[one] for one, above in enumerate(sorting.parents) if above == at] for at, code in enumerate(codes)
    }
