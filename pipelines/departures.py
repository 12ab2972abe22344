"""Departures: rows of SORTIES end attachments."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np

import sql
from loaders.bulk import Cursor
from pipelines.check import Checked
from pipelines.match import Matched
from pipelines.settle import Source
from pipelines.versions import Buffer, Fact

_EPOCH = date(1970, 1, 1)


def departures(cursor: Cursor, load: int, checked: Checked, matched: Matched, source: Source, blocked: int) -> int:
    """Apply a chunk of SORTIES: the last period of the attachment ends that day. A row may correct an earlier end.

    Args:
        blocked: codes that keep a row from having an effect.

    Returns:
        How many versions were written.
    """
    rows = np.flatnonzero(~checked.carries(blocked))
    if not len(rows):
        return 0
    buffer = Buffer("reference.attachment_period", "close_period", load)
    attachments: dict[tuple[int, int], list[int]] = {}
    pairs = (matched.worker[rows].tolist(), matched.establishment[rows].tolist())
    for attachment, person, place in cursor.execute(sql.query("apply", "attachments"), pairs).fetchall():
        attachments.setdefault((person, place), []).append(attachment)
    asked = [one for several in attachments.values() for one in several]
    last: dict[int, Fact] = {}
    for attachment, number, start, end, since, line, origin in cursor.execute(
        sql.query("apply", "periods"), (asked,)
    ).fetchall():
        values = {"attachment_id": attachment, "number": number, "start_day": start, "end_day": end}
        last[attachment] = Fact(values, (attachment, since, line, number), origin)
    for row, person, place in zip(rows.tolist(), *pairs, strict=True):
        end = _EPOCH + timedelta(days=int(checked.values["DATEFIN"][row]))
        origin = {"submission_id": int(source.submission[row]), "line": int(source.line[row])}
        for attachment in _ending(attachments[person, place], last):
            fact = last[attachment]
            known = fact.values
            if known["end_day"] == end or end < known["start_day"]:
                continue
            if known["end_day"] is not None and fact.origin > origin["submission_id"]:
                continue  # a row that waited does not undo what came after it
            kept: dict[str, Any] = {name: known[name] for name in ("attachment_id", "number", "start_day")}
            last[attachment] = buffer.replace(fact, **kept, end_day=end, **origin)
    return buffer.flush(cursor)


def _ending(attachments: list[int], last: dict[int, Fact]) -> list[int]:
    """The attachments of a pair that a departure concerns: the open ones, else those that ended last.

    Only a merged person has several.
    """
    ends = {one: last[one].values["end_day"] for one in attachments}
    open_ = [one for one, end in ends.items() if end is None]
    return open_ or [one for one, end in ends.items() if end == max(ends.values())]
