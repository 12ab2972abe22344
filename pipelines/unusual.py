"""Unusual doses: after loads, the results that they brought are held against what is usual, and flags are raised.

A flag blocks nothing, changes no dose and stands in no report: it is for an analyst, who confirms it, asks the sender
or dismisses it. What is answered is heeded by the next evaluation: nothing is learned from a result confirmed to be
wrong, and a dismissed flag raises the bound of its worker beyond what was dismissed, that of its establishment by half.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, fields
from datetime import date, timedelta
from typing import Any

import numpy as np
from psycopg.types.json import Jsonb

import sql
from loaders.bulk import Cursor, fetch_numbers
from loaders.registry import opened
from loaders.settings import Settings
from loaders.warehouse import Connection, load
from pipelines import distribution
from pipelines.signs import Duty, give
from pipelines.suspect import CONTROL, COPY, Suspicion, suspicions
from pipelines.usual import VERSION, Bools, Floats, Ints, Results, Usual, usual
from schemas.formats import passive

log = logging.getLogger("siseri.unusual")

#: How far back results are learned from, and judged where they are new, before the latest of them.
LEARNED_DAYS, JUDGED_DAYS = 3 * 366, 400
#: What a dismissal adds beyond the score it dismissed, and the share of it that the establishment gets.
MARGIN, SHARED = 0.3, 0.5
_ASKED = {"below": passive.INF, "states": [passive.MES, passive.INF, passive.EST]}
#: The columns of the query, one a field of :class:`pipelines.usual.Results`, then the load that brought the row.
_COLUMNS = {
    "person": "int4",
    "establishment": "int4",
    "sender": "int4",
    "submission": "int4",
    "line": "int4",
    "kind": "int2",
    "location": "int2",
    "dosimeter": "int2",
    "start": "date",
    "day": "date",
    "usv": "int8",
    "trade": "int4",
    "sector": "int4",
    "domain": "int4",
    "fault": "int4",
    "since": "int4",
}


@dataclass(frozen=True)
class Evaluated:
    """What an evaluation did: counts only."""

    results: int = 0
    flags: int = 0
    closed: int = 0


def renew() -> dict[str, int]:
    """Evaluate what loads brought since the last time: a task's whole work. Counts only."""
    with opened(Settings.load(), sftp=False) as registry:
        done = evaluate(registry.connection)
        give(registry.connection, Duty.UNUSUAL)
    return {"results": done.results, "flags": done.flags, "closed": done.closed}


def evaluate(connection: Connection) -> Evaluated:
    """Judge the results that loads brought since the last evaluation; with nothing new, writes nothing."""
    mark = connection.execute(sql.query("unusual", "watermark")).fetchone()
    assert mark is not None
    if not _news(connection.cursor(), mark[0])[0]:
        return Evaluated()
    with load(connection, "unusual") as number:
        cursor = connection.cursor()
        _, latest = _news(cursor, mark[0])
        closed = cursor.execute(sql.query("unusual", "close_gone"), {"load": number}).rowcount
        judged, raised = _judge(cursor, mark[0], number, latest) if latest else (0, 0)
        done = Evaluated(judged, raised, closed)
        cursor.execute(sql.query("unusual", "evaluated"), (number, VERSION, done.results, done.flags, done.closed))
    log.info("unusual doses: %s results judged, %s flags raised, %s closed", done.results, done.flags, done.closed)
    return done


def _news(cursor: Cursor, mark: int) -> tuple[bool, date | None]:
    row = cursor.execute(sql.query("unusual", "news"), {"mark": mark, "states": _ASKED["states"]}).fetchone()
    assert row is not None
    return bool(row[0]), row[1]


def _judge(cursor: Cursor, mark: int, number: int, latest: date) -> tuple[int, int]:
    """Raise flags on what is new; gives how many results were judged, how many flags raised."""
    results, since = _results(cursor, latest - timedelta(days=LEARNED_DAYS))
    oldest = np.datetime64(latest - timedelta(days=JUDGED_DAYS), "D").astype(np.int64)
    fresh = (since > mark) & (results.day >= oldest) & (results.fault == 0) & ~_history(cursor, results)
    about = usual(results)
    found = suspicions(results, about, fresh, _raised(cursor, results))
    for one in found:
        rows = np.array(one.rows)
        context = distribution.of_context(results, about, one.row, rows)
        row = cursor.execute(sql.query("unusual", "raise"), _flag(results, about, one, context, number)).fetchone()
        assert row is not None
        told = [(row[0], int(results.submission[at]), int(results.line[at])) for at in one.rows]
        cursor.executemany(sql.query("unusual", "raise_result"), told)
    return int(fresh.sum()), len(found)


def _results(cursor: Cursor, first: date) -> tuple[Results, Ints]:
    """The results that hold from a day on, in one order whatever the database's, and the load that brought each."""
    columns = fetch_numbers(cursor, sql.query("unusual", "results"), _COLUMNS, _ASKED | {"first": first})
    count = len(fields(Results))
    results = Results(*columns[:count])
    order = np.lexsort((results.line, results.submission))
    return results.take(order), columns[count][order]


def _history(cursor: Cursor, results: Results) -> Bools:
    """bool[n]: whether a migration brought the result: learned from, but nobody can be asked about it any more."""
    taken_over = [one for (one,) in cursor.execute(sql.query("unusual", "history")).fetchall()]
    return np.isin(results.submission, np.array(taken_over, np.int64))


def _raised(cursor: Cursor, results: Results) -> Floats:
    """float64[n]: by how much dismissed flags raise the bound of each result."""
    raised = np.zeros(len(results))
    for kind, person, establishment, submission, line, passed in cursor.execute(
        sql.query("unusual", "dismissed")
    ).fetchall():
        by = passed + MARGIN
        same = _same_kind(results, submission, line)
        place = same & (results.establishment == establishment)
        whole = place if kind in (CONTROL, COPY) else same & (results.person == person)
        raised[whole] = np.maximum(raised[whole], by)
        raised[place] = np.maximum(raised[place], by * SHARED)
    return raised


def _same_kind(results: Results, submission: int, line: int) -> Bools:
    """The results of the quantity and length of wear of a line; of every one where it holds no longer."""
    at = np.flatnonzero((results.submission == submission) & (results.line == line))
    return results.wear == results.wear[at[0]] if len(at) else np.ones(len(results), bool)


def _flag(
    results: Results, about: Usual, one: Suspicion, context: distribution.Distribution, number: int
) -> dict[str, Any]:
    row = one.row
    usv = int(results.usv[row])
    return {
        "kind": one.kind,
        "submission": int(results.submission[row]),
        "line": int(results.line[row]),
        "sender": int(results.sender[row]),
        "establishment": int(results.establishment[row]),
        "person": int(results.person[row]),
        "day": date(1970, 1, 1) + timedelta(days=int(results.day[row])),
        "usv": usv,
        "score": one.score,
        "bound": one.bound,
        "reason": distribution.reason(results, about, one, context),
        "distribution": Jsonb(context.as_json(usv, round(float(about.expected_usv()[row])), int(about.past[row]))),
        "model": VERSION,
        "load": number,
    }
