"""The sender's own check as a command: 10 000 rows, start-up included, beside the imports that any check needs."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from bench import data

RESULTS = Path(__file__).parent / "results"
ROWS, RUNS = 10_000, 5
#: The rival: what pandas and pandera cost before they have looked at a single row.
_FLOOR = "import pandas, pyarrow.csv, pandera.pandas"


def _median(words: list[str]) -> float:
    took = []
    for _ in range(RUNS):
        began = time.perf_counter()
        subprocess.run(words, check=True, capture_output=True)
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def main() -> None:
    """Measure, print, write the JSON."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mars.csv"
        path.write_bytes(b"".join(data.passive(ROWS, 2_000, faulty=0.0)))
        command = Path(sys.executable).parent / "siseri"
        ours, floor = _median([str(command), "check", str(path)]), _median([sys.executable, "-c", _FLOOR])
    figures = {
        "rows": ROWS,
        "ours_s": round(ours, 2),
        "imports_alone_s": round(floor, 2),
        "ratio": round(ours / floor, 2),
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
    }
    print(json.dumps(figures, indent=1))
    (RESULTS / "selfcheck.json").write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
