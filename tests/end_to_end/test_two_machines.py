"""Beyond one machine: CeleryExecutor with two workers that share the database, the senders' server and a store.

Each worker is a process with a home of its own, as on a machine of its own: only the keys are copied there. The
archive between them is an object store.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from object_store import Store, object_store

from bench import data
from loaders import arrivals
from loaders.orchestrator import prepare, settings_environment
from loaders.postgres_server import free_port
from loaders.registry import depots, opened
from loaders.services import Services, running
from loaders.settings import Settings, project_root
from loaders.warehouse import Warehouse
from pipelines import partners
from pipelines.deposit import deposit
from pipelines.verify import verify

LIMIT_S = 240
REDIS = shutil.which("redis-server")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(REDIS is None, reason="not installed: redis-server"),
]
WORKERS = ("un", "deux")


class Site:
    """A central machine (services, scheduler, API) and workers with homes of their own."""

    def __init__(self, folder: Path, settings: Settings, services: Services, store: Store) -> None:
        self.folder, self.settings, self.services = folder, settings, services
        self.store = store
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.port, self._redis = free_port(), free_port()
        assert REDIS is not None
        self._start("redis", [REDIS, "--port", str(self._redis), "--bind", "127.0.0.1", "--save", ""], dict(os.environ))
        self._airflow = prepare(settings, services, self.port)
        self._central = {**self._environment(settings), **self._celery()}
        for name, *words in (
            ("api-server", "api-server", "--host", "127.0.0.1", "--port", str(self.port)),
            ("scheduler", "scheduler", "--skip-serve-logs"),
            ("dag-processor", "dag-processor"),
        ):
            self._start(name, [sys.executable, "-m", "airflow", *words], self._central)
        for name in WORKERS:
            self.work(name)

    def _celery(self) -> dict[str, str]:
        return {
            "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
            "AIRFLOW__CELERY__BROKER_URL": f"redis://127.0.0.1:{self._redis}/0",
            "AIRFLOW__CELERY__RESULT_BACKEND": f"redis://127.0.0.1:{self._redis}/1",
            # A worker that died is missed after seconds, not minutes.
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "15",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
        }

    def _environment(self, settings: Settings) -> dict[str, str]:
        return {**self._airflow, **settings_environment(settings), **self.store.environment}

    def home(self, name: str) -> Path:
        return self.folder / f"machine-{name}"

    def work(self, name: str) -> None:
        """Start a worker as on a machine of its own."""
        home = self.home(name)
        if not home.exists():
            shutil.copytree(self.settings.home / "keys", home / "keys")
        own = replace(
            self.settings,
            home=home,
            database_url=self.services.database_url,
            sftp_url="sftp://collector@{}:{}/".format(*self.services.sftp_address or ()),
            **{
                field: home / getattr(self.settings, field).relative_to(self.settings.home)
                for field in ("sftp_key", "sftp_known_hosts", "key_file")
            },
        )
        environment = {
            **self._environment(own),
            **self._celery(),
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "log"),
        }
        words = ["celery", "worker", "--skip-serve-logs", "--concurrency", "2", "--celery-hostname", f"{name}@%h"]
        self._start(name, [sys.executable, "-m", "airflow", *words], environment)

    def _start(self, name: str, words: list[str], environment: dict[str, str]) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                words, env=environment, cwd=project_root(), stdout=log, stderr=log, start_new_session=True
            )

    def wait_for(self, what: str, done: Callable[[], Any]) -> Any:
        limit = time.monotonic() + LIMIT_S
        while not (found := done()):
            ended = [name for name, process in self._processes.items() if process.poll() is not None]
            assert not ended, f"ended, see {self.folder}/<name>.log: {ended}"
            assert time.monotonic() < limit, f"never seen: {what}"
            time.sleep(0.1)
        return found

    def kill(self, name: str) -> None:
        """All of a worker dies at once, as a machine does."""
        process = self._processes.pop(name)
        family = [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]
        for one in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        process.wait()

    def of(self, pid: int) -> str | None:
        """The worker whose process this is, or comes from."""
        with contextlib.suppress(psutil.NoSuchProcess):
            line = {pid, *(one.pid for one in psutil.Process(pid).parents())}
            alive = set(WORKERS) & set(self._processes)
            return next((name for name in alive if self._processes[name].pid in line), None)
        return None

    def stop(self) -> None:
        for process in self._processes.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        for name in list(self._processes):
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._processes[name].wait(10)
            with contextlib.suppress(psutil.NoSuchProcess):
                self.kill(name)

    def at_work(self) -> tuple[str, int] | None:
        """The worker that integrates, and the process that does."""
        url = self._airflow["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].replace("+psycopg", "")
        with psycopg.connect(url) as connection:
            rows = connection.execute(
                "select pid from task_instance where state = 'running' and task_id like 'integrate_%'"
            ).fetchall()
        for (pid,) in rows:
            if pid and (name := self.of(pid)):
                return name, pid
        return None

    def answered(self, code: str, name: str) -> bool:
        return (self.settings.home / "sftp" / code / "retour" / f"{name}.rapport.json").exists()

    def integrated_by(self, name: str) -> int:
        """Tasks of integration that left a log on this machine."""
        return len(list((self.home(name) / "log").glob("dag_id=siseri_integrate/**/task_id=integrate_*/**/*.log")))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    with object_store() as store:
        for name, value in store.environment.items():
            monkeypatch.setenv(name, value)
        told = {"SISERI_HOME": str(tmp_path / "centre"), "SISERI_TODAY": "2026-04-10", **store.environment}
        settings = Settings.load(told)
        with running(settings) as services:
            Warehouse(settings, services.database_url).initialise()
            with opened(settings) as registry, registry.warehouse.admin() as admin, depots(registry) as client:
                partners.add(admin, client, settings, "ASNR", "GESTIONNAIRE", [], None, None)
                for code in ("LABO1", "LABO2"):
                    partners.add(admin, client, settings, code, "OA", [], None, None)
            made = Site(tmp_path, settings, services, store)
            try:
                yield made
            finally:
                made.stop()


def test_files_spread_over_two_workers_and_a_dead_ones_work_is_taken_over(site: Site, tmp_path: Path) -> None:
    def drop(code: str, **files: bytes) -> None:
        for name, body in files.items():
            (tmp_path / f"{name}.csv").write_bytes(body)
        with opened(site.settings) as registry, depots(registry) as client:
            deposit(client, registry.connection, code, [tmp_path / f"{name}.csv" for name in files])

    drop("ASNR", a=data.register(), b=data.designations("LABO1"), c=data.worker_list(2_000))
    site.wait_for("the workers' list answered", lambda: site.answered("ASNR", "c.csv"))
    # Round after round of files, until both machines had some.
    rounds = 0
    while not all(site.integrated_by(name) for name in WORKERS):
        rounds += 1
        assert rounds <= 10, "one worker does everything"
        name = f"r{rounds}"
        drop("LABO2", **{name: b"".join(data.passive(20, 30, first=20 * rounds, faulty=0, waiting=0))})
        site.wait_for("a round answered", partial(site.answered, "LABO2", f"{name}.csv"))
    # A machine dies in the midst of a file.
    drop("LABO1", grand=b"".join(data.passive(200_000, 2_000, faulty=0, waiting=0)))
    name, _ = site.wait_for("integration at work", site.at_work)
    site.kill(name)
    assert not site.answered("LABO1", "grand.csv")
    site.wait_for("the dead worker's file answered", lambda: site.answered("LABO1", "grand.csv"))
    with opened(site.settings) as registry:
        held = registry.connection.execute(
            "select count(*), count(distinct (sender_id, measure_id)) from dose.passive where until_load is null"
        ).fetchone()
        assert held == (200_000 + 20 * rounds, 200_000 + 20 * rounds)
        assert all(one.held for one in verify(registry.warehouse.analyst(), site.settings))
    # Nothing of the archive lies on any machine: all of it in the store.
    kept = site.store.keys()
    notes = [key for key in kept if f"/{arrivals.FOLDER}/" in key]
    assert len(notes) == 4 + rounds
    assert len(kept) == 2 * len(notes)
    for home in (site.settings.home, *(site.home(name) for name in WORKERS)):
        assert [one for one in (home / "archive").rglob("*") if one.is_file()] == []
