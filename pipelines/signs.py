"""Signs: when each kind of work was last done to its end, so that what silently no longer runs is missed."""

from __future__ import annotations

from enum import Enum

import sql
from loaders.warehouse import Connection


class Duty(Enum):
    """A kind of work, and after how many seconds without it something is wrong.

    Those of a night may be late by two hours; those of every hour may miss two turns.
    """

    COLLECT = "collect", 900
    ANSWER = "answer", 3 * 3600
    EXCEEDANCES = "exceedances", 3 * 3600
    RELEASE = "release", 26 * 3600
    DEADLINES = "deadlines", 26 * 3600
    UNUSUAL = "unusual", 26 * 3600
    MONTHLY = "monthly", 26 * 3600
    RETENTION = "retention", 26 * 3600

    def __init__(self, title: str, limit_s: int) -> None:
        self.title = title
        self.limit_s = limit_s


def give(connection: Connection, duty: Duty) -> None:
    """Note that a kind of work was just done; ``connection`` is the loader's."""
    with connection.transaction():
        connection.execute(sql.query("operation", "give_sign"), (duty.title,))
