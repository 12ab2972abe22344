"""The limits that a civil year is held against: those in force on its 31 December, for adults and for minors.

The calendar comparison is the statistics' own: the law knows windows of twelve months only. It sums the whole civil
year, the days before a limit's cut included.
"""

from __future__ import annotations

from datetime import date

import numpy as np

from pipelines.windows import Ints, Mask
from schemas.limits import limits


def of_year(quantity: str, year: int, minor: Mask) -> Ints:
    """The limit of each person, in micro-sievert; strictly more exceeds it.

    Args:
        quantity: one of ``schemas.limits.QUANTITIES``.
        minor: who is under age on 31 December.
    """
    return np.where(minor, _usv(quantity, year, minors=True), _usv(quantity, year, minors=False))


def _usv(quantity: str, year: int, *, minors: bool) -> int:
    last = date(year, 12, 31)
    held = [
        one.usv
        for one in limits()
        if one.quantity == quantity
        and one.minors == minors
        and one.rolling
        and (one.valid_from is None or one.valid_from <= last)
        and (one.valid_to is None or one.valid_to >= last)
    ]
    assert len(held) == 1, (quantity, year, minors)
    return held[0]
