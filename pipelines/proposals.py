"""Proposals: what a person may look at first. Shown with their reason, never applied."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from loaders.secrets import RegistryKey
from loaders.warehouse import Connection
from pipelines.books import msv
from pipelines.candidates import Known, gather
from pipelines.people import Proposal, people, proposal
from pipelines.places import places
from pipelines.waiting import Row, Waiting, read

__all__ = ["DISPLAYED_FROM", "MOST", "Waiting", "proposals"]

#: Proposals worth less are not shown, and so many at most are.
DISPLAYED_FROM = 0.3
MOST = 5
#: Rows that one set of queries serves.
CHUNK = 200
_SUREST = 0.99
#: Names that an analyst confirmed before.
_CONFIRMED = 0.97
#: Waiting codes that something may be proposed for.
_CURABLE = frozenset({"IDT-05", "IDT-06", "IDT-07", "IDT-08", "IDT-09", "IDT-11", "MET-05"})
#: A value is usual within this factor of the smallest and largest known.
_USUAL_FACTOR, _NEARLY_USUAL_FACTOR = 3, 20


def proposals(connection: Connection, key: RegistryKey, waiting: Sequence[Waiting]) -> list[list[dict[str, Any]]]:
    """Likely cures of waiting rows, best first, none below :data:`DISPLAYED_FROM`.

    Returns:
        By row, ``champ``, ``valeur``, ``score`` (0 to 1: how likely it is the right one), ``raison`` (French),
        and ``action``: ``corriger``, ``rattacher`` (the row is of this worker or establishment, whatever it
        says besides) or ``confirmer`` (the row is right although a code holds it).
    """
    listed: list[list[dict[str, Any]]] = []
    for start in range(0, len(waiting), CHUNK):
        rows = read(waiting[start : start + CHUNK])
        curable = [row for row in rows if row.codes & _CURABLE]
        known = gather(connection, key, curable)
        found = iter([_of(row, known, at) for at, row in enumerate(curable)])
        listed += [next(found) if row.codes & _CURABLE else [] for row in rows]
    return listed


def _of(row: Row, known: Known, at: int) -> list[dict[str, Any]]:
    about, person, certainty = people(row, known.own[at], known.persons[at], known.places.get(row.siret))
    found = [*about, *places(row, person, certainty, known.places, known.siblings)]
    if (row.last, row.first) in known.confirmed[at]:
        reason = "Ces nom et prénom ont déjà été confirmés par un analyste pour ce numéro"
        found.append(proposal("NOM", row.last, _CONFIRMED, reason, "confirmer"))
    if "MET-05" in row.codes:
        found += _value(row, known.usual[at], known.of_colleagues[at])
    for one in found:
        one["score"] = round(min(one["score"], _SUREST), 2)
    shown = [one for one in found if one["score"] >= DISPLAYED_FROM]
    return sorted(shown, key=lambda one: -one["score"])[:MOST]


def _value(row: Row, usual: list[int], of_colleagues: bool) -> list[Proposal]:
    """A value of micro-sieverts that was sent as milli-sieverts, or one that is usual for the worker."""
    measure = row.layout.measure
    if not row.usv or measure is None or measure.value is None:
        return []
    column = measure.value
    smaller = (row.usv + 500) // 1000  # what is recorded has three decimals
    whose = "des collègues" if of_colleagues else "du travailleur"
    if not usual:
        reason = "valeur en µSv envoyée comme des mSv, peut-être ; aucun résultat comparable n'est connu"
        return [proposal(column, msv(smaller), 0.5, reason, "corriger")]
    low, high = usual[0], usual[-1]
    told = f"résultats {whose} sur deux ans : de {msv(low)} à {msv(high)} mSv"
    if row.usv <= high * _USUAL_FACTOR:
        reason = f"valeur du même ordre que ce qui est connu ; {told}"
        return [proposal(column, msv(row.usv), 0.6, reason, "confirmer")]
    for factor, score in ((_USUAL_FACTOR, 0.95), (_NEARLY_USUAL_FACTOR, 0.75)):
        if low <= smaller * factor and smaller <= high * factor:
            reason = f"valeur en µSv envoyée comme des mSv : divisée par 1000, elle est usuelle ; {told}"
            return [proposal(column, msv(smaller), score if not of_colleagues else score - 0.1, reason, "corriger")]
    return []
