"""The monthly lists of ``retour/``: an employer's workers, those without a body, a body's contacts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from reports.execution import as_text
from schemas.formats import formats
from schemas.identifiers import key_of

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_INCOMPLETE = ("NIR", "NOM", "PRENOM", "SIRET", "ETABLISSEMENT", "MANQUE")
_CONTACTS = ("SIRET", "ETABLISSEMENT", "ROLE", "NOM", "PRENOM", "COURRIEL", "DATEDEBUT", "DATEFIN")
#: Columns of monthly results with the key of each result's facts; then those that only a physician's file has.
_RESULTS = {
    "NIR": "NIR",
    "NOM": "NOM",
    "PRENOM": "PRENOM",
    "SIRET": "siret",
    "FORMAT": "format",
    "TYPE_MESURE": "grandeur",
    "LOCALISATION": "localisation",
    "TYPE_DOSIMETRE": "dosimetre",
    "DATE_DEBUT": "debut",
    "DATE_FIN": "fin",
    "ETAT_RESULTAT": "etat",
    "VALEUR": "valeur_msv",
    "SEUIL": "seuil_msv",
    "EMETTEUR": "emetteur",
}
_INTERNAL_RESULTS = {
    "RADIONUCLEIDE": "radionucleide",
    "ACTIVITE": "activite",
    "UNITE": "unite",
    "LIMITE_DETECTION": "limite_detection",
}
#: The last column: empty, ``TARDIF``, ``CORRIGE`` or ``ANNULE``.
_NEWS = {"SUITE": "suite"}
_NO_BODY = "Aucun organisme de dosimétrie désigné pour cet établissement (rôle OA du format DESIGNATIONS)"


def worker_list(rows: Iterable[Mapping[str, str]]) -> bytes:
    """An employer's list in the official columns, as the registry would read it again.

    Nothing is added to a cell that a spreadsheet could take for a formula: dropped again, the list must
    change nothing.

    Args:
        rows: every column of TRAVAILLEURS but CLE, which follows from the NIR.
    """
    names = formats()["TRAVAILLEURS"].names
    whole = (dict(row) | {"CLE": key_of(row["NIR"])} for row in rows)
    return as_text(names, ([row[name] for name in names] for row in whole)).encode()


def incomplete_list(rows: Iterable[Mapping[str, str]]) -> bytes:
    """The workers whose establishment designates no dosimetry body, and what is missing in words.

    Args:
        rows: NIR, NOM, PRENOM, SIRET, ETABLISSEMENT; other keys are left out.
    """
    whole = (dict(row) | {"MANQUE": _NO_BODY} for row in rows)
    return guarded(_INCOMPLETE, ([row[name] for name in _INCOMPLETE] for row in whole))


def contact_list(rows: Iterable[tuple[str, str, str, str, str, str, date, date | None]]) -> bytes:
    """Whom to turn to in the establishments that designate a body.

    Args:
        rows: SIRET, name of the establishment, role, last and first name, address, first and last day.
    """
    return guarded(_CONTACTS, ((*plain, french(start), french(end)) for *plain, start, end in rows))


def result_list(rows: Iterable[Mapping[str, Any]], *, internal: bool) -> bytes:
    """The results of an establishment's workers for a physician (``internal``) or an adviser. Days as ``jj/mm/aaaa``,
    doses in mSv.

    Args:
        rows: NIR, NOM, PRENOM, the facts of a result as statements give them, and ``suite``.
    """
    columns = _RESULTS | (_INTERNAL_RESULTS if internal else {}) | _NEWS
    whole = ([_shown(name, row[key]) for name, key in columns.items()] for row in rows)
    return guarded(columns, whole)


def _shown(name: str, value: Any) -> str:
    if value is None:
        return ""
    if name in ("DATE_DEBUT", "DATE_FIN"):
        day, _, hour = str(value).partition("T")
        return french(date.fromisoformat(day)) + (f" {hour}" if hour else "")
    return str(value)


def french(day: date | None) -> str:
    """A day as ``jj/mm/aaaa``; nothing for none."""
    return f"{day:%d/%m}/{day.year:04d}" if day else ""


def guarded(names: Iterable[str], rows: Iterable[Iterable[str]]) -> bytes:
    """A list for the eye, in UTF-8: an apostrophe keeps a spreadsheet from computing a cell."""
    return as_text(names, ([shielded(text) for text in line] for line in rows)).encode()


def shielded(text: str) -> str:
    """A cell that no spreadsheet takes for a formula: an apostrophe stands before what looks like one."""
    return "'" + text if text.startswith(_FORMULA) else text
