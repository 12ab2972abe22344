"""The public's tables of a scope: what a reader of the tables of all scopes could work out himself, and nothing else.

A scope is a part of the whole: any figure of it besides would give its complement by subtraction, which no cell of the
whole's system guards. What the whole tells already does not: rows of domains and sectors lie in one scope altogether,
and a total is the whole's less the natural domain's where both are shown (decision 0031).
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from loaders.warehouse import Connection
from pipelines.disclosure.primary import primary
from pipelines.progress import Say, quiet
from pipelines.statistics import activities, public
from pipelines.statistics.activities import TOTAL
from pipelines.statistics.linked import ADDED, RATIOS, Linked
from pipelines.statistics.people import Place
from pipelines.statistics.public import RULE, Hidden
from pipelines.statistics.yearbook import Yearbook, compile_year

#: Why a figure of a scope is not shown that the whole does not tell.
SCOPE = "PERIMETRE"
#: The scopes that rows of the tables tell apart.
SCOPES = ("artificiel", "naturel")
NATURAL = "400000"
_BY_SECTOR = ("domaines", "secteurs", "secteurs_cumul")


def withheld(connection: Connection, book: Yearbook, say: Say = quiet) -> list[Hidden]:
    """What the public may not be shown of a scope, in the order of the tables.

    Args:
        book: of one of :data:`SCOPES`. That of the whole, at the same instant, is made and guarded first.
    """
    whole = compile_year(connection, replace(book.asked, scope="tous"), say=say)
    reasons = {(one.table, one.code, one.column): one.reason for one in public.withheld(connection, whole, say)}
    linked = Linked(book)
    own = primary({cell.name: cell for cell in linked.cells}, RULE, ())
    scoped = _Scoped(book, whole, reasons)
    found: dict[Place, str] = {}
    for place, name in linked.names.items():
        reason = scoped.reason(place) or (own[name].value if name in own else None)
        if reason:
            found[place] = reason
    return [Hidden(*place, reason) for place, reason in found.items()]


class _Scoped:
    """What the whole tells of a scope."""

    def __init__(self, book: Yearbook, whole: Yearbook, reasons: dict[Place, str]) -> None:
        self._book, self._whole, self._reasons = book, whole, reasons
        self._natural = _natural_rows()

    def reason(self, place: Place) -> str | None:
        """Why a figure is not told by the whole; ``None`` where it is."""
        table, code, column = place
        if table not in _BY_SECTOR:
            return SCOPE
        if code == TOTAL:
            return self._of_total(column)
        mine = (code in self._natural) == (self._book.asked.scope == "naturel")
        if not mine:
            # A row of the other scope: there is nobody in it here, as everyone knows.
            return None if not self._book.table(table).cell(code, "suivis").value else SCOPE
        return self._as_whole((table, code, column), (table, code, column))

    def _of_total(self, column: str) -> str | None:
        if self._book.asked.scope == "naturel":
            return self._as_whole(("domaines", TOTAL, column), ("domaines", NATURAL, column))
        if column in RATIOS:
            return next((why for base in RATIOS[column] if (why := self._of_total(base))), None)
        if column not in ADDED:
            return SCOPE  # a quantile of a part is told by no quantile of the whole
        if any(("domaines", code, column) in self._reasons for code in (TOTAL, NATURAL)):
            return SCOPE
        own, natural = self._number(self._book, TOTAL, column), self._number(self._whole, NATURAL, column)
        return None if own + natural == self._number(self._whole, TOTAL, column) else SCOPE

    @staticmethod
    def _number(book: Yearbook, code: str, column: str) -> Fraction:
        value = book.table("domaines").cell(code, column).value
        assert isinstance(value, int | Fraction)
        return Fraction(value)

    def _as_whole(self, mine: Place, theirs: Place) -> str | None:
        if theirs in self._reasons:
            return self._reasons[theirs]
        same = self._book.table(mine[0]).cell(*mine[1:]).value == self._whole.table(theirs[0]).cell(*theirs[1:]).value
        return None if same else SCOPE


def _natural_rows() -> frozenset[str]:
    """The codes of domains and sectors of natural sources."""
    domains, sectors = activities.domains(), activities.sectors()
    at = [code for code, _ in domains.rows].index(NATURAL)
    codes = (code for (code, _), row in zip(sectors.rows, domains.row_of, strict=True) if row == at)
    return frozenset((NATURAL, *codes))
