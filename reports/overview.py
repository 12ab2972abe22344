"""The ministry's scorecard of a month: one line a sender, by role, with the totals of each role."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from reports.indicators import INDICATORS, OUTCOMES, ROLE_LABELS, Figures, Key, plain, written
from reports.lists import french, guarded
from reports.page import environment
from reports.scorecard import in_words
from schemas.codebook import Severity, book

#: Formats whose delay from the end of the period is measured.
DELAYED = ("PASSIVE", "OPERATIONNELLE", "INTERNE", "NAVIGANT")
#: How many codes a line of the page names.
_CODES = 3


@dataclass(frozen=True)
class Line:
    """A sender's figures, or a role's under no code."""

    code: str
    figures: Figures


@dataclass(frozen=True)
class Overview:
    """All senders of a month (``month``: its first day) and the totals of their roles, by role."""

    month: date
    as_of: date
    lines: Mapping[str, list[Line]]
    totals: Mapping[str, Line]

    @property
    def roles(self) -> list[str]:
        """The roles that have a sender, in the order of the documents."""
        return [role for role in ROLE_LABELS if role in self.lines]


def _keys() -> Iterator[Key]:
    """Every figure that a sender may have, in the order of the columns."""
    for indicator in INDICATORS:
        if indicator.by == "issue":
            yield from ((indicator.name, outcome) for outcome in OUTCOMES)
        elif indicator.by == "format":
            yield from ((indicator.name, name) for name in DELAYED)
        elif indicator.by == "code":
            of_file = indicator.name == "fichiers_refuses_code"
            yield from (
                (indicator.name, code)
                for code, one in book().items()
                if (one.severity is Severity.FILE) == of_file and code != "FIC-06"
            )
        else:
            yield indicator.name, ""


def overview_csv(overview: Overview) -> bytes:
    """One line a sender, then one of its role's totals (``emetteur`` is ``(total)``, with how many senders).

    Columns: ``mois``, ``role``, ``emetteur``, ``emetteurs`` and one for each figure, named
    ``<indicateur>`` or ``<indicateur>_<code>``; a code that no row carries counts 0.
    """
    keys = list(_keys())
    names = ("mois", "role", "emetteur", "emetteurs", *("_".join(filter(None, key)) for key in keys))
    lines = []
    for role in overview.roles:
        found = [(one.code, "", one.figures) for one in overview.lines[role]]
        # No account can bear this name.
        found.append(("(total)", str(len(found)), overview.totals[role].figures))
        for code, senders, figures in found:
            told = (plain(_figure(figures, key)) for key in keys)
            lines.append([f"{overview.month:%Y-%m}", role, code, senders, *told])
    return guarded(names, lines)


def _figure(figures: Figures, key: Key) -> float | None:
    """A figure; what was not counted is 0, a share of it too where there are rows."""
    if key in figures:
        return figures[key]
    if key[0] in ("lignes_code", "fichiers_refuses_code", "mesures"):
        return 0
    return 0 if key[0] == "part_code" and figures["lignes_recues", ""] else None


def overview_page(overview: Overview) -> bytes:
    """The same as one self-contained page in French, for a wide sheet."""
    template = environment().get_template("bilan-emetteurs.html")
    parts = [
        {
            "title": ROLE_LABELS[role][1],
            "role": role,
            "lines": [_cells(one) for one in overview.lines[role]],
            "total": _cells(overview.totals[role]),
        }
        for role in overview.roles
    ]
    return template.render(month=in_words(overview.month), as_of=french(overview.as_of), parts=parts).encode()


_COLUMNS: tuple[Key, ...] = (
    ("fichiers_recus", ""),
    ("fichiers_refuses", ""),
    ("lignes_recues", ""),
    ("part_integree_d_emblee", ""),
    *(("lignes_a_ce_jour", outcome) for outcome in OUTCOMES),
    ("delai_regularisation", ""),
    ("part_sans_intervention", ""),
    ("decisions_pour_10000", ""),
    ("lignes_expirees", ""),
)


def _cells(line: Line) -> dict[str, Any]:
    figures = line.figures
    counted = sorted(
        ((value, of) for (name, of), value in figures.items() if name == "lignes_code" and value),
        key=lambda one: (-one[0], one[1]),
    )
    return {
        "code": line.code,
        "figures": [written(figures[key]) for key in _COLUMNS],
        "delays": [
            (name, written(figures["delai_median", name]), written(figures["delai_p90", name]))
            for name in DELAYED
            if figures.get(("mesures", name))
        ],
        "codes": [
            (code, written(value))
            for value, code in counted
            if book()[code].severity in (Severity.REJECT, Severity.HOLD)
        ][:_CODES],
    }
