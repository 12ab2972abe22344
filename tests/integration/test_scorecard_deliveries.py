"""Scorecards of a small registry: months in Paris time, who is owed one, lists and cards apart."""

from __future__ import annotations

import dataclasses
from datetime import date
from typing import Any

import pytest
from senders import PASSIVE, cells, country, dose, file

from pipelines import partners, scorecards, tallies
from pipelines.decide import Decision, decide
from pipelines.isolate import Troubles
from pipelines.undo import undo
from reports.indicators import Peers, peers


def received(registry: Any, partner: str, name: str, day: str) -> None:
    """Move a file's reception to a day."""
    with registry.registry.warehouse.admin() as admin:
        admin.execute(
            "update ledger.submission set registry_date = %s where submission_id = %s",
            (day, registry.submission(partner, name)),
        )


def lines(body: bytes) -> dict[tuple[str, str], dict[str, str]]:
    return {(one["indicateur"], one["code"]): one for one in cells(body)}


@pytest.fixture
def land(registry: Any) -> Any:
    return country(registry)


def test_a_month_is_the_registry_s(land: Any) -> None:
    days = {"mars.csv": "2026-03-31", "avril.csv": "2026-04-01", "avril bis.csv": "2026-04-30", "mai.csv": "2026-05-01"}
    for at, name in enumerate(days):
        land.drop("LABO1", name, file(PASSIVE, *(dose(f"{at}-{row}") for row in range(at + 1))))
    land.run()
    for name, day in days.items():
        received(land, "LABO1", name, day)
    assert land.run(date(2026, 5, 1)).cards == 3  # the employer and the registry's staff sent in April too
    found = lines(land.read("LABO1", "bilan-2026-04.csv"))
    assert (found["fichiers_recus", ""]["valeur"], found["lignes_recues", ""]["valeur"]) == ("2", "5")
    # Two rows came a day after the end of wear, three on the thirtieth.
    assert (found["delai_median", "PASSIVE"]["valeur"], found["delai_p90", "PASSIVE"]["valeur"]) == ("30", "30")
    assert land.run(date(2026, 6, 1)).cards == 3
    assert lines(land.read("LABO1", "bilan-2026-05.csv"))["lignes_recues", ""]["valeur"] == "4"


def test_an_account_that_cannot_be_served_is_owed_still_and_a_closed_one_gets_none(land: Any) -> None:
    for lab in ("LABO1", "LABO2"):
        land.drop(lab, "mars.csv", file(PASSIVE, dose(f"{lab}-1")))
    land.partner("DGT", "DGT")
    land.run()
    with land.registry.warehouse.admin() as admin:
        partners.disable(admin, land.settings, "LABO2")
    folder = land.home("LABO1") / "retour"
    folder.rename(folder.with_name("ailleurs"))
    done = land.run(date(2026, 5, 1))
    assert done.cards == 3  # the ministry, the employer, the registry's staff
    folder.with_name("ailleurs").rename(folder)
    assert "LABO2" in land.read("DGT", "bilan-emetteurs-2026-04.csv").decode()
    assert land.run().cards == 1
    assert "bilan-2026-04.html" in land.files("LABO1")
    assert "bilan-2026-04.html" not in land.files("LABO2")
    assert land.run().cards == 0


def test_cards_and_lists_are_owed_apart(land: Any) -> None:
    """A card delivered first does not pass for the lists of the month, nor puts a body without contacts on them."""
    land.drop("LABO2", "mars.csv", file(PASSIVE, dose("X1")))
    land.run()
    settings = dataclasses.replace(land.settings, today=date(2026, 5, 1))
    troubles = Troubles()
    assert scorecards.deliver(land.client, land.connection, settings, troubles) == 3
    done = land.run(date(2026, 5, 1))
    assert (done.cards, done.lists) == (0, 3)
    assert (land.run(date(2026, 5, 2)).lists, land.run(date(2026, 6, 1)).lists) == (0, 3)


def test_a_file_under_way_is_counted_as_such(land: Any) -> None:
    land.drop("LABO1", "mars.csv", file(PASSIVE, dose("X1")))
    land.run()
    with land.registry.warehouse.admin() as admin:
        admin.execute(
            "insert into ledger.submission (partner_id, file_name, drop_number, sha256, size_bytes, depot_mtime,"
            " received_at, registry_date) select partner_id, 'x.csv', 1, sha256, 1, 1, received_at, registry_date"
            " from ledger.submission where file_name = 'mars.csv'"
        )
    tally = tallies.count(land.connection, date(2026, 4, 1)).roles["OA"].figures()
    assert (tally["fichiers_recus", ""], tally["fichiers_en_cours", ""], tally["lignes_recues", ""]) == (2, 1, 1)


def test_decisions_count_as_such_until_they_are_taken_back(land: Any) -> None:
    """Two rows integrate at once, two are confirmed, one of them a correction; then both are taken back."""
    analyst = ("vu avec le laboratoire", "anna")
    land.drop("LABO1", "mars.csv", file(PASSIVE, dose("M1"), dose("M2"), dose("M3", "812")))
    land.drop("LABO1", "suite.csv", file(PASSIVE, dose("M1", "813", CODE_METROLOGIE="C")))
    land.run()

    def figures() -> Any:
        return tallies.count(land.connection, date(2026, 4, 1)).roles["OA"].figures()

    def told(*names: str) -> list[float | None]:
        found = figures()
        return [found[name, ""] for name in names]

    asked = ("lignes_decidees", "part_sans_intervention", "decisions_pour_10000", "lignes_regularisees")
    before = figures()
    assert told(*asked) == [0, 100, 0, 0]
    assert before["mesures", "PASSIVE"] == 2
    entries = dict.fromkeys(one["id"] for one in land.queue())
    effect = decide(land.connection, land.registry.key, Decision("confirmer", *analyst), entries)
    assert effect.counts() == {"INTEGRE": 2}
    assert told(*asked) == [2, 50, 5000, 2]
    assert figures()["mesures", "PASSIVE"] == 4
    assert effect.number is not None
    undo(land.connection, effect.number, "anna", "erreur")
    assert figures() == before
    land.answer()
    land.verify()


def test_a_new_partition_gets_the_index_by_submission(land: Any) -> None:
    land.drop("LABO1", "mars.csv", file(PASSIVE, dose("X1")))
    land.run()
    [(count,)] = land.connection.execute(
        "select count(*) from pg_indexes where schemaname = 'dose' and tablename = 'passive_2026'"
        " and indexdef like '%USING brin (submission_id)%'"
    ).fetchall()
    assert count == 1


def test_months_are_counted_back_over_the_year() -> None:
    assert tallies.month_before(date(2026, 1, 31)) == date(2025, 12, 1)
    assert tallies.month_before(date(2026, 2, 28), 2) == date(2025, 12, 1)
    assert tallies.month_before(date(2025, 12, 1), -1) == date(2026, 1, 1)
    days = tallies.span(date(2026, 3, 1))
    assert days == {"window": date(2026, 1, 1), "since": date(2026, 3, 1), "until": date(2026, 4, 1)}


def test_the_aggregate_does_not_lead_back_to_a_sender() -> None:
    assert peers([1.0, 2.0, 3.0]) == Peers(3)
    assert peers([1.0, 2.0, 3.0, 4.0]) == Peers(4, 2.5)
    assert peers([1.0, 2.0, 3.0, 4.0, 5.0]) == Peers(5, 3.0)
    assert peers([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]) == Peers(6, 3.5, 2.2, 4.8)
    # The median of an odd number of senders is one's own figure: it is told roughly.
    assert peers([1.0, 2.0, 12.3456, 40.0, 50.0]).median == 12.0
    assert peers([0.0] * 7) == Peers(7, 0.0, 0.0, 0.0)
    assert peers([0.0, 0.012345, 0.012345, 0.5]).median == 0.012
