"""The execution report as CSV: the sender's file given back row by row, with two columns more.

Where one line of text is one row, lines are given back byte for byte with two cells added; else every
row is written anew. Both are valid files to send again.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

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
    mark = delimiter.encode()
    end = newline.encode()
    head_cells = mark + b"CODE_ERREUR" + mark + b"LIBELLE_ERREUR"
    following = next(entries, None)
    row = -1
    with target.open("wb") as out:
        rest = b""
        while True:
            block = source.read(_BATCH)
            lines = (rest + block).split(b"\n")
            rest = lines.pop() if block else b""
            written: list[bytes] = []
            for line in lines:
                line = line[:-1] if line.endswith(b"\r") else line
                if not line or (row < 0 and line == _BOM):
                    continue
                row += 1
                if row == 0:
                    written.append(line + head_cells)
                    continue
                if row in ragged:
                    line = encoded(delimiter.join(cell(text, delimiter) for text in ragged[row]), codec)
                if following is not None and following[0] == row:
                    code, label = (encoded(cell(text, delimiter), codec) for text in following[1])
                    written.append(line + mark + code + mark + label)
                    following = next(entries, None)
                else:
                    written.append(line + mark + mark)
            if written:
                out.write(end.join(written) + end)
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
        writer = csv.writer(out, delimiter=delimiter, lineterminator=newline)
        writer.writerow([*header, "CODE_ERREUR", "LIBELLE_ERREUR"])
        for cells, added in rows:
            writer.writerow([*cells, *added])


def as_text(header: Iterable[str], rows: Iterable[Iterable[str]], delimiter: str = ";") -> bytes:
    """A small CSV in memory: UTF-8, LF."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue().encode()
