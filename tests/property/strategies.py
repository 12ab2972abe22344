"""Hypothesis strategies that make whole files: mostly sound, with faults planted, dialects mixed.

The rows come from `property.rows`; this module writes them down.
"""

import gzip
from dataclasses import dataclass
from datetime import date
from decimal import Context, Decimal, localcontext

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from property.rows import odd_row
from twin import layouts
from twin.reading import read, sent_value

REGISTRY_DATES = [date(2024, 1, 31), date(2024, 2, 1), date(2024, 3, 5), date(2026, 11, 22)]


@dataclass(frozen=True)
class Dialect:
    """How the same cells are written down."""

    encoding: str = "utf-8"
    ending: str = "\n"
    quoting: str = "needed"  # needed, always, mixed
    last_ending: bool = True
    packed: bool = False


DIALECTS: SearchStrategy[Dialect] = st.builds(
    Dialect,
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "cp1252"]),
    ending=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from(["needed", "always", "mixed"]),
    last_ending=st.booleans(),
    packed=st.sampled_from([False, False, False, True]),
)


def write_line(cells: list[str], separator: str, dialect: Dialect) -> str:
    def cell(place: int, text: str) -> str:
        forced = any(char in text for char in '"\r\n' + separator)
        wanted = dialect.quoting == "always" or (dialect.quoting == "mixed" and place % 2)
        return '"' + text.replace('"', '""') + '"' if forced or wanted else text

    return separator.join(cell(place, text) for place, text in enumerate(cells))


def write(lines: list[str], dialect: Dialect) -> bytes:
    text = dialect.ending.join(lines) + (dialect.ending if dialect.last_ending else "")
    data = text.encode(dialect.encoding, errors="replace")
    return gzip.compress(data, mtime=0) if dialect.packed else data


@dataclass(frozen=True)
class File:
    name: str
    data: bytes
    registry_date: date
    role: str | None = None
    marker: str | None = None
    max_bytes: int = 1 << 30


FORMATS = sorted(layouts.COLUMNS)
NAMES = st.sampled_from(["mars.csv", "mars.TXT", "été 2024.csv", "-rf.csv", "a.b.csv"])


def separator_of(format_: str) -> str:
    return "," if format_ == "ETABLISSEMENTS" else ";"


@st.composite
def sound_files(draw: DrawFn, format_: str | None = None) -> File:
    """A file that reads well; its rows carry what they carry, some are ragged, some lines are empty."""
    format_ = format_ or draw(st.sampled_from(FORMATS))
    dialect = draw(DIALECTS)
    separator = separator_of(format_)
    columns = list(layouts.COLUMNS[format_])
    extra = draw(st.sampled_from([[], [], ["CODE_ERREUR", "LIBELLE_ERREUR"], ["LIBELLE_ERREUR"]]))
    if format_ == "ETABLISSEMENTS":
        extra = draw(st.sampled_from([[], ["nic", "statutDiffusionEtablissement"]]))
    if draw(st.booleans()):
        columns = draw(st.permutations(columns + extra))
    else:
        columns += extra
    lines = [write_line(columns, separator, dialect)]
    for row in draw(st.lists(odd_row(format_), min_size=1, max_size=6)):
        cells = [row.get(column, "Déjà vu\tici") for column in columns]
        match draw(st.integers(0, 19)):
            case 0:
                cells.append(draw(st.sampled_from(["", "x"])))
            case 1:
                cells.pop()
            case 2:
                cells = draw(st.sampled_from([["x"], [" "], [""] * len(cells)]))
            case 3:
                lines.append("")
        lines.append(write_line(cells, separator, dialect))
    name = draw(NAMES) + (".gz" if dialect.packed else "")
    data = write(lines, dialect)
    today = draw(st.sampled_from(REGISTRY_DATES))
    marker = None
    content = read(data, name, today)
    if draw(st.booleans()) and all(len(row.values.get("VALEUR", "")) < 25 for row in content.rows):
        with localcontext(Context(prec=100)):
            total = sum((sent_value(row) for row in content.rows), Decimal(0))
        marker = f"LIGNES={len(content.rows)}\nSOMME_MSV={total:f}\n"
    return File(
        name,
        data,
        today,
        marker=marker,
        role=draw(st.sampled_from([None, None, "GESTIONNAIRE"] + (["MDT"] if format_ == "PASSIVE" else []))),
    )


@st.composite
def unsound_files(draw: DrawFn) -> File:
    """A file with faults of the whole file, alone or together, so that their order shows."""
    format_ = draw(st.sampled_from(FORMATS))
    dialect = draw(DIALECTS)
    separator = separator_of(format_)
    columns = list(layouts.COLUMNS[format_])
    rows = draw(st.lists(odd_row(format_, most=1), max_size=2))
    faults = draw(st.sets(st.sampled_from(FILE_FAULTS), max_size=3))
    if "header" in faults:
        columns = draw(st.sampled_from(headers(columns)))
    lines = [write_line(columns, separator, dialect)]
    lines += [write_line([row.get(column, "") for column in columns], separator, dialect) for row in rows]
    if "no rows" in faults:
        lines = draw(st.sampled_from([[], lines[:1], ["", ""]]))
    if "open quote" in faults:
        lines.append('"never closed')
    data = write(lines, Dialect(dialect.encoding, dialect.ending, dialect.quoting, dialect.last_ending))
    if "nul" in faults:
        data = draw(st.sampled_from([data + b"\0", b"\0" + data, data.decode("cp1252", "replace").encode("utf-16")]))
    if "no encoding" in faults:
        data += b"\x81\x8d\n"
    max_bytes = len(data) - 1 if "too large" in faults else len(data)
    name = draw(NAMES)
    if "name" in faults:
        name = draw(
            st.sampled_from(["mars.xlsx", "mars", "mars.csv~2", "m" * 197 + ".csv", "mars.csv.zip", "é" * 99 + ".csv"])
        )
    if "gzip" in faults and not faults & {"too large", "nul", "no encoding"}:
        name += ".gz"
        data = draw(st.sampled_from([data or b"x", gzip.compress(data, mtime=0)[:-9]]))
    elif dialect.packed:
        name += ".gz"
        data = gzip.compress(data, mtime=0)
    marker = draw(
        st.sampled_from([None, "", f"LIGNES={len(rows)}", f"LIGNES={len(rows)}\r\nSOMME_MSV=0\r\n", *MARKERS])
    )
    role = draw(st.sampled_from([None, *sorted(layouts.ALLOWED)]))
    return File(name, data, REGISTRY_DATES[-1], role, marker, max(max_bytes, 0))


FILE_FAULTS = ["header", "no rows", "open quote", "nul", "no encoding", "too large", "name", "gzip"]
MARKERS = [
    "LIGNES=2",
    "LIGNES=abc",
    "LIGNES=",
    "SOMME_MSV=1.5",
    "SOMME_MSV=1,500",
    "SOMME_MSV=x",
    "AUTRE=3",
    "SOMME_MSV=-1\nLIGNES=1",
]


def headers(columns: list[str]) -> list[list[str]]:
    """Headers near that of a format: short of columns, with a repeated or unknown one, or none of its own."""
    if "siret" in columns:  # whether a used column that lacks is FIC-03 or FIC-04, the contract leaves open
        return [[*columns, columns[0]], ["A", "B"], [*columns, "CODE_ERREUR", "CODE_ERREUR"]]
    return [
        columns[1:],
        columns[: len(columns) // 2],
        columns[: (len(columns) - 1) // 2],
        [*columns, columns[0]],
        [*columns, "INCONNUE"],
        [*columns, ""],
        [*columns, "CODE_ERREUR", "CODE_ERREUR"],
        [columns[0].swapcase(), *columns[1:]],
        [" " + columns[0], *columns[1:]],
        ["A", "B"],
        ["NIR", "CLE", "SIRET", "DATEFIN"],
    ]
