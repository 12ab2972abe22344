"""Bulk movement between Arrow and PostgreSQL, no row in Python."""

from __future__ import annotations

import io
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.csv

Cursor = psycopg.Cursor[Any]


def copy_in(cursor: Cursor, target: str, rows: pa.Table) -> int:
    """Append an Arrow table to a database table whose columns bear the same names.

    Args:
        target: qualified name of the table; a constant of this software or a name the database gave.
        rows: nulls become NULL, empty strings stay empty strings.

    Returns:
        How many rows the database took.
    """
    if not rows.num_rows:
        return 0
    text = io.BytesIO()
    options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="needed", batch_size=65_536)
    pyarrow.csv.write_csv(rows, text, options)
    columns = ", ".join(f'"{name}"' for name in rows.column_names)
    with cursor.copy(f"copy {target} ({columns}) from stdin (format csv)") as copy:
        view = text.getbuffer()
        for start in range(0, len(view), 1 << 20):
            copy.write(view[start : start + (1 << 20)])
    if cursor.rowcount != rows.num_rows:
        raise RuntimeError(f"{target} took {cursor.rowcount} rows of {rows.num_rows}")
    return cursor.rowcount


def fetch_columns(cursor: Cursor, query: str, types: dict[str, pa.DataType]) -> pa.Table:
    """The rows of a query as an Arrow table, fetched as one array a column (no row in Python).

    Args:
        types: names and types of the query's columns, in its order.
    """
    names = ", ".join(f"c{at}" for at in range(len(types)))
    arrays = ", ".join(f"array_agg(c{at})" for at in range(len(types)))
    with cursor.connection.cursor(binary=True) as reader:
        reader.execute(f"select {arrays} from ({query}) as q ({names})")  # noqa: S608
        row = reader.fetchone()
    assert row is not None
    return pa.table(
        {name: pa.array(values or [], kind) for (name, kind), values in zip(types.items(), row, strict=True)}
    )
