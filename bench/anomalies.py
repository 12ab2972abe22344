"""Unusual doses: how many planted faults are found, by kind, at how many flags on clean results; against two rivals.

Run ``python -m bench.anomalies [--workers 12000] [--seeds 2 3 4 5]``. Three civil years of two invented countries;
faults stand in the last one, which is evaluated month by month, each month knowing only what came before and with it.
The rivals (scikit-learn's isolation forest, a plain z-score by quantity) see the same rows and may flag as many results
as the flags of ours cover. The model was tuned on seeds 1 and 11 to 13 of the first country; looks at seed 1 of
the second made the bound on exchanges stricter. Seeds 2 to 5 were kept for the figures.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bench.conditions import conditions
from bench.doses import first_country
from bench.other_country import second_country
from bench.planted import BY_BATCH, KINDS, Planted, plant
from pipelines import suspect
from pipelines.usual import VERSION, Results, doublings, usual

RESULTS = Path(__file__).parent / "results"
YEARS, RATE = range(2023, 2026), 0.002
COUNTRIES: dict[str, Callable[[int, range, int], Results]] = {"first": first_country, "second": second_country}
AIMS = {"unite_1000": 0.99, "faisceau": 0.95, "temoin": 0.90, "facteur_10": 0.75, "cumul": 0.50}


def prepared(country: str, workers: int, seed: int) -> tuple[Planted, np.ndarray]:
    """A country with faults, and which of its rows are evaluated."""
    clean = COUNTRIES[country](workers, YEARS, seed)
    last = clean.day.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970 == YEARS[-1]
    return plant(clean, last, RATE, seed), last


def flagged(results: Results, rows: np.ndarray) -> list[suspect.Suspicion]:
    """The flags of an evaluation a month; rows are positions among all results."""
    found = []
    month = results.day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    for one in np.unique(month[rows]).tolist():
        known = np.flatnonzero(month <= one)
        seen = results.take(known)
        fresh = (month[known] == one) & rows[known]
        for flag in suspect.suspicions(seen, usual(seen), fresh, np.zeros(len(seen))):
            told = tuple(known[list(flag.rows)].tolist())
            found.append(suspect.Suspicion(told[0], flag.kind, flag.score, flag.bound, told))
    return found


def recalls(planted: Planted, found: np.ndarray) -> dict[str, float]:
    """Share of the faulty rows of each kind that are found, and of all."""
    told = {
        kind: float(found[planted.label == at].mean()) for at, kind in enumerate(KINDS) if (planted.label == at).any()
    }
    return told | {"all": float(found[planted.label >= 0].mean())}


def isolation_forest(results: Results, rows: np.ndarray, many: int, seed: int) -> np.ndarray:
    """bool[n]: the rows that scikit-learn's isolation forest finds most isolated, by dose and by change since the last.

    Given every code of the context as well, it isolates rare contexts instead of rare doses and finds next to nothing.
    """
    from sklearn.ensemble import IsolationForest

    about = usual(results)
    change = np.where(about.before_usv >= 0, about.scale - doublings(np.maximum(about.before_usv, 0)), 0.0)
    features = np.stack([about.scale, change], axis=1)
    forest = IsolationForest(n_estimators=100, random_state=seed).fit(features)
    return highest(-forest.score_samples(features), rows, many)


def z_scores(results: Results, rows: np.ndarray, many: int) -> np.ndarray:
    """bool[n]: the rows farthest above the mean of their quantity, in standard deviations."""
    sizes = np.maximum(np.bincount(results.kind), 1)
    mean = np.bincount(results.kind, results.usv) / sizes
    spread = np.sqrt(np.maximum(np.bincount(results.kind, results.usv.astype(float) ** 2) / sizes - mean**2, 1e-9))
    return highest((results.usv - mean[results.kind]) / spread[results.kind], rows, many)


def highest(score: np.ndarray, rows: np.ndarray, many: int) -> np.ndarray:
    """bool[n]: so many rows of the highest score among those evaluated."""
    chosen = np.zeros(len(score), bool)
    chosen[np.argsort(np.where(rows, -score, np.inf), kind="stable")[:many]] = True
    return chosen


def measure(country: str, workers: int, seed: int) -> dict[str, Any]:
    """One country of one seed: what is found, at what price, by us and by the rivals."""
    planted, rows = prepared(country, workers, seed)
    results = planted.results
    began = time.perf_counter()
    flags = flagged(results, rows)
    took = time.perf_counter() - began
    found = np.zeros(len(results), bool)
    wasted = 0
    for flag in flags:
        told = np.array(flag.rows)
        if (planted.label[told] >= 0).any():
            found[told] = True
        else:
            wasted += 1
    covered = sum(len(flag.rows) for flag in flags)
    numbers = {kind: int((planted.label == at).sum()) for at, kind in enumerate(KINDS)}
    whole = {}
    for kind in BY_BATCH:
        one = np.unique(planted.batch[planted.label == KINDS.index(kind)])
        whole[kind] = [sum(bool(found[planted.batch == number].any()) for number in one), len(one)]
    return {
        "country": country,
        "seed": seed,
        "results": len(results),
        "evaluated": int(rows.sum()),
        "planted": numbers,
        "flags": len(flags),
        "flags_on_clean_per_10000": round(wasted / int((rows & (planted.label < 0)).sum()) * 10_000, 2),
        "recall": recalls(planted, found),
        "batches_found": whole,
        "isolation_forest": recalls(planted, isolation_forest(results, rows, covered, seed)),
        "z_score": recalls(planted, z_scores(results, rows, covered)),
        "seconds": round(took, 2),
    }


def summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Several seeds of one country as one: recall over all their faults."""

    def pooled(name: str) -> dict[str, float]:
        told = {}
        for kind in KINDS:
            many = [(one[name].get(kind, 0.0), one["planted"][kind]) for one in runs]
            told[kind] = round(sum(share * n for share, n in many) / max(sum(n for _, n in many), 1), 3)
        many = [(one[name]["all"], sum(one["planted"].values())) for one in runs]
        return told | {"all": round(sum(share * n for share, n in many) / sum(n for _, n in many), 3)}

    ours, forest, plain = pooled("recall"), pooled("isolation_forest"), pooled("z_score")
    found = [[one["batches_found"][kind] for one in runs] for kind in BY_BATCH]
    batches = {
        kind: [sum(column) for column in zip(*one, strict=True)] for kind, one in zip(BY_BATCH, found, strict=True)
    }
    evaluated = sum(one["evaluated"] for one in runs)
    return {
        "seeds": [one["seed"] for one in runs],
        "evaluated": evaluated,
        "flags_on_clean_per_10000": round(
            sum(one["flags_on_clean_per_10000"] * one["evaluated"] for one in runs) / evaluated, 2
        ),
        "recall": ours,
        "batches_found_of": batches,
        "isolation_forest": forest,
        "z_score": plain,
        "times_the_better_rival": round(ours["all"] / max(forest["all"], plain["all"], 1e-9), 2),
        "aims": {kind: {"aim": aim, "reached": ours[kind] >= aim} for kind, aim in AIMS.items()},
    }


def main() -> None:
    """Measure, print, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=12_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[2, 3, 4, 5])
    parser.add_argument("--dry", action="store_true", help="print only")
    asked = parser.parse_args()
    told = {}
    for country in COUNTRIES:
        runs = [measure(country, asked.workers, seed) for seed in asked.seeds]
        told[country] = summary(runs) | {"runs": runs}
        print(country, json.dumps({k: v for k, v in told[country].items() if k != "runs"}, indent=1), flush=True)
    told |= {"conditions": conditions("numpy", "scikit-learn", model=VERSION, fault_rate=RATE, workers=asked.workers)}
    if not asked.dry:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "anomalies.json").write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
