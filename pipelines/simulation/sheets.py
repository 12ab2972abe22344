"""Files in the making: their rows, what is expected of each, and the dialect they are written in."""

from __future__ import annotations

import gzip
import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from pipelines.simulation import records
from pipelines.simulation.flaws import TAIL
from schemas import codebook
from schemas.codebook import Outcome
from schemas.formats import formats

_COMMA_NUMBER = re.compile(r"-?[0-9]+,[0-9]+")


@dataclass(frozen=True)
class Dialect:
    """How a sender's software writes.

    Attributes:
        encoding: Python's name; ``utf-8-sig`` writes a BOM.
        turn: by how many places the columns are turned round (their order is free).
        fixed: records of characters instead of a CSV.
        extension: with ``.gz`` at its end the file is packed.
    """

    encoding: str = "utf-8"
    line_end: str = "\n"
    quoted: bool = False
    comma: bool = False
    turn: int = 0
    fixed: bool = False
    extension: str = ".csv"


@dataclass(frozen=True)
class Note:
    """What is expected of a row: its codes at first, and its outcome at last where that differs."""

    codes: frozenset[str]
    last: str = ""

    @property
    def outcome(self) -> str:
        return codebook.outcome(codebook.mask(self.codes)).name


@dataclass
class Sheet:
    """One file: columns as lists of text (decimal points); by row (0 for the first), notes and what stands
    behind the last cell where nothing should."""

    partner: str
    stem: str
    format: str
    stage: int
    registry_date: date
    dialect: Dialect
    columns: dict[str, list[str]] = field(default_factory=dict)
    notes: dict[int, Note] = field(default_factory=dict)
    tails: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.columns:
            self.columns = {name: [] for name in formats()[self.format].names}

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    @property
    def path(self) -> str:
        return f"files/{self.partner}/{self.stem}{self.dialect.extension}"

    def row(self, at: int) -> dict[str, str]:
        return {name: texts[at] for name, texts in self.columns.items()}

    def replace(self, at: int, row: dict[str, str]) -> None:
        for name, texts in self.columns.items():
            texts[at] = row[name]
        if TAIL in row:
            self.tails[at] = row[TAIL]

    def append(self, row: dict[str, str], codes: frozenset[str] = frozenset(), last: str = "") -> None:
        for name, texts in self.columns.items():
            texts.append(row.get(name, ""))
        if TAIL in row:
            self.tails[len(self) - 1] = row[TAIL]
        if codes:
            self.notes[len(self) - 1] = Note(codes, last)

    def write(self, out: Path) -> None:
        """Write the file under ``out``; decimal commas become notes."""
        if self.dialect.comma and "VALEUR" in self.columns:
            self._write_commas()
        lines = self._records() if self.dialect.fixed else self._lines()
        target = out / self.path
        target.parent.mkdir(parents=True, exist_ok=True)
        data = (self.dialect.line_end.join(lines) + self.dialect.line_end).encode(self.dialect.encoding)
        target.write_bytes(gzip.compress(data, mtime=0) if self.dialect.extension.endswith(".gz") else data)

    def _write_commas(self) -> None:
        self.columns["VALEUR"] = [text.replace(".", ",") for text in self.columns["VALEUR"]]
        for at, text in enumerate(self.columns["VALEUR"]):
            if at in self.tails or self.columns["CODE_METROLOGIE"][at] == "A":
                continue  # nothing is said of the values of such rows
            if "," in text and _COMMA_NUMBER.fullmatch(text):
                kept = self.notes.get(at, Note(frozenset()))
                self.notes[at] = Note(kept.codes | {"AVT-03"}, kept.last)

    def _lines(self) -> list[str]:
        delimiter = formats()[self.format].delimiter
        names = list(self.columns)
        names = names[self.dialect.turn :] + names[: self.dialect.turn]
        joint, edge = (f'"{delimiter}"', '"') if self.dialect.quoted else (delimiter, "")
        lines = [edge + joint.join(names) + edge]
        lines += [edge + joint.join(row) + edge for row in zip(*(self.columns[name] for name in names), strict=True)]
        for at, text in self.tails.items():
            lines[at + 1] += delimiter + text
        return lines

    def _records(self) -> list[str]:
        layout = formats()[self.format]
        details = [records.detail(layout, self.row(at)) + self.tails.get(at, "") for at in range(len(self))]
        head = records.header(layout, self.partner, self.registry_date)
        return [head, *details, records.trailer(self.columns["VALEUR"])]

    def expected(self) -> list[tuple[str, int, str, str, str]]:
        """Rows of ``expected.csv``: path, line, outcome, codes, last outcome."""
        listed = []
        for at in sorted(self.notes):
            note = self.notes[at]
            codes = ",".join(sorted(note.codes))
            listed.append((self.path, at + 1, note.outcome, codes, note.last or note.outcome))
        return listed

    def summary(self) -> dict[str, Any]:
        """Status and row counts of the file's first report, and its row counts once all stages are through."""
        first = Counter(note.outcome for note in self.notes.values())
        last = Counter(note.last or note.outcome for note in self.notes.values())
        return {
            "statut": _status(first, len(self)),
            "lignes": _figures(first, len(self)),
            "lignes_finales": _figures(last, len(self)),
        }


def _figures(outcomes: Counter[str], rows: int) -> dict[str, int]:
    others = {name: outcomes[name] for name in (Outcome.EN_ATTENTE.name, Outcome.REJETE.name, Outcome.DOUBLON.name)}
    return {
        "recues": rows,
        "integrees": rows - sum(others.values()),
        "en_attente": others["EN_ATTENTE"],
        "rejetees": others["REJETE"],
        "doublons": others["DOUBLON"],
    }


def _status(outcomes: Counter[str], rows: int) -> str:
    figures = _figures(outcomes, rows)
    if figures["integrees"] + figures["doublons"] == rows:
        return "INTEGRE"
    if not figures["integrees"] and figures["en_attente"] and not figures["rejetees"]:
        return "EN_ATTENTE"
    if not figures["integrees"] and not figures["en_attente"]:
        return "REJETE"
    return "PARTIEL"
