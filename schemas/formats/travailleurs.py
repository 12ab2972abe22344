"""TRAVAILLEURS: an employer's list of workers. The official SISERI 2 layout."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from schemas import nomenclature
from schemas.formats.common import (
    CIVIL_RULES,
    CLE,
    DATENAISSANCE,
    KEY_AGREES,
    NIR,
    NOM,
    PRENOM,
    SEXE,
    SIRET,
    SURVEILLED_ONLY_SINCE,
)
from schemas.spec import BoolArray, Column, Context, Format, Kind, Rule

CLASSES = ("A", "B", "NC", "NR")
EXPOSURES = nomenclature.codes("autre_exposition")
DEFAULT_GROUP = "Groupe par défaut"


def _surveilled(rows: Mapping[str, Any], context: Context) -> BoolArray:
    outside = rows["CLASSEMENT"] >= CLASSES.index("NC")
    return np.asarray(~outside | (context.today < SURVEILLED_ONLY_SINCE))


def _sector_of_domain(rows: Mapping[str, Any], context: Context) -> BoolArray:
    return np.asarray(nomenclature.domain_of_sector()[rows["codeSecteurActivite"]] == rows["codeDomaineActivite"])


def _trade_of_sector(rows: Mapping[str, Any], context: Context) -> BoolArray:
    return np.asarray(nomenclature.trades_of_sector()[rows["codeSecteurActivite"], rows["CodeMetier"]])


FORMAT = Format(
    name="TRAVAILLEURS",
    title="Liste des travailleurs d'un employeur",
    official=True,
    columns=(
        NIR,
        CLE,
        NOM,
        PRENOM,
        DATENAISSANCE,
        SEXE,
        SIRET,
        Column("GROUPE", "Groupe", Kind.TEXT, required=False, longest=100, default=DEFAULT_GROUP),
        Column("CLASSEMENT", "Catégorie", Kind.CODE, required=False, codes=CLASSES, example="B"),
        Column("AUTREEXPOSITION", "Autre exposition", Kind.CODE, required=False, codes=EXPOSURES),
        Column(
            "caractereActivite", "Caractère de l'activité", Kind.CODE, codes=("Civil", "Militaire"), example="Civil"
        ),
        Column(
            "codeDomaineActivite",
            "Domaine d'activité",
            Kind.CODE,
            codes=nomenclature.codes("domaine_activite"),
            example="100000",
        ),
        Column(
            "codeSecteurActivite",
            "Secteur d'activité",
            Kind.CODE,
            codes=nomenclature.codes("secteur_activite"),
            example="101010",
        ),
        Column(
            "codeNuisanceRadiologique",
            "Nuisance radiologique",
            Kind.CODE,
            codes=nomenclature.codes("nuisance_radiologique"),
            example="EXT",
        ),
        Column(
            "codeTypeContrat", "Type de contrat", Kind.CODE, codes=nomenclature.codes("type_contrat"), example="CDI"
        ),
        Column(
            "CodeMetier",
            "Métier",
            Kind.CODE,
            codes=nomenclature.codes("metier"),
            aliases={"INFIRM": "IDE"},
            example="MANIP",
        ),
        Column("QUOTITE", "Quotité de travail (0.1 à 1)", Kind.SHARE, example="1"),
        Column("DATEDEBUT", "Début du contrat dans l'établissement", Kind.DATE, example="01/09/2019"),
    ),
    rules=(
        KEY_AGREES,
        *CIVIL_RULES,
        Rule("MET-06", ("CLASSEMENT",), _surveilled),
        Rule("MET-07", ("codeDomaineActivite", "codeSecteurActivite"), _sector_of_domain),
        Rule("MET-08", ("codeSecteurActivite", "CodeMetier"), _trade_of_sector),
        Rule(
            "MET-09",
            (),
            lambda rows, context: np.asarray(rows["CLASSEMENT?"] | rows["AUTREEXPOSITION?"]),
            bears=("CLASSEMENT", "AUTREEXPOSITION"),
        ),
    ),
    considered="DATEDEBUT",
)
