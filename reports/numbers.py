"""Numbers as the French write them: a comma, thousands apart by narrow spaces."""

from __future__ import annotations

from decimal import Decimal

NARROW = "\u202f"


def french_number(value: float | int | str | Decimal) -> str:
    """A number for people. A text keeps its decimals; a float loses what does not matter (four figures).

    Raises decimal.InvalidOperation where a text is no number.
    """
    if isinstance(value, float):
        shown = f"{value:.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.4g}"
        value = shown if "e" not in shown else f"{value:.6f}"
    return f"{Decimal(value):,f}".replace(",", NARROW).replace(".", ",")
