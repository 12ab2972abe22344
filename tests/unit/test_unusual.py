"""What is suspected of planted faults, the words and the drawing, and a small run of the bench."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from bench.anomalies import measure
from bench.planted import KINDS, LEAST_USV, plant
from pipelines import distribution, suspect
from pipelines.usual import Results, usual
from reports import histogram

WORKERS, MONTHS = 40, 24


def service(**changed: Any) -> Results:
    """Forty workers of five establishments, two years of monthly results: each at 0.05, 0.10 or 0.20 mSv of its own."""
    month, who = (one.ravel() for one in np.meshgrid(np.arange(MONTHS), np.arange(WORKERS), indexing="ij"))
    first = (np.datetime64("2024-01", "M") + month).astype("datetime64[D]").astype(np.int64)
    last = (np.datetime64("2024-01", "M") + month + 1).astype("datetime64[D]").astype(np.int64) - 1
    wobble = np.random.default_rng(3).integers(0, 2, len(who)) * 50
    usv = np.array([50, 100, 200])[who % 3] + wobble
    same = np.zeros(len(who), np.int64)
    told = {
        "person": who + 1,
        "establishment": who // 8 + 1,
        "sender": same + 1,
        "submission": month + 1,
        "line": who + 1,
        "kind": same,
        "location": same,
        "dosimeter": same,
        "start": first,
        "day": last,
        "usv": usv,
        "trade": same,
        "sector": same,
        "domain": same,
        "fault": same.copy(),
    }
    return Results(**(told | changed))


def judged(results: Results, raised: float = 0.0) -> list[suspect.Suspicion]:
    fresh = results.submission == MONTHS
    return suspect.suspicions(results, usual(results), fresh, np.full(len(results), raised))


def spoiled(at: dict[int, int]) -> Results:
    """The service with the last month's results of some workers (by position) replaced."""
    usv = service().usv.copy()
    for worker, value in at.items():
        usv[(MONTHS - 1) * WORKERS + worker] = value
    return service(usv=usv)


def test_nothing_is_found_where_all_is_usual() -> None:
    assert judged(service()) == []


@pytest.mark.parametrize(
    ("value", "kind"), [(50_000, "UNITE"), (12_350, "FAISCEAU"), (1_000, "FACTEUR_10"), (1_205, "INHABITUELLE")]
)
def test_a_value_too_high_is_found_and_named(value: int, kind: str) -> None:
    (found,) = judged(spoiled({0: value}))
    assert (found.kind, found.rows) == (kind, ((MONTHS - 1) * WORKERS,))
    assert found.score >= found.bound


def test_the_year_to_date_is_recognised() -> None:
    clean = service()
    mine = (clean.person == 1) & (clean.submission > 12)
    (found,) = judged(spoiled({0: int(clean.usv[mine].sum())}))
    assert found.kind == "CUMUL"


def test_a_background_left_in_is_one_flag_on_the_batch() -> None:
    clean = service()
    last = (MONTHS - 1) * WORKERS
    (found,) = judged(spoiled({at: int(clean.usv[last + at]) + 300 for at in range(8)}))
    assert found.kind == "TEMOIN"
    assert found.rows == tuple(range(last, last + 8))
    assert 200 <= found.background_usv <= 400


def test_a_month_sent_again_is_one_flag_on_the_batch() -> None:
    usv = service().usv + np.random.default_rng(8).integers(0, 8, WORKERS * MONTHS) * 50
    usv[-WORKERS:] = usv[-2 * WORKERS : -WORKERS]
    found = judged(service(usv=usv))
    assert [(one.kind, len(one.rows)) for one in found] == [("COPIE", 8)] * 5


def test_two_exchanged_dosimeters_are_one_flag() -> None:
    usv = service().usv.copy()
    usv[0::WORKERS] = 5_000 + np.arange(MONTHS) % 2 * 50
    last = (MONTHS - 1) * WORKERS
    usv[last], usv[last + 1] = usv[last + 1], usv[last]
    (found,) = judged(service(usv=usv))
    assert (found.kind, found.rows) == ("ECHANGE", (last + 1, last))


def test_a_raised_bound_lets_pass_what_it_was_raised_for() -> None:
    (found,) = judged(spoiled({0: 1_000}))
    assert judged(spoiled({0: 1_000}), found.score - found.bound + 0.3) == []


def test_a_result_that_barely_matters_is_no_flag() -> None:
    """Less than 0.1 mSv above the usual, however rare."""
    usv = np.zeros(WORKERS * MONTHS, np.int64)
    usv[-1] = 90
    assert judged(service(usv=usv)) == []


def test_no_result_at_all_is_no_error() -> None:
    empty = service().take(np.zeros(0, np.int64))
    assert suspect.suspicions(empty, usual(empty), np.zeros(0, bool), np.zeros(0)) == []


def test_the_reason_tells_ratio_median_and_quantile() -> None:
    results = spoiled({0: 5_000})
    about = usual(results)
    (found,) = judged(results)
    context = distribution.of_context(results, about, found.row, np.array(found.rows))
    text = distribution.reason(results, about, found, context)
    assert context.level == "service"
    assert context.results == 8 * MONTHS - 1
    assert sum(context.counts) == context.results
    members = (results.establishment == 1) & (np.arange(len(results)) != found.row)
    assert context.median_usv == int(np.quantile(results.usv[members], 0.5, method="inverted_cdf"))
    assert text.startswith(f"{round(5_000 / context.median_usv)} fois la dose habituelle du métier")
    assert "médiane 0,1" in text
    assert "D’après ses 12 résultats précédents" in text


def test_the_drawing_is_plain_and_told() -> None:
    results = spoiled({0: 50_000})
    about = usual(results)
    (found,) = judged(results)
    context = distribution.of_context(results, about, found.row, np.array(found.rows))
    picture = str(histogram.drawn(context.as_json(50_000, 60, 12)))
    assert "style=" not in picture
    assert "<script" not in picture
    assert 'role="img"' in picture
    assert "la dose signalée est de 50 mSv" in picture
    places = [float(one) for one in re.findall(r' (?:x|x1|x2)="([\d.-]+)"', picture)]
    assert all(0 <= one <= histogram.WIDTH for one in places)


@pytest.mark.parametrize("usv", [0, 1, 50, 999_999, 5_000_000])
def test_every_dose_has_a_place_in_the_drawing(usv: int) -> None:
    places = dict.fromkeys(("mediane_usv", "quantile_99_usv", "dose_usv"), usv)
    edges = list(distribution.EDGES)
    spread = places | {"resultats": 0, "travailleurs": 0, "bornes_usv": edges, "effectifs": [0] * (len(edges) + 1)}
    marks = re.findall(r'class="dose" d="M([\d.]+)', str(histogram.drawn(spread)))
    assert 0 <= float(marks[0]) <= histogram.WIDTH


def test_planted_faults_change_what_they_say() -> None:
    clean = service()
    planted = plant(clean, clean.submission > 12, 0.1, 1)
    wrong = planted.label >= 0
    changed = np.abs(planted.results.usv - clean.usv) > LEAST_USV
    assert wrong.any()
    assert changed[wrong].all()
    assert not changed[~wrong & (planted.batch < 0)].any()
    factor = planted.label == KINDS.index("facteur_10")
    assert (planted.results.usv[factor] == 10 * clean.usv[factor]).all()


def test_a_small_bench_is_the_same_twice_and_finds_the_gross_faults() -> None:
    one, other = (measure("second", 1_500, 7) for _ in range(2))
    assert {**one, "seconds": 0} == {**other, "seconds": 0}
    assert one["recall"]["unite_1000"] >= 0.5
    assert one["recall"]["all"] > one["z_score"]["all"]
