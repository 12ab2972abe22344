"""OPERATIONNELLE: operational dosimetry of passages in nuclear sites. The official SISERI 2 layout."""

from __future__ import annotations

from schemas import nomenclature
from schemas.formats.common import CODE_METROLOGIE, NIR, SIRET, in_order, in_time, not_above, not_ahead, not_negative
from schemas.spec import Column, Format, Kind, Measure, Record

TYPES = nomenclature.codes("type_mesure_operationnelle")
#: Results are due within so many days of the end of wear.
_LATE_AFTER_DAYS = 7
#: A single passage above this (micro-sievert) is implausible until confirmed.
_CEILING_USV = 100_000

FORMAT = Format(
    name="OPERATIONNELLE",
    title="Dosimétrie opérationnelle",
    official=True,
    columns=(
        NIR.at(3, 15),
        SIRET.at(16, 29),
        Column("LIEU", "Lieu de l'activité", Kind.PLACE, longest=30, example="CNPE BUGEY", position=(30, 59)),
        Column("ZONE", "Zone de l'activité", Kind.PLACE, longest=20, example="BR2", position=(60, 79)),
        Column("TYPE_MESURE", "Grandeur mesurée", Kind.CODE, codes=TYPES, example="OPE-HP10-PHO", position=(80, 94)),
        Column(
            "TYPE_DOSIMETRE",
            "Modèle du dosimètre",
            Kind.CODE,
            codes=nomenclature.codes("type_dosimetre_operationnel"),
            example="DMC 3000",
            position=(95, 114),
        ),
        Column("DATE_DEBUT_PORT", "Entrée en zone", Kind.TIME, example="02/03/2026 08:15", position=(115, 126)),
        Column("DATE_FIN_PORT", "Sortie de zone", Kind.TIME, example="02/03/2026 11:40", position=(127, 138)),
        Column("VALEUR", "Dose en mSv", Kind.DOSE, example="0.012", position=(139, 147)),
        Column("ACTIVITE", "Type d'activité", Kind.TEXT, longest=40, example="ROBINETTERIE", position=(148, 187)),
        CODE_METROLOGIE.at(188, 188),
    ),
    rules=(
        in_order("MET-01", "DATE_DEBUT_PORT", "DATE_FIN_PORT", strictly=True),
        not_ahead("DATE_DEBUT_PORT", minutes=True),
        not_ahead("DATE_FIN_PORT", minutes=True),
        not_negative("VALEUR"),
        not_above("VALEUR", _CEILING_USV),
        in_time("DATE_FIN_PORT", _LATE_AFTER_DAYS, minutes=True),
    ),
    measure=Measure(
        key=("NIR", "SIRET", "TYPE_MESURE", "DATE_DEBUT_PORT", "DATE_FIN_PORT", "LIEU", "ZONE"),
        sender_key=False,
        start="DATE_DEBUT_PORT",
        end="DATE_FIN_PORT",
        quantity="TYPE_MESURE",
        late_after_days=_LATE_AFTER_DAYS,
    ),
    considered="DATE_FIN_PORT",
    record=Record("SISOPE01", "20"),
)
