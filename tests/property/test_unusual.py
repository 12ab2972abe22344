"""The vectorised usual against its row-by-row twin, on small invented registries."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twin.unusual import Dose, context, past

from pipelines.usual import Results, context_medians, contexts, doublings, pasts, usual

SMALL = st.integers(-1, 1)


@st.composite
def registries(draw: st.DrawFn) -> list[Dose]:
    count = draw(st.integers(1, 40))
    return [
        Dose(
            person=draw(st.integers(1, 3)),
            establishment=draw(st.integers(1, 2)),
            kind=draw(st.integers(0, 1)),
            location=draw(SMALL),
            start=(day := draw(st.integers(20_000, 20_040))) - draw(st.sampled_from([30, 90])),
            day=day,
            usv=draw(st.sampled_from([0, 50, 100, 150, 1_000, 60_000])),
            trade=draw(SMALL),
            sector=draw(SMALL),
            domain=draw(SMALL),
            line=line,
            fault=draw(st.sampled_from([False, False, False, True])),
        )
        for line in range(1, count + 1)
    ]


def arrays(doses: list[Dose]) -> Results:
    def column(name: str) -> np.ndarray:
        return np.array([getattr(one, name) for one in doses], np.int64)

    same = np.ones(len(doses), np.int64)
    told = ("kind", "location", "start", "day", "usv", "trade", "sector", "domain", "fault")
    own = {name: column(name) for name in (*told, "person", "establishment", "line")}
    return Results(sender=same, submission=same, dosimeter=same, **own)


@given(registries())
@settings(max_examples=300)
def test_contexts_and_pasts_are_those_of_the_twin(doses: list[Dose]) -> None:
    results = arrays(doses)
    scale = doublings(results.usv)
    medians = context_medians(scale, contexts(results), results.fault == 0)
    assert medians == pytest.approx([context(doses, one) for one in doses])
    count, middle, before = pasts(results, scale)
    for at, one in enumerate(doses):
        assert (count[at], pytest.approx(middle[at]), before[at]) == past(doses, one)


@given(registries(), st.randoms(use_true_random=False))
@settings(max_examples=100)
def test_the_order_of_rows_changes_nothing(doses: list[Dose], random: object) -> None:
    shuffled = list(doses)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = usual(arrays(doses)), usual(arrays(shuffled))
    place = {dose.line: at for at, dose in enumerate(shuffled)}
    order = [place[dose.line] for dose in doses]
    for name in ("expected", "past", "high", "low"):
        assert getattr(one, name) == pytest.approx(getattr(other, name)[order])


@given(registries())
@settings(max_examples=100)
def test_a_confirmed_fault_teaches_nothing(doses: list[Dose]) -> None:
    """Whatever its value, what is expected of the others is the same."""
    spoiled = [Dose(**(vars(one) | {"usv": 9_999_950})) if one.fault else one for one in doses]
    sound = np.array([not one.fault for one in doses])
    one, other = usual(arrays(doses)), usual(arrays(spoiled))
    assert one.expected[sound] == pytest.approx(other.expected[sound])
    assert one.high[sound] == pytest.approx(other.high[sound])
