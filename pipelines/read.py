"""Read: bytes to text columns with line numbers, in chunks, whatever the layout.

The unpacked bytes are scanned once (encoding, size, structure marks), then parsed as a stream. A
malformed line keeps its place among the rows: padded or cut to the header's width and marked
``FMT-01``. Faults of the file as a whole are :class:`FileFault`.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import secrets
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.csv

from schemas.formats import REPORT_COLUMNS, header_fits, of_record, recognise
from schemas.spec import Format, Record

#: Bytes parsed at a time; also the longest line that is still a line.
BLOCK = 12 << 20
#: The longest name of a file that is read.
MOST_NAME_BYTES = 200
#: Stands for a carriage return that ends no line, so that the rows after it stay aligned.
LONE_CR = "\ufdd0"
_UNDEFINED_CP1252 = bytes((0x81, 0x8D, 0x8F, 0x90, 0x9D))
csv.field_size_limit(BLOCK)
_BOM = b"\xef\xbb\xbf"


class FileFault(Exception):
    """The file as a whole is refused; ``code`` is its ``FIC-`` code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Dialect:
    """How a file is written: what the report must give back, and what the parser must know.

    ``encoding`` is a Python codec name (``utf-8``, ``utf-8-sig``, ``cp1252``); ``newline`` is ``\\n``
    or ``\\r\\n``; ``simple`` says that one line of text is one row (no line break inside quotes was
    possible); ``size`` counts unpacked bytes.
    """

    encoding: str
    newline: str
    quoted: bool
    lone_cr: bool
    packed: bool
    size: int


@dataclass(frozen=True)
class Layout:
    """What a file's header tells: the format, the sent columns in their order, the separator.

    A fixed-width file has its ``record`` and the code of the ``sender`` that it names; its rows come with
    the columns and the separator of the CSV of the same name.
    """

    format: Format
    header: tuple[str, ...]
    delimiter: str
    record: Record | None = None
    sender: str = ""


@dataclass(frozen=True)
class Chunk:
    """Some consecutive rows, as sent.

    ``columns`` holds one Arrow string array per declared column; ``first_line`` is the number of the
    first row (1 for the first data row); ``ragged`` is true on rows that were padded or cut.
    """

    first_line: int
    columns: dict[str, pa.StringArray]
    ragged: np.ndarray

    def __len__(self) -> int:
        return len(self.ragged)


def acceptable_name(name: str) -> bool:
    """Whether the file's name lets it be read: ``.csv``, ``.txt``, or either in ``.gz``; at most 200 bytes."""
    if len(name.encode("utf-8", "surrogateescape")) > MOST_NAME_BYTES or re.search(r"~\d+$", name):
        return False
    stem = name.lower()
    if stem.endswith(".gz"):
        stem = stem[:-3]
        return stem.endswith((".csv", ".txt")) or "." not in stem
    return stem.endswith((".csv", ".txt"))


def open_unpacked(path: Path, packed: bool) -> IO[bytes]:
    """The file's bytes, unpacked where it is a gzip."""
    return gzip.open(path, "rb") if packed else path.open("rb")  # type: ignore[return-value]


def scan(path: Path, name: str, max_bytes: int) -> Dialect:
    """One pass over the unpacked bytes.

    Raises:
        FileFault: ``FIC-02`` (NUL, or neither UTF-8 nor Windows-1252), ``FIC-07`` (more than
            ``max_bytes`` unpacked; what lies beyond is not looked at), ``FIC-09`` (gzip damaged).
    """
    import codecs

    packed = name.lower().endswith(".gz")
    size = 0
    utf8: Any = codecs.getincrementaldecoder("utf-8")()
    cp1252 = True
    quoted = bom = False
    returns = crlf = 0
    newline = ""
    last = b""
    broken = too_large = False
    try:
        with open_unpacked(path, packed) as stream:
            while block := stream.read(1 << 20):
                if not size:
                    bom = block.startswith(_BOM)
                size += len(block)
                if size > max_bytes:
                    too_large = True
                    block = block[: len(block) - (size - max_bytes)]
                if b"\x00" in block:
                    raise FileFault("FIC-02")
                if not block.isascii() and utf8 is not None:
                    try:
                        utf8.decode(block)
                    except UnicodeDecodeError:
                        utf8 = None
                elif utf8 is not None and utf8.getstate()[0]:
                    utf8 = None  # a character cut short by plain text
                cp1252 = cp1252 and (block.isascii() or not any(byte in block for byte in _UNDEFINED_CP1252))
                quoted = quoted or b'"' in block
                if last or b"\r" in block:
                    joined = last + block
                    returns += block.count(b"\r")
                    crlf += joined.count(b"\r\n")
                else:
                    joined = block
                if not newline and b"\n" in block:
                    newline = "\r\n" if joined[: joined.index(b"\n")].endswith(b"\r") else "\n"
                last = block[-1:] if block[-1:] == b"\r" else b""
                if too_large:
                    break
    except (OSError, EOFError, zlib.error):
        broken = True
        if not packed:
            raise
    if utf8 is not None and not too_large and not broken:
        try:
            utf8.decode(b"", final=True)
        except UnicodeDecodeError:
            utf8 = None
    if utf8 is None and not cp1252:
        raise FileFault("FIC-02")
    if too_large:
        raise FileFault("FIC-07")
    if broken:
        raise FileFault("FIC-09")
    encoding = "cp1252" if utf8 is None else "utf-8-sig" if bom else "utf-8"
    return Dialect(encoding, newline or "\n", quoted, returns > crlf, packed, size)


class _Utf8Stream(io.RawIOBase):
    """The unpacked file as UTF-8 without BOM, lone carriage returns masked, a sentinel row at its end.

    The sentinel row comes back as the last row unless a quote was left open: then it is swallowed.
    """

    def __init__(self, path: Path, dialect: Dialect, tail: bytes) -> None:
        self._source = open_unpacked(path, dialect.packed)
        self._dialect = dialect
        self._tail: bytes | None = tail
        self._held = b""
        if dialect.encoding == "utf-8-sig":
            self._source.read(len(_BOM))

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        block = self._source.read(size if size > 0 else -1)
        if not block:
            if self._tail is None:
                return b""
            tail, self._tail = self._held + self._tail, None
            return tail
        if self._dialect.lone_cr:
            block = self._held + block
            self._held = b""
            if block.endswith(b"\r"):
                block, self._held = block[:-1], b"\r"
            mark = LONE_CR.encode() if self._dialect.encoding != "cp1252" else b"\x81"
            block = re.sub(rb"\r(?!\n)", mark, block)
        if self._dialect.encoding == "cp1252":
            text = block.decode("cp1252", "surrogateescape").replace("\udc81", LONE_CR)
            return text.encode() or self.read(size)
        return block or self.read(size)

    def close(self) -> None:
        self._source.close()
        super().close()


def _first_record(path: Path, dialect: Dialect) -> str | None:
    """The text of the first line that is not empty; ``None`` where there is none."""
    with open_unpacked(path, dialect.packed) as stream:
        while line := stream.readline(BLOCK):
            text = line.decode("utf-8-sig" if dialect.encoding != "cp1252" else "cp1252", "replace").rstrip("\r\n")
            if text:
                return text
    return None


def identify(path: Path, dialect: Dialect) -> Layout:
    """Recognise the format from the header, or from the first record of a fixed-width file.

    Raises:
        FileFault: ``FIC-01`` (no data row), ``FIC-03`` (unknown format), ``FIC-04`` (columns),
            ``FIC-09`` (structure), the first that holds in the order 09, 01, 03, 04.
    """
    head = _first_record(path, dialect)
    if head is None:
        raise FileFault("FIC-01")
    fixed_width = of_record(head[2:12].strip(" ")) if head.startswith("00") else None
    if fixed_width is not None:
        return layout_of_record(fixed_width, head[12:22].strip(" "))
    for delimiter in (";", ","):
        header = _fields(head, delimiter)
        layout = recognise(header, delimiter)
        if layout and header_fits(header, layout):
            return Layout(layout, tuple(header), delimiter)
        if layout:
            check_structure(path, dialect, head, delimiter)
            raise FileFault("FIC-04")
    check_structure(path, dialect, head, ";")
    raise FileFault("FIC-03")


def layout_of_record(format_: Format, sender: str = "") -> Layout:
    """The layout of a format's fixed-width form."""
    return Layout(format_, format_.names, format_.delimiter, format_.record, sender)


def header_of(path: Path, dialect: Dialect, delimiter: str) -> tuple[str, ...]:
    """The header of a file that was accepted before."""
    return tuple(_fields(_first_record(path, dialect) or "", delimiter))


def check_structure(path: Path, dialect: Dialect, head: str, delimiter: str) -> None:
    """``FIC-09`` and ``FIC-01`` of a file that will be refused for what its header says."""
    width = len(_fields(head, delimiter))
    names = tuple(f"c{at}" for at in range(width))
    rows = 0
    for batch, bad in _batches(path, dialect, names, delimiter, names[:1]):
        rows += batch.num_rows + len(bad)
    if not rows:
        raise FileFault("FIC-01")


def chunks(path: Path, dialect: Dialect, layout: Layout, *, everything: bool = False) -> Iterator[Chunk]:
    """The rows of a file, in order.

    Args:
        everything: give every sent column (reports), not only the declared ones.

    Raises:
        FileFault: ``FIC-09`` where a quote is left open or a line has no end; of a fixed-width file
            what :func:`pipelines.fixed.chunks` finds at its end.
    """
    if layout.record is not None:
        from pipelines import fixed  # it builds on this module

        yield from fixed.chunks(path, dialect, layout)
        return
    wanted = layout.header if everything else tuple(name for name in layout.header if name in layout.format.names)
    width = len(layout.header)
    at = [layout.header.index(name) for name in wanted]
    line = 1
    for batch, bad in _batches(path, dialect, layout.header, layout.delimiter, wanted):
        count = batch.num_rows + len(bad)
        if not count:
            continue
        ragged = np.zeros(count, dtype=bool)
        columns = {name: batch.column(index) for index, name in enumerate(wanted)}
        if bad:
            places = np.array([number - line for number, _ in bad])
            ragged[places] = True
            fields = [_padded(text, layout.delimiter, width) for _, text in bad]
            order = np.empty(count, dtype=np.int64)
            order[~ragged] = np.arange(batch.num_rows)
            order[ragged] = batch.num_rows + np.arange(len(bad))
            for name, position in zip(wanted, at, strict=True):
                extra = pa.array([values[position] for values in fields], pa.string())
                columns[name] = pa.concat_arrays([columns[name], extra]).take(pa.array(order))
        yield Chunk(line, columns, ragged)
        line += count


def _fields(line: str, delimiter: str) -> list[str]:
    """The fields of one line of text; a carriage return that ends no line is masked."""
    return next(csv.reader(io.StringIO(line.replace("\r", LONE_CR), newline=""), delimiter=delimiter), [])


def _padded(text: str, delimiter: str, width: int) -> list[str]:
    values = _fields(text, delimiter)
    return (values + [""] * width)[:width]


def _batches(
    path: Path, dialect: Dialect, names: tuple[str, ...], delimiter: str, wanted: tuple[str, ...]
) -> Iterator[tuple[pa.RecordBatch, list[tuple[int, str]]]]:
    """Record batches of text, each with the malformed lines that stand before its last row: (row, text)."""
    width = len(names)
    sentinel = f"\ufdd1{secrets.token_hex(8)}"  # drawn anew, so that no sender can write it
    malformed: list[tuple[int, str]] = []

    def keep(row: Any) -> str:
        malformed.append((row.number - 1, row.text))
        return "skip"

    tail = ("\n" + delimiter.join([sentinel] * width) + "\n").encode()
    stream = _Utf8Stream(path, dialect, tail)
    try:
        reader = pyarrow.csv.open_csv(
            pa.PythonFile(stream, mode="r"),
            read_options=pyarrow.csv.ReadOptions(use_threads=False, block_size=BLOCK, column_names=list(names)),
            parse_options=pyarrow.csv.ParseOptions(
                delimiter=delimiter,
                newlines_in_values=dialect.quoted,
                ignore_empty_lines=True,
                invalid_row_handler=keep,
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                include_columns=list(wanted),
                strings_can_be_null=False,
                check_utf8=False,
            ),
        )
        following = 0  # number of the next row; the header is row 0
        ended = False
        for batch in reader:
            # The parser may be a block ahead: take only the malformed lines that come before what follows.
            limit = following + batch.num_rows
            taken = 0
            while taken < len(malformed) and malformed[taken][0] <= limit:
                taken += 1
                limit += 1
            bad = malformed[:taken]
            del malformed[:taken]
            if batch.num_rows and not following:
                batch = batch.slice(1)  # the header
            following = limit
            if batch.num_rows and batch.column(0)[-1].as_py() == sentinel:
                batch, ended = batch.slice(0, batch.num_rows - 1), True
            yield batch, bad
        if not ended or malformed:
            raise FileFault("FIC-09")
    except pa.ArrowInvalid as error:
        raise FileFault("FIC-09") from error
    finally:
        stream.close()


def declared(layout: Layout) -> tuple[str, ...]:
    """The sent columns a report gives back: all but those a former report had added."""
    return tuple(name for name in layout.header if name not in REPORT_COLUMNS)


def chunk_of_rows(layout: Format, rows: list[dict[str, str]]) -> Chunk:
    """Rows kept as sent (column name to text), as a chunk that re-enters the corridor."""
    columns = {name: pa.array([row.get(name, "") for row in rows], pa.string()) for name in layout.names}
    return Chunk(1, columns, np.zeros(len(rows), dtype=bool))
