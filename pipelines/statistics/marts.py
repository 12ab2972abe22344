"""Marts: what is known of a year, kept from one printing to the next, brought forward by what loads changed since.

A year is kept from the first time that it is printed, in segments: the first holds everybody, each further one whom and
which files loads touched since the one before. Reading lays the newest on top. Past instants, before the load that a
year is held as of, are made from the doses alone.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, fields
from typing import ClassVar, TypeVar

import numpy as np

import sql
from loaders.bulk import Cursor
from loaders.warehouse import Connection, alone
from pipelines.statistics import facts
from pipelines.statistics.attachments import Attachments, attachments
from pipelines.statistics.columns import Columns, differing
from pipelines.statistics.deliveries import Deliveries, deliveries, span
from pipelines.statistics.facts import Facts, Whom
from pipelines.windows import Ints

#: Space of the session lock on a year's mart.
_YEAR = 5360
#: A year is written anew as one segment once there are so many, or once what came since is half of it.
_SEGMENTS, _SHARE = 24, 2
_Held = TypeVar("_Held", bound=Columns)


@dataclass(frozen=True)
class Year:
    """What the tables of a year are made from, but for exceedances and the counts of files."""

    facts: Facts
    attachments: Attachments
    deliveries: Deliveries

    kinds: ClassVar[dict[str, type[Columns]]] = {
        "facts": Facts,
        "attachments": Attachments,
        "deliveries": Deliveries,
    }


def year_of(cursor: Cursor, year: int, load: int, *, keep: bool) -> Year:
    """A year as of a load, by the shortest way.

    Args:
        keep: whether the mart may be read and brought forward; only by who holds the year's lock.
    """
    held = _held(cursor, year) if keep else None
    if held is None or held > load:
        made = _from_doses(cursor, year, load)
        if keep and held is None:
            _keep_whole(cursor, year, load, made)
        return made
    segments = _Segments(cursor, year)
    if held < load:
        _forward(cursor, segments, year, held, load)
    return segments.year()


def guarded(connection: Connection, year: int) -> AbstractContextManager[bool]:
    """A context: whether this session is the one that may read and bring forward a year's mart."""
    return alone(connection, _YEAR, year, patience_s=0)


def differences(connection: Connection) -> tuple[int, int]:
    """Make every year that is held again, as of the load that it is held as of.

    Returns:
        Years held, rows that differ.
    """
    years = [year for (year,) in connection.execute(sql.query("marts", "held_years")).fetchall()]
    count = 0
    for year in years:
        with connection.transaction():
            cursor = connection.cursor()
            cursor.execute("set transaction isolation level repeatable read")
            load = _held(cursor, year)
            if load is None:
                continue
            held, found = _Segments(cursor, year).year(), _from_doses(cursor, year, load)
            count += sum(differing(getattr(held, kind), getattr(found, kind)) for kind in Year.kinds)
    return len(years), count


def _held(cursor: Cursor, year: int) -> int | None:
    row = cursor.execute(sql.query("marts", "held"), (year,)).fetchone()
    return None if row is None else int(row[0])


def _from_doses(cursor: Cursor, year: int, load: int) -> Year:
    whom = Whom.everybody(cursor, load)
    cursor.execute(sql.query("statistics", "whole_joins"))
    summed = facts.sum_up(cursor, year, whom)
    met = _met(attachments(cursor, year, whom), summed)
    cursor.execute(sql.query("statistics", "few_joins"))
    return Year(summed, met, deliveries(cursor, year, load))


def _met(held: Attachments, summed: Facts) -> Attachments:
    """Attachments of whom the year holds anything of, at that establishment."""
    wide = int(max(held.establishment.max(initial=0), summed.establishment.max(initial=0))) + 1
    pairs, wanted = (one.person * wide + one.establishment for one in (held, summed))
    return held.take(np.isin(pairs, wanted))


class _Segments:
    """The segments of a year, the newest first: by kind, the keys that each replaces and its rows."""

    def __init__(self, cursor: Cursor, year: int) -> None:
        self.kept: dict[str, list[tuple[Ints, Columns]]] = {kind: [] for kind in Year.kinds}
        with cursor.connection.cursor(binary=True) as reader:
            for kind, gone, rows in reader.execute(sql.query("marts", "segments"), (year,)).fetchall():
                told = Year.kinds[kind].unpacked(rows)
                self.kept[kind].append((np.frombuffer(gone, "<i4").astype(np.int64), told))

    def lay(self, kind: str, gone: Ints, rows: Columns) -> None:
        """Lay a further one on top."""
        self.kept[kind].insert(0, (gone, rows))

    def crowded(self) -> bool:
        """Whether they are better written anew as one."""
        return any(
            len(held) > _SEGMENTS or _SHARE * sum(len(rows) for _, rows in held[:-1]) > len(held[-1][1])
            for held in self.kept.values()
        )

    def year(self) -> Year:
        """The year that they hold together."""
        return Year(
            self._laid("facts", Facts), self._laid("attachments", Attachments), self._laid("deliveries", Deliveries)
        )

    def _laid(self, kind: str, form: type[_Held]) -> _Held:
        parts: list[_Held] = []
        replaced = np.empty(0, np.int64)
        for gone, rows in self.kept[kind]:
            assert isinstance(rows, form)
            parts.append(rows.take(~np.isin(rows.key, replaced)) if len(replaced) else rows)
            replaced = np.union1d(replaced, gone)
        return form.joined(parts)


def _forward(cursor: Cursor, segments: _Segments, year: int, mark: int, load: int) -> None:
    """Bring a year's mart from a load to a later one: whom and which files the loads between touched is summed again.

    Loads after ``load`` may have committed already: whom they touched is summed too, as of ``load``, and again the next
    time.
    """
    asked = {**span(year), "mark": mark, "year": year}
    touched, files = (
        [one for (one,) in cursor.execute(sql.query("marts", name), asked).fetchall()]
        for name in ("touched", "touched_files")
    )
    whom = Whom.some(cursor, load, touched)
    summed = facts.sum_up(cursor, year, whom)
    persons = np.union1d(np.array(touched, np.int64), whom.stands_for)
    replaced: tuple[tuple[str, Ints, Columns], ...] = (
        ("facts", persons, summed),
        ("attachments", persons, _met(attachments(cursor, year, whom), summed)),
        ("deliveries", np.array(files, np.int64), deliveries(cursor, year, load, files)),
    )
    for kind, gone, rows in replaced:
        segments.lay(kind, gone, rows)
    if segments.crowded():
        _keep_whole(cursor, year, load, segments.year())
        return
    row = cursor.execute(sql.query("marts", "next_segment"), (year,)).fetchone()
    assert row is not None
    for kind, held in segments.kept.items():
        gone, rows = held[0]
        _keep(cursor, year, int(row[0]), kind, gone, rows)
    cursor.execute(sql.query("marts", "keep_year"), {"year": year, "load": load})


def _keep_whole(cursor: Cursor, year: int, load: int, made: Year) -> None:
    cursor.execute(sql.query("marts", "forget_segments"), (year,))
    cursor.execute(sql.query("marts", "keep_year"), {"year": year, "load": load})
    for one in fields(made):
        _keep(cursor, year, 0, one.name, np.empty(0, np.int64), getattr(made, one.name))


def _keep(cursor: Cursor, year: int, number: int, kind: str, gone: Ints, rows: Columns) -> None:
    told = (year, number, kind, gone.astype("<i4").tobytes(), rows.packed())
    cursor.execute(sql.query("marts", "keep_segment"), told, binary=True)
