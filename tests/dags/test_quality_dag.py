"""The DAG of quality: promises judged, the page written, breaks and late senders logged without a person."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from datetime import date
from typing import Any

import pytest
from quality_world import person
from senders import PASSIVE, country, dose, file

from loaders.orchestrator import prepare
from loaders.services import running
from loaders.settings import project_root

ROOT = project_root()
SCRIPT = """
import siseri_quality as module
run = module.siseri_quality().test()
tasks = sorted(run.get_task_instances(), key=lambda one: one.task_id)
print(run.state, *((one.pool, one.xcom_pull(task_ids=one.task_id)) for one in tasks))
"""


@pytest.mark.slow
def test_the_nightly_check_says_what_is_broken_and_who_is_late(registry: Any) -> None:
    land = country(registry)
    strangers = [dose(f"S{number}", **person(number)) for number in range(30)]
    land.drop("LABO1", "mars.csv", file(PASSIVE, *(dose(f"K{number}") for number in range(120)), *strangers))
    land.run()
    settings = dataclasses.replace(land.settings, today=date(2026, 4, 30))
    with running(settings) as services:
        environment = prepare(settings, services) | {"PYTHONPATH": str(ROOT / "dags")}
        done = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    # A month that ended judges twelve promises, the one under way twelve too.
    assert done.stdout.splitlines()[-1] == (
        "success ('warehouse', {'broken': 1, 'promises': 24}) ('default_pool', {'late': 1})"
    )
    said = done.stdout + done.stderr
    assert "promise broken: FILE 2026-04 registre" in said
    assert "late: SITE OPERATIONNELLE, expected by 2026-04-24" in said
    page = (settings.home / "qualite" / "qualite.html").read_text()
    for number in range(30):
        assert not any(value in text for value in person(number).values() for text in (said, page) if len(value) > 6)
