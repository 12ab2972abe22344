"""Faults planted into doses, each as it comes about in a laboratory or a service. Nothing of the model is known here.

Only what changes a value by more than 0.1 mSv counts as a fault; a fault that would change less is not planted.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from pipelines.usual import Results

LEAST_USV = 100
ONE_BY_ONE = ("unite_1000", "faisceau", "facteur_10", "cumul", "mauvais_travailleur")
BY_BATCH = ("temoin", "copie")
KINDS = (*ONE_BY_ONE, "echange", *BY_BATCH)


@dataclasses.dataclass(frozen=True)
class Planted:
    """Results with faults.

    Attributes:
        label: int64[n], position in :data:`KINDS`, -1 for a clean row.
        batch: int64[n], number of the planted batch, -1 outside one.
    """

    results: Results
    label: np.ndarray
    batch: np.ndarray


def plant(clean: Results, rows: np.ndarray, rate: float, seed: int) -> Planted:
    """Plant faults into some of the rows, as many of each kind as can be.

    Args:
        rows: bool[n], where faults may stand.
        rate: share of faulty rows among them.
    """
    rng = np.random.default_rng([seed, 4242])
    usv = clean.usv.copy()
    label = np.full(len(usv), -1)
    batch = np.full(len(usv), -1)
    each = max(int(rows.sum() * rate / len(KINDS)), 1)
    groups = _groups(clean)
    for kind in BY_BATCH:
        _by_batch(clean, rows, kind, each, rng, groups, (usv, label, batch))
    _swapped(clean, rows, each, rng, groups, usv, label)
    for kind in ONE_BY_ONE:
        wrong = _wrong(clean, kind, rng, groups)
        free = np.flatnonzero(rows & (label < 0) & (np.abs(wrong - clean.usv) > LEAST_USV) & (wrong < 5_000_000))
        chosen = rng.choice(free, min(each, len(free)), replace=False)
        usv[chosen], label[chosen] = wrong[chosen], KINDS.index(kind)
    return Planted(dataclasses.replace(clean, usv=usv), label, batch)


def _groups(clean: Results) -> np.ndarray:
    """int64[n]: who was sent together: establishment, file, end of wear, quantity, length of wear."""
    keys = np.stack([clean.establishment, clean.submission, clean.day, clean.kind, clean.start])
    return np.unique(keys, axis=1, return_inverse=True)[1].ravel()


def _before(clean: Results) -> np.ndarray:
    """int64[n]: the same worker's value of the period before, -1 where there is none."""
    order = np.lexsort((clean.day, clean.day - clean.start > 45, clean.location, clean.kind, clean.person))
    found = np.full(len(order), -1)
    mine, kind, place, long = (
        one[order] for one in (clean.person, clean.kind, clean.location, clean.day - clean.start > 45)
    )
    same = (mine[1:] == mine[:-1]) & (kind[1:] == kind[:-1]) & (place[1:] == place[:-1]) & (long[1:] == long[:-1])
    found[order[1:]] = np.where(same, clean.usv[order[:-1]], -1)
    return found


def _year_to_date(clean: Results) -> np.ndarray:
    """int64[n]: the sum from January to this result, this one included."""
    year = clean.day.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64)
    order = np.lexsort((clean.day, year, clean.location, clean.kind, clean.person))
    keys = np.stack([one[order] for one in (clean.person, clean.kind, clean.location, year)])
    fresh = np.r_[True, (keys[:, 1:] != keys[:, :-1]).any(axis=0)]
    running = np.cumsum(clean.usv[order])
    start = np.maximum.accumulate(np.where(fresh, np.arange(len(order)), 0))
    found = np.empty(len(order), np.int64)
    found[order] = running - running[start] + clean.usv[order][start]
    return found


def _wrong(clean: Results, kind: str, rng: np.random.Generator, groups: np.ndarray) -> np.ndarray:
    """int64[n]: the value that each row would have with this fault."""
    if kind == "unite_1000":
        return clean.usv * 1000
    if kind == "facteur_10":
        return clean.usv * 10
    if kind == "faisceau":
        return clean.usv + (rng.lognormal(np.log(12_000), 0.9, len(clean)) / 50).astype(np.int64) * 50
    if kind == "cumul":
        return _year_to_date(clean)
    # Another worker's dosimeter, of the same batch.
    order = np.lexsort((rng.random(len(groups)), groups))
    sorted_groups = groups[order]
    follows = np.r_[sorted_groups[1:] == sorted_groups[:-1], False]
    wrong = clean.usv.copy()
    wrong[order[:-1]] = np.where(follows[:-1], clean.usv[order[1:]], clean.usv[order[:-1]])
    return wrong


def _by_batch(
    clean: Results,
    rows: np.ndarray,
    kind: str,
    each: int,
    rng: np.random.Generator,
    groups: np.ndarray,
    written: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    """Whole batches of three results at least: a background left in, or the values of the period before."""
    usv, label, batch = written
    order = np.argsort(groups, kind="stable")
    sizes = np.bincount(groups)
    first = np.cumsum(sizes) - sizes
    before = _before(clean)
    left, number = each, int(batch.max(initial=-1)) + 1
    for one in rng.permutation(np.flatnonzero(sizes >= 3)).tolist():
        told = order[first[one] : first[one] + sizes[one]]
        if not rows[told].all() or (label[told] >= 0).any() or len(told) > 4 * each:
            continue
        if kind == "temoin":
            wrong = clean.usv[told] + int(rng.uniform(110, 400) / 10) * 10
        else:
            wrong = np.where(before[told] >= 0, before[told], clean.usv[told])
        changed = np.abs(wrong - clean.usv[told]) > LEAST_USV
        if not changed.any():
            continue
        usv[told] = wrong
        label[told[changed]], batch[told] = KINDS.index(kind), number
        number += 1
        left -= int(changed.sum())
        if left <= 0:
            return


def _swapped(
    clean: Results,
    rows: np.ndarray,
    each: int,
    rng: np.random.Generator,
    groups: np.ndarray,
    usv: np.ndarray,
    label: np.ndarray,
) -> None:
    """Two workers of a batch with each other's value."""
    order = np.lexsort((rng.random(len(groups)), groups))
    pair = np.flatnonzero(groups[order][1:] == groups[order][:-1])
    left = each
    for at in rng.permutation(pair).tolist():
        one, other = int(order[at]), int(order[at + 1])
        if not (rows[one] and rows[other]) or label[one] >= 0 or label[other] >= 0:
            continue
        if abs(int(clean.usv[one]) - int(clean.usv[other])) <= LEAST_USV:
            continue
        usv[one], usv[other] = clean.usv[other], clean.usv[one]
        label[[one, other]] = KINDS.index("echange")
        left -= 2
        if left <= 0:
            return
