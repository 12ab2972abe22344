"""Deliveries: what the files of a year brought, by file and days from the end of the period to the reception."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import ClassVar

import sql
from loaders.bulk import Cursor, fetch_numbers
from pipelines.statistics.columns import Columns
from pipelines.windows import Ints
from schemas.formats import passive

#: Files further apart are read apart, unless that would be too many ranges: a whole year is read at once more quickly.
_GAP, _RANGES = 20, 16


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
    if files is None:
        row = cursor.execute(sql.query("scorecards", "bounds"), asked).fetchone()
        ranges = [(row[0], row[1])] if row is not None and row[0] is not None else []
    else:
        ranges = _ranges(files)
    found = (
        fetch_numbers(
            cursor, sql.query("statistics", "delivered"), Deliveries.types, asked | {"first": first, "last": last}
        )
        for first, last in ranges
    )
    return Deliveries.joined(Deliveries(*columns) for columns in found)


def _ranges(files: list[int]) -> list[tuple[int, int]]:
    """First and last of what is read at once: a row released from an old file must not have all files since read."""
    if not files:
        return []
    gaps = [at for at in range(1, len(files)) if files[at] - files[at - 1] > _GAP]
    begins = [0, *gaps] if len(gaps) < _RANGES else [0]
    return [(files[low], files[high - 1]) for low, high in pairwise([*begins, len(files)])]


def span(year: int) -> dict[str, object]:
    """A year as the queries of files name it."""
    return {"since": date(year, 1, 1), "until": date(year + 1, 1, 1)}
