"""The curve of the rolling sum, held day by day against sums made one result at a time."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from twin.exceedances import is_minor, judged_by, year_before
from working_lives import number

from pipelines.rolling import judged_with, steps
from pipelines.windows import eighteenth_birthday
from schemas.limits import by_code

#: Around every change of a limit, leap days among them.
EPOCHS = [date(2003, 4, 1), date(2005, 3, 31), date(2018, 7, 1), date(2023, 7, 1), date(2024, 2, 29), date(2012, 2, 28)]
near = st.builds(lambda day, by: day + timedelta(by), st.sampled_from(EPOCHS), st.integers(-500, 500))
lives = st.lists(st.tuples(near, st.integers(-9_000, 60_000)), max_size=12)


@settings(max_examples=150, deadline=None)
@given(
    lives,
    st.sampled_from(["EFF-20", "CRI-20", "CRI-100", "EXT-500"]),
    near,
    st.dates(date(1980, 1, 1), date(2010, 1, 1)),
)
@example([(date(2024, 2, 29), 5)], "EFF-20", date(2025, 2, 1), date(1980, 1, 1))
@example([(date(2011, 2, 28), 5)], "EFF-20", date(2012, 2, 1), date(1980, 1, 1))
def test_every_day_has_its_sum_and_limit(life: list[tuple[date, int]], code: str, first: date, birth: date) -> None:
    limit, last = by_code()[code], first + timedelta(420)
    life.sort()
    days, usv = (np.array(one, np.int64) for one in ([number(day) for day, _ in life], [usv for _, usv in life]))
    adult = int(eighteenth_birthday(np.array([number(birth)]))[0])
    found = steps(days, usv, judged_with(limit), adult, number(first), number(last))
    assert found.day[0] == number(first)
    for by in range(421):
        day = first + timedelta(by)
        at = int(np.searchsorted(found.day, number(day), "right")) - 1
        judged = [one for one in judged_by(limit.quantity, day, is_minor(birth, day)) if one[3] == limit.rolling]
        if not judged:
            assert found.limit[at] == -1
            continue
        ((_, level, cut, rolling),) = judged
        since = year_before(day) + timedelta(1) if rolling else date(1, 1, 1)
        naive = sum(one for when, one in life if max(since, cut or since) <= when <= day)
        assert (found.usv[at], found.limit[at]) == (naive, level), day
