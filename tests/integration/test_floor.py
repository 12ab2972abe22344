"""The floor: migrations and the corridor on PostgreSQL 15, where the machine has it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Bench
from integration import test_corridor as corridor
from integration import test_exceedances as exceedances
from integration import test_statement as statements

from loaders.postgres_server import PostgresServer
from loaders.registry import depots, opened
from loaders.settings import Settings
from loaders.warehouse import Warehouse

BINARIES = Path("/usr/lib/postgresql/15/bin")

pytestmark = pytest.mark.skipif(not (BINARIES / "postgres").exists(), reason="PostgreSQL 15 is not installed")


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Bench]:
    server = PostgresServer(tmp_path / "pg", binaries=BINARIES)
    url = server.start()
    try:
        target = url.rsplit("/", 1)[0] + "/plancher"
        settings = Settings.load({"SISERI_HOME": str(tmp_path / "home"), "SISERI_TODAY": "2026-04-10"})
        settings = dataclasses.replace(settings, database_url=target)
        Warehouse(settings, target).initialise()
        with opened(settings) as registry, depots(registry) as client:
            yield Bench(registry, client)
    finally:
        server.stop()


def test_the_server_is_the_floor(registry: Bench) -> None:
    assert registry.connection.info.server_version // 10_000 == 15


lab = corridor.lab
world = exceedances.world
land = statements.land
test_exceedances = exceedances.test_corrections_and_annulments_keep_the_number
test_merges = exceedances.test_a_merge_keeps_the_number_of_the_run
test_release = corridor.test_a_dose_waits_for_its_worker_and_integrates_by_itself
test_settling = corridor.test_corrections_annulments_and_duplicates_in_file_order
test_statements = statements.test_an_adviser_s_sums_are_of_the_establishment_and_the_contract
test_administrative = statements.test_an_employer_gets_the_administrative_record_without_any_dose
