"""The rolling sum as a curve: what a window that ends on a day holds, on every day on which that changes.

The windows themselves judge result days only (``pipelines/windows.py``); a curve also shows how a sum falls again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipelines.windows import Ints
from schemas.formats.common import plus_months
from schemas.limits import Limit, limits

#: Wider than any legal day, in days since 1970-01-01.
_FAR = 900_000


@dataclass(frozen=True)
class Steps:
    """From each of these days (ascending, since 1970-01-01) to the next: the sum and the limit in force, in
    micro-sievert; the limit is -1 where there is none. A physician's adjustment may bring a sum below zero."""

    day: Ints
    usv: Ints
    limit: Ints


def judged_with(limit: Limit) -> list[Limit]:
    """The limits of other epochs and of the other age that a curve under this limit runs along."""
    if not limit.rolling:
        return [limit]
    return [one for one in limits() if one.quantity == limit.quantity and one.rolling]


def steps(days: Ints, usv: Ints, rules: Sequence[Limit], adult_from: int, first: int, last: int) -> Steps:
    """The curve between two days, both included.

    Args:
        days, usv: what each result counts for, in order of days.
        rules: the limits to run along, of which at most one is in force for an age on a day.
        adult_from: the first day of adult age.
    """
    year_on = np.asarray(plus_months(days, 12))
    bounds = [first, adult_from, *(_number(one.valid_from, first) for one in rules)]
    bounds += [_number(one.valid_to, last) + 1 for one in rules]
    # A result leaves the window a year on; a day later where its month is a day longer than a year on.
    every = np.unique(np.concatenate((days, year_on, year_on + 1, np.array(bounds, np.int64))))
    point = every[(every >= first) & (every <= last)]
    after = np.concatenate(([0], np.cumsum(usv)))
    year_ago = np.asarray(plus_months(point, -12))
    sums, level = np.zeros(len(point), np.int64), np.full(len(point), -1)
    for rule in rules:
        since, until = _number(rule.valid_from, -_FAR), _number(rule.valid_to, _FAR)
        chosen = (point >= since) & (point <= until) & ((point < adult_from) == rule.minors)
        starts = year_ago + 1 if rule.rolling else np.full(len(point), -_FAR)
        if rule.cut is not None:
            starts = np.maximum(starts, _number(rule.cut, 0))
        held = after[np.searchsorted(days, point, "right")] - after[np.searchsorted(days, starts, "left")]
        sums, level = np.where(chosen, held, sums), np.where(chosen, rule.usv, level)
    return Steps(point, sums, level)


def _number(day: object, absent: int) -> int:
    return absent if day is None else int(np.datetime64(str(day), "D").astype(np.int64))
