"""The folder that backups go to (``SISERI_BACKUP_DIR``): what lies where, and what may be taken for whole.

::

    siseri.json                     whose registry this is (PostgreSQL's system identifier)
    archive/ab/cd/<sha256>          the senders' bytes, put here as they come, before their receipt
    arrivals/000000/<number>.json   who sent them (loaders/arrivals.py)
    lines/<line>/wal/               the log of one life of the registry, piece by piece, compressed
    lines/<line>/base/<take>/       base backups of that life; backup.json is written last

A line is one life of a database: one that was restored begins a line of its own, so that its log never meets the log
of the life it left. The home knows its line (``backup.json``). No key and no password is ever written here.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
import shlex
import struct
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from loaders import archive, arrivals, crash
from loaders.arrivals import Arrival
from loaders.errors import ServiceMissing, UsageError
from loaders.settings import Settings
from loaders.wal import written
from loaders.whole_files import settle_folder, write_whole

_CHUNK = 8 << 20
_PIECE = len("000000010000000000000001.gz")
#: A piece of the log is finished at least so often while anything happens: what a lost machine may cost at most.
ARCHIVE_TIMEOUT_S = 60
WAL_SCRIPT = Path(__file__).with_name("wal.py")


class BackupFailed(ServiceMissing):
    """The backup folder does not take what must be safe before anybody is told of it: the pass ends here."""


@dataclass(frozen=True)
class Take:
    """One whole base backup.

    Attributes:
        began, ended: the database can be brought to any instant from ``ended`` on.
        first_wal, last_wal: the pieces of the log that it needs.
        size: bytes of the database's files.
        homes: whether the senders' homes lie with it (they do where this registry serves them).
        submission: the highest number of the ledger.
    """

    name: str
    line: str
    began: datetime
    ended: datetime
    first_wal: str
    last_wal: str
    size: int
    homes: bool
    submission: int
    server: str

    def as_json(self) -> dict[str, Any]:
        """For a listing."""
        told = asdict(self)
        return {**told, "began": self.began.isoformat(), "ended": self.ended.isoformat()}

    @classmethod
    def of(cls, told: dict[str, Any]) -> Take:
        """From ``backup.json``."""
        return cls(**told | {name: datetime.fromisoformat(told[name]) for name in ("began", "ended")})


class Target:
    """The backup folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def of(cls, settings: Settings) -> Target:
        """The folder of the settings, looked at.

        Raises:
            UsageError: none is set, or it lies inside the registry's home, or around it.
            ServiceMissing: it is not there (a file system that is not mounted, it may be).
        """
        if settings.backup_dir is None:
            raise UsageError("no backups are made: SISERI_BACKUP_DIR is not set")
        return cls.at(settings.backup_dir, settings.home)

    @classmethod
    def at(cls, path: Path, home: Path) -> Target:
        """As :meth:`of`, for a folder that is named."""
        one, other = Path(os.path.realpath(path)), Path(os.path.realpath(home))
        if one.is_relative_to(other) or other.is_relative_to(one):
            raise UsageError("SISERI_BACKUP_DIR must lie outside SISERI_HOME: what destroys one would destroy both")
        if not path.is_dir():
            raise BackupFailed(f"the backup folder {path} is not there: make it, or mount it")
        return cls(path)

    def line(self, name: str) -> Path:
        """The folder of a line."""
        return self.path / "lines" / name

    def wal(self, name: str) -> Path:
        """The log of a line."""
        return self.line(name) / "wal"

    def base(self, line: str) -> Path:
        """The base backups of a line."""
        return self.line(line) / "base"

    def folder_of(self, take: Take) -> Path:
        """Where a take lies."""
        return self.base(take.line) / take.name

    def takes(self) -> list[Take]:
        """Every whole base backup, the oldest first. What has no ``backup.json`` under its own name is none."""
        found = []
        for file in (self.path / "lines").glob("*/base/*/backup.json"):
            if file.parent.suffix != ".part":
                with contextlib.suppress(ValueError, TypeError, KeyError):
                    found.append(Take.of(json.loads(file.read_text(encoding="utf-8"))))
        return sorted(found, key=lambda one: one.ended)

    def archived_until(self, line: str) -> datetime | None:
        """Up to when the log of a line tells everything, to the second; ``None`` where there is none."""
        pieces = [path for path in self.wal(line).glob("*.gz") if len(path.name) == _PIECE]
        return datetime.fromtimestamp(written(max(pieces)), UTC) if pieces else None

    def system(self) -> str | None:
        """Whose registry lies here; ``None`` for nobody's yet."""
        try:
            return str(json.loads((self.path / "siseri.json").read_text(encoding="utf-8"))["system"])
        except FileNotFoundError:
            return None

    @contextlib.contextmanager
    def alone(self, what: str) -> Iterator[None]:
        """Only one of these at a time (``backup``, ``drill``). Raises UsageError where another is under way."""
        with told_of(self.path), (self.path / f"{what}.lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise UsageError(f"another {what} is under way") from error
            yield


@contextlib.contextmanager
def told_of(path: Path) -> Iterator[None]:
    """A backup folder that is full, read-only or gone is told as such."""
    try:
        yield
    except OSError as error:
        if isinstance(error, FileExistsError) or error.errno is None:
            raise
        raise BackupFailed(f"the backup folder {path} fails: {os.strerror(error.errno)}") from error


def system_of(data: Path) -> str:
    """PostgreSQL's identifier of the database in a data folder; a restored one keeps it."""
    with (data / "global" / "pg_control").open("rb") as file:
        return str(struct.unpack("=Q", file.read(8))[0])


def line_of(home: Path, target: Path) -> str | None:
    """The line that a home's log goes to in this folder; ``None`` where it has none."""
    try:
        told = json.loads((home / "backup.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return str(told["line"]) if told["target"] == str(target) else None


def begin_line(home: Path, path: Path, data: Path) -> str:
    """The home's line, begun where it has none in this folder.

    Raises:
        UsageError: the folder holds another registry's backups, or lies in the home.
        ServiceMissing: the folder is not there.
    """
    known = line_of(home, path)
    if known is not None:
        return known
    target = Target.at(path, home)
    mine = system_of(data)
    with told_of(path):
        if target.system() is None:
            write_whole(path / "siseri.json", json.dumps({"system": mine}).encode())
        if target.system() != mine:
            raise UsageError(f"the backup folder {path} holds the backups of another registry")
        line = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
        for folder in (target.wal(line), target.base(line)):
            folder.mkdir(parents=True, mode=0o700)
    write_whole(home / "backup.json", json.dumps({"line": line, "target": str(path)}).encode())
    return line


def server_settings(home: Path, path: Path, data: Path) -> dict[str, str]:
    """PostgreSQL's settings that send its log to the backup folder."""
    script = [sys.executable, "-I", "-S", str(WAL_SCRIPT), "keep"]
    folder = Target(path).wal(begin_line(home, path, data))
    command = f"{shlex.join(script).replace('%', '%%')} %p {shlex.quote(str(folder)).replace('%', '%%')}"
    return {
        "archive_mode": "on",
        "archive_command": command,
        "archive_timeout": f"{ARCHIVE_TIMEOUT_S}s",
        "wal_level": "replica",
    }


def keep_bytes(settings: Settings, sha256: str) -> None:
    """Put archived bytes into the backup folder, where there is one; they are on its disk when this returns.

    Raises:
        BackupFailed: they could not be put there.
    """
    if settings.backup_dir is None:
        return
    target = Target.of(settings)
    if not (place := target.path / "archive" / archive.under(sha256)).exists():
        with archive.at_hand(settings, sha256) as path, told_of(target.path):
            copy_whole(path, place, sha256)
        crash.reach("backup.bytes")


def keep_arrival(settings: Settings, arrival: Arrival) -> None:
    """Put the note of an arrival into the backup folder, where there is one. Raises as :func:`keep_bytes`."""
    if settings.backup_dir is None:
        return
    place = Target.of(settings).path / arrivals.FOLDER / arrivals.under(arrival.submission)
    if not place.exists():
        with told_of(settings.backup_dir):
            write_whole(place, arrival.as_json())


def copy_whole(source: Path, target: Path, sha256: str) -> None:
    """Copy a file, whole or not at all, flushed to the disk.

    Raises:
        BackupFailed: what was read is not what its hash says.
    """
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = target.with_name(f".{target.name}.{os.getpid()}.part")
    digest = hashlib.sha256()
    try:
        with source.open("rb") as read, os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT, 0o400), "wb") as write:
            while chunk := read.read(_CHUNK):
                digest.update(chunk)
                write.write(chunk)
            write.flush()
            os.fsync(write.fileno())
        if digest.hexdigest() != sha256:
            raise BackupFailed(f"the bytes of {sha256} are not those that were kept")
        fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)
    settle_folder(target.parent)
