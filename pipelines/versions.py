"""Versions of reference facts, buffered: what a chunk changes is written in a few statements.

A fact that two rows of one load change keeps the version between, with an empty registry time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa

import sql
from loaders.bulk import Cursor, copy_in


@dataclass
class Fact:
    """The current version of a fact: its values by column, and where it lies.

    ``stored`` identifies a version that the warehouse holds (the columns its closing names); ``None``
    for a version of this chunk, still in the buffer.
    """

    values: dict[str, Any]
    stored: tuple[Any, ...] | None = None
    #: The submission that wrote it; a row that came before it does not change it.
    origin: int = 0


class Buffer:
    """Rows to insert into and versions to close in one reference table."""

    def __init__(self, table: str, close: str | None, load: int) -> None:
        self._table, self._close, self._load = table, close, load
        self._rows: list[dict[str, Any]] = []
        self._closed: list[tuple[Any, ...]] = []

    def insert(self, **values: Any) -> Fact:
        """Add a version that holds from this load on."""
        self._rows.append(values | {"since_load": self._load})
        return Fact(self._rows[-1], origin=int(values.get("submission_id", 0)))

    def replace(self, old: Fact, **values: Any) -> Fact:
        """Close a version and add the one that follows it."""
        self.close(old)
        return self.insert(**values)

    def close(self, old: Fact) -> None:
        """Close a version, stored or still buffered."""
        if old.stored is None:
            old.values["until_load"] = self._load
        else:
            self._closed.append(old.stored)

    def flush(self, cursor: Cursor) -> int:
        """Write everything; gives how many versions were inserted."""
        if self._closed:
            assert self._close is not None
            columns = [list(column) for column in zip(*self._closed, strict=True)]
            cursor.execute(sql.query("apply", self._close), (self._load, *columns))
            if cursor.rowcount != len(self._closed):
                raise RuntimeError(f"{self._table}: {len(self._closed)} versions to close, {cursor.rowcount} closed")
        if self._rows:
            names = list(dict.fromkeys(name for row in self._rows for name in row))
            columns_ = {name: pa.array([row.get(name) for row in self._rows]) for name in names}
            copy_in(cursor, self._table, pa.table(columns_))
        written = len(self._rows)
        self._rows, self._closed = [], []
        return written
