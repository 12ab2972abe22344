"""Measures of an invented old registry, table by table and part by part, with what must become of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipelines.legacy.outcomes import Outcome

Ints = NDArray[np.int64]
Texts = NDArray[np.object_]

#: Share of each table in all measures.
SHARES = {"externes": 0.3, "operationnelles": 0.6, "internes": 0.05, "engagees": 0.02, "navigants": 0.03}
_BODIES = {
    "externes": ("LABO1", "LABO2"),
    "operationnelles": ("SITE1", "SITE2"),
    "internes": ("LABO1", "LABO2"),
    "engagees": ("DOCTEUR1",),
    "navigants": ("VOLS",),
}
#: Of a thousand rows, so many are wrong in each way.
_WAYS = ("negative", "ahead", "no_worker", "no_place", "no_body", "spaced", "again", "conflict", "implausible")
_DIRTY = 0.03
_EPOCH = 719_163
_RPPS = "10003456786"


@dataclass(frozen=True)
class Country:
    """Workers of the old registry by number (from 1): what each waits for, where it works, first and last day."""

    causes: list[str]
    sirets: list[str]
    place: Ints
    first: Ints
    last: Ints
    day: int

    @classmethod
    def of(cls, causes: list[str], sirets: list[str], day: date, rng: np.random.Generator) -> Country:
        """Every establishment has workers; two in five had their last dose long ago."""
        count, today = len(causes), day.toordinal() - _EPOCH
        place = np.where(np.arange(count) < len(sirets), np.arange(count), rng.integers(0, len(sirets), count))
        first = today - rng.integers(700, 365 * 25, count)
        gone = rng.random(count) < 0.4
        last = np.where(gone, np.maximum(first + 60, today - rng.integers(500, 365 * 20, count)), today - 1)
        return cls(causes, sirets, place % len(sirets), first, np.minimum(last, today - 1), today)


def measures(
    country: Country, doses: int, part: int, rng: np.random.Generator
) -> Iterator[tuple[str, int, pa.Table, pa.Table]]:
    """Parts of measures: table, number of the part, rows, and their issues and causes."""
    for name, share in SHARES.items():
        total, number, made = max(len(country.causes), round(doses * share)), 0, 0
        if name != "externes":
            total = max(1, round(doses * share))
        while made < total:
            number += 1
            count = min(part, total - made)
            rows, told = _part(country, name, made, count, rng)
            yield name, number, rows, told
            made += count


def _part(country: Country, name: str, before: int, count: int, rng: np.random.Generator) -> tuple[pa.Table, pa.Table]:
    serial = before + np.arange(count)
    # The first passive result of everybody comes first, so that everybody and every establishment has one.
    who = serial % len(country.causes) if name == "externes" else rng.integers(0, len(country.causes), count)
    span = country.last[who] - country.first[who]
    end = country.first[who] + (rng.random(count) * span).astype(np.int64)
    value = np.round(rng.exponential(0.15, count) / 0.05).astype(np.int64) * 50
    ways = np.where(rng.random(count) < _DIRTY, rng.integers(0, len(_WAYS), count), -1)
    if name == "externes":
        ways[serial < len(country.causes)] = -1
    if name == "internes":
        ways[np.isin(ways, [_WAYS.index("implausible"), _WAYS.index("conflict")])] = -1
    causes = np.array(country.causes, object)[who]
    issue = np.where(causes == "", Outcome.TAKEN.value, Outcome.WAITING.value).astype(object)
    number = who + 1
    place = np.array(country.sirets, object)[country.place[who]]
    bodies = _BODIES[name]
    body = np.array(bodies, object)[country.place[who] % len(bodies)]
    key = serial.copy()
    _again(ways, causes, (key, who, end, value, number, place, body), rng)

    def way(kind: str) -> NDArray[np.bool_]:
        return np.asarray(ways == _WAYS.index(kind))

    value = np.where(way("negative"), -50, np.where(way("implausible"), 6_000_000, value))
    value = np.where(way("conflict"), value + 50, value)
    end = np.where(way("ahead"), country.day + 40, end)
    place = np.where(way("no_place"), "73282932000074", place)
    place = np.where(
        way("spaced"), np.array([f"{one[:9]} {one[9:]}" for one in country.sirets], object)[country.place[who]], place
    )
    body = np.where(way("no_body"), "INCONNU", body)
    number = np.where(way("no_worker"), 900_000_000, number)
    for kind, cause in (("no_body", "ORGANISME"), ("implausible", "MET-05"), ("conflict", "CLE_EN_CONFLIT")):
        chosen = way(kind) & (causes == "")
        causes[chosen], issue[chosen] = cause, Outcome.WAITING.value
    # A row that nobody is known for waits for its worker first, then for its establishment.
    chosen = way("no_place") & (causes == "")
    causes[chosen], issue[chosen] = "ETABLISSEMENT", Outcome.WAITING.value
    causes[way("no_worker")], issue[way("no_worker")] = "TRAVAILLEUR_ABSENT", Outcome.WAITING.value
    twice = way("again") & (causes == "")
    causes[twice], issue[twice] = "MET-12", Outcome.DUPLICATE.value
    refused = way("ahead") | way("negative")
    causes[refused] = np.where(way("ahead"), "MET-02", "MET-04")[refused]
    issue[refused] = Outcome.REFUSED.value
    rows = _COLUMNS[name](number, body, place, end, value, key)
    return rows, pa.table({"issue": pa.array(issue, pa.string()), "cause": pa.array(causes, pa.string())})


def _again(ways: Ints, causes: Texts, columns: tuple[NDArray[np.generic], ...], rng: np.random.Generator) -> None:
    """Rows sent again, or again with another dose, are those of a sound row before them in the part."""
    repeated = np.isin(ways, [_WAYS.index("again"), _WAYS.index("conflict")])
    sound = np.flatnonzero((ways == -1) & (causes == ""))
    rows = np.flatnonzero(repeated)
    before = np.searchsorted(sound, rows)
    ways[rows[before == 0]] = -1
    rows, before = rows[before > 0], before[before > 0]
    if not len(rows):
        return
    source = sound[(rng.random(len(rows)) * before).astype(np.int64)]
    for column in columns:
        column[rows] = column[source]
    causes[rows] = ""


def _days(days: Ints) -> pa.Array:
    return pa.array(days.astype(np.int32), pa.int32()).cast(pa.date32())


def _named(letter: str, key: Ints) -> pa.Array:
    return pc.binary_join_element_wise(letter, pc.utf8_lpad(pa.array(key).cast(pa.string()), 10, "0"), "")


def _same(text: str, count: int) -> pa.Array:
    return pa.array(np.full(count, text, object), pa.string())


def _passive(number: Ints, body: Texts, place: Texts, end: Ints, value: Ints, key: Ints) -> pa.Table:
    count = len(number)
    return pa.table(
        {
            "ID_TRAVAILLEUR": number,
            "ORGANISME": pa.array(body, pa.string()),
            "SIRET": pa.array(place, pa.string()),
            "TYPE_MESURE": _same("PAS-HP10-PHO", count),
            "LOCALISATION": _same("POITRINE", count),
            "TYPE_DOSIMETRE": pa.array(np.where(key % 3 == 0, "FILM", "OSL").astype(object), pa.string()),
            "DATE_DEBUT_PORT": _days(end - 27),
            "DATE_FIN_PORT": _days(end),
            "ETAT_RESULTAT": pa.array(np.where(value == 0, "INF", "MES").astype(object), pa.string()),
            "VALEUR_USV": value,
            "SEUIL_USV": np.full(count, 50),
            "ID_MESURE": _named("M", key),
        }
    )


def _operational(number: Ints, body: Texts, place: Texts, end: Ints, value: Ints, key: Ints) -> pa.Table:
    count = len(number)
    # The key of a passage holds its times: what was sent again has the same, others differ by the serial number.
    start = end * 1440 + key % 1000
    seconds = [pa.array(minutes * 60).cast(pa.timestamp("s")) for minutes in (start, start + 60 + key // 1000 % 300)]
    return pa.table(
        {
            "ID_TRAVAILLEUR": number,
            "ORGANISME": pa.array(body, pa.string()),
            "SIRET": pa.array(place, pa.string()),
            "LIEU": _same("CNPE BUGEY", count),
            "ZONE": _named("Z", key // 300_000),
            "TYPE_MESURE": _same("OPE-HP10-PHO", count),
            "TYPE_DOSIMETRE": _same("DMC 3000", count),
            "DATE_DEBUT_PORT": seconds[0],
            "DATE_FIN_PORT": seconds[1],
            "VALEUR_USV": np.where(value > 5_000_000, value, value // 10),
            "ACTIVITE": _same("ROBINETTERIE", count),
        }
    )


def _internal(number: Ints, body: Texts, place: Texts, end: Ints, value: Ints, key: Ints) -> pa.Table:
    count = len(number)
    return pa.table(
        {
            "ID_TRAVAILLEUR": number,
            "ORGANISME": pa.array(body, pa.string()),
            "SIRET": pa.array(place, pa.string()),
            "TYPE_EXAMEN": _same("RTU", count),
            "DATE_EXAMEN": _days(end),
            "RADIONUCLEIDE": _same("Cs-137", count),
            "ACTIVITE_NBQ": value * 1_000_000,
            "UNITE": _same("Bq/L", count),
            "LIMITE_DETECTION_NBQ": np.full(count, 500_000_000),
            "ETAT_RESULTAT": _same("MES", count),
            "ID_ANALYSE": _named("A", key),
        }
    )


def _committed(number: Ints, body: Texts, place: Texts, end: Ints, value: Ints, key: Ints) -> pa.Table:
    count = len(number)
    return pa.table(
        {
            "ID_TRAVAILLEUR": number,
            "ORGANISME": pa.array(body, pa.string()),
            "SIRET": pa.array(place, pa.string()),
            "RPPS": _same(_RPPS, count),
            "DATE_INCORPORATION": _days(end),
            "RADIONUCLEIDE": _same("Cs-137", count),
            "VALEUR_USV": value,
            "ID_EVALUATION": _named("E", key),
        }
    )


def _aircrew(number: Ints, body: Texts, place: Texts, end: Ints, value: Ints, key: Ints) -> pa.Table:
    return pa.table(
        {
            "ID_TRAVAILLEUR": number,
            "ORGANISME": pa.array(body, pa.string()),
            "SIRET": pa.array(place, pa.string()),
            "MOIS": _days(end),
            "VALEUR_USV": value,
            "NB_VOLS": key % 20,
            "ID_CALCUL": _named("N", key),
        }
    )


_COLUMNS = {
    "externes": _passive,
    "operationnelles": _operational,
    "internes": _internal,
    "engagees": _committed,
    "navigants": _aircrew,
}
