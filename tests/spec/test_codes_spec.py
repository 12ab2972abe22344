"""Which codes a file can get without a registry, one example for each code and format, told alike by engine and twin.

`EXAMPLES` is the specification: a code that no example raises, or one that an unlisted format may raise, fails here.
"""

from datetime import date

import pytest
from spec.files import FILES, FIXED, RECORDS, alone
from spec.rows import CASES, IN, LATE, OP, SOUND, TODAY, C, D, E, G, N, P, S, T
from spec.rows import ID as IDS
from twin.checking import codes_of
from twin.layouts import COLUMNS
from twin.reading import read

from pipelines.offline import judge
from schemas import codebook
from schemas.codebook import Severity

NEEDS_A_REGISTRY = {
    *("IDT-05", "IDT-06", "IDT-07", "IDT-08", "IDT-09", "IDT-10", "IDT-11", "MET-10", "MET-11", "MET-12"),
    *("AVT-05", "AVT-10", "AVT-11"),
}
"""Codes that come from what is known of workers, establishments, attachments, designations and earlier measures."""

LATER = {"MET-16", "AVT-12"}
"""Codes that come from exceedances and a model: nothing of them lies in one file."""

Changes = dict[str, str]

NO_SUCH_NIR: Changes = {"NIR": "5850675116001"}
SIRET_CUT: Changes = {"SIRET": "732829320"}
SIRET_SHORT: Changes = {"SIRET": "542012000015"}
TOMORROW = "23/11/2026"
MODIFIED: Changes = {"CONCLUSION": "MODIFIEE"}

EXAMPLES: dict[str, dict[str, Changes]] = {
    "FMT-01": {format_: {"": ";"} for format_ in COLUMNS},
    "FMT-02": {
        E: {"siret": ""}, T: {"NOM": ""}, S: {"DATEFIN": ""}, OP: {"LIEU": ""}, P: {"ID_MESURE": ""},
        IN: {"RADIONUCLEIDE": ""}, G: {"VALEUR": ""}, N: {"MOIS": ""}, C: {"RPPS": ""}, D: {"IDENTIFIANT": ""},
        IDS: {"NIR": "", "CLE": ""},
    },
    "FMT-03": {
        E: {"dateDebut": "01/01/2020"}, T: {"DATEDEBUT": "31/02/2024"}, S: {"DATEFIN": "2024-03-31"},
        OP: {"DATE_FIN_PORT": "15/01/2024"}, P: {"DATE_FIN_PORT": "31/01/24"}, IN: {"DATE_EXAMEN": "x"},
        G: {"DATE_INCORPORATION": "1/1/2024"}, N: {"MOIS": "13/2024"}, C: {"DATE_CONCLUSION": "x"},
        D: {"DATEDEBUT": "x"}, IDS: {"DATENAISSANCE": "00/06/1985"},
    },
    "FMT-04": {
        T: {"QUOTITE": "plein"}, OP: {"VALEUR": "1e3"}, P: {"SEUIL": "--"}, IN: {"ACTIVITE": "< 0.5"},
        G: {"VALEUR": "+1"}, N: {"NB_VOLS": "dix"}, C: MODIFIED | {"VALEUR_RETENUE": "1."},
    },
    "FMT-05": {
        E: {"etatAdministratifEtablissement": "O"}, T: {"SEXE": "X"}, OP: {"TYPE_DOSIMETRE": "XYZ"},
        P: {"LOCALISATION": "GENOU"}, IN: {"RADIONUCLEIDE": "Xx-12"}, G: {"RPPS": "10003456787"},
        N: {"NB_VOLS": "-1"}, C: {"CONCLUSION": "OUI"}, D: {"ROLE": "DGT"}, IDS: {"STATUT": "certifie"},
    },
    "FMT-06": {
        T: {"NOM": "X" * 101}, OP: {"ACTIVITE": "A" * 41}, P: {"ID_MESURE": "I" * 21}, IN: {"ID_ANALYSE": "I" * 21},
        G: {"ID_EVALUATION": "I" * 21}, N: {"ID_CALCUL": "I" * 21}, C: {"COMMENTAIRE": "c" * 1001},
        D: {"NOM": "X" * 101}, IDS: {"PRENOM": "X" * 101},
    },
    "FMT-07": {format_: {COLUMNS[format_][0]: "a\tb"} for format_ in COLUMNS},
    "IDT-01": dict.fromkeys([T, S, OP, P, IN, G, N, C], NO_SUCH_NIR) | {IDS: {"NIA": "1850675116001"}},
    "IDT-02": {T: {"CLE": "76"}, S: {"CLE": "00"}, IDS: {"CLE": "7a"}},
    "IDT-03": {T: {"SEXE": "F"}, IDS: {"DATENAISSANCE": "14/06/1986"}},
    "IDT-04": dict.fromkeys([T, S, OP, P, IN, G, N, D], SIRET_CUT) | {E: {"siret": "73282932000075"}},
    "MET-01": {
        OP: {"DATE_FIN_PORT": "15/01/2024 08:00"}, P: {"DATE_FIN_PORT": "31/12/2023"}, D: {"DATEFIN": "31/12/2023"},
    },
    "MET-02": {
        T: {"DATENAISSANCE": "14/06/2085"}, OP: {"DATE_FIN_PORT": f"{TOMORROW} 00:00"},
        P: {"DATE_FIN_PORT": TOMORROW}, IN: {"DATE_EXAMEN": TOMORROW}, G: {"DATE_INCORPORATION": TOMORROW},
        N: {"MOIS": "12/2026"}, C: {"DATE_CONCLUSION": TOMORROW}, IDS: {"DATENAISSANCE": "14/06/2085"},
    },
    "MET-03": {P: {"DATE_FIN_PORT": "01/04/2024"}},
    "MET-04": {
        OP: {"VALEUR": "-1"}, P: {"SEUIL": "-0.0001"}, IN: {"LIMITE_DETECTION": "-1"}, G: {"VALEUR": "-0.1"},
        N: {"VALEUR": "-1"}, C: MODIFIED | {"VALEUR_RETENUE": "-1"},
    },
    "MET-05": {
        OP: {"VALEUR": "100.001"}, P: {"VALEUR": "500.001"}, G: {"VALEUR": "501"}, N: {"VALEUR": "501"},
    },
    "MET-06": {T: {"CLASSEMENT": "NC"}},
    "MET-07": {T: {"codeDomaineActivite": "200000"}},
    "MET-08": {T: {"CodeMetier": "CHIMISTE"}},
    "MET-09": {T: {"CLASSEMENT": ""}},
    "MET-13": {P: {"VALEUR": ""}, IN: {"ETAT_RESULTAT": "ABS"}, C: {"VALEUR_RETENUE": "1"}},
    "MET-14": {P: {"LOCALISATION": "TETE"}},
    "MET-15": {IN: {"UNITE": "Bq"}},
    "AVT-01": {
        OP: {"VALEUR": "0.0123"}, P: {"VALEUR": "0.1201"}, IN: {"ACTIVITE": "1.0000000001"}, G: {"VALEUR": "0.3001"},
        N: {"VALEUR": "0.2101"}, C: MODIFIED | {"VALEUR_RETENUE": "0.0005"},
    },
    "AVT-02": {format_: {column: f" {SOUND[format_][column]}"} for format_, (_, column, *_) in COLUMNS.items()},
    "AVT-03": {
        T: {"QUOTITE": "0,8"}, OP: {"VALEUR": "0,012"}, P: {"SEUIL": "0,05"}, IN: {"LIMITE_DETECTION": "0,5"},
        G: {"VALEUR": "0,3"}, N: {"VALEUR": "0,21"}, C: MODIFIED | {"VALEUR_RETENUE": "1,5"},
    },
    "AVT-04": {P: {}, OP: {}},
    "AVT-06": {T: {"CodeMetier": "INFIRM"}},
    "AVT-07": dict.fromkeys([T, S, OP, P, IN, G, N, D], SIRET_SHORT) | {
        E: {"siret": "542012000015"}, IDS: {"NIR": "1850675116002", "CLE": "1"},
    },
    "AVT-08": {OP: {"VALEUR": "0.0004"}},
    "AVT-09": {T: {"DATENAISSANCE": "14/07/1985"}, IDS: {"DATENAISSANCE": "14/07/1985"}},
}  # fmt: skip

ALL = [(code, format_, changes) for code, found in EXAMPLES.items() for format_, changes in found.items()]


def one_row(format_: str, changes: Changes) -> bytes:
    """A file of one sound row with these cells changed; a change of no column stands behind the line as it is."""
    separator = "," if format_ == E else ";"
    cells = SOUND[format_] | {column: value for column, value in changes.items() if column}
    line = separator.join(cells[column] for column in COLUMNS[format_])
    return (
        separator.join(COLUMNS[format_]) + "\n" + line + changes.get("", "").replace(";", separator) + "\n"
    ).encode()


def told(data: bytes, format_: str) -> set[str]:
    """The codes of the file's only row, as the engine tells them."""
    found = judge(data, "exemple.csv", TODAY)
    assert (found.file_code, found.format) == (None, format_)
    (row,) = found.rows
    return set(row)


def test_every_code_of_the_book_has_its_example_or_its_reason() -> None:
    rows = {code for code, entry in codebook.book().items() if entry.severity is not Severity.FILE}
    assert set(EXAMPLES) | NEEDS_A_REGISTRY | LATER == rows
    assert not set(EXAMPLES) & (NEEDS_A_REGISTRY | LATER)


@pytest.mark.parametrize("code", EXAMPLES)
def test_the_examples_cover_the_formats_that_the_book_names(code: str) -> None:
    named = codebook.book()[code].formats
    assert not named or set(EXAMPLES[code]) == named


@pytest.mark.parametrize(("code", "format_", "changes"), ALL, ids=[f"{code} {format_}" for code, format_, _ in ALL])
def test_the_example_raises_its_code(code: str, format_: str, changes: Changes) -> None:
    data = one_row(format_, changes)
    (row,) = read(data, "exemple.csv", TODAY).rows
    twin = codes_of(format_, row.values, row.ragged, TODAY, None)
    assert code in twin
    assert told(data, format_) == twin


@pytest.mark.parametrize("format_", COLUMNS)
def test_a_sound_row_carries_nothing(format_: str) -> None:
    assert told(one_row(format_, {}), format_) - LATE == set()


@pytest.mark.parametrize("format_", COLUMNS)
def test_each_case_read_by_hand_is_told_by_the_engine(format_: str) -> None:
    cases = [(changes, codes) for of, changes, codes in CASES if of == format_]
    wrong = []
    for changes, codes in cases:
        quoted = {column: f'"{value}"' if "\n" in value else value for column, value in changes.items()}
        got = told(one_row(format_, quoted), format_) - LATE
        if sorted(got) != codes.split():
            wrong.append((changes, codes, sorted(got)))
    assert wrong == []


def test_every_code_of_a_file_but_the_one_of_repetition_has_its_example() -> None:
    whole = {code for code, entry in codebook.book().items() if entry.severity is Severity.FILE}
    assert {case[3] for case in FILES + FIXED} - {None} == whole - {"FIC-06"}


@pytest.mark.parametrize(("data", "options", "expected"), [case[1:] for case in FILES], ids=[case[0] for case in FILES])
def test_the_engine_tells_the_code_of_each_file(data: bytes, options: dict[str, object], expected: str | None) -> None:
    assert judge(data, **{"name": "mars.csv", "registry_date": TODAY} | options).file_code == expected


@pytest.mark.parametrize(("data", "options", "expected"), [case[1:] for case in FIXED], ids=[case[0] for case in FIXED])
def test_the_engine_tells_the_code_of_each_fixed_width_file(
    data: bytes, options: dict[str, object], expected: str | None
) -> None:
    assert judge(data, "mars.txt", TODAY, **options).file_code == expected


@pytest.mark.parametrize(("line", "expected"), [case[1:] for case in RECORDS], ids=[case[0] for case in RECORDS])
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_the_engine_tells_the_codes_of_each_record(line: str, expected: str, encoding: str) -> None:
    assert sorted(told(alone(line, encoding), P) - LATE) == expected.split()


def test_the_day_decides_on_classes_that_are_no_more() -> None:
    before = judge(one_row(T, {"CLASSEMENT": "NC"}), "exemple.csv", date(2024, 1, 31))
    assert before.rows == [frozenset()]
