"""One invented country: people, employers, attachments, and the rows each sender would write of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pipelines.simulation import employers as companies
from pipelines.simulation import identities
from pipelines.simulation.employers import Workforce
from pipelines.simulation.population import CATEGORIES, DOMAINS, STEP_USV, Population, population

Ints = NDArray[np.int64]
Row = dict[str, str]

#: Longest time before the decade at which an attachment began, and the shortest (days).
_LONGEST, _SHORTEST = 4000, 210


@dataclass(frozen=True)
class Wear:
    """Dosimeters worn over one period: parallel arrays of one row each.

    Attributes:
        worker, place: positions of the worker and of the establishment.
        steps: dose in steps of 0.05 mSv (whole body), or already the sent value in micro-sievert.
    """

    first: date
    last: date
    worker: Ints
    place: Ints
    steps: Ints


@dataclass
class Country:
    """The population of a simulation with its employers; drawn from the seed alone."""

    who: Population
    people: identities.People
    work: Workforce
    year: int
    seed: int
    starts: list[str]
    draws: list[float]
    numbers: set[str]
    #: Attachments beside the ordinary ones, made for a fault: (worker, establishment, stage of its declaration).
    further: list[tuple[int, int, int]] = field(default_factory=list)

    @classmethod
    def invent(cls, workers: int, year: int, seed: int, labs: int, operators: int) -> Country:
        """Draw everything that does not depend on months or faults."""
        who = population(workers, year, seed)
        taken: set[str] = set()
        people = identities.people(workers, year, np.random.default_rng([seed, 10]), taken)
        work = companies.workforce(who, labs, operators, np.random.default_rng([seed, 11]))
        rng = np.random.default_rng([seed, 12])
        since = identities.decade(year)
        adult = [(since.year - int(text[6:]) - 19) * 365 for text in people.birth]
        longest = np.clip(adult, _SHORTEST + 1, _LONGEST)
        ago = (_SHORTEST + rng.random(workers) * (longest - _SHORTEST)).astype(int)
        starts = [(since - timedelta(days=days)).strftime("%d/%m/%Y") for days in ago.tolist()]
        return cls(who, people, work, year, seed, starts, rng.random(workers).tolist(), taken)

    @cached_property
    def late(self) -> NDArray[np.bool_]:
        """bool[n, 3]: attachments that their employer declares after the doses."""
        late = np.array([self.work.employer_of(at).late for at in range(len(self.work.establishments))] + [False])
        flags: NDArray[np.bool_] = late[self.work.places]
        return flags

    @cached_property
    def unheard(self) -> NDArray[np.bool_]:
        """bool[n]: workers whom nobody declares before their doses come."""
        quiet: NDArray[np.bool_] = np.all(self.late | (self.work.places < 0), axis=1, keepdims=False)
        return quiet

    @cached_property
    def monthly(self) -> NDArray[np.bool_]:
        """bool[n]: class A wears its dosimeter a month, the others a quarter."""
        return np.asarray(self.who.category == CATEGORIES.index("A"))

    @cached_property
    def aircrew(self) -> NDArray[np.bool_]:
        """bool[n]: workers who fly: their doses are computed, they wear no dosimeter."""
        flying = np.array([self.work.employer_of(at).sector in companies.AIRCREW for at in self.places])
        chosen: NDArray[np.bool_] = flying[self.work.places[:, 0]]
        return chosen

    @property
    def places(self) -> range:
        """Positions of the establishments in the register."""
        return range(len(self.work.establishments))

    @cached_property
    def split(self) -> Ints:
        """int64[n, 12]: each worker's annual steps by the month in which the wear ends.

        A month of flights below 0.10 mSv counts nothing: those who fly get their doses in pairs of steps.
        """
        rng = np.random.default_rng([self.seed, 13, self.year])
        annual = self.who.steps[-1].astype(np.int64)
        months = np.zeros((len(self.who), 12), np.int64)
        months[self.monthly] = rng.multinomial(annual[self.monthly], _seasons())
        quarterly = np.flatnonzero(~self.monthly)
        months[np.ix_(quarterly, np.array([2, 5, 8, 11]))] = rng.multinomial(annual[quarterly], [0.25] * 4)
        flying = np.flatnonzero(self.aircrew)
        rng = np.random.default_rng([self.seed, 20, self.year])
        flights = 2 * rng.multinomial(annual[flying] // 2, [1 / 12] * 12)
        flights[np.arange(len(flying)), flights.argmax(axis=1)] += annual[flying] % 2
        months[flying] = flights
        return months

    def place_in(self, worker: Ints, month: int) -> Ints:
        """The establishment of each worker in a month: temporary workers go round theirs."""
        places = self.work.places[worker]
        turn = (month + month // 3) % (places >= 0).sum(axis=1)
        chosen: Ints = places[np.arange(len(worker)), turn]
        return chosen

    def whole_body(self, month: int) -> Iterator[Wear]:
        """The whole-body dosimeters whose wear ends with this month (1 to 12)."""
        last = _month_end(self.year, month)
        for members, length in ((self.monthly, 1), (~self.monthly, 3)):
            members = members & ~self.aircrew
            if month % length == 0:
                worker = np.flatnonzero(members)
                first = date(self.year, month - length + 1, 1)
                yield Wear(first, last, worker, self.place_in(worker, month), self.split[worker, month - 1])

    def flights(self, month: int) -> Wear:
        """The months of flights that end with this month, one a worker who flies."""
        last = _month_end(self.year, month)
        worker = np.flatnonzero(self.aircrew)
        return Wear(last.replace(day=1), last, worker, self.place_in(worker, month), self.split[worker, month - 1])

    def organs(self, month: int, kind: str) -> Wear:
        """Further dosimeters of one kind (hands, eyes, neutrons, radon); ``steps`` in micro-sievert."""
        rng = np.random.default_rng([self.seed, 14, self.year, month, sum(kind.encode())])
        ends = self.monthly if month % 3 else np.ones(len(self.who), bool)
        worker = np.flatnonzero(ends & self._wears(kind))
        typical = {"PAS-HP007-EXT": 1500.0, "PAS-HP3": 250.0, "PAS-E-RADON": 400.0}.get(kind, 0.0)
        values = np.where(rng.random(len(worker)) < 0.4, rng.lognormal(0, 0.8, len(worker)) * typical, 0)
        steps = (values / STEP_USV).astype(np.int64) * STEP_USV
        last = _month_end(self.year, month)
        return Wear(last.replace(day=1), last, worker, self.place_in(worker, month), steps)

    def _wears(self, kind: str) -> NDArray[np.bool_]:
        """Who wears a further dosimeter: operators' hands and eyes, neutrons at reactors, radon underground."""
        sector = np.array([one.sector[:3] for one in self.work.employers])
        own = sector[np.array(self.work.owner)[self.work.places[:, 0]]]
        draw = np.array(self.draws)
        theatre, reactor = own == "104", self.who.domain == DOMAINS.index("nuclear")
        worn = {
            "PAS-HP007-EXT": (theatre & (draw < 0.5)) | (reactor & (draw < 0.04)),
            "PAS-HP3": theatre & (draw > 0.8),
            "PAS-HP10-NEU": reactor & (draw > 0.95),
            "PAS-E-RADON": (own == "404") | (own == "402"),
        }[kind]
        return np.asarray(worn)

    def passages(self, first: date, operator: int) -> Iterator[tuple[int, int, date, int, int, int]]:
        """Entries into an operator's sites during the week that begins on ``first``.

        Yields (worker, establishment, day, minute of entry, minutes inside, dose in micro-sievert);
        at most one a day for a worker.
        """
        rng = np.random.default_rng([self.seed, 15, operator, first.toordinal()])
        nuclear = self.who.domain == DOMAINS.index("nuclear")
        annual = self.who.steps[-1].astype(float) * STEP_USV
        going = nuclear & (rng.random(len(self.who)) < np.where(annual > 0, 0.16, 0.05))
        month = min(12, max(1, first.month if first.year == self.year else 12))
        workers = np.flatnonzero(going)
        places = self.place_in(workers, month)
        for worker, place in zip(workers.tolist(), places.tolist(), strict=True):
            if operator not in self.work.establishments[place].sites:
                continue
            times = int(rng.integers(1, 4))
            offset, entry = int(rng.integers(0, 7)), 5 * int(rng.integers(72, 150))
            mean = annual[worker] / 150 + 1
            for at in range(times):
                dose = int(rng.exponential(mean)) + (1 if rng.random() < 0.7 else 0)
                yield (
                    worker,
                    place,
                    first + timedelta(days=(offset + 2 * at) % 7),
                    entry,
                    5 * (13 + int(rng.integers(0, 30))),
                    min(dose, 90_000),
                )

    # --- rows --------------------------------------------------------------------------------------

    def list_row(self, worker: int, place: int) -> Row:
        """A worker's row in the list of the employer of this establishment."""
        people, company = self.people, self.work.employer_of(place)
        several = bool(self.work.places[worker, 1] >= 0)
        said = companies.contract(
            int(self.who.category[worker]), int(self.who.domain[worker]), company.sector, several, self.draws[worker]
        )
        return {
            "NIR": people.nir[worker],
            "CLE": people.key[worker],
            "NOM": people.last[worker],
            "PRENOM": people.first[worker],
            "DATENAISSANCE": people.birth[worker],
            "SEXE": people.sex[worker],
            "SIRET": self.work.establishments[place].siret,
            "GROUPE": said.group,
            "CLASSEMENT": said.category,
            "AUTREEXPOSITION": said.exposure,
            "caractereActivite": said.character,
            "codeDomaineActivite": companies.domain_of(company.sector),
            "codeSecteurActivite": company.sector,
            "codeNuisanceRadiologique": said.nuisance,
            "codeTypeContrat": said.contract,
            "CodeMetier": self.work.trade_in(worker, company.sector),
            "QUOTITE": said.quota,
            "DATEDEBUT": self.starts[worker],
        }

    def start_of(self, worker: int) -> date:
        text = self.starts[worker]
        return date(int(text[6:]), int(text[3:5]), int(text[:2]))


def _seasons() -> list[float]:
    """Share of the year's dose by month: outages are in spring and autumn."""
    weights = [0.8, 0.9, 1.1, 1.2, 1.2, 1.1, 0.8, 0.8, 1.2, 1.2, 1.0, 0.7]
    return [weight / sum(weights) for weight in weights]


def _month_end(year: int, month: int) -> date:
    return date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
