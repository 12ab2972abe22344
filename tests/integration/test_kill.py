"""SIGKILL of the real process at random points: nothing lost, nothing doubled, the same end as undisturbed."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from bench import data
from loaders.registry import depots, opened
from loaders.services import running
from loaders.settings import Settings
from pipelines import verify
from pipelines.collect import answer_stem
from pipelines.deposit import deposit

SISERI = Path(sys.prefix) / "bin" / "siseri"
KILLS = 20
WORKERS = 400


def siseri(environment: dict[str, str], *words: str) -> None:
    done = subprocess.run([SISERI, *words], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def prepare(home: Path, folder: Path) -> dict[str, str]:
    environment = os.environ | {"SISERI_HOME": str(home), "SISERI_TODAY": "2026-04-10"}
    settings = Settings.load(environment)
    siseri(environment, "init")
    siseri(environment, "partner", "add", "ASNR", "--role", "GESTIONNAIRE")
    siseri(environment, "partner", "add", "LABO1", "--role", "OA")
    for name, body in (
        ("a.csv", data.register()),
        ("b.csv", data.designations("LABO1")),
        ("c.csv", data.worker_list(WORKERS)),
    ):
        (folder / name).write_bytes(body)
    put(settings, "ASNR", [folder / name for name in ("a.csv", "b.csv", "c.csv")])
    siseri(environment, "run")
    return environment


def put(settings: Settings, code: str, files: list[Path]) -> None:
    with opened(settings) as registry, depots(registry) as client:
        deposit(client, registry.connection, code, files)


def outcome(settings: Settings) -> dict[str, Any]:
    """All that must be the same, named by file and line rather than by number."""
    with opened(settings, sftp=False, profile="analyst") as registry:
        broken = [one for one in verify.verify(registry.connection, settings) if not one.held]
        names = dict(
            registry.connection.execute(
                "select submission_id, file_name || drop_number from ledger.submission"
            ).fetchall()
        )
        doses = registry.connection.execute(
            "select submission_id, line, value_usv, measure_id, until_code from dose.passive"
        ).fetchall()
        entries = registry.connection.execute(
            "select submission_id, line, codes, outcome from ledger.row_entry where until_load is null"
        ).fetchall()
        waiting = registry.connection.execute(
            "select submission_id, line, codes from queue.entry where until_load is null"
        ).fetchall()
    assert not broken, broken
    reports = {}
    for path in sorted((settings.home / "sftp" / "LABO1" / "retour").iterdir()):
        if path.name.endswith(".rapport.json"):
            report = json.loads(path.read_text())
            reports[path.name] = (report["statut"], report["lignes"], report["doses_msv"], report["codes"])
        elif path.name.endswith(".rapport.csv"):
            reports[path.name] = path.read_bytes()
        else:
            reports[path.name] = None
    return {
        "doses": sorted((names[one[0]], *one[1:]) for one in doses),
        "entries": sorted((names[one[0]], *one[1:]) for one in entries),
        "waiting": sorted((names[one[0]], *one[1:]) for one in waiting),
        "reports": reports,
        "depot": [one.name for one in (settings.home / "sftp" / "LABO1" / "depot").iterdir() if one.is_file()],
        "staging": os.listdir(settings.home / "staging"),
    }


@pytest.mark.slow
def test_twenty_kills_end_as_no_kill(tmp_path: Path) -> None:
    rng = random.Random(20)
    files = []
    for number in range(KILLS):
        # Names in the order of the drops: AVT-05 sums what earlier files brought.
        path = tmp_path / f"mars-{number:02}.csv"
        path.write_bytes(b"".join(data.passive(3_000, WORKERS, first=number * 10_000, seed=number)))
        files.append(path)
    homes = {name: tmp_path / name for name in ("disturbed", "quiet")}
    settings = {name: Settings.load({"SISERI_HOME": str(home)}) for name, home in homes.items()}
    with running(settings["disturbed"]), running(settings["quiet"]):
        environment = prepare(homes["quiet"], tmp_path)
        put(settings["quiet"], "LABO1", files[:1])
        began = time.perf_counter()
        siseri(environment, "run")
        whole = time.perf_counter() - began
        put(settings["quiet"], "LABO1", files[1:])
        siseri(environment, "run")
        expected = outcome(settings["quiet"])

        environment = prepare(homes["disturbed"], tmp_path)
        killed = 0
        for path in files:
            put(settings["disturbed"], "LABO1", [path])
            process = subprocess.Popen(
                [SISERI, "run"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            time.sleep(rng.uniform(0.4, whole))
            process.send_signal(signal.SIGKILL)
            killed += process.wait() == -signal.SIGKILL
        siseri(environment, "run")
        found = outcome(settings["disturbed"])
        assert killed >= KILLS // 2
        assert found["depot"] == []
        assert found.pop("staging") == expected.pop("staging") == []
        for name in expected:
            assert found[name] == expected[name], name
        # And once more: nothing is left to do.
        siseri(environment, "run")
        assert outcome(settings["disturbed"])["doses"] == expected["doses"]
    assert answer_stem(files[0].name, 1) + ".rapport.json" in expected["reports"]
