"""Files spoiled at random, by their structure: cells, lines, columns, records, bytes, encoding, packing, name, marker.

A mutant follows from its number and the seed alone, so that a fault found once is found again.
"""

from __future__ import annotations

import gzip
import random
from dataclasses import dataclass

from property.rows import odd_cells
from property.strategies import separator_of
from twin import layouts

#: Texts that break readers: quotes, separators, numbers that are none, signs outside of the repertoire, formulas.
NASTY = (
    *("", '"', '""', ';";', "\t", "\r", "\n", "\x0b", "\x85", "\u2028", "\ufeff", "\u00a0", "é", "\U0001f512", "ß"),
    *("0" * 400, "9" * 40, "-0", "1e9", "NaN", "inf", "0x10", "١٢", "1,5", ".5", "=1+1", "@x", "A" * 5_000, "--"),
    *("31/02/2024", "00/00/0000", "29/02/1900", "01/01/0001", "31/12/9999", "2024-01-01", "1/1/24", "31/12/2025 24:00"),
)  # fmt: skip
BYTES = (b"\0", b"\xff", b"\xfe\xff", b"\x81", b"\xc3", b"\xed\xa0\x80", b"\x1a", b"\r", b"\n\n\n", b'"', b"\x1f\x8b")
NAMES = (
    "mars.csv",
    "mars.txt",
    "MARS.CSV",
    "mars.csv.gz",
    "mars",
    "mars.xlsx",
    "mars.csv~2",
    "é.csv",
    "a" * 196 + ".csv",
)
ENCODINGS = ("utf-8-sig", "cp1252", "latin-1", "utf-16", "utf-16-be", "cp500", "utf-7")
MARKERS = ("", "LIGNES=1", "LIGNES=-1", "SOMME_MSV=", "SOMME_MSV=1e400", "LIGNES=1\nLIGNES=2", "\0")
#: More rows than this in a mutant tell nothing new.
ROWS = 12


@dataclass(frozen=True)
class Mutant:
    """A file as dropped: its name, bytes, marker, and the format that it was made from."""

    name: str
    data: bytes
    marker: str | None
    format: str


_SHEETS = {name: odd_cells(name) for name in sorted(layouts.COLUMNS)}
_KINDS = [*((name, False) for name in _SHEETS), *((name, True) for name in layouts.RECORDS)]


def mutant(number: int, seed: int) -> Mutant:
    """The mutant of this number: formats in turn, one to six changes."""
    rng = random.Random(f"{seed}/{number}")
    kind, fixed = _KINDS[number % len(_KINDS)]
    lines = _records(rng, kind) if fixed else _table(rng, kind)
    for _ in range(rng.choice((0, 0, 0, 1, 3))):
        _spoil_lines(rng, lines)
    text = rng.choice((*["\n", "\r\n"] * 5, "\r")).join(lines) + rng.choice(("\n", "", "\r\n\r\n"))
    for _ in range(rng.choice((0, 0, 0, 0, 1, 2))):
        text = _put(rng, text, rng.choice(NASTY))
    data = text.encode(rng.choice(ENCODINGS) if rng.random() < 0.2 else "utf-8", "replace")
    for _ in range(rng.choice((0, 0, 0, 0, 0, 1, 3))):
        data = _spoil_bytes(rng, data)
    name = rng.choice(NAMES[:4]) if rng.random() < 0.9 else rng.choice(NAMES)
    if name.endswith(".gz") and rng.random() < 0.9:
        data = gzip.compress(data, mtime=0)
        cut = data[: rng.randint(0, len(data))]
        data = rng.choice((data, data, data, data, cut, data + data, data + b"x", gzip.compress(data)))
    return Mutant(
        name, data, rng.choice(MARKERS) if rng.random() < 0.1 else None, layouts.RECORDS[kind][0] if fixed else kind
    )


def _table(rng: random.Random, kind: str) -> list[str]:
    columns = list(layouts.COLUMNS[kind])
    rows = [dict(row) for row in rng.sample(_SHEETS[kind], rng.randint(1, ROWS))]
    for row in rows:
        for column in rng.sample(columns, rng.choice((0, 0, 1, 3))):
            row[column] = rng.choice(NASTY)
    for _ in range(rng.choice((0, 0, 0, 0, 1, 2))):
        _spoil_columns(rng, columns)
    separator = separator_of(kind) if rng.random() < 0.95 else rng.choice(";,\t|")
    quoted = rng.random()
    written = (separator.join(_cell(rng, row.get(one, ""), quoted) for one in columns) for row in rows)
    return [separator.join(columns), *written]


def _cell(rng: random.Random, text: str, quoted: float) -> str:
    return '"' + text.replace('"', '""') + '"' if rng.random() < quoted * 0.9 else text


def _spoil_columns(rng: random.Random, columns: list[str]) -> None:
    at = rng.randrange(len(columns))
    match rng.randrange(5):
        case 0 if len(columns) > 1:
            columns.pop(at)
        case 1:
            columns.insert(at, columns[rng.randrange(len(columns))])
        case 2:
            columns.insert(at, rng.choice(("CODE_ERREUR", "LIBELLE_ERREUR", "X", "", "é")))
        case 3:
            columns[at] = rng.choice((columns[at].swapcase(), f" {columns[at]}", f'"{columns[at]}"', columns[at][:-1]))
        case _:
            rng.shuffle(columns)


def _records(rng: random.Random, layout: str) -> list[str]:
    example = layouts.RECORDS[layout][1]
    details = []
    for _ in range(rng.randint(1, ROWS)):
        line = list(example.ljust(rng.choice((0, 120, 200))))
        for _ in range(rng.choice((0, 0, 1, 5))):
            line[rng.randrange(len(line))] = rng.choice("0123456789 -.é\tXZ")
        details.append("".join(line))
    head = f"00{layout:<10}{rng.choice(('OA1', '', 'SITE-4')):<10}20240205000001"
    count = len(details) + rng.choice((0, 0, 0, 1))
    return [head, *details, f"99{count:09d}{rng.choice((0, 120, 10**14)):015d}"]


def _spoil_lines(rng: random.Random, lines: list[str]) -> None:
    at = rng.randrange(len(lines))
    match rng.randrange(7):
        case 0 if len(lines) > 1:
            lines.pop(at)
        case 1:
            lines.insert(at, lines[rng.randrange(len(lines))])
        case 2:
            lines[at] = lines[at][: rng.randint(0, len(lines[at]))]
        case 3:
            lines[at] += rng.choice((";", ";;;;", '"', " ", "x", ";" * 3_000))
        case 4:
            lines.insert(at, rng.choice(("", " ", ";", '"', ";" * 20)))
        case 5:
            rng.shuffle(lines)
        case _:
            lines[at] = _put(rng, lines[at], rng.choice(NASTY))


def _put(rng: random.Random, text: str, piece: str) -> str:
    at = rng.randint(0, len(text))
    return text[:at] + piece + text[at:]


def _spoil_bytes(rng: random.Random, data: bytes) -> bytes:
    at, piece = rng.randint(0, len(data)), rng.choice(BYTES)
    match rng.randrange(4):
        case 0:
            return data[:at] + piece + data[at:]
        case 1:
            return data[:at] + piece + data[at + len(piece) :]
        case 2:
            return data[:at] + data[at + rng.randint(1, 40) :]
        case _:
            return data[:at]
