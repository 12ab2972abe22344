"""The world's published figures at a hundredth, through the migration: rows, sums, both scopes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench import published, world

#: What one worker more a row, from rounding up, may do to a share.
ROUNDED = 0.02


@pytest.fixture(params=published.WORLDS, ids=lambda one: one.name)
def printed(request: Any, registries: Any, tmp_path: Path) -> Any:
    """A world, the registry that took it over, and its tables."""
    with registries() as bench:
        rows = world.load(bench.registry, request.param, tmp_path / "ancien", 100)
        yield request.param, bench, rows, world.print_year(bench.registry, request.param, tmp_path / "t")


def test_every_published_row_comes_out(printed: Any, tmp_path: Path) -> None:
    told, bench, rows, tables = printed
    world.compare(told, tables, 100)
    found, awaited = world.figures(told, tables), world.PUBLISHED[told.name]
    assert found["workers"] == rows["travailleurs"] == pytest.approx(awaited["workers"] / 100, rel=ROUNDED)
    if "collective_dose" in awaited:
        assert found["collective_dose"] * 100 == pytest.approx(awaited["collective_dose"], abs=1e-9)
        assert found["mean_exposed"] == pytest.approx(awaited["mean_exposed"], rel=ROUNDED)
        assert found["below_threshold_pct"] == pytest.approx(awaited["below_threshold_pct"], rel=ROUNDED)
        assert found["up_to_1_mSv_pct"] > world.MORE_THAN[told.name]
    for domain in ("civil_nuclear", "small_scale"):
        if domain in awaited:
            workers, dose = awaited[domain]
            assert found[domain][0] == pytest.approx(workers / 100, rel=ROUNDED)
            assert found[domain][1] * 100 == pytest.approx(dose, abs=1e-9)
    # Scopes share the workers out.
    parts = [
        world.print_year(bench.registry, told, tmp_path / scope, scope).held("domaines", "Total")
        for scope in ("artificiel", "naturel")
    ]
    assert sum(part[0] for part in parts) == found["workers"]
    bench.verify()


@pytest.mark.parametrize("told", published.WORLDS, ids=lambda one: one.name)
def test_a_population_is_what_was_published(told: published.World) -> None:
    """At full size: workers, sums and exposed add up to the published totals before anything is loaded."""
    doses = np.concatenate([group.doses for group in told.groups(1)])
    awaited = world.PUBLISHED[told.name]
    assert len(doses) == awaited["workers"]
    if told.name == "categories_2020":
        assert [int((doses == usv).sum()) for usv in published.DOSES] == awaited["all"]
        return
    assert int(doses.sum()) == round(awaited["collective_dose"] * 1_000_000)
    assert round(doses.sum() / (doses > 0).sum() / 1000, 2) == awaited["mean_exposed"]
    assert round(100 * float((doses == 0).mean()), 1) == awaited["below_threshold_pct"]
    assert int((doses > 20_000).sum()) == awaited["above_20_mSv"]
    if told.name == "sectors_2020":
        rows = published.SECTORS_2020
        for name, chosen in (("civil_nuclear", rows[:6]), ("small_scale", rows[6:-1])):
            assert sum(row[2] for row in chosen) == awaited[name][0]
            assert sum(row[3] for row in chosen) == round(awaited[name][1] * 1_000_000)
