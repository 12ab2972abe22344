"""Why a result is unusual, in French words, and the distribution of its context for the drawing. Holds no identity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pipelines.suspect import CONTROL, COPY, SWAP, Suspicion
from pipelines.usual import LEVELS, Ints, Results, Usual
from schemas import nomenclature
from schemas.formats import passive

#: Fewest results, and persons, of a context that a reason speaks of.
LEAST_RESULTS, LEAST_PERSONS = 20, 3
#: Ends of the drawing's classes, in micro-sievert: the first holds results of 0, the last all that is higher.
EDGES = (1, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 1_000_000)


@dataclass(frozen=True)
class Distribution:
    """A context: what it is called, and the results it holds.

    Attributes:
        level: of :data:`LEVELS`; ``label`` in words.
        results, persons: how many.
        median_usv, highest_usv: what half and 99 % of the results stay at or below.
        counts: results by class of :data:`EDGES`, one more at the end.
    """

    level: str
    label: str
    results: int
    persons: int
    median_usv: int
    highest_usv: int
    counts: tuple[int, ...]

    def as_json(self, usv: int, expected_usv: int, past: int) -> dict[str, Any]:
        """What a flag keeps of it, with the dose's own place."""
        return {
            "niveau": self.level,
            "contexte": self.label,
            "resultats": self.results,
            "travailleurs": self.persons,
            "mediane_usv": self.median_usv,
            "quantile_99_usv": self.highest_usv,
            "bornes_usv": list(EDGES),
            "effectifs": list(self.counts),
            "dose_usv": usv,
            "attendue_usv": expected_usv,
            "passe": past,
        }


def of_context(results: Results, about: Usual, row: int, aside: Ints) -> Distribution:
    """The distribution of the narrowest context of a row that is large enough to speak of.

    Args:
        aside: the rows of the flag, which are not counted.
    """
    kept = results.fault == 0
    kept[aside] = False
    members = np.zeros(0, np.int64)
    at = 0
    for at in range(len(LEVELS) - 1, -1, -1):
        members = np.flatnonzero((about.contexts[at] == about.contexts[at][row]) & kept)
        if len(members) >= LEAST_RESULTS and len(np.unique(results.person[members])) >= LEAST_PERSONS:
            break
    usv = np.sort(results.usv[members])
    return Distribution(
        level=LEVELS[at],
        label=_label(results, row, at),
        results=len(members),
        persons=len(np.unique(results.person[members])),
        median_usv=_at(usv, 0.5),
        highest_usv=_at(usv, 0.99),
        counts=tuple(np.bincount(np.searchsorted(EDGES, usv, side="right"), minlength=len(EDGES) + 1).tolist()),
    )


def _at(usv: Ints, share: float) -> int:
    """The least value that so large a share of the results does not pass; 0 without any."""
    return int(usv[max(int(np.ceil(len(usv) * share - 1e-9)) - 1, 0)]) if len(usv) else 0


def _named(name: str, position: int) -> str:
    listed = nomenclature.rows(name)
    return listed[position]["libelle"] if 0 <= position < len(listed) else "non précisé"


def _label(results: Results, row: int, level: int) -> str:
    """The context in words, to follow "la dose habituelle"."""
    trade = _named("metier", int(results.trade[row]))
    sector = _named("secteur_activite", int(results.sector[row]))
    domain = _named("domaine_activite", int(results.domain[row]))
    wear = "un mois ou moins" if results.wear[row] % 2 == 0 else "plus d’un mois"
    kind = f"{passive.TYPES[results.kind[row]]}, port de {wear}"
    words = (
        "tous domaines confondus",
        f"du domaine « {domain} »",
        f"du secteur « {sector} »",
        f"du métier « {trade} » dans le secteur « {sector} »",
        f"du métier « {trade} » dans cet établissement",
    )
    return f"{words[level]} ({kind})"


def msv(usv: float) -> str:
    """Micro-sieverts as mSv with a decimal comma: two decimals, three where they count."""
    text = f"{usv / 1000:.3f}"
    return (text[:-1] if text.endswith("0") else text).replace(".", ",")


def reason(results: Results, about: Usual, one: Suspicion, context: Distribution) -> str:
    """Why a flag was raised, in one or two French sentences."""
    usv, expected = int(results.usv[one.row]), float(about.expected_usv()[one.row])
    usual = f"médiane {msv(context.median_usv)} mSv, 99 % des résultats au plus à {msv(context.highest_usv)}"
    if one.kind == CONTROL:
        return (
            f"{len(one.rows)} résultats de cet envoi dans cet établissement sont relevés ensemble d’environ "
            f"{msv(one.background_usv)} mSv. La dose habituelle {context.label} : {usual}."
        )
    if one.kind == COPY:
        return (
            f"{len(one.rows)} résultats de cet envoi dans cet établissement répètent exactement ceux de la période "
            f"précédente. La dose habituelle {context.label} : {usual}."
        )
    if one.kind == SWAP:
        return (
            f"{msv(usv)} mSv ici et {msv(int(results.usv[one.other]))} à la ligne {int(results.line[one.other])} du "
            f"même envoi : chacun de ces deux résultats est inhabituel pour son travailleur et habituel pour l’autre."
        )
    if context.median_usv > 0:
        times = f"{usv / context.median_usv:,.0f}".replace(",", "\u202f")
        told = f"{times} fois la dose habituelle {context.label} : {usual}."
    else:
        told = f"{msv(usv)} mSv, quand la dose habituelle {context.label} est nulle : {usual}."
    if about.past[one.row]:
        count = int(about.past[one.row])
        many = f"ses {count} résultats précédents" if count > 1 else "son résultat précédent"
        told += f" D’après {many}, environ {msv(round(expected / 10) * 10)} étaient attendus de ce travailleur."
    return told
