"""Replay: what came after the instant that a database was brought back to, from the archive; and what was told since.

The archive is ahead of such a database: it holds bytes and arrivals that the ledger does not know. They enter again
under their own number, drop and hour, pass by pass in the order of their arrival, each pass on its own registry day, so
that the corridor sees what it saw then and the receipts stay true. What people decided meanwhile is in no file and does
not come back; neither do accounts that were opened meanwhile: those are asked for.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import sql
from loaders import archive, arrivals, crash
from loaders.arrivals import Arrival
from loaders.errors import UsageError
from loaders.registry import Registry, depots, opened
from loaders.settings import Settings
from loaders.sftp import SftpClient
from loaders.warehouse import REPLAY, Connection, alone
from loaders.whole_files import write_whole
from pipelines.answer import answer_again
from pipelines.collect import answer_stem, receipt_json
from pipelines.sweep import Pass, pending, sweep
from schemas.roles import RECEIVERS


def replay(settings: Settings, say: Callable[[str], None] = lambda line: None) -> dict[str, Any]:
    """Let the files that the archive knows and the ledger does not enter again; deliver again what homes have lost.

    Safe to run again, also after a kill. Without anything to do it does nothing.

    Returns:
        ``passages``, ``fichiers``, ``sans_octets`` (numbers of files whose bytes are not there as they were),
        ``reponses`` (answered again because the senders' homes are older), ``incidents``, ``difficultes``.

    Raises:
        UsageError: a file's sender has no account, or its number is another file's, or another replay is under way.
    """
    facts: dict[str, Any] = {
        "passages": 0,
        "fichiers": 0,
        "sans_octets": [],
        "reponses": 0,
        "incidents": 0,
        "difficultes": 0,
    }
    with (
        opened(settings) as registry,
        depots(registry) as client,
        closing(registry.warehouse.admin()) as admin,
        ExitStack() as alone_here,
    ):
        admin.autocommit = True
        only = alone_here.enter_context(alone(admin, REPLAY, 0, patience_s=0))
        if not only:
            raise UsageError("another replay is under way")
        missing = orphans(settings, admin)
        _known_senders(admin, missing)
        homes = _homes_since(settings)
        if homes is not None:
            say("answers since the copy of the homes")
            facts["reponses"] = _tell_again(client, registry, admin, settings, homes)
        if missing or homes is not None:
            _swept(facts, client, registry, _on_the_day_of_what_waits(admin, settings))
        if homes is not None:
            _note_told_again(settings)
        for _, of_pass in groupby(missing, key=lambda one: one.passage):
            group = list(of_pass)
            say(f"{len(group)} file(s) of {group[0].received_at:%Y-%m-%d %H:%M}")
            day = dataclasses.replace(settings, today=group[0].registry_date)
            facts["sans_octets"] += [
                one.submission for one in group if not archive.sound(settings, one.sha256, one.size)
            ]
            _enter(admin, group)
            for one in group:
                _left_its_depot(client, registry.connection, settings, one)
            crash.reach("replay.entered")
            _swept(facts, client, registry, day)
            crash.reach("replay.swept")
            facts["passages"] += 1
            facts["fichiers"] += len(group)
    return facts


def orphans(settings: Settings, admin: Connection) -> list[Arrival]:
    """The arrivals that the ledger does not know, by pass and number.

    Raises:
        UsageError: the ledger has another file under the number of one.
    """
    known = {number: sha256 for number, sha256, _ in admin.execute(sql.query("backup", "known")).fetchall()}
    missing = []
    for one in arrivals.every(settings):
        if one.submission not in known:
            missing.append(one)
        elif known[one.submission] != one.sha256:
            raise UsageError(
                f"the number {one.submission} is another file's in the ledger than in the archive: two registries have"
                " used one archive, and which is right must be settled by hand"
            )
    return sorted(missing, key=lambda one: (one.passage, one.submission))


def _known_senders(admin: Connection, missing: list[Arrival]) -> None:
    codes = sorted({one.partner for one in missing})
    unknown = [code for code in codes if admin.execute(sql.query("backup", "partner"), (code,)).fetchone() is None]
    if unknown:
        raise UsageError(
            f"accounts opened after the instant sent files: {', '.join(unknown)}. Open them ('siseri partner add'),"
            " then replay again"
        )


def _homes_since(settings: Settings) -> datetime | None:
    """When the senders' homes of this restored registry were copied; ``None`` where nothing in them is to be mended."""
    try:
        told = json.loads((settings.home / "restored.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return datetime.fromisoformat(told["homes_at"]) if told["homes_at"] and not told["told_again_at"] else None


def _note_told_again(settings: Settings) -> None:
    place = settings.home / "restored.json"
    told = json.loads(place.read_text(encoding="utf-8"))
    told["told_again_at"] = datetime.now(UTC).isoformat()
    write_whole(place, json.dumps(told, indent=1).encode())


def _tell_again(client: SftpClient, registry: Registry, admin: Connection, settings: Settings, since: datetime) -> int:
    """Make owed again, or deliver at once, what was delivered after the homes were copied; how many files answered."""
    homes = set(client.homes())
    everybody = {"today": settings.registry_date(), "only": None}
    for _, code, role in admin.execute(sql.query("collect", "partners"), everybody).fetchall():
        if code not in homes:
            client.make_home(code, depot=role not in RECEIVERS)
    for one in arrivals.every(settings):
        known = admin.execute(sql.query("collect", "entered"), (one.submission,)).fetchone()
        if one.received_at >= since and known is not None:
            _left_its_depot(client, registry.connection, settings, one)
    told = admin.execute(sql.query("backup", "answered_since"), (since, since)).fetchall()
    with admin.transaction():
        for name in ("notices", "questions", "declarations", "editions"):
            admin.execute(sql.query("backup", f"{name}_owed_again"), (since,))
        # A month's lists and results are made as of now: they may hold more than the ones that were lost.
        admin.execute(sql.query("backup", "lists_owed_again"), (since, settings.registry_date()))
        admin.execute(sql.query("backup", "look_again"))
    for (submission,) in told:
        answer_again(client, registry.connection, settings, submission)
    return len(told)


def _on_the_day_of_what_waits(admin: Connection, settings: Settings) -> Settings:
    """The settings on the day of what a pass had left to integrate when the database was cut off, or of today."""
    row = admin.execute(sql.query("backup", "pending_day")).fetchone()
    return dataclasses.replace(settings, today=row[0]) if row and row[0] else settings


def _enter(admin: Connection, group: list[Arrival]) -> None:
    """Put the files of a pass into the ledger, under their own numbers."""
    with admin.transaction():
        for one in group:
            partner = admin.execute(sql.query("backup", "partner"), (one.partner,)).fetchone()
            assert partner is not None
            told = dataclasses.asdict(one) | {"partner": partner[0]}
            admin.execute(sql.query("backup", "enter_again"), told)
        admin.execute(sql.query("backup", "beyond"), (max(one.submission for one in group),))


def _left_its_depot(client: SftpClient, connection: Connection, settings: Settings, one: Arrival) -> None:
    """Leave a sender's home as the pass that took the file had left it: receipt there, file moved."""
    stem = answer_stem(one.name, one.number)
    client.put(one.partner, "retour", f"{stem}.ar.json", receipt_json(connection, one.submission))
    same = client.exists(one.partner, "depot", one.name) and client.look(one.partner, "depot", one.name) == (
        *(one.size, one.mtime),
    )
    if same:
        client.remove(one.partner, "depot", f"{one.name}.ok")
        client.move(one.partner, "depot", one.name, "archive", stem)
        client.take_over(one.partner, "archive", stem)
    elif not client.exists(one.partner, "archive", stem) and archive.holds(settings, one.sha256):
        with archive.at_hand(settings, one.sha256) as path:
            client.put(one.partner, "archive", stem, path)


def _swept(facts: dict[str, Any], client: SftpClient, registry: Registry, day: Settings) -> None:
    done: Pass = sweep(client, registry, day, [number for number, _, _ in pending(registry.connection)])
    facts["incidents"] += len(done.incidents)
    facts["difficultes"] += len(done.troubles)
