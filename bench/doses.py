"""Doses of the project's own invented country, month by month, as the model of unusual doses reads them."""

from __future__ import annotations

import numpy as np

from pipelines.simulation.national import Country
from pipelines.usual import Results
from schemas import nomenclature
from schemas.formats import passive

_LOCATIONS = {"PAS-HP10-PHO": 0, "PAS-HP10-NEU": 0, "PAS-HP3": 2, "PAS-HP007-EXT": 4, "PAS-E-RADON": 0}


def first_country(workers: int, years: range, seed: int) -> Results:
    """Every result of these civil years: persistent workers, the published spread of annual doses, mild seasons."""
    parts: list[list[np.ndarray]] = []
    for year in years:
        country = Country.invent(workers, year, seed, 4, 3)
        sector, domain, trade = _activities(country)
        lab = np.array([one.lab for one in country.work.establishments])
        for month in range(1, 13):
            wears = [("PAS-HP10-PHO", wear) for wear in country.whole_body(month)]
            wears += [(kind, country.organs(month, kind)) for kind in _LOCATIONS if kind != "PAS-HP10-PHO"]
            for kind, wear in wears:
                n = len(wear.worker)
                first, last = (np.datetime64(day, "D").astype(np.int64) for day in (wear.first, wear.last))
                columns = (
                    *(wear.worker + 1, wear.place + 1, lab[wear.place] + 1),
                    lab[wear.place] + 1 + 10 * (month + 12 * year),
                    np.zeros(n, np.int64),
                    np.full(n, passive.TYPES.index(kind)),
                    np.full(n, _LOCATIONS[kind]),
                    lab[wear.place] % 2,
                    *(np.full(n, first), np.full(n, last)),
                    wear.steps * 50 if kind == "PAS-HP10-PHO" else wear.steps // 10 * 10,
                    *(trade[wear.worker], sector[wear.place], domain[wear.place], np.zeros(n, np.int64)),
                )
                parts.append([np.asarray(one, np.int64) for one in columns])
    return numbered_lines(Results(*(np.concatenate(one) for one in zip(*parts, strict=True))))


def numbered_lines(results: Results) -> Results:
    """The same rows in the order of days, with their lines within each file."""
    results = results.take(np.lexsort((results.person, results.establishment, results.submission, results.day)))
    order = np.argsort(results.submission, kind="stable")
    sent = results.submission[order]
    first = np.r_[True, sent[1:] != sent[:-1]]
    start = np.maximum.accumulate(np.where(first, np.arange(len(sent)), 0))
    results.line[order] = np.arange(len(sent)) - start + 1
    return results


def _activities(country: Country) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sector and domain of every establishment, trade of every worker, by position in the nomenclatures."""
    sectors = {code: at for at, code in enumerate(nomenclature.codes("secteur_activite"))}
    trades = {code: at for at, code in enumerate(nomenclature.codes("metier"))}
    sector = np.array([sectors[country.work.employer_of(at).sector] for at in country.places])
    trade = np.array([trades[one] for one in country.work.trade])
    return sector, nomenclature.domain_of_sector()[sector].astype(np.int64), trade
