"""Rows read against the contract by hand, with the codes that they carry: what twin and engine must tell.

A row is a sound one with some cells changed; its codes are those of `TODAY`, `LATE` apart.
"""

from datetime import date

from twin.cells import nir_key
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

LATE = {"AVT-04"}
"""Every sound measure is, judged today."""

T, P, OP, D, E = "TRAVAILLEURS", "PASSIVE", "OPERATIONNELLE", "DESIGNATIONS", "ETABLISSEMENTS"
S, IN, G, N, C, ID = "SORTIES", "INTERNE", "ENGAGEE", "NAVIGANT", "CONCLUSION", "IDENTITES"

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
    (P, {"VALEUR": "500.0004"}, "AVT-01"),
    (OP, {"VALEUR": "-0.0004"}, "AVT-01 MET-04"),
    (P, {"ETAT_RESULTAT": "INF", "VALEUR": "0.0004"}, "AVT-01"),
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
    (IN, {"CODE_METROLOGIE": "A", "TYPE_EXAMEN": "", "ACTIVITE": "x", "DATE_EXAMEN": ""}, ""),
    (IN, {"CODE_METROLOGIE": "A", "RADIONUCLEIDE": "Xx-1"}, "FMT-05"),
    (G, {"CODE_METROLOGIE": "A", "RPPS": "", "VALEUR": "x", "RADIONUCLEIDE": ""}, ""),
    (N, {"CODE_METROLOGIE": "A", "MOIS": "", "VALEUR": "", "NB_VOLS": "x"}, ""),
    (N, {"CODE_METROLOGIE": "A", "ID_CALCUL": ""}, "FMT-02"),
    # departures
    (S, {"CLE": "76"}, "IDT-02"),
    (S, {"DATEFIN": ""}, "FMT-02"),
    (S, {"DATEFIN": "01/01/2030"}, ""),
    # internal monitoring
    (IN, {"ACTIVITE": ""}, "MET-13"),
    (IN, {"ETAT_RESULTAT": "INF"}, "MET-13"),
    (IN, {"ETAT_RESULTAT": "INF", "ACTIVITE": "0"}, ""),
    (IN, {"ETAT_RESULTAT": "INF", "ACTIVITE": ""}, ""),
    (IN, {"ETAT_RESULTAT": "INF", "ACTIVITE": "", "LIMITE_DETECTION": ""}, "MET-13"),
    (IN, {"LIMITE_DETECTION": ""}, ""),
    (IN, {"ETAT_RESULTAT": "ABS", "ACTIVITE": ""}, ""),
    (IN, {"ETAT_RESULTAT": "ABS", "ACTIVITE": "0"}, "MET-13"),
    (IN, {"ETAT_RESULTAT": "PER", "ACTIVITE": ""}, "FMT-05"),
    (IN, {"UNITE": "Bq/24h"}, ""),
    (IN, {"UNITE": "Bq"}, "MET-15"),
    (IN, {"UNITE": "bq"}, "FMT-05"),
    (IN, {"TYPE_EXAMEN": "ANT-TH"}, "MET-15"),
    (IN, {"TYPE_EXAMEN": "ANT-TH", "UNITE": "Bq"}, ""),
    (IN, {"DATE_EXAMEN": "23/11/2026"}, "MET-02"),
    (IN, {"ACTIVITE": "-1"}, "MET-04"),
    (IN, {"ACTIVITE": "5001"}, ""),
    (IN, {"ACTIVITE": "0.0004"}, ""),
    (IN, {"LIMITE_DETECTION": "0.0000000001"}, "AVT-01"),
    (IN, {"RADIONUCLEIDE": "Tc-99m"}, ""),
    (IN, {"RADIONUCLEIDE": "cs-137"}, "FMT-05"),
    (IN, {"RADIONUCLEIDE": "Cs137"}, "FMT-05"),
    (IN, {"RADIONUCLEIDE": "Cs-54"}, "FMT-05"),
    (IN, {"PRENOM": "Jean"}, "AVT-02"),
    # committed doses
    (G, {"RPPS": "10003456787"}, "FMT-05"),
    (G, {"RPPS": ""}, "FMT-02"),
    (G, {"VALEUR": ""}, "FMT-02"),
    (G, {"VALEUR": "500.001"}, "MET-05"),
    (G, {"VALEUR": "500.0004"}, "AVT-01"),
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
    (N, {"NB_VOLS": "007"}, ""),
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
