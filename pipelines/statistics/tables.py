"""The tables of the annual dose: by category, domain, sector and trade, and how it is distributed."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np

from pipelines.statistics import activities
from pipelines.statistics.activities import TOTAL, TOTAL_LABEL, Sorting
from pipelines.statistics.cells import (
    ANNUAL_BRACKETS,
    MINISTRY_BRACKETS,
    Basis,
    Brackets,
    Cell,
    Column,
    Row,
    Table,
    Unit,
    basis,
    mean,
    quantile,
)
from pipelines.statistics.limits_of_year import of_year
from pipelines.statistics.population import Population
from pipelines.windows import Ints, Mask

QUANTILES = (Fraction(1, 2), Fraction(95, 100), Fraction(99, 100))
MONITORED = Column("suivis", "Travailleurs suivis", Unit.COUNT)
EXPOSED = Column("exposes", "Travailleurs exposés (dose annuelle supérieure à 0)", Unit.COUNT)
ABOVE = Column("depassements", "Travailleurs au-dessus de la limite sur l'année civile", Unit.COUNT)
DOSE = Column("dose_collective_hsv", "Dose collective, homme.Sv", Unit.MAN_SIEVERT)
DOSE_COLUMNS = (
    MONITORED,
    EXPOSED,
    DOSE,
    Column("moyenne_suivis_msv", "Dose moyenne de tous les suivis, mSv", Unit.MILLISIEVERT),
    Column("moyenne_exposes_msv", "Dose moyenne des seuls exposés, mSv", Unit.MILLISIEVERT),
    Column("mediane_msv", "Médiane des suivis, mSv", Unit.MILLISIEVERT),
    Column("p95_msv", "95e centile des suivis, mSv", Unit.MILLISIEVERT),
    Column("p99_msv", "99e centile des suivis, mSv", Unit.MILLISIEVERT),
    *ANNUAL_BRACKETS.columns,
    ABOVE,
)
#: NR(E) and SR(E): more than so many mSv.
RATIO_BOUNDS = (15, 10, 5, 1)


class Doses:
    """Monitored persons, one a place: establishment, dose in micro-sievert, whether it is above the limit."""

    def __init__(self, establishment: Ints, usv: Ints, above: Mask) -> None:
        self.establishment, self.usv, self.above = establishment, usv, above

    def take(self, chosen: Ints | Mask) -> Doses:
        return Doses(self.establishment[chosen], self.usv[chosen], self.above[chosen])

    def basis(self, chosen: Mask | None = None) -> Basis:
        if chosen is None:
            return basis(self.establishment, self.usv)
        return basis(self.establishment[chosen], self.usv[chosen])

    def count(self, chosen: Mask | None = None) -> Cell:
        """How many they are."""
        held = self.basis(chosen)
        return Cell(held.workers, held)

    def brackets(self, brackets: Brackets) -> tuple[Cell, ...]:
        """How many lie in each bracket."""
        at = brackets.of(self.usv)
        return tuple(self.count(at == one) for one in range(len(brackets.names)))

    def cells(self) -> tuple[Cell, ...]:
        """The cells of :data:`DOSE_COLUMNS`."""
        everybody, exposed = self.basis(), self.basis(self.usv > 0)
        ascending = np.sort(self.usv)
        return (
            Cell(everybody.workers, everybody),
            Cell(exposed.workers, exposed),
            Cell(Fraction(everybody.usv, 1_000_000), everybody),
            Cell(mean(everybody.usv, everybody.workers), everybody),
            Cell(mean(exposed.usv, exposed.workers), exposed),
            *(Cell(quantile(ascending, share), everybody) for share in QUANTILES),
            *self.brackets(ANNUAL_BRACKETS),
            self.count(self.above),
        )


def doses(population: Population) -> Doses:
    """The annual doses of the monitored."""
    above = population.usv > of_year("EFFICACE", population.year, population.minor)
    return Doses(population.establishment, population.usv, above).take(population.monitored)


def categories(population: Population) -> Table:
    """The ministry's table: category by bracket."""
    sorting = activities.categories()
    held, groups = _grouped(population, sorting, population.class_)
    columns = (*MINISTRY_BRACKETS.columns, Column("Total", "Total", Unit.COUNT))
    rows = [
        Row(code, label, (*held.take(group).brackets(MINISTRY_BRACKETS), held.take(group).count()), TOTAL)
        for (code, label), group in zip(sorting.rows, groups, strict=True)
    ]
    rows.append(Row(TOTAL, TOTAL_LABEL, (*held.brackets(MINISTRY_BRACKETS), held.count())))
    return Table("categories", "Travailleurs suivis par catégorie et dose annuelle (mSv)", columns, tuple(rows))


def domains(population: Population) -> Table:
    """Doses by domain of the report."""
    title = "Doses annuelles par domaine d'activité"
    return _table("domaines", title, population, activities.domains(), population.sector)


def trades(population: Population) -> Table:
    """Doses by trade."""
    return _table("metiers", "Doses annuelles par métier", population, activities.trades(), population.trade)


def sectors(population: Population) -> Table:
    """Doses by sector, each code alone."""
    title = "Doses annuelles par secteur d'activité, chaque code seul"
    return _table("secteurs", title, population, activities.sectors(), population.sector)


def sectors_with_parts(population: Population) -> Table:
    """Doses by sector with all that refines it: rows lie in one another."""
    sorting = activities.sectors()
    held, groups = _grouped(population, sorting, population.sector)
    within = [[group] for group in groups]
    # The parts of a part go up with it: first those that nothing refines.
    depth = [_depth(sorting, at) for at in range(len(groups))]
    for at in sorted(range(len(groups)), key=lambda one: -depth[one]):
        if sorting.parents[at] >= 0:
            within[sorting.parents[at]] += within[at]
    rows = [
        Row(
            code,
            label,
            held.take(np.concatenate(groups)).cells(),
            sorting.rows[above][0] if above >= 0 else TOTAL,
        )
        for (code, label), groups, above in zip(sorting.rows, within, sorting.parents, strict=True)
    ]
    rows.append(Row(TOTAL, TOTAL_LABEL, held.cells()))
    title = "Doses annuelles par secteur d'activité, subdivisions comprises"
    return Table("secteurs_cumul", title, DOSE_COLUMNS, tuple(rows))


def _depth(sorting: Sorting, at: int) -> int:
    depth = 0
    while (at := sorting.parents[at]) >= 0:
        depth += 1
    return depth


def distribution(population: Population) -> Table:
    """NR(E) and SR(E): shares of the workers, and of the collective dose, above each E.

    Both on both denominators: all monitored, and the exposed alone. The collective dose is the same for both, and so is
    SR.
    """
    held = doses(population)
    monitored, exposed = held.basis(), held.basis(held.usv > 0)
    columns = (
        Column("effectif", "Travailleurs au-dessus de E", Unit.COUNT),
        Column("dose_collective_hsv", "Leur dose collective, homme.Sv", Unit.MAN_SIEVERT),
        Column("nr_suivis", "NR(E) : leur part des suivis", Unit.SHARE),
        Column("nr_exposes", "NR(E) : leur part des exposés", Unit.SHARE),
        Column("sr_suivis", "SR(E) : leur part de la dose collective des suivis", Unit.SHARE),
        Column("sr_exposes", "SR(E) : leur part de la dose collective des exposés", Unit.SHARE),
    )
    rows = []
    for bound in RATIO_BOUNDS:
        over = held.basis(held.usv > 1000 * bound)
        values = (
            over.workers,
            Fraction(over.usv, 1_000_000),
            *(_share(over.workers, whole.workers) for whole in (monitored, exposed)),
            *(_share(over.usv, whole.usv) for whole in (monitored, exposed)),
        )
        rows.append(Row(str(bound), f"Plus de {bound} mSv", tuple(Cell(one, over) for one in values)))
    return Table("distribution", "Distribution des doses annuelles", columns, tuple(rows))


def _share(part: int, whole: int) -> Fraction | None:
    return Fraction(part, whole) if whole else None


def _table(name: str, title: str, population: Population, sorting: Sorting, codes: Ints) -> Table:
    held, groups = _grouped(population, sorting, codes)
    rows = [
        Row(code, label, held.take(group).cells(), TOTAL)
        for (code, label), group in zip(sorting.rows, groups, strict=True)
    ]
    rows.append(Row(TOTAL, TOTAL_LABEL, held.cells()))
    return Table(name, title, DOSE_COLUMNS, tuple(rows))


def _grouped(population: Population, sorting: Sorting, codes: Ints) -> tuple[Doses, list[Ints]]:
    """The doses of the monitored, and the places of those of each row."""
    held = doses(population)
    row = sorting.row_of[codes[population.monitored]]  # -1, no code, is the last
    order = np.argsort(row, kind="stable")
    bounds = np.searchsorted(row[order], np.arange(len(sorting.rows) + 1))
    return held, [order[low:high] for low, high in pairwise(bounds.tolist())]
