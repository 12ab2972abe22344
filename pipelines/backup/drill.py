"""The drill: restore into a folder of its own, verify, hold against the living registry, and take it all away again.

A backup that was never restored is a hope. The drill changes nothing in the registry, its backups or its senders'
homes: the restored one has its own database and SFTP server, and nobody else's address.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sql
from loaders.backups import Target, told_of
from loaders.barrier import archived, wal_folder
from loaders.errors import UsageError
from loaders.registry import opened
from loaders.settings import Settings
from loaders.warehouse import Connection
from loaders.whole_files import write_whole
from pipelines.backup.replay import replay
from pipelines.backup.restore import chosen, clear, restore
from pipelines.backup.take import embedded
from pipelines.verify import verify

#: What a drill's folder ends in, so that no other is ever taken for one.
_ENDING = ".exercice"


def drill(
    settings: Settings,
    instant: datetime | None = None,
    inside: Path | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Restore, verify, compare, replay what came after an earlier instant, verify again, remove.

    Args:
        instant: the one to restore to; the last where none is given.
        inside: where the restored home lies meanwhile; else under the registry's own.

    Returns:
        ``sauvegarde``, ``instant``, ``ecarts`` (what differs from the living registry as it was at that instant),
        ``invariants`` (those that do not hold, after restoring or after replaying), ``rejoues``, ``octets_abimes``,
        ``secondes`` by step, ``reussi``.
    """
    embedded(settings)
    target = Target.of(settings)
    inside = inside or settings.folder("exercice")
    with opened(settings, sftp=False, profile="gate") as registry, closing(registry.warehouse.admin()) as admin:
        admin.autocommit = True
        archived(admin, settings)
        line = wal_folder(admin, settings).parent.name
    if chosen(target, instant, None).line != line:
        raise UsageError("no backup leads to this registry since it was restored: run 'siseri backup take' first")
    folder = inside / f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}{_ENDING}"
    with target.alone("drill"):
        for left in inside.glob(f"*{_ENDING}*"):  # of a drill that was killed, hidden or not
            left.unlink() if left.is_file() else clear(left)
        try:
            facts = _drilled(settings, folder, instant, say)
        finally:
            clear(folder)
    with told_of(target.path):
        place = target.path / "exercices" / f"{folder.stem}.json"
        write_whole(place, json.dumps(facts, indent=1).encode())
    return facts


def _drilled(settings: Settings, folder: Path, instant: datetime | None, say: Callable[[str], None]) -> dict[str, Any]:
    spent: dict[str, float] = {}
    began = time.perf_counter()

    def passed(step: str) -> None:
        nonlocal began
        spent[step], began = round(time.perf_counter() - began, 2), time.perf_counter()

    told = restore(settings, folder, instant, key=settings.key_file, bytes_too=True, say=say)
    passed("restauration")
    home = dataclasses.replace(Settings.load({"SISERI_HOME": str(folder)}, root=folder), today=settings.today)
    broken, last, here = _judged(home)
    passed("verification")
    say("comparison")
    with opened(settings, sftp=False, profile="gate") as registry, closing(registry.warehouse.admin()) as admin:
        there = figures(admin, last)
    passed("comparaison")
    replayed = 0
    if instant is not None:
        say("replay")
        replayed = replay(home, say)["fichiers"]
        broken += _judged(home)[0]
        passed("rejeu")
    differing = sorted(name for name in here.keys() | there.keys() if here.get(name) != there.get(name))
    return {
        "sauvegarde": told["sauvegarde"],
        "instant": told["instant"],
        "ecarts": differing,
        "invariants": broken,
        "rejoues": replayed,
        "octets_abimes": told["octets_abimes"],
        "secondes": spent,
        "reussi": not differing and not broken and not told["octets_abimes"],
    }


def _judged(home: Settings) -> tuple[list[str], int, dict[str, tuple[int, int]]]:
    """The invariants that do not hold in a restored home, its last load, its figures."""
    with opened(home, sftp=False, profile="analyst") as registry, closing(registry.warehouse.admin()) as admin:
        broken = [one.invariant for one in verify(registry.connection, home) if not one.held]
        row = admin.execute(sql.query("backup", "last_load")).fetchone()
        last = int(row[0]) if row else 0
        return broken, last, figures(admin, last)


def figures(admin: Connection, load: int) -> dict[str, tuple[int, int]]:
    """Rows and sums of what was in force at a load, by kind."""
    rows = admin.execute(sql.query("backup", "figures"), {"load": load}).fetchall()
    return {name: (int(count), int(total)) for name, count, total in rows}
