"""The twin read against the contract by hand: one small case for each code, and the cases people argue about.

The twin judges the engine, so nothing but these cases judges the twin.
"""

from datetime import date, datetime
from decimal import Decimal

import pytest
from spec.files import FILES, FIXED, LINE, RECORDS, alone, detail, fixed, passive, trailer
from spec.rows import CASES, LATE, OP, SOUND, TODAY, E, P, T
from twin import reading
from twin.cells import add_months, is_nir, is_rpps, is_siret, nir_key, plain_upper, read_number, thousandths
from twin.checking import check_row, codes_of
from twin.layouts import COLUMNS


def codes(format_: str, today: date = TODAY, role: str | None = None, **changes: str) -> set[str]:
    return check_row(format_, SOUND[format_] | changes, today, role).codes


@pytest.mark.parametrize("format_", COLUMNS)
def test_a_sound_row_carries_nothing(format_: str) -> None:
    assert codes(format_) - LATE == set()


@pytest.mark.parametrize(("format_", "changes", "expected"), CASES, ids=lambda value: str(value)[:60])
def test_row_codes(format_: str, changes: dict[str, str], expected: str) -> None:
    assert sorted(codes(format_, **changes) - LATE) == expected.split()


def test_classes_nc_and_nr_were_accepted_until_february_2024() -> None:
    assert codes(T, date(2024, 1, 31), CLASSEMENT="NR") == set()
    assert codes(T, date(2024, 2, 1), CLASSEMENT="NR") == {"MET-06"}


def test_late_by_days_after_the_end_of_wear() -> None:
    assert codes(P, date(2024, 2, 20)) == codes(OP, date(2024, 1, 22)) == set()
    assert codes(P, date(2024, 2, 21)) == codes(OP, date(2024, 1, 23)) == {"AVT-04"}
    assert codes(P, CODE_METROLOGIE="A") == set()


def test_a_physician_sends_estimates_only() -> None:
    assert codes(P, role="MDT", ETAT_RESULTAT="EST", ID_MESURE="OA1/" + "1" * 20) == LATE
    assert codes(P, role="MDT") == LATE | {"MET-13"}


def test_repaired_values() -> None:
    values = check_row(
        T, SOUND[T] | {"NOM": "d'Œuvré-Bœuf ", "SIRET": "542012000015", "CodeMetier": "INFIRM"}, TODAY
    ).values
    assert (values["NOM"], values["SIRET"], values["CodeMetier"]) == ("D'OEUVRE-BOEUF", "00542012000015", "IDE")
    assert (values["GROUPE"], values["QUOTITE"], values["DATEDEBUT"]) == (
        "Groupe par défaut",
        Decimal("0.8"),
        date(2020, 1, 1),
    )
    measure = check_row(OP, SOUND[OP] | {"VALEUR": "0,0125"}, TODAY).values
    assert (measure["VALEUR"], measure["DATE_DEBUT_PORT"]) == (Decimal("0.013"), datetime(2024, 1, 15, 8))


def test_small_readers() -> None:
    assert [is_nir(nir) for nir in ("285122A004012", "2852075000000", "1859975116001", "1854375116001")] == [
        True,
        False,
        True,
        False,
    ]
    # Published example of the key's computation: 2 55 08 14 168 025 has the key 38.
    assert nir_key("2550814168025") == "38"
    assert is_siret("73282932000074")  # the example of the Sirene documentation
    assert is_siret("35600000000048")
    assert not is_siret("35600000000002")
    assert is_rpps("10003456786")
    assert plain_upper("Garçon œ æ ß ü") == "GARCON OE AE SS U"
    assert thousandths(Decimal("0.0005")) == Decimal("0.001")
    assert thousandths(Decimal("-0.0005")) == Decimal("-0.001")
    assert add_months(date(2023, 11, 30), 3) == date(2024, 2, 29)
    assert [read_number(text) for text in ("1,5", " 007.10", "+1", ".5", "1.", "")] == [
        Decimal("1.5"),
        Decimal("7.10"),
        None,
        None,
        None,
        None,
    ]


# --- files ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("data", "options", "expected"), [case[1:] for case in FILES], ids=[case[0] for case in FILES])
def test_file_codes(data: bytes, options: dict[str, object], expected: str | None) -> None:
    assert reading.read(data, **{"name": "mars.csv", "registry_date": TODAY} | options).code == expected


def test_rows_stay_aligned_through_quotes_breaks_and_ragged_lines() -> None:
    text = 'a;"b;""c""\r\nd"\r\n\r\n;\r\nx"y;z"\nlast;"q"'
    assert reading.split(text, ";") == [["a", 'b;"c"\r\nd'], ["", ""], ['x"y', 'z"'], ["last", "q"]]
    content = reading.read(passive(LINE + ";", LINE.rpartition(";")[0], ";" * 13, "", LINE), "x.csv", TODAY)
    assert [(row.line, row.ragged, row.values["ID_MESURE"]) for row in content.rows] == [
        (1, True, "M1"), (2, True, "M1"), (3, False, ""), (4, False, "M1"),
    ]  # fmt: skip


# --- fixed width ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("data", "options", "expected"), [case[1:] for case in FIXED], ids=[case[0] for case in FIXED])
def test_fixed_width_file_codes(data: bytes, options: dict[str, object], expected: str | None) -> None:
    assert reading.read(data, "mars.txt", TODAY, **options).code == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(("line", "expected"), [case[1:] for case in RECORDS], ids=[case[0] for case in RECORDS])
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_fixed_width_records(line: str, expected: str, encoding: str) -> None:
    content = reading.read(alone(line, encoding), "mars.txt", TODAY)
    assert content.code is None
    (row,) = content.rows
    assert sorted(codes_of("PASSIVE", row.values, row.ragged, TODAY, None) - LATE) == expected.split()


def test_fixed_width_rows_read_as_the_csv_would() -> None:
    content = reading.read(fixed(detail(), trailer(1, 120)), "mars.txt", TODAY)
    assert content.rows[0].values == SOUND[P] | {"SEUIL": "0.050"}


def test_windows_1252_is_read_where_utf_8_fails() -> None:
    content = reading.read(passive(LINE.replace("JEAN", "JÉRÔME"), encoding="cp1252"), "x.csv", TODAY)
    assert content.rows[0].values["PRENOM"] == "JÉRÔME"


def test_the_public_register_keeps_its_commas() -> None:
    columns = ["nic", *COLUMNS[E]]
    content = reading.read(
        (",".join(columns) + "\n00074," + ",".join(SOUND[E].values()) + "\n").encode(), "stock.csv", TODAY
    )
    assert (content.code, content.format, content.rows[0].values["siret"]) == (None, E, "73282932000074")
