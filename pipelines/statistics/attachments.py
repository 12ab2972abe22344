"""Attachments: where each person of a year was attached, and what held of that attachment when the year ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import ClassVar

import sql
from loaders.bulk import Cursor, fetch_numbers
from pipelines.statistics.columns import Columns
from pipelines.statistics.facts import Whom
from pipelines.windows import Ints


@dataclass(frozen=True)
class Attachments(Columns):
    """The attachment of each person and establishment that has one.

    ``start``: first day of the period that is judged. The codes are positions in their lists, -1 for none.
    """

    person: Ints
    establishment: Ints
    start: Ints
    siret: Ints
    class_: Ints
    character: Ints
    domain: Ints
    sector: Ints
    trade: Ints

    types: ClassVar[dict[str, str]] = {
        **dict.fromkeys(("person", "establishment"), "int4"),
        "start": "date",
        "siret": "int8",
        **dict.fromkeys(("class_", "character", "domain", "sector", "trade"), "int2"),
    }


def attachments(cursor: Cursor, year: int, whom: Whom) -> Attachments:
    """The attachments of these persons that count for a year, out of the database."""
    asked = {"load": whom.load, "workers": whom.numbers, "last_day": date(year, 12, 31)}
    return Attachments(*fetch_numbers(cursor, sql.query("statistics", "attachments"), Attachments.types, asked))
