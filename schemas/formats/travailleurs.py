"""TRAVAILLEURS: an employer's list of workers. The official SISERI 2 layout."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from schemas import nomenclature
from schemas.formats.common import NIR, NOM, PRENOM, SIRET, SURVEILLED_ONLY_SINCE, not_ahead
from schemas.spec import BoolArray, Column, Context, Format, Kind, Rule

CLASSES = ("A", "B", "NC", "NR")
EXPOSURES = nomenclature.codes("autre_exposition")
DEFAULT_GROUP = "Groupe par défaut"


def _birth_year_and_sex_agree(rows: Mapping[str, Any], context: Context) -> BoolArray:
    year = rows["DATENAISSANCE"].astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970
    return np.asarray(rows["NIR.year"] == year % 100)


def _month_agrees(rows: Mapping[str, Any], context: Context) -> BoolArray:
    month = rows["DATENAISSANCE"].astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12 + 1
    sent = rows["NIR.month"]
    return np.asarray((sent > 12) | (sent == month))


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
        Column("CLE", "Clé du NIR", Kind.CLE, example="20"),
        NOM,
        PRENOM,
        Column("DATENAISSANCE", "Date de naissance", Kind.DATE, example="12/06/1985"),
        Column("SEXE", "Sexe de naissance", Kind.CODE, codes=("M", "F"), example="M"),
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
        Rule("IDT-02", ("NIR", "CLE"), lambda rows, context: np.asarray(rows["CLE"] == rows["NIR.key"])),
        Rule("IDT-03", ("NIR", "DATENAISSANCE"), _birth_year_and_sex_agree),
        Rule("IDT-03", ("NIR", "SEXE"), lambda rows, context: np.asarray(rows["SEXE"] == rows["NIR.sex"])),
        Rule("AVT-09", ("NIR", "DATENAISSANCE"), _month_agrees),
        not_ahead("DATENAISSANCE"),
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
