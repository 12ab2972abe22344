"""Services shared by every command: who needs the database or the SFTP server holds a lease on it.

A lease is a shared ``flock`` on ``run/<service>.lease``: the kernel drops it however its holder ends. Whoever starts
or stops a service first takes the gate, an exclusive lock on ``run/gate.lock``. The last holder to leave obtains the
lease exclusively, and so knows that it is the last, and stops the service. A small keeper process does the same where
the last holder was killed. Where the settings name a service of their own, nothing is started and that one serves.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from loaders.errors import ServiceMissing, UsageError
from loaders.settings import Settings

GATE_LIMIT_S = 330  # longer than the slowest start it can hide (recovery of the database)
SFTP_START_LIMIT_S = 30
KEEPER_PERIOD_S = 1.0
PACKAGES = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class SftpAddress:
    """Where the collector logs in: ``root`` is the folder that shows the senders' homes."""

    host: str
    port: int
    user: str = "collector"
    root: str = "/"


@dataclass(frozen=True)
class Services:
    """What a command may use while it holds its leases.

    ``database_url``: the administrator's URL, libpq form (``postgresql://``); empty where it was not asked for.
    ``sftp``: the collector's address; None where it was not asked for.
    """

    database_url: str = ""
    sftp: SftpAddress | None = None

    @property
    def sftp_address(self) -> tuple[str, int] | None:
        """Host and port of the SFTP server."""
        return (self.sftp.host, self.sftp.port) if self.sftp else None


def libpq_url(url: str) -> str:
    """A PostgreSQL URL in libpq's form; SQLAlchemy's driver suffix is taken off.

    Raises:
        UsageError: another kind of URL.
    """
    scheme, found, rest = url.partition("://")
    if not found or scheme.split("+")[0] not in ("postgresql", "postgres"):
        raise UsageError("SISERI_DATABASE_URL must begin with postgresql://")
    return f"postgresql://{rest}"


def sftp_address(url: str) -> SftpAddress:
    """Read ``sftp://user@host:port/root``.

    Raises:
        UsageError: another kind of URL, no user, or a password (the collector logs in by key).
    """
    parts = urlsplit(url)
    try:
        port = parts.port or 22
    except ValueError as error:
        raise UsageError("SISERI_SFTP_URL holds a port that is no number") from error
    if parts.scheme != "sftp" or not parts.hostname or not parts.username:
        raise UsageError("SISERI_SFTP_URL must be sftp://user@host:port/root")
    if parts.password:
        raise UsageError("SISERI_SFTP_URL must not hold a password: the collector logs in by key (SISERI_SFTP_KEY)")
    return SftpAddress(parts.hostname, port, unquote(parts.username), unquote(parts.path) or "/")


@contextlib.contextmanager
def running(settings: Settings, *, database: bool = True, sftp: bool = True, sftp_port: int = 0) -> Iterator[Services]:
    """Hold the services asked for, started where nobody had started them; the last holder stops them.

    Safe in several threads and processes at once, and nested. ``sftp_port``: the port to take where this call starts
    the embedded SFTP server and the port is free (0: any).

    Raises:
        ServiceMissing: a service could not be started.
        UsageError: a URL of the settings cannot be read.
    """
    embedded = _embedded(settings, database, sftp)
    address = sftp_address(settings.sftp_url) if sftp and settings.sftp_url else None
    url = libpq_url(settings.database_url) if database and settings.database_url else ""
    if not embedded:
        yield Services(url, address)
        return
    home = settings.home
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    for folder in ("run", "log", "keys"):
        settings.folder(folder)
    owner = os.getpid()
    leases: dict[str, int] = {}
    try:
        with _gate(home):
            for name in embedded:
                leases[name] = _lease(home, name)
                fcntl.flock(leases[name], fcntl.LOCK_SH)
            started = _start(settings, embedded, sftp_port)
        yield Services(url or started.database_url, address or started.sftp)
    finally:
        if os.getpid() == owner:  # a forked child shares the lease and must not give it back
            _leave(home, leases)


def ensure(settings: Settings, *, database: bool = True, sftp: bool = True, sftp_port: int = 0) -> None:
    """Start again what died under a lease that the caller holds (the supervisor's watch).

    Raises:
        ServiceMissing: it could not be started.
    """
    embedded = _embedded(settings, database, sftp)
    if embedded:
        with _gate(settings.home):
            _start(settings, embedded, sftp_port)


def _embedded(settings: Settings, database: bool, sftp: bool) -> list[str]:
    """Those of the services asked for that the settings leave to us."""
    asked = {"database": database and not settings.database_url, "sftp": sftp and not settings.sftp_url}
    return [name for name, wanted in asked.items() if wanted]


def sweep(home: Path) -> None:
    """Stop at once the embedded services that nobody holds (those of killed commands)."""
    with _gate(home):
        if _stop_unheld(home):
            end(home, "keeper")


def sftp_state(home: Path) -> dict[str, int] | None:
    """``port`` and ``pid`` of the living embedded SFTP server, else None."""
    if not locked(home, "sftp"):
        return None
    try:
        state = json.loads((home / "run" / "sftp.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None  # starting or stopping
    return {"port": int(state["port"]), "pid": int(state["pid"])}


def _start(settings: Settings, embedded: list[str], sftp_port: int) -> Services:
    """Start what does not run, the two at the same time; the caller holds the gate and the leases."""
    try:
        return _started(settings, embedded, sftp_port)
    except OSError as error:  # a full disk, a folder of somebody else
        reason = os.strerror(error.errno) if error.errno else type(error).__name__
        raise ServiceMissing(f"the embedded services cannot be started under {settings.home}: {reason}") from error


def _started(settings: Settings, embedded: list[str], sftp_port: int) -> Services:
    home = settings.home
    if "sftp" in embedded and not locked(home, "sftp"):
        (home / "run" / "sftp.json").unlink(missing_ok=True)
        spawn(
            home, "sftp", "loaders.sftp_server", "--home", str(home), "--port", str(sftp_port),
            "--collector-key", str(settings.sftp_key), "--known-hosts", str(settings.sftp_known_hosts),
            "--depot-bytes", str(settings.depot_bytes), "--depot-files", str(settings.depot_files),
        )  # fmt: skip
    url = ""
    if "database" in embedded:
        from loaders.postgres_server import PostgresServer

        url = PostgresServer(home, backup=settings.backup_dir).start()
    address = None
    if "sftp" in embedded:
        address = SftpAddress("127.0.0.1", _sftp_port_when_ready(home))
    if not locked(home, "keeper"):
        spawn(home, "keeper", "loaders.services", str(home))
    return Services(url, address)


_children: list[subprocess.Popen[bytes]] = []  # kept so that a finished child is reaped, not warned about


def spawn(home: Path, name: str, module: str, *words: str, environment: dict[str, str] | None = None) -> None:
    """Run one of our modules as a process that outlives this one; its output goes to ``log/<name>.log``.

    The process inherits a lock on ``run/<name>.lock``, held from this very moment until it ends, however it ends.

    Raises:
        BlockingIOError: a process of that name lives.
    """
    _children[:] = [child for child in _children if child.poll() is None]
    log = os.open(home / "log" / f"{name}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    lock = os.open(home / "run" / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        for left in reversed(range(20)):  # somebody may be looking whether it is held
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not left:
                    raise
                time.sleep(0.005)
        child = subprocess.Popen(
            [sys.executable, "-m", module, *words], cwd=PACKAGES, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True, pass_fds=[lock], env=environment,
        )  # fmt: skip
        _children.append(child)
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(child.pid).encode("ascii"), 0)
    finally:
        os.close(lock)
        os.close(log)


def end(home: Path, name: str, limit_s: float = 5) -> None:
    """End a process of ``spawn`` and wait until it has, by force after ``limit_s`` seconds."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        if not locked(home, name):
            return
        try:
            pid = int((home / "run" / f"{name}.lock").read_text(encoding="ascii"))
        except ValueError:
            return  # killed between its start and the note of its number: it ends by itself
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, sign)
        limit = time.monotonic() + limit_s
        while locked(home, name) and time.monotonic() < limit:
            time.sleep(0.005)


def locked(home: Path, name: str) -> bool:
    """Whether the process of that name lives: it holds its lock."""
    try:
        with (home / "run" / f"{name}.lock").open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _sftp_port_when_ready(home: Path) -> int:
    limit = time.monotonic() + SFTP_START_LIMIT_S
    while time.monotonic() < limit and locked(home, "sftp"):
        state = sftp_state(home)
        if state is not None:
            return state["port"]
        time.sleep(0.01)
    raise ServiceMissing(f"the embedded SFTP server did not start; its log: {home / 'log' / 'sftp.log'}")


def _lease(home: Path, name: str) -> int:
    return os.open(home / "run" / f"{name}.lease", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _leave(home: Path, leases: dict[str, int]) -> None:
    """Give the leases back; the last holder stops the services, under the gate."""
    if not leases:
        return
    try:
        with _gate(home):
            if _stop_unleased(home, leases) and _nothing_runs(home):
                end(home, "keeper")
    finally:
        for lease in leases.values():
            os.close(lease)


def _stop_unleased(home: Path, leases: dict[str, int]) -> bool:
    """Stop each service whose lease can be had exclusively; whether any was. The caller holds the gate."""
    stopped = False
    for name, lease in leases.items():
        try:
            fcntl.flock(lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        if name == "database":
            from loaders.postgres_server import PostgresServer

            PostgresServer(home).stop()
        else:
            end(home, "sftp")
        stopped = True
    return stopped


def _nothing_runs(home: Path) -> bool:
    from loaders.postgres_server import PostgresServer

    return not locked(home, "sftp") and PostgresServer(home).pid() is None


@contextlib.contextmanager
def _gate(home: Path) -> Iterator[None]:
    """The only place where services start and stop."""
    with (home / "run" / "gate.lock").open("a") as gate:
        limit = time.monotonic() + GATE_LIMIT_S
        pause = 0.002
        while True:
            try:
                fcntl.flock(gate, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                pass
            if time.monotonic() > limit:
                raise ServiceMissing(f"another command has held {gate.name} for {GATE_LIMIT_S} s")
            time.sleep(pause)
            pause = min(0.05, pause * 1.5)
        yield


def _watch(home: Path) -> None:
    """The keeper: stop what nobody holds any more; end when nothing runs, or when the home is gone."""
    while True:
        time.sleep(KEEPER_PERIOD_S)
        try:
            if _round(home):
                return
        except FileNotFoundError:
            return


def _round(home: Path) -> bool:
    """One look of the keeper; whether its work is done."""
    with _gate(home):
        return _stop_unheld(home)


def _stop_unheld(home: Path) -> bool:
    """Stop the services without a lease; whether nothing runs any more. The caller holds the gate."""
    leases = {}
    try:
        for name in ("database", "sftp"):
            leases[name] = _lease(home, name)
        _stop_unleased(home, leases)
        return _nothing_runs(home)
    finally:
        for lease in leases.values():
            os.close(lease)


if __name__ == "__main__":
    _watch(Path(sys.argv[1]))
