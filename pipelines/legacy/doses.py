"""Doses: measures of the old registry, typed by the rules of their exchange format and attached in bulk.

The declared columns, rules and stores of the formats are the same that the daily corridor uses. What differs is how a
row says who and by whom it is, that no deadline is judged, and that keys are first compared by digest.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

import sql
from loaders.bulk import Cursor, copy_in_binary
from pipelines.books import quantity_names
from pipelines.check import Checked
from pipelines.legacy.known import Known
from pipelines.legacy.outcomes import SEEN, Ledger, Outcome, Wait, named_body, named_place
from pipelines.legacy.parts import Rows
from pipelines.legacy.repairs import Repair, siret, siret_valid
from pipelines.legacy.seen import Seen, digest_texts, mixed
from pipelines.load import typed
from pipelines.match import Matched
from pipelines.parsing import parse
from pipelines.stores import STORES, OperationalStore
from schemas import codebook
from schemas.codebook import Severity
from schemas.legacy import Table
from schemas.spec import DTYPES, Column, Context, Format, Kind

Ints = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

_REJECTS = codebook.severity_mask(Severity.REJECT)
_HOLDS = codebook.severity_mask(Severity.HOLD)
_FAULTS = {
    Kind.DATE: "FMT-03",
    Kind.MONTH: "FMT-03",
    Kind.TIME: "FMT-03",
    Kind.DOSE: "FMT-04",
    Kind.ACTIVITY: "FMT-04",
    Kind.COUNT: "FMT-04",
}
_MOST_COUNTED = 9_999_999
_IMPLAUSIBLE = "MET-05"


@dataclass
class Judged:
    """Rows of measures, typed and attached as far as they can be.

    Attributes:
        year: civil year of the result, 0 where it cannot be read.
        waits: by row, what it waits for; absent where nothing.
    """

    rows: Rows
    checked: Checked
    matched: Matched
    sender: Ints
    year: Ints
    refused: BoolArray
    waits: dict[int, tuple[str, str]]
    repairs: list[tuple[int, Repair]]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def free(self) -> Ints:
        """Rows that nothing stands against but, perhaps, their key."""
        chosen = ~self.refused
        chosen[list(self.waits)] = False
        return np.flatnonzero(chosen)


def judge(table: Table, rows: Rows, known: Known, day: date, *, confirmed: bool = False) -> Judged:
    """Type rows, hold them against the rules of their format, and find who, where and by whom they are.

    Args:
        confirmed: a person has said that implausible doses are right.
    """
    layout = table.layout
    assert layout is not None
    count = len(rows)
    checked = _typed(table, layout, rows)
    context = Context.on(day)
    for rule in layout.rules:
        if rule.code.startswith("MET") and not (confirmed and rule.code == _IMPLAUSIBLE):
            _apply(rule, checked, context, count)
    years = STORES[layout.name].years(checked)
    known_years = (years >= 1) & (years <= 2200)
    old = rows.values["ID_TRAVAILLEUR"]
    checked.raise_code("FMT-02", np.asarray(pc.is_null(old)) & ~rows.bad["ID_TRAVAILLEUR"])
    checked.raise_code("FMT-04", rows.bad["ID_TRAVAILLEUR"])
    asked = np.asarray(pc.fill_null(old, -1), np.int64)
    worker, why = known.workers(asked)
    place, establishment, sirets, repairs = _establishments(rows, known)
    checked.values["SIRET"] = rows.values["SIRET"]
    bodies = rows.values["ORGANISME"].dictionary_encode()
    senders = np.array([known.senders.get(one, 0) for one in bodies.dictionary.to_pylist()], np.int64)
    sender = senders[bodies.indices.to_numpy()] if count else np.zeros(0, np.int64)
    refused = checked.carries(_REJECTS) | ~known_years
    checked.raise_code("FMT-03", ~known_years & ~checked.carries(_REJECTS))
    waits: dict[int, tuple[str, str]] = {}
    held = checked.carries(_HOLDS)
    for row in np.flatnonzero(~refused & ((worker == 0) | (establishment == 0) | (sender == 0) | held)).tolist():
        if not worker[row]:
            waits[row] = (known.causes[why[row]], str(asked[row]))
        elif not establishment[row]:
            waits[row] = ("ETABLISSEMENT", named_place(sirets[place[row]]))
        elif not sender[row]:
            waits[row] = ("ORGANISME", named_body(bodies[row].as_py()))
        else:
            waits[row] = (codebook.names(int(checked.codes[row]) & _HOLDS)[0], "")
    nothing = np.full(count, -1, np.int64)
    matched = Matched(worker, establishment, nothing, nothing, nothing)
    return Judged(rows, checked, matched, sender, np.where(known_years, years, 0), refused, waits, repairs)


def _apply(rule: Any, checked: Checked, context: Context, count: int) -> None:
    """Raise a rule's code where its inputs are there and it does not hold."""
    able = np.ones(count, bool)
    for name in rule.needs:
        able &= checked.readable[name]
    for name in rule.bears:
        able &= checked.readable[name] | checked.absent[name]
    if not able.any():
        return
    values = checked.values | {f"{name}?": ~missing for name, missing in checked.absent.items()}
    verdict = np.asarray(rule.holds(values, context))
    checked.raise_code(rule.code, able & ~verdict)


def _typed(table: Table, layout: Format, rows: Rows) -> Checked:
    count = len(rows)
    checked = Checked(
        1,
        {},
        {"NIR": pa.array([""] * count, pa.string())},
        {},
        {},
        np.zeros(count, np.uint64),
        np.zeros(count, np.int16),
        np.zeros(count, np.int64),
    )
    for column in table.columns:
        if column.source is None or column.name == "SIRET":
            continue
        declared = layout.column(column.source)
        came, bad = rows.values[column.name], rows.bad[column.name]
        if pa.types.is_string(came.type):
            _read_text(checked, declared, came)
        else:
            _read_number(checked, declared, came, bad)
    _book(layout, checked)
    return checked


def _read_text(checked: Checked, declared: Column, came: pa.StringArray) -> None:
    encoded = came.dictionary_encode() if declared.kind is Kind.CODE else None
    parsed, absent = parse(declared, came if encoded is None else encoded.dictionary)
    at = slice(None) if encoded is None else encoded.indices.to_numpy()
    checked.values[declared.name] = parsed.values if encoded is None else parsed.values[at]
    checked.readable[declared.name], checked.absent[declared.name] = parsed.readable[at], absent[at]
    for code, marked in parsed.marks.items():
        if not code.startswith("AVT"):
            checked.raise_code(code, marked[at])


def _read_number(checked: Checked, declared: Column, came: pa.Array, bad: BoolArray) -> None:
    there = np.asarray(pc.is_valid(came)) | bad
    numbers = np.asarray(pc.fill_null(came, 0), np.int64)
    if declared.kind is Kind.COUNT:
        outside = (numbers < 0) | (numbers > _MOST_COUNTED)
        checked.raise_code("FMT-05", outside)
        bad = bad | outside
    if declared.kind is Kind.MONTH:
        months = numbers.astype("datetime64[D]").astype("datetime64[M]") + 1
        numbers = months.astype("datetime64[D]").astype(np.int64) - 1
    checked.values[declared.name] = numbers.astype(DTYPES[declared.kind])
    checked.readable[declared.name], checked.absent[declared.name] = there & ~bad, ~there
    checked.raise_code(_FAULTS[declared.kind], bad & ~checked.carries(codebook.bit("FMT-05")))
    if declared.required:
        checked.raise_code("FMT-02", ~there)


def _book(layout: Format, checked: Checked) -> None:
    measure = layout.measure
    assert measure is not None
    if measure.quantity is not None:
        kind = checked.values[measure.quantity]
        checked.quantity[:] = np.where(checked.readable[measure.quantity], kind, -1)
    if measure.value is not None:
        value = np.maximum(checked.values[measure.value], 0)
        checked.book_usv[:] = np.where(checked.readable[measure.value], value, 0)


def _establishments(rows: Rows, known: Known) -> tuple[Ints, Ints, list[str], list[tuple[int, Repair]]]:
    """Distinct SIRETs: the place of each row's, the establishment's number, the mended text; and repairs by line."""
    encoded = rows.values["SIRET"].dictionary_encode()
    place = encoded.indices.to_numpy().astype(np.int64)
    sirets, numbers, mended = [], [], {}
    for at, sent in enumerate(encoded.dictionary.to_pylist()):
        text, repairs = siret(sent)
        sirets.append(text)
        numbers.append(known.establishments.get(text, 0) if siret_valid(text) else 0)
        if repairs:
            mended[at] = repairs
    listed = []
    if mended:
        for row in np.flatnonzero(np.isin(place, list(mended))).tolist():
            listed += [(int(rows.lines[row]), repair) for repair in mended[int(place[row])]]
    rows.values["SIRET"] = pa.array(sirets, pa.string()).take(encoded.indices)
    establishment = np.array(numbers, np.int64)[place] if len(place) else np.zeros(0, np.int64)
    return place, establishment, sirets, listed


class Keys:
    """Which keys of one table may have passed already, in this migration or in the registry."""

    def __init__(self, layout: Format, keys: int) -> None:
        self._layout, self._store, self._seen = layout, STORES[layout.name], Seen(keys)
        self._indexed: list[int] | None = None

    def note(self, judged: Judged) -> None:
        """Note the keys of rows that were taken before."""
        self.passed(judged, judged.free)

    def passed(self, judged: Judged, rows: Ints) -> BoolArray:
        """By row of ``rows``: whether its key may have passed in this migration. Asks no database."""
        return self._seen.add(self._digests(judged, rows))

    def standing(self, cursor: Cursor, judged: Judged, rows: Ints) -> BoolArray:
        """By row of ``rows``: whether the registry's indexed years hold its key."""
        if self._indexed is None:
            asked = (self._store.kind,) * 2
            self._indexed = [year for (year,) in cursor.execute(sql.query("legacy", "indexed_years"), asked)]
        near = np.isin(judged.year[rows], [year + step for year in self._indexed for step in (-1, 0, 1)])
        found = versions(cursor, self._layout, judged, rows[near]) if near.any() else {}
        return np.isin(rows, list(found))

    def _digests(self, judged: Judged, rows: Ints) -> NDArray[np.uint64]:
        checked = judged.checked
        if isinstance(self._store, OperationalStore):
            beside = judged.matched.worker[rows] << 32 ^ checked.values["DATE_DEBUT_PORT"][rows]
            kept = self._store.digests(checked, rows)
            return mixed(beside.astype(np.uint64), 0x9E3779B97F4A7C15) ^ kept.astype(np.uint64)
        return digest_texts(self._store.references(checked, rows), judged.sender[rows])


def versions(cursor: Cursor, layout: Format, judged: Judged, rows: Ints) -> dict[int, list[tuple[int, Any]]]:
    """Measures of the registry that have the key of these rows: by row, (year, content)."""
    store = STORES[layout.name]
    found: dict[int, list[tuple[int, Any]]] = {}
    for sender in np.unique(judged.sender[rows]).tolist():
        own = rows[judged.sender[rows] == sender]
        for row, version in store.current(cursor, sender, judged.checked, judged.matched, own, False):
            if not store.spans_years or abs(version.year - int(judged.year[row])) <= 1:
                found.setdefault(row, []).append((version.year, version.content))
    return found


@dataclass(frozen=True)
class Ready:
    """A batch of which all is done that needs no database: rows to insert, and them as columns of their table."""

    judged: Judged
    rows: Ints
    columns: pa.Table


def ready(table: Table, judged: Judged, keys: Keys) -> Ready:
    """Part what is new from what may have passed, and lay it out."""
    rows = judged.free
    met = keys.passed(judged, rows)
    for row in rows[met].tolist():
        judged.waits[row] = (SEEN, "")
    return Ready(judged, rows[~met], laid_out(table, judged, rows[~met]))


def attach(cursor: Cursor, ledger: Ledger, table: Table, batch: Ready, keys: Keys) -> None:
    """Write a batch: what is free and new goes into its partitions, the rest waits or is refused."""
    judged, rows, columns = batch.judged, batch.rows, batch.columns
    met = keys.standing(cursor, judged, rows)
    if met.any():
        for row in rows[met].tolist():
            judged.waits[row] = (SEEN, "")
        rows, columns = rows[~met], columns.filter(pa.array(~met))
    insert(cursor, ledger, table, judged, rows, columns)
    settle_others(ledger, table, judged)
    ledger.repairs += judged.repairs


def laid_out(table: Table, judged: Judged, rows: Ints) -> pa.Table:
    """Rows as columns of their table, but for the load and the part that bring them."""
    layout = table.layout
    assert layout is not None
    columns = STORES[layout.name].table(judged.checked, judged.matched, rows, 0)
    columns["sender_id"] = pa.array(judged.sender[rows])
    columns["line"] = pa.array(judged.rows.lines[rows])
    return typed(pa.table(columns))


def insert(cursor: Cursor, ledger: Ledger, table: Table, judged: Judged, rows: Ints, columns: pa.Table) -> None:
    """Copy measures into their partitions."""
    layout = table.layout
    assert layout is not None
    if not len(rows):
        return
    for name, number in (("since_load", ledger.load), ("submission_id", ledger.part)):
        columns = columns.append_column(name, pa.array(np.full(len(rows), number, np.int32)))
    years = judged.year[rows]
    order = np.argsort(years, kind="stable")
    columns, years = columns.take(pa.array(order)), years[order]
    found, starts = np.unique(years, return_index=True)
    for year, start, end in zip(found.tolist(), starts.tolist(), [*starts[1:].tolist(), len(years)], strict=True):
        part = cursor.execute(sql.query("legacy", "begin_partition"), (STORES[layout.name].kind, year)).fetchone()
        assert part is not None
        copy_in_binary(cursor, part[0], columns.slice(start, end - start))
    count(ledger, layout, judged, rows, Outcome.TAKEN, "")


def settle_others(ledger: Ledger, table: Table, judged: Judged) -> None:
    """Count what was refused, and let wait what waits."""
    layout = table.layout
    assert layout is not None
    refused = np.flatnonzero(judged.refused)
    codes = judged.checked.codes[refused] & np.uint64(_REJECTS)
    for value in np.unique(codes).tolist():
        count(ledger, layout, judged, refused[codes == value], Outcome.REFUSED, codebook.names(value)[0])
    rows = np.array(sorted(judged.waits), np.int64)
    if not len(rows):
        return
    names = quantity_names(layout)
    for row, text in zip(rows.tolist(), judged.rows.texts(rows), strict=True):
        cause, about = judged.waits[row]
        quantity = names[judged.checked.quantity[row]]
        usv = int(judged.checked.book_usv[row])
        line = int(judged.rows.lines[row])
        ledger.wait(table.name, Wait(line, cause, about, int(judged.year[row]), quantity, usv, text))


def count(ledger: Ledger, layout: Format, judged: Judged, rows: Ints, outcome: Outcome, cause: str) -> None:
    """Count rows of a batch into an outcome, by year and quantity."""
    names = quantity_names(layout)
    both = judged.year[rows] * 64 + judged.checked.quantity[rows] + 1
    found, place, rows_of = np.unique(both, return_inverse=True, return_counts=True)
    usv = np.zeros(len(found), np.int64)
    np.add.at(usv, place, judged.checked.book_usv[rows])
    for one, many, total in zip(found.tolist(), rows_of.tolist(), usv.tolist(), strict=True):
        ledger.add(one // 64, names[one % 64 - 1], outcome, cause, many, total)
