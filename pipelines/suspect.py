"""Suspicions: which results, batches and pairs are so far from the usual that a person should look.

Four looks, each with a bound of its own on what chance alone would bring, so that all together raise at most
:data:`BUDGET` flags per 10 000 results without a fault: one result far too high; a batch (one sender's file, one
establishment, one end of wear) raised as a whole; a batch that repeats the one before; two workers of one batch whose
results fit each other's past. Bounds are drawn from the results themselves, below where faults could stand, and
carried on to the rare end by an exponential law.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import bdtrc

from pipelines.usual import Bools, Floats, Ints, Results, Usual, doublings, numbered

#: Flags per 10 000 results without a fault, by look; what their sum may be.
SHARES = {"ligne": 3.2, "lot": 0.5, "copie": 0.2, "echange": 0.3}
BUDGET = 5.0
#: Less than this above the usual (micro-sievert) concerns nobody.
LEAST_RISE_USV = 100
#: Fewest results that make a batch, and the share of them that a forgotten background raises.
BATCH, RAISED = 3, 0.8
#: The share of results taken for faulty where the bound is drawn.
FAULTS = 0.001
#: What a value that cumulation explains gains.
CUMULATED_GAIN = 0.4
UNIT, BEAM, TEN, SUM, HIGH = "UNITE", "FAISCEAU", "FACTEUR_10", "CUMUL", "INHABITUELLE"
CONTROL, COPY, SWAP = "TEMOIN", "COPIE", "ECHANGE"
KINDS = (UNIT, BEAM, TEN, SUM, HIGH, CONTROL, COPY, SWAP)
_BEAM_USV, _UNIT_USV = 5_000, 20_000


@dataclass(frozen=True)
class Suspicion:
    """One flag: on a result, and for a batch on its first line.

    Attributes:
        row: position among the results; ``other`` that of the second of a pair, -1 for none.
        kind: one of :data:`KINDS`; ``score``: minus the logarithm of what chance would give; ``bound``: what it passed.
        rows: every result that it is about.
        background_usv: for a batch raised as a whole, by how much.
    """

    row: int
    kind: str
    score: float
    bound: float
    rows: tuple[int, ...]
    other: int = -1
    background_usv: int = 0


def batches(results: Results) -> Ints:
    """int64[n]: the batch of every result: one file, one establishment, one end of wear, one kind."""
    return numbered(
        results.submission, results.establishment, results.day - int(results.day.min(initial=0)), results.wear
    )


def bound(scores: Floats, per_10000: float, total: int) -> float:
    """The score that so many of 10 000 results pass by chance.

    The scores that 1 % and 0.4 % pass, less what faults there may be among them, give how fast they thin out; the rare
    end itself is never looked at, since the faults stand there.
    """
    wanted = per_10000 / 10_000
    top = np.sort(scores[scores > 0])[::-1]
    first, second = int(total * 0.01), int(total * 0.004)
    if second < 5 or len(top) <= first:
        return float(-np.log10(wanted))
    width = (top[second] - top[first]) / np.log10((0.01 - FAULTS) / (0.004 - FAULTS))
    return float(max(top[second] + width * np.log10((0.004 - FAULTS) / wanted), 2.0))


def row_scores(results: Results, about: Usual, raised: Floats) -> tuple[Floats, Bools]:
    """The look at one result: its score (0 where it is not high enough to concern anybody), and whether a cumulated
    value explains it.

    Args:
        raised: float64[n], by how much answers raise the bound of each row.
    """
    rise = results.usv - about.expected_usv()
    cumulated = sums(results)
    month = results.usv - cumulated
    fits = (cumulated >= LEAST_RISE_USV) & (month >= 0)
    fits &= np.abs(doublings(np.maximum(month, 0)) - about.expected) <= np.maximum(about.tails[0], 0.6)
    score = about.high + CUMULATED_GAIN * fits - raised
    return np.where((rise >= LEAST_RISE_USV) & (results.fault == 0), np.maximum(score, 0), 0.0), fits


def sums(results: Results) -> Ints:
    """int64[n]: the worker's results of the same kind earlier in the civil year, in micro-sievert; 0 without any."""
    year = results.day.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64)
    key = numbered(results.person, results.wear, results.location, year - int(year.min(initial=0)))
    order = np.lexsort((results.line, results.submission, results.day, key))
    value = np.where(results.fault[order] > 0, 0, results.usv[order])
    running = np.cumsum(value) - value
    first = np.r_[True, key[order][1:] != key[order][:-1]] if len(key) else np.zeros(0, bool)
    start = np.maximum.accumulate(np.where(first, np.arange(len(key)), 0))
    found = np.empty(len(key), np.int64)
    found[order] = running - running[start]
    return found


def suspicions(results: Results, about: Usual, fresh: Bools, raised: Floats) -> list[Suspicion]:
    """What a person should look at among the fresh results, the most unlikely first.

    Args:
        fresh: bool[n], the rows to judge; the others are what is known already.
        raised: float64[n], by how much answers raise the bound of each row.
    """
    if not fresh.any():
        return []
    batch = batches(results)
    found = _raised_batches(results, about, batch, fresh, raised)
    found += _copied_batches(results, about, batch, fresh, raised)
    taken = {row for one in found for row in one.rows}
    swapped = [one for one in _swaps(results, about, batch, fresh, raised) if not taken & set(one.rows)]
    taken |= {row for one in swapped for row in one.rows}
    found += swapped
    score, fits = row_scores(results, about, raised)
    least = bound(score, SHARES["ligne"], len(results))
    rows = np.flatnonzero(fresh & (score >= least))
    found += [
        Suspicion(row, _kind(results, about, row, bool(fits[row])), float(score[row]), least, (row,))
        for row in rows.tolist()
        if row not in taken
    ]
    return sorted(found, key=lambda one: (one.bound - one.score, one.row))


def _kind(results: Results, about: Usual, row: int, fits: bool) -> str:
    """The fault that explains a value best."""
    usv, expected = int(results.usv[row]), float(about.expected[row])

    def explains(factor: int) -> bool:
        return bool(abs(doublings(np.array([usv / factor]))[0] - expected) <= 1.5)

    if usv >= _UNIT_USV and explains(1000) and usv % 1000 == 0:
        return UNIT
    if usv >= _BEAM_USV:
        return BEAM
    if fits:
        return SUM
    return TEN if explains(10) and usv % 10 == 0 else HIGH


def _sized(batch: Ints) -> tuple[Ints, Ints, Ints]:
    """Sizes of batches, rows in batch order, and the first of each batch in that order."""
    sizes = np.bincount(batch)
    return sizes, np.argsort(batch, kind="stable"), np.cumsum(sizes) - sizes


def _least(per_10000: float, results: int, groups: int) -> float:
    """The bound on the chance of one group, so that all together raise so many flags per 10 000 results."""
    return float(-np.log10(per_10000 / 10_000 * results / max(groups, 1)))


def _raised_batches(results: Results, about: Usual, batch: Ints, fresh: Bools, raised: Floats) -> list[Suspicion]:
    """Batches of which nearly every result stands above the usual by about as much: a background left in."""
    sizes, order, first = _sized(batch)
    rise = results.usv - about.expected_usv()
    up = (rise >= LEAST_RISE_USV * 0.6) & (about.scale - about.expected > about.tails[0])
    count = np.bincount(batch, up)
    # Within one batch results share their causes: the chance of one more is never taken for small.
    chance = max(float(up.mean()), 0.05)
    score = -np.log10(np.maximum(bdtrc(np.maximum(count - 1, 0), sizes, chance), 1e-30))
    score -= _highest(raised, batch, len(sizes))
    least = _least(SHARES["lot"], len(results), int((sizes >= BATCH).sum()))
    judged = np.bincount(batch, fresh) > 0
    wanted = (sizes >= BATCH) & (count >= RAISED * sizes) & judged & (score >= least)
    found = []
    for one in np.flatnonzero(wanted).tolist():
        rows = order[first[one] : first[one] + sizes[one]]
        middle = int(np.median(rise[rows]))
        if middle >= LEAST_RISE_USV * 0.8:
            rows = rows[np.argsort(results.line[rows], kind="stable")]
            told = tuple(rows.tolist())
            found.append(Suspicion(told[0], CONTROL, float(score[one]), least, told, background_usv=middle))
    return found


def _copied_batches(results: Results, about: Usual, batch: Ints, fresh: Bools, raised: Floats) -> list[Suspicion]:
    """Batches that repeat, result by result, what was sent of the same workers before."""
    sizes, order, first = _sized(batch)
    known = about.before_usv >= 0
    same = known & (results.usv == about.before_usv)
    level = np.minimum(np.round(doublings(np.maximum(about.before_usv, 0)) * 2), 12).astype(np.int64)
    seen = np.bincount(level[known], minlength=13) + 2.0
    chance = (np.bincount(level[known], same[known], minlength=13) + 1.0) / seen
    score = np.bincount(batch, np.where(known, -np.log10(chance[level]), 0.0)) - _highest(raised, batch, len(sizes))
    least = _least(SHARES["copie"], len(results), int((sizes >= BATCH).sum())) + 1.0
    whole = np.bincount(batch, same) == np.bincount(batch, known)
    doses = np.bincount(batch, same & (results.usv > 0))
    wanted = whole & (doses >= BATCH) & (np.bincount(batch, fresh) > 0) & (score >= least)
    found = []
    for one in np.flatnonzero(wanted).tolist():
        rows = order[first[one] : first[one] + sizes[one]]
        rows = rows[np.argsort(results.line[rows], kind="stable")]
        told = tuple(rows[same[rows]].tolist())
        found.append(Suspicion(told[0], COPY, float(score[one]), least, told))
    return found


def _highest(raised: Floats, batch: Ints, count: int) -> Floats:
    highest = np.zeros(count)
    np.maximum.at(highest, batch, raised)
    return highest


def _swaps(results: Results, about: Usual, batch: Ints, fresh: Bools, raised: Floats) -> list[Suspicion]:
    """In each batch the result most above its worker's usual and the one most below: does each fit the other's past?"""
    up = np.where((about.past >= 3) & (results.usv - about.expected_usv() >= LEAST_RISE_USV * 0.5), about.high, 0.0)
    down = np.where((about.past >= 3) & (about.expected_usv() - results.usv >= LEAST_RISE_USV * 0.5), about.low, 0.0)
    ordered = np.lexsort((np.arange(len(batch)), -up, batch))
    one = ordered[np.r_[True, batch[ordered][1:] != batch[ordered][:-1]]]
    ordered = np.lexsort((np.arange(len(batch)), -down, batch))
    other = ordered[np.r_[True, batch[ordered][1:] != batch[ordered][:-1]]]
    there = (up[one] > 1) & (down[other] > 1) & (fresh[one] | fresh[other])
    one, other = one[there], other[there]

    def crossed(value: Ints, place: Ints) -> Floats:
        distance = np.abs(doublings(results.usv[value]) - about.expected[place])
        far: Floats = distance / np.maximum(np.maximum(about.tails[0][place], about.tails[2][place]), 0.5)
        return far

    fits = (crossed(one, other) <= 1) & (crossed(other, one) <= 1)
    score = up[one] + down[other] - np.maximum(raised[one], raised[other])
    least = _least(SHARES["echange"], len(results), len(np.unique(batch))) + 2.0
    return [
        Suspicion(row, SWAP, float(told), least, (row, second), other=second)
        for row, second, told in zip(
            one[fits & (score >= least)].tolist(),
            other[fits & (score >= least)].tolist(),
            score[fits & (score >= least)].tolist(),
            strict=True,
        )
    ]
