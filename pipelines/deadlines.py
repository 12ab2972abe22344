"""Deadlines: what nobody concluded on in time is retained by default."""

from __future__ import annotations

import logging
from datetime import timedelta

import sql
from loaders.registry import opened
from loaders.settings import Settings
from loaders.warehouse import Connection, load
from pipelines.signs import Duty, give
from pipelines.states import RETAINED, enter_states

log = logging.getLogger("siseri.deadlines")


def renew() -> dict[str, int]:
    """A task's whole work. Counts only."""
    settings = Settings.load()
    with opened(settings, sftp=False) as registry:
        retained = retain(registry.connection, settings)
        give(registry.connection, Duty.DEADLINES)
    return {"retained": retained}


def retain(connection: Connection, settings: Settings) -> int:
    """Let exceedances notified more than ``conclusion_days`` ago, without a conclusion, be retained by default.

    Returns:
        How many were.
    """
    today = settings.registry_date()
    limit = (today - timedelta(days=settings.conclusion_days),)
    if connection.execute(sql.query("exceedances", "overdue"), limit).fetchone() is None:
        return 0
    with load(connection, "deadlines") as number:
        cursor = connection.cursor()
        # Under the loads' lock: a conclusion may have come meanwhile.
        late = [one for (one,) in cursor.execute(sql.query("exceedances", "overdue"), limit).fetchall()]
        enter_states(cursor, number, [(one, RETAINED) for one in late], today)
    log.info("exceedances retained by default: %s", len(late))
    return len(late)
