"""Everything a file tells by itself: file-level faults, the rows, their checks, without a registry.

What the server reads and the sender's own check are this same function.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path

from pipelines import check, fixed, read
from pipelines.check import Checked
from pipelines.read import Dialect, FileFault, Layout
from schemas import codebook
from schemas.roles import may_send
from schemas.spec import Context


@dataclass(frozen=True)
class Marker:
    """Control totals of a ``<name>.ok`` marker; ``None`` where not given, ``unreadable`` where it lies."""

    rows: int | None = None
    total: Decimal | None = None
    unreadable: bool = False

    @classmethod
    def read(cls, text: str) -> Marker:
        rows: int | None = None
        total: Decimal | None = None
        unreadable = False
        for line in text.splitlines():
            name, _, value = line.strip().partition("=")
            try:
                if name == "LIGNES":
                    rows = int(value) if value.strip().isdecimal() else _refuse()
                elif name == "SOMME_MSV":
                    total = Decimal(value.strip().replace(",", "."))
                    unreadable = unreadable or not total.is_finite()
            except (ValueError, InvalidOperation):
                unreadable = True
        return cls(rows, total, unreadable)


def _refuse() -> int:
    raise ValueError


@dataclass
class Opened:
    """A file whose header is accepted: what loading and the report need to know of it."""

    path: Path
    dialect: Dialect
    layout: Layout

    def chunks(self, context: Context) -> Iterator[Checked]:
        """The rows, typed and checked, in order.

        Raises FileFault ``FIC-09``; of a fixed-width file also ``FIC-01`` and ``FIC-08``, at its end.
        """
        for chunk in read.chunks(self.path, self.dialect, self.layout):
            yield check.check(self.layout.format, chunk, context)


def open_file(
    path: Path,
    name: str,
    *,
    role: str | None,
    max_bytes: int,
    known: Callable[[str], bool] | None = None,
    partner: str | None = None,
    refused: bool = False,
) -> Opened:
    """Recognise a file.

    Args:
        path: where the bytes lie.
        name: the name as dropped.
        role: the sender's role; ``None`` where it is not known (no ``FIC-05``).
        max_bytes: most unpacked bytes.
        known: tells, for a recognised format's name, whether these bytes were received before (``FIC-06``).
        partner: the sender's code, which a fixed-width header must name; ``None`` where it is not known.
        refused: the sender may send no file in this way (``FIC-05``).

    Raises:
        FileFault: the first that holds in the order 02, 07, 09, 01, 03, 04, 05, 06; a name that
            cannot be read is ``FIC-03`` at once.
    """
    if not read.acceptable_name(name):
        raise FileFault("FIC-03")
    dialect = read.scan(path, name, max_bytes)
    layout = read.identify(path, dialect)
    code = None
    another = partner is not None and layout.record is not None and layout.sender != partner
    if refused or another or (role is not None and not may_send(role, layout.format.name)):
        code = "FIC-05"
    elif known is not None and known(layout.format.name):
        code = "FIC-06"
    if code:
        if layout.record is not None:
            fixed.check_structure(path, dialect, layout)
        else:
            read.check_structure(path, dialect, layout.delimiter.join(layout.header), layout.delimiter)
        raise FileFault(code)
    return Opened(path, dialect, layout)


class Totals:
    """Counts rows and sums VALEUR over a file, to hold against its marker."""

    def __init__(self) -> None:
        self.rows = 0
        self._sum = Decimal(0)

    def add(self, checked: Checked) -> None:
        self.rows += len(checked)

    def add_values(self, checked: Checked) -> None:
        if "VALEUR" in checked.sent:
            self._sum = check.EXACT.add(self._sum, check.exact_sum(checked.sent["VALEUR"]))

    def settle(self, marker: Marker | None) -> None:
        """Raises FileFault ``FIC-01`` (no row) or ``FIC-08`` (totals disagree)."""
        if not self.rows:
            raise FileFault("FIC-01")
        if marker is None:
            return
        if marker.unreadable or (marker.rows is not None and marker.rows != self.rows):
            raise FileFault("FIC-08")
        if marker.total is not None and marker.total != self._sum:
            raise FileFault("FIC-08")


@dataclass
class Judgement:
    """What a file tells by itself; ``rows`` holds the codes of each data row, in order."""

    file_code: str | None = None
    format: str | None = None
    rows: list[frozenset[str]] = field(default_factory=list)


def judge(
    data: bytes,
    name: str,
    registry_date: date,
    role: str | None = None,
    marker: str | None = None,
    max_bytes: int = 1 << 30,
    partner: str | None = None,
) -> Judgement:
    """Judge a whole file held in memory, without a registry; ``partner`` is the sender's code, where known."""
    found = Judgement()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(data)
        totals = Totals()
        try:
            opened = open_file(path, name, role=role, max_bytes=max_bytes, partner=partner)
            for checked in opened.chunks(Context.on(registry_date, role)):
                totals.add(checked)
                if marker is not None:
                    totals.add_values(checked)
                found.rows.extend(frozenset(codebook.names(int(value))) for value in checked.codes)
            totals.settle(Marker.read(marker) if marker is not None else None)
        except FileFault as fault:
            return Judgement(fault.code)
        found.format = opened.layout.format.name
    return found
