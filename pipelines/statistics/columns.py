"""Columns: numbers of a year held side by side, one array a column, and their form at rest."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Self

import numpy as np
import pyarrow as pa

from pipelines.windows import Ints, Mask

_ARROW = {"int2": pa.int16(), "int4": pa.int32(), "int8": pa.int64(), "date": pa.int32()}


class Columns:
    """A frozen dataclass of int64 arrays of one length; the first is the key by which rows are replaced.

    ``types``: its columns and what the database calls each, as :func:`loaders.bulk.fetch_numbers` wants it (dates are
    days since 1970-01-01).
    """

    types: ClassVar[dict[str, str]]

    def __len__(self) -> int:
        return len(self.key)

    @property
    def arrays(self) -> list[Ints]:
        """The columns in their order."""
        return [getattr(self, name) for name in self.types]

    @property
    def key(self) -> Ints:
        """The first column."""
        return self.arrays[0]

    def take(self, chosen: Ints | Mask) -> Self:
        """Some of the rows."""
        return type(self)(*(array[chosen] for array in self.arrays))

    @classmethod
    def joined(cls, parts: Iterable[Self]) -> Self:
        """Rows of several, one after the other."""
        columns = list(zip(*(part.arrays for part in parts), strict=True))
        return cls(*(np.concatenate(arrays) for arrays in columns)) if columns else cls.none()

    @classmethod
    def none(cls) -> Self:
        """No rows."""
        return cls(*(np.empty(0, np.int64) for _ in cls.types))

    def table(self) -> pa.Table:
        """As an Arrow table, each column as narrow as the database's."""
        kinds = self.types.values()
        arrays = [pa.array(array).cast(_ARROW[kind]) for array, kind in zip(self.arrays, kinds, strict=True)]
        return pa.table(arrays, names=list(self.types))

    def packed(self) -> bytes:
        """As bytes that :meth:`unpacked` reads: an Arrow file."""
        out = pa.BufferOutputStream()
        table = self.table()
        with pa.ipc.new_file(out, table.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
            writer.write_table(table)
        return bytes(out.getvalue())

    @classmethod
    def unpacked(cls, packed: bytes) -> Self:
        """What was packed. Raises ValueError where the bytes are no such columns."""
        try:
            table = pa.ipc.open_file(pa.py_buffer(packed)).read_all()
        except (pa.ArrowInvalid, OSError) as error:
            raise ValueError("not an Arrow file") from error
        if table.column_names != list(cls.types):
            raise ValueError(f"not the columns of {cls.__name__}")
        return cls(*(np.asarray(column).astype(np.int64) for column in table.columns))


def differing(held: Columns, found: Columns) -> int:
    """Rows of one that the other lacks, either way; equal rows count as often as they occur."""
    signed = [
        rows.table().append_column("sign", pa.array(np.full(len(rows), sign, np.int64)))
        for rows, sign in ((held, 1), (found, -1))
    ]
    counted = pa.concat_tables(signed).group_by(list(held.types)).aggregate([("sign", "sum")])
    return int(np.abs(np.asarray(counted["sign_sum"])).sum())
