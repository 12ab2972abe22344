"""Second look: the warnings that one row cannot tell by itself, ``AVT-05`` and ``AVT-11``.

``AVT-05`` is a question to the registry once everything of a load is in it; ``AVT-11`` one to the passages that it
holds already. Both are asked in sets: neither goes row by row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

import sql
from loaders.bulk import Cursor, copy_in, fetch_numbers
from pipelines import class_b
from pipelines.check import Checked
from pipelines.exceedances import lay_at_hand, results_at_hand
from pipelines.match import Matched, in_full
from schemas import codebook
from schemas.codebook import Outcome
from schemas.formats import operationnelle, passive
from schemas.spec import Format

if TYPE_CHECKING:
    from pipelines.load import Change
    from pipelines.rejudge import Entry

Ints = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

#: Formats whose rows can carry AVT-05.
SUMMED = ("PASSIVE", "ENGAGEE", "NAVIGANT")
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
    years = {"first": _year(start.min()), "last": _year(end.max())}
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


def _year(day: np.int64) -> int:
    return int(day.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64)) + 1970


def above_class_b(cursor: Cursor, load: int, layouts: Iterable[str]) -> list[_Place]:
    """Where (submission, line) the rows lie that this load brought and that must carry ``AVT-05``.

    Args:
        load: the load under way, with all its results written.
        layouts: the formats of what it brought.
    """
    cursor.execute(sql.query("second_look", "looked_table"))
    asked: dict[str, object] = {
        "load": load,
        "external": class_b.EXTERNAL,
        "measured": [passive.MES, passive.EST],
        "ceiling": class_b.CEILING_USV,
    }
    years: list[int] = []
    for name in sorted(set(layouts) & set(SUMMED)):
        days = cursor.execute(sql.query("second_look", f"days_{name.lower()}"), asked).fetchone()
        if days is None or days[0] is None:
            continue
        span = dict(zip(("first", "last", "after", "until"), days, strict=True))
        cursor.execute("truncate touched, may_be_above")
        cursor.execute(sql.query("second_look", f"touched_{name.lower()}"), asked)
        cursor.execute("analyze touched")  # or the database goes person by person
        cursor.execute(sql.query("second_look", "may_be_above"), asked | span)
        cursor.execute(sql.query("second_look", f"brought_{name.lower()}"), asked)
        years += days[:2]
    if not years:
        return []
    cursor.execute("analyze looked_at")
    cursor.execute(sql.query("second_look", "dismiss"), asked | {"first": min(years), "last": max(years)})
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


def warned(cursor: Cursor, load: int, entries: Sequence[Entry], changes: Sequence[Change]) -> list[Change]:
    """The changes of rows judged again, with ``AVT-05`` where it holds now that all of them are in."""
    brought = {change.entry_id for change in changes if change.outcome is Outcome.INTEGRE}
    numbers = {(one.submission, one.line): one.number for one in entries if one.number in brought}
    layouts = {one.format for one in entries if one.number in brought}
    if not layouts & set(SUMMED):
        return list(changes)
    above = {numbers[place] for place in above_class_b(cursor, load, layouts) if place in numbers}
    code = codebook.bit("AVT-05")
    return [replace(one, codes=one.codes | code) if one.entry_id in above else one for one in changes]
