"""The check: a month is counted, its promises are judged, and what was found is kept for the months to come."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import sql
from loaders.errors import ServiceMissing, UsageError
from loaders.registry import opened
from loaders.settings import Settings
from loaders.warehouse import Connection, Warehouse, alone
from pipelines.quality.expectations import Bounds, held_by
from pipelines.quality.measures import Judged, judge, measures
from pipelines.tallies import month_before
from schemas.promises import Promise, promises

log = logging.getLogger("siseri.quality")

#: The profile that counts and judges: it reads doses under numbers, without identities (``schemas/access.py``).
PROFILE = "publisher"
#: So many months before a month lie those that make what is usual of it: the same of each quarter, a year back. Wear
#: lasts a month for some and three for others: a quarter's first month brings what its other two do not.
_PAST = (12, 9, 6, 3)
#: Space of the session lock: one check at a time.
CHECKING = 5370
_PATIENCE_S = 300.0


@dataclass(frozen=True)
class Verdict:
    """What was said of a promise: how many subjects were judged, and those outside its bounds."""

    promise: Promise
    month: date
    judged: int
    broken: tuple[str, ...]


def renew() -> dict[str, int]:
    """Check the month that ended and the one under way: a task's whole work. Counts only."""
    settings = Settings.load()
    with opened(settings, sftp=False, profile="publisher") as registry:
        verdicts = check(registry.warehouse, registry.connection, settings)
    return {"promises": len(verdicts), "broken": sum(bool(one.broken) for one in verdicts)}


def months_of(settings: Settings, text: str | None) -> list[date]:
    """The months to judge: the one asked for (``AAAA-MM``), else the one that ended and the one under way.

    Raises:
        UsageError: no month, or one that has not begun.
    """
    present = settings.registry_date().replace(day=1)
    if text is None:
        return [month_before(present), present]
    try:
        asked = date.fromisoformat(f"{text}-01")
    except ValueError as error:
        raise UsageError(f"a month is written AAAA-MM, not {text!r}") from error
    if asked > present:
        raise UsageError(f"the month {text} has not begun")
    return [asked]


def check(warehouse: Warehouse, connection: Connection, settings: Settings, month: str | None = None) -> list[Verdict]:
    """Count and judge; every break is logged, one line each.

    Args:
        connection: of :data:`PROFILE`, in no transaction.
        month: ``AAAA-MM``; ``None``: the month that ended and the one under way.

    Raises:
        UsageError: as :func:`months_of`.
        ServiceMissing: another check does not end.
    """
    asked = months_of(settings, month)
    found: list[Verdict] = []
    with _alone(connection):
        for one in asked:
            found += _checked(warehouse, connection, settings, one)
    for verdict in found:
        for subject in verdict.broken:
            log.warning("promise broken: %s %s %s", verdict.promise.name, f"{verdict.month:%Y-%m}", subject)
    return found


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    with alone(connection, CHECKING, 0, _PATIENCE_S) as held:
        if not held:
            raise ServiceMissing("another check of quality is under way")
        yield


def _checked(warehouse: Warehouse, connection: Connection, settings: Settings, month: date) -> list[Verdict]:
    _catch_up(connection, settings, month)
    ended = month < settings.registry_date().replace(day=1)
    with _counting(connection):
        past = past_of(connection, month)
        number = _keep(connection, month, settings, judge(measures(connection, month, settings, ended=ended), past))
    asked = [one for one in promises().values() if one.judges(ended)]
    held = held_by(warehouse, PROFILE, month, [Bounds(one.name, one.low, one.high) for one in asked])
    verdicts = [_verdict(connection, one, month, held[one.name]) for one in asked]
    with connection.transaction():
        for one in verdicts:
            kept = (number, one.promise.name, one.judged, not one.broken, list(one.broken))
            connection.execute(sql.query("quality", "conclude"), kept)
    return verdicts


def _verdict(connection: Connection, promise: Promise, month: date, held: bool) -> Verdict:
    row = connection.execute(sql.query("quality", "judged"), (month, promise.name)).fetchone()
    assert row is not None
    if held:
        return Verdict(promise, month, row[0], ())
    asked = {"month": month, "promise": promise.name, "low": promise.low, "high": promise.high}
    outside = tuple(subject for (subject,) in connection.execute(sql.query("quality", "outside"), asked).fetchall())
    assert outside, promise.name
    return Verdict(promise, month, row[0], outside)


def _catch_up(connection: Connection, settings: Settings, month: date) -> None:
    """Count the months before that never were, so that the first check has a past already."""
    before = _before(month)
    held = {one for (one,) in connection.execute(sql.query("quality", "counted_months"), (before,)).fetchall()}
    for one in before:
        if one not in held:
            with _counting(connection):
                found = measures(connection, one, settings, ended=True)
                _keep(connection, one, settings, [Judged(measure, None, None) for measure in found])


@contextmanager
def _counting(connection: Connection) -> Iterator[None]:
    """One transaction in which all queries see the same registry."""
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read")
        yield


def _before(month: date) -> list[date]:
    return [month_before(month, back) for back in _PAST]


def past_of(connection: Connection, month: date) -> dict[tuple[str, str], list[Decimal]]:
    """What the months gave that make a month's usual, the oldest first, by promise and subject."""
    found: dict[tuple[str, str], list[Decimal]] = defaultdict(list)
    for promise, subject, value in connection.execute(sql.query("quality", "past"), (_before(month),)).fetchall():
        found[promise, subject].append(value)
    return found


def _keep(connection: Connection, month: date, settings: Settings, found: list[Judged]) -> int:
    """Put a month's measures in the place of those it had; the run's number. In a transaction."""
    today = settings.registry_date()
    row = connection.execute(sql.query("quality", "begin"), (month, month < today.replace(day=1), today)).fetchone()
    assert row is not None
    number = int(row[0])
    connection.execute(sql.query("quality", "forget"), (month,))
    rows: list[tuple[Any, ...]] = [
        (
            month,
            one.measure.promise,
            one.measure.subject,
            one.measure.base,
            one.measure.value,
            one.usual,
            one.gap,
            number,
        )
        for one in found
    ]
    with connection.cursor() as cursor:
        cursor.executemany(sql.query("quality", "keep"), rows)
    return number
