"""The public's tables: which figures about persons are withheld. Decided once for each edition, and kept."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import sql
from loaders.warehouse import Connection
from pipelines.disclosure.cells import Edition, Rule
from pipelines.disclosure.primary import primary
from pipelines.disclosure.suppression import Unprotected, protect
from pipelines.progress import Say, Step, quiet, reached
from pipelines.statistics.linked import OF_SENDERS, Linked
from pipelines.statistics.people import Place
from pipelines.statistics.yearbook import Yearbook

log = logging.getLogger("siseri.public")

RULE = Rule()
EVERYTHING, SENDERS = "ENSEMBLE", "EMETTEUR"
#: In place of the code and of the column: all of them.
ALL = "*"


@dataclass(frozen=True)
class Hidden:
    """A figure that may not be published: its place, and why (a reason of disclosure control)."""

    table: str
    code: str
    column: str
    reason: str


def without_senders(book: Yearbook) -> tuple[Yearbook, list[Hidden]]:
    """A yearbook without the rows that name a single sender, which is no figure of three establishments."""
    tables = tuple(replace(one, rows=()) if one.name in OF_SENDERS else one for one in book.tables)
    gone = [Hidden(one.name, ALL, ALL, SENDERS) for one in book.tables if one.name in OF_SENDERS and one.rows]
    return replace(book, tables=tables), gone


def small_count(count: int) -> bool:
    """Whether a count of rows tells of fewer than the rule's number of workers."""
    return 0 < count < RULE.workers


def withheld(connection: Connection, book: Yearbook, say: Say = quiet) -> list[Hidden]:
    """What the public may not be shown of a year, in the order of the tables.

    The first time that an instant is asked for, it is decided in view of what was shown of the year before, and kept:
    the same year, scope and instant always come out the same.
    """
    asked = book.asked
    linked = Linked(book)
    with connection.transaction():
        connection.execute(sql.query("editions", "public_lock"), (asked.year,))
        rows = connection.execute(sql.query("editions", "public_shown"), (asked.year, asked.scope)).fetchall()
        reasons = next((dict(why) for load, _, why in rows if load == asked.load), None)
        if reasons is None:
            editions = [Edition(shown) for _, shown, _ in rows]
            reasons = _decided(
                linked, editions, RULE, lambda done: reached(log, say, asked.year, Step.PROTECTING, done)
            )
            shown = {cell.name: None if cell.name in reasons else cell.value for cell in linked.cells}
            kept = (asked.year, asked.scope, asked.load, json.dumps(shown), json.dumps(reasons))
            connection.execute(sql.query("editions", "public_keep"), kept)
    reached(log, say, asked.year, Step.PROTECTED, len(reasons))
    return [Hidden(*place, reasons[name]) for place, name in linked.names.items() if name in reasons]


def guarded(book: Yearbook, rule: Rule) -> set[Place]:
    """Which figures of a yearbook may not be shown under a rule; no edition is kept."""
    linked = Linked(book)
    reasons = _decided(linked, (), rule)
    return {place for place, name in linked.names.items() if name in reasons}


def too_small(book: Yearbook) -> set[Place]:
    """Which figures may not be shown for what they are; nothing is withheld besides."""
    linked = Linked(book)
    reasons = primary({cell.name: cell for cell in linked.cells}, RULE, ())
    return {place for place, name in linked.names.items() if name in reasons}


def _decided(
    linked: Linked, earlier: Sequence[Edition], rule: Rule, looked: Callable[[int], None] = lambda done: None
) -> dict[str, str]:
    try:
        verdict = protect(linked.cells, linked.relations, rule, earlier, looked)
    except Unprotected:
        # So few figures that hiding some hides none: nothing about persons is shown.
        return {cell.name: EVERYTHING for cell in linked.cells}
    known = sum(one.known_before for one in verdict.withheld.values())
    if known:
        log.warning("%s figures that are withheld now can be told from earlier editions", known)
    return {name: one.reason.value for name, one in verdict.withheld.items()}
