"""How the measures of each format lie in the warehouse: keys, contents, columns of their table.

A store knows nothing of outcomes; settling asks it for keys and versions, loading for rows to copy.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

import sql
from loaders.bulk import Cursor
from pipelines.check import Checked
from pipelines.match import Matched
from schemas.formats.passive import ABS

Ints = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
Key = Any


@dataclass(frozen=True)
class Version:
    """A current measure in the warehouse, as settling sees it."""

    year: int
    submission: int
    line: int
    content: tuple[Any, ...]
    #: (worker, establishment); known of the key itself for operational doses.
    who: tuple[Any, Any] | None
    without_result: bool = False


@dataclass(frozen=True)
class Closing:
    """A warehouse version that a row replaces (``C``, or a result after ``ABS``) or annuls (``A``)."""

    place: int
    year: int
    submission: int
    line: int
    code: str


class Store(Protocol):
    """What settling and loading need of a measure format."""

    kind: str
    spans_years: bool

    def years(self, checked: Checked) -> Ints: ...

    def references(self, checked: Checked, rows: Ints) -> pa.StringArray: ...

    def keys(self, checked: Checked, matched: Matched, rows: Ints) -> list[Key]: ...

    def repeated(self, checked: Checked, matched: Matched, eligible: BoolArray) -> BoolArray: ...

    def contents(self, checked: Checked, matched: Matched, rows: Ints) -> list[tuple[Any, ...]]: ...

    def without_result(self, checked: Checked) -> BoolArray: ...

    def current(
        self, cursor: Cursor, sender: int, checked: Checked, matched: Matched, rows: Ints, everywhere: bool
    ) -> list[tuple[int, Version]]: ...

    def annulled(
        self, cursor: Cursor, sender: int, checked: Checked, matched: Matched, rows: Ints
    ) -> list[tuple[int, int, tuple[int, int], int]]: ...

    def close(
        self, cursor: Cursor, load: int, sender: int, checked: Checked, matched: Matched, closings: list[Closing]
    ) -> None: ...

    def table(self, checked: Checked, matched: Matched, rows: Ints, sender: int) -> dict[str, Any]: ...


def who_of(checked: Checked, matched: Matched, rows: Ints) -> list[tuple[Any, Any]]:
    """Person and establishment of rows: the registry's numbers where known, else what was sent."""
    at = pa.array(rows)
    nirs = checked.values["NIR"].take(at).to_pylist()
    sirets = checked.values["SIRET"].take(at).to_pylist()
    return [
        (int(worker) or nir, int(establishment) or siret)
        for worker, establishment, nir, siret in zip(
            matched.worker[rows], matched.establishment[rows], nirs, sirets, strict=True
        )
    ]


def _year(days: Ints) -> Ints:
    return days.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970


def _nullable(checked: Checked, name: str, rows: Ints) -> list[int | None]:
    present = checked.readable[name][rows]
    return [int(value) if there else None for value, there in zip(checked.values[name][rows], present, strict=True)]


def _dates(values: Ints) -> pa.Array:
    return pa.array(values.astype(np.int32), pa.int32()).cast(pa.date32())


class PassiveStore:
    """PASSIVE: one measure is (sender, ID_MESURE) within a year and the years beside it."""

    kind = "passive"
    spans_years = True

    def years(self, checked: Checked) -> Ints:
        return np.where(checked.readable["DATE_FIN_PORT"], _year(checked.values["DATE_FIN_PORT"]), 0)

    def references(self, checked: Checked, rows: Ints) -> pa.StringArray:
        return checked.values["ID_MESURE"].take(pa.array(rows))

    def keys(self, checked: Checked, matched: Matched, rows: Ints) -> list[Key]:
        return list(self.references(checked, rows).to_pylist())

    def repeated(self, checked: Checked, matched: Matched, eligible: BoolArray) -> BoolArray:
        ids = checked.values["ID_MESURE"]
        rows = np.flatnonzero(eligible)
        if len(rows) < 2:
            return np.zeros(len(checked), bool)
        part = ids.take(pa.array(rows)) if len(rows) < len(ids) else ids
        repeated = np.zeros(len(checked), bool)
        if pc.count_distinct(part).as_py() < len(rows):
            repeated[rows] = pd.Series(part.to_pandas()).duplicated(keep=False).to_numpy()
        return repeated

    def contents(self, checked: Checked, matched: Matched, rows: Ints) -> list[tuple[Any, ...]]:
        plain = ("TYPE_MESURE", "LOCALISATION", "TYPE_DOSIMETRE", "DATE_DEBUT_PORT", "DATE_FIN_PORT", "ETAT_RESULTAT")
        columns = [checked.values[name][rows].tolist() for name in plain]
        return list(
            zip(
                who_of(checked, matched, rows),
                *columns,
                _nullable(checked, "VALEUR", rows),
                _nullable(checked, "SEUIL", rows),
                strict=True,
            )
        )

    def without_result(self, checked: Checked) -> BoolArray:
        return np.asarray(checked.readable["ETAT_RESULTAT"] & (checked.values["ETAT_RESULTAT"] == ABS))

    def current(
        self, cursor: Cursor, sender: int, checked: Checked, matched: Matched, rows: Ints, everywhere: bool
    ) -> list[tuple[int, Version]]:
        years = self.years(checked)[rows]
        first, last = (1, 9999) if everywhere else (int(years.min()) - 1, int(years.max()) + 1)
        ids = checked.values["ID_MESURE"].take(pa.array(rows))
        bounds = pc.min_max(ids).as_py()
        found = cursor.execute(
            sql.query("settle", "passive_range"), (sender, bounds["min"], bounds["max"], first, last)
        ).fetchone()
        if not found or not found[0]:
            return []
        cursor.execute(sql.query("settle", "passive_current"), (ids.to_pylist(), sender, first, last))
        return [
            (
                int(rows[place]),
                Version(
                    year=year,
                    submission=submission,
                    line=line,
                    content=((worker, establishment), *rest),
                    who=(worker, establishment),
                    without_result=rest[5] == ABS,
                ),
            )
            for place, year, submission, line, worker, establishment, *rest in cursor.fetchall()
        ]

    def annulled(
        self, cursor: Cursor, sender: int, checked: Checked, matched: Matched, rows: Ints
    ) -> list[tuple[int, int, tuple[int, int], int]]:
        cursor.execute(sql.query("settle", "passive_annulled"), (self.references(checked, rows).to_pylist(), sender))
        return _annulled(cursor, rows)

    def close(
        self, cursor: Cursor, load: int, sender: int, checked: Checked, matched: Matched, closings: list[Closing]
    ) -> None:
        rows = np.array([closing.place for closing in closings], np.int64)
        ids = self.references(checked, rows).to_pylist()
        years = [closing.year for closing in closings]
        _close(cursor, "passive_close", load, ([sender] * len(rows), ids, years), closings)

    def table(self, checked: Checked, matched: Matched, rows: Ints, sender: int) -> dict[str, Any]:
        values = checked.values

        def number(name: str, kind: pa.DataType) -> pa.Array:
            present = checked.readable[name][rows]
            return pa.array(values[name][rows], kind, mask=None if present.all() else ~present)

        return {
            "value_usv": number("VALEUR", pa.int64()),
            "threshold_usv": number("SEUIL", pa.int64()),
            "worker_id": pa.array(matched.worker[rows]),
            "establishment_id": pa.array(matched.establishment[rows]),
            "sender_id": pa.array(np.full(len(rows), sender)),
            "start_day": _dates(values["DATE_DEBUT_PORT"][rows]),
            "end_day": _dates(values["DATE_FIN_PORT"][rows]),
            "year": pa.array(self.years(checked)[rows]),
            "quantity": pa.array(values["TYPE_MESURE"][rows]),
            "location": pa.array(values["LOCALISATION"][rows]),
            "dosimeter": pa.array(values["TYPE_DOSIMETRE"][rows]),
            "state": pa.array(values["ETAT_RESULTAT"][rows]),
            "measure_id": values["ID_MESURE"].take(pa.array(rows)),
        }


class OperationalStore:
    """OPERATIONNELLE: one passage is (person, SIRET, quantity, start, end, place, zone), whoever sends it."""

    kind = "operational"
    spans_years = False

    def years(self, checked: Checked) -> Ints:
        days = checked.values["DATE_FIN_PORT"] // 1440
        return np.where(checked.readable["DATE_FIN_PORT"], _year(days), 0)

    def references(self, checked: Checked, rows: Ints) -> pa.StringArray:
        at = pa.array(rows)
        parts = [checked.values["SIRET"].take(at)]
        parts += [
            pa.array(checked.values[name][rows]).cast(pa.string())
            for name in ("TYPE_MESURE", "DATE_DEBUT_PORT", "DATE_FIN_PORT")
        ]
        parts += [checked.values[name].take(at) for name in ("LIEU", "ZONE")]
        return pc.binary_join_element_wise(*parts, "|")

    def keys(self, checked: Checked, matched: Matched, rows: Ints) -> list[Key]:
        who = who_of(checked, matched, rows)
        texts = self.references(checked, rows).to_pylist()
        return [(person, text) for (person, _), text in zip(who, texts, strict=True)]

    def digests(self, checked: Checked, rows: Ints) -> Ints:
        """64 bits of what identifies a passage besides its person and start."""
        hasher = hashlib.blake2b
        raw = b"".join(
            hasher(text.encode(), digest_size=8).digest() for text in self.references(checked, rows).to_pylist()
        )
        return np.frombuffer(raw, ">i8").astype(np.int64)

    def repeated(self, checked: Checked, matched: Matched, eligible: BoolArray) -> BoolArray:
        rows = np.flatnonzero(eligible)
        values = checked.values
        frame = pd.DataFrame(
            {
                "person": np.where(matched.worker[rows] > 0, matched.worker[rows], -2 - matched.nir_place[rows]),
                **{name: values[name][rows] for name in ("TYPE_MESURE", "DATE_DEBUT_PORT", "DATE_FIN_PORT")},
            }
        )
        repeated = np.zeros(len(checked), bool)
        near = frame.duplicated(keep=False).to_numpy()
        if near.any():
            for name in ("SIRET", "LIEU", "ZONE"):
                frame[name] = values[name].take(pa.array(rows)).to_pandas()
            repeated[rows] = frame.duplicated(keep=False).to_numpy()
        return repeated

    def contents(self, checked: Checked, matched: Matched, rows: Ints) -> list[tuple[Any, ...]]:
        return list(
            zip(
                checked.values["TYPE_DOSIMETRE"][rows].tolist(),
                checked.values["VALEUR"][rows].tolist(),
                checked.values["ACTIVITE"].take(pa.array(rows)).to_pylist(),
                strict=True,
            )
        )

    def without_result(self, checked: Checked) -> BoolArray:
        return np.zeros(len(checked), bool)

    def _asked(self, checked: Checked, matched: Matched, rows: Ints) -> tuple[list[Any], ...]:
        return (
            matched.worker[rows].tolist(),
            checked.values["DATE_DEBUT_PORT"][rows].tolist(),
            self.digests(checked, rows).tolist(),
            self.years(checked)[rows].tolist(),
        )

    def current(
        self, cursor: Cursor, sender: int, checked: Checked, matched: Matched, rows: Ints, everywhere: bool
    ) -> list[tuple[int, Version]]:
        rows = rows[matched.worker[rows] > 0]
        cursor.execute(sql.query("settle", "operational_current"), self._asked(checked, matched, rows))
        return [
            (int(rows[place]), Version(year, submission, line, tuple(content), who=None))
            for place, year, submission, line, *content in cursor.fetchall()
        ]

    def annulled(
        self, cursor: Cursor, sender: int, checked: Checked, matched: Matched, rows: Ints
    ) -> list[tuple[int, int, tuple[int, int], int]]:
        rows = rows[matched.worker[rows] > 0]
        cursor.execute(sql.query("settle", "operational_annulled"), self._asked(checked, matched, rows))
        return _annulled(cursor, rows)

    def close(
        self, cursor: Cursor, load: int, sender: int, checked: Checked, matched: Matched, closings: list[Closing]
    ) -> None:
        rows = np.array([closing.place for closing in closings], np.int64)
        _close(cursor, "operational_close", load, self._asked(checked, matched, rows), closings)

    def table(self, checked: Checked, matched: Matched, rows: Ints, sender: int) -> dict[str, Any]:
        values, at = checked.values, pa.array(rows)
        return {
            "value_usv": pa.array(values["VALEUR"][rows]),
            "key_digest": pa.array(self.digests(checked, rows)),
            "worker_id": pa.array(matched.worker[rows]),
            "establishment_id": pa.array(matched.establishment[rows]),
            "sender_id": pa.array(np.full(len(rows), sender)),
            "start_minute": pa.array(values["DATE_DEBUT_PORT"][rows]),
            "end_minute": pa.array(values["DATE_FIN_PORT"][rows]),
            "year": pa.array(self.years(checked)[rows]),
            "quantity": pa.array(values["TYPE_MESURE"][rows]),
            "dosimeter": pa.array(values["TYPE_DOSIMETRE"][rows]),
            "place": values["LIEU"].take(at),
            "zone": values["ZONE"].take(at),
            "activity": values["ACTIVITE"].take(at),
        }


def _annulled(cursor: Cursor, rows: Ints) -> list[tuple[int, int, tuple[int, int], int]]:
    """What an ``…_annulled`` query found: the asking row, year, who and the annulling submission."""
    return [
        (int(rows[place]), year, (worker, establishment), submission)
        for place, year, worker, establishment, submission in cursor.fetchall()
    ]


def _close(cursor: Cursor, query: str, load: int, keys: tuple[list[Any], ...], closings: list[Closing]) -> None:
    """Run an ``…_close`` query: every version named by its key is closed, or nothing is."""
    by = [(closing.submission, closing.line, closing.code) for closing in closings]
    cursor.execute(sql.query("settle", query), (load, *keys, *(list(column) for column in zip(*by, strict=True))))
    if cursor.rowcount != len(closings):
        raise RuntimeError(f"{len(closings)} measures were to be closed, {cursor.rowcount} were")


STORES: dict[str, Store] = {"PASSIVE": PassiveStore(), "OPERATIONNELLE": OperationalStore()}
