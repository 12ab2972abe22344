"""A registry destroyed and restored ends as if nothing had happened; what cannot be restored is never half there."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from backup_world import Site, after_a_second
from crash_end import End
from nursery import Nursery
from senders import PASSIVE, dose, file
from small_disk import small_disk

from loaders import crash
from loaders.services import running


class Lost:
    """A life that was lived, backed up on its way, and lost."""

    def __init__(self, site: Site) -> None:
        self.site = site
        with running(site.settings()):
            site.furnish()
            site.live(0)
            self.first = site.json("backup", "take")
            site.live(1)
            self.between = after_a_second()
            site.live(2, "backup.bytes")
            self.killed = _killed_takes(site)
            self.second = site.json("backup", "take")
            site.live(3)
            site.run("verify")
            self.drill = site.json("backup", "drill", "--to", self.between)
            self.expected: End = site.end()
        site.lose()
        self.pristine = site.folder / "pristine"
        site.backup.rename(self.pristine)
        self.mended()

    def mended(self) -> Site:
        """The site with its backup folder as it was when the home was lost: the same files, linked anew."""
        shutil.rmtree(self.site.backup, ignore_errors=True)
        shutil.copytree(self.pristine, self.site.backup, copy_function=os.link)
        return self.site


def spoil(path: Path, at: int) -> None:
    """Change a byte of a file, and of no other link to it."""
    body = bytearray(path.read_bytes() or b"\0")
    body[at] ^= 0xFF
    path.unlink()
    path.write_bytes(bytes(body))


def _killed_takes(site: Site) -> dict[str, list[str]]:
    """A backup killed at each of its points: the points, and what is listed after."""
    found = {}
    for point in ("begun", "homes", "based", "complete"):
        done = site.run("backup", "take", expect=None, SISERI_CRASH=f"backup.{point}")
        assert done.status == -signal.SIGKILL, (point, done)
        found[point] = [one["nom"] for one in site.json("backup", "list")]
    return found


@pytest.fixture(scope="module")
def lost(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lost]:
    folder = tmp_path_factory.mktemp("backup")
    with Nursery(folder / "nursery") as nursery:
        yield Lost(Site(folder, nursery))


def restored(lost: Lost, to: str, name: str, *more: object) -> Path:
    home = lost.site.folder / name
    lost.site.run("backup", "restore", home, "--to", to, "--cle", lost.site.key, *more)
    return home


def replayed(lost: Lost, home: Path) -> dict[str, object]:
    told: dict[str, object] = lost.site.json("backup", "replay", home=home, SISERI_BACKUP_DIR="")
    return told


@pytest.mark.slow
@pytest.mark.parametrize("base", ["first", "second"])
def test_restored_to_the_last_instant_nothing_committed_is_missing(lost: Lost, base: str) -> None:
    """Also from a backup that knows neither the later files nor the later answers: the log and the archive do."""
    name = getattr(lost, base)["nom"]
    home = restored(lost, "last", f"dernier-{base}", "--base", name)
    with running(lost.site.settings(home, backup=False)):
        lost.site.run("verify", home=home, SISERI_BACKUP_DIR="")
        assert replayed(lost, home)["fichiers"] == 0
        lost.site.run("verify", home=home, SISERI_BACKUP_DIR="")
        end = lost.site.end(home)
        # Results of the month are made again as of now: what was told, and what came since.
        for name in [name for name in end.files if "/retour/resultats-" in name]:
            assert set(lost.expected.files[name].splitlines()) <= set(end.files[name].splitlines())
            end.files[name] = lost.expected.files[name]
        assert end.differences(lost.expected) == []


@pytest.mark.slow
def test_restored_to_an_earlier_instant_what_came_after_comes_again(lost: Lost) -> None:
    """Also where the replay is killed at each of its points: under the same numbers, with the same answers."""
    home = restored(lost, lost.between, "avant")
    site = lost.site
    with running(site.settings(home, backup=False)):
        site.run("verify", home=home, SISERI_BACKUP_DIR="")
        known = site.json("submissions", home=home, SISERI_BACKUP_DIR="")
        assert [one["fichier"] for one in known][-2:] == ["mars.csv", "mauvais.csv"]
        site.drop("LABO1", "neuf.csv", file(PASSIVE, dose("Z1")), home=home)
        refused = site.run("run", home=home, expect=2, SISERI_BACKUP_DIR="")
        assert "siseri backup replay" in refused.err
        (home / "sftp" / "LABO1" / "depot" / "neuf.csv").unlink()
        (home / "sftp" / "LABO1" / "depot" / "neuf.csv.ok").unlink()
        for point in ("replay.entered", "replay.swept"):
            done = site.run("backup", "replay", home=home, expect=None, SISERI_BACKUP_DIR="", SISERI_CRASH=point)
            assert done.status == -signal.SIGKILL, done
        assert replayed(lost, home)["difficultes"] == 0
        assert replayed(lost, home) == {
            **dict.fromkeys(("passages", "fichiers", "reponses", "incidents", "difficultes"), 0),
            "sans_octets": [],
        }
        site.run("verify", home=home, SISERI_BACKUP_DIR="")
        assert site.end(home).differences(lost.expected) == []
        numbers = {one["id"]: one["fichier"] for one in site.json("submissions", home=home, SISERI_BACKUP_DIR="")}
        receipt = json.loads((home / "sftp" / "LABO1" / "retour" / "encore.csv.ar.json").read_text())
        assert numbers[receipt["id"]] == "encore.csv"
        # New files go on above all numbers that were ever told.
        site.drop("LABO1", "neuf.csv", file(PASSIVE, dose("Z1", "0.1")), home=home)
        site.run("run", home=home, SISERI_BACKUP_DIR="")
        assert max(one["id"] for one in site.json("submissions", home=home, SISERI_BACKUP_DIR="")) > max(numbers)


def test_a_killed_backup_is_never_taken_for_a_whole_one(lost: Lost) -> None:
    # Bytes: in a pass, above; whole and forgotten: where old backups go, below.
    assert set(lost.killed) | {"bytes", "whole", "forgotten"} == {
        point.removeprefix("backup.") for point in crash.POINTS if point.startswith("backup.")
    }
    assert all(listed == [lost.first["nom"]] for listed in lost.killed.values())
    assert [one["nom"] for one in lost.mended().json("backup", "list")] == [lost.first["nom"], lost.second["nom"]]
    assert not list(lost.site.backup.glob("lines/*/base/*.part"))


def test_the_drill_tells_that_the_backup_holds(lost: Lost) -> None:
    assert (lost.drill["reussi"], lost.drill["ecarts"], lost.drill["invariants"]) == (True, [], [])
    assert lost.drill["rejoues"] == 4
    assert [path.suffix for path in (lost.site.backup / "exercices").iterdir()] == [".json"]


def test_no_secret_lies_in_the_backup(lost: Lost) -> None:
    names = {path.name for path in lost.pristine.rglob("*")}
    assert not names & {"registry.key", "roles.json", "postgres.password", "collector", "ssh_host_ed25519_key"}
    secret = lost.site.key.read_bytes()
    assert not [path for path in lost.pristine.rglob("*") if path.is_file() and secret in path.read_bytes()]


def refused(lost: Lost, status: int, words: str, *told: object) -> None:
    """A restoration that is not done: said, and nothing is there."""
    home = lost.site.folder / "refuse"
    done = lost.site.run("backup", "restore", home, "--cle", lost.site.key, *told, expect=status)
    assert words in done.err, done.err
    assert "Traceback" not in done.err
    assert not home.exists()
    assert not list(lost.site.folder.glob(".refuse*"))


def test_a_wrong_instant_is_refused(lost: Lost) -> None:
    lost.mended()
    for instant, words in (
        ("2020-01-01T00:00:00+00:00", "before the oldest backup"),
        ("2999-01-01", "lies ahead"),
        ("hier", "takes 'last' or an instant"),
        (after_a_second(), "the log in the backup folder ends at"),
    ):
        refused(lost, 2, words, "--to", instant)
    refused(lost, 2, "there is no backup nulle", "--to", "last", "--base", "nulle")


def test_a_wrong_place_is_refused(lost: Lost) -> None:
    site = lost.mended()
    occupied = site.folder / "occupe"
    occupied.mkdir()
    (occupied / "lettre").write_text("à garder")
    told = ("--to", "last", "--cle", site.key)
    assert "is not empty" in site.run("backup", "restore", occupied, *told, expect=2).err
    assert [path.name for path in occupied.iterdir()] == ["lettre"]
    inside = site.run("backup", "restore", site.backup / "ici", *told, expect=2)
    assert "into its backup folder" in inside.err
    for backup, status, words in (
        (site.home / "b", 2, "must lie outside SISERI_HOME"),
        (site.folder / "nulle-part", 3, "is not there"),
        ("", 2, "SISERI_BACKUP_DIR is not set"),
    ):
        done = site.run("backup", "list", expect=status, SISERI_BACKUP_DIR=str(backup))
        assert words in done.err


def test_another_key_is_refused(lost: Lost) -> None:
    site = lost.mended()
    other = site.folder / "autre.key"
    other.write_bytes(bytes(32))
    home = site.folder / "refuse"
    done = site.run("backup", "restore", home, "--to", "last", "--cle", other, expect=2)
    assert "filled under another secret key" in done.err
    assert not home.exists()


def test_without_the_key_the_registry_waits_for_it(lost: Lost) -> None:
    site = lost.mended()
    home = site.folder / "sans-cle"
    assert site.json("backup", "restore", home, "--to", "last", expect=1)["cle"] is False
    assert "key is missing" in site.run("init", home=home, expect=2, SISERI_BACKUP_DIR="").err
    assert not (home / "keys" / "registry.key").exists(), "a new key would open nothing"
    shutil.copy(site.key, home / "keys" / "registry.key")
    site.run("init", home=home, SISERI_BACKUP_DIR="")
    site.run("verify", home=home, SISERI_BACKUP_DIR="")


def test_a_damaged_backup_is_told_and_nothing_is_restored(lost: Lost) -> None:
    site = lost.mended()
    base = next(site.backup.glob(f"lines/*/base/{lost.second['nom']}"))
    victim = max((path for path in (base / "postgres" / "base").rglob("*") if path.is_file()), key=lambda one: one.name)
    spoil(victim, 0)
    refused(lost, 2, "is damaged", "--to", "last")


@pytest.mark.parametrize("how", ["damaged", "missing"])
def test_a_log_with_a_hole_is_told_and_nothing_is_restored(lost: Lost, how: str) -> None:
    site = lost.mended()
    wal = next(site.backup.glob("lines/*/wal"))
    pieces = sorted(
        path for path in wal.glob("*.gz") if path.name > f"{lost.second['journal'][1]}.gz" and len(path.name) == 27
    )
    assert len(pieces) > 1
    if how == "missing":
        pieces[0].unlink()
    else:
        spoil(pieces[0], -6)
    refused(lost, 2, f"of the log is {how}", "--to", "last")


def test_damaged_bytes_of_a_sender_are_counted_and_not_restored(lost: Lost) -> None:
    site = lost.mended()
    victim = next(path for path in (site.backup / "archive").rglob("*") if path.is_file())
    spoil(victim, 0)
    home = site.folder / "octets"
    told = site.json("backup", "restore", home, "--to", "last", "--cle", site.key, expect=1)
    assert told["octets_abimes"] == [victim.name]
    assert not list((home / "archive").rglob(victim.name))


def test_a_killed_restoration_leaves_nothing_that_looks_whole(lost: Lost) -> None:
    site = lost.mended()
    home = site.folder / "coupe"
    for point in [point for point in crash.POINTS if point.startswith("restore.")]:
        told = ("backup", "restore", home, "--to", "last", "--cle", site.key)
        assert site.run(*told, expect=None, SISERI_CRASH=point).status == -signal.SIGKILL
        assert not home.exists()
    site.run(*told)
    assert not list(site.folder.glob(".coupe*"))
    site.run("verify", home=home, SISERI_BACKUP_DIR="")


@pytest.mark.slow
def test_only_so_many_backups_are_kept_and_an_answer_waits_for_its_log(lost: Lost) -> None:
    """The restored registry goes on in a line of its own: its backups, the rotation, a folder that is full."""
    site = lost.mended()
    home = restored(lost, "last", "suite")
    site.run("backup", "replay", home=home, SISERI_BACKUP_DIR="")
    with running(site.settings(home)):
        keep = {"home": home, "SISERI_BACKUP_KEEP": "2"}
        told = [site.json("backup", "take", **keep)["nom"]]
        assert [one["nom"] for one in site.json("backup", "list", home=home)] == [lost.second["nom"], *told]
        for point in ("backup.whole", "backup.forgotten"):
            assert site.run("backup", "take", expect=None, SISERI_CRASH=point, **keep).status == -signal.SIGKILL
        told.append(site.json("backup", "take", **keep)["nom"])
        listed = site.json("backup", "list", home=home)
        assert len(listed) == 2
        assert listed[-1]["nom"] == told[-1]
        assert len({one["ligne"] for one in listed}) == 1
        assert len(list((site.backup / "lines").iterdir())) == 1
        assert "at least 2" in site.run("backup", "take", home=home, expect=2, SISERI_BACKUP_KEEP="1").err
        site.drop("LABO1", "plein.csv", file(PASSIVE, dose("P1", "0.1")), home=home)
        retour = home / "sftp" / "LABO1" / "retour"
        aside = site.folder / "ailleurs"
        site.backup.rename(aside)  # unmounted
        done = site.run("run", home=home, expect=3)
        assert "is not there" in done.err
        assert not (retour / "plein.csv.ar.json").exists()
        aside.rename(site.backup)
        site.run("run", home=home)
        assert (retour / "plein.csv.rapport.json").exists()
        site.run("verify", home=home)
        assert site.json("backup", "drill", home=home)["reussi"]


@pytest.mark.slow
def test_a_full_or_read_only_folder_ends_a_backup_and_nothing_looks_whole(lost: Lost) -> None:
    site = lost.mended()
    home = restored(lost, "last", "plein")
    disk = site.folder / "disque"
    with small_disk(disk, "30m"):
        told = {"home": home, "SISERI_BACKUP_DIR": str(disk)}
        with running(dataclasses.replace(site.settings(home), backup_dir=disk)):
            assert "is full" in site.run("backup", "take", expect=3, **told).err
            assert site.json("backup", "list", **told) == []
            assert not list(disk.glob("lines/*/base/*"))
            subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
            assert "Read-only file system" in site.run("backup", "take", expect=3, **told).err
            subprocess.run(["mount", "-o", "remount,rw,size=300m", disk], check=True)
            assert site.json("backup", "take", **told)["octets"] > 0
        full = site.folder / "etroit"
        with small_disk(full, "20m"):
            done = site.run("backup", "restore", full / "home", "--to", "last", "--cle", site.key, expect=3)
            assert "MB free" in done.err
            assert list(full.iterdir()) == []


def test_a_database_of_the_sites_own_is_its_administrators_to_back_up(lost: Lost) -> None:
    url = "postgresql://nobody@127.0.0.1:9/siseri"
    for words in (("take",), ("status",), ("drill",)):
        done = lost.site.run("backup", *words, expect=2, SISERI_DATABASE_URL=url)
        assert "pgBackRest" in done.err
