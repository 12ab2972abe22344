"""Exceedances again, written from the contract alone: one result at a time, Python dates, no arrays, no data file.

And what becomes of them once found: numbers that stay, states, conclusions, deadlines.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from dataclasses import dataclass, replace
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
        if one.kind == "NAVIGANT" and 0 < one.usv < 100:
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
            worn_at_chest = "POITRINE" in sums
            if worn_at_chest and "CEINTURE" in sums:
                worn_at_chest = sums["POITRINE"] >= sums["CEINTURE"]
            best = "POITRINE" if worn_at_chest else "CEINTURE"
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


def window_sum(results: list[Result], of: Exceedance) -> int:
    """What the window of an exceedance comes to over these results of its person."""
    what = {"EFF": "EFFICACE", "CRI": "CRISTALLIN", "PEA": "PEAU", "EXT": "EXTREMITES"}[of.limit[:3]]
    return sum(
        one.usv
        for one in counted(results)
        if one.person == of.person
        and quantity(one.kind) == what
        and (of.place in ("", one.place))
        and of.window_start <= one.end <= of.window_end
    )


def share_a_day(one: Exceedance, other: Exceedance) -> int:
    """How many days of their runs two exceedances have in common."""
    days = min(one.last_day, other.last_day).toordinal() - max(one.first_day, other.first_day).toordinal() + 1
    return max(days, 0)


@dataclass
class Case:
    """An exceedance through time: as it was last said, for whom it was found, its state."""

    number: int
    said: Exceedance
    origin: int
    state: str = "DETECTE"
    since: date = date.min
    left: int = 0  # the highest sum that a conclusion left standing

    @property
    def adjusted(self) -> bool:
        return self.state in ("MODIFIE", "ANNULE")


class Cases:
    """Every exceedance ever found, and what is to become of each; one at a time, no versions."""

    def __init__(self) -> None:
        self.all: list[Case] = []
        self.legacy: date | None = None
        self.entered: list[str] = []

    def look(self, found: set[Exceedance], persons: dict[int, int], today: date) -> None:
        """The exceedances that the results make now; ``persons``: whom each number stands for now."""
        free = sorted(found, key=lambda one: (one.person, one.limit, one.place, one.first_day))
        holding = [case for case in self.all if case.state != "CADUC"]
        lapsed = [case for case in self.all if case.state == "CADUC"]
        kept: list[Case] = []
        for case, run in self._pairs(holding, free, persons):
            if run in free and case not in kept and not (case.adjusted and run.usv <= case.left):
                free.remove(run)
                kept.append(case)
                self._again(case, run, today)
        for case in holding:
            # What remains of a run that a physician adjusted is no news.
            free = [run for run in free if not (case.adjusted and case not in kept and self._same(case, run, persons)
                                                and run.usv <= case.left)]  # fmt: skip
        for case in holding:
            if case not in kept and not case.adjusted:
                self._enter(case, "CADUC", today)
        woken: list[Case] = []
        for case, run in self._pairs(lapsed, free, persons):
            if run in free and case not in woken:
                free.remove(run)
                woken.append(case)
                self._again(case, run, today)
        for run in free:
            case = Case(len(self.all) + 1, run, run.person)
            self.all.append(case)
            self._enter(case, self._found(run), today)

    def conclude(self, case: Case, kind: str, said: Exceedance, found: set[Exceedance], today: date) -> None:
        """A physician's word; ``said`` and ``found``: the exceedance, and all, as the doses sum after it."""
        if kind != "MAINTENUE":
            near = [run for run in found if (run.person, run.limit, run.place) == (said.person, said.limit, said.place)]
            case.said, case.left = said, max((run.usv for run in near if share_a_day(run, said)), default=0)
        self._enter(case, {"MAINTENUE": "MAINTENU", "MODIFIEE": "MODIFIE", "ANNULEE": "ANNULE"}[kind], today)

    def notify(self, today: date) -> None:
        """Everybody is told of what was found."""
        for case in self.all:
            if case.state == "DETECTE":
                self._enter(case, "NOTIFIE", today)

    def retain(self, today: date, days: int) -> None:
        """What was told more than so many days ago and not concluded upon."""
        for case in self.all:
            if case.state == "NOTIFIE" and (today - case.since).days > days:
                self._enter(case, "RETENU_PAR_DEFAUT", today)

    def told(self, persons: dict[int, int]) -> list[tuple[Exceedance, str]]:
        """What holds, with its state, under the numbers of now."""
        return [
            (replace(case.said, person=persons[case.said.person]), case.state)
            for case in self.all
            if case.state != "CADUC"
        ]

    def _same(self, case: Case, run: Exceedance, persons: dict[int, int]) -> bool:
        mine = {persons[case.said.person], persons[case.origin]}
        alike = (case.said.limit, case.said.place) == (run.limit, run.place)
        return alike and run.person in mine and share_a_day(case.said, run) > 0

    def _pairs(
        self, cases: list[Case], runs: list[Exceedance], persons: dict[int, int]
    ) -> list[tuple[Case, Exceedance]]:
        both = [(case, run) for case in cases for run in runs if self._same(case, run, persons)]

        def better(pair: tuple[Case, Exceedance]) -> tuple[bool, int, int, date]:
            case, run = pair
            moved = persons[case.said.person] != run.person
            return moved, -share_a_day(case.said, run), case.number, run.first_day

        return sorted(both, key=better)

    def _again(self, case: Case, run: Exceedance, today: date) -> None:
        if case.adjusted or case.state in ("CADUC", "DETECTE", "REPRISE"):
            self._enter(case, self._found(run), today)
        case.said = run

    def _found(self, run: Exceedance) -> str:
        return "REPRISE" if self.legacy is not None and run.window_end < self.legacy else "DETECTE"

    def _enter(self, case: Case, state: str, today: date) -> None:
        if case.state != state or case.since == date.min:
            case.state, case.since = state, today
            self.entered.append(state)
