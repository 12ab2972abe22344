"""The yearbook: every table of a year, in memory, as anything that shows or guards them takes them."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from loaders.warehouse import Connection
from pipelines.progress import Say, Step, quiet, reached
from pipelines.statistics import marts, other_tables, population, tables
from pipelines.statistics.asked import Asked
from pipelines.statistics.cells import Table
from pipelines.statistics.facts import INTERNAL, OPERATIONAL, Facts
from pipelines.statistics.population import Population
from pipelines.statistics.senders import senders
from pipelines.windows import AIRCREW, COMMITTED

log = logging.getLogger("siseri.statistics")


@dataclass(frozen=True)
class Yearbook:
    """The tables of a year, an instant and a scope.

    ``rows_read``: dose rows that held, by format, whole year and every scope. ``monitored``: workers of the scope;
    ``population``: they and all that is known of their year.
    """

    asked: Asked
    tables: tuple[Table, ...]
    rows_read: dict[str, int]
    monitored: int
    population: Population = field(repr=False, compare=False)

    def table(self, name: str) -> Table:
        """A table by its name. Raises KeyError."""
        for one in self.tables:
            if one.name == name:
                return one
        raise KeyError(name)


def compile_year(connection: Connection, asked: Asked, *, kept: bool = True, say: Say = quiet) -> Yearbook:
    """Make every table. Only the year's mart is written; memory holds a few numbers a worker, not the results.

    Args:
        connection: one in which no transaction is under way.
        kept: whether sums kept from an earlier printing may serve; else all are made from the doses.
        say: told of each step.
    """
    with marts.guarded(connection, asked.year) as keep, connection.transaction():
        cursor = connection.cursor()
        cursor.execute("set transaction isolation level repeatable read")
        year = marts.year_of(cursor, asked.year, asked.load, keep=keep and kept)
        reached(log, say, asked.year, Step.DOSES, sum(_rows_read(year.facts).values()))
        everybody = population.populate(cursor, year, asked.year, asked.load)
        scoped = everybody.scoped(asked.scope)
        made = (
            tables.categories(scoped),
            tables.domains(scoped),
            tables.sectors(scoped),
            tables.sectors_with_parts(scoped),
            tables.trades(scoped),
            tables.distribution(scoped),
            other_tables.organs(scoped),
            other_tables.internal(scoped),
            other_tables.operational(scoped),
            other_tables.exceedances(cursor, everybody, asked.load, asked.scope),
            senders(connection, asked.year, asked.load, year.deliveries),
        )
    book = Yearbook(asked, made, _rows_read(year.facts), int(scoped.monitored.sum()), scoped)
    reached(log, say, asked.year, Step.TABLES, len(made))
    return book


def _rows_read(year: Facts) -> dict[str, int]:
    firsts = {"PASSIVE": 0, "ENGAGEE": COMMITTED, "NAVIGANT": AIRCREW, "OPERATIONNELLE": OPERATIONAL}
    firsts["INTERNE"] = INTERNAL
    ends = [*list(firsts.values())[1:], 1 << 15]
    return {
        name: int(year.records[(year.kind >= first) & (year.kind < end)].sum())
        for (name, first), end in zip(firsts.items(), ends, strict=True)
    }
