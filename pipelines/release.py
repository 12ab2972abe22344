"""Release: what waits re-enters the corridor when its reference arrives, or leaves when its time is up.

Entries held by IDT-05, -06 or -07 are judged again, in the order they came, with the registry's date
of their reception; release runs until nothing moves.
"""

from __future__ import annotations

import logging
from datetime import timedelta

import sql
from loaders.secrets import RegistryKey
from loaders.settings import Settings
from loaders.warehouse import Connection, load
from pipelines import second_look
from pipelines.isolate import Troubles
from pipelines.load import Change, apply_changes
from pipelines.rejudge import Entry, in_turn, open_entries, rejudge
from pipelines.stores import STORES
from schemas import codebook
from schemas.codebook import Outcome

log = logging.getLogger("siseri.release")

#: Codes that leave the queue by themselves, with the reference each waits for.
_WAITS = {"establishment": "IDT-05", "worker": "IDT-06", "pair": "IDT-07"}


def release(connection: Connection, settings: Settings, key: RegistryKey, troubles: Troubles) -> dict[str, int]:
    """Let go what need not wait any longer.

    Args:
        troubles: gathers the submissions of rows that could not be judged again now; they go on waiting.

    Returns:
        How many rows took each outcome (names of Outcome).
    """
    counts: dict[str, int] = {}
    while True:
        moved = _pass(connection, key, troubles)
        for outcome, rows in moved.items():
            counts[outcome] = counts.get(outcome, 0) + rows
        if not moved:
            break
    expired = _expire(connection, settings)
    if expired:
        counts["REJETE"] = counts.get("REJETE", 0) + expired
    log.info("release: %s", counts or "nothing moved")
    return counts


def _pass(connection: Connection, key: RegistryKey, troubles: Troubles) -> dict[str, int]:
    """Judge every candidate once; gives the changes of outcome."""
    masks = {name: codebook.bit(code) for name, code in _WAITS.items()}
    numbers = [number for (number,) in connection.execute(sql.query("release", "candidates"), masks).fetchall()]
    counts: dict[str, int] = {}
    for group in in_turn(open_entries(connection.cursor(), numbers, rows=False)):
        with troubles.keep("release of submission", group[0].submission):
            for outcome, rows in _again(connection, key, group).items():
                counts[outcome] = counts.get(outcome, 0) + rows
    return counts


def _again(connection: Connection, key: RegistryKey, asked: list[Entry]) -> dict[str, int]:
    """Judge entries of one format, sender and day of reception again, in one load."""
    counts: dict[str, int] = {}
    with load(connection, "release", asked[0].submission if asked[0].format not in STORES else None) as number:
        cursor = connection.cursor()
        # Under the loads' lock: another pass may have settled some of them meanwhile.
        entries = open_entries(cursor, [one.number for one in asked])
        if not entries:
            return counts
        brought = second_look.Brought()
        changes = rejudge(cursor, number, key, entries, brought)
        changes = second_look.warned(cursor, number, entries, changes, brought)
        apply_changes(cursor, number, changes, None, None)
    own = {one.number for one in entries}
    for change in changes:
        if change.entry_id in own and change.outcome is not Outcome.EN_ATTENTE:
            counts[change.outcome.name] = counts.get(change.outcome.name, 0) + 1
    return counts


def _expire(connection: Connection, settings: Settings) -> int:
    """Reject what has waited longer than ``queue_days``."""
    limit = settings.registry_date() - timedelta(days=settings.queue_days)
    some = connection.execute(sql.query("release", "expired"), (limit,)).fetchone()
    if some is None:
        return 0
    with load(connection, "expire") as number:
        cursor = connection.cursor()
        over = cursor.execute(sql.query("release", "expired"), (limit,)).fetchall()
        apply_changes(cursor, number, [Change(entry, Outcome.REJETE, codes) for entry, codes in over], None, None)
    return len(over)
