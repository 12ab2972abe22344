"""DESIGNATIONS: whom an establishment designates. The layout is this project's own."""

from __future__ import annotations

from schemas.formats.common import SIRET, in_order
from schemas.spec import Column, Format, Kind

ROLES = ("RPL", "OA", "EXPLOITANT", "CES", "CRP", "MDT", "PST")

FORMAT = Format(
    name="DESIGNATIONS",
    title="Désignations d'un établissement",
    official=False,
    columns=(
        SIRET,
        Column("ROLE", "Rôle de la personne ou de l'organisme", Kind.CODE, codes=ROLES, example="OA"),
        Column("IDENTIFIANT", "Code de l'organisme, RPPS ou identifiant libre", Kind.TEXT, longest=100, example="LABO1"),
        Column("NOM", "Nom du contact", Kind.NAME, required=False, longest=100),
        Column("PRENOM", "Prénom du contact", Kind.NAME, required=False, longest=100),
        Column("COURRIEL", "Courriel du contact", Kind.TEXT, required=False, longest=254, example="contact@example.org"),
        Column("DATEDEBUT", "Début de la désignation", Kind.DATE, example="01/01/2024"),
        Column("DATEFIN", "Fin de la désignation", Kind.DATE, required=False),
    ),
    rules=(in_order("MET-01", "DATEDEBUT", "DATEFIN"),),
    considered="DATEDEBUT",
)
