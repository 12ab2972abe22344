"""The DAGs of operation: light tasks that hand on counts; the mail leaves by Airflow's own connection."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import Any

import pytest
from receivers import connection, mail_box
from senders import country

from loaders.orchestrator import prepare
from loaders.services import running
from loaders.settings import project_root

ROOT = project_root()
SCRIPT = """
import sys, siseri_{name} as module
run = module.siseri_{name}().test()
tasks = run.get_task_instances()
print(run.state, *(sorted(one.xcom_pull(task_ids=one.task_id).items()) for one in tasks))
"""


def run_dag(registry: Any, name: str, **more: str) -> str:
    with running(registry.settings) as services:
        environment = prepare(registry.settings, services) | {"PYTHONPATH": str(ROOT / "dags")} | more
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT.format(name=name)], env=environment, cwd=ROOT, capture_output=True, text=True
        )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.splitlines()[-1]


def counts(**told: int) -> str:
    """What the watch hands on, one alert being under way."""
    return f"success {sorted(({'held': 1, 'again': 0, 'over': 0} | told).items())}"


@pytest.mark.slow
def test_the_watch_mails_once_by_the_connection(registry: Any) -> None:
    country(registry)
    with registry.registry.warehouse.admin() as admin:
        admin.execute("update operation.sign set done_at = done_at - interval '1 hour' where work = 'collect'")
    assert run_dag(registry, "watch") == counts(new=1, mailed=0), "no connection: nobody is written to"
    with mail_box() as box:
        told = json.dumps(connection(box))
        assert run_dag(registry, "watch", AIRFLOW_CONN_SMTP=told) == counts(new=1, mailed=1)
        assert run_dag(registry, "watch", AIRFLOW_CONN_SMTP=told) == counts(new=0, mailed=0)
        assert [one["Subject"] for one in box.mails] == ["[SISERI] 1 alerte(s) : collecte-arretee"]


@pytest.mark.slow
def test_the_night_verifies_and_keeps_what_it_found(registry: Any) -> None:
    country(registry)
    assert run_dag(registry, "verify").startswith("success [('broken', 0), ('held', ")
    kept = registry.connection.execute("select held, broken from operation.verification").fetchall()
    assert [broken for _, broken in kept] == [0]
    assert kept[0][0] >= 15


@pytest.mark.slow
def test_cleaning_removes_old_logs_cuts_long_ones_and_airflow_s_old_runs(registry: Any) -> None:
    logs = registry.settings.home / "log"
    old = logs / "airflow" / "dag_id=siseri_collect" / "run_id=1" / "attempt=1.log"
    old.parent.mkdir(parents=True)
    old.write_text("x")
    fresh = logs / "airflow" / "dag_id=siseri_collect" / "run_id=2" / "attempt=1.log"
    fresh.parent.mkdir(parents=True)
    fresh.write_text("x")
    long_ago = time.time() - 31 * 86_400
    for path in (old, old.parent):
        os.utime(path, (long_ago, long_ago))
    (logs / "essai.log").write_bytes(b"x" * (21 << 20))
    assert run_dag(registry, "cleaning") == "success [('cut', 1), ('removed', 1), ('tables', 1)]"
    assert not old.exists()
    assert fresh.exists()
    assert (logs / "essai.log").stat().st_size == 0
    assert (logs / "essai.log.1").stat().st_size == 21 << 20
    for path in logs.glob("essai.log*"):
        path.unlink()


def test_importing_them_touches_nothing_heavy() -> None:
    script = (
        "import sys; sys.path.insert(0, 'dags'); import siseri_watch, siseri_verify, siseri_cleaning;"
        "print([n for n in ('pandas', 'pyarrow', 'paramiko', 'pipelines', 'loaders') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
