"""Selections as files: the causes that filters leave, or the rows of one cause; nominative ones are noted."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

from loaders.secrets import RegistryKey
from loaders.warehouse import Connection
from pipelines import audit, causes
from reports import selections


def selection(
    connection: Connection,
    key: RegistryKey,
    today: date,
    filters: causes.Filters,
    order: str,
    cause: int | None,
    who: str,
    door: str,
    *,
    workbook: bool,
) -> tuple[bytes, int]:
    """The file and how many rows it has; looks at nominative rows are noted under ``who``."""
    if cause is None:
        columns, rows = selections.CAUSES, list(causes.every_cause(connection, today, filters, order))
    else:
        columns, rows = selections.ENTRIES, list(causes.every_entry(connection, key, cause))
        audit.looked(connection, who, door, "export", [row["id"] for row in rows], records=0)
    return (selections.as_workbook if workbook else selections.as_csv)(columns, rows), len(rows)


def write(
    connection: Connection,
    key: RegistryKey,
    today: date,
    out: Path,
    filters: causes.Filters,
    order: str,
    cause: int | None,
    who: str,
) -> int:
    """Write a selection where the suffix says which form; mode 0600. Returns how many rows it has."""
    body, count = selection(
        *(connection, key, today, filters, order, cause, who, audit.COMMAND), workbook=out.suffix.lower() == ".xlsx"
    )
    with os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(body)
    return count
