"""PASSIVE: reference external dosimetry from accredited bodies. The layout is this project's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from schemas.formats.common import (
    CODE_METROLOGIE,
    NIR,
    NOM,
    PRENOM,
    SIRET,
    in_order,
    in_time,
    not_ahead,
    not_negative,
    plus_months,
)
from schemas.spec import BoolArray, Column, Context, Format, Kind, Measure, Record, Rule

TYPES = ("PAS-HP10-PHO", "PAS-HP10-NEU", "PAS-HP3", "PAS-HP007-PEAU", "PAS-HP007-EXT", "PAS-E-RADON")
LOCATIONS = (
    *("POITRINE", "CEINTURE", "TETE", "AUTRE"),
    *("DOIGT_D", "DOIGT_G", "POIGNET_D", "POIGNET_G", "MAIN_D", "MAIN_G"),
    *("AVBRAS_D", "AVBRAS_G", "CHEVILLE_D", "CHEVILLE_G", "PIED_D", "PIED_G"),
)
STATES = ("MES", "INF", "ABS", "PER", "DET", "EST")
MES, INF, ABS, PER, DET, EST = range(6)

_LOCATIONS_OF_TYPE = {
    "PAS-HP10-PHO": ("POITRINE", "CEINTURE"),
    "PAS-HP10-NEU": ("POITRINE", "CEINTURE"),
    "PAS-HP3": ("TETE",),
    "PAS-HP007-PEAU": ("POITRINE", "AUTRE"),
    "PAS-HP007-EXT": LOCATIONS[4:],
    "PAS-E-RADON": ("POITRINE", "AUTRE"),
}
_LEGAL = np.array([[place in _LOCATIONS_OF_TYPE[kind] for place in LOCATIONS] for kind in TYPES])
#: Results are due within so many days of the end of wear.
_LATE_AFTER_DAYS = 20
#: A single result above this (micro-sievert) is implausible until confirmed.
_CEILING_USV = np.array([5_000_000 if "HP007" in kind else 500_000 for kind in TYPES], dtype=np.int64)


def _within_three_months(rows: Mapping[str, Any], context: Context) -> BoolArray:
    return np.asarray(rows["DATE_FIN_PORT"] < plus_months(rows["DATE_DEBUT_PORT"], 3))


def _plausible(rows: Mapping[str, Any], context: Context) -> BoolArray:
    return np.asarray(rows["VALEUR"] <= _CEILING_USV[rows["TYPE_MESURE"]])


def _value_fits_state(rows: Mapping[str, Any], context: Context) -> BoolArray:
    state, present = rows["ETAT_RESULTAT"], rows["VALEUR?"]
    measured = (state == MES) | (state == EST)
    below = state == INF
    verdict = np.where(measured, present, np.where(below, ~present | (rows["VALEUR"] == 0), ~present))
    return np.asarray(verdict, dtype=bool)


def _physicians_estimate(rows: Mapping[str, Any], context: Context) -> BoolArray:
    """A physician sends estimates only."""
    state = rows["ETAT_RESULTAT"]
    return np.asarray(state == EST) if context.role == "MDT" else np.ones(len(state), bool)


def _location_fits_type(rows: Mapping[str, Any], context: Context) -> BoolArray:
    return np.asarray(_LEGAL[rows["TYPE_MESURE"], rows["LOCALISATION"]])


FORMAT = Format(
    name="PASSIVE",
    title="Dosimétrie externe de référence (organismes accrédités)",
    official=False,
    columns=(
        NIR.at(3, 15),
        NOM.at(16, 45),
        PRENOM.at(46, 75),
        SIRET.at(76, 89),
        Column("TYPE_MESURE", "Grandeur mesurée", Kind.CODE, codes=TYPES, example="PAS-HP10-PHO", position=(90, 104)),
        Column(
            "LOCALISATION",
            "Emplacement du dosimètre",
            Kind.CODE,
            codes=LOCATIONS,
            example="POITRINE",
            position=(105, 114),
        ),
        Column(
            "TYPE_DOSIMETRE",
            "Technique du dosimètre",
            Kind.CODE,
            codes=("OSL", "RPL", "TLD", "FILM", "TRACE", "ALPHA"),
            example="OSL",
            position=(115, 129),
        ),
        Column("DATE_DEBUT_PORT", "Premier jour de port", Kind.DATE, example="01/03/2026", position=(130, 137)),
        Column("DATE_FIN_PORT", "Dernier jour de port", Kind.DATE, example="31/03/2026", position=(138, 145)),
        Column("ETAT_RESULTAT", "État du résultat", Kind.CODE, codes=STATES, example="MES", position=(146, 148)),
        Column("VALEUR", "Dose en mSv", Kind.DOSE, required=False, example="0.15", position=(149, 157)),
        Column(
            "SEUIL", "Seuil d'enregistrement en mSv", Kind.DOSE, required=False, example="0.05", position=(158, 163)
        ),
        Column(
            "ID_MESURE",
            "Identifiant de la mesure chez l'organisme",
            Kind.TEXT,
            longest=20,
            longest_of_role={"MDT": 45},
            example="M2026030001",
            position=(164, 183),
        ),
        CODE_METROLOGIE.at(184, 184),
    ),
    rules=(
        in_order("MET-01", "DATE_DEBUT_PORT", "DATE_FIN_PORT"),
        not_ahead("DATE_DEBUT_PORT"),
        not_ahead("DATE_FIN_PORT"),
        Rule("MET-03", ("DATE_DEBUT_PORT", "DATE_FIN_PORT"), _within_three_months),
        not_negative("VALEUR"),
        not_negative("SEUIL"),
        Rule("MET-05", ("TYPE_MESURE", "VALEUR"), _plausible),
        Rule("MET-13", ("ETAT_RESULTAT",), _value_fits_state, bears=("VALEUR",)),
        Rule("MET-13", ("ETAT_RESULTAT",), _physicians_estimate),
        Rule("MET-14", ("TYPE_MESURE", "LOCALISATION"), _location_fits_type),
        in_time("DATE_FIN_PORT", _LATE_AFTER_DAYS),
    ),
    measure=Measure(
        key=("ID_MESURE",),
        sender_key=True,
        start="DATE_DEBUT_PORT",
        end="DATE_FIN_PORT",
        quantity="TYPE_MESURE",
        late_after_days=_LATE_AFTER_DAYS,
    ),
    considered="DATE_FIN_PORT",
    record=Record("SISPAS01", "10"),
)
