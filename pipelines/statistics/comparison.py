"""The figures of an establishment's report on their way through the database, which refuses those about few.

Who reckons them sees the doses of numbers; who writes the report sees what the database took in (0027_profiles.sql).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID, uuid4

import psycopg

import sql
from loaders.errors import WarehouseRefused
from loaders.warehouse import Connection
from reports.annual import Figure

#: A figure's place: sheet, row, the establishment's own or the nation's, column.
Place = tuple[str, str, bool, str]


@dataclass(frozen=True)
class Handed:
    """A figure that is handed over.

    Attributes:
        own: of the establishment; else of the nation.
        year: of its results.
        list: the code list of ``code`` where the row is of one trade or sector (``metier``, ``secteur_activite``).
        workers: how many the figure is about.
        figure: its text; ``None`` where it may not be shown.
    """

    sheet: str
    code: str
    label: str
    own: bool
    column: str
    year: int
    list: str | None
    workers: int
    figure: str | None


@contextmanager
def handed_over(publisher: Connection, establishment: int, load: int, figures: Iterable[Handed]) -> Iterator[UUID]:
    """Hand figures over, gone again at the end: gives the number under which they are read.

    Raises:
        WarehouseRefused: a figure is about fewer workers than the rule asks, or than it says.
    """
    report = uuid4()
    listed = list(figures)
    names = ("sheet", "code", "label", "own", "column", "year", "list", "workers", "figure")
    columns = {name: [getattr(one, name) for one in listed] for name in names}
    told = {"report": report, "establishment": establishment, "load": load, "place": list(range(len(listed)))}
    try:
        publisher.execute(sql.query("statistics", "hand_over"), columns | told)
    except (psycopg.errors.CheckViolation, psycopg.errors.InsufficientPrivilege) as error:
        # The database's own message quotes the figure.
        raise WarehouseRefused(f"a figure about too few workers was refused: {type(error).__name__}") from None
    try:
        yield report
    finally:
        publisher.execute(sql.query("statistics", "forget_report"), (report,))


def read(reporter: Connection, report: UUID) -> tuple[dict[str, list[tuple[str, str]]], dict[Place, Figure]]:
    """What may be shown: rows (code and label) of each sheet, and the figures; ``hidden`` ones have no text."""
    rows: dict[str, list[tuple[str, str]]] = {}
    figures: dict[Place, Figure] = {}
    for sheet, code, label, own, column, figure in reporter.execute(
        sql.query("statistics", "handed_over"), (report,)
    ).fetchall():
        listed = rows.setdefault(sheet, [])
        if (code, label) not in listed:
            listed.append((code, label))
        figures[sheet, code, own, column] = Figure(figure or "", hidden=figure is None)
    return rows, figures
