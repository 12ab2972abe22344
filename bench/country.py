"""A registry of any size for the bench of matching, copied straight into the reference tables.

Names are skewed as in a country (a few families are everywhere), some people are homonyms born the same
day, numbers are built by the rules with births in towns of every size, companies hold from one to hundreds
of establishments.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np

from loaders.secrets import RegistryKey
from loaders.warehouse import Connection
from pipelines.names import fold
from pipelines.simulation.identities import listed, luhn_digit, siret

_ORIGIN = date(1961, 1, 1)
_BIRTH_DAYS = 45 * 365
_SYLLABLES = (
    *("BA", "BEL", "BON", "BOU", "BRI", "CA", "CHA", "CLE", "COR", "DA", "DEL", "DI", "DRO", "FA", "FER", "FO", "GA"),
    *("GER", "GI", "GRA", "HA", "HU", "JA", "JO", "KER", "LA", "LE", "LI", "LOU", "MA", "MEN", "MI", "MON", "NA", "NO"),
    *("PA", "PE", "PI", "PRE", "QUI", "RA", "RE", "RI", "ROU", "SA", "SE", "SI", "TA", "TE", "TRE", "VA", "VE", "VI"),
)
_ENDINGS = (
    "ARD",
    "AUD",
    "EAU",
    "EC",
    "EL",
    "ER",
    "ET",
    "IER",
    "IN",
    "LET",
    "LON",
    "NET",
    "ON",
    "OT",
    "OU",
    "RAND",
    "VIL",
)
_FAMILIES = 60_000
_ABROAD, _PROVISIONAL, _HOMONYMS, _SECOND_JOB, _LEFT = 0.11, 0.01, 0.01, 0.08, 0.06


@dataclass
class Land:
    """What was made, by position: workers (numbered from 1 in the registry) and establishments.

    ``jobs``: worker, establishment, first day and last day (or ``None``), in the order of the attachments,
    ``first_job``: where each worker's begin; ``twin``: the homonym born the same day of a worker, where there is one.
    """

    nir: list[str] = field(default_factory=list)
    last: list[str] = field(default_factory=list)
    first: list[str] = field(default_factory=list)
    birth: list[date] = field(default_factory=list)
    male: list[bool] = field(default_factory=list)
    sirets: list[str] = field(default_factory=list)
    towns: list[str] = field(default_factory=list)
    company_of: list[int] = field(default_factory=list)
    jobs: list[tuple[int, int, date, date | None]] = field(default_factory=list)
    first_job: list[int] = field(default_factory=list)
    twin: dict[int, int] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    families: list[str] = field(default_factory=list)
    given: dict[bool, list[str]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.nir)

    def jobs_of(self, worker: int) -> list[tuple[int, int, date, date | None]]:
        """The attachments of a worker."""
        last = self.first_job[worker + 1] if worker + 1 < len(self) else len(self.jobs)
        return self.jobs[self.first_job[worker] : last]


def _skewed(count: int, flat: float) -> np.ndarray[Any, Any]:
    """Shares of ranks 1 to ``count``, as 1 / (rank + flat)."""
    weights = 1 / (np.arange(count) + 1 + flat)
    return np.asarray(weights / weights.sum())


def _families(rng: np.random.Generator) -> list[str]:
    made = dict.fromkeys([*listed("noms"), *listed("noms_composes")])
    while len(made) < _FAMILIES:
        parts = rng.integers(0, len(_SYLLABLES), 2)
        name = "".join(_SYLLABLES[at] for at in parts[: 1 + int(rng.random() < 0.7)])
        made.setdefault(name + _ENDINGS[rng.integers(0, len(_ENDINGS))])
        if rng.random() < 0.02:
            made.setdefault(f"LE {name}")
        if len(made) > 12_000:  # enough syllables for so many; the rest are double names
            one = int(rng.integers(0, 12_000))
            names = list(itertools.islice(made, 12_000))
            made.update(dict.fromkeys(f"{names[one]} {names[at]}" for at in rng.integers(0, 12_000, 2_000)))
    return list(made)[:_FAMILIES]


def _given() -> dict[bool, list[str]]:
    simple = {line.split()[0] == "M": line.split()[1:] for line in listed("prenoms")}
    return {
        male: [*names, *(f"{one} {two}" for one, two in itertools.islice(itertools.permutations(names, 2), 0, 2300, 7))]
        for male, names in simple.items()
    }


def number(rng: np.random.Generator, male: bool, birth: date, draw: Any, taken: set[str]) -> str:
    """A NIR (one in a hundred a NIA) that nobody bears; ``draw`` is four numbers in 0..1."""
    if draw[0] < _ABROAD:
        place = f"99{101 + int(draw[1] * draw[1] * 320):03d}"
    else:
        department = int(draw[1] * 96)
        name = ("2A", "2B")[department % 2] if department in (18, 19) else f"{1 + department % 95:02d}"
        place = f"{name}{1 + int(draw[2] ** 3 * 600):03d}"
    sex = ("7" if male else "8") if draw[3] < _PROVISIONAL else ("1" if male else "2")
    stem = f"{sex}{birth.year % 100:02d}{birth.month:02d}{place}"
    while True:
        made = f"{stem}{int(rng.integers(1, 700)):03d}"
        if made not in taken:
            taken.add(made)
            return made


def make(workers: int, seed: int = 1) -> Land:
    """Invent a country."""
    rng = np.random.default_rng(seed)
    land = Land()
    _companies(land, max(workers // 30, 40), rng)
    land.families, land.given = _families(rng), _given()
    family = rng.choice(len(land.families), workers, p=_skewed(len(land.families), 20)).tolist()
    ranks = {male: rng.choice(len(names), workers, p=_skewed(len(names), 8)) for male, names in land.given.items()}
    male = (rng.random(workers) < 0.55).tolist()
    born = rng.integers(0, _BIRTH_DAYS, workers).tolist()
    draws = rng.random((workers, 4)).tolist()
    homonym = (rng.random(workers) < _HOMONYMS).tolist()
    places = rng.choice(len(land.sirets), workers, p=rng.permutation(_skewed(len(land.sirets), 50))).tolist()
    begun = rng.integers(0, 14 * 365, workers).tolist()
    more = rng.random((workers, 2)).tolist()
    for at in range(workers):
        birth, is_male = _ORIGIN + timedelta(days=born[at]), male[at]
        last, first = land.families[family[at]], land.given[is_male][ranks[is_male][at]]
        place = places[at]
        if homonym[at] and at:  # the one before, born the same day, half of them in the same establishment
            birth, is_male, last, first = land.birth[-1], land.male[-1], land.last[-1], land.first[-1]
            place = places[at - 1] if at % 2 else place
            places[at] = place
            land.twin[at] = at - 1
            land.twin[at - 1] = at
        land.nir.append(number(rng, is_male, birth, draws[at], land.taken))
        land.last.append(last)
        land.first.append(first)
        land.birth.append(birth)
        land.male.append(is_male)
        start = date(2010, 1, 1) + timedelta(days=begun[at])
        land.first_job.append(len(land.jobs))
        if more[at][0] < _LEFT:  # left another establishment before
            other = (place + 1 + int(more[at][1] * 1000)) % len(land.sirets)
            if other != place:
                land.jobs.append((at, other, date(2008, 1, 1), start - timedelta(days=1)))
        land.jobs.append((at, place, start, None))
        if more[at][0] > 1 - _SECOND_JOB:
            other = (place + 1 + int(more[at][1] * 1000)) % len(land.sirets)
            if other != place:
                land.jobs.append((at, other, date(2020, 1, 1), None))
    return land


def _companies(land: Land, establishments: int, rng: np.random.Generator) -> None:
    company = 0
    while len(land.sirets) < establishments:
        digits = f"{int(rng.integers(0, 10**8)):08d}"
        siren = digits + luhn_digit(digits)
        if siren in land.taken:
            continue
        land.taken.add(siren)
        count = min(1 + int(rng.pareto(1.1)), 400)
        for rank in range(1, count + 1):
            land.sirets.append(siret(siren, rank + (rank > 3)))
            land.company_of.append(company)
            land.towns.append(f"{1 + int(rng.integers(0, 95)):02d}{1 + int(rng.integers(0, 300)):03d}")
        company += 1


# --- into the registry -----------------------------------------------------------------------------


def _copy(connection: Connection, table: str, columns: str, rows: Iterable[tuple[Any, ...]]) -> None:
    with connection.cursor().copy(f"copy {table} ({columns}) from stdin") as copy:
        lines: list[str] = []
        for row in rows:
            lines.append("\t".join("\\N" if one is None else str(one) for one in row))
            if len(lines) == 20_000:
                copy.write("\n".join(lines) + "\n")
                lines.clear()
        if lines:
            copy.write("\n".join(lines) + "\n")


def load(connection: Connection, key: RegistryKey, land: Land, bodies: dict[str, str]) -> None:
    """Copy the country into an empty registry, as the administrator.

    Args:
        bodies: role and code of the bodies that every establishment designates.
    """
    with connection.transaction():
        row = connection.execute("select ledger.open_load('bench', null)").fetchone()
        assert row is not None
        number, from_list = row[0], (row[0], 0, 0)
        _copy(connection, "identity.worker", "worker_id, since_load", ((at + 1, number) for at in range(len(land))))

        def identifiers() -> Iterator[tuple[Any, ...]]:
            for at, (nir, mark) in enumerate(zip(land.nir, key.fingerprints(land.nir), strict=True)):
                kind = "NIA" if nir[0] in "3478" else "NIR"
                yield mark, at + 1, kind, "\\\\x" + key.seal(nir.encode()).hex(), number

        _copy(connection, "identity.identifier", "fingerprint, worker_id, kind, sealed, since_load", identifiers())
        _copy(
            *(connection, "identity.civil"),
            "worker_id, last_name, first_name, folded_last_name, folded_first_name, birth_day, sex, since_load,"
            " submission_id, line",
            (
                (
                    at + 1,
                    last,
                    first,
                    fold(last),
                    fold(first),
                    land.birth[at],
                    "M" if land.male[at] else "F",
                    *from_list,
                )
                for at, (last, first) in enumerate(zip(land.last, land.first, strict=True))
            ),
        )
        _copy(
            *(connection, "reference.establishment", "establishment_id, siret, since_load"),
            ((at + 1, one, number) for at, one in enumerate(land.sirets)),
        )
        _copy(
            *(connection, "reference.establishment_state"),
            "establishment_id, state, state_since, usual_name, sign, activity, municipality, head_office, since_load,"
            " submission_id, line",
            (
                (at + 1, "A", "2001-01-01", f"SOCIETE {company}", "", "86.10Z", town, "f", *from_list)
                for at, (company, town) in enumerate(zip(land.company_of, land.towns, strict=True))
            ),
        )
        _copy(
            *(connection, "reference.attachment", "attachment_id, worker_id, establishment_id, since_load"),
            ((at + 1, worker + 1, place + 1, number) for at, (worker, place, _, _) in enumerate(land.jobs)),
        )
        _copy(
            *(connection, "reference.attachment_period"),
            "attachment_id, number, start_day, end_day, since_load, submission_id, line",
            ((at + 1, 1, start, end, *from_list) for at, (_, _, start, end) in enumerate(land.jobs)),
        )
        _copy(
            *(connection, "reference.attachment_status"),
            "attachment_id, valid_from, class, character, domain, sector, hazard, contract, trade, share_tenths,"
            " worker_group, since_load, submission_id, line",
            (
                (at + 1, start, "B", "Civil", "100000", "101010", "EXT", "CDI", "MANIP", 10, "G", *from_list)
                for at, (_, _, start, _) in enumerate(land.jobs)
            ),
        )
        _copy(
            *(connection, "reference.designation"),
            "establishment_id, role, identifiant, start_day, last_name, first_name, email, since_load, submission_id,"
            " line",
            (
                (at + 1, role, code, "2005-01-01", "", "", "", *from_list)
                for at in range(len(land.sirets))
                for role, code in bodies.items()
            ),
        )
        for table, column in (
            ("identity.worker", "worker_id"),
            ("reference.establishment", "establishment_id"),
            ("reference.attachment", "attachment_id"),
        ):
            connection.execute(
                f"select setval(pg_get_serial_sequence('{table}', '{column}'), (select max({column}) from {table}))"
            )
        connection.execute("select ledger.seal_load(%s)", (number,))
    connection.execute("analyze")
