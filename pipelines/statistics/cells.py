"""Cells and tables: values with what disclosure control must know of them, before anything is written.

A figure about persons carries its :class:`Basis`: how many workers and establishments it is made of, and how much of
the collective dose the largest of these establishments holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction

import numpy as np

from pipelines.windows import Ints

Value = int | Fraction | str | None


class Unit(Enum):
    """What the figures of a column are: in words, and how many decimals their text has."""

    TEXT = ("texte", 0)
    COUNT = ("effectif", 0)
    #: Exact: doses are whole micro-sieverts.
    MAN_SIEVERT = ("homme.Sv", 6)
    MILLISIEVERT = ("mSv", 6)
    SHARE = ("rapport", 6)
    PERCENT = ("%", 4)
    DAYS = ("jours", 0)
    RATE = ("pour 10 000", 4)

    @property
    def decimals(self) -> int:
        return self.value[1]


@dataclass(frozen=True)
class Basis:
    """What a figure is made of.

    Attributes:
        workers, establishments: how many (each worker under the establishment that it counts under).
        usv: their collective dose, in micro-sievert; ``largest_usv``: the part of the largest establishment.
    """

    workers: int
    establishments: int
    usv: int
    largest_usv: int

    @property
    def largest_share(self) -> Fraction:
        """The largest establishment's share of the collective dose; 0 where there is no dose."""
        return Fraction(self.largest_usv, self.usv) if self.usv else Fraction(0)


@dataclass(frozen=True)
class Column:
    """``name`` as in the file; ``title`` in words, for people; ``unit`` of its figures."""

    name: str
    title: str
    unit: Unit


@dataclass(frozen=True)
class Cell:
    """A figure (``None``: there is nothing to reckon it from) and its basis (``None``: it is about no person)."""

    value: Value
    basis: Basis | None = None


@dataclass(frozen=True)
class Row:
    """A row: its code, its label, a cell for each further column.

    ``parent``: code of the row that this one is part of (``Total`` is part of nothing), by which margins add up.
    """

    code: str
    label: str
    cells: tuple[Cell, ...]
    parent: str | None = None


@dataclass(frozen=True)
class Table:
    """A table of the contract. ``name`` is the file's without its ending; ``columns`` begin after code and label."""

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]

    def row(self, code: str) -> Row:
        """The row of a code. Raises KeyError."""
        for one in self.rows:
            if one.code == code:
                return one
        raise KeyError(code)

    def cell(self, code: str, column: str) -> Cell:
        """One cell. Raises KeyError."""
        names = [one.name for one in self.columns]
        if column not in names:
            raise KeyError(column)
        return self.row(code).cells[names.index(column)]


def text(value: Value, unit: Unit) -> str:
    """A value as the file shows it: decimal point, the unit's decimals, half away from zero; nothing for none."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    scale = 10**unit.decimals
    whole = Fraction(value) * scale
    rounded = (2 * abs(whole.numerator) + whole.denominator) // (2 * whole.denominator)
    sign = "-" if whole < 0 and rounded else ""
    if not unit.decimals:
        return f"{sign}{rounded}"
    return f"{sign}{rounded // scale}.{rounded % scale:0{unit.decimals}d}"


def basis(establishment: Ints, usv: Ints) -> Basis:
    """The basis of a figure about these workers, each a place of both arrays."""
    if not len(establishment):
        return Basis(0, 0, 0, 0)
    at, several = establishment, int(establishment.max())
    if several > 4 * len(at):  # few among many: counting up to the highest number would take longer
        _, at = np.unique(establishment, return_inverse=True)
    sums, workers = np.bincount(at, weights=usv), np.bincount(at)
    return Basis(len(at), int(np.count_nonzero(workers)), int(usv.sum()), int(sums.max()))


def quantile(ascending: Ints, share: Fraction) -> Fraction | None:
    """A quantile in mSv of doses in ascending order (micro-sievert), by linear interpolation between neighbours; the
    median of an even number is thus the mean of the two in the middle. Exact."""
    if not len(ascending):
        return None
    place = share * (len(ascending) - 1)
    below = int(place)
    low = int(ascending[below])
    high = int(ascending[min(below + 1, len(ascending) - 1)])
    return (low + (place - below) * (high - low)) / 1000


def mean(usv: int, count: int) -> Fraction | None:
    """A mean in mSv; none of nobody."""
    return Fraction(usv, 1000 * count) if count else None


@dataclass(frozen=True)
class Brackets:
    """Brackets of dose: 0 alone, then left-open up to each bound, then all above. Bounds in mSv."""

    bounds: Sequence[int]

    @property
    def names(self) -> tuple[str, ...]:
        inner = (f"]{low};{high}]" for low, high in zip((0, *self.bounds), self.bounds, strict=False))
        return ("0", *inner, f">{self.bounds[-1]}")

    @property
    def columns(self) -> tuple[Column, ...]:
        last = f">{self.bounds[-1]}"
        told = {"0": "Dose nulle ou inférieure au seuil", last: f"Plus de {self.bounds[-1]} mSv"}
        return tuple(Column(name, told.get(name, f"{name} mSv"), Unit.COUNT) for name in self.names)

    def of(self, usv: Ints) -> Ints:
        """The position of the bracket of each dose in micro-sievert."""
        return np.searchsorted(np.array([0, *(1000 * bound for bound in self.bounds)]), usv, side="left")


ANNUAL_BRACKETS = Brackets((1, 5, 10, 15, 20))
MINISTRY_BRACKETS = Brackets((1, 5, 10))
SKIN_BRACKETS = Brackets((50, 150, 500))
