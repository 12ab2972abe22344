"""A second invented country, which the model's author did not tune to: other tails, other seasons, other steps.

Doses are lognormal around each worker's own level, whose spread follows the service; one month in three hundred truly
is a busy one (three to eight times as much); outages and holidays swing the seasons by a factor of five; some senders
report by 0.01 mSv, others by 0.10 with a threshold of 0.10; workers change service; a twentieth are new each year.
"""

from __future__ import annotations

import numpy as np

from bench.doses import numbered_lines
from pipelines.usual import Results
from schemas import nomenclature

_SEASONS = np.array([0.4, 0.6, 1.2, 2.0, 1.8, 1.2, 0.5, 0.4, 1.4, 1.9, 1.0, 0.5])
#: Median monthly dose (micro-sievert) and spread (log) of a domain's services.
_LEVELS = {0: (25.0, 1.0), 1: (20.0, 0.7), 2: (40.0, 0.8), 3: (150.0, 0.6), 4: (60.0, 1.2), 5: (15.0, 0.9)}
_SENDERS = ((10, 0), (50, 50), (100, 100), (10, 30), (50, 50))


def second_country(workers: int, years: range, seed: int) -> Results:
    """Every result of these civil years: one quantity, worn a month or a quarter."""
    rng = np.random.default_rng([seed, 977])
    places = max(workers // 12, 1)
    size = rng.pareto(1.4, places) + 0.2
    home = rng.choice(places, workers, p=size / size.sum())
    known = nomenclature.trades_of_sector()
    usable = np.flatnonzero(known.any(axis=1))
    sector = rng.choice(usable, places)
    domain = nomenclature.domain_of_sector()[sector].astype(np.int64)
    trade = np.array([rng.choice(np.flatnonzero(known[one])) for one in sector[home]])
    sender = rng.integers(0, len(_SENDERS), places)
    level = np.array([_LEVELS[int(one)][0] for one in domain]) * np.exp(rng.normal(0, 0.7, places))
    spread = np.array([_LEVELS[int(one)][1] for one in domain])
    factor = rng.normal(0, 1, workers)
    idle = rng.random(workers) < 0.55
    quarterly = rng.random(places) < 0.4
    parts = []
    for year in years:
        moved = rng.random(workers) < 0.04
        home = np.where(moved, rng.choice(places, workers, p=size / size.sum()), home)
        fresh = rng.random(workers) < 0.05
        factor = np.where(fresh, rng.normal(0, 1, workers), 0.9 * factor + 0.43 * rng.normal(0, 1, workers))
        idle = np.where(fresh, rng.random(workers) < 0.55, idle)
        for month in range(1, 13):
            long = quarterly[home]
            who = np.flatnonzero(~long | (month % 3 == 0))
            at = home[who]
            length = np.where(long[who], 3, 1)
            season = np.where(domain[at] == 4, _SEASONS[month - 1], 1 + (_SEASONS[month - 1] - 1) * 0.3)
            mean = level[at] * np.exp(spread[at] * factor[who]) * length * season * np.where(idle[who], 0.05, 1)
            dose = mean * np.exp(rng.normal(0, 0.55, len(who)))
            dose *= np.where(rng.random(len(who)) < 1 / 300, rng.uniform(3, 8, len(who)), 1)
            step, least = np.array(_SENDERS)[sender[at]].T
            usv = np.round(np.minimum(dose, 15_000) / step).astype(np.int64) * step
            usv = np.where(usv < least, 0, usv)
            last = np.datetime64(f"{year}-{month:02d}", "M") + 1
            first = (last - 1).astype(np.int64) - length + 1
            n = len(who)
            columns = (
                *(who + 1, at + 1, sender[at] + 1, sender[at] + 1 + 10 * (month + 12 * year), np.zeros(n)),
                *(
                    np.zeros(n),
                    np.zeros(n),
                    sender[at] % 3,
                    first.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64),
                ),
                np.full(n, last.astype("datetime64[D]").astype(np.int64) - 1),
                *(usv, trade[who], sector[at], domain[at], np.zeros(n)),
            )
            parts.append([np.asarray(one, np.int64) for one in columns])
    return numbered_lines(Results(*(np.concatenate(one) for one in zip(*parts, strict=True))))
