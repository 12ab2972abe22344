"""Deliveries: what the files of a year brought, by file and days from the end of the period to the reception."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import ClassVar

import sql
from loaders.bulk import Cursor, fetch_numbers
from pipelines.statistics.columns import Columns
from pipelines.windows import Ints
from schemas.formats import passive


@dataclass(frozen=True)
class Deliveries(Columns):
    """``sender`` is the account; ``late`` in days; of ``measures``, ``absent`` are PASSIVE results at ABS."""

    file: Ints
    sender: Ints
    late: Ints
    measures: Ints
    absent: Ints

    types: ClassVar[dict[str, str]] = {
        **dict.fromkeys(("file", "sender", "late"), "int4"),
        **dict.fromkeys(("measures", "absent"), "int8"),
    }


def deliveries(cursor: Cursor, year: int, load: int, files: list[int] | None = None) -> Deliveries:
    """What the files received in a year brought as of a load.

    Args:
        files: these files only, in ascending order.
    """
    asked: dict[str, object] = {**span(year), "load": load, "files": files, "absent": passive.ABS}
    first, last = (files[0], files[-1]) if files else (None, None)
    if files is None:
        row = cursor.execute(sql.query("scorecards", "bounds"), asked).fetchone()
        first, last = row if row is not None else (None, None)
    if first is None:
        return Deliveries.none()
    asked |= {"first": first, "last": last}
    return Deliveries(*fetch_numbers(cursor, sql.query("statistics", "delivered"), Deliveries.types, asked))


def span(year: int) -> dict[str, object]:
    """A year as the queries of files name it."""
    return {"since": date(year, 1, 1), "until": date(year + 1, 1, 1)}
