"""The usual, row by row: the context's median drawn towards wider ones, the worker's own past, in plain Python."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Dose:
    """One result."""

    person: int
    establishment: int
    kind: int
    location: int
    start: int
    day: int
    usv: int
    trade: int
    sector: int
    domain: int
    line: int
    fault: bool = False

    @property
    def wear(self) -> tuple[int, bool]:
        return self.kind, self.day - self.start >= 45

    @property
    def scale(self) -> float:
        return math.log2(1 + self.usv / 50)


LEVELS: tuple[Callable[[Dose], object], ...] = (
    lambda one: one.wear,
    lambda one: (one.wear, one.domain),
    lambda one: (one.wear, one.domain, one.sector),
    lambda one: (one.wear, one.domain, one.sector, one.trade),
    lambda one: (one.wear, one.establishment, one.trade),
)


def lower(values: list[float], share: float) -> float:
    """The quantile; of one that lies between two values, the lower."""
    return sorted(values)[math.floor((len(values) - 1) * share + 1e-9)]


def context(doses: list[Dose], one: Dose) -> float:
    """The median of a dose's context: each level drawn towards the one above it, as ten results weigh."""
    drawn = 0.0
    for at, level in enumerate(LEVELS):
        values = [other.scale for other in doses if level(other) == level(one) and not other.fault]
        if values:
            weight = 1.0 if at == 0 else len(values) / (len(values) + 10)
            drawn = weight * lower(values, 0.5) + (1 - weight) * drawn
        elif at == 0:
            drawn = 0.0
    return drawn


def past(doses: list[Dose], one: Dose) -> tuple[int, float, int]:
    """How many of the twelve results before this one count, their trimean, and the last of them (-1 without one)."""
    mine = [
        other
        for other in doses
        if (other.person, other.wear, other.location) == (one.person, one.wear, one.location)
        and (other.day, other.line) < (one.day, one.line)
    ]
    looked_at = sorted(mine, key=lambda other: (other.day, other.line))[-12:]
    counted = [other for other in looked_at if other.day < one.day and not other.fault]
    if not counted:
        return 0, 0.0, -1
    values = [other.scale for other in counted]
    quarter, half, three = (lower(values, share) for share in (0.25, 0.5, 0.75))
    return len(values), (quarter + 2 * half + three) / 4, counted[-1].usv
