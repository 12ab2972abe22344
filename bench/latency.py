"""From drop to report under the real scheduler: ``python -m bench.latency [--drops 20] [--rows 1000] [--rest 60]``.

Starts the standing service in a home of its own, drops files with their marker by SFTP one after the
other, and waits for each report in ``retour/``; then measures what the service takes while nothing comes.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from bench import cost, data
from bench.conditions import conditions
from bench.integrate import RESULTS
from loaders import supervisor
from loaders.registry import depots, opened
from loaders.services import running
from loaders.settings import Settings
from loaders.warehouse import Warehouse
from pipelines import partners

LIMIT_S = 180
WORKERS = 2_000


def measure(drops: int, rows: int, rest_s: float) -> tuple[list[float], dict[str, Any]]:
    """Seconds from the marker's arrival to the report, drop by drop; percent of a core of each service at rest."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        settings = Settings.load({"SISERI_HOME": f"{folder}/home", "SISERI_TODAY": "2026-04-10"})
        with running(settings) as services:
            Warehouse(settings, services.database_url).initialise()
            with opened(settings) as registry, registry.warehouse.admin() as admin, depots(registry) as client:
                partners.add(admin, client, settings, "ASNR", "GESTIONNAIRE", [], None, None)
                partners.add(admin, client, settings, "LABO1", "OA", [], None, None)
            supervisor.up(settings)
            try:
                with opened(settings) as registry, depots(registry) as client:

                    def drop(code: str, name: str, body: bytes) -> float:
                        client.put(code, "depot", name, body)
                        client.put(code, "depot", name + ".ok", b"")
                        began = time.perf_counter()
                        report = settings.home / "sftp" / code / "retour" / f"{name}.rapport.json"
                        while not report.exists():
                            if time.perf_counter() - began > LIMIT_S:
                                raise SystemExit(f"no report after {LIMIT_S} s")
                            time.sleep(0.02)
                        return time.perf_counter() - began

                    for name, body in (
                        ("a.csv", data.register()),
                        ("b.csv", data.designations("LABO1")),
                        ("c.csv", data.worker_list(WORKERS)),
                    ):
                        drop("ASNR", name, body)
                    took = []
                    for number in range(drops):
                        body = b"".join(data.passive(rows, WORKERS, first=number * rows, seed=number))
                        took.append(drop("LABO1", f"mars-{number}.csv", body))
                        time.sleep(1)
                time.sleep(rest_s / 4)  # what follows an integration is over
                return took, cost.at_rest(settings, rest_s)
            finally:
                supervisor.down(settings)


def main() -> None:
    """Measure, print, write the JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--drops", type=int, default=20)
    parser.add_argument("--rows", type=int, default=1_000)
    parser.add_argument("--rest", type=float, default=60)
    arguments = parser.parse_args()
    took, rest = measure(arguments.drops, arguments.rows, arguments.rest)
    took.sort()
    figures = {
        "drops": arguments.drops,
        "rows": arguments.rows,
        "p50_s": statistics.median(took),
        "p95_s": took[max(0, -(-len(took) * 95 // 100) - 1)],
        "longest_s": took[-1],
        "percent_of_a_core_at_rest": rest,
        "conditions": conditions(*cost.PACKAGES),
    }
    print(json.dumps(figures, indent=1))
    RESULTS.mkdir(exist_ok=True)
    (Path(RESULTS) / "latency.json").write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
