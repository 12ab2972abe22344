"""A reader who wants what is withheld: every shown figure, every relation, the log, and earlier editions in hand.

Written apart from the engine: no solver's work is shared, and the log is read by the words in it. Two ways: every table
of whole numbers tried in turn (small tables), and linear programming (any size, which can only be fooled upwards).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scipy.optimize import linprog
from scipy.sparse import csr_matrix

#: Beyond what any count of the small tables can be.
CEILING = 400
#: The name of no figure: the number 1.
ONE = ""


@dataclass(frozen=True)
class Told:
    """What a reader holds.

    ``shown`` by name; ``log`` the word of the log for each withheld cell; ``counts``: the names of numbers of workers;
    ``sums`` and ``ceilings``: terms whose sum is 0, or not above 0, :data:`ONE` being 1; ``before``: figures that
    earlier editions showed.
    """

    shown: Mapping[str, int]
    log: Mapping[str, str]
    counts: frozenset[str]
    sums: Sequence[Mapping[str, int]]
    ceilings: Sequence[Mapping[str, int]]
    before: Mapping[str, Sequence[int]]


def span(told: Told, name: str) -> tuple[int, int | None]:
    """What the log alone says of a withheld figure."""
    word = told.log[name]
    if name not in told.counts:
        return (1 if word == "DOMINANCE" else 0), None
    if word == "EFFECTIF":
        return 1, 10
    if word in ("ETABLISSEMENTS", "DOMINANCE"):
        return 11, None
    if word == "ECART":
        return max(0, min(told.before[name]) - 10), max(told.before[name]) + 10
    return 0, None


def enumerated(told: Told, wanted: str, enough: int) -> list[int]:
    """Values that a withheld count can have, each with a whole table behind it, until two lie ``enough`` apart.

    Doses take no part: a reader who leaves them out only learns less of counts, so the tables tried should hold none.
    """
    spans = {}
    for name in told.log:
        low, high = span(told, name)
        spans[name] = (low, CEILING if high is None else high)
    rules = [(one, True) for one in told.sums] + [(one, False) for one in told.ceilings]
    rules = [(one, exact) for one, exact in rules if any(name in spans for name in one)]
    possible: list[int] = []
    for value in range(spans[wanted][0], spans[wanted][1] + 1):
        if _filled(told, rules, {**spans, wanted: (value, value)}):
            possible.append(value)
            if possible[-1] - possible[0] >= enough:
                break
    return possible


def _filled(told: Told, rules: Sequence[tuple[Mapping[str, int], bool]], spans: dict[str, tuple[int, int]]) -> bool:
    """Whether the unknowns can be filled in: spans are narrowed while a rule does it, then the shortest is tried."""
    progress = True
    while progress:
        progress = False
        for terms, exact in rules:
            ends = {name: spans.get(name, (told.shown.get(name, 0),) * 2) for name in terms}
            least = sum(min(factor * end for end in ends[name]) for name, factor in terms.items())
            most = sum(max(factor * end for end in ends[name]) for name, factor in terms.items())
            if least > 0 or (exact and most < 0):
                return False
            for name, factor in terms.items():
                low, high = ends[name]
                if low == high:
                    continue
                # What the others leave: factor * value <= room, and for a sum also >= floor.
                room = -(least - min(factor * low, factor * high))
                floor = -(most - max(factor * low, factor * high))
                size = abs(factor)
                new_low, new_high = low, high
                if factor > 0:
                    new_high = min(high, room // size)
                    new_low = max(low, -(-floor // size)) if exact else low
                else:
                    new_low = max(low, -(room // size))
                    new_high = min(high, (-floor) // size) if exact else high
                if new_low > new_high:
                    return False
                if (new_low, new_high) != (low, high):
                    spans[name] = (new_low, new_high)
                    progress = True
                    break
    open_ = [name for name, (low, high) in spans.items() if low < high]
    if not open_:
        return True
    first = min(open_, key=lambda name: spans[name][1] - spans[name][0])
    low, high = spans[first]
    return any(_filled(told, rules, {**spans, first: (value, value)}) for value in range(low, high + 1))


class Solver:
    """Linear programming over all that a reader holds, parts of persons allowed."""

    def __init__(self, told: Told) -> None:
        self._at = {name: place for place, name in enumerate(sorted(told.log))}
        self._spans = [span(told, name) for name in self._at]
        self._equal, self._equal_to = self._written(told, told.sums)
        self._under, self._under_to = self._written(told, told.ceilings)

    def _written(self, told: Told, rules: Sequence[Mapping[str, float]]) -> tuple[Any, Any]:
        entries: list[tuple[float, int, int]] = []
        right: list[float] = []
        for terms in rules:
            mine = [(factor, len(right), self._at[name]) for name, factor in terms.items() if name in self._at]
            if mine:
                entries += mine
                right.append(
                    -sum(factor * told.shown.get(name, 1) for name, factor in terms.items() if name not in self._at)
                )
        if not entries:
            return None, None
        factors, rows, columns = zip(*entries, strict=True)
        return csr_matrix((factors, (rows, columns)), shape=(len(right), len(self._at))), right

    def bounds(self, name: str) -> tuple[float, float]:
        """The least and the most that a withheld figure can be."""
        ends = []
        for sign in (1.0, -1.0):
            goal = [0.0] * len(self._at)
            goal[self._at[name]] = sign
            found = linprog(
                goal,
                A_ub=self._under,
                b_ub=self._under_to,
                A_eq=self._equal,
                b_eq=self._equal_to,
                bounds=self._spans,
                method="highs",
            )
            if found.status == 3:
                ends.append(-sign * float("inf"))
            else:
                assert found.status == 0, found.message
                ends.append(sign * found.fun)
        return ends[0], ends[1]


def bounded(told: Told, name: str) -> tuple[float, float]:
    """:meth:`Solver.bounds` of one figure."""
    return Solver(told).bounds(name)
