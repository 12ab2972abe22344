"""The standing service: a file dropped by SFTP is answered by the real scheduler, and its wait ends by itself."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from bench import data, latency
from loaders import supervisor
from loaders.registry import depots, opened
from loaders.services import running
from loaders.settings import Settings
from loaders.warehouse import Warehouse
from pipelines import partners
from pipelines.deposit import deposit

LIMIT_S = 120


def wait_for(path: Path) -> None:
    limit = time.monotonic() + LIMIT_S
    while not path.exists():
        assert time.monotonic() < limit, f"no {path.name}; there: {sorted(one.name for one in path.parent.iterdir())}"
        time.sleep(0.2)


@pytest.mark.slow
def test_a_dropped_file_is_answered_by_the_scheduler(tmp_path: Path) -> None:
    settings = Settings.load({"SISERI_HOME": str(tmp_path / "home"), "SISERI_TODAY": "2026-04-10"})
    files = {"a.csv": data.register(), "b.csv": data.designations("LABO1"), "c.csv": data.worker_list(50)}
    files["mars.csv"] = b"".join(data.passive(200, 60, faulty=0, waiting=0))
    files["d.csv"] = data.worker_list(60)
    for name, body in files.items():
        (tmp_path / name).write_bytes(body)
    with running(settings) as services:
        Warehouse(settings, services.database_url).initialise()
        with opened(settings) as registry, registry.warehouse.admin() as admin, depots(registry) as client:
            partners.add(admin, client, settings, "ASNR", "GESTIONNAIRE", [], None, None)
            partners.add(admin, client, settings, "LABO1", "OA", [], None, None)
        supervisor.up(settings)
        try:
            with opened(settings) as registry, depots(registry) as client:
                deposit(client, registry.connection, "ASNR", [tmp_path / name for name in ("a.csv", "b.csv", "c.csv")])
                wait_for(settings.home / "sftp" / "ASNR" / "retour" / "c.csv.rapport.json")
                deposit(client, registry.connection, "LABO1", [tmp_path / "mars.csv"])
                retour = settings.home / "sftp" / "LABO1" / "retour"
                wait_for(retour / "mars.csv.rapport.json")
                report = json.loads((retour / "mars.csv.rapport.json").read_text())
                assert report["statut"] == "PARTIEL"
                assert set(report["codes"]) == {"IDT-06"}
                deposit(client, registry.connection, "ASNR", [tmp_path / "d.csv"])
                wait_for(retour / "mars.csv.suivi-1.json")
                follow_up = json.loads((retour / "mars.csv.suivi-1.json").read_text())
                assert follow_up["statut"] == "INTEGRE"
                assert len(follow_up["changements"]) == report["codes"]["IDT-06"]
        finally:
            supervisor.down(settings)


@pytest.mark.slow
def test_the_bench_of_latency_measures_reports_and_rest() -> None:
    """Each drop got its report, each service a figure; the time is not judged."""
    took, rest = latency.measure(drops=2, rows=20, rest_s=2)
    assert len(took) == 2
    assert {"database", "sftp", "scheduler", "dag-processor", "api-server"} <= set(rest)
