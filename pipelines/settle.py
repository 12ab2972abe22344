"""Settle: duplicates, corrections, annulments; one fate for each measure.

Most rows are new measures and are recognised as such in bulk. Only rows that carry a metrology code,
share a key within the chunk or meet a measure already integrated or waiting are followed one by one,
in file order, on a small model of each key (:class:`_Slot`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from itertools import groupby
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

import sql
from loaders.bulk import Cursor
from loaders.secrets import RegistryKey
from pipelines import check, lookup
from pipelines.check import Checked
from pipelines.match import Matched, match, named
from pipelines.read import chunk_of_rows
from pipelines.references import Sender
from pipelines.rules import Rules
from pipelines.stores import Closing, KeyedStore, Store, Version, who_of
from schemas import codebook
from schemas.codebook import Outcome, Severity
from schemas.formats.common import ANNULS, CORRECTS
from schemas.spec import Context, Format

Ints = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

_REJECT = codebook.severity_mask(Severity.REJECT)
_HOLD = codebook.severity_mask(Severity.HOLD)
_UNFOUNDED, _OTHER, _SAME = (codebook.bit(code) for code in ("MET-10", "MET-11", "MET-12"))


@dataclass(frozen=True)
class Source:
    """Where rows came from: submission and line of each."""

    submission: Ints
    line: Ints


@dataclass(frozen=True)
class Eviction:
    """A waiting row that a correction or annulment sends out of the queue as ``REJETE``."""

    entry_id: int
    submission: int
    line: int
    codes: int


@dataclass
class Settled:
    """What settling decided for a chunk; the codes themselves are in the chunk.

    Attributes:
        insert: rows that become measures.
        replaced: of these, rows that a later row of the chunk replaced or annulled: (submission, line, code).
        annulments: rows that annulled something: integrated, nothing of their own remains.
        first: by row, the submission that first brought a duplicate.
        closings: warehouse versions to close; ``place`` is the closing row.
        evictions: waiting entries of the queue to reject.
        as_new: corrections that wait and whose only origin left the queue: later judged as new measures.
        disputed: new measures that a physician's correction stands in for or beside: kept, for an analyst; and what
            corrects or annuls a result that a physician's conclusion adjusted.
    """

    insert: BoolArray
    replaced: dict[int, tuple[int, int, str]] = field(default_factory=dict)
    annulments: list[int] = field(default_factory=list)
    first: dict[int, int] = field(default_factory=dict)
    closings: list[Closing] = field(default_factory=list)
    evictions: list[Eviction] = field(default_factory=list)
    as_new: set[int] = field(default_factory=set)
    disputed: list[int] = field(default_factory=list)


@dataclass
class _Held:
    """A waiting row of a key: in the queue (``entry``) or earlier in this chunk (``row``)."""

    year: int
    submission: int
    content: tuple[Any, ...]
    who: tuple[Any, Any]
    without_result: bool
    entry: Eviction | None = None
    row: int | None = None


@dataclass
class _Slot:
    """All that stands under one key while the rows of a chunk pass."""

    versions: list[tuple[Version, int | None]] = field(default_factory=list)  # with the chunk's row, if any
    held: list[_Held] = field(default_factory=list)
    annulled: list[tuple[int, tuple[Any, Any], int]] = field(default_factory=list)  # year, who, submission
    elsewhere: list[tuple[int, tuple[Any, Any]]] = field(default_factory=list)  # a body's: year, who


def settle(
    cursor: Cursor | None,
    store: Store,
    layout: Format,
    checked: Checked,
    matched: Matched,
    source: Source,
    sender: Sender,
    key: RegistryKey | None,
    own_entries: tuple[int, ...] = (),
) -> Settled:
    """Give every row of a chunk its fate, raising ``MET-10``, ``-11``, ``-12`` where they hold.

    Args:
        cursor: ``None`` where no registry is at hand (the sender's own check): rows then meet only each
            other, and a correction whose origin is not among them is left alone.
        own_entries: queue entries that these rows themselves come from (release): they do not meet themselves.
    """
    eligible = ~checked.carries(_REJECT)
    settled = Settled(insert=eligible & ~checked.carries(_HOLD))
    rows = np.flatnonzero(eligible)
    if not len(rows):
        return settled
    metrology = np.where(checked.readable["CODE_METROLOGIE"], checked.values["CODE_METROLOGIE"], -1)
    careful = eligible & (metrology >= 0)
    repeated = store.repeated(checked, matched, eligible)
    careful |= repeated
    annuls = eligible & (metrology == ANNULS)
    asked = _one_of_each_key(store, checked, matched, rows, repeated)
    known, held, elsewhere = [], [], []
    if cursor is not None:
        assert key is not None
        known = store.current(cursor, sender.partner_id, checked, matched, asked, bool(annuls.any()))
        held = _waiting(cursor, store, layout, checked, matched, rows, sender, key, own_entries)
        if isinstance(store, KeyedStore) and sender.role == "MDT" and layout.name == "PASSIVE":
            elsewhere = store.elsewhere(cursor, sender.identifiant or "", checked, matched, rows)
    careful[[row for row, _ in known]] = True
    careful[[row for row, *_ in elsewhere]] = True
    careful[[row for row, _ in held]] = True
    followed = np.flatnonzero(careful)
    if not len(followed):
        settled.disputed = _disputed(cursor, store, layout, checked, settled, sender)
        return settled

    keys = store.keys(checked, matched, followed)
    key_of = dict(zip(followed.tolist(), keys, strict=True))
    slots: dict[Any, _Slot] = {one: _Slot() for one in keys}
    seen: set[tuple[Any, int, int]] = set()
    for row, version in known:
        mark = (key_of[row], version.submission, version.line)
        if mark not in seen:
            seen.add(mark)
            slots[key_of[row]].versions.append((version, None))
    entries: set[int] = set()
    for row, waiting in held:
        assert waiting.entry is not None
        if waiting.entry.entry_id not in entries:
            entries.add(waiting.entry.entry_id)
            slots[key_of[row]].held.append(waiting)
    for row, year, who in elsewhere:
        slots[key_of[row]].elsewhere.append((year, who))
    if cursor is not None and annuls.any():
        gone = np.flatnonzero(annuls)
        gone = _one_of_each_key(store, checked, matched, gone, repeated)
        for row, year, who, submission in store.annulled(cursor, sender.partner_id, checked, matched, gone):
            slots[key_of[row]].annulled.append((year, who, submission))

    _Follower(store, checked, matched, source, settled, slots, key_of, metrology, cursor is None).run(followed)
    disputed = {*settled.disputed, *_disputed(cursor, store, layout, checked, settled, sender)}
    settled.disputed = sorted(disputed)
    return settled


def _disputed(
    cursor: Cursor | None, store: Store, layout: Format, checked: Checked, settled: Settled, sender: Sender
) -> list[int]:
    """New measures of a body that a physician's correction stands in for, or of a physician beside another's."""
    if cursor is None or layout.name != "PASSIVE" or sender.role not in ("OA", "MDT"):
        return []
    assert isinstance(store, KeyedStore)
    rows = np.flatnonzero(settled.insert)
    years = store.years(checked)
    aside = store.corrected(cursor, sender, checked, rows) if len(rows) else []
    return sorted({row for row, year in aside if abs(year - years[row]) <= 1})


def _one_of_each_key(store: Store, checked: Checked, matched: Matched, rows: Ints, repeated: BoolArray) -> Ints:
    """The rows without those whose key and year an earlier one of them bears: the warehouse is asked once for each.

    The year counts too: around another year the key may be borne by another measure.
    """
    several = rows[repeated[rows]]
    if not len(several):
        return rows
    marks = list(zip(store.keys(checked, matched, several), store.years(checked)[several].tolist(), strict=True))
    first = dict(zip(reversed(marks), reversed(several.tolist()), strict=True))
    kept = ~repeated[rows] | np.isin(rows, list(first.values()))
    return rows[kept]


class _Follower:
    """Follows rows one by one, in file order, over the slots of their keys."""

    def __init__(
        self,
        store: Store,
        checked: Checked,
        matched: Matched,
        source: Source,
        settled: Settled,
        slots: dict[Any, _Slot],
        key_of: dict[int, Any],
        metrology: Ints,
        alone: bool,
    ) -> None:
        self._store, self._checked, self._matched = store, checked, matched
        self._source, self._settled, self._slots, self._key_of = source, settled, slots, key_of
        self._metrology = metrology
        self._alone = alone  # no registry at hand: an origin that is not here may be there
        self._years = store.years(checked)
        self._without_result = store.without_result(checked)

    def run(self, rows: Ints) -> None:
        contents = self._store.contents(self._checked, self._matched, rows)
        people = who_of(self._checked, self._matched, rows)
        for row, content, who in zip(rows.tolist(), contents, people, strict=True):
            slot = self._slots[self._key_of[row]]
            code = self._metrology[row]
            if code == ANNULS:
                self._annul(row, who, slot)
            else:
                self._measure(row, content, who, slot, corrects=code == CORRECTS)

    def _near(self, year: int, other: int) -> bool:
        if not self._store.spans_years or not year:
            return True
        return abs(year - other) <= 1

    def _pick(self, year: int, slot: _Slot) -> tuple[tuple[Version, int | None] | None, _Held | None]:
        versions = [one for one in slot.versions if self._near(year, one[0].year)]
        held = [one for one in slot.held if self._near(year, one.year)]
        # A row without a readable date (only an annulment) means the latest.
        version = min(versions, key=lambda one: (abs(one[0].year - (year or 9999)), -one[0].year), default=None)
        waiting = min(held, key=lambda one: abs(one.year - (year or 9999)), default=None)
        return version, waiting

    def _measure(
        self, row: int, content: tuple[Any, ...], who: tuple[Any, Any], slot: _Slot, *, corrects: bool
    ) -> None:
        year = int(self._years[row])
        version, waiting = self._pick(year, slot)
        # A merge of persons may have left several passages under one key.
        near = [one for one in slot.versions if self._near(year, one[0].year)]
        if corrects:
            if waiting is not None and waiting.content == content:
                self._duplicate(row, waiting.submission)
                return
            if version is None and waiting is None and not self._of_a_body(year, who, slot) and not self._alone:
                self._fault(row, _UNFOUNDED)
                return
            if self._store.spans_years and len(near) > 1:
                self._fault(row, _OTHER)  # moved there, it would stand beside another measure of its key
                return
            if waiting is not None:
                self._evict(waiting, slot)
            if len(near) == 1 and near[0][0].content == content:
                self._duplicate(row, near[0][0].submission)
                return
        else:
            for same in (*(one for one, _ in near), waiting):
                if same is not None and same.content == content:
                    self._duplicate(row, same.submission)
                    return
            if version is None and waiting is None and self._of_a_body(year, who, slot):
                self._fault(row, _OTHER)
                return
            has_result = not self._without_result[row]
            if waiting is not None:
                if not (waiting.without_result and has_result):
                    self._fault(row, _OTHER)
                    return
                self._evict(waiting, slot)
            elif version is not None and not (version[0].without_result and has_result):
                self._fault(row, _OTHER)
                return
        submission = int(self._source.submission[row])
        if self._settled.insert[row]:
            if any(one.adjusted_by for one, _ in near):
                self._beside(row, near[0], content, who, slot)
                return
            for one in near:
                self._close(one, row, "C", slot)
            made = Version(year, submission, int(self._source.line[row]), content, who, bool(self._without_result[row]))
            slot.versions.append((made, row))
            slot.annulled = [one for one in slot.annulled if not self._near(year, one[0])]
        else:
            if corrects and version is None and not self._of_a_body(year, who, slot):
                self._settled.as_new.add(row)
            slot.held.append(_Held(year, submission, content, who, bool(self._without_result[row]), row=row))

    def _beside(
        self, row: int, held: tuple[Version, int | None], content: tuple[Any, ...], who: tuple[Any, Any], slot: _Slot
    ) -> None:
        """Keep a correction of what a physician's conclusion adjusted: known as the sender's word, counted nowhere."""
        version, own = held
        assert version.adjusted_by is not None
        self._settled.replaced[row] = (*version.adjusted_by, "M")
        self._settled.disputed.append(row)
        submission, line = int(self._source.submission[row]), int(self._source.line[row])
        told = replace(version, submission=submission, line=line, content=content, who=who)
        slot.versions[slot.versions.index(held)] = (told, own)

    def _of_a_body(self, year: int, who: tuple[Any, Any], slot: _Slot) -> bool:
        """Whether a physician's row names a body's measure of the same person at the same establishment."""
        return any(self._near(year, one) and of == who for one, of in slot.elsewhere)

    def _annul(self, row: int, who: tuple[Any, Any], slot: _Slot) -> None:
        self._settled.insert[row] = False
        year = int(self._years[row])
        version, waiting = self._pick(year, slot)
        named = waiting is not None and waiting.who == who
        if named or (version is not None and version[0].who in (None, who)):
            # Whichever of the two it names, both end: the key is free afterwards.
            if waiting is not None:
                self._evict(waiting, slot)
            if version is not None:
                several = [version] if self._store.spans_years else list(slot.versions)
                if version[0].adjusted_by is not None:
                    self._settled.disputed.append(row)
                for one in several:
                    self._close(one, row, "A", slot)
                whose = version[0].who or who
                slot.annulled.append((version[0].year, whose, int(self._source.submission[row])))
            self._settled.annulments.append(row)
            return
        last = [one for one in slot.annulled if self._near(year, one[0])]
        nothing = version is None and waiting is None
        if nothing and last and last[-1][1] == who:
            self._duplicate(row, last[-1][2])
        elif nothing and self._alone and not last:
            slot.annulled.append((year, who, int(self._source.submission[row])))
            self._settled.annulments.append(row)
        else:
            self._fault(row, _UNFOUNDED)

    def _duplicate(self, row: int, first: int) -> None:
        self._checked.codes[row] = (self._checked.codes[row] & ~np.uint64(_HOLD)) | np.uint64(_SAME)
        self._settled.insert[row] = False
        self._settled.first[row] = first

    def _fault(self, row: int, code: int) -> None:
        self._checked.codes[row] |= np.uint64(code)
        self._settled.insert[row] = False

    def _evict(self, waiting: _Held, slot: _Slot) -> None:
        slot.held.remove(waiting)
        if waiting.entry is not None:
            self._settled.evictions.append(waiting.entry)
        elif waiting.row is not None:
            self._checked.codes[waiting.row] |= np.uint64(_OTHER)

    def _close(self, version: tuple[Version, int | None], row: int, code: str, slot: _Slot) -> None:
        slot.versions.remove(version)
        submission, line = int(self._source.submission[row]), int(self._source.line[row])
        old, old_row = version
        if old_row is not None:
            self._settled.replaced[old_row] = (submission, line, code)
        else:
            self._settled.closings.append(Closing(row, old.year, submission, line, code, old.number))


def outcomes(checked: Checked) -> NDArray[np.str_]:
    """One-letter outcome of each row, from its codes."""
    letters = np.full(len(checked), Outcome.INTEGRE.value)
    letters[checked.carries(codebook.severity_mask(Severity.DUPLICATE))] = Outcome.DOUBLON.value
    letters[checked.carries(_HOLD)] = Outcome.EN_ATTENTE.value
    letters[checked.carries(_REJECT)] = Outcome.REJETE.value
    return letters


def _waiting(
    cursor: Cursor,
    store: Store,
    layout: Format,
    checked: Checked,
    matched: Matched,
    rows: Ints,
    sender: Sender,
    key: RegistryKey,
    own_entries: tuple[int, ...],
) -> list[tuple[int, _Held]]:
    """Queue entries that wait under the keys of these rows, each with the row it meets."""
    assert layout.measure is not None
    scope = (layout.name, sender.partner_id, layout.measure.sender_key)
    texts = store.references(checked, rows)
    bounds = pc.min_max(texts).as_py()
    some = cursor.execute(
        sql.query("settle", "waiting_references"), (*scope, bounds["min"], bounds["max"], list(own_entries))
    ).fetchone()
    if not some or not some[0]:
        return []
    meets = np.asarray(pc.is_in(texts, value_set=pa.array(some[0], pa.string())).to_numpy(zero_copy_only=False))
    if not meets.any():
        return []
    met = rows[meets]
    asked = pc.unique(texts.filter(pa.array(meets))).to_pylist()
    found = cursor.execute(sql.query("settle", "waiting"), (*scope, asked, list(own_entries))).fetchall()
    by_key: dict[Any, list[_Held]] = {}
    for partner, group in groupby(sorted(found, key=_partner), key=_partner):
        # Passages are met whoever sent them, each read by the standing decisions for its own sender.
        rules = sender.rules if partner == sender.partner_id else Rules.in_force(cursor, key, partner)
        for one_key, held in _opened(cursor, store, layout, list(group), replace(sender, rules=rules), key):
            by_key.setdefault(one_key, []).append(held)
    return [
        (int(row), held)
        for row, one_key in zip(met.tolist(), store.keys(checked, matched, met), strict=True)
        for held in by_key.get(one_key, [])
    ]


def _partner(found: tuple[Any, ...]) -> int:
    """Whose a waiting row is."""
    return int(found[3])


def _opened(
    cursor: Cursor, store: Store, layout: Format, found: list[Any], sender: Sender, key: RegistryKey
) -> list[tuple[Any, _Held]]:
    """Waiting entries, unsealed and typed through the same check and match as any row."""
    chunk = chunk_of_rows(layout, [key.open_row(sealed) for *_, sealed, _ in found])
    received: date = found[0][-1]
    checked = check.check(layout, chunk, Context.on(received, sender.role))
    sender.rules.apply(layout, checked)
    known = lookup.fetch(cursor, key, *named(checked), sender=sender)
    matched = match(layout, checked, known, sender)
    rows = np.arange(len(found))
    years, without = store.years(checked), store.without_result(checked)
    parts = zip(
        found,
        store.keys(checked, matched, rows),
        store.contents(checked, matched, rows),
        who_of(checked, matched, rows),
        strict=True,
    )
    return [
        (
            one_key,
            _Held(
                year=int(years[at]),
                submission=submission,
                content=content,
                who=who,
                without_result=bool(without[at]),
                entry=Eviction(entry_id, submission, line, codes),
            ),
        )
        for at, ((entry_id, submission, line, _, _, codes, *_), one_key, content, who) in enumerate(parts)
    ]
