"""A waiting row as the proposals read it: numbers repaired, names folded, days typed; what cannot be read is empty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import pyarrow as pa

from pipelines.match import person_column
from pipelines.names import fold
from pipelines.parsing import Parsed, parse
from schemas import codebook
from schemas.formats import formats
from schemas.identifiers import FIRST_DIGITS_MALE
from schemas.spec import Format, Kind

_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Waiting:
    """One waiting row.

    Attributes:
        codes: bits of the code book.
        layout: name of the format.
        row: columns as sent.
        received_on: the registry's date of its reception.
    """

    codes: int
    layout: str
    row: dict[str, str]
    received_on: date


@dataclass(frozen=True)
class Row:
    """The same row, read.

    Attributes:
        person: column that says whom the row is about, ``None`` where none does.
        nir, siret: well formed and repaired, or empty.
        last, first: folded names of the worker, both empty where either is missing.
        sex: ``M`` or ``F``, from the column or the number, or empty.
        start, end: first and last day of a measure.
        day: the day on which the row is judged; that of its reception where it has none.
        usv: the dose sent in micro-sievert; ``quantity`` its place in the format's list.
    """

    codes: frozenset[str]
    layout: Format
    person: str | None
    nir: str
    siret: str
    last: str
    first: str
    birth: date | None
    sex: str
    start: date | None
    end: date | None
    day: date
    usv: int | None
    quantity: int

    @property
    def siren(self) -> str:
        return self.siret[:9]


def read(waiting: Sequence[Waiting]) -> list[Row]:
    """The rows read, in order; each format's columns are parsed at once."""
    rows: list[Row | None] = [None] * len(waiting)
    groups: dict[str, list[int]] = {}
    for at, one in enumerate(waiting):
        groups.setdefault(one.layout, []).append(at)
    for name, places in groups.items():
        layout = formats()[name]
        for at, row in zip(places, _of(layout, [waiting[place] for place in places]), strict=True):
            rows[at] = row
    return [row for row in rows if row is not None]


def _of(layout: Format, waiting: list[Waiting]) -> list[Row]:
    person = person_column(layout)
    named = layout.has("PRENOM") and person is not None
    measure = layout.measure
    start, end = (measure.start, measure.end) if measure else (None, None)
    day = layout.considered or ("DATEFIN" if layout.has("DATEFIN") else None)
    value = measure.value if measure else None
    quantity = measure.quantity if measure else None
    columns = {name for name in (person, start, end, day, value, quantity) if name}
    columns |= {name for name in ("SIRET", "DATENAISSANCE", "SEXE") if layout.has(name)}
    columns |= {"NOM", "PRENOM"} if named else set()
    parsed: dict[str, Parsed] = {}
    for name in columns:
        sent = pa.array([one.row.get(name, "") for one in waiting], pa.string())
        parsed[name] = parse(layout.column(name), sent, None)[0]

    def text(name: str | None, at: int) -> str:
        if name is None or name not in parsed or not parsed[name].readable[at]:
            return ""
        value = parsed[name].values[at]
        return str(value.as_py() if hasattr(value, "as_py") else value)

    def number(name: str | None, at: int) -> int | None:
        if name is None or not parsed[name].readable[at]:
            return None
        return int(parsed[name].values[at])

    def last_day(name: str | None, at: int) -> date | None:
        found = number(name, at)
        if found is None or name is None:
            return None
        return _EPOCH + timedelta(days=found // 1440 if layout.column(name).kind is Kind.TIME else found)

    def first_day(name: str | None, at: int) -> date | None:
        found = last_day(name, at)
        if found is None or name is None or layout.column(name).kind is not Kind.MONTH:
            return found
        return found.replace(day=1)

    rows = []
    for at, one in enumerate(waiting):
        last, first = (fold(text("NOM", at)), fold(text("PRENOM", at))) if named else ("", "")
        nir = text(person, at)
        sex = text("SEXE", at)
        rows.append(
            Row(
                codes=frozenset(codebook.names(one.codes)),
                layout=layout,
                person=person,
                nir=nir,
                siret=text("SIRET", at),
                last=last if first else "",
                first=first if last else "",
                birth=last_day("DATENAISSANCE", at) if layout.has("DATENAISSANCE") else None,
                sex=layout.column("SEXE").codes[int(sex)] if sex else _sex(nir),
                start=first_day(start, at),
                end=last_day(end, at),
                day=last_day(day, at) or one.received_on,
                usv=number(value, at),
                quantity=number(quantity, at) or 0,
            )
        )
    return rows


def _sex(nir: str) -> str:
    if not nir:
        return ""
    return "M" if int(nir[0]) in FIRST_DIGITS_MALE else "F"
