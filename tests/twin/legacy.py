"""The migration's passive results, one row after the other in plain Python: what the bulk engine is held against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from schemas.formats.passive import STATES, TYPES

_NO_VALUE = ("ABS", "PER", "DET")


@dataclass
class LegacyTwin:
    """A registry that takes passive results over.

    ``workers``: old number to person, or to the cause it waits for; ``places`` and ``bodies`` are those known.
    """

    day: date
    workers: dict[int, tuple[str, str]]
    places: frozenset[str]
    bodies: frozenset[str]
    held: dict[tuple[str, str], list[tuple[int, tuple[Any, ...]]]] = field(default_factory=dict)

    def take(self, rows: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
        """Outcome and cause of each row, in order."""
        return [self._row(row) for row in rows]

    def _row(self, row: dict[str, Any]) -> tuple[str, str]:
        fault = self._fault(row)
        if fault:
            return "REFUSE", fault
        person, cause = self.workers.get(row["ID_TRAVAILLEUR"], ("", "TRAVAILLEUR_ABSENT"))
        if cause:
            return "EN_ATTENTE", cause
        if row["SIRET"] not in self.places:
            return "EN_ATTENTE", "ETABLISSEMENT"
        if row["ORGANISME"] not in self.bodies:
            return "EN_ATTENTE", "ORGANISME"
        if row["VALEUR_USV"] is not None and row["VALEUR_USV"] > 500_000:
            return "EN_ATTENTE", "MET-05"
        content = (person, *(row[name] for name in sorted(row) if name not in ("ID_TRAVAILLEUR", "ID_MESURE")))
        year = row["DATE_FIN_PORT"].year
        others = self.held.setdefault((row["ORGANISME"], row["ID_MESURE"]), [])
        near = [other for at, other in others if abs(at - year) <= 1]
        if not near:
            others.append((year, content))
            return "REPRIS", ""
        return ("DOUBLON", "MET-12") if content in near else ("EN_ATTENTE", "CLE_EN_CONFLIT")

    def _fault(self, row: dict[str, Any]) -> str:
        codes = []
        if any(
            row[name] in (None, "") for name in row if name not in ("VALEUR_USV", "SEUIL_USV", "SIRET", "ORGANISME")
        ):
            codes.append("FMT-02")
        state, value = row["ETAT_RESULTAT"], row["VALEUR_USV"]
        if (row["TYPE_MESURE"] or TYPES[0]) not in TYPES or (state or STATES[0]) not in STATES:
            codes.append("FMT-05")
        start, end = row["DATE_DEBUT_PORT"], row["DATE_FIN_PORT"]
        if start and end and end < start:
            codes.append("MET-01")
        if (start and start > self.day) or (end and end > self.day):
            codes.append("MET-02")
        if value is not None and value < 0:
            codes.append("MET-04")
        if state in STATES:
            right = value is None if state in _NO_VALUE else value in (None, 0) if state == "INF" else value is not None
            if not right:
                codes.append("MET-13")
        return min(codes, default="")
