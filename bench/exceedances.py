"""Exceedances: detection after a file of 10 000 rows, and the recomputation of everything against one plain SQL query.

Run ``python -m bench.exceedances [--doses 2000000]``. Doses of several years are copied straight into the partitions;
the file goes through the corridor. The plain query sums the effective dose over twelve months by a window function over
the same table and counts the days above 20 mSv: one limit of thirteen, no merges, no belts, no ages, no physician.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from bench import data
from bench.conditions import conditions
from bench.desk import _take
from bench.integrate import TODAY, prepare
from loaders.bulk import copy_in_binary
from loaders.registry import Registry, opened
from loaders.services import running
from loaders.settings import Settings

RESULTS = Path(__file__).parent / "results"
WORKERS, FILE, LAST_YEAR, REPEATS = 40_000, 10_000, 2025, 5
PLAIN = """
select count(*) from (
    select sum(value_usv) over (
        partition by worker_id order by end_day range between interval '12 months -1 day' preceding and current row
    ) as usv
    from dose.passive where until_load is null and quantity in (0, 1, 5)
) as w where usv > 20000
"""


def passive_rows(
    count: int, month: np.datetime64, first: int, load: int, sender: int, rng: np.random.Generator
) -> pa.Table:
    """One month of results, a worker each: most doses small, a few very high, one in fifty at the belt."""
    who = np.arange(count)
    start = int(month.astype("datetime64[D]").astype(np.int64))
    end = int((month + 1).astype("datetime64[D]").astype(np.int64)) - 1
    usv = np.round(rng.exponential(150, count) / 50).astype(np.int64) * 50
    usv = np.where(rng.random(count) < 0.0005, usv + 21_000, usv)
    belt = np.arange(count) % 50 == 0
    year = int(str(month)[:4])
    return pa.table(
        {
            "value_usv": pa.array(usv),
            "since_load": pa.array(np.full(count, load, np.int32)),
            "worker_id": pa.array((who + 1).astype(np.int32)),
            "establishment_id": pa.array((who % data.ESTABLISHMENTS + 1).astype(np.int32)),
            "sender_id": pa.array(np.full(count, sender, np.int32)),
            "submission_id": pa.array(np.full(count, 1, np.int32)),
            "line": pa.array(np.arange(first, first + count, dtype=np.int32)),
            "start_day": pa.array(np.full(count, start, np.int32)).view(pa.date32()),
            "end_day": pa.array(np.full(count, end, np.int32)).view(pa.date32()),
            "year": pa.array(np.full(count, year, np.int16)),
            "quantity": pa.array(np.where(np.arange(count) % 7 == 0, 2, 0).astype(np.int16)),
            "location": pa.array(np.where(belt, 1, 0).astype(np.int16)),
            "dosimeter": pa.array(np.zeros(count, np.int16)),
            "state": pa.array(np.zeros(count, np.int16)),
            "measure_id": pa.array([f"H{first + at:09d}" for at in range(count)]),
        }
    )


def fill(registry: Registry, doses: int) -> None:
    """Months backwards from the end of 2025, a result for each worker, in one load."""
    rng = np.random.default_rng(5)
    with registry.warehouse.admin() as admin:
        cursor = admin.cursor()
        load = cursor.execute("select ledger.open_load('bench', null)").fetchone()
        sender = cursor.execute("select partner_id from ledger.partner where code = 'LABO1'").fetchone()
        assert load is not None
        assert sender is not None
        months = -(-doses // WORKERS)
        for back in range(months):
            month = np.datetime64(f"{LAST_YEAR}-12", "M") - (months - 1 - back)
            cursor.execute("select dose.ensure_partition('passive', %s)", (int(str(month)[:4]),))
            count = min(WORKERS, doses - back * WORKERS)
            rows = passive_rows(count, month, back * WORKERS, load[0], sender[0], rng)
            copy_in_binary(cursor, "dose.passive", rows)
        cursor.execute("select ledger.seal_load(%s)", load)
        admin.commit()
        admin.autocommit = True
        admin.execute("vacuum analyze dose.passive")


def file_rows(number: int) -> Iterator[bytes]:
    """A PASSIVE file of January or February 2026, a worker each; one in a thousand above the limit."""
    yield from data.passive(FILE, WORKERS, first=50_000_000 + number * FILE, faulty=0, waiting=0, seed=number)


def child(home: str, url: str, what: str) -> None:
    """One measure in a process of its own: seconds, figures and peak memory as JSON."""
    import dataclasses

    from pipelines import exceedances

    settings = dataclasses.replace(Settings.load({"SISERI_HOME": home}), database_url=url, today=TODAY)
    with opened(settings, sftp=False) as registry:
        began = time.perf_counter()
        if what == "detect":
            found = exceedances.detect(registry.connection, TODAY)
            figures = {"persons": found.persons, "opened": found.opened, "changed": found.changed}
        elif what == "recompute":
            persons, standing, _, count = exceedances.differences(registry.connection)
            figures = {"persons": persons, "standing": standing, "differences": count}
        else:
            row = registry.connection.execute(PLAIN).fetchone()
            figures = {"days_above": int(row[0]) if row else 0}
        took = time.perf_counter() - began
    # Not ru_maxrss: that remembers the parent this process was forked from.
    status = Path("/proc/self/status").read_text()
    peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
    print(json.dumps({"seconds": round(took, 3), "peak_mb": round(peak), **figures}))


def measured(settings: Settings, url: str, what: str) -> dict[str, Any]:
    """Run :func:`child`."""
    words = [sys.executable, "-m", "bench.exceedances", "--child", str(settings.home), url, what]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def measure(doses: int) -> dict[str, Any]:
    """Fill a warehouse and measure on it."""
    from pipelines.integrate import integrate

    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.load({"SISERI_HOME": folder, "SISERI_TODAY": TODAY.isoformat()})
        with running(settings) as services:
            settings = prepare(settings, services.database_url, WORKERS)
            with opened(settings) as registry:
                fill(registry, doses)
                url = services.database_url
                first = measured(settings, url, "detect")
                after = []
                for number in range(REPEATS):
                    _take(registry, settings, "LABO1", f"f{number}.csv", file_rows(number), Path(folder), integrate)
                    after.append(measured(settings, url, "detect"))
                full = [measured(settings, url, "recompute") for _ in range(2)]
                plain = [measured(settings, url, "plain") for _ in range(2)]
    best_full, best_plain = (min(runs, key=lambda one: one["seconds"]) for runs in (full, plain))
    assert not best_full["differences"]
    return {
        "doses": doses,
        "workers": WORKERS,
        "first_detection": first,
        "file_rows": FILE,
        "after_a_file_s": {
            "median": sorted(one["seconds"] for one in after)[len(after) // 2],
            "slowest": max(one["seconds"] for one in after),
        },
        "after_a_file": after,
        "recompute": best_full,
        "plain_sql": best_plain,
        "recompute / plain_sql": round(best_full["seconds"] / best_plain["seconds"], 2),
        "conditions": conditions(),
    }


def main() -> None:
    """Measure, print, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--doses", type=int, default=2_000_000)
    parser.add_argument("--child", nargs=3, metavar=("HOME", "URL", "WHAT"))
    asked = parser.parse_args()
    if asked.child:
        child(*asked.child)
        return
    figures = measure(asked.doses)
    print(json.dumps(figures, indent=1))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"exceedances-{asked.doses}.json").write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
