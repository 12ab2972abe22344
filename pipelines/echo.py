"""Echo: a sender's file given back as its execution report, from its bytes and the codes of its rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pipelines import read
from pipelines.read import LONE_CR, Dialect, Layout
from reports import execution
from schemas.formats import REPORT_COLUMNS


def write(
    path: Path,
    dialect: Dialect,
    layout: Layout,
    entries: Iterator[tuple[int, execution.Cells]],
    target: Path,
    *,
    malformed: bool,
) -> None:
    """Write the ``.rapport.csv`` of a file whose header was accepted; of a fixed-width file, as the CSV of that name.

    Args:
        path: where the file's bytes lie.
        entries: (row number, the two cells) ascending; other rows get two empty cells.
        malformed: whether any row carries ``FMT-01``.
    """
    plain = not (set(layout.header) & set(REPORT_COLUMNS)) and not dialect.lone_cr and layout.record is None
    if plain and (not dialect.quoted or _one_line_a_row(path, dialect)):
        with read.open_unpacked(path, dialect.packed) as source:
            execution.echo_lines(
                source,
                target,
                codec="cp1252" if dialect.encoding == "cp1252" else "utf-8",
                newline=dialect.newline,
                delimiter=layout.delimiter,
                entries=entries,
                ragged=_ragged(path, dialect, layout) if malformed else {},
            )
        return
    execution.write_rows(
        target,
        codec=dialect.encoding,
        newline=dialect.newline,
        delimiter=layout.delimiter,
        header=read.declared(layout),
        rows=_all_rows(path, dialect, layout, entries),
    )


def _one_line_a_row(path: Path, dialect: Dialect) -> bool:
    """Whether no quoted field holds a line break: every line closes its quotes."""
    with read.open_unpacked(path, dialect.packed) as source:
        return all(line.count(b'"') % 2 == 0 for line in source)


def _ragged(path: Path, dialect: Dialect, layout: Layout) -> dict[int, list[str]]:
    """Malformed rows by number, padded or cut to the header's width."""
    found: dict[int, list[str]] = {}
    for chunk in read.chunks(path, dialect, layout, everything=True):
        for at in chunk.ragged.nonzero()[0]:
            found[chunk.first_line + int(at)] = [chunk.columns[name][int(at)].as_py() for name in layout.header]
    return found


def _all_rows(
    path: Path, dialect: Dialect, layout: Layout, entries: Iterator[tuple[int, execution.Cells]]
) -> Iterator[tuple[list[str], execution.Cells]]:
    names = read.declared(layout)
    following = next(entries, None)
    for chunk in read.chunks(path, dialect, layout, everything=True):
        columns = [chunk.columns[name].to_pylist() for name in names]
        for at, cells in enumerate(zip(*columns, strict=True)):
            sent = [unmasked(text, dialect) for text in cells]
            if following is not None and following[0] == chunk.first_line + at:
                yield sent, following[1]
                following = next(entries, None)
            else:
                yield sent, ("", "")


def unmasked(text: str, dialect: Dialect) -> str:
    """The text as sent: where the reader masked lone carriage returns, they come back."""
    return text.replace(LONE_CR, "\r") if dialect.lone_cr else text
