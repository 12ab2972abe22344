"""What the registry knows that may cure waiting rows: persons and establishments, fetched for many rows at once.

Every query goes by an index: numbers by keyed fingerprint, persons by a blocking key of names and birth,
establishments by SIRET or SIREN.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

import sql
from loaders.secrets import RegistryKey
from loaders.warehouse import Connection
from pipelines.names import fold
from pipelines.variants import nir_variants, siret_variants
from pipelines.waiting import Row
from schemas import codebook

#: Most persons of one blocking key, most establishments of one company.
MOST_PERSONS, MOST_ESTABLISHMENTS = 2_000, 2_000
#: What is usual for a worker, or for some of an establishment's, is read over this time.
USUAL_DAYS = 730
MOST_COLLEAGUES, MOST_RESULTS = 40, 40
MOST_CONFIRMED = 20
#: Formats whose value may be implausible: their query of usual values.
_USUAL = {
    "PASSIVE": "usual_passive",
    "OPERATIONNELLE": "usual_operational",
    "ENGAGEE": "usual_committed",
    "NAVIGANT": "usual_aircrew",
}
#: Codes that a wrong number may have brought, and those that a wrong establishment may.
_PERSON_CODES = frozenset({"IDT-06", "IDT-07", "IDT-08"})
_PLACE_CODES = frozenset({"IDT-05", "IDT-11"})


@dataclass(frozen=True)
class Names:
    """Names that a person bears, or bore: as known, and folded."""

    last: str
    first: str
    folded_last: str
    folded_first: str
    current: bool


@dataclass(frozen=True)
class Stay:
    """A period of an attachment; ``closed``: first day on which the establishment is."""

    siret: str
    start: date
    end: date | None
    closed: date | None = None

    def off(self, start: date, end: date) -> int:
        """Days by which a period lies outside this one, on its worse side; 0 inside."""
        late = (end - self.end).days if self.end else 0
        return max((self.start - start).days, late, 0)


@dataclass
class Person:
    """A person under all numbers: identifiers (the one to show first), names (current first), attachments."""

    number: int
    nirs: list[str] = field(default_factory=list)
    names: list[Names] = field(default_factory=list)
    birth: date | None = None
    sex: str = ""
    stays: list[Stay] = field(default_factory=list)

    @cached_property
    def sirens(self) -> frozenset[str]:
        return frozenset(stay.siret[:9] for stay in self.stays)


@dataclass(frozen=True)
class Place:
    """An establishment; ``used``: some worker is, or was, attached there."""

    siret: str
    open: bool
    since: date
    usual_name: str
    sign: str
    activity: str
    municipality: str
    used: bool

    @property
    def name(self) -> str:
        return self.usual_name or self.sign

    def __str__(self) -> str:
        return f"{self.siret} ({self.name})" if self.name else self.siret


@dataclass(frozen=True)
class Known:
    """What the registry knows around some rows, by position of the row.

    Attributes:
        own: the person that bears the number sent, ``None`` where nobody does.
        persons: persons under a number within one slip of the number sent, or found by name; ``own`` included.
        places: establishments by SIRET: those sent, those within one slip of an unknown one.
        siblings: establishments by SIREN, for rows whose establishment is unknown or closed.
        confirmed: folded names that an analyst once confirmed for the number sent.
        usual: results (micro-sievert, ascending) of the worker, or else of colleagues, for implausible values;
            ``of_colleagues`` tells which.
    """

    own: list[Person | None]
    persons: list[list[Person]]
    places: Mapping[str, Place]
    siblings: Mapping[str, list[Place]]
    confirmed: list[set[tuple[str, str]]]
    usual: list[list[int]]
    of_colleagues: list[bool]


def gather(connection: Connection, key: RegistryKey, rows: Sequence[Row]) -> Known:
    """Ask the registry about some hundred rows at once."""
    places, siblings = _establishments(connection, rows)
    own, near = _by_number(connection, key, rows)
    for at, number in _by_name(connection, rows, siblings, places):
        near[at].add(number)
    wanted = {number for some in near for number in some} | {number for number in own if number}
    people = _people(connection, key, sorted(wanted))
    usual, of_colleagues = _usual(connection, rows, own)
    return Known(
        own=[people.get(number) if number else None for number in own],
        persons=[
            [people[one] for one in sorted(some | ({number} if number else set()))]
            for some, number in zip(near, own, strict=True)
        ],
        places=places,
        siblings=siblings,
        confirmed=_confirmed(connection, key, rows),
        usual=usual,
        of_colleagues=of_colleagues,
    )


def _ask(connection: Connection, name: str, parameters: Any) -> list[Any]:
    return connection.execute(sql.query("proposals", name), parameters).fetchall()


# --- persons ---------------------------------------------------------------------------------------


def _by_number(
    connection: Connection, key: RegistryKey, rows: Sequence[Row]
) -> tuple[list[int | None], list[set[int]]]:
    """By row, the person under the number sent and those within one slip of it."""
    asked: dict[str, int] = {}
    wanted: list[tuple[int, str]] = []
    for at, row in enumerate(rows):
        if row.nir:
            numbers = [row.nir, *(nir_variants(row.nir) if row.codes & _PERSON_CODES else ())]
            for one in numbers:
                asked.setdefault(one, len(asked))
            wanted.extend((at, one) for one in numbers)
    found = {}
    if asked:
        found = dict(_ask(connection, "by_number", (key.fingerprints(asked),)))
    own: list[int | None] = [None] * len(rows)
    near: list[set[int]] = [set() for _ in rows]
    for at, one in wanted:
        person = found.get(asked[one] + 1)
        if person is None:
            continue
        if one == rows[at].nir:
            own[at] = person
        else:
            near[at].add(person)
    return own, near


def _confirmed(connection: Connection, key: RegistryKey, rows: Sequence[Row]) -> list[set[tuple[str, str]]]:
    confirmed: list[set[tuple[str, str]]] = [set() for _ in rows]
    asked = [at for at, row in enumerate(rows) if row.nir and row.last and "IDT-08" in row.codes]
    if asked:
        parameters = {
            "fingerprint": key.fingerprints(rows[at].nir for at in asked),
            "names": codebook.bit("IDT-08"),
            "most": MOST_CONFIRMED,
        }
        for place, sealed in _ask(connection, "confirmed", parameters):
            sent = key.open_row(sealed)
            confirmed[asked[place - 1]].add((fold(sent.get("NOM", "")), fold(sent.get("PRENOM", ""))))
    return confirmed


def birth_between(row: Row) -> tuple[date, date] | None:
    """First and last day of birth that a row allows: its date, else what its NIR says (less than a year or one)."""
    if row.birth is not None:
        return row.birth, row.birth
    if not row.nir:
        return None
    year, month = int(row.nir[1:3]), int(row.nir[3:5])
    year += 2000 if 2000 + year <= row.day.year - 14 else 1900
    if 1 <= month <= 12:
        return date(year, month, 1), date(year, month, monthrange(year, month)[1])
    return date(year, 1, 1), date(year, 12, 31)


def _by_name(
    connection: Connection, rows: Sequence[Row], siblings: Mapping[str, list[Place]], places: Mapping[str, Place]
) -> list[tuple[int, int]]:
    """(row, person) of those who bear a row's names, or one of them and its birth; names may be swapped."""
    asked: list[tuple[Any, ...]] = []
    for at, row in enumerate(rows):
        born = birth_between(row)
        if not row.last or born is None or not row.codes & {"IDT-06", "IDT-08"}:
            continue
        known = row.siret in places or bool(siblings.get(row.siren))
        if not known and (born[1] - born[0]).days > 31:
            continue
        for last, first in ((row.last, row.first), (row.first, row.last)):
            asked.append((at, last, first.split(" ")[0], *born, row.siren if known else None))
    if not asked:
        return []
    columns = zip(*asked, strict=True)
    names = ("place", "last", "first", "since", "until", "siren")
    parameters = {name: list(column) for name, column in zip(names, columns, strict=True)}
    return _ask(connection, "by_name", {**parameters, "most": MOST_PERSONS})


def _people(connection: Connection, key: RegistryKey, wanted: list[int]) -> dict[int, Person]:
    people = {number: Person(number) for number in wanted}
    if not wanted:
        return people
    of: dict[int, Person] = {}
    for person, number in _ask(connection, "numbers", {"people": wanted}):
        of[number] = people[person]
    numbers = (list(of),)
    for number, last, first, folded_last, folded_first, birth, sex, current in _ask(connection, "civil", numbers):
        person = of[number]
        current = current and number == person.number
        person.names.insert(0 if current else len(person.names), Names(last, first, folded_last, folded_first, current))
        if current:
            person.birth, person.sex = birth, sex
    for number, sealed in _ask(connection, "identifiers", numbers):
        of[number].nirs.append(key.open(sealed).decode())
    for number, *stay in _ask(connection, "attachments", numbers):
        of[number].stays.append(Stay(*stay))
    return people


# --- establishments --------------------------------------------------------------------------------


def _establishments(connection: Connection, rows: Sequence[Row]) -> tuple[dict[str, Place], dict[str, list[Place]]]:
    sirets = {row.siret for row in rows if row.siret}
    lost = {row.siret for row in rows if row.siret and "IDT-05" in row.codes}
    near = {other for siret in lost for other in siret_variants(siret)}
    asked = sorted(sirets | near)
    places = {one[0]: _place(one) for one in _ask(connection, "by_siret", (asked,))} if asked else {}
    sirens = sorted({row.siren for row in rows if row.siret and row.codes & _PLACE_CODES})
    siblings: dict[str, list[Place]] = {}
    if sirens:
        for one in _ask(connection, "by_siren", {"siren": sirens, "most": MOST_ESTABLISHMENTS}):
            siblings.setdefault(one[0][:9], []).append(_place(one))
    return places, siblings


def _place(found: Sequence[Any]) -> Place:
    siret, state, since, usual, sign, activity, municipality, used = found
    return Place(siret, state == "A", since, usual, sign, activity, municipality, used)


# --- doses -----------------------------------------------------------------------------------------


def _usual(
    connection: Connection, rows: Sequence[Row], own: Sequence[int | None]
) -> tuple[list[list[int]], list[bool]]:
    """Results above zero of the worker, or else of colleagues, of the quantity of each implausible value."""
    usual: list[list[int]] = [[] for _ in rows]
    wanted = [at for at, row in enumerate(rows) if "MET-05" in row.codes and row.layout.name in _USUAL]
    if not wanted:
        return usual, [False] * len(rows)
    numbers = sorted({number for at in wanted if (number := own[at])})
    all_of: dict[int, list[int]] = {}
    for person, number in _ask(connection, "numbers", {"people": numbers}):
        all_of.setdefault(person, []).append(number)
    _read_usual(connection, rows, ((at, one) for at in wanted for one in all_of.get(own[at] or 0, ())), usual)
    alone = [at for at in wanted if not usual[at] and rows[at].siret]
    if alone:
        asked = {"place": alone, "siret": [rows[at].siret for at in alone], "most": MOST_COLLEAGUES}
        _read_usual(connection, rows, _ask(connection, "colleagues", asked), usual)
    for some in usual:
        some.sort()
    borrowed = set(alone)
    return usual, [at in borrowed for at in range(len(rows))]


def _read_usual(
    connection: Connection, rows: Sequence[Row], workers: Iterable[Sequence[int]], usual: list[list[int]]
) -> None:
    by_format: dict[str, list[tuple[int, int]]] = {}
    for at, worker in workers:
        by_format.setdefault(rows[at].layout.name, []).append((at, worker))
    for name, pairs in by_format.items():
        asked: dict[str, Any] = {
            "place": [at for at, _ in pairs],
            "worker": [worker for _, worker in pairs],
            "since": [date.fromordinal(max(rows[at].day.toordinal() - USUAL_DAYS, 1)) for at, _ in pairs],
            "until": [rows[at].day for at, _ in pairs],
            "most": MOST_RESULTS,
        }
        if name in ("PASSIVE", "OPERATIONNELLE"):
            asked["quantity"] = [rows[at].quantity for at, _ in pairs]
        for at, usv in _ask(connection, _USUAL[name], asked):
            usual[at].append(usv)
