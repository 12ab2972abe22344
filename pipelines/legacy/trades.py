"""Trades: what an old label is among today's, where the label and the sector tell it."""

from __future__ import annotations

from functools import cache

from pipelines.names import fold
from schemas import legacy, nomenclature


@cache
def _labels() -> dict[str, tuple[str, ...]]:
    return {fold(label): codes for label, codes in legacy.trades()}


@cache
def legal(sector: str) -> frozenset[str]:
    """The trades that the nomenclature knows in a sector."""
    return frozenset(row["code_metier"] for row in nomenclature.rows("secteur_metier") if row["code_secteur"] == sector)


@cache
def candidates(label: str, sector: str) -> tuple[str, ...]:
    """Today's trades that an old label may be; of several, those of the sector where it knows any."""
    if label in nomenclature.codes("metier"):
        return (label,)
    codes = _labels().get(fold(label), ())
    fitting = tuple(code for code in codes if code in legal(sector))
    return fitting if len(codes) > 1 and fitting else codes


@cache
def today(label: str, sector: str) -> tuple[str, bool]:
    """Trade of today, empty where unknown, and whether an analyst must still say which.

    An empty label and the old system's ``0-ND`` say that nobody knew: there is nothing to ask.
    """
    label = label.strip()
    if not label or _labels().get(fold(label)) == ():
        return "", False
    found = candidates(label, sector)
    return (found[0], False) if len(found) == 1 else ("", True)
