"""Reconcile: every row and micro-sievert of the old registry, by year and quantity, in as many as out."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import sql
from loaders.warehouse import Connection
from pipelines.legacy.outcomes import Outcome
from pipelines.legacy.run import Migration, latest
from reports.legacy import page
from schemas.legacy import tables

_ORDER = tuple(outcome.value for outcome in Outcome)


@dataclass(frozen=True)
class Line:
    """A year's rows of a quantity of a table, by outcome; ``usv`` likewise. What came in is their sum."""

    table: str
    year: int
    quantity: str
    rows: tuple[int, int, int, int]
    usv: tuple[int, int, int, int]

    def as_json(self) -> dict[str, object]:
        named = [name.lower() for name in _ORDER]
        return {
            "table": self.table,
            "annee": self.year or None,
            "grandeur": self.quantity,
            "recues": sum(self.rows),
            **dict(zip(named, self.rows, strict=True)),
            "recues_msv": sum(self.usv) / 1000,
            **{f"{name}_msv": usv / 1000 for name, usv in zip(named, self.usv, strict=True)},
        }


@dataclass(frozen=True)
class Reconciliation:
    """A migration in figures.

    ``causes``: (table, outcome, cause, rows); ``repairs``: (rule, column, rows); ``gaps``: years of a format whose rows
    or doses in the registry are not those that the movements say were taken: none, or something is wrong.
    """

    migration: Migration
    lines: list[Line]
    causes: list[tuple[str, str, str, int]]
    repairs: list[tuple[str, str, int]]
    gaps: list[tuple[str, int, int, int]]

    @property
    def closes(self) -> bool:
        return not self.gaps

    def as_json(self) -> dict[str, object]:
        return {
            "migration": self.migration.number,
            "jour": self.migration.day.isoformat(),
            "etat": self.migration.state,
            "concorde": self.closes,
            "lignes": [line.as_json() for line in self.lines],
            "causes": [dict(zip(("table", "issue", "cause", "lignes"), one, strict=True)) for one in self.causes],
            "reparations": [dict(zip(("regle", "champ", "lignes"), one, strict=True)) for one in self.repairs],
            "ecarts": [dict(zip(("format", "annee", "lignes", "usv"), one, strict=True)) for one in self.gaps],
        }


def reconcile(connection: Connection, migration: Migration | None = None) -> Reconciliation:
    """As the registry stands now; ``migration``: the latest that stands, where none is named."""
    migration = migration or latest(connection)
    asked = (migration.number,)
    rows: defaultdict[tuple[str, int, str], list[list[int]]] = defaultdict(lambda: [[0] * 4, [0] * 4])
    causes: defaultdict[tuple[str, str, str], int] = defaultdict(int)
    taken: defaultdict[tuple[str, int], list[int]] = defaultdict(lambda: [0, 0])
    for table, year, quantity, outcome, cause, count, usv in connection.execute(
        sql.query("legacy", "reconciliation"), asked
    ).fetchall():
        at = _ORDER.index(outcome)
        line = rows[table, year, quantity]
        line[0][at] += int(count)
        line[1][at] += int(usv)
        if cause:
            causes[table, outcome, cause] += int(count)
        layout = tables()[table].layout
        if outcome == Outcome.TAKEN.value and layout is not None:
            taken[layout.name, year][0] += int(count)
            taken[layout.name, year][1] += int(usv)
    held: dict[tuple[str, int], list[int]] = {}
    if migration.state != "ANNULEE":
        for name, year, count, usv in connection.execute(sql.query("legacy", "in_registry"), asked).fetchall():
            held[name, year] = [int(count), int(usv)]
    else:
        taken.clear()
    gaps = [
        (*place, held.get(place, [0, 0])[0] - taken[place][0], held.get(place, [0, 0])[1] - taken[place][1])
        for place in sorted({*held, *taken})
        if held.get(place, [0, 0]) != taken[place]
    ]
    order = list(tables())
    lines = [
        Line(*place, rows=tuple(figures[0]), usv=tuple(figures[1]))  # type: ignore[arg-type]
        for place, figures in sorted(rows.items(), key=lambda one: (order.index(one[0][0]), *one[0][1:]))
    ]
    return Reconciliation(
        migration,
        lines,
        [(*name, count) for name, count in sorted(causes.items()) if count],
        [tuple(one) for one in connection.execute(sql.query("legacy", "repairs"), asked).fetchall()],
        gaps,
    )


def write(reconciliation: Reconciliation, out: Path) -> list[str]:
    """Write ``reconciliation.csv``, ``.json`` and ``.html``; figures only, of nobody. Gives their names."""
    out.mkdir(parents=True, exist_ok=True)
    document = reconciliation.as_json()
    listed = [line.as_json() for line in reconciliation.lines]
    with (out / "reconciliation.csv").open("w", encoding="utf-8", newline="") as file:
        names = list(listed[0]) if listed else ["table"]
        writer = csv.DictWriter(file, names, delimiter=";", lineterminator="\n")
        writer.writeheader()
        writer.writerows(listed)
    text = json.dumps(document, ensure_ascii=False, indent=1)
    (out / "reconciliation.json").write_text(text + "\n", encoding="utf-8")
    (out / "reconciliation.html").write_text(page(document), encoding="utf-8")
    return ["reconciliation.csv", "reconciliation.json", "reconciliation.html"]
