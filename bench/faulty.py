"""Rows for the bench of matching: right ones as senders really write them, and one known fault a row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np

from bench import country
from bench.country import Land
from pipelines.names import agree
from pipelines.simulation.identities import luhn_digit, siret
from schemas.identifiers import key_of, luhn

Row = dict[str, str]
#: Column and value of the right proposals; none where no proposal is right.
Right = frozenset[tuple[str, str]]

_PASSAGE = {
    "LIEU": "CNPE BUGEY",
    "TYPE_MESURE": "OPE-HP10-PHO",
    "TYPE_DOSIMETRE": "DMC 3000",
    "DATE_DEBUT_PORT": "08/04/2026 08:15",
    "DATE_FIN_PORT": "08/04/2026 11:40",
    "VALEUR": "0.012",
    "ACTIVITE": "ROBINETTERIE",
    "CODE_METROLOGIE": "",
}
_CONTRACT = {
    "GROUPE": "G",
    "CLASSEMENT": "B",
    "AUTREEXPOSITION": "",
    "caractereActivite": "Civil",
    "codeDomaineActivite": "100000",
    "codeSecteurActivite": "101010",
    "codeNuisanceRadiologique": "EXT",
    "codeTypeContrat": "CDI",
    "CodeMetier": "MANIP",
    "QUOTITE": "1",
}
_RESULT = {
    "TYPE_MESURE": "PAS-HP10-PHO",
    "LOCALISATION": "POITRINE",
    "TYPE_DOSIMETRE": "OSL",
    "DATE_DEBUT_PORT": "01/03/2026",
    "DATE_FIN_PORT": "31/03/2026",
    "ETAT_RESULTAT": "MES",
    "VALEUR": "0.15",
    "SEUIL": "0.05",
    "CODE_METROLOGIE": "",
}


@dataclass(frozen=True)
class Case:
    """A row with its truth: ``worker`` by position, ``None`` for a person of no list; ``clean``: nothing is wrong."""

    kind: str
    row: Row
    worker: int | None
    right: Right = frozenset()
    clean: bool = False


@dataclass
class Sheet:
    """Rows of one format, numbered as they are drawn."""

    land: Land
    rng: np.random.Generator
    layout: str
    at: int = 0
    colleagues: dict[int, list[int]] = field(default_factory=dict)
    siblings: dict[int, list[int]] = field(default_factory=dict)
    open_jobs: list[int] = field(default_factory=list)
    twins: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        for at, (worker, place, _, end) in enumerate(self.land.jobs):
            if end is None:
                self.open_jobs.append(at)
                self.colleagues.setdefault(place, []).append(worker)
        self.twins = list(self.land.twin)
        for place, company in enumerate(self.land.company_of):
            self.siblings.setdefault(company, []).append(place)

    def pick(self, many: Any) -> Any:
        return many[int(self.rng.integers(0, len(many)))]

    def job(self) -> tuple[int, int]:
        """A worker and an establishment where the attachment is open."""
        worker, place, _, _ = self.land.jobs[self.pick(self.open_jobs)]
        return worker, place

    def row(self, worker: int, place: int) -> Row:
        """A right row."""
        land = self.land
        nir, last, first = land.nir[worker], land.last[worker], land.first[worker]
        self.at += 1
        who = {"NIR": nir, "SIRET": land.sirets[place]}
        if self.layout == "OPERATIONNELLE":
            return _PASSAGE | who | {"ZONE": f"Z{self.at}"}
        who |= {"NOM": last, "PRENOM": first}
        if self.layout == "TRAVAILLEURS":
            birth, sex = land.birth[worker].strftime("%d/%m/%Y"), "M" if land.male[worker] else "F"
            start = (date(2022, 1, 1) + timedelta(days=self.at % 1400)).strftime("%d/%m/%Y")  # each row tells news
            who |= {"CLE": key_of(nir), "DATENAISSANCE": birth, "SEXE": sex, "DATEDEBUT": start}
            return _CONTRACT | who
        return _RESULT | who | {"ID_MESURE": f"B{self.at}"}


# --- slips -----------------------------------------------------------------------------------------


def _digit(number: str, rng: np.random.Generator) -> str:
    at = int(rng.choice([one for one, sign in enumerate(number) if sign.isdigit()]))
    return number[:at] + str((int(number[at]) + 1 + int(rng.integers(0, 9))) % 10) + number[at + 1 :]


def _transposed(number: str, rng: np.random.Generator) -> str:
    places = [at for at in range(len(number) - 1) if number[at] != number[at + 1] and number[at : at + 2].isdigit()]
    at = int(rng.choice(places))
    return number[:at] + number[at + 1] + number[at] + number[at + 2 :]


def _typo(name: str, rng: np.random.Generator) -> str:
    """A letter left out, doubled, changed, or exchanged with the next."""
    at, letter = int(rng.integers(0, len(name) - 1)), "AEINORSTLU"[int(rng.integers(0, 10))]
    return (
        name[:at] + name[at + 1 :],
        name[:at] + name[at] + name[at:],
        name[:at] + letter + name[at + 1 :],
        name[:at] + name[at + 1] + name[at] + name[at + 2 :],
    )[int(rng.integers(0, 4))]


def _valid(number: str) -> bool:
    return bool(luhn(np.frombuffer(number.encode(), np.uint8).reshape(1, -1))[0])


def _until(make: Callable[[], str], fits: Callable[[str], bool], tries: int = 2_000) -> str | None:
    for _ in range(tries):
        made = make()
        if fits(made):
            return made
    return None


# --- clean rows ------------------------------------------------------------------------------------


def clean(sheet: Sheet) -> Case:
    """A right row, one in four written in a way that is tolerated and repaired."""
    worker, place = sheet.job()
    row = sheet.row(worker, place)
    way = int(sheet.rng.integers(0, 16))
    if way == 0:
        nir = row["NIR"]
        row["NIR"] = f"{nir[0]} {nir[1:3]} {nir[3:5]} {nir[5:7]} {nir[7:10]} {nir[10:]}"
    elif way == 1 and "NOM" in row:
        row["NOM"], row["PRENOM"] = row["NOM"].lower(), row["PRENOM"].replace(" ", "-").title()
    elif way == 2:
        row["SIRET"] = row["SIRET"].lstrip("0")
    elif way == 3 and " " in row.get("PRENOM", ""):
        row["PRENOM"] = row["PRENOM"].split(" ")[0]
    return Case("sans faute", row, worker, clean=True)


# --- faults ----------------------------------------------------------------------------------------


def _number(sheet: Sheet, slip: Callable[[str, np.random.Generator], str], kind: str, worker: int, place: int) -> Case:
    row = sheet.row(worker, place)
    nir = row["NIR"]
    row["NIR"] = slip(nir, sheet.rng)
    return Case(kind, row, worker, frozenset({("NIR", nir)}))


def number_digit(sheet: Sheet) -> Case:
    return _number(sheet, _digit, "NIR, un chiffre faux", *sheet.job())


def number_transposed(sheet: Sheet) -> Case:
    return _number(sheet, _transposed, "NIR, chiffres intervertis", *sheet.job())


def number_two_digits(sheet: Sheet) -> Case:
    """Two wrong digits: beyond every slip that is looked up, only the names lead there."""
    return _number(sheet, lambda nir, rng: _digit(_digit(nir, rng), rng), "NIR, deux chiffres faux", *sheet.job())


def number_homonym(sheet: Sheet) -> Case | None:
    """A wrong digit in the number of one who has a homonym born the same day."""
    if not sheet.twins:
        return None
    worker = int(sheet.pick(sheet.twins))
    place = next(place for _, place, _, end in sheet.land.jobs_of(worker) if end is None)
    slip = _digit if sheet.rng.random() < 0.5 else _transposed
    return _number(sheet, slip, "NIR faux, homonyme né le même jour", worker, place)


def _corsica(nir: str, rng: np.random.Generator) -> str:
    return nir[:5] + ("20" if rng.random() < 0.5 else "2B" if nir[6] == "A" else "2A") + nir[7:]


def number_corsica(sheet: Sheet) -> Case | None:
    for _ in range(2_000):
        worker, place = sheet.job()
        if sheet.land.nir[worker][6] in "AB":
            return _number(sheet, _corsica, "NIR, 2A ou 2B écrit autrement", worker, place)
    return None


def number_colleague(sheet: Sheet) -> Case | None:
    """A line of the list slipped: the number of another one of the establishment."""
    worker, place = sheet.job()
    other = int(sheet.pick(sheet.colleagues[place]))
    land = sheet.land
    if agree(land.last[worker], land.first[worker], land.last[other], land.first[other]):
        return None
    row = sheet.row(worker, place)
    right = row["NIR"]
    row["NIR"] = land.nir[other]
    if "CLE" in row:
        row |= {"CLE": key_of(row["NIR"]), "SEXE": "M" if land.male[other] else "F"}
        if land.birth[other].year != land.birth[worker].year:  # another fault, IDT-03
            return None
    return Case("NIR d'un collègue", row, worker, frozenset({("NIR", right)}))


def _named(sheet: Sheet, kind: str, change: Callable[[int, Row], Row]) -> Case | None:
    worker, place = sheet.job()
    land = sheet.land
    row = sheet.row(worker, place)
    row |= change(worker, row)
    if agree(row["NOM"], row["PRENOM"], land.last[worker], land.first[worker]):
        return None
    held = {"NOM": land.last[worker], "PRENOM": land.first[worker], "NIR": land.nir[worker]}
    right = {(name, value) for name, value in held.items() if name == "NIR" or row[name] != value}
    return Case(kind, row, worker, frozenset(right))


def name_typo(sheet: Sheet) -> Case | None:
    return _named(sheet, "nom mal saisi", lambda worker, row: {"NOM": _typo(row["NOM"], sheet.rng)})


def first_name_typo(sheet: Sheet) -> Case | None:
    return _named(sheet, "prénom mal saisi", lambda worker, row: {"PRENOM": _typo(row["PRENOM"], sheet.rng)})


def both_names_typo(sheet: Sheet) -> Case | None:
    def both(worker: int, row: Row) -> Row:
        return {name: _typo(row[name], sheet.rng) for name in ("NOM", "PRENOM")}

    return _named(sheet, "nom et prénom mal saisis", both)


def name_and_number(sheet: Sheet) -> Case | None:
    case = name_typo(sheet)
    if case is None:
        return None
    nir = case.row["NIR"]
    wrong = _transposed(nir, sheet.rng)
    return Case("nom mal saisi et NIR faux", case.row | {"NIR": wrong}, case.worker, frozenset({("NIR", nir)}))


def names_swapped(sheet: Sheet) -> Case | None:
    return _named(sheet, "nom et prénom intervertis", lambda worker, row: {"NOM": row["PRENOM"], "PRENOM": row["NOM"]})


def spouse(sheet: Sheet) -> Case | None:
    land = sheet.land

    def other(worker: int, row: Row) -> Row:
        if land.male[worker]:
            return {}
        married = land.last[int(sheet.rng.integers(0, len(land)))]
        return {"NOM": married if sheet.rng.random() < 0.7 else f"{row['NOM']} {married}"}

    return _named(sheet, "nom d'époux", other)


def spouse_and_digit(sheet: Sheet) -> Case | None:
    case = spouse(sheet)
    if case is None or case.worker is None:
        return None
    nir = case.row["NIR"]
    row = case.row | {"NIR": _digit(nir, sheet.rng)}
    return Case("nom d'époux et NIR faux", row, case.worker, frozenset({("NIR", nir)}))


def _placed(sheet: Sheet, kind: str, worker: int, place: int, wrong: str | None) -> Case | None:
    right = sheet.land.sirets[place]
    if wrong is None or wrong == right:
        return None
    return Case(kind, sheet.row(worker, place) | {"SIRET": wrong}, worker, frozenset({("SIRET", right)}))


def place_transposed(sheet: Sheet) -> Case | None:
    worker, place = sheet.job()
    right = sheet.land.sirets[place]

    def slip() -> str:
        at, step = int(sheet.rng.integers(0, 12)), 2 if sheet.rng.random() < 0.8 else 1
        signs = list(right)
        signs[at], signs[at + step] = signs[at + step], signs[at]
        return "".join(signs)

    wrong = _until(slip, lambda one: one != right and _valid(one), 50)
    return _placed(sheet, "SIRET, chiffres intervertis", worker, place, wrong)


def place_digits(sheet: Sheet) -> Case | None:
    worker, place = sheet.job()
    right = sheet.land.sirets[place]
    wrong = _until(lambda: _digit(_digit(right, sheet.rng), sheet.rng), lambda one: one != right and _valid(one))
    return _placed(sheet, "SIRET, deux chiffres faux", worker, place, wrong)


def place_zeros(sheet: Sheet) -> Case | None:
    worker, place = sheet.job()
    right = sheet.land.sirets[place]
    short = right[:9] + right[9:].lstrip("0")
    return _placed(
        sheet, "SIRET, zéros perdus", worker, place, short if len(short) > 9 and _valid(short.zfill(14)) else None
    )


def place_company(sheet: Sheet) -> Case | None:
    """Another establishment of the company, where the worker is not attached."""
    worker, place = sheet.job()
    land = sheet.land
    some = [one for one in sheet.siblings[land.company_of[place]] if one != place]
    if not some:
        return None
    other = int(sheet.pick(some))
    if any(job[1] == other for job in sheet.land.jobs_of(worker)):
        return None
    return _placed(sheet, "autre établissement de l'entreprise", worker, place, land.sirets[other])


# --- nothing to find -------------------------------------------------------------------------------


def stranger(sheet: Sheet) -> Case:
    """A person of no list, at an establishment of the registry."""
    _, place = sheet.job()
    rng, land = sheet.rng, sheet.land
    male, birth = bool(rng.random() < 0.55), land.birth[int(rng.integers(0, len(land)))]
    nir = country.number(rng, male, birth, rng.random(4), land.taken)
    row = sheet.row(0, place) | {"NIR": nir}
    if "NOM" in row:
        some = int(rng.integers(0, len(land)))
        first = land.first[int(sheet.pick([at for at in rng.integers(0, len(land), 40) if land.male[at] == male]))]
        row |= {"NOM": land.last[some], "PRENOM": first}
    return Case("personne d'aucune liste", row, None)


def stranger_homonym(sheet: Sheet) -> Case:
    """A person of no list with the names, and the sex and year of birth, of somebody at the establishment."""
    worker, place = sheet.job()
    land, rng = sheet.land, sheet.rng
    birth = land.birth[worker].replace(month=1 + land.birth[worker].month % 12, day=1)
    nir = country.number(rng, land.male[worker], birth, rng.random(4), land.taken)
    return Case("personne d'aucune liste, homonyme d'un collègue", sheet.row(worker, place) | {"NIR": nir}, None)


def undeclared(sheet: Sheet) -> Case | None:
    """A known worker in another company that has not declared the attachment yet."""
    worker, _ = sheet.job()
    _, place = sheet.job()
    land = sheet.land
    companies = {land.company_of[job[1]] for job in sheet.land.jobs_of(worker)}
    if land.company_of[place] in companies:
        return None
    return Case("rattachement non déclaré", sheet.row(worker, place), worker)


def unregistered(sheet: Sheet) -> Case:
    """An establishment of a company that the register does not know yet."""
    worker, place = sheet.job()
    digits = f"{int(sheet.rng.integers(0, 10**8)):08d}"
    number = siret(digits + luhn_digit(digits), 1 + int(sheet.rng.integers(0, 20)))
    return Case("établissement d'aucun registre", sheet.row(worker, place) | {"SIRET": number}, worker)
