"""What must hold of the check of any file whatever: an answer that is whole and consistent, and no exception."""

from __future__ import annotations

import json
import traceback
from datetime import date
from pathlib import Path
from typing import Any

from mutants import Mutant

from pipelines.selfcheck import report_stem, selfcheck


class Fault(Exception):
    """What is wrong with an answer; never what the file holds."""


def checked(one: Mutant, folder: Path, today: date) -> dict[str, Any]:
    """The content of the report on a mutant. Raises Fault where it has none, or one that contradicts itself."""
    folder.mkdir(exist_ok=True)
    path = folder / one.name
    path.write_bytes(one.data)
    marker = path.with_name(f"{one.name}.ok")
    if one.marker is None:
        marker.unlink(missing_ok=True)
    else:
        marker.write_text(one.marker)
    try:
        facts, _ = selfcheck(path, today=today, max_bytes=1 << 24)
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        raise Fault(f"{type(error).__name__} at {Path(where.filename).name}:{where.name}:{where.lineno}") from error
    stem = report_stem(one.name)
    if json.loads(path.with_name(f"{stem}.rapport.json").read_text()) != facts:
        raise Fault("the report on disk is another one")
    rows, table = facts["lignes"], path.with_name(f"{stem}.rapport.csv")
    parts = [count for name, count in rows.items() if name != "recues"]
    if sum(parts) != rows["recues"] or min(rows.values()) < 0:
        raise Fault("the counts do not add up")
    if (facts["statut"] == "REFUSE") == table.exists():
        raise Fault("a table where the file is refused, or none where it is not")
    for left in (path, marker, table, path.with_name(f"{stem}.rapport.json")):
        left.unlink(missing_ok=True)
    return facts
