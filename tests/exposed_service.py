"""A service whose doses are known: eight invented workers, a year of monthly results, then what a test sends."""

from __future__ import annotations

import calendar
from typing import Any

import numpy as np
from senders import PASSIVE, TRAVAILLEURS, country, dose, file, row

from pipelines.simulation.identities import people
from pipelines.unusual import Evaluated, evaluate
from pipelines.unusual_answers import Filters, decide, flags

PEOPLE = people(8, 2026, np.random.default_rng(5), set())


class Service:
    """Eight workers of one establishment with a result of 0.05 to 0.15 mSv in each month of 2025, evaluated once."""

    def __init__(self, registry: Any) -> None:
        self.bench = country(registry)
        self.connection, self.key = registry.connection, registry.registry.key
        born = {"DATEDEBUT": "01/01/2024"}
        workers = [
            row(
                TRAVAILLEURS,
                NIR=PEOPLE.nir[at],
                CLE=PEOPLE.key[at],
                NOM=PEOPLE.last[at],
                PRENOM=PEOPLE.first[at],
                DATENAISSANCE=PEOPLE.birth[at],
                SEXE=PEOPLE.sex[at],
                **born,
            )
            for at in range(len(PEOPLE))
        ]
        self.bench.drop("EMPL", "equipe.csv", file(TRAVAILLEURS, *workers))
        self.bench.run()
        for month in range(1, 13):
            self.send(2025, month, {})
        assert self.evaluate() == Evaluated(96, 0, 0)

    def send(self, year: int, month: int, values: dict[int, str], rows: range = range(8), **changed: str) -> str:
        """One month's file: 0.05, 0.10 or 0.15 mSv each, but the values given by worker; its name."""
        last = calendar.monthrange(year, month)[1]
        wear = {"DATE_DEBUT_PORT": f"01/{month:02d}/{year}", "DATE_FIN_PORT": f"{last}/{month:02d}/{year}"}
        lines = [
            dose(
                f"{year}{month:02d}-{at}",
                values.get(at, f"{0.05 * (1 + (at + month * (at % 2)) % 3):.2f}"),
                NIR=PEOPLE.nir[at],
                NOM=PEOPLE.last[at],
                PRENOM=PEOPLE.first[at],
                **(wear | changed),
            )
            for at in rows
        ]
        name = f"p{year}{month:02d}{''.join(changed.values())}{rows.start}{rows.stop}.csv"
        self.bench.drop("LABO1", name, file(PASSIVE, *lines))
        done = self.bench.run()
        assert not done.incidents
        assert not done.troubles
        return name

    def evaluate(self) -> Evaluated:
        return evaluate(self.connection)

    def listed(self, **filters: str) -> list[dict[str, Any]]:
        return flags(self.connection, Filters(**filters))

    def answer(self, number: int, answer: str) -> None:
        decide(self.connection, self.key, number, answer, "vu avec le laboratoire", "ana")
