"""The population model: who is monitored, in which domain and category, and each one's annual doses.

Counts are quotas, not draws: a sample of any size carries the published shares as closely as whole
persons allow. No file is written here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

DOMAINS = ("medical", "nuclear", "natural", "industry", "research", "other")
ARTIFICIAL = ("medical", "nuclear", "industry", "research", "other")
CATEGORIES = ("A", "B", "NC", "(vide)")
BRACKETS = ("0", "]0;1]", "]1;5]", "]5;10]", ">10")
NOT_SURVEILLED_UNTIL = 2023
"""Last year in which a worker may be NC."""

#: Doses are counted in recording steps of 0.05 mSv; first and last step of each bracket.
STEP_USV = 50
_BOUNDS = ((0, 0), (1, 20), (21, 100), (101, 200), (201, 380))
#: A latent rank moves from year to year from here on, so that two calls for different years agree.
_ORIGIN = 2000

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@cache
def calibration() -> dict[str, Any]:
    """The published and assumed figures, each with its source."""
    text = (files("pipelines.simulation") / "data" / "calibration.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


@dataclass(frozen=True)
class Population:
    """``n`` workers.

    Attributes:
        domain: int8[n], position in :data:`DOMAINS`.
        category: int8[n], position in :data:`CATEGORIES`.
        years: the civil years of ``steps``, ascending.
        steps: int16[years, n], annual dose in steps of 0.05 mSv.
    """

    domain: NDArray[np.int8]
    category: NDArray[np.int8]
    years: tuple[int, ...]
    steps: NDArray[np.int16]

    def __len__(self) -> int:
        return len(self.domain)

    def dose_usv(self, year: int) -> Ints:
        """int64[n], annual doses in micro-sievert."""
        dose: Ints = self.steps[self.years.index(year)].astype(np.int64) * STEP_USV
        return dose

    def bracket(self, year: int) -> Ints:
        """int64[n], position of each annual dose in :data:`BRACKETS`."""
        found: Ints = np.searchsorted([1, 1001, 5001, 10001], self.dose_usv(year), side="right")
        return found


def population(workers: int, year: int, seed: int, years: int = 1) -> Population:
    """Draw a population.

    Args:
        workers: number of persons.
        year: last civil year.
        seed: two calls with the same workers and seed give the same persons, whatever the year.
        years: how many civil years of doses, ending with ``year``.
    """
    counts = _quotas(workers)
    domain = np.repeat(np.arange(len(DOMAINS)), counts.sum(axis=(1, 2)))
    category = np.concatenate([np.repeat(np.arange(len(CATEGORIES)), counts[at].sum(axis=1)) for at in range(6)])
    order = np.random.default_rng([seed, 1]).permutation(workers)
    domain, category = domain[order], category[order]
    listed = tuple(range(year - years + 1, year + 1))
    steps = np.zeros((years, workers), np.int16)
    for at, one in enumerate(listed):
        steps[at] = _doses(counts, domain, category, _latent(workers, seed, one), seed, one)
    if year > NOT_SURVEILLED_UNTIL:
        category = np.where(category == CATEGORIES.index("NC"), CATEGORIES.index("B"), category)
    return Population(domain.astype(np.int8), category.astype(np.int8), listed, steps)


# --- how many of each kind -------------------------------------------------------------------------


def _quotas(workers: int) -> Ints:
    """int64[domain, category, bracket]: how many persons of each kind."""
    figures = calibration()
    shares = np.array([figures["domains"]["share_pct"][name] for name in DOMAINS], float)
    per_domain = whole(shares / shares.sum() * workers, workers)
    counts = np.zeros((len(DOMAINS), len(CATEGORIES), len(BRACKETS)), np.int64)
    natural = DOMAINS.index("natural")
    empty = CATEGORIES.index("(vide)")
    split = np.array(figures["natural_brackets"]["share"]) * per_domain[natural]
    counts[natural, empty] = whole(split, int(per_domain[natural]))

    rest = workers - int(per_domain[natural])
    table = np.array([figures["categories"][name] for name in CATEGORIES], float)
    cells = whole(table / table.sum() * rest, rest)
    joint = _joint()
    rows = [DOMAINS.index(name) for name in ARTIFICIAL]
    carried = np.zeros(len(rows))
    # Rare cells last: what rounding owes a domain is paid in the plentiful ones.
    for place in np.argsort(table, axis=None):
        group, bracket = np.unravel_index(place, table.shape)
        number = int(cells[group, bracket])
        if not number:
            continue
        wanted = joint[:, group, bracket] / joint[:, group, bracket].sum() * number
        taken = whole(np.maximum(wanted + carried, 0), number)
        carried += wanted - taken
        counts[rows, group, bracket] = taken
    return counts


@cache
def _joint() -> Floats:
    """float64[artificial domain, category, bracket]: shares that meet every published margin.

    Iterative proportional fitting from the starting weights to: category by bracket; domain;
    exposed share of each domain (scaled together to the table's exposed total).
    """
    figures = calibration()
    table = np.array([figures["categories"][name] for name in CATEGORIES], float)
    table /= table.sum()
    share = np.array([figures["domains"]["share_pct"][name] for name in ARTIFICIAL], float)
    share /= share.sum()
    exposed = share * np.array([figures["exposed_share"][name] for name in ARTIFICIAL])
    exposed *= table[:, 1:].sum() / exposed.sum()
    by_category = np.array([[figures["affinity"]["category"][c][d] for c in CATEGORIES] for d in ARTIFICIAL])
    by_bracket = np.array([[figures["affinity"]["bracket"][b][d] for b in BRACKETS] for d in ARTIFICIAL])
    joint = by_category[:, :, None] * by_bracket[:, None, :] * table[None]
    for _ in range(500):
        joint[:, :, 0] *= ((share - exposed) / joint[:, :, 0].sum(axis=1))[:, None]
        joint[:, :, 1:] *= (exposed / joint[:, :, 1:].sum(axis=(1, 2)))[:, None, None]
        total = joint.sum(axis=0)
        joint *= np.where(total > 0, table / np.where(total > 0, total, 1), 0)[None]
    fitted: Floats = joint
    return fitted


def whole(wanted: Floats, total: int) -> Ints:
    """Integers that add up to ``total``, as near as can be to ``wanted`` (largest remainders)."""
    flat = wanted.ravel()
    if flat.sum() > 0:
        flat = flat * (total / flat.sum())
    floors = np.floor(flat).astype(np.int64)
    missing = total - int(floors.sum())
    floors[np.argsort(floors - flat, kind="stable")[:missing]] += 1
    return floors.reshape(wanted.shape)


# --- doses -----------------------------------------------------------------------------------------


def _latent(workers: int, seed: int, year: int) -> Floats:
    """Each worker's standing in a year: an autoregressive chain that starts in a fixed year."""
    keep = float(calibration()["persistence"]["correlation"])
    standing = np.random.default_rng([seed, 2]).standard_normal(workers)
    for one in range(min(_ORIGIN, year) + 1, year + 1):
        fresh = np.random.default_rng([seed, 3, one]).standard_normal(workers)
        standing = keep * standing + np.sqrt(1 - keep * keep) * fresh
    return standing


def _doses(counts: Ints, domain: Ints, category: Ints, standing: Floats, seed: int, year: int) -> NDArray[np.int16]:
    """int16[n]: within each domain and category, the highest standing gets the highest dose."""
    rng = np.random.default_rng([seed, 4, year])
    steps = np.zeros(len(domain), np.int16)
    for at, name in enumerate(DOMAINS):
        drawn = _domain_doses(name, counts[at].sum(axis=0), rng)
        used = [0] * len(BRACKETS)
        for group in range(len(CATEGORIES)):
            dealt = [np.zeros(int(counts[at, group, 0]), np.int64)]
            for bracket in range(1, len(BRACKETS)):
                number = int(counts[at, group, bracket])
                dealt.append(drawn[bracket][used[bracket] : used[bracket] + number])
                used[bracket] += number
            members = np.flatnonzero((domain == at) & (category == group))
            steps[members[np.argsort(standing[members], kind="stable")]] = np.sort(np.concatenate(dealt))
    return steps


def _domain_doses(name: str, counts: Ints, rng: np.random.Generator) -> list[Ints]:
    """Doses (steps) of a domain's exposed workers by bracket, whose mean is the published one."""
    figures = calibration()
    means = figures["bracket_means_msv"]
    drawn = [np.zeros(0, np.int64)]
    for bracket in range(2, len(BRACKETS)):
        mean = means[BRACKETS[bracket]]
        mean = mean[name] if isinstance(mean, dict) else mean
        drawn.append(_stratified(bracket, mean * 1000 / STEP_USV, int(counts[bracket]), rng))
    exposed = int(counts[1:].sum())
    target = figures["domains"]["mean_exposed_msv"][name] * 1000 / STEP_USV * exposed
    first = (target - sum(int(part.sum()) for part in drawn)) / max(int(counts[1]), 1)
    drawn.insert(1, _stratified(1, first, int(counts[1]), rng))
    return drawn


def _stratified(bracket: int, mean: float, number: int, rng: np.random.Generator) -> Ints:
    """``number`` doses of a bracket, one per slice of a truncated exponential with this mean."""
    low, high = _BOUNDS[bracket]
    places = np.arange(low, high + 1)
    left, right = -3.0, 3.0
    for _ in range(60):
        middle = (left + right) / 2
        weights = np.exp(-middle * (places - low) - max(0.0, -middle * (high - low)))
        weights /= weights.sum()
        left, right = (middle, right) if weights @ places > mean else (left, middle)
    chosen = places[
        np.minimum(np.searchsorted(np.cumsum(weights), (np.arange(number) + 0.5) / max(number, 1)), high - low)
    ]
    rng.shuffle(chosen)
    return chosen
