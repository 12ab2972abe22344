"""Stories told by hand, dense in what chance seldom brings together; played beside those of Hypothesis."""

from datetime import date

from property.sequences import CONSTANT, NAMES, Deposit, Pass, references
from twin import layouts


def _row(format_: str, cells: dict[str, str]) -> dict[str, str]:
    return dict.fromkeys(layouts.COLUMNS[format_], "") | CONSTANT[format_] | cells


def worker(nir: str, place: str, **cells: str) -> dict[str, str]:
    nom, prenom = NAMES[int(nir[1])]
    usual = {
        "NIR": nir, "CLE": nir, "NOM": nom, "PRENOM": prenom, "DATENAISSANCE": "14/06/1985", "SIRET": place,
        "SEXE": "M" if nir == "@0" else "F", "CLASSEMENT": "A", "QUOTITE": "1", "DATEDEBUT": "01/01/2020",
    }  # fmt: skip
    return _row("TRAVAILLEURS", usual | cells)


def passive(
    id_: str, nir: str = "@0", place: str = "#0", worn: str = "01/01/2024-31/01/2024", **cells: str
) -> dict[str, str]:
    nom, prenom = NAMES[int(nir[1])]
    start, end = worn.split("-")
    usual = {
        "NIR": nir, "NOM": nom, "PRENOM": prenom, "SIRET": place, "TYPE_MESURE": "PAS-HP10-PHO", "ID_MESURE": id_,
        "LOCALISATION": "POITRINE", "DATE_DEBUT_PORT": start, "DATE_FIN_PORT": end, "ETAT_RESULTAT": "MES",
        "VALEUR": "0.5",
    }  # fmt: skip
    return _row("PASSIVE", usual | cells)


def passage(day: str = "15/01/2024", nir: str = "@0", place: str = "#0", **cells: str) -> dict[str, str]:
    usual = {"DATE_DEBUT_PORT": f"{day} 08:00", "DATE_FIN_PORT": f"{day} 17:00", "VALEUR": "0.012", "LIEU": "BR"}
    return _row("OPERATIONNELLE", {"NIR": nir, "SIRET": place} | usual | cells)


def leaves(day: str, nir: str = "@0", place: str = "#0", **cells: str) -> dict[str, str]:
    return _row("SORTIES", {"NIR": nir, "CLE": nir, "SIRET": place, "DATEFIN": day} | cells)


def analysis(id_: str, nir: str = "@0", place: str = "#0", day: str = "15/01/2024", **cells: str) -> dict[str, str]:
    nom, prenom = NAMES[int(nir[1])]
    usual = {
        "NIR": nir, "NOM": nom, "PRENOM": prenom, "SIRET": place, "DATE_EXAMEN": day, "RADIONUCLEIDE": "Cs-137",
        "ETAT_RESULTAT": "MES", "ACTIVITE": "1.2", "ID_ANALYSE": id_,
    }  # fmt: skip
    return _row("INTERNE", usual | cells)


def committed(id_: str, nir: str = "@0", place: str = "#0", day: str = "15/01/2024", **cells: str) -> dict[str, str]:
    usual = {"NIR": nir, "SIRET": place, "RPPS": "&M", "DATE_INCORPORATION": day, "VALEUR": "0.3", "ID_EVALUATION": id_}
    return _row("ENGAGEE", usual | cells)


def flown(id_: str, nir: str = "@0", place: str = "#0", month: str = "01/2024", **cells: str) -> dict[str, str]:
    usual = {"NIR": nir, "SIRET": place, "MOIS": month, "VALEUR": "0.21", "ID_CALCUL": id_}
    return _row("NAVIGANT", usual | cells)


def sent(sender: str, format_: str, *rows: dict[str, str]) -> Deposit:
    return Deposit(sender, format_, rows)


C, A = {"CODE_METROLOGIE": "C"}, {"CODE_METROLOGIE": "A"}
ESTABLISHMENTS, WORKERS, DESIGNATED = references()

CLASSES_AND_NAMES = [
    Pass(date(2024, 1, 31), (
        ESTABLISHMENTS,
        sent("G", "TRAVAILLEURS", worker("@0", "#0", CLASSEMENT="NC"), worker("@1", "#0", PRENOM="LUCIE")),
        sent("L1", "PASSIVE", passive("M1"), passive("M2", "@1", PRENOM="MARIE")),
    )),
    Pass(date(2024, 2, 10), (
        sent("L1", "PASSIVE", passive("M3", worn="01/02/2024-10/02/2024"),
        passive("M4", worn="31/01/2024-31/01/2024")),
        sent("X", "OPERATIONNELLE", passage("02/02/2024"), passage("31/01/2024")),
    )),
    Pass(date(2024, 5, 15), (
        sent(
            "G", "TRAVAILLEURS", worker("@0", "#0", CLASSEMENT="B", DATEDEBUT="01/02/2024"), worker("@1", "#0"),
            worker("@1", "#0", PRENOM="ZOE"), worker("@1", "#1", NOM="D’ornano", PRENOM="Marie"),
        ),
        sent(
            "L1", "PASSIVE", passive("M5", worn="01/02/2024-11/02/2024"), passive("M6", worn="14/05/2024-15/05/2024"),
            passive("M7", worn="01/01/2024-30/01/2024"), passive("M8", worn="31/12/2023-30/01/2024"),
            passive("M9", "@1", PRENOM="MARIE"), passive("M10", "@1", "#1", NOM="D ORNANO"),
        ),
    )),
    Pass(date(2024, 8, 20), (sent("L1", "PASSIVE", passive("M5", worn="01/02/2024-11/02/2024"), passive("M11")),)),
]  # fmt: skip
"""An attachment's class and start as they change, and first names that become fuller."""

CORRECTIONS = [
    Pass(date(2024, 1, 31), (
        ESTABLISHMENTS, WORKERS, DESIGNATED,
        sent("L1", "PASSIVE", passive("M1"), passive("M2", ETAT_RESULTAT="ABS", VALEUR=""), passive("M3"),
        passive("M1")),
        sent("X", "OPERATIONNELLE", passage(), passage("16/01/2024"), passage("17/01/2024", VALEUR="0.0204")),
        sent("E1", "OPERATIONNELLE", passage("18/01/2024"), passage("18/01/2024", "@2", "#2")),
        sent("P", "OPERATIONNELLE", passage("19/01/2024"), passage("19/01/2024", place="#1")),
    )),
    Pass(date(2024, 2, 10), (
        sent("E1", "OPERATIONNELLE", passage("02/02/2024")),
        sent("X", "OPERATIONNELLE", passage(**A), passage(**A), passage(**C), passage(VALEUR="3"),
        passage("03/02/2024")),
        sent(
            "L1", "PASSIVE", passive("M1", **A), passive("M1", **A), passive("M1", "@1", **A), passive("M1", **C),
            passive("M1", VALEUR="0.6"), passive("M1", VALEUR="0.7", **C), passive("M1", VALEUR="0.7", **C),
            passive("M1"),
            passive("M2", ETAT_RESULTAT="PER", VALEUR=""), passive("M2"), passive("M3", place="#1", **C),
            passive("M3", **A), passive("M3", place="#1", **A), passive("M4", ETAT_RESULTAT="INF", VALEUR=""),
        ),
        sent("L2", "PASSIVE", passive("M1")),
    )),
    Pass(date(2024, 2, 25), (
        sent("X", "OPERATIONNELLE", passage("16/01/2024", VALEUR="5", **C), passage("16/01/2024", VALEUR="101", **C)),
        sent("X", "OPERATIONNELLE", passage("16/01/2024", VALEUR="6", **C),
        passage("17/01/2024", LIEU="br", VALEUR="0,02")),
        sent(
            "L1", "PASSIVE", passive("M1", worn="01/12/2021-31/12/2021"),
            passive("M1", worn="01/12/2023-31/12/2023", **C),
            passive("M4", worn="01/12/2023-31/12/2023", VALEUR="501", **C),
            passive("M4", ETAT_RESULTAT="INF", VALEUR=""),
            passive("M4", VALEUR="0.1"), passive("M4", **A),
        ),
    )),
]  # fmt: skip
"""Corrections, annulments, results after an absence, an identifier that serves again."""

LATE_REFERENCES = [
    Pass(date(2024, 2, 10), (
        sent(
            "L1", "PASSIVE", passive("M1"), passive("M2"), passive("M3", ETAT_RESULTAT="ABS", VALEUR=""),
            passive("M4"),
            passive("M5", "@2", "#3"), passive("M6", VALEUR="501"), passive("M7", PRENOM="PAUL"),
            passive("M8", VALEUR="-1"),
        ),
        sent("E1", "TRAVAILLEURS", worker("@0", "#0"), worker("@0", "#0", NOM="DUPONT"), worker("@0", "#2")),
        sent("X", "OPERATIONNELLE", passage(), passage(VALEUR="1", **C), passage("16/01/2024")),
    )),
    Pass(date(2024, 2, 25), (
        sent(
            "L1", "PASSIVE", passive("M1"), passive("M2", VALEUR="2"), passive("M2", VALEUR="2", **C), passive("M3"),
            passive("M4", **A), passive("M4", **A),
        ),
        sent("X", "OPERATIONNELLE", passage("16/01/2024", "@1", **A), passage("16/01/2024", **A)),
        sent("G", "DESIGNATIONS", *DESIGNATED.rows),
    )),
    Pass(date(2024, 2, 26), (ESTABLISHMENTS, sent("L1", "PASSIVE", passive("M1"), passive("M9", "@2")))),
    Pass(date(2024, 5, 10), ()),
    Pass(date(2024, 5, 11), (sent("L1", "PASSIVE", passive("M5", "@2", "#3"), passive("M6", VALEUR="501")),)),
]  # fmt: skip
"""Rows that wait for references, are corrected, annulled or sent again meanwhile, then leave or outstay the queue."""

DEPARTURES = [
    Pass(date(2024, 1, 31), (
        ESTABLISHMENTS, WORKERS, DESIGNATED,
        sent("E1", "SORTIES", leaves("31/12/2023"), leaves("31/12/2019"), leaves("01/01/2024", "@2"), leaves("x")),
        sent("E2", "SORTIES", leaves("31/12/2023"), leaves("31/12/2023", "@2", "#2")),
        sent("L1", "PASSIVE", passive("M1"), passive("M2", worn="01/01/2024-30/01/2024")),
        sent("L1", "INTERNE", analysis("A1", day="31/01/2024"), analysis("A2", day="30/01/2024")),
        sent("K", "NAVIGANT", flown("N1"), flown("N2", "@2", "#2"), flown("N3", month="12/2023")),
    )),
    Pass(date(2024, 2, 10), (
        sent("L1", "PASSIVE", passive("M3", worn="01/02/2024-10/02/2024"), passive("M4", worn="01/12/2023-01/02/2024")),
        sent("L1", "INTERNE", analysis("A3", day="01/02/2024"), analysis("A1", day="01/02/2024", **C)),
        sent("K", "NAVIGANT", flown("N4", month="02/2024"), flown("N5", month="02/2024", place="#1")),
        sent("M", "ENGAGEE", committed("E1", day="31/01/2024"), committed("E2", day="01/02/2024")),
    )),
    Pass(date(2024, 2, 25), (
        sent(
            "E1", "TRAVAILLEURS", worker("@0", "#0", DATEDEBUT="01/02/2024"),
            worker("@0", "#1", DATEDEBUT="02/01/2020"),
        ),
        sent("E1", "SORTIES", leaves("31/01/2024"), leaves("20/01/2024", place="#1"), leaves("01/01/2020", place="#1")),
        sent("L1", "PASSIVE", passive("M5", worn="01/02/2024-20/02/2024"), passive("M6", worn="31/12/2019-31/12/2019")),
        sent("L1", "INTERNE", analysis("A4", day="02/02/2024"), analysis("A5", "@1", "#0", day="01/02/2024")),
        sent("E1", "TRAVAILLEURS", worker("@0", "#1", DATEDEBUT="20/01/2024")),
        sent("K", "NAVIGANT", flown("N6", place="#1"), flown("N7", place="#1", month="02/2024")),
    )),
    Pass(date(2024, 5, 15), (
        sent("E1", "SORTIES", leaves("31/03/2024"), leaves("31/03/2024")),
        sent(
            "E1", "TRAVAILLEURS", worker("@0", "#0", DATEDEBUT="31/03/2024"),
            worker("@0", "#0", DATEDEBUT="01/04/2024"),
        ),
        sent("L1", "INTERNE", analysis("A6", day="30/04/2024"), analysis("A7", day="15/05/2024")),
    )),
]  # fmt: skip
"""Ends and returns, ends that move, and results around them."""

RESULTS_OF_ALL_KINDS = [
    Pass(date(2024, 1, 31), (
        ESTABLISHMENTS, WORKERS, DESIGNATED,
        sent(
            "L1", "INTERNE", analysis("A1"), analysis("A1"), analysis("A1", RADIONUCLEIDE="Co-60"),
            analysis("A1", ACTIVITE="1.20"), analysis("A1", ACTIVITE="2"), analysis("A1", ACTIVITE="2", **C),
            analysis("A2", ETAT_RESULTAT="ABS", ACTIVITE=""), analysis("A2"), analysis("A3", NOM="DUPONT"),
            analysis("A4", UNITE="Bq"), analysis("A5", ACTIVITE="501"), analysis("A6", place="#3"),
        ),
        sent(
            "M", "ENGAGEE", committed("E1"), committed("E1"), committed("E1", VALEUR="0.300"),
            committed("E1", VALEUR="0.4"), committed("E1", VALEUR="0.4", **C), committed("E2", VALEUR="501"),
            committed("E3", RPPS="10003456786"), committed("E4", place="#1"), committed("E5", "@2", "#2"),
            committed("E6", place="#3"), committed("E7", VALEUR="x"), committed("E8", "@1", "#1"),
        ),
        sent("G", "ENGAGEE", committed("E1"), committed("E9", RPPS="10003456786"), committed("E10", "@2", "#2")),
        sent(
            "K", "NAVIGANT", flown("N1"), flown("N1", VALEUR="0.2100"), flown("N1", NB_VOLS="3"),
            flown("N1", NB_VOLS="3", **C), flown("N2", VALEUR="501"), flown("N3", "@1", "#1"),
            flown("N4", month="02/2024"), flown("N5", VALEUR="0.05"), flown("N6", VALEUR="-0.0001"),
            flown("N7", place="#3"),
        ),
    )),
    Pass(date(2024, 2, 10), (
        sent(
            "L1", "INTERNE", analysis("A1", **A), analysis("A1", ACTIVITE="", **A), analysis("A1", **C), analysis("A1"),
            analysis("A1", RADIONUCLEIDE="Co-60", day="20/12/2023", **C), analysis("A2", day="20/12/2021"),
            analysis("A2", day="", **A), analysis("A3", NOM="DUPONT"), analysis("A3", **C),
            analysis("A6", place="#3", **A),
        ),
        sent("L2", "INTERNE", analysis("A1"), analysis("A2", **A)),
        sent(
            "M", "ENGAGEE", committed("E1", RPPS="", VALEUR="", **A), committed("E1", **A), committed("E1"),
            committed("E2", VALEUR="5", **C), committed("E4", place="#1", day="10/02/2024", **C),
            committed("E1", day="20/12/2021"), committed("E1", day="20/12/2023"), committed("E1", "@1", **A),
        ),
        sent(
            "K", "NAVIGANT", flown("N1", month="", **A), flown("N2", VALEUR="501"), flown("N2", **A), flown("N2", **A),
            flown("N4", month="02/2024"), flown("N5", month="12/2023", **C), flown("N5"), flown("N5", month="12/2021"),
        ),
    )),
    Pass(date(2024, 5, 15), (
        sent("L1", "INTERNE", analysis("A1", day="20/12/2023"), analysis("A8", "@1", PRENOM="PAUL")),
        sent("G", "ENGAGEE", committed("E10", "@2", "#2", VALEUR="0.5", **C), committed("E1", **A)),
        sent("K", "NAVIGANT", flown("N3", "@1", "#1"), flown("N3", "@1", **C), flown("N8", "@2", "#0")),
    )),
]  # fmt: skip
"""Analyses, committed and aircrew doses: as they were, corrected, moved by a year, annulled, from another sender."""

FAR_YEARS_UNDER_ONE_KEY = [
    Pass(date(2024, 2, 10), (
        ESTABLISHMENTS, WORKERS, DESIGNATED, sent("M", "ENGAGEE", committed("E1", day="15/12/2021")),
    )),
    Pass(date(2024, 2, 25), (
        sent("M", "ENGAGEE", committed("E1"), committed("E1", VALEUR="0.5", day="15/12/2021"), committed("E1")),
    )),
]  # fmt: skip
"""A file whose rows bear one key in years so far apart that they are two measures, one of them there before."""

B = {"CLASSEMENT": "B"}
MUCH = {"VALEUR": "4"}

ABOVE_AND_APART = [
    Pass(date(2024, 2, 10), (
        ESTABLISHMENTS, DESIGNATED,
        sent("G", "TRAVAILLEURS", worker("@0", "#0", **B), worker("@0", "#1", CLASSEMENT="A"), worker("@1", "#0", **B)),
        sent("X", "OPERATIONNELLE", passage(VALEUR="0.9"), passage("16/01/2024", VALEUR="0.1", ZONE="R")),
        sent(
            "L1", "PASSIVE", passive("M1", VALEUR="3.001"), passive("M2", worn="01/02/2023-28/02/2023", VALEUR="9"),
            passive("M3", worn="01/12/2023-20/12/2023", VALEUR="3"), passive("M4", VALEUR="2", LOCALISATION="CEINTURE"),
            passive("M5", place="#1", **MUCH), passive("M6", VALEUR="", ETAT_RESULTAT="INF"),
            passive("M7", "@2", "#2", **MUCH), passive("M8", "@2", "#2", worn="01/02/2024-10/02/2024", **MUCH),
            passive("M9", "@1", VALEUR="1.3"), passive("M9", "@1", VALEUR="7", **C), passive("M10", NOM="DUPONT"),
        ),
        sent("K", "NAVIGANT", flown("N1", "@2", "#2", VALEUR="7"), flown("N2", VALEUR="0.05")),
    )),
    Pass(date(2024, 2, 25), (
        sent("G", "TRAVAILLEURS", worker("@2", "#2", **B)),
        sent("M", "ENGAGEE", committed("E1", "@1", VALEUR="0.001"), committed("E2", "@1", "#1", VALEUR="1")),
        sent("L1", "PASSIVE", passive("M9", "@1", VALEUR="0.5", **C), passive("M1", VALEUR="3.001")),
        sent("L1", "PASSIVE", passive("M3", **A)),
        sent("X", "OPERATIONNELLE", passage(VALEUR="0.3", **C)),
    )),
    Pass(date(2024, 5, 15), (
        sent("L1", "PASSIVE", passive("M11", VALEUR="0.7"), passive("M12", VALEUR="0.701"), passive("M13", VALEUR="0")),
        sent("G", "TRAVAILLEURS", worker("@0", "#0", CLASSEMENT="A")),
        sent("L2", "PASSIVE", passive("M1", worn="01/05/2024-10/05/2024", **MUCH), passive("M2", **MUCH)),
    )),
]  # fmt: skip
"""Class B above 6 mSv: in a file, by what waited, by physicians and flights; passages that disagree, corrected, far."""
