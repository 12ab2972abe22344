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
}

COLUMNS = {name: columns.split(";") for name, columns in _COLUMNS.items()}

MEASURES = {"OPERATIONNELLE", "PASSIVE"}
"""Formats that carry doses: `FIC-06`, `MET-10` to `MET-12` and the books concern these only."""

ANSWER_COLUMNS = {"CODE_ERREUR", "LIBELLE_ERREUR"}

ALLOWED = {
    "OA": {"PASSIVE"},
    "EXPLOITANT": {"OPERATIONNELLE"},
    "EMPLOYEUR": {"TRAVAILLEURS", "OPERATIONNELLE", "DESIGNATIONS"},
    "CRP": {"OPERATIONNELLE"},
    "MDT": {"DESIGNATIONS", "PASSIVE"},
    "CALCUL": set(),
    "GESTIONNAIRE": set(COLUMNS),
    "DGT": set(),
    "DSND": set(),
}


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
