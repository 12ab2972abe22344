"""Retention: answers in ``retour/`` go after ``report_days``, for they hold identities (outcomes.md).

The age of an answer counts in days of the registry, from the pass that first saw it there as it is now: one that is
delivered again begins anew. What is removed can be made again (``siseri_rerun``): the ledger and the archive stay.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import islice

import sql
from loaders.registry import depots, opened
from loaders.settings import Settings
from loaders.sftp import Entry, SftpClient, SftpRefused
from loaders.warehouse import Connection
from pipelines import declare
from pipelines.isolate import Troubles

log = logging.getLogger("siseri.retention")

FOLDERS = ("retour", "retour/essai")
#: Homes looked at together: what lies in them is in memory at once.
HOMES = 256
#: By an answer's digest: its modification time, and the day of the registry on which it was first seen so.
Kept = dict[bytes, tuple[int, date]]
#: Stay: a list that has a life of its own, scorecards that name nobody.
_STAYS = re.compile(rf"{re.escape(declare.NAME)}|bilan-[0-9]{{4}}-[0-9]{{2}}\.(csv|html)")
#: A notice stays as long as its physician may answer it, where that is longer.
_NOTICE = re.compile(r"depassement-[0-9]+-[A-Z_]+\.(json|html)")


def renew() -> dict[str, int]:
    """Look at every home and remove what is too old: a task's whole work. Counts only."""
    settings = Settings.load()
    with opened(settings) as registry, depots(registry) as client:
        troubles = Troubles()
        removed = remove_old(client, registry.connection, settings, troubles, everywhere=True)
    return {"removed": removed, "troubles": len(troubles)}


def remove_old(
    client: SftpClient, connection: Connection, settings: Settings, troubles: Troubles, *, everywhere: bool = False
) -> int:
    """Note what lies in ``retour/`` and remove what lay there too long.

    Args:
        troubles: gathers the accounts whose home could not be looked at now.
        everywhere: look at every home; else at those that this connection wrote into, and at every one on the first
            pass of a day of the registry.

    Returns:
        How many files were removed.
    """
    today = settings.registry_date()
    first = connection.execute(sql.query("retention", "looked_everywhere"), (today,)).fetchone()
    everywhere = everywhere or not (first and first[0])
    total = 0
    homes = connection.execute(sql.query("retention", "homes")).fetchall()
    chosen = iter([(partner_id, code) for partner_id, code in homes if everywhere or code in client.answered])
    while some := list(islice(chosen, HOMES)):
        codes = [code for _, code in some]
        listed = zip(*(client.listdirs(codes, folder) for folder in FOLDERS), strict=True)
        kept = _kept(connection, [partner_id for partner_id, _ in some])
        for (partner_id, code), folders in zip(some, listed, strict=True):
            with troubles.keep("retention", partner_id):
                total += _home(client, connection, settings, today, partner_id, code, folders, kept[partner_id])
    if everywhere:
        with connection.transaction():
            connection.execute(sql.query("retention", "removed"), ("PASSAGE", None, today, total))
    if total:
        log.info("answers removed after their time: %s", total)
    return total


def _kept(connection: Connection, partners: list[int]) -> dict[int, Kept]:
    """What is known of each account's answers."""
    kept: dict[int, Kept] = {partner_id: {} for partner_id in partners}
    for partner_id, digest, mtime, seen in connection.execute(sql.query("retention", "kept"), (partners,)).fetchall():
        kept[partner_id][bytes(digest)] = mtime, seen
    return kept


def _home(
    client: SftpClient,
    connection: Connection,
    settings: Settings,
    today: date,
    partner_id: int,
    code: str,
    folders: Sequence[list[Entry] | SftpRefused],
    kept: Kept,
) -> int:
    new, gone, there = [], [], set()
    for folder, entries in zip(FOLDERS, folders, strict=True):
        if isinstance(entries, SftpRefused):
            raise entries
        for entry in entries:
            if not entry.is_regular or _STAYS.fullmatch(entry.name) or entry.name.startswith("."):
                continue
            digest = _digest(folder, entry.name)
            mtime, seen = kept.get(digest, (None, today))
            if mtime != entry.mtime:
                seen = today
                new.append((partner_id, digest, entry.mtime, today))
            if seen < today - timedelta(days=_days(entry.name, settings)):
                client.remove(code, folder, entry.name)
                gone.append(digest)
            else:
                there.add(digest)
    forgotten = [digest for digest in kept if digest not in there]
    if new or forgotten:
        with connection.transaction(), connection.cursor() as cursor:
            cursor.executemany(sql.query("retention", "keep"), new)
            cursor.execute(sql.query("retention", "forget"), (partner_id, forgotten))
            if gone:
                cursor.execute(sql.query("retention", "removed"), ("RETOUR", partner_id, today, len(gone)))
    return len(gone)


def _days(name: str, settings: Settings) -> int:
    return max(settings.report_days, settings.conclusion_days if _NOTICE.fullmatch(name) else 0)


def _digest(folder: str, name: str) -> bytes:
    return hashlib.blake2b(f"{folder}/{name}".encode("utf-8", "surrogateescape"), digest_size=16).digest()
