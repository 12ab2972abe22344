"""What workers are sorted by: categories, report domains, sectors and trades, from the registry's nomenclatures."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from pipelines.windows import Ints
from schemas import nomenclature
from schemas.formats import formats

NONE, TOTAL = "(vide)", "Total"
NONE_LABEL, TOTAL_LABEL = "Sans rattachement connu", "Ensemble"

#: The domains of the ministry's report: code (that of the nomenclature's leading part), label.
DOMAINS = (
    ("100000", "Médical et vétérinaire (avec le transport de sources à usage médical)"),
    ("500000", "Nucléaire (avec le transport pour le cycle nucléaire)"),
    ("300000", "Industrie (avec les autres transports)"),
    ("400000", "Sources naturelles"),
    ("601000", "Recherche et enseignement"),
    ("600000", "Autres domaines"),
)
_MOVED = {"201000": "500000", "202000": "100000", "203000": "300000"}
_RESEARCH = ("601000", "601010", "601020")
#: A worker without CLASSEMENT, or whose employer knows none (NR), counts as empty.
CATEGORIES = (
    ("A", "Catégorie A"),
    ("B", "Catégorie B"),
    ("NC", "Non classés"),
    (NONE, "Sans classement"),
)


@dataclass(frozen=True)
class Sorting:
    """Rows of a table: code and label of each, and the row of every position of the code list (the last one: none).

    ``parents``: for nested rows, the row that each lies in; -1 for none.
    """

    rows: tuple[tuple[str, str], ...]
    row_of: Ints
    parents: tuple[int, ...] = ()


@cache
def categories() -> Sorting:
    """Rows of the categories, by position of CLASSEMENT."""
    names = [code for code, _ in CATEGORIES]
    listed = formats()["TRAVAILLEURS"].column("CLASSEMENT").codes
    return Sorting(CATEGORIES, np.array([names.index(code) if code in names else 3 for code in (*listed, NONE)]))


@cache
def domains() -> Sorting:
    """Rows of the report domains, by position of the **sector**: a sector lies in one domain of the report."""
    names = [code for code, _ in DOMAINS]
    row_of = [names.index(_report_domain(row["code"], row["code_domaine"])) for row in _sectors()]
    return Sorting((*DOMAINS, (NONE, NONE_LABEL)), np.array([*row_of, len(DOMAINS)]))


def _report_domain(sector: str, domain: str) -> str:
    if sector in _RESEARCH:
        return "601000"
    return _MOVED.get(sector, "300000" if domain == "200000" else domain)


def _sectors() -> tuple[dict[str, str], ...]:
    return nomenclature.rows("secteur_activite")


@cache
def sectors() -> Sorting:
    """Rows of the sectors, by position; each knows the sector that it refines."""
    codes = [row["code"] for row in _sectors()]
    parents = [codes.index(above) if (above := _above(code)) in codes else -1 for code in codes]
    rows = (*((row["code"], row["libelle"]) for row in _sectors()), (NONE, NONE_LABEL))
    return Sorting(rows, np.arange(len(rows)), (*parents, -1))


def _above(code: str) -> str:
    """The sector that a sector refines: 104011 lies in 104010, that in 104000; empty for the uppermost."""
    if not code.endswith("0"):
        return code[:5] + "0"
    return "" if code.endswith("000") else code[:3] + "000"


@cache
def trades() -> Sorting:
    """Rows of the trades, by position."""
    rows = (*((row["code"], row["libelle"]) for row in nomenclature.rows("metier")), (NONE, NONE_LABEL))
    return Sorting(rows, np.arange(len(rows)))
