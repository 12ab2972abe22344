"""Years of the registry's nights, one after the other, with kills in them: does it stay clean, small and quick?

``python -m bench.soak [--years 2] [--workers 1000] [--kills 3] [--seed 1]``: a simulated country's files (late lists,
corrections, annulments, repeated files among them) dropped on their days; each pass is killed at points drawn at random
and made again, the database itself once a month; ``siseri verify`` and the sizes at the end of each month.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Any

import psutil
import psycopg

from bench.conditions import conditions
from loaders.postgres_server import PostgresServer
from loaders.services import running, sftp_state
from loaders.settings import Settings
from pipelines.simulation.run import simulate

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from nursery import End, Nursery
from senders import environment

RESULTS = Path(__file__).parent / "results"
SIZES = """
select
    (select sum(pg_total_relation_size(c.oid)) from pg_class as c join pg_namespace as n on c.relnamespace = n.oid
     where c.relkind in ('r', 'm') and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast'))::bigint,
    (select coalesce(sum(n_live_tup), 0) from pg_stat_user_tables)::bigint,
    (select coalesce(sum(n_dead_tup), 0) from pg_stat_user_tables)::bigint,
    (select count(*) from dose.passive) + (select count(*) from dose.operational),
    (select count(*) from ledger.submission)
"""


class Life:
    """One registry that goes through its months."""

    def __init__(self, home: Path, nursery: Nursery, rng: random.Random, kills: int) -> None:
        self._home, self._nursery, self._rng, self._kills = home, nursery, rng, kills
        self._accounts: set[str] = set()
        self._clock = 1_600_000_000
        self.killed = 0
        self.run(date(2020, 1, 1), "init")

    def run(self, day: date, *words: str, kill_after: float | None = None) -> End:
        told = {name: value for name, value in environment(self._home).items() if name.startswith("SISERI_")}
        env = told | {"SISERI_TODAY": day.isoformat(), "SISERI_CRASH": ""}
        return self._nursery.run(env, *words, kill_after=kill_after)

    def open_accounts(self, day: date, partners: list[dict[str, Any]]) -> None:
        for one in partners:
            if one["code"] not in self._accounts:
                self._accounts.add(one["code"])
                sirens = [word for siren in one["sirens"] for word in ("--siren", siren)]
                named = ["--identifiant", one["identifiant"]] if one["identifiant"] else []
                done = self.run(day, "partner", "add", one["code"], "--role", one["role"], *sirens, *named)
                assert done.status == 0, done.err

    def drop(self, partner: str, name: str, body: bytes) -> None:
        for path, content in ((name, body), (f"{name}.ok", b"")):
            target = self._home / "sftp" / partner / "depot" / path
            target.write_bytes(content)
            self._clock += 1
            os.utime(target, (self._clock, self._clock))

    def night(self, day: date) -> tuple[float, float]:
        """A pass, killed several times on its way and then made to its end. Seconds and memory of the last attempt."""
        for _ in range(self._kills):
            self.killed += self.run(day, "run", kill_after=self._rng.uniform(0.05, 3)).killed
        began = time.perf_counter()
        done = self.run(day, "run")
        assert done.status == 0, (day, done.status, done.err[-2000:])
        return time.perf_counter() - began, done.peak_mb

    def kill_database(self) -> None:
        pid = PostgresServer(self._home).pid()
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        psutil.Process(pid).wait(30)

    def figures(self, day: date) -> dict[str, Any]:
        """The month's end: what holds, and what it takes."""
        began = time.perf_counter()
        verified = self.run(day, "verify", "--json")
        took = time.perf_counter() - began
        broken = [one["invariant"] for one in json.loads(verified.out) if not one["tenu"]]
        with psycopg.connect(PostgresServer(self._home).url("siseri")) as connection:
            row = connection.execute(SIZES).fetchone()
        assert row is not None
        size, live, dead, doses, files = (int(one) for one in row)
        state = sftp_state(self._home)
        return {
            "day": day.isoformat(),
            "broken": broken,
            "verify_s": round(took, 1),
            "files": files,
            "doses": doses,
            "bytes_a_row": round(size / max(live, 1)),
            "dead_share": round(dead / max(live + dead, 1), 3),
            "sftp_mb": round(psutil.Process(state["pid"]).memory_info().rss / 1e6) if state else None,
            "killed": self.killed,
        }


def months(
    life: Life, folder: Path, years: int, workers: int, months_of_a_year: int, seed: int
) -> Iterator[dict[str, Any]]:
    """Live through the years; the figures of each month."""
    for at in range(years):
        out = folder / f"files-{at}"
        simulate(out, workers=workers, year=2024 + at, seed=seed + at, faults=0.05, months=months_of_a_year)
        manifest = json.loads((out / "manifest.json").read_text())
        nights = [
            (date.fromisoformat(day), list(group))
            for (_, day), group in groupby(manifest["files"], key=lambda one: (one["stage"], one["registry_date"]))
        ]
        life.open_accounts(nights[0][0], manifest["partners"])
        most = (0.0, 0.0)
        for (day, files), following in zip(nights, [*nights[1:], None], strict=True):
            for one in files:
                life.drop(one["partner"], f"{at}-{Path(one['path']).name}", (out / one["path"]).read_bytes())
            seconds, peak = life.night(day)
            most = max(most[0], seconds), max(most[1], peak)
            if following is None or (following[0].year, following[0].month) != (day.year, day.month):
                life.kill_database()
                yield {**life.figures(day), "slowest_night_s": round(most[0], 1), "peak_mb": round(most[1])}
                most = (0.0, 0.0)


def soak(
    folder: Path, years: int, workers: int, kills: int, seed: int, months_of_a_year: int = 12
) -> list[dict[str, Any]]:
    """The figures of each month, printed as they come."""
    settings = Settings.load({"SISERI_HOME": str(folder / "home")})
    told = []
    with running(settings), Nursery(folder / "nursery") as nursery:
        life = Life(settings.home, nursery, random.Random(seed), kills)
        for month in months(life, folder, years, workers, months_of_a_year, seed):
            told.append(month)
            print(json.dumps(month), flush=True)
    return told


def main() -> int:
    """Run, print, write the JSON; 1 where an invariant did not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--years", type=int, default=2)
    parser.add_argument("--workers", type=int, default=1_000)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        told = soak(Path(folder), asked.years, asked.workers, asked.kills, asked.seed)
    figures = {**vars(asked), "months": told, "conditions": conditions()}
    (RESULTS / "soak.json").write_text(json.dumps(figures, indent=1) + "\n")
    return 1 if any(one["broken"] for one in told) else 0


if __name__ == "__main__":
    sys.exit(main())
