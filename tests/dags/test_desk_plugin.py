"""The plugin: nearly free in every process of Airflow's, and built where the applications are asked for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from loaders.orchestrator import prepare
from loaders.services import running
from loaders.settings import Settings, project_root

SCRIPT = """
import json, sys, time
import airflow
from airflow import plugins_manager
begun = time.perf_counter()
before = set(sys.modules)
plugins_manager.ensure_plugins_loaded()
taken = time.perf_counter() - begun
heavy = [n for n in ("desk", "fastapi", "pandas", "psycopg", "psycopg_pool", "pipelines", "loaders", "jinja2")
         if n in set(sys.modules) - before]
plugins, errors = plugins_manager._get_plugins()
print(json.dumps({"names": [one.name for one in plugins], "errors": errors, "heavy": heavy, "seconds": taken}))
"""
RIGHTS = """
import json, sys
from types import SimpleNamespace
sys.path.insert(0, "plugins")
from siseri_desk_plugin import person
from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager

class Other:
    def __init__(self, granted):
        self.granted, self.asked = granted, set()
    def is_authorized_custom_view(self, *, method, resource_name, user):
        self.asked.add(resource_name)
        return method in self.granted

def rights(manager, name):
    found = person(manager, SimpleNamespace(get_name=lambda: name, get_id=lambda: name))
    return [found.name, found.may_read, found.may_decide, found.may_approve]

others = [Other(one) for one in ((), ("GET",), ("GET", "POST"), ("GET", "POST", "PUT"))]
told = {"simple": [rights(SimpleAuthManager(), name) for name in sys.argv[1:]]}
told["others"] = [rights(one, "x")[1:] for one in others]
told["asked"] = sorted(set().union(*(one.asked for one in others)))
print(json.dumps(told))
"""


def judged(**environment: str) -> dict[str, Any]:
    """What the plugin makes of each account, under these settings of Airflow's."""
    words = [sys.executable, "-c", RIGHTS, "lecteur", "analyste", "chef", "admin", "partie"]
    whole = os.environ | {"AIRFLOW_HOME": str(project_root())} | environment
    done = subprocess.run(words, env=whole, cwd=project_root(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def test_each_role_has_its_rights() -> None:
    told = judged()
    assert told["simple"] == [
        ["lecteur", True, False, False],
        ["analyste", True, True, False],
        ["chef", True, True, True],
        ["admin", True, True, True],
        ["partie", False, False, False],
    ]
    assert told["others"] == [[False] * 3, [True, False, False], [True, True, False], [True] * 3]
    assert told["asked"] == ["Rejets"]


def test_where_nobody_is_known_nobody_has_a_right() -> None:
    told = judged(AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS="True")
    assert [one[1:] for one in told["simple"]] == [[False] * 3] * 5


@pytest.mark.slow
def test_loading_the_plugin_imports_nothing_of_the_desk(cluster: Settings) -> None:
    with running(cluster, sftp=False) as services:
        environment = prepare(cluster, services)
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT], env=environment, cwd=project_root(), capture_output=True, text=True
        )
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert "siseri_desk" in told["names"]
    assert told["errors"] == {}
    assert told["heavy"] == []
    assert told["seconds"] < 0.2
