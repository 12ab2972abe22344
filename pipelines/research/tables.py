"""From numbered rows to the tables that are handed over: rare combinations held back, dates coarse, pseudonyms."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from loaders.secrets import Pseudonyms
from pipelines.research.agreement import Agreement, Request
from pipelines.research.anonymity import GONE, Outcome, birth_class, generalise
from pipelines.research.extract import ABSENT
from pipelines.research.variables import PERSONS, RESULTS, WITHHELD, Variable, granted

_TYPES = {"texte": pa.string(), "entier": pa.int64(), "date": pa.date32()}
#: Columns of the frames under other names than the variables'.
_COLUMNS = {"annee_naissance": "birth", "etablissement": "establishment", "dose_usv": "usv", "activite_nbq": "nbq"}
_UNITS = {"mois": 1, "trimestre": 3, "annee": 12}


def guarded(rows: pd.DataFrame, agreement: Agreement) -> tuple[pd.DataFrame, Outcome]:
    """Rows of which no combination of quasi-identifiers stands for fewer persons than agreed.

    Measured over all that the agreement covers, whatever is asked of it: two extracts under one agreement bear the same
    pseudonyms, and each could otherwise hold what the other holds back.

    Returns:
        The rows with one more column for each quasi-identifier, ``<variable>?``: how far it gave way.
    """
    persons = np.unique(rows["person"].to_numpy()).tolist()
    profiles: dict[int, dict[str, tuple[object, ...]]] = {person: {} for person in persons}
    for name in agreement.indirect:
        column = _COLUMNS.get(name, name)
        pairs = rows[["person", column]].drop_duplicates()
        pairs = pairs.assign(**{column: pairs[column].astype(object)}).sort_values(["person", column])
        for person, value in zip(pairs["person"].tolist(), pairs[column].tolist(), strict=True):
            own = profiles[person]
            own[name] = (*own.get(name, ()), value)
    outcome = generalise(agreement.indirect, profiles, agreement.at_least)
    kept = rows[~rows["person"].isin(outcome.dropped)].reset_index(drop=True)
    for name in agreement.indirect:
        levels = {person: own[name] for person, own in outcome.levels.items() if name in own}
        kept[f"{name}?"] = kept["person"].map(levels).fillna(0).astype(np.int64)
    return kept, outcome


def handed(
    rows: pd.DataFrame, agreement: Agreement, request: Request, pseudonyms: Pseudonyms
) -> Mapping[str, pa.Table]:
    """The two tables, in an order that tells nothing of the registry's own."""
    first, last = _day(request.first), _day(request.last)
    rows = rows[rows["end"].between(first, last)]
    persons = rows.drop_duplicates("person")
    return {
        PERSONS: _table(persons, granted(request.variables, PERSONS), agreement, pseudonyms),
        RESULTS: _table(rows, granted(request.variables, RESULTS), agreement, pseudonyms),
    }


def _table(
    rows: pd.DataFrame, variables: tuple[Variable, ...], agreement: Agreement, pseudonyms: Pseudonyms
) -> pa.Table:
    table = pa.table({one.name: _column(rows, one, agreement, pseudonyms) for one in variables})
    table = table.sort_by([(name, "ascending") for name in table.column_names])
    fields = [table.schema.field(one.name).with_metadata({"libelle": one.label}) for one in variables]
    return table.cast(pa.schema(fields))


def _column(rows: pd.DataFrame, one: Variable, agreement: Agreement, pseudonyms: Pseudonyms) -> pa.Array:
    kind = _TYPES[one.kind]
    if one.name == "pseudonyme":
        return pa.array(_veiled(rows["person"], "travailleur", pseudonyms), kind)
    level = rows[f"{one.name}?"].to_numpy() if f"{one.name}?" in rows else np.zeros(len(rows), np.int64)
    if one.name == "etablissement":
        names = np.array(_veiled(rows["establishment"], "etablissement", pseudonyms), object)
        return pa.array(np.where(level == GONE, WITHHELD, names), kind)
    if one.name in ("annee_naissance", "naissance_pas"):
        level = rows["annee_naissance?"].to_numpy() if "annee_naissance?" in rows else level
        if one.name == "naissance_pas":
            return pa.array(np.maximum(level, 1), kind, mask=level == GONE)
        years = [birth_class(int(year), int(step)) for year, step in zip(rows["birth"], level, strict=True)]
        return pa.array(years, kind, mask=level == GONE)
    if one.kind == "date":
        return pa.array(_coarse(rows["start" if one.name == "debut" else "end"], agreement.grain), kind)
    values = rows[_COLUMNS.get(one.name, one.name)]
    if one.kind == "entier":
        return pa.array(values.to_numpy(np.int64), kind, mask=values.to_numpy() == ABSENT)
    return pa.array(np.where(level == GONE, WITHHELD, values.to_numpy(object)), kind)


def _veiled(numbers: pd.Series[Any], kind: str, pseudonyms: Pseudonyms) -> list[str]:
    places, distinct = pd.factorize(numbers.to_numpy(np.int64))
    names = np.array(pseudonyms.of(kind, distinct.tolist()), object)
    return names[places].tolist() if len(places) else []


def _coarse(days: pd.Series[Any], grain: str) -> np.ndarray[Any, Any]:
    months = days.to_numpy(np.int64).astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    return (months - months % _UNITS[grain]).astype("datetime64[M]").astype("datetime64[D]")


def _day(one: date) -> int:
    return (one - date(1970, 1, 1)).days
