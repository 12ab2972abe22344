"""The DAG of backups: one task that takes a whole backup, and leaves a database of the site's own alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from loaders.orchestrator import prepare
from loaders.services import running
from loaders.settings import Settings, project_root
from loaders.warehouse import Warehouse
from pipelines.backup.take import listing

ROOT = project_root()
SCRIPT = """
import siseri_backup as module
run = module.siseri_backup().test()
tasks = run.get_task_instances()
print(run.state, *((one.state, one.pool, sorted(one.xcom_pull(task_ids=one.task_id) or ())) for one in tasks))
"""


@pytest.mark.slow
def test_a_night_takes_a_backup_where_one_is_made(tmp_path: Path) -> None:
    (tmp_path / "backup").mkdir()
    told = {"SISERI_HOME": str(tmp_path / "home"), "SISERI_BACKUP_DIR": str(tmp_path / "backup")}
    settings = Settings.load(told, root=tmp_path)
    seen = []
    with running(settings) as services:
        Warehouse(settings, services.database_url).initialise()
        environment = prepare(settings, services) | {"PYTHONPATH": str(ROOT / "dags")}
        for more in ({}, {"SISERI_DATABASE_URL": services.database_url}):
            done = subprocess.run(
                [sys.executable, "-c", SCRIPT], env=environment | more, cwd=ROOT, capture_output=True, text=True
            )
            assert done.returncode == 0, done.stderr[-2000:]
            seen.append(done.stdout.splitlines()[-1])
        assert len(listing(settings)) == 1
    assert seen == [
        "success ('success', 'warehouse', ['bytes', 'forgotten'])",
        "success ('skipped', 'warehouse', [])",
    ]
