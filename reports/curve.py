"""A worker's results and their rolling sum against the limit, drawn as one SVG to stand in a page.

Nothing from elsewhere, no style attribute and no script, so that a page whose policy forbids them may hold it. The
colour of the text draws everything: shapes and dashes tell things apart, in black and white and by night. Classes let
a page's style sheet add colour. What is drawn must also stand in the page as a table.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from markupsafe import Markup

#: The picture, and the room of its axes, in its own units.
WIDTH, HEIGHT = 1000, 360
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 18, 38
MONTHS = ("janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc.")
#: Room in micro-sievert above the highest point, as a share of it.
_HEADROOM = 1.12
_EPOCH = date(1970, 1, 1)
_FULL, _HOLLOW = Markup('fill="currentColor" fill-opacity="0.6"'), Markup('fill="none"')


@dataclass(frozen=True)
class Bar:
    """A result on its day (since 1970-01-01), in micro-sievert; hollow where it does not count."""

    day: int
    usv: int
    counted: bool
    told: str


@dataclass(frozen=True)
class Step:
    """From this day to the next step: the sum and the limit in force, below 0 where there is none."""

    day: int
    usv: int
    limit: int


@dataclass(frozen=True)
class Mark:
    """A result day above the limit; ``peak``: that of the highest sum."""

    day: int
    usv: int
    peak: bool


@dataclass(frozen=True)
class Curve:
    """What is drawn, from ``first`` to ``last`` day; ``window`` is shaded."""

    first: int
    last: int
    bars: tuple[Bar, ...]
    steps: tuple[Step, ...]
    window: tuple[int, int]
    marks: tuple[Mark, ...]


def drawn(curve: Curve, title: str) -> Markup:
    """The picture, as an ``<svg>`` element whose accessible name is ``title``."""
    return Markup('<svg class="courbe" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        WIDTH, HEIGHT, title, Markup("").join(_Drawing(curve).parts())
    )


class _Drawing:
    def __init__(self, curve: Curve) -> None:
        self.curve = curve
        heights = [one.usv for one in curve.bars] + [max(one.usv, one.limit) for one in curve.steps]
        self._top: float = max([*heights, 1]) * _HEADROOM
        # A physician's adjustment may be a dose below zero.
        self._low = min([0, *(one.usv for one in curve.bars), *(one.usv for one in curve.steps)])
        self._days = curve.last - curve.first + 1

    def x(self, day: float) -> float:
        return LEFT + (day - self.curve.first) / self._days * (WIDTH - LEFT - RIGHT)

    def y(self, usv: float) -> float:
        return HEIGHT - BOTTOM - (usv - self._low) / (self._top - self._low) * (HEIGHT - TOP - BOTTOM)

    def parts(self) -> Iterator[Markup]:
        yield self._window()
        yield from self._levels()
        yield from self._months()
        yield from self._bars()
        yield from self._limits()
        yield from self._sums()
        yield from self._marks()

    def _window(self) -> Markup:
        start, end = self.x(self.curve.window[0]), self.x(self.curve.window[1] + 1)
        return Markup(
            '<g class="fenetre"><rect x="{}" y="{}" width="{}" height="{}" fill="currentColor" fill-opacity="0.08"/>'
            '<path d="M{} {}V{}M{} {}V{}" stroke="currentColor" stroke-dasharray="1 4" fill="none"/></g>'
        ).format(
            _n(start), TOP, _n(end - start), HEIGHT - TOP - BOTTOM,
            _n(start), TOP, HEIGHT - BOTTOM, _n(end), TOP, HEIGHT - BOTTOM,
        )  # fmt: skip

    def _levels(self) -> Iterator[Markup]:
        """Lines and figures of the doses."""
        step = _round_step((self._top - self._low) / 1000 / 4)
        for at in range(math.ceil(self._low / 1000 / step), int(self._top / 1000 / step) + 1):
            y, value = _n(self.y(at * step * 1000)), at * step
            yield Markup(
                '<path class="grille" d="M{} {}H{}" stroke="currentColor" stroke-opacity="{}"/>'
                '<text x="{}" y="{}" text-anchor="end" dominant-baseline="middle" font-size="12" fill="currentColor">{}'
                "</text>"
            ).format(LEFT, y, WIDTH - RIGHT, "0.15" if at else "0.8", LEFT - 7, y, f"{value:g}".replace(".", ","))
        yield Markup('<text x="{}" y="{}" text-anchor="end" font-size="12" fill="currentColor">mSv</text>').format(
            LEFT - 7, TOP - 6
        )

    def _months(self) -> Iterator[Markup]:
        """Marks of the time: quarters, years, or every few years."""
        first, last = _day(self.curve.first), _day(self.curve.last)
        years = last.year - first.year + 1
        every = 3 if years <= 4 else 12 * max(1, -(-years // 12))
        for at in range(first.year * 12 // every * every, last.year * 12 + 12, every):
            day = date(at // 12, at % 12 + 1, 1)
            if not first <= day <= last:
                continue
            x = _n(self.x((day - _EPOCH).days))
            label = f"{MONTHS[day.month - 1]} {day.year}" if every < 12 else str(day.year)
            yield Markup(
                '<path d="M{} {}v5" stroke="currentColor"/>'
                '<text x="{}" y="{}" text-anchor="middle" font-size="12" fill="currentColor">{}</text>'
            ).format(x, HEIGHT - BOTTOM, x, HEIGHT - BOTTOM + 19, label)

    def _bars(self) -> Iterator[Markup]:
        """Results of one day stand on one another; those that do not count stand hollow beside them."""
        width = max(3.0, min(10.0, (WIDTH - LEFT - RIGHT) / self._days * 20))
        heights: dict[tuple[int, bool], int] = {}
        for one in self.curve.bars:
            below = heights.get((one.day, one.counted), 0)
            heights[one.day, one.counted] = below + one.usv
            right = self.x(one.day + 1)
            left = right - width if one.counted else right + 1
            foot, top = sorted((self.y(below), self.y(below + one.usv)), reverse=True)
            look = _FULL if one.counted else _HOLLOW
            yield Markup(
                '<rect class="resultat{}" x="{}" y="{}" width="{}" height="{}" {} stroke="currentColor">'
                "<title>{} : {} mSv{} ({})</title></rect>"
            ).format(
                "" if one.counted else " ecarte", _n(left), _n(top), _n(width), _n(foot - top), look,
                _day(one.day).strftime("%d/%m/%Y"), _msv(one.usv), "" if one.counted else ", non compté", one.told,
            )  # fmt: skip

    def _limits(self) -> Iterator[Markup]:
        """The limit of each epoch, dashed, with its figure at its left end."""
        steps = self.curve.steps
        at = 0
        while at < len(steps):
            end = at
            while end < len(steps) and steps[end].limit == steps[at].limit:
                end += 1
            if steps[at].limit >= 0:
                left = self.x(steps[at].day)
                right = self.x(steps[end].day if end < len(steps) else self.curve.last + 1)
                y = self.y(steps[at].limit)
                yield Markup(
                    '<path class="limite" d="M{} {}H{}" stroke="currentColor" stroke-width="1.6" stroke-dasharray="9 5"'
                    ' fill="none"/><text class="limite" x="{}" y="{}" font-size="12" font-weight="bold"'
                    ' fill="currentColor">limite {} mSv</text>'
                ).format(_n(left), _n(y), _n(right), _n(left + 4), _n(y - 5), f"{steps[at].limit / 1000:g}")
            at = end

    def _sums(self) -> Iterator[Markup]:
        """The rolling sum as steps, broken where no limit is in force."""
        steps = self.curve.steps
        words: list[str] = []
        for at, one in enumerate(steps):
            if one.limit < 0:
                continue
            end = steps[at + 1].day if at + 1 < len(steps) else self.curve.last + 1
            joined = at > 0 and steps[at - 1].limit >= 0
            y = _n(self.y(one.usv))
            words.append(f"V{y}" if joined else f"M{_n(self.x(one.day))} {y}")
            words.append(f"H{_n(self.x(end))}")
        if words:
            yield Markup(
                '<path class="somme" d="{}" fill="none" stroke="currentColor" stroke-width="2.2"'
                ' stroke-linejoin="round"/>'
            ).format("".join(words))

    def _marks(self) -> Iterator[Markup]:
        for one in self.curve.marks:
            x, y = self.x(one.day + 0.5), self.y(one.usv)
            size = 6 if one.peak else 4
            shape = f"M{_n(x)} {_n(y - size)}l{size} {size}l{-size} {size}l{-size} {-size}z"
            yield Markup(
                '<path class="jour{}" d="{}" fill="currentColor" stroke="currentColor"><title>{} : somme de {} mSv'
                "</title></path>"
            ).format(" sommet" if one.peak else "", shape, _day(one.day).strftime("%d/%m/%Y"), _msv(one.usv))
            if one.peak:
                near_right = x > WIDTH - 110
                yield Markup(
                    '<text x="{}" y="{}" text-anchor="{}" font-size="13" font-weight="bold" fill="currentColor">{} mSv'
                    "</text>"
                ).format(
                    _n(x - 9 if near_right else x + 9),
                    _n(max(y - 7, 12)),
                    "end" if near_right else "start",
                    _msv(one.usv),
                )


#: What each sign of the picture is: a small picture of it, and its name.
LEGEND = tuple(
    (Markup('<svg class="signe" viewBox="0 0 26 12" aria-hidden="true">{}</svg>').format(sign), name)
    for sign, name in (
        (
            Markup('<path class="somme" d="M0 9H12V3H26" fill="none" stroke="currentColor" stroke-width="2.2"/>'),
            "somme",
        ),
        (
            Markup(
                '<path class="limite" d="M0 6H26" stroke="currentColor" stroke-width="1.6" stroke-dasharray="9 5"/>'
            ),
            "limite",
        ),
        (
            Markup('<rect class="resultat" x="9" y="1" width="7" height="10" {} stroke="currentColor"/>').format(_FULL),
            "résultat compté",
        ),
        (
            Markup('<rect class="resultat ecarte" x="9" y="1" width="7" height="10" {} stroke="currentColor"/>').format(
                _HOLLOW
            ),
            "résultat non compté",
        ),
        (
            Markup('<path class="jour" d="M13 1l5 5l-5 5l-5 -5z" fill="currentColor"/>'),
            "jour au-dessus de la limite",
        ),
        (Markup('<rect width="26" height="12" fill="currentColor" fill-opacity="0.12"/>'), "fenêtre retenue"),
    )
)


def _round_step(least: float) -> float:
    """1, 2 or 5 times a power of ten, not below ``least``."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(power * by for by in (1, 2, 5, 10, 20) if power * by >= least)


def _n(value: float) -> str:
    return f"{value:.1f}"


def _msv(usv: int) -> str:
    return f"{usv / 1000:.3f}".replace(".", ",")


def _day(number: int) -> date:
    return _EPOCH + timedelta(number)
