"""Cases: each exceedance with all that a notice of it may need, read at once. What of it a reader sees is decided in
:mod:`pipelines.notice_facts`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import groupby

import numpy as np

import sql
from loaders.bulk import Cursor
from loaders.secrets import RegistryKey
from pipelines import windows
from pipelines.exceedances import lay_at_hand, results_at_hand
from pipelines.states import DETECTED, NOTIFIED
from pipelines.windows import Results
from schemas.limits import Limit, by_code

#: States in which nothing stands any more: what was told is taken back.
VOID = frozenset({"CADUC", "ANNULE"})
#: Persons whose results are read at once: keeps memory flat.
PERSONS = 1000


@dataclass(frozen=True)
class Place:
    """An establishment as it is called now, and its municipality."""

    siret: str
    name: str
    municipality: str


@dataclass(frozen=True)
class Activity:
    """What a worker does somewhere from a day on (codes of the nomenclature)."""

    valid_from: date
    domain: str
    sector: str
    trade: str
    military: bool


@dataclass(frozen=True)
class Outcome:
    """One result within the window. ``counts`` in micro-sievert; ``None`` where another dosimeter outdoes it.
    ``adjusted``: a conclusion's version stands in its place."""

    kind: int
    place: int
    start: date
    day: date
    usv: int
    counts: int | None
    establishment: int
    sender: str
    adjusted: bool

    @property
    def internal(self) -> bool:
        return self.kind == windows.COMMITTED


@dataclass(frozen=True)
class Case:
    """An exceedance as it stands. ``state`` is the one to be told of: ``DETECTE`` reads ``NOTIFIE`` here.

    Attributes:
        detected: nobody was told of it as it stands.
        state_since: the registry's date from which the state is true.
        usv: the effective or equivalent dose of the window, in micro-sievert.
        outcomes: the results within the window as they hold now, by day.
        ever_engaged: a committed dose lies in the window, or lay there once.
        concerned: establishments whose results make the sum, or did before a conclusion, ascending.
        activities: by establishment, one list for each attachment of the person there, by first day.
    """

    number: int
    detected: bool
    state: str
    state_since: date
    limit: Limit
    place: int
    person: int
    start: date
    end: date
    usv: int
    establishment: int
    nir: str
    last_name: str
    first_name: str
    birth_day: date
    outcomes: tuple[Outcome, ...]
    ever_engaged: bool
    concerned: tuple[int, ...]
    activities: dict[int, list[list[Activity]]]

    @property
    def void(self) -> bool:
        return self.state in VOID

    @property
    def engaged(self) -> bool:
        """Whether the window holds a committed dose, of whatever value."""
        return any(one.internal for one in self.outcomes)

    @property
    def balanced(self) -> bool:
        """Whether an external result was adjusted so that the whole comes to what a physician retained, while there
        were committed doses: what it says then is made of them too."""
        return self.ever_engaged and any(one.adjusted and not one.internal for one in self.outcomes)

    @property
    def external_usv(self) -> int:
        """The sum of the external results of the window, whoever sent them."""
        return sum(one.counts or 0 for one in self.outcomes if not one.internal)

    def doing(self, establishment: int) -> Activity | None:
        """What the person did there on the window's last day, or did first; ``None``: not attached there."""
        chosen = None
        for periods in self.activities.get(establishment, ()):
            held = [one for one in periods if one.valid_from <= self.end]
            one = held[-1] if held else periods[0]
            if chosen is None or one.valid_from > chosen.valid_from:
                chosen = one
        return chosen

    def military(self, first: date, last: date) -> bool:
        """Whether any attachment concerned was of military character on any of these days."""
        return any(
            one.military
            for establishment in self.concerned
            for periods in self.activities.get(establishment, ())
            for at, one in enumerate(periods)
            if (at == 0 or one.valid_from <= last) and (at + 1 == len(periods) or periods[at + 1].valid_from > first)
        )


def read(cursor: Cursor, key: RegistryKey, today: date) -> Iterator[Case]:
    """Every exceedance that somebody may have to be told of, by person.

    Args:
        today: the registry's date, from which a state entered now is true.
    """
    rows = cursor.execute(sql.query("notices", "cases")).fetchall()
    by_person = [(person, list(group)) for person, group in groupby(rows, key=lambda row: int(row[3]))]
    for first in range(0, len(by_person), PERSONS):
        batch = by_person[first : first + PERSONS]
        persons = [person for person, _ in batch]
        lay_at_hand(cursor, persons)
        results, columns = results_at_hand(cursor, lineage=True)
        named, files = (np.unique(columns[name]).tolist() for name in ("sender", "submission"))
        senders = dict(cursor.execute(sql.query("exceedances", "senders"), (named,)).fetchall())
        brought = cursor.execute(sql.query("notices", "conclusions"), (files,)).fetchall()
        adjusted = np.isin(columns["submission"], [one for (one,) in brought])
        engaged: defaultdict[int, list[date]] = defaultdict(list)
        for person, day in cursor.execute(sql.query("notices", "ever_engaged")).fetchall():
            engaged[person].append(day)
        counts = windows.weights(results)
        order = np.argsort(results.person, kind="stable")
        bounds = results.person[order]
        activities = _activities(cursor)
        for person, group in batch:
            mine = order[np.searchsorted(bounds, person) : np.searchsorted(bounds, person, side="right")]
            codes = [senders[int(one)] for one in columns["sender"][mine]]
            own = results.take(mine), counts[mine], adjusted[mine], codes
            for row in group:
                yield _case(row, key, today, own, engaged[person], activities[person])


def _case(
    row: tuple[object, ...],
    key: RegistryKey,
    today: date,
    own: tuple[Results, windows.Ints, windows.Mask, list[str]],
    engaged: list[date],
    activities: dict[int, list[list[Activity]]],
) -> Case:
    number, code, place, person, start, end, usv, establishment, current, state, since, sealed, *civil = row
    assert isinstance(number, int) and isinstance(place, int) and isinstance(person, int)  # noqa: PT018
    assert isinstance(start, date) and isinstance(end, date) and isinstance(since, date)  # noqa: PT018
    assert isinstance(establishment, int) and isinstance(sealed, bytes)  # noqa: PT018
    last, first, birth = civil
    assert isinstance(birth, date)
    limit = by_code()[str(code)]
    outcomes = _outcomes(*own, windows.within(own[0], limit, place, start, end))
    made = {one.establishment for one in outcomes if one.counts or one.adjusted}
    return Case(
        number=number,
        detected=state == DETECTED,
        state=NOTIFIED if state == DETECTED else str(state),
        state_since=today if state == DETECTED else since,
        limit=limit,
        place=place,
        person=person,
        start=start,
        end=end,
        usv=int(str(usv)) if current else sum(one.counts or 0 for one in outcomes),
        establishment=establishment,
        nir=key.open(sealed).decode(),
        last_name=str(last),
        first_name=str(first),
        birth_day=birth,
        outcomes=outcomes,
        ever_engaged=limit.quantity == "EFFICACE" and any(start <= day <= end for day in engaged),
        concerned=tuple(sorted(made | {establishment})),
        activities=activities,
    )


def _outcomes(
    results: Results, counts: windows.Ints, adjusted: windows.Mask, senders: list[str], chosen: windows.Mask
) -> tuple[Outcome, ...]:
    rows = np.flatnonzero(chosen)
    return tuple(
        Outcome(
            kind=int(results.kind[at]),
            place=int(results.place[at]),
            start=_day(results.start[at]),
            day=_day(results.day[at]),
            usv=int(results.usv[at]),
            counts=int(counts[at]) if counts[at] != windows.OUTDONE else None,
            establishment=int(results.establishment[at]),
            sender=senders[at],
            adjusted=bool(adjusted[at]),
        )
        for at in rows[np.lexsort((results.usv[rows], results.place[rows], results.kind[rows], results.day[rows]))]
    )


def _activities(cursor: Cursor) -> defaultdict[int, dict[int, list[list[Activity]]]]:
    found: defaultdict[int, dict[int, list[list[Activity]]]] = defaultdict(dict)
    rows = cursor.execute(sql.query("notices", "activities")).fetchall()
    for (person, establishment, _), group in groupby(rows, key=lambda row: tuple(row[:3])):
        periods = [
            Activity(valid_from, domain, sector, trade, character == "Militaire")
            for *_, valid_from, domain, sector, trade, character in group
        ]
        found[person].setdefault(establishment, []).append(periods)
    return found


def places(cursor: Cursor, establishments: set[int]) -> dict[int, Place]:
    """These establishments by number."""
    rows = cursor.execute(sql.query("notices", "establishments"), (sorted(establishments),)).fetchall()
    return {number: Place(siret, name, municipality) for number, siret, name, municipality in rows}


def _day(number: np.int64) -> date:
    return date.fromordinal(date(1970, 1, 1).toordinal() + int(number))
