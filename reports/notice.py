"""The page of a notice of exceedance, for whoever it is addressed to: one self-contained document in French.

The page says what the facts hold and adds words only: nothing that another reader may not see can come in here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from reports.lists import french
from reports.page import environment

#: What the limit is set on, in words without figures.
QUANTITIES = {
    "EFFICACE": "dose efficace",
    "CRISTALLIN": "dose équivalente au cristallin",
    "PEAU": "dose équivalente à la peau",
    "EXTREMITES": "dose équivalente aux extrémités",
}
#: States: title, and what has happened.
STATES = {
    "NOTIFIE": ("Notifié", "Un dépassement de la limite d'exposition a été constaté."),
    "MAINTENU": ("Maintenu", "Le médecin du travail a conclu : le dépassement est maintenu."),
    "MODIFIE": ("Modifié", "Le médecin du travail a conclu : la dose retenue est modifiée."),
    "ANNULE": (
        "Annulé",
        "Le médecin du travail a conclu : le dépassement est annulé. Ne tenez plus compte de l'avis précédent.",
    ),
    "RETENU_PAR_DEFAUT": (
        "Retenu par défaut",
        "Aucune conclusion n'a été reçue dans le délai : le dépassement est retenu tel quel.",
    ),
    "CADUC": (
        "Caduc",
        "Des résultats ont changé : le dépassement n'existe plus. Ne tenez plus compte de l'avis précédent.",
    ),
}
READERS = {
    "MDT": "Avis au médecin du travail",
    "CRP": "Avis au conseiller en radioprotection",
    "EMPLOYEUR": "Avis à l'employeur",
    "DGT": "Avis à la direction générale du travail",
    "DSND": "Avis au délégué à la sûreté nucléaire de défense",
}


def notice_page(facts: Mapping[str, Any]) -> bytes:
    """The page of a notice.

    Args:
        facts: the content of ``depassement-<id>-<etat>.json``.
    """
    title, happened = STATES[facts["etat"]]
    return (
        environment()
        .get_template("depassement.html")
        .render(
            facts=facts,
            state=title,
            happened=happened,
            reader=READERS[facts["role"]],
            quantity=QUANTITIES[facts["limite"]],
            day=_day,
        )
        .encode()
    )


def _day(text: str) -> str:
    return french(date.fromisoformat(text))
