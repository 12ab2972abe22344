"""Take a backup: senders' homes, bytes and arrivals, then the database, verified; then forget the oldest.

A backup is made under ``<name>.part`` and gets its name when ``backup.json``, its last file, is on the disk: one that
was killed or met a full disk is never listed, and the next one removes it.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg

import sql
from loaders import archive, arrivals, backups, crash
from loaders.arrivals import Arrival
from loaders.backups import BackupFailed, Take, Target, told_of
from loaders.barrier import archived, wal_folder
from loaders.errors import UsageError
from loaders.postgres_server import PostgresServer
from loaders.registry import opened
from loaders.settings import Settings
from loaders.whole_files import settle_folder, write_whole
from pipelines.backup import homes
from pipelines.backup.restore import reaches

#: A piece of the log that the backup needs is named so, beside names of parts and histories.
_PIECE = 24


def take(settings: Settings, say: Callable[[str], None] = lambda line: None) -> dict[str, Any]:
    """Take one backup now.

    Returns:
        The backup as it is listed, with ``retirees``: how many old ones were removed.

    Raises:
        UsageError: no backup folder is set, or the database is the site's own, or another backup is under way.
        BackupFailed: the folder is full, read-only or gone; nothing half made is listed.
    """
    embedded(settings)
    target = Target.of(settings)
    with opened(settings, sftp=False, profile="gate") as registry, registry.warehouse.admin() as admin:
        admin.autocommit = True
        with target.alone("backup"), told_of(target.path):
            line = wal_folder(admin, settings).parent.name
            _tidy(target)
            made = _made(settings, target, line, admin, say)
            crash.reach("backup.whole")
            forgotten = _forget(target, settings.backup_keep)
            _forget_bytes(target, admin)
    return _listed(made, reaches(target, made)) | {"retirees": forgotten}


def renew() -> dict[str, int] | None:
    """A task's whole work: take a backup where one is made. Counts only."""
    settings = Settings.load()
    if settings.backup_dir is None or settings.database_url is not None:
        return None
    made = take(settings)
    return {"bytes": int(made["octets"]), "forgotten": int(made["retirees"])}


def embedded(settings: Settings) -> None:
    """Raises UsageError where the database is the site's own: its administrator backs it up."""
    if settings.database_url is not None:
        raise UsageError(
            "the database is the site's own (SISERI_DATABASE_URL): its base backups, its log and their restoration are"
            " those of its administrator (pgBackRest, Barman); after a restoration run 'siseri backup replay'"
        )


def _made(
    settings: Settings, target: Target, line: str, admin: psycopg.Connection[Any], say: Callable[[str], None]
) -> Take:
    """The backup under its own name."""
    began = datetime.now(UTC)
    name = f"{began:%Y%m%dT%H%M%S%fZ}"
    whole = target.base(line) / name
    part = whole.with_suffix(".part")
    try:
        part.mkdir(mode=0o700)
        crash.reach("backup.begun")
        say("senders' homes")
        with_homes = settings.sftp_url is None
        if with_homes:
            before = [target.folder_of(one) / homes.FOLDER for one in target.takes() if one.homes]
            homes.copy(settings.home, part, before[-1] if before else None)
        crash.reach("backup.homes")
        say("bytes and arrivals")
        _bytes(settings, target, admin)
        say("database")
        # What the log tells up to here is safe before the copy begins, and again when it is made.
        archived(admin, settings)
        size = _base(settings, part / "postgres")
        crash.reach("backup.based")
        say("verification")
        server = PostgresServer(settings.home)
        checked = server.run("pg_verifybackup", "--quiet", str(part / "postgres"))
        if checked.returncode != 0:
            raise BackupFailed("the backup that was just made does not verify: is the folder's disk sound?")
        last = archived(admin, settings)
        made = Take(
            name=name, line=line, began=began, ended=datetime.now(UTC), first_wal=_first_wal(part / "postgres"),
            last_wal=last, size=size, homes=with_homes, submission=_number(admin, "last_submission"),
            server=_version(admin),
        )  # fmt: skip
        write_whole(part / "backup.json", json.dumps(made.as_json(), indent=1).encode())
        crash.reach("backup.complete")
        part.rename(whole)
        settle_folder(whole.parent)
    except BaseException:
        with contextlib.suppress(OSError):
            shutil.rmtree(part)
        raise
    return made


def _base(settings: Settings, folder: Path) -> int:
    """Copy the living database's files; bytes copied."""
    server = PostgresServer(settings.home)
    done = server.run(
        "pg_basebackup", "--pgdata", str(folder), "--format=plain", "--wal-method=stream", "--checkpoint=fast",
        "--manifest-checksums=SHA256", "--no-password",
    )  # fmt: skip
    if done.returncode != 0:
        if "No space left" in done.stderr:
            raise BackupFailed(f"the backup folder {settings.backup_dir} is full")
        raise BackupFailed(f"the database could not be copied: {[*done.stderr.splitlines(), 'no message'][0]}")
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _first_wal(base: Path) -> str:
    """The first piece of the log that a base backup needs, as its label tells."""
    label = (base / "backup_label").read_text(encoding="utf-8")
    return label.partition("(file ")[2][:_PIECE]


def _bytes(settings: Settings, target: Target, admin: psycopg.Connection[Any]) -> None:
    """Whatever the backup folder lacks of the archive: files that came before it was set, copies that were lost."""
    for (sha256,) in admin.execute(sql.query("backup", "bytes_wanted")).fetchall():
        if archive.holds(settings, sha256):  # what is not there is told by verify, and stops no backup
            backups.keep_bytes(settings, sha256)
    for row in admin.execute(sql.query("backup", "arrivals"), (0,)).fetchall():
        if not (target.path / arrivals.FOLDER / arrivals.under(row[0])).exists():
            known = arrivals.read(settings, row[0])
            if known is None:
                known = Arrival(*row)
                arrivals.note(settings, known)
            backups.keep_arrival(settings, known)


def _tidy(target: Target) -> None:
    """Remove what killed backups left."""
    for left in (target.path / "lines").glob("*/base/*.part"):
        shutil.rmtree(left)


def _forget(target: Target, keep: int) -> int:
    """Remove all but the newest backups, and the log that only they needed; how many went.

    Each loses its name first: one that a kill leaves without some of its files is not listed.
    """
    takes = target.takes()
    old, kept = takes[:-keep], takes[-keep:]
    for one in old:
        folder = target.folder_of(one)
        left = folder.with_suffix(".part")
        folder.rename(left)
        crash.reach("backup.forgotten")
        shutil.rmtree(left)
    for folder in (target.path / "lines").iterdir():
        mine = [one.first_wal for one in kept if one.line == folder.name]
        if mine:
            _forget_log(folder / "wal", min(mine))
        elif old and folder.name < kept[0].line:  # a life that no backup of today leads to
            shutil.rmtree(folder)
    return len(old)


def _forget_log(wal: Path, first: str) -> None:
    """Remove the pieces before the first that is needed, whatever timeline they are of."""
    for path in wal.glob("*.gz"):
        name = path.name.partition(".")[0]
        if len(name) == _PIECE and name[8:] < first[8:]:
            path.unlink()


def _forget_bytes(target: Target, admin: psycopg.Connection[Any]) -> None:
    """Remove the bytes that had their time before the oldest backup: none that is kept knows them as there."""
    oldest: date = min(one.began for one in target.takes()).date()
    for (sha256,) in admin.execute(sql.query("backup", "bytes_gone"), (oldest,)).fetchall():
        (target.path / "archive" / archive.under(sha256)).unlink(missing_ok=True)


def _number(admin: psycopg.Connection[Any], name: str) -> int:
    row = admin.execute(sql.query("backup", name)).fetchone()
    assert row is not None
    return int(row[0])


def _version(admin: psycopg.Connection[Any]) -> str:
    return str(admin.info.parameter_status("server_version"))


def listing(settings: Settings) -> list[dict[str, Any]]:
    """Every whole backup, the oldest first: ``nom``, ``ligne``, ``debut``, ``fin``, ``jusqu_a``, ``octets``, ``depot``,
    ``journal``, ``postgresql``.

    ``fin`` is the first instant that it can be brought to, ``jusqu_a`` the last that is safe in the backup folder by
    itself; ``depot`` is the ledger's highest number, ``journal`` the first and the last piece of the log that it needs.
    """
    target = Target.of(settings)
    takes = target.takes()
    return [_listed(one, reaches(target, one)) for one in takes]


def _listed(one: Take, until: datetime) -> dict[str, Any]:
    return {
        "nom": one.name,
        "ligne": one.line,
        "debut": one.began.isoformat(timespec="seconds"),
        "fin": one.ended.isoformat(),
        "jusqu_a": until.isoformat(),
        "octets": one.size,
        "depot": one.submission,
        "journal": [one.first_wal, one.last_wal],
        "postgresql": one.server,
    }


def state(settings: Settings) -> dict[str, Any]:
    """How the archiving of the living database's log stands."""
    embedded(settings)
    Target.of(settings)
    with opened(settings, sftp=False, profile="gate") as registry, registry.warehouse.admin() as admin:
        admin.autocommit = True
        folder = wal_folder(admin, settings)
        row = admin.execute(sql.query("backup", "archiver")).fetchone()
    assert row is not None
    count, last, when, failures, failed = row
    return {
        "ligne": folder.parent.name,
        "archives": count,
        "dernier": last,
        "dernier_le": when.isoformat() if when else None,
        "echecs": failures,
        "dernier_echec": failed.isoformat() if failed else None,
        "sauvegardes": len(Target.of(settings).takes()),
    }
