"""Rules: standing decisions as matching applies them, an identifier read as another one from a day on.

``pipelines.standing`` keeps them; here they only act, before anything is looked up or judged.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

import sql
from loaders.bulk import Cursor
from loaders.secrets import RegistryKey
from pipelines.check import Checked
from pipelines.days import last_day
from schemas.spec import Format

#: Columns that a rule of each kind acts upon.
_COLUMN = {"SIRET": "SIRET", "NIR": "NIR"}
_ALWAYS = 1 << 31


@dataclass(frozen=True)
class Rule:
    """Read ``sent`` as ``meant`` in the column ``kind``, for days from ``first`` to ``last`` (since 1970-01-01)."""

    kind: str
    sent: str
    meant: str
    first: int
    last: int


@dataclass(frozen=True)
class Rules:
    """The standing decisions in force for one sender's rows."""

    rules: tuple[Rule, ...] = ()

    @classmethod
    def in_force(cls, cursor: Cursor, key: RegistryKey, partner_id: int) -> Rules:
        """Read them, as the registry stands now."""
        found = cursor.execute(sql.query("standing", "in_force"), (partner_id,)).fetchall()
        return cls(
            tuple(
                Rule(
                    kind,
                    sent if kind == "SIRET" else key.open(from_sealed).decode(),
                    meant if kind == "SIRET" else key.open(to_sealed).decode(),
                    first,
                    _ALWAYS if last is None else last,
                )
                for kind, sent, meant, from_sealed, to_sealed, first, last in found
            )
        )

    def apply(self, layout: Format, checked: Checked) -> None:
        """Rewrite the typed identifiers of a chunk; what was sent stays in ``checked.sent``.

        A row is concerned where its considered day (end of wear, examination, contract's start, departure)
        can be read and lies in the rule's days.
        """
        day_column = layout.considered or ("DATEFIN" if layout.has("DATEFIN") else None)
        if not self.rules or day_column is None:
            return
        before = {name: checked.values[name] for name in _COLUMN.values() if layout.has(name)}
        for rule in self.rules:
            name = _COLUMN[rule.kind]
            if name not in before or (name == "NIR" and layout.has("NIA")):
                continue
            meant = pc.fill_null(pc.equal(before[name], rule.sent), False).to_numpy(zero_copy_only=False)
            rows = meant & checked.readable[name] & checked.readable[day_column]
            if not rows.any():
                continue
            day = last_day(layout, checked, day_column)
            rows = rows & (day >= rule.first) & (day <= rule.last)
            checked.values[name] = pc.if_else(pa.array(np.asarray(rows)), rule.meant, checked.values[name])


NO_RULES = Rules()
