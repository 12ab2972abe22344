"""What a conclusion changes, on generated lives: the window comes to the value retained, whatever else it holds."""

from __future__ import annotations

import dataclasses
from datetime import date

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from property.test_windows import dense, results
from twin.exceedances import Exceedance, Result, exceedances, quantity, window_sum
from working_lives import arrays

from pipelines.adjustments import Window, adjusted
from schemas.formats import passive
from schemas.limits import by_code

LIVES = st.one_of(st.lists(results(), max_size=30), dense())
RETAINED = st.sampled_from((0, 1, 99, 100, 6_000, 20_000, 20_001, 30_000, 500_000))


def concluded(life: list[Result], one: Exceedance, retained: int | None) -> tuple[list[Result], list[int]]:
    """The life after a conclusion, and which of its person's results were changed."""
    mine = [result for result in life if result.person == one.person]
    place = passive.LOCATIONS.index(one.place) if one.place else -1
    changes = adjusted(arrays(mine), Window(by_code()[one.limit], place, one.window_start, one.window_end), retained)
    after = [dataclasses.replace(result, usv=changes.get(at, result.usv)) for at, result in enumerate(mine)]
    return after, sorted(changes)


@given(LIVES, RETAINED, st.data())
@settings(max_examples=600, deadline=None)
def test_the_window_comes_to_what_was_retained(life: list[Result], retained: int, data: st.DataObject) -> None:
    found = sorted(exceedances(life, {}), key=str)
    assume(found)
    one = data.draw(st.sampled_from(found))
    after, changed = concluded(life, one, retained)
    uncounted = sum(after[at].usv for at in changed if after[at].kind == "NAVIGANT" and 0 < after[at].usv < 100)
    assert window_sum(after, one) == retained - uncounted
    # Only results of the quantity, and but for dosimeters worn together only one, of the exceedance's day.
    same_day = [at for at in changed if after[at].end == one.window_end]
    assert len(same_day) >= (1 if retained != one.usv else 0)
    assert all(after[at].place in ("POITRINE", "CEINTURE") for at in changed) or len(changed) <= 1


@given(LIVES, st.data())
@settings(max_examples=300, deadline=None)
def test_of_an_annulled_one_the_day_counts_nothing_and_nothing_else_changes(
    life: list[Result], data: st.DataObject
) -> None:
    found = sorted(exceedances(life, {}), key=str)
    assume(found)
    one = data.draw(st.sampled_from(found))
    mine = [result for result in life if result.person == one.person]
    after, changed = concluded(life, one, None)
    what = by_code()[one.limit].quantity
    for at, (before, now) in enumerate(zip(mine, after, strict=True)):
        of_it = before.end == one.window_end and quantity(before.kind) == what and one.place in ("", before.place)
        assert now.usv == (0 if of_it else before.usv)
        assert (at in changed) == (now.usv != before.usv)


def test_what_went_meanwhile_leaves_nothing_to_change() -> None:
    """The results that made the exceedance may be gone when its physician answers."""
    window = Window(by_code()["EFF-20"], -1, date(2024, 4, 1), date(2025, 3, 31))
    assert adjusted(arrays([]), window, 5) == {}
    assert adjusted(arrays([]), window, None) == {}
