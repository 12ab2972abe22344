"""The DAG of deadlines: one light task that hands on a count alone."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from datetime import date
from typing import Any

import pytest
from senders import PASSIVE, country, dose, file

from loaders.orchestrator import prepare
from loaders.services import running
from loaders.settings import project_root
from loaders.warehouse import load
from pipelines.states import enter_states

ROOT = project_root()
SCRIPT = """
import siseri_deadlines as module
run = module.siseri_deadlines().test()
print(run.state, *((one.pool, one.xcom_pull(task_ids=one.task_id)) for one in run.get_task_instances()))
"""


@pytest.mark.slow
def test_what_was_notified_too_long_ago_is_retained_once(registry: Any) -> None:
    country(registry)
    registry.drop("LABO1", "mars.csv", file(PASSIVE, dose("M1", "21")))
    registry.run()
    with load(registry.connection, "test") as number:
        enter_states(registry.connection.cursor(), number, [(1, "NOTIFIE")], date(2026, 4, 10))
    settings = dataclasses.replace(registry.settings, today=date(2026, 10, 8))
    told = []
    with running(settings) as services:
        environment = prepare(settings, services) | {"PYTHONPATH": str(ROOT / "dags")}
        for _ in range(2):
            done = subprocess.run(
                [sys.executable, "-c", SCRIPT], env=environment, cwd=ROOT, capture_output=True, text=True
            )
            assert done.returncode == 0, done.stderr[-2000:]
            told.append(done.stdout.splitlines()[-1])
    assert told == ["success ('warehouse', {'retained': 1})", "success ('warehouse', {'retained': 0})"]
    states = registry.connection.execute("select state from exposure.state where until_load is null").fetchall()
    assert states == [("RETENU_PAR_DEFAUT",)]
