"""Usual doses: what was to be expected of a result, from its context and its worker's past, and how far it is from it.

Everything is reckoned on a scale of doublings, ``log2(1 + dose / 0.05 mSv)``: a recording step counts as one, a factor
of ten as three. Three steps, each a quantile that can be drawn:

1. the context's median, over the nomenclature's tree (nation, domain, sector, trade of the sector, trade in the
   establishment), each level drawn towards the one above it by as much as it is small;
2. the worker's own past (at most twelve results of the same kind before this one), drawn towards the context;
3. how far results lie from what was expected, where as much was expected on as long a past: two quantiles and an
   exponential tail give the chance of a result at least as high, and at least as low.

The season, and the sender with its dosimeter, shift what is expected. No database here, and no date of today: the same
results give the same figures.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

#: Changes with the arithmetic: a flag names the version that raised it.
VERSION = "1"
STEP_USV = 50.0
#: Results of a worker's past that are looked at; results that a context's and a past's own say are worth half of.
PAST, CONTEXT_WEIGHT, PAST_WEIGHT, TAIL_WEIGHT, SHIFT_WEIGHT = 12, 10.0, 1.0, 100.0, 50.0
#: Longest wear, in days, that counts as a month.
MONTH_DAYS = 45
#: The least width of a tail: doublings in which a chance falls tenfold.
NARROWEST = 0.4
LEVELS = ("ensemble", "domaine", "secteur", "metier", "service")


@dataclass(frozen=True)
class Results:
    """Results that hold, as parallel int64 arrays.

    Attributes:
        person, establishment, sender, submission, line: numbers of the registry.
        kind: position of the quantity; ``location`` that of the place on the body, ``dosimeter`` that of the technique;
            -1 for none.
        start, day: first and last day of wear, days since 1970.
        usv: dose in micro-sievert, 0 below the threshold.
        trade, sector, domain: positions in the nomenclatures, -1 where unknown.
        fault: 1 where a person confirmed that the value is wrong: nothing is learned from it.
    """

    person: Ints
    establishment: Ints
    sender: Ints
    submission: Ints
    line: Ints
    kind: Ints
    location: Ints
    dosimeter: Ints
    start: Ints
    day: Ints
    usv: Ints
    trade: Ints
    sector: Ints
    domain: Ints
    fault: Ints

    def __len__(self) -> int:
        return len(self.usv)

    def take(self, rows: Ints | Bools) -> Results:
        """Some of the rows."""
        return Results(*(getattr(self, one.name)[rows] for one in fields(self)))

    @property
    def wear(self) -> Ints:
        """int64[n]: kind and whether worn for a month or longer: what is ever compared with one another."""
        return self.kind * 2 + (self.day - self.start >= MONTH_DAYS)

    @property
    def month(self) -> Ints:
        """int64[n]: month of the last day, from 0."""
        months: Ints = self.day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12
        return months


@dataclass(frozen=True)
class Usual:
    """What was expected of each row, and how far it is from it.

    Attributes:
        scale: the dose in doublings; ``expected`` on the same scale; ``width``: doublings in which the chance of a
            higher result falls tenfold.
        past: how many results of the worker's past were looked at; ``before_usv`` the last of them, -1 without one.
        high, low: minus the decimal logarithm of the chance of a result at least as high, as low.
        contexts: for each level, the number of every row's context.
    """

    scale: Floats
    expected: Floats
    past: Ints
    before_usv: Ints
    high: Floats
    low: Floats
    tails: tuple[Floats, Floats, Floats, Floats]
    contexts: tuple[Ints, ...]

    def expected_usv(self) -> Floats:
        """float64[n]: what was expected, in micro-sievert."""
        return dose_of(self.expected)


def doublings(usv: Ints | Floats) -> Floats:
    """The scale on which doses are compared."""
    scaled: Floats = np.log2(1 + np.asarray(usv, np.float64) / STEP_USV)
    return scaled


def dose_of(scaled: Floats) -> Floats:
    """Micro-sieverts of a place on the scale."""
    usv: Floats = (np.exp2(scaled) - 1) * STEP_USV
    return usv


def quantiles(values: Floats, group: Ints, chances: tuple[float, ...]) -> tuple[Ints, list[Floats]]:
    """Sizes and quantiles of groups numbered from 0; of a value that lies between two, the lower one.

    So the highest quantile of a small group is never its highest value, which may be the fault that is looked for.
    Groups must be dense: every number up to the highest has a row.
    """
    sizes = np.bincount(group)
    ordered = values[np.lexsort((values, group))]
    first = np.cumsum(sizes) - sizes
    return sizes, [ordered[first + _rank(sizes, one)] for one in chances]


def _rank(sizes: Ints, chance: float) -> Ints:
    found: Ints = np.floor(np.maximum(sizes - 1, 0) * chance + 1e-9).astype(np.int64)
    return found


def numbered(*keys: Ints) -> Ints:
    """One dense number per distinct combination of small keys (each from -1 up)."""
    joined = np.zeros(len(keys[0]), np.int64)
    for key in keys:
        joined = np.unique(joined, return_inverse=True)[1] * (int(key.max(initial=0)) + 2) + key + 1
    found: Ints = np.unique(joined, return_inverse=True)[1].astype(np.int64)
    return found


def contexts(results: Results) -> tuple[Ints, ...]:
    """For each level of :data:`LEVELS`, the number of every row's context."""
    wear = results.wear
    domain = numbered(wear, results.domain)
    sector = numbered(domain, results.sector)
    return (
        numbered(wear),
        domain,
        sector,
        numbered(sector, results.trade),
        numbered(wear, results.establishment, results.trade),
    )


def context_medians(scale: Floats, levels: tuple[Ints, ...], learned: Bools) -> Floats:
    """float64[n]: the median of each row's context, every level drawn towards the one above it.

    Args:
        learned: the rows that medians are taken from.
    """
    median = np.zeros(len(scale))
    for at, level in enumerate(levels):
        sizes, own = _of_groups(scale, level, learned, (0.5,))
        weight = sizes / (sizes + (CONTEXT_WEIGHT if at else 0.0) + 1e-12)
        median = weight[level] * own[0][level] + (1 - weight[level]) * median
    return median


def _of_groups(values: Floats, group: Ints, learned: Bools, chances: tuple[float, ...]) -> tuple[Ints, list[Floats]]:
    """:func:`quantiles` of the learned rows, 0 for a group without any."""
    count = int(group.max(initial=-1)) + 1
    kept, inverse = np.unique(group[learned], return_inverse=True)
    sizes, found = quantiles(values[learned], inverse, chances)
    everyone = np.zeros(count, np.int64)
    everyone[kept] = sizes
    placed = [np.zeros(count) for _ in chances]
    for one, values_of in zip(placed, found, strict=True):
        one[kept] = values_of
    return everyone, placed


def pasts(results: Results, scale: Floats) -> tuple[Ints, Floats, Ints]:
    """The worker's own past: number of results looked at, their trimean on the scale, and the last of them.

    Only results of an earlier day, of the same kind, wear and place on the body; confirmed faults do not count.

    Returns:
        int64[n], float64[n] (0 without a past), int64[n] in micro-sievert (-1 without one).
    """
    n = len(results)
    key = numbered(results.person, results.wear, results.location)
    order = np.lexsort((results.line, results.submission, results.day, key))
    keys, days, faults = key[order], results.day[order], results.fault[order] > 0
    values, usv = scale[order], results.usv[order]
    table = np.full((n, PAST), np.inf)
    before = np.full(n, -1, np.int64)
    for lag in range(1, min(PAST, n - 1) + 1):
        same = (keys[lag:] == keys[:-lag]) & (days[:-lag] < days[lag:]) & ~faults[:-lag]
        table[lag:, lag - 1] = np.where(same, values[:-lag], np.inf)
        before[lag:] = np.where((before[lag:] < 0) & same, usv[:-lag], before[lag:])
    table.sort(axis=1)
    count = np.isfinite(table).sum(axis=1)
    rows = np.arange(n)
    quarter, half, three = (table[rows, _rank(count, chance)] for chance in (0.25, 0.5, 0.75))
    middle = np.where(count > 0, (quarter + 2 * half + three) / 4, 0.0)
    back = np.empty(n, np.int64)
    back[order] = rows
    return count[back].astype(np.int64), middle[back], before[back]


def usual(results: Results) -> Usual:
    """What was expected of each result, and the chance of one so far from it."""
    scale = doublings(results.usv)
    learned = results.fault == 0
    levels = contexts(results)
    median = context_medians(scale, levels, learned)
    count, middle, before = pasts(results, scale)
    expected = (count * middle + PAST_WEIGHT * median) / (count + PAST_WEIGHT)
    for group in (numbered(levels[1], results.month), numbered(results.wear, results.sender, results.dosimeter)):
        expected = np.maximum(expected + _shift(scale - expected, group, learned & (expected > 0.25)), 0.0)
    tails = _tails(scale - expected, expected, count, levels, learned)
    distance = scale - expected
    high = _chance(distance, tails[0], tails[1])
    low = _chance(-distance, tails[2], tails[3])
    return Usual(scale, expected, count, before, high, low, tails, levels)


def _shift(distance: Floats, group: Ints, learned: Bools) -> Floats:
    """float64[n]: the mean distance of a group, each clipped to a doubling; nothing where nothing is expected."""
    count = int(group.max(initial=-1)) + 1
    kept = group[learned]
    sums = np.bincount(kept, np.clip(distance[learned], -1, 1), count)
    means = sums / (np.bincount(kept, minlength=count) + SHIFT_WEIGHT)
    shift: Floats = np.where(learned, means[group], 0.0)
    return shift


def _tails(
    distance: Floats, expected: Floats, count: Ints, levels: tuple[Ints, ...], learned: Bools
) -> tuple[Floats, Floats, Floats, Floats]:
    """Quantiles of distances, high (90 %, 99 %) and low, of rows of which as much was expected on as long a past.

    Each float64[n]: over everything, over the bins of all kinds, then over the tree down to the sector, every level
    drawn towards the one above it.
    """
    bins = numbered(np.minimum(np.round(expected * 2), 12).astype(np.int64), np.digitize(count, [1, 3, 6, 12]))
    found = [np.zeros(len(distance)) for _ in range(4)]
    everything = np.zeros_like(bins)
    for at, level in enumerate((everything, bins, *(numbered(one, bins) for one in levels[:3]))):
        sizes, high = _of_groups(distance, level, learned, (0.9, 0.99))
        _, low = _of_groups(-distance, level, learned, (0.9, 0.99))
        weight = (sizes / (sizes + (TAIL_WEIGHT if at else 0.0) + 1e-12))[level]
        found = [weight * own[level] + (1 - weight) * above for own, above in zip((*high, *low), found, strict=True)]
    return found[0], found[1], found[2], found[3]


def _chance(distance: Floats, tenth: Floats, hundredth: Floats) -> Floats:
    """Minus the logarithm of the chance of at least this distance: 1 at the first quantile, 2 at the second."""
    width = np.maximum(hundredth - tenth, NARROWEST)
    score: Floats = np.maximum(2 + (distance - np.maximum(hundredth, 0.0)) / width, 0.0)
    return score
