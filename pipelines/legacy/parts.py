"""Parts: the files of the old registry, read in batches of typed columns with what cannot be read marked."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from loaders.errors import UsageError
from schemas.legacy import Column, Form, Table, tables

#: Rows at once: few enough for memory, many enough that a batch costs more than its handling.
BATCH = 1 << 17
_ENDS = (".parquet", ".csv")
_TYPES = {Form.NUMBER: pa.int64(), Form.DAY: pa.int64(), Form.MINUTE: pa.int64(), Form.TEXT: pa.string()}


@dataclass(frozen=True)
class Part:
    """A file of one table; ``name`` is ``<table>/<file>``."""

    table: Table
    path: Path

    @property
    def name(self) -> str:
        return f"{self.table.name}/{self.path.name}"

    def digest(self) -> str:
        """SHA-256 of its bytes, hexadecimal."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass
class Rows:
    """Some rows of a part.

    Attributes:
        lines: number of each row, 1 for the first of the part.
        sent: the columns as they came.
        values: int64 (numbers, days since 1970-01-01, minutes since then) or string; null where absent or unreadable.
        bad: by column, rows whose value is there and cannot be read.
    """

    lines: NDArray[np.int64]
    sent: pa.Table
    values: dict[str, pa.Array]
    bad: dict[str, NDArray[np.bool_]]

    def __len__(self) -> int:
        return int(self.sent.num_rows)

    def texts(self, rows: NDArray[np.int64]) -> list[dict[str, str]]:
        """These rows as they came, for people and for another try."""
        taken = self.sent.take(pa.array(rows))
        columns = [
            ["" if one is None else _text(one) for one in taken[name].to_pylist()] for name in taken.column_names
        ]
        return [dict(zip(taken.column_names, cells, strict=True)) for cells in zip(*columns, strict=True)]


def _text(value: object) -> str:
    return value.isoformat(timespec="minutes") if isinstance(value, datetime) else str(value)


def found(folder: Path) -> list[Part]:
    """The parts of a folder, in the order in which they are taken: by table, then by name.

    Raises:
        UsageError: no such folder, something in it that is no part, a part that lacks a column or cannot be read.
    """
    if not folder.is_dir():
        raise UsageError("the legacy's folder does not exist")
    strange = sorted(one.name for one in folder.iterdir() if one.is_dir() and one.name not in tables())
    if strange:
        raise UsageError(f"unknown folder {strange[0]!r}; known: {', '.join(tables())}")
    parts = []
    for table in tables().values():
        for path in sorted((folder / table.name).glob("*")):
            if path.suffix not in _ENDS or not path.is_file() or path.is_symlink():
                raise UsageError(f"{table.name}/{path.name} is no part: parts are plain .parquet or .csv files")
            parts.append(Part(table, path))
    if not parts:
        raise UsageError("the legacy's folder holds no part: see docs/reprise.md for its layout")
    for part in parts:
        missing = [name for name in part.table.names if name not in _names(part)]
        if missing:
            raise UsageError(f"{part.name} lacks the column {missing[0]}")
    return parts


def _names(part: Part) -> list[str]:
    try:
        if part.path.suffix == ".parquet":
            return list(pyarrow.parquet.read_schema(part.path).names)
        with part.path.open("rb") as file:
            return file.readline().decode("utf-8-sig").strip().split(";")
    except (pa.ArrowException, UnicodeDecodeError, OSError):
        raise UsageError(f"{part.name} cannot be read") from None


def count(part: Part) -> int:
    """Rows of a part: exact for Parquet, an upper bound by the bytes of a CSV."""
    if part.path.suffix == ".parquet":
        return int(pyarrow.parquet.read_metadata(part.path).num_rows)
    return part.path.stat().st_size // len(part.table.names)


def batches(part: Part, columns: Sequence[str] | None = None) -> Iterator[Rows]:
    """The rows of a part, in order; ``columns``: only these.

    Raises:
        UsageError: the file cannot be read to its end. The message never quotes a row.
    """
    chosen = [column for column in part.table.columns if columns is None or column.name in columns]
    line = 1
    try:
        for table in _tables(part, [column.name for column in chosen]):
            yield typed(table, chosen, np.arange(line, line + table.num_rows))
            line += table.num_rows
    except (pa.ArrowException, UnicodeDecodeError):
        raise UsageError(f"{part.name} cannot be read beyond line {line}") from None


def _tables(part: Part, names: list[str]) -> Iterator[pa.Table]:
    if part.path.suffix == ".parquet":
        with pyarrow.parquet.ParquetFile(part.path) as file:
            for batch in file.iter_batches(BATCH, columns=names):
                yield pa.Table.from_batches([batch]).select(names)
        return
    convert = pyarrow.csv.ConvertOptions(
        include_columns=names, column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
    )
    with pyarrow.csv.open_csv(
        part.path,
        pyarrow.csv.ReadOptions(block_size=16 << 20),
        pyarrow.csv.ParseOptions(delimiter=";"),
        convert,
    ) as reader:
        for batch in reader:
            yield pa.Table.from_batches([batch])


def typed(table: pa.Table, columns: Sequence[Column], lines: NDArray[np.int64]) -> Rows:
    """Columns as they came, read by their forms."""
    values: dict[str, pa.Array] = {}
    bad: dict[str, NDArray[np.bool_]] = {}
    for column in columns:
        came = table[column.name].combine_chunks()
        if pa.types.is_dictionary(came.type):
            came = came.cast(came.type.value_type)
        values[column.name], bad[column.name] = _read(came, column.form)
    return Rows(lines, table, values, bad)


def _read(came: pa.Array, form: Form) -> tuple[pa.Array, NDArray[np.bool_]]:
    good = np.zeros(len(came), bool)
    kind = came.type
    if form is Form.TEXT:
        return pc.fill_null(came.cast(pa.string()), ""), good
    if form is Form.NUMBER and pa.types.is_integer(kind):
        return came.cast(pa.int64()), good
    if form is Form.DAY and pa.types.is_date32(kind):
        return came.cast(pa.int32()).cast(pa.int64()), good
    if form is Form.MINUTE and pa.types.is_timestamp(kind) and kind.tz is None:
        return pc.divide(came.cast(pa.timestamp("s"), safe=False).cast(pa.int64()), 60), good
    if pa.types.is_null(kind):
        return pa.nulls(len(came), _TYPES[form]), good
    encoded = pc.fill_null(came.cast(pa.string()), "").dictionary_encode()
    read = {Form.NUMBER: _number, Form.DAY: _day, Form.MINUTE: _minute}[form]
    texts = [text.strip() for text in encoded.dictionary.to_pylist()]
    numbers = pa.array([read(text) if text else None for text in texts], pa.int64())
    there = np.array([bool(text) for text in texts], bool)
    index = encoded.indices
    values = numbers.take(index)
    unread = there[index.to_numpy()] & np.asarray(pc.is_null(values)) if texts else good
    return values, unread


def _number(text: str) -> int | None:
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) <= 15 else None


def _day(text: str) -> int | None:
    try:
        return date.fromisoformat(text).toordinal() - 719_163 if len(text) == 10 else None
    except ValueError:
        return None


def _minute(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text) if len(text) == 16 else None
    except ValueError:
        return None
    if moment is None:
        return None
    return (moment.toordinal() - 719_163) * 1440 + moment.hour * 60 + moment.minute
