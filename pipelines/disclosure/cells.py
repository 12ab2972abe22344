"""What disclosure control speaks of: cells, what ties them together, why one is withheld.

Everything is a whole number: workers, or micro-sieverts. A published figure is taken as exact, whatever its rounding:
the attacker is then at least as strong as a reader of the rounded table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class Kind(Enum):
    """What a cell's figure is."""

    COUNT = "effectif"  # workers
    RECORDS = "nombre"  # other things than workers: examinations, passages
    DOSE = "dose"  # a sum over workers, in micro-sievert
    RATIO = "rapport"  # computed from the cells of ``bases``: whoever sees them all sees it
    QUANTILE = "quantile"  # the dose of one worker among many: no sum gives it


class Reason(Enum):
    """Why a cell is withheld; the first that holds. The words stand in the log."""

    EARLIER = "ANTERIEUR"
    POPULATION = "POPULATION"
    WORKERS = "EFFECTIF"
    ESTABLISHMENTS = "ETABLISSEMENTS"
    DOMINANCE = "DOMINANCE"
    CHANGE = "ECART"
    DERIVED = "LIEE"
    SECONDARY = "SECONDAIRE"


@dataclass(frozen=True)
class Rule:
    """What a cell needs to be shown (contract, statistics), and how little may be learnt of one that is not.

    ``count_width`` and ``dose_width``: a withheld figure must stay possible over at least so many workers, or this
    percentage of its value (of a dose ``dose_floor_usv`` at least), for a reader with every shown figure and the log.
    """

    workers: int = 11
    establishments: int = 3
    share_percent: int = 85
    count_width: int = 3
    dose_width: int = 20
    dose_floor_usv: int = 100


@dataclass(frozen=True)
class Cell:
    """A figure of a table.

    Attributes:
        name: the same for the same meaning in every edition, e.g. ``secteurs/101010/suivis``.
        value: workers, or micro-sievert; of a ratio nothing is needed.
        workers, establishments: who is in it. Of a quantile: the workers on its thinner side, of whom it tells most.
        dose_usv, largest_usv: collective dose of these workers, and the part of the establishment with the most.
        population: the count cell of all the workers that the figure is about; where it is withheld for its small
            number, so is this.
        bases: the cells that a ratio or a quantile is drawn from; it is shown only where they all are.
        weight: how dear it is to withhold; totals are dear.
    """

    name: str
    kind: Kind
    value: int
    workers: int
    establishments: int
    dose_usv: int = 0
    largest_usv: int = 0
    population: str | None = None
    bases: tuple[str, ...] = ()
    weight: int = 1


@dataclass(frozen=True)
class Relation:
    """What a reader knows to hold: the sum of coefficient times value is 0, or with ``at_most`` not above ``limit``.

    ``told_by``: the quantile that tells it; who is not shown that does not know it.
    """

    terms: tuple[tuple[str, int], ...]
    at_most: bool = False
    limit: int = 0
    told_by: str | None = None


def total(whole: str, parts: tuple[str, ...] | list[str]) -> Relation:
    """``whole`` is the sum of ``parts``."""
    return Relation(((whole, -1), *((part, 1) for part in parts)))


def within(part: str, whole: str) -> Relation:
    """``part`` is not above ``whole``."""
    return Relation(((part, 1), (whole, -1)), at_most=True)


@dataclass(frozen=True)
class Edition:
    """What an earlier edition of the same tables showed: value by cell, ``None`` where it was withheld."""

    shown: Mapping[str, int | None]


@dataclass(frozen=True)
class Withheld:
    """A cell that is not shown. ``known_before``: an earlier edition showed this very figure; nothing can hide it."""

    name: str
    reason: Reason
    known_before: bool = False


@dataclass
class Verdict:
    """What may be shown.

    ``withheld`` by name, in the order of the cells. ``alternatives``: for each withheld figure that adds up two whole
    tables, both agreeing with everything shown, that differ in it by what the rule asks; each as differences from the
    truth.
    """

    withheld: dict[str, Withheld]
    alternatives: dict[str, tuple[dict[str, int], dict[str, int]]] = field(default_factory=dict)

    def shows(self, name: str) -> bool:
        """Whether this cell may be shown."""
        return name not in self.withheld
