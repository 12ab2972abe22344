"""Statements: how many a second, from the ticket to the bytes of the PDF, and where the time goes.

Run ``python -m bench.statements [--statements 1000] [--doses 2000000]``. Careers of about four years, a result a month
and worker, among so many doses; asked by the physician, one after the other in one process.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from bench import data
from bench.access import WORKERS, designate
from bench.conditions import conditions
from bench.exceedances import fill
from bench.integrate import TODAY, prepare
from loaders.registry import Registry, opened
from loaders.services import running
from loaders.settings import Settings
from pipelines import audit
from pipelines.principals import Principal
from pipelines.statement import statement
from reports.statement import render

RESULTS = Path(__file__).parent / "results"


def measure(count: int, doses: int) -> dict[str, Any]:
    """Fill a warehouse and write statements."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.load({"SISERI_HOME": folder, "SISERI_TODAY": TODAY.isoformat()})
        with running(settings) as services:
            settings = prepare(settings, services.database_url, WORKERS)
            with opened(settings) as registry:
                fill(registry, doses)
                rpps, _ = designate(registry, settings)
                with registry.warehouse.admin() as admin:
                    admin.autocommit = True
                    admin.execute("analyze")
                return written(registry, Principal("MDT", rpps), count)


def written(registry: Registry, asking: Principal, count: int) -> dict[str, Any]:
    """Seconds in all, milliseconds of each half, pages' bytes."""
    reads, renders, sizes, results = [], [], [], 0
    began = time.perf_counter()
    for at in range(count):
        start = time.perf_counter()
        facts = statement(
            *(registry.warehouse, registry.key, asking, data.nir(at * 7 % WORKERS)),
            today=TODAY,
            months=None,
            who="bench",
            door=audit.COMMAND,
        )
        read = time.perf_counter()
        body = render(facts, ".pdf", "fr")
        renders.append((time.perf_counter() - read) * 1000)
        reads.append((read - start) * 1000)
        sizes.append(len(body))
        results += len(facts["resultats"])
    took = time.perf_counter() - began
    return {
        "statements": count,
        "results_each": round(results / count),
        "seconds": round(took, 1),
        "statements / s": round(count / took, 1),
        "read_ms": round(statistics.median(reads), 1),
        "render_ms": round(statistics.median(renders), 1),
        "kilobytes": round(statistics.median(sizes) / 1000),
        "conditions": conditions(),
    }


def main() -> None:
    """Measure, print, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--statements", type=int, default=1000)
    parser.add_argument("--doses", type=int, default=2_000_000)
    asked = parser.parse_args()
    figures = {"doses": asked.doses} | measure(asked.statements, asked.doses)
    print(json.dumps(figures, indent=1))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"statements-{asked.statements}.json").write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
