"""Known: who and where the old registry's rows can mean, held in memory while a part passes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

import sql
from loaders.bulk import Cursor, fetch_numbers
from pipelines.legacy.parts import Part, batches
from pipelines.legacy.repairs import siret as mended

Ints = NDArray[np.int64]
_DAYS = 719_163


@dataclass(frozen=True)
class Survey:
    """What the measures of all parts say: for every worker its last day, for every establishment that it has some.

    ``workers`` is sorted; ``last`` the day (since 1970-01-01) of the last result of each, up to the migration's day.
    """

    workers: Ints
    last: Ints
    sirets: frozenset[str]

    def last_day(self, old_id: int) -> date | None:
        """The day of a worker's last result; ``None`` without any."""
        at = int(np.searchsorted(self.workers, old_id))
        if at == len(self.workers) or self.workers[at] != old_id:
            return None
        return date.fromordinal(int(self.last[at]) + _DAYS)


def survey(parts: list[Part], day: date) -> Survey:
    """Read three columns of every part of measures."""
    latest = day.toordinal() - _DAYS
    tables = []
    sirets: set[str] = set()
    for part in parts:
        layout = part.table.layout
        if layout is None or layout.measure is None:
            continue
        end = next(column for column in part.table.columns if column.source == layout.measure.end)
        for rows in batches(part, ("ID_TRAVAILLEUR", "SIRET", end.name)):
            last = rows.values[end.name]
            if end.form == "minute":
                last = pc.divide(last, 1440)
            sirets.update(pc.unique(rows.values["SIRET"]).to_pylist())
            table = pa.table({"worker": rows.values["ID_TRAVAILLEUR"], "last": last})
            table = table.filter(pc.and_(pc.is_valid(table["worker"]), pc.less_equal(table["last"], latest)))
            tables.append(table.group_by("worker").aggregate([("last", "max")]))
            if len(tables) > 32:
                tables = [_latest(tables)]
    found = _latest(tables)
    workers, last = (np.asarray(found[name].combine_chunks(), np.int64) for name in ("worker", "last_max"))
    order = np.argsort(workers)
    return Survey(workers[order], last[order], frozenset(mended(one)[0] for one in sirets))


def _latest(tables: list[pa.Table]) -> pa.Table:
    if not tables:
        return pa.table({"worker": pa.array([], pa.int64()), "last_max": pa.array([], pa.int64())})
    joined = pa.concat_tables([table.select(["worker", "last_max"]) for table in tables])
    return joined.group_by("worker").aggregate([("last_max", "max")]).rename_columns(["worker", "last_max"])


@dataclass
class Known:
    """The registry's numbers of what the old registry names.

    ``old`` is sorted; ``number`` is the worker's number, 0 while ``causes[why]`` holds.
    """

    old: Ints
    number: Ints
    why: Ints
    causes: list[str]
    establishments: dict[str, int]
    senders: dict[str, int]

    def workers(self, asked: Ints) -> tuple[Ints, Ints]:
        """Numbers of these workers of the old system, and where 0 the position of the cause."""
        if not len(self.old):
            return np.zeros(len(asked), np.int64), np.zeros(len(asked), np.int64)
        at = np.minimum(np.searchsorted(self.old, asked), len(self.old) - 1)
        there = self.old[at] == asked
        return np.where(there, self.number[at], 0), np.where(there, self.why[at], 0)


def known(cursor: Cursor, migration: int) -> Known:
    """As the registry stands now."""
    causes = ["TRAVAILLEUR_ABSENT"]
    rows = cursor.execute(sql.query("legacy", "causes_of_workers"), (migration,)).fetchall()
    causes += [cause for (cause,) in rows]
    old, number, why = fetch_numbers(
        cursor,
        sql.query("legacy", "workers"),
        {"old": "int8", "number": "int4", "why": "int4"},
        {"migration": migration, "causes": causes},
    )
    return Known(
        old,
        number,
        why,
        causes,
        dict(cursor.execute(sql.query("legacy", "establishments")).fetchall()),
        dict(cursor.execute(sql.query("legacy", "senders")).fetchall()),
    )
