"""Files of analyses, of doses that a physician evaluated, and of doses computed for aircrew."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import numpy as np

from pipelines.simulation.measures import WAITING_DAYS, Lab, delivered, held
from pipelines.simulation.national import Country, Ints
from pipelines.simulation.planting import Planter, Source
from pipelines.simulation.population import DOMAINS
from pipelines.simulation.references import physicians
from pipelines.simulation.sheets import Dialect, Note, Sheet

#: Accounts of the aircrew body and of the physician who sends doses.
AIRCREW_BODY, PHYSICIAN = "NAVIG1", "MDT1"
_ANALYSES_DIALECT = Dialect("utf-8-sig", "\r\n", extension=".csv.gz")
_FLIGHTS_DIALECT = Dialect("utf-8-sig", "\n", comma=True, turn=5, extension=".txt")
_EVALUATIONS_DIALECT = Dialect("cp1252", "\r\n", quoted=True)
#: Examination, unit, radionuclide and detection limit of an analysis.
_EXAMS = (
    ("RTU", "Bq/L", "H-3", "50.0"),
    ("RTU", "Bq/24h", "U-238", "0.0005"),
    ("ANT-CE", "Bq", "Co-60", "40.0"),
    ("ANT-TH", "Bq", "I-131", "12.5"),
    ("RTS", "Bq/24h", "Pu-239", "0.001"),
    ("RTM", "Bq", "Cs-137", "0.5"),
    ("ANT-PU", "Bq", "Ag-110m", "30.0"),
)
#: Shares of the workers of reactors and laboratories analysed, and evaluated, in a month.
_ANALYSED, _EVALUATED, _AT_LEAST = 0.2, 0.08, 12
Row = dict[str, str]


def exposure_files(
    country: Country, labs: list[Lab], months: range, end: date, planter: Planter
) -> Iterator[tuple[Sheet, list[int]]]:
    """The files of these months, faults planted: (sheet, rows that corrections may use)."""
    for month in months:
        day = delivered(country.year, month, end)
        made = (
            (_analyses(country, labs[0], month, day), ("lab", labs[0].rank)),
            (_evaluations(country, month, day), ("physician", 0)),
            (_flights(country, month, day), ("aircrew", 0)),
        )
        for (sheet, rows, worker, place), sender in made:
            sources = _fill(country, sheet, rows, worker, place, end)
            if len(sheet):
                yield sheet, planter.spread(sheet, sources, sender)


def _fill(country: Country, sheet: Sheet, rows: list[Row], worker: Ints, place: Ints, end: date) -> list[Source]:
    """Put rows into a sheet; those whose employer declares late wait, or are not written where they could not."""
    if not rows:
        return []
    unknown, late = held(country, worker, place)
    sources = []
    for at, row in enumerate(rows):
        if late[at] and sheet.registry_date < end - timedelta(days=WAITING_DAYS):
            continue
        sheet.append(row)
        sources.append(Source(int(worker[at]), int(place[at])))
        if late[at]:
            sheet.notes[len(sheet) - 1] = Note(frozenset({"IDT-06" if unknown[at] else "IDT-07"}), "INTEGRE")
    return sources


def _chosen(country: Country, month: int, share: float, rng: np.random.Generator, lab: int | None) -> tuple[Ints, Ints]:
    """Workers of reactors at random, of one lab where it is given, and where each works in the month."""
    workers = np.flatnonzero(country.who.domain == DOMAINS.index("nuclear"))
    places = country.place_in(workers, month)
    if lab is not None:
        mine = np.array([one.lab == lab for one in country.work.establishments])[places]
        workers, places = workers[mine], places[mine]
    number = min(len(workers), max(_AT_LEAST, int(len(workers) * share)))
    taken = np.sort(rng.choice(len(workers), number, replace=False)) if number else np.zeros(0, np.int64)
    return workers[taken], places[taken]


def _analyses(country: Country, lab: Lab, month: int, day: date) -> tuple[Sheet, list[Row], Ints, Ints]:
    rng = np.random.default_rng([country.seed, 21, country.year, month])
    sheet = Sheet(lab.code, f"interne_{country.year}-{month:02d}", "INTERNE", 3, day, _ANALYSES_DIALECT)
    worker, place = _chosen(country, month, _ANALYSED, rng, lab.rank)
    people, rows = country.people, []
    for at, (who, where) in enumerate(zip(worker.tolist(), place.tolist(), strict=True)):
        exam, unit, nuclide, limit = _EXAMS[int(rng.integers(0, len(_EXAMS)))]
        draw = rng.random()
        state = "MES" if draw < 0.4 else "ABS" if draw > 0.97 else "INF"
        rows.append(
            {
                "NIR": people.nir[who],
                "NOM": people.last[who],
                "PRENOM": people.first[who],
                "SIRET": country.work.establishments[where].siret,
                "TYPE_EXAMEN": exam,
                "DATE_EXAMEN": date(country.year, month, 1 + at % 28).strftime("%d/%m/%Y"),
                "RADIONUCLEIDE": nuclide,
                "ACTIVITE": f"{float(limit) * (1 + rng.exponential()):.4f}" if state == "MES" else "",
                "UNITE": unit,
                "LIMITE_DETECTION": limit,
                "ETAT_RESULTAT": state,
                "ID_ANALYSE": f"A{country.year}{month:02d}-{at:06d}",
            }
        )
    return sheet, rows, worker, place


def _evaluations(country: Country, month: int, day: date) -> tuple[Sheet, list[Row], Ints, Ints]:
    rng = np.random.default_rng([country.seed, 22, country.year, month])
    sheet = Sheet(PHYSICIAN, f"engagee_{country.year}-{month:02d}", "ENGAGEE", 3, day, _EVALUATIONS_DIALECT)
    worker, place = _chosen(country, month, _EVALUATED, rng, None)
    rpps = physicians(country.seed)[0][0]
    rows = [
        {
            "NIR": country.people.nir[who],
            "SIRET": country.work.establishments[where].siret,
            "RPPS": rpps,
            "DATE_INCORPORATION": date(country.year, month, 1 + at % 28).strftime("%d/%m/%Y"),
            "RADIONUCLEIDE": _EXAMS[int(rng.integers(0, len(_EXAMS)))][2],
            "VALEUR": f"{0.001 + min(rng.exponential(0.05), 2):.3f}",
            "ID_EVALUATION": f"E{country.year}{month:02d}-{at:06d}",
        }
        for at, (who, where) in enumerate(zip(worker.tolist(), place.tolist(), strict=True))
    ]
    return sheet, rows, worker, place


def _flights(country: Country, month: int, day: date) -> tuple[Sheet, list[Row], Ints, Ints]:
    wear = country.flights(month)
    stem = f"navigant_{country.year}-{month:02d}"
    sheet = Sheet(AIRCREW_BODY, stem, "NAVIGANT", 3, day, _FLIGHTS_DIALECT)
    rows = [
        {
            "NIR": country.people.nir[who],
            "SIRET": country.work.establishments[where].siret,
            "MOIS": wear.last.strftime("%m/%Y"),
            "VALEUR": f"{steps / 20:.2f}",
            "NB_VOLS": str(4 * steps) if steps else "",
            "ID_CALCUL": f"N{country.year}{month:02d}-{at:06d}",
        }
        for at, (who, where, steps) in enumerate(
            zip(wear.worker.tolist(), wear.place.tolist(), wear.steps.tolist(), strict=True)
        )
    ]
    return sheet, rows, wear.worker, wear.place
