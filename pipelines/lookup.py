"""Ask the registry about the persons and establishments that a set of rows names: each once, in sets."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

import sql
from loaders.bulk import Cursor, copy_in, fetch_columns
from loaders.secrets import RegistryKey
from pipelines.references import NEVER, Intervals, References, Sender

Ints = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


#: NIR and SIRET, distinct, that were not asked about.
Missing = tuple[pa.StringArray, pa.StringArray]
_NO_TEXT = pa.array([], pa.string())
_NO_NUMBER = np.zeros(0, np.int64)
_INTEGER = pa.int32()
NOTHING: Missing = (_NO_TEXT, _NO_TEXT)


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
    known = Growing(sender)
    known.ask(cursor, key, nirs, sirets)
    return known.references()


class Growing:
    """References that grow as the chunks of a file name identifiers; the registry is asked about each once.

    For a load that changes nothing of what is asked (measures).
    """

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._people = _People()
        self._places = _Places()
        self._built: References | None = None

    def missing(self, nirs: pa.StringArray, sirets: pa.StringArray) -> Missing:
        """Those of these identifiers (distinct) that were not asked about yet."""
        return _unasked(nirs, self._people.nirs), _unasked(sirets, self._places.sirets)

    def ask(self, cursor: Cursor, key: RegistryKey, nirs: pa.StringArray, sirets: pa.StringArray) -> None:
        """Ask about NIR and SIRET (distinct) that are missing."""
        if self._built is not None and not len(nirs) and not len(sirets):
            return
        cursor.execute(sql.query("references", "asked_tables"))
        self._people.ask(cursor, key, nirs)
        self._places.ask(cursor, sirets, [self._sender.role, "EXPLOITANT", "MDT", "PST"])
        self._built = None

    def references(self) -> References:
        """All that was found so far."""
        if self._built is None:
            people, places = self._people, self._places
            pairs, periods, statuses = people.attachments()
            designated, delegated, operators, physicians = _designations(
                self._sender, places.establishment, places.designations
            )
            self._built = References(
                nirs=people.nirs,
                sirets=places.sirets,
                fingerprints=people.fingerprints,
                worker=people.worker,
                last_name=people.last_name,
                first_name=people.first_name,
                establishment=places.establishment,
                closed_from=places.closed_from,
                pairs=pairs,
                periods=periods,
                statuses=statuses,
                designated=designated,
                delegated=delegated,
                operators=operators,
                physicians=physicians,
                merged=people.merged,
            )
        return self._built


#: What is kept of attachments: each column that names one, and what stands beside it.
_FOUND_OF = {
    "attachment": ("pair", "attachment"),
    "period.of": ("period.start", "period.end", "period.of"),
    "status.of": ("status.start", "status.surveilled", "status.of"),
}
_FOUND = tuple(name for names in _FOUND_OF.values() for name in names)


def _unasked(values: pa.StringArray, asked: pa.StringArray) -> pa.StringArray:
    if not len(asked) or not len(values):
        return values
    return values.filter(pc.invert(pc.is_in(values, value_set=asked)))


class _People:
    """What was found of the NIR asked so far, by place, and of the attachments of their workers."""

    def __init__(self) -> None:
        self.nirs: pa.StringArray = _NO_TEXT
        self.fingerprints: list[str] = []
        self.worker: Ints = _NO_NUMBER
        self.last_name: pa.StringArray = _NO_TEXT
        self.first_name: pa.StringArray = _NO_TEXT
        self.merged: dict[int, list[int]] = {}
        self._found: dict[str, Ints] = dict.fromkeys(_FOUND, _NO_NUMBER)

    def ask(self, cursor: Cursor, key: RegistryKey, nirs: pa.StringArray) -> None:
        """Ask about NIR that were not asked about yet."""
        if not len(nirs):
            return
        fingerprints = key.fingerprints(nirs.to_pylist())
        numbers = pa.array(np.arange(len(nirs), dtype=np.int32))
        copy_in(
            cursor, "asked_person", pa.table({"place": numbers, "fingerprint": pa.array(fingerprints, pa.string())})
        )
        cursor.execute("analyze asked_person")
        cursor.execute(sql.query("references", "find_people"))
        cursor.execute("analyze found_person")
        people = fetch_columns(
            cursor,
            sql.query("references", "people"),
            {"place": _INTEGER, "worker": _INTEGER, "last": pa.string(), "first": pa.string()},
        )
        at = _ints(people["place"])
        worker = np.zeros(len(nirs), np.int64)
        worker[at] = _ints(people["worker"])
        by_place = np.full(len(nirs), -1)
        by_place[at] = np.arange(len(at))
        chosen = pa.array(by_place, mask=by_place < 0)
        last, first = (pc.fill_null(people[name].combine_chunks().take(chosen), "") for name in ("last", "first"))
        self.nirs = pa.concat_arrays([self.nirs, nirs])
        self.fingerprints = self.fingerprints + fingerprints
        self.worker = np.concatenate((self.worker, worker))
        self.last_name = pa.concat_arrays([self.last_name, last])
        self.first_name = pa.concat_arrays([self.first_name, first])
        several: dict[int, list[int]] = {}
        for person, number in cursor.execute(sql.query("references", "merged")).fetchall():
            several.setdefault(person, []).append(number)
        self.merged = self.merged | several
        self._ask_attachments(cursor)

    def _ask_attachments(self, cursor: Cursor) -> None:
        cursor.execute(sql.query("references", "find_attachments"))
        cursor.execute("analyze found_attachment")
        new = dict.fromkeys(_FOUND, _NO_NUMBER)
        rows = fetch_columns(
            cursor,
            sql.query("references", "attachments"),
            {"attachment": _INTEGER, "worker": _INTEGER, "establishment": _INTEGER},
        )
        new["attachment"] = _ints(rows["attachment"])
        new["pair"] = _ints(rows["worker"]) << 32 | _ints(rows["establishment"])
        rows = fetch_columns(
            cursor, sql.query("references", "periods"), {"attachment": _INTEGER, "start": _INTEGER, "end": _INTEGER}
        )
        new["period.of"], new["period.start"] = _ints(rows["attachment"]), _ints(rows["start"])
        new["period.end"] = _ints(rows["end"], NEVER)
        rows = fetch_columns(
            cursor,
            sql.query("references", "statuses"),
            {"attachment": _INTEGER, "start": _INTEGER, "surveilled": _INTEGER},
        )
        new["status.of"], new["status.start"] = _ints(rows["attachment"]), _ints(rows["start"])
        new["status.surveilled"] = _ints(rows["surveilled"])
        # A person of several NIR may have been met before.
        for of, names in _FOUND_OF.items():
            kept = ~np.isin(new[of], self._found["attachment"])
            for name in names:
                new[name] = new[name][kept]
        self._found = {name: np.concatenate((self._found[name], new[name])) for name in _FOUND}

    def attachments(self) -> tuple[Ints, Intervals, Intervals]:
        """Pairs, and by pair the periods and the statuses."""
        found = dict(self._found)
        for of, names in _FOUND_OF.items():
            order = np.argsort(found[of], kind="stable")
            found |= {name: found[name][order] for name in names}
        # Merged persons bring several attachments to a pair.
        pairs, pair_of = np.unique(found["pair"], return_inverse=True)

        def owners(attachments: Ints) -> Ints:
            return np.asarray(pair_of[np.searchsorted(found["attachment"], attachments)], np.int64)

        pair = owners(found["period.of"])
        nothing = np.zeros(len(pair), np.int64)
        periods = Intervals.build(len(pairs), pair, found["period.start"], found["period.end"], nothing)
        pair, start = owners(found["status.of"]), found["status.start"]
        surveilled = found["status.surveilled"].astype(bool)
        several = np.bincount(pair_of, minlength=len(pairs)) > 1
        _surveilled_anywhere(surveilled, found["status.of"], start, pair, several)
        statuses = Intervals.build(len(pairs), pair, start, np.full(len(pair), NEVER), surveilled.astype(np.int64))
        return pairs, periods, statuses


class _Places:
    """What was found of the SIRET asked so far, by place, and the designations of their establishments."""

    def __init__(self) -> None:
        self.sirets: pa.StringArray = _NO_TEXT
        self.establishment: Ints = _NO_NUMBER
        self.closed_from: Ints = _NO_NUMBER
        self.designations: list[Any] = []

    def ask(self, cursor: Cursor, sirets: pa.StringArray, roles: list[str]) -> None:
        """Ask about SIRET that were not asked about yet."""
        if not len(sirets):
            return
        copy_in(cursor, "asked_siret", pa.table({"place": np.arange(len(sirets), dtype=np.int32), "siret": sirets}))
        cursor.execute("analyze asked_siret")
        found = fetch_columns(
            cursor,
            sql.query("references", "establishments"),
            {"place": _INTEGER, "establishment": _INTEGER, "closed": _INTEGER},
        )
        establishment = np.zeros(len(sirets), np.int64)
        closed_from = np.full(len(sirets), NEVER, np.int64)
        establishment[_ints(found["place"])] = _ints(found["establishment"])
        closed_from[_ints(found["place"])] = _ints(found["closed"], NEVER)
        self.sirets = pa.concat_arrays([self.sirets, sirets])
        self.establishment = np.concatenate((self.establishment, establishment))
        self.closed_from = np.concatenate((self.closed_from, closed_from))
        found_here = cursor.execute(sql.query("references", "designations"), (roles,)).fetchall()
        self.designations = self.designations + found_here


def _surveilled_anywhere(surveilled: BoolArray, attachments: Ints, start: Ints, pair: Ints, several: BoolArray) -> None:
    """Where a merged person has several attachments to an establishment, one of them under surveillance suffices.

    Amends ``surveilled``: each status then says what holds from its start on over all of its pair's attachments.

    Args:
        pair: of each status; ``several``: by pair, whether it has more than one attachment.
    """
    places: dict[int, list[int]] = {}
    for at in np.flatnonzero(several[pair]).tolist():
        places.setdefault(int(pair[at]), []).append(at)
    for ours in places.values():
        now: dict[int, bool] = {}
        for _, group in groupby(sorted(ours, key=lambda at: int(start[at])), key=lambda at: int(start[at])):
            same_day = list(group)
            now |= {int(attachments[at]): bool(surveilled[at]) for at in same_day}
            surveilled[same_day] = any(now.values())


def _designations(
    sender: Sender, establishment: Ints, rows: list[Any]
) -> tuple[Intervals, Intervals, Intervals, dict[tuple[int, str], list[tuple[int, int]]]]:
    """The sender's own, by a physician to it, any operator's, and the physicians'.

    Args:
        rows: establishment, role, identifier, first and last day, as the registry gave them.
    """
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


def _merged(spans: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """(owner, first day, last day) with the spans of an owner that overlap or touch made one."""
    merged: list[tuple[int, int, int]] = []
    for owner, start, end in sorted(spans):
        if merged and merged[-1][0] == owner and start <= merged[-1][2] + 1:
            merged[-1] = (owner, merged[-1][1], max(merged[-1][2], end))
        else:
            merged.append((owner, start, end))
    return merged


def _ints(column: pa.ChunkedArray, missing: int = 0) -> Ints:
    return np.asarray(pc.fill_null(column, missing).to_numpy()).astype(np.int64)
