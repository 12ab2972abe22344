"""What the twin knows of the formats: columns, who may send them, code lists. Nothing here comes from the engine."""

import csv
from importlib.resources import files

_COLUMNS = {
    "ETABLISSEMENTS": (
        "siren;siret;etatAdministratifEtablissement;dateDebut;denominationUsuelleEtablissement;"
        "enseigne1Etablissement;activitePrincipaleEtablissement;codeCommuneEtablissement;etablissementSiege"
    ),
    "TRAVAILLEURS": (
        "NIR;CLE;NOM;PRENOM;DATENAISSANCE;SEXE;SIRET;GROUPE;CLASSEMENT;AUTREEXPOSITION;caractereActivite;"
        "codeDomaineActivite;codeSecteurActivite;codeNuisanceRadiologique;codeTypeContrat;CodeMetier;QUOTITE;DATEDEBUT"
    ),
    "OPERATIONNELLE": (
        "NIR;SIRET;LIEU;ZONE;TYPE_MESURE;TYPE_DOSIMETRE;DATE_DEBUT_PORT;DATE_FIN_PORT;VALEUR;ACTIVITE;CODE_METROLOGIE"
    ),
    "PASSIVE": (
        "NIR;NOM;PRENOM;SIRET;TYPE_MESURE;LOCALISATION;TYPE_DOSIMETRE;DATE_DEBUT_PORT;DATE_FIN_PORT;ETAT_RESULTAT;"
        "VALEUR;SEUIL;ID_MESURE;CODE_METROLOGIE"
    ),
    "DESIGNATIONS": "SIRET;ROLE;IDENTIFIANT;NOM;PRENOM;COURRIEL;DATEDEBUT;DATEFIN",
    "SORTIES": "NIR;CLE;SIRET;DATEFIN",
    "INTERNE": (
        "NIR;NOM;PRENOM;SIRET;TYPE_EXAMEN;DATE_EXAMEN;RADIONUCLEIDE;ACTIVITE;UNITE;LIMITE_DETECTION;ETAT_RESULTAT;"
        "ID_ANALYSE;CODE_METROLOGIE"
    ),
    "ENGAGEE": "NIR;SIRET;RPPS;DATE_INCORPORATION;RADIONUCLEIDE;VALEUR;ID_EVALUATION;CODE_METROLOGIE",
    "CONCLUSION": "ID_DEPASSEMENT;NIR;RPPS;CONCLUSION;VALEUR_RETENUE;DATE_CONCLUSION;COMMENTAIRE",
    "NAVIGANT": "NIR;SIRET;MOIS;VALEUR;NB_VOLS;ID_CALCUL;CODE_METROLOGIE",
    "IDENTITES": "NIA;NIR;CLE;NOM;PRENOM;DATENAISSANCE;SEXE;STATUT",
}

COLUMNS = {name: columns.split(";") for name, columns in _COLUMNS.items()}

MEASURES = {"OPERATIONNELLE", "PASSIVE", "INTERNE", "ENGAGEE", "NAVIGANT"}
"""Formats that carry results: `FIC-06`, `MET-10` to `MET-12` and the books concern these only."""

ANSWER_COLUMNS = {"CODE_ERREUR", "LIBELLE_ERREUR"}

ALLOWED = {
    "OA": {"PASSIVE", "INTERNE"},
    "EXPLOITANT": {"OPERATIONNELLE"},
    "EMPLOYEUR": {"TRAVAILLEURS", "SORTIES", "OPERATIONNELLE", "DESIGNATIONS"},
    "CRP": {"OPERATIONNELLE"},
    "MDT": {"ENGAGEE", "CONCLUSION", "DESIGNATIONS", "PASSIVE"},
    "CALCUL": {"NAVIGANT"},
    "GESTIONNAIRE": set(COLUMNS),
    "DGT": set(),
    "DSND": set(),
}

_POSITIONS = {
    "PASSIVE": (
        "3-15 NIR; 16-45 NOM; 46-75 PRENOM; 76-89 SIRET; 90-104 TYPE_MESURE; 105-114 LOCALISATION; "
        "115-129 TYPE_DOSIMETRE; 130-137 DATE_DEBUT_PORT; 138-145 DATE_FIN_PORT; 146-148 ETAT_RESULTAT; "
        "149-157 VALEUR; 158-163 SEUIL; 164-183 ID_MESURE; 184-184 CODE_METROLOGIE"
    ),
    "OPERATIONNELLE": (
        "3-15 NIR; 16-29 SIRET; 30-59 LIEU; 60-79 ZONE; 80-94 TYPE_MESURE; 95-114 TYPE_DOSIMETRE; "
        "115-126 DATE_DEBUT_PORT; 127-138 DATE_FIN_PORT; 139-147 VALEUR; 148-187 ACTIVITE; 188-188 CODE_METROLOGIE"
    ),
}


def _spans(text: str) -> dict[str, tuple[int, int]]:
    spans = {}
    for entry in text.split("; "):
        place, column = entry.split(" ")
        first, last = place.split("-")
        spans[column] = (int(first), int(last))
    return spans


POSITIONS = {name: _spans(text) for name, text in _POSITIONS.items()}
"""First and last character of each column of a fixed-width detail, from 1, both included."""

WIDTHS = {name: max(last for _, last in spans.values()) for name, spans in POSITIONS.items()}
RECORDS = {"SISPAS01": ("PASSIVE", "10"), "SISOPE01": ("OPERATIONNELLE", "20")}
"""Name in the header record → the format, and how its details begin."""


def _list(name: str) -> list[dict[str, str]]:
    text = (files("schemas") / "data" / f"{name}.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines(), delimiter=";"))


DOMAINS = {line["code"] for line in _list("domaine_activite")}
SECTORS = {line["code"]: line["code_domaine"] for line in _list("secteur_activite")}
TRADES = {line["code"] for line in _list("metier")}
TRADES_OF_SECTOR = {(line["code_secteur"], line["code_metier"]) for line in _list("secteur_metier")}
NUISANCES = {line["code"] for line in _list("nuisance_radiologique")}
CONTRACTS = {line["code"] for line in _list("type_contrat")}
OTHER_EXPOSURES = {line["code"] for line in _list("autre_exposition")}
OPERATIONAL_TYPES = {line["code"] for line in _list("type_mesure_operationnelle")}
OPERATIONAL_DOSIMETERS = {line["libelle"] for line in _list("type_dosimetre_operationnel")}

_LIMBS = {f"{limb}_{side}" for limb in ("DOIGT", "POIGNET", "MAIN", "AVBRAS", "CHEVILLE", "PIED") for side in "DG"}
LOCATIONS_OF_TYPE = {
    "PAS-HP10-PHO": {"POITRINE", "CEINTURE"},
    "PAS-HP10-NEU": {"POITRINE", "CEINTURE"},
    "PAS-HP3": {"TETE"},
    "PAS-HP007-PEAU": {"POITRINE", "AUTRE"},
    "PAS-HP007-EXT": _LIMBS,
    "PAS-E-RADON": {"POITRINE", "AUTRE"},
}
PASSIVE_LOCATIONS = set().union(*LOCATIONS_OF_TYPE.values())
PASSIVE_DOSIMETERS = {"OSL", "RPL", "TLD", "FILM", "TRACE", "ALPHA"}
STATES = {"MES", "INF", "ABS", "PER", "DET", "EST"}
ROLES = {"RPL", "OA", "EXPLOITANT", "CES", "CRP", "MDT", "PST"}

UNITS_OF_EXAM = {
    "RTU": {"Bq/L", "Bq/24h"},
    "RTS": {"Bq/24h"},
    "RTM": {"Bq"},
    "ANT-CE": {"Bq"},
    "ANT-TH": {"Bq"},
    "ANT-PU": {"Bq"},
}
UNITS = set().union(*UNITS_OF_EXAM.values())
INTERNAL_STATES = {"MES", "INF", "ABS"}
CONCLUSIONS = {"MAINTENUE", "MODIFIEE", "ANNULEE"}
VERDICTS = {"CERTIFIE", "REFUSE"}

_ELEMENTS = (
    "H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr Rb Sr Y Zr Nb "
    "Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au "
    "Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv "
    "Ts Og"
)
ATOMIC_NUMBERS = {symbol: number for number, symbol in enumerate(_ELEMENTS.split(), start=1)}
