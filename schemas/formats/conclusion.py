"""CONCLUSION: the physician's conclusion on an exceedance. The layout is this project's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from schemas.formats.common import NIR, RPPS, not_ahead, not_negative
from schemas.spec import BoolArray, Column, Context, Format, Kind, Rule

CONCLUSIONS = ("MAINTENUE", "MODIFIEE", "ANNULEE")


def _value_with_modification_only(rows: Mapping[str, Any], context: Context) -> BoolArray:
    modified = rows["CONCLUSION"] == CONCLUSIONS.index("MODIFIEE")
    return np.asarray(rows["VALEUR_RETENUE?"] == modified)


FORMAT = Format(
    name="CONCLUSION",
    title="Conclusion du médecin du travail sur un dépassement",
    official=False,
    columns=(
        Column("ID_DEPASSEMENT", "Identifiant du dépassement", Kind.TEXT, longest=20, example="1024"),
        NIR,
        RPPS,
        Column("CONCLUSION", "Conclusion", Kind.CODE, codes=CONCLUSIONS, example="MAINTENUE"),
        Column("VALEUR_RETENUE", "Dose retenue en mSv", Kind.DOSE, required=False),
        Column("DATE_CONCLUSION", "Jour de la conclusion", Kind.DATE, example="02/04/2026"),
        Column("COMMENTAIRE", "Commentaire", Kind.TEXT, required=False, longest=1000),
    ),
    rules=(
        not_negative("VALEUR_RETENUE"),
        Rule("MET-13", ("CONCLUSION",), _value_with_modification_only, bears=("VALEUR_RETENUE",)),
        not_ahead("DATE_CONCLUSION"),
    ),
)
