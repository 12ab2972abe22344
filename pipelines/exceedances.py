"""Exceedances: what the windows say, held against what the registry holds; new versions where they differ.

After loads, only the persons that they touch are reckoned again. Everything can be reckoned again at any time and must
come out the same. An exceedance keeps its number while its run is recognisably the same: same person, limit and place,
runs that share a day.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from datetime import date

import numpy as np

import sql
from loaders import metrics
from loaders.bulk import Cursor, fetch_numbers
from loaders.warehouse import Connection, load
from pipelines import windows
from pipelines.states import ADJUSTED, DETECTED, FOUND, INHERITED, LAPSED, enter_states
from pipelines.windows import Results, Run
from schemas.formats import passive

log = logging.getLogger("siseri.exceedances")

#: Persons reckoned at once in a full recomputation: what keeps its memory flat.
PERSONS = 50_000
#: Of these, persons whose every result is looked at at once.
LOOKED_INTO = 1_000
_LAST_PERSON = 2**31 - 1
#: Kinds of results that are no quantity of PASSIVE.
_SPECIAL = {"committed": windows.COMMITTED, "aircrew": windows.AIRCREW}
#: Columns of a result; those of the windows first.
_RESULT = {
    "person": "int4",
    "establishment": "int4",
    "kind": "int2",
    "place": "int2",
    "start": "date",
    "day": "date",
    "usv": "int8",
    "sender": "int4",
    "submission": "int4",
    "line": "int4",
}


@dataclass(frozen=True)
class Standing:
    """An exceedance that the registry holds, as reckoned last.

    ``person`` is whom that reckoning's worker stands for now, ``origin`` whom the first one's does (``None``: not at
    hand); ``worker`` the number it was reckoned under; ``current`` is false for one that lapsed. ``standing_usv`` is
    the highest sum that a conclusion left standing.
    """

    number: int
    person: int | None
    origin: int | None
    worker: int
    run: Run
    current: bool
    state: str
    standing_usv: int

    @property
    def adjusted(self) -> bool:
        """Whether a physician changed the doses of this run: it neither lapses nor follows the sums then."""
        return self.state in ADJUSTED

    def settles(self, run: Run) -> bool:
        """Whether this run says nothing that the physician who adjusted this one did not leave standing."""
        return self.adjusted and run.usv <= self.standing_usv

    def same(self, run: Run) -> bool:
        """Whether the arithmetic that stands is that of this run."""
        return self.current and self.run == run and self.worker == run.person


@dataclass
class Difference:
    """What must be written so that the registry holds what the windows say; ``changed`` with the state to enter."""

    opened: list[Run] = field(default_factory=list)
    changed: list[tuple[Standing, Run, str | None]] = field(default_factory=list)
    lapsed: list[Standing] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.opened) + len(self.changed) + len(self.lapsed)

    def persons(self) -> set[int]:
        """Whom it concerns."""
        found = {one.person for one in self.opened} | {run.person for _, run, _ in self.changed}
        return found | {one.person for one in self.lapsed if one.person is not None}


@dataclass(frozen=True)
class Detected:
    """What a detection did: counts only."""

    persons: int = 0
    opened: int = 0
    changed: int = 0
    lapsed: int = 0


@dataclass(frozen=True)
class Recomputed:
    """What a full recomputation found: ``differences`` from what stood, all mended."""

    persons: int
    standing: int
    differences: int


def detect(connection: Connection, today: date) -> Detected:
    """Reckon the persons whom loads touched since the last detection.

    Args:
        today: the registry's date, from which new states are true.
    """
    row = connection.execute(sql.query("exceedances", "watermark")).fetchone()
    assert row is not None
    news = connection.execute(sql.query("exceedances", "news"), row).fetchone()
    assert news is not None
    if not news[0]:
        return Detected()
    with load(connection, "exceedances") as number:
        cursor = connection.cursor()
        persons = touched(cursor)
        done = _settle(cursor, number, today, len(persons))
    for change, number in zip(("opened", "changed", "lapsed"), _figures(done), strict=True):
        metrics.count("exceedances", number, change=change)
    log.info("exceedances: %s persons, %s new, %s changed, %s lapsed", len(persons), *_figures(done))
    return done


def recompute(connection: Connection, today: date) -> Recomputed:
    """Reckon everybody after a detection, and mend what differs: nothing should."""
    detect(connection, today)
    persons, standing, differing, count = differences(connection)
    if differing:
        log.error("exceedances: %s differ from a full recomputation", count)
        with load(connection, "exceedances") as number:
            cursor = connection.cursor()
            # What loads brought meanwhile goes along, or the detection noted here would hide it.
            named = sorted(differing | set(touched(cursor)))
            lay_at_hand(cursor, named)
            _settle(cursor, number, today, len(named))
    return Recomputed(persons, standing, count)


def differences(connection: Connection) -> tuple[int, int, set[int], int]:
    """Hold everybody against what stands, but those whom a load touched since the last detection.

    Returns:
        Persons looked at, exceedances that hold, the persons that differ, how many exceedances differ.
    """
    persons = standing = count = 0
    differing: set[int] = set()
    with connection.transaction():
        cursor = connection.cursor()
        cursor.execute("set transaction isolation level repeatable read")
        pending = touched(cursor)
        row = cursor.execute(sql.query("exceedances", "last_worker")).fetchone()
        assert row is not None
        for first in range(1, int(row[0]) + 1, PERSONS):
            cursor.execute("truncate at_hand")
            cursor.execute(sql.query("exceedances", "at_hand_range"), (first, first + PERSONS - 1))
            cursor.execute(sql.query("exceedances", "without"), (pending,))
            persons += len(cursor.execute(sql.query("exceedances", "persons_at_hand")).fetchall())
            found = reckoned(cursor)
            difference = _compared(found, _standing(cursor), legacy_day(cursor))
            standing += len(found)
            count += len(difference)
            differing |= difference.persons()
    return persons, standing, differing, count


def touched(cursor: Cursor) -> list[int]:
    """Lay at hand the persons whom loads touched since the last detection; gives their numbers."""
    cursor.execute(sql.query("exceedances", "at_hand_table"))
    row = cursor.execute(sql.query("exceedances", "watermark")).fetchone()
    assert row is not None
    first, last = windows.cumulated_years()
    asked = {"mark": row[0], "belt": windows.BELT, "cumulated_first": first, "cumulated_last": last}
    cursor.execute(sql.query("exceedances", "at_hand_touched"), asked)
    return [one for (one,) in cursor.execute(sql.query("exceedances", "persons_at_hand")).fetchall()]


def results_at_hand(cursor: Cursor, *, lineage: bool = False) -> tuple[Results, dict[str, windows.Ints]]:
    """The results of the persons at hand, and with ``lineage`` the sender, submission and line of each."""
    cursor.execute("analyze at_hand")
    return _results(cursor, 0, _LAST_PERSON, lineage=lineage)


def _results(
    cursor: Cursor, first: int, last: int, *, lineage: bool = False
) -> tuple[Results, dict[str, windows.Ints]]:
    """Of the persons at hand, those with these numbers."""
    asked = {"below": passive.INF, "states": [passive.MES, passive.INF, passive.EST], **_SPECIAL}
    asked |= {"first": first, "last": last}
    own = len(fields(Results))
    columns = fetch_numbers(
        cursor, sql.query("exceedances", "results"), _RESULT, asked, wanted=None if lineage else own
    )
    return Results(*columns[:own]), dict(zip(list(_RESULT)[own:], columns[own:], strict=False))


def lay_at_hand(cursor: Cursor, persons: list[int]) -> None:
    """Lay these persons at hand, instead of whom was."""
    cursor.execute(sql.query("exceedances", "at_hand_table"))
    cursor.execute(sql.query("exceedances", "at_hand_named"), (persons,))


def legacy_day(cursor: Cursor) -> date | None:
    """The day of the legacy migration, where there was one."""
    row = cursor.execute(sql.query("exceedances", "legacy_day")).fetchone()
    return None if row is None else row[0]


def note_legacy_day(cursor: Cursor, load: int, day: date) -> None:
    """The legacy history was taken over on this day: windows that end before it are told to nobody (``REPRISE``).

    What was only found until now follows at the next detection; what was told stays as it is.
    """
    if legacy_day(cursor) == day:
        return
    cursor.execute(sql.query("exceedances", "close_legacy"), (load,))
    cursor.execute(sql.query("exceedances", "note_legacy"), (day, load))


def reckoned(cursor: Cursor) -> list[Run]:
    """The runs of the persons at hand; who cannot have any is at hand no longer."""
    cursor.execute("analyze at_hand")
    _dismiss(cursor)
    cursor.execute("analyze at_hand")
    persons, births = fetch_numbers(cursor, sql.query("exceedances", "births"), {"person": "int4", "birth": "date"})
    order = np.argsort(persons)
    persons, births = persons[order], births[order]
    left = [one for (one,) in cursor.execute(sql.query("exceedances", "persons_at_hand")).fetchall()]
    found: list[Run] = []
    for at in range(0, len(left), LOOKED_INTO):
        some = left[at : at + LOOKED_INTO]
        results, _ = _results(cursor, some[0], some[-1])
        found += windows.runs(results, persons, births)
    return found


def _dismiss(cursor: Cursor) -> None:
    """Lay at hand no longer who cannot have any run, nor any exceedance that stood."""
    asked: dict[str, object] = {"belt": windows.BELT}
    for name, floor in windows.floors().items():
        asked |= {f"{name}_usv": floor.adults_usv, f"{name}_minors_usv": floor.minors_usv, name: floor.kinds}
    cursor.execute(sql.query("exceedances", "room"))
    for whole, first, last in cursor.execute(sql.query("exceedances", "years_at_hand")).fetchall():
        asked |= {"whole": whole, "first_year": first, "last_year": last}
        cursor.execute(sql.query("exceedances", "dismiss"), asked)


def _standing(cursor: Cursor) -> list[Standing]:
    listed = []
    for row in cursor.execute(sql.query("exceedances", "standing")).fetchall():
        number, person, origin, limit, place, worker, first, last, start, end, usv, establishment, *life = row
        run = Run(person or 0, limit, place, first, last, start, end, int(usv), establishment)
        current, state, standing_usv = life
        listed.append(Standing(number, person, origin, worker, run, current, state, int(standing_usv)))
    return listed


def _compared(found: list[Run], standing: list[Standing], legacy: date | None) -> Difference:
    """Which exceedance each run is, by the runs that share a day with it; what is new, what changed, what lapsed.

    An exceedance that holds goes before one that lapsed, the same person before one that was merged or parted since,
    more common days before fewer, the older before the younger. What remains of a run that a physician adjusted opens
    nothing and wakes nothing that lapsed.
    """
    held: defaultdict[tuple[int | None, str, int], list[Standing]] = defaultdict(list)
    for one in standing:
        for person in {one.person, one.origin}:
            held[person, one.run.limit, one.run.place].append(one)
    pairs = sorted(
        (
            2 if not one.current else int(one.settles(run)),
            one.person != run.person,
            -common_days(one.run, run),
            one.number,
            at,
        )
        for at, run in enumerate(found)
        for one in held[run.person, run.limit, run.place]
        if common_days(one.run, run) > 0
    )
    by_number = {one.number: one for one in standing}
    taken: dict[int, Standing] = {}
    used: set[int] = set()
    settled: set[int] = set()
    for rank, _, _, number, at in pairs:
        if at in taken or at in settled:
            continue
        if number in used:
            continue
        if rank == 1:
            settled.add(at)
        else:
            taken[at] = by_number[number]
            used.add(number)
    difference = Difference()
    for at, run in enumerate(found):
        before = taken.get(at)
        if before is None:
            if at not in settled:
                difference.opened.append(run)
            continue
        state = _found_state(run, legacy) if before.state in FOUND | ADJUSTED | {LAPSED} else before.state
        if not before.same(run) or state != before.state:
            difference.changed.append((before, run, state if state != before.state else None))
    difference.lapsed = [one for one in standing if one.current and not one.adjusted and one.number not in used]
    return difference


def _found_state(run: Run, legacy: date | None) -> str:
    """The state of a run that nobody was told of yet."""
    return INHERITED if legacy is not None and run.window_end < legacy else DETECTED


def common_days(one: Run, other: Run) -> int:
    """Days that the spans of two runs share; none where it is not above 0."""
    return (min(one.last_day, other.last_day) - max(one.first_day, other.first_day)).days + 1


def _settle(cursor: Cursor, number: int, today: date, persons: int) -> Detected:
    """Write, in this load, what makes the registry hold what the windows say of the persons at hand."""
    found, legacy = reckoned(cursor), legacy_day(cursor)
    difference = _compared(found, _standing(cursor), legacy)
    done = Detected(persons, len(difference.opened), len(difference.changed), len(difference.lapsed))
    versions = [(one.number, run) for one, run, _ in difference.changed if not one.same(run)]
    states = [(one.number, state) for one, _, state in difference.changed if state is not None]
    states += [(one.number, LAPSED) for one in difference.lapsed]
    # A conclusion is on the run as it was: it ends where that begins or ceases to hold.
    ended = [number for number, _ in states]
    for run in difference.opened:
        place = (run.person, run.limit, run.place, number)
        row = cursor.execute(sql.query("exceedances", "open"), place).fetchone()
        assert row is not None
        versions.append((row[0], run))
        states.append((row[0], _found_state(run, legacy)))
    cursor.execute(sql.query("exceedances", "close_conclusions"), (number, ended))
    write_reckonings(cursor, number, versions, [one.number for one in difference.lapsed])
    enter_states(cursor, number, states, today)
    cursor.execute(sql.query("exceedances", "detected"), (number, persons, *_figures(done)))
    return done


def write_reckonings(cursor: Cursor, load: int, versions: list[tuple[int, Run]], ended: Sequence[int] = ()) -> None:
    """Let these exceedances be reckoned so from this load on; ``ended`` are reckoned no longer."""
    closed = [*(number for number, _ in versions), *ended]
    cursor.execute(sql.query("exceedances", "close_reckonings"), (load, closed))
    cursor.executemany(sql.query("exceedances", "reckon"), list(_versions(versions, load)))


def _versions(versions: list[tuple[int, Run]], number: int) -> Iterator[tuple[object, ...]]:
    for one, run in versions:
        days = (run.first_day, run.last_day, run.window_start, run.window_end)
        yield one, run.person, run.establishment, run.usv, *days, number


def _figures(done: Detected) -> tuple[int, int, int]:
    return done.opened, done.changed, done.lapsed
