"""An effect summed up for a page: what becomes of how many rows, what gets worse, what could not be decided."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from pipelines.decide import Decision, Effect, own_faults
from schemas import codebook
from schemas.codebook import Outcome, Severity

#: Groups of codes shown at most.
MOST_GROUPS = 20


@dataclass(frozen=True)
class Summary:
    """An effect in counts.

    Attributes:
        outcomes: rows by outcome, as ``effect.counts()``.
        groups: rows by codes before, outcome and codes after, the most numerous first.
        rejected: rows that would be rejected although that is not what was asked.
        more: rows that would wait for something they did not wait for before.
        idle: rows on which the decision changes nothing.
        faults: codes of the faults of its own that the given value has; then it cannot be applied.
    """

    outcomes: dict[str, int]
    groups: list[dict[str, Any]]
    rejected: int
    more: int
    idle: int
    faults: list[str]

    @property
    def worse(self) -> bool:
        return bool(self.rejected or self.more)


def summed_up(effect: Effect, decision: Decision) -> Summary:
    """Count what a decision makes of its rows."""
    holding = frozenset(codebook.names(codebook.severity_mask(Severity.HOLD)))
    groups: Counter[tuple[tuple[str, ...], str, tuple[str, ...]]] = Counter()
    rejected = more = idle = 0
    faults: set[str] = set()
    for fate in effect.fates:
        groups[fate.before, fate.outcome.name, fate.after] += 1
        if fate.outcome is Outcome.REJETE and decision.action != "rejeter":
            rejected += 1
        elif fate.outcome is Outcome.EN_ATTENTE:
            more += bool((set(fate.after) - set(fate.before)) & holding)
            idle += fate.after == fate.before
        if decision.action in ("corriger", "rattacher"):
            faults |= set(own_faults(fate))
    listed = [
        {"avant": list(before), "issue": outcome, "apres": list(after), "lignes": count}
        for (before, outcome, after), count in groups.most_common(MOST_GROUPS)
    ]
    return Summary(effect.counts(), listed, rejected, more, idle, sorted(faults))
