"""CONCLUSION: what a physician concludes on an exceedance, row by row, in file order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

import sql
from loaders.bulk import Cursor
from loaders.secrets import RegistryKey
from pipelines import exceedances
from pipelines.adjustments import Window, adjust
from pipelines.check import Checked
from pipelines.match import Matched
from pipelines.settle import Source
from pipelines.states import BY_CONCLUSION, OPEN, enter_states
from pipelines.windows import Run
from schemas import codebook
from schemas.codebook import Severity
from schemas.formats.conclusion import CONCLUSIONS
from schemas.limits import by_code

_BLOCKED = codebook.severity_mask(Severity.REJECT) | codebook.severity_mask(Severity.HOLD)
_MOST = 2**31


@dataclass(frozen=True)
class Case:
    """An exceedance that a row names: its state, and as it was reckoned last. ``run.person`` is whose it is now."""

    number: int
    state: str
    run: Run

    @property
    def window(self) -> Window:
        return Window(by_code()[self.run.limit], self.run.place, self.run.window_start, self.run.window_end)


@dataclass(frozen=True)
class Conclusion:
    """What a row says: ``retained_usv`` with ``MODIFIEE``, ``remark`` sealed, submission and line."""

    kind: str
    retained_usv: int | None
    day: date
    physician: str
    remark: bytes | None
    origin: tuple[int, int]


def apply(
    cursor: Cursor, load: int, checked: Checked, matched: Matched, source: Source, key: RegistryKey, today: date
) -> int:
    """Apply a chunk of CONCLUSION; raises ``MET-16`` and, by the exceedance's establishment, ``IDT-10``.

    Returns:
        How many rows took effect.
    """
    named = checked.readable["ID_DEPASSEMENT"] & ~checked.carries(codebook.bit("FMT-01"))
    rows = np.flatnonzero(named)
    numbers = dict(zip(rows.tolist(), map(_number, _texts(checked, "ID_DEPASSEMENT", rows)), strict=True))
    cases = cases_of(cursor, sorted({one for one in numbers.values() if one is not None}))
    places = sorted({one.run.establishment for one in cases.values()})
    designated: dict[tuple[int, str], list[tuple[date, date]]] = {}
    for place, rpps, start, end in cursor.execute(sql.query("conclusions", "physicians"), (places,)).fetchall():
        designated.setdefault((place, rpps), []).append((start, end))
    texts = {name: _texts(checked, name, rows) for name in ("RPPS", "COMMENTAIRE")}
    closed: set[int] = set()
    for at, row in enumerate(rows.tolist()):
        case = cases.get(numbers[row] or 0)
        if case is None or (matched.nir_place[row] >= 0 and matched.worker[row] != case.run.person):
            checked.raise_at("MET-16", row)
            continue
        if case.state not in OPEN or case.number in closed:
            checked.raise_at("MET-16", row)
        day = _day(checked.values["DATE_CONCLUSION"][row])
        if checked.readable["RPPS"][row] and checked.readable["DATE_CONCLUSION"][row]:
            spans = designated.get((case.run.establishment, texts["RPPS"][at]), ())
            if not any(start <= day <= end for start, end in spans):
                checked.raise_at("IDT-10", row)
        if int(checked.codes[row]) & _BLOCKED:
            continue
        closed.add(case.number)
        kind = CONCLUSIONS[checked.values["CONCLUSION"][row]]
        remark = texts["COMMENTAIRE"][at]
        said = Conclusion(
            kind,
            int(checked.values["VALEUR_RETENUE"][row]) if kind == "MODIFIEE" else None,
            day,
            texts["RPPS"][at],
            key.seal(remark.encode()) if remark else None,
            (int(source.submission[row]), int(source.line[row])),
        )
        conclude(cursor, load, case, said, today)
    return len(closed)


def conclude(cursor: Cursor, load: int, case: Case, said: Conclusion, today: date) -> None:
    """Note what a physician concluded on an open exceedance, and let it act on state and doses.

    Args:
        today: the registry's date, from which the new state is true.
    """
    standing = None if said.kind == "MAINTENUE" else _adjust(cursor, load, case, said.retained_usv, said.origin)
    told = (said.kind, said.retained_usv, standing, said.day, said.physician, said.remark, *said.origin)
    cursor.execute(sql.query("conclusions", "conclude"), (case.number, *told, load))
    enter_states(cursor, load, [(case.number, BY_CONCLUSION[said.kind])], today)


def _adjust(cursor: Cursor, load: int, case: Case, retained: int | None, origin: tuple[int, int]) -> int:
    """Adjust the doses and let the exceedance stand as they sum now; the highest sum of its run that still exceeds."""
    run, window = case.run, case.window
    adjust(cursor, load, case.number, run.person, window, retained, origin)
    results, _ = exceedances.results_at_hand(cursor)
    now = Run(**(vars(run) | {"usv": window.sum(results)}))
    exceedances.write_reckonings(cursor, load, [(case.number, now)])
    left = [
        one.usv
        for one in exceedances.reckoned(cursor)
        if (one.limit, one.place) == (run.limit, run.place) and exceedances.common_days(one, run) > 0
    ]
    return max(left, default=0)


def cases_of(cursor: Cursor, numbers: list[int]) -> dict[int, Case]:
    """The exceedances of these numbers that there are."""
    found = {}
    for number, limit, place, person, state, first, last, start, end, usv, establishment in cursor.execute(
        sql.query("conclusions", "cases"), (numbers,)
    ).fetchall():
        run = Run(person, limit, place, first, last, start, end, int(usv), establishment)
        found[number] = Case(number, state, run)
    return found


def _number(text: str) -> int | None:
    """The exceedance that a text names, if it can be one."""
    plain = text.isascii() and text.isdigit() and not text.startswith("0")
    return int(text) if plain and int(text) < _MOST else None


def _texts(checked: Checked, name: str, rows: np.ndarray[Any, Any]) -> list[str]:
    return list(checked.values[name].take(pa.array(rows)).to_pylist())


def _day(value: Any) -> date:
    return date(1970, 1, 1) + timedelta(days=int(value))
