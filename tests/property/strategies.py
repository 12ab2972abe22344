"""Hypothesis strategies that make whole files: mostly sound, with faults planted, dialects mixed, small pools.

A row is a sound one with a few cells overridden, so that Hypothesis shrinks a failure to one cell of one row.
"""

import gzip
from dataclasses import dataclass
from datetime import date
from decimal import Context, Decimal, localcontext

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from twin import layouts
from twin.cells import nir_key
from twin.reading import read, sent_value

REGISTRY_DATES = [date(2024, 1, 31), date(2024, 2, 1), date(2024, 3, 5), date(2026, 11, 22)]

SIRETS = ["73282932000074", "00542012000015", "35600000000048", "44306184100047", "35600000000001"]
"""Sound SIRETs: two ordinary ones, one with leading zeros, and La Poste's (the last only by its own rule)."""


def _person(nir: str, nom: str, prenom: str, birth: str) -> dict[str, str]:
    return {
        "NIR": nir,
        "CLE": nir_key(nir),
        "NOM": nom,
        "PRENOM": prenom,
        "DATENAISSANCE": birth,
        "SEXE": "M" if nir[0] in "137" else "F",
    }


PEOPLE = [
    _person("1850675116001", "MARTIN", "JEAN PIERRE", "14/06/1985"),
    _person("285122A004012", "D'ORNANO", "LUCIE", "02/12/1985"),
    _person("173012B033999", "SAINT-CLAIR", "PAUL", "31/01/1973"),
    _person("2994299351123", "NGUYEN", "THI-MAI", "28/02/1999"),
    _person("7700397400500", "DA SILVA", "MARIO", "07/03/1970"),
    _person("8991299129001", "LOPEZ", "ANA", "09/12/1999"),
    _person("1990175056036", "ZERO", "LEA", "15/01/1999"),
]

TEXT_ODDITIES = [
    "",
    " ",
    "  a",
    "a\u00a0",
    "é",
    "a\tb",
    "a\nb",
    "\u0085",
    "a\rb",
    'say "hi"',
    "a;b,c",
    "=1+1",
    "--",
    "'; DROP",
]
NAME_ODDITIES = [
    "",
    "Dupont",
    "éMILE",
    "CŒUR",
    "STRAßE",
    "æther",
    "O’NEIL",
    " MARTIN",
    "MARTIN\u202f",
    "X" * 100,
    "Y" * 101,
    "A\tB",
    "N/A",
]
DAY_ODDITIES = [
    "", " 01/02/2024", "1/2/2024", "31/02/2024", "29/02/2023", "2024-02-01", "01/02/24", "01/02/2024 10:00", "abc",
    "00/01/2024", "01/13/2024", "31/12/9999", "01/01/0001", "01/01/0000", "01/02/2024\n", "０1/02/2024", "30/11/2023",
    "22/11/2026",
]  # fmt: skip
TIME_ODDITIES = [
    "", "01/02/2024", "01/02/2024 24:00", "01/02/2024 10:60", "01/02/2024 9:00", "01/02/2024  10:00",
    "30/02/2024 10:00",
    "01/02/2024 10:00 ", "01/02/2024\u00a010:00", "01/02/2024T10:00", "01/02/2024 10:00:00", "31/12/9999 23:59",
    "23/11/2026 00:00",
]  # fmt: skip
NUMBER_ODDITIES = [
    "", "0", "0.000", "-0", "-0.0004", "0.0004", "0.0005", "0,0005", "0.0015", "1.2345", "1.2300", "1,5", "-1",
    "-2,5", "+1", "1.", ".5",
    "1e3", "1 000", "abc", "NaN", "inf", "100", "100.001", "500", "500.001", "5000",
    "5000.01", "999999999", "999999999.9995",
    "1000000000", "0001.5", "00000000000000.25", "--", "1.5 ", "\u202f2", "1.5\t", "0.00000000000000000000000000001",
    "١",
    "123456789.1234567890123456789012345",
]  # fmt: skip
ODDITIES: dict[str, list[str]] = {
    "NIR": [
        "", "185 06 75 116 001", "285122a004012", "173012b033999", "185062C116001", "3850675116001", "4850675116001",
        "5850675116001", "1851375116001",
        "1852075116001", "1853075116001", "1854275116001", "1854375116001", "1855075116001", "1859975116001",
        "1850075116001", "1850600116001",
        "1850699116001", "1850675000001", "1850675116000", "185067511600", "18506751160011", "185067511600X",
        "1850675116001\u00a0", "1\t50675116001", "２850675116001",
    ],
    "CLE": ["", "1", "01", "00", "97", "98", "7", "123", "ab", " 42", "4 2", "０1"],
    "NOM": NAME_ODDITIES,
    "PRENOM": [*NAME_ODDITIES, "JEAN", "Jean-Pierre", "PIERRE"],
    "DATENAISSANCE": [*DAY_ODDITIES, "14/06/1985", "14/07/1985", "14/06/1885", "14/06/1986"],
    "SEXE": ["", "M", "F", "m", "X", " F"],
    "SIRET": [
        "", "732 829 320 00074", "732829320 00074", "542012000015", "0542012000015", "73282932000075",
        "7328293200007", "732829320000741", "7328293200007A",
        "3560000000", "35600000000002", "35600000000048", "00000000000000", "732829320", "1234567890",
        "７3282932000074", "73282932000074\u202f", "732\t82932000074",
    ],
    "GROUPE": [*TEXT_ODDITIES, "G" * 100, "G" * 101],
    "CLASSEMENT": ["", "A", "B", "NC", "NR", "a", "C", " A"],
    "AUTREEXPOSITION": ["", "RADON", "RAY_COS", "SUR_GRP_1", "SUR_GRP_2", "radon", "SUR_GRP_3"],
    "caractereActivite": ["", "Civil", "Militaire", "civil", "MILITAIRE", " Civil"],
    "codeDomaineActivite": ["", "100000", "200000", "600000", "700000", "101000", "100000 "],
    "codeSecteurActivite": ["", "101000", "101010", "201000", "202000", "999999", " 101000"],
    "codeNuisanceRadiologique": ["", "EXT", "INT", "EXTINT", "ext", "X"],
    "codeTypeContrat": ["", "CDI", "TVI", "cdi", "INT"],
    "CodeMetier": ["", "IDE", "INFIRM", "infirm", " INFIRM", "AS", "AMBUL", "XXX"],
    "QUOTITE": ["", "1", "1.0", "0.1", "0,5", "0.55", "0", "0.0", "1.1", "-0.5", "abc", "2", " 0.9", "0.50", "01",
        "10000000000"],
    "DATEDEBUT": [*DAY_ODDITIES, "01/01/2030", "01/01/2020"],
    "DATEFIN": [*DAY_ODDITIES, "31/12/2023", "01/01/2024", "02/01/2024"],
    "LIEU": [*TEXT_ODDITIES, "bâtiment réacteur", "L" * 30, "L" * 31, "œil"],
    "ZONE": [*TEXT_ODDITIES, "zone jaune", "Z" * 20, "Z" * 21],
    "DATE_DEBUT_PORT": [],
    "DATE_FIN_PORT": [],
    "VALEUR": NUMBER_ODDITIES,
    "SEUIL": NUMBER_ODDITIES,
    "ACTIVITE": [*TEXT_ODDITIES, "X" * 40, "X" * 41, "maintenance été"],
    "CODE_METROLOGIE": ["", "", "C", "A", "c", "X", " C", "A "],
    "TYPE_MESURE": ["", "PAS-HP3", "PAS-HP007-EXT", "PAS-E-RADON", "OPE-HP007", "pas-hp3", "PAS-HP10", " PAS-HP3"],
    "TYPE_DOSIMETRE": ["", "OSL", "EPD MK3", "Saphydose Gamma I", "saphydose gamma i", "epd", "OSL\u00a0", "XYZ"],
    "LOCALISATION": ["", "POITRINE", "CEINTURE", "TETE", "AUTRE", "MAIN_D", "main_d", "GENOU", " TETE"],
    "ETAT_RESULTAT": ["", "MES", "INF", "ABS", "PER", "DET", "EST", "mes", "NUL", " MES"],
    "ID_MESURE": ["", "1", "I" * 20, "I" * 21, "OA1/" + "I" * 41, "OA1/" + "I" * 42, "é", "a\tb", " x", "=cmd"],
    "ROLE": ["", "RPL", "OA", "EXPLOITANT", "CES", "CRP", "MDT", "PST", "oa", "DGT"],
    "IDENTIFIANT": ["", "OA1", "oa1", "ABCDEFGHIJK", "10003456786", "10003456787", "1000345678", "libre texte",
        " OA1", "X\tY"],
    "COURRIEL": ["", "a@b.fr", "a b@c.fr", "a@b", "@b.fr", "a@@b.fr", " a@b.fr", "pas d'adresse"],
    "siren": ["", "732829320", " 732829320"],
    "etatAdministratifEtablissement": ["", "A", "F", "a", "O", " A"],
    "dateDebut": ["", "2020-01-01", "01/01/2020", "2020-02-30", " 2020-01-01", "2020-1-1", "9999-12-31"],
    "denominationUsuelleEtablissement": ["", "ÉLECTRICITÉ, GAZ", 'DITE "LA"', "a\nb", " X"],
    "enseigne1Etablissement": ["", "ENSEIGNE", "a\tb"],
    "activitePrincipaleEtablissement": ["86.10Z", " 86.10Z"],
    "codeCommuneEtablissement": ["75056", "2A004", "01001 "],
    "etablissementSiege": ["true", "false", " true"],
}  # fmt: skip
ODDITIES["siret"] = ODDITIES["SIRET"]

DOSES = ["0", "0.000", "0.125", "1.5", "12.345", "3"]


def sound_row(draw: DrawFn, format_: str) -> dict[str, str]:
    """A row that its own columns do not fault at the usual registry dates."""
    person = draw(st.sampled_from(PEOPLE))
    siret = draw(st.sampled_from(SIRETS))
    if format_ == "TRAVAILLEURS":
        sector, trade = draw(
            st.sampled_from([("101000", "AS"), ("101010", "MANIP"), ("201000", "SECURADIO"), ("101000", "INFIRM")])
        )
        return person | {
            "SIRET": siret,
            "GROUPE": draw(st.sampled_from(["", "Bloc 1"])),
            "CLASSEMENT": draw(st.sampled_from("AB")),
            "AUTREEXPOSITION": draw(st.sampled_from(["", "RADON"])),
            "caractereActivite": "Civil",
            "codeDomaineActivite": layouts.SECTORS.get(sector, "100000"),
            "codeSecteurActivite": sector,
            "codeNuisanceRadiologique": "EXT",
            "codeTypeContrat": "CDI",
            "CodeMetier": trade,
            "QUOTITE": draw(st.sampled_from(["1", "0.8", "1.0"])),
            "DATEDEBUT": draw(st.sampled_from(["01/01/2020", "15/01/2024"])),
        }
    if format_ == "OPERATIONNELLE":
        return {
            "NIR": person["NIR"],
            "SIRET": siret,
            "LIEU": draw(st.sampled_from(["BR", "BAN"])),
            "ZONE": "VERTE",
            "TYPE_MESURE": draw(st.sampled_from(sorted(layouts.OPERATIONAL_TYPES))),
            "TYPE_DOSIMETRE": draw(st.sampled_from(["EPD", "DMC 3000"])),
            "DATE_DEBUT_PORT": "15/01/2024 08:00",
            "DATE_FIN_PORT": draw(st.sampled_from(["15/01/2024 08:01", "15/01/2024 17:30", "16/01/2024 00:00"])),
            "VALEUR": draw(st.sampled_from(DOSES)),
            "ACTIVITE": "MAINTENANCE",
            "CODE_METROLOGIE": draw(st.sampled_from(["", "", "", "C", "A"])),
        }
    if format_ == "PASSIVE":
        kind = draw(st.sampled_from(sorted(layouts.LOCATIONS_OF_TYPE)))
        state = draw(st.sampled_from(["MES", "MES", "EST", "INF", "ABS", "PER", "DET"]))
        return {
            "NIR": person["NIR"],
            "NOM": person["NOM"],
            "PRENOM": person["PRENOM"],
            "SIRET": siret,
            "TYPE_MESURE": kind,
            "LOCALISATION": draw(st.sampled_from(sorted(layouts.LOCATIONS_OF_TYPE[kind]))),
            "TYPE_DOSIMETRE": draw(st.sampled_from(sorted(layouts.PASSIVE_DOSIMETERS))),
            "DATE_DEBUT_PORT": "01/01/2024",
            "DATE_FIN_PORT": draw(st.sampled_from(["31/01/2024", "01/01/2024"])),
            "ETAT_RESULTAT": state,
            "VALEUR": draw(
                st.sampled_from(DOSES if state in ("MES", "EST") else ["", "0"] if state == "INF" else [""])
            ),
            "SEUIL": draw(st.sampled_from(["", "0.05"])),
            "ID_MESURE": f"M{draw(st.integers(1, 9))}",
            "CODE_METROLOGIE": draw(st.sampled_from(["", "", "", "C", "A"])),
        }
    if format_ == "DESIGNATIONS":
        role = draw(st.sampled_from(sorted(layouts.ROLES)))
        return {
            "SIRET": siret,
            "ROLE": role,
            "IDENTIFIANT": "10003456786" if role in ("MDT", "PST") else "OA1",
            "NOM": draw(st.sampled_from(["", person["NOM"]])),
            "PRENOM": draw(st.sampled_from(["", person["PRENOM"]])),
            "COURRIEL": draw(st.sampled_from(["", "contact@exemple.fr"])),
            "DATEDEBUT": draw(st.sampled_from(["01/01/2020", "01/01/2024"])),
            "DATEFIN": draw(st.sampled_from(["", "31/12/2025"])),
        }
    return {
        "siren": siret[:9],
        "siret": siret,
        "etatAdministratifEtablissement": draw(st.sampled_from("AAF")),
        "dateDebut": "2020-01-01",
        "denominationUsuelleEtablissement": draw(st.sampled_from(["", "CLINIQUE"])),
        "enseigne1Etablissement": "",
        "activitePrincipaleEtablissement": "86.10Z",
        "codeCommuneEtablissement": "75056",
        "etablissementSiege": "true",
    }


def oddities(format_: str, column: str) -> list[str]:
    if column in ("DATE_DEBUT_PORT", "DATE_FIN_PORT"):
        if format_ == "OPERATIONNELLE":
            return [*TIME_ODDITIES, "15/01/2024 08:00", "31/01/2024 23:59", "01/02/2024 00:00"]
        return [*DAY_ODDITIES, "31/12/2023", "31/03/2024", "01/04/2024", "02/04/2024", "30/01/2024", "29/02/2024"]
    return ODDITIES[column]


@st.composite
def odd_row(draw: DrawFn, format_: str, most: int = 3) -> dict[str, str]:
    """A sound row with at most so many cells replaced by odd ones."""
    row = sound_row(draw, format_)
    for column in draw(st.lists(st.sampled_from(layouts.COLUMNS[format_]), max_size=most, unique=True)):
        row[column] = draw(st.sampled_from(oddities(format_, column)))
    return row


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
        columns = draw(st.sampled_from(_headers(columns)))
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


def _headers(columns: list[str]) -> list[list[str]]:
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
