"""Facts: what one civil year holds as of a load, summed by person, establishment, kind of result and place.

The database does the summing, set by set, and hands over about two numbers a worker. Only groups of two dosimeters
worn together, which are no matter of sums, are judged here, by the code that judges them for exceedances.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

import sql
from loaders.bulk import Cursor, fetch_numbers
from pipelines import windows
from pipelines.statistics.columns import Columns
from pipelines.windows import AIRCREW, COMMITTED, Ints, Results
from schemas.formats import interne, operationnelle, passive

#: Kinds beyond those of :mod:`pipelines.windows`: operational doses by quantity, examinations by type.
OPERATIONAL = AIRCREW + 1
INTERNAL = OPERATIONAL + len(operationnelle.TYPES)
PHOTONS, NEUTRONS, LENS, SKIN, EXTREMITIES, RADON = (
    passive.TYPES.index(name)
    for name in ("PAS-HP10-PHO", "PAS-HP10-NEU", "PAS-HP3", "PAS-HP007-PEAU", "PAS-HP007-EXT", "PAS-E-RADON")
)
#: What the annual dose is made of, and what the effective dose of the limits is made of.
ANNUAL = (PHOTONS, NEUTRONS, AIRCREW)
EFFECTIVE = (*ANNUAL, RADON, COMMITTED)
#: Formats of doses, each with sums of its own.
FORMATS = ("passive", "committed", "aircrew", "operational", "internal")
_TRUNK = (PHOTONS, NEUTRONS)
_VALUED = [passive.MES, passive.EST]
_RESULT = {
    "person": "int4",
    "establishment": "int4",
    "kind": "int2",
    "place": "int2",
    "start": "date",
    "day": "date",
    "usv": "int8",
}


@dataclass(frozen=True)
class Facts(Columns):
    """Sums of a year, one a place of the arrays. A person may have several of the same kind and place, which add up.

    ``kind``: the position of TYPE_MESURE in PASSIVE, COMMITTED, AIRCREW, OPERATIONAL + the position of the quantity,
    INTERNAL + that of the examination. ``place``: the position of LOCALISATION for skin and extremities, else -1.
    ``records``: rows that hold; ``results``: those that are a result (no ABS), examinations for INTERNAL. ``usv``:
    micro-sievert, positive examinations for INTERNAL.
    """

    person: Ints
    establishment: Ints
    kind: Ints
    place: Ints
    records: Ints
    results: Ints
    usv: Ints

    types: ClassVar[dict[str, str]] = {
        "person": "int4",
        "establishment": "int4",
        "kind": "int2",
        "place": "int2",
        **dict.fromkeys(("records", "results", "usv"), "int8"),
    }

    def of(self, *kinds: int) -> Facts:
        """Those of some kinds."""
        return self.take(np.isin(self.kind, kinds))


@dataclass(frozen=True)
class Whom:
    """Who is summed as of a load: everybody, or some persons under every number of theirs.

    ``numbers``: these numbers; ``None`` for all. ``alias`` and ``stands_for``: numbers in ascending order, each with
    the person that it stands for; a number that is not among them stands for itself.
    """

    load: int
    numbers: list[int] | None
    alias: Ints
    stands_for: Ints

    @classmethod
    def everybody(cls, cursor: Cursor, load: int) -> Whom:
        return cls(load, None, *_pairs(cursor, "aliases", {"load": load}))

    @classmethod
    def some(cls, cursor: Cursor, load: int, touched: list[int]) -> Whom:
        """The persons that these numbers stand for."""
        alias, stands_for = _pairs(cursor, "numbers", {"load": load, "touched": touched})
        return cls(load, alias.tolist(), alias, stands_for)

    def persons(self, numbers: Ints) -> Ints:
        """The person that each number stands for."""
        if not len(self.alias):
            return numbers
        at = np.minimum(np.searchsorted(self.alias, numbers), len(self.alias) - 1)
        return np.where(self.alias[at] == numbers, self.stands_for[at], numbers)

    def every_number(self, numbers: Ints) -> list[int]:
        """All numbers of the persons that some numbers stand for."""
        persons = np.unique(self.persons(numbers))
        return list(np.union1d(persons, self.alias[np.isin(self.stands_for, persons)]).tolist())


def _pairs(cursor: Cursor, name: str, asked: dict[str, object]) -> tuple[Ints, Ints]:
    alias, person = fetch_numbers(cursor, sql.query("statistics", name), {"alias": "int4", "person": "int4"}, asked)
    order = np.argsort(alias)
    return alias[order], person[order]


def _parameters(year: int, load: int) -> dict[str, object]:
    """What the queries of the facts name."""
    return {
        "year": year,
        "load": load,
        "by_place": [SKIN, EXTREMITIES],
        "absent": passive.ABS,
        "valued": _VALUED,
        "committed": COMMITTED,
        "aircrew": AIRCREW,
        "floor": windows.AIRCREW_FLOOR_USV,
        "operational": OPERATIONAL,
        "internal": INTERNAL,
        "no_exam": interne.ABS,
        "measured": interne.MES,
        "trunk": list(_TRUNK),
        "belt": windows.BELT,
        "places": [passive.LOCATIONS.index("POITRINE"), windows.BELT],
        "states": [passive.MES, passive.INF, passive.EST],
    }


def sum_up(cursor: Cursor, year: int, whom: Whom, form: str) -> Facts:
    """Sum a year's rows of one of :data:`FORMATS`, out of the database."""
    told = _parameters(year, whom.load) | {"workers": whom.numbers}
    if form == "passive":
        told |= _set_aside(cursor, whom.load)
    number, *rest = fetch_numbers(cursor, sql.query("statistics", f"sums_{form}"), Facts.types, told)
    # Examinations come by person already.
    summed = Facts(number if form == "internal" else whom.persons(number), *rest)
    return Facts.joined((summed, _outdone(cursor, year, whom, told))) if form == "passive" else summed


def _set_aside(cursor: Cursor, load: int) -> dict[str, object]:
    """Bodies' measures that a physician's version stands in for: few, and so handed back to the queries that need
    them; no list where there is none."""
    found: list[tuple[Any, ...]] = cursor.execute(sql.query("statistics", "aside"), {"load": load}).fetchall()
    names = ("bodies", "measures", "years")
    return {name: [one[at] for one in found] or None for at, name in enumerate(names)}


def _outdone(cursor: Cursor, year: int, whom: Whom, told: dict[str, object]) -> Facts:
    """What must be taken off the year's sums: results of the chest or belt that the other place outdoes.

    Returns:
        Sums below zero, in order.
    """
    (belted,) = fetch_numbers(cursor, sql.query("statistics", "belted"), {"number": "int4"}, told)
    if not len(belted):
        return Facts.none()
    asked = told | {"belted": whom.every_number(belted)}
    number, *rest = fetch_numbers(cursor, sql.query("statistics", "trunk"), _RESULT, asked)
    results = Results(whom.persons(number), *rest)
    less = windows.weights(results) < 0
    in_year = results.day.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970 == year
    off = results.take(less & in_year & (results.usv > 0))
    if not len(off):
        return Facts.none()
    keys, at = np.unique(np.stack([off.person, off.establishment, off.kind]), axis=1, return_inverse=True)
    sums = np.bincount(at.ravel(), weights=off.usv).astype(np.int64)
    none = np.zeros(len(sums), np.int64)
    person, establishment, kind = keys
    return Facts(person, establishment, kind, none - 1, none, none, -sums)
