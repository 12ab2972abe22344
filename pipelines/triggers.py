"""Triggers of the test channel: ``CODE:XXX-nn`` in a free-text field raises that code on its row.

A sender's software can so meet every answer before it goes live. A code of the code book acts on any
format; one that concerns a whole file refuses the file; a code that the book does not hold does nothing.
A row whose structure is wrong (``FMT-01``) carries nothing else, with or without a trigger.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.check import Checked, check
from pipelines.offline import Opened
from pipelines.parsing import SPACES
from pipelines.read import Chunk, FileFault
from pipelines.settle import Settled
from schemas import codebook
from schemas.codebook import Severity
from schemas.spec import FREE_KINDS, Context, Format, Kind

_MARK = "CODE:"
_TRIGGER = re.compile(_MARK + r"([A-Z]{3}-[0-9]{2})")
#: Of several file codes the first in this order is the answer.
FILE_ORDER = ("FIC-02", "FIC-07", "FIC-09", "FIC-01", "FIC-03", "FIC-04", "FIC-05", "FIC-06", "FIC-08")
_OTHER_NAME = "IDT-08"
_BROKEN, _SAME = codebook.bit("FMT-01"), codebook.bit("MET-12")
_REJECT, _HOLD = codebook.severity_mask(Severity.REJECT), codebook.severity_mask(Severity.HOLD)


def chunks(opened: Opened, context: Context) -> Iterator[Checked]:
    """The rows of a trial file, typed and checked, with the codes of their triggers.

    Raises:
        FileFault: after the last row, the first code of the file's own fault and the triggers asked for.
    """
    refused: set[str] = set()
    try:
        for checked in opened.chunks(context):
            refused |= act(opened.layout.format, checked, context)
            yield checked
    except FileFault as fault:
        refused.add(fault.code)
    if refused:
        raise FileFault(min(refused, key=FILE_ORDER.index))


def act(layout: Format, checked: Checked, context: Context) -> set[str]:
    """Raise on each row the codes that its triggers ask for.

    A trigger is no value: it is not compared with a known name, and an optional field that holds one is
    judged as if it were empty.

    Returns:
        The codes asked for that concern the whole file.
    """
    asked = {
        name: {row: code for row, code in found.items() if not int(checked.codes[row]) & _BROKEN}
        for name, found in _triggers(layout, checked).items()
    }
    asked = {name: found for name, found in asked.items() if found}
    if not asked:
        return set()
    _without_optional(layout, checked, context, asked)
    book = codebook.book()
    refused = set()
    for name, found in asked.items():
        if layout.column(name).kind is Kind.NAME:
            readable = checked.readable[name].copy()
            readable[list(found)] = False
            checked.readable[name] = readable
        for row, code in found.items():
            if book[code].bit is None:
                refused.add(code)
            else:
                checked.codes[row] |= np.uint64(codebook.bit(code))
    checked.codes[checked.carries(_BROKEN)] = np.uint64(_BROKEN)
    return refused


def _triggers(layout: Format, checked: Checked) -> dict[str, dict[int, str]]:
    """By free-text column: row and code."""
    found: dict[str, dict[int, str]] = {}
    for column in layout.columns:
        if column.kind not in FREE_KINDS:
            continue
        sent = checked.sent[column.name]
        marked = np.flatnonzero(pc.match_substring(sent, _MARK).to_numpy(zero_copy_only=False))
        for row, text in zip(marked.tolist(), sent.take(pa.array(marked)).to_pylist(), strict=True):
            matched = _TRIGGER.fullmatch(text.strip(SPACES))
            if matched and matched[1] in codebook.book():
                found.setdefault(column.name, {})[row] = matched[1]
    return found


def _without_optional(layout: Format, checked: Checked, context: Context, asked: dict[str, dict[int, str]]) -> None:
    """Judge rows again whose trigger stands in a field that need not be filled, as if it were not."""
    empty = {name: found for name, found in asked.items() if not layout.column(name).required}
    rows = sorted({row for found in empty.values() for row in found})
    if not rows:
        return
    columns = {}
    for name in layout.names:
        texts = checked.sent[name].take(pa.array(rows)).to_pylist()
        for at, row in enumerate(rows):
            if row in empty.get(name, {}):  # what surrounds the trigger stays: spaces are still a repair
                texts[at] = texts[at].replace(texts[at].strip(SPACES), "")
        columns[name] = pa.array(texts, pa.string())
    again = check(layout, Chunk(checked.first_line, columns, np.zeros(len(rows), bool)), context)
    checked.codes[rows] = again.codes


def settle(layout: Format, checked: Checked, settled: Settled) -> None:
    """What the registry's own faults leave of the triggers' rows, once they were looked for.

    A duplicate that was asked for carries no code that holds it and becomes no measure; a trigger that stands
    in a name is no name that disagrees.
    """
    found = _triggers(layout, checked)
    asked = {row for one in found.values() for row, code in one.items() if code == _OTHER_NAME}
    named = {row for name, one in found.items() if layout.column(name).kind is Kind.NAME for row in one}
    checked.codes[sorted(named - asked)] &= ~np.uint64(codebook.bit(_OTHER_NAME))
    rows = checked.carries(_SAME) & ~checked.carries(_REJECT)
    checked.codes[rows] &= ~np.uint64(_HOLD)
    settled.insert[rows] = False
