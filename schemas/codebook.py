"""The code book: every answer a sender can get, with its severity, French label and remedy.

Row codes are held as bits of one 64-bit integer per row (:func:`mask`, :func:`names`): sets of codes
are then merged, compared and counted without text. The bits are part of the warehouse's content; a
code keeps its bit for ever, and a new code takes the next free one.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache
from importlib.resources import files


class Severity(StrEnum):
    """What a code does to what carries it."""

    FILE = "FICHIER"
    REJECT = "REJET"
    HOLD = "ATTENTE"
    DUPLICATE = "DOUBLON"
    WARNING = "AVERTISSEMENT"


class Outcome(StrEnum):
    """The one fate of a row; the value is the warehouse's one-letter form."""

    INTEGRE = "I"
    EN_ATTENTE = "A"
    REJETE = "R"
    DOUBLON = "D"


@dataclass(frozen=True)
class Code:
    """One entry of the code book; ``bit`` is ``None`` for the codes that concern a whole file."""

    code: str
    bit: int | None
    severity: Severity
    formats: frozenset[str]
    label: str
    remedy: str


@cache
def book() -> dict[str, Code]:
    """The whole code book, by code."""
    text = (files("schemas") / "data" / "codes.csv").read_text(encoding="utf-8")
    return {
        row["code"]: Code(
            code=row["code"],
            bit=int(row["bit"]) if row["bit"] else None,
            severity=Severity(row["gravite"]),
            formats=frozenset() if row["formats"] == "*" else frozenset(row["formats"].split(",")),
            label=row["libelle"],
            remedy=row["remede"],
        )
        for row in csv.DictReader(text.splitlines(), delimiter=";")
    }


@cache
def rules() -> dict[str, str]:
    """For each code that holds a row, the rule in words, in French, as an analyst needs it."""
    text = (files("schemas") / "data" / "regles.csv").read_text(encoding="utf-8")
    return {row["code"]: row["regle"] for row in csv.DictReader(text.splitlines(), delimiter=";")}


@cache
def bit(code: str) -> int:
    """The one-bit integer of a row code. Raises KeyError for a code that the book does not hold."""
    entry = book()[code]
    if entry.bit is None:
        raise KeyError(f"{code} concerns a file, not a row")
    return 1 << entry.bit


def mask(codes: Iterable[str]) -> int:
    """The integer that holds these row codes."""
    value = 0
    for code in codes:
        value |= bit(code)
    return value


@lru_cache(maxsize=65_536)
def names(value: int) -> tuple[str, ...]:
    """The row codes held by an integer, ascending."""
    return tuple(code for code, entry in _sorted_row_codes() if value >> entry & 1)


@cache
def _sorted_row_codes() -> tuple[tuple[str, int], ...]:
    return tuple(sorted((code, entry.bit) for code, entry in book().items() if entry.bit is not None))


@cache
def severity_mask(severity: Severity) -> int:
    """The integer of all row codes of one severity."""
    return mask(code for code, entry in book().items() if entry.severity is severity and entry.bit is not None)


def outcome(value: int) -> Outcome:
    """The outcome of a row that carries these codes: REJET over ATTENTE over DOUBLON over INTEGRE.

    A duplicate carries ``MET-12`` instead of its ATTENTE codes (settling takes them off).
    """
    if value & severity_mask(Severity.REJECT):
        return Outcome.REJETE
    if value & severity_mask(Severity.HOLD):
        return Outcome.EN_ATTENTE
    if value & severity_mask(Severity.DUPLICATE):
        return Outcome.DOUBLON
    return Outcome.INTEGRE


@lru_cache(maxsize=65_536)
def error_text(value: int, settled: str) -> str:
    """``CODE_ERREUR`` of a report: REJET and ATTENTE codes of a row that is REJETE or EN_ATTENTE."""
    if settled not in (Outcome.REJETE, Outcome.EN_ATTENTE):
        return ""
    blocking = severity_mask(Severity.REJECT) | severity_mask(Severity.HOLD)
    return ",".join(names(value & blocking))


@lru_cache(maxsize=65_536)
def label_text(value: int, settled: str, first_submission: int | None = None) -> str:
    """``LIBELLE_ERREUR`` of a report: labels joined by `` | ``, warnings behind ``Avertissement : ``."""
    parts = []
    if settled == Outcome.DOUBLON:
        parts.append(f"Déjà reçu : {first_submission}")
    for code in names(value):
        entry = book()[code]
        if entry.severity is Severity.WARNING:
            parts.append(f"Avertissement : {entry.label}")
        elif entry.severity is not Severity.DUPLICATE and settled != Outcome.DOUBLON:
            parts.append(entry.label)
    return " | ".join(parts)
