"""What the scorecards count: every sender's month from the ledger, in one query a kind of figure.

All queries read one snapshot and are bounded by the month's files; none is asked per sender.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import sql
from loaders.warehouse import Connection
from reports.indicators import OUTCOMES, Figures, Key
from schemas import codebook

#: Months before the card's own in which a file keeps a sender on the list.
_STILL = 2
#: Kinds of loads by which a waiting row leaves the queue otherwise than by itself.
DECIDED, EXPIRED = "decide", "expire"


@dataclass
class Tally:
    """Counts of one sender, or of a role: the sum of its senders', with medians taken over all rows.

    Attributes:
        files: by file code; ``""`` for files taken in, ``"RECU"`` for those not settled yet.
        first, now: rows by outcome (names of Outcome), at the integration of their file and now.
        codes: rows by code, at the integration of their file.
        left: rows that have left the queue, by kind of the load that did it.
        cured: rows that waited and then integrated, and the median of their days; ``None`` for none.
        delays: by format: measures, median and ninth decile of the days to reception.
    """

    files: Counter[str] = field(default_factory=Counter)
    first: Counter[str] = field(default_factory=Counter)
    now: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)
    cured: tuple[int, float] | None = None
    delays: dict[str, tuple[int, float, float]] = field(default_factory=dict)

    def take_in(self, other: Tally) -> None:
        """Add another's counts; medians do not add up and are left alone."""
        for mine, theirs in (
            (self.files, other.files),
            (self.first, other.first),
            (self.now, other.now),
            (self.codes, other.codes),
            (self.left, other.left),
        ):
            mine.update(theirs)

    def figures(self) -> Figures:
        """The indicators of :mod:`reports.indicators`; ``None`` where there is nothing to measure."""
        files, rows = self.files.total(), self.now.total()
        again = self.files["FIC-06"]
        refused = {code: count for code, count in self.files.items() if code.startswith("FIC-") and code != "FIC-06"}
        at_once, decided = self.first["INTEGRE"], self.left[DECIDED]
        alone = self.left.total() - decided - self.left[EXPIRED]
        told: dict[Key, float | None] = {
            ("fichiers_recus", ""): files,
            ("fichiers_refuses", ""): sum(refused.values()),
            ("part_fichiers_refuses", ""): _share(sum(refused.values()), files),
            ("fichiers_deja_recus", ""): again,
            ("fichiers_en_cours", ""): self.files["RECU"],
            ("lignes_recues", ""): rows,
            ("part_integree_d_emblee", ""): _share(at_once, rows - self.first["DOUBLON"]),
            ("lignes_regularisees", ""): self.cured[0] if self.cured else 0,
            ("delai_regularisation", ""): self.cured[1] if self.cured else None,
            ("lignes_sorties_seules", ""): alone,
            ("lignes_decidees", ""): decided,
            ("part_sans_intervention", ""): _share(at_once + alone, at_once + alone + decided),
            ("decisions_pour_10000", ""): round(10_000 * decided / rows, 2) if rows else None,
            ("lignes_expirees", ""): self.left[EXPIRED],
        }
        told |= {("fichiers_refuses_code", code): count for code, count in refused.items()}
        for outcome in OUTCOMES:
            told["lignes_integration", outcome] = self.first[outcome]
            told["lignes_a_ce_jour", outcome] = self.now[outcome]
            told["part_a_ce_jour", outcome] = _share(self.now[outcome], rows)
        for code, count in self.codes.items():
            told["lignes_code", code] = count
            told["part_code", code] = _share(count, rows)
        for name, (measures, median, p90) in self.delays.items():
            told["mesures", name] = measures
            told["delai_median", name] = median
            told["delai_p90", name] = p90
        return told


def _share(part: int, whole: int) -> float | None:
    """In percent, to four decimals."""
    return round(100 * part / whole, 4) if whole else None


@dataclass(frozen=True)
class Sender:
    """An account that sent lately; ``last_file`` is the day, in Paris, of its last file."""

    partner_id: int
    code: str
    role: str
    last_file: date


@dataclass(frozen=True)
class Month:
    """Everything counted of one month: ``month`` is its first day. Roles hold the sums of their senders."""

    month: date
    senders: list[Sender]
    tallies: dict[int, Tally]
    roles: dict[str, Tally]


def month_before(day: date, count: int = 1) -> date:
    """The first day of the month so many months before a day's."""
    months = 12 * day.year + day.month - 1 - count
    return date(months // 12, months % 12 + 1, 1)


#: Later than any load: what stands now.
_NOW = 2**31 - 1


def span(month: date) -> dict[str, date]:
    """The days where a month begins (``since``) and is over (``until``), and where its window begins.

    A file belongs to the month of the registry's date of its reception, the civil day in Paris.
    """
    return {"window": month_before(month, _STILL), "since": month, "until": month_before(month, -1)}


def count(connection: Connection, month: date) -> Month:
    """Count a month for every sender at once.

    Args:
        connection: one in which no transaction is under way.
        month: its first day.
    """
    asked = {**span(month), "load": _NOW}
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        senders = [
            Sender(number, code, role, last)
            for number, code, role, last in connection.execute(sql.query("scorecards", "senders"), asked).fetchall()
        ]
        tallies = {one.partner_id: Tally() for one in senders}
        roles = {one.role: Tally() for one in senders}
        bounds = connection.execute(sql.query("scorecards", "bounds"), asked).fetchone()
        if bounds is not None and bounds[0] is not None:
            bounded = {**asked, "first": bounds[0], "last": bounds[1]}
            take_counts(connection, bounded, tallies)
            _medians(connection, bounded, tallies, roles)
    for one in senders:
        roles[one.role].take_in(tallies[one.partner_id])
    return Month(month, senders, tallies, roles)


def take_counts(connection: Connection, asked: Mapping[str, object], tallies: Mapping[int, Tally]) -> None:
    """Count files, rows, codes and what left the queue into the senders' tallies.

    Args:
        asked: ``since`` and ``until`` (days of reception), ``load`` as of which is counted, ``first`` and ``last``
            submission.
        tallies: by account; :class:`collections.defaultdict` serves where the senders are not known yet.
    """

    def answers(name: str) -> list[tuple[Any, ...]]:
        return connection.execute(sql.query("scorecards", name), asked).fetchall()

    for number, state, code, files in answers("files"):
        tallies[number].files[code or ("RECU" if state == "RECU" else "")] += files
    for number, *rows in answers("rows"):
        half = len(OUTCOMES)
        for counter, figures in ((tallies[number].first, rows[:half]), (tallies[number].now, rows[half:])):
            counter.update(dict(zip(OUTCOMES, map(int, figures), strict=True)))
    for number, codes, entries in answers("codes"):
        for code in codebook.names(codes):
            tallies[number].codes[code] += entries
    for number, kind, entries in answers("settled"):
        tallies[number].left[kind] += entries


def cured(connection: Connection, asked: Mapping[str, object]) -> list[tuple[Any, ...]]:
    """Rows that waited and then integrated, and the median of their days: by account, and by role (no account)."""
    return connection.execute(sql.query("scorecards", "cured"), asked).fetchall()


def _medians(
    connection: Connection, asked: Mapping[str, object], tallies: dict[int, Tally], roles: dict[str, Tally]
) -> None:
    for number, role, rows, days in cured(connection, asked):
        (roles[role] if number is None else tallies[number]).cured = (rows, days)
    for number, role, name, *figures in connection.execute(sql.query("scorecards", "delays"), asked).fetchall():
        measures, median, p90 = figures
        (roles[role] if number is None else tallies[number]).delays[name] = (measures, median, p90)
