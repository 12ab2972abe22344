"""A dose statement as a document: accessible PDF (PDF/UA-1) for a person, JSON and CSV for a program.

The same facts give the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from reports import pdf
from reports.execution import as_text
from reports.lists import shielded

#: Languages that the template speaks.
LANGUAGES = ("fr", "en")
#: Columns of the CSV: the keys of a result.
_COLUMNS = (
    *("format", "grandeur", "localisation", "dosimetre", "radionucleide", "debut", "fin", "siret", "etat"),
    *("valeur_msv", "seuil_msv", "activite", "limite_detection", "unite", "emetteur"),
    *("depassement", "conclusion", "valeur_retenue_msv"),
)


def render(facts: Mapping[str, Any], form: str, language: str) -> bytes:
    """A statement as ``.pdf``, ``.json`` or ``.csv``; the language is the PDF's."""
    if form == ".pdf":
        return statement_pdf(facts, language)
    return statement_json(facts) if form == ".json" else statement_csv(facts)


def statement_pdf(facts: Mapping[str, Any], language: str) -> bytes:
    """The document of a statement.

    Args:
        facts: what :func:`pipelines.statement.statement` gives.
        language: one of :data:`LANGUAGES`.
    """
    inputs = {"releve": json.dumps(facts, ensure_ascii=False), "lang": language}
    return pdf.rendered("releve.typ", inputs)


def statement_json(facts: Mapping[str, Any]) -> bytes:
    """The facts themselves."""
    return (json.dumps(facts, ensure_ascii=False, indent=1) + "\n").encode()


def statement_csv(facts: Mapping[str, Any]) -> bytes:
    """The results, one a line."""
    rows = ([shielded(_cell(one[name])) for name in _COLUMNS] for one in facts["resultats"])
    return as_text([name.upper() for name in _COLUMNS], rows).encode()


def _cell(value: Any) -> str:
    return "" if value is None else str(value)
