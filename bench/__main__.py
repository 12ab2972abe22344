"""Every bench, one after the other: ``make bench``."""

from __future__ import annotations

import subprocess
import sys

RUNS = (
    ("bench.selfcheck",),
    ("bench.equality",),
    ("bench.integrate", "--rows", "1000000"),
    ("bench.integrate", "--rows", "4000000", "--no-rival"),
    ("bench.desk",),
    ("bench.latency",),
    ("bench.senders",),
    ("bench.check",),
    ("bench.matching",),
    ("bench.exceedances",),
    ("bench.anomalies",),
    ("bench.checks",),
    ("bench.access",),
    ("bench.statements",),
    ("bench.legacy",),
    ("bench.backup",),
    ("bench.statistics",),
    ("bench.world",),
    ("bench.keyring",),
    ("bench.fuzz",),
    ("bench.faults",),
    ("bench.soak",),
)


def main() -> None:
    """Run them, each in a process of its own."""
    for words in RUNS:
        print("python -m", *words, flush=True)
        subprocess.run([sys.executable, "-m", *words], check=True)


if __name__ == "__main__":
    main()
