"""Bulk movement: the binary form puts exactly what the text form puts."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
import pytest

from loaders.bulk import copy_in, copy_in_binary, fetch_columns

COLUMNS = "n8 bigint, n4 integer, n2 smallint, day date, word text, letter char(1)"
TYPES = {
    "n8": pa.int64(),
    "n4": pa.int32(),
    "n2": pa.int16(),
    "day": pa.date32(),
    "word": pa.string(),
    "letter": pa.string(),
}


def table(rows: list[tuple[object, ...]]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) if rows else [[] for _ in TYPES]
    return pa.table({name: pa.array(list(values), TYPES[name]) for name, values in zip(TYPES, columns, strict=True)})


FEW = [
    (1, 2, 3, date(2026, 3, 31), "M1", "I"),
    (None, -2, 3, date(1969, 12, 31), "M2", "A"),
    (-(2**62), 2**31 - 1, -(2**15), date(1, 1, 1), "é✓", None),
    (5, 6, 7, None, "", "R"),
    (1, 2, 3, date(9999, 12, 31), None, "D"),
]
MANY = [(at, at, at % 100, date(2026, 1, 1), "x" * at, "I") for at in range(200)]


@pytest.mark.parametrize("rows", [FEW, MANY, FEW[:1], []], ids=["few", "many shapes", "one", "none"])
def test_binary_and_text_put_the_same(registry, rows):
    with registry.connection.transaction():
        cursor = registry.connection.cursor()
        cursor.execute(f"create temp table by_text ({COLUMNS}) on commit drop")
        cursor.execute(f"create temp table by_binary ({COLUMNS}) on commit drop")
        assert copy_in(cursor, "by_text", table(rows)) == copy_in_binary(cursor, "by_binary", table(rows)) == len(rows)
        found = [set(cursor.execute(f"select * from {name}").fetchall()) for name in ("by_text", "by_binary")]
        assert found[0] == found[1] == set(rows)
        fetched = fetch_columns(cursor, "select n8, n4, n2, day, word, letter from by_binary", TYPES)
        assert set(zip(*(column.to_pylist() for column in fetched.columns), strict=True)) == set(rows)
