"""Restore: a home of its own, with the database at an instant or at its last, the senders' bytes and their homes.

Everything is made beside the folder asked for, under another name, and renamed at the end: what has the name is whole.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import hashlib
import json
import os
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sql
from loaders import archive, arrivals, crash
from loaders.backups import WAL_SCRIPT, Take, Target
from loaders.errors import ServiceMissing, UsageError
from loaders.postgres_server import PostgresServer, major_version, write_private
from loaders.secrets import KeyFiles, RegistryKey
from loaders.services import running, sweep
from loaders.settings import PARIS, Settings
from loaders.warehouse import Warehouse, key_check
from loaders.whole_files import settle_folder, write_whole
from pipelines.backup import homes

LAST = "last"
RECOVERY_LIMIT_S = 6 * 3600
_BEYOND = "recovery ended before configured recovery target was reached"
_CHUNK = 8 << 20


def instant_of(told: str) -> datetime | None:
    """The instant that a person asked for, in Paris where no zone is told; ``None``: the last one.

    Raises:
        UsageError: it is none, or lies ahead.
    """
    if told == LAST:
        return None
    try:
        found = datetime.fromisoformat(told)
    except ValueError as error:
        raise UsageError(f"--to takes 'last' or an instant such as 2026-11-25T14:30:00+01:00, not {told!r}") from error
    found = found if found.tzinfo else found.replace(tzinfo=PARIS)
    if found > datetime.now(UTC):
        raise UsageError("the instant lies ahead: nothing can be restored to it")
    return found


def chosen(target: Target, instant: datetime | None, base: str | None, wal: Sequence[Path] = ()) -> Take:
    """The backup that leads to an instant: the newest that ended before it, or the one that is named.

    Raises:
        UsageError: there is none, or the log in the backup folder does not reach so far.
    """
    takes = target.takes()
    if not takes:
        raise UsageError(f"there is no whole backup in {target.path}")
    if base is not None:
        named = [one for one in takes if one.name == base]
        if not named:
            raise UsageError(f"there is no backup {base}: see 'siseri backup list'")
        takes = named
    if instant is None:
        return takes[-1]
    before = [one for one in takes if one.ended <= instant]
    if not before:
        raise UsageError(
            f"the instant lies before the oldest backup, which can be brought to {takes[0].ended} at first"
        )
    until = reaches(target, before[-1])
    if not wal and until < instant:
        raise UsageError(f"the log in the backup folder ends at {until}: choose an instant up to then, or 'last'")
    return before[-1]


def reaches(target: Target, take: Take) -> datetime:
    """The last instant that a backup leads to for certain, with what is in the backup folder."""
    return max(filter(None, (take.ended, target.archived_until(take.line))))


def restore(
    settings: Settings,
    folder: Path,
    instant: datetime | None,
    *,
    base: str | None = None,
    key: Path | None = None,
    wal: Sequence[Path] = (),
    bytes_too: bool | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Make a home at an instant (``None``: the last that the log knows).

    Args:
        base: the backup to begin from, where it is not to be chosen.
        key: the registry's key file, brought from where it is kept; else the settings' own, where it is there.
        bytes_too: whether the archive is restored into the home; else where it is a folder of the home anyway.
        wal: folders that may hold later pieces of the log (``postgres/pg_wal`` of the home that was lost).

    Returns:
        ``dossier``, ``sauvegarde``, ``instant`` (that of the last load), ``depot`` (the ledger's highest number),
        ``octets_abimes`` (hashes of archived files whose copy is not what it was: not restored), ``cle`` (whether the
        key is in place).

    Raises:
        UsageError: the folder is occupied, the instant cannot be reached, the backup is damaged, the key is another's.
        ServiceMissing: no space, or the database does not start.
    """
    target = Target.of(settings)
    for one in wal:
        if not one.is_dir():
            raise UsageError(f"{one} is no folder of pieces of the log")
    _free(folder, target)
    take = chosen(target, instant, base, wal)
    bytes_too = settings.archive_url is None if bytes_too is None else bytes_too
    key = key or (settings.key_file if settings.key_file.is_file() else None)
    _same_version(target.folder_of(take) / "postgres")
    _space(folder.parent, target, take)
    work = folder.parent / f".{folder.name}.restoring"
    try:
        with _alone(work):
            told = _restored(settings, target, take, instant, key, wal, work, bytes_too, say)
            crash.reach("restore.complete")
            work.rename(folder)  # an empty folder of that name gives way
            settle_folder(folder.parent)
    except OSError as error:  # a copy of many files gathers its errors: the first says enough
        why = error.args[0][0][2] if isinstance(error, shutil.Error) else os.strerror(error.errno or 0)
        raise ServiceMissing(f"{folder} cannot be restored: {why}") from error
    return {"dossier": str(folder), **told}


@contextlib.contextmanager
def _alone(work: Path) -> Iterator[None]:
    """Make the folder that is worked in, rid of what a killed restoration left there.

    Raises:
        UsageError: another restoration to this place is under way.
    """
    with work.with_suffix(".lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(f"another restoration into {work.parent} under this name is under way") from error
        try:
            clear(work)
            work.mkdir(mode=0o700)
            yield
        finally:
            clear(work)
            work.with_suffix(".lock").unlink(missing_ok=True)


def clear(work: Path) -> None:
    """Remove a home, once no server runs on it."""
    if work.is_dir():
        if (work / "run").is_dir():
            sweep(work)
        PostgresServer(work).stop()
        shutil.rmtree(work)


def _free(folder: Path, target: Target) -> None:
    """Raises UsageError where something lies there already, or where the backup itself would be written into."""
    one, other = Path(os.path.realpath(folder)), Path(os.path.realpath(target.path))
    if one.is_relative_to(other) or other.is_relative_to(one):
        raise UsageError("a registry is not restored into its backup folder")
    if folder.is_symlink() or (folder.exists() and (not folder.is_dir() or any(folder.iterdir()))):
        raise UsageError(f"{folder} is not empty: restore into a folder that is not there yet")


def _same_version(base: Path) -> None:
    """Raises UsageError where the backup's files are those of another major version of PostgreSQL."""
    theirs, ours = (base / "PG_VERSION").read_text(encoding="utf-8").strip(), major_version()
    if theirs != ours:
        raise UsageError(
            f"the backup is of PostgreSQL {theirs} and this is {ours}: restore it with the software that made it"
        )


def _space(parent: Path, target: Target, take: Take) -> None:
    """Raises where the disk is not there or cannot hold what will be written, its log not reckoned."""
    if not parent.is_dir():
        raise UsageError(f"{parent} is not there")
    archived = sum(path.stat().st_size for path in (target.path / "archive").rglob("*") if path.is_file())
    free = shutil.disk_usage(parent).free
    if free < (wanted := take.size + archived):
        raise ServiceMissing(f"{parent} has {free >> 20} MB free, and the registry needs {wanted >> 20} MB")


def _restored(
    settings: Settings,
    target: Target,
    take: Take,
    instant: datetime | None,
    key: Path | None,
    wal: Sequence[Path],
    work: Path,
    bytes_too: bool,
    say: Callable[[str], None],
) -> dict[str, Any]:
    server = PostgresServer(work)
    say(f"base backup {take.name}")
    _copy_base(target.folder_of(take) / "postgres", server)
    crash.reach("restore.copied")
    say("log")
    recover(server, [target.wal(take.line), *wal], instant)
    server.stop()
    server.set_password()
    crash.reach("restore.recovered")
    if key is not None:
        _bring_key(key, work)
    home = dataclasses.replace(
        Settings.load({"SISERI_HOME": str(work)}, root=work), max_bytes=settings.max_bytes, today=settings.today
    )
    with running(home, sftp=False) as services:
        warehouse = Warehouse(home, services.database_url)
        with warehouse.admin() as admin:
            check = key_check(admin)
            if key is not None:
                _right_key(home.key_file, check)
            last = admin.execute(sql.query("backup", "reached")).fetchone()
        assert last is not None
        if key is not None:
            say("roles")
            warehouse.initialise()
    say("archive")
    damaged = _bring_archive(target, work) if bytes_too else []
    if take.homes:
        say("senders' homes")
        homes.restore(target.folder_of(take), work)
    told = {
        "sauvegarde": take.name,
        "instant": last[0].isoformat() if last[0] else None,
        "depot": last[1],
        "octets_abimes": damaged,
        "cle": key is not None,
    }
    facts = {**told, "homes_at": take.began.isoformat() if take.homes else None, "told_again_at": None}
    write_whole(work / "restored.json", json.dumps(facts, indent=1).encode())
    return told


def _copy_base(base: Path, server: PostgresServer) -> None:
    """Copy the files of a base backup and hold them against their manifest."""
    shutil.copytree(base, server.data, copy_function=_copy)
    _own(base, server.data)
    server.data.chmod(0o700)
    checked = server.run("pg_verifybackup", "--quiet", str(server.data))
    if checked.returncode != 0:
        wrong = [line for line in checked.stderr.splitlines() if line.strip()]
        raise UsageError(
            f"the backup {base.parent.name} is damaged ({wrong[0].partition('error: ')[2] if wrong else 'no message'}):"
            " begin from another with --base (see 'siseri backup list')"
        )


def _copy(source: str, target: str) -> None:
    shutil.copy2(source, target)
    _own(Path(source), Path(target))


def _own(source: Path, target: Path) -> None:
    """Root keeps whose files they are: the server runs as their owner."""
    if os.geteuid() == 0:
        told = source.stat()
        os.chown(target, told.st_uid, told.st_gid)


def recover(server: PostgresServer, wal: Sequence[Path], instant: datetime | None) -> None:
    """Let a restored database take in its log up to an instant, or to its end.

    Raises:
        UsageError: a piece of the log is damaged, or missing between others.
        ServiceMissing: PostgreSQL gave up for another reason.
    """
    reason = server.home / "log" / "recovery"
    command = [sys.executable, "-I", "-S", str(WAL_SCRIPT), "fetch"]
    told = {
        "restore_command": f"{_quoted(command)} %f %p {_quoted([str(one) for one in (reason, *wal)])}",
        "recovery_target_action": "promote",
    }
    if instant is not None:
        aimed = {"recovery_target_time": instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f+00")}
        if server.recover(told | aimed, RECOVERY_LIMIT_S):
            return
        if reason.exists() or _BEYOND not in server.log.read_text(encoding="utf-8", errors="replace"):
            _gave_up(server, reason)
        # Nothing was committed between the instant and the end of the log, which reaches beyond it.
    if not server.recover(told, RECOVERY_LIMIT_S):
        _gave_up(server, reason)


def _quoted(words: Sequence[str]) -> str:
    return shlex.join(words).replace("%", "%%")


def _gave_up(server: PostgresServer, reason: Path) -> None:
    if reason.exists():
        raise UsageError(f"nothing was restored: {reason.read_text(encoding='utf-8')}")
    lines = server.log.read_text(encoding="utf-8", errors="replace").splitlines() if server.log.exists() else []
    fatal = [line for line in lines if "FATAL" in line or "PANIC" in line]
    raise ServiceMissing(f"the restored database does not start: {(fatal or lines or ['no message'])[-1]}")


def _bring_key(key: Path, work: Path) -> None:
    """Put the registry's key into the restored home, with the secret of the pseudonyms where there is one."""
    places = KeyFiles(key)
    for source in (places.path, places.next, places.old, key.with_name(f"{key.name}.pseudonyms")):
        with contextlib.suppress(FileNotFoundError):
            _private_copy(source, work / "keys" / source.name.replace(key.name, "registry.key", 1))


def _private_copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    secret = source.read_bytes()
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secret)


def _right_key(key: Path, check: str | None) -> None:
    """Raises UsageError where the database was filled under another key than the one brought."""
    RegistryKey.load(key, check)


def _bring_archive(target: Target, work: Path) -> list[str]:
    """Copy bytes and arrivals back, each held against its hash; the hashes of those that are damaged, and left out."""
    damaged = []
    for source in sorted((target.path / "archive").rglob("*")):
        if not source.is_file() or source.name.startswith("."):
            continue
        place = work / "archive" / archive.under(source.name)
        if not _same_bytes(source, place):
            damaged.append(source.name)
    for source in sorted((target.path / arrivals.FOLDER).rglob("*.json")):
        if not source.name.startswith("."):
            place = work / arrivals.FOLDER / arrivals.under(int(source.stem))
            write_private(place, source.read_text(encoding="utf-8"))
    return damaged


def _same_bytes(source: Path, target: Path) -> bool:
    """Copy a file whose name is its hash; whether it still is."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    digest = hashlib.sha256()
    with source.open("rb") as read, target.open("wb") as write:
        while chunk := read.read(_CHUNK):
            digest.update(chunk)
            write.write(chunk)
        write.flush()
        os.fsync(write.fileno())
    target.chmod(0o400)
    if digest.hexdigest() == source.name:
        return True
    target.unlink()
    return False
