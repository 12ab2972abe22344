"""Retention of answers: those in ``retour/`` go after ``report_days``, for they hold identities (outcomes.md), and so
do trials. The other rules stand in :mod:`pipelines.expiry`.

The age of an answer counts in days of the registry, from the pass that first saw it there as it is now: one that is
delivered again begins anew. What is removed can be made again (``siseri_rerun``): the ledger and the archive stay.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import sql
from loaders import crash
from loaders.settings import Settings
from loaders.sftp import SftpClient
from loaders.warehouse import Connection
from pipelines import declare
from pipelines.isolate import Troubles
from schemas.envelope import NOTICE, SUFFIX

log = logging.getLogger("siseri.retention")

#: A trial leaves nothing: what was sent goes with its answers.
TRIALS = ("retour/essai", "archive/essai")
FOLDERS = ("retour", *TRIALS)
#: Stay: a list that has a life of its own, scorecards that name nobody, the keys in use.
_STAYS = re.compile(rf"{re.escape(declare.NAME)}|bilan-[0-9]{{4}}-[0-9]{{2}}\.(csv|html)|{re.escape(NOTICE)}")
#: A notice stays as long as its physician may answer it, where that is longer.
_NOTICE = re.compile(r"depassement-[0-9]+-[A-Z_]+\.(json|html)")


def remove_old(
    client: SftpClient,
    connection: Connection,
    settings: Settings,
    troubles: Troubles,
    *,
    everywhere: bool = False,
    folders: Sequence[str] = FOLDERS,
    preview: bool = False,
) -> int:
    """Note what lies in ``retour/`` and among the trials, and remove what lay there too long.

    Args:
        troubles: gathers the accounts whose home could not be looked at now.
        everywhere: look at every home; else at those that this connection wrote into, and at every one on the first
            pass of a day of the registry.
        folders: remove from these; the others are only noted.
        preview: change nothing.

    Returns:
        How many files were removed, or would be.
    """
    today = settings.registry_date()
    first = connection.execute(sql.query("retention", "looked_everywhere"), (today,)).fetchone()
    everywhere = everywhere or not (first and first[0])
    total = 0
    for partner_id, code in connection.execute(sql.query("retention", "homes")).fetchall():
        if everywhere or code in client.answered:
            with troubles.keep("retention", partner_id):
                home = _Home(partner_id, code, folders, preview)
                total += _home(client, connection, settings, today, home)
    if preview:
        return total
    if everywhere:
        with connection.transaction():
            connection.execute(sql.query("retention", "removed"), ("PASSAGE", None, today, total))
    if total:
        log.info("answers removed after their time: %s", total)
    return total


@dataclass(frozen=True)
class _Home:
    partner_id: int
    code: str
    folders: Sequence[str]
    preview: bool


def _home(client: SftpClient, connection: Connection, settings: Settings, today: date, home: _Home) -> int:
    rows = connection.execute(sql.query("retention", "kept"), (home.partner_id,)).fetchall()
    kept = {bytes(digest): (mtime, seen) for digest, mtime, seen in rows}
    new, there = [], set()
    gone: Counter[str] = Counter()
    for folder in FOLDERS:
        for entry in client.listdir(home.code, folder):
            if not entry.is_regular or _STAYS.fullmatch(entry.name.removesuffix(SUFFIX)) or entry.name.startswith("."):
                continue
            digest = _digest(folder, entry.name)
            mtime, seen = kept.get(digest, (None, today))
            if mtime != entry.mtime:
                seen = today
                new.append((home.partner_id, digest, entry.mtime, today))
            if folder in home.folders and seen < today - timedelta(days=_days(entry.name, settings)):
                if not home.preview:
                    client.remove(home.code, folder, entry.name)
                    crash.reach("retention.removed")
                gone["ESSAIS" if folder in TRIALS else "RETOUR"] += 1
            else:
                there.add(digest)
    forgotten = [digest for digest in kept if digest not in there]
    if (new or forgotten) and not home.preview:
        with connection.transaction(), connection.cursor() as cursor:
            cursor.executemany(sql.query("retention", "keep"), new)
            cursor.execute(sql.query("retention", "forget"), (home.partner_id, forgotten))
            for rule, count in gone.items():
                cursor.execute(sql.query("retention", "removed"), (rule, home.partner_id, today, count))
        crash.reach("retention.noted")
    return gone.total()


def _days(name: str, settings: Settings) -> int:
    return max(settings.report_days, settings.conclusion_days if _NOTICE.fullmatch(name.removesuffix(SUFFIX)) else 0)


def _digest(folder: str, name: str) -> bytes:
    return hashlib.blake2b(f"{folder}/{name}".encode("utf-8", "surrogateescape"), digest_size=16).digest()
