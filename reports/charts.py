"""Charts of the yearly statistics: vector pictures, legible in black and white.

Drawn by matplotlib, the letters as outlines, so that a page, a PDF or a print needs no font; the same figures give the
same bytes. A picture has no words of its own for who cannot see it: :func:`told` gives them.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reports.numbers import french_number

#: Fills that differ without colour.
_HATCHES = ("", "////", "....", "xx", "\\\\\\\\", "oo")
_SHADES = ("#33506f", "#ffffff", "#dfe6ee", "#ffffff", "#b9c4d0", "#ffffff")
_WIDTH_IN = 7.2
#: Stands for a figure that there is none of, or that may not be shown.
NOTHING = "–"


@dataclass(frozen=True)
class Series:
    """Figures of one kind, one a label; ``None`` where there is none or it may not be shown."""

    name: str
    values: tuple[float | None, ...]


@dataclass(frozen=True)
class Chart:
    """What is drawn.

    Attributes:
        name: for anchors.
        labels: one a group of columns.
        series: one or several, side by side.
        unit: of all figures, as shown on the axis.
        lying: bars instead of columns, for long labels.
        logarithmic: the axis is, since the figures lie far apart.
    """

    name: str
    title: str
    labels: tuple[str, ...]
    series: tuple[Series, ...]
    unit: str
    lying: bool = False
    logarithmic: bool = False


def told(chart: Chart) -> str:
    """The chart in words: every figure that it shows."""
    parts = []
    for series in chart.series:
        figures = ", ".join(
            f"{label} : {'pas de valeur' if value is None else french_number(value)}"
            for label, value in zip(chart.labels, series.values, strict=True)
        )
        parts.append(f"{series.name} : {figures}" if len(chart.series) > 1 else figures)
    return f"{chart.title} ({chart.unit}). {'. '.join(parts)}."


def drawn(chart: Chart) -> str:
    """The chart as an ``<svg>`` element without outside resource."""
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    rules = {"svg.hashsalt": chart.name, "svg.fonttype": "path", "hatch.linewidth": 0.6, "font.size": 9}
    with mpl.rc_context(rules):
        height = 0.9 + 0.26 * len(chart.labels) * len(chart.series) ** 0.7 if chart.lying else 3.1
        figure = Figure(figsize=(_WIDTH_IN, height), layout="constrained")
        axes = figure.add_subplot()
        thick = 0.8 / len(chart.series)
        for at, series in enumerate(chart.series):
            places = [one + (at - (len(chart.series) - 1) / 2) * thick for one in range(len(chart.labels))]
            look: dict[str, Any] = {
                "color": _SHADES[at % len(_SHADES)],
                "hatch": _HATCHES[at % len(_HATCHES)],
                "edgecolor": "#1b1b2b",
                "linewidth": 0.7,
                "label": series.name,
            }
            heights = [value or 0.0 for value in series.values]
            if chart.lying:
                bars = axes.barh(places, heights, thick, **look)
            else:
                bars = axes.bar(places, heights, thick, **look)
            axes.bar_label(
                bars, [NOTHING if one is None else french_number(one) for one in series.values], padding=2, fontsize=7
            )
        ticks = range(len(chart.labels))
        if chart.lying:
            axes.set_yticks(ticks, chart.labels)
            axes.invert_yaxis()
            axes.set_xlabel(chart.unit)
        else:
            axes.set_xticks(ticks, chart.labels)
            axes.set_ylabel(chart.unit)
        values = [one for series in chart.series for one in series.values if one]
        if chart.logarithmic and values:
            (axes.set_xscale if chart.lying else axes.set_yscale)("symlog", linthresh=max(min(values), 1e-9))
        (axes.xaxis if chart.lying else axes.yaxis).set_major_formatter(lambda value, _: french_number(float(value)))
        if chart.lying:
            axes.margins(x=0.14)
        else:
            axes.margins(y=0.14)
        axes.spines[["top", "right"]].set_visible(False)
        if len(chart.series) > 1:
            axes.legend(frameon=False, fontsize=8)
        out = io.StringIO()
        FigureCanvasSVG(figure).print_svg(out, metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = out.getvalue()
    return text[text.index("<svg") :]


def inline(chart: Chart, anchor: str) -> str:
    """The chart as an element of a page: a picture whose name is the chart in words, without ids that could clash."""
    from markupsafe import escape

    picture = drawn(chart)
    head, rest = picture.split(">", 1)
    for word in ("xmlns:xlink", "width", "height"):
        begin = head.find(f' {word}="')
        if begin >= 0:
            end = head.index('"', begin + len(word) + 3) + 1
            head = head[:begin] + head[end:]
    named = (
        rest.replace('id="', f'id="{anchor}-')
        .replace("url(#", f"url(#{anchor}-")
        .replace('xlink:href="#', f'href="#{anchor}-')
    )
    return f'{head} role="img" aria-label="{escape(told(chart))}">{named}'


def labels_of(pairs: Sequence[tuple[str, str]], longest: int = 46) -> tuple[str, ...]:
    """Labels short enough to stand beside bars."""
    return tuple(text if len(text) <= longest else text[: longest - 1].rstrip() + "…" for _, text in pairs)
