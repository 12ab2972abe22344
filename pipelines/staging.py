"""Staging: checked chunks between the two passes over a file, on disk, so that memory stays flat."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import numpy as np
import pyarrow as pa
import pyarrow.ipc

from pipelines.check import Checked


class Staging:
    """A private file of Arrow batches, one per chunk; gone when the context ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: pyarrow.ipc.RecordBatchFileWriter | None = None

    def __enter__(self) -> Staging:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path.unlink(missing_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is not None:
            self._writer.close()
        self._path.unlink(missing_ok=True)

    def add(self, checked: Checked) -> None:
        """Put a chunk aside."""
        columns: dict[str, pa.Array] = {}
        for name, text in checked.sent.items():
            columns[f"s:{name}"] = text
        for name, values in checked.values.items():
            if "." not in name:  # derived values served the rules and are not needed again
                columns[f"v:{name}"] = pa.array(values)
        for name in checked.readable:
            columns[f"r:{name}"] = pa.array(checked.readable[name].view(np.uint8))
        columns["codes"] = pa.array(checked.codes)
        columns["quantity"] = pa.array(checked.quantity)
        columns["book"] = pa.array(checked.book_usv)
        columns["first"] = pa.array(np.full(len(checked), checked.first_line))
        batch = pa.record_batch(dict(sorted(columns.items())))
        if self._writer is None:
            self._writer = pyarrow.ipc.new_file(str(self._path), batch.schema)
        self._writer.write_batch(batch)

    def chunks(self) -> Iterator[Checked]:
        """The chunks again, in order."""
        if self._writer is None:
            return
        self._writer.close()
        with pa.OSFile(str(self._path)) as source, pyarrow.ipc.open_file(source) as reader:
            for at in range(reader.num_record_batches):
                yield _restored(reader.get_batch(at))


def _restored(batch: pa.RecordBatch) -> Checked:
    sent: dict[str, pa.Array] = {}
    values: dict[str, object] = {}
    readable: dict[str, np.ndarray] = {}
    for name in batch.schema.names:
        column = batch.column(name)
        if name.startswith("s:"):
            sent[name[2:]] = column
        elif name.startswith("v:"):
            text = pa.types.is_string(column.type)
            values[name[2:]] = column if text else column.to_numpy()
        elif name.startswith("r:"):
            readable[name[2:]] = column.to_numpy().view(bool)
    return Checked(
        first_line=int(batch.column("first")[0].as_py()),
        sent=sent,
        values=values,
        readable=readable,
        absent={},
        codes=batch.column("codes").to_numpy().copy(),
        quantity=batch.column("quantity").to_numpy(),
        book_usv=batch.column("book").to_numpy(),
    )
