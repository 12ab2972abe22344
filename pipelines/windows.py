"""Windows: which sums of doses exceed which limit, for many persons at once. Pure arithmetic, no registry.

A result counts on the last day of its period. The window of a day runs from the day after that day minus twelve
calendar months (clipped to the month's end) to the day itself. Only result days are judged: between two of them a sum
can but fall.

What the contract (rulings.md, "Exceedances") leaves open is settled in docs/decisions/0022: which results two
dosimeters worn together leave to count, what two days "more than twelve months apart" are, where runs meet a change of
limit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from schemas.formats import passive
from schemas.formats.common import plus_months
from schemas.limits import ADULT_AGE, QUANTITIES, Limit, limits

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

#: What a result is: the position of its TYPE_MESURE in PASSIVE, then committed and computed aircrew doses.
COMMITTED, AIRCREW = len(passive.TYPES), len(passive.TYPES) + 1
#: A month of flights below this (micro-sievert) counts 0.
AIRCREW_FLOOR_USV = 100
#: In the place of what a result counts for: another place outdoes it. No dose is so low.
OUTDONE = int(np.iinfo(np.int64).min)
_QUANTITY_OF_TYPE = {
    **dict.fromkeys(("PAS-HP10-PHO", "PAS-HP10-NEU", "PAS-E-RADON"), "EFFICACE"),
    "PAS-HP3": "CRISTALLIN",
    "PAS-HP007-PEAU": "PEAU",
    "PAS-HP007-EXT": "EXTREMITES",
}
_QUANTITY = np.array(
    [*(QUANTITIES.index(_QUANTITY_OF_TYPE[name]) for name in passive.TYPES), *[QUANTITIES.index("EFFICACE")] * 2]
)
_BY_PLACE = np.array([name in ("PEAU", "EXTREMITES") for name in QUANTITIES])
_CHEST, BELT = passive.LOCATIONS.index("POITRINE"), passive.LOCATIONS.index("CEINTURE")
_TRUNK_KINDS = [passive.TYPES.index(name) for name in ("PAS-HP10-PHO", "PAS-HP10-NEU")]
#: Wide enough for any legal day, before 1970 included; a series and a day make one number.
_SPAN, _SHIFT = 2_000_000, 1_000_000
_FAR = 900_000


@dataclass(frozen=True)
class Results:
    """Results that hold, one a place; days since 1970-01-01, doses in micro-sievert.

    ``kind`` is the position of TYPE_MESURE, :data:`COMMITTED` or :data:`AIRCREW`; ``place`` that of LOCALISATION (-1:
    none); ``start`` the first and ``day`` the last day of the period.
    """

    person: Ints
    establishment: Ints
    kind: Ints
    place: Ints
    start: Ints
    day: Ints
    usv: Ints

    def __len__(self) -> int:
        return len(self.person)

    def take(self, chosen: Ints | Mask) -> Results:
        return Results(*(getattr(self, one.name)[chosen] for one in fields(self)))


@dataclass(frozen=True)
class Run:
    """An unbroken run of result days whose window exceeds a limit, and the window of the day of its highest sum.

    ``place`` is the position of LOCALISATION for skin and extremities, else -1. ``establishment`` is that of the
    largest result of the window (the latest of equals).
    """

    person: int
    limit: str
    place: int
    first_day: date
    last_day: date
    window_start: date
    window_end: date
    usv: int
    establishment: int


@dataclass(frozen=True)
class Floor:
    """Kinds of results, and what two civil years that follow each other must hold more of (micro-sievert) before a
    window that ends in the second can exceed anything; ``minors_usv`` where it may end before the 18th birthday."""

    kinds: list[int]
    adults_usv: int
    minors_usv: int


def floors() -> dict[str, Floor]:
    """Below what nothing is exceeded, whatever the day. Skin and extremities go together."""
    together = {"effective": ("EFFICACE",), "lens": ("CRISTALLIN",), "skin": ("PEAU", "EXTREMITES")}
    return {
        name: Floor(
            [kind for kind, quantity in enumerate(_QUANTITY) if QUANTITIES[quantity] in quantities],
            *(
                min(_of_two_years(one) for one in limits() if one.quantity in quantities and one.minors == minors)
                for minors in (False, True)
            ),
        )
        for name, quantities in together.items()
    }


def _of_two_years(limit: Limit) -> int:
    """A window of twelve months lies within two civil years; a sum since a cut day within so many pairs of them."""
    if limit.rolling:
        return limit.usv
    first, last = _cumulated(limit)
    return limit.usv // ((last - first) // 2 + 1)


def cumulated_years() -> tuple[int, int]:
    """First and last civil year of the limits on sums over more than twelve months; one that no year is (0) if none."""
    spans = [_cumulated(one) for one in limits() if not one.rolling]
    return min((first for first, _ in spans), default=0), max((last for _, last in spans), default=0)


def _cumulated(limit: Limit) -> tuple[int, int]:
    assert limit.cut is not None
    assert limit.valid_to is not None
    return limit.cut.year, limit.valid_to.year


def eighteenth_birthday(births: Ints) -> Ints:
    """The first day on which one is an adult; who was born on a 29 February grows up on 1 March of a common year."""
    day = np.asarray(plus_months(births, 12 * ADULT_AGE))
    stamps, born = day.astype("datetime64[D]"), births.astype("datetime64[D]")
    clipped = (stamps - stamps.astype("datetime64[M]")).astype(np.int64) < (born - born.astype("datetime64[M]")).astype(
        np.int64
    )
    grown: Ints = day + clipped
    return grown


def counted(results: Results) -> Results:
    """The results that enter the sums: without :func:`_outdone`, small months of flights at 0."""
    floored = _floored(results)
    left = _outdone(floored)
    return floored.take(~left) if left.any() else floored


def weights(results: Results) -> Ints:
    """What each result counts for in its window, in micro-sievert; :data:`OUTDONE` where another place outdoes it."""
    floored = _floored(results)
    return np.where(_outdone(floored), OUTDONE, floored.usv)


def within(results: Results, limit: Limit, place: int, start: date, end: date) -> Mask:
    """The results that a window of a limit (and place, for skin and extremities) is made of."""
    mine = _QUANTITY[results.kind] == QUANTITIES.index(limit.quantity)
    if place >= 0:
        mine &= results.place == place
    return np.asarray(mine & (results.day >= _number(start, 0)) & (results.day <= _number(end, 0)))


def _floored(results: Results) -> Results:
    # Below zero there is but what balances a conclusion: it counts whole.
    small = (results.kind == AIRCREW) & (results.usv > 0) & (results.usv < AIRCREW_FLOOR_USV)
    return replace(results, usv=np.where(small, 0, results.usv))


def _outdone(results: Results) -> Mask:
    """Results of the chest or the belt that the other place outdoes.

    A POITRINE and a CEINTURE result of one worker, establishment and quantity whose periods overlap belong to one
    group, and so do those that hang together by such pairs. Of a group, the place with the higher sum counts; POITRINE
    where equal.
    """
    left = np.zeros(len(results), bool)
    trunk = np.isin(results.kind, _TRUNK_KINDS)
    belts = trunk & (results.place == BELT)
    if not belts.any():
        return left
    wide = int(results.establishment.max()) + 1
    key = (results.person * wide + results.establishment) * 16 + results.kind
    rows = np.flatnonzero(trunk & np.isin(key, np.unique(key[belts])))
    rows = rows[np.lexsort((results.start[rows], key[rows]))]
    for one in np.split(rows, np.flatnonzero(np.diff(key[rows])) + 1):
        for group in _groups(results, one):
            chest, belt = group[results.place[group] == _CHEST], group[results.place[group] == BELT]
            more = results.usv[belt].sum() > results.usv[chest].sum()
            left[chest if more else belt] = len(chest) > 0 and len(belt) > 0
    return left


def _groups(results: Results, rows: Ints) -> Iterator[Ints]:
    """Rows that hang together by overlaps of the chest with the belt; ``rows`` in order of their first day."""
    group = list(range(len(rows)))

    def head(at: int) -> int:
        while group[at] != at:
            group[at] = group[group[at]]
            at = group[at]
        return at

    places, starts, ends = (values[rows].tolist() for values in (results.place, results.start, results.day))
    worn: list[int] = []
    for at, start in enumerate(starts):
        worn = [other for other in worn if ends[other] >= start]
        for other in worn:
            if places[other] != places[at]:
                group[head(at)] = head(other)
        worn.append(at)
    members: defaultdict[int, list[int]] = defaultdict(list)
    for at in range(len(rows)):
        members[head(at)].append(at)
    for one in members.values():
        yield rows[one]


class _Days:
    """The result days of every series (person, quantity, place), with running sums; all arrays in that order."""

    def __init__(self, results: Results) -> None:
        quantity = _QUANTITY[results.kind]
        place = np.where(_BY_PLACE[quantity], results.place, -1)
        series = (results.person * len(QUANTITIES) + quantity) * 64 + place + 1
        mark = series * _SPAN + results.day + _SHIFT
        order = np.argsort(mark)
        self.results, self._mark = results.take(order), mark[order]
        #: The last result of each day of each series.
        last = np.flatnonzero(np.concatenate((np.diff(self._mark) != 0, [True])))
        self._after = np.concatenate(([0], np.cumsum(self.results.usv)))
        self.last, self.series, self.day = last, series[order][last], self.results.day[last]
        self.person, self.quantity, self.place = self.results.person[last], quantity[order][last], place[order][last]

    def first_counted(self, days: Ints, starts: Ints) -> Ints:
        """For each of these days, the place of the first result on or after the start of its window."""
        return np.asarray(np.searchsorted(self._mark, self.series[days] * _SPAN + starts + _SHIFT))

    def sums(self, days: Ints, first: Ints) -> Ints:
        return np.asarray(self._after[self.last[days] + 1] - self._after[first])


def runs(results: Results, persons: Ints, births: Ints) -> list[Run]:
    """Every run of every limit.

    Args:
        results: as the registry holds them, of any number of persons, in any order.
        persons, births: days of birth by person, persons ascending; who is not named is judged as an adult.
    """
    results = counted(results)
    if not len(results):
        return []
    days = _Days(results)
    adult_from = np.full(len(days.day), -_FAR)
    if len(persons):
        at = np.minimum(np.searchsorted(persons, days.person), len(persons) - 1)
        adult_from = np.where(persons[at] == days.person, eighteenth_birthday(births)[at], adult_from)
    minor = days.day < adult_from
    found: list[Run] = []
    for limit in limits():
        found += _runs_of(limit, days, minor)
    return sorted(found, key=lambda one: (one.person, one.limit, one.place, one.first_day))


def _runs_of(limit: Limit, days: _Days, minor: Mask) -> list[Run]:
    since, until = _number(limit.valid_from, -_FAR), _number(limit.valid_to, _FAR)
    judged = (days.quantity == QUANTITIES.index(limit.quantity)) & (minor == limit.minors)
    chosen = np.flatnonzero(judged & (days.day >= since) & (days.day <= until))
    if not len(chosen):
        return []
    day = days.day[chosen]
    year_ago = np.asarray(plus_months(day, -12))
    starts = year_ago + 1 if limit.rolling else np.full(len(day), -_FAR)
    if limit.cut is not None:
        starts = np.maximum(starts, _number(limit.cut, 0))
    first = days.first_counted(chosen, starts)
    sums = days.sums(chosen, first)
    over = np.flatnonzero(sums > limit.usv)
    if not len(over):
        return []
    # A run goes on where the result day before, of the same series, exceeds too ...
    begins = np.concatenate(([True], (np.diff(over) > 1) | (np.diff(days.series[chosen[over]]) != 0)))
    # ... and ends at the last day that lies within twelve months of its first.
    while True:
        head = np.maximum.accumulate(np.where(begins, np.arange(len(over)), 0))
        far = year_ago[over] > day[over[head]]
        after_far = np.concatenate(([False], far[:-1] & (np.diff(head) == 0)))
        fresh = far & ~after_far
        if not fresh.any():
            break
        begins |= fresh
    bounds = [*np.flatnonzero(begins).tolist(), len(over)]
    made = []
    for start, end in pairwise(bounds):
        members = over[start:end]
        peak = members[np.argmax(sums[members])]  # the earliest of equals
        at = chosen[peak]
        made.append(
            Run(
                person=int(days.person[at]),
                limit=limit.code,
                place=int(days.place[at]),
                first_day=_date(day[members[0]]),
                last_day=_date(day[members[-1]]),
                window_start=_date(starts[peak]),
                window_end=_date(day[peak]),
                usv=int(sums[peak]),
                establishment=_largest(days.results, int(first[peak]), int(days.last[at])),
            )
        )
    return made


def _largest(results: Results, first: int, last: int) -> int:
    """The establishment of the largest of these results; of equals the latest, then the lowest number."""
    span = slice(first, last + 1)
    order = np.lexsort((-results.establishment[span], results.day[span], results.usv[span]))
    return int(results.establishment[span][order[-1]])


def _number(day: date | None, absent: int) -> int:
    return absent if day is None else (day - date(1970, 1, 1)).days


def _date(number: np.int64) -> date:
    return date(1970, 1, 1) + timedelta(int(number))
