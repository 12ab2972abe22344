"""Cleaning: logs that grew too long, logs of tasks of long ago, and what Airflow's own tables keep of them."""

from __future__ import annotations

import logging

from loaders import logs
from loaders.orchestrator import forget_runs
from loaders.services import running
from loaders.settings import Settings

log = logging.getLogger("siseri.cleaning")


def renew() -> dict[str, int]:
    """A task's whole work. Counts only."""
    return clean(Settings.load())


def clean(settings: Settings) -> dict[str, int]:
    """Clean what this home holds.

    Returns:
        ``cut``: logs that were cut; ``removed``: logs of tasks that went after ``log_days``; ``tables``: 1 where
        Airflow's tables are of this home and forgot the runs of before.
    """
    folder = settings.home / "log"
    counts = {"cut": logs.rotate(folder), "removed": logs.expire(folder / "airflow", settings.log_days)}
    with running(settings, sftp=False) as services:
        counts["tables"] = int(forget_runs(settings, services, settings.log_days))
    log.info("cleaning: %s", counts)
    return counts
