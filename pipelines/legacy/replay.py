"""Replay: waiting rows judged again, exactly, each against the registry as it stands and the rows before it."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

import sql
from loaders.bulk import Cursor
from loaders.secrets import RegistryKey
from pipelines.legacy import doses, people
from pipelines.legacy.books import rebook
from pipelines.legacy.known import Known, Survey
from pipelines.legacy.outcomes import Ledger, Outcome, named_body
from pipelines.legacy.parts import typed
from pipelines.stores import STORES
from schemas.legacy import Table, tables

#: Rows at once.
_MOST = 50_000
Entry = tuple[int, int, str, str, int, str, int, bytes]


def replay(
    cursor: Cursor,
    load: int,
    key: RegistryKey,
    known: Known,
    survey: Survey,
    day: date,
    part: int,
    kind: str,
    code: str,
    *,
    confirmed: bool = False,
) -> int:
    """Judge the waiting rows of a group in one part again.

    Args:
        code: a cause, or a cause and what it is about.
        confirmed: a person has said that implausible doses are right.

    Returns:
        Rows judged. Those that still wait do so under the cause that holds now.
    """
    judged = 0
    last = 0
    while True:
        entries: list[Entry] = cursor.execute(
            sql.query("legacy", "waiting"), (part, code, code, last, load, _MOST)
        ).fetchall()
        if not entries:
            return judged
        last = entries[-1][0]
        judged += len(entries)
        ledger = Ledger(part, load)
        _leave(cursor, ledger, entries)
        texts = [key.open_row(entry[7]) for entry in entries]
        table = tables()[kind]
        lines = np.array([entry[1] for entry in entries], np.int64)
        if table.layout is None:
            _attachments(cursor, ledger, table, texts, lines, known, survey, day)
        else:
            _doses(cursor, ledger, table, texts, lines, known, day, confirmed)
            rebook(cursor, ledger)
        ledger.write(cursor, key)


def refuse(cursor: Cursor, load: int, key: RegistryKey, part: int, code: str) -> int:
    """Refuse the waiting rows of a group in one part, for good."""
    rows = cursor.execute(sql.query("legacy", "waiting"), (part, code, code, 0, load, None)).fetchall()
    ledger = Ledger(part, load)
    for _, _, cause, _, year, quantity, usv, _ in rows:
        ledger.add(year, quantity, Outcome.WAITING, cause, -1, -usv)
        ledger.add(year, quantity, Outcome.REFUSED, cause, 1, usv)
    cursor.execute(sql.query("legacy", "settle_waiting"), (load, [row[0] for row in rows]))
    ledger.write(cursor, key)
    return len(rows)


def _leave(cursor: Cursor, ledger: Ledger, entries: list[Entry]) -> None:
    """The rows wait no longer; what becomes of them is counted anew."""
    for _, _, cause, _, year, quantity, usv, _ in entries:
        ledger.add(year, quantity, Outcome.WAITING, cause, -1, -usv)
    cursor.execute(sql.query("legacy", "settle_waiting"), (ledger.load, [entry[0] for entry in entries]))


def _columns(table: Table, texts: list[dict[str, str]]) -> pa.Table:
    return pa.table({name: pa.array([text[name] for text in texts], pa.string()) for name in table.names})


def _attachments(
    cursor: Cursor,
    ledger: Ledger,
    table: Table,
    texts: list[dict[str, str]],
    lines: np.ndarray,
    known: Known,
    survey: Survey,
    day: date,
) -> None:
    rows = typed(_columns(table, texts), table.columns, lines)
    people.attachments(cursor, ledger, rows, known, survey, day)


def _doses(
    cursor: Cursor,
    ledger: Ledger,
    table: Table,
    texts: list[dict[str, str]],
    lines: np.ndarray,
    known: Known,
    day: date,
    confirmed: bool,
) -> None:
    layout = table.layout
    assert layout is not None
    rows = typed(_columns(table, texts), table.columns, lines)
    judged = doses.judge(table, rows, known, day, confirmed=confirmed)
    free = judged.free
    store = STORES[layout.name]
    standing = doses.versions(cursor, layout, judged, free)
    met: defaultdict[Any, list[tuple[int, Any]]] = defaultdict(list)
    new, doubled = [], []
    keys = store.keys(judged.checked, judged.matched, free)
    contents = store.contents(judged.checked, judged.matched, free)
    for row, one, content in zip(free.tolist(), keys, contents, strict=True):
        year = int(judged.year[row])
        whose = (int(judged.sender[row]) if store.spans_years else int(judged.matched.worker[row]), one)
        before = standing.get(row, []) + [
            other for other in met[whose] if not store.spans_years or abs(other[0] - year) <= 1
        ]
        if not before:
            new.append(row)
            met[whose].append((year, content))
        elif any(other == content for _, other in before):
            doubled.append(row)
        else:
            judged.waits[row] = ("CLE_EN_CONFLIT", named_body(rows.values["ORGANISME"][row].as_py()))
    fresh = np.array(new, np.int64)
    doses.insert(cursor, ledger, table, judged, fresh, doses.laid_out(table, judged, fresh))
    doses.count(ledger, layout, judged, np.array(doubled, np.int64), Outcome.DUPLICATE, "MET-12")
    doses.settle_others(ledger, table, judged)
