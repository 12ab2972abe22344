"""Fixed width: records of characters to the text columns of the CSV of the same name.

What follows never sees the difference: doses come out in mSv, dates and times as the CSV writes them,
without the spaces that filled their places. A block of lines becomes one matrix of characters, a
column one slice of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipelines.read import BLOCK, Chunk, Dialect, FileFault, Layout, open_unpacked
from schemas.spec import Column, Kind

Signs = NDArray[np.uint8]
Ints = NDArray[np.int64]

#: Stands among the characters of a block for each that is not ASCII.
FOREIGN = 0x80
_SPACE, _LINE_FEED, _RETURN = 0x20, 0x0A, 0x0D
_TRAILER = "99"
#: First and last character of the trailer's number of details and sum of VALEUR (micro-sievert).
_DETAILS, _SUM = (3, 11), (12, 26)
_WHOLE = re.compile("-?[0-9]+")
#: Stands behind a dose that is no whole number of micro-sievert, so that nobody, neither the checks nor
#: the sender's software reading the report, takes it for millisievert.
UNIT = " µSv"


def chunks(path: Path, dialect: Dialect, layout: Layout) -> Iterator[Chunk]:
    """The details of a file, in order, as the rows of its CSV.

    Every line between header and trailer is a row. One of another type than the layout's, or longer than
    it, is ``ragged``.

    Raises:
        FileFault: at the end of the file, the first that holds of ``FIC-09`` (something stands after the
            trailer), ``FIC-01`` (no detail) and ``FIC-08`` (the trailer lacks, cannot be read or lies).
    """
    walk = _Walk(path, dialect, layout)
    total_usv = 0
    line = 1
    for block in walk.blocks():
        columns: dict[str, pa.StringArray] = {}
        for column in layout.format.columns:
            columns[column.name], usv = _read(column, block)
            if column.name == "VALEUR":
                total_usv += usv
        yield Chunk(line, columns, block.ragged)
        line += len(block.ragged)
    if not _agrees(walk.trailer, walk.details, total_usv):
        raise FileFault("FIC-08")


def check_structure(path: Path, dialect: Dialect, layout: Layout) -> None:
    """``FIC-09`` and ``FIC-01`` of a file that will be refused for what its header says."""
    for _ in _Walk(path, dialect, layout).blocks():
        pass


class _Walk:
    """One way through a file's records; afterwards ``details`` counts them and ``trailer`` is its line."""

    def __init__(self, path: Path, dialect: Dialect, layout: Layout) -> None:
        assert layout.record is not None
        self._path, self._dialect = path, dialect
        self._kind = layout.record.detail
        self._width = layout.format.width
        self.details = 0
        self.trailer: str | None = None

    def blocks(self) -> Iterator[_Block]:
        """The details, some thousands at a time.

        Raises FileFault ``FIC-09`` or ``FIC-01`` at the end of the file.
        """
        header = True
        for lines in _lines(self._path, self._dialect, most=BLOCK // self._width):
            if header:
                lines, header = lines.part(1, len(lines)), False
            if self.trailer is not None and len(lines):
                raise FileFault("FIC-09")
            signs = lines.matrix(self._width)
            trailers = np.flatnonzero(_begins(signs, _TRAILER))
            count = len(lines)
            if len(trailers):
                count = int(trailers[0])
                self.trailer = lines.beginning(count, _SUM[1])
            if count:
                details, signs = lines.part(0, count), signs[:count]
                self.details += count
                yield _Block(details, signs, ~_begins(signs, self._kind) | (details.lengths > self._width))
            if len(trailers) and count + 1 < len(lines):
                raise FileFault("FIC-09")
        if not self.details:
            raise FileFault("FIC-01")


@dataclass(frozen=True)
class _Lines:
    """Lines that hold a character.

    Attributes:
        signs: all characters of a block, one byte each, ``FOREIGN`` for those that are not ASCII.
        starts, lengths: where each line begins among them, and how long it is.
        text: the block as it was read; ``spans`` tells where each line stands in it, line end included.
            ``None`` where all characters are ASCII.
    """

    signs: Signs
    starts: Ints
    lengths: Ints
    text: tuple[bytes, str] | None
    spans: Ints

    def __len__(self) -> int:
        return len(self.starts)

    def part(self, first: int, last: int) -> _Lines:
        chosen = slice(first, last)
        return _Lines(self.signs, self.starts[chosen], self.lengths[chosen], self.text, self.spans[chosen])

    def beginning(self, at: int, longest: int) -> str:
        """The first characters of one line, none of them right where it is not ASCII."""
        start = self.starts[at]
        return self.signs[start : start + min(longest, self.lengths[at])].tobytes().decode("ascii", "replace")

    def matrix(self, width: int) -> Signs:
        """n x ``width`` characters: longer lines are cut, shorter ones filled with spaces."""
        padded = np.concatenate([self.signs, np.full(width, _SPACE, np.uint8)])
        found = np.lib.stride_tricks.sliding_window_view(padded, width)[self.starts]
        if (self.lengths < width).any():
            found[np.arange(width) >= self.lengths[:, None]] = _SPACE
        return found

    def written(self, rows: Ints, first: int, last: int) -> pa.StringArray:
        """The text of these lines between two characters (1-based, inclusive), without the fill around it."""
        assert self.text is not None
        data, codec = self.text
        starts, stops = self.spans[rows].T.tolist()
        ends = np.minimum(self.lengths[rows], last).tolist()
        found = [
            data[start:stop].decode(codec)[first - 1 : end].strip(" ")
            for start, stop, end in zip(starts, stops, ends, strict=True)
        ]
        return pa.array(found, pa.string())


@dataclass(frozen=True)
class _Block:
    """Details: their lines, the same as a matrix n x width of characters, and which are ragged."""

    lines: _Lines
    signs: Signs
    ragged: NDArray[np.bool_]


def _lines(path: Path, dialect: Dialect, most: int) -> Iterator[_Lines]:
    """The lines of a file, some megabytes and at most ``most`` at a time.

    Raises FileFault ``FIC-09`` where a line has no end.
    """
    rest = b""
    with open_unpacked(path, dialect.packed) as source:
        if dialect.encoding == "utf-8-sig":
            source.read(3)
        while True:
            block = source.read(BLOCK)
            text = rest + block
            cut = text.rfind(b"\n") + 1 if block else len(text)
            text, rest = text[:cut], text[cut:]
            if len(rest) > BLOCK:
                raise FileFault("FIC-09")
            if text:
                found = _split(text, dialect.encoding)
                for first in range(0, len(found), most):
                    yield found.part(first, first + most)
            if not block:
                return


def _split(text: bytes, encoding: str) -> _Lines:
    data = np.frombuffer(text, np.uint8)
    signs = data
    plain = text.isascii()
    if not plain:
        if encoding != "cp1252":
            signs = data[(data & 0xC0) != 0x80]  # of each character its first byte
        signs = np.minimum(signs, FOREIGN)
    starts, ends = _between(signs)
    lengths = ends - starts
    lengths -= (lengths > 0) & (signs[ends - 1] == _RETURN)
    spans = np.stack([starts, ends] if plain else _between(data), axis=1)
    codec = "cp1252" if encoding == "cp1252" else "utf-8"
    found = _Lines(signs, starts, lengths, None if plain else (text, codec), spans)
    held = lengths > 0
    return found if held.all() else _Lines(signs, starts[held], lengths[held], found.text, spans[held])


def _between(signs: Signs) -> tuple[Ints, Ints]:
    """Where lines begin and end, whether or not the last has a line feed."""
    ends = np.flatnonzero(signs == _LINE_FEED)
    if signs[-1] != _LINE_FEED:
        ends = np.append(ends, len(signs))
    return np.concatenate([np.zeros(1, np.int64), ends[:-1] + 1]), ends


def _begins(signs: Signs, mark: str) -> NDArray[np.bool_]:
    return np.asarray((signs[:, 0] == ord(mark[0])) & (signs[:, 1] == ord(mark[1])))


# --- one column ------------------------------------------------------------------------------------


def _read(column: Column, block: _Block) -> tuple[pa.StringArray, int]:
    """A column's text as the CSV has it, and the sum of its doses in micro-sievert."""
    assert column.position is not None
    first, last = column.position
    signs = np.ascontiguousarray(block.signs[:, first - 1 : last])
    foreign = (signs == FOREIGN).any(axis=1) if block.lines.text is not None else None
    write = _moments if column.kind in (Kind.DATE, Kind.TIME) else _text
    if foreign is None or not foreign.any():
        found = write(signs)
    else:
        found = _woven(write(signs[~foreign]), block.lines.written(np.flatnonzero(foreign), first, last), foreign)
    return _doses(found) if column.kind is Kind.DOSE else (found, 0)


def _woven(some: pa.StringArray, others: pa.StringArray, where: NDArray[np.bool_]) -> pa.StringArray:
    """One array of two: ``others`` stand where the mask is true."""
    places = np.empty(len(where), np.int64)
    places[~where] = np.arange(len(some))
    places[where] = len(some) + np.arange(len(others))
    return pa.concat_arrays([some, others]).take(pa.array(places))


def _strings(sizes: Ints, data: bytes) -> pa.StringArray:
    """Texts of these sizes in bytes, one after the other in ``data``, without the spaces that fill them."""
    offsets = np.zeros(len(sizes) + 1, np.int32)
    np.cumsum(sizes, out=offsets[1:])
    found = pa.StringArray.from_buffers(len(sizes), pa.py_buffer(offsets), pa.py_buffer(data))
    return pc.ascii_trim(found, characters=" ") if b" " in data else found


def _text(signs: Signs) -> pa.StringArray:
    """Rows of ASCII characters as text."""
    return _strings(np.full(len(signs), signs.shape[1]), signs.tobytes())


#: Places of the characters of jj/mm/aaaa[ hh:mm] in AAAAMMJJ[HHMM]; -1 for a sign between them.
_DAY = (6, 7, -1, 4, 5, -1, 0, 1, 2, 3)
_MINUTE = (*_DAY, -1, 8, 9, -1, 10, 11)


def _moments(signs: Signs) -> pa.StringArray:
    """AAAAMMJJ or AAAAMMJJHHMM as the CSV writes it; what is not all digits stays as sent."""
    good = np.asarray(((signs >= ord("0")) & (signs <= ord("9"))).all(axis=1))
    order, between = (_DAY, "//") if signs.shape[1] == 8 else (_MINUTE, "// :")
    written = np.empty((int(good.sum()), len(order)), np.uint8)
    whole = signs if good.all() else signs[good]
    marks = iter(between)
    for at, place in enumerate(order):
        written[:, at] = ord(next(marks)) if place < 0 else whole[:, place]
    found = _text(written)
    return found if good.all() else _woven(found, _text(signs[~good]), ~good)


def _doses(text: pa.StringArray) -> tuple[pa.StringArray, int]:
    """Whole micro-sieverts as millisieverts with three decimals, each distinct text once; and their sum."""
    encoded = text.dictionary_encode()
    read = [_dose(one) for one in encoded.dictionary.to_pylist()]
    times = np.bincount(encoded.indices.to_numpy(zero_copy_only=False), minlength=len(read))
    total = sum(usv * int(count) for (_, usv), count in zip(read, times, strict=True))
    return pa.array([written for written, _ in read], pa.string()).take(encoded.indices), total


@lru_cache(maxsize=1 << 17)
def _dose(text: str) -> tuple[str, int]:
    if not text:
        return "", 0
    if not _WHOLE.fullmatch(text):
        return text + UNIT, 0
    digits = text.removeprefix("-").lstrip("0").zfill(4)
    return f"{'-' * text.startswith('-')}{digits[:-3]}.{digits[-3:]}", int(text)


def _agrees(trailer: str | None, details: int, total_usv: int) -> bool:
    """Whether the trailer stands and tells this number of details and this sum."""
    if trailer is None:
        return False
    count, total = (trailer[first - 1 : last].strip(" ") for first, last in (_DETAILS, _SUM))
    if not re.fullmatch("[0-9]+", count) or not _WHOLE.fullmatch(total):
        return False
    return int(count) == details and int(total) == total_usv
