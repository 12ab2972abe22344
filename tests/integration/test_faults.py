"""SIGKILL at every named point of the corridor, services killed in the midst of it: the end is that of a quiet run.

The processes are real ones, killed by the kernel; PostgreSQL runs with fsync on, as always.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import crash_world
import psycopg
import pytest
from bad_line import BadLine
from crash_end import End
from crash_world import World
from nursery import Nursery
from senders import PASSIVE, dose, file

from loaders import crash
from loaders.postgres_server import PostgresServer
from loaders.services import running, sftp_state
from loaders.settings import Settings

#: Points of ``siseri init`` and of backups (test_backup.py), which no life passes.
ELSEWHERE = [point for point in crash.POINTS if point.startswith(("init.", "backup.", "restore.", "replay."))]
#: Where a service is killed while the process waits: each kind of work once, before and after its commit.
DATABASE = (
    "collect.entered",
    "load.integrate.sealed",
    "load.integrate.committed",
    "answer.delivered",
    "editions.table",
)
SFTP = ("sftp.part", "collect.receipted", "answer.delivered", "notices.page")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("faults")
    settings = Settings.load({"SISERI_HOME": str(folder / "home")})
    with running(settings), Nursery(folder / "nursery") as nursery:
        yield World(settings, nursery, folder)


@pytest.fixture(scope="module")
def undisturbed(world: World) -> tuple[End, list[tuple[str, ...]]]:
    """The end without any fault, whatever numbers it uses up, and the points passed."""
    return crash_world.quiet(world, skip=1_000)


@pytest.mark.slow
def test_killed_at_every_point_the_end_is_the_same(
    world: World, undisturbed: tuple[End, list[tuple[str, ...]]]
) -> None:
    expected, passed = undisturbed
    reached = {point for points in passed for point in points}
    assert sorted(crash.POINTS.keys() - reached) == sorted(ELSEWHERE)
    seen: set[str] = set()

    def first_passages(_: int, points: tuple[str, ...]) -> list[str]:
        new = [point for point in dict.fromkeys(points) if point not in seen]
        seen.update(new)
        return new

    end, died = crash_world.crashed(world, first_passages, passed)
    assert end.differences(expected) == []
    assert set(died) == reached
    world.run("2026-04-04", "verify")


def killed(pid: int | None) -> None:
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    while Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1][:3]:
        time.sleep(0.01)


@pytest.mark.slow
def test_a_service_killed_at_a_point_is_started_again_and_nothing_is_lost(
    world: World, undisturbed: tuple[End, list[tuple[str, ...]]]
) -> None:
    """The connection breaks between a commit and its answer, or in the midst of either."""
    expected, _ = undisturbed
    world.restore()
    first, *later = world.plan()
    world.drop(first)
    for point in sorted((*DATABASE, *SFTP), key=list(crash.POINTS).index):
        stopped = world.command(first, f"{point}:1:STOP")
        assert stopped.stopped is not None, (point, stopped)
        killed(PostgresServer(world.home).pid() if point in DATABASE else (sftp_state(world.home) or {})["pid"])
        done = world.nursery.go_on()
        assert done.status == 3, (point, done)
        assert done.err.strip().splitlines()[-1].startswith("siseri: "), done.err
        assert "Traceback" not in done.err
        world.run(first.day, "verify", expect=(0, 1))  # starts again what was killed; answers may be owed
    assert world.command(first).status == 0
    for step in later:
        world.drop(step)
        done = world.command(step)
        assert done.status == 0, (step.words, done.err[-2000:])
    assert world.end().differences(expected) == []


def schema(world: World, name: str) -> list[tuple[object, ...]]:
    """Columns, functions, policies, migrations and rights of a database, its own name left out."""
    with psycopg.connect(world.url(name)) as connection:
        found = connection.execute(
            "select 'column', table_schema, table_name, column_name || ' ' || data_type from information_schema.columns"
            " where table_schema not in ('pg_catalog', 'information_schema')"
            " union all select 'routine', routine_schema, routine_name, md5(routine_definition)"
            " from information_schema.routines where routine_schema not in ('pg_catalog', 'information_schema')"
            " union all select 'policy', schemaname, tablename, policyname from pg_policies"
            " union all select 'migration', '', '', name from siseri_migration"
            " union all select 'code', list, code, label from reference.code_list"
            " union all select 'right', table_schema || '.' || table_name, privilege_type, replace(grantee, %s, '')"
            " from information_schema.role_table_grants where table_schema not in ('pg_catalog', 'information_schema')",
            (name,),
        ).fetchall()
    return sorted(found)


@pytest.mark.slow
def test_an_upgrade_killed_at_every_point_is_whole_after_the_next(world: World) -> None:
    def init(name: str, told: str = "") -> int:
        env = world.environment("2026-02-20", SISERI_DATABASE_URL=world.url(name), SISERI_CRASH=told)
        return world.nursery.run(env, "init").status

    assert init("quiet") == 0
    assert len([point for point in ELSEWHERE if point.startswith("init.")]) == 3
    for told in ("init.migration:7", "init.roles", "init.committed"):
        assert init("killed", told) == -signal.SIGKILL
    assert init("killed") == 0
    assert schema(world, "killed") == schema(world, "quiet")


def test_an_unknown_point_is_refused(world: World) -> None:
    for told in ("collect.nowhere", "collect.left:x", "collect.left:1:TERM"):
        done = world.nursery.run(world.environment("2026-02-20", SISERI_CRASH=told), "status")
        assert (done.status, "names no crash point" in done.err) == (2, True)


def one_more(world: World, name: str) -> None:
    """Another file of the laboratory, ready to be taken."""
    world.drop(crash_world.Step("2026-04-10", ("run",), (("LABO1", name, file(PASSIVE, dose(name, "0.2"))),)))


def answered(world: World, name: str) -> None:
    """The next pass settles and answers the file, and all holds."""
    world.run("2026-04-10", "run")
    assert (world.home / "sftp" / "LABO1" / "retour" / f"{name}.rapport.csv").exists()
    assert not (world.home / "sftp" / "LABO1" / "depot" / name).exists()
    world.run("2026-04-10", "verify")


@pytest.mark.slow
def test_a_file_sent_again_after_a_kill_is_another_drop(world: World) -> None:
    """Killed between the move and its note: the same bytes with the same time are answered as received already."""
    world.restore()
    one_more(world, "encore-une.csv")
    depot = world.home / "sftp" / "LABO1" / "depot" / "encore-une.csv"
    body, moment = depot.read_bytes(), depot.stat().st_mtime
    step = crash_world.Step("2026-04-10", ("run",))
    assert world.command(step, "collect.moved").killed
    assert not depot.exists()
    world.run("2026-04-10", "run")
    depot.write_bytes(body)
    os.utime(depot, (moment, moment))
    world.run("2026-04-10", "run")
    report = json.loads((world.home / "sftp/LABO1/retour/encore-une.csv~2.rapport.json").read_text())
    assert report["statut"] == "DEJA_RECU"


@pytest.mark.slow
def test_a_file_put_in_the_place_of_a_taken_one_is_not_lost_by_a_kill(world: World) -> None:
    """The sender replaced its file just before the move, and the process died just after it."""
    world.restore()
    one_more(world, "une.csv")
    step = crash_world.Step("2026-04-10", ("run",))
    assert world.command(step, "collect.moved").killed
    moved = world.home / "sftp" / "LABO1" / "archive" / "une.csv"
    first, other = moved.read_bytes(), file(PASSIVE, dose("autre", "0.4"))
    moved.write_bytes(other)
    os.utime(moved, (1_700_000_000, 1_700_000_000))
    world.run("2026-04-10", "run")
    assert moved.read_bytes() == first
    assert moved.with_name("une.csv~2").read_bytes() == other
    assert (world.home / "sftp/LABO1/retour/une.csv~2.rapport.csv").read_bytes().startswith(PASSIVE.encode())


@pytest.mark.slow
def test_a_read_only_archive_is_told_and_nothing_is_lost(world: World) -> None:
    world.restore()
    one_more(world, "archive.csv")
    archive = world.home / "archive"
    bound = subprocess.run(["mount", "--bind", archive, archive], capture_output=True, check=False)
    if bound.returncode:
        pytest.skip("a read-only archive cannot be made here: mounting needs root")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", archive], check=True, capture_output=True)
        done = world.command(crash_world.Step("2026-04-10", ("run",)))
        assert done.status in (1, 3), done
        assert "Traceback" not in done.err
        assert (world.home / "sftp" / "LABO1" / "depot" / "archive.csv").exists()
    finally:
        subprocess.run(["umount", archive], check=True)
    answered(world, "archive.csv")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["slow", "flapping"])
def test_a_bad_line_to_the_sftp_server(world: World, kind: str) -> None:
    """A slow line takes its time; one that breaks every few kilobytes ends passes, and none loses or doubles a file."""
    world.restore()
    one_more(world, f"{kind}.csv")
    state = sftp_state(world.home)
    assert state is not None
    with BadLine(state["port"], **{"slow": {"delay_s": 0.02}, "flapping": {"most_bytes": 10_000}}[kind]) as line:
        hosts = world.home / "keys" / "known_hosts"
        pinned = hosts.read_text()
        own = world.home / "run" / "known_hosts"
        own.write_text(
            pinned.replace(f":{state['port']},", f":{line.port},").replace(f":{state['port']} ", f":{line.port} ")
        )
        env = world.environment(
            "2026-04-10",
            SISERI_SFTP_URL=f"sftp://collector@127.0.0.1:{line.port}/",
            SISERI_SFTP_KNOWN_HOSTS=str(own),
        )
        for _ in range(30):
            done = world.nursery.run(env, "run")
            assert done.status in ({0, 1, 3} if kind == "flapping" else {0}), done
            assert "Traceback" not in done.err
            if done.status == 0:
                break
            line.most_bytes += 10_000  # the line gets better
        assert (line.broken > 0) == (kind == "flapping")
    answered(world, f"{kind}.csv")


@pytest.mark.slow
def test_a_clock_that_jumps_back_keeps_the_registrys_time_in_order(world: World) -> None:
    """Files dated tomorrow by their sender's clock are taken; a day of the registry that goes back undoes nothing."""
    world.restore()
    for name, day, shift in (("demain.csv", "2026-04-12", 86_400), ("hier.csv", "2026-04-10", -86_400 * 400)):
        one_more(world, name)
        path = world.home / "sftp" / "LABO1" / "depot" / name
        moment = time.time() + shift
        os.utime(path, (moment, moment))
        assert world.command(crash_world.Step(day, ("run",))).status == 0
        assert (world.home / "sftp" / "LABO1" / "retour" / f"{name}.rapport.csv").exists()
    with psycopg.connect(world.url()) as connection:
        # As after a clock set back an hour: the next load's time still comes after all others.
        connection.execute(
            "update ledger.load set recorded_at = recorded_at + interval '1 hour'"
            " where load_id = (select max(load_id) from ledger.load)"
        )
    one_more(world, "apres.csv")
    answered(world, "apres.csv")
    with psycopg.connect(world.url()) as connection:
        hours = connection.execute("select recorded_at from ledger.load order by load_id").fetchall()
    assert hours == sorted(set(hours))
