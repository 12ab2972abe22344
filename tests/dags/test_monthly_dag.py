"""The monthly DAG: light tasks that deliver the lists and scorecards owed, and hand on counts alone."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from datetime import date
from typing import Any

import pytest
from senders import country

from loaders.orchestrator import prepare
from loaders.services import running
from loaders.settings import project_root

ROOT = project_root()
SCRIPT = """
import siseri_monthly as module
run = module.siseri_monthly().test()
tasks = sorted(run.get_task_instances(), key=lambda one: one.task_id)
print(run.state, *((one.pool, one.xcom_pull(task_ids=one.task_id)) for one in tasks))
"""


@pytest.mark.slow
def test_the_monthly_dag_delivers_what_is_owed_once(registry: Any) -> None:
    country(registry)
    lists = [("EMPL", "travailleurs.csv"), ("LABO1", "accedants.csv"), ("SITE", "accedants.csv")]
    for partner, name in lists:
        (registry.home(partner) / "retour" / name).unlink()
    with registry.registry.warehouse.admin() as admin:
        admin.execute("update ledger.submission set received_at = '2026-04-10 08:00+00'")
    settings = dataclasses.replace(registry.settings, today=date(2026, 5, 1))
    told = []
    with running(settings) as services:
        environment = prepare(settings, services) | {"PYTHONPATH": str(ROOT / "dags")}
        for _ in range(2):
            done = subprocess.run(
                [sys.executable, "-c", SCRIPT], env=environment, cwd=ROOT, capture_output=True, text=True
            )
            assert done.returncode == 0, done.stderr[-2000:]
            told.append(done.stdout.splitlines()[-1])
    assert told == [
        "success ('sftp', {'lists': 3, 'troubles': 0}) ('sftp', {'troubles': 0, 'delivered': 0})"
        " ('sftp', {'cards': 2, 'troubles': 0})",
        "success ('sftp', {'lists': 0, 'troubles': 0}) ('sftp', {'troubles': 0, 'delivered': 0})"
        " ('sftp', {'cards': 0, 'troubles': 0})",
    ]
    lists += [(partner, "bilan-2026-04.html") for partner in ("EMPL", "ASNR")]
    assert all(name in registry.files(partner) for partner, name in lists)


def test_importing_the_monthly_dag_touches_nothing_heavy() -> None:
    script = (
        "import sys; sys.path.insert(0, 'dags'); import siseri_monthly;"
        "print([n for n in ('pandas', 'pyarrow', 'paramiko', 'pipelines', 'loaders') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
