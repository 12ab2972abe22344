"""Disclosure control on tables one can check by eye, and that the attacker of the tests has teeth."""

from __future__ import annotations

import numpy as np
import pytest
from twin.attacker import Told, bounded, enumerated

from pipelines.disclosure.cells import Cell, Edition, Kind, Reason, Relation, total
from pipelines.disclosure.suppression import protect


def count(name: str, workers: int, establishments: int = 9, population: str | None = None, **more: int) -> Cell:
    return Cell(name, Kind.COUNT, workers, workers, establishments, population=population, **more)


def reasons(cells: list[Cell], relations: list[Relation], *earlier: Edition) -> dict[str, Reason]:
    return {name: one.reason for name, one in protect(cells, relations, earlier=earlier).withheld.items()}


def test_a_lone_small_cell_takes_the_cheapest_other_along() -> None:
    cells = [count("A", 30), count("B", 5), count("C", 12), count("T", 47, weight=9)]
    found = protect(cells, [total("T", ["A", "B", "C"])])
    assert found.withheld["B"].reason is Reason.WORKERS
    assert [one.reason for one in found.withheld.values()].count(Reason.SECONDARY) == 1
    assert found.shows("T")


def test_the_attacker_reads_what_the_first_look_alone_would_leave() -> None:
    sums = [{"T": -1, "A": 1, "B": 1, "C": 1}]
    held = Told({"A": 30, "C": 12, "T": 47}, {"B": "EFFECTIF"}, frozenset("ABCT"), sums, [], {})
    assert enumerated(held, "B", 3) == [5]
    assert bounded(held, "B") == (5, 5)
    two = Told({"A": 30, "T": 50}, {"B": "EFFECTIF", "C": "EFFECTIF"}, frozenset("ABCT"), sums, [], {})
    assert bounded(two, "B") == (10, 10), "both at their highest: the log gives them away"


def test_two_cells_at_the_edge_of_what_the_log_says_do_not_hide_each_other() -> None:
    cells = [count("A", 30), count("B", 10), count("C", 10), count("T", 50, weight=9)]
    found = reasons(cells, [total("T", ["A", "B", "C"])])
    assert found["B"] is found["C"] is Reason.WORKERS
    assert Reason.SECONDARY in found.values()


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        (count("A", 0, 0), None),
        (count("A", 1), Reason.WORKERS),
        (count("A", 10), Reason.WORKERS),
        (count("A", 11, 3), None),
        (count("A", 11, 2), Reason.ESTABLISHMENTS),
        (count("A", 50, dose_usv=100, largest_usv=85), None),
        (count("A", 50, dose_usv=100, largest_usv=86), Reason.DOMINANCE),
        (count("A", 50, dose_usv=0, largest_usv=0), None),
        (Cell("A", Kind.QUANTILE, 150, 5, 3), Reason.WORKERS),
        (Cell("A", Kind.QUANTILE, 150, 0, 3), Reason.WORKERS),
    ],
)
def test_the_rule_to_the_last_unit(cell: Cell, reason: Reason | None) -> None:
    assert reasons([cell], []).get("A") is reason


def test_a_small_population_hides_its_empty_cells_and_an_empty_one_has_nobody_to_hide() -> None:
    cells = [count("S", 5), count("S/0", 5, population="S"), count("S/1", 0, 0, population="S"), count("Z", 0, 0)]
    found = reasons(cells, [total("S", ["S/0", "S/1"])])
    assert found == {"S": Reason.WORKERS, "S/0": Reason.POPULATION, "S/1": Reason.POPULATION}


def test_a_mean_gives_its_dose_away_so_they_go_together() -> None:
    cells = [
        count("N", 40),
        Cell("S", Kind.DOSE, 9_000, 40, 9, 9_000, 8_000),
        Cell("M", Kind.RATIO, 0, 40, 9, 9_000, 8_000, bases=("N", "S")),
        Cell("Q", Kind.QUANTILE, 200, 20, 9, bases=("N",)),
    ]
    assert reasons(cells, []) == {"S": Reason.DOMINANCE, "M": Reason.DOMINANCE}
    alone = [cells[0], Cell("S", Kind.DOSE, 9_000, 40, 9), cells[2], cells[3]]
    assert set(reasons(alone, [])) & {"N", "S"}, "a mean that is withheld is not left to be computed"


def test_a_change_that_concerns_few_is_not_shown_by_two_editions() -> None:
    cells = [count("A", 30), count("B", 40), count("T", 70)]
    tie = [total("T", ["A", "B"])]
    before = Edition({"A": 30, "B": 39, "T": 69})
    assert reasons(cells, tie, before) == {"B": Reason.CHANGE, "T": Reason.CHANGE}
    assert reasons(cells, tie, Edition({"A": 30, "B": 20, "T": 50})) == {}
    assert reasons(cells, tie, Edition({"A": 30, "B": 40, "T": 70})) == {}


def test_a_corrected_dose_is_the_dose_of_few() -> None:
    size, dose = count("N", 40), Cell("S", Kind.DOSE, 9_000, 40, 9, population="N")
    assert reasons([size, dose], [], Edition({"N": 40, "S": 8_000})) == {"S": Reason.CHANGE}
    assert reasons([size, dose], [], Edition({"N": 20, "S": 8_000})) == {}
    assert reasons([size, dose], [], Edition({"S": 8_000})) == {"S": Reason.CHANGE}, "nobody can tell how many"


def test_what_was_withheld_stays_so_and_what_was_shown_hides_nothing() -> None:
    cells = [count("A", 30), count("B", 40), count("C", 9), count("T", 79, weight=9)]
    tie = [total("T", ["A", "B", "C"])]
    found = reasons(cells, tie, Edition({"A": None, "B": 40, "C": 21, "T": 91}))
    assert found == {"A": Reason.EARLIER, "C": Reason.WORKERS}
    found = reasons(cells, tie, Edition({"A": 30, "B": 40, "C": 21, "T": 91}))
    assert found == {"C": Reason.WORKERS, "T": Reason.SECONDARY}, (
        "A and B are known from before: withholding them is vain"
    )


def test_a_figure_already_known_is_told_as_such() -> None:
    found = protect([count("A", 30, 2)], [], earlier=[Edition({"A": 30})])
    assert found.withheld["A"].known_before


def test_wrong_input_is_refused() -> None:
    with pytest.raises(ValueError, match="one name"):
        protect([count("A", 1), count("A", 2)], [])
    with pytest.raises(ValueError, match="1 relations do not hold"):
        protect([count("A", 20), count("T", 30)], [total("T", ["A"])])
    with pytest.raises(KeyError):
        protect([count("A", 20)], [total("T", ["A"])])


def test_a_national_table_of_sectors_in_domains() -> None:
    """119 sectors in 7 domains: every withheld cell has its pair of tables, which agree with every margin."""
    chance = np.random.default_rng(5)
    share = np.array([0.76, 0.2, 0.03, 0.007, 0.002, 0.0008, 0.0002])
    sizes = (10 ** chance.uniform(0.3, 4.3, 119)).astype(int)
    numbers = np.array([chance.multinomial(size, share) for size in sizes])
    places = np.maximum(1, sizes // 12)
    domain = np.arange(119) % 7
    cells, relations = [], []

    def line(name: str, own: np.ndarray, where: int, weight: int) -> None:
        size = f"{name}/n"
        cells.append(count(size, int(own.sum()), min(int(own.sum()), where), weight=2 * weight))
        for bracket, number in enumerate(own.tolist()):
            cells.append(count(f"{name}/{bracket}", number, min(number, where), size, weight=weight))
        relations.append(total(size, [f"{name}/{bracket}" for bracket in range(len(share))]))

    for at in range(119):
        line(f"s{at}", numbers[at], int(places[at]), 1)
    for one in range(7):
        line(f"d{one}", numbers[domain == one].sum(axis=0), 99, 5)
    line("t", numbers.sum(axis=0), 999, 20)
    for column in ("n", *map(str, range(len(share)))):
        relations += [
            total(f"d{one}/{column}", [f"s{at}/{column}" for at in np.flatnonzero(domain == one)]) for one in range(7)
        ]
        relations.append(total(f"t/{column}", [f"d{one}/{column}" for one in range(7)]))
    verdict = protect(cells, relations)
    truth = {cell.name: cell.value for cell in cells}
    assert 0 < len(verdict.withheld) < len(cells)
    for name, pair in verdict.alternatives.items():
        values = [truth[name] + moved.get(name, 0) for moved in pair]
        assert values[1] - values[0] >= 3
        for moved in pair:
            assert set(moved) <= set(verdict.withheld)
            for relation in relations:
                assert sum(factor * (truth[one] + moved.get(one, 0)) for one, factor in relation.terms) == 0
