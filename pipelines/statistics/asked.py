"""What is asked of the statistics: a year, an instant of the registry's clock, a scope, an audience."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import sql
from loaders.errors import UsageError
from loaders.settings import PARIS
from loaders.warehouse import Connection

SCOPES = ("tous", "artificiel", "naturel", "civil", "militaire")
AUDIENCES = ("dgt", "public")
_FIRST_YEAR = 1900


@dataclass(frozen=True)
class Asked:
    """What the tables are of.

    Attributes:
        load: the last load that is seen.
        as_of: its hour (the hour asked for, before the first load): any instant up to the next load means the same.
    """

    year: int
    scope: str
    load: int
    as_of: datetime


def asked(connection: Connection, year: int, as_of: str | None, scope: str, today: date) -> Asked:
    """Judge a request and find the load that its instant means.

    Args:
        connection: one in which no transaction is under way. Waits for loads that will still carry an hour at or
            before the instant.
        as_of: ISO 8601, Paris time where it names no zone; a date alone means the end of that day; ``None``: now.
        today: the registry's date.

    Raises:
        UsageError: an unreadable or coming instant, an unknown scope, a year that has not begun.
    """
    if scope not in SCOPES:
        raise UsageError(f"périmètre inconnu : {scope!r} ; au choix {', '.join(SCOPES)}")
    if not _FIRST_YEAR <= year <= today.year:
        raise UsageError(f"l'année doit être comprise entre {_FIRST_YEAR} et {today.year}, année du registre")
    now = datetime.now(PARIS)
    hour = now if as_of is None else _instant(as_of)
    if hour > now:
        raise UsageError("le registre ne se montre pas tel qu'il sera : l'instant demandé est à venir")
    row = connection.execute(sql.query("statistics", "as_of"), (hour,)).fetchone()
    assert row is not None
    load = int(row[0])
    known = connection.execute(sql.query("statistics", "instant"), (load,)).fetchone()
    assert known is not None
    return Asked(year, scope, load, (known[0] or hour).astimezone(PARIS))


def _instant(text: str) -> datetime:
    try:
        if len(text) == len("2026-04-10"):
            day = date.fromisoformat(text)
            return datetime.combine(day + timedelta(days=1), time(), PARIS) - timedelta(microseconds=1)
        read = datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        raise UsageError("l'instant s'écrit AAAA-MM-JJ ou AAAA-MM-JJTHH:MM:SS, heure de Paris à défaut") from error
    return read if read.tzinfo else read.replace(tzinfo=PARIS)
