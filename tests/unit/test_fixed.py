"""The fixed-width reader: positions, encodings, what a file and its trailer may get wrong."""

from __future__ import annotations

import csv
import gzip
import io
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from records import detail, head, records, trailer, written
from senders import NIR, OPERATIONNELLE, PASSIVE, SIRET, row

from pipelines import fixed, read
from pipelines.offline import Judgement, judge
from schemas.spec import Context

DAY = date(2026, 4, 10)
CLEAN: frozenset[str] = frozenset()


def verdict(*lines: str, name: str = "a.txt", **more: Any) -> Judgement:
    return judge("".join(line + "\n" for line in lines).encode(), name, DAY, **more)


def codes(*lines: str, **more: Any) -> list[set[str]]:
    found = verdict(*lines, **more)
    assert found.file_code is None
    return [set(one) for one in found.rows]


def columns(tmp_path: Path, data: bytes, name: str = "a.txt") -> tuple[list[dict[str, str]], list[bool]]:
    """The text of every row as the rest of the corridor sees it, and which rows are ragged."""
    path = tmp_path / name
    path.write_bytes(data)
    dialect = read.scan(path, name, 1 << 30)
    rows: list[dict[str, str]] = []
    ragged: list[bool] = []
    for chunk in read.chunks(path, dialect, read.identify(path, dialect)):
        assert chunk.first_line == len(rows) + 1
        texts = {column: values.to_pylist() for column, values in chunk.columns.items()}
        rows += [dict(zip(texts, cells, strict=True)) for cells in zip(*texts.values(), strict=True)]
        ragged += chunk.ragged.tolist()
    return rows, ragged


def as_csv(header: str, line: str) -> dict[str, str]:
    return dict(zip(header.split(";"), line.split(";"), strict=True))


@pytest.mark.parametrize("header", [PASSIVE, OPERATIONNELLE])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_a_detail_is_the_row_of_the_csv(tmp_path: Path, header: str, end: str, encoding: str) -> None:
    free = {"NOM": "LÉVÊQUE-ŒIL", "PRENOM": "ANAÏS"} if header == PASSIVE else {"LIEU": "SITE D'ÉTÉ", "ZONE": "À"}
    lines = [row(header, VALEUR="0.150"), row(header, VALEUR="123456.789", **free), row(header, VALEUR="-0.001")]
    if header == PASSIVE:
        lines.append(row(header, VALEUR="", ETAT_RESULTAT="ABS", SEUIL=""))
    rows, ragged = columns(tmp_path, written(header, *lines, end=end, encoding=encoding))
    wanted = [as_csv(header, line) for line in lines]
    for one in wanted:
        if one.get("SEUIL"):
            one["SEUIL"] = "0.050"
    assert rows == wanted
    assert not any(ragged)


def test_every_position_is_the_declared_one(tmp_path: Path) -> None:
    """Neighbouring fields filled to the brim do not run into each other."""
    brim = "10" + NIR + "N" * 30 + "P" * 30 + SIRET + "T" * 15 + "L" * 10 + "D" * 15 + "20260301" + "20260331"
    brim += "MES" + "123456789" + "654321" + "I" * 20 + "C"
    assert len(brim) == 184
    rows, _ = columns(tmp_path, "\n".join([head(PASSIVE), brim, trailer(1, 123456789), ""]).encode())
    assert list(rows[0].values()) == [
        *(NIR, "N" * 30, "P" * 30, SIRET, "T" * 15, "L" * 10, "D" * 15, "01/03/2026", "31/03/2026", "MES"),
        *("123456.789", "654.321", "I" * 20, "C"),
    ]
    brim = "20" + NIR + SIRET + "L" * 30 + "Z" * 20 + "T" * 15 + "D" * 20 + "202604080815" + "202604081140"
    brim += "000000012" + "A" * 40 + "C"
    assert len(brim) == 188
    rows, _ = columns(tmp_path, "\n".join([head(OPERATIONNELLE), brim, trailer(1, 12), ""]).encode())
    assert list(rows[0].values()) == [
        *(NIR, SIRET, "L" * 30, "Z" * 20, "T" * 15, "D" * 20, "08/04/2026 08:15", "08/04/2026 11:40", "0.012"),
        *("A" * 40, "C"),
    ]


def test_fill_is_no_repair_but_what_stands_inside_is() -> None:
    lines = [
        row(PASSIVE),
        row(PASSIVE, NOM="Lévêque"),
        row(PASSIVE, SIRET=SIRET[:9] + " " + SIRET[9:13]),
        row(PASSIVE, NIR=NIR[:12] + "\u00a0"),
    ]
    found = codes(*records(PASSIVE, *lines))
    assert found[0] == set()
    assert found[1] == {"AVT-02"}
    assert "AVT-02" in found[2]
    assert found[3] == {"AVT-02", "IDT-01"}


def test_short_lines_are_filled_and_long_ones_refused(tmp_path: Path) -> None:
    good = records(PASSIVE, row(PASSIVE), row(PASSIVE), row(PASSIVE))
    good[1] = good[1].rstrip()
    good[2] = good[2] + " "
    assert codes(*good) == [set(), {"FMT-01"}, set()]
    good[3] = "10" + NIR
    found = codes(*good[:-1], trailer(3, 300))
    assert found[2] >= {"FMT-02"}
    assert "FMT-01" not in found[2]
    rows, ragged = columns(tmp_path, "".join(line + "\n" for line in [*good[:-1], trailer(3, 300)]).encode())
    assert rows[1] == rows[0]
    assert ragged == [False, True, False]


@pytest.mark.parametrize("begin", ["20", "00", "11", "1 ", " 10", "é0"])
def test_a_detail_of_another_type_is_one_bad_row(begin: str) -> None:
    lines = records(PASSIVE, row(PASSIVE), row(PASSIVE), row(PASSIVE))
    shifted = begin == " 10"  # everything stands one place to the right: the dose is no number
    lines[2] = " " + lines[2][:-1] if shifted else begin + lines[2][len(begin) :]
    found = verdict(*lines[:-1], trailer(3, 300 if shifted else 450))
    assert found.file_code is None
    assert found.rows == [CLEAN, frozenset({"FMT-01"}), CLEAN]


def test_lines_without_a_character_are_no_rows() -> None:
    lines = records(PASSIVE, row(PASSIVE), row(PASSIVE))
    assert codes("", *lines[:2], "", "", *lines[2:], "", "") == [set(), set()]
    assert codes(*(line + "\r" for line in ("", *lines[:2], "", *lines[2:], ""))) == [set(), set()]
    assert codes(*lines[:2], " ", lines[2], trailer(3, 300)) == [set(), {"FMT-01"}, set()]


def test_control_characters_stay_on_their_row() -> None:
    lines = records(PASSIVE, *[row(PASSIVE)] * 4)
    lines[1] = lines[1].replace("MARTIN ", "MAR\rTIN")
    lines[2] = lines[2].replace("MARTIN ", "MAR\tTIN")
    lines[3] = lines[3].replace("MARTIN ", "MAR\x85TIN")
    assert codes(*lines) == [{"FMT-07"}, {"FMT-07"}, {"FMT-07"}, set()]


@pytest.mark.parametrize(
    ("name", "place", "text", "wanted"),
    [
        ("VALEUR", 148, "0.15     ", {"FMT-04"}),
        ("VALEUR", 148, "     0,15", {"FMT-04"}),
        ("VALEUR", 148, "150.5    ", {"FMT-04"}),
        ("VALEUR", 148, "+00000150", {"FMT-04"}),
        ("VALEUR", 148, "1 500    ", {"FMT-04"}),
        ("VALEUR", 148, "--       ", {"FMT-04"}),
        ("VALEUR", 148, "٣        ", {"FMT-04"}),
        ("VALEUR", 148, "         ", {"MET-13"}),
        ("VALEUR", 148, "-00000150", {"MET-04"}),
        ("VALEUR", 148, "     -150", {"MET-04"}),
        ("VALEUR", 148, "150      ", set()),
        ("VALEUR", 148, "000500001", {"MET-05"}),
        ("SEUIL", 157, "0.05  ", {"FMT-04"}),
        ("SEUIL", 157, "      ", set()),
        ("DATE_FIN_PORT", 137, "31/03/26", {"FMT-03"}),
        ("DATE_FIN_PORT", 137, "20260230", {"FMT-03"}),
        ("DATE_FIN_PORT", 137, "2026033 ", {"FMT-03"}),
        ("DATE_FIN_PORT", 137, "00000000", {"FMT-03"}),
        ("DATE_FIN_PORT", 137, "2026033é", {"FMT-03"}),
        ("DATE_FIN_PORT", 137, "        ", {"FMT-02"}),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_numbers_and_dates_of_a_passive_detail(
    name: str, place: int, text: str, wanted: set[str], encoding: str
) -> None:
    sound = row(PASSIVE)
    record = detail(PASSIVE, sound)
    record = record[:place] + text + record[place + len(text) :]
    total = 300 + (int(text) if name == "VALEUR" and text.strip().removeprefix("-").isascii() and _whole(text) else 0)
    total += 150 if name != "VALEUR" else 0
    lines = [head(PASSIVE), detail(PASSIVE, sound), record, detail(PASSIVE, sound), f"99000000003{total:015d}"]
    found = judge("\n".join(lines).encode(encoding, "replace"), "a.txt", DAY)
    assert found.file_code is None
    assert found.rows == [CLEAN, frozenset(wanted), CLEAN]


def _whole(text: str) -> bool:
    return text.strip().removeprefix("-").isdigit()


@pytest.mark.parametrize("text", ["202604081160", "20260408", "2026040811", "08/04/2026 1", "202604080815"])
def test_times_of_an_operational_detail(text: str) -> None:
    record = detail(OPERATIONNELLE, row(OPERATIONNELLE))
    record = record[:126] + text.ljust(12) + record[138:]
    wanted = {"MET-01"} if text == "202604080815" else {"FMT-03"}
    assert codes(head(OPERATIONNELLE), record, trailer(1, 12)) == [wanted]


def test_what_is_no_whole_number_of_microsievert_never_turns_into_millisievert(tmp_path: Path) -> None:
    """Sent again from the report, as a CSV, it is refused again."""
    lines = records(PASSIVE, row(PASSIVE))
    lines[1] = lines[1][:148] + "150.5    " + lines[1][157:]
    rows, _ = columns(tmp_path, "".join(line + "\n" for line in [*lines[:-1], trailer(1, 0)]).encode())
    assert rows[0]["VALEUR"] == "150.5" + fixed.UNIT
    again = "\n".join([PASSIVE, ";".join(rows[0].values())])
    assert judge(again.encode(), "a.csv", DAY).rows == [frozenset({"FMT-04"})]


# --- the file as a whole ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "last",
    [
        None,
        trailer(1, 300),
        trailer(3, 300),
        trailer(2, 299),
        trailer(2, 301),
        trailer(2, -300),
        "99",
        "99" + " " * 24,
        "99000000002",
        "99xxxxxxxxx000000000000300",
        "99000000002000000000003.00",
        "99-00000002000000000000300",
        "99٠٠٠٠٠٠٠٠٢000000000000300",
    ],
)
def test_a_trailer_that_lacks_or_lies(last: str | None) -> None:
    lines = records(PASSIVE, row(PASSIVE), row(PASSIVE))[:-1]
    assert verdict(*lines, *([last] if last else [])).file_code == "FIC-08"


@pytest.mark.parametrize("last", [trailer(2, 300), trailer(2, 300) + "    x", "99        2            300"])
def test_a_trailer_that_agrees(last: str) -> None:
    assert codes(*records(PASSIVE, row(PASSIVE), row(PASSIVE))[:-1], last) == [set(), set()]


def test_bad_rows_count_in_the_trailer() -> None:
    lines = records(PASSIVE, row(PASSIVE), row(PASSIVE), row(PASSIVE, VALEUR="-0.100"))
    lines[2] = "20" + lines[2][2:]
    assert codes(*lines[:-1], trailer(3, 200)) == [set(), {"FMT-01"}, {"MET-04"}]


def test_codes_of_the_file_and_their_order(tmp_path: Path) -> None:
    sound = records(PASSIVE, row(PASSIVE))
    first, one, last = sound
    assert verdict(*sound).file_code is None
    assert verdict(*sound, "x").file_code == "FIC-09"
    assert verdict(*sound, last).file_code == "FIC-09"
    assert verdict(first, trailer(9, 9), one).file_code == "FIC-09"
    assert verdict(first, last, one, partner="AUTRE", role="EMPLOYEUR").file_code == "FIC-09"
    assert verdict(first, trailer(0, 0)).file_code == "FIC-01"
    assert verdict(first).file_code == "FIC-01"
    assert verdict(first, trailer(1, 1), partner="AUTRE").file_code == "FIC-01"
    assert verdict(first.replace("SISPAS01", "SISPAS02"), one, last).file_code == "FIC-03"
    assert verdict(first.replace("SISPAS01", "sispas01"), one, last).file_code == "FIC-03"
    assert verdict("01" + first[2:], one, last).file_code == "FIC-03"
    assert verdict(one, last).file_code == "FIC-03"
    assert verdict(*sound, partner="LABO1", role="OA").file_code is None
    assert verdict(*sound, partner="LABO2", role="OA").file_code == "FIC-05"
    assert verdict(*sound, partner="LABO", role="OA").file_code == "FIC-05"
    assert verdict(*sound, partner="LABO1", role="EXPLOITANT").file_code == "FIC-05"
    assert verdict(first[:12], one, last, partner="LABO1").file_code == "FIC-05"
    assert verdict(first[:12], one, last).file_code is None
    assert verdict(*sound[:-1], trailer(1, 1), partner="LABO2").file_code == "FIC-05"
    assert verdict(*sound, marker="LIGNES=1\nSOMME_MSV=0.15").file_code is None
    assert verdict(*sound, marker="LIGNES=2").file_code == "FIC-08"
    assert verdict(*sound, marker="SOMME_MSV=150").file_code == "FIC-08"
    assert verdict(*sound, max_bytes=100).file_code == "FIC-07"
    data = written(PASSIVE, row(PASSIVE))
    assert judge(data.replace(b"MARTIN", b"MART\0N"), "a.txt", DAY).file_code == "FIC-02"
    assert judge(data.replace(b"MARTIN", b"MART\x81N"), "a.txt", DAY).file_code == "FIC-02"


def test_packed_and_cut_short() -> None:
    data = written(PASSIVE, row(PASSIVE, NOM="É" * 30), row(PASSIVE))
    packed = gzip.compress(data)
    assert judge(packed, "a.txt.gz", DAY).rows == judge(data, "a.txt", DAY).rows
    assert judge(packed, "a.gz", DAY).file_code is None
    assert judge(packed[:-9], "a.txt.gz", DAY).file_code == "FIC-09"
    assert judge(data, "a.txt.gz", DAY).file_code == "FIC-09"
    assert judge(gzip.compress(packed), "a.txt.gz", DAY).file_code == "FIC-02"
    for at in range(len(data)):
        cut = judge(data[:at], "a.txt", DAY).file_code
        whole = data[:at].rstrip() == data.rstrip()
        assert (cut is None) == whole, at


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
@pytest.mark.parametrize("block", [400, 777, 1 << 20])
def test_the_size_of_the_blocks_makes_no_difference(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, block: int, encoding: str
) -> None:
    lines = [row(PASSIVE, ID_MESURE=f"M{at}", NOM="É" * (at % 5) + "X", VALEUR=f"0.{at:03d}") for at in range(40)]
    data = written(PASSIVE, *lines, encoding=encoding, end="\r\n")
    monkeypatch.setattr(fixed, "BLOCK", block)
    rows, ragged = columns(tmp_path, data)
    assert [one["ID_MESURE"] for one in rows] == [f"M{at}" for at in range(40)]
    assert [one["NOM"] for one in rows] == ["É" * (at % 5) + "X" for at in range(40)]
    assert not any(ragged)
    assert judge(data + b"x", "a.txt", DAY).file_code == "FIC-09"
    assert judge(data[:-3], "a.txt", DAY).file_code == "FIC-08"


def test_many_short_lines_take_no_more_memory_than_long_ones(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"\n".join([head(PASSIVE).encode(), b"x\n" * 300_000, trailer(300_000, 0).encode()]))
    dialect = read.scan(path, "a.txt", 1 << 30)
    sizes = [len(chunk) for chunk in read.chunks(path, dialect, read.identify(path, dialect))]
    assert sum(sizes) == 300_000
    assert max(sizes) * 184 <= read.BLOCK


def test_a_line_without_end_is_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fixed, "BLOCK", 1000)
    lines = records(PASSIVE, row(PASSIVE))
    assert verdict(*lines[:2], "10" + "x" * 5000, lines[2]).file_code == "FIC-09"


# --- a CSV and its fixed-width twin -------------------------------------------------------------------

_NAMES = st.one_of(
    st.sampled_from(["MARTIN", "LÉVÊQUE", "d'Artagnan", "Œuvre", "O\u2019NEIL", "--", "A B", "X" * 30, "É" * 30, ""]),
    st.text(st.characters(codec="cp1252", exclude_categories=["Cc", "Cs", "Cn"]), max_size=30).map(
        lambda text: text.strip(" ")
    ),
)
_DOSES = st.one_of(
    st.integers(-99_999, 999_999).map(lambda usv: f"{'-' * (usv < 0)}{abs(usv) // 1000}.{abs(usv) % 1000:03d}"),
    st.sampled_from(["", "x", "--", "0.000"]),
)
_DAYS = st.one_of(
    st.dates(date(2025, 11, 1), date(2026, 5, 1)).map(lambda day: day.strftime("%d/%m/%Y")),
    st.sampled_from(["", "30/02/2026", "00/00/0000", "01/13/2025", "29/02/2024"]),
)
_TIMES = st.tuples(_DAYS, st.sampled_from(["00:00", "08:15", "23:59", "24:00", "12:60"])).map(
    lambda parts: f"{parts[0]} {parts[1]}" if parts[0] else ""
)
_CELLS = {
    "NIR": st.sampled_from(
        [NIR, "3850675110042", "2840 2A00401", "284052a004018", "185067511004", "18506751100X2", ""]
    ),
    "SIRET": st.sampled_from([SIRET, SIRET[:13], "7328293200007", "35600000000048", "x", ""]),
    "NOM": _NAMES,
    "PRENOM": _NAMES,
    "LIEU": _NAMES,
    "ZONE": _NAMES.map(lambda text: text[:20].strip(" ")),
    "ACTIVITE": _NAMES,
    "VALEUR": _DOSES,
    "SEUIL": st.sampled_from(["0.050", "", "x", "-0.001"]),
    "LOCALISATION": st.sampled_from(["POITRINE", "TETE", "CEINTURE", "ventre", ""]),
    "ETAT_RESULTAT": st.sampled_from(["MES", "INF", "ABS", "EST", "xxx", ""]),
    "ID_MESURE": st.sampled_from(["M1", "é" * 20, ""]),
    "CODE_METROLOGIE": st.sampled_from(["", "", "C", "A", "x"]),
}


@st.composite
def _rows(draw: st.DrawFn, header: str) -> list[dict[str, str]]:
    moments = _DAYS if header == PASSIVE else _TIMES
    made = []
    for _ in range(draw(st.integers(1, 5))):
        cells = as_csv(header, row(header))
        cells["VALEUR"] = "0.150"
        if "SEUIL" in cells:
            cells["SEUIL"] = "0.050"
        for name in draw(st.sets(st.sampled_from(header.split(";")), max_size=4)):
            if name.startswith("DATE_"):
                cells[name] = draw(moments)
            elif name in _CELLS:
                cells[name] = draw(_CELLS[name])
        made.append(cells)
    return made


def _utf8(body: bytes) -> bool:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


@settings(deadline=None, max_examples=150, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.data(), st.sampled_from([PASSIVE, OPERATIONNELLE]), st.sampled_from(["utf-8", "utf-8-sig", "cp1252"]))
def test_a_csv_and_its_fixed_width_twin_carry_the_same_codes(data: st.DataObject, header: str, encoding: str) -> None:
    rows = data.draw(_rows(header))
    ending = data.draw(st.sampled_from(["\n", "\r\n"]))
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator=ending)
    writer.writerows([header.split(";"), *(one.values() for one in rows)])
    lines = []
    for one in rows:
        line = io.StringIO()
        csv.writer(line, delimiter=";", lineterminator="").writerow(one.values())
        lines.append(line.getvalue())
    role = data.draw(st.sampled_from([None, "GESTIONNAIRE"]))
    if encoding == "cp1252":  # bytes that are UTF-8 too are read as UTF-8, where two of them may be one place
        assume(not _utf8(out.getvalue().encode(encoding)) or out.getvalue().isascii())
    wanted = judge(out.getvalue().encode(encoding), "a.csv", DAY, role)
    got = judge(written(header, *lines, end=ending, encoding=encoding), "a.txt", DAY, role, partner="LABO1")
    assert wanted.file_code is None
    assert got == wanted


def test_the_corridor_sees_the_doses_of_the_books(tmp_path: Path) -> None:
    """What the books carry of a fixed-width file is what its trailer says."""
    from pipelines import offline

    path = tmp_path / "a.txt"
    path.write_bytes(written(PASSIVE, row(PASSIVE, VALEUR="0.151"), row(PASSIVE, VALEUR="0.002")))
    opened = offline.open_file(path, "a.txt", role="OA", max_bytes=1 << 20, partner="LABO1")
    (checked,) = opened.chunks(Context.on(DAY, "OA"))
    assert checked.book_usv.tolist() == [151, 2]
