"""The rhythm of a sender: how long it may be silent before it is late."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.expected import rhythm

START = date(2025, 1, 6)


def every(days: int, count: int) -> list[date]:
    return [START + timedelta(days=days * at) for at in range(count)]


def spaced(*gaps: int) -> list[date]:
    days = [START]
    for gap in gaps:
        days.append(days[-1] + timedelta(days=gap))
    return days


@pytest.mark.parametrize(
    ("days", "silence"),
    [
        ([], None),
        ([START], None),
        (every(30, 4), None),  # three gaps are no rhythm yet
        (every(30, 5), 38),
        (every(1, 20), 4),
        (every(7, 20), 10),
        (every(91, 5), 114),
        (spaced(*[1, 1, 1, 1, 3] * 6), 6),  # working days
        (spaced(*[1, 1, 26] * 6), 35),  # a month's files over three days are one delivery
        (spaced(*[30] * 9, 120), 38),  # one long silence is no rhythm
        (spaced(*[10] * 6, 60, *[10] * 6, 60, 10, 10), None),
        (spaced(*[7] * 30, *[30] * 24), 38),  # it counts as of late
    ],
)
def test_a_rhythm_is_what_nine_gaps_in_ten_say(days: list[date], silence: int | None) -> None:
    assert rhythm(days) == silence


@given(st.integers(1, 120), st.integers(5, 40), st.data())
def test_whoever_keeps_its_rhythm_is_never_late_by_it(step: int, count: int, data: st.DataObject) -> None:
    """Days that stray by an eighth of the step: whatever the next one's, it comes within the silence allowed."""
    stray = step // 8
    days = [day + timedelta(days=data.draw(st.integers(0, stray))) for day in every(step, count + 1)]
    silence = rhythm(days[:-1])
    assert silence is not None
    assert (days[-1] - days[-2]).days <= silence


@given(st.lists(st.integers(1, 200), max_size=60))
def test_a_silence_is_longer_than_what_is_usual_and_never_endless(gaps: list[int]) -> None:
    silence = rhythm(spaced(*gaps))
    if silence is not None:
        assert sorted(gaps)[len(gaps) // 2] < silence <= sum(gaps) * 5 / 4 + 3
