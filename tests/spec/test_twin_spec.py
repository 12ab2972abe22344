"""The twin read against the contract by hand: one small case for each code, and the cases people argue about.

The twin judges the engine, so nothing but these cases judges the twin.
"""

import gzip
from datetime import date, datetime
from decimal import Decimal

import pytest
from twin import reading
from twin.cells import add_months, is_nir, is_rpps, is_siret, nir_key, plain_upper, read_number, thousandths
from twin.checking import check_row, codes_of
from twin.layouts import COLUMNS

TODAY = date(2026, 11, 22)

SOUND = {
    "ETABLISSEMENTS": dict(
        zip(
            COLUMNS["ETABLISSEMENTS"],
            ["732829320", "73282932000074", "A", "2020-01-01", "", "", "86.10Z", "75056", "true"],
            strict=True,
        )
    ),
    "TRAVAILLEURS": dict(
        zip(
            COLUMNS["TRAVAILLEURS"],
            [
                *["1850675116001", "75", "MARTIN", "JEAN", "14/06/1985", "M", "73282932000074", "", "A", "", "Civil"],
                *["100000", "101000", "EXT", "CDI", "AS", "0.8", "01/01/2020"],
            ],
            strict=True,
        )
    ),
    "OPERATIONNELLE": dict(
        zip(
            COLUMNS["OPERATIONNELLE"],
            [
                *["1850675116001", "73282932000074", "BR", "VERTE", "OPE-HP10-PHO", "EPD"],
                *["15/01/2024 08:00", "15/01/2024 17:00", "0.012", "MAINTENANCE", ""],
            ],
            strict=True,
        )
    ),
    "PASSIVE": dict(
        zip(
            COLUMNS["PASSIVE"],
            [
                *["1850675116001", "MARTIN", "JEAN", "73282932000074", "PAS-HP10-PHO", "POITRINE", "OSL"],
                *["01/01/2024", "31/01/2024", "MES", "0.120", "0.05", "M1", ""],
            ],
            strict=True,
        )
    ),
    "DESIGNATIONS": dict(
        zip(
            COLUMNS["DESIGNATIONS"],
            ["73282932000074", "OA", "OA1", "", "", "", "01/01/2024", ""],
            strict=True,
        )
    ),
    "SORTIES": dict(
        zip(COLUMNS["SORTIES"], ["1850675116001", "75", "73282932000074", "31/03/2024"], strict=True),
    ),
    "INTERNE": dict(
        zip(
            COLUMNS["INTERNE"],
            [
                *["1850675116001", "MARTIN", "JEAN", "73282932000074", "RTU", "16/01/2024", "Cs-137", "1.2", "Bq/L"],
                *["0.5", "MES", "A1", ""],
            ],
            strict=True,
        )
    ),
    "ENGAGEE": dict(
        zip(
            COLUMNS["ENGAGEE"],
            ["1850675116001", "73282932000074", "10003456786", "12/01/2024", "I-131", "0.3", "E1", ""],
            strict=True,
        )
    ),
    "NAVIGANT": dict(
        zip(COLUMNS["NAVIGANT"], ["1850675116001", "73282932000074", "01/2024", "0.21", "14", "N1", ""], strict=True),
    ),
    "CONCLUSION": dict(
        zip(
            COLUMNS["CONCLUSION"],
            ["12", "1850675116001", "10003456786", "MAINTENUE", "", "02/04/2024", ""],
            strict=True,
        )
    ),
    "IDENTITES": dict(
        zip(
            COLUMNS["IDENTITES"],
            ["3850675116042", "1850675116001", "75", "MARTIN", "JEAN", "14/06/1985", "M", "CERTIFIE"],
            strict=True,
        )
    ),
}


LATE = {"AVT-04"}  # every sound measure is, judged today


def codes(format_: str, today: date = TODAY, role: str | None = None, **changes: str) -> set[str]:
    return check_row(format_, SOUND[format_] | changes, today, role).codes


@pytest.mark.parametrize("format_", COLUMNS)
def test_a_sound_row_carries_nothing(format_: str) -> None:
    assert codes(format_) - LATE == set()


T, P, OP, D, E = "TRAVAILLEURS", "PASSIVE", "OPERATIONNELLE", "DESIGNATIONS", "ETABLISSEMENTS"
S, I, G, N, C, ID = "SORTIES", "INTERNE", "ENGAGEE", "NAVIGANT", "CONCLUSION", "IDENTITES"

CASES: list[tuple[str, dict[str, str], str]] = [
    # FMT
    (T, {"NOM": ""}, "FMT-02"),
    (T, {"NOM": " "}, "AVT-02 FMT-02"),
    (T, {"NIR": ""}, "FMT-02"),
    (OP, {"LIEU": ""}, "FMT-02"),
    (OP, {"ACTIVITE": ""}, "FMT-02"),
    (D, {"IDENTIFIANT": ""}, "FMT-02"),
    (E, {"dateDebut": ""}, "FMT-02"),
    (P, {"SEUIL": ""}, ""),
    (T, {"DATEDEBUT": "31/02/2024"}, "FMT-03"),
    (T, {"DATEDEBUT": "1/02/2024"}, "FMT-03"),
    (OP, {"DATE_FIN_PORT": "15/01/2024 24:00"}, "FMT-03"),
    (OP, {"DATE_FIN_PORT": "15/01/2024"}, "FMT-03"),
    (E, {"dateDebut": "01/01/2020"}, "FMT-03"),
    (OP, {"VALEUR": "1e3"}, "FMT-04"),
    (OP, {"VALEUR": "--"}, "FMT-04"),
    (OP, {"VALEUR": "1000000000"}, "FMT-04"),
    (T, {"QUOTITE": "plein"}, "FMT-04"),
    (T, {"QUOTITE": "1.1"}, "FMT-05"),
    (T, {"QUOTITE": "0.55"}, "FMT-05"),
    (T, {"caractereActivite": "civil"}, "FMT-05"),
    (T, {"AUTREEXPOSITION": "radon"}, "FMT-05"),
    (D, {"ROLE": "MDT", "IDENTIFIANT": "10003456787"}, "FMT-05"),
    (D, {"ROLE": "MDT", "IDENTIFIANT": "10003456786"}, ""),
    (D, {"IDENTIFIANT": "oa1"}, "FMT-05"),
    (D, {"COURRIEL": "ici"}, "FMT-05"),
    (E, {"etatAdministratifEtablissement": "O"}, "FMT-05"),
    (T, {"NOM": "X" * 100}, ""),
    (T, {"NOM": "X" * 101}, "FMT-06"),
    (OP, {"LIEU": "L" * 31}, "FMT-06"),
    (OP, {"ZONE": "Z" * 21}, "FMT-06"),
    (OP, {"ACTIVITE": "A" * 41}, "FMT-06"),
    (P, {"ID_MESURE": "I" * 21}, "FMT-06"),
    (T, {"GROUPE": "G" * 101}, "FMT-06"),
    (T, {"GROUPE": "a\tb"}, "FMT-07"),
    (T, {"NIR": "1850675116001\n"}, "FMT-07"),
    # IDT
    (T, {"NIR": "5850675116001"}, "IDT-01"),
    (T, {"NIR": "185067511600"}, "IDT-01"),
    (T, {"NIR": "1852175116001"}, "IDT-01"),
    (T, {"NIR": "1850675116000"}, "IDT-01"),
    (T, {"CLE": "76"}, "IDT-02"),
    (T, {"CLE": "7a"}, "IDT-02"),
    (T, {"NIR": "x", "CLE": "7a"}, "IDT-01 IDT-02"),
    (T, {"NIR": "x", "CLE": "98"}, "IDT-01 IDT-02"),
    (T, {"NIR": "x", "CLE": "76", "SEXE": "F"}, "IDT-01"),
    (T, {"CLE": "7"}, "AVT-07 IDT-02"),
    (T, {"NIR": "1990175056098", "CLE": "", "DATENAISSANCE": "14/01/1999"}, "FMT-02"),
    (T, {"SEXE": "F"}, "IDT-03"),
    (T, {"DATENAISSANCE": "14/06/1986"}, "IDT-03"),
    (T, {"DATENAISSANCE": "14/07/1985"}, "AVT-09"),
    (T, {"NIR": "1852075116001", "CLE": nir_key("1852075116001")}, ""),
    (T, {"SIRET": "73282932000075"}, "IDT-04"),
    (T, {"SIRET": "732829320"}, "IDT-04"),
    (T, {"SIRET": "542012000015"}, "AVT-07"),
    (T, {"SIRET": "35600000000001"}, ""),
    # MET
    (P, {"DATE_FIN_PORT": "31/12/2023"}, "MET-01"),
    (P, {"DATE_FIN_PORT": "01/01/2024"}, ""),
    (OP, {"DATE_FIN_PORT": "15/01/2024 08:00"}, "MET-01"),
    (D, {"DATEFIN": "31/12/2023"}, "MET-01"),
    (D, {"DATEFIN": "01/01/2024"}, ""),
    (OP, {"DATE_FIN_PORT": "23/11/2026 00:00"}, "MET-02"),
    (T, {"DATENAISSANCE": "14/06/2085"}, "MET-02"),
    (T, {"DATEDEBUT": "01/01/2030"}, ""),
    (P, {"DATE_FIN_PORT": "31/03/2024"}, ""),
    (P, {"DATE_FIN_PORT": "01/04/2024"}, "MET-03"),
    (P, {"DATE_DEBUT_PORT": "30/11/2023", "DATE_FIN_PORT": "28/02/2024"}, ""),
    (P, {"DATE_DEBUT_PORT": "30/11/2023", "DATE_FIN_PORT": "29/02/2024"}, "MET-03"),
    (OP, {"VALEUR": "-1"}, "MET-04"),
    (P, {"SEUIL": "-0.05"}, "MET-04"),
    (OP, {"VALEUR": "-0"}, ""),
    (OP, {"VALEUR": "100"}, ""),
    (OP, {"VALEUR": "100.5"}, "MET-05"),
    (P, {"VALEUR": "500.5"}, "MET-05"),
    (P, {"TYPE_MESURE": "PAS-HP007-PEAU", "VALEUR": "5000"}, ""),
    (P, {"TYPE_MESURE": "PAS-HP007-PEAU", "VALEUR": "5000.5"}, "MET-05"),
    (T, {"CLASSEMENT": "NC"}, "MET-06"),
    (T, {"CLASSEMENT": "X"}, "FMT-05"),
    (T, {"codeDomaineActivite": "200000"}, "MET-07"),
    (T, {"codeDomaineActivite": "200000", "codeSecteurActivite": "000"}, "FMT-05"),
    (T, {"CodeMetier": "CHIMISTE"}, "MET-08"),
    (T, {"CLASSEMENT": "", "AUTREEXPOSITION": ""}, "MET-09"),
    (T, {"CLASSEMENT": "", "AUTREEXPOSITION": "RADON"}, ""),
    (P, {"VALEUR": ""}, "MET-13"),
    (P, {"ETAT_RESULTAT": "ABS"}, "MET-13"),
    (P, {"ETAT_RESULTAT": "PER", "VALEUR": ""}, ""),
    (P, {"ETAT_RESULTAT": "INF", "VALEUR": "0"}, ""),
    (P, {"ETAT_RESULTAT": "INF", "VALEUR": ""}, ""),
    (P, {"ETAT_RESULTAT": "INF", "VALEUR": "0.1"}, "MET-13"),
    (P, {"ETAT_RESULTAT": "ABS", "VALEUR": "abc"}, "FMT-04"),
    (P, {"LOCALISATION": "TETE"}, "MET-14"),
    (P, {"LOCALISATION": "GENOU"}, "FMT-05"),
    # AVT
    (OP, {"VALEUR": "0.0123"}, "AVT-01"),
    (OP, {"VALEUR": "0.01200"}, ""),
    (P, {"SEUIL": "0.0555"}, "AVT-01"),
    (OP, {"LIEU": "bâtiment"}, "AVT-02"),
    (OP, {"ACTIVITE": "maintenance"}, ""),
    (T, {"PRENOM": "Jean"}, "AVT-02"),
    (T, {"NIR": "1 85 06 75 116 001"}, "AVT-02"),
    (T, {"NIR": "185062a116001", "CLE": nir_key("185062A116001")}, "AVT-02"),
    (OP, {"VALEUR": "0,012"}, "AVT-03"),
    (T, {"QUOTITE": "0,8"}, "AVT-03"),
    (T, {"CodeMetier": "INFIRM"}, "AVT-06"),
    (OP, {"VALEUR": "0.0004"}, "AVT-01 AVT-08"),
    (OP, {"VALEUR": "0.0005"}, "AVT-01"),
    (OP, {"VALEUR": "0.000"}, ""),
    (P, {"VALEUR": "0.0004"}, "AVT-01"),
    # annulments are judged on key, NIR and SIRET
    (P, {"CODE_METROLOGIE": "A", "VALEUR": "abc", "NOM": "", "DATE_DEBUT_PORT": "x"}, ""),
    (P, {"CODE_METROLOGIE": "A", "ID_MESURE": ""}, "FMT-02"),
    (OP, {"CODE_METROLOGIE": "A", "DATE_FIN_PORT": "14/01/2024 08:00", "VALEUR": ""}, ""),
    (OP, {"CODE_METROLOGIE": "A", "DATE_FIN_PORT": "14/01/2024"}, "FMT-03"),
    (I, {"CODE_METROLOGIE": "A", "TYPE_EXAMEN": "", "ACTIVITE": "x", "DATE_EXAMEN": ""}, ""),
    (I, {"CODE_METROLOGIE": "A", "RADIONUCLEIDE": "Xx-1"}, "FMT-05"),
    (G, {"CODE_METROLOGIE": "A", "RPPS": "", "VALEUR": "x", "RADIONUCLEIDE": ""}, ""),
    (N, {"CODE_METROLOGIE": "A", "MOIS": "", "VALEUR": "", "NB_VOLS": "x"}, ""),
    (N, {"CODE_METROLOGIE": "A", "ID_CALCUL": ""}, "FMT-02"),
    # departures
    (S, {"CLE": "76"}, "IDT-02"),
    (S, {"DATEFIN": ""}, "FMT-02"),
    (S, {"DATEFIN": "01/01/2030"}, ""),
    # internal monitoring
    (I, {"ACTIVITE": ""}, "MET-13"),
    (I, {"ETAT_RESULTAT": "INF"}, "MET-13"),
    (I, {"ETAT_RESULTAT": "INF", "ACTIVITE": "0"}, ""),
    (I, {"ETAT_RESULTAT": "INF", "ACTIVITE": ""}, ""),
    (I, {"ETAT_RESULTAT": "INF", "ACTIVITE": "", "LIMITE_DETECTION": ""}, "MET-13"),
    (I, {"LIMITE_DETECTION": ""}, ""),
    (I, {"ETAT_RESULTAT": "ABS", "ACTIVITE": ""}, ""),
    (I, {"ETAT_RESULTAT": "ABS", "ACTIVITE": "0"}, "MET-13"),
    (I, {"ETAT_RESULTAT": "PER", "ACTIVITE": ""}, "FMT-05"),
    (I, {"UNITE": "Bq/24h"}, ""),
    (I, {"UNITE": "Bq"}, "MET-15"),
    (I, {"UNITE": "bq"}, "FMT-05"),
    (I, {"TYPE_EXAMEN": "ANT-TH"}, "MET-15"),
    (I, {"TYPE_EXAMEN": "ANT-TH", "UNITE": "Bq"}, ""),
    (I, {"DATE_EXAMEN": "23/11/2026"}, "MET-02"),
    (I, {"ACTIVITE": "-1"}, "MET-04"),
    (I, {"ACTIVITE": "5001"}, ""),
    (I, {"ACTIVITE": "0.0004"}, ""),
    (I, {"LIMITE_DETECTION": "0.0000000001"}, "AVT-01"),
    (I, {"RADIONUCLEIDE": "Tc-99m"}, ""),
    (I, {"RADIONUCLEIDE": "cs-137"}, "FMT-05"),
    (I, {"RADIONUCLEIDE": "Cs137"}, "FMT-05"),
    (I, {"RADIONUCLEIDE": "Cs-54"}, "FMT-05"),
    (I, {"PRENOM": "Jean"}, "AVT-02"),
    # committed doses
    (G, {"RPPS": "10003456787"}, "FMT-05"),
    (G, {"RPPS": ""}, "FMT-02"),
    (G, {"VALEUR": ""}, "FMT-02"),
    (G, {"VALEUR": "500.0001"}, "AVT-01 MET-05"),
    (G, {"VALEUR": "0.0004"}, "AVT-01"),
    (G, {"DATE_INCORPORATION": "23/11/2026"}, "MET-02"),
    (G, {"ID_EVALUATION": "E" * 21}, "FMT-06"),
    # aircrew
    (N, {"MOIS": "11/2026"}, ""),
    (N, {"MOIS": "12/2026"}, "MET-02"),
    (N, {"MOIS": "13/2024"}, "FMT-03"),
    (N, {"MOIS": "1/2024"}, "FMT-03"),
    (N, {"NB_VOLS": ""}, ""),
    (N, {"NB_VOLS": "-1"}, "FMT-05"),
    (N, {"NB_VOLS": "1.5"}, "FMT-05"),
    (N, {"NB_VOLS": "10000000"}, "FMT-05"),
    (N, {"NB_VOLS": "dix"}, "FMT-04"),
    (N, {"VALEUR": "501"}, "MET-05"),
    # conclusions
    (C, {"VALEUR_RETENUE": "1"}, "MET-13"),
    (C, {"CONCLUSION": "MODIFIEE"}, "MET-13"),
    (C, {"CONCLUSION": "MODIFIEE", "VALEUR_RETENUE": "1,5"}, "AVT-03"),
    (C, {"CONCLUSION": "X", "VALEUR_RETENUE": "1,5"}, "AVT-03 FMT-05"),
    (C, {"COMMENTAIRE": "x" * 1001}, "FMT-06"),
    (C, {"DATE_CONCLUSION": "23/11/2026"}, "MET-02"),
    # identities
    (ID, {"NIA": "1850675116001"}, "IDT-01"),
    (ID, {"NIR": "3850675116042"}, "IDT-01"),
    (ID, {"NIR": "", "CLE": ""}, "FMT-02"),
    (ID, {"NIR": "", "CLE": "", "STATUT": "REFUSE"}, ""),
    (ID, {"NIR": "", "CLE": "", "STATUT": "refuse"}, "FMT-05"),
    (ID, {"CLE": "76", "STATUT": "REFUSE"}, "IDT-02"),
    (ID, {"SEXE": "F"}, "IDT-03"),
    (ID, {"DATENAISSANCE": "14/07/1985"}, "AVT-09"),
    # several independent faults
    (T, {"CLE": "76", "SIRET": "1", "QUOTITE": "2", "NOM": ""}, "FMT-02 FMT-05 IDT-02 IDT-04"),
]  # fmt: skip


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

HEADER = ";".join(COLUMNS[P])
LINE = ";".join(SOUND[P].values())
ANSWERED = f"{HEADER};CODE_ERREUR;LIBELLE_ERREUR\n{LINE};;\n".encode()


def passive(*lines: str, ending: str = "\n", encoding: str = "utf-8") -> bytes:
    return (ending.join([HEADER, *lines]) + ending).encode(encoding)


def file_code(
    data: bytes,
    name: str = "mars.csv",
    role: str | None = None,
    marker: str | None = None,
    most: int = 1 << 30,
) -> str | None:
    return reading.read(data, name, TODAY, role, marker, most).code


FILES: list[tuple[str, bytes, dict[str, object], str | None]] = [
    ("plain", passive(LINE), {}, None),
    ("crlf", passive(LINE, ending="\r\n"), {}, None),
    ("byte order mark", passive(LINE, encoding="utf-8-sig"), {}, None),
    ("quoted header", passive(LINE).replace(b"NIR", b'"NIR"', 1), {}, None),
    ("answer columns", ANSWERED, {}, None),
    ("packed", gzip.compress(passive(LINE)), {"name": "x.csv.gz"}, None),
    ("packed, no other extension", gzip.compress(passive(LINE)), {"name": "x.gz"}, None),
    ("upper-case extension", passive(LINE), {"name": "X.CSV"}, None),
    ("nothing", b"", {}, "FIC-01"),
    ("header only", passive(), {}, "FIC-01"),
    ("header and empty lines", passive("", ""), {}, "FIC-01"),
    ("NUL", passive(LINE + "\0"), {}, "FIC-02"),
    ("UTF-16", passive(LINE, encoding="utf-16"), {}, "FIC-02"),
    ("no Windows-1252 either", passive(LINE) + b"\x81\xff\n", {}, "FIC-02"),
    ("unknown header", b"A;B\n1;2\n", {}, "FIC-03"),
    ("half a header less one", b"NIR;NOM;PRENOM;SIRET;LOCALISATION;ETAT_RESULTAT\n1;2;3;4;5;6\n", {}, "FIC-03"),
    ("half a header", b"NIR;NOM;PRENOM;SIRET;LOCALISATION;ETAT_RESULTAT;SEUIL\n1;2;3;4;5;6;7\n", {}, "FIC-04"),
    ("extension", passive(LINE), {"name": "mars.xlsx"}, "FIC-03"),
    ("no extension", passive(LINE), {"name": "mars"}, "FIC-03"),
    ("report's suffix", passive(LINE), {"name": "mars.csv~2"}, "FIC-03"),
    ("long name", passive(LINE), {"name": "m" * 197 + ".csv"}, "FIC-03"),
    ("missing column", passive(LINE).replace(b"NOM;", b"", 1), {}, "FIC-04"),
    ("repeated column", passive(LINE).replace(b"NOM;", b"NIR;", 1), {}, "FIC-04"),
    ("unknown column", passive(LINE).replace(b"NIR;", b"NIR;AGE;", 1), {}, "FIC-04"),
    ("case of a column", passive(LINE).replace(b"NIR;", b"nir;", 1), {}, "FIC-04"),
    ("role", passive(LINE), {"role": "EMPLOYEUR"}, "FIC-05"),
    ("role allowed", passive(LINE), {"role": "OA"}, None),
    ("size", passive(LINE), {"most": 100}, "FIC-07"),
    ("size once unpacked", gzip.compress(passive(*[LINE] * 100)), {"name": "x.csv.gz", "most": 1000}, "FIC-07"),
    ("rows", passive(LINE, LINE), {"marker": "LIGNES=2\nSOMME_MSV=0.24\n"}, None),
    ("rows disagree", passive(LINE, LINE), {"marker": "LIGNES=3"}, "FIC-08"),
    ("sum disagrees", passive(LINE, LINE), {"marker": "SOMME_MSV=0.25"}, "FIC-08"),
    ("unreadable total", passive(LINE), {"marker": "LIGNES=un"}, "FIC-08"),
    ("empty marker", passive(LINE), {"marker": ""}, None),
    ("open quote", passive(LINE, '"abc'), {}, "FIC-09"),
    ("broken gzip", gzip.compress(passive(LINE))[:-8], {"name": "x.csv.gz"}, "FIC-09"),
    ("not a gzip", passive(LINE), {"name": "x.csv.gz"}, "FIC-09"),
    ("02 before 03", b"A;B\n\0\n", {}, "FIC-02"),
    ("09 before 01", b'"', {}, "FIC-09"),
    ("01 before 03", b"A;B\n", {}, "FIC-01"),
    ("05 before 08", passive(LINE), {"role": "DGT", "marker": "LIGNES=9"}, "FIC-05"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "options", "expected"), [case[1:] for case in FILES], ids=[case[0] for case in FILES])
def test_file_codes(data: bytes, options: dict[str, object], expected: str | None) -> None:
    assert file_code(data, **options) == expected  # type: ignore[arg-type]


def test_rows_stay_aligned_through_quotes_breaks_and_ragged_lines() -> None:
    text = 'a;"b;""c""\r\nd"\r\n\r\n;\r\nx"y;z"\nlast;"q"'
    assert reading.split(text, ";") == [["a", 'b;"c"\r\nd'], ["", ""], ['x"y', 'z"'], ["last", "q"]]
    content = reading.read(passive(LINE + ";", LINE.rpartition(";")[0], ";" * 13, "", LINE), "x.csv", TODAY)
    assert [(row.line, row.ragged, row.values["ID_MESURE"]) for row in content.rows] == [
        (1, True, "M1"), (2, True, "M1"), (3, False, ""), (4, False, "M1"),
    ]  # fmt: skip


# --- fixed width ---------------------------------------------------------------------------------------------------


def detail(**changes: str) -> str:
    """A sound PASSIVE detail of 184 characters, built by hand from the table of positions."""
    cells = {
        "nir": "1850675116001", "nom": "MARTIN", "prenom": "JEAN", "siret": "73282932000074", "type": "PAS-HP10-PHO",
        "place": "POITRINE", "dosimeter": "OSL", "start": "20240101", "end": "20240131", "state": "MES",
        "value": "000000120", "threshold": "000050", "id": "M1", "mode": "",
    } | changes  # fmt: skip
    widths = [13, 30, 30, 14, 15, 10, 15, 8, 8, 3, 9, 6, 20, 1]
    return "10" + "".join(text.ljust(width) for text, width in zip(cells.values(), widths, strict=True))


def fixed(*records: str, sender: str = "OA1", ending: str = "\n", encoding: str = "utf-8") -> bytes:
    head = "00" + "SISPAS01".ljust(10) + sender.ljust(10) + "20240205" + "000001"
    return (ending.join([head, *records]) + ending).encode(encoding)


def trailer(count: int, total: int) -> str:
    return f"99{count:09d}{total:015d}"


FIXED: list[tuple[str, bytes, dict[str, object], str | None]] = [
    ("sound", fixed(detail(), detail(), trailer(2, 240)), {}, None),
    ("crlf and an empty line", fixed(detail(), "", trailer(1, 120), "", ending="\r\n"), {}, None),
    ("trailer lies by one row", fixed(detail(), trailer(2, 120)), {}, "FIC-08"),
    ("trailer lies by one microsievert", fixed(detail(), trailer(1, 121)), {}, "FIC-08"),
    ("no trailer", fixed(detail()), {}, "FIC-08"),
    ("trailer without totals", fixed(detail(), "99"), {}, "FIC-08"),
    ("record after the trailer", fixed(detail(), trailer(1, 120), detail()), {}, "FIC-09"),
    ("second trailer", fixed(detail(), trailer(1, 120), trailer(1, 120)), {}, "FIC-09"),
    ("no detail", fixed(trailer(0, 0)), {}, "FIC-01"),
    ("header alone", fixed(), {}, "FIC-01"),
    ("other layout", fixed(detail(), trailer(1, 120)).replace(b"SISPAS01", b"SISPAS02"), {}, "FIC-03"),
    ("other sender", fixed(detail(), trailer(1, 120)), {"partner": "OA2"}, "FIC-05"),
    ("same sender", fixed(detail(), trailer(1, 120)), {"partner": "OA1"}, None),
    ("role", fixed(detail(), trailer(1, 120)), {"role": "EXPLOITANT"}, "FIC-05"),
    ("marker in millisieverts", fixed(detail(), trailer(1, 120)), {"marker": "LIGNES=1\nSOMME_MSV=0.12"}, None),
    ("marker lies", fixed(detail(), trailer(1, 120)), {"marker": "SOMME_MSV=120"}, "FIC-08"),
    ("05 before 08", fixed(detail()), {"partner": "OA2"}, "FIC-05"),
    ("unreadable value counts 0", fixed(detail(value="0.5"), trailer(1, 0)), {}, None),
]  # fmt: skip


@pytest.mark.parametrize(("data", "options", "expected"), [case[1:] for case in FIXED], ids=[case[0] for case in FIXED])
def test_fixed_width_file_codes(data: bytes, options: dict[str, object], expected: str | None) -> None:
    assert reading.read(data, "mars.txt", TODAY, **options).code == expected  # type: ignore[arg-type]


RECORDS: list[tuple[str, str, str]] = [
    ("sound", detail(), ""),
    ("stripped of its fill", detail().rstrip(), ""),
    ("too long", detail() + " ", "FMT-01"),
    ("wrong type", "20" + detail()[2:], "FMT-01"),
    ("no value, below the threshold", detail(state="INF", value=""), ""),
    ("no value, measured", detail(value=""), "MET-13"),
    ("millisieverts", detail(value="0.120"), "FMT-04"),
    ("negative", detail(value="-00000120"), "MET-04"),
    ("date", detail(start="20240231"), "FMT-03"),
    ("date cut", detail(start="2024010"), "FMT-03"),
    ("accents count one", detail(nom="DUPRÉ", prenom="Zoé"), "AVT-02"),
    ("control character", detail(nom="A\tB"), "FMT-07"),
    ("identifier", detail(id=""), "FMT-02"),
    ("annulled", detail(mode="A", value="x", start=""), ""),
]


@pytest.mark.parametrize(("line", "expected"), [case[1:] for case in RECORDS], ids=[case[0] for case in RECORDS])
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_fixed_width_records(line: str, expected: str, encoding: str) -> None:
    amounts = {"000000120": 120, "-00000120": -120}
    total = f"{amounts.get(line[148:157], 0):015d}"
    content = reading.read(fixed(line, f"99000000001{total}", encoding=encoding), "mars.txt", TODAY)
    assert content.code is None and len(content.rows) == 1
    row = content.rows[0]
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
