"""The French code book as people and programs read it: one self-contained HTML page, one CSV."""

from __future__ import annotations

from reports.execution import as_text
from reports.page import environment
from schemas import nomenclature
from schemas.codebook import Severity, book

_COLUMNS = ("code", "gravite", "formats", "libelle", "remede")
#: Title and meaning of each severity, for senders.
SEVERITIES = {
    Severity.FILE: ("Codes d'un fichier", "Le fichier entier est refusé ; aucune ligne n'a d'effet."),
    Severity.REJECT: ("Codes de rejet", "La ligne n'entre pas au registre : corrigez-la et renvoyez-la."),
    Severity.HOLD: (
        "Codes d'attente",
        "La ligne est gardée. IDT-05, IDT-06 et IDT-07 se lèvent seuls quand la référence manquante arrive.",
    ),
    Severity.DUPLICATE: ("Code de doublon", "La mesure est déjà là, à l'identique ; la ligne n'a pas d'effet."),
    Severity.WARNING: (
        "Avertissements",
        "Ils n'empêchent rien et ne figurent que dans LIBELLE_ERREUR, derrière « Avertissement : ».",
    ),
}


def code_list() -> bytes:
    """The book as CSV: UTF-8, ``;``, one line a code; ``*`` stands for every format."""
    return as_text(_COLUMNS, ([row[name] for name in _COLUMNS] for row in nomenclature.rows("codes"))).encode()


def code_page() -> bytes:
    """The book as a page, one table a severity."""
    parts = [
        (severity, title, meaning, [one for one in book().values() if one.severity is severity])
        for severity, (title, meaning) in SEVERITIES.items()
    ]
    return environment().get_template("codes.html").render(parts=parts).encode()
