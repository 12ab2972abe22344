"""Withheld cells against a reader who tries to work them out: random tables, two editions, a solver, brute force."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from twin.attacker import Told, bounded, enumerated

from pipelines.disclosure.cells import Cell, Edition, Kind, Reason, Relation, Rule, Verdict, total, within
from pipelines.disclosure.suppression import protect

BRACKETS = ("0", "1", "5")
#: Lowest dose of a worker in each bracket, in micro-sievert.
LOWEST = (0, 1, 1001)
RULE = Rule()

counts = st.one_of(st.integers(0, 4), st.integers(0, 14), st.integers(11, 40))
row = st.tuples(st.tuples(counts, counts, counts), st.integers(1, 8), st.integers(10, 100))
tables = st.lists(row, min_size=2, max_size=3)


def table(rows: Sequence[tuple[tuple[int, ...], int, int]], doses: bool) -> tuple[list[Cell], list[Relation]]:
    """Sectors and their total x brackets, monitored, exposed, and the collective dose with its mean and median."""
    whole = tuple(sum(one[0][at] for one in rows) for at in range(len(BRACKETS)))
    lines = {f"s{at}": one for at, one in enumerate(rows)} | {"T": (whole, sum(one[1] for one in rows), 20)}
    # Doses lie in the middle of the brackets, so that sums add up over the sectors.
    cells: list[Cell] = []
    relations: list[Relation] = []
    for name, (numbers, places, share) in lines.items():
        usv = [number * low * 2 for number, low in zip(numbers, LOWEST, strict=True)]
        people, dose, weight = sum(numbers), sum(usv), 5 if name == "T" else 1
        parts = [f"{name}/{bracket}" for bracket in BRACKETS]
        size = f"{name}/suivis"
        cells.append(
            Cell(size, Kind.COUNT, people, people, min(people, places), dose, dose * share // 100, weight=weight)
        )
        for part, number, here in zip(parts, numbers, usv, strict=True):
            top = here * share // 100
            cells.append(Cell(part, Kind.COUNT, number, number, min(number, places), here, top, size, weight=weight))
        exposed = sum(numbers[1:])
        top = dose * share // 100
        cells.append(Cell(f"{name}/exposes", Kind.COUNT, exposed, exposed, min(exposed, places), dose, top, size))
        relations += [total(size, parts), total(f"{name}/exposes", parts[1:]), within(f"{name}/exposes", size)]
        if doses:
            facts = (people, min(people, places), dose, top, size)
            cells.append(Cell(f"{name}/dose", Kind.DOSE, dose, *facts, weight=weight))
            cells.append(Cell(f"{name}/moyenne", Kind.RATIO, 0, *facts, (size, f"{name}/dose")))
            cells.append(Cell(f"{name}/mediane", Kind.QUANTILE, 1, people // 2, *facts[1:], tuple(parts)))
            terms = [(part, low) for part, low in zip(parts, LOWEST, strict=True) if low]
            relations.append(Relation((*terms, (f"{name}/dose", -1)), at_most=True))
    columns = [*BRACKETS, "suivis", "exposes", *(["dose"] if doses else [])]
    relations += [total(f"T/{one}", [f"s{at}/{one}" for at in range(len(rows))]) for one in columns]
    return cells, relations


def told(
    cells: Sequence[Cell], relations: Sequence[Relation], verdict: Verdict, earlier: Sequence[Edition] = ()
) -> Told:
    """What a reader holds: figures shown now, and those shown before that have not changed, which nothing tells him."""
    numbers = [cell for cell in cells if cell.kind in (Kind.COUNT, Kind.DOSE)]
    before = {
        cell.name: [value for one in earlier if (value := one.shown.get(cell.name)) is not None] for cell in numbers
    }
    sizes = {cell.name: cell.value for cell in numbers}
    known = {
        cell.name
        for cell in numbers
        for one in earlier
        if one.shown.get(cell.name) == cell.value
        and (cell.population is None or one.shown.get(cell.population) == sizes[cell.population])
    }
    shown = {cell.name: cell.value for cell in numbers if verdict.shows(cell.name) or cell.name in known}
    return Told(
        shown,
        {name: one.reason.value for name, one in verdict.withheld.items() if name in before and name not in shown},
        frozenset(cell.name for cell in numbers if cell.kind is Kind.COUNT),
        [dict(one.terms) for one in relations if not one.at_most],
        [dict(one.terms) for one in relations if one.at_most],
        before,
    )


def width(cell: Cell) -> int:
    return (
        RULE.count_width if cell.kind is Kind.COUNT else max(RULE.dose_floor_usv, cell.value * RULE.dose_width // 100)
    )


def edition(cells: Sequence[Cell], verdict: Verdict) -> Edition:
    return Edition({cell.name: cell.value if verdict.shows(cell.name) else None for cell in cells})


def lawful(cells: Sequence[Cell], verdict: Verdict) -> None:
    """What is shown meets the rule, and no derived figure gives away what it is drawn from."""
    for cell in cells:
        if not verdict.shows(cell.name):
            continue
        if cell.kind is Kind.QUANTILE or cell.workers:
            assert cell.workers >= 11
            assert cell.establishments >= 3
            assert cell.largest_usv * 100 <= 85 * cell.dose_usv
        if cell.population is not None and not verdict.shows(cell.population):
            assert verdict.withheld[cell.population].reason not in (Reason.WORKERS, Reason.ESTABLISHMENTS)
        assert all(verdict.shows(base) for base in cell.bases)
    for cell in cells:
        if cell.kind is Kind.RATIO:
            assert verdict.shows(cell.name) == all(verdict.shows(base) for base in cell.bases)


def wide(cells: Mapping[str, Cell], held: Told) -> None:
    for name in held.log:
        low, high = bounded(held, name)
        assert high - low >= width(cells[name]) - 1e-6, (name, low, high)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tables)
def test_every_table_of_whole_numbers_leaves_a_withheld_count_open(
    rows: list[tuple[tuple[int, ...], int, int]],
) -> None:
    cells, relations = table(rows, doses=False)
    verdict = protect(cells, relations)
    lawful(cells, verdict)
    held = told(cells, relations, verdict)
    for name in held.log:
        possible = enumerated(held, name, RULE.count_width)
        assert possible[-1] - possible[0] >= RULE.count_width, (name, possible)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tables)
def test_linked_counts_and_doses_stay_open_to_a_solver(rows: list[tuple[tuple[int, ...], int, int]]) -> None:
    cells, relations = table(rows, doses=True)
    verdict = protect(cells, relations)
    lawful(cells, verdict)
    wide({cell.name: cell for cell in cells}, told(cells, relations, verdict))


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tables)
def test_each_withheld_cell_comes_with_two_tables_that_no_reader_tells_apart(
    rows: list[tuple[tuple[int, ...], int, int]],
) -> None:
    cells, relations = table(rows, doses=True)
    verdict = protect(cells, relations)
    truth = {cell.name: cell.value for cell in cells}
    by_name = {cell.name: cell for cell in cells}
    assert set(verdict.alternatives) == {
        name for name in verdict.withheld if by_name[name].kind in (Kind.COUNT, Kind.DOSE)
    }
    for name, pair in verdict.alternatives.items():
        values = []
        for moved in pair:
            assert not [one for one in moved if verdict.shows(one)]
            changed = {one: value + moved.get(one, 0) for one, value in truth.items()}
            assert min(changed.values()) >= 0
            for relation in relations:
                left = sum(factor * changed[one] for one, factor in relation.terms)
                assert left <= 0 if relation.at_most else left == 0
            for one, withheld in verdict.withheld.items():
                if withheld.reason is Reason.WORKERS and by_name[one].kind is Kind.COUNT:
                    assert 1 <= changed[one] <= 10
            values.append(changed[name])
        assert values[1] - values[0] >= width(by_name[name])


changes = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 2), st.sampled_from((-12, -3, -1, 0, 0, 0, 0, 1, 2, 11, 30))),
    max_size=3,
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tables, changes, st.booleans())
def test_two_editions_give_no_more_than_one(
    rows: list[tuple[tuple[int, ...], int, int]], moved: list[tuple[int, int, int]], doses: bool
) -> None:
    cells, relations = table(rows, doses)
    first = protect(cells, relations)
    numbers = [list(one[0]) for one in rows]
    for sector, bracket, by in moved:
        numbers[sector][bracket] += by
    assume(min(min(one) for one in numbers) >= 0)
    later, _ = table([(tuple(own), *one[1:]) for own, one in zip(numbers, rows, strict=True)], doses)
    before = edition(cells, first)
    second = protect(later, relations, earlier=[before])
    lawful(later, second)
    assert set(first.withheld) <= set(second.withheld)
    by_name = {cell.name: cell for cell in later}
    for cell in later:
        known = before.shown[cell.name]
        if second.shows(cell.name) and known is not None and cell.kind is Kind.COUNT and known != cell.value:
            assert abs(known - cell.value) >= 11
        if second.shows(cell.name) and known is not None and cell.kind is Kind.DOSE and known != cell.value:
            assert cell.population is not None
            size = before.shown[cell.population]
            assert size is not None
            assert abs(size - by_name[cell.population].value) >= 11
    held = told(later, relations, second, [before])
    open_ = {name for name in held.log if not second.withheld[name].known_before}
    for name in open_:
        low, high = bounded(held, name)
        assert high - low >= width(by_name[name]) - 1e-6, (name, low, high)


@settings(max_examples=40, deadline=None)
@given(tables)
def test_an_edition_again_is_the_same(rows: list[tuple[tuple[int, ...], int, int]]) -> None:
    cells, relations = table(rows, doses=True)
    first = protect(cells, relations)
    assert protect(cells, relations).withheld == first.withheld
    again = protect(cells, relations, earlier=[edition(cells, first)])
    assert set(again.withheld) == set(first.withheld)
    assert {one.reason for one in again.withheld.values()} <= {Reason.EARLIER}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tables, changes)
def test_the_later_edition_alone_gives_nothing_whatever_was_shown_before(
    rows: list[tuple[tuple[int, ...], int, int]], moved: list[tuple[int, int, int]]
) -> None:
    """Not even of a figure that an earlier edition had shown."""
    cells, relations = table(rows, doses=True)
    first = protect(cells, relations)
    numbers = [list(one[0]) for one in rows]
    for sector, bracket, by in moved:
        numbers[sector][bracket] = max(0, numbers[sector][bracket] + by)
    later, _ = table([(tuple(own), *one[1:]) for own, one in zip(numbers, rows, strict=True)], doses=True)
    before = edition(cells, first)
    second = protect(later, relations, earlier=[before])
    alone = told(later, relations, second)
    log = {name: word if word != "ECART" else "ANTERIEUR" for name, word in alone.log.items()}
    wide({cell.name: cell for cell in later}, replace(alone, log=log))
