"""A sender's scorecard of one month: a page that says what to mend first, and the same figures as a CSV."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from reports.indicators import (
    FEWEST_FOR_QUARTILES,
    FEWEST_OTHERS,
    INDICATORS,
    OUTCOME_LABELS,
    OUTCOMES,
    ROLE_LABELS,
    Figures,
    Key,
    Peers,
    label_of,
    plain,
    written,
)
from reports.lists import french, guarded
from reports.page import environment
from schemas.codebook import Severity, book
from schemas.formats import formats

#: Columns of ``bilan-<AAAA-MM>.csv``.
COLUMNS = (
    *("mois", "emetteur", "indicateur", "code", "libelle", "valeur", "unite"),
    *("role_emetteurs", "role_mediane", "role_q1", "role_q3"),
)
_MONTHS = (
    *("janvier", "février", "mars", "avril", "mai", "juin"),
    *("juillet", "août", "septembre", "octobre", "novembre", "décembre"),
)
_SEVERITIES = {
    Severity.REJECT: "Rejet",
    Severity.HOLD: "Attente",
    Severity.DUPLICATE: "Doublon",
    Severity.WARNING: "Avertissement",
}
_BLOCKING = frozenset({Severity.REJECT, Severity.HOLD})
_COMPARED = {indicator.name for indicator in INDICATORS if indicator.compared}
#: Remedy of the warnings that ask for nothing.
_NOTHING = "Information"
#: How many causes the page puts first.
_FIRST = 3


@dataclass(frozen=True)
class Card:
    """What one sender is told of one month.

    Attributes:
        month: its first day.
        as_of: when the figures were taken.
        last_file: day of the last file of the month or the two before, in Paris.
        figures: the sender's own.
        peers: the aggregate of its role by figure, of compared indicators only.
        senders: how many senders of its role sent rows that month.
    """

    code: str
    role: str
    month: date
    as_of: date
    last_file: date
    figures: Figures
    peers: Mapping[Key, Peers]
    senders: int


def in_words(month: date) -> str:
    """A month as ``avril 2026``."""
    return f"{_MONTHS[month.month - 1]} {month.year}"


def card_csv(card: Card) -> bytes:
    """The card in long form: one line a figure, the aggregate of the role beside it."""
    return guarded(COLUMNS, _lines(card))


def _lines(card: Card) -> list[list[str]]:
    lines = []
    for indicator in INDICATORS:
        for key in sorted(key for key in card.figures if key[0] == indicator.name):
            others = card.peers.get(key)
            told = [f"{card.month:%Y-%m}", card.code, *key, label_of(indicator, key[1])]
            told += [plain(card.figures[key]), indicator.unit]
            told += [str(others.senders) if others else ""]
            told += [plain(one) for one in ((others.median, others.first, others.third) if others else (None,) * 3)]
            lines.append(told)
    return lines


def card_page(card: Card) -> bytes:
    """The card as one self-contained page in French."""
    template = environment().get_template("bilan.html")
    return template.render(
        card=card,
        month=in_words(card.month),
        role=ROLE_LABELS[card.role][0],
        as_of=french(card.as_of),
        last_file=french(card.last_file),
        compared=card.senders > FEWEST_OTHERS,
        fewest=FEWEST_OTHERS,
        fewest_quartiles=FEWEST_FOR_QUARTILES,
        tiles=_tiles(card),
        first=_causes(card, blocking=True)[:_FIRST],
        then=next(iter(_causes(card, blocking=False)), None),
        bars=[_bar(card, "lignes_integration"), _bar(card, "lignes_a_ce_jour")],
        outcomes=[
            (name, OUTCOME_LABELS[name], *(_told(card, indicator, name) for indicator in _OUTCOME_COLUMNS))
            for name in OUTCOMES
        ],
        refusals=[(book()[code], rows) for code, rows in _counted(card, "fichiers_refuses_code")],
        codes=_codes(card),
        delays=_delays(card),
        queue=[(label, _told(card, name, "")) for name, label in _QUEUE],
        total=_told(card, "lignes_recues", ""),
        files=_told(card, "fichiers_recus", ""),
        refused=_told(card, "fichiers_refuses", ""),
        again=_told(card, "fichiers_deja_recus", ""),
        under_way=_told(card, "fichiers_en_cours", ""),
        refused_share=_told(card, "part_fichiers_refuses", ""),
    ).encode()


_OUTCOME_COLUMNS = ("lignes_integration", "lignes_a_ce_jour", "part_a_ce_jour")
_QUEUE = (
    ("lignes_regularisees", "Lignes intégrées après une attente"),
    ("delai_regularisation", "Délai médian de leur réception à leur intégration, en jours"),
    ("part_sans_intervention", "Lignes réglées sans intervention d'un analyste, en %"),
    ("lignes_decidees", "Lignes réglées par la décision d'un analyste"),
    ("decisions_pour_10000", "Décisions pour 10\u202f000 lignes"),
    ("lignes_expirees", "Lignes rejetées faute de réponse dans le délai d'attente"),
)


@dataclass(frozen=True)
class Told:
    """One figure as the page shows it: ``value`` is the raw number, ``own`` and ``role`` are texts."""

    value: float
    own: str
    role: str
    median: float | None


def _told(card: Card, indicator: str, of: str) -> Told:
    value = card.figures.get((indicator, of))
    others = card.peers.get((indicator, of))
    role = "–" if indicator in _COMPARED else ""
    if others and others.median is not None:
        role = written(others.median)
        if others.first is not None:
            role += f" ({written(others.first)} à {written(others.third)})"
    return Told(value or 0, written(value), role, others.median if others else None)


def _tiles(card: Card) -> list[dict[str, str]]:
    """The figures that stand on top: title, value, what it is of, the role's median."""
    shown = [
        ("Lignes reçues", "lignes_recues", "", "", ""),
        ("Intégrées d'emblée", "part_integree_d_emblee", "", "\u202f%", "hors doublons"),
        ("Encore en attente", "part_a_ce_jour", "EN_ATTENTE", "\u202f%", "des lignes"),
        ("Rejetées", "part_a_ce_jour", "REJETE", "\u202f%", "des lignes, à ce jour"),
    ]
    main = max(_counted(card, "mesures"), key=lambda one: one[1], default=None)
    if main:
        shown.append(("Délai médian", "delai_median", main[0], "\u202fj", main[0]))
    tiles = []
    for title, indicator, of, unit, note in shown:
        told = _told(card, indicator, of)
        role = f"médiane du rôle : {written(told.median)}{unit}" if told.median is not None else ""
        tiles.append(
            {
                "title": title,
                "value": told.own + (unit if (indicator, of) in card.figures and told.own != "–" else ""),
                "note": note,
                "role": role,
            }
        )
    return tiles


def _counted(card: Card, indicator: str) -> list[tuple[str, float]]:
    """What was counted under an indicator, the most frequent first."""
    found = [(of, value) for (name, of), value in card.figures.items() if name == indicator and value]
    return sorted(found, key=lambda one: (-one[1], one[0]))


def _causes(card: Card, *, blocking: bool) -> list[dict[str, Any]]:
    """What to mend, the most frequent first.

    Args:
        blocking: whole files refused, then the codes that held rows up; else the warnings that ask for something.
    """
    causes: list[dict[str, Any]] = [
        {"code": book()[code], "count": written(count), "file": True, "told": None, "severity": ""}
        for code, count in _counted(card, "fichiers_refuses_code")
        if blocking
    ]
    for code, count in _counted(card, "lignes_code"):
        one = book()[code]
        wanted = one.severity in _BLOCKING if blocking else one.severity is Severity.WARNING and one.remedy != _NOTHING
        if wanted:
            told = _told(card, "part_code", code)
            word = _SEVERITIES[one.severity]
            causes.append({"code": one, "count": written(count), "file": False, "told": told, "severity": word})
    return causes


def _codes(card: Card) -> list[dict[str, Any]]:
    """Every code of the month's rows, the most frequent first, those that hold a row up before warnings."""
    counted = _counted(card, "lignes_code")
    shares = [_told(card, "part_code", code) for code, _ in counted]
    longest = max((max(told.value, told.median or 0) for told in shares), default=0)
    listed = [
        {
            "code": book()[code],
            "severity": _SEVERITIES[book()[code].severity],
            "rows": written(rows),
            "told": told,
            "length": 100 * told.value / longest,
            "tick": None if told.median is None else 100 * told.median / longest,
        }
        for (code, rows), told in zip(counted, shares, strict=True)
    ]
    return sorted(listed, key=lambda one: one["code"].severity not in _BLOCKING)


def _delays(card: Card) -> list[dict[str, Any]]:
    """Delays by format, the one with most measures first; ``limit`` in days where one is set."""
    listed = []
    for name, count in _counted(card, "mesures"):
        measure = formats()[name].measure
        listed.append(
            {
                "format": name,
                "measures": written(count),
                "median": _told(card, "delai_median", name),
                "p90": _told(card, "delai_p90", name),
                "limit": measure.late_after_days if measure else None,
            }
        )
    return listed


def _bar(card: Card, indicator: str) -> list[tuple[str, float, float, str]]:
    """A bar in parts: outcome, start and width in percent, and what it says in words."""
    total = card.figures.get(("lignes_recues", "")) or 0
    parts = []
    start = 0.0
    for name in OUTCOMES:
        rows = card.figures.get((indicator, name)) or 0
        width = 100 * rows / total if total else 0
        parts.append((name, start, width, f"{OUTCOME_LABELS[name].lower()} : {written(rows)}"))
        start += width
    return parts
