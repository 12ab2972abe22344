"""The arithmetic of windows over many working lives at once agrees with a recomputation of one result at a time."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from twin.exceedances import Result, exceedances, year_before
from working_lives import engine

from schemas.formats import passive

#: Days around which something turns: limits, leap days, ends of months and years.
EDGES = (
    *(date(2003, 3, 31), date(2005, 3, 31), date(2018, 6, 30), date(2018, 7, 1), date(2023, 6, 30), date(2023, 7, 1)),
    *(
        date(2020, 2, 29),
        date(2021, 2, 28),
        date(2024, 2, 29),
        date(2025, 2, 28),
        date(2024, 12, 31),
        date(1969, 12, 31),
    ),
)
PLACES = {
    **dict.fromkeys(("PAS-HP10-PHO", "PAS-HP10-NEU"), ("POITRINE", "CEINTURE")),
    **dict.fromkeys(("PAS-HP007-PEAU", "PAS-E-RADON"), ("POITRINE", "AUTRE")),
    "PAS-HP3": ("TETE",),
    "PAS-HP007-EXT": ("DOIGT_D", "PIED_G"),
    **dict.fromkeys(("ENGAGEE", "NAVIGANT"), ("",)),
}
#: Doses that meet the limits exactly, by one micro-sievert, or in two or three halves.
DOSES = (
    0,
    1,
    99,
    100,
    3_000,
    3_001,
    5_999,
    6_000,
    6_001,
    7_500,
    7_501,
    10_000,
    15_000,
    20_000,
    20_001,
    25_000,
    50_000,
    50_001,
    100_001,
)


@st.composite
def days(draw: st.DrawFn) -> date:
    edge = draw(st.sampled_from(EDGES))
    year = draw(st.integers(-1, 1))
    day = (
        edge
        if year == 0
        else year_before(edge)
        if year < 0
        else edge.replace(year=edge.year + 1, day=min(edge.day, 28))
    )
    return day + timedelta(draw(st.one_of(st.integers(-2, 2), st.integers(-200, 200))))


@st.composite
def results(draw: st.DrawFn) -> Result:
    kind = draw(st.sampled_from((*passive.TYPES, "ENGAGEE", "NAVIGANT", "PAS-HP10-PHO", "PAS-HP10-PHO", "PAS-HP3")))
    end = draw(days())
    factor = 25 if "HP007" in kind else 1
    return Result(
        person=draw(st.integers(1, 3)),
        establishment=draw(st.integers(1, 2)),
        kind=kind,
        place=draw(st.sampled_from(PLACES[kind])),
        start=end - timedelta(draw(st.integers(0, 92))),
        end=end,
        usv=draw(st.sampled_from(DOSES)) * factor,
    )


BIRTHS = st.dictionaries(
    st.integers(1, 4),
    st.sampled_from((date(1960, 1, 1), date(1985, 3, 31), date(2000, 2, 29), date(2004, 2, 29), date(2006, 12, 31))),
)


@given(st.lists(results(), max_size=40), BIRTHS)
@settings(max_examples=1500, deadline=None)
def test_engine_and_twin_agree(life: list[Result], births: dict[int, date]) -> None:
    assert engine(life, births) == exceedances(life, births)


@st.composite
def dense(draw: st.DrawFn) -> list[Result]:
    """One career of months worn one after the other, at two places at once now and then: long runs, ties, ends."""
    day = draw(st.sampled_from((date(2018, 1, 31), date(2022, 2, 28), date(2024, 1, 31))))
    kind = draw(st.sampled_from(("PAS-HP10-PHO", "PAS-HP3", "PAS-HP10-NEU")))
    life = []
    for _ in range(draw(st.integers(1, 40))):
        day += timedelta(draw(st.sampled_from((1, 28, 29, 30, 31, 31, 31, 365, 366, 367))))
        usv = draw(st.sampled_from((0, 1_000, 2_000, 5_000, 20_000, 21_000)))
        places = draw(st.sampled_from((("POITRINE",), ("POITRINE",), ("CEINTURE",), ("POITRINE", "CEINTURE"))))
        for place in places if kind != "PAS-HP3" else ("TETE",):
            start = day - timedelta(draw(st.sampled_from((0, 27, 30, 45, 90))))
            life.append(Result(1, draw(st.integers(1, 2)), kind, place, start, day, usv + draw(st.integers(0, 1))))
    return life


@given(dense())
@settings(max_examples=1500, deadline=None)
def test_long_careers_agree(life: list[Result]) -> None:
    assert engine(life, {}) == exceedances(life, {})


@given(st.lists(results(), max_size=25), st.randoms())
@settings(max_examples=200, deadline=None)
def test_the_order_of_results_does_not_matter(life: list[Result], random: object) -> None:
    shuffled = list(life)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert engine(life, {}) == engine(shuffled, {})
