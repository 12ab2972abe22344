"""Whole stories on the real warehouse against the naive twin: deposits, passes, the queue, follow-ups, current doses.

Every story has its own senders, people and establishments (`World`), so all of them share one warehouse.
"""

import os
from collections import Counter
from datetime import date
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings, target
from property import told
from property.comparing import REFUSED, changes_of, compare_results, summary
from property.sequences import Pass, World, stories
from twin.ledger import WAITING
from twin.registry import TwinRegistry

from pipelines import read

SALTS = count(1)


def compare(registry: Any, story: list[Pass]) -> TwinRegistry:
    """Play one story on both sides and compare after every pass; returns the twin as it ends."""
    world = World(next(SALTS))
    twin = TwinRegistry(list(world.partners.values()))
    for partner in [world.partners[slot] for slot in sorted({one.sender for step in story for one in step.deposits})]:
        registry.partner(partner.code, partner.role, partner.sirens, partner.identifiant)
    codes = {partner.code for partner in world.partners.values()}
    files: list[tuple[str, str]] = []
    for step in story:
        for deposit in step.deposits:
            sender = world.partners[deposit.sender].code
            files.append((sender, f"f{len(files):03d}.csv"))
            data = world.bytes_of(deposit)
            twin.deposit(sender, files[-1][1], data)
            registry.drop(sender, files[-1][1], data)
        twin.run(step.day)
        registry.run(today=step.day)
        compare_pass(registry, twin, files, codes, step.day)
    return twin


def compare_pass(registry: Any, twin: TwinRegistry, files: list[tuple[str, str]], codes: set[str], day: date) -> None:
    for sender, name in files:
        expected = twin.submission(sender, name)
        where = f"{sender}/{name} ({expected.format}) on {day}"
        report = registry.report(sender, name)
        assert report is not None, f"no report: {where}"
        assert summary(report) == summary(expected.first), where
        if report["statut"] in REFUSED:
            continue
        told = [(outcome, sorted(found)) for outcome, found in registry.rows(sender, name)]
        assert told == [(outcome, sorted(found)) for outcome, found in twin.rows(sender, name)], where
        changes = Counter(change for follow_up in registry.follow_ups(sender, name) for change in changes_of(follow_up))
        assert changes == Counter((line, before, after) for line, before, after, _ in expected.changes), where
    queue = sorted(
        (entry["emetteur"], entry["ligne"], frozenset(entry["codes"]) & WAITING)
        for entry in registry.queue()
        if entry["emetteur"] in codes
    )
    assert queue == sorted((sender, line, waits) for sender, _, line, waits in twin.queue())
    compare_results(registry, twin, files)


@pytest.mark.parametrize(("block", "stories_told"), [(read.BLOCK, 25), (1000, 8)], ids=["one chunk", "many chunks"])
def test_stories_end_as_the_twin_tells(
    registry: Any, monkeypatch: pytest.MonkeyPatch, block: int, stories_told: int
) -> None:
    """The same ends where a file is read, matched and written in chunks of a few rows, side by side."""
    monkeypatch.setattr(read, "BLOCK", block)

    @settings(
        max_examples=stories_told,
        deadline=None,
        derandomize="HYPOTHESIS_EXPLORE" not in os.environ,
        phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.target],
        suppress_health_check=list(HealthCheck),
    )
    @given(stories())
    @example(told.CLASSES_AND_NAMES)
    @example(told.CORRECTIONS)
    @example(told.LATE_REFERENCES)
    @example(told.DEPARTURES)
    @example(told.RESULTS_OF_ALL_KINDS)
    @example(told.FAR_YEARS_UNDER_ONE_KEY)
    @example(told.ABOVE_AND_APART)
    def law(story: list[Pass]) -> None:
        twin = compare(registry, story)
        settled = {line.outcome for one in twin.submissions for line in one.lines if line.codes}
        target(float(len(settled) + sum(len(one.changes) for one in twin.submissions)))

    law()
