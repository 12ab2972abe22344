"""Hypothesis strategies that make rows: sound ones with a few cells overridden, from small pools.

A failure then shrinks to one cell of one row.
"""

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from twin import layouts
from twin.cells import nir_key

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
    "123456789.1234567890123456789012345", "100.0004", "500.0004", "500.0005", "5000.0004", "-0.0009",
]  # fmt: skip
FINE_NUMBERS = ["0.000000001", "0.0000000005", "0.0000000004", "1.1234567891", "123456789.123456789", "-0.0000000001"]
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
    "TYPE_EXAMEN": ["", "RTU", "RTS", "RTM", "ANT-CE", "ANT-TH", "ANT-PU", "rtu", "ANT", " RTU"],
    "UNITE": ["", "Bq", "Bq/L", "Bq/24h", "Bq/l", "Bq/24H", "mSv", "Bq "],
    "DATE_EXAMEN": [*DAY_ODDITIES, "23/11/2026"],
    "DATE_INCORPORATION": [*DAY_ODDITIES, "23/11/2026"],
    "DATE_CONCLUSION": [*DAY_ODDITIES, "23/11/2026"],
    "RADIONUCLEIDE": [
        "", "Cs-137", "Tc-99m", "I-131", "H-3", "H-1", "H-2", "U-238", "U-92", "U-93", "Og-294", "Ag-110m2", "Cs-137m0",
        "cs-137", "CS-137", "Cs137", "Cs-0137", "Cs-", "Cs-1370", "Xx-200", "n-1", "Cs-54", "Cs-55", "Cs-56", " Cs-137",
        "Cs-137 ", "Cs\t-137", "Cs-１37", "Tc-99M", "Cs-137,Co-60",
    ],
    "LIMITE_DETECTION": [*NUMBER_ODDITIES, *FINE_NUMBERS],
    "ID_ANALYSE": ["", "1", "I" * 20, "I" * 21, "é", "a\tb", " x", "=cmd"],
    "ID_EVALUATION": ["", "E-1", "I" * 20, "I" * 21, "a\nb", "x\u00a0"],
    "ID_CALCUL": ["", "N-1", "I" * 20, "I" * 21, "\u0085", "x "],
    "RPPS": ["", "10003456786", "10003456787", "1000345678", "100034567860", "1000345678A", " 10003456786",
        "1000 3456786", "１0003456786"],
    "MOIS": [
        "", "01/2024", "02/2024", "13/2024", "00/2024", "1/2024", "2024-01", "01/24", "01/01/2024", " 01/2024", "abc",
        "12/2026", "11/2026", "12/2099", "01/0001", "01/0000", "０1/2024", "01/2024\t", "03/2024",
    ],
    "NB_VOLS": [
        "", "0", "12", "3.0", "3,0", "2.5", "-1", "-0", "007", "9999999", "10000000", "999999999", "1000000000", "1e2",
        "douze", " 4", "4\t", "٣", "--",
    ],
    "ID_DEPASSEMENT": ["", "1", "D" * 20, "D" * 21, " 7", "sept", "a\tb"],
    "CONCLUSION": ["", "MAINTENUE", "MODIFIEE", "ANNULEE", "MODIFIÉE", "maintenue", " ANNULEE"],
    "VALEUR_RETENUE": NUMBER_ODDITIES,
    "COMMENTAIRE": [*TEXT_ODDITIES, "c" * 1000, "c" * 1001],
    "NIA": [
        "", "3850675116042", "4850675116042", "7850675116042", "8850675116042", "1850675116001", "5850675116042",
        "385067511604", "3 85 06 75 116 042", "385062a116042", "38506751160\t2",
    ],
    "STATUT": ["", "CERTIFIE", "REFUSE", "certifie", "CERTIFIÉ", " REFUSE"],
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

MODES = st.sampled_from(["", "", "", "C", "A"])
DOSES = ["0", "0.000", "0.125", "1.5", "12.345", "3"]


def _departure(draw: DrawFn, person: dict[str, str], siret: str) -> dict[str, str]:
    return {"NIR": person["NIR"], "CLE": person["CLE"], "SIRET": siret, "DATEFIN": "31/01/2024"}


def _internal(draw: DrawFn, person: dict[str, str], siret: str) -> dict[str, str]:
    exam = draw(st.sampled_from(sorted(layouts.UNITS_OF_EXAM)))
    state = draw(st.sampled_from(["MES", "MES", "INF", "ABS"]))
    return {
        "NIR": person["NIR"],
        "NOM": person["NOM"],
        "PRENOM": person["PRENOM"],
        "SIRET": siret,
        "TYPE_EXAMEN": exam,
        "DATE_EXAMEN": draw(st.sampled_from(["15/01/2024", "31/01/2024"])),
        "RADIONUCLEIDE": draw(st.sampled_from(["Cs-137", "Tc-99m", "I-131", "Co-60"])),
        "ACTIVITE": draw(st.sampled_from({"MES": DOSES, "INF": ["", "0"], "ABS": [""]}[state])),
        "UNITE": draw(st.sampled_from(sorted(layouts.UNITS_OF_EXAM[exam]))),
        "LIMITE_DETECTION": draw(st.sampled_from(["0.5", "0.000000012"] if state == "INF" else ["", "0.5"])),
        "ETAT_RESULTAT": state,
        "ID_ANALYSE": f"A{draw(st.integers(1, 9))}",
        "CODE_METROLOGIE": draw(MODES),
    }


def _committed(draw: DrawFn, person: dict[str, str], siret: str) -> dict[str, str]:
    return {
        "NIR": person["NIR"],
        "SIRET": siret,
        "RPPS": "10003456786",
        "DATE_INCORPORATION": "15/01/2024",
        "RADIONUCLEIDE": "I-131",
        "VALEUR": draw(st.sampled_from(DOSES)),
        "ID_EVALUATION": f"E{draw(st.integers(1, 9))}",
        "CODE_METROLOGIE": draw(MODES),
    }


def _aircrew(draw: DrawFn, person: dict[str, str], siret: str) -> dict[str, str]:
    return {
        "NIR": person["NIR"],
        "SIRET": siret,
        "MOIS": draw(st.sampled_from(["12/2023", "01/2024"])),
        "VALEUR": draw(st.sampled_from(DOSES)),
        "NB_VOLS": draw(st.sampled_from(["", "0", "14"])),
        "ID_CALCUL": f"N{draw(st.integers(1, 9))}",
        "CODE_METROLOGIE": draw(MODES),
    }


def _conclusion(draw: DrawFn, person: dict[str, str], siret: str) -> dict[str, str]:
    conclusion = draw(st.sampled_from(sorted(layouts.CONCLUSIONS)))
    return {
        "ID_DEPASSEMENT": str(draw(st.integers(1, 9))),
        "NIR": person["NIR"],
        "RPPS": "10003456786",
        "CONCLUSION": conclusion,
        "VALEUR_RETENUE": draw(st.sampled_from(DOSES)) if conclusion == "MODIFIEE" else "",
        "DATE_CONCLUSION": "31/01/2024",
        "COMMENTAIRE": draw(st.sampled_from(["", "Enquête close"])),
    }


def _identity(draw: DrawFn, person: dict[str, str], siret: str) -> dict[str, str]:
    if person["NIR"][0] not in "12":
        person = PEOPLE[0]
    verdict = draw(st.sampled_from(sorted(layouts.VERDICTS)))
    named = {"NIR": "", "CLE": ""} if verdict == "REFUSE" and draw(st.booleans()) else {}
    return {"NIA": "3" + person["NIR"][1:], "STATUT": verdict} | person | named


FURTHER = {
    "SORTIES": _departure,
    "INTERNE": _internal,
    "ENGAGEE": _committed,
    "NAVIGANT": _aircrew,
    "CONCLUSION": _conclusion,
    "IDENTITES": _identity,
}


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
    if format_ in FURTHER:
        return FURTHER[format_](draw, person, siret)
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
    if format_ == "INTERNE" and column == "ACTIVITE":
        return ODDITIES["LIMITE_DETECTION"]
    return ODDITIES[column]


@st.composite
def odd_row(draw: DrawFn, format_: str, most: int = 3) -> dict[str, str]:
    """A sound row with at most so many cells replaced by odd ones."""
    row = sound_row(draw, format_)
    for column in draw(st.lists(st.sampled_from(layouts.COLUMNS[format_]), max_size=most, unique=True)):
        row[column] = draw(st.sampled_from(oddities(format_, column)))
    return row


SOUND_CELLS = {
    "CODE_METROLOGIE": "", "ETAT_RESULTAT": "MES", "VALEUR": "1.5", "SEUIL": "0.05", "ACTIVITE": "1.5", "UNITE": "Bq",
    "LIMITE_DETECTION": "0.5", "TYPE_EXAMEN": "ANT-CE", "STATUT": "CERTIFIE", "CONCLUSION": "MODIFIEE",
    "VALEUR_RETENUE": "1.5", "COURRIEL": "contact@exemple.fr", "DATE_EXAMEN": "15/01/2024", "MOIS": "01/2024",
    "DATE_INCORPORATION": "15/01/2024", "DATE_CONCLUSION": "31/01/2024", "RADIONUCLEIDE": "I-131", "NB_VOLS": "14",
    "RPPS": "10003456786", "LOCALISATION": "POITRINE", "DATEFIN": "31/12/2025", "CLASSEMENT": "A", "QUOTITE": "0.8",
    "caractereActivite": "Civil", "codeDomaineActivite": "100000", "codeSecteurActivite": "101000", "CodeMetier": "AS",
    "codeNuisanceRadiologique": "EXT", "codeTypeContrat": "CDI", "DATEDEBUT": "01/01/2020", "ROLE": "OA",
    "IDENTIFIANT": "OA1", "LIEU": "BR", "ZONE": "VERTE", "NIA": "3850675116001", "siren": "732829320",
    "etatAdministratifEtablissement": "A", "dateDebut": "2020-01-01",
}  # fmt: skip


def odd_cells(format_: str) -> list[dict[str, str]]:
    """A sound row, with each odd cell of each column in turn."""
    sound = dict.fromkeys(layouts.COLUMNS[format_], "")
    sound |= {column: cell for column, cell in (PEOPLE[0] | SOUND_CELLS).items() if column in sound}
    for column in sound:
        if column in ("SIRET", "siret"):
            sound[column] = SIRETS[0]
        elif column.startswith("ID_"):
            sound[column] = "1"
    if format_ == "PASSIVE":
        sound |= {"TYPE_MESURE": "PAS-HP10-PHO", "TYPE_DOSIMETRE": "OSL"}
        sound |= {"DATE_DEBUT_PORT": "01/01/2024", "DATE_FIN_PORT": "31/01/2024"}
    if format_ == "OPERATIONNELLE":
        sound |= {"TYPE_MESURE": "OPE-HP10-PHO", "TYPE_DOSIMETRE": "EPD", "ACTIVITE": "VISITE"}
        sound |= {"DATE_DEBUT_PORT": "15/01/2024 08:00", "DATE_FIN_PORT": "15/01/2024 17:00"}
    return [sound] + [sound | {column: odd} for column in sound for odd in oddities(format_, column)]
