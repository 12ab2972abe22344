"""What the registry promises of what came in: table-level promises (``promesses.csv``), and by when files are expected
(``echeances.csv``).

A promise holds a month's measure of each subject against bounds, by itself or against what the subject gave before.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from functools import cache

from schemas import nomenclature

#: No figure is kept about fewer rows, files, results or workers than this.
FEWEST = 11


class Against(Enum):
    """What is held against the bounds."""

    ALONE = "ABSOLU"
    DIFFERENCE = "ECART"
    RATIO = "RAPPORT"


class When(Enum):
    """Of which months a promise is judged."""

    ENDED = "MOIS"
    ANY = "TOUJOURS"
    PRESENT = "PRESENT"


@dataclass(frozen=True)
class Promise:
    """One promise.

    Attributes:
        of: what its subjects are, in French. ``unit``: of the measure (``%``, ``mSv``, ``lignes``).
        low, high: bounds, both included, of the value, of its difference to the usual one or of their ratio.
        base: least rows, files, results or workers that are judged, never under :data:`FEWEST`.
        past: least months before that make something usual.
        sentence, measured: what is promised, and what is measured for it, in French.
    """

    name: str
    of: str
    unit: str
    against: Against
    low: Decimal | None
    high: Decimal | None
    base: int
    past: int
    when: When
    sentence: str
    measured: str

    def judges(self, ended: bool) -> bool:
        """Whether a month is judged that has ended, or that is under way."""
        return self.when is When.ANY or ended is (self.when is When.ENDED)


@cache
def promises() -> dict[str, Promise]:
    """Every promise by its name, in the order of the file."""
    found = [
        Promise(
            name=row["promesse"],
            of=row["sujet"],
            unit=row["unite"],
            against=Against(row["comparaison"]),
            low=_bound(row["minimum"]),
            high=_bound(row["maximum"]),
            base=int(row["base"]),
            past=int(row["passe"]),
            when=When(row["quand"]),
            sentence=row["phrase"],
            measured=row["mesure"],
        )
        for row in nomenclature.rows("promesses")
    ]
    for one in found:
        assert one.base >= FEWEST, one.name
        assert one.low is not None or one.high is not None, one.name
        assert (one.past == 0) is (one.against is Against.ALONE), one.name
    return {one.name: one for one in found}


@dataclass(frozen=True)
class Silence:
    """How long a sender of a role may send nothing of a format; ``reason`` in French."""

    days: int
    reason: str


@cache
def silences() -> dict[tuple[str, str], Silence]:
    """The longest silence that the rules allow, by role and format; the others have their own rhythm alone."""
    return {
        (row["role"], row["format"]): Silence(int(row["silence_jours"]), row["raison"])
        for row in nomenclature.rows("echeances")
    }


def _bound(text: str) -> Decimal | None:
    return Decimal(text) if text else None
