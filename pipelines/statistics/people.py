"""The yearbook for people: ``bilan.html``, ``bilan.xlsx``, ``bilan.pdf``, of the same figures as the tables."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from importlib.metadata import version

from loaders.settings import PARIS
from pipelines.statistics.cells import Table, text
from pipelines.statistics.yearbook import Yearbook
from reports.annual import (
    Change,
    Edition,
    Figure,
    Heading,
    Line,
    Sheet,
    edition_page,
    edition_pdf,
    edition_workbook,
)

SCOPE_WORDS = {
    "tous": "tous les travailleurs",
    "artificiel": "sources artificielles (sans le domaine 400000)",
    "naturel": "sources naturelles (domaine 400000)",
    "civil": "activités civiles",
    "militaire": "activités militaires",
}
AUDIENCE_WORDS = {"dgt": "direction générale du travail", "public": "public"}
#: A cell by table, row and column.
Place = tuple[str, str, str]


def edition(
    book: Yearbook,
    audience: str,
    hidden: Collection[Place] = frozenset(),
    before: datetime | None = None,
    changes: tuple[Change, ...] = (),
) -> Edition:
    """A yearbook as people are shown it.

    Args:
        hidden: cells that may not be published, by table, row and column.
        before, changes: the instant of the edition before, and what came since.
    """
    sheets = tuple(_sheet(table, hidden) for table in book.tables)
    return Edition(
        book.asked.year,
        book.asked.as_of.astimezone(PARIS),
        SCOPE_WORDS[book.asked.scope],
        AUDIENCE_WORDS[audience],
        version("siseri-exchange"),
        sheets,
        before.astimezone(PARIS) if before else None,
        changes,
    )


def _sheet(table: Table, hidden: Collection[Place]) -> Sheet:
    columns = tuple(Heading(one.name, one.title, one.unit.name) for one in table.columns)
    lines = tuple(
        Line(
            row.code,
            row.label,
            tuple(
                Figure(text(cell.value, column.unit), (table.name, row.code, column.name) in hidden)
                for cell, column in zip(row.cells, table.columns, strict=True)
            ),
        )
        for row in table.rows
    )
    return Sheet(table.name, table.title, columns, lines)


def files(shown: Edition) -> dict[str, bytes]:
    """The three documents, by file name; the same edition gives the same bytes."""
    return {
        "bilan.html": edition_page(shown),
        "bilan.xlsx": edition_workbook(shown),
        "bilan.pdf": edition_pdf(shown),
    }
