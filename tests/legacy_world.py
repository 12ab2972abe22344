"""Small old registries for tests: rows by hand or invented ones, and the registry that takes them over."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from pipelines.legacy import reconcile
from pipelines.simulation.legacy import BODIES
from schemas.identifiers import key_of
from schemas.legacy import Form, tables

DAY = date(2026, 4, 10)
NIRS = ("1850675110042", "2900375110043", "1790113055044")
SIRETS = ("73282932000074", "55200155400013")
_ARROW = {Form.NUMBER: pa.int64(), Form.DAY: pa.date32(), Form.MINUTE: pa.timestamp("s"), Form.TEXT: pa.string()}


def bodies(bench: Any) -> None:
    """The accounts of the old registry's bodies."""
    for code, role in BODIES.items():
        bench.partner(code, role)


def part(folder: Path, table: str, *rows: dict[str, Any], name: str = "a") -> None:
    """Write one part; what a row does not say is null."""
    (folder / table).mkdir(parents=True, exist_ok=True)
    columns = {
        column.name: pa.array([row.get(column.name) for row in rows], _ARROW[column.form])
        for column in tables()[table].columns
    }
    pyarrow.parquet.write_table(pa.table(columns), folder / table / f"{name}.parquet")


def place(siret: str) -> dict[str, Any]:
    return {"SIRET": siret, "ETAT": "A", "DATE_ETAT": date(2001, 1, 1), "DENOMINATION": "X"}


def worker(number: int, nir: str, **other: Any) -> dict[str, Any]:
    sex = "M" if nir[0] == "1" else "F"
    birth = date(1900 + int(nir[1:3]), int(nir[3:5]), 12)
    row = {
        "NIR": nir,
        "CLE": key_of(nir),
        "NOM": f"NOM{nir[-2:]}",
        "PRENOM": "PAUL",
        "DATENAISSANCE": birth,
        "SEXE": sex,
    }
    return {"ID_TRAVAILLEUR": number, **row, **other}


def stay(number: int, siret: str, **other: Any) -> dict[str, Any]:
    row = {"DATE_DEBUT": date(2010, 1, 1), "CLASSEMENT": "B", "SECTEUR": "101000", "METIER": "Infirmier"}
    return {"ID_TRAVAILLEUR": number, "SIRET": siret, **row, **other}


def passive(number: int, siret: str, key: str, **other: Any) -> dict[str, Any]:
    row = {
        "ORGANISME": "LABO1",
        "TYPE_MESURE": "PAS-HP10-PHO",
        "LOCALISATION": "POITRINE",
        "TYPE_DOSIMETRE": "FILM",
        "DATE_DEBUT_PORT": date(2025, 12, 1),
        "DATE_FIN_PORT": date(2025, 12, 31),
        "ETAT_RESULTAT": "MES",
        "VALEUR_USV": 100,
        "SEUIL_USV": 50,
    }
    return {"ID_TRAVAILLEUR": number, "SIRET": siret, "ID_MESURE": key, **row, **other}


def figures(bench: Any) -> dict[tuple[str, str, str], int]:
    """Rows by table, outcome and cause; those that were taken and plain duplicates have none."""
    found: dict[tuple[str, str, str], int] = {}
    result = reconcile.reconcile(bench.connection)
    assert result.closes, result.gaps
    caused: dict[tuple[str, str], int] = {}
    for table, outcome, cause, rows in result.causes:
        found[table, outcome, cause] = rows
        caused[table, outcome] = caused.get((table, outcome), 0) + rows
    for line in result.lines:
        for outcome, rows in zip(("REPRIS", "EN_ATTENTE", "REFUSE", "DOUBLON"), line.rows, strict=True):
            found[line.table, outcome, ""] = found.get((line.table, outcome, ""), 0) + rows
    for (table, outcome), rows in caused.items():
        found[table, outcome, ""] -= rows
    return {name: rows for name, rows in found.items() if rows}
