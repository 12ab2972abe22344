"""The distribution of a context with one dose's place in it, drawn as one SVG to stand in a page.

No style attribute, no script, nothing from elsewhere. Shapes tell things apart, in black and white and by night: filled
bars, a dashed line for the median, a dotted one for 99 %, a pointed mark for the dose.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import log10
from typing import Any

from markupsafe import Markup

WIDTH, HEIGHT = 640, 150
LEFT, RIGHT, TOP, BOTTOM = 12, 12, 34, 34


def drawn(spread: Mapping[str, Any]) -> Markup:
    """The picture, as an ``<svg>`` element whose accessible name tells what it shows.

    Args:
        spread: what a flag keeps of its context (``pipelines.distribution``): classes of doses with the number of
            results in each, median, 99 % and the dose itself, in micro-sievert.
    """
    return Markup('<svg class="repartition" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        WIDTH, HEIGHT, told(spread), Markup("").join(_parts(spread))
    )


def told(spread: Mapping[str, Any]) -> str:
    """The picture in words."""
    return (
        f"Répartition de {spread['resultats']} résultats de {spread['travailleurs']} travailleurs : médiane "
        f"{_msv(spread['mediane_usv'])} mSv, 99 % au plus à {_msv(spread['quantile_99_usv'])} ; la dose signalée est "
        f"de {_msv(spread['dose_usv'])} mSv."
    )


def _parts(spread: Mapping[str, Any]) -> Iterator[Markup]:
    counts, edges = spread["effectifs"], spread["bornes_usv"]
    width = (WIDTH - LEFT - RIGHT) / len(counts)
    base, highest = HEIGHT - BOTTOM, max([*counts, 1])
    for at, count in enumerate(counts):
        if count:
            # A class of one result beside one of thousands must still be seen.
            height = max((base - TOP) * log10(1 + count) / log10(1 + highest), 2)
            yield Markup('<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" {}/>').format(
                LEFT + at * width + 2,
                base - height,
                width - 4,
                height,
                Markup('fill="currentColor" fill-opacity="0.45"'),
            )
            yield _text(LEFT + (at + 0.5) * width, base - height - 3, f"{count:,}".replace(",", "\u202f"))
    yield _line(LEFT, base, WIDTH - RIGHT, base, "")
    for at, edge in enumerate(edges):
        if at:
            yield _text(LEFT + (at + 1) * width, base + 12, _msv(edge))
    yield _text(LEFT + 0.5 * width, base + 12, "0")
    yield _text(WIDTH - RIGHT - 12, base + 26, "mSv")
    for usv, dashes in ((spread["mediane_usv"], "6 3"), (spread["quantile_99_usv"], "2 3")):
        x = _place(usv, edges, width)
        yield _line(x, TOP - 8, x, base, dashes)
    x = _place(spread["dose_usv"], edges, width)
    yield Markup('<path class="dose" d="M{:.1f} {} l-7 -12 h14 z" fill="currentColor"/>').format(x, base)
    yield _line(x, 14, x, base - 12, "")
    end = "start" if x < WIDTH / 2 else "end"
    yield Markup('<text class="dose" x="{:.1f}" y="12" font-size="12" text-anchor="{}" {}>{} mSv</text>').format(
        x, end, Markup('font-weight="bold" fill="currentColor"'), _msv(spread["dose_usv"])
    )


def _place(usv: int, edges: list[int], width: float) -> float:
    """Where a dose stands: in its class, in proportion of its logarithm."""
    at = sum(usv >= edge for edge in edges)
    if at == 0:
        return LEFT + width / 2
    if at == len(edges):
        return LEFT + (at + 0.5) * width
    low, high = log10(max(edges[at - 1], 1)), log10(edges[at])
    return LEFT + (at + (log10(usv) - low) / (high - low)) * width


def _line(x: float, y: float, x2: float, y2: float, dashes: str) -> Markup:
    return Markup('<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" stroke="currentColor" {}/>').format(
        x, y, x2, y2, Markup('stroke-dasharray="{}"').format(dashes) if dashes else ""
    )


def _text(x: float, y: float, text: str) -> Markup:
    return Markup(
        '<text x="{:.1f}" y="{:.1f}" font-size="10" text-anchor="middle" fill="currentColor">{}</text>'
    ).format(x, y, text)


def _msv(usv: int) -> str:
    text = f"{usv / 1000:.3f}".rstrip("0").rstrip(".")
    return text.replace(".", ",")
