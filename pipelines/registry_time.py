"""Registry time: which loads the registry had taken at an instant. A load is whole there, or not at all."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import sql
from loaders.errors import UsageError
from loaders.settings import PARIS
from loaders.warehouse import Connection

#: As it stands now: later than every load.
NOW = 2**31 - 1


def load_as_of(connection: Connection, text: str | None) -> int:
    """The last load that the registry held at an instant, 0 before the first.

    Args:
        text: a day (its end in Europe/Paris), an ISO 8601 instant (Europe/Paris where it names no zone), or ``None``
            for now. Nothing is known of the time to come: it is shown as now.

    Raises:
        UsageError: the text is neither.
    """
    if text is None:
        return NOW
    row = connection.execute(sql.query("exceedances", "load_as_of"), (_instant(text),)).fetchone()
    assert row is not None
    return int(row[0])


def _instant(text: str) -> datetime:
    try:
        if len(text) == len("AAAA-MM-JJ"):
            midnight = datetime.combine(date.fromisoformat(text) + timedelta(1), time(), PARIS)
            return midnight.astimezone(UTC) - timedelta(microseconds=1)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise UsageError(f"ni une date AAAA-MM-JJ ni un instant ISO 8601 : {text}") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=PARIS)
