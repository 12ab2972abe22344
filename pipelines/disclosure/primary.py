"""First look: which cells are withheld for what they are, or for what an earlier edition showed of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pipelines.disclosure.cells import Cell, Edition, Kind, Reason, Rule

_SMALL = (Reason.WORKERS, Reason.ESTABLISHMENTS)


def primary(cells: Mapping[str, Cell], rule: Rule, earlier: Sequence[Edition]) -> dict[str, Reason]:
    """Withheld cells and why, in the order of the cells.

    A cell without workers is shown: there is nobody in it to protect. Within a population that is itself too small it
    is not, for it would say something of everybody in that population.
    """
    found: dict[str, Reason] = {}
    for name, cell in cells.items():
        reason = _why(cells, cell, rule, earlier)
        if reason is not None:
            found[name] = reason
    for name, reason in list(found.items()):
        if cells[name].kind is Kind.RATIO and reason is not Reason.EARLIER:
            # Its bases would give it away: the one of fewest workers goes.
            bases = [cells[base] for base in cells[name].bases]
            if not any(base.name in found for base in bases):
                found[min(bases, key=lambda base: (base.workers, base.weight)).name] = reason
    return found


def _why(cells: Mapping[str, Cell], cell: Cell, rule: Rule, earlier: Sequence[Edition]) -> Reason | None:
    if any(cell.name in edition.shown and edition.shown[cell.name] is None for edition in earlier):
        return Reason.EARLIER
    population = cells[cell.population] if cell.population is not None else None
    if population is not None and population.name != cell.name and _own(population, rule) in _SMALL:
        return Reason.POPULATION
    return _own(cell, rule) or (Reason.CHANGE if _tells_of_few(cells, cell, rule, earlier) else None)


def _own(cell: Cell, rule: Rule) -> Reason | None:
    if cell.workers == 0 and cell.kind is not Kind.QUANTILE:
        return None
    if cell.workers < rule.workers:
        return Reason.WORKERS
    if cell.establishments < rule.establishments:
        return Reason.ESTABLISHMENTS
    if 100 * cell.largest_usv > rule.share_percent * cell.dose_usv:
        return Reason.DOMINANCE
    return None


def _tells_of_few(cells: Mapping[str, Cell], cell: Cell, rule: Rule, earlier: Sequence[Edition]) -> bool:
    """Whether what changed since an edition that showed the cell concerns too few workers, as far as can be told.

    The difference of two editions is a figure too: that of the late file or the correction between them. A count says
    itself how many came or went; a dose says so by the count of its population.
    """
    for edition in earlier:
        before = edition.shown.get(cell.name)
        if before is None or before == cell.value or cell.kind is Kind.RATIO:
            continue
        moved = abs(cell.value - before)
        if cell.kind is not Kind.COUNT:
            population = cell.population
            known = edition.shown.get(population) if population is not None else None
            moved = 0 if known is None or population is None else abs(cells[population].value - known)
        if moved < rule.workers:
            return True
    return False


def known_before(cells: Mapping[str, Cell], cell: Cell, earlier: Sequence[Edition]) -> bool:
    """Whether an earlier edition showed this very figure, of a population of this very size."""
    if cell.kind is Kind.RATIO:
        return False
    size = cells[cell.population] if cell.population is not None else cell
    return any(one.shown.get(cell.name) == cell.value and one.shown.get(size.name) == size.value for one in earlier)


def bounds(cell: Cell, reason: Reason | None, rule: Rule, earlier: Sequence[Edition]) -> tuple[int, int | None]:
    """Between what values a reader of the log knows the figure of a withheld cell to lie (``None``: no bound)."""
    low: int = 0
    high: int | None = None
    if cell.kind is not Kind.COUNT:
        known = reason is Reason.DOMINANCE if cell.kind is Kind.DOSE else reason in _SMALL
        return int(known), None
    if reason is Reason.WORKERS:
        low, high = 1, rule.workers - 1
    elif reason in (Reason.ESTABLISHMENTS, Reason.DOMINANCE):
        low = rule.workers
    elif reason is Reason.CHANGE:
        shown = [before for edition in earlier if (before := edition.shown.get(cell.name)) is not None]
        low = max(0, min(shown) - rule.workers + 1)
        high = max(shown) + rule.workers - 1
    return low, high
