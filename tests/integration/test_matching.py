"""The bench of matching on a small country: what it aims at for correctness, not for time."""

from __future__ import annotations

from typing import Any

from bench import matching


def test_matching_and_proposals_of_a_small_country(registry: Any) -> None:
    figures, missed = matching.run(registry.registry, registry.client, 5_000, 400, 25, lambda line: None)
    reached = {name: held for name, held in figures["reached"].items() if name != "one_row_ms"}
    assert all(reached.values()), (figures["totals"], [(case.kind, listed) for case, _, listed in missed])
    kinds = {
        name: {kind: sum(one["outcomes"].values()) for kind, one in some.items()}
        for name, some in figures["formats"].items()
    }
    for name, made in matching.KINDS.items():
        assert len(kinds[name]) == len(made) + 1, kinds[name]
    for some in figures["formats"].values():
        for kind, one in some.items():
            assert one["under_another_worker"] == 0, kind
            assert kind == "sans faute" or sum(one["outcomes"].values()) > 5, kind
    registry.verify()


def test_the_bench_sees_what_is_missed(registry: Any, monkeypatch: Any) -> None:
    """Without proposals, nothing is first and the aims are not reached."""
    monkeypatch.setattr(matching, "proposals", lambda connection, key, waiting: [[] for _ in waiting])
    figures, missed = matching.run(registry.registry, registry.client, 600, 20, 3, lambda line: None)
    assert figures["totals"]["first"] == 0
    assert not figures["reached"]["first"]
    assert missed
