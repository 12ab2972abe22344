"""Published national figures as populations: workers and doses that must give exactly what was published.

Each world is written as an old registry (docs/reprise.md), which is the fast way in. Numbers of workers, collective
doses and numbers above the limit are published; numbers of exposed workers follow from published means (S / mean) or
shares. What was never published, how doses lie within a row, is ours: exponential quantiles, scaled to the row's sum.

Sources: ASN's report of 2021, page 112 (sectors of 2020); the registry's own presentation (categories of 2020); IRSN's
reports of 2019 and 2020 (totals, means by domain, shares below the threshold and below 1 mSv).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

from bench import data
from pipelines.legacy import trades
from schemas.identifiers import key_of
from schemas.legacy import Form, tables

Ints = NDArray[np.int64]
#: The day of the takeover: the years are complete, and NC is still legal.
TODAY = date(2021, 3, 1)
BODY = "LABO1"
#: The smallest dose that is recorded, and the most of a worker who is not said to be above the limit.
_LEAST_USV, _MOST_USV = 50, 20_000
#: A worker above the limit.
_ABOVE_USV = 21_000
_ARROW = {Form.NUMBER: pa.int64(), Form.DAY: pa.date32(), Form.TEXT: pa.string()}
_WRITTEN = 500_000


@dataclass(frozen=True)
class Group:
    """Workers of one row of a published table, and their annual doses in micro-sievert.

    ``sector``: empty for workers whom no attachment is known of.
    """

    sector: str
    class_: str
    doses: Ints


@dataclass(frozen=True)
class World:
    """A published year. ``groups``: its population, each published number divided by so much."""

    name: str
    year: int
    groups: Callable[[int], list[Group]]


#: 2020, workers by category and bracket of the annual dose: 0, up to 1, 5, 10 mSv, above.
TABLE_2020 = {
    "A": (20_928, 10_245, 7_037, 1_803, 158),
    "B": (163_344, 33_793, 2_856, 69, 14),
    "NC": (4_225, 619, 18, 0, 0),
    "": (107_332, 17_655, 407, 56, 5),
}
#: A dose within each bracket, at its upper bound where there is one: µSv.
DOSES = (0, 1_000, 5_000, 10_000, 10_001)

#: 2020, by sector: label, code, workers, collective dose in man-µSv, exposed, above the limit.
#: Exposed: S / 1.20 mSv in the nuclear domain, of which S / 1.6 mSv among contractors, the others by their number;
#: S / 0.25 in the medical one, / 0.93 in industry, / 0.23 in research, / 1.03 in the natural one.
SECTORS_2020 = (
    ("Réacteurs d'EDF", "506000", 23_603, 5_650_000, 7_472, 0),
    ("Cycle du combustible, démantèlement", "507000", 12_417, 3_400_000, 3_931, 0),
    ("Transport", "201000", 638, 90_000, 202, 0),
    ("Logistique et maintenance (prestataires)", "510000", 31_807, 25_420_000, 15_887, 0),
    ("Effluents, déchets", "509000", 789, 100_000, 250, 0),
    ("Autres du nucléaire", "512000", 6_501, 1_100_000, 2_058, 0),
    ("Médecine", "101000", 163_633, 6_280_000, 25_120, 2),
    ("Dentaire", "102000", 43_510, 1_200_000, 4_800, 0),
    ("Vétérinaire", "110000", 21_442, 360_000, 1_440, 1),
    ("Industrie", "309000", 16_439, 2_590_000, 2_785, 1),
    ("Recherche", "601000", 10_844, 260_000, 1_130, 0),
    ("Sources naturelles", "401000", 22_838, 22_460_000, 21_806, 0),
    # What the table does not show of the report's 387 452 workers and 72.43 man.Sv: defence, others, undetermined. So
    # many are exposed that 24 % of all are.
    ("Le reste", "", 32_991, 3_520_000, 5_978, 0),
)
#: 2019: the same, of 395 040 workers of whom 25 328 under natural sources; shares and means by domain as published,
#: what remains of the 112.31 man.Sv and of the 23.7 % exposed in the last row. Five were above the limit.
REPORT_2019 = (
    ("Médical", "101000", 229_123, 8_980_000, 29_950, 4),
    ("Nucléaire", "506000", 86_909, 44_920_000, 30_770, 0),
    ("Sources naturelles", "401000", 25_328, 53_570_000, 24_574, 0),
    ("Le reste", "", 53_680, 4_840_000, 8_330, 1),
)


def categories(divisor: int = 1) -> dict[str, tuple[int, ...]]:
    """The table of 2020, each figure divided and rounded up, so that no cell that holds anybody is lost."""
    return {code: tuple(-(-count // divisor) for count in counts) for code, counts in TABLE_2020.items()}


def _of_categories(divisor: int) -> list[Group]:
    return [Group("101010", code, np.repeat(DOSES, counts)) for code, counts in categories(divisor).items()]


def _of_rows(rows: tuple[tuple[str, str, int, int, int, int], ...]) -> Callable[[int], list[Group]]:
    def groups(divisor: int) -> list[Group]:
        made = []
        for _, sector, workers, usv, exposed, above in rows:
            doses = spread(-(-workers // divisor), usv // divisor, -(-exposed // divisor), above // divisor)
            made.append(Group(sector, "B", doses))
        return made

    return groups


WORLDS = (
    World("categories_2020", 2020, _of_categories),
    World("sectors_2020", 2020, _of_rows(SECTORS_2020)),
    World("report_2019", 2019, _of_rows(REPORT_2019)),
)


def spread(workers: int, usv: int, exposed: int, above: int) -> Ints:
    """Annual doses with this sum, this many above 0, this many above the limit; the others lie exponentially."""
    others = exposed - above
    left = usv - above * _ABOVE_USV
    quantiles = -np.log1p(-(np.arange(others) + 0.5) / others)
    doses = np.full(others, _LEAST_USV)
    # Doses that the limit cuts leave something over: it goes to the others in proportion, in a few rounds.
    for _ in range(20):
        room = np.where(doses < _MOST_USV, quantiles, 0.0)
        share = (left - int(doses.sum())) * room / room.sum()
        doses = np.minimum(doses + share.astype(np.int64), _MOST_USV)
    missing = left - int(doses.sum())
    doses[:missing] += 1
    assert doses.sum() == left
    assert doses.max() <= _MOST_USV
    return np.concatenate([np.full(above, _ABOVE_USV), doses, np.zeros(workers - exposed, np.int64)])


def write(world: World, folder: Path, divisor: int) -> dict[str, int]:
    """Write a world as an old registry. Gives rows by table."""
    groups = world.groups(divisor)
    doses = np.concatenate([group.doses for group in groups])
    sizes = [len(group.doses) for group in groups]
    places = data.sirets()
    place = [places[at % len(places)] for at in range(len(doses))]
    nirs = [data.nir(at) for at in range(len(doses))]
    last, first = zip(*(data.names(at) for at in range(len(doses))), strict=True)
    numbers = np.arange(1, len(doses) + 1)
    attached = np.repeat([group.sector != "" for group in groups], sizes)
    used = sorted(set(place))
    written = {
        "etablissements": {
            "SIRET": used,
            "ETAT": ["A"] * len(used),
            "DATE_ETAT": [date(2001, 1, 1)] * len(used),
            "DENOMINATION": [f"SOCIETE {one[:9]}" for one in used],
        },
        "travailleurs": {
            "ID_TRAVAILLEUR": numbers,
            "NIR": nirs,
            "CLE": [key_of(one) for one in nirs],
            "NOM": last,
            "PRENOM": first,
            "DATENAISSANCE": [date(1900 + int(one[1:3]), int(one[3:5]), 15) for one in nirs],
            "SEXE": ["M" if one[0] == "1" else "F" for one in nirs],
        },
        "rattachements": {
            name: pa.array(column).filter(pa.array(attached))
            for name, column in {
                "ID_TRAVAILLEUR": numbers,
                "SIRET": place,
                "DATE_DEBUT": [date(2015, 1, 1)] * len(doses),
                "CLASSEMENT": np.repeat([group.class_ for group in groups], sizes).tolist(),
                "CARACTERE": ["Civil"] * len(doses),
                "SECTEUR": np.repeat([group.sector for group in groups], sizes).tolist(),
                "METIER": np.repeat([_trade(group.sector) for group in groups], sizes).tolist(),
            }.items()
        },
        "externes": _results(world.year, numbers, place, doses),
    }
    for table, columns in written.items():
        _write(folder, table, columns)
    return {table: len(next(iter(columns.values()))) for table, columns in written.items()}


def _trade(sector: str) -> str:
    return min(trades.legal(sector), default="")


def _results(year: int, numbers: Ints, place: list[str], doses: Ints) -> dict[str, pa.Array]:
    """A result a quarter for each worker, which together are the annual dose."""
    bounds = ((1, 3, 31), (4, 6, 30), (7, 9, 30), (10, 12, 31))
    columns: dict[str, list[pa.Array]] = {}
    for quarter, (begins, ends, last) in enumerate(bounds):
        usv = doses // 4 + (quarter < doses % 4)
        count = len(doses)
        sheet = {
            "ID_TRAVAILLEUR": numbers,
            "ORGANISME": [BODY] * count,
            "SIRET": place,
            "TYPE_MESURE": ["PAS-HP10-PHO"] * count,
            "LOCALISATION": ["POITRINE"] * count,
            "TYPE_DOSIMETRE": ["OSL"] * count,
            "DATE_DEBUT_PORT": [date(year, begins, 1)] * count,
            "DATE_FIN_PORT": [date(year, ends, last)] * count,
            "ETAT_RESULTAT": np.where(usv > 0, "MES", "INF").tolist(),
            "VALEUR_USV": pa.array(usv, mask=usv == 0),
            "SEUIL_USV": np.full(count, _LEAST_USV),
            "ID_MESURE": [f"W{year}{quarter}{number}" for number in numbers.tolist()],
        }
        for name, column in sheet.items():
            columns.setdefault(name, []).append(pa.array(column))
    return {name: pa.concat_arrays(parts) for name, parts in columns.items()}


def _write(folder: Path, table: str, columns: dict[str, pa.Array]) -> None:
    count = len(next(iter(columns.values())))
    made = pa.table(
        {
            column.name: pa.array(columns[column.name]).cast(_ARROW[column.form])
            if column.name in columns
            else pa.nulls(count, _ARROW[column.form])
            for column in tables()[table].columns
        }
    )
    (folder / table).mkdir(parents=True, exist_ok=True)
    # A worker's attachments must lie in one part; there is one a worker here.
    for number, start in enumerate(range(0, count, _WRITTEN), start=1):
        pyarrow.parquet.write_table(made.slice(start, _WRITTEN), folder / table / f"partie-{number:04d}.parquet")
