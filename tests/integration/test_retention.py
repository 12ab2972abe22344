"""Answers leave ``retour/`` once they lay there for ``report_days``; nothing else goes."""

from __future__ import annotations

import dataclasses
import os
import time
from datetime import date, timedelta
from typing import Any

import pytest
from senders import NIR2, PASSIVE, country, dose, file

from pipelines.isolate import Troubles
from pipelines.retention import remove_old

DAY = date(2026, 4, 10)


@pytest.fixture
def kept(registry: Any) -> Any:
    """A registry that keeps answers for the time that the contract says."""
    registry.settings = dataclasses.replace(registry.settings, report_days=90)
    return registry


def answers(registry: Any, partner: str = "LABO1") -> list[str]:
    """Reports of the files of this test (lists and scorecards apart)."""
    return [name for name in registry.files(partner) if name.startswith(("mars", "avril"))]


def test_a_report_goes_after_its_time_and_not_before(kept: Any) -> None:
    registry = kept
    country(registry)
    registry.drop("LABO1", "mars.csv", file(PASSIVE, dose("M1"), dose("M2", VALEUR="-1")))
    registry.run(DAY)
    before = answers(registry)
    assert {f"mars.csv.{end}" for end in ("ar.json", "rapport.csv", "rapport.json", "rapport.html")} == set(before)
    assert registry.run(DAY + timedelta(days=90)).removed == 0
    assert answers(registry) == before
    registry.drop("LABO1", "avril.csv", file(PASSIVE, dose("M3")))
    registry.run(DAY + timedelta(days=90))
    done = registry.run(DAY + timedelta(days=91))
    assert done.removed >= len(before)
    assert done.troubles == []
    assert all(name.startswith("avril") for name in answers(registry))
    assert answers(registry)
    logged = registry.connection.execute(
        "select sum(files) from ledger.removal where rule = 'RETOUR' and registry_date = %s",
        (DAY + timedelta(days=91),),
    ).fetchone()
    assert logged == (done.removed,)
    # The bytes and the doses stay: the same file sent again is still known.
    registry.drop("LABO1", "avril.csv", file(PASSIVE, dose("M3")))
    registry.run(DAY + timedelta(days=91))
    assert registry.report("LABO1", "avril.csv", 2)["statut"] == "DEJA_RECU"


def test_what_is_delivered_again_begins_anew(kept: Any) -> None:
    registry = kept
    country(registry)
    registry.drop("LABO1", "mars.csv", file(PASSIVE, dose("M1")))
    registry.run(DAY)
    registry.run(DAY + timedelta(days=60))
    path = registry.home("LABO1") / "retour" / "mars.csv.rapport.csv"
    os.utime(path, (time.time() + 5, time.time() + 5))
    registry.run(DAY + timedelta(days=61))
    registry.run(DAY + timedelta(days=100))
    assert answers(registry) == ["mars.csv.rapport.csv"]
    registry.run(DAY + timedelta(days=152))
    assert answers(registry) == []


def test_a_list_of_workers_to_declare_and_the_ministry_keep_theirs(kept: Any) -> None:
    registry = kept
    country(registry)
    registry.partner("DGT", "DGT")
    registry.drop("LABO1", "mars.csv", file(PASSIVE, dose("M1", NIR=NIR2)))
    registry.run(DAY)
    (registry.home("DGT") / "retour" / "stats.csv").write_bytes(b"x")
    (registry.home("LABO1") / "retour" / "depassement-7-NOTIFIE.json").write_bytes(b"x")
    (registry.home("LABO1") / "retour" / "depassement-7.json").write_bytes(b"x")
    (registry.home("LABO1") / "retour" / "bilan-2026-03.html").write_bytes(b"x")
    settings = dataclasses.replace(registry.settings, queue_days=400)
    told = Troubles()

    def look(day: date) -> None:
        now = dataclasses.replace(settings, today=day)
        remove_old(registry.client, registry.connection, now, told, everywhere=True)

    look(DAY)
    look(DAY + timedelta(days=150))
    assert "a-declarer.csv" in registry.files("EMPL")
    assert registry.files("DGT") == ["stats.csv"]
    assert "depassement-7.json" not in registry.files("LABO1")
    assert {"depassement-7-NOTIFIE.json", "bilan-2026-03.html"} <= set(registry.files("LABO1"))
    look(DAY + timedelta(days=181))
    assert "depassement-7-NOTIFIE.json" not in registry.files("LABO1")
    assert not told


def test_trials_go_too_and_a_folder_that_is_gone_does_no_harm(kept: Any) -> None:
    registry = kept
    country(registry)
    registry.run(DAY)
    trial = registry.home("LABO1") / "retour" / "essai" / "x.csv.rapport.csv"
    trial.write_bytes(b"x")
    odd = os.fsencode(registry.home("LABO1") / "retour") + b"/\xff\xfe.rapport.csv"
    with open(odd, "wb") as target:
        target.write(b"x")
    registry.run(DAY + timedelta(days=1))
    done = registry.run(DAY + timedelta(days=92))
    assert not trial.exists()
    assert not os.path.exists(odd)
    assert done.troubles == []
