"""The DAG that asks a person before a year's statistics go out: how it is built, and what its steps do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date
from typing import Any

import pytest
from senders import PASSIVE, country, dose, file

from loaders.settings import project_root
from pipelines import editions

ROOT = project_root()
BUILT = """
import json
import siseri_statistics as module
dag = module.siseri_statistics()
question = dag.get_task("question")
print(json.dumps({
    "tasks": {
        task.task_id: [task.pool, sorted(task.downstream_task_ids), type(task).__name__] for task in dag.tasks
    },
    "options": question.options,
    "defaults": question.defaults,
    "days": question.response_timeout.days,
    "params": sorted(dag.params),
    "when": dag.timetable.expression,
}))
"""


def test_the_statistics_dag_is_as_told() -> None:
    environment = os.environ | {"AIRFLOW_HOME": str(ROOT), "PYTHONPATH": str(ROOT / "dags")}
    done = subprocess.run(
        [sys.executable, "-c", BUILT], env=environment, cwd=ROOT, capture_output=True, text=True, check=True
    )
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert told["tasks"] == {
        "propose": ["warehouse", ["question", "settle"], "_PythonDecoratedOperator"],
        "question": ["default_pool", ["settle"], "HITLOperator"],
        "settle": ["warehouse", ["deliver"], "_PythonDecoratedOperator"],
        "deliver": ["sftp", [], "_PythonDecoratedOperator"],
    }
    # Silence publishes nothing.
    assert (told["options"], told["defaults"], told["days"]) == (["Publier", "Ne pas publier"], ["Ne pas publier"], 30)
    assert told["params"] == ["annee", "perimetre"]
    assert told["when"] == "7 6 1 3 *"


def test_its_steps_propose_once_carry_the_answer_out_and_deliver(
    registry: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    country(registry)
    registry.drop("LABO1", "mars.csv", file(PASSIVE, dose("M1", VALEUR="1.5")))
    registry.run(date(2026, 4, 10))
    registry.partner("DGT", "DGT")
    monkeypatch.setattr(editions.Settings, "load", lambda: registry.settings)
    first = editions.proposal(2026, "tous")
    assert editions.proposal(2026, "tous") == first  # a task that died is made again
    assert editions.answer(first["edition"], True, "chef\n")
    assert not editions.answer(first["edition"], False, None)
    assert editions.renew() == {"delivered": 2, "troubles": 0}  # with the month's
    second = editions.proposal(2026, "tous")
    assert second["edition"] != first["edition"]
    assert not editions.answer(second["edition"], False, None)
    told = {one["id"]: one for one in editions.listing(registry.as_("publisher"))}
    assert (told[first["edition"]]["publiee"], told[first["edition"]]["decidee_par"]) == (True, "chef")
    assert (told[second["edition"]]["publiee"], told[second["edition"]]["motif"]) == (
        False,
        "Pas de réponse dans le délai",
    )
    assert editions.renew() == {"delivered": 0, "troubles": 0}
