"""Marts: what is known of a year, kept from one printing to the next, brought forward by what loads changed since.

A year is kept from the first time that it is printed, in segments: the first holds everybody, each further one whom and
which files loads touched since the one before. Reading lays the newest on top. Past instants, before the load that a
year is held as of, are made from the doses alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np

import sql
from loaders import crash
from loaders.bulk import Cursor
from loaders.warehouse import Connection, alone
from pipelines.statistics.attachments import Attachments, attachments
from pipelines.statistics.columns import Columns, differing
from pipelines.statistics.deliveries import Deliveries, deliveries, span
from pipelines.statistics.facts import FORMATS, Facts, Whom, sum_up
from pipelines.windows import Ints

#: Space of the session lock on a year's mart.
_YEAR = 5360
#: A year is written anew as one segment once there are so many, or once what came since is half of it.
_SEGMENTS, _SHARE = 24, 2
_ATTACHMENTS, _DELIVERIES = "attachments", "deliveries"
_KINDS: dict[str, type[Columns]] = {
    **dict.fromkeys(FORMATS, Facts),
    _ATTACHMENTS: Attachments,
    _DELIVERIES: Deliveries,
}
_NOBODY = np.empty(0, np.int64)
_Held = TypeVar("_Held", bound=Columns)


@dataclass(frozen=True)
class Year:
    """What the tables of a year are made from, but for exceedances and the counts of files.

    ``by_format``: the facts, as they are kept: a file brings results of one format and leaves the others alone.
    """

    by_format: dict[str, Facts]
    attachments: Attachments
    deliveries: Deliveries

    @cached_property
    def facts(self) -> Facts:
        """Those of every format."""
        return Facts.joined(self.by_format.values())

    def kinds(self) -> dict[str, Columns]:
        """All of it, by the name that it is kept under."""
        return {**self.by_format, _ATTACHMENTS: self.attachments, _DELIVERIES: self.deliveries}


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
        return _forward(cursor, segments, year, held, load)
    return segments.year(segments.facts())


def guarded(connection: Connection, year: int) -> AbstractContextManager[bool]:
    """A context: whether this session is the one that may read and bring forward a year's mart."""
    return alone(connection, _YEAR, year, patience_s=0)


def differences(connection: Connection) -> tuple[int, int]:
    """Make every year that is held again, as of the load that it is held as of.

    Returns:
        Years held, rows that differ (one for a year that cannot be read).
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
            found = _from_doses(cursor, year, load).kinds()
            try:
                segments = _Segments(cursor, year)
            except ValueError:  # bytes that are no columns any more
                count += 1
                continue
            held = segments.year(segments.facts()).kinds()
            count += sum(differing(held[kind], found[kind]) for kind in _KINDS)
    return len(years), count


def _held(cursor: Cursor, year: int) -> int | None:
    row = cursor.execute(sql.query("marts", "held"), (year,)).fetchone()
    return None if row is None else int(row[0])


def _from_doses(cursor: Cursor, year: int, load: int) -> Year:
    whom = Whom.everybody(cursor, load)
    cursor.execute(sql.query("statistics", "whole_joins"))
    summed = {form: sum_up(cursor, year, whom, form) for form in FORMATS}
    everywhere = attachments(cursor, year, whom)
    cursor.execute(sql.query("statistics", "few_joins"))
    return Year(summed, _met(everywhere, summed.values()), deliveries(cursor, year, load))


def _met(held: Attachments, summed: Iterable[Facts]) -> Attachments:
    """Attachments of whom the year holds anything of, at that establishment."""
    facts = Facts.joined(summed)
    wide = int(max(held.establishment.max(initial=0), facts.establishment.max(initial=0))) + 1
    pairs, wanted = (one.person * wide + one.establishment for one in (held, facts))
    return held.take(np.isin(pairs, wanted))


class _Segments:
    """The segments of a year, by kind, the newest first: the keys that each replaces, and its rows."""

    def __init__(self, cursor: Cursor, year: int) -> None:
        self.kept: dict[str, list[tuple[Ints, Columns]]] = {kind: [] for kind in _KINDS}
        with cursor.connection.cursor(binary=True) as reader:
            for kind, gone, rows in reader.execute(sql.query("marts", "segments"), (year,)).fetchall():
                told = _KINDS[kind].unpacked(rows)
                self.kept[kind].append((np.frombuffer(gone, "<i4").astype(np.int64), told))

    def lay(self, kind: str, gone: Ints, rows: Columns) -> None:
        """Lay a further one on top."""
        self.kept[kind].insert(0, (gone, rows))

    def crowded(self, kind: str) -> bool:
        """Whether those of a kind are better written anew as one."""
        *further, (_, whole) = self.kept[kind]
        return len(further) > _SEGMENTS or _SHARE * sum(len(rows) for _, rows in further) > len(whole)

    def facts(self) -> dict[str, Facts]:
        """The facts that they hold together."""
        return {form: self.laid(form, Facts) for form in FORMATS}

    def year(self, by_format: dict[str, Facts]) -> Year:
        """The year that they hold together, with these facts of theirs."""
        return Year(by_format, self.laid(_ATTACHMENTS, Attachments), self.laid(_DELIVERIES, Deliveries))

    def laid(self, kind: str, form: type[_Held]) -> _Held:
        """What those of a kind hold together."""
        parts: list[_Held] = []
        replaced = np.empty(0, np.int64)
        for gone, rows in self.kept[kind]:
            assert isinstance(rows, form)
            parts.append(rows.take(~np.isin(rows.key, replaced)) if len(replaced) else rows)
            replaced = np.union1d(replaced, gone)
        return form.joined(parts)


def _forward(cursor: Cursor, segments: _Segments, year: int, mark: int, load: int) -> Year:
    """Bring a year's mart from a load to a later one: whom and which files the loads between touched is summed again.

    Loads after ``load`` may have committed already: whom they touched is summed too, as of ``load``, and again the next
    time.
    """
    asked = {**span(year), "mark": mark, "year": year}
    touched: dict[str, set[int]] = {kind: set() for kind in (*FORMATS, _ATTACHMENTS, "identities")}
    for kind, number in cursor.execute(sql.query("marts", "touched"), asked).fetchall():
        touched[kind].add(number)
    merged = touched.pop("identities")
    fresh = []
    for form in FORMATS:
        if numbers := touched[form] | merged:
            whom = Whom.some(cursor, load, sorted(numbers))
            segments.lay(form, _gone(numbers, whom), sum_up(cursor, year, whom, form))
            fresh.append(form)
    facts = segments.facts()
    if numbers := merged.union(*touched.values()):
        # A result may be the first at its establishment, or the last one there may have gone.
        whom = Whom.some(cursor, load, sorted(numbers))
        gone = _gone(numbers, whom)
        theirs = [one.take(np.isin(one.person, gone)) for one in facts.values()]
        segments.lay(_ATTACHMENTS, gone, _met(attachments(cursor, year, whom), theirs))
        fresh.append(_ATTACHMENTS)
    files = [one for (one,) in cursor.execute(sql.query("marts", "touched_files"), asked).fetchall()]
    if files:
        segments.lay(_DELIVERIES, np.array(files, np.int64), deliveries(cursor, year, load, files))
        fresh.append(_DELIVERIES)
    made = segments.year(facts)
    _keep_further(cursor, year, load, segments, made, fresh)
    return made


def _gone(numbers: set[int], whom: Whom) -> Ints:
    """Whose rows are replaced: these numbers, persons until now perhaps, and the persons that they stand for."""
    return np.union1d(np.array(sorted(numbers), np.int64), whom.stands_for)


def _keep_further(
    cursor: Cursor, year: int, load: int, segments: _Segments, made: Year, fresh: Collection[str]
) -> None:
    """Write what was laid on top, or a kind anew where its segments have become too many."""
    row = cursor.execute(sql.query("marts", "next_segment"), (year,)).fetchone()
    assert row is not None
    for kind in fresh:
        if segments.crowded(kind):
            cursor.execute(sql.query("marts", "forget_segments"), {"year": year, "kinds": [kind]})
            _keep(cursor, year, 0, kind, _NOBODY, made.kinds()[kind])
        else:
            gone, rows = segments.kept[kind][0]
            _keep(cursor, year, int(row[0]), kind, gone, rows)
    cursor.execute(sql.query("marts", "keep_year"), {"year": year, "load": load})


def _keep_whole(cursor: Cursor, year: int, load: int, made: Year) -> None:
    cursor.execute(sql.query("marts", "keep_year"), {"year": year, "load": load})
    cursor.execute(sql.query("marts", "forget_segments"), {"year": year, "kinds": list(_KINDS)})
    for kind, rows in made.kinds().items():
        _keep(cursor, year, 0, kind, _NOBODY, rows)


def _keep(cursor: Cursor, year: int, number: int, kind: str, gone: Ints, rows: Columns) -> None:
    told = (year, number, kind, gone.astype("<i4").tobytes(), rows.packed())
    cursor.execute(sql.query("marts", "keep_segment"), told, binary=True)
    crash.reach("marts.kept")
