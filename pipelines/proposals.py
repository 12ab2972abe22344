"""Proposals: what a person may look at first. Shown with their reason, never applied."""

from __future__ import annotations

from typing import Any

import sql
from loaders.secrets import RegistryKey
from loaders.warehouse import Connection
from pipelines.names import first_names_agree, fold
from pipelines.parsing import plain_upper
from schemas import codebook

_NAMES = codebook.bit("IDT-08")


def proposals(connection: Connection, key: RegistryKey, codes: int, layout: str, sealed: bytes) -> list[dict[str, Any]]:
    """Likely cures of a waiting row: ``champ``, ``valeur``, ``score`` (0 to 1), ``raison``.

    Names one edit away from the registry's, or sent in each other's place, are proposed as the registry
    has them.
    """
    if not codes & _NAMES:
        return []
    row = key.open_row(sealed)
    nir = "".join((row.get("NIA") or row["NIR"]).split()).upper()
    known = connection.execute(sql.query("listings", "identity"), (key.fingerprint(nir),)).fetchone()
    if known is None:
        return []
    sent = fold(plain_upper(row["NOM"])), fold(plain_upper(row["PRENOM"]))
    held = fold(known[0]), fold(known[1])
    if sent == (held[1], held[0]):
        return [
            _proposal("NOM", known[0], 0.95, "nom et prénom intervertis"),
            _proposal("PRENOM", known[1], 0.95, "nom et prénom intervertis"),
        ]
    found = []
    if sent[0] != held[0] and one_edit(sent[0], held[0]):
        found.append(_proposal("NOM", known[0], 0.9, "une seule lettre diffère du nom connu"))
    if not first_names_agree(sent[1], held[1]) and one_edit(sent[1], held[1]):
        found.append(_proposal("PRENOM", known[1], 0.85, "une seule lettre diffère du prénom connu"))
    return found


def _proposal(field: str, value: str, score: float, reason: str) -> dict[str, Any]:
    return {"champ": field, "valeur": value, "score": score, "raison": reason}


def one_edit(one: str, other: str) -> bool:
    """Whether one insertion, deletion, substitution or transposition of neighbours makes the texts equal."""
    if abs(len(one) - len(other)) > 1 or one == other:
        return False
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    end = 0
    while end < min(len(one), len(other)) - start and one[-1 - end] == other[-1 - end]:
        end += 1
    left, right = one[start : len(one) - end], other[start : len(other) - end]
    return max(len(left), len(right)) <= 1 or (len(left) == len(right) == 2 and left == right[::-1])
