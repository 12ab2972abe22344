"""Expiry: what has had its time goes, rule by rule (schemas/retention.py); each removal is logged.

The database lets the janitor's role touch what the rules name and nothing else: no dose, no identity
(``schemas/data/droits.csv``).
Each rule is one transaction, or one an account or file, so that a pass cut short is simply made again.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import sql
from loaders import archive
from loaders.errors import UsageError
from loaders.registry import Registry, depots, opened
from loaders.settings import Settings
from loaders.sftp import SftpClient
from loaders.warehouse import BYTES, Connection, alone
from pipelines import partners, retention
from pipelines.collect import answer_stem
from pipelines.isolate import Troubles
from pipelines.signs import Duty, give
from schemas.retention import RULES, STAYS, Rule, as_json
from schemas.roles import RECEIVERS

log = logging.getLogger("siseri.expiry")

#: Folders of a home that hold files.
_FOLDERS = ("depot", "depot/essai", *retention.FOLDERS, "archive")
_ROWS = 100


@dataclass(frozen=True)
class Work:
    """What a rule works with.

    ``loader`` notes what lies in the homes, ``connection`` is the janitor's; ``before`` is the day before which its
    time is over.
    """

    settings: Settings
    client: SftpClient
    loader: Connection
    connection: Connection
    before: date
    troubles: Troubles
    preview: bool

    @property
    def today(self) -> date:
        """The registry's date."""
        return self.settings.registry_date()


def days(rule: Rule, settings: Settings) -> int | None:
    """A rule's days as the settings have them."""
    return int(getattr(settings, rule.setting)) if rule.setting else rule.days


def listing(settings: Settings) -> list[dict[str, Any]]:
    """The rules, and what stays."""
    return [as_json(rule, days(rule, settings)) for rule in RULES + STAYS]


def run(settings: Settings, names: Sequence[str] = (), *, preview: bool = False) -> dict[str, Any]:
    """Carry the rules out, all of them or those named, over the whole registry; see :func:`carry_out`."""
    chosen = _chosen(names)
    with opened(settings) as registry, depots(registry) as client:
        done = carry_out(registry, client, settings, chosen, preview=preview)
        if not preview:
            give(registry.connection, Duty.RETENTION)
    return done


def carry_out(
    registry: Registry, client: SftpClient, settings: Settings, rules: Sequence[Rule] = RULES, *, preview: bool = False
) -> dict[str, Any]:
    """Carry rules out in an opened registry.

    Args:
        preview: count what would go and remove nothing.

    Returns:
        ``regles``: removals by rule (files, rows or records as the rule counts); ``difficultes``: what could not be
        looked at now.
    """
    troubles = Troubles()
    counts: dict[str, int] = {}
    with registry.warehouse.login("janitor") as janitor:
        for rule in rules:
            before = settings.registry_date() - timedelta(days=days(rule, settings) or 0)
            work = Work(settings, client, registry.connection, janitor, before, troubles, preview)
            with troubles.keep(f"retention {rule.name}", 0):
                counts[rule.name] = _CARRIED_OUT[rule.name](work)
            if counts.get(rule.name) and not preview:
                log.info("retention %s: %s removed", rule.name, counts[rule.name])
    return {"regles": counts, "difficultes": len(troubles)}


def _chosen(names: Sequence[str]) -> list[Rule]:
    """Raises UsageError where there is no rule of a name."""
    known = {rule.name: rule for rule in RULES}
    if set(names) - set(known):
        raise UsageError(f"règle inconnue ; connues : {', '.join(known)}")
    return [rule for rule in RULES if not names or rule.name in names]


def renew(name: str) -> dict[str, int]:
    """Carry out one rule: a task's whole work. Counts only."""
    done = run(Settings.load(), [name])
    return {"removed": done["regles"].get(name, 0), "troubles": done["difficultes"]}


def removals(connection: Connection, most: int = _ROWS) -> list[dict[str, Any]]:
    """What was removed, the latest first."""
    names = ("regle", "compte", "jour", "nombre", "fait_le")
    found = connection.execute(sql.query("retention", "log"), (most,)).fetchall()
    return [dict(zip(names, (*row[:2], row[2].isoformat(), row[3], row[4].isoformat()), strict=True)) for row in found]


def _answers(work: Work, folders: Sequence[str]) -> int:
    return retention.remove_old(
        work.client,
        work.loader,
        work.settings,
        work.troubles,
        everywhere=True,
        folders=folders,
        preview=work.preview,
    )


def _lines(work: Work) -> int:
    asked = {"before": work.before, "today": work.today}
    with work.connection.transaction():
        due = work.connection.execute(sql.query("retention", "due_lines"), asked).fetchall()
        if not work.preview:
            for step in ("clear_lines", "clear_before", "clear_values", "clear_messages"):
                work.connection.execute(sql.query("retention", step), asked)
            _logged(work, "LIGNES", {partner: int(count) for partner, count in due})
    return sum(int(count) for _, count in due)


def _files(work: Work) -> int:
    due = work.connection.execute(sql.query("retention", "due_files"), {"before": work.before, "one": None}).fetchall()
    if work.preview:
        return len(due)
    gone: Counter[int] = Counter()
    for sha256, submission in {row[5]: row[0] for row in reversed(due)}.items():
        with work.troubles.keep("retention of submission", submission):
            gone += _bytes(work, sha256)
    return sum(gone.values())


def _bytes(work: Work, sha256: str) -> Counter[int]:
    """Remove the bytes of a hash, here and in its senders' homes, unless a drop of them came in meanwhile."""
    gone: Counter[int] = Counter()
    with alone(work.connection, BYTES, archive.number(sha256)) as held, work.connection.transaction():
        asked = {"before": work.before, "one": sha256}
        still = work.connection.execute(sql.query("retention", "due_files"), asked).fetchall() if held else []
        for _, partner, code, name, number, _ in still:
            work.client.remove(code, "archive", answer_stem(name, number))
            gone[partner] += 1
        if still:
            told = (work.today, [row[0] for row in still])
            work.connection.execute(sql.query("retention", "bytes_removed"), told)
            _logged(work, "FICHIERS", gone)
            archive.remove(work.settings, sha256)
    return gone


def _accounts(work: Work) -> int:
    due = work.connection.execute(sql.query("retention", "due_accounts"), {"before": work.before}).fetchall()
    if work.preview:
        return len(due)
    done, homes = 0, set(work.client.homes())
    for partner, code, role in due:
        with work.troubles.keep("retention of partner", partner), work.connection.transaction():
            files = _emptied(work, code, role) if code in homes else 0
            work.connection.execute(sql.query("retention", "nameless_account"), (partner,))
            work.connection.execute(sql.query("retention", "forget_home"), (partner,))
            partners.forget(work.connection, work.settings, code)
            _logged(work, "COMPTES", {partner: files})
            done += 1
    return done


def _emptied(work: Work, code: str, role: str) -> int:
    """Files removed from a closed account's home."""
    count = 0
    for folder in _FOLDERS:
        if role in RECEIVERS and folder not in ("retour", "retour/essai", "archive"):
            continue  # they have no other
        for entry in work.client.listdir(code, folder):
            if entry.is_regular:
                work.client.remove(code, folder, entry.name)
                count += 1
    return count


def _legacy(work: Work) -> int:
    return _cleared(work, "REPRISE", "due_legacy", "clear_legacy")


def _contacts(work: Work) -> int:
    return _cleared(work, "CONTACTS", "due_contacts", "clear_contacts")


def _requests(work: Work) -> int:
    return _cleared(work, "DEMANDES", "due_requests", "clear_requests")


def _cleared(work: Work, rule: str, count: str, clear: str) -> int:
    asked = {"before": work.before, "today": work.today}
    with work.connection.transaction():
        found = work.connection.execute(sql.query("retention", count), asked).fetchone()
        due = int(found[0]) if found else 0
        if due and not work.preview:
            work.connection.execute(sql.query("retention", clear), asked)
            _logged(work, rule, {None: due})
    return due


def _logged(work: Work, rule: str, counts: dict[int, int] | dict[None, int] | Counter[int]) -> None:
    for partner, count in counts.items():
        work.connection.execute(sql.query("retention", "removed"), (rule, partner, work.today, count))


_CARRIED_OUT: dict[str, Callable[[Work], int]] = {
    "RETOUR": lambda work: _answers(work, ("retour",)),
    "ESSAIS": lambda work: _answers(work, retention.TRIALS),
    "LIGNES": _lines,
    "REPRISE": _legacy,
    "FICHIERS": _files,
    "COMPTES": _accounts,
    "CONTACTS": _contacts,
    "DEMANDES": _requests,
}
