"""Sums of a statement: fixed spans, each against the limit that holds on its last day.

Nobody chooses the spans, so that statements of several lengths tell no more than one (decision 0029).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby

import numpy as np

from pipelines import windows
from pipelines.books import msv
from pipelines.statement_rows import Facts
from schemas.formats import passive
from schemas.formats.common import months_later
from schemas.limits import QUANTITIES, Limit, limits

#: Any limit of a quantity: what tells the windows which results are its own.
_ANY_LIMIT = {one.quantity: one for one in limits()}
_BY_PLACE = ("PEAU", "EXTREMITES")


@dataclass(frozen=True)
class Span:
    """A span that is summed: ``label`` is a year, ``12_MOIS`` or ``CARRIERE``."""

    label: str
    start: date
    end: date


@dataclass(frozen=True)
class Bounds:
    """What is summed for whom.

    ``open_from``: the first day of which every result is open; a year that begins before is not summed.
    ``career``: all that is open is summed too. ``held``: the spans with a committed dose that the reader does not see;
    ``None`` where he sees them.
    """

    today: date
    birth: date
    open_from: date
    career: bool
    held: frozenset[str] | None


def sums(results: windows.Results, operational: list[Facts], bounds: Bounds) -> list[Facts]:
    """Every span's sums against the limits, then those of operational doses, which no limit is held against."""
    counted = windows.counted(results)
    days = [day_of(day) for day in counted.day.tolist()]
    days += [date.fromisoformat(one["fin"][:10]) for one in operational]
    made: list[Facts] = []
    for span in _spans(days, bounds):
        made += _limited(span, counted, bounds)
        made += _operational(span, operational)
    return made


def _spans(days: list[date], bounds: Bounds) -> Iterator[Span]:
    today = bounds.today
    yield Span("12_MOIS", months_later(today, -12) + timedelta(1), today)
    for year in sorted({day.year for day in days}, reverse=True):
        if date(year, 1, 1) >= bounds.open_from:
            yield Span(str(year), date(year, 1, 1), min(date(year, 12, 31), today))
    if bounds.career and days:
        yield Span("CARRIERE", min(days), today)


def _limited(span: Span, counted: windows.Results, bounds: Bounds) -> Iterator[Facts]:
    for quantity in QUANTITIES:
        limit = limit_of(quantity, span.end, bounds.birth) if span.label != "CARRIERE" else None
        start = max(span.start, limit.cut) if limit and limit.cut else span.start
        mine = windows.within(counted, _ANY_LIMIT[quantity], -1, start, span.end)
        for place in sorted(set(counted.place[mine].tolist())) if quantity in _BY_PLACE else [-1]:
            chosen = mine & (counted.place == place) if place >= 0 else mine
            if not chosen.any() and quantity != "EFFICACE":
                continue
            usv = int(counted.usv[chosen].sum())
            yield {
                "periode": span.label,
                "debut": start.isoformat(),
                "fin": span.end.isoformat(),
                "grandeur": quantity,
                "localisation": passive.LOCATIONS[place] if place >= 0 else None,
                "resultats": int(chosen.sum()),
                "somme_msv": msv(usv),
                "limite_msv": msv(limit.usv) if limit else None,
                "regle": limit.code if limit else None,
                "depasse": usv > limit.usv if limit else None,
                "nature": _nature(quantity, bounds.held, span.label),
            }


def _nature(quantity: str, held: frozenset[str] | None, span: str) -> str:
    """What a sum is: ``EFFICACE``, ``EXTERNE`` where a committed dose that the asker does not see is in the span too,
    ``EQUIVALENTE``."""
    if quantity != "EFFICACE":
        return "EQUIVALENTE"
    return "EXTERNE" if held and (span in held or span == "CARRIERE") else "EFFICACE"


def _operational(span: Span, operational: list[Facts]) -> Iterator[Facts]:
    inside = [one for one in operational if span.start.isoformat() <= one["fin"][:10] <= span.end.isoformat()]
    for quantity, ones in groupby(sorted(inside, key=lambda one: str(one["grandeur"])), lambda one: one["grandeur"]):
        found = list(ones)
        yield {
            "periode": span.label,
            "debut": span.start.isoformat(),
            "fin": span.end.isoformat(),
            "grandeur": quantity,
            "localisation": None,
            "resultats": len(found),
            "somme_msv": str(sum(Decimal(one["valeur_msv"]) for one in found)),
            "limite_msv": None,
            "regle": None,
            "depasse": None,
            "nature": "OPERATIONNELLE",
        }


def limit_of(quantity: str, day: date, birth: date) -> Limit | None:
    """The limit over twelve months that holds on a day for who was born on another."""
    grown = windows.eighteenth_birthday(np.array([_number(birth)]))[0]
    minor = bool(_number(day) < grown)
    for one in limits():
        begun, ended = one.valid_from or date.min, one.valid_to or date.max
        if one.quantity == quantity and one.rolling and one.minors == minor and begun <= day <= ended:
            return one
    return None


def windows_of(rows: list[tuple[int, int, int, date, date, int]]) -> windows.Results:
    """(establishment, kind, place, first day, last day, micro-sievert) of one person, for the windows."""
    table = np.array([(*row[:3], _number(row[3]), _number(row[4]), row[5]) for row in rows], np.int64).reshape(-1, 6)
    establishment, kind, place, start, day, usv = table.T
    return windows.Results(np.ones(len(rows), np.int64), establishment, kind, place, start, day, usv)


def _number(day: date) -> int:
    return (day - date(1970, 1, 1)).days


def day_of(number: int) -> date:
    return date(1970, 1, 1) + timedelta(int(number))
