"""One sender's trouble stays its own; a row that waited does not undo what came after it."""

from __future__ import annotations

import shutil
from datetime import date
from typing import Any

import pytest
import senders as s

from pipelines.collect import collect
from pipelines.isolate import Troubles
from pipelines.release import release
from pipelines.sweep import unhandled


@pytest.fixture
def land(registry: Any) -> Any:
    registry.partner("ASNR", "GESTIONNAIRE")
    registry.partner("EMPL", "EMPLOYEUR", [s.SIREN])
    registry.partner("LABO1", "OA")
    registry.partner("LABO2", "OA")
    return registry


def statuses(land: Any) -> list[tuple[Any, ...]]:
    return land.connection.execute(
        "select class, valid_from::text from reference.attachment_status where until_load is null order by valid_from"
    ).fetchall()


def test_an_old_list_that_waited_does_not_override_a_newer_one(land: Any) -> None:
    old = s.row(s.TRAVAILLEURS, CLASSEMENT="B", DATEDEBUT="01/01/2020")
    land.drop("EMPL", "vieux.csv", s.file(s.TRAVAILLEURS, old))
    land.run(date(2026, 4, 1))
    assert land.rows("EMPL", "vieux.csv") == [("EN_ATTENTE", {"IDT-05"})]
    land.drop("ASNR", "sirene.csv", s.file(s.ESTABLISSEMENTS, s.row(s.ESTABLISSEMENTS)))
    new = s.row(s.TRAVAILLEURS, CLASSEMENT="A", DATEDEBUT="01/06/2021")
    land.drop("EMPL", "neuf.csv", s.file(s.TRAVAILLEURS, new))
    land.run(date(2026, 4, 10))
    assert land.rows("EMPL", "vieux.csv") == [("INTEGRE", set())]
    assert statuses(land) == [("A", "2021-06-01")]
    land.verify()


def test_a_damaged_home_stops_nobody_else(land: Any) -> None:
    land.drop("ASNR", "sirene.csv", s.file(s.ESTABLISSEMENTS, s.row(s.ESTABLISSEMENTS)))
    land.run()
    shutil.rmtree(land.home("LABO1") / "retour")
    land.drop("LABO1", "un.csv", s.file(s.PASSIVE, s.dose("U1")))
    land.drop("LABO2", "deux.csv", s.file(s.PASSIVE, s.dose("D1")))
    done = land.run()
    assert done.troubles
    assert land.report("LABO2", "deux.csv")["statut"] == "EN_ATTENTE"
    (land.home("LABO1") / "retour").mkdir()
    land.run()
    assert land.report("LABO1", "un.csv")["statut"] == "EN_ATTENTE"
    assert "un.csv.ar.json" in land.files("LABO1")
    land.verify()


def test_a_file_entered_and_not_handed_on_is_still_to_integrate(land: Any) -> None:
    shutil.rmtree(land.home("LABO1") / "retour")
    land.drop("LABO1", "un.csv", s.file(s.PASSIVE, s.dose("U1")))
    assert collect(land.client, land.connection, land.settings) == []
    assert unhandled(land.connection) == []
    assert unhandled(land.connection, after_s=0) == [land.submission("LABO1", "un.csv")]


def test_what_the_warehouse_refuses_is_told_without_the_row(land: Any, caplog: pytest.LogCaptureFixture) -> None:
    land.drop("EMPL", "liste.csv", s.file(s.TRAVAILLEURS, s.row(s.TRAVAILLEURS)))
    land.run()
    with land.registry.warehouse.admin() as admin:
        admin.execute("alter table identity.civil add constraint never check (folded_last_name <> 'MARTIN')")
    land.drop("ASNR", "sirene.csv", s.file(s.ESTABLISSEMENTS, s.row(s.ESTABLISSEMENTS)))
    done = land.run()
    assert done.troubles == [land.submission("EMPL", "liste.csv")]
    assert "MARTIN" not in caplog.text
    assert "WarehouseRefused" in caplog.text
    with land.registry.warehouse.admin() as admin:
        admin.execute("alter table identity.civil drop constraint never")
    assert release(land.connection, land.settings, land.registry.key, Troubles()) == {"INTEGRE": 1}
    land.answer()
    land.verify()
