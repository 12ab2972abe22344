"""SORTIES: the end of an attachment. The layout is this project's own."""

from __future__ import annotations

from schemas.formats.common import CLE, KEY_AGREES, NIR, SIRET
from schemas.spec import Column, Format, Kind

FORMAT = Format(
    name="SORTIES",
    title="Fin de rattachement d'un travailleur",
    official=False,
    columns=(
        NIR,
        CLE,
        SIRET,
        Column("DATEFIN", "Dernier jour dans l'établissement", Kind.DATE, example="31/03/2026"),
    ),
    rules=(KEY_AGREES,),
)
