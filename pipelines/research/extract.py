"""The rows of an extract as the registry stood: results of the persons it is about, with what held at their time.

Frames know persons and establishments by their number; pseudonyms come last, in :mod:`pipelines.research.export`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

import sql
from loaders.bulk import fetch_numbers
from loaders.warehouse import Connection
from pipelines.research.agreement import Agreement
from schemas import nomenclature
from schemas.formats import interne, passive

#: Stands for a dose that is none (ABS, PER, DET): no result can be worth it.
ABSENT = -(10**18)
_NUMBERS = {
    "person": "int4",
    "worker": "int4",
    "establishment": "int4",
    "start": "date",
    "end": "date",
    "quantity": "int2",
    "place": "int2",
    "state": "int2",
    "usv": "int8",
}
_SHARED = list(_NUMBERS)[:5]
#: Attributes of an attachment at the end of a result's period.
ATTRIBUTES = ("caractere", "domaine", "secteur", "metier", "classement", "nuisance", "contrat")
#: Measures of numbers alone: query, texts of the quantities.
_PLAIN: dict[str, tuple[str, tuple[str, ...]]] = {
    "PASSIVE": ("passive", passive.TYPES),
    "OPERATIONNELLE": ("operational", nomenclature.codes("type_mesure_operationnelle")),
    "NAVIGANT": ("aircrew", ()),
}
_TEXTS = ("mesure", "type_mesure", "localisation", "etat", "radionucleide", "unite")


def results(connection: Connection, agreement: Agreement, load: int) -> pd.DataFrame:
    """The results that the agreement covers, of the persons whom its filters keep.

    Returns:
        One row a result: ``person``, ``worker``, ``establishment`` (numbers), ``start``, ``end`` (days since 1970),
        ``usv`` and ``nbq`` (:data:`ABSENT` where there is none), texts ``mesure``, ``type_mesure``, ``localisation``,
        ``etat``, ``radionucleide``, ``unite`` and the attributes of :data:`ATTRIBUTES`; ``birth`` (year), ``sexe``.
    """
    parts = [
        _measures(connection, measure, year, agreement, load)
        for measure in agreement.measures
        for year in range(agreement.first.year, agreement.last.year + 1)
    ]
    rows = pd.concat(parts, ignore_index=True)
    for name in _TEXTS:
        rows[name] = rows[name].astype("category")
    persons = np.unique(rows["person"].to_numpy()).tolist()
    rows = _attributed(rows, _statuses(connection, persons, load))
    rows = _born(connection, rows, persons, load)
    for variable, wanted in agreement.population.items():
        rows = rows[rows[variable].isin(wanted)]
    return rows.reset_index(drop=True)


def _measures(connection: Connection, measure: str, year: int, agreement: Agreement, load: int) -> pd.DataFrame:
    asked = {"year": year, "load": load, "first": agreement.first, "last": agreement.last}
    if measure in _PLAIN:
        name, quantities = _PLAIN[measure]
        asked |= {"below": passive.INF, "absent": ABSENT} if measure == "PASSIVE" else {}
        columns = fetch_numbers(connection.cursor(), sql.query("research", name), _NUMBERS, asked)
        rows = pd.DataFrame(dict(zip(_NUMBERS, columns, strict=True)))
        rows["type_mesure"] = _words(rows.pop("quantity"), quantities)
        rows["localisation"] = _words(rows.pop("place"), passive.LOCATIONS)
        rows["etat"] = _words(rows.pop("state"), passive.STATES)
        return rows.assign(mesure=measure, nbq=ABSENT, radionucleide="", unite="")
    if measure == "ENGAGEE":
        found = connection.execute(sql.query("research", "committed"), asked).fetchall()
        rows = _listed(found, [*_SHARED, "usv", "radionucleide"])
        return rows.assign(mesure=measure, type_mesure="", localisation="", etat="", unite="", nbq=ABSENT)
    found = connection.execute(sql.query("research", "internal"), asked).fetchall()
    rows = _listed(found, [*_SHARED, "radionucleide", "exam", "unit", "state", "nbq"])
    rows["type_mesure"] = _words(rows.pop("exam"), interne.EXAMS)
    rows["unite"] = _words(rows.pop("unit"), interne.UNITS)
    state = rows.pop("state")
    rows["etat"] = _words(state, interne.STATES)
    rows["nbq"] = np.where(state == interne.INF, 0, rows["nbq"].fillna(ABSENT)).astype(np.int64)
    return rows.assign(mesure=measure, localisation="", usv=ABSENT)


def _listed(found: list[Any], names: list[str]) -> pd.DataFrame:
    rows = pd.DataFrame(found, columns=names)
    for name in ("start", "end"):
        rows[name] = np.array(rows[name].to_list(), "datetime64[D]").astype(np.int64)
    return rows


def _words(codes: pd.Series[Any], texts: tuple[str, ...]) -> list[str]:
    return [str(one) for one in np.array([*texts, ""], object)[codes.to_numpy(np.int64)]]


def _statuses(connection: Connection, persons: list[int], load: int) -> pd.DataFrame:
    found = connection.execute(sql.query("research", "statuses"), {"persons": persons, "load": load}).fetchall()
    rows = pd.DataFrame(found, columns=["person", "worker", "establishment", "from", *ATTRIBUTES])
    for name in ("person", "worker", "establishment", "from"):
        rows[name] = rows[name].astype(np.int64)
    return rows


def _attributed(rows: pd.DataFrame, statuses: pd.DataFrame) -> pd.DataFrame:
    """Each result with what held on its last day: of the attachment of its own number, else of its person's other.

    The first values hold before their day too: a period of wear may begin up to 31 days before the attachment.
    """
    place = np.full(len(rows), -1)
    for by in ("worker", "person"):
        for direction in ("backward", "forward"):
            missing = np.flatnonzero(place < 0)
            place[missing] = _latest(rows.iloc[missing], statuses, by, direction)
    for name in ATTRIBUTES:
        rows[name] = pd.Categorical(np.append(statuses[name].to_numpy(object), "")[place])
    return rows


def _latest(rows: pd.DataFrame, statuses: pd.DataFrame, by: str, direction: Any) -> np.ndarray[Any, Any]:
    left = pd.DataFrame({"at": np.arange(len(rows)), "day": rows["end"].to_numpy(np.int64)})
    right = pd.DataFrame({"place": np.arange(len(statuses)), "day": statuses["from"].to_numpy(np.int64)})
    for name in (by, "establishment"):
        left[name], right[name] = rows[name].to_numpy(np.int64), statuses[name].to_numpy(np.int64)
    joined = pd.merge_asof(
        left.sort_values("day", kind="stable"), right, on="day", by=[by, "establishment"], direction=direction
    )
    return joined.sort_values("at")["place"].fillna(-1).to_numpy(np.int64)


def _born(connection: Connection, rows: pd.DataFrame, persons: list[int], load: int) -> pd.DataFrame:
    found = connection.execute(sql.query("research", "persons"), {"persons": persons, "load": load}).fetchall()
    known = pd.DataFrame(found, columns=["person", "birth", "sexe"]).astype({"person": np.int64, "birth": np.int64})
    return rows.merge(known, on="person", how="inner", validate="many_to_one")
