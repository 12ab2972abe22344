"""Rows as senders write them, to be spoiled one cell at a time, and a small registry that receives them."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

SISERI = Path(sys.prefix) / "bin" / "siseri"

NIR, NIR2, NIR3 = "1850675110042", "284052A004018", "2900669123011"
SIRET, SIRET2, CLOSED, UNKNOWN = "73282932000074", "73282932000082", "73282932000090", "44306184100047"
SIREN = "732829320"

ESTABLISSEMENTS = (
    "siren,siret,etatAdministratifEtablissement,dateDebut,denominationUsuelleEtablissement,enseigne1Etablissement,"
    "activitePrincipaleEtablissement,codeCommuneEtablissement,etablissementSiege"
)
TRAVAILLEURS = (
    "NIR;CLE;NOM;PRENOM;DATENAISSANCE;SEXE;SIRET;GROUPE;CLASSEMENT;AUTREEXPOSITION;caractereActivite;"
    "codeDomaineActivite;codeSecteurActivite;codeNuisanceRadiologique;codeTypeContrat;CodeMetier;QUOTITE;DATEDEBUT"
)
PASSIVE = (
    "NIR;NOM;PRENOM;SIRET;TYPE_MESURE;LOCALISATION;TYPE_DOSIMETRE;DATE_DEBUT_PORT;DATE_FIN_PORT;ETAT_RESULTAT;VALEUR;"
    "SEUIL;ID_MESURE;CODE_METROLOGIE"
)
OPERATIONNELLE = (
    "NIR;SIRET;LIEU;ZONE;TYPE_MESURE;TYPE_DOSIMETRE;DATE_DEBUT_PORT;DATE_FIN_PORT;VALEUR;ACTIVITE;CODE_METROLOGIE"
)
DESIGNATIONS = "SIRET;ROLE;IDENTIFIANT;NOM;PRENOM;COURRIEL;DATEDEBUT;DATEFIN"
SORTIES = "NIR;CLE;SIRET;DATEFIN"
INTERNE = (
    "NIR;NOM;PRENOM;SIRET;TYPE_EXAMEN;DATE_EXAMEN;RADIONUCLEIDE;ACTIVITE;UNITE;LIMITE_DETECTION;ETAT_RESULTAT;"
    "ID_ANALYSE;CODE_METROLOGIE"
)
ENGAGEE = "NIR;SIRET;RPPS;DATE_INCORPORATION;RADIONUCLEIDE;VALEUR;ID_EVALUATION;CODE_METROLOGIE"
CONCLUSION = "ID_DEPASSEMENT;NIR;RPPS;CONCLUSION;VALEUR_RETENUE;DATE_CONCLUSION;COMMENTAIRE"
NAVIGANT = "NIR;SIRET;MOIS;VALEUR;NB_VOLS;ID_CALCUL;CODE_METROLOGIE"
IDENTITES = "NIA;NIR;CLE;NOM;PRENOM;DATENAISSANCE;SEXE;STATUT"
NIA = "3850675110042"
RPPS, RPPS2 = "10003456786", "10101010105"

_GOOD = {
    ESTABLISSEMENTS: ("732829320", SIRET, "A", "2008-01-01", "CLINIQUE", "", "86.10Z", "75110", "true"),
    TRAVAILLEURS: (
        *(NIR, "20", "MARTIN", "JEAN-PIERRE", "12/06/1985", "M", SIRET, "", "B", "", "Civil", "100000", "101010"),
        *("EXT", "CDI", "MANIP", "1", "01/09/2019"),
    ),
    PASSIVE: (
        *(NIR, "MARTIN", "JEAN", SIRET, "PAS-HP10-PHO", "POITRINE", "OSL", "01/03/2026", "31/03/2026"),
        *("MES", "0.15", "0.05", "M1", ""),
    ),
    OPERATIONNELLE: (
        *(NIR, SIRET, "CNPE BUGEY", "BR2", "OPE-HP10-PHO", "DMC 3000", "08/04/2026 08:15", "08/04/2026 11:40"),
        *("0.012", "ROBINETTERIE", ""),
    ),
    DESIGNATIONS: (SIRET, "OA", "LABO1", "", "", "", "01/01/2020", ""),
    SORTIES: (NIR, "20", SIRET, "31/03/2026"),
    INTERNE: (*(NIR, "MARTIN", "JEAN", SIRET, "RTU", "16/03/2026", "Cs-137", "1.2", "Bq/L", "0.5", "MES", "A1", ""),),
    ENGAGEE: (NIR, SIRET, RPPS, "12/03/2026", "Cs-137", "0.3", "E1", ""),
    CONCLUSION: ("1024", NIR, RPPS, "MAINTENUE", "", "02/04/2026", ""),
    NAVIGANT: (NIR, SIRET, "03/2026", "0.21", "14", "N1", ""),
    IDENTITES: (NIA, NIR, "20", "MARTIN", "JEAN", "12/06/1985", "M", "CERTIFIE"),
}


def separator(header: str) -> str:
    return ";" if ";" in header else ","


def row(header: str, **changed: str) -> str:
    """A good row of this format, with these cells changed, as one line without its end."""
    names = header.split(separator(header))
    unknown = set(changed) - set(names)
    assert not unknown, unknown
    return separator(header).join((dict(zip(names, _GOOD[header], strict=True)) | changed).values())


def file(header: str, *rows: str, end: str = "\n") -> bytes:
    """A whole file in UTF-8."""
    return "".join(line + end for line in (header, *rows)).encode()


def dose(identifier: str, value: str = "0.15", **changed: str) -> str:
    return row(PASSIVE, **({"ID_MESURE": identifier, "VALEUR": value} | changed))


def cells(body: bytes, encoding: str = "utf-8", delimiter: str = ";") -> list[dict[str, str]]:
    """The rows of a CSV, as mappings."""
    return list(csv.DictReader(io.StringIO(body.decode(encoding), newline=""), delimiter=delimiter))


def country(registry: Any) -> Any:
    """Senders of each role, two open establishments and a closed one, one worker, one designated lab."""
    registry.partner("ASNR", "GESTIONNAIRE")
    registry.partner("EMPL", "EMPLOYEUR", [SIREN])
    registry.partner("LABO1", "OA")
    registry.partner("LABO2", "OA")
    registry.partner("SITE", "EXPLOITANT")
    registry.drop(
        "ASNR",
        "sirene.csv",
        file(
            ESTABLISSEMENTS,
            row(ESTABLISSEMENTS),
            row(ESTABLISSEMENTS, siret=SIRET2),
            row(ESTABLISSEMENTS, siret=CLOSED, etatAdministratifEtablissement="F", dateDebut="2026-02-01"),
        ),
    )
    registry.drop(
        "ASNR",
        "designations.csv",
        file(DESIGNATIONS, row(DESIGNATIONS), row(DESIGNATIONS, ROLE="EXPLOITANT", IDENTIFIANT="SITE")),
    )
    registry.drop("EMPL", "liste.csv", file(TRAVAILLEURS, row(TRAVAILLEURS)))
    registry.run()
    return registry


def environment(home: Path, **more: str) -> dict[str, str]:
    """What a command sees: its own home and a fixed date."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SISERI_")}
    return kept | {"SISERI_HOME": str(home), "SISERI_TODAY": "2026-04-10"} | more


def siseri(
    env: dict[str, str], *words: str | Path, expect: int | None = 0, cwd: Path | None = None, limit: float = 120
) -> Any:
    """Run the real command; ``expect`` is the exit status wanted."""
    done = subprocess.run(
        [SISERI, *words], env=env, cwd=cwd, capture_output=True, text=True, timeout=limit, check=False
    )
    assert expect is None or done.returncode == expect, (words, done.returncode, done.stderr[-2000:])
    return done
