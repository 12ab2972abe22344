"""``siseri simulate-legacy``: an invented old registry, dirty in the documented ways, and what must become of each row.

``ancien/`` holds the parts (docs/reprise.md), ``attendu/`` a Parquet file a part: ``ligne``, ``issue``, ``cause``. The
same arguments give the same rows. Measures are made as columns, never as rows in Python.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from pipelines.legacy.outcomes import Outcome
from pipelines.simulation.identities import People, people, siren, siret
from pipelines.simulation.legacy_doses import Country, measures
from schemas import nomenclature
from schemas.legacy import Form, tables, trades

#: Rows of a part.
PART = 1_000_000
#: Workers of one establishment, in the mean.
_STAFF = 40
#: Bodies of the old registry: accounts to open before the migration, by role.
BODIES = {
    "LABO1": "OA",
    "LABO2": "OA",
    "SITE1": "EXPLOITANT",
    "SITE2": "EXPLOITANT",
    "DOCTEUR1": "MDT",
    "VOLS": "CALCUL",
}
_TAKEN, _WAITS = Outcome.TAKEN.value, Outcome.WAITING.value
_REFUSED, _TWICE = Outcome.REFUSED.value, Outcome.DUPLICATE.value
_MENDED = ("spaces", "case", "accents", "lost_zero", "wrong_key", "swapped", "key_inside", "no_sex", "turned_day")
#: Ways in which a worker is dirty, as often as they stand here: rules mend most.
_WAYS = (*_MENDED * 3, "anonymous", "broken", "other_birth", "no_birth")
#: One worker in six was mended in the real migration (300 000 of 1.8 million).
_DIRTY = 1 / 6


@dataclass
class _Sheet:
    """The rows of one table, as columns, with what must become of each."""

    table: str
    columns: dict[str, list[Any]]
    issues: list[str]
    causes: list[str]


def simulate(
    out: Path, *, workers: int, doses: int, seed: int, day: date, text: bool = False, part: int = PART
) -> dict[str, Any]:
    """Write an old registry.

    Args:
        doses: measures, all tables together.
        day: the day of its migration: no sound result is later.
        text: CSV rather than Parquet.
        part: rows of a part, at most.

    Returns:
        ``ancien``, ``attendu``: folders; ``lignes``: rows by table; ``organismes``: accounts to open, with their roles.
    """
    rng = np.random.default_rng(seed)
    who = people(workers, day.year, rng, set())
    companies: set[str] = set()
    count = max(3, workers // _STAFF)
    places = [siret(siren(rng, companies), 1) for _ in range(count + count // 10 + 1)]
    sheet, causes = _workers(who, rng)
    written: dict[str, int] = {}
    for one in (_establishments(places, count, rng), sheet):
        written[one.table] = _write_sheet(out, one, text, part)
    country = Country.of(causes, places[:count], day, rng)
    one = _attachments(country, places, count, rng)
    written[one.table] = _write_sheet(out, one, text, part)
    for name, number, rows, issues in measures(country, doses, part, rng):
        _write(out, name, number, rows, issues, text)
        written[name] = written.get(name, 0) + rows.num_rows
    return {
        "ancien": str(out / "ancien"),
        "attendu": str(out / "attendu"),
        "lignes": written,
        "organismes": BODIES,
    }


def _establishments(places: list[str], with_doses: int, rng: np.random.Generator) -> _Sheet:
    columns: dict[str, list[Any]] = {name: [] for name in tables()["etablissements"].names}
    issues, causes = [], []
    for at, place in enumerate(places):
        sent = place
        if at % 23 == 5:
            sent = f"{place[:9]} {place[9:]}"
        if at % 19 == 7 and place.startswith("0"):
            sent = place.lstrip("0")
        row = (sent, "A", date(2001, 1, 1), f"SOCIETE {at}", "", "86.10Z", "69123")
        for name, value in zip(columns, row, strict=True):
            columns[name].append(value)
        issues.append(_TAKEN if at < with_doses else _REFUSED)
        causes.append("" if at < with_doses else "SANS_DOSE")
    return _Sheet("etablissements", columns, issues, causes)


def _workers(who: People, rng: np.random.Generator) -> tuple[_Sheet, list[str]]:
    """Workers and what each waits for, empty where nothing; numbers of the old system are 1, 2, …"""
    columns: dict[str, list[Any]] = {name: [] for name in tables()["travailleurs"].names}
    issues, causes = [], []
    ways = np.where(rng.random(len(who)) < _DIRTY, rng.integers(0, len(_WAYS), len(who)), -1)
    for at in range(len(who)):
        row, cause = _dirty(who, at, _WAYS[ways[at]] if ways[at] >= 0 else "")
        _put(columns, at + 1, row)
        issues.append(_WAITS if cause else _TAKEN)
        causes.append(cause)
    extra = len(who)
    for at in range(0, len(who), 97):  # the same person under another number, and another person under that person's
        sound = causes[at] == "" and ways[at] < 0
        if not sound:
            continue
        birth = _birth(who, at)
        for last, cause in ((who.last[at].lower(), ""), ("QUELQU'UN D'AUTRE", "NOM_DISCORDANT")):
            extra += 1
            _put(columns, extra, (who.nir[at], who.key[at], last, who.first[at], birth, who.sex[at]))
            issues.append(_WAITS if cause else _TAKEN)
            causes.append(cause)
    _put(columns, 1, ("", "", "", "", None, ""))
    return _Sheet("travailleurs", columns, [*issues, _TWICE], [*causes, ""]), causes


def _put(columns: dict[str, list[Any]], number: int, row: tuple[Any, ...]) -> None:
    for name, value in zip(columns, (number, *row), strict=True):
        columns[name].append(value)


def _birth(who: People, at: int) -> date:
    day, month, year = who.birth[at].split("/")
    return date(int(year), int(month), int(day))


def _dirty(who: People, at: int, way: str) -> tuple[tuple[Any, ...], str]:
    """The row of a worker, dirty in one way, and what it then waits for; a way that does not fit leaves it clean."""
    nir, key, last, first = who.nir[at], who.key[at], who.last[at], who.first[at]
    birth: date | None = _birth(who, at)
    assert birth is not None
    sex, cause = who.sex[at], ""
    if way == "spaces":
        nir, last = f"{nir[0]} {nir[1:3]} {nir[3:5]} {nir[5:]}", f"  {last} "
    elif way == "case":
        last, first, nir = last.lower(), first.title(), nir.lower()
    elif way == "accents":
        first = first.replace("E", "é", 1)
    elif way == "lost_zero":
        key = key.lstrip("0")
    elif way == "wrong_key":
        key = f"{int(key) % 97 + 1:02d}"
    elif way == "swapped":
        nir, last = last, nir
    elif way == "key_inside":
        nir, key = nir + key, ""
    elif way == "no_sex":
        sex = ""
    elif way == "turned_day":
        month = int(nir[3:5])
        if birth.month == month and birth.day <= 12 and birth.day != month:
            birth = date(birth.year, birth.day, birth.month)
    elif way == "anonymous":
        last, first, cause = "ANONYME", "ANONYME", "ANONYME"
    elif way == "broken":
        nir, cause = nir[:8] + "?" + nir[9:], "NIR_IRREPARABLE"
    elif way == "other_birth":
        birth, cause = date(birth.year - 1, birth.month, 1), "IDENTITE_DISCORDANTE"
    elif way == "no_birth":
        birth, cause = None, "NAISSANCE_ABSENTE"
    return (nir, key, last, first, birth, sex), cause


def _attachments(country: Country, places: list[str], with_doses: int, rng: np.random.Generator) -> _Sheet:
    columns: dict[str, list[Any]] = {name: [] for name in tables()["rattachements"].names}
    issues, causes = [], []
    labels = [label for label, _ in trades()]
    sectors = nomenclature.codes("secteur_activite")
    draw = rng.integers(0, 1 << 30, (len(country.causes), 4))
    for at, cause in enumerate(country.causes):
        place, label, grade, sector = (int(one) for one in draw[at])
        start = date.fromordinal(int(country.first[at]) + 719_163)
        grades = ("A", "B", "B", "NC", "")
        values = (
            *(at + 1, country.sirets[country.place[at]], start, None, grades[grade % 5], "", "Civil"),
            *(sectors[sector % len(sectors)], "EXT", "CDI", labels[label % len(labels)], 10),
        )
        rows: list[tuple[tuple[Any, ...], str, str]] = [(values, _WAITS if cause else _TAKEN, cause)]
        if at % 13 == 3:
            rows.append((values, _WAITS if cause else _TWICE, cause))
        if at % 17 == 4:
            empty = places[with_doses + place % (len(places) - with_doses)]
            rows.append(((at + 1, empty, *values[2:]), _REFUSED, "SANS_DOSE"))
        if at % 29 == 6:
            rows.append(((*values[:3], start - timedelta(days=1), *values[4:]), _REFUSED, "MET-01"))
        for row, issue, why in rows:
            for name, value in zip(columns, row, strict=True):
                columns[name].append(value)
            issues.append(issue)
            causes.append(why)
    return _Sheet("rattachements", columns, issues, causes)


_ARROW = {Form.NUMBER: pa.int64(), Form.DAY: pa.date32(), Form.TEXT: pa.string()}


def _write_sheet(out: Path, sheet: _Sheet, text: bool, part: int) -> int:
    forms = {column.name: column.form for column in tables()[sheet.table].columns}
    rows = pa.table({name: pa.array(values, _ARROW[forms[name]]) for name, values in sheet.columns.items()})
    told = pa.table({"issue": sheet.issues, "cause": sheet.causes})
    for number, start in enumerate(range(0, rows.num_rows, part), start=1):
        _write(out, sheet.table, number, rows.slice(start, part), told.slice(start, part), text)
    return int(rows.num_rows)


def _write(out: Path, table: str, number: int, rows: pa.Table, told: pa.Table, text: bool) -> None:
    name = f"partie-{number:04d}"
    for folder in ("ancien", "attendu"):
        (out / folder / table).mkdir(parents=True, exist_ok=True)
    lines = pa.array(np.arange(1, rows.num_rows + 1), pa.int32())
    pyarrow.parquet.write_table(
        told.add_column(0, "ligne", lines), out / "attendu" / table / f"{name}.parquet", compression="zstd"
    )
    if not text:
        pyarrow.parquet.write_table(rows, out / "ancien" / table / f"{name}.parquet", compression="zstd")
        return
    shown = [
        pa.compute.strftime(column, "%Y-%m-%dT%H:%M") if pa.types.is_timestamp(column.type) else column
        for column in rows.columns
    ]
    options = pyarrow.csv.WriteOptions(delimiter=";", quoting_style="none", quoting_header="none")
    pyarrow.csv.write_csv(
        pa.table(dict(zip(rows.column_names, shown, strict=True))), out / "ancien" / table / f"{name}.csv", options
    )
