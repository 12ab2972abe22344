"""Rows of every format for the bench of reading and checking: varied as real files are, all right or some spoiled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import numpy as np

from bench import data
from pipelines.simulation import faults, identities, records
from pipelines.simulation.flaws import TAIL, Context
from schemas.formats import formats
from schemas.identifiers import key_of

Row = dict[str, str]
TODAY = date(2026, 4, 10)
_WORKERS = 100_000
_TRADES = (("100000", "101010", "MANIP"), ("100000", "101010", "IDE"))
_PLACES = ("CNPE BUGEY", "CNPE CATTENOM", "LA HAGUE", "MARCOULE", "CNPE PALUEL")
_NUCLIDES = ("Cs-137", "Co-60", "H-3", "I-131", "Pu-239", "Tc-99m")
_RPPS = "10003456786"
#: Faults that a file shows by itself; a departure is held against what the registry knows.
_BY_REGISTRY = frozenset(
    {
        *("IDT-05", "IDT-06", "IDT-07", "IDT-08", "IDT-09", "IDT-10", "IDT-11"),
        *("MET-10", "MET-11", "MET-12", "AVT-10"),
    }
)


def rows(name: str, count: int, faulty: float = 0.0, seed: int = 1, *, fixed: bool = False) -> Iterator[Row]:
    """Rows of a format; ``faulty`` is the share that bears one fault, each kind of fault as often as the others."""
    rng = np.random.default_rng(seed)
    spoiled = rng.random(count) < faulty
    codes = [code for code in faults.PLANTABLE[name] if code not in _BY_REGISTRY]
    if name == "SORTIES":
        codes.remove("MET-01")
    if fixed:
        codes = [code for code in codes if code not in faults.NOT_IN_FIXED_WIDTH]
    context = Context(registry_date=TODAY, fixed=fixed)
    make = _MAKERS[name]
    draws = rng.random((count, 3)).tolist()
    turn = 0
    for at in range(count):
        row = make(at, *draws[at])
        if spoiled[at]:
            for _ in codes:
                turn += 1
                code = codes[turn % len(codes)]
                if faults.fits(code, name, row, TODAY):
                    row = faults.plant(code, name, row, rng, context)
                    break
        yield row


def write_csv(path: Path, name: str, count: int, faulty: float = 0.0) -> None:
    """A CSV of so many rows, UTF-8."""
    layout = formats()[name]
    mark = layout.delimiter
    with path.open("w", encoding="utf-8", newline="") as out:
        out.write(mark.join(layout.names) + "\n")
        for row in rows(name, count, faulty):
            out.write(mark.join(row[column] for column in layout.names))
            out.write(mark + row[TAIL] + "\n" if TAIL in row else "\n")


def write_records(path: Path, name: str, count: int, faulty: float = 0.0) -> None:
    """A fixed-width file of so many details, UTF-8."""
    layout = formats()[name]
    values = []
    with path.open("w", encoding="utf-8", newline="") as out:
        out.write(records.header(layout, "LABO1", TODAY) + "\n")
        for row in rows(name, count, faulty, fixed=True):
            values.append(row["VALEUR"])
            out.write(records.detail(layout, row) + row.get(TAIL, "") + "\n")
        out.write(records.trailer(values) + "\n")


@cache
def _sirets() -> list[str]:
    return data.sirets()


def _who(draw: float) -> tuple[int, str, str]:
    """A worker's number, NIR and SIRET."""
    number = int(draw * _WORKERS)
    return number, data.nir(number), _sirets()[number % data.ESTABLISHMENTS]


def _day(draw: float, year: int = 2026) -> str:
    return (date(year, 1, 1) + timedelta(days=int(draw * 90))).strftime("%d/%m/%Y")


def _passive(at: int, draw: float, dose: float, other: float) -> Row:
    number, nir, siret = _who(draw)
    last, first = data.names(number)
    usv = int(-np.log(1 - dose) * 3) * 50
    return {
        "NIR": nir,
        "NOM": last,
        "PRENOM": first,
        "SIRET": siret,
        "TYPE_MESURE": "PAS-HP10-PHO",
        "LOCALISATION": "POITRINE",
        "TYPE_DOSIMETRE": "OSL",
        "DATE_DEBUT_PORT": "01/03/2026",
        "DATE_FIN_PORT": f"{27 + at % 5}/03/2026",
        "ETAT_RESULTAT": "MES" if usv else "INF",
        "VALEUR": f"{usv / 1000:.2f}" if usv else "",
        "SEUIL": "0.05",
        "ID_MESURE": f"B{at:09d}",
        "CODE_METROLOGIE": "",
    }


def _operational(at: int, draw: float, dose: float, other: float) -> Row:
    _, nir, siret = _who(draw)
    day, entry = f"{3 + at % 7:02d}/04/2026", 300 + int(other * 600)
    leave = entry + 20 + at % 300
    return {
        "NIR": nir,
        "SIRET": siret,
        "LIEU": _PLACES[at % 5],
        "ZONE": f"BR{1 + at % 4}",
        "TYPE_MESURE": "OPE-HP10-PHO",
        "TYPE_DOSIMETRE": "DMC 3000" if at % 3 else "EPD MK3",
        "DATE_DEBUT_PORT": f"{day} {entry // 60:02d}:{entry % 60:02d}",
        "DATE_FIN_PORT": f"{day} {leave // 60:02d}:{leave % 60:02d}",
        "VALEUR": f"{-np.log(1 - dose) * 0.02:.3f}",
        "ACTIVITE": "ROBINETTERIE",
        "CODE_METROLOGIE": "",
    }


def _worker(at: int, draw: float, dose: float, other: float) -> Row:
    number, nir, siret = _who(draw)
    last, first = data.names(number)
    domain, sector, trade = _TRADES[at % len(_TRADES)]
    return {
        "NIR": nir,
        "CLE": key_of(nir),
        "NOM": last,
        "PRENOM": first,
        "SIRET": siret,
        "DATENAISSANCE": f"15/{nir[3:5]}/19{nir[1:3]}",
        "SEXE": "M" if nir[0] == "1" else "F",
        "GROUPE": "Équipe A" if at % 3 else "",
        "CLASSEMENT": "B" if at % 4 else "A",
        "AUTREEXPOSITION": "",
        "caractereActivite": "Civil",
        "codeDomaineActivite": domain,
        "codeSecteurActivite": sector,
        "codeNuisanceRadiologique": "EXT",
        "codeTypeContrat": "CDI",
        "CodeMetier": trade,
        "QUOTITE": "1" if at % 5 else "0.8",
        "DATEDEBUT": _day(other, 2015 + at % 10),
    }


def _analysis(at: int, draw: float, dose: float, other: float) -> Row:
    number, nir, siret = _who(draw)
    last, first = data.names(number)
    measured = dose < 0.4
    return {
        "NIR": nir,
        "NOM": last,
        "PRENOM": first,
        "SIRET": siret,
        "TYPE_EXAMEN": "RTU",
        "DATE_EXAMEN": _day(other),
        "RADIONUCLEIDE": _NUCLIDES[at % 6],
        "ACTIVITE": f"{0.5 + 5 * dose:.3f}" if measured else "",
        "UNITE": "Bq/L" if at % 2 else "Bq/24h",
        "LIMITE_DETECTION": "0.5",
        "ETAT_RESULTAT": "MES" if measured else "INF",
        "ID_ANALYSE": f"A{at:09d}",
        "CODE_METROLOGIE": "",
    }


def _evaluation(at: int, draw: float, dose: float, other: float) -> Row:
    _, nir, siret = _who(draw)
    return {
        "NIR": nir,
        "SIRET": siret,
        "RPPS": _RPPS,
        "DATE_INCORPORATION": _day(other),
        "RADIONUCLEIDE": _NUCLIDES[at % 6],
        "VALEUR": f"{0.001 + dose:.3f}",
        "ID_EVALUATION": f"E{at:09d}",
        "CODE_METROLOGIE": "",
    }


def _conclusion(at: int, draw: float, dose: float, other: float) -> Row:
    _, nir, _ = _who(draw)
    said = ("MAINTENUE", "MODIFIEE", "ANNULEE")[at % 3]
    return {
        "ID_DEPASSEMENT": str(1 + at),
        "NIR": nir,
        "RPPS": _RPPS,
        "CONCLUSION": said,
        "VALEUR_RETENUE": f"{20 * dose + 0.1:.1f}" if said == "MODIFIEE" else "",
        "DATE_CONCLUSION": _day(other),
        "COMMENTAIRE": f"Dosimètre retrouvé sous le plan de travail, cas {at}",
    }


def _flight(at: int, draw: float, dose: float, other: float) -> Row:
    _, nir, siret = _who(draw)
    return {
        "NIR": nir,
        "SIRET": siret,
        "MOIS": f"{1 + at % 3:02d}/2026",
        "VALEUR": f"{0.5 * dose:.2f}",
        "NB_VOLS": str(1 + at % 40),
        "ID_CALCUL": f"N{at:09d}",
        "CODE_METROLOGIE": "",
    }


def _departure(at: int, draw: float, dose: float, other: float) -> Row:
    _, nir, siret = _who(draw)
    return {"NIR": nir, "CLE": key_of(nir), "SIRET": siret, "DATEFIN": _day(other)}


def _verdict(at: int, draw: float, dose: float, other: float) -> Row:
    number, nir, _ = _who(draw)
    last, first = data.names(number)
    return {
        "NIA": ("7" if nir[0] == "1" else "8") + nir[1:],
        "NIR": nir,
        "CLE": key_of(nir),
        "NOM": last,
        "PRENOM": first,
        "DATENAISSANCE": f"15/{nir[3:5]}/19{nir[1:3]}",
        "SEXE": "M" if nir[0] == "1" else "F",
        "STATUT": "CERTIFIE",
    }


def _designation(at: int, draw: float, dose: float, other: float) -> Row:
    number, _, siret = _who(draw)
    last, first = data.names(number)
    role, identifier = (("OA", "LABO1"), ("MDT", _RPPS), ("RPL", siret[:9]))[at % 3]
    return {
        "SIRET": siret,
        "ROLE": role,
        "IDENTIFIANT": identifier,
        "NOM": last,
        "PRENOM": first,
        "COURRIEL": f"contact{number}@example.org",
        "DATEDEBUT": _day(other, 2020),
        "DATEFIN": "",
    }


@cache
def _company(number: int) -> str:
    digits = f"{30_000_000 + number:08d}"
    return digits + identities.luhn_digit(digits)


def _establishment(at: int, draw: float, dose: float, other: float) -> Row:
    siren = _company(int(draw * _WORKERS))
    closed = at % 20 == 0
    return {
        "siren": siren,
        "siret": identities.siret(siren, 1),
        "dateDebut": f"20{10 + at % 15}-0{1 + at % 9}-01",
        "etatAdministratifEtablissement": "F" if closed else "A",
        "enseigne1Etablissement": "",
        "denominationUsuelleEtablissement": f"SOCIETE {at}",
        "activitePrincipaleEtablissement": "86.10Z",
        "codeCommuneEtablissement": "69123",
        "etablissementSiege": "true",
    }


_MAKERS: dict[str, Callable[[int, float, float, float], Row]] = {
    "PASSIVE": _passive,
    "OPERATIONNELLE": _operational,
    "TRAVAILLEURS": _worker,
    "INTERNE": _analysis,
    "ENGAGEE": _evaluation,
    "CONCLUSION": _conclusion,
    "NAVIGANT": _flight,
    "SORTIES": _departure,
    "IDENTITES": _verdict,
    "DESIGNATIONS": _designation,
    "ETABLISSEMENTS": _establishment,
}
