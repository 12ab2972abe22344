"""The promises as declared, and in words."""

from __future__ import annotations

from decimal import Decimal
from itertools import combinations
from statistics import median
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loaders.settings import project_root
from pipelines.quality.measures import Measure, judge
from reports.quality import bounds_in_words, subject_in_words
from schemas.formats import formats
from schemas.promises import FEWEST, Against, When, promises, silences
from schemas.roles import FORMATS_OF_ROLE

ROOT = project_root()


def test_every_promise_is_a_sentence_with_bounds_and_a_way_out() -> None:
    page = (ROOT / "docs" / "exploitation" / "qualite.md").read_text(encoding="utf-8")
    for one in promises().values():
        assert one.sentence.endswith("."), one.name
        assert one.base >= FEWEST
        assert f"| `{one.name}` |" in page, one.name
        if one.low is not None and one.high is not None:
            assert one.low < one.high
    assert all(len({first.sentence, second.sentence}) == 2 for first, second in combinations(promises().values(), 2))


def test_a_month_under_way_is_held_to_nothing_that_needs_its_end() -> None:
    for one in promises().values():
        assert one.judges(ended=True) is (one.when is not When.PRESENT), one.name
        assert one.judges(ended=False) is (one.when is not When.ENDED), one.name


def test_the_rules_of_the_calendar_are_about_what_a_role_may_send() -> None:
    for (role, layout), rule in silences().items():
        assert layout in formats()
        assert layout in FORMATS_OF_ROLE[role]
        assert rule.days > 0


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (("ABSOLU", None, 20.0, "%"), "au plus 20 %"),
        (("ECART", None, 5.0, "%"), "au plus +5 points d'écart à l'ordinaire"),
        (("ECART", -5.0, None, "%"), "au moins −5 points d'écart à l'ordinaire"),
        (("RAPPORT", 0.4, 2.5, "lignes"), "de ×\u202f0,4 à ×\u202f2,5 l'ordinaire"),
    ],
)
def test_bounds_read_as_french(told: tuple[Any, ...], words: str) -> None:
    names = ("comparaison", "minimum", "maximum", "unite")
    assert bounds_in_words(dict(zip(names, told, strict=True))) == words


def test_subjects_are_named_as_people_know_them() -> None:
    assert subject_in_words("500000") == "Nucleaire (500000)"
    assert subject_in_words("OA") == "Organismes de dosimétrie"
    assert subject_in_words("LABO1 OSL") == "LABO1 OSL"


VALUES = st.decimals(0, 100, places=4)


@given(st.sampled_from(sorted(promises())), VALUES, st.lists(VALUES, max_size=4))
def test_a_gap_is_what_a_reader_would_reckon(name: str, value: Decimal, before: list[Decimal]) -> None:
    promise = promises()[name]
    (found,) = judge([Measure(name, "x", 1000, value)], {(name, "x"): before, (name, "y"): [value]})
    if promise.against is Against.ALONE:
        assert (found.usual, found.gap) == (None, value)
    elif len(before) < promise.past:
        assert (found.usual, found.gap) == (None, None)
    elif promise.against is Against.DIFFERENCE:
        assert found.gap == value - median(before)
    elif median(before) == 0:
        assert found.gap is None
    else:
        assert found.gap is not None
        assert abs(found.gap - value / median(before)) <= Decimal("0.00005")
