"""The calendar: by when the next file of each sender and format is expected, and who is late.

Two things say how long a sender may be silent: the rules, where they do (``schemas/data/echeances.csv``), and its own
rhythm, where it has one. The shorter counts. Formats that are sent when something happens, by senders without a
rhythm, are expected never. What was refused did not come.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import sql
from loaders.warehouse import Connection
from schemas.promises import silences

#: Days back in which deliveries show a rhythm, and how many of them it takes.
_BACK_DAYS, _DELIVERIES = 800, 5
#: The last so many gaps between deliveries count.
_GAPS = 24
#: Nobody is late sooner than this beyond the rhythm, in days.
_GRACE_DAYS = 3
#: Gaps up to this need not be even: weekends and holidays are in them.
_WEEK = 7
OWN_RHYTHM = "rythme de l'émetteur"


@dataclass(frozen=True)
class Expected:
    """A file that is expected.

    Attributes:
        due: the last day on which it is in time.
        days: how long the silence may last, in days; ``reason``: in French, who says so.
        last: the day of the last file of the format that was taken in; ``None`` where there was none.
    """

    sender: str
    format: str
    due: date
    days: int
    reason: str
    last: date | None

    def late(self, today: date) -> int:
        """Days since ``due``, 0 where it is in time."""
        return max(0, (today - self.due).days)


def expected(connection: Connection, today: date) -> list[Expected]:
    """What is expected of every open account, the earliest first. ``connection`` is the analyst's."""
    asked = {"today": today, "from": today - timedelta(days=_BACK_DAYS)}
    days: dict[int, dict[str, list[date]]] = {}
    for number, layout, listed in connection.execute(sql.query("expected", "deliveries"), asked).fetchall():
        days.setdefault(number, {})[layout] = listed
    found: list[Expected] = []
    for number, code, role, since in connection.execute(sql.query("expected", "accounts"), asked).fetchall():
        found += _of_sender(code, role, since, days.get(number, {}))
    return sorted(found, key=lambda one: (one.due, one.sender, one.format))


def listing(connection: Connection, today: date, *, late: bool) -> list[dict[str, Any]]:
    """The calendar for a program or a page.

    Args:
        late: only what did not come in time.
    """
    return [
        {
            "emetteur": one.sender,
            "format": one.format,
            "attendu_le": one.due.isoformat(),
            "jours_de_retard": one.late(today),
            "dernier_recu": one.last.isoformat() if one.last else None,
            "silence_jours": one.days,
            "raison": one.reason,
        }
        for one in expected(connection, today)
        if one.late(today) or not late
    ]


def _of_sender(code: str, role: str, since: date | None, days: Mapping[str, Sequence[date]]) -> Iterator[Expected]:
    for layout, listed in days.items():
        rule = silences().get((role, layout))
        own = rhythm(listed)
        if rule is not None and (own is None or rule.days <= own):
            yield _after(code, layout, listed[-1], rule.days, rule.reason, listed[-1])
        elif own is not None:
            yield _after(code, layout, listed[-1], own, OWN_RHYTHM, listed[-1])
    if not days and since is not None:
        for (who, layout), rule in silences().items():
            if who == role:
                yield _after(code, layout, since, rule.days, rule.reason, None)


def _after(code: str, layout: str, start: date, days: int, reason: str, last: date | None) -> Expected:
    return Expected(code, layout, start + timedelta(days=days), days, reason, last)


def rhythm(days: Sequence[date]) -> int | None:
    """How long a sender with these days of delivery, in order, may be silent: days, or ``None`` without a rhythm.

    Days close together are one delivery: a month's files sent over a week are no daily rhythm. A rhythm is there where
    nine gaps in ten are at most twice the middle one, or a week. The silence allowed is the longest of those nine,
    and a quarter more.
    """
    gaps = [(after - before).days for before, after in pairwise(days)]
    if not gaps:
        return None
    apart = _ninth(gaps[-_GAPS:]) / 4
    first = [days[0], *(after for gap, after in zip(gaps, days[1:], strict=True) if gap > apart)]
    spaced = sorted((after - before).days for before, after in pairwise(first[-_GAPS - 1 :]))
    if len(spaced) < _DELIVERIES - 1:
        return None
    usual = _ninth(spaced)
    if usual > max(_WEEK, 2 * spaced[len(spaced) // 2]):
        return None
    return usual + max(_GRACE_DAYS, -(-usual // 4))


def _ninth(gaps: Sequence[int]) -> int:
    """The ninth decile, the higher of two."""
    ordered = sorted(gaps)
    return ordered[-(-9 * len(ordered) // 10) - 1]
