"""Invented employers: heavy-tailed sizes, establishments, and who works where, at which trade."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray

from pipelines.simulation.identities import listed, siren, siret
from pipelines.simulation.population import CATEGORIES, DOMAINS, Population, calibration
from schemas import nomenclature
from schemas.identifiers import LA_POSTE

Ints = NDArray[np.int64]

#: Sectors of national defence, whose activity is of military character.
_MILITARY = ("501", "502")
AIRCREW = ("401010", "401020")
_PUBLIC = ("medical", "research")
#: Share of workers with two or three employers in the year (temporary work is mostly nuclear).
_SEVERAL = {"nuclear": 0.08, "medical": 0.02}


@dataclass
class Establishment:
    """One line of the register.

    ``closed_on``: ISO date or ``""``; ``known``: stage at which it is declared; ``physician``: rank of the one
    it designates, -1 for any.
    """

    siret: str
    name: str
    town: str
    opened_on: str
    closed_on: str = ""
    known: int = 1
    lab: int = 0
    sites: tuple[int, ...] = ()
    designates: bool = True
    physician: int = -1


@dataclass
class Employer:
    """A company: its establishments by position in the register; ``late``: its list comes after the doses."""

    siren: str
    domain: int
    sector: str
    size: int
    places: list[int] = field(default_factory=list)
    account: str = ""
    late: bool = False


@dataclass
class Workforce:
    """Employers, their establishments, and the workers' attachments.

    Attributes:
        employers, establishments: as listed.
        owner: position of each establishment's employer.
        places: int64[n, 3], establishments of each worker, -1 where there are fewer.
        trade: str[n], sector is the employer's.
    """

    employers: list[Employer]
    establishments: list[Establishment]
    owner: list[int]
    places: Ints
    trade: list[str]

    def employer_of(self, place: int) -> Employer:
        return self.employers[self.owner[place]]

    def trade_in(self, worker: int, sector: str) -> str:
        """The worker's trade, or the sector's first one where the sector does not know it."""
        trades = _trades(sector)
        return self.trade[worker] if self.trade[worker] in trades else trades[0]

    def add(self, employer: int, **details: object) -> int:
        """A further establishment of an employer: its position."""
        company = self.employers[employer]
        rank = sum(1 for at in self.owner if at == employer) + 1
        model = self.establishments[company.places[0]]
        self.establishments.append(
            Establishment(siret(company.siren, rank), model.name, model.town, model.opened_on, **details)  # type: ignore[arg-type]
        )
        self.owner.append(employer)
        return len(self.establishments) - 1


@cache
def _trades(sector: str) -> tuple[str, ...]:
    return tuple(row["code_metier"] for row in nomenclature.rows("secteur_metier") if row["code_secteur"] == sector)


@cache
def domain_of(sector: str) -> str:
    """The nomenclature's domain of a sector."""
    return next(row["code_domaine"] for row in nomenclature.rows("secteur_activite") if row["code"] == sector)


def _sizes(workers: int, rng: np.random.Generator) -> Ints:
    """Sizes of employers, heavy-tailed (mean near 4), that add up to ``workers``."""
    drawn = np.minimum(rng.pareto(1.15, workers) * 1.2 + 1, max(3.0, workers * 0.05)).astype(np.int64)
    ends = np.cumsum(drawn)
    last = int(np.searchsorted(ends, workers))
    sizes = drawn[: last + 1]
    sizes[-1] -= int(ends[last]) - workers
    return sizes


def workforce(who: Population, labs: int, operators: int, rng: np.random.Generator) -> Workforce:
    """Spread a population over invented employers of its domains."""
    towns = listed("communes")
    taken: set[str] = set()
    found = Workforce([], [], [], np.full((len(who), 3), -1, np.int64), [""] * len(who))
    for domain, name in enumerate(DOMAINS):
        members = np.flatnonzero(who.domain == domain)
        if not len(members):
            continue
        weights = calibration()["sectors"][name]
        shares = np.array(list(weights.values()), float)
        sizes = _sizes(len(members), rng)
        sectors = rng.choice(list(weights), len(sizes), p=shares / shares.sum())
        first, start = len(found.establishments), 0
        for size, sector in zip(sizes.tolist(), sectors.tolist(), strict=True):
            poste = name == "industry" and not any(one.siren == LA_POSTE for one in found.employers) and size > 1
            company = Employer(LA_POSTE if poste else siren(rng, taken), domain, sector, size)
            lab = int(rng.integers(0, labs))
            sites = tuple(at for at in range(operators) if name == "nuclear" and rng.random() < 0.8)
            sites = sites or ((int(rng.integers(0, operators)),) if name == "nuclear" and operators else ())
            year = int(rng.integers(1975, 2004))
            label = f"{listed('noms')[int(rng.integers(0, 100))]} {sector}"
            for rank in range(1, 2 + min(size // 30, 20)):
                found.owner.append(len(found.employers))
                company.places.append(len(found.establishments))
                town = towns[int(rng.integers(0, len(towns)))]
                found.establishments.append(
                    Establishment(
                        *(siret(company.siren, rank), label, town, f"{year}-01-01"),
                        lab=lab,
                        sites=sites,
                        physician=0 if name == "nuclear" else -1,
                    )
                )
            found.employers.append(company)
            staff = members[start : start + size]
            start += size
            found.places[staff, 0] = rng.choice(company.places, len(staff))
            trades = _trades(sector)
            for worker, trade in zip(staff.tolist(), rng.integers(0, len(trades), len(staff)).tolist(), strict=True):
                found.trade[worker] = trades[trade]
        _further(found, name, members, first, rng)
    return found


def _further(found: Workforce, name: str, members: Ints, first: int, rng: np.random.Generator) -> None:
    """Second and third employers of temporary workers, among establishments of the same sector."""
    chosen = members[rng.random(len(members)) < _SEVERAL.get(name, 0.0)]
    by_sector: dict[str, list[int]] = {}
    for place in range(first, len(found.establishments)):
        by_sector.setdefault(found.employer_of(place).sector, []).append(place)
    for worker in chosen.tolist():
        home = found.employer_of(int(found.places[worker, 0]))
        others = by_sector[home.sector]
        for slot in range(1, 2 + int(rng.random() < 0.3)):
            other = others[int(rng.integers(0, len(others)))]
            if other not in found.places[worker]:
                found.places[worker, slot] = other
        if found.places[worker, 1] < 0:
            found.places[worker, 1:] = found.places[worker, [2, 1]]


@dataclass(frozen=True)
class Contract:
    """What a worker list says of a worker besides identity; the columns carry the same names in lower case."""

    category: str
    exposure: str
    character: str
    nuisance: str
    contract: str
    quota: str
    group: str


def contract(category: int, domain: int, sector: str, several: bool, draw: float) -> Contract:
    """The attributes of an attachment; ``draw`` in [0, 1) makes them vary, the same for the same worker."""
    name = DOMAINS[domain]
    mark = CATEGORIES[category]
    exposure = ""
    if mark == "(vide)":
        mark = ""
        exposure = "RAY_COS" if sector in AIRCREW else "RADON" if name == "natural" else "SUR_GRP_2"
        if exposure == "SUR_GRP_2" and draw < 0.05:
            exposure = "SUR_GRP_1"
    kind = "CTT" if several else "CDI" if draw < 0.75 else "CDD" if draw < 0.9 else "CAP" if draw < 0.93 else "STG"
    if name in _PUBLIC and not several and 0.3 < draw < 0.6:
        kind = "TFP"
    return Contract(
        category=mark,
        exposure=exposure,
        character="Militaire" if sector[:3] in _MILITARY else "Civil",
        nuisance="EXTINT" if name == "nuclear" and draw < 0.2 else "INT" if exposure == "RADON" else "EXT",
        contract=kind,
        quota="0.8" if 0.4 < draw < 0.5 else "0.5" if 0.5 <= draw < 0.55 else "1",
        group="" if draw < 0.5 else "Équipe bâtiment réacteur" if name == "nuclear" else "Équipe A",
    )
