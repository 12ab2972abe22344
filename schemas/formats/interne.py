"""INTERNE: radiotoxicology and whole-body counting. The layout is this project's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from schemas.formats.common import CODE_METROLOGIE, NIR, NOM, NUCLIDE, PRENOM, SIRET, not_ahead, not_negative
from schemas.spec import BoolArray, Column, Context, Format, Kind, Measure, Rule

EXAMS = ("RTU", "RTS", "RTM", "ANT-CE", "ANT-TH", "ANT-PU")
UNITS = ("Bq/L", "Bq/24h", "Bq")
STATES = ("MES", "INF", "ABS")
MES, INF, ABS = range(3)

_UNITS_OF_EXAM = {
    "RTU": ("Bq/L", "Bq/24h"),
    "RTS": ("Bq/24h",),
    "RTM": ("Bq",),
    "ANT-CE": ("Bq",),
    "ANT-TH": ("Bq",),
    "ANT-PU": ("Bq",),
}
_LEGAL = np.array([[unit in _UNITS_OF_EXAM[exam] for unit in UNITS] for exam in EXAMS])


def _activity_fits_state(rows: Mapping[str, Any], context: Context) -> BoolArray:
    """Measured: an activity; below the detection limit: none or 0; no result: none."""
    state, present = rows["ETAT_RESULTAT"], rows["ACTIVITE?"]
    verdict = np.where(state == MES, present, ~present | ((state == INF) & (rows["ACTIVITE"] == 0)))
    return np.asarray(verdict, dtype=bool)


def _limit_of_what_lies_below(rows: Mapping[str, Any], context: Context) -> BoolArray:
    """Below the detection limit says nothing without that limit."""
    return np.asarray((rows["ETAT_RESULTAT"] != INF) | rows["LIMITE_DETECTION?"])


def _unit_fits_exam(rows: Mapping[str, Any], context: Context) -> BoolArray:
    return np.asarray(_LEGAL[rows["TYPE_EXAMEN"], rows["UNITE"]])


FORMAT = Format(
    name="INTERNE",
    title="Surveillance de l'exposition interne (analyses et anthroporadiamétrie)",
    official=False,
    columns=(
        NIR,
        NOM,
        PRENOM,
        SIRET,
        Column("TYPE_EXAMEN", "Examen", Kind.CODE, codes=EXAMS, example="RTU"),
        Column("DATE_EXAMEN", "Jour de l'examen", Kind.DATE, example="16/03/2026"),
        NUCLIDE,
        Column("ACTIVITE", "Activité mesurée", Kind.ACTIVITY, required=False, example="1.2"),
        Column("UNITE", "Unité de l'activité", Kind.CODE, codes=UNITS, example="Bq/L"),
        Column("LIMITE_DETECTION", "Limite de détection", Kind.ACTIVITY, required=False, example="0.5"),
        Column("ETAT_RESULTAT", "État du résultat", Kind.CODE, codes=STATES, example="MES"),
        Column("ID_ANALYSE", "Identifiant de l'analyse chez l'organisme", Kind.TEXT, longest=20, example="A2026030001"),
        CODE_METROLOGIE,
    ),
    rules=(
        not_ahead("DATE_EXAMEN"),
        not_negative("ACTIVITE"),
        not_negative("LIMITE_DETECTION"),
        Rule("MET-13", ("ETAT_RESULTAT",), _activity_fits_state, bears=("ACTIVITE",)),
        Rule("MET-13", ("ETAT_RESULTAT",), _limit_of_what_lies_below, bears=("LIMITE_DETECTION",)),
        Rule("MET-15", ("TYPE_EXAMEN", "UNITE"), _unit_fits_exam),
    ),
    measure=Measure(
        key=("ID_ANALYSE", "RADIONUCLEIDE"), sender_key=True, start="DATE_EXAMEN", end="DATE_EXAMEN", value=None
    ),
    considered="DATE_EXAMEN",
)
