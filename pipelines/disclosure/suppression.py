"""Second look: what must be withheld besides, so that nothing withheld can be worked out from totals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from pipelines.disclosure.cells import Cell, Edition, Kind, Reason, Relation, Rule, Verdict, Withheld
from pipelines.disclosure.moves import Moves, far
from pipelines.disclosure.primary import bounds, known_before, primary

#: Tables sought with everything withheld moving at once: first, and after so many cells.
_SHAKES, _EVERY = 8, 20


class Unprotected(ValueError):
    """There is no way to withhold a figure: too little else could be otherwise."""


def protect(
    cells: Iterable[Cell],
    relations: Sequence[Relation],
    rule: Rule | None = None,
    earlier: Sequence[Edition] = (),
    looked: Callable[[int], None] = lambda done: None,
) -> Verdict:
    """Decide which cells are shown.

    A withheld count or dose is safe once there is another table, alike in all that is shown, in which it differs by
    what the rule asks. Cells that such a table must change besides are withheld too. Withholding more never makes a
    table that was found untrue, so nothing is looked at twice.

    Args:
        cells: the figures of all tables that are linked, together.
        relations: what a reader knows of them; those that hold among counts and among doses, and between the two.
        earlier: what editions of the same tables showed before. What was withheld stays so; a figure that was shown and
            has not changed since is taken as known to the reader, and hides nothing.
        looked: told from time to time how many withheld figures have been looked at.

    Raises:
        Unprotected: no choice of cells hides one that must be withheld.
        ValueError: names come twice, a relation does not hold among the cells, or names one that is not there.
    """
    rule = rule or Rule()
    listed = list(cells)
    by_name = {cell.name: cell for cell in listed}
    if len(by_name) != len(listed):
        raise ValueError("two cells bear one name")
    reasons = primary(by_name, rule, earlier)
    search = _Search(by_name, relations, rule, earlier, reasons)
    search.run(looked)
    _derive(by_name, reasons)
    withheld = {name: Withheld(name, reasons[name], name in search.exposed) for name in by_name if name in reasons}
    return Verdict(withheld, {name: search.alternative(name) for name in withheld if name in search.moves.at})


def _derive(cells: Mapping[str, Cell], reasons: dict[str, Reason]) -> None:
    """Ratios and quantiles are shown only where all that they are drawn from is."""
    for name, cell in cells.items():
        if any(base in reasons for base in cell.bases):
            reasons.setdefault(name, Reason.DERIVED)


class _Search:
    """The tables found so far, each as differences from the truth in every count and dose."""

    def __init__(
        self,
        cells: Mapping[str, Cell],
        relations: Sequence[Relation],
        rule: Rule,
        earlier: Sequence[Edition],
        reasons: dict[str, Reason],
    ) -> None:
        self._cells, self._rule, self._earlier, self._reasons = cells, rule, earlier, reasons
        self.moves = Moves(cells, relations)
        names, count = self.moves.names, len(self.moves.names)
        self._down, self._up = np.zeros(count, np.int64), np.zeros(count, np.int64)
        for name in names:
            self._bound(name)
        self._known = np.array([known_before(cells, cells[name], earlier) for name in names], bool)
        self._free = np.array([name in reasons for name in names], bool)
        self._silence()
        self._lowest, self._highest = np.zeros(count, np.int64), np.zeros(count, np.int64)
        self._low_table = np.full(count, -1)
        self._high_table = np.full(count, -1)
        self._tables: list[NDArray[np.int64]] = []
        #: Cells that a reader of earlier editions may work out: nothing found hides them.
        self.exposed: set[str] = set()

    def run(self, looked: Callable[[int], None]) -> None:
        """Find a table for every withheld count and dose; those withheld on the way come last."""
        queue = [name for name in self.moves.names if name in self._reasons]
        if not queue:
            return
        # The largest need first: what is withheld for it serves the others.
        queue.sort(key=lambda name: -self._width(name))
        chance = np.random.default_rng(0)
        for turn in range(_SHAKES):
            self._shake(chance, turn)
        for done, name in enumerate(queue):
            at = self.moves.at[name]
            if self._known[at]:
                self.exposed.add(name)  # to who has the earlier edition; not to who has this one alone
            if self._highest[at] - self._lowest[at] < self._width(name):
                queue += self._protect(name, at)
            if done % _EVERY == _EVERY - 1:
                self._shake(chance, done // _EVERY)
                looked(done + 1)

    def _shake(self, chance: np.random.Generator, turn: int) -> None:
        """Move all counts or all doses that are withheld at once: such a table serves many cells."""
        widths = np.array([self._width(name) for name in self.moves.names])
        meant = self.moves.dose == turn % 2
        # Doses follow the counts; counts stand still for the doses.
        reach = np.where(meant, widths, np.where(self.moves.dose, far(), 0))
        reach = np.where(self._free & ~self._known, reach, 0)
        down, up = np.minimum(self._down, reach), np.minimum(self._up, reach)
        moved = self.moves.shake(np.where(meant, chance.choice((-1.0, 1.0), len(widths)) / widths, 0.0), down, up)
        if moved is not None:
            self._keep(moved, np.ones(len(moved), bool))

    def _silence(self) -> None:
        """A quantile that is withheld, or drawn from what is, tells nothing."""
        gone = {
            name
            for name in self.moves.telling
            if name in self._reasons or any(base in self._reasons for base in self._cells[name].bases)
        }
        self.moves.silence(gone)

    def alternative(self, name: str) -> tuple[dict[str, int], dict[str, int]]:
        """Two tables that differ in this cell as far as any found."""
        at = self.moves.at[name]
        return self._told(int(self._low_table[at])), self._told(int(self._high_table[at]))

    def _told(self, table: int) -> dict[str, int]:
        if table < 0:
            return {}
        moved = self._tables[table]
        return {self.moves.names[at]: int(moved[at]) for at in np.flatnonzero(moved)}

    def _width(self, name: str) -> int:
        cell = self._cells[name]
        if cell.kind is Kind.COUNT:
            return self._rule.count_width
        least = self._rule.dose_floor_usv if cell.kind is Kind.DOSE else self._rule.count_width
        return max(least, -(-self._rule.dose_width * cell.value // 100))

    def _bound(self, name: str) -> None:
        """How far the figure may move, for all that the log tells once it is withheld."""
        at, cell = self.moves.at[name], self._cells[name]
        low, high = bounds(cell, self._reasons.get(name), self._rule, self._earlier)
        self._down[at] = cell.value - low
        self._up[at] = far() if high is None else high - cell.value

    def _protect(self, name: str, at: int) -> list[str]:
        moved = self._moved(at, self._width(name), self._known)
        if moved is None and self.moves.telling:
            moved = self._without_quantiles(name, at)
        if moved is None:
            self.exposed.add(name)
            moved = self._moved(at, self._width(name), np.zeros_like(self._known))
        if moved is None:
            raise Unprotected(f"no other table hides the cell {name}")
        fresh = [self.moves.names[place] for place in np.flatnonzero((moved != 0) & ~self._free)]
        for one in fresh:
            self._reasons[one] = Reason.SECONDARY
            self._free[self.moves.at[one]] = True
        self._silence()
        # What moves a figure that some reader knows hides no other from him.
        honest = not moved[self._known].any()
        self._keep(moved, np.full(len(moved), honest) | (np.arange(len(moved)) == at))
        return fresh

    def _without_quantiles(self, name: str, at: int) -> NDArray[np.int64] | None:
        """A table that quantiles alone tell from the truth: they are withheld."""
        telling = set(self.moves.telling)
        self.moves.silence(telling)
        moved = self._moved(at, self._width(name), self._known)
        self.moves.telling = telling
        if moved is not None:
            gone = self.moves.told(moved) & telling
            self._reasons.update(dict.fromkeys(gone, Reason.SECONDARY))
            self.moves.silence(gone)
        return moved

    def _moved(self, at: int, width: int, known: NDArray[np.bool_]) -> NDArray[np.int64] | None:
        """A table in which the cell differs by the width from the lowest or highest found."""
        down, up = np.where(known, 0, self._down), np.where(known, 0, self._up)
        down[at], up[at] = self._down[at], self._up[at]
        found = [
            moved
            for step in (int(self._lowest[at]) + width, int(self._highest[at]) - width)
            if (moved := self.moves.find(at, step, down, up, self._free)) is not None
        ]
        return min(found, key=self._cost, default=None)

    def _cost(self, moved: NDArray[np.int64]) -> float:
        return float(self.moves.weight[(moved != 0) & ~self._free].sum())

    def _keep(self, moved: NDArray[np.int64], hides: NDArray[np.bool_]) -> None:
        """Keep a table, for the cells that it hides."""
        table = len(self._tables)
        self._tables.append(moved)
        lower, higher = hides & (moved < self._lowest), hides & (moved > self._highest)
        self._lowest[lower], self._low_table[lower] = moved[lower], table
        self._highest[higher], self._high_table[higher] = moved[higher], table
