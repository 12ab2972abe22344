"""The files that declare: the register of establishments, designations, employers' worker lists."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from functools import cache

import numpy as np

from pipelines.simulation import faults, identities
from pipelines.simulation.employers import Employer
from pipelines.simulation.flaws import Context
from pipelines.simulation.national import Country
from pipelines.simulation.planting import Planter
from pipelines.simulation.population import DOMAINS
from pipelines.simulation.sheets import Dialect, Note, Sheet
from schemas import codebook
from schemas.codebook import Severity
from schemas.identifiers import key_of

STAFF = "SISERI"
_REGISTER = (
    *("siren", "nic", "siret", "statutDiffusionEtablissement", "dateCreationEtablissement"),
    *("trancheEffectifsEtablissement", "etatAdministratifEtablissement", "dateDebut", "enseigne1Etablissement"),
    *("denominationUsuelleEtablissement", "activitePrincipaleEtablissement", "codeCommuneEtablissement"),
    "etablissementSiege",
)
#: Ranks of establishments that no register knows, one block a kind of file.
_UNKNOWN_TO_LIST, _UNKNOWN_TO_DESIGNATION, UNKNOWN_TO_DEPARTURE = 8000, 7000, 6000
#: What a fault of a declaration needs around it; ``None`` where it cannot be planted in this row.
Prepare = Callable[[str, dict[str, str], int, Context], Context | None]
_DESIGNATED_SINCE = "01/01/1970"
_ACTIVITY = {"medical": "86.10Z", "nuclear": "35.11Z", "natural": "51.10Z", "industry": "71.20B"}
#: Late employers are small, as new ones are.
_LARGEST_LATE = 12


def pick_accounts(country: Country, accounts: int, rate: float, rng: np.random.Generator) -> list[Employer]:
    """Choose employers that declare late and those with an account of their own.

    Late ones hold about a tenth of the faults; one of the accounts is late, where there are faults.
    """
    listed = country.work.employers
    order = rng.permutation(len(listed)).tolist()
    wanted, held = len(country.who) * rate * 0.1, 0
    for at in order:
        if rate and 2 <= listed[at].size <= _LARGEST_LATE and held < max(wanted, 1):
            listed[at].late = True
            held += listed[at].size
    late = [one for one in listed if one.late][:1] if accounts else []
    largest = sorted((one for one in listed if not one.late), key=lambda one: -one.size)
    chosen = largest[: accounts - len(late)] + late
    for rank, employer in enumerate(chosen, start=1):
        employer.account = f"EMPL{rank}"
    return chosen


def register(country: Country, places: list[int], stage: int, day: date, dialect: Dialect) -> Sheet:
    """The register's lines of these establishments, in INSEE's layout."""
    sheet = Sheet(STAFF, f"etablissements_{stage}", "ETABLISSEMENTS", stage, day, dialect, {n: [] for n in _REGISTER})
    for at in places:
        one = country.work.establishments[at]
        company = country.work.employer_of(at)
        name = f'"{one.name}, AGENCE {at}"' if at % 50 == 7 else one.name
        sheet.append(
            {
                "siren": company.siren,
                "nic": one.siret[9:],
                "siret": one.siret,
                "statutDiffusionEtablissement": "O",
                "dateCreationEtablissement": one.opened_on,
                "trancheEffectifsEtablissement": "NN",
                "etatAdministratifEtablissement": "F" if one.closed_on else "A",
                "dateDebut": one.closed_on or one.opened_on,
                "enseigne1Etablissement": "",
                "denominationUsuelleEtablissement": name,
                "activitePrincipaleEtablissement": _ACTIVITY.get(DOMAINS[company.domain], "72.19Z"),
                "codeCommuneEtablissement": one.town,
                "etablissementSiege": "true" if company.places[:1] == [at] else "false",
            }
        )
    return sheet


@cache
def physicians(seed: int) -> list[tuple[str, str, str]]:
    """RPPS, name and first name of the country's occupational physicians."""
    rng = np.random.default_rng([seed, 17, 1])
    names = identities.listed("noms")
    return [(identities.rpps(rng), names[at], "CLAIRE") for at in rng.integers(0, len(names), 40).tolist()]


def designations(
    country: Country, places: list[int], labs: list[str], sites: list[str], stage: int, day: date, dialect: Dialect
) -> Sheet:
    """Whom these establishments designate: legal representative, lab, operators, physician."""
    sheet = Sheet(STAFF, f"designations_{stage}", "DESIGNATIONS", stage, day, dialect)
    names = identities.listed("noms")
    doctors = physicians(country.seed)
    for at in places:
        one = country.work.establishments[at]
        rpps, last, first = doctors[at % len(doctors) if one.physician < 0 else one.physician]
        rows = [("RPL", one.siret[:9], names[at % len(names)], "DOMINIQUE"), ("MDT", rpps, last, first)]
        if one.designates:
            rows.append(("OA", labs[one.lab], "", ""))
            rows += [("EXPLOITANT", sites[site], "", "") for site in one.sites]
        for role, identifier, name, given in rows:
            sheet.append(
                {
                    "SIRET": one.siret,
                    "ROLE": role,
                    "IDENTIFIANT": identifier,
                    "NOM": name,
                    "PRENOM": given,
                    "COURRIEL": f"{role.lower()}{at}@example.org",
                    "DATEDEBUT": _DESIGNATED_SINCE,
                }
            )
    return sheet


def worker_lists(
    country: Country,
    planter: Planter,
    opening: date,
    end: date,
    dialects: dict[str, Dialect],
    again: list[tuple[int, str]],
) -> Iterator[Sheet]:
    """Every worker list: one a sender in stage 2 (faults planted), and in stage 4 what was missing.

    Args:
        again: workers whom the registry's staff declare a second time, under another number.
    """
    sheets: dict[tuple[int, str], Sheet] = {}

    def put(worker: int, place: int, stage: int) -> None:
        code = country.work.employer_of(place).account or STAFF
        sheet = sheets.get((stage, code))
        if sheet is None:
            stem = "travailleurs" if stage == 2 else "travailleurs_complement"
            day = opening if stage == 2 else end
            sheet = sheets[stage, code] = Sheet(code, stem, "TRAVAILLEURS", stage, day, dialects[code])
        sheet.append(country.list_row(worker, place))

    places = country.work.places.tolist()
    for worker in range(len(country.who)):
        for place in places[worker]:
            if place >= 0:
                put(worker, place, 4 if country.work.employer_of(place).late else 2)
    for worker, place, stage in country.further:
        put(worker, place, 4 if country.work.employer_of(place).late else stage)
    for (stage, code), sheet in sorted(sheets.items()):
        if stage == 2:
            _spoil(country, planter, sheet, code)
            for worker, number in again if code == STAFF else ():
                row = country.list_row(worker, places[worker][0])
                sheet.append({**row, "NIR": number, "CLE": key_of(number)})
        yield sheet


def _spoil(country: Country, planter: Planter, sheet: Sheet, code: str) -> None:
    among = tuple(one for one in faults.PLANTABLE["TRAVAILLEURS"] if one != "IDT-10" or code != STAFF)

    def prepare(planted: str, row: dict[str, str], at: int, context: Context) -> Context | None:
        if planted == "IDT-05":
            return replace(context, unknown_siret=unknown_siret(row["SIRET"], _UNKNOWN_TO_LIST + at % 900))
        if planted == "IDT-10":
            other = next((one for one in country.work.employers if one.siren != row["SIRET"][:9]), None)
            if other is None:
                return None
            return replace(context, outside=country.work.establishments[other.places[0]].siret)
        return replace(context, other_name=planter.other_name(row["NOM"])) if planted == "IDT-08" else context

    spoil(planter, sheet, prepare, among)


def spoil_register(country: Country, planter: Planter, register: Sheet, designated: Sheet) -> None:
    """Plant faults in the register and in the designations of the first stage."""
    closed = next((one.siret for one in country.work.establishments if one.closed_on and one.known == 1), "")

    def prepare(planted: str, row: dict[str, str], at: int, context: Context) -> Context | None:
        if planted == "IDT-05":
            return replace(context, unknown_siret=unknown_siret(row["SIRET"], _UNKNOWN_TO_DESIGNATION + at % 900))
        if planted == "IDT-11":
            return replace(context, closed=closed) if closed else None
        return context

    spoil(planter, register, prepare)
    spoil(planter, designated, prepare)


def unknown_siret(like: str, rank: int) -> str:
    """A valid SIRET of the same company that no register knows."""
    return identities.siret(like[:9], rank)


def spoil(
    planter: Planter,
    sheet: Sheet,
    prepare: Prepare,
    among: tuple[str, ...] | None = None,
    *,
    in_place: bool = False,
) -> None:
    """Plant faults in a declaration: warnings in place, the others in a second row, so that nobody goes missing.

    Args:
        prepare: gives what a fault needs around it.
        among: the codes to choose from, else all of the format.
        in_place: rows that the fault keeps from having an effect need no second one.
    """
    rows = len(sheet)
    number = min(int(np.ceil(rows * planter.rate)), rows)
    for at in sorted(planter.rng.choice(rows, number, replace=False).tolist()):
        if at in sheet.notes:
            continue
        row = sheet.row(at)
        planted = planter.choose(sheet, row, among)
        context = Context(registry_date=sheet.registry_date)
        prepared = prepare(planted, row, at, context) if planted else None
        if planted is None or prepared is None:
            continue
        spoiled = faults.plant(planted, sheet.format, row, planter.rng, prepared)
        planter.count(sheet.format, planted)
        carried = faults.carried(planted, sheet.format)
        if in_place or codebook.book()[planted].severity is Severity.WARNING:
            sheet.replace(at, spoiled)
            sheet.notes[at] = Note(carried)
        else:
            sheet.append(spoiled, carried)
