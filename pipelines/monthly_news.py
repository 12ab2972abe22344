"""What a monthly file tells of results: the month's, those that came late, those that changed since they were told, and
those that were told and hold no longer.

Told once each: by the file of their month, or by the first one after they came.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from pipelines.statement_rows import WITHDRAWN, Facts

#: Why a result that is not simply the month's stands in the file.
LATE, CORRECTED = "TARDIF", "CORRIGE"


@dataclass(frozen=True)
class Before:
    """What an account was given of an establishment so far.

    Attributes:
        first_at, last_at: when its first and last file were made.
        first_day, last_day: of the months of those files, the first and the last day.
    """

    first_at: datetime
    last_at: datetime
    first_day: date
    last_day: date

    @classmethod
    def of(cls, last_at: datetime, first_at: datetime, first_month: date, last_month: date) -> Before:
        """From when files were made, and the months in which they were: each is about the month before."""
        first_day = (first_month - timedelta(1)).replace(day=1)
        return cls(first_at, last_at, first_day, last_month - timedelta(1))

    def told(self, one: Facts, history: set[datetime]) -> bool:
        """Whether a version stood in one of those files."""
        end, came = _end(one), one["integre_le"]
        if came > self.last_at or end > self.last_day:
            return False
        return end >= self.first_day or (came > self.first_at and came not in history)


def news(
    held: list[Facts], ended: list[Facts], last: date, before: Before | None, history: set[datetime]
) -> list[Facts]:
    """The results of a file, each with ``suite``: empty, :data:`LATE`, :data:`CORRECTED` or ``ANNULE``.

    Args:
        held: results that hold and may be seen.
        ended: versions that ceased to hold since the last file.
        last: the last day of the month that ended.
        history: hours at which a legacy registry's history came, which is no news.
    """
    gone = {_key(one): one for one in ended if before and before.told(one, history)}
    listed = {}
    for one in held:
        new = before is not None and one["integre_le"] > before.last_at and one["integre_le"] not in history
        if _end(one) <= last and (_end(one) >= last.replace(day=1) or new):
            listed[_key(one)] = one | {"suite": _why(one, last, before, _key(one) in gone)}
    standing = {_key(one): one for one in held}
    for key, one in gone.items():
        if key in listed:
            continue
        body = _stood_for(one)
        freed = standing.get(body) if body else None
        if freed is not None and _key(freed) not in listed:
            # A physician's version is gone: the body's result, told long ago, holds again.
            listed[_key(freed)] = freed | {"suite": CORRECTED}
        elif freed is None:
            listed[key] = one | {"suite": WITHDRAWN}
    return list(listed.values())


def _why(one: Facts, last: date, before: Before | None, changed: bool) -> str:
    stands_in = before is not None and _stood_for(one) is not None and _end(one) <= before.last_day
    if changed or stands_in:
        return CORRECTED
    return "" if _end(one) >= last.replace(day=1) else LATE


def _key(one: Facts) -> tuple[Any, ...]:
    """What the versions of a result share."""
    if one["mesure"]:
        return one["personne"], one["format"], one["emetteur"], one["mesure"]
    names = ("personne", "format", "grandeur", "debut", "fin", "localisation")
    return tuple(one[name] for name in names)


def _stood_for(one: Facts) -> tuple[Any, ...] | None:
    """Of a physician's version of a dosimeter's result: the body's result that it stands in for."""
    body, slash, measure = one["mesure"].partition("/")
    return (one["personne"], "PASSIVE", body, measure) if slash and one["format"] == "PASSIVE" else None


def _end(one: Facts) -> date:
    return date.fromisoformat(one["fin"][:10])
