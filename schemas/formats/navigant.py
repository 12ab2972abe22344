"""NAVIGANT: computed doses of aircrew. The layout is this project's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from schemas.formats.common import CODE_METROLOGIE, NIR, SIRET, not_above, not_negative
from schemas.spec import BoolArray, Column, Context, Format, Kind, Measure, Rule

#: A month above this (micro-sievert) is implausible until confirmed.
_CEILING_USV = 500_000


def first_of_month(days: Any) -> Any:
    """The first day of the month of each day (days since 1970-01-01)."""
    return np.asarray(days).astype("datetime64[D]").astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)


def _month_has_begun(rows: Mapping[str, Any], context: Context) -> BoolArray:
    return np.asarray(first_of_month(rows["MOIS"]) <= context.today)


FORMAT = Format(
    name="NAVIGANT",
    title="Doses calculées du personnel navigant",
    official=False,
    columns=(
        NIR,
        SIRET,
        Column("MOIS", "Mois des vols", Kind.MONTH, example="03/2026"),
        Column("VALEUR", "Dose efficace du mois en mSv", Kind.DOSE, example="0.21"),
        Column("NB_VOLS", "Nombre de vols", Kind.COUNT, required=False, example="14"),
        Column("ID_CALCUL", "Identifiant du calcul", Kind.TEXT, longest=20, example="N2026-03-0001"),
        CODE_METROLOGIE,
    ),
    rules=(
        Rule("MET-02", ("MOIS",), _month_has_begun),
        not_negative("VALEUR"),
        not_above("VALEUR", _CEILING_USV),
    ),
    measure=Measure(key=("ID_CALCUL",), sender_key=True, start="MOIS", end="MOIS", line="CAL-E-COS"),
    considered="MOIS",
)
