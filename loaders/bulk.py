"""Bulk movement between Arrow and PostgreSQL: COPY in both directions, no row in Python."""

from __future__ import annotations

import io
from collections.abc import Sequence
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
    with cursor.copy(f"copy {target} ({columns}) from stdin (format csv)") as copy:  # type: ignore[arg-type]
        view = text.getbuffer()
        for start in range(0, len(view), 1 << 20):
            copy.write(view[start : start + (1 << 20)])
    if cursor.rowcount != rows.num_rows:
        raise RuntimeError(f"{target} took {cursor.rowcount} rows of {rows.num_rows}")
    return cursor.rowcount


def copy_out(cursor: Cursor, query: str, types: dict[str, pa.DataType], params: Sequence[Any] = ()) -> pa.Table:
    """The rows of a query as an Arrow table with these columns, in the query's order."""
    text = io.BytesIO()
    statement = f"copy ({query}) to stdout (format csv)"
    with cursor.copy(statement, params or None) as copy:  # type: ignore[arg-type]
        for block in copy:
            text.write(block)
    if not text.tell():
        return pa.table({name: pa.array([], kind) for name, kind in types.items()})
    text.seek(0)
    return pyarrow.csv.read_csv(
        text,
        read_options=pyarrow.csv.ReadOptions(column_names=list(types), use_threads=False, block_size=1 << 24),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=types, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False
        ),
    )
