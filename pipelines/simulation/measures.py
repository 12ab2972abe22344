"""The labs' and the operators' files: rows of doses, period by period."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from pipelines.simulation.identities import listed
from pipelines.simulation.national import Country, Ints, Wear
from pipelines.simulation.planting import Planter, Source
from pipelines.simulation.sheets import Dialect, Note, Sheet

_LOCATION = {
    "PAS-HP10-PHO": "POITRINE",
    "PAS-HP10-NEU": "POITRINE",
    "PAS-HP3": "TETE",
    "PAS-HP007-EXT": "DOIGT_D",
    "PAS-E-RADON": "POITRINE",
}
_TECHNIQUE = {"PAS-HP10-NEU": "TRACE", "PAS-E-RADON": "ALPHA", "PAS-HP007-EXT": "TLD", "PAS-HP3": "TLD"}
_ACTIVITIES = ("ROBINETTERIE", "Décontamination", "SOUDAGE", "CALORIFUGEAGE", "Contrôle", "LOGISTIQUE", "CONDUITE")
_METERS = ("DMC 3000", "DMC 2000 S", "EPD MK3", "DOSICARD", "Saphydose Gamma I")
_ZONE_APART, _APART_DIALECT = 3, Dialect("utf-8", "\n", turn=3)
#: Rows set apart, without fault, in a file that is sent a second time at the end.
_APART = 0.03
#: Share of zero results that are absent, lost or damaged dosimeters.
_NO_RESULT = (("ABS", 0.003), ("PER", 0.005), ("DET", 0.006))
#: Rows older than this at the end are not written for workers declared late: they would leave the queue.
WAITING_DAYS = 60


@dataclass
class Lab:
    """An accredited body: ``rank`` among the labs, and how many results it has numbered."""

    code: str
    rank: int
    dialect: Dialect
    numbered: int = 0

    @property
    def threshold(self) -> str:
        return "" if self.dialect.comma else "0.05"


def delivered(year: int, month: int, end: date) -> date:
    """The day a lab sends the month's results: the tenth of the next one, and ``end`` for December."""
    return end if month == 12 else date(year, month + 1, 10)


def held(country: Country, worker: Ints, place: Ints) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """bool[n] twice: rows whose worker nobody has declared yet, rows whose employer declares it late."""
    late_place = np.array([one.late for one in country.work.employers])[np.array(country.work.owner)]
    return country.unheard[worker], late_place[place]


def lab_files(
    country: Country, labs: list[Lab], months: range, end: date, planter: Planter
) -> Iterator[tuple[Lab, Sheet, list[int], bool]]:
    """Every lab's files of these months, faults planted.

    Yields (lab, sheet, rows that corrections may use, whether the file is one set apart).
    """
    for month in months:
        day = delivered(country.year, month, end)
        wears = [("PAS-HP10-PHO", wear) for wear in country.whole_body(month)]
        wears += [(kind, country.organs(month, kind)) for kind in _LOCATION if kind != "PAS-HP10-PHO"]
        for lab in labs:
            stem = f"passive_{country.year}-{month:02d}"
            sheet = Sheet(lab.code, stem, "PASSIVE", 3, day, lab.dialect)
            sources: list[Source] = []
            for kind, wear in wears:
                _write_wear(country, lab, sheet, sources, kind, wear, end)
            if month == 12 and lab.rank == 0:
                yield lab, _set_apart(sheet, sources), [], True
            if len(sheet):
                free = planter.spread(sheet, sources, ("lab", lab.rank))
                yield lab, sheet, free, False


def _write_wear(
    country: Country, lab: Lab, sheet: Sheet, sources: list[Source], kind: str, wear: Wear, end: date
) -> None:
    lab_of = np.array([one.lab for one in country.work.establishments])
    unknown, late = held(country, wear.worker, wear.place)
    mine = lab_of[wear.place] == lab.rank
    if sheet.registry_date < end - timedelta(days=WAITING_DAYS):
        mine &= ~late
    rows = np.flatnonzero(mine)
    start = len(sheet)
    worker, place = wear.worker[rows].tolist(), wear.place[rows].tolist()
    count = len(rows)
    steps = wear.steps[rows]
    draws = np.random.default_rng([country.seed, 16, country.year, lab.rank, lab.numbered]).random(count).tolist()
    values, states = [], []
    whole_body = kind == "PAS-HP10-PHO"
    for dose, draw in zip(steps.tolist(), draws, strict=True):
        if dose:
            values.append(f"{dose / 20:.2f}" if whole_body else f"{dose / 1000:.2f}")
            states.append("MES")
        else:
            values.append("")
            states.append(next((state for state, below in _NO_RESULT if draw < below), "INF") if whole_body else "INF")
    people, register = country.people, country.work.establishments
    columns = sheet.columns
    columns["NIR"] += [people.nir[at] for at in worker]
    columns["NOM"] += [people.last[at] for at in worker]
    # One lab in two keeps only the first part of a double first name.
    columns["PRENOM"] += [people.first[at].split("-")[0] if lab.rank % 2 else people.first[at] for at in worker]
    columns["SIRET"] += [register[at].siret for at in place]
    columns["TYPE_MESURE"] += [kind] * count
    columns["LOCALISATION"] += [_LOCATION[kind]] * count
    columns["TYPE_DOSIMETRE"] += [_TECHNIQUE.get(kind, "RPL" if lab.rank % 2 else "OSL")] * count
    columns["DATE_DEBUT_PORT"] += [wear.first.strftime("%d/%m/%Y")] * count
    columns["DATE_FIN_PORT"] += [wear.last.strftime("%d/%m/%Y")] * count
    columns["ETAT_RESULTAT"] += states
    columns["VALEUR"] += values
    columns["SEUIL"] += [lab.threshold] * count
    columns["ID_MESURE"] += [f"{wear.last:%Y%m}-{lab.numbered + at:08d}" for at in range(count)]
    columns["CODE_METROLOGIE"] += [""] * count
    lab.numbered += count
    sources.extend(Source(one, other) for one, other in zip(worker, place, strict=True))
    for at in np.flatnonzero(late[rows]).tolist():
        code = "IDT-06" if unknown[rows[at]] else "IDT-07"
        sheet.notes[start + at] = Note(frozenset({code}), "INTEGRE")


def _set_apart(sheet: Sheet, sources: list[Source]) -> Sheet:
    """Take the last clean rows out of a sheet into one of their own."""
    clean = [at for at in range(len(sheet)) if at not in sheet.notes]
    taken = set(clean[len(clean) - max(1, int(len(clean) * _APART)) :]) if len(clean) > 20 else set()
    apart = Sheet(sheet.partner, sheet.stem + "_complement", "PASSIVE", 3, sheet.registry_date, sheet.dialect)
    for at in sorted(taken):
        apart.append(sheet.row(at))
    kept = [at for at in range(len(sheet)) if at not in taken]
    sheet.notes = {new: sheet.notes[old] for new, old in enumerate(kept) if old in sheet.notes}
    for name, texts in sheet.columns.items():
        sheet.columns[name] = [texts[at] for at in kept]
    sources[:] = [sources[at] for at in kept]
    return apart


def operator_files(
    country: Country, operators: list[tuple[str, Dialect]], weeks: list[date], end: date, planter: Planter
) -> Iterator[tuple[str, Sheet, list[int]]]:
    """Every operator's weekly files, faults planted: (operator, sheet, rows that corrections may use)."""
    towns = listed("lieux")
    for first in weeks:
        for rank, (code, dialect) in enumerate(operators):
            day = first + timedelta(days=7)
            sheets = [Sheet(code, f"dos_ope_{first:%Y-%m-%d}", "OPERATIONNELLE", 3, day, dialect)]
            if dialect.fixed:  # one zone has other meters, whose software writes a CSV
                apart = Sheet(code, f"dos_ope_br4_{first:%Y-%m-%d}", "OPERATIONNELLE", 3, day, _APART_DIALECT)
                sheets.append(apart)
            sources: list[list[Source]] = [[] for _ in sheets]
            site = towns[rank % len(towns)]
            for worker, place, date_in, entry, inside, dose in country.passages(first, rank):
                late = country.work.employer_of(place).late
                if late and day < end - timedelta(days=WAITING_DAYS):
                    continue
                shown = date_in.strftime("%d/%m/%Y")
                row = {
                    "NIR": country.people.nir[worker],
                    "SIRET": country.work.establishments[place].siret,
                    "LIEU": site,
                    "ZONE": f"BR{worker % 4 + 1}",
                    "TYPE_MESURE": "OPE-HP10-PHO",
                    "TYPE_DOSIMETRE": _METERS[(worker + rank) % len(_METERS)],
                    "DATE_DEBUT_PORT": f"{shown} {entry // 60:02d}:{entry % 60:02d}",
                    "DATE_FIN_PORT": f"{shown} {(entry + inside) // 60:02d}:{(entry + inside) % 60:02d}",
                    "VALEUR": f"{dose / 1000:.3f}",
                    "ACTIVITE": _ACTIVITIES[worker % len(_ACTIVITIES)],
                    "CODE_METROLOGIE": "",
                }
                held_for = frozenset({"IDT-06" if country.unheard[worker] else "IDT-07"}) if late else frozenset()
                at = len(sheets) - 1 if worker % 4 == _ZONE_APART else 0
                sheets[at].append(row, held_for, "INTEGRE" if late else "")
                sources[at].append(Source(worker, place))
            for sheet, known in zip(sheets, sources, strict=True):
                if len(sheet):
                    yield code, sheet, planter.spread(sheet, known, ("site", rank))
