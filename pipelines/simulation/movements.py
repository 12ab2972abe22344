"""Files that end attachments and settle identities: SORTIES of the employers, IDENTITES of the registry's staff."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import numpy as np

from pipelines.simulation.employers import Employer
from pipelines.simulation.flaws import Context
from pipelines.simulation.national import Country
from pipelines.simulation.planting import Planter
from pipelines.simulation.references import STAFF, UNKNOWN_TO_DEPARTURE, spoil, unknown_siret
from pipelines.simulation.sheets import Dialect, Sheet
from schemas.identifiers import is_nia, key_of

#: Share of an employer's workers who leave at the end of the year, and the fewest where there are as many.
_LEAVERS, _AT_LEAST = 0.06, 4
#: Of the workers under a waiting number: those whose identity is refused, those declared twice.
_REFUSED, _TWICE = 0.15, 0.4
_TRUE_SEX = {"3": "1", "4": "2", "7": "1", "8": "2"}
_IDENTITIES_DIALECT = Dialect("cp1252", "\n")


def departures(
    country: Country, planter: Planter, accounts: list[Employer], end: date, dialects: dict[str, Dialect]
) -> Iterator[Sheet]:
    """What employers with an account say of those who left on 31 December, faults planted."""
    tied = {(worker, place) for worker, place, _ in country.further}
    for employer in accounts:
        if employer.late:
            continue
        rng = np.random.default_rng([country.seed, 23, country.year, int(employer.siren)])
        pairs = [
            (worker, int(place))
            for worker in range(len(country.who))
            for place in country.work.places[worker]
            if place in employer.places
        ]
        number = min(len(pairs), max(_AT_LEAST, int(len(pairs) * _LEAVERS)))
        sheet = Sheet(employer.account, "sorties", "SORTIES", 4, end, dialects[employer.account])
        left = [pairs[at] for at in np.sort(rng.choice(len(pairs), number, replace=False)).tolist()]
        for worker, place in left:
            sheet.append(
                {
                    "NIR": country.people.nir[worker],
                    "CLE": country.people.key[worker],
                    "SIRET": country.work.establishments[place].siret,
                    "DATEFIN": f"31/12/{country.year}",
                }
            )
        _spoil_departures(country, planter, sheet, employer, left, tied)
        yield sheet


def _spoil_departures(
    country: Country,
    planter: Planter,
    sheet: Sheet,
    employer: Employer,
    left: list[tuple[int, int]],
    tied: set[tuple[int, int]],
) -> None:
    register = country.work.establishments

    def free(worker: int, places: list[int]) -> str:
        """Of these, an establishment in the register where the worker never was."""
        own = set(country.work.places[worker].tolist())
        found = (at for at in places if at not in own and (worker, at) not in tied and register[at].known == 1)
        return next((register[at].siret for at in found), "")

    def prepare(code: str, row: dict[str, str], at: int, context: Context) -> Context | None:
        worker, _ = left[at]
        if code == "IDT-05":
            return replace(context, unknown_siret=unknown_siret(row["SIRET"], UNKNOWN_TO_DEPARTURE + at))
        if code == "IDT-06":
            return replace(context, unknown_nir=planter.unknown(row["NIR"]))
        if code == "MET-01":
            return replace(context, start=country.start_of(worker))
        if code == "IDT-07":
            siret = free(worker, employer.places)
            return replace(context, elsewhere=siret) if siret else None
        if code == "IDT-10":
            foreign = next((one for one in country.work.employers if one.siren != employer.siren), None)
            siret = free(worker, foreign.places) if foreign else ""
            return replace(context, outside=siret) if siret else None
        return context

    spoil(planter, sheet, prepare, in_place=True)


def certified(country: Country) -> list[tuple[int, str]]:
    """Workers under a waiting number, known from the start, with the true number each will get."""
    found = []
    for worker, number in enumerate(country.people.nir):
        true = _TRUE_SEX.get(number[0], "") + number[1:]
        if is_nia(number) and not country.late[worker].any() and true not in country.numbers:
            country.numbers.add(true)
            found.append((worker, true))
    return found


def declared_twice(found: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """Those of :func:`certified` whom a second declaration already names by their true number."""
    return found[: int(np.ceil(len(found) * _TWICE))]


def verdicts(country: Country, planter: Planter, found: list[tuple[int, str]], end: date) -> Sheet:
    """The answers on those of :func:`certified`, faults planted where nobody was declared twice."""
    sheet = Sheet(STAFF, "identites", "IDENTITES", 4, end, _IDENTITIES_DIALECT)
    twice, people = len(declared_twice(found)), country.people
    refused = len(found) - int(len(found) * _REFUSED)
    for at, (worker, number) in enumerate(found):
        sheet.append(
            {
                "NIA": people.nir[worker],
                "NIR": number if at < refused else "",
                "CLE": key_of(number) if at < refused else "",
                "NOM": people.last[worker],
                "PRENOM": people.first[worker],
                "DATENAISSANCE": people.birth[worker],
                "SEXE": people.sex[worker],
                "STATUT": "CERTIFIE" if at < refused else "REFUSE",
            }
        )

    def prepare(code: str, row: dict[str, str], at: int, context: Context) -> Context | None:
        if at < twice:
            return None
        if code == "IDT-06":
            return replace(context, unknown_nir=planter.unknown(row["NIA"]))
        return replace(context, other_name=planter.other_name(row["NOM"])) if code == "IDT-08" else context

    spoil(planter, sheet, prepare, in_place=True)
    return sheet
