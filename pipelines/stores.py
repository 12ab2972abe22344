"""How the measures of each format lie in the warehouse: keys, contents, columns of their table.

A store knows nothing of outcomes; settling asks it for keys and versions, loading for rows to copy.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from enum import Enum, auto
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
from pipelines.references import Sender
from schemas.formats import passive

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
    #: The number under which an operational dose lies (a merged person has several).
    number: int = 0
    #: Submission and line of the physician's conclusion whose version holds instead; ``year`` is that version's.
    adjusted_by: tuple[int, int] | None = None


@dataclass(frozen=True)
class Closing:
    """A warehouse version that a row replaces (``C``, or a result after ``ABS``) or annuls (``A``)."""

    place: int
    year: int
    submission: int
    line: int
    code: str
    number: int = 0


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


class Form(Enum):
    """How a column of a measure lies in its table."""

    NUMBER = auto()  # always there: a code's position, a dose
    OPTIONAL = auto()  # null where nothing was sent
    DAY = auto()
    TEXT = auto()


@dataclass(frozen=True)
class Stored:
    """A column of a measure: its name in the table, in the format, and how it lies there."""

    name: str
    column: str
    form: Form = Form.NUMBER

    @property
    def read(self) -> str:
        """As a query reads it back, equal to the typed value."""
        return f"d.{self.name} - date '1970-01-01'" if self.form is Form.DAY else f"d.{self.name}"


class KeyedStore:
    """Measures that their sender identifies: one is (sender, identifier) within a year and the years beside it."""

    spans_years = True

    def __init__(
        self, kind: str, key: tuple[str, ...], day: str, columns: tuple[Stored, ...], *, silent: tuple[str, int] | None
    ) -> None:
        """
        Args:
            kind: the table's name.
            key: columns that identify a measure, joined by ``/``.
            day: the column of the result's day, whose civil year is the partition.
            columns: what the table holds besides who, where and the key; two measures are the same where
                all these and the persons are.
            silent: column and value of a measure without result, which a result may follow.
        """
        self.kind, self._key, self._day, self._columns, self._silent = kind, key, day, columns, silent

    def _query(self, name: str) -> str:
        columns = "".join(f", {one.read}" for one in self._columns)
        return sql.query("settle", name).replace("dose.keyed", f"dose.{self.kind}").replace("/* columns */", columns)

    def years(self, checked: Checked) -> Ints:
        return np.where(checked.readable[self._day], _year(checked.values[self._day]), 0)

    def references(self, checked: Checked, rows: Ints) -> pa.StringArray:
        parts = [checked.values[name].take(pa.array(rows)) for name in self._key]
        return parts[0] if len(parts) == 1 else pc.binary_join_element_wise(*parts, "/")

    def keys(self, checked: Checked, matched: Matched, rows: Ints) -> list[Key]:
        return list(self.references(checked, rows).to_pylist())

    def repeated(self, checked: Checked, matched: Matched, eligible: BoolArray) -> BoolArray:
        rows = np.flatnonzero(eligible)
        repeated = np.zeros(len(checked), bool)
        if len(rows) < 2:
            return repeated
        whole = len(rows) == len(checked) and len(self._key) == 1
        part = checked.values[self._key[0]] if whole else self.references(checked, rows)
        if pc.all(pc.less(part[:-1], part[1:])).as_py():  # most senders count up
            return repeated
        if pc.count_distinct(part).as_py() < len(rows):
            repeated[rows] = pd.Series(part.to_pandas()).duplicated(keep=False).to_numpy()
        return repeated

    def contents(self, checked: Checked, matched: Matched, rows: Ints) -> list[tuple[Any, ...]]:
        columns = []
        for one in self._columns:
            if one.form is Form.TEXT:
                columns.append(checked.values[one.column].take(pa.array(rows)).to_pylist())
            elif one.form is Form.OPTIONAL:
                columns.append(_nullable(checked, one.column, rows))
            else:
                columns.append(checked.values[one.column][rows].tolist())
        return list(zip(who_of(checked, matched, rows), *columns, strict=True))

    def without_result(self, checked: Checked) -> BoolArray:
        if self._silent is None:
            return np.zeros(len(checked), bool)
        column, value = self._silent
        return np.asarray(checked.readable[column] & (checked.values[column] == value))

    def current(
        self, cursor: Cursor, sender: int, checked: Checked, matched: Matched, rows: Ints, everywhere: bool
    ) -> list[tuple[int, Version]]:
        years = self.years(checked)[rows]
        first, last = (1, 9999) if everywhere else (int(years.min()) - 1, int(years.max()) + 1)
        ids = self.references(checked, rows)
        bounds = pc.min_max(ids).as_py()
        found = cursor.execute(
            self._query("keyed_range"), (sender, bounds["min"], bounds["max"], first, last)
        ).fetchone()
        if not found or not found[0]:
            return []
        asked = (ids.to_pylist(), sender, first, last)
        cursor.execute(self._query("keyed_current"), asked)
        versions = {
            (place, year): self._version(year, submission, line, worker, establishment, rest)
            for place, year, submission, line, worker, establishment, *rest in cursor.fetchall()
        }
        some = cursor.execute(self._query("keyed_any_adjusted"), (sender,)).fetchone()
        if some and some[0]:
            cursor.execute(self._query("keyed_adjusted"), asked)
            for place, year, by_submission, by_line, submission, line, worker, establishment, *rest in cursor:
                version = self._version(year, submission, line, worker, establishment, rest)
                versions[place, year] = replace(version, adjusted_by=(by_submission, by_line))
        return [(int(rows[place]), version) for (place, _), version in versions.items()]

    def _version(
        self, year: int, submission: int, line: int, worker: int, establishment: int, rest: list[Any]
    ) -> Version:
        silent = False
        if self._silent is not None:
            at = next(at for at, one in enumerate(self._columns) if one.column == self._silent[0])
            silent = rest[at] == self._silent[1]
        who = (worker, establishment)
        return Version(year, submission, line, content=(who, *rest), who=who, without_result=silent)

    def elsewhere(
        self, cursor: Cursor, physician: str, checked: Checked, matched: Matched, rows: Ints
    ) -> list[tuple[int, int, tuple[int, int]]]:
        """Measures of dosimetry bodies that rows of a physician name as ``<body>/<its identifier>``.

        Args:
            physician: the RPPS; only measures of the days on which their establishment designated it are reached.

        Returns:
            The asking row, the measure's year, its worker and establishment.
        """
        ids = self.references(checked, rows).to_pylist()
        named = [(int(row), *one.split("/", 1)) for row, one in zip(rows, ids, strict=True) if "/" in one]
        if not named:
            return []
        asked = [list(column) for column in zip(*named, strict=True)]
        cursor.execute(self._query("keyed_elsewhere"), (*asked, physician))
        return [(row, year, (worker, establishment)) for row, year, worker, establishment in cursor.fetchall()]

    def corrected(self, cursor: Cursor, sender: Sender, checked: Checked, rows: Ints) -> list[tuple[int, int]]:
        """Of these rows, those whose measure another account's physician has corrected: row and year."""
        if sender.role == "MDT":
            ids = [one if "/" in one else "" for one in self.references(checked, rows).to_pylist()]
        else:
            some = cursor.execute(self._query("keyed_any_corrected"), (sender.code + "/", sender.code + "0")).fetchone()
            if not some or not some[0]:
                return []
            ids = [f"{sender.code}/{one}" for one in self.references(checked, rows).to_pylist()]
        cursor.execute(self._query("keyed_corrected"), (rows.tolist(), ids, sender.partner_id))
        return [(row, year) for row, year in cursor.fetchall()]

    def annulled(
        self, cursor: Cursor, sender: int, checked: Checked, matched: Matched, rows: Ints
    ) -> list[tuple[int, int, tuple[int, int], int]]:
        cursor.execute(self._query("keyed_annulled"), (self.references(checked, rows).to_pylist(), sender))
        return [
            (int(rows[place]), year, (worker, establishment), submission)
            for place, year, worker, establishment, submission in cursor.fetchall()
        ]

    def close(
        self, cursor: Cursor, load: int, sender: int, checked: Checked, matched: Matched, closings: list[Closing]
    ) -> None:
        rows = np.array([closing.place for closing in closings], np.int64)
        ids = self.references(checked, rows).to_pylist()
        years = [closing.year for closing in closings]
        _close(cursor, self._query("keyed_close"), load, ([sender] * len(rows), ids, years), closings)

    def table(self, checked: Checked, matched: Matched, rows: Ints, sender: int) -> dict[str, Any]:
        values = checked.values
        table: dict[str, Any] = {
            "worker_id": pa.array(matched.worker[rows]),
            "establishment_id": pa.array(matched.establishment[rows]),
            "sender_id": pa.array(np.full(len(rows), sender)),
            "year": pa.array(self.years(checked)[rows]),
        }
        for one in self._columns:
            if one.form is Form.TEXT:
                table[one.name] = values[one.column].take(pa.array(rows))
            elif one.form is Form.DAY:
                table[one.name] = _dates(values[one.column][rows])
            else:
                present = checked.readable[one.column][rows]
                mask = None if one.form is Form.NUMBER or present.all() else ~present
                table[one.name] = pa.array(values[one.column][rows], mask=mask)
        return table | {"measure_id": self.references(checked, rows)}


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

    def _asked(self, checked: Checked, workers: list[int], rows: Ints) -> tuple[list[Any], ...]:
        return (
            workers,
            checked.values["DATE_DEBUT_PORT"][rows].tolist(),
            self.digests(checked, rows).tolist(),
            self.years(checked)[rows].tolist(),
        )

    @staticmethod
    def _under_every_number(matched: Matched, rows: Ints) -> tuple[Ints, list[int]]:
        """Rows of known persons, once for every number that is theirs, and these numbers."""
        rows = rows[matched.worker[rows] > 0]
        workers = matched.worker[rows].tolist()
        if not matched.merged:
            return rows, workers
        pairs = [
            (row, number)
            for row, worker in zip(rows.tolist(), workers, strict=True)
            for number in (worker, *matched.merged.get(worker, ()))
        ]
        return np.array([row for row, _ in pairs], np.int64), [number for _, number in pairs]

    def current(
        self, cursor: Cursor, sender: int, checked: Checked, matched: Matched, rows: Ints, everywhere: bool
    ) -> list[tuple[int, Version]]:
        rows, workers = self._under_every_number(matched, rows)
        cursor.execute(sql.query("settle", "operational_current"), self._asked(checked, workers, rows))
        return [
            (int(rows[place]), Version(year, submission, line, tuple(content), who=None, number=number))
            for place, year, submission, line, number, *content in cursor.fetchall()
        ]

    def annulled(
        self, cursor: Cursor, sender: int, checked: Checked, matched: Matched, rows: Ints
    ) -> list[tuple[int, int, tuple[int, int], int]]:
        rows, workers = self._under_every_number(matched, rows)
        cursor.execute(sql.query("settle", "operational_annulled"), self._asked(checked, workers, rows))
        return [
            (int(rows[place]), year, (int(matched.worker[rows[place]]), establishment), submission)
            for place, year, _, establishment, submission in cursor.fetchall()
        ]

    def close(
        self, cursor: Cursor, load: int, sender: int, checked: Checked, matched: Matched, closings: list[Closing]
    ) -> None:
        rows = np.array([closing.place for closing in closings], np.int64)
        asked = self._asked(checked, [closing.number for closing in closings], rows)
        _close(cursor, sql.query("settle", "operational_close"), load, asked, closings)

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


def _close(cursor: Cursor, query: str, load: int, keys: tuple[list[Any], ...], closings: list[Closing]) -> None:
    """Run a closing query: every version named by its key is closed, or nothing is."""
    by = [(closing.submission, closing.line, closing.code) for closing in closings]
    cursor.execute(query, (load, *keys, *(list(column) for column in zip(*by, strict=True))))
    if cursor.rowcount != len(closings):
        raise RuntimeError(f"{len(closings)} measures were to be closed, {cursor.rowcount} were")


STORES: dict[str, Store] = {
    "PASSIVE": KeyedStore(
        "passive",
        ("ID_MESURE",),
        "DATE_FIN_PORT",
        (
            Stored("quantity", "TYPE_MESURE"),
            Stored("location", "LOCALISATION"),
            Stored("dosimeter", "TYPE_DOSIMETRE"),
            Stored("start_day", "DATE_DEBUT_PORT", Form.DAY),
            Stored("end_day", "DATE_FIN_PORT", Form.DAY),
            Stored("state", "ETAT_RESULTAT"),
            Stored("value_usv", "VALEUR", Form.OPTIONAL),
            Stored("threshold_usv", "SEUIL", Form.OPTIONAL),
        ),
        silent=("ETAT_RESULTAT", passive.ABS),
    ),
    "OPERATIONNELLE": OperationalStore(),
    "INTERNE": KeyedStore(
        "internal",
        ("ID_ANALYSE", "RADIONUCLEIDE"),
        "DATE_EXAMEN",
        (
            Stored("exam", "TYPE_EXAMEN"),
            Stored("end_day", "DATE_EXAMEN", Form.DAY),
            Stored("nuclide", "RADIONUCLEIDE", Form.TEXT),
            Stored("activity_nbq", "ACTIVITE", Form.OPTIONAL),
            Stored("unit", "UNITE"),
            Stored("limit_nbq", "LIMITE_DETECTION", Form.OPTIONAL),
            Stored("state", "ETAT_RESULTAT"),
        ),
        silent=None,
    ),
    "ENGAGEE": KeyedStore(
        "committed",
        ("ID_EVALUATION",),
        "DATE_INCORPORATION",
        (
            Stored("physician", "RPPS", Form.TEXT),
            Stored("end_day", "DATE_INCORPORATION", Form.DAY),
            Stored("nuclide", "RADIONUCLEIDE", Form.TEXT),
            Stored("value_usv", "VALEUR"),
        ),
        silent=None,
    ),
    "NAVIGANT": KeyedStore(
        "aircrew",
        ("ID_CALCUL",),
        "MOIS",
        (
            Stored("end_day", "MOIS", Form.DAY),
            Stored("value_usv", "VALEUR"),
            Stored("flights", "NB_VOLS", Form.OPTIONAL),
        ),
        silent=None,
    ),
}
