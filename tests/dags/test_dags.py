"""The DAGs: imported, light, in the right order, and run on the demonstration's sample by ``dag.test()``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from loaders.orchestrator import airflow_environment, prepare
from loaders.registry import depots, opened
from loaders.services import running
from loaders.settings import Settings, project_root
from pipelines import verify
from pipelines.deposit import deposit
from pipelines.sweep import sweep
from schemas.retention import RULES
from schemas.roles import MEASURE_FORMATS

ROOT = project_root()


@pytest.fixture(scope="module")
def demonstrated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Settings, str]]:
    """The demonstration, run once as a newcomer runs it: its registry and what it printed."""
    home = tmp_path_factory.mktemp("demo")
    environment = os.environ | {"SISERI_HOME": str(home)}
    settings = Settings.load({"SISERI_HOME": str(home / "demo"), "SISERI_TODAY": "2026-01-05"})
    with running(settings):
        done = subprocess.run(
            [sys.executable, "-m", "cli.demo"], env=environment, cwd=ROOT, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        yield settings, done.stdout


@pytest.fixture(scope="module")
def described(demonstrated: tuple[Settings, str]) -> dict[str, Any]:
    settings, _ = demonstrated
    with running(settings) as services:
        environment = airflow_environment(settings, services)
        done = subprocess.run(
            [sys.executable, str(ROOT / "tests" / "dags" / "describe.py"), str(ROOT / "dags")],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
    return json.loads(done.stdout.splitlines()[-1])


def test_every_outcome_is_the_announced_one(demonstrated: tuple[Settings, str]) -> None:
    assert "toutes comme annoncées" in demonstrated[1]
    assert "a-declarer.csv" in demonstrated[1] or "IDT-05" in demonstrated[1]


def test_the_dags_import_and_hold_their_steps(described: dict[str, Any]) -> None:
    assert described["errors"] == {}
    dags = described["dags"]
    names = (
        *("backup", "cleaning", "collect", "deadlines", "exceedances", "hold", "integrate", "migrate", "monthly"),
        *("quality", "release", "rerun", "retention", "statistics", "unusual", "verify", "watch"),
    )
    assert set(dags) == {f"siseri_{name}" for name in names}
    integrate = dags["siseri_integrate"]
    assert integrate["plan_declarers"]["down"] == ["integrate_declarers"]
    assert integrate["plan_others"]["down"] == ["integrate_others"]
    assert integrate["integrate_declarers"]["down"] == ["integrate_others"]
    assert integrate["integrate_others"]["down"] == ["answer"]
    assert dags["siseri_release"]["release"]["down"] == ["answer"]
    assert list(dags["siseri_exceedances"]) == ["detect", "tell"]
    assert dags["siseri_exceedances"]["detect"]["down"] == ["tell"]
    assert list(dags["siseri_backup"]) == ["take"]
    assert list(dags["siseri_deadlines"]) == ["retain"]
    assert list(dags["siseri_unusual"]) == ["evaluate"]
    assert list(dags["siseri_quality"]) == ["judge", "render"]
    assert list(dags["siseri_retention"]) == [rule.name.lower() for rule in RULES]
    assert all(task["down"] == [] for task in dags["siseri_retention"].values()), "no rule waits for another's success"
    assert dags["siseri_migrate"]["take"]["down"] == ["reconcile"]


def test_pools_protect_the_server_and_the_warehouse(described: dict[str, Any]) -> None:
    pools = json.loads((ROOT / "config" / "pools.json").read_text())
    used = {task["pool"] for dag in described["dags"].values() for task in dag.values()} - {"default_pool"}
    assert used == set(pools)


def test_importing_a_dag_touches_nothing_heavy() -> None:
    """No pandas, no database driver at import: only what a task imports when it runs."""
    script = (
        "import sys; sys.path.insert(0, 'dags');"
        "import siseri_backup, siseri_collect, siseri_deadlines, siseri_exceedances, siseri_hold, siseri_integrate;"
        "import siseri_quality, siseri_release, siseri_rerun, siseri_retention, siseri_statistics, siseri_unusual;"
        "import siseri_cleaning, siseri_migrate, siseri_verify, siseri_watch;"
        "print([n for n in ('pandas', 'pyarrow', 'pandera', 'great_expectations', 'paramiko', 'pipelines', 'loaders')"
        " if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_same_files_again_change_nothing(demonstrated: tuple[Settings, str]) -> None:
    settings, _ = demonstrated
    sample = settings.home / "echantillon"
    manifest = json.loads((sample / "manifest.json").read_text())
    counted = (
        "select (select count(*) from dose.passive), (select count(*) from dose.operational),"
        " (select count(*) from identity.civil), (select count(*) from reference.attachment_status),"
        " (select count(*) from reference.designation),"
        " (select sum(value_usv) from dose.passive where until_load is null)"
    )
    measures = [file for file in manifest["files"] if file["format"] in MEASURE_FORMATS]
    with opened(settings) as registry, depots(registry) as client:
        before = registry.connection.execute(counted).fetchone()
        for file in manifest["files"]:
            deposit(client, registry.connection, file["partner"], [sample / file["path"]])
        sweep(client, registry, settings)
        assert registry.connection.execute(counted).fetchone() == before
        with registry.warehouse.analyst() as analyst:
            assert not [one for one in verify.verify(analyst, settings) if not one.held]
        states = registry.connection.execute(
            "select count(*) filter (where file_code = 'FIC-06') from ledger.submission"
        ).fetchone()
        assert states is not None
        assert 0 < states[0] <= len(measures) + 1


def test_rerun_answers_again_with_the_same_bytes(demonstrated: tuple[Settings, str]) -> None:
    settings, _ = demonstrated
    folder = settings.home / "sftp" / "LABO1" / "retour"
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    with running(settings) as services:
        environment = prepare(settings, services) | {"PYTHONPATH": str(ROOT / "dags")}
        with opened(settings) as registry:
            numbers = [
                number
                for (number,) in registry.connection.execute(
                    "select submission_id from ledger.submission join ledger.partner using (partner_id)"
                    " where code = 'LABO1'"
                ).fetchall()
            ]
        script = (
            "import siseri_rerun as module\n"
            f"run = module.siseri_rerun().test(run_conf={{'depots': {numbers}, 'lever': True}})\n"
            "print(run.state)\n"
        )
        done = subprocess.run([sys.executable, "-c", script], env=environment, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines()[-1].endswith("success")
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before


def test_airflow_knows_no_person(demonstrated: tuple[Settings, str]) -> None:
    """XCom, rendered templates, run configurations: ids and counts, no NIR, no name, no file name."""
    settings, _ = demonstrated
    with opened(settings, sftp=False) as registry:
        sealed = registry.connection.execute("select sealed from identity.identifier").fetchall()
        secrets = [registry.key.open(one).decode() for (one,) in sealed[:200]]
        secrets += [
            name
            for (name,) in registry.connection.execute("select distinct last_name from identity.civil").fetchall()
            if len(name) > 6
        ]
    with running(settings) as services:
        url = airflow_environment(settings, services)["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].replace("+psycopg", "")
        with psycopg.connect(url) as connection:
            tables = connection.execute(
                "select table_name from information_schema.tables where table_schema = 'public'"
            ).fetchall()
            text = "".join(
                str(row)
                for (table,) in tables
                for row in connection.execute(f'select t::text from "{table}" as t').fetchall()
            )
    assert "siseri_integrate" in text
    assert not [one for one in secrets if one in text]
