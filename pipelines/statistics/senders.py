"""The table of senders: a civil year's files, counted as of a load with the figures of the monthly scorecards.

A file belongs to the year of the registry's date of its reception. Files not settled as of the load are not counted.
The scope of the other tables says nothing of files: the table is the same in each.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from fractions import Fraction

import numpy as np

import sql
from loaders.warehouse import Connection
from pipelines.statistics.cells import Cell, Column, Row, Table, Unit
from pipelines.statistics.deliveries import Deliveries, span
from pipelines.tallies import Tally, cured, take_counts
from reports.indicators import OUTCOMES, ROLE_LABELS

_OUTCOME_COLUMNS = {"INTEGRE": "integrees", "EN_ATTENTE": "en_attente", "REJETE": "rejetees", "DOUBLON": "doublons"}
COLUMNS = (
    Column("fichiers", "Fichiers traités ou refusés", Unit.COUNT),
    Column("fichiers_refuses", "Dont refusés en entier", Unit.COUNT),
    Column("lignes", "Lignes reçues", Unit.COUNT),
    *(Column(_OUTCOME_COLUMNS[one], f"Lignes à l'issue {one}", Unit.COUNT) for one in OUTCOMES),
    Column("codes", "Lignes par code à l'intégration, fichiers refusés par code", Unit.TEXT),
    Column("delai_median_jours", "Délai médian de la fin de période à la réception, jours", Unit.DAYS),
    Column("resultats_absents", "Résultats PASSIVE à l'état ABS", Unit.COUNT),
    Column("part_sans_intervention_pct", "Part des lignes réglées sans intervention, %", Unit.PERCENT),
    Column("decisions_pour_10000", "Décisions d'analyste pour 10 000 lignes", Unit.RATE),
    Column("delai_regularisation_jours", "Délai médian des lignes régularisées, jours", Unit.DAYS),
)


def senders(connection: Connection, year: int, load: int, delivered: Deliveries) -> Table:
    """The table of senders. Runs in the transaction under way."""
    asked: dict[str, object] = {**span(year), "load": load}
    tallies: dict[int, Tally] = defaultdict(Tally)
    days: dict[int, dict[int, int]] = defaultdict(dict)
    absent: dict[int, int] = defaultdict(int)
    bounds = connection.execute(sql.query("scorecards", "bounds"), asked).fetchone()
    if bounds is not None and bounds[0] is not None:
        asked |= {"first": bounds[0], "last": bounds[1]}
        take_counts(connection, asked, tallies)
        for number, _, rows, median in cured(connection, asked):
            if number is not None:
                tallies[number].cured = (rows, median)
        for number, late, measures, missing in zip(*_by_days(delivered), strict=True):
            days[number][late] = measures
            absent[number] += missing
    listed = connection.execute(sql.query("statistics", "partners"), (list(tallies),)).fetchall()
    rows = [
        Row(code, ROLE_LABELS[role][0], _cells(tallies[number], _median(days[number]), absent[number]))
        for number, code, role in listed
        if tallies[number].files.total() > tallies[number].files["RECU"]
    ]
    return Table("emetteurs", "Émetteurs : fichiers, lignes et qualité", COLUMNS, tuple(rows))


def _by_days(delivered: Deliveries) -> list[list[int]]:
    """Sender, days, measures and absent results, files of a sender together."""
    wide = int(delivered.late.max(initial=0)) + 1
    keys, at = np.unique(delivered.sender * wide + delivered.late, return_inverse=True)
    sums = [np.bincount(at, weights=one).astype(np.int64) for one in (delivered.measures, delivered.absent)]
    return [one.tolist() for one in (keys // wide, keys % wide, *sums)]


def _cells(tally: Tally, late: int | None, absent: int) -> tuple[Cell, ...]:
    figures = tally.figures()
    refused = sum(count for code, count in tally.files.items() if code.startswith("FIC-"))
    codes = tally.codes + Counter({code: count for code, count in tally.files.items() if code.startswith("FIC-")})
    values = (
        tally.files.total() - tally.files["RECU"],
        refused,
        tally.now.total(),
        *(tally.now[one] for one in OUTCOMES),
        _listed(codes.items()),
        late,
        absent,
        _exact(figures["part_sans_intervention", ""]),
        _exact(figures["decisions_pour_10000", ""]),
        tally.cured[1] if tally.cured else None,
    )
    return tuple(Cell(value if value is None or isinstance(value, str | Fraction) else int(value)) for value in values)


def _listed(codes: Iterable[tuple[str, int]]) -> str:
    return " ".join(f"{code}:{count}" for code, count in sorted(codes))


def _exact(value: float | None) -> Fraction | None:
    """A figure that was rounded in decimal, as the decimal that it is."""
    return None if value is None else Fraction(str(value))


def _median(days: dict[int, int]) -> int | None:
    """The lower median of days, each so many times."""
    left = (sum(days.values()) + 1) // 2
    for late in sorted(days):
        left -= days[late]
        if left <= 0:
            return late
    return None
