"""Under what a figure was measured."""

from __future__ import annotations

import os
import platform
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil


def conditions(*packages: str, **more: object) -> dict[str, object]:
    """When, on what machine, how busy, under which Python; versions of packages, and whatever else a bench says."""
    told: dict[str, object] = {
        **more,
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
    }
    if packages:
        told["versions"] = {name: version(name) for name in packages}
    return told


def server_cpu_s(home: Path) -> float:
    """Seconds of processor of the embedded server so far: a crowded machine stretches hours, not these."""
    (file,) = home.glob("*/**/postmaster.pid")
    server = psutil.Process(int(file.read_text().split()[0]))
    own = server.cpu_times()
    spent = own.children_user + own.children_system
    for process in server.children():
        with suppress(psutil.NoSuchProcess):
            spent += sum(process.cpu_times()[:2])
    return float(spent)
