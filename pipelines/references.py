"""What the registry knows of the persons and establishments that a set of rows names.

At hand as arrays (``pipelines/lookup.py`` asks for it), so that matching is arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipelines.rules import NO_RULES, Rules

Ints = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

#: Stands for "no day": later than every day.
NEVER = np.iinfo(np.int32).max


@dataclass(frozen=True)
class Sender:
    """The account a row came from.

    ``sirens`` bound an employer's perimeter; ``identifiant`` ties the account to designations; ``rules`` are the
    standing decisions that its rows are read by.
    """

    partner_id: int
    code: str
    role: str
    sirens: frozenset[str] = frozenset()
    identifiant: str | None = None
    rules: Rules = NO_RULES


@dataclass(frozen=True)
class Intervals:
    """Several dated facts per owner, sorted by owner then start; looked up by owner's position.

    ``first[o]`` and ``count[o]`` say where the owner's facts lie in ``start``, ``end`` and ``what``.
    """

    first: Ints
    count: Ints
    owner: Ints
    start: Ints
    end: Ints
    what: Ints

    @classmethod
    def build(cls, owners: int, owner: Ints, start: Ints, end: Ints, what: Ints) -> Intervals:
        order = np.lexsort((start, owner))
        count = np.bincount(owner, minlength=owners).astype(np.int64) if owners else np.zeros(0, np.int64)
        first = np.concatenate([[0], np.cumsum(count)[:-1]]).astype(np.int64) if owners else np.zeros(0, np.int64)
        return cls(first, count, owner[order], start[order], end[order], what[order])

    def any(self, owner: Ints, holds: Any) -> BoolArray:
        """For each asked owner, whether ``holds(fact positions, rows)`` is true of any of its facts."""
        found = np.zeros(len(owner), bool)
        if not len(owner):
            return found
        count = self.count[owner]
        for step in range(int(count.max(initial=0))):
            rows = np.flatnonzero((count > step) & ~found)
            found[rows] |= holds(self.first[owner[rows]] + step, rows)
        return found

    def in_force(self, owner: Ints, day: Ints) -> Ints:
        """For each asked owner, the fact that began last by that day, else the owner's first; -1 for none."""
        if not len(owner):
            return np.zeros(0, np.int64)
        last = np.searchsorted(_ordered(self.owner, self.start), _ordered(owner, day), side="right") - 1
        first = self.first[owner]
        return np.where(self.count[owner] > 0, np.maximum(last, first), -1)


def _ordered(owner: Ints, day: Ints) -> Ints:
    """Owner and day as one number that sorts like the pair; days of the years 1 to 9999."""
    return owner << 24 | np.clip(day, -(1 << 22), 1 << 22) + (1 << 23)


@dataclass(frozen=True)
class References:
    """The registry's knowledge of the asked NIR and SIRET.

    Attributes:
        nirs, sirets: what was asked (distinct). Positions in them are "places".
        worker: by NIR place, the worker's number, 0 where unknown.
        last_name, first_name: by NIR place, folded; empty where unknown.
        establishment: by SIRET place, the establishment's number, 0 where unknown.
        closed_from: by SIRET place, first day closed, NEVER where open.
        pairs: attachments as worker << 32 | establishment, sorted; positions are "attachments".
        periods, statuses: by attachment. A status's ``what``: 1 where the worker is surveilled, else 0.
        designated: by SIRET place, the sender's own designations; ``operators``: any operator's.
        delegated: by SIRET place, the sender's designations by a physician (``PST``), where it is one itself.
        physicians: by SIRET place and RPPS, the (first, last) days of designation as occupational physician, or by one.
        merged: by person, the other numbers that were found to be theirs.
    """

    nirs: pa.StringArray
    sirets: pa.StringArray
    fingerprints: list[str]
    worker: Ints
    last_name: pa.StringArray
    first_name: pa.StringArray
    establishment: Ints
    closed_from: Ints
    pairs: Ints
    periods: Intervals
    statuses: Intervals
    designated: Intervals
    delegated: Intervals
    operators: Intervals
    physicians: dict[tuple[int, str], list[tuple[int, int]]]
    merged: dict[int, list[int]]

    def place_of_nir(self, nirs: pa.StringArray) -> Ints:
        """Positions in ``nirs``, -1 for what was not asked."""
        return _index(nirs, self.nirs)

    def place_of_siret(self, sirets: pa.StringArray) -> Ints:
        """Positions in ``sirets``, -1 for what was not asked."""
        return _index(sirets, self.sirets)

    def attachment_of(self, worker: Ints, establishment: Ints) -> Ints:
        """Positions in ``pairs``, -1 where the pair is not attached."""
        wanted = worker << 32 | establishment
        at = np.searchsorted(self.pairs, wanted)
        found = np.clip(at, 0, max(len(self.pairs) - 1, 0))
        if not len(self.pairs):
            return np.full(len(wanted), -1)
        return np.where(self.pairs[found] == wanted, found, -1)


def _index(values: pa.StringArray, among: pa.StringArray) -> Ints:
    found = pc.fill_null(pc.index_in(values, value_set=among), -1)
    return np.asarray(found.to_numpy(zero_copy_only=False)).astype(np.int64)
