"""Load: what settling decided, written in one transaction; books that close, or nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

import sql
from loaders.bulk import Cursor, copy_in, copy_in_binary
from loaders.secrets import RegistryKey
from pipelines.books import Book, Books, quantity_names
from pipelines.check import Checked
from pipelines.match import Matched
from pipelines.references import References, Sender
from pipelines.settle import Settled, Source
from pipelines.stores import STORES, Store
from schemas import codebook
from schemas.codebook import Outcome
from schemas.spec import Format

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Change:
    """A waiting row's new outcome and codes (``EN_ATTENTE``: only the codes changed)."""

    entry_id: int
    outcome: Outcome
    codes: int
    first_submission: int | None = None


def write_measures(
    cursor: Cursor,
    load: int,
    store: Store,
    checked: Checked,
    matched: Matched,
    source: Source,
    settled: Settled,
    sender: Sender,
) -> None:
    """Close the versions that were replaced or annulled, then copy the new ones into their partitions."""
    # One UPDATE sees one version of a key: several closings of one key in a chunk cannot happen, since
    # what a row of the chunk made is closed before it is written.
    if settled.closings:
        store.close(cursor, load, sender.partner_id, checked, matched, settled.closings)
    rows = np.flatnonzero(settled.insert)
    if not len(rows):
        return
    table = store.table(checked, matched, rows, sender.partner_id)
    until = [settled.replaced.get(int(row)) for row in rows] if settled.replaced else None
    table["since_load"] = pa.array(np.full(len(rows), load))
    table["submission_id"] = pa.array(source.submission[rows])
    table["line"] = pa.array(source.line[rows])
    if until is not None:
        table["until_load"] = pa.array([load if one else None for one in until], pa.int64())
        table["until_submission_id"] = pa.array([one[0] if one else None for one in until], pa.int64())
        table["until_line"] = pa.array([one[1] if one else None for one in until], pa.int64())
        table["until_code"] = pa.array([one[2] if one else None for one in until], pa.string())
    years = store.years(checked)[rows]
    whole = typed(pa.table(table))
    for year in np.unique(years):
        part = cursor.execute(sql.query("load", "ensure_partition"), (store.kind, int(year))).fetchone()
        assert part is not None
        copy_in_binary(cursor, part[0], whole.filter(pa.array(years == year)) if (years != year).any() else whole)


#: Columns of the bulk tables that are not plain integers of four bytes.
_EIGHT_BYTES = frozenset({"value_usv", "threshold_usv", "activity_nbq", "limit_nbq", "key_digest", "codes"})
_TWO_BYTES = frozenset({"year", "quantity", "location", "dosimeter", "state", "exam", "unit"})


def typed(rows: pa.Table) -> pa.Table:
    """The same rows with the integer types of the warehouse's columns."""
    kinds = []
    for field in rows.schema:
        if not pa.types.is_integer(field.type):
            kinds.append(field)
        elif field.name in _EIGHT_BYTES:
            kinds.append(pa.field(field.name, pa.int64()))
        else:
            kinds.append(pa.field(field.name, pa.int16() if field.name in _TWO_BYTES else pa.int32()))
    return rows.cast(pa.schema(kinds))


def write_row_entries(
    cursor: Cursor,
    load: int,
    checked: Checked,
    source: Source,
    letters: NDArray[np.str_],
    first: dict[int, int],
    annulments: Iterable[int] = (),
) -> None:
    """Row entries of a chunk: rows that did not integrate, that carry a code, or that annulled something."""
    kept = (checked.codes != 0) | (letters != Outcome.INTEGRE.value)
    kept[list(annulments)] = True
    rows = np.flatnonzero(kept)
    firsts = pa.array([first.get(int(row)) for row in rows], pa.int64()) if first else pa.nulls(len(rows), pa.int64())
    table = pa.table(
        {
            "submission_id": pa.array(source.submission[rows]),
            "line": pa.array(source.line[rows]),
            "since_load": pa.array(np.full(len(rows), load)),
            "first_submission_id": firsts,
            "codes": pa.array(checked.codes[rows].astype(np.int64)),
            "outcome": pa.array(letters[rows].tolist(), pa.string()),
        }
    )
    copy_in_binary(cursor, "ledger.row_entry", typed(table))


def write_queue(
    cursor: Cursor,
    load: int,
    layout: Format,
    checked: Checked,
    matched: Matched,
    source: Source,
    letters: NDArray[np.str_],
    sender: Sender,
    references: References,
    key: RegistryKey,
    received_on: Any,
    as_new: set[int],
) -> None:
    """Queue entries of a chunk: one per row that waits, the row itself sealed."""
    rows = np.flatnonzero(letters == Outcome.EN_ATTENTE.value)
    queue_rows(cursor, load, layout, checked, matched, source, rows, sender, references, key, received_on, as_new, None)


def queue_rows(
    cursor: Cursor,
    load: int,
    layout: Format,
    checked: Checked,
    matched: Matched,
    source: Source,
    rows: Ints,
    sender: Sender,
    references: References,
    key: RegistryKey,
    received_on: Any,
    as_new: set[int],
    motive: str | None,
) -> None:
    """Put rows into the analysts' queue.

    Args:
        motive: why an analyst must look at rows that do not wait; ``None`` for rows that do.
    """
    if not len(rows):
        return
    at = pa.array(rows)
    sent = {name: checked.sent[name].take(at).to_pylist() for name in layout.names}
    texts = [dict(zip(sent, values, strict=True)) for values in zip(*sent.values(), strict=True)]
    for index, row in enumerate(rows.tolist()):
        if row in as_new:
            texts[index]["CODE_METROLOGIE"] = ""
    names = quantity_names(layout)
    count = len(rows)
    # What does not wait is not met by later rows of its key.
    keys = keys_of(layout, checked, matched, references, rows, met=motive is None)
    copy_in(
        cursor,
        "queue.entry",
        pa.table(
            {
                "submission_id": pa.array(source.submission[rows]),
                "line": pa.array(source.line[rows]),
                "partner_id": pa.array([sender.partner_id] * count),
                "format": pa.array([layout.name] * count),
                "codes": pa.array(checked.codes[rows].astype(np.int64)),
                "quantity": pa.array([names[place] for place in checked.quantity[rows]]),
                "book_usv": pa.array(checked.book_usv[rows]),
                "sealed": pa.array(["\\x" + key.seal_row(text).hex() for text in texts]),
                "received_on": pa.array([received_on] * count, pa.date32()),
                "since_load": pa.array([load] * count),
                "motive": pa.array([motive] * count, pa.string()),
                **keys,
            }
        ),
    )


def keys_of(
    layout: Format, checked: Checked, matched: Matched, references: References, rows: Ints, *, met: bool = True
) -> dict[str, pa.Array]:
    """What rows wait under: person (fingerprint), establishment (SIRET), key and year of the measure.

    Args:
        met: whether later rows of the same key are to meet them.
    """
    store = STORES.get(layout.name)
    nothing = pa.nulls(len(rows), pa.string())
    persons = [references.fingerprints[place] if place >= 0 else None for place in matched.nir_place[rows]]
    return {
        "person": pa.array(persons, pa.string()),
        "siret": checked.values["SIRET"].take(pa.array(rows)) if layout.has("SIRET") else nothing,
        "measure_ref": store.references(checked, rows) if store and met else nothing,
        "measure_year": pa.array(store.years(checked)[rows]) if store else pa.nulls(len(rows), pa.int64()),
    }


def leave_queue(cursor: Cursor, load: int, changes: list[Change]) -> None:
    """Note changes of waiting rows and take those that no longer wait out of the queue."""
    cursor.execute(sql.query("load", "change_table"))
    copy_in(
        cursor,
        "outcome_change",
        pa.table(
            {
                "entry_id": pa.array([one.entry_id for one in changes]),
                "outcome": pa.array([one.outcome.value for one in changes]),
                "codes": pa.array([one.codes for one in changes]),
                "first_submission_id": pa.array([one.first_submission for one in changes], pa.int64()),
            }
        ),
    )
    cursor.execute(sql.query("load", "leave_queue"), (load,))
    cursor.execute(sql.query("load", "stay_in_queue"))


def apply_changes(cursor: Cursor, load: int, changes: list[Change], own: int | None, books: Books | None) -> None:
    """Carry changes of waiting rows into row entries, books and follow-ups.

    Args:
        own: the submission this load is still integrating, whose ``books`` are not written yet.
    """
    if not changes:
        return
    leave_queue(cursor, load, changes)
    cursor.execute(sql.query("load", "amend_same_load"), (load,))
    cursor.execute(sql.query("load", "close_row_entries"), (load, load))
    cursor.execute(sql.query("load", "renew_row_entries"), (load, load))
    moved = cursor.execute(sql.query("load", "moved")).fetchall()
    others = sorted({submission for submission, *_ in moved if submission != own})
    lines: dict[tuple[int, str], Book] = {}
    for submission, quantity, *figures in cursor.execute(sql.query("load", "books_of"), (others,)).fetchall():
        lines[submission, quantity] = Book.of(figures)
    for submission, quantity, letter, rows, usv in moved:
        book = books.lines[quantity] if submission == own and books is not None else lines[submission, quantity]
        book.move(Outcome(letter), int(rows), int(usv))
    if others:
        cursor.execute(sql.query("load", "close_books"), (load, others))
        write_books(cursor, load, ((submission, quantity, book) for (submission, quantity), book in lines.items()))
        cursor.execute(sql.query("load", "follow_up"), {"load": load, "submissions": others})


def write_books(cursor: Cursor, load: int, lines: Iterable[tuple[int, str, Book]]) -> None:
    """Write current book lines: (submission, quantity, figures)."""
    cursor.executemany(
        sql.query("load", "insert_book"),
        [(submission, quantity, load, *book.figures()) for submission, quantity, book in lines],
    )


def evicted(settled: Settled) -> list[Change]:
    """The changes that corrections and annulments bring to waiting rows: ``REJETE`` with ``MET-11``."""
    other = codebook.bit("MET-11")
    return [Change(one.entry_id, Outcome.REJETE, one.codes | other) for one in settled.evictions]
