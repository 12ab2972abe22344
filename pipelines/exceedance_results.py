"""The results of a person as the registry held them at a point of time, and what each counts for.

For what is shown of one exceedance; detection reads many persons at once (:mod:`pipelines.exceedances`).
"""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np

import sql
from loaders.warehouse import Connection
from pipelines import windows
from pipelines.registry_time import NOW
from pipelines.windows import Ints, Results
from schemas.formats import passive

KINDS = (*passive.TYPES, "INT-E50", "CAL-E-COS")
#: Why a result counts less than its value.
OUTDONE, ASIDE, SMALL = "AUTRE_EMPLACEMENT", "VERSION_DU_MEDECIN", "VOLS_FAIBLES"


def held(connection: Connection, person: int, load: int) -> tuple[list[tuple[Any, ...]], Results]:
    """The person's results after a load, as rows of the query and as arrays, in order of their days.

    Args:
        person: as known then.
        load: :data:`pipelines.registry_time.NOW` for what holds.
    """
    asked: dict[str, Any] = {"person": person, "at": load}
    numbers = [one for (one,) in connection.execute(sql.query("exceedance_pages", "numbers"), asked).fetchall()]
    asked = {
        "numbers": numbers,
        "at": load,
        "current": load == NOW,
        "below": passive.INF,
        "states": [passive.MES, passive.INF, passive.EST],
        "committed": windows.COMMITTED,
        "aircrew": windows.AIRCREW,
    }
    rows = connection.execute(sql.query("exceedance_pages", "results"), asked).fetchall()
    columns = [
        [0 for _ in rows],
        *([row[at] for row in rows] for at in range(3)),
        *([(row[at] - date(1970, 1, 1)).days for row in rows] for at in (3, 4)),
        [int(row[5]) for row in rows],
    ]
    return rows, Results(*(np.array(one, np.int64) for one in columns))


def counts_of(listed: list[tuple[Any, ...]], results: Results) -> tuple[Ints, list[str | None]]:
    """What each result counts for (0 where it does not), and why that is not its value."""
    aside = np.array([row[6] for row in listed], bool)
    counts = np.zeros(len(results), np.int64)
    counts[~aside] = windows.weights(results.take(~aside))
    outdone = counts == windows.OUTDONE
    counts[outdone] = 0
    why = [
        ASIDE if left else OUTDONE if less else SMALL if count != usv else None
        for left, less, count, usv in zip(
            aside.tolist(), outdone.tolist(), counts.tolist(), results.usv.tolist(), strict=True
        )
    ]
    return counts, why
