"""The execution report as CSV: the sender's file given back row by row, with two columns more.

Where one line of text is one row, lines are given back byte for byte with two cells added; else every
row is written anew. Both are valid files to send again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

#: Version of the receipts and reports.
VERSION = 1
Cells = tuple[str, str]

_BOM = b"\xef\xbb\xbf"
#: Lines gathered before they are written.
_BATCH = 1 << 22


def encoded(text: str, codec: str) -> bytes:
    """Text in the sender's encoding; a sign it lacks is replaced by its plain look-alike or ``?``."""
    try:
        return text.encode(codec)
    except UnicodeEncodeError:
        return text.replace("’", "'").replace("œ", "oe").encode(codec, "replace")


def cell(text: str, delimiter: str) -> str:
    """One CSV cell, quoted where it must be."""
    if any(sign in text for sign in (delimiter, '"', "\n", "\r")):
        return '"' + text.replace('"', '""') + '"'
    return text


def echo_lines(
    source: IO[bytes],
    target: Path,
    *,
    codec: str,
    newline: str,
    delimiter: str,
    entries: Iterator[tuple[int, Cells]],
    ragged: dict[int, list[str]],
) -> None:
    """Give a file back line by line.

    Args:
        source: its unpacked bytes.
        codec: ``utf-8`` or ``cp1252``; a byte order mark at the start is kept.
        entries: (row number, the two cells) ascending; other rows get two empty cells.
        ragged: rows to write anew, as cells of the header's width.
    """
    end = newline.encode()
    empty = (2 * delimiter).encode() + end
    suffixes: dict[Cells, bytes] = {}
    following: tuple[int, Cells] | None = (0, _HEAD)
    row = 0  # number of the next line's row; 0 for the header
    with target.open("wb") as out:
        for lines in _line_blocks(source, end):
            pieces: list[bytes] = []
            done = 0
            while following is not None and following[0] < row + len(lines):
                at = following[0] - row
                if at > done:
                    pieces += (empty.join(lines[done:at]), empty)
                cells = following[1]
                if cells not in suffixes:
                    suffixes[cells] = _suffix(delimiter, codec, cells) + end
                line = lines[at]
                if following[0] in ragged:
                    line = encoded(delimiter.join(cell(text, delimiter) for text in ragged[following[0]]), codec)
                pieces += (line, suffixes[cells])
                done = at + 1
                following = next(entries, None)
            if done < len(lines):
                pieces += (empty.join(lines[done:]), empty)
            out.write(b"".join(pieces))
            row += len(lines)


_HEAD: Cells = ("CODE_ERREUR", "LIBELLE_ERREUR")


def _suffix(delimiter: str, codec: str, cells: Cells) -> bytes:
    return encoded("".join(delimiter + cell(text, delimiter) for text in cells), codec)


def _line_blocks(source: IO[bytes], end: bytes) -> Iterator[list[bytes]]:
    """The lines of a file that hold a character, without their ends, some thousands at a time."""
    rest = b""
    first = True
    while True:
        block = source.read(_BATCH)
        text = rest + block
        cut = text.rfind(b"\n") + 1 if block else len(text)
        text, rest = text[:cut], text[cut:]
        uniform = text.count(b"\n") == text.count(end) and b"\r" not in text.replace(end, b"")
        lines = text.split(end) if uniform else [line.removesuffix(b"\r") for line in text.split(b"\n")]
        lines = [line for line in lines if line]
        if first and lines and lines[0] == _BOM:  # the mark stands alone on an empty line: keep it with the header
            lines = [_BOM + lines[1], *lines[2:]] if len(lines) > 1 else []
        if lines:
            first = False
            yield lines
        if not block:
            return


def write_rows(
    target: Path,
    *,
    codec: str,
    newline: str,
    delimiter: str,
    header: Iterable[str],
    rows: Iterable[tuple[list[str], Cells]],
) -> None:
    """Write a report row by row: the sent cells, then the two of the report."""
    with target.open("w", encoding=codec, newline="", errors="replace") as out:
        out.write(delimiter.join(cell(text, delimiter) for text in (*header, *_HEAD)) + newline)
        for cells, added in rows:
            out.write(delimiter.join(cell(text, delimiter) for text in (*cells, *added)) + newline)


def as_text(header: Iterable[str], rows: Iterable[Iterable[str]], delimiter: str = ";", newline: str = "\n") -> str:
    """A small CSV in memory."""
    return "".join(delimiter.join(cell(text, delimiter) for text in line) + newline for line in (header, *rows))
