"""Hypothesis strategies for files in fixed width: records filled, cut, too long, of another type; trailers that lie."""

from datetime import date

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from property.rows import odd_row
from property.strategies import DIALECTS, REGISTRY_DATES, File, write
from twin import fixed, layouts, reading
from twin.cells import read_number

SENDERS = ["OA1", "SITE-4"]

FAULTS = ["trailer", "beyond", "layout", "other"]
"""Faults of the whole file; `other`: whom it comes from, what its marker says."""

AMOUNTS = [
    "", "000000000", "000000120", "000000001", "000100000", "000100001", "000500000", "000500001", "005000001",
    "999999999", "-00000001", "-00000000", "12", "   000012", "000012   ", "0.120", "0,120", "1e3", "+00000001", "abc",
    "00 00 012", "-", "--", "١", "00000\t012", "00000012.",
]  # fmt: skip
DAYS = [
    "", "20240115", "20240131", "20240230", "20240001", "00000000", "2024013", "2024-1-1", "31/01/24", "99991231",
    "20261123", "2024011\t", "２0240115", "20230930", "20231031", "AAAAMMJJ",
]  # fmt: skip
TIMES = [
    "", "202401150800", "202401151730", "202401152400", "202401151060", "20240115", "2024011508", "20240230 800",
    "20240115T080", "202611230000", "202401150800", "999912312359",
]  # fmt: skip


def _amount(text: str) -> str:
    """Millisieverts → micro-sieverts, whatever the width; nothing where there is no number."""
    number = read_number(text)
    return "" if number is None else str(int(number.scaleb(3)))


def _moment(text: str) -> str:
    day, _, time = text.partition(" ")
    return "".join(reversed(day.split("/"))) + time.replace(":", "")


def _sound(text: str) -> bool:
    return all(char.isascii() and (char.isalnum() or char in " ./:") for char in text)


@st.composite
def details(draw: DrawFn, format_: str) -> str:
    """One detail: an odd row of the CSV put into its places, amounts and moments from pools of their own."""
    row = draw(odd_row(format_))
    line = layouts.RECORDS[_layout(format_)][1]
    for column, (first, last) in layouts.POSITIONS[format_].items():
        width = last - first + 1
        text = row[column]
        if column in ("VALEUR", "SEUIL"):
            chosen = draw(st.sampled_from([_amount(text)] * 8 + AMOUNTS)).strip()
            text = chosen.zfill(width) if chosen.isdecimal() and chosen.isascii() else chosen
            text = text[-width:]
        elif column.startswith("DATE_"):
            usual = _moment(text) if _sound(text) else ""
            text = draw(st.sampled_from([usual] * 8 + (TIMES if format_ == "OPERATIONNELLE" else DAYS)))
        line += text.replace("\n", " ")[:width].ljust(width)
    match draw(st.integers(0, 19)):
        case 0:
            return line + draw(st.sampled_from([" ", "x", "\t"]))
        case 1:
            return line[: draw(st.integers(1, len(line)))]
        case 2:
            return draw(st.sampled_from(["10", "20", "30", "00", "  ", "9", "é1"])) + line[2:]
        case 3:
            return draw(st.sampled_from(["x", "  ", "10", "20"]))
        case 4 | 5 | 6:
            return line.rstrip(" ")
    return line


def _layout(format_: str) -> str:
    return next(layout for layout, (name, _) in layouts.RECORDS.items() if name == format_)


def _trailer(head: str, lines: list[str], rows: int = 0, usv: int = 0) -> str:
    """The record 99 that tells the truth about these details, moved by `rows` and `usv`."""
    records = fixed.parse("\n".join([head, *lines]))
    assert records is not None
    total = 0
    for line in records.details:
        values, _ = fixed.cells(records, line)
        total += int(1000 * reading.sent_value(reading.Row(0, values, ragged=False)))
    return f"99{len(records.details) + rows:09d}{total + usv:015d}"


@st.composite
def fixed_files(draw: DrawFn, format_: str, sound: bool = True) -> tuple[File, str | None]:
    """A file, and the code of its sender where the check knows it; not `sound`: with faults of the whole file."""
    dialect = draw(DIALECTS)
    faults = set() if sound else draw(st.sets(st.sampled_from(FAULTS), min_size=1, max_size=2))
    sender = draw(st.sampled_from(SENDERS))
    head = "00" + _layout(format_).ljust(10) + sender.ljust(10) + "20240205" + "000001"
    lines = draw(st.lists(details(format_), min_size=0 if not sound else 1, max_size=6))
    lines = [line for line in lines if line.strip("\r") and not line.startswith("99")] or (
        [layouts.RECORDS[_layout(format_)][1]] if sound else []
    )
    end = [_trailer(head, lines)]
    if "trailer" in faults:
        end = draw(
            st.sampled_from(
                [
                    [], ["99"], [_trailer(head, lines, rows=1)], [_trailer(head, lines, usv=1)],
                    [_trailer(head, lines, usv=-1)], [_trailer(head, lines)[:11]], ["99" + "x" * 24],
                ]
            )
        )  # fmt: skip
    if "beyond" in faults:
        end += draw(st.sampled_from([["x"], ["99"], [" "], end, lines or ["10"], [head]]))
    if "layout" in faults:
        head = head.replace("01  ", draw(st.sampled_from(["02  ", "    "])), 1)
    all_lines = [head, *lines, *end]
    if draw(st.booleans()):
        all_lines.insert(draw(st.integers(0, len(all_lines))), "")
    data = write(all_lines, dialect)
    other = "other" in faults
    partner = draw(st.sampled_from([None, sender, sender] + (["OA2"] if other else [])))
    roles = [None, "GESTIONNAIRE", "OA" if format_ == "PASSIVE" else "EXPLOITANT"]
    role = draw(st.sampled_from(roles + (["DGT", "MDT"] if other else [])))
    today: date = draw(st.sampled_from(REGISTRY_DATES))
    marker = draw(st.sampled_from([None, None] + (["LIGNES=2", "SOMME_MSV=0.12", "SOMME_MSV=x"] if other else [])))
    name = "mars.txt" + (".gz" if dialect.packed else "")
    return File(name, data, today, role, marker), partner
