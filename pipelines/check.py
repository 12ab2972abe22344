"""Check: text columns to typed columns and faults, for everything that needs no registry.

The rules of a format are pandera checks over the typed rows; each is judged on the rows whose inputs
are readable, so that one bad token never hides or invents another fault.
"""

from __future__ import annotations

import decimal
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipelines.parsing import Parsed, parse, read_dose, trimmed
from pipelines.read import Chunk
from schemas import codebook
from schemas.formats.common import ANNULS
from schemas.spec import DTYPES, TEXT_KINDS, Column, Context, Format, Rule

Codes = NDArray[np.uint64]


@dataclass
class Checked:
    """A chunk after checking.

    Attributes:
        first_line: number of its first row.
        sent: the text columns as sent.
        values: typed values by column (numpy, or Arrow strings), and ``<NIR>.sex|year|month|key``.
        readable: bool[n] by column.
        absent: bool[n] by column.
        codes: uint64[n], the row codes found so far (bits of the code book).
        quantity: int16[n], the books' line: position in the format's list, -1 for a type outside it.
        book_usv: int64[n], what the books carry: the value as sent in micro-sievert, 0 where it is
            negative or cannot be read.
        waived: uint64[n], by row the codes that an analyst has set aside: they are not raised on it.
    """

    first_line: int
    sent: dict[str, pa.StringArray]
    values: dict[str, Any]
    readable: dict[str, NDArray[np.bool_]]
    absent: dict[str, NDArray[np.bool_]]
    codes: Codes
    quantity: NDArray[np.int16]
    book_usv: NDArray[np.int64]
    waived: Codes | None = None

    def __len__(self) -> int:
        return len(self.codes)

    def raise_code(self, code: str, rows: NDArray[np.bool_]) -> None:
        """Add ``code`` to these rows, but for those where it is waived."""
        bit = np.uint64(codebook.bit(code))
        self.codes[rows] |= bit if self.waived is None else bit & ~self.waived[rows]

    def raise_at(self, code: str, row: int) -> None:
        """Add ``code`` to one row, unless it is waived there."""
        if not self.waives(code, row):
            self.codes[row] |= np.uint64(codebook.bit(code))

    def waives(self, code: str, row: int) -> bool:
        """Whether an analyst has set ``code`` aside for the row."""
        return self.waived is not None and bool(int(self.waived[row]) & codebook.bit(code))

    def forget_inputs(self) -> None:
        """Let go of what only checking needs."""
        self.absent = {}
        for name in [name for name in self.values if "." in name]:
            del self.values[name]

    def waive(self, codes: Codes) -> None:
        """Set codes aside by row: those found already are taken off, the others will not be raised."""
        self.waived = codes
        self.codes &= ~codes

    def carries(self, mask: int) -> NDArray[np.bool_]:
        """Rows that carry any of these codes."""
        return np.asarray((self.codes & np.uint64(mask)) != 0)


@lru_cache(maxsize=64)
def schema(layout: Format, context: Context) -> pandera.DataFrameSchema:
    """The pandera schema of a format's typed rows: dtypes by column, one named check a rule.

    A rule's check takes a frame of the rows where its inputs are readable.
    """
    columns = {
        column.name: pandera.Column(DTYPES[column.kind]) for column in layout.columns if column.kind not in TEXT_KINDS
    }
    checks = [_pandera_check(rule, context) for rule in layout.rules]
    return pandera.DataFrameSchema(columns, checks=checks, name=layout.name, strict=False)


def _pandera_check(rule: Rule, context: Context) -> pandera.Check:
    def holds(frame: pd.DataFrame) -> pd.Series:
        rows = {str(name): frame[name].to_numpy() for name in frame.columns}
        return pd.Series(rule.holds(rows, context), index=frame.index, dtype=bool)

    return pandera.Check(holds, name=rule.code, ignore_na=False)


def check(layout: Format, chunk: Chunk, context: Context) -> Checked:
    """Type a chunk and find every fault and repair that needs no registry.

    Args:
        layout: the format of the file.
        chunk: n rows of text.
        context: the registry's date.
    """
    count = len(chunk)
    codes = np.zeros(count, np.uint64)
    parsed: dict[str, Parsed] = {}
    absent: dict[str, NDArray[np.bool_]] = {}
    for column in layout.columns:
        parsed[column.name], absent[column.name] = parse(column, chunk.columns[column.name], context.role)
        _note(layout, column, parsed[column.name], codes)
    checked = Checked(
        first_line=chunk.first_line,
        sent=chunk.columns,
        values={name: one.values for name, one in parsed.items()},
        readable={name: one.readable for name, one in parsed.items()},
        absent=absent,
        codes=codes,
        quantity=np.zeros(count, np.int16),
        book_usv=np.zeros(count, np.int64),
    )
    for one in parsed.values():
        checked.values.update(one.derived)
    _judge(layout, checked, context)
    if layout.measure is not None:
        _annulments(layout, parsed, checked)
        _books(layout, checked)
    if chunk.ragged.any():
        codes[chunk.ragged] = np.uint64(codebook.bit("FMT-01"))
    return checked


def _note(layout: Format, column: Column, parsed: Parsed, codes: Codes) -> None:
    for code, rows in parsed.marks.items():
        formats = codebook.book()[code].formats
        if formats and layout.name not in formats:
            continue
        codes[rows] |= np.uint64(codebook.bit(code))


def _judge(layout: Format, checked: Checked, context: Context) -> None:
    """Run the format's pandera checks, each on the rows whose inputs are readable."""
    frame = pd.DataFrame(_numeric(layout, checked), copy=False)
    for rule, verdict in zip(layout.rules, schema(layout, context).checks, strict=True):
        judged = np.ones(len(checked), bool)
        for name in rule.needs:
            judged &= checked.readable[name]
        for name in rule.bears:
            judged &= checked.readable[name] | checked.absent[name]
        names = [name for name in frame.columns if name.split(".")[0].rstrip("?") in (*rule.needs, *rule.bears)]
        rows = frame[names]
        if not judged.all():
            rows = rows[judged]
        held = verdict(rows).check_output.to_numpy(dtype=bool)
        if not held.all():
            failed = np.flatnonzero(judged)[~held]
            checked.codes[failed] |= np.uint64(codebook.bit(rule.code))


def _numeric(layout: Format, checked: Checked) -> Mapping[str, Any]:
    columns: dict[str, Any] = {}
    for column in layout.columns:
        if column.kind not in TEXT_KINDS:
            columns[column.name] = checked.values[column.name]
        elif any(column.name in rule.needs for rule in layout.rules) and column.name + ".key" not in checked.values:
            columns[column.name] = checked.values[column.name].to_numpy(zero_copy_only=False)
        columns[column.name + "?"] = ~checked.absent[column.name]
    columns.update({name: values for name, values in checked.values.items() if "." in name})
    return columns


def _annulments(layout: Format, parsed: dict[str, Parsed], checked: Checked) -> None:
    """An ``A`` row is judged on its key, NIR and SIRET only: drop what the other columns raised."""
    assert layout.measure is not None
    annuls = checked.readable["CODE_METROLOGIE"] & (checked.values["CODE_METROLOGIE"] == ANNULS)
    if not annuls.any():
        return
    kept = np.zeros(len(checked), np.uint64)
    for name in {*layout.measure.key, "NIR", "SIRET", "CODE_METROLOGIE"}:
        _note(layout, layout.column(name), parsed[name], kept)
    checked.codes[annuls] = kept[annuls]


def _books(layout: Format, checked: Checked) -> None:
    assert layout.measure is not None
    name = layout.measure.quantity
    if name is not None:
        checked.quantity[:] = np.where(checked.readable[name], checked.values[name], -1)
    if layout.measure.value is not None:
        value, readable = checked.values[layout.measure.value], checked.readable[layout.measure.value]
        checked.book_usv[:] = np.where(readable & (value > 0), value, 0)


#: Arithmetic without rounding, whatever the number of digits.
EXACT = decimal.Context(prec=decimal.MAX_PREC, Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN)


def exact_sum(array: pa.StringArray) -> decimal.Decimal:
    """Sum of a VALEUR column exactly as sent, unreadable values counting 0."""
    total = decimal.Decimal(0)
    for entry in pc.value_counts(trimmed(array)[0]).to_pylist():
        text, times = entry["values"], entry["counts"]
        if read_dose(text)[1] is None:
            value = EXACT.multiply(decimal.Decimal(text.replace(",", ".")), decimal.Decimal(times))
            total = EXACT.add(total, value)
    return total
