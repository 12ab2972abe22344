"""Figures of the yearly tables: how they are rounded and shown, where a bracket ends, what a quantile is."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.statistics.cells import (
    ANNUAL_BRACKETS,
    MINISTRY_BRACKETS,
    SKIN_BRACKETS,
    Unit,
    basis,
    mean,
    quantile,
    text,
)
from pipelines.statistics.limits_of_year import of_year


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (None, Unit.COUNT, ""),
        (12, Unit.COUNT, "12"),
        ("IDT-05:2", Unit.TEXT, "IDT-05:2"),
        (Fraction(112_310_000, 10**6), Unit.MAN_SIEVERT, "112.310000"),
        (Fraction(1, 3), Unit.MILLISIEVERT, "0.333333"),
        (Fraction(1, 2_000_000), Unit.SHARE, "0.000001"),
        (Fraction(-1, 2_000_000), Unit.SHARE, "-0.000001"),
        (Fraction(-1, 3_000_000), Unit.SHARE, "0.000000"),
        (Fraction("99.99995"), Unit.PERCENT, "100.0000"),
    ],
)
def test_text(value: object, unit: Unit, shown: str) -> None:
    assert text(value, unit) == shown


def test_brackets_are_open_on_the_left() -> None:
    assert ANNUAL_BRACKETS.names == ("0", "]0;1]", "]1;5]", "]5;10]", "]10;15]", "]15;20]", ">20")
    assert MINISTRY_BRACKETS.names[-1] == ">10"
    assert SKIN_BRACKETS.names == ("0", "]0;50]", "]50;150]", "]150;500]", ">500")
    usv = np.array([0, 1, 1_000, 1_001, 5_000, 10_000, 15_000, 20_000, 20_001])
    assert ANNUAL_BRACKETS.of(usv).tolist() == [0, 1, 1, 2, 2, 3, 4, 5, 6]


@given(st.lists(st.integers(0, 100_000), min_size=1, max_size=40))
def test_quantiles_are_numpys_to_the_last_digit(doses: list[int]) -> None:
    ascending = np.sort(np.array(doses))
    for share in (Fraction(1, 2), Fraction(19, 20), Fraction(99, 100)):
        found = quantile(ascending, share)
        assert found is not None
        assert float(found) == pytest.approx(np.percentile(ascending, float(100 * share)) / 1000)


def test_nothing_is_reckoned_from_nobody() -> None:
    nobody = np.array([], np.int64)
    assert quantile(nobody, Fraction(1, 2)) is None
    assert mean(0, 0) is None
    assert (basis(nobody, nobody).workers, basis(nobody, nobody).largest_share) == (0, 0)


def test_basis_tells_the_largest_establishment() -> None:
    held = basis(np.array([7, 7, 9]), np.array([10, 20, 10]))
    assert (held.workers, held.establishments, held.usv, held.largest_share) == (3, 2, 40, Fraction(3, 4))


def test_limits_of_a_civil_year() -> None:
    minor = np.array([False, True])
    assert [of_year("EFFICACE", year, minor).tolist() for year in (2002, 2004, 2005, 2025)] == [
        [50_000, 6_000], [35_000, 6_000], [20_000, 6_000], [20_000, 6_000]
    ]  # fmt: skip
    assert [of_year("CRISTALLIN", year, minor)[0] for year in (2017, 2018, 2022, 2023)] == [
        150_000, 50_000, 50_000, 20_000
    ]  # fmt: skip
    assert of_year("PEAU", 2020, minor).tolist() == [500_000, 150_000]
