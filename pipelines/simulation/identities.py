"""Invented people: numbers built by the rules, real commune and country codes, common names."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib.resources import files

import numpy as np

from schemas import identifiers

_BORN_ABROAD, _PROVISIONAL, _ODD_MONTH = 0.12, 0.01, 0.008
_ODD_MONTHS = (20, *range(30, 43), *range(50, 100))
#: Corsica had one department, 20, until the end of 1975.
_CORSICA_SPLIT = 1976


@cache
def listed(name: str) -> tuple[str, ...]:
    """Words of ``data/<name>.txt``: one a line where the file has several lines, else between spaces."""
    text = (files("pipelines.simulation") / "data" / f"{name}.txt").read_text(encoding="utf-8").strip()
    return tuple(text.splitlines() if "\n" in text else text.split())


@dataclass(frozen=True)
class People:
    """``n`` invented persons, as parallel lists.

    ``nir``: 13 characters, NIR or NIA, all different; ``key``: two digits; ``birth``: ``jj/mm/aaaa``.
    """

    nir: list[str]
    key: list[str]
    last: list[str]
    first: list[str]
    birth: list[str]
    sex: list[str]

    def __len__(self) -> int:
        return len(self.nir)


def _numbers(count: int, male: list[bool], births: list[date], rng: np.random.Generator, taken: set[str]) -> list[str]:
    towns, countries = listed("communes"), listed("pays")
    abroad = rng.random(count) < _BORN_ABROAD
    waiting = rng.random(count) < _PROVISIONAL
    odd = rng.random(count) < _ODD_MONTH
    months = rng.choice(_ODD_MONTHS, count)
    town = rng.integers(0, len(towns), count)
    country = rng.integers(0, len(countries), count)
    order = rng.integers(1, 700, count)
    numbers = []
    for at, birth in enumerate(births):
        place = countries[country[at]] if abroad[at] else towns[town[at]]
        if place[:2] in ("2A", "2B") and birth.year < _CORSICA_SPLIT:
            place = "20" + place[2:]
        sex = ("7" if male[at] else "8") if waiting[at] else ("1" if male[at] else "2")
        month = int(months[at]) if odd[at] else birth.month
        stem = f"{sex}{birth.year % 100:02d}{month:02d}{place}"
        rank = int(order[at])
        while f"{stem}{rank:03d}" in taken:
            rank = rank % 999 + 1
        number = f"{stem}{rank:03d}"
        taken.add(number)
        numbers.append(number)
    return numbers


def decade(year: int) -> date:
    """First day of the year's decade: people and their contracts are older than it."""
    return date(year // 10 * 10, 1, 1)


def people(count: int, year: int, rng: np.random.Generator, taken: set[str]) -> People:
    """Invent ``count`` adults, the same for every year of a decade; ``taken`` (numbers in use) grows."""
    male = (rng.random(count) < 0.55).tolist()
    ages = rng.integers(20 * 366, 57 * 365, count)
    births = [decade(year) - timedelta(days=int(age)) for age in ages]
    numbers = _numbers(count, male, births, rng, taken)
    simple, double = listed("noms"), listed("noms_composes")
    names = simple + double * 2
    given = {line[0]: line.split()[1:] for line in listed("prenoms")}
    last = [names[at] for at in rng.integers(0, len(names), count)]
    rank = rng.integers(0, 1 << 30, count)
    first = [given["M" if is_male else "F"][int(at) % 49] for is_male, at in zip(male, rank, strict=True)]
    return People(
        nir=numbers,
        key=[identifiers.key_of(number) for number in numbers],
        last=last,
        first=first,
        birth=[birth.strftime("%d/%m/%Y") for birth in births],
        sex=["M" if is_male else "F" for is_male in male],
    )


def luhn_digit(digits: str) -> str:
    """The digit that completes ``digits`` to a valid Luhn sum."""
    total = 0
    for at, sign in enumerate(reversed(digits)):
        value = int(sign) * (2 if at % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def siren(rng: np.random.Generator, taken: set[str]) -> str:
    """A new SIREN; one in eight begins with a zero."""
    while True:
        digits = f"{int(rng.integers(10_000_000, 99_999_999)):08d}"
        if rng.random() < 0.125:
            digits = "0" + digits[1:]
        number = digits + luhn_digit(digits)
        if number not in taken and number != identifiers.LA_POSTE:
            taken.add(number)
            return number


def siret(company: str, rank: int) -> str:
    """The SIRET of a company's establishment of this rank (1 to 9999)."""
    stem = f"{company}{rank:04d}"
    if company == identifiers.LA_POSTE:
        return stem + str(-sum(map(int, stem)) % 5)
    return stem + luhn_digit(stem)


def rpps(rng: np.random.Generator) -> str:
    """A physician's number: 11 digits, Luhn."""
    digits = f"10{int(rng.integers(0, 100_000_000)):08d}"
    return digits + luhn_digit(digits)
