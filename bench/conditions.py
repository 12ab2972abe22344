"""Under what a figure was measured."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version


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
