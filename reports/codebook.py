"""The codebook of an extract: what each column is, for programs (CSV) and for people (Markdown)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reports.execution import as_text

_COLUMNS = ("fichier", "variable", "type", "libelle", "quasi_identifiant", "codes")


def codebook_csv(rows: Sequence[Mapping[str, str]]) -> bytes:
    """One line a column: UTF-8, ``;``; the codes joined by a space.

    Args:
        rows: the keys ``fichier``, ``variable``, ``type``, ``libelle``, ``quasi_identifiant`` and ``codes``.
    """
    return as_text(_COLUMNS, ([row[name] for name in _COLUMNS] for row in rows)).encode()


def codebook_text(rows: Sequence[Mapping[str, str]], facts: Mapping[str, Any]) -> bytes:
    """The same as a page, with what the extract is and how small combinations were held back.

    Args:
        facts: the content of ``manifest.json``.
    """
    risk, agreement = facts["k_anonymat"], facts["convention"]
    after = risk["apres"]
    lines = [
        f"# Extraction de recherche, convention {agreement['numero']}",
        "",
        f"Titulaire : {agreement['titulaire']}. Finalité : {agreement['finalite']}.",
        f"Résultats du {facts['periode']['debut']} au {facts['periode']['fin']}, tels que le registre les tenait le "
        f"{facts['au']}. Usage permis jusqu'au {agreement['expire_le']}.",
        "",
    ]
    for file in dict.fromkeys(row["fichier"] for row in rows):
        lines += [f"## {file}", "", "| variable | type | sens | codes |", "|---|---|---|---|"]
        for row in rows:
            if row["fichier"] == file:
                codes = row["codes"] if len(row["codes"]) <= 120 else "voir codebook.csv"
                mark = " (quasi-identifiant)" if row["quasi_identifiant"] == "oui" else ""
                lines.append(f"| `{row['variable']}` | {row['type']} | {row['libelle']}{mark} | {codes} |")
        lines.append("")
    lines += [
        "## Ce qui est retenu",
        "",
        f"Toute combinaison des quasi-identifiants déclarés ({', '.join(risk['quasi_identifiants']) or 'aucun'}) est "
        f"partagée par au moins {risk['seuil']} personnes (ici {after['k_minimal']} au moins). Là où elle ne l'était "
        f"pas, des valeurs portent « {risk['marque']} », l'année de naissance est donnée par classe (`naissance_pas`), "
        f"ou la personne est écartée ({risk['personnes_ecartees']}).",
        "Une cellule vide veut dire que le registre n'a pas de valeur, ou qu'une année de naissance est retenue.",
        "",
    ]
    return "\n".join(lines).encode()
