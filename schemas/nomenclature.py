"""The registry's code lists, from the CSV files of ``schemas/data``.

The position of a code in its list is what the warehouse stores: lists only ever grow at their end.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray


@cache
def rows(name: str) -> tuple[dict[str, str], ...]:
    """Rows of ``schemas/data/<name>.csv`` (separator ``;``)."""
    text = (files("schemas") / "data" / f"{name}.csv").read_text(encoding="utf-8")
    return tuple(csv.DictReader(text.splitlines(), delimiter=";"))


@cache
def codes(name: str) -> tuple[str, ...]:
    """The codes of a list, in its order (first column of the file)."""
    listed = rows(name)
    return tuple(row[next(iter(row))] for row in listed)


@cache
def domain_of_sector() -> NDArray[np.int16]:
    """For each sector (by position), the position of its domain."""
    domains = codes("domaine_activite")
    return np.array([domains.index(row["code_domaine"]) for row in rows("secteur_activite")], dtype=np.int16)


@cache
def trades_of_sector() -> NDArray[np.bool_]:
    """Matrix sector x trade (positions): true where the nomenclature knows the pair."""
    sectors = {code: at for at, code in enumerate(codes("secteur_activite"))}
    trades = {code: at for at, code in enumerate(codes("metier"))}
    known = np.zeros((len(sectors), len(trades)), dtype=bool)
    for row in rows("secteur_metier"):
        known[sectors[row["code_secteur"]], trades[row["code_metier"]]] = True
    return known
