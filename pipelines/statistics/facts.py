"""Facts: what one civil year holds as of a load, summed by person, establishment, kind of result and place.

The database does the summing, set by set, and hands over about two numbers a worker. Only groups of two dosimeters
worn together, which are no matter of sums, are judged here, by the code that judges them for exceedances.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

import sql
from loaders.bulk import Cursor, fetch_numbers
from pipelines import windows
from pipelines.windows import AIRCREW, COMMITTED, Ints, Mask, Results
from schemas.formats import interne, operationnelle, passive

#: Kinds beyond those of :mod:`pipelines.windows`: operational doses by quantity, examinations by type.
OPERATIONAL = AIRCREW + 1
INTERNAL = OPERATIONAL + len(operationnelle.TYPES)
PHOTONS, NEUTRONS, LENS, SKIN, EXTREMITIES, RADON = (
    passive.TYPES.index(name)
    for name in ("PAS-HP10-PHO", "PAS-HP10-NEU", "PAS-HP3", "PAS-HP007-PEAU", "PAS-HP007-EXT", "PAS-E-RADON")
)
#: What the annual dose is made of, and what the effective dose of the limits is made of.
ANNUAL = (PHOTONS, NEUTRONS, AIRCREW)
EFFECTIVE = (*ANNUAL, RADON, COMMITTED)
_TRUNK = (PHOTONS, NEUTRONS)
_VALUED = [passive.MES, passive.EST]
_COLUMNS = {
    "person": "int4",
    "establishment": "int4",
    "kind": "int2",
    "place": "int2",
    "records": "int8",
    "results": "int8",
    "usv": "int8",
}


@dataclass(frozen=True)
class Facts:
    """Sums of a year, one a place of the arrays.

    ``kind``: the position of TYPE_MESURE in PASSIVE, COMMITTED, AIRCREW, OPERATIONAL + the position of the quantity,
    INTERNAL + that of the examination. ``place``: the position of LOCALISATION for skin and extremities, else -1.
    ``records``: rows that hold; ``results``: those that are a result (no ABS), examinations for INTERNAL. ``usv``:
    micro-sievert, positive examinations for INTERNAL.
    """

    person: Ints
    establishment: Ints
    kind: Ints
    place: Ints
    records: Ints
    results: Ints
    usv: Ints

    def __len__(self) -> int:
        return len(self.person)

    def take(self, chosen: Mask) -> Facts:
        return Facts(*(getattr(self, one.name)[chosen] for one in fields(self)))

    def of(self, *kinds: int) -> Facts:
        """Those of some kinds."""
        return self.take(np.isin(self.kind, kinds))


def parameters(year: int, load: int) -> dict[str, object]:
    """What the queries of the facts name."""
    return {
        "year": year,
        "load": load,
        "by_place": [SKIN, EXTREMITIES],
        "absent": passive.ABS,
        "valued": _VALUED,
        "committed": COMMITTED,
        "aircrew": AIRCREW,
        "floor": windows.AIRCREW_FLOOR_USV,
        "operational": OPERATIONAL,
        "internal": INTERNAL,
        "no_exam": interne.ABS,
        "measured": interne.MES,
        "trunk": list(_TRUNK),
        "belt": passive.LOCATIONS.index("CEINTURE"),
        "places": [passive.LOCATIONS.index("POITRINE"), passive.LOCATIONS.index("CEINTURE")],
        "states": [passive.MES, passive.INF, passive.EST],
    }


def lay(cursor: Cursor, load: int, touched: dict[str, object] | None = None) -> None:
    """Lay at hand, in temporary tables of this transaction, whom to sum as of a load, and what physicians' versions set
    aside.

    Args:
        touched: the persons of its ``workers`` only; everybody where there is none.
    """
    for name in ("whom_table", "aside_table"):
        cursor.execute(sql.query("statistics", name))
    cursor.execute(sql.query("statistics", "whom_named" if touched else "whom_all"), {"load": load, **(touched or {})})
    cursor.execute(sql.query("statistics", "aside"), {"load": load})
    cursor.execute(sql.query("statistics", "analyze_whom"))


def sum_up(cursor: Cursor, year: int, load: int) -> None:
    """Sum a year of whoever is at hand into the temporary table ``annual_facts``."""
    cursor.execute(sql.query("statistics", "facts_table"))
    told = parameters(year, load)
    for name in ("facts_passive", "facts_committed", "facts_aircrew", "facts_operational", "facts_internal"):
        cursor.execute(sql.query("statistics", name), told)
    rows = outdone(cursor, year, load)
    if rows:
        with cursor.copy(f"copy annual_facts ({', '.join(_NAMES)}) from stdin") as copy:
            for row in rows:
                copy.write_row(row)
    cursor.execute(sql.query("statistics", "analyze"))


_NAMES = ("person_id", "establishment_id", "kind", "place", "records", "results", "usv")


def outdone(cursor: Cursor, year: int, load: int) -> list[tuple[int, ...]]:
    """What must be taken off the year's sums: results of the chest or belt that the other place outdoes.

    Returns:
        Rows of ``annual_facts`` with a sum below zero, in order.
    """
    types = {"person": "int4", "establishment": "int4", "kind": "int2", "place": "int2"}
    types |= {"start": "date", "day": "date", "usv": "int8"}
    results = Results(*fetch_numbers(cursor, sql.query("statistics", "belts"), types, parameters(year, load)))
    if not len(results):
        return []
    less = windows.weights(results) < 0
    in_year = results.day.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970 == year
    off = results.take(less & in_year & (results.usv > 0))
    if not len(off):
        return []
    keys, at = np.unique(np.stack([off.person, off.establishment, off.kind]), axis=1, return_inverse=True)
    sums = np.bincount(at.ravel(), weights=off.usv).astype(np.int64)
    return [
        (person, establishment, kind, -1, 0, 0, -usv)
        for (person, establishment, kind), usv in zip(keys.T.tolist(), sums.tolist(), strict=True)
    ]


def fetch(cursor: Cursor) -> Facts:
    """The year's sums, out of the database."""
    return Facts(*fetch_numbers(cursor, sql.query("statistics", "facts"), _COLUMNS))
