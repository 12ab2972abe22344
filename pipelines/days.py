"""Days that a column means, whatever its kind: a day, a time or a month."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipelines.check import Checked
from schemas.formats.navigant import first_of_month
from schemas.spec import Format, Kind

Ints = NDArray[np.int64]


def last_day(layout: Format, checked: Checked, name: str) -> Ints:
    """The last day that the column means (a month's last), as days since 1970-01-01."""
    values = np.asarray(checked.values[name]).astype(np.int64)
    return values // 1440 if layout.column(name).kind is Kind.TIME else values


def first_day(layout: Format, checked: Checked, name: str) -> Ints:
    """The first day that the column means (a month's first), as days since 1970-01-01."""
    days = last_day(layout, checked, name)
    return np.asarray(first_of_month(days)) if layout.column(name).kind is Kind.MONTH else days
