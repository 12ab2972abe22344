"""Text to typed values, one function a kind of column, vectorised over a chunk.

Each parser takes an Arrow string array already freed of surrounding spaces and gives :class:`Parsed`.
Columns that repeat few values (codes, dates, doses) are parsed once per distinct value; identifiers
and times, which repeat little, as matrices of bytes.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from schemas import identifiers
from schemas.spec import Column, Kind

BoolArray = NDArray[np.bool_]

#: Characters that count as spaces at the ends of a field and inside NIR and SIRET.
SPACES = " \u00a0\u202f"
_LIGATURES = str.maketrans({"œ": "OE", "Œ": "OE", "æ": "AE", "Æ": "AE", "ß": "SS", "ẞ": "SS"})
_NUMBER = re.compile(r"(-?)([0-9]+)(?:([.,])([0-9]+))?")
_DATE = re.compile(r"([0-9]{2})/([0-9]{2})/([0-9]{4})")
_MONTH = re.compile(r"([0-9]{2})/([0-9]{4})")
_ISO_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
#: More whole digits than this make no dose: 10^9 mSv.
_WHOLE_DIGITS = 9
_COUNT_DIGITS = 7
_EPOCH = date(1970, 1, 1).toordinal()


@dataclass
class Parsed:
    """Typed values of one column over a chunk of ``n`` rows.

    Attributes:
        values: numpy array (dtype of the kind) or Arrow string array, any value where not readable.
        readable: bool[n], true where a value stands that the kind can read.
        marks: faults and warnings by code, bool[n] each.
        derived: further numeric columns (a NIR's sex, year, month, key).
    """

    values: Any
    readable: BoolArray
    marks: dict[str, BoolArray] = field(default_factory=dict)
    derived: dict[str, Any] = field(default_factory=dict)

    def mark(self, code: str, rows: BoolArray) -> None:
        """Raise ``code`` on these rows."""
        if rows.any():
            self.marks[code] = self.marks[code] | rows if code in self.marks else rows


@dataclass(frozen=True)
class Bytes:
    """An Arrow string array seen as bytes: the data and where each value begins and ends."""

    data: NDArray[np.uint8]
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]

    @classmethod
    def of(cls, array: pa.StringArray) -> Bytes:
        buffers = array.buffers()
        offsets = np.frombuffer(buffers[1], np.int32)[array.offset : array.offset + len(array) + 1].astype(np.int64)
        data = np.frombuffer(buffers[2], np.uint8) if buffers[2] is not None else np.zeros(0, np.uint8)
        first, last = (int(offsets[0]), int(offsets[-1])) if len(offsets) else (0, 0)
        return cls(data[first:last], offsets[:-1] - first, np.diff(offsets))

    def matrix(self, rows: NDArray[np.int64], width: int) -> NDArray[np.uint8]:
        """The values of these rows, each ``width`` bytes long, as a matrix rows x width."""
        if len(rows) == len(self.starts) and len(self.data) == len(rows) * width:
            return self.data.reshape(-1, width)
        return np.asarray(self.data[self.starts[rows][:, None] + np.arange(width)])

    def owners(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """The rows that hold these byte positions."""
        return np.searchsorted(self.starts + self.lengths, places, side="right")


def _distinct(array: pa.StringArray) -> tuple[list[str], NDArray[np.int64]]:
    encoded = array.dictionary_encode()
    return encoded.dictionary.to_pylist(), encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)


def _spread(
    array: pa.StringArray, read: Callable[[str], tuple[int, str | None, int]], dtype: str, fault: str
) -> tuple[Parsed, NDArray[np.int64]]:
    """Parse each distinct value once. ``read`` gives (value, fault or None, further marks as bits)."""
    texts, index = _distinct(array)
    found = [read(text) for text in texts]
    values = np.array([value for value, _, _ in found], dtype=dtype)
    faults = np.array([bad is not None for _, bad, _ in found], dtype=bool)
    extras = np.array([extra for _, _, extra in found], dtype=np.int64)
    empty = np.array([not text for text in texts], dtype=bool)
    if not len(texts):
        return Parsed(np.zeros(0, dtype), np.zeros(0, bool)), np.zeros(0, np.int64)
    parsed = Parsed(values[index], (~faults & ~empty)[index])
    parsed.mark(fault, (faults & ~empty)[index])
    return parsed, extras[index]


# --- numbers ---------------------------------------------------------------------------------------

_COMMA, _ROUNDED, _VANISHED = 1, 2, 4


@lru_cache(maxsize=1 << 17)
def read_dose(text: str) -> tuple[int, str | None, int]:
    """A dose in mSv as micro-sievert, ties away from zero.

    Gives (value, ``FMT-04`` or None, bits: 1 comma, 2 rounded, 4 above zero but rounded to zero).
    """
    matched = _NUMBER.fullmatch(text)
    if not matched:
        return 0, "FMT-04", 0
    sign, whole, mark, decimals = matched.groups()
    whole, decimals = whole.lstrip("0"), decimals or ""
    if len(whole) > _WHOLE_DIGITS:
        return 0, "FMT-04", 0
    value = int(whole or "0") * 1000 + int((decimals + "000")[:3])
    rest = decimals[3:]
    rounded = bool(rest.strip("0"))
    if rest and rest[0] >= "5":
        value += 1
    extra = (_COMMA if mark == "," else 0) | (_ROUNDED if rounded else 0)
    if rounded and not value and not sign:
        extra |= _VANISHED
    return (-value if sign else value), None, extra


def below_zero(text: str) -> bool:
    """Whether a readable number is negative, however small (``-0.0001`` rounds to zero and is negative)."""
    return text.startswith("-") and bool(text.strip("-0.,"))


def _dose(column: Column, array: pa.StringArray) -> Parsed:
    def read(text: str) -> tuple[int, str | None, int]:
        value, bad, extra = read_dose(text)
        return (min(value, -1) if not bad and below_zero(text) else value), bad, extra

    parsed, extra = _spread(array, read, "int64", "FMT-04")
    parsed.mark("AVT-03", parsed.readable & (extra & _COMMA > 0))
    parsed.mark("AVT-01", parsed.readable & (extra & _ROUNDED > 0))
    parsed.mark("AVT-08", parsed.readable & (extra & _VANISHED > 0))
    return parsed


@lru_cache(maxsize=1 << 16)
def read_activity(text: str) -> tuple[int, str | None, int]:
    """An activity in Bq as nano-becquerel, ties away from zero; bits as in :func:`read_dose`."""
    matched = _NUMBER.fullmatch(text)
    if not matched:
        return 0, "FMT-04", 0
    sign, whole, mark, decimals = matched.groups()
    whole, decimals = whole.lstrip("0"), decimals or ""
    if len(whole) > _WHOLE_DIGITS:
        return 0, "FMT-04", 0
    value = int(whole or "0") * 10**9 + int((decimals + "0" * 9)[:9]) + (decimals[9:10] >= "5")
    extra = (_COMMA if mark == "," else 0) | (_ROUNDED if decimals[9:].strip("0") else 0)
    return (min(-value, -below_zero(text)) if sign else value), None, extra


def _activity(column: Column, array: pa.StringArray) -> Parsed:
    parsed, extra = _spread(array, read_activity, "int64", "FMT-04")
    parsed.mark("AVT-03", parsed.readable & (extra & _COMMA > 0))
    parsed.mark("AVT-01", parsed.readable & (extra & _ROUNDED > 0))
    return parsed


def _count(column: Column, array: pa.StringArray) -> Parsed:
    """A whole number, 0 to 9 999 999; another number is out of its rule (``FMT-05``)."""

    def read(text: str) -> tuple[int, str | None, int]:
        whole = text.lstrip("0") or "0"
        good = text.isascii() and text.isdigit() and len(whole) <= _COUNT_DIGITS
        return (int(whole), None, 0) if good else (0, "FMT-05", int(read_dose(text)[1] is not None))

    parsed, unreadable = _spread(array, read, "int32", "FMT-05")
    if "FMT-05" in parsed.marks:
        outside = parsed.marks.pop("FMT-05")
        parsed.mark("FMT-05", outside & (unreadable == 0))
        parsed.mark("FMT-04", outside & (unreadable == 1))
    return parsed


def _read_share(text: str) -> tuple[int, str | None, int]:
    matched = _NUMBER.fullmatch(text)
    if not matched:
        return 0, "FMT-04", 0
    sign, whole, mark, decimals = matched.groups()
    if len(whole.lstrip("0")) > _WHOLE_DIGITS:
        return 0, "FMT-04", 0
    whole = whole.lstrip("0") or "0"
    decimals = (decimals or "").rstrip("0")
    tenths = int(whole) * 10 + int(decimals or "0") if len(decimals) <= 1 and len(whole) < 4 else 0
    if sign or not 1 <= tenths <= 10:
        return 0, "FMT-05", 0
    return tenths, None, _COMMA if mark == "," else 0


def _share(column: Column, array: pa.StringArray) -> Parsed:
    texts, index = _distinct(array)
    found = [_read_share(text) for text in texts] or [(0, None, 0)]
    if not texts:
        return Parsed(np.zeros(0, "int16"), np.zeros(0, bool))
    empty = np.array([not text for text in texts])
    parsed = Parsed(
        np.array([value for value, _, _ in found], "int16")[index],
        (np.array([bad is None for _, bad, _ in found]) & ~empty)[index],
    )
    for code in ("FMT-04", "FMT-05"):
        parsed.mark(code, (np.array([bad == code for _, bad, _ in found]) & ~empty)[index])
    comma = np.array(["," in text for text in texts])[index]
    parsed.mark("AVT-03", parsed.readable & comma)
    return parsed


# --- dates and times -------------------------------------------------------------------------------


@lru_cache(maxsize=1 << 16)
def read_day(text: str, iso: bool = False) -> int | None:
    """Days since 1970-01-01 of ``jj/mm/aaaa`` (or ``aaaa-mm-jj``); ``None`` where it is no such date."""
    matched = (_ISO_DATE if iso else _DATE).fullmatch(text)
    if not matched:
        return None
    first, month, last = (int(part) for part in matched.groups())
    try:
        return (date(first, month, last) if iso else date(last, month, first)).toordinal() - _EPOCH
    except ValueError:
        return None


@lru_cache(maxsize=1 << 12)
def read_month(text: str) -> int | None:
    """The last day of ``mm/aaaa`` as days since 1970-01-01; ``None`` where it is no such month."""
    matched = _MONTH.fullmatch(text)
    if not matched:
        return None
    month, year = int(matched[1]), int(matched[2])
    if not 1 <= month <= 12 or not 1 <= year < 9999:
        return None
    return date(year + month // 12, month % 12 + 1, 1).toordinal() - 1 - _EPOCH


def _month(column: Column, array: pa.StringArray) -> Parsed:
    def read(text: str) -> tuple[int, str | None, int]:
        day = read_month(text)
        return (0, "FMT-03", 0) if day is None else (day, None, 0)

    return _spread(array, read, "int32", "FMT-03")[0]


def _day(column: Column, array: pa.StringArray) -> Parsed:
    iso = column.kind is Kind.ISO_DATE

    def read(text: str) -> tuple[int, str | None, int]:
        day = read_day(text, iso)
        return (0, "FMT-03", 0) if day is None else (day, None, 0)

    return _spread(array, read, "int32", "FMT-03")[0]


def _time(column: Column, array: pa.StringArray) -> Parsed:
    seen = Bytes.of(array)
    rows = np.flatnonzero(seen.lengths == 16)
    values = np.zeros(len(array), np.int64)
    readable = np.zeros(len(array), bool)
    if len(rows):
        matrix = seen.matrix(rows, 16)
        digits = matrix[:, [0, 1, 3, 4, 6, 7, 8, 9, 11, 12, 14, 15]].astype(np.int64) - 48
        good = ((digits >= 0) & (digits <= 9)).all(axis=1)
        good &= (matrix[:, [2, 5, 10, 13]] == np.frombuffer(b"// :", np.uint8)).all(axis=1)
        day, month = digits[:, 0] * 10 + digits[:, 1], digits[:, 2] * 10 + digits[:, 3]
        year = digits[:, 4:8] @ np.array([1000, 100, 10, 1])
        hour, minute = digits[:, 8] * 10 + digits[:, 9], digits[:, 10] * 10 + digits[:, 11]
        good &= (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1) & (hour < 24) & (minute < 60)
        months = np.where(good, (year - 1970) * 12 + month - 1, 0).astype("datetime64[M]")
        first = months.astype("datetime64[D]").astype(np.int64)
        length = (months + 1).astype("datetime64[D]").astype(np.int64) - first
        good &= day <= length
        values[rows] = (first + day - 1) * 1440 + hour * 60 + minute
        readable[rows] = good
    parsed = Parsed(values, readable)
    parsed.mark("FMT-03", ~readable & (seen.lengths > 0))
    return parsed


# --- identifiers -----------------------------------------------------------------------------------


def _without_spaces(array: pa.StringArray) -> pa.StringArray:
    for space in SPACES:
        array = pc.replace_substring(array, space, "")
    return array


def _has_byte(seen: Bytes, *bytes_: int) -> bool:
    return any((seen.data == value).any() for value in bytes_)


def _repaired(array: pa.StringArray, *, upper: bool) -> pa.StringArray:
    """Without inner spaces and, where asked, with Corsica's 2a and 2b in upper case."""
    seen = Bytes.of(array)
    wanted = np.isin(seen.data, (0x20, 0xC2, 0xE2, *((ord("a"), ord("b")) if upper else ())))
    if not wanted.any():
        return array
    rows = np.unique(seen.owners(np.flatnonzero(wanted)))
    fixed = _without_spaces(array.take(pa.array(rows)))
    if upper:
        for letter in ("A", "B"):
            fixed = pc.replace_substring_regex(fixed, rf"^([0-9]{{5}}2){letter.lower()}", rf"\1{letter}")
    return pc.replace_with_mask(array, pa.array(_mask(len(array), rows)), fixed)


def _nir(column: Column, array: pa.StringArray) -> Parsed:
    fixed = _repaired(array, upper=True)
    seen = Bytes.of(fixed)
    rows = np.flatnonzero(seen.lengths == 13)
    matrix = seen.matrix(rows, 13)
    good = identifiers.nir_shape(matrix) if len(rows) else np.zeros(0, bool)
    readable = np.zeros(len(array), bool)
    readable[rows] = good
    parsed = Parsed(fixed, readable)
    parsed.mark("IDT-01", ~readable & (Bytes.of(array).lengths > 0))
    if fixed is not array:
        parsed.mark("AVT-02", _differs(array, fixed))
    parts = identifiers.nir_parts(matrix) if len(rows) else {}
    for name in ("sex", "year", "month", "key", "waiting"):
        values = np.zeros(len(array), np.int16)
        if parts:
            values[rows] = parts[name]
        parsed.derived[f"{column.name}.{name}"] = values
    return parsed


def _siret(column: Column, array: pa.StringArray) -> Parsed:
    fixed = _repaired(array, upper=False)
    spaced = _differs(array, fixed) if fixed is not array else None
    seen = Bytes.of(fixed)
    short = (seen.lengths >= 10) & (seen.lengths <= 13)
    if short.any():
        digits = pc.match_substring_regex(fixed, "^[0-9]+$").to_numpy(zero_copy_only=False)
        short &= digits
        fixed = pc.if_else(pa.array(short), pc.utf8_lpad(fixed, 14, "0"), fixed)
        seen = Bytes.of(fixed)
    rows = np.flatnonzero(seen.lengths == 14)
    readable = np.zeros(len(array), bool)
    if len(rows):
        readable[rows] = identifiers.siret_valid(seen.matrix(rows, 14))
    parsed = Parsed(fixed, readable)
    parsed.mark("IDT-04", ~readable & (Bytes.of(array).lengths > 0))
    if spaced is not None:
        parsed.mark("AVT-02", spaced)
    parsed.mark("AVT-07", short)
    return parsed


def _siren(column: Column, array: pa.StringArray) -> Parsed:
    readable = pc.match_substring_regex(array, "^[0-9]{9}$").to_numpy(zero_copy_only=False)
    parsed = Parsed(array, readable)
    parsed.mark("FMT-05", ~readable & (Bytes.of(array).lengths > 0))
    return parsed


def _cle(column: Column, array: pa.StringArray) -> Parsed:
    def read(text: str) -> tuple[int, str | None, int]:
        good = text.isascii() and text.isdigit() and len(text) <= 2 and 1 <= int(text) <= 97
        restored = int(text.isascii() and text.isdigit() and len(text) == 1)
        return (int(text), None, restored) if good else (0, "IDT-02", restored)

    parsed, short = _spread(array, read, "int16", "IDT-02")
    parsed.mark("AVT-07", short == 1)
    return parsed


# --- texts and codes -------------------------------------------------------------------------------


@lru_cache(maxsize=1 << 16)
def plain_upper(text: str) -> str:
    """Upper case without accents; hyphens, apostrophes and inner spaces as they are."""
    text = unicodedata.normalize("NFD", text.translate(_LIGATURES))
    return "".join(sign for sign in text if not unicodedata.combining(sign)).upper()


def _upper(column: Column, array: pa.StringArray) -> Parsed:
    seen = Bytes.of(array)
    readable = seen.lengths > 0
    strange = (seen.data >= 0x80) | ((seen.data >= ord("a")) & (seen.data <= ord("z")))
    if not strange.any():
        return Parsed(array, readable)
    rows = np.unique(seen.owners(np.flatnonzero(strange)))
    part = array.take(pa.array(rows))
    texts, index = _distinct(part)
    kept = np.array([plain_upper(text) for text in texts], dtype=object)[index]
    changed = np.zeros(len(array), bool)
    changed[rows] = kept != np.array(texts, dtype=object)[index]
    fixed = pc.replace_with_mask(array, pa.array(_mask(len(array), rows)), pa.array(kept, pa.string()))
    parsed = Parsed(fixed, readable)
    parsed.mark("AVT-02", changed)
    return parsed


def _text(column: Column, array: pa.StringArray) -> Parsed:
    return Parsed(array, Bytes.of(array).lengths > 0)


def _listed(accepts: Callable[[str], bool]) -> Callable[[Column, pa.StringArray], Parsed]:
    """A text that a rule accepts as it stands, else ``FMT-05``."""

    def parse_text(column: Column, array: pa.StringArray) -> Parsed:
        texts, index = _distinct(array)
        good = np.array([accepts(text) for text in texts], bool)[index] if texts else np.zeros(0, bool)
        parsed = Parsed(array, good)
        parsed.mark("FMT-05", ~good & (Bytes.of(array).lengths > 0))
        return parsed

    return parse_text


def _code(column: Column, array: pa.StringArray) -> Parsed:
    listed = {code: at for at, code in enumerate(column.codes)}
    aliases = {old: listed[new] for old, new in column.aliases.items()}

    def read(text: str) -> tuple[int, str | None, int]:
        if text in listed:
            return listed[text], None, 0
        if text in aliases:
            return aliases[text], None, 1
        return 0, "FMT-05", 0

    parsed, obsolete = _spread(array, read, "int16", "FMT-05")
    parsed.mark("AVT-06", parsed.readable & (obsolete == 1))
    return parsed


_PARSERS: dict[Kind, Callable[[Column, pa.StringArray], Parsed]] = {
    Kind.NIR: _nir,
    Kind.CLE: _cle,
    Kind.SIREN: _siren,
    Kind.SIRET: _siret,
    Kind.NAME: _upper,
    Kind.PLACE: _upper,
    Kind.TEXT: _text,
    Kind.CODE: _code,
    Kind.DATE: _day,
    Kind.ISO_DATE: _day,
    Kind.TIME: _time,
    Kind.DOSE: _dose,
    Kind.SHARE: _share,
    Kind.MONTH: _month,
    Kind.ACTIVITY: _activity,
    Kind.COUNT: _count,
    Kind.RPPS: _listed(identifiers.is_rpps),
    Kind.NUCLIDE: _listed(identifiers.is_nuclide),
}


def _mask(length: int, rows: NDArray[np.int64]) -> BoolArray:
    chosen = np.zeros(length, bool)
    chosen[rows] = True
    return chosen


def _differs(sent: pa.StringArray, kept: pa.StringArray) -> BoolArray:
    return np.asarray(pc.not_equal(sent, kept).to_numpy(zero_copy_only=False))


def trimmed(array: pa.StringArray) -> tuple[pa.StringArray, BoolArray | None, BoolArray | None]:
    """Take surrounding spaces off and look for control characters.

    Returns:
        The text, the rows where spaces were taken off and the rows that hold a control character
        (Unicode category Cc, or a masked carriage return); ``None`` for no row.
    """
    seen = Bytes.of(array)
    data = seen.data
    if not len(data):
        return array, None, None
    control = None
    held = (data < 0x20) | (data == 0x7F)
    places = np.flatnonzero(held)
    if _has_byte(seen, 0xC2):
        twos = np.flatnonzero(data[:-1] == 0xC2)
        places = np.concatenate([places, twos[data[twos + 1] < 0xA0]])
    if _has_byte(seen, 0xEF):
        threes = np.flatnonzero(data[:-2] == 0xEF)
        places = np.concatenate([places, threes[(data[threes + 1] == 0xB7) & (data[threes + 2] == 0x90)]])
    if len(places):
        control = _mask(len(array), np.unique(seen.owners(places)))
    filled = np.flatnonzero(seen.lengths > 0)
    first = data[seen.starts[filled]]
    last = data[seen.starts[filled] + seen.lengths[filled] - 1]
    suspect = (first == 0x20) | (first == 0xC2) | (first == 0xE2) | (last == 0x20) | (last == 0xA0) | (last == 0xAF)
    if not suspect.any():
        return array, None, control
    kept = pc.utf8_trim(array, characters=SPACES)
    changed = _differs(array, kept)
    return (kept, changed, control) if changed.any() else (array, None, control)


def parse(column: Column, sent: pa.StringArray, role: str | None = None) -> tuple[Parsed, BoolArray]:
    """Parse one column of a chunk.

    Args:
        sent: the text as sent, n rows.
        role: the sender's, where it is known: some may write longer values.

    Returns:
        The typed values with their marks, and bool[n]: true where the column is absent (empty).
    """
    text, changed, control = trimmed(sent)
    if control is not None:
        text = pc.if_else(pa.array(control), "", text)
    parsed = _PARSERS[column.kind](column, text)
    absent = Bytes.of(text).lengths == 0
    if changed is not None:
        parsed.mark("AVT-02", changed if control is None else changed & ~control)
    if control is not None:
        parsed.mark("FMT-07", control)
        absent = absent & ~control
    longest = column.longest_of_role.get(role or "", column.longest)
    if longest is not None:
        _measure_length(longest, parsed)
    if column.required:
        parsed.mark("FMT-02", absent)
    return parsed, absent


def _measure_length(longest: int, parsed: Parsed) -> None:
    if (Bytes.of(parsed.values).lengths > longest).any():
        long = np.asarray(pc.utf8_length(parsed.values).to_numpy(zero_copy_only=False)) > longest
        parsed.mark("FMT-06", long)
        parsed.readable = parsed.readable & ~long
