"""``siseri migrate`` as a data engineer types it, and the DAG that takes the same parts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from legacy_world import DAY, NIRS, SIRETS, bodies, part, passive, place, stay, worker
from senders import siseri

from loaders.orchestrator import prepare, settings_environment
from loaders.services import running
from loaders.settings import project_root

ROOT = project_root()
SCRIPT = """
import siseri_migrate as module
run = module.siseri_migrate().test(run_conf={"dossier": "ancien"})
print(run.state, *((one.pool, one.xcom_pull(task_ids=one.task_id)) for one in run.get_task_instances()))
"""


def small(folder: Path) -> None:
    part(folder, "etablissements", place(SIRETS[0]))
    part(folder, "travailleurs", worker(1, NIRS[0]), worker(2, NIRS[1], NOM="ANONYME"))
    part(folder, "rattachements", stay(1, SIRETS[0]))
    part(folder, "externes", passive(1, SIRETS[0], "M1"), passive(2, SIRETS[0], "M2"))


@pytest.mark.slow
def test_a_legacy_is_taken_reported_settled_and_accepted(registry: Any, tmp_path: Path) -> None:
    bodies(registry)
    env = settings_environment(registry.settings)
    folder = tmp_path / "ancien"
    small(folder)
    assert "one thing at a time" in siseri(env, "migrate", expect=2).stderr
    assert "one thing at a time" in siseri(env, "migrate", str(folder), "--undo", expect=2).stderr
    assert "go together" in siseri(env, "migrate", "--groupe", "X", expect=2).stderr
    assert "does not exist" in siseri(env, "migrate", str(tmp_path / "rien"), expect=2).stderr
    assert "no migration" in siseri(env, "migrate", "--groupes", expect=2).stderr

    out = tmp_path / "rapport"
    told = json.loads(siseri(env, "migrate", str(folder), "--rapport", str(out), "--json").stdout)
    names = [str(out / f"reconciliation.{end}") for end in ("csv", "json", "html")]
    assert told == {
        "migration": 1,
        "etat": "A_ACCEPTER",
        "fichiers": 4,
        "deja_repris": 0,
        "lignes": 6,
        "concorde": True,
        "rapport": names,
    }
    document = json.loads((out / "reconciliation.json").read_text())
    assert document["concorde"] is True
    assert document["causes"] == [
        {"table": "externes", "issue": "EN_ATTENTE", "cause": "ANONYME", "lignes": 1},
        {"table": "travailleurs", "issue": "EN_ATTENTE", "cause": "ANONYME", "lignes": 1},
    ]
    (group,) = json.loads(siseri(env, "migrate", "--groupes", "--json").stdout)
    assert (group["groupe"], group["lignes"], group["tables"]) == ("ANONYME:2", 2, ["externes", "travailleurs"])
    assert "ANONYME:2" in siseri(env, "migrate", "--groupes").stdout
    why = ("--motif", "dossier papier retrouvé", "--par", "ana")
    shown = siseri(
        env, "migrate", "--groupe", "ANONYME:2", "--action", "rattacher", "--valeur", NIRS[0], *why, "--json"
    )
    assert json.loads(shown.stdout) == {"groupe": "ANONYME:2", "lignes": 2}
    assert NIRS[0] not in shown.stdout + shown.stderr
    assert "say who decides" in siseri(env, "migrate", "--accept", expect=2).stderr
    assert json.loads(siseri(env, "migrate", "--accept", "--par", "ana", "--json").stdout)["migration"] == 1
    assert "nothing to accept" in siseri(env, "migrate", "--undo", "--par", "ana", expect=2).stderr


@pytest.mark.slow
def test_an_invented_legacy_is_written_and_taken_back(registry: Any, tmp_path: Path) -> None:
    bodies(registry)
    env = settings_environment(registry.settings)
    what = ("--workers", "40", "--doses", "300", "--seed", "2", "--today", DAY.isoformat())
    told = json.loads(siseri(env, "simulate-legacy", "--out", str(tmp_path), *what, "--csv", "--json").stdout)
    assert set(told["organismes"]) == {"LABO1", "LABO2", "SITE1", "SITE2", "DOCTEUR1", "VOLS"}
    bad = ("--workers", "1", "--doses", "1", "--seed", "1", "--today", "hier")
    assert "AAAA-MM-JJ" in siseri(env, "simulate-legacy", "--out", str(tmp_path), *bad, expect=2).stderr
    assert "concorde" in siseri(env, "migrate", told["ancien"]).stdout
    assert json.loads(siseri(env, "migrate", "--undo", "--par", "ana", "--json").stdout)["doses"] > 200


@pytest.mark.slow
def test_the_dag_takes_a_folder_of_the_home_once(registry: Any) -> None:
    bodies(registry)
    small(registry.settings.home / "legacy" / "ancien")
    told = []
    with running(registry.settings) as services:
        environment = prepare(registry.settings, services) | {"PYTHONPATH": str(ROOT / "dags")}
        for _ in range(2):
            done = subprocess.run(
                [sys.executable, "-c", SCRIPT], env=environment, cwd=ROOT, capture_output=True, text=True
            )
            assert done.returncode == 0, done.stderr[-2000:]
            assert not any(nir in done.stdout + done.stderr for nir in NIRS)
            told.append(done.stdout.splitlines()[-1])
    for line, parts, before, rows in zip(told, (4, 0), (0, 4), (6, 0), strict=True):
        assert line.startswith("success")
        assert f"'parts': {parts}" in line
        assert f"'before': {before}" in line
        assert f"'rows': {rows}" in line
    assert (registry.settings.home / "reprise" / "ancien" / "reconciliation.html").is_file()
