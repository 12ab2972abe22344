"""The kept solver (HiGHS, by scipy): another table that a reader could not tell from the true one.

Asked for one withheld cell: change its figure by so much, and others as little as can be, so that every relation still
holds. Cells that are withheld already move for nothing, shown ones at the price of being withheld. What the solver
gives is rounded to whole numbers and checked in exact arithmetic; where that fails it is asked for whole numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array, hstack

from pipelines.disclosure.cells import Cell, Kind, Relation

#: Kinds of figures that add up.
ADDED = (Kind.COUNT, Kind.RECORDS, Kind.DOSE)
#: Seconds for whole numbers, where plain linear programming gave none.
_PATIENCE_S = 20.0
#: How far from the cheapest is good enough for whole numbers.
_GAP = 0.2
_FAR = 10**9
_TRIFLE = 1e-6


class Moves:
    """Counts and doses tied by relations, as one sparse system."""

    def __init__(self, cells: Mapping[str, Cell], relations: Sequence[Relation]) -> None:
        self.names = [name for name, cell in cells.items() if cell.kind in ADDED]
        self.at = {name: place for place, name in enumerate(self.names)}
        self.value = np.array([cells[name].value for name in self.names], np.int64)
        self.weight = np.array([cells[name].weight for name in self.names], float)
        self.dose = np.array([cells[name].kind is Kind.DOSE for name in self.names], bool)
        entries = [
            (row, self.at[name], factor) for row, one in enumerate(relations) for name, factor in one.terms if factor
        ]
        rows, columns, factors = (
            np.array(part, np.int64) for part in (zip(*entries, strict=True) if entries else ((),) * 3)
        )
        self._matrix = csr_array((factors, (rows, columns)), shape=(len(relations), len(self.names)), dtype=np.int64)
        residue = self._matrix @ self.value
        self._at_most = np.array([one.at_most for one in relations], bool)
        limit = np.array([one.limit for one in relations], np.int64)
        residue = residue - limit
        wrong = np.where(self._at_most, residue > 0, residue != 0)
        if wrong.any():
            raise ValueError(f"{int(wrong.sum())} relations do not hold among the cells given")
        self._slack = np.where(self._at_most, -residue, 0)
        self._told_by = [one.told_by for one in relations]
        #: The quantiles that are shown, so that what they tell is known.
        self.telling = {name for name in self._told_by if name is not None}
        self._both = hstack([self._matrix, -self._matrix]).astype(float).tocsc()
        self._floor = np.where(self._at_most, -np.inf, 0.0)

    def silence(self, quantiles: Iterable[str]) -> None:
        """What these quantiles tell is not known: they are withheld."""
        self.telling -= set(quantiles)

    def told(self, moved: NDArray[np.int64]) -> set[str]:
        """The quantiles that would tell this change from the truth."""
        broken = np.flatnonzero(self._broken(moved))
        return {name for at in broken if (name := self._told_by[at]) is not None}

    def holds(self, moved: NDArray[np.int64]) -> bool:
        """Whether every relation that is known still holds after this change of every figure."""
        return not (self._broken(moved) & self._known()).any()

    def _broken(self, moved: NDArray[np.int64]) -> NDArray[np.bool_]:
        change = self._matrix @ moved
        return np.asarray(np.where(self._at_most, change > self._slack, change != 0), bool)

    def _known(self) -> NDArray[np.bool_]:
        return np.array([name is None or name in self.telling for name in self._told_by], bool)

    def find(
        self, target: int, step: int, down: NDArray[np.int64], up: NDArray[np.int64], free: NDArray[np.bool_]
    ) -> NDArray[np.int64] | None:
        """The cheapest change that moves ``target`` by ``step`` or beyond; ``None`` where there is none.

        Args:
            down, up: by how much each figure may fall and rise.
            free: the cells whose move costs nothing.
        """
        if not -int(down[target]) <= step <= int(up[target]):
            return None
        price = np.where(free, 0.0, self.weight)
        scale = float(abs(step)) if self.dose[target] else 1000.0
        price = np.where(self.dose, price / scale, price / (abs(step) if not self.dose[target] else 1.0))
        # A trifle for what is free too: else the solver moves what it need not.
        price = price + np.where(self.dose, 1e-4 / scale if self.dose[target] else 0.0, 1e-4)
        low, high = np.zeros(2 * len(self.names)), np.concatenate([up, down]).astype(float)
        place, other = (target, target + len(self.names)) if step > 0 else (target + len(self.names), target)
        low[place] = abs(step)
        high[other] = 0.0
        both = np.concatenate([price, price])
        shut = ~free
        shut[target] = False
        # Among what is free already, most often: a much smaller system.
        for closed in (shut, np.zeros_like(shut)):
            found = self._solved(both, low, _but(high, closed), None)
            if found is None:
                continue
            moved = _whole(found)
            if self._allowed(moved, down, up) and step * int(moved[target]) >= step * step:
                return moved
            # Parts of persons. Whole ones, among the same cells if need be, else among all that may move; doses, which
            # are only added up, mostly come out whole by themselves.
            near, every = shut & (np.abs(found) < _TRIFLE), np.ones_like(shut)
            for tight, whole in ((near, ~self.dose), (closed, ~self.dose), (closed, every)):
                found = self._solved(both, low, _but(high, tight), whole)
                if found is None:
                    continue
                moved = _whole(found)
                if self._allowed(moved, down, up) and step * int(moved[target]) >= step * step:
                    return moved
        return None

    def shake(
        self, pull: NDArray[np.float64], down: NDArray[np.int64], up: NDArray[np.int64]
    ) -> NDArray[np.int64] | None:
        """A change within these bounds, drawn where ``pull`` points; ``None`` where none in whole numbers is found."""
        price = np.concatenate([-pull, pull])
        found = self._solved(price, np.zeros(len(price)), np.concatenate([up, down]).astype(float), None)
        return moved if found is not None and self._allowed(moved := _whole(found), down, up) else None

    def _allowed(self, moved: NDArray[np.int64], down: NDArray[np.int64], up: NDArray[np.int64]) -> bool:
        return bool((moved <= up).all() and (-moved <= down).all()) and self.holds(moved)

    def _solved(
        self,
        price: NDArray[np.float64],
        low: NDArray[np.float64],
        high: NDArray[np.float64],
        whole: NDArray[np.bool_] | None,
    ) -> NDArray[np.float64] | None:
        """The cheapest change within bounds of rises and falls; ``whole``: what must move by whole numbers."""
        # What cannot move, and relations that nothing moves in, are left out: mostly they are most of the system.
        loose = np.flatnonzero(high > 0)
        count = len(self.names)
        if not len(loose):
            return np.zeros(count)
        system = self._both[:, loose]
        rows = np.flatnonzero(np.bincount(system.indices, minlength=system.shape[0]))
        rows = rows[(self._floor[rows] == 0) | self._known()[rows]]
        found = milp(
            price[loose],
            integrality=None if whole is None else np.concatenate([whole, whole])[loose].astype(int),
            bounds=Bounds(low[loose], high[loose]),
            constraints=[LinearConstraint(system.tocsr()[rows], self._floor[rows], self._slack[rows])]
            if len(rows)
            else [],
            options=None if whole is None else {"time_limit": _PATIENCE_S, "mip_rel_gap": _GAP},
        )
        if found.x is None:
            return None
        both = np.zeros(len(high))
        both[loose] = found.x
        return np.asarray(both[:count] - both[count:])


def _whole(moved: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.rint(moved).astype(np.int64)


def _but(high: NDArray[np.float64], closed: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Upper bounds of rises and falls, with these cells at rest."""
    return np.where(np.concatenate([closed, closed]), 0.0, high)


def far() -> int:
    """A bound beyond any figure."""
    return _FAR
