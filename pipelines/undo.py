"""Undo: a decision is taken back as long as nothing else has built on it.

What the decision brought ends, what it replaced holds again as a new version, and its rows wait as they did before;
nothing is erased, and the registry of any instant between can still be shown.
"""

from __future__ import annotations

import logging
from contextlib import nullcontext

import sql
from loaders.bulk import Cursor
from loaders.errors import UsageError
from loaders.warehouse import Connection, load
from pipelines.books import Book
from pipelines.decide import MOTIVE, WHO, Effect, Fate, clean_text
from pipelines.load import write_books
from pipelines.stores import STORES
from schemas import codebook
from schemas.codebook import Outcome

log = logging.getLogger("siseri.undo")


def undo(connection: Connection, decision: int, who: str, motive: str, *, preview: bool = False) -> Effect:
    """Take a decision back.

    Raises:
        UsageError: there is no such decision, it was taken back already, or something has built on it.
    """
    clean_text("le motif", motive, MOTIVE)
    clean_text("l'auteur de l'annulation", who, WHO)
    rehearsal = connection.transaction(force_rollback=True) if preview else nullcontext()
    with rehearsal, load(connection, "undo") as number:
        cursor = connection.cursor()
        decided = _decided(cursor, decision)
        entries = cursor.execute(sql.query("decide", "decided_entries"), (decision,)).fetchall()
        _still_whole(cursor, decision)
        _still_alone(cursor, decision, decided)
        _doses(cursor, number, decision, decided, entries)
        cursor.execute(sql.query("decide", "restore"), (decision,))
        cursor.execute(sql.query("decide", "reopen"), (number, decision))
        cursor.execute(sql.query("decide", "close_rows"), (number, decision))
        cursor.execute(sql.query("decide", "renew_rows"), {"load": number, "decision": decision})
        _books(cursor, number, decision)
        cursor.execute(sql.query("decide", "undone"), (number, who.strip(), motive.strip(), decision))
    fates = [
        Fate(entry, submission, line, layout, codebook.names(after), Outcome.EN_ATTENTE, codebook.names(before))
        for entry, submission, line, before, _, after, layout in entries
    ]
    if not preview:
        log.info("decision %s taken back: %s entries", decision, len(fates))
    return Effect(None if preview else decision, fates)


def _decided(cursor: Cursor, decision: int) -> int:
    """The load of a decision that is in force; its row is held until the end of the transaction."""
    found = cursor.execute(sql.query("decide", "decision"), (decision,)).fetchone()
    if found is None:
        raise UsageError(f"aucune décision {decision}")
    load_id, undone = found
    if undone is not None:
        raise UsageError(f"la décision {decision} est déjà annulée")
    return int(load_id)


def _still_whole(cursor: Cursor, decision: int) -> None:
    found = cursor.execute(sql.query("decide", "cleared_entries"), (decision,)).fetchone()
    count = int(found[0]) if found else 0
    _refuse(decision, [f"le contenu de {count} ligne(s) a été supprimé à son terme (règle LIGNES)"] if count else [])


def _still_alone(cursor: Cursor, decision: int, decided: int) -> None:
    found = cursor.execute(sql.query("decide", "built_upon"), {"decision": decision, "decided": decided}).fetchone()
    assert found is not None
    reasons = (
        "ligne(s) ont encore changé d'issue depuis",
        "ligne(s) ont quitté la file depuis",
        "ligne(s) ont fait l'objet d'une autre décision depuis",
        "ligne(s) ne sont plus en vigueur telles quelles, ou ont modifié une référence ou annulé une mesure",
        "autre(s) ligne(s) ont quitté la file par cette décision",
        "autre(s) ligne(s) attendent depuis sous la même clé",
    )
    _refuse(decision, [f"{count} {reason}" for count, reason in zip(found, reasons, strict=True) if count])


def _refuse(decision: int, blocking: list[str]) -> None:
    if blocking:
        raise UsageError(f"la décision {decision} ne peut plus être annulée : {' ; '.join(blocking)}")


def _doses(
    cursor: Cursor, number: int, decision: int, decided: int, entries: list[tuple[int, int, int, int, str, int, str]]
) -> None:
    """End what the rows brought and give its force back to what they replaced, table by table.

    Raises:
        UsageError: the place of what they replaced is taken: a correction may have moved it to another year.
    """
    for layout, store in STORES.items():
        rows = [
            (submission, line) for _, submission, line, _, outcome, _, one in entries if (one, outcome) == (layout, "I")
        ]
        if rows:
            submissions, lines = [list(column) for column in zip(*rows, strict=True)]
            query = sql.query("decide", "in_force_since").replace("dose.keyed", f"dose.{store.kind}")
            asked = {"submissions": submissions, "lines": lines, "load": number, "decided": decided}
            since = [one for (one,) in cursor.execute(query, asked).fetchall()]
            for one in sorted({*since, decided}, reverse=True):
                cursor.execute(sql.query("decide", "take_back_doses"), (store.kind, one, number, submissions, lines))
            if store.spans_years:
                query = sql.query("decide", "crowded").replace("dose.keyed", f"dose.{store.kind}")
                found = cursor.execute(query, asked).fetchone()
                assert found is not None
                _refuse(decision, [f"{found[0]} autre(s) mesure(s) portent depuis la même clé"] if found[0] else [])


def _books(cursor: Cursor, number: int, decision: int) -> None:
    """Move rows and doses back among those that wait, and owe the senders a follow-up."""
    moved = cursor.execute(sql.query("decide", "moved_back"), (decision,)).fetchall()
    submissions = sorted({submission for submission, *_ in moved})
    if not submissions:
        return
    lines: dict[tuple[int, str], Book] = {}
    for submission, quantity, *figures in cursor.execute(sql.query("load", "books_of"), (submissions,)).fetchall():
        lines[submission, quantity] = Book.of(figures)
    for submission, quantity, letter, rows, usv in moved:
        lines[submission, quantity].add(Outcome(letter), -int(rows), -int(usv))
        lines[submission, quantity].add(Outcome.EN_ATTENTE, int(rows), int(usv))
    cursor.execute(sql.query("load", "close_books"), (number, submissions))
    write_books(cursor, number, ((submission, quantity, book) for (submission, quantity), book in lines.items()))
    cursor.execute(sql.query("load", "follow_up"), {"load": number, "submissions": submissions})
