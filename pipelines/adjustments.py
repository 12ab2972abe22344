"""Adjustments: the doses that a physician's conclusion puts in the place of those that made an exceedance.

``MODIFIEE`` changes one result of the exceedance's day so that the window comes to the value retained: an entry that
balances, which may fall below zero where the other days alone hold more. ``ANNULEE`` lets that day's results count 0.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np

import sql
from loaders.bulk import Cursor
from pipelines import windows
from pipelines.exceedances import lay_at_hand, results_at_hand
from pipelines.windows import AIRCREW, COMMITTED, OUTDONE, Ints, Results
from schemas.formats import passive
from schemas.limits import Limit

_TABLES = {COMMITTED: "committed", AIRCREW: "aircrew"}


@dataclass(frozen=True)
class Window:
    """What an exceedance sums: a limit, a place of the body (-1: none), and the days."""

    limit: Limit
    place: int
    start: date
    end: date

    def sum(self, results: Results) -> int:
        """The sum over these results, in micro-sievert."""
        counts = windows.weights(results)
        inside = windows.within(results, self.limit, self.place, self.start, self.end) & (counts != OUTDONE)
        return int(counts[inside].sum())


def adjusted(results: Results, window: Window, retained: int | None) -> dict[int, int]:
    """New doses by position in the results, in micro-sievert; unchanged ones are left out.

    Args:
        results: those of one person, as they hold.
        retained: the value that the window must come to; ``None``: the day's results count 0.
    """
    changes = _annulled(results, window) if retained is None else _modified(results, window, retained)
    return {at: usv for at, usv in changes.items() if usv != results.usv[at]}


def _annulled(results: Results, window: Window) -> dict[int, int]:
    day = windows.within(results, window.limit, window.place, window.end, window.end)
    return dict.fromkeys(np.flatnonzero(day).tolist(), 0)


def _modified(results: Results, window: Window, retained: int) -> dict[int, int]:
    counts = windows.weights(results)
    inside = windows.within(results, window.limit, window.place, window.start, window.end) & (counts != OUTDONE)
    if not inside.any():
        return {}
    missing = retained - int(counts[inside].sum())
    # What made the exceedance may have gone since: the last day left then bears the change.
    rows = np.flatnonzero(inside & (results.day == results.day[inside].max()))
    target = _target(results, rows, counts, missing)
    changes = {target: int(counts[target]) + missing}
    after = windows.weights(_with(results, changes))
    if ((after == OUTDONE) == (counts == OUTDONE)).all():
        return changes
    # A dosimeter worn together with it would count instead: it is kept just below what this one comes to.
    own, other = (counts != OUTDONE) & (after == OUTDONE), (counts == OUTDONE) & (after != OUTDONE)
    below = int(_with(results, changes).usv[own].sum()) - int(results.place[target] == windows.BELT)
    first, *rest = np.flatnonzero(other).tolist()
    return changes | {first: min(0, below)} | dict.fromkeys(rest, 0)


def _target(results: Results, rows: Ints, counts: Ints, missing: int) -> int:
    """The result that bears the change: an external one before a committed dose, then the largest, the latest begun.

    A month of flights that would count nothing afterwards comes last.
    """

    def rank(at: int) -> tuple[int, ...]:
        kind, usv = int(results.kind[at]), int(counts[at]) + missing
        order = {AIRCREW: 1, COMMITTED: 2}.get(kind, 0)
        if kind == AIRCREW and 0 < usv < windows.AIRCREW_FLOOR_USV:
            order = 3
        alike = (kind, int(results.place[at]), int(results.establishment[at]), at)
        return order, -int(counts[at]), -int(results.start[at]), *alike

    return int(min(rows.tolist(), key=rank))


def _with(results: Results, changes: dict[int, int]) -> Results:
    usv = results.usv.copy()
    usv[list(changes)] = list(changes.values())
    return replace(results, usv=usv)


def adjust(
    cursor: Cursor,
    load: int,
    exceedance: int,
    person: int,
    window: Window,
    retained: int | None,
    origin: tuple[int, int],
) -> None:
    """Write the adjusting versions of a conclusion; the person is left at hand.

    Args:
        origin: submission and line of the conclusion.
    """
    lay_at_hand(cursor, [person])
    results, lineage = results_at_hand(cursor, lineage=True)
    changes = adjusted(results, window, retained)
    done: dict[str, list[str]] = {}
    for at, usv in sorted(changes.items()):
        table = _TABLES.get(int(results.kind[at]), "passive")
        day = _date(results.day[at])
        asked = {
            **{name: int(lineage[name][at]) for name in ("sender", "submission", "line")},
            "day": day,
            "year": day.year,
            "kind": int(results.kind[at]),
            "place": int(results.place[at]),
            "establishment": int(results.establishment[at]),
            "start": _date(results.start[at]),
            "usv": int(results.usv[at]),
            "below": passive.INF,
            "done": done.setdefault(table, []),
        }
        name = "passive_measure" if table == "passive" else "measure"
        found = cursor.execute(_query(name, table), asked).fetchone()
        assert found is not None
        done[table].append(found[0])
        values = {
            "load": load,
            "exceedance": exceedance,
            "by_submission": origin[0],
            "by_line": origin[1],
            "sender": asked["sender"],
            "measure": found[0],
            "year": day.year,
            "usv": usv,
            "estimated": passive.EST,
        }
        cursor.execute(_query("adjust", table), values)
        if cursor.rowcount != 1:
            raise RuntimeError(f"one result was to be adjusted, {cursor.rowcount} were")


def _date(number: np.int64) -> date:
    return date(1970, 1, 1) + timedelta(int(number))


def _query(name: str, table: str) -> str:
    return sql.query("conclusions", name).replace("dose.keyed", f"dose.{table}")
