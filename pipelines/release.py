"""Release: what waits re-enters the corridor when its reference arrives, or leaves when its time is up.

Entries held by IDT-05, -06 or -07 are judged again, in the order they came, with the registry's date
of their reception; release runs until nothing moves.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from itertools import groupby
from typing import Any

import numpy as np

import sql
from loaders.secrets import RegistryKey
from loaders.settings import Settings
from loaders.warehouse import Connection, load
from pipelines import check
from pipelines.integrate import judge, sender_of, write_disputes
from pipelines.isolate import Troubles
from pipelines.load import Change, apply_changes, evicted, write_measures
from pipelines.read import chunk_of_rows
from pipelines.settle import Source, outcomes
from pipelines.stores import STORES
from schemas import codebook
from schemas.codebook import Outcome
from schemas.formats import formats
from schemas.spec import Context

log = logging.getLogger("siseri.release")

#: Most rows judged again in one load.
PAGE = 20_000
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
    found = connection.execute(sql.query("release", "candidates"), masks).fetchall()
    counts: dict[str, int] = {}
    # References first, in the order they came: what they bring is what the measures wait for.
    references = [row for row in found if row[3] not in STORES]
    measures = sorted((row for row in found if row[3] in STORES), key=lambda row: (row[3], row[4], row[8], row[0]))
    references.sort(key=lambda row: (row[1], row[2]))
    groups = [list(group) for _, group in groupby(references, key=lambda row: row[1])]
    groups += [list(group) for _, group in groupby(measures, key=lambda row: (row[3], row[4], row[8]))]
    for group in groups:
        for start in range(0, len(group), PAGE):
            with troubles.keep("release of submission", group[start][1]):
                for outcome, rows in _again(connection, key, group[start : start + PAGE]).items():
                    counts[outcome] = counts.get(outcome, 0) + rows
    return counts


def _again(connection: Connection, key: RegistryKey, asked: list[Any]) -> dict[str, int]:
    """Judge entries of one format, sender and day of reception again, in one load."""
    _, submission, _, format_name, partner_id, code, role, identifiant, received_on, *_ = asked[0]
    layout = formats()[format_name]
    store = STORES.get(format_name)
    counts: dict[str, int] = {}
    with load(connection, "release", submission if store is None else None) as number:
        cursor = connection.cursor()
        # Under the loads' lock: another pass may have settled some of them meanwhile.
        still = cursor.execute(
            "select entry_id, codes, sealed from queue.entry where until_load is null and entry_id = any(%s)",
            ([row[0] for row in asked],),
        ).fetchall()
        codes_of = {entry: codes for entry, codes, _ in still}
        sealed_of = {entry: sealed for entry, _, sealed in still}
        entries = [row for row in asked if row[0] in codes_of]
        if not entries:
            return counts
        sender = sender_of(cursor, partner_id, code, role, identifiant)
        checked = check.check(
            layout,
            chunk_of_rows(layout, [key.open_row(sealed_of[row[0]]) for row in entries]),
            Context.on(received_on, role),
        )
        source = Source(np.array([row[1] for row in entries]), np.array([row[2] for row in entries]))
        ids = tuple(row[0] for row in entries)
        matched, settled = judge(
            *(cursor, number, layout, checked, None, source, sender, key, received_on),
            own_entries=ids,
            cut=np.array([row[10] for row in entries], bool),
        )
        letters = outcomes(checked)
        if store is not None and matched is not None:
            write_measures(cursor, number, store, checked, matched.matched, source, settled, sender)
            write_disputes(cursor, number, layout, checked, matched, source, settled, sender, key, received_on)
        changes = evicted(settled)
        for at, entry_id in enumerate(ids):
            codes, outcome = int(checked.codes[at]), Outcome(str(letters[at]))
            if outcome is Outcome.EN_ATTENTE and codes == codes_of[entry_id]:
                continue
            changes.append(Change(entry_id, outcome, codes, settled.first.get(at)))
            if outcome is not Outcome.EN_ATTENTE:
                counts[outcome.name] = counts.get(outcome.name, 0) + 1
        apply_changes(cursor, number, changes, None, None)
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
