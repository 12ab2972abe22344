"""Class B: where the effective dose of a worker of category B goes beyond what the category stands for.

The sum is that of ``AVT-05``: twelve months, external and committed and aircrew doses, radon left out. It is a warning
that the category no longer fits, not a limit of exposure.
"""

from __future__ import annotations

import numpy as np

from pipelines import windows
from pipelines.windows import Ints, Results
from schemas.formats import passive
from schemas.formats.common import plus_months

#: Above this, over twelve months, category B does not fit any more (article R. 4451-57 of the Code du travail).
CEILING_USV = 6_000
#: Quantities of PASSIVE that are summed.
EXTERNAL = [passive.TYPES.index(name) for name in ("PAS-HP10-PHO", "PAS-HP10-NEU")]
#: Kinds of results that are.
SUMMED = [*EXTERNAL, windows.COMMITTED, windows.AIRCREW]
_SPAN, _SHIFT = 2_000_000, 1_000_000


def sums(results: Results, persons: Ints, days: Ints) -> Ints:
    """The effective dose without radon of the windows that end on these days, in micro-sievert.

    Args:
        results: all that hold of these persons, in any order.
        persons, days: one window a place; days since 1970-01-01.
    """
    counted = windows.counted(results)
    counted = counted.take(np.isin(counted.kind, SUMMED))
    mark = counted.person * _SPAN + counted.day + _SHIFT
    order = np.argsort(mark)
    mark, after = mark[order], np.concatenate(([0], np.cumsum(counted.usv[order])))
    first = persons * _SPAN + np.asarray(plus_months(days, -12)) + 1 + _SHIFT
    last = persons * _SPAN + days + _SHIFT
    found: Ints = after[np.searchsorted(mark, last, side="right")] - after[np.searchsorted(mark, first)]
    return found
