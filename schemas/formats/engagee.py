"""ENGAGEE: committed effective dose E(50), evaluated by the physician. The layout is this project's own."""

from __future__ import annotations

from schemas.formats.common import CODE_METROLOGIE, NIR, NUCLIDE, RPPS, SIRET, not_above, not_ahead, not_negative
from schemas.spec import Column, Format, Kind, Measure

#: A single committed dose above this (micro-sievert) is implausible until confirmed.
_CEILING_USV = 500_000

FORMAT = Format(
    name="ENGAGEE",
    title="Dose efficace engagée évaluée par le médecin du travail",
    official=False,
    columns=(
        NIR,
        SIRET,
        RPPS,
        Column("DATE_INCORPORATION", "Jour de l'incorporation", Kind.DATE, example="12/03/2026"),
        NUCLIDE,
        Column("VALEUR", "Dose efficace engagée E(50) en mSv", Kind.DOSE, example="0.3"),
        Column("ID_EVALUATION", "Identifiant de l'évaluation", Kind.TEXT, longest=20, example="E2026-017"),
        CODE_METROLOGIE,
    ),
    rules=(not_ahead("DATE_INCORPORATION"), not_negative("VALEUR"), not_above("VALEUR", _CEILING_USV)),
    measure=Measure(
        key=("ID_EVALUATION",),
        sender_key=True,
        start="DATE_INCORPORATION",
        end="DATE_INCORPORATION",
        line="INT-E50",
    ),
    considered="DATE_INCORPORATION",
)
