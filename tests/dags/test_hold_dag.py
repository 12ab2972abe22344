"""The DAG that asks persons about held files: how it is built, and that it ends at once where nothing is held."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from senders import country

from loaders.orchestrator import prepare
from loaders.services import running
from loaders.settings import project_root

ROOT = project_root()
BUILT = """
import json
import siseri_hold as module
dag = module.siseri_hold()
question = dag.get_task("file.question")
print(json.dumps({
    "runs": dag.max_active_runs,
    "tasks": {
        task.task_id: {
            "pool": task.pool,
            "down": sorted(task.downstream_task_ids),
            "outlets": [one.name for one in task.outlets],
            "kind": type(task).__name__,
            "mapped": task.get_closest_mapped_task_group() is not None,
        }
        for task in dag.tasks
    },
    "options": question.options,
    "defaults": question.defaults,
    "timeout_h": question.response_timeout.total_seconds() / 3600,
    "claim_h": module.CLAIM_LASTS.total_seconds() / 3600,
    "assets": sorted(one.name for one in dag.timetable.asset_condition.objects),
    "every": dag.timetable.timetable.expression,
}))
"""
RUN = """
import siseri_hold as module
run = module.siseri_hold().test()
print(run.state, sorted((one.task_id, str(one.state)) for one in run.get_task_instances()))
"""


def said(script: str, environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment | {"PYTHONPATH": str(ROOT / "dags")},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.splitlines()[-1]


def test_the_hold_dag_is_as_told() -> None:
    told: dict[str, Any] = json.loads(said(BUILT, os.environ | {"AIRFLOW_HOME": str(ROOT)}))
    tasks = told["tasks"]
    assert set(tasks) == {"ask", "file.question", "file.settle"}
    assert tasks["ask"]["down"] == ["file.question", "file.settle"]
    assert tasks["file.question"]["down"] == ["file.settle"]
    assert tasks["file.question"]["kind"] == "HITLOperator"
    # Each answer takes effect alone, and integration follows it.
    assert tasks["file.question"]["mapped"]
    assert tasks["file.settle"]["mapped"]
    assert tasks["file.settle"]["outlets"] == ["siseri_submissions"]
    assert tasks["file.settle"]["pool"] == "warehouse"
    assert (told["options"], told["defaults"]) == (["Intégrer", "Écarter"], ["Intégrer"])
    assert told["timeout_h"] == 24
    assert told["claim_h"] > told["timeout_h"]
    assert told["runs"] > 10
    assert told["assets"] == ["siseri_warehouse"]
    assert told["every"] == "53 * * * *"


@pytest.mark.slow
def test_where_nothing_is_held_a_run_ends_at_once(registry: Any) -> None:
    country(registry)
    with running(registry.settings) as services:
        environment = prepare(registry.settings, services)
        told = said(RUN, environment)
    assert told.startswith("success"), told
    assert "('ask', 'skipped')" in told
    assert "awaiting_input" not in told
