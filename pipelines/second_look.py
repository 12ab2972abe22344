"""Second look: the warnings that one row cannot tell by itself, ``AVT-05`` and ``AVT-11``.

``AVT-05`` is a question to the registry once everything of a load is in it; ``AVT-11`` one to the passages that it
holds already. Both are asked in sets: neither goes row by row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

import sql
from loaders.bulk import Cursor, copy_in, copy_in_binary, fetch_numbers
from pipelines import class_b
from pipelines.check import Checked
from pipelines.exceedances import lay_at_hand, results_at_hand
from pipelines.match import Matched, in_full
from schemas import codebook
from schemas.codebook import Outcome
from schemas.formats import operationnelle, passive
from schemas.formats.common import plus_months
from schemas.spec import Format

if TYPE_CHECKING:
    from pipelines.load import Change
    from pipelines.rejudge import Entry

Ints = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

#: Formats whose rows can carry AVT-05.
SUMMED = ("PASSIVE", "ENGAGEE", "NAVIGANT")
#: States of PASSIVE whose value is a dose.
_MEASURED = [passive.MES, passive.EST]
_PASSIVE_PHOTONS = passive.TYPES.index("PAS-HP10-PHO")
_OPERATIONAL_PHOTONS = operationnelle.TYPES.index("OPE-HP10-PHO")
#: Two measures of one wear period agree where they differ by no more than this, or by no more than a fifth.
APART_USV = 300
_Place = tuple[int, int]
_LOOKED = {"submission": "int4", "line": "int4", "person": "int4", "day": "date"}


def apart(one: Ints, other: Ints) -> BoolArray:
    """Whether two doses (micro-sievert) differ by more than 0.3 mSv and by more than 20 % of the larger."""
    gap = np.abs(one - other)
    return np.asarray((gap > APART_USV) & (5 * gap > np.maximum(one, other)))


def against_operational(cursor: Cursor, layout: Format, checked: Checked, matched: Matched) -> None:
    """Raise ``AVT-11`` on the rows of a chunk whose wear period holds operational results that disagree."""
    if layout.name != "PASSIVE":
        return
    readable, values = checked.readable, checked.values
    judged = in_full(layout, checked) & (matched.worker > 0)
    for name in ("TYPE_MESURE", "DATE_DEBUT_PORT", "DATE_FIN_PORT", "ETAT_RESULTAT"):
        judged &= readable[name]
    state = values["ETAT_RESULTAT"]
    below = state == passive.INF
    told = ((state == passive.MES) | (state == passive.EST)) & readable["VALEUR"]
    judged &= (values["TYPE_MESURE"] == _PASSIVE_PHOTONS) & (below | told)
    judged &= (values["DATE_DEBUT_PORT"] <= values["DATE_FIN_PORT"]) & ~checked.carries(codebook.bit("MET-04"))
    rows = np.flatnonzero(judged)
    if not len(rows):
        return
    at, sums = _operational(cursor, matched, rows, values["DATE_DEBUT_PORT"][rows], values["DATE_FIN_PORT"][rows])
    value = np.where(below, 0, values["VALEUR"])
    warned = np.zeros(len(checked), bool)
    warned[at] = apart(value[at], sums)
    checked.raise_code("AVT-11", warned)


def _operational(cursor: Cursor, matched: Matched, rows: Ints, start: Ints, end: Ints) -> tuple[Ints, Ints]:
    """Rows within whose period lies at least one operational result of photons, and the sum of these."""
    years = {"first": int(_years(start).min()), "last": int(_years(end).max())}
    if not cursor.execute(sql.query("second_look", "any_operational"), years).fetchone():
        return rows[:0], rows[:0]
    workers, places = matched.worker[rows], np.arange(len(rows))
    if matched.merged:
        pairs = [
            (place, number)
            for place, worker in zip(places.tolist(), workers.tolist(), strict=True)
            for number in (worker, *matched.merged.get(worker, ()))
        ]
        places, workers = np.array(pairs, np.int64).T
    cursor.execute(sql.query("second_look", "worn_table"))
    worn = {"place": rows[places], "worker_id": workers, "first_day": start[places], "last_day": end[places]}
    copy_in(cursor, "worn", pa.table({name: pa.array(column) for name, column in worn.items()}))
    cursor.execute("analyze worn")
    asked = {"photons": _OPERATIONAL_PHOTONS} | years
    at, usv = fetch_numbers(cursor, sql.query("second_look", "operational"), {"place": "int4", "usv": "int8"}, asked)
    return at, usv


def _years(days: Ints) -> Ints:
    """The civil years of days since 1970-01-01."""
    return np.asarray(days.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970)


class Brought:
    """What a load brings of doses that ``AVT-05`` sums: how much to each worker, and on what days."""

    def __init__(self) -> None:
        self.layouts: set[str] = set()
        self.worker = np.zeros(0, np.int64)
        #: By worker, in micro-sievert: too high where one of these results replaces another.
        self.usv = np.zeros(0, np.int64)
        self._days: tuple[int, ...] = ()

    def add(self, layout: Format, checked: Checked, matched: Matched, inserted: BoolArray) -> None:
        """Note the rows of a chunk that become measures."""
        if layout.name not in SUMMED or layout.measure is None:
            return
        value = checked.values["VALEUR"]
        rows = inserted & checked.readable["VALEUR"] & (value > 0)
        if layout.name == "PASSIVE":
            rows &= np.isin(checked.values["TYPE_MESURE"], class_b.EXTERNAL)
            rows &= np.isin(checked.values["ETAT_RESULTAT"], _MEASURED)
        if not rows.any():
            return
        self.layouts.add(layout.name)
        day = checked.values[layout.measure.end][rows]
        days = (*self._days, int(day.min()), int(day.max()))
        self._days = (min(days), max(days))
        workers = np.concatenate((self.worker, matched.worker[rows]))
        amounts = np.concatenate((self.usv, value[rows]))
        self.worker, at = np.unique(workers, return_inverse=True)
        self.usv = np.zeros(len(self.worker), np.int64)
        np.add.at(self.usv, at, amounts)

    def span(self) -> dict[str, Any]:
        """What windows that end on these days reach: after one day until another, in partitions of these years."""
        days = np.array(self._days)
        after = int(plus_months(days[:1], -12)[0])
        return {
            "first": int(_years(days)[0]) - 1,
            "last": int(_years(days)[1]),
            "after": date(1970, 1, 1) + timedelta(after),
            "until": date(1970, 1, 1) + timedelta(self._days[1]),
        }


def above_class_b(cursor: Cursor, load: int, brought: Brought) -> list[_Place]:
    """Where (submission, line) the rows lie that this load brought and that must carry ``AVT-05``.

    Args:
        load: the load under way, with all its results written.
        brought: what it brought.
    """
    if not brought.layouts:
        return []
    cursor.execute(sql.query("second_look", "looked_table"))
    asked: dict[str, Any] = {
        "load": load,
        "external": class_b.EXTERNAL,
        "measured": _MEASURED,
        "ceiling": class_b.CEILING_USV,
        **brought.span(),
    }
    copy_in_binary(
        cursor,
        "touched",
        pa.table({"worker_id": pa.array(brought.worker.astype(np.int32)), "usv": pa.array(brought.usv)}),
    )
    cursor.execute("analyze touched")  # or the database goes person by person
    cursor.execute(sql.query("second_look", "may_be_above"), asked)
    if not cursor.rowcount:
        return []
    for name in sorted(brought.layouts):
        cursor.execute(sql.query("second_look", f"brought_{name.lower()}"), asked)
    cursor.execute("analyze looked_at")
    cursor.execute(sql.query("second_look", "dismiss"), asked)
    submission, line, person, day = fetch_numbers(cursor, sql.query("second_look", "of_class_b"), _LOOKED)
    if not len(person):
        return []
    lay_at_hand(cursor, np.unique(person).tolist())
    results, _ = results_at_hand(cursor)
    over = class_b.sums(results, person, day) > class_b.CEILING_USV
    return list(zip(submission[over].tolist(), line[over].tolist(), strict=True))


def of_class_b(cursor: Cursor, persons: Ints, establishments: Ints, days: Ints) -> BoolArray:
    """Whether persons are of class B at establishments on days (since 1970-01-01), place by place."""
    found = np.zeros(len(persons), bool)
    cursor.execute(sql.query("second_look", "looked_table"))
    if not len(persons):
        return found
    looked = {
        "submission_id": pa.array(np.zeros(len(persons), np.int32)),
        "line": pa.array(np.arange(len(persons))),
        "person_id": pa.array(persons),
        "establishment_id": pa.array(establishments),
        "day": pa.array(days.astype(np.int32), pa.int32()).cast(pa.date32()),
    }
    copy_in(cursor, "looked_at", pa.table(looked))
    cursor.execute("analyze looked_at")
    _, line, _, _ = fetch_numbers(cursor, sql.query("second_look", "of_class_b"), _LOOKED)
    found[line] = True
    return found


def enter(cursor: Cursor, load: int, places: Sequence[_Place]) -> None:
    """Write ``AVT-05`` into the row entries that this load makes; a row that was clean gets one."""
    if not places:
        return
    submissions, lines = (list(column) for column in zip(*places, strict=True))
    asked = {"load": load, "submissions": submissions, "lines": lines, "code": codebook.bit("AVT-05")}
    cursor.execute(sql.query("second_look", "add_code"), asked)
    cursor.execute(sql.query("second_look", "enter_code"), asked)


def warned(
    cursor: Cursor, load: int, entries: Sequence[Entry], changes: Sequence[Change], brought: Brought
) -> list[Change]:
    """The changes of rows judged again, with ``AVT-05`` where it holds now that all of them are in."""
    added = {change.entry_id for change in changes if change.outcome is Outcome.INTEGRE}
    numbers = {(one.submission, one.line): one.number for one in entries if one.number in added}
    above = {numbers[place] for place in above_class_b(cursor, load, brought) if place in numbers}
    code = codebook.bit("AVT-05")
    return [replace(one, codes=one.codes | code) if one.entry_id in above else one for one in changes]
