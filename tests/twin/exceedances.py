"""Exceedances again, written from the contract alone: one result at a time, Python dates, no arrays, no data file."""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

#: (limit's code, micro-sieverts that must be exceeded, first day counted at all, rolling twelve months).
Judged = tuple[str, int, date | None, bool]


@dataclass(frozen=True)
class Result:
    """A result as a laboratory, a physician or the aircrew's body sent it; ``usv`` of an INF is 0."""

    person: int
    establishment: int
    kind: str  # TYPE_MESURE, ENGAGEE or NAVIGANT
    place: str
    start: date
    end: date
    usv: int


@dataclass(frozen=True)
class Exceedance:
    """What the registry must hold."""

    person: int
    limit: str
    place: str
    first_day: date
    last_day: date
    window_start: date
    window_end: date
    usv: int
    establishment: int


def year_before(day: date) -> date:
    year = day.year - 1
    return date(year, day.month, min(day.day, calendar.monthrange(year, day.month)[1]))


def quantity(kind: str) -> str:
    if kind in ("PAS-HP10-PHO", "PAS-HP10-NEU", "PAS-E-RADON", "ENGAGEE", "NAVIGANT"):
        return "EFFICACE"
    return {"PAS-HP3": "CRISTALLIN", "PAS-HP007-PEAU": "PEAU", "PAS-HP007-EXT": "EXTREMITES"}[kind]


def is_minor(birth: date | None, day: date) -> bool:
    if birth is None:
        return False
    age = day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))
    return age < 18


def judged_by(what: str, day: date, minor: bool) -> list[Judged]:
    """The limits that a window which ends on this day is held against."""
    if minor:
        code, usv = {
            "EFFICACE": ("EFF-6-J", 6_000),
            "CRISTALLIN": ("CRI-15-J", 15_000),
            "PEAU": ("PEA-150-J", 150_000),
            "EXTREMITES": ("EXT-150-J", 150_000),
        }[what]
        return [(code, usv, None, True)]
    if what == "PEAU":
        return [("PEA-500", 500_000, None, True)]
    if what == "EXTREMITES":
        return [("EXT-500", 500_000, None, True)]
    if what == "EFFICACE":
        if day < date(2003, 4, 1):
            return [("EFF-50", 50_000, None, True)]
        if day <= date(2005, 3, 31):
            return [("EFF-35", 35_000, None, True)]
        return [("EFF-20", 20_000, None, True)]
    if day < date(2018, 7, 1):
        return [("CRI-150", 150_000, None, True)]
    if day < date(2023, 7, 1):
        return [("CRI-50", 50_000, date(2018, 7, 1), True), ("CRI-100", 100_000, date(2018, 7, 1), False)]
    return [("CRI-20", 20_000, date(2023, 7, 1), True)]


def counted(results: list[Result]) -> list[Result]:
    """Without what another place of the same group outdoes; a small month of flights counts nothing."""
    alone = []
    trunk: dict[tuple[int, int, str], list[Result]] = {}
    for one in results:
        if one.kind == "NAVIGANT" and one.usv < 100:
            one = Result(one.person, one.establishment, one.kind, one.place, one.start, one.end, 0)
        if one.kind in ("PAS-HP10-PHO", "PAS-HP10-NEU"):
            trunk.setdefault((one.person, one.establishment, one.kind), []).append(one)
        else:
            alone.append(one)
    for worn in trunk.values():
        for group in groups(worn):
            sums = {
                place: sum(one.usv for one in group if one.place == place)
                for place in ("POITRINE", "CEINTURE")
                if any(one.place == place for one in group)
            }
            best = "POITRINE" if sums.get("POITRINE", -1) >= sums.get("CEINTURE", -1) else "CEINTURE"
            alone += [one for one in group if one.place == best]
    return alone


def groups(worn: list[Result]) -> Iterator[list[Result]]:
    """Grow each group by one overlapping result of the other place at a time, until nothing joins."""
    left = list(worn)
    while left:
        group = [left.pop()]
        grown = True
        while grown:
            grown = False
            for one in list(left):
                if any(
                    one.place != other.place and one.start <= other.end and other.start <= one.end for other in group
                ):
                    left.remove(one)
                    group.append(one)
                    grown = True
        yield group


def exceedances(results: list[Result], births: dict[int, date]) -> set[Exceedance]:
    """Every exceedance of every person."""
    found: set[Exceedance] = set()
    series: dict[tuple[int, str, str], list[Result]] = {}
    for one in counted(results):
        what = quantity(one.kind)
        place = one.place if what in ("PEAU", "EXTREMITES") else ""
        series.setdefault((one.person, what, place), []).append(one)
    for (person, what, place), mine in series.items():
        days = sorted({one.end for one in mine})
        codes = {code for day in days for code, *_ in judged_by(what, day, is_minor(births.get(person), day))}
        for code in codes:
            run: list[tuple[date, date, int]] = []
            for day in days:
                over = None
                for other, limit, cut, rolling in judged_by(what, day, is_minor(births.get(person), day)):
                    if other != code:
                        continue
                    start = year_before(day) + timedelta(1) if rolling else date.min
                    if cut is not None and cut > start:
                        start = cut
                    total = sum(one.usv for one in mine if start <= one.end <= day)
                    if total > limit:
                        over = (day, start, total)
                if run and (over is None or run[0][0] < year_before(day)):
                    found.add(told(person, code, place, run, mine))
                    run = []
                if over is not None:
                    run.append(over)
            if run:
                found.add(told(person, code, place, run, mine))
    return found


def told(person: int, code: str, place: str, run: list[tuple[date, date, int]], mine: list[Result]) -> Exceedance:
    """The exceedance of a run: the window of its highest sum, the earliest if equal."""
    peak = run[0]
    for one in run:
        if one[2] > peak[2]:
            peak = one
    day, start, total = peak
    largest = None
    for one in mine:
        if start <= one.end <= day:
            rank = (one.usv, one.end, -one.establishment)
            if largest is None or rank > largest[0]:
                largest = (rank, one.establishment)
    assert largest is not None
    return Exceedance(person, code, place, run[0][0], run[-1][0], start, day, total, largest[1])
