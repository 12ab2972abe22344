"""Books of a part: what it brought to the registry, by quantity, beside the books of every other file."""

from __future__ import annotations

from collections import defaultdict

import sql
from loaders.bulk import Cursor
from pipelines.books import Book
from pipelines.legacy.outcomes import Ledger, taken_by_quantity
from pipelines.load import write_books
from schemas.codebook import Outcome


def rebook(cursor: Cursor, ledger: Ledger) -> None:
    """Add what this load took to the part's books; what waits or was refused stands in the migration's movements."""
    taken = [one for one in taken_by_quantity(ledger) if one[1]]
    if not taken:
        return
    lines: defaultdict[str, Book] = defaultdict(Book)
    for _, quantity, *figures in cursor.execute(sql.query("load", "books_of"), ([ledger.part],)).fetchall():
        lines[quantity] = Book.of(figures)
    for quantity, rows, usv in taken:
        lines[quantity].add(Outcome.INTEGRE, rows, usv)
    cursor.execute(sql.query("load", "close_books"), (ledger.load, [ledger.part]))
    write_books(cursor, ledger.load, ((ledger.part, quantity, book) for quantity, book in lines.items()))
