"""When this side fails: two passes at once, services killed, disks full. No loss, a clear error, a rerun ends well."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from senders import SISERI, environment, siseri
from small_disk import small_disk

from bench import data
from loaders.postgres_server import PostgresServer
from loaders.registry import depots, opened
from loaders.services import running, sftp_state
from loaders.settings import Settings
from pipelines import verify
from pipelines.deposit import deposit
from pipelines.listings import submissions

WORKERS = 400


class House:
    """A home of its own, used through the real command."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.env = environment(home)
        self.settings = Settings.load(self.env)

    def furnish(self, folder: Path) -> None:
        siseri(self.env, "init")
        siseri(self.env, "partner", "add", "ASNR", "--role", "GESTIONNAIRE")
        siseri(self.env, "partner", "add", "LABO1", "--role", "OA")
        siseri(self.env, "partner", "add", "LABO2", "--role", "OA")
        made = {"a.csv": data.register(), "b.csv": data.designations("LABO1"), "c.csv": data.worker_list(WORKERS)}
        for name, body in made.items():
            (folder / name).write_bytes(body)
        self.deposit("ASNR", *(folder / name for name in made))
        siseri(self.env, "run")

    def deposit(self, code: str, *files: Path) -> None:
        with opened(self.settings) as registry, depots(registry) as client:
            deposit(client, registry.connection, code, list(files))

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [SISERI, *words], env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def outcomes(self) -> list[tuple[str, str, int]]:
        """Per submission: name, state, rows that are in the registry."""
        with opened(self.settings, sftp=False) as registry, registry.warehouse.analyst() as analyst:
            assert [one for one in verify.verify(analyst, self.settings) if not one.held] == []
            doses = dict(
                registry.connection.execute("select submission_id, count(*) from dose.passive group by 1").fetchall()
            )
            return [
                (one["fichier"], one["statut"], doses.get(one["id"], 0))
                for one in submissions(registry.connection)
                if one["emetteur"].startswith("LABO")
            ]

    def retour(self, code: str) -> list[str]:
        return sorted(path.name for path in (self.home / "sftp" / code / "retour").iterdir() if path.is_file())


def measures(folder: Path, count: int, rows: int = 3_000) -> list[Path]:
    files = []
    for number in range(count):
        path = folder / f"mars-{number}.csv"
        path.write_bytes(b"".join(data.passive(rows, WORKERS, first=number * 10_000, seed=number)))
        files.append(path)
    return files


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One furnished home for all that fails on this side; its services stay up between the commands."""
    folder = tmp_path_factory.mktemp("house")
    house = House(folder / "home")
    with running(house.settings):
        house.furnish(folder)
        yield house


def answered(house: House, code: str, files: list[Path]) -> None:
    """Every file has its whole report, and no incident is left."""
    names = house.retour(code)
    for path in files:
        assert f"{path.name}.rapport.json" in names
        report = (house.home / "sftp" / code / "retour" / f"{path.name}.rapport.csv").read_bytes()
        assert report.count(b"\n") == path.read_bytes().count(b"\n")
    assert not [name for name in names if "incident" in name]


def test_two_passes_at_once_do_the_work_once(house: House, tmp_path: Path) -> None:
    files = measures(tmp_path, 4)
    house.deposit("LABO1", *files[:2])
    house.deposit("LABO2", *files[2:])
    passes = [house.start("run", "--json") for _ in range(2)]
    told = [one.communicate(timeout=120) for one in passes]
    assert [one.returncode for one in passes] == [0, 0], [error[-300:] for _, error in told]
    done = [json.loads(out) for out, _ in told]
    assert sum(one["pris"] for one in done) == 4
    siseri(house.env, "run")
    outcomes = house.outcomes()
    assert len(outcomes) == 4
    for code, sent in (("LABO1", files[:2]), ("LABO2", files[2:])):
        answered(house, code, sent)


def killed(pid: int) -> None:
    """SIGKILL to one process of ours."""
    os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize(("service", "after"), [("database", 1.6), ("sftp", 1.1)])
def test_a_service_killed_in_the_middle_of_a_pass(house: House, tmp_path: Path, service: str, after: float) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    files = [path.rename(folder / f"{service}-{after}-{path.name}") for path in measures(tmp_path, 6, 4_000)]
    house.deposit("LABO1", *files)
    process = house.start("run", "--json")
    time.sleep(after)
    pid = PostgresServer(house.home).pid() if service == "database" else (sftp_state(house.home) or {})["pid"]
    assert pid is not None
    killed(pid)
    out, error = process.communicate(timeout=120)
    assert process.returncode in (0, 3), error[-2000:]
    if process.returncode == 3:
        assert out == ""
        assert error.strip().splitlines()[-1].startswith("siseri: ")
        assert "Traceback" not in error
    time.sleep(0.2)
    siseri(house.env, "run")
    siseri(house.env, "verify")
    mine = [one for one in house.outcomes() if one[0].startswith(f"{service}-{after}-")]
    assert len(mine) == 6
    answered(house, "LABO1", files)
    assert [path.name for path in (house.home / "sftp" / "LABO1" / "depot").iterdir() if path.is_file()] == []
    for spare in ("staging", "incoming", "archive/incoming"):
        assert not (house.home / spare).exists() or os.listdir(house.home / spare) == [], spare


@pytest.mark.parametrize(
    "place",
    [
        "archive",
        "staging",
        "sftp/LABO2/retour",
    ],
)
def test_a_full_disk_loses_nothing(house: House, tmp_path: Path, place: str) -> None:
    name = place.replace("/", "-")
    files = [path.rename(tmp_path / f"plein-{name}-{path.name}") for path in measures(tmp_path, 1)]
    house.deposit("LABO2", *files)
    folder = house.home / place
    with small_disk(folder, "64k"):
        done = siseri(house.env, "run", expect=None)
        assert done.returncode in (1, 3), done.stderr[-500:]
        assert "Traceback" not in done.stderr
        if done.returncode == 3:
            assert done.stderr.strip().splitlines()[-1].startswith("siseri: ")
    siseri(house.env, "run")
    siseri(house.env, "verify")
    assert [one[0] for one in house.outcomes()].count(files[0].name) == 1
    answered(house, "LABO2", files)


def test_a_home_without_room_for_anything(tmp_path: Path) -> None:
    """The database too lies on the full disk."""
    with small_disk(tmp_path / "disk", "400m"):
        house = House(tmp_path / "disk" / "home")
        with running(house.settings):
            house.furnish(tmp_path)
            files = measures(tmp_path, 2)
            house.deposit("LABO1", *files)
            filler = tmp_path / "disk" / "filler"
            with filler.open("wb", buffering=0) as out, contextlib.suppress(OSError):
                while out.write(b"x" * (1 << 20)):
                    pass
            done = siseri(house.env, "run", expect=None)
            assert done.returncode in (1, 3), done.stderr[-500:]
            assert "Traceback" not in done.stderr, done.stderr[-3000:]
            filler.unlink()
            siseri(house.env, "run")
            siseri(house.env, "verify")
            assert len(house.outcomes()) == 2
            answered(house, "LABO1", files)
