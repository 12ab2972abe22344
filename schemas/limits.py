"""The dated limits of exposure (contract, outcomes.md and rulings.md, "Exceedances"), from ``limites.csv``.

A line of the file is one limit, known by its code for ever: the registry's exceedances name it. Lines whose source
begins with "À confirmer" are settings of this project that the registry has yet to confirm.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache

from schemas import nomenclature

#: What a limit is set on, in the words of the contract; PEAU and EXTREMITES are judged place by place.
QUANTITIES = ("EFFICACE", "CRISTALLIN", "PEAU", "EXTREMITES")
#: Age, in years, from which a worker is judged as an adult, on the last day of the window.
ADULT_AGE = 18


@dataclass(frozen=True)
class Limit:
    """One limit: strictly more than ``usv`` exceeds it.

    Attributes:
        quantity: one of :data:`QUANTITIES`.
        minors: for workers under :data:`ADULT_AGE` on the window's last day; else for the others.
        valid_from, valid_to: windows that end within are judged by it (both days included; ``None``: open).
        usv: in micro-sievert.
        rolling: over the twelve months that end with the day; else over all that was counted since ``cut``.
        cut: results of the days before are not counted.
        to_confirm: a setting of this project that the registry has yet to confirm.
    """

    code: str
    quantity: str
    minors: bool
    valid_from: date | None
    valid_to: date | None
    usv: int
    rolling: bool
    cut: date | None
    label: str
    source: str

    @property
    def to_confirm(self) -> bool:
        return self.source.startswith("À confirmer")


@cache
def limits() -> tuple[Limit, ...]:
    """Every limit, in the order of the file."""
    found = tuple(
        Limit(
            code=row["code"],
            quantity=row["limite"],
            minors=row["age"] == "MOINS_18",
            valid_from=_day(row["valide_du"]),
            valid_to=_day(row["valide_au"]),
            usv=int(row["seuil_msv"]) * 1000,
            rolling=row["fenetre"] == "12_MOIS",
            cut=_day(row["coupure"]),
            label=row["libelle"],
            source=row["source"],
        )
        for row in nomenclature.rows("limites")
    )
    assert all(one.quantity in QUANTITIES and (one.rolling or one.cut) for one in found)
    return found


@cache
def by_code() -> dict[str, Limit]:
    """Every limit by its code."""
    return {one.code: one for one in limits()}


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None
