"""The standing service: ``siseri up`` leaves a supervisor process behind, ``siseri down`` ends it.

The supervisor holds the leases on the database and the SFTP server and runs Airflow's components one by one, each in
a process group of its own: a dead one is started again, later and later while it keeps dying; at the end each gets
SIGTERM, and its whole group SIGKILL where that does not do. It writes what it sees in ``run/supervisor.json``, and
everything's output goes to ``log/``. Nothing listens beyond 127.0.0.1.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from loaders import logs, services
from loaders.errors import ServiceMissing
from loaders.orchestrator import USER, password_file, prepare, settings_environment
from loaders.postgres_server import PostgresServer, free_port, write_private
from loaders.settings import Settings, project_root

START_LIMIT_S = 180
STOP_LIMIT_S = 20
REPEAT_S = 4
LOOK_PERIOD_S = 0.5
ROUNDS_A_MINUTE = 120
STABLE_S = 60  # a component that lived that long starts again at once
LONGEST_PAUSE_S = 60


@dataclass
class Component:
    """One program of Airflow under watch."""

    name: str
    words: list[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    pause_s: float = 0.0
    restarts: int = -1
    next_start: float = field(default=0.0)

    def start(self, settings: Settings, environment: dict[str, str]) -> None:
        """Start it; should the supervisor be killed, the kernel sends it SIGTERM."""
        follow = ["setpriv", "--pdeathsig", "TERM", "--"] if shutil.which("setpriv") else []
        log = settings.home / "log" / f"airflow-{self.name}.log"
        with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as output:
            self.process = subprocess.Popen(
                [*follow, sys.executable, "-m", "airflow", *self.words], env=environment, cwd=project_root(),
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
        self.started = time.monotonic()
        self.restarts += 1

    def look(self, settings: Settings, environment: dict[str, str]) -> bool:
        """Start it where it is dead and its pause is over; whether anything changed."""
        now = time.monotonic()
        if self.process is not None:
            status = self.process.poll()
            if status is None:
                return False
            _kill_group(self.process.pid, signal.SIGKILL)  # what it left behind
            self.process = None
            self.pause_s = 0.0 if now - self.started > STABLE_S else min(LONGEST_PAUSE_S, max(1.0, 2 * self.pause_s))
            self.next_start = now + self.pause_s
            print(f"{self.name} ended with status {status}; next start in {self.pause_s:.0f} s", flush=True)
            return True
        if now >= self.next_start:
            self.start(settings, environment)
            return True
        return False


def up(settings: Settings, say: Callable[[str], None] = lambda line: None) -> dict[str, Any]:
    """Start the standing service where it does not run, wait until Airflow answers, give ``status``.

    ``say`` hears of each step.

    Raises:
        ServiceMissing: it did not start; the message names the log to read.
    """
    home = settings.home
    settings.folder("run")
    settings.folder("log")
    if not services.locked(home, "supervisor"):
        _end_orphans(home)
        _state_file(home).unlink(missing_ok=True)
        say("starting the database, the SFTP server and Airflow")
        with contextlib.suppress(BlockingIOError):  # another `up` was quicker
            services.spawn(home, "supervisor", "loaders.supervisor", environment=settings_environment(settings))
    limit = time.monotonic() + START_LIMIT_S
    told = ""
    while time.monotonic() < limit:
        if not services.locked(home, "supervisor"):
            break
        state = _state(home)
        if state.get("failure"):
            raise ServiceMissing(str(state["failure"]))
        step = str(state.get("step", ""))
        if step and step != told:
            say(step)
            told = step
        if state.get("url") and _healthy(str(state["url"])):
            return status(settings)
        time.sleep(0.2)
    failure = _state(home).get("failure")
    raise ServiceMissing(str(failure or f"the service did not start; its logs: {home / 'log'}"))


def down(settings: Settings) -> bool:
    """Stop the standing service and wait until all is stopped; whether it ran."""
    home = settings.home
    ran = services.locked(home, "supervisor")
    services.end(home, "supervisor", limit_s=STOP_LIMIT_S + services.GATE_LIMIT_S)
    _end_orphans(home)
    _state_file(home).unlink(missing_ok=True)
    if ran or (home / "run").is_dir():
        services.sweep(home)
    return ran


def status(settings: Settings) -> dict[str, Any]:
    """What runs: per component ``state`` (``running``, ``stopped``, ``starting``, ``external``), ``pid``, ``address``.

    Keys: ``supervisor``, ``database``, ``sftp``, ``api-server``, ``scheduler``, ``dag-processor``; beside them
    ``url`` (the web page, or None), ``user`` and ``password_file``.
    """
    home = settings.home
    supervised = services.locked(home, "supervisor")
    state = _state(home) if supervised else {}
    shown: dict[str, Any] = {"supervisor": _line("running" if supervised else "stopped", state.get("pid"))}
    if settings.database_url:
        shown["database"] = _line("external")
    else:
        server = PostgresServer(home)
        port = server.port()
        shown["database"] = _line("running" if port else "stopped", server.pid(), f"127.0.0.1:{port}" if port else None)
    if settings.sftp_url:
        where = services.sftp_address(settings.sftp_url)
        shown["sftp"] = _line("external", None, f"{where.host}:{where.port}")
    else:
        sftp = services.sftp_state(home)
        shown["sftp"] = _line("running", sftp["pid"], f"127.0.0.1:{sftp['port']}") if sftp else _line("stopped")
    components = state.get("components", {})
    url = state.get("url")
    for name in ("api-server", "scheduler", "dag-processor"):
        one = components.get(name)
        shown[name] = _line("stopped")
        if one:
            alive = one["pid"] is not None and psutil.pid_exists(one["pid"])
            shown[name] = _line("running" if alive else "starting", one["pid"], url if name == "api-server" else None)
            shown[name]["restarts"] = one["restarts"]
    shown["url"] = url
    shown["user"] = USER
    shown["password_file"] = str(password_file(settings)) if url else None
    return shown


def _line(state: str, pid: int | None = None, address: str | None = None) -> dict[str, Any]:
    return {"state": state, "pid": pid, "address": address}


def _state_file(home: Path) -> Path:
    return home / "run" / "supervisor.json"


def _state(home: Path) -> dict[str, Any]:
    try:
        state: dict[str, Any] = json.loads(_state_file(home).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return state


def _healthy(url: str) -> bool:
    """Whether the API server answers and has seen the scheduler and the DAG processor at work."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url}/api/v2/monitor/health", timeout=5) as answer:
            health = json.load(answer)
    except (urllib.error.URLError, OSError, ValueError):
        return False
    return all(health.get(part, {}).get("status") == "healthy" for part in ("scheduler", "dag_processor"))


def _kill_group(group: int, sign: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, sign)


def _end_orphans(home: Path) -> None:
    """End components whose supervisor was killed; each is known by its number and the moment it was born."""
    for one in _state(home).get("components", {}).values():
        with contextlib.suppress(psutil.Error, TypeError):
            process = psutil.Process(one["pid"])
            if abs(process.create_time() - one["born"]) < 1 and process.status() != psutil.STATUS_ZOMBIE:
                _kill_group(one["pid"], signal.SIGTERM)
                with contextlib.suppress(psutil.TimeoutExpired):
                    process.wait(10)
                _kill_group(one["pid"], signal.SIGKILL)


def _stop(components: list[Component]) -> None:
    """SIGTERM to each, again while it does not hear; at the limit, SIGKILL to its group and all it left behind.

    Airflow's scheduler loses the signal now and then (its handler raises wherever the program stands); a second one
    also tells it not to wait for running tasks, which a next run takes up again.
    """
    living = [one.process for one in components if one.process is not None]
    limit = time.monotonic() + STOP_LIMIT_S
    asked = float("-inf")
    while any(process.poll() is None for process in living) and time.monotonic() < limit:
        if time.monotonic() - asked >= REPEAT_S:
            asked = time.monotonic()
            for process in living:
                if process.poll() is None:
                    process.terminate()
        time.sleep(0.05)
    for process in living:
        _kill_group(process.pid, signal.SIGKILL)
        process.wait(5)


def _born(pid: int) -> float | None:
    with contextlib.suppress(psutil.Error):
        return float(psutil.Process(pid).create_time())
    return None


def _serve() -> None:
    """The supervisor process: until SIGTERM."""
    stopping: list[int] = []
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda number, frame: stopping.append(number))
    settings = Settings.load()
    home = settings.home

    def tell(**facts: object) -> None:
        write_private(_state_file(home), json.dumps({"pid": os.getpid(), **facts}))

    try:
        with services.running(settings, sftp_port=settings.sftp_port) as running:
            port = free_port(settings.airflow_port)
            environment = prepare(settings, running, port, say=lambda line: tell(step=line))
            components = [
                Component("api-server", ["api-server", "--host", "127.0.0.1", "--port", str(port)]),
                Component("scheduler", ["scheduler", "--skip-serve-logs"]),
                Component("dag-processor", ["dag-processor"]),
            ]
            try:
                _watch(settings, environment, components, stopping, lambda: tell(
                    url=f"http://127.0.0.1:{port}", step="waiting for Airflow",
                    components={one.name: _facts(one) for one in components},
                ))  # fmt: skip
            finally:
                _stop(components)
    except ServiceMissing as error:
        tell(failure=str(error))
        raise SystemExit(error.exit_code) from error
    _state_file(home).unlink(missing_ok=True)


def _facts(one: Component) -> dict[str, object]:
    pid = one.process.pid if one.process else None
    return {"pid": pid, "born": _born(pid) if pid else None, "restarts": one.restarts}


def _watch(
    settings: Settings,
    environment: dict[str, str],
    components: list[Component],
    stopping: list[int],
    tell: Callable[[], None],
) -> None:
    """Keep the components and the services alive until a signal came."""
    rounds = 0
    while not stopping:
        changed = [one.look(settings, environment) for one in components]  # each, not the first alone
        if any(changed):
            tell()
        rounds += 1
        if rounds % ROUNDS_A_MINUTE == 0:
            with contextlib.suppress(OSError):  # a full disk is no reason to end
                logs.rotate(settings.home / "log")
        if rounds % 4 == 0:
            try:
                services.ensure(settings, sftp_port=settings.sftp_port)
            except ServiceMissing as error:
                print(f"a service is down and does not start: {error}", flush=True)
        time.sleep(LOOK_PERIOD_S)


if __name__ == "__main__":
    _serve()
