"""Rejudge: waiting rows go through the corridor again, from checking to loading.

Release and the analysts' decisions both come here; there is no second way into the registry.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby
from typing import Any

import numpy as np
import pyarrow as pa

import sql
from loaders.bulk import Cursor, copy_in
from loaders.secrets import RegistryKey
from pipelines import check
from pipelines.integrate import judge, sender_of, write_disputes
from pipelines.load import Change, evicted, keys_of, write_measures
from pipelines.read import chunk_of_rows
from pipelines.rules import Rules
from pipelines.second_look import Brought
from pipelines.settle import Source, outcomes
from pipelines.stores import STORES
from schemas.codebook import Outcome
from schemas.formats import formats
from schemas.spec import Context

#: Most rows judged again at once.
PAGE = 20_000


@dataclass(frozen=True)
class Entry:
    """An open entry of the queue: what waits, whose it is, and what was decided of it so far."""

    number: int
    submission: int
    line: int
    format: str
    partner_id: int
    code: str
    role: str
    identifiant: str | None
    received_on: date
    codes: int
    waived: int
    revision: int
    motive: str | None
    fixed_width: bool
    sealed: bytes

    def with_row(self, key: RegistryKey, row: dict[str, str]) -> Entry:
        """The same entry with another row under its seal."""
        return replace(self, sealed=key.seal_row(row))


def open_entries(cursor: Cursor, numbers: Sequence[int], *, rows: bool = True) -> list[Entry]:
    """Of these entries, those open now, in the order they came; to be asked again inside the load that acts.

    Args:
        rows: whether the rows themselves are wanted, sealed; else ``sealed`` is empty.
    """
    return [Entry(*found) for found in cursor.execute(sql.query("rejudge", "open"), (rows, list(numbers))).fetchall()]


def in_turn(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """Entries in groups that are judged together, in the order that lets each find what the others bring.

    References come first, file by file: they are what the measures wait for. Measures that may bear one key stay in
    the order they were received (an entry that was opened anew has a late number), in groups of one format, sender
    and day of reception. A group has at most ``PAGE`` rows.
    """
    references = [one for one in entries if one.format not in STORES]
    references.sort(key=lambda one: (one.submission, one.line))
    measures = [one for one in entries if one.format in STORES]
    measures.sort(key=lambda one: (one.format, _keyed_by(one), one.submission, one.line))
    for _, group in groupby(references, key=lambda one: one.submission):
        yield from _pages(list(group))
    for _, group in groupby(measures, key=lambda one: (one.format, one.partner_id, one.received_on)):
        yield from _pages(list(group))


def _keyed_by(entry: Entry) -> int:
    """The sender within whose measures the row's key holds, 0 for those of all senders."""
    measure = formats()[entry.format].measure
    assert measure is not None
    return entry.partner_id if measure.sender_key else 0


def _pages(group: list[Entry]) -> Iterator[list[Entry]]:
    for start in range(0, len(group), PAGE):
        yield group[start : start + PAGE]


def rejudge(
    cursor: Cursor,
    number: int,
    key: RegistryKey,
    group: Sequence[Entry],
    brought: Brought,
    amended: frozenset[int] = frozenset(),
    aside: Sequence[int] = (),
) -> list[Change]:
    """Judge a group again, against the registry as it stands and the registry's date of its reception.

    What integrates is written; the queue and the books are not touched: that is for ``apply_changes``.

    Args:
        number: the load under way.
        group: entries of one format, sender and day of reception.
        brought: learns what integrates.
        amended: entries whose row or waived codes are not the ones that the queue holds: they are renewed there.
        aside: further entries of the same decision, to be judged later: as they wait now, these do not meet them.

    Returns:
        The change of each entry that has one, and of the other entries that these sent out of the queue.
    """
    first = group[0]
    layout, store = formats()[first.format], STORES.get(first.format)
    sender = sender_of(cursor, key, first.partner_id, first.code, first.role, first.identifiant)
    checked = check.check(
        layout,
        chunk_of_rows(layout, [key.open_row(one.sealed) for one in group]),
        Context.on(first.received_on, first.role),
    )
    waived = np.array([one.waived for one in group], np.uint64)
    if waived.any():
        checked.waive(waived)
    source = Source(np.array([one.submission for one in group]), np.array([one.line for one in group]))
    own = (*(one.number for one in group), *aside)
    matched, settled = judge(
        *(cursor, number, layout, checked, None, source, sender, key, first.received_on),
        own_entries=own,
        cut=np.array([one.fixed_width for one in group], bool),
    )
    letters = outcomes(checked)
    if store is not None and matched is not None:
        write_measures(cursor, number, store, checked, matched.matched, source, settled, sender)
        brought.add(layout, checked, matched.matched, settled.insert)
        write_disputes(cursor, number, layout, checked, matched, source, settled, sender, key, first.received_on)
    if matched is not None:
        group, amended = _as_new(key, group, settled.as_new, amended)
        # What waits on does so under what it lacks now: a decision, or a standing one, may have changed that.
        kept = [one.number in amended or letters[at] == Outcome.EN_ATTENTE.value for at, one in enumerate(group)]
        rows = np.flatnonzero(kept)
        keys = keys_of(layout, checked, matched.matched, matched.references, rows)
        _renew(cursor, [group[int(at)] for at in rows], amended, keys)
    changes = evicted(settled)
    for at, one in enumerate(group):
        codes, outcome = int(checked.codes[at]), Outcome(str(letters[at]))
        if outcome is not Outcome.EN_ATTENTE or codes != one.codes:
            changes.append(Change(one.number, outcome, codes, settled.first.get(at)))
    return changes


def _as_new(
    key: RegistryKey, group: Sequence[Entry], rows: set[int], amended: frozenset[int]
) -> tuple[list[Entry], frozenset[int]]:
    """The group with these corrections as new measures: they wait, and what they corrected has left the queue."""
    entries = list(group)
    for at in rows:
        entries[at] = entries[at].with_row(key, key.open_row(entries[at].sealed) | {"CODE_METROLOGIE": ""})
    return entries, amended | {entries[at].number for at in rows}


def numbers_read(cursor: Cursor, key: RegistryKey, rows: Sequence[tuple[Entry, dict[str, str]]]) -> list[str]:
    """The NIR of rows as the standing decisions in force read them.

    Args:
        rows: entries of formats that have a NIR, each with the row to read.
    """
    numbers = ["".join(row["NIR"].split()).upper() for _, row in rows]
    rules = {one: Rules.in_force(cursor, key, one) for one in {entry.partner_id for entry, _ in rows}}
    groups: dict[tuple[str, int, date, str], list[int]] = {}
    for at, (one, _) in enumerate(rows):
        if any((rule.kind, rule.sent) == ("NIR", numbers[at]) for rule in rules[one.partner_id].rules):
            groups.setdefault((one.format, one.partner_id, one.received_on, one.role), []).append(at)
    for (name, partner, received_on, role), places in groups.items():
        layout = formats()[name]
        chunk = chunk_of_rows(layout, [rows[at][1] for at in places])
        checked = check.check(layout, chunk, Context.on(received_on, role))
        rules[partner].apply(layout, checked)
        for at, number in zip(places, checked.values["NIR"].to_pylist(), strict=True):
            numbers[at] = number
    return numbers


def _renew(cursor: Cursor, entries: list[Entry], amended: frozenset[int], keys: dict[str, Any]) -> None:
    """Renew what entries wait under and, of the amended ones, the row and the codes set aside."""
    if not entries:
        return
    cursor.execute(sql.query("rejudge", "renewal_table"))
    table = {
        "entry_id": pa.array([one.number for one in entries]),
        "amended": pa.array([one.number in amended for one in entries]),
        "sealed": pa.array(["\\x" + one.sealed.hex() for one in entries]),
        "waived": pa.array([one.waived for one in entries]),
        **keys,
    }
    copy_in(cursor, "renewal", pa.table(table))
    cursor.execute(sql.query("rejudge", "renew_keys"))
    if amended:
        cursor.execute(sql.query("rejudge", "amend"))
