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
from itertools import islice

import sql
from loaders import crash
from loaders.settings import Settings
from loaders.sftp import Entry, SftpClient, SftpRefused
from loaders.warehouse import Connection
from pipelines import declare
from pipelines.isolate import Troubles
from schemas.envelope import NOTICE, SUFFIX

log = logging.getLogger("siseri.retention")

#: A trial leaves nothing: what was sent goes with its answers.
TRIALS = ("retour/essai", "archive/essai")
FOLDERS = ("retour", *TRIALS)
#: Homes looked at together: what lies in them is in memory at once.
HOMES = 256
#: By an answer's digest: its modification time, and the day of the registry on which it was first seen so.
Kept = dict[bytes, tuple[int, date]]
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
    homes = connection.execute(sql.query("retention", "homes")).fetchall()
    chosen = iter([(partner_id, code) for partner_id, code in homes if everywhere or code in client.answered])
    while some := list(islice(chosen, HOMES)):
        codes = [code for _, code in some]
        kept = _kept(connection, [partner_id for partner_id, _ in some])
        listed = zip(*(client.listdirs(codes, folder) for folder in FOLDERS), strict=True)
        for (partner_id, code), found in zip(some, listed, strict=True):
            with troubles.keep("retention", partner_id):
                home = _Home(partner_id, code, found, kept[partner_id])
                total += _home(client, connection, settings, today, home, folders, preview=preview)
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
    """What lies in a sender's folders, in the order of ``FOLDERS``, and what is known of it."""

    partner_id: int
    code: str
    listed: Sequence[list[Entry] | SftpRefused]
    kept: Kept


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
    home: _Home,
    folders: Sequence[str],
    *,
    preview: bool,
) -> int:
    new, there = [], set()
    gone: Counter[str] = Counter()
    for folder, entries in zip(FOLDERS, home.listed, strict=True):
        if isinstance(entries, SftpRefused):
            raise entries
        for entry in entries:
            if not entry.is_regular or _STAYS.fullmatch(entry.name.removesuffix(SUFFIX)) or entry.name.startswith("."):
                continue
            digest = _digest(folder, entry.name)
            mtime, seen = home.kept.get(digest, (None, today))
            if mtime != entry.mtime:
                seen = today
                new.append((home.partner_id, digest, entry.mtime, today))
            if folder in folders and seen < today - timedelta(days=_days(entry.name, settings)):
                if not preview:
                    client.remove(home.code, folder, entry.name)
                    crash.reach("retention.removed")
                gone["ESSAIS" if folder in TRIALS else "RETOUR"] += 1
            else:
                there.add(digest)
    forgotten = [digest for digest in home.kept if digest not in there]
    if (new or forgotten) and not preview:
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
