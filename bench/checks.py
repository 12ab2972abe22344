"""Standing checks over a large warehouse: seconds for each list, with its first page.

Run ``python -m bench.checks [--doses 10000000]``. Two results in three are of PASSIVE (see ``bench.exceedances``), the
third an operational passage of an hour; the list is asked for over the days that hold them all, which are far more than
the 24 months of the desk where there are many.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from typing import Any

from bench import data, exceedances
from bench.conditions import conditions
from bench.integrate import RESULTS, TODAY, prepare
from loaders.registry import Registry, opened
from loaders.services import running
from loaders.settings import Settings
from pipelines import watch

#: One passage of a worker each two days, up to the end of 2025.
PASSAGES = """
insert into dose.operational (
    value_usv, key_digest, since_load, worker_id, establishment_id, sender_id, submission_id, line, start_minute,
    end_minute, year, quantity, dosimeter, place, zone, activity
)
select
    (random() * 24)::bigint, n, 1, n %% %(workers)s + 1, n %% %(workers)s %% %(places)s + 1, 1, 1, n,
    d.day * 1440 + 480, d.day * 1440 + 540, extract(year from date '1970-01-01' + d.day)::integer, 0, 0, 'BR', 'V', 'X'
from generate_series(1, %(count)s) as n
cross join lateral (select date '2025-12-31' - date '1970-01-01' - 2 * (n / %(workers)s) as day) as d
"""


def fill(registry: Registry, doses: int) -> None:
    """The results of both kinds."""
    exceedances.fill(registry, doses * 2 // 3)
    with registry.warehouse.admin() as admin:
        for year in range(2000, 2027):
            admin.execute("select dose.ensure_partition('operational', %s)", (year,))
        asked = {"count": doses // 3, "workers": exceedances.WORKERS, "places": data.ESTABLISHMENTS}
        admin.execute(PASSAGES, asked)
        admin.commit()
        admin.autocommit = True
        admin.execute("vacuum analyze dose.operational")


def measure(doses: int) -> dict[str, Any]:
    """Fill a warehouse and ask for each list, over 24 months and over everything."""
    figures: dict[str, Any] = {"doses": doses, "workers": exceedances.WORKERS}
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.load({"SISERI_HOME": folder, "SISERI_TODAY": TODAY.isoformat()})
        with running(settings) as services:
            settings = prepare(settings, services.database_url, exceedances.WORKERS)
            with opened(settings) as registry:
                fill(registry, doses)
                with registry.warehouse.analyst() as analyst:
                    for span, first in (("24 months", None), ("everything", "2000-01-01")):
                        for control in watch.CONTROLS:
                            wanted = watch.asked(control, TODAY, first)
                            began = time.perf_counter()
                            found = watch.findings(analyst, registry.key, wanted)
                            took = round(time.perf_counter() - began, 2)
                            figures.setdefault(span, {})[control] = {"seconds": took, "findings": found.total}
    return figures | {
        "conditions": conditions(),
    }


def main() -> None:
    """Measure, print, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--doses", type=int, default=10_000_000)
    asked = parser.parse_args()
    figures = measure(asked.doses)
    print(json.dumps(figures, indent=1))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"checks-{asked.doses}.json").write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
