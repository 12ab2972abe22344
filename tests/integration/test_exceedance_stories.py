"""Lives of exceedances, by hand: a table that a physician can read.

Told, one after the other (one worker, one establishment, results of PAS-HP10-PHO worn for a day at POITRINE):
  DAY mSv              a result            correct N mSv   the N-th result, corrected by its body
  annul N              annulled by it      physician N mSv a physician's own version of it
  notify               everybody is told   wait N          N days pass
  migration DAY        the day on which the legacy history was taken over
  MAINTENUE, MODIFIEE mSv, ANNULEE         the physician's conclusion on the first that is open
Expected: state and mSv of each exceedance that there ever was, in the order they were found.

The registry is asked after every step, and the twin with it.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from property.test_exceedance_histories import History
from senders import country
from twin.exceedances import Result

STORIES: list[tuple[str, str]] = [
    ("maintained, its sum moves on", "2025-01-31 21; MAINTENUE; 2025-01-15 2 -> MAINTENU 23"),
    ("maintained, then gone", "2025-01-31 21; MAINTENUE; correct 1 20 -> CADUC 21"),
    ("maintained, gone and back: to be concluded anew", "2025-01-31 21; MAINTENUE; correct 1 20; 2025-01-15 1 -> "
     "DETECTE 21"),
    ("gone and back before anybody was told", "2025-01-31 21; annul 1; 2025-01-31 22 -> DETECTE 22"),
    ("told, gone: void", "2025-01-31 21; notify; annul 1 -> CADUC 21"),
    ("told, gone and back: to be told anew", "2025-01-31 21; notify; annul 1; 2025-01-31 22 -> DETECTE 22"),
    ("told, its sum moves on", "2025-01-31 21; notify; 2025-01-15 2 -> NOTIFIE 23"),
    # --- MODIFIEE --------------------------------------------------------------------------------------------------
    ("modified to the limit: nothing exceeds", "2025-01-31 21; MODIFIEE 20 -> MODIFIE 20"),
    ("a later result that comes to the limit changes nothing", "2025-01-31 21; MODIFIEE 15; 2025-01-15 5 -> "
     "MODIFIE 15"),
    ("one that crosses it re-opens", "2025-01-31 21; MODIFIEE 15; 2025-01-15 5.001 -> DETECTE 20.001"),
    ("crossed, then back below: void", "2025-01-31 21; MODIFIEE 15; 2025-01-15 5.001; annul 2 -> CADUC 20.001"),
    ("re-opened, concluded again", "2025-01-31 21; MODIFIEE 15; 2025-01-15 6; MODIFIEE 18 -> MODIFIE 18"),
    ("modified, still above the limit", "2025-01-31 30; MODIFIEE 25 -> MODIFIE 25"),
    ("and no more than that", "2025-01-31 30; MODIFIEE 25; 2025-02-28 0 -> MODIFIE 25"),
    ("and more than that", "2025-01-31 30; MODIFIEE 25; 2025-02-28 0.001 -> DETECTE 25.001"),
    ("modified upwards", "2025-01-31 21; MODIFIEE 40 -> MODIFIE 40"),
    ("modified to what it was", "2025-01-31 21; MODIFIEE 21 -> MODIFIE 21"),
    ("to nothing, with another day's dose: the entry falls below zero", "2025-01-31 12; 2025-02-28 9; MODIFIEE 0 -> "
     "MODIFIE 0"),
    ("days before it that exceed by themselves open nothing", "2025-01-31 21; 2025-02-28 4; MODIFIEE 10 -> MODIFIE 10"),
    ("and re-open once they exceed by more", "2025-01-31 21; 2025-02-28 4; MODIFIEE 10; 2025-01-15 0.001 -> "
     "DETECTE 21.001"),
    ("a day later, with days between that do not exceed, is another one", "2025-01-31 21; MODIFIEE 15; 2025-02-28 6 -> "
     "MODIFIE 15; DETECTE 21"),
    ("a year later it counts no more", "2025-01-31 21; MODIFIEE 15; 2026-01-31 20 -> MODIFIE 15"),
    # --- ANNULEE ---------------------------------------------------------------------------------------------------
    ("annulled: that day counts nothing", "2025-01-31 21; ANNULEE -> ANNULE 0"),
    ("all results of that day", "2025-01-31 18; 2025-01-31 5; 2025-01-15 3; ANNULEE -> ANNULE 3"),
    ("a new result of that day within the limit", "2025-01-31 21; ANNULEE; 2025-01-31 20 -> ANNULE 0"),
    ("a new result of that day above it", "2025-01-31 21; ANNULEE; 2025-01-31 20.001 -> DETECTE 20.001"),
    ("the body annuls what the physician set to 0", "2025-01-31 21; ANNULEE; annul 1 -> ANNULE 0"),
    ("a physician's own version is adjusted too", "2025-01-31 21; physician 1 25; MODIFIEE 12 -> MODIFIE 12"),
    # --- deadlines -------------------------------------------------------------------------------------------------
    ("180 days after the notice there is still time", "2025-01-31 21; notify; wait 180 -> NOTIFIE 21"),
    ("a day later it is retained", "2025-01-31 21; notify; wait 181 -> RETENU_PAR_DEFAUT 21"),
    ("who was never told has no deadline", "2025-01-31 21; wait 400 -> DETECTE 21"),
    ("a late conclusion still counts", "2025-01-31 21; notify; wait 400; MODIFIEE 3 -> MODIFIE 3"),
    ("retained, its sum moves on", "2025-01-31 21; notify; wait 181; 2025-01-15 1 -> RETENU_PAR_DEFAUT 22"),
    ("retained, then gone", "2025-01-31 21; notify; wait 181; annul 1 -> CADUC 21"),
    ("what was told anew has its days anew", "2025-01-31 21; notify; wait 170; annul 1; 2025-01-31 22; notify; wait 170"
     " -> NOTIFIE 22"),
    # --- REPRISE ---------------------------------------------------------------------------------------------------
    ("a window that ends the day before the migration is history", "migration 2025-02-01; 2025-01-31 21 -> REPRISE 21"),
    ("one that ends on the day is not", "migration 2025-01-31; 2025-01-31 21 -> DETECTE 21"),
    ("history is neither told nor concluded", "migration 2025-02-01; 2025-01-31 21; notify; MAINTENUE; wait 400 -> "
     "REPRISE 21"),
    ("history that no longer holds", "migration 2025-02-01; 2025-01-31 21; annul 1 -> CADUC 21"),
    ("history that goes on after the migration is no longer history", "migration 2025-02-01; 2025-01-31 21; "
     "2025-02-28 1 -> DETECTE 22"),
    ("found before the migration, not told yet", "2025-01-31 21; migration 2025-02-01 -> REPRISE 21"),
    ("told before the migration", "2025-01-31 21; notify; migration 2025-02-01 -> NOTIFIE 21"),
]  # fmt: skip


def usv(text: str) -> int:
    return int(Decimal(text) * 1000)


def step(history: History, words: list[str]) -> None:
    """One part of a story."""
    match words:
        case ["MAINTENUE" | "ANNULEE" as kind]:
            history.conclude(0, kind, 0)
        case ["MODIFIEE", value]:
            history.conclude(0, "MODIFIEE", usv(value))
        case ["notify"]:
            history.notify()
        case ["wait", days]:
            history.wait(int(days))
        case ["migration", day]:
            history.migrate(date.fromisoformat(day))
        case ["annul", number]:
            history.annul(int(number) - 1)
        case ["physician", number, value]:
            history.physician(int(number) - 1, usv(value))
        case ["correct", number, value]:
            name = history.chosen(int(number) - 1)
            assert name is not None
            before = history.held[name][0]
            history.correct(int(number) - 1, result(before.end, value))
        case [day, value]:
            history.add(result(date.fromisoformat(day), value))
        case _:
            raise AssertionError(words)
    history.look()


def result(day: date, value: str) -> Result:
    return Result(1, 1, "PAS-HP10-PHO", "POITRINE", day, day, usv(value))


@pytest.fixture
def registry_of_stories(registry: Any) -> Any:
    country(registry)
    registry.partner("DOCTEUR", "MDT")
    return registry


def test_every_story(registry_of_stories: Any) -> None:
    loader = registry_of_stories.connection
    with registry_of_stories.registry.warehouse.admin() as admin:
        admin.commit()
        admin.autocommit = True
        for says, story in STORIES:
            told, _, expected = story.partition("->")
            history = History(admin, loader)
            for part in told.split(";"):
                step(history, part.split())
            due = [part.split() for part in expected.split(";")]
            found = [(case.state, case.said.usv) for case in history.cases.all]
            history.unmigrate()
            assert found == [(state, usv(value)) for state, value in due], says
