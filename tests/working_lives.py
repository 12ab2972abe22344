"""Results of working lives for the tests of exceedances: to arrays for the engine, as they are for the twin."""

from __future__ import annotations

from datetime import date

import numpy as np
from twin.exceedances import Exceedance, Result

from pipelines import windows
from schemas.formats import passive

KINDS = (*passive.TYPES, "ENGAGEE", "NAVIGANT")


def number(day: date) -> int:
    return (day - date(1970, 1, 1)).days


def arrays(results: list[Result]) -> windows.Results:
    """The engine's form of some results."""
    columns = [
        (
            one.person,
            one.establishment,
            KINDS.index(one.kind),
            passive.LOCATIONS.index(one.place) if one.place else -1,
            number(one.start),
            number(one.end),
            one.usv,
        )
        for one in results
    ]
    return windows.Results(*np.array(columns, np.int64).reshape(len(columns), 7).T)


def engine(results: list[Result], births: dict[int, date]) -> set[Exceedance]:
    """What the engine finds, in the twin's words."""
    persons = np.array(sorted(births), np.int64)
    days = np.array([number(births[one]) for one in sorted(births)], np.int64)
    found = windows.runs(arrays(results), persons, days)
    told = {
        Exceedance(
            one.person,
            one.limit,
            passive.LOCATIONS[one.place] if one.place >= 0 else "",
            one.first_day,
            one.last_day,
            one.window_start,
            one.window_end,
            one.usv,
            one.establishment,
        )
        for one in found
    }
    assert len(told) == len(found)
    return told
