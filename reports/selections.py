"""Selections of the desk as files: the same rows as CSV or as a workbook, no formula in either."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from typing import Any

from reports.execution import as_text
from reports.lists import shielded

#: Columns of each selection: key of the row, heading.
CAUSES = {
    "id": "cause",
    "codes": "codes",
    "motif": "motif",
    "emetteur": "emetteur",
    "format": "format",
    "siret": "siret",
    "lignes": "lignes",
    "dose_msv": "dose_msv",
    "depuis": "depuis",
    "semaine": "arrivees_7_jours",
    "semaine_avant": "arrivees_7_jours_avant",
}
ENTRIES = {
    "id": "entree",
    "depot": "depot",
    "fichier": "fichier",
    "ligne": "ligne",
    "emetteur": "emetteur",
    "format": "format",
    "codes": "codes",
    "recu_le": "recu_le",
    "numero": "numero",
    "nom": "nom",
    "prenom": "prenom",
    "siret": "siret",
    "dates": "dates",
    "grandeur": "grandeur",
    "dose_msv": "dose_msv",
}
JOURNAL = {
    "id": "decision",
    "le": "le",
    "par": "par",
    "action": "action",
    "cause": "cause",
    "champs": "champs",
    "motif": "motif",
    "recues": "lignes",
    "integrees": "integrees",
    "en_attente": "en_attente",
    "rejetees": "rejetees",
    "doublons": "doublons",
    "annulee_par": "annulee_par",
    "annulee_le": "annulee_le",
    "motif_annulation": "motif_annulation",
}
STANDING = {
    name: name
    for name in (
        *("id", "etat", "genre", "recu", "lu", "emetteur", "du", "au", "motif", "proposee_par", "proposee_le"),
        *("approuvee_par", "approuvee_le", "revoquee_par", "revoquee_le", "motif_revocation"),
    )
}
EXCEEDANCES = {
    name: name
    for name in (
        *("id", "etat", "etat_depuis", "limite", "regle", "seuil_msv", "localisation", "periode_debut", "periode_fin"),
        *("jours_debut", "jours_fin", "valeur_msv", "numero", "nom", "prenom", "siret", "echeance", "medecin_absent"),
    )
}
#: Columns that hold numbers in a workbook.
_NUMBERS = frozenset(
    {
        *("id", "lignes", "dose_msv", "semaine", "semaine_avant", "depot", "ligne"),
        *("recues", "integrees", "en_attente", "rejetees", "doublons", "seuil_msv", "valeur_msv"),
    }
)


def as_csv(columns: Mapping[str, str], rows: Iterable[Mapping[str, Any]]) -> bytes:
    """The rows as CSV: semicolons, UTF-8 with its mark, so that a spreadsheet opens it as it is."""
    lines = ([shielded(_text(row[name])) for name in columns] for row in rows)
    return b"\xef\xbb\xbf" + as_text(columns.values(), lines).encode()


def as_workbook(columns: Mapping[str, str], rows: Iterable[Mapping[str, Any]]) -> bytes:
    """The rows as a workbook of one sheet: texts are texts, numbers are numbers, the heading stays in view."""
    import xlsxwriter

    out = io.BytesIO()
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "in_memory": True}
    with xlsxwriter.Workbook(out, options) as book:
        sheet = book.add_worksheet("Sélection")
        bold = book.add_format({"bold": True})
        for at, heading in enumerate(columns.values()):
            sheet.write_string(0, at, heading, bold)
        sheet.freeze_panes(1, 0)
        count = 0
        for count, row in enumerate(rows, start=1):
            for at, name in enumerate(columns):
                value = row[name]
                if name in _NUMBERS and value is not None:
                    sheet.write_number(count, at, float(value))
                else:
                    sheet.write_string(count, at, _text(value))
        sheet.autofilter(0, 0, max(count, 1), len(columns) - 1)
    return out.getvalue()


def _text(value: Any) -> str:
    if value is None:
        return ""
    return ", ".join(value) if isinstance(value, list) else str(value)
