"""``a-declarer.csv``: the workers whom others' rows wait for, in the employer's own 18 columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reports.execution import as_text
from schemas.formats import formats
from schemas.identifiers import key_of

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def declaration_list(rows: Iterable[Mapping[str, str]]) -> bytes:
    """The list, ready to complete and drop.

    Args:
        rows: NIR, SIRET, NOM, PRENOM as senders gave them (names may be missing). A name that a
            spreadsheet would take for a formula is left to the employer.
    """
    names = formats()["TRAVAILLEURS"].names
    filled = []
    for row in rows:
        known = {"NIR": row["NIR"], "CLE": key_of(row["NIR"]), "SIRET": row["SIRET"]}
        known["SEXE"] = "M" if row["NIR"][0] in "137" else "F"
        for name in ("NOM", "PRENOM"):
            text = row.get(name, "")
            known[name] = "" if text.startswith(_FORMULA) else text
        filled.append([known.get(name, "") for name in names])
    return as_text(names, filled).encode()
