"""What the registry knows of the persons and establishments that a set of rows names.

Fetched once for a file (or a release), inside its load, so that matching is arithmetic on arrays.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

import sql
from loaders.bulk import Cursor, copy_in, fetch_columns
from loaders.secrets import RegistryKey
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


def _merged(spans: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """(owner, first day, last day) with the spans of an owner that overlap or touch made one."""
    merged: list[tuple[int, int, int]] = []
    for owner, start, end in sorted(spans):
        if merged and merged[-1][0] == owner and start <= merged[-1][2] + 1:
            merged[-1] = (owner, merged[-1][1], max(merged[-1][2], end))
        else:
            merged.append((owner, start, end))
    return merged


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


def _ints(column: pa.ChunkedArray, missing: int = 0) -> Ints:
    return np.asarray(pc.fill_null(column, missing).to_numpy()).astype(np.int64)


def fetch(
    cursor: Cursor,
    key: RegistryKey,
    nirs: pa.StringArray,
    sirets: pa.StringArray,
    *,
    sender: Sender,
) -> References:
    """Ask the registry about distinct, well-formed NIR and SIRET.

    Args:
        cursor: inside a transaction (the asked values lie in temporary tables).
        sender: whose own designations count (``AVT-10``, ``IDT-10``).
    """
    fingerprints = key.fingerprints(nirs.to_pylist())
    cursor.execute(sql.query("references", "asked_tables"))
    numbers = pa.array(np.arange(len(nirs), dtype=np.int32))
    copy_in(cursor, "asked_person", pa.table({"place": numbers, "fingerprint": pa.array(fingerprints, pa.string())}))
    copy_in(
        cursor, "asked_siret", pa.table({"place": pa.array(np.arange(len(sirets), dtype=np.int32)), "siret": sirets})
    )
    cursor.execute("analyze asked_person; analyze asked_siret")

    people = fetch_columns(
        cursor,
        sql.query("references", "people"),
        {"place": pa.int32(), "worker": pa.int32(), "last": pa.string(), "first": pa.string()},
    )
    at = _ints(people["place"])
    worker = np.zeros(len(nirs), np.int64)
    worker[at] = _ints(people["worker"])
    by_place = np.full(len(nirs), -1)
    by_place[at] = np.arange(len(at))
    chosen = pa.array(by_place, mask=by_place < 0)

    places = fetch_columns(
        cursor,
        sql.query("references", "establishments"),
        {"place": pa.int32(), "establishment": pa.int32(), "closed": pa.int32()},
    )
    establishment = np.zeros(len(sirets), np.int64)
    closed_from = np.full(len(sirets), NEVER, np.int64)
    establishment[_ints(places["place"])] = _ints(places["establishment"])
    closed_from[_ints(places["place"])] = _ints(places["closed"], NEVER)

    pairs, periods, statuses = _attachments(cursor)
    designated, delegated, operators, physicians = _designations(cursor, sender, establishment)
    merged: dict[int, list[int]] = {}
    for person, number in cursor.execute(sql.query("references", "merged")).fetchall():
        merged.setdefault(person, []).append(number)
    return References(
        nirs=nirs,
        sirets=sirets,
        fingerprints=fingerprints,
        worker=worker,
        last_name=pc.fill_null(people["last"].combine_chunks().take(chosen), ""),
        first_name=pc.fill_null(people["first"].combine_chunks().take(chosen), ""),
        establishment=establishment,
        closed_from=closed_from,
        pairs=pairs,
        periods=periods,
        statuses=statuses,
        designated=designated,
        delegated=delegated,
        operators=operators,
        physicians=physicians,
        merged=merged,
    )


def _attachments(cursor: Cursor) -> tuple[Ints, Intervals, Intervals]:
    integer = pa.int32()
    found = fetch_columns(
        cursor,
        sql.query("references", "attachments"),
        {"attachment": integer, "worker": integer, "establishment": integer},
    )
    ids = _ints(found["attachment"])
    combined = _ints(found["worker"]) << 32 | _ints(found["establishment"])
    pairs, pair_of = np.unique(combined, return_inverse=True)  # merged persons bring several attachments to a pair
    cursor.execute(sql.query("references", "asked_attachments"))
    copy_in(cursor, "asked_attachment", pa.table({"attachment_id": pa.array(ids)}))
    cursor.execute("analyze asked_attachment")
    position = dict(zip(ids.tolist(), pair_of.tolist(), strict=True))

    def owners(column: pa.ChunkedArray) -> Ints:
        return np.fromiter((position[one] for one in column.to_pylist()), np.int64, len(column))

    rows = fetch_columns(
        cursor, sql.query("references", "periods"), {"attachment": integer, "start": integer, "end": integer}
    )
    periods = Intervals.build(
        len(pairs),
        owners(rows["attachment"]),
        _ints(rows["start"]),
        _ints(rows["end"], NEVER),
        np.zeros(rows.num_rows, np.int64),
    )
    rows = fetch_columns(
        cursor,
        sql.query("references", "statuses"),
        {"attachment": integer, "start": integer, "class": pa.string(), "other": pa.string()},
    )
    outside = pc.fill_null(pc.is_in(rows["class"], value_set=pa.array(["NC", "NR"])), False)
    neither = pc.and_(pc.is_null(rows["class"]), pc.is_null(rows["other"]))
    surveilled = ~np.asarray(pc.or_(outside, neither).to_numpy())
    _surveilled_anywhere(surveilled, rows["attachment"].to_pylist(), _ints(rows["start"]), position)
    statuses = Intervals.build(
        len(pairs),
        owners(rows["attachment"]),
        _ints(rows["start"]),
        np.full(rows.num_rows, NEVER),
        surveilled.astype(np.int64),
    )
    return pairs, periods, statuses


def _surveilled_anywhere(surveilled: BoolArray, attachments: list[int], start: Ints, position: dict[int, int]) -> None:
    """Where a merged person has several attachments to an establishment, one of them under surveillance suffices.

    Amends ``surveilled``: each status then says what holds from its start on over all of its pair's attachments.
    """
    several: dict[int, list[int]] = {}
    for at, attachment in enumerate(attachments):
        several.setdefault(position[attachment], []).append(at)
    for places in several.values():
        if len({attachments[at] for at in places}) < 2:
            continue
        now: dict[int, bool] = {}
        for _, group in groupby(sorted(places, key=lambda at: int(start[at])), key=lambda at: int(start[at])):
            same_day = list(group)
            now |= {attachments[at]: bool(surveilled[at]) for at in same_day}
            surveilled[same_day] = any(now.values())


def _designations(
    cursor: Cursor, sender: Sender, establishment: Ints
) -> tuple[Intervals, Intervals, Intervals, dict[tuple[int, str], list[tuple[int, int]]]]:
    roles = [sender.role, "EXPLOITANT", "MDT", "PST"]
    rows = cursor.execute(sql.query("references", "designations"), (roles,)).fetchall()
    place = {int(number): at for at, number in enumerate(establishment) if number}

    def build(chosen: list[Any]) -> Intervals:
        spans = [(place[number], start, NEVER if end is None else end) for number, _, _, start, end in chosen]
        table = np.array(_merged(spans), np.int64).reshape(-1, 3)
        return Intervals.build(
            len(establishment), table[:, 0], table[:, 1], table[:, 2], np.zeros(len(table), np.int64)
        )

    named = sender.identifiant if sender.role in ("CRP", "MDT") else sender.code
    own = [row for row in rows if row[1] == sender.role and row[2] == named]
    delegated = [row for row in rows if row[1] == "PST" and sender.role == "MDT" and row[2] == named]
    physicians: dict[tuple[int, str], list[tuple[int, int]]] = {}
    for number, role, rpps, start, end in rows:
        if role in ("MDT", "PST"):
            physicians.setdefault((place[number], rpps), []).append((start, NEVER if end is None else end))
    return build(own), build(delegated), build([row for row in rows if row[1] == "EXPLOITANT"]), physicians
