"""Bytes of a dropped file → one file-level code, or a format and its rows.

Choices where the contract leaves room:

- A name that cannot be read is `FIC-03` whatever the content (a workbook holds NUL bytes, and is to be told so).
- A file that begins with the UTF-8 byte order mark and is not UTF-8 is `FIC-02` (the mark states the encoding).
- Bytes beyond the size limit are not read: `FIC-02` comes before `FIC-07` only where its cause lies within it.
- A gzip that breaks off is judged on what could be unpacked for `FIC-02` (NUL) and `FIC-07`, then is `FIC-09`.
- ETABLISSEMENTS is recognised only where all its used columns stand in a comma-separated header; every other column
  is accepted; a column repeated, used or not, is `FIC-04`.
- A quote inside an unquoted field is a plain character; what follows a closing quote is kept as plain text.
- The format is the one that shares most columns with the header, whether or not a smaller one is nearer to being
  whole; only among those that share as many does one that shares half of its own go first.
- Empty lines before the header are ignored like all others.
"""

import codecs
import re
import zlib
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction

from twin import fixed, layouts
from twin.cells import read_number

MAX_BYTES = 1 << 30


@dataclass
class Row:
    """One data row: `line` counts from 1; `values` holds the text as sent, by position, padded or cut to the header."""

    line: int
    values: dict[str, str]
    ragged: bool


@dataclass
class Content:
    """`code` is the first file-level code that holds, else None and `format`, `rows` are filled."""

    code: str | None
    format: str | None = None
    rows: list[Row] = field(default_factory=list)


def read(
    data: bytes,
    name: str,
    registry_date: date,
    role: str | None = None,
    marker: str | None = None,
    max_bytes: int = MAX_BYTES,
    partner: str | None = None,
) -> Content:
    """Judge a file by FIC-02, 07, 09, 01, 03, 04, 05, 08, in that order (`FIC-06` needs a history: see registry).

    `partner`: the sender's code, where known, that a fixed-width header must bear.
    """
    del registry_date  # no file-level code depends on the day
    if not _extension_accepted(name):
        return Content("FIC-03")
    unpacked, whole = _unpack(data, name)
    within = unpacked[:max_bytes]
    text = _decode(within, final=whole and within == unpacked)
    if b"\0" in within or (text is None and whole):
        return Content("FIC-02")
    if within != unpacked:
        return Content("FIC-07")
    if not whole or text is None:
        return Content("FIC-09")

    records = fixed.parse(text)
    if records is not None:
        return _read_fixed(records, role, marker, partner)
    separator = _separator(text)
    lines = split(text, separator)
    if lines is None:
        return Content("FIC-09")
    if len(lines) < 2:
        return Content("FIC-01")

    header = lines[0]
    format_ = _recognise(header, separator)
    if format_ is None:
        return Content("FIC-03")
    known = set(layouts.COLUMNS[format_])
    if len(header) != len(set(header)) or not known <= set(header):
        return Content("FIC-04")
    if format_ != "ETABLISSEMENTS" and set(header) - known - layouts.ANSWER_COLUMNS:
        return Content("FIC-04")
    if role is not None and format_ not in layouts.ALLOWED[role]:
        return Content("FIC-05", format_)

    rows = []
    for number, cells in enumerate(lines[1:], start=1):
        padded = (cells + [""] * len(header))[: len(header)]
        values = dict(zip(header, padded, strict=True))
        rows.append(Row(number, values, ragged=len(cells) != len(header)))
    if marker is not None and not _totals_agree(marker, rows):
        return Content("FIC-08", format_)
    return Content(None, format_, rows)


def _read_fixed(records: fixed.Fixed, role: str | None, marker: str | None, partner: str | None) -> Content:
    if records.beyond:
        return Content("FIC-09")
    if not records.details:
        return Content("FIC-01")
    if role is not None and records.format not in layouts.ALLOWED[role]:
        return Content("FIC-05", records.format)
    if partner is not None and records.sender != partner:
        return Content("FIC-05", records.format)
    rows = []
    for number, line in enumerate(records.details, start=1):
        values, wrong = fixed.cells(records, line)
        rows.append(Row(number, values, ragged=wrong))
    if not fixed.trailer_agrees(records, sum((sent_value(row) for row in rows), Decimal(0))):
        return Content("FIC-08", records.format)
    if marker is not None and not _totals_agree(marker, rows):
        return Content("FIC-08", records.format)
    return Content(None, records.format, rows)


def _unpack(data: bytes, name: str) -> tuple[bytes, bool]:
    """The bytes inside, and whether the packing was whole."""
    if not name.lower().endswith(".gz"):
        return data, True
    out = b""
    while data:
        engine = zlib.decompressobj(wbits=31)
        try:
            out += engine.decompress(data)
        except zlib.error:
            return out, False
        if not engine.eof:
            return out, False
        data = engine.unused_data
    return out, True


def _decode(data: bytes, final: bool) -> str | None:
    """The text; a last character cut in two is forgiven where more would follow (not `final`)."""
    marked = data.startswith(b"\xef\xbb\xbf")
    encodings = ["utf-8-sig"] if marked else ["utf-8", "cp1252"]
    for encoding in encodings:
        try:
            return codecs.getincrementaldecoder(encoding)().decode(data, final)
        except UnicodeDecodeError:
            continue
    return None


def _separator(text: str) -> str:
    first = next((line for line in text.split("\n") if line not in ("", "\r")), "")
    names = {name.strip('"') for name in first.removesuffix("\r").split(",")}
    return "," if set(layouts.COLUMNS["ETABLISSEMENTS"]) <= names else ";"


def split(text: str, separator: str) -> list[list[str]] | None:
    """Lines of fields, lines without any character left out; None where a quote is never closed."""
    lines: list[list[str]] = []
    cells: list[str] = []
    cell = ""
    touched = False  # has the current line any character?
    quoted = False
    at_start = True  # of a field
    position = 0
    while position < len(text):
        char = text[position]
        if quoted:
            if char != '"':
                cell += char
            elif text[position + 1 : position + 2] == '"':
                cell += '"'
                position += 1
            else:
                quoted = False
            position += 1
            continue
        ends = 2 if text.startswith("\r\n", position) else 1 if char == "\n" else 0
        if ends:
            if touched:
                lines.append([*cells, cell])
            cells, cell, touched, at_start = [], "", False, True
            position += ends
            continue
        touched = True
        if char == '"' and at_start:
            quoted, at_start = True, False
        elif char == separator:
            cells.append(cell)
            cell, at_start = "", True
        else:
            cell += char
            at_start = False
        position += 1
    if quoted:
        return None
    if touched:
        lines.append([*cells, cell])
    return lines


def _recognise(header: list[str], separator: str) -> str | None:
    names = set(header)
    if separator == ",":
        return "ETABLISSEMENTS"
    others = [one for one in layouts.COLUMNS if one != "ETABLISSEMENTS"]
    shared = {one: len(names & set(layouts.COLUMNS[one])) for one in others}
    most = max(shared.values())
    near = [one for one, common in shared.items() if common == most and 2 * common >= len(layouts.COLUMNS[one])]
    return near[0] if near else None


def _extension_accepted(name: str) -> bool:
    if len(name.encode()) > 200 or re.search(r"~[0-9]+$", name):
        return False
    lowered = name.lower()
    packed = lowered.endswith(".gz")
    inner = lowered.removesuffix(".gz") if packed else lowered
    return inner.endswith((".csv", ".txt")) or (packed and "." not in inner)


def _totals_agree(marker: str, rows: list[Row]) -> bool:
    for line in marker.splitlines():
        key, equals, value = line.partition("=")
        key, value = key.strip(), value.strip()
        if not equals:
            continue
        if key == "LIGNES" and not (re.fullmatch("[0-9]+", value) and int(value) == len(rows)):
            return False
        if key == "SOMME_MSV":
            stated = read_number(value, most_digits=None)
            if stated is None or Fraction(stated) != sum(Fraction(sent_value(row)) for row in rows):
                return False
    return True


def sent_value(row: Row) -> Decimal:
    """VALEUR in mSv as sent, 0 where it cannot be read (or where the format has none)."""
    value = read_number(row.values.get("VALEUR", ""))
    return Decimal(0) if value is None else value
