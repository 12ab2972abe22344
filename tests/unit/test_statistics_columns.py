"""Columns at rest, and what is read of files."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.statistics.columns import differing
from pipelines.statistics.deliveries import Deliveries, _ranges
from pipelines.statistics.facts import Facts

NUMBERS = st.integers(-(2**31), 2**31 - 1)
SMALL = st.integers(-(2**15), 2**15 - 1)
LARGE = st.integers(-(2**63), 2**63 - 1)
ROWS = st.lists(st.tuples(NUMBERS, NUMBERS, SMALL, SMALL, LARGE, LARGE, LARGE), max_size=20)


def facts(rows: list[tuple[int, ...]]) -> Facts:
    return Facts(*np.array(rows, np.int64).reshape(-1, 7).T)


@given(ROWS)
def test_what_was_packed_is_unpacked(rows: list[tuple[int, ...]]) -> None:
    found = Facts.unpacked(facts(rows).packed())
    assert list(zip(*(array.tolist() for array in found.arrays), strict=True)) == rows


@given(ROWS, ROWS)
def test_rows_that_differ_are_counted_as_often_as_they_occur(
    one: list[tuple[int, ...]], other: list[tuple[int, ...]]
) -> None:
    left = list(other)
    lacking = 0
    for row in one:
        if row in left:
            left.remove(row)
        else:
            lacking += 1
    assert differing(facts(one), facts(other)) == lacking + len(left)


def test_other_columns_are_refused() -> None:
    with pytest.raises(ValueError, match="Facts"):
        Facts.unpacked(Deliveries.none().packed())


@given(st.sets(st.integers(1, 2000), max_size=60).map(sorted))
def test_ranges_hold_every_file_and_are_few(files: list[int]) -> None:
    ranges = _ranges(files)
    assert len(ranges) <= 16
    assert all(sum(low <= one <= high for low, high in ranges) == 1 for one in files)
    assert all(low in files and high in files for low, high in ranges)


def test_files_far_apart_are_read_apart() -> None:
    assert _ranges([3, 4, 5, 9000]) == [(3, 5), (9000, 9000)]
    assert _ranges([]) == []
