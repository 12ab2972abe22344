"""Marts: a year's sums kept from one printing to the next, brought forward by what loads changed since.

A year is kept from the first time that it is printed. The sums of a past instant, before the load that a year is held
as of, are made from the doses alone; both ways end in the same temporary tables and so in the same figures.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import date

from psycopg import sql as composed

import sql
from loaders import crash
from loaders.bulk import Cursor
from loaders.warehouse import Connection, alone
from pipelines.statistics import facts
from schemas.formats import passive

#: Space of the session lock on a year's mart.
_YEAR = 5360


def lay_year(cursor: Cursor, year: int, load: int, *, keep: bool) -> None:
    """Make ``annual_facts`` and ``annual_delivered`` of a year as of a load, by the shortest way.

    Args:
        keep: whether the mart may be read and brought forward; only by who holds the year's lock.
    """
    row = cursor.execute(sql.query("statistics", "held"), (year,)).fetchone() if keep else None
    held = None if row is None else int(row[0])
    if held is None or held > load:
        _from_doses(cursor, year, load)
        if keep and held is None:
            _keep(cursor, year, load, fresh=True)
        return
    if held < load:
        _forward(cursor, year, held, load)
    for view, table in (("annual_facts", "annual"), ("annual_delivered", "delivered")):
        cursor.execute(
            composed.SQL("create temp view {} as select * from mart.{} where year = {}").format(
                composed.Identifier(view), composed.Identifier(table), composed.Literal(year)
            )
        )


def clear(cursor: Cursor) -> None:
    """Drop the views of :func:`lay_year`: unlike its tables they would outlive the transaction."""
    for view in ("annual_facts", "annual_delivered"):
        found = cursor.execute("select relkind from pg_class where oid = to_regclass(%s)", (f"pg_temp.{view}",))
        row = found.fetchone()
        if row is not None and row[0] in ("v", b"v"):
            cursor.execute(composed.SQL("drop view {}").format(composed.Identifier(view)))


def guarded(connection: Connection, year: int) -> AbstractContextManager[bool]:
    """A context: whether this session is the one that may read and bring forward a year's mart."""
    return alone(connection, _YEAR, year, patience_s=0)


def differences(connection: Connection) -> tuple[int, int]:
    """Sum every year that is held again, as of the load that it is held as of.

    Returns:
        Years held, sums that differ.
    """
    years = connection.execute(sql.query("statistics", "years_held")).fetchall()
    count = 0
    for year, load in years:
        with connection.transaction():
            cursor = connection.cursor()
            cursor.execute("set transaction isolation level repeatable read")
            _from_doses(cursor, year, load)
            for name in ("differing", "differing_files"):
                row = cursor.execute(sql.query("statistics", name), {"year": year}).fetchone()
                assert row is not None
                count += int(row[0])
    return len(years), count


def _from_doses(cursor: Cursor, year: int, load: int) -> None:
    facts.lay(cursor, load)
    facts.sum_up(cursor, year, load)
    _deliveries(cursor, year, load, None)


def _forward(cursor: Cursor, year: int, mark: int, load: int) -> None:
    """Bring a year's mart from a load to a later one: whom and which files the loads between touched is summed again.

    Loads after ``load`` may have committed already: whom they touched is summed too, as of ``load``, and again the next
    time.
    """
    asked: dict[str, object] = {**_span(year), "mark": mark, "year": year, "load": load}
    for name, key in (("touched", "workers"), ("touched_files", "files")):
        asked[key] = [one for (one,) in cursor.execute(sql.query("statistics", name), asked).fetchall()]
    facts.lay(cursor, load, asked)
    facts.sum_up(cursor, year, load)
    files = asked["files"]
    assert isinstance(files, list)
    _deliveries(cursor, year, load, files)
    for name in ("forget_persons", "forget_files"):
        cursor.execute(sql.query("statistics", name), asked)
    _keep(cursor, year, load, fresh=False)
    cursor.execute(sql.query("statistics", "drop_facts"))


def _keep(cursor: Cursor, year: int, load: int, *, fresh: bool) -> None:
    if fresh:
        cursor.execute(sql.query("statistics", "begin_year"), (year,))
    for name in ("keep_persons", "keep_files", "keep_year"):
        cursor.execute(sql.query("statistics", name), {"year": year, "load": load})
    if fresh:
        cursor.execute(sql.query("statistics", "fill_year"), (year,))
    crash.reach("marts.kept")


def _deliveries(cursor: Cursor, year: int, load: int, files: list[int] | None) -> None:
    cursor.execute(sql.query("statistics", "delivered_table"))
    asked: dict[str, object] = {**_span(year), "load": load, "files": files, "absent": passive.ABS}
    first, last = (files[0], files[-1]) if files else (None, None)
    if files is None:
        row = cursor.execute(sql.query("scorecards", "bounds"), asked).fetchone()
        first, last = row if row is not None else (None, None)
    if first is not None:
        cursor.execute(sql.query("statistics", "sum_delivered"), asked | {"first": first, "last": last})


def _span(year: int) -> dict[str, object]:
    return {"since": date(year, 1, 1), "until": date(year + 1, 1, 1)}
