"""Fixed-width files as a sender's software writes them, from the rows of the CSV of the same name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from schemas.spec import Column, Format, Kind

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_SEQUENCE = 1


def header(layout: Format, partner: str, produced: date) -> str:
    """The record ``00``."""
    assert layout.record is not None
    return f"00{layout.record.layout:10}{partner:10}{produced:%Y%m%d}{_SEQUENCE:06d}"


def detail(layout: Format, row: dict[str, str]) -> str:
    """One detail, filled to its full width. Raises ValueError where a text does not fit its place."""
    assert layout.record is not None
    record = layout.record.detail
    for column in layout.columns:
        assert column.position is not None
        first, last = column.position
        text = _written(column, row[column.name], last - first + 1)
        if len(text) > last - first + 1:
            raise ValueError(f"{column.name} does not fit its place")
        record = record.ljust(first - 1) + text
    return record.ljust(layout.width)


def trailer(values: Iterable[str]) -> str:
    """The record ``99`` of details with these values in mSv."""
    texts = list(values)
    return f"99{len(texts):09d}{sum(_usv(text) for text in texts if _NUMBER.fullmatch(text)):015d}"


def _written(column: Column, text: str, width: int) -> str:
    if column.kind is Kind.DOSE and _NUMBER.fullmatch(text):
        return f"{_usv(text):0{width}d}"
    if column.kind in (Kind.DATE, Kind.TIME):
        return text[6:10] + text[3:5] + text[:2] + text[11:].replace(":", "")
    return text


def _usv(text: str) -> int:
    """Micro-sieverts of a value with at most three decimals."""
    return int(Decimal(text) * 1000)
