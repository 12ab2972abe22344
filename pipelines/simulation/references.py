"""The files that declare: the register of establishments, designations, employers' worker lists."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import numpy as np

from pipelines.simulation import faults, identities
from pipelines.simulation.employers import Employer
from pipelines.simulation.national import Country
from pipelines.simulation.planting import Planter
from pipelines.simulation.population import DOMAINS
from pipelines.simulation.sheets import Dialect, Note, Sheet
from schemas import codebook
from schemas.codebook import Severity

STAFF = "SISERI"
_REGISTER = (
    *("siren", "nic", "siret", "statutDiffusionEtablissement", "dateCreationEtablissement"),
    *("trancheEffectifsEtablissement", "etatAdministratifEtablissement", "dateDebut", "enseigne1Etablissement"),
    *("denominationUsuelleEtablissement", "activitePrincipaleEtablissement", "codeCommuneEtablissement"),
    "etablissementSiege",
)
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


def designations(
    country: Country, places: list[int], labs: list[str], sites: list[str], stage: int, day: date, dialect: Dialect
) -> Sheet:
    """Whom these establishments designate: legal representative, lab, operators, physician."""
    sheet = Sheet(STAFF, f"designations_{stage}", "DESIGNATIONS", stage, day, dialect)
    rng = np.random.default_rng([country.seed, 17, stage])
    names = identities.listed("noms")
    physicians = [(identities.rpps(rng), names[at], "CLAIRE") for at in rng.integers(0, len(names), 40).tolist()]
    for at in places:
        one = country.work.establishments[at]
        rpps, last, first = physicians[at % len(physicians)]
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
    country: Country, planter: Planter, opening: date, end: date, dialects: dict[str, Dialect]
) -> Iterator[Sheet]:
    """Every worker list: one a sender in stage 2 (faults planted), and in stage 4 what was missing."""
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
        yield sheet


def _spoil(country: Country, planter: Planter, sheet: Sheet, code: str) -> None:
    """Plant faults in a worker list: warnings in place, the others in a second row, so that nobody goes missing."""
    rows = len(sheet)
    number = min(int(np.ceil(rows * planter.rate)), rows)
    among = tuple(one for one in faults.PLANTABLE["TRAVAILLEURS"] if one != "IDT-10" or code != STAFF)
    for at in sorted(planter.rng.choice(rows, number, replace=False).tolist()):
        row = sheet.row(at)
        planted = planter.choose(sheet, row, among)
        if planted is None:
            continue
        context = faults.Context(registry_date=sheet.registry_date)
        if planted == "IDT-05":
            context = replace(context, unknown_siret=identities.siret(row["SIRET"][:9], 8000 + at % 900))
        elif planted == "IDT-10":
            other = next(one for one in country.work.employers if not one.account)
            context = replace(context, outside=country.work.establishments[other.places[0]].siret)
        elif planted == "IDT-08":
            names = identities.listed("noms")
            context = replace(context, other_name=next(one for one in names if one != row["NOM"]))
        spoiled = faults.plant(planted, "TRAVAILLEURS", row, planter.rng, context)
        planter.count("TRAVAILLEURS", planted)
        if codebook.book()[planted].severity is Severity.WARNING:
            sheet.replace(at, spoiled)
            sheet.notes[at] = Note(faults.carried(planted))
        else:
            sheet.append(spoiled, faults.carried(planted))
