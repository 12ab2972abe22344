"""``siseri unusual`` as an analyst types it, and the DAG that evaluates by itself."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from exposed_service import PEOPLE, Service
from senders import siseri

from loaders.orchestrator import prepare, settings_environment
from loaders.services import running
from loaders.settings import project_root

ROOT = project_root()
SCRIPT = """
import siseri_unusual as module
run = module.siseri_unusual().test()
print(run.state, *((one.pool, one.xcom_pull(task_ids=one.task_id)) for one in run.get_task_instances()))
"""


@pytest.mark.slow
def test_flags_are_listed_evaluated_and_answered(registry: Any) -> None:
    service = Service(registry)
    env = settings_environment(registry.settings)
    assert json.loads(siseri(env, "unusual", "list", "--json").stdout) == []
    service.send(2026, 1, {0: "50"})
    told = json.loads(siseri(env, "unusual", "evaluate", "--json").stdout)
    assert told == {"resultats": 8, "signalements": 1, "clos": 0}
    assert "0 résultat(s) évalué(s)" in siseri(env, "unusual", "evaluate").stdout

    (flag,) = json.loads(siseri(env, "unusual", "list", "--json").stdout)
    assert (flag["id"], flag["genre"], flag["etat"]) == (1, "UNITE", "OUVERTE")
    assert "UNITE" in siseri(env, "unusual", "list").stdout
    assert json.loads(siseri(env, "unusual", "list", "--etat", "ECARTEE", "--json").stdout) == []
    assert "l'état est l'un de" in siseri(env, "unusual", "list", "--etat", "PERDU", expect=2).stderr

    why = ("--motif", "Est-ce bien 50 mSv ?", "--par", "ana")
    assert "on répond" in siseri(env, "unusual", "decide", "1", "peut-etre", *why, expect=2).stderr
    assert "aucun signalement 9" in siseri(env, "unusual", "decide", "9", "confirm", *why, expect=2).stderr
    told = json.loads(siseri(env, "unusual", "decide", "1", "ask", *why, "--json").stdout)
    assert told == {"id": 1, "etat": "DEMANDEE"}
    assert any("question-1" in one for one in registry.files("LABO1"))
    assert "CONFIRMEE" in siseri(env, "unusual", "decide", "1", "confirm", *why).stdout
    found = service.bench.as_("administrator").execute("select door, what from audit.look").fetchall()
    assert found == [("COMMANDE", "unusual list")] * 2, "an empty list shows nobody"


@pytest.mark.slow
def test_the_dag_hands_on_counts_alone(registry: Any) -> None:
    service = Service(registry)
    service.send(2026, 1, {0: "50"})
    told = []
    with running(registry.settings) as services:
        environment = prepare(registry.settings, services) | {"PYTHONPATH": str(ROOT / "dags")}
        for _ in range(2):
            done = subprocess.run(
                [sys.executable, "-c", SCRIPT], env=environment, cwd=ROOT, capture_output=True, text=True
            )
            assert done.returncode == 0, done.stderr[-2000:]
            assert PEOPLE.nir[0] not in done.stdout + done.stderr
            told.append(done.stdout.splitlines()[-1])
    assert told == [
        "success ('warehouse', {'flags': 1, 'closed': 0, 'results': 8})",
        "success ('warehouse', {'flags': 0, 'closed': 0, 'results': 0})",
    ]
