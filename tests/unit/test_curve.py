"""The picture of a curve: well formed, inside its frame, legible without colour, whatever is drawn."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from reports.curve import HEIGHT, LEGEND, WIDTH, Bar, Curve, Mark, Step, drawn

DAY = 20_000


def curve(scale: int = 1, days: int = 400, told: str = "PAS-HP10-PHO, LABO1") -> Curve:
    return Curve(
        DAY,
        DAY + days - 1,
        (
            Bar(DAY + 10, 12 * scale, True, told),
            Bar(DAY + 30, -3 * scale, True, told),
            Bar(DAY + 10, 7 * scale, False, told),
            Bar(DAY + 10, 0, True, told),
        ),
        (
            Step(DAY, 0, -1),
            Step(DAY + 5, 0, 15 * scale),
            Step(DAY + 10, 12 * scale, 15 * scale),
            Step(DAY + 60, 21 * scale, 20 * scale),
        ),
        (DAY + 3, DAY + 60),
        (Mark(DAY + 60, 21 * scale, True),),
    )


def read(one: Curve, title: str = "Une courbe") -> ElementTree.Element:
    return ElementTree.fromstring(str(drawn(one, title)))


@pytest.mark.parametrize("scale", [1, 37, 1000, 250_000])
@pytest.mark.parametrize("days", [31, 400, 20_000])
def test_everything_lies_inside_the_frame(scale: int, days: int) -> None:
    one = curve(scale, max(days, 70))
    for part in read(one).iter():
        for name, most in (("x", WIDTH), ("y", HEIGHT)):
            if name in part.attrib:
                assert 0 <= float(part.attrib[name]) <= most, part.attrib
        if part.tag == "path" and part.get("class") == "somme":
            numbers = [float(one) for one in re.findall(r"-?[0-9.]+", part.attrib["d"])]
            assert all(0 <= one <= WIDTH for one in numbers)
    labels = [part.text for part in read(one).iter("text")]
    assert "mSv" in labels
    assert len(labels) <= 30, "not too many for the room"


def test_the_line_breaks_where_no_limit_is() -> None:
    parts = {part.get("class"): part for part in read(curve()).iter("path")}
    assert parts["somme"].attrib["d"].count("M") == 1
    left = float(re.findall(r"[0-9.]+", parts["somme"].attrib["d"])[0])
    assert left > 56
    assert len([part for part in read(curve()).iter("path") if part.get("class") == "limite"]) == 2, "one an epoch"


def test_what_does_not_count_is_hollow_and_says_so() -> None:
    bars = [part for part in read(curve()).iter("rect") if (part.get("class") or "").startswith("resultat")]
    assert [one.get("fill") for one in bars] == ["currentColor", "currentColor", "none", "currentColor"]
    assert "non compté" in (bars[2][0].text or "")
    assert float(bars[2].attrib["x"]) >= float(bars[0].attrib["x"]) + float(bars[0].attrib["width"])


def test_nothing_from_elsewhere_and_nothing_that_a_policy_forbids() -> None:
    hostile = '"><script>alert(1)</script>'
    text = str(drawn(curve(told=hostile), hostile))
    assert "<script" not in text
    for word in ("style=", "href", "url(", "onload", "<image", "<use", "http"):
        assert word not in text
    assert read(curve(), hostile).get("aria-label") == hostile
    for sign, _ in LEGEND:
        ElementTree.fromstring(str(sign))


def test_a_curve_without_any_result_is_a_frame() -> None:
    empty = Curve(DAY, DAY + 30, (), (Step(DAY, 0, 20_000),), (DAY, DAY + 5), ())
    assert [part.get("class") for part in read(empty).iter("path")].count("somme") == 1
    nothing = Curve(DAY, DAY + 30, (), (), (DAY, DAY + 5), ())
    assert "somme" not in [part.get("class") for part in read(nothing).iter("path")]
