"""ETABLISSEMENTS: the register of establishments, in the layout of INSEE's public Sirene stock file."""

from __future__ import annotations

from schemas.spec import Column, Format, Kind

ACTIVE, CLOSED = 0, 1

FORMAT = Format(
    name="ETABLISSEMENTS",
    title="Registre des établissements (fichier stock Sirene de l'INSEE)",
    official=True,
    columns=(
        Column("siren", "SIREN", Kind.SIREN, example="732829320"),
        Column("siret", "SIRET", Kind.SIRET, example="73282932000074"),
        Column("etatAdministratifEtablissement", "État : A actif, F fermé", Kind.CODE, codes=("A", "F"), example="A"),
        Column("dateDebut", "Début de cet état", Kind.ISO_DATE, example="2008-01-01"),
        Column("denominationUsuelleEtablissement", "Dénomination usuelle", Kind.TEXT, required=False),
        Column("enseigne1Etablissement", "Enseigne", Kind.TEXT, required=False),
        Column("activitePrincipaleEtablissement", "Activité principale (NAF)", Kind.TEXT, required=False),
        Column("codeCommuneEtablissement", "Commune (code INSEE)", Kind.TEXT, required=False, example="69123"),
        Column("etablissementSiege", "Siège", Kind.CODE, required=False, codes=("true", "false"), example="true"),
    ),
    delimiter=",",
    open_columns=True,
)
