"""Fixed-width text → the rows of the CSV of the same name, one record at a time.

Choices where the contract leaves room:

- A file is fixed width where its first line that holds a character begins with `00` and names a known layout.
- Every line between header and trailer is a detail, counted by the trailer, even one of another type or too long; its
  VALEUR is read where this layout has it.
- Only U+0020 is fill. A number field that is no whole number of micro-sieverts is `FMT-04`, whatever it would mean in
  millisieverts.
- A total of the trailer may stand among spaces; one that cannot be read is `FIC-08`.
- A sender's code in the header is compared exactly, where the sender is known.
"""

import re
from dataclasses import dataclass
from decimal import Decimal

from twin import layouts

UNREADABLE = "?"
"""Behind a text that the fixed-width form does not allow, so that no rule of the CSV can read it."""


@dataclass
class Fixed:
    """The records of one file: header, details (with or without the right type and length), trailer, what follows."""

    format: str
    kind: str
    sender: str
    details: list[str]
    trailer: str | None
    beyond: bool


def parse(text: str) -> Fixed | None:
    """The records; None where the file is not in fixed width."""
    lines = [line for line in (line.removesuffix("\r") for line in text.split("\n")) if line]
    if not lines or not lines[0].startswith("00"):
        return None
    layout = _span(lines[0], 3, 12)
    if layout not in layouts.RECORDS:
        return None
    format_, kind = layouts.RECORDS[layout]
    details = []
    trailer, beyond = None, False
    for line in lines[1:]:
        if trailer is not None:
            beyond = True
        elif line.startswith("99"):
            trailer = line
        else:
            details.append(line)
    return Fixed(format_, kind, _span(lines[0], 13, 22), details, trailer, beyond)


def cells(fixed: Fixed, line: str) -> tuple[dict[str, str], bool]:
    """The texts of the CSV's columns, and whether the record has the wrong type or is too long."""
    wrong = not line.startswith(fixed.kind) or len(line) > layouts.WIDTHS[fixed.format]
    values = {}
    for column, (first, last) in layouts.POSITIONS[fixed.format].items():
        text = _span(line, first, last)
        if column in ("VALEUR", "SEUIL"):
            text = _dose(text)
        elif column.startswith("DATE_"):
            text = _moment(text)
        values[column] = text
    return values, wrong


def trailer_agrees(fixed: Fixed, total_msv: Decimal) -> bool:
    """Whether the trailer stands and tells the number of details and the sum of their VALEUR."""
    if fixed.trailer is None:
        return False
    count, total = _span(fixed.trailer, 3, 11), _span(fixed.trailer, 12, 26)
    if not re.fullmatch("[0-9]+", count) or not re.fullmatch("-?[0-9]+", total):
        return False
    return int(count) == len(fixed.details) and Decimal(int(total)) == total_msv * 1000


def _span(line: str, first: int, last: int) -> str:
    return line[first - 1 : last].strip(" ")


def _dose(text: str) -> str:
    """Micro-sieverts → millisieverts with three decimals; empty stays empty."""
    if not text:
        return ""
    if not re.fullmatch("-?[0-9]+", text):
        return text + UNREADABLE
    digits = text.removeprefix("-").lstrip("0").zfill(4)
    return f"{'-' if text.startswith('-') else ''}{digits[:-3]}.{digits[-3:]}"


def _moment(text: str) -> str:
    match = re.fullmatch("([0-9]{4})([0-9]{2})([0-9]{2})(([0-9]{2})([0-9]{2}))?", text)
    if match is None:
        return text
    day = f"{match[3]}/{match[2]}/{match[1]}"
    return f"{day} {match[5]}:{match[6]}" if match[4] else day
