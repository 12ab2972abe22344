"""Books: rows and micro-sieverts by quantity and outcome; what is received is what became of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pipelines.check import Checked
from schemas.codebook import Outcome
from schemas.spec import Format

#: Line of the books for a TYPE_MESURE that the format does not list.
OTHER = "(autre)"
#: Outcomes in the order of the warehouse's columns.
ORDER = (Outcome.INTEGRE, Outcome.EN_ATTENTE, Outcome.REJETE, Outcome.DOUBLON)
KEYS = ("recues", "integrees", "en_attente", "rejetees", "doublons")


def quantity_names(layout: Format) -> tuple[str, ...]:
    """Names of a format's book lines; position -1 is :data:`OTHER`. One nameless line without doses."""
    if layout.measure is None or layout.measure.quantity is None:
        return ("" if layout.measure is None else layout.measure.line,)
    return (*layout.column(layout.measure.quantity).codes, OTHER)


@dataclass
class Book:
    """Rows and micro-sieverts by outcome, in :data:`ORDER`; what is received is their sum."""

    rows: list[int] = field(default_factory=lambda: [0] * len(ORDER))
    usv: list[int] = field(default_factory=lambda: [0] * len(ORDER))

    def move(self, outcome: Outcome, rows: int, usv: int) -> None:
        """Some waiting rows change outcome."""
        self.add(Outcome.EN_ATTENTE, -rows, -usv)
        self.add(outcome, rows, usv)

    def add(self, outcome: Outcome, rows: int, usv: int) -> None:
        self.rows[ORDER.index(outcome)] += rows
        self.usv[ORDER.index(outcome)] += usv

    def figures(self) -> tuple[int, ...]:
        """The ten figures of the warehouse: rows received and by outcome, then micro-sieverts."""
        return (sum(self.rows), *self.rows, sum(self.usv), *self.usv)

    @classmethod
    def of(cls, figures: Sequence[Any]) -> Book:
        """From the ten figures of the warehouse."""
        return cls([int(one) for one in figures[1:5]], [int(one) for one in figures[6:10]])


class Books:
    """The books of one submission, by quantity."""

    def __init__(self) -> None:
        self.lines: defaultdict[str, Book] = defaultdict(Book)

    def enter(self, layout: Format, checked: Checked, letters: Any) -> None:
        """Add a chunk: ``letters`` holds each row's one-letter outcome."""
        names = quantity_names(layout)
        for outcome in ORDER:
            rows = letters == outcome.value
            if not rows.any():
                continue
            if len(names) == 1:
                self.lines[names[0]].add(outcome, int(rows.sum()), int(checked.book_usv[rows].sum()))
                continue
            at = np.where(checked.quantity[rows] < 0, len(names) - 1, checked.quantity[rows])
            counts = np.bincount(at, minlength=len(names))
            sums = np.zeros(len(names), np.int64)
            np.add.at(sums, at, checked.book_usv[rows])
            for place in np.flatnonzero(counts):
                self.lines[names[place]].add(outcome, int(counts[place]), int(sums[place]))


def as_json(lines: dict[str, Book]) -> tuple[dict[str, int], dict[str, dict[str, str]]]:
    """``lignes`` and ``doses_msv`` of a report: rows, and mSv with three decimals by quantity."""
    total = Book()
    for book in lines.values():
        for outcome, count in zip(ORDER, book.rows, strict=True):
            total.add(outcome, count, 0)
    rows = dict(zip(KEYS, total.figures()[:5], strict=True))
    doses = {
        name: dict(zip(KEYS, (msv(one) for one in book.figures()[5:]), strict=True))
        for name, book in sorted(lines.items())
        if name
    }
    return rows, doses


def msv(usv: int) -> str:
    """Micro-sievert as mSv with three decimals."""
    sign, size = ("-" if usv < 0 else ""), abs(usv)
    return f"{sign}{size // 1000}.{size % 1000:03d}"


def statut(rows: dict[str, int]) -> str:
    """The state of a processed file, from its ``lignes``."""
    if rows["recues"] == rows["integrees"] + rows["doublons"]:
        return "INTEGRE"
    if not rows["integrees"] and rows["en_attente"] and not rows["rejetees"]:
        return "EN_ATTENTE"
    if not rows["integrees"] and not rows["en_attente"]:
        return "REJETE"
    return "PARTIEL"
