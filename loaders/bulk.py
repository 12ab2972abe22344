"""Bulk movement between Arrow and PostgreSQL, no row in Python."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from numpy.typing import NDArray

if TYPE_CHECKING:
    import psycopg

    Cursor = psycopg.Cursor[Any]
else:
    Cursor = Any  # the sender's own check settles without a database, and its driver may be missing


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


_SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_EPOCH_2000 = 10_957  # days from 1970 to 2000, PostgreSQL's epoch
_NUMBERS = {pa.int16(): ">i2", pa.int32(): ">i4", pa.int64(): ">i8", pa.date32(): ">i4"}
#: Rows alike in nulls and text lengths are laid out together; with more groups than this text serves better.
_GROUPS = 64
#: Rows that are laid out before they are sent.
_AT_ONCE = 16_384


def copy_in_binary(cursor: Cursor, target: str, rows: pa.Table) -> int:
    """Append an Arrow table as :func:`copy_in` does, in PostgreSQL's binary form.

    For columns of int16, int32, int64, date32 and text, whose types are exactly the table's own. Rows are
    grouped by what is null and how long the texts are, so each group is one block of fixed-size
    records; where that makes too many groups the text form is used.
    """
    count = rows.num_rows
    if not count:
        return 0
    columns = [(name, rows[name].combine_chunks()) for name in rows.column_names]
    shape = np.zeros(count, np.int64)
    groups = 1
    for _, column in columns:
        if pa.types.is_string(column.type):
            length = np.asarray(pc.fill_null(pc.binary_length(column), -1)).astype(np.int64)
        elif column.null_count:
            length = np.asarray(pc.is_null(column)).astype(np.int64)
        else:
            continue
        if (length != length[0]).any():
            shape = np.unique(shape * (int(length.max()) + 2) + length + 1, return_inverse=True)[1]
            groups = int(shape.max()) + 1
    if groups > _GROUPS:
        return copy_in(cursor, target, rows)
    names = ", ".join(f'"{name}"' for name in rows.column_names)
    with cursor.copy(f"copy {target} ({names}) from stdin (format binary)") as copy:
        copy.write(_SIGNATURE)
        for group in range(groups):
            chosen = np.flatnonzero(shape == group)
            for start in range(0, len(chosen), _AT_ONCE):  # the server begins while the rest is laid out
                part = chosen[start : start + _AT_ONCE]
                copy.write(_records(columns, part if len(part) < count else None, len(part)))
        copy.write(b"\xff\xff")
    if cursor.rowcount != count:
        raise RuntimeError(f"{target} took {cursor.rowcount} rows of {count}")
    return cursor.rowcount


def _records(columns: list[tuple[str, pa.Array]], chosen: NDArray[np.int64] | None, count: int) -> bytes:
    """Binary records of rows that are null in the same places and whose texts have the same lengths."""
    fields: list[tuple[str, str]] = [("fields", ">i2")]
    values: dict[str, Any] = {"fields": len(columns)}
    for name, column in columns:
        part = column if chosen is None else column.take(pa.array(chosen))
        fields.append((f"{name}:", ">i4"))
        if part.null_count:
            values[f"{name}:"] = -1
            continue
        if pa.types.is_string(part.type):
            values[f"{name}:"] = size = len(part[0].as_py().encode())
            if not size:
                continue
            begin, data = part.offset, part.buffers()
            begin = int(np.frombuffer(data[1], np.int32)[begin])
            content = np.frombuffer(data[2], f"S{size}", count=count, offset=begin)
            fields.append((name, f"S{size}"))
        else:
            form = _NUMBERS[part.type]
            dated = pa.types.is_date32(part.type)
            content = np.asarray(part.view(pa.int32()) if dated else part).astype(form)
            content = content - _EPOCH_2000 if dated else content
            values[f"{name}:"] = np.dtype(form).itemsize
            fields.append((name, form))
        values[name] = content
    records = np.zeros(count, np.dtype(fields))
    for name, content in values.items():
        records[name] = content
    return records.tobytes()


def fetch_columns(cursor: Cursor, query: str, types: dict[str, pa.DataType]) -> pa.Table:
    """The rows of a query as an Arrow table, by way of text that no row of which is an object in Python.

    Args:
        query: without parameters.
        types: names and types of the query's columns, in its order.
    """
    text = io.BytesIO()
    with cursor.copy(f"copy ({query}) to stdout (format csv, force_quote *)") as copy:
        for block in copy:
            text.write(block)
    if not text.tell():
        return pa.table({name: pa.array([], kind) for name, kind in types.items()})
    text.seek(0)
    return pyarrow.csv.read_csv(
        text,
        pyarrow.csv.ReadOptions(column_names=list(types), use_threads=False),
        pyarrow.csv.ParseOptions(newlines_in_values=True),
        # What is null bears no quotes, and everything else does.
        pyarrow.csv.ConvertOptions(
            column_types=types, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False
        ),
    )


_WIDTHS = {"int2": 2, "int4": 4, "int8": 8, "date": 4}


def fetch_numbers(
    cursor: Cursor, query: str, types: dict[str, str], values: Any = None, wanted: int | None = None
) -> list[NDArray[np.int64]]:
    """Rows of a query as one array of int64 a column; no number of them ever is an object in Python.

    Args:
        types: what the database calls each column of the query, in its order: ``int2``, ``int4``, ``int8`` or ``date``
            (given as days since 1970-01-01). No column that is wanted may hold a null.
        values: the query's parameters.
        wanted: only so many of the first columns.
    """
    from psycopg.adapt import Loader
    from psycopg.pq import Format

    class Raw(Loader):
        format = Format.BINARY

        def load(self, data: Any) -> bytes:
            return bytes(data)

    names = ", ".join(f"c{at}" for at in range(len(types)))
    kinds = list(types.values())[:wanted]
    arrays = ", ".join(f"array_agg(c{at})" for at in range(len(kinds)))
    with cursor.connection.cursor(binary=True) as reader:
        for kind in _WIDTHS:
            reader.adapters.register_loader(reader.adapters.types[kind].array_oid, Raw)
        reader.execute(f"select {arrays} from ({query}) as q ({names})", values)  # noqa: S608
        row = reader.fetchone()
    assert row is not None
    return [_numbers(array, kind) for array, kind in zip(row, kinds, strict=True)]


def _numbers(array: bytes | None, kind: str) -> NDArray[np.int64]:
    """An array in PostgreSQL's binary form: five words ahead, then each element behind its length."""
    if array is None:
        return np.empty(0, np.int64)
    width = _WIDTHS[kind]
    elements = np.frombuffer(array, [("length", ">i4"), ("value", f">i{width}")], offset=20)
    assert (elements["length"] == width).all()
    return elements["value"].astype(np.int64) + (_EPOCH_2000 if kind == "date" else 0)
