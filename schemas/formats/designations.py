"""DESIGNATIONS: whom an establishment designates. The layout is this project's own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from schemas.formats.common import SIRET, in_order
from schemas.identifiers import is_rpps
from schemas.spec import BoolArray, Column, Context, Format, Kind, Rule

ROLES = ("RPL", "OA", "EXPLOITANT", "CES", "CRP", "MDT", "PST")

_PARTNER = re.compile(r"[A-Z0-9]{1,10}")
_EMAIL = re.compile(r"[^@\s;]+@[^@\s;]+\.[^@\s;.]+")


def _identifier_fits_role(rows: Mapping[str, Any], context: Context) -> BoolArray:
    def fits(role: str, text: str) -> bool:
        if role in ("OA", "EXPLOITANT"):
            return bool(_PARTNER.fullmatch(text))
        return role not in ("MDT", "PST") or is_rpps(text)

    pairs = zip(rows["ROLE"], rows["IDENTIFIANT"], strict=True)
    return np.array([fits(ROLES[role], text) for role, text in pairs], dtype=bool)


def _email(rows: Mapping[str, Any], context: Context) -> BoolArray:
    return np.array([bool(_EMAIL.fullmatch(text)) for text in rows["COURRIEL"]], dtype=bool)


FORMAT = Format(
    name="DESIGNATIONS",
    title="Désignations d'un établissement",
    official=False,
    columns=(
        SIRET,
        Column("ROLE", "Rôle de la personne ou de l'organisme", Kind.CODE, codes=ROLES, example="OA"),
        Column(
            "IDENTIFIANT", "Code de l'organisme, RPPS ou identifiant libre", Kind.TEXT, longest=100, example="LABO1"
        ),
        Column("NOM", "Nom du contact", Kind.NAME, required=False, longest=100),
        Column("PRENOM", "Prénom du contact", Kind.NAME, required=False, longest=100),
        Column(
            "COURRIEL", "Courriel du contact", Kind.TEXT, required=False, longest=254, example="contact@example.org"
        ),
        Column("DATEDEBUT", "Début de la désignation", Kind.DATE, example="01/01/2024"),
        Column("DATEFIN", "Fin de la désignation", Kind.DATE, required=False),
    ),
    rules=(
        in_order("MET-01", "DATEDEBUT", "DATEFIN"),
        Rule("FMT-05", ("ROLE", "IDENTIFIANT"), _identifier_fits_role),
        Rule("FMT-05", ("COURRIEL",), _email),
    ),
    considered="DATEDEBUT",
)
