"""The embedded services for real: started, shared, killed, left behind, never two on one folder."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import psycopg
import pytest

from loaders import services
from loaders.errors import ServiceMissing, UsageError
from loaders.postgres_server import PostgresServer, write_private
from loaders.services import Services, running
from loaders.settings import Settings

FLOOR = Path("/usr/lib/postgresql/15/bin")


@pytest.fixture
def settings(tmp_path):
    """A home of its own; nothing of it may be alive at the end."""
    home = tmp_path / "home"
    yield Settings.load({"SISERI_HOME": str(home)})
    left = alive(home)
    PostgresServer(home).stop()
    for process in left:
        with contextlib.suppress(psutil.Error):
            process.kill()
    assert [process.info["cmdline"] for process in left] == []


def alive(home: Path) -> list[psutil.Process]:
    """The living processes that name this home or work in it."""
    found = []
    for process in psutil.process_iter(["pid", "status", "cmdline", "cwd"]):
        words = " ".join(process.info["cmdline"] or [])
        inside = (process.info["cwd"] or "").startswith(str(home))
        if (str(home) in words or inside) and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process)
    return [process for process in found if process.pid != os.getpid()]


def user(settings: Settings, body: str, **more: object) -> "subprocess.Popen[str]":
    """Another command: a Python process that holds the database and runs ``body``."""
    script = (
        "import os, sys, time, psycopg\n"
        "from loaders.services import running\n"
        "from loaders.settings import Settings\n"
        f"with running(Settings.load({{'SISERI_HOME': {str(settings.home)!r}}}), sftp=False) as services:\n"
        f"    connection = psycopg.connect(services.database_url, autocommit=True)\n"
        f"    {body}\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", script], cwd=services.PACKAGES, text=True, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, **more,
    )  # fmt: skip


def wait_until(true, limit_s=10.0):
    limit = time.monotonic() + limit_s
    while time.monotonic() < limit:
        if true():
            return True
        time.sleep(0.02)
    return False


def ask(given: Services, question: str) -> object:
    with psycopg.connect(given.database_url) as connection:
        return connection.execute(question).fetchone()[0]


def test_starts_shares_and_leaves_nothing(settings):
    with running(settings) as first:
        assert ask(first, "SELECT current_database()") == "siseri"
        assert ask(first, "SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = 'siseri'") == "UTF8"
        with running(settings) as second:
            assert second == first
        assert ask(first, "SELECT 1") == 1, "an inner user stopped what an outer one holds"
        assert first.sftp_address == ("127.0.0.1", services.sftp_state(settings.home)["port"])
    assert alive(settings.home) == []


def test_only_what_is_asked_for_is_started(settings):
    with running(settings, database=False) as given:
        assert given.database_url == ""
        assert PostgresServer(settings.home).pid() is None
    with running(settings, sftp=False) as given:
        assert given.sftp is None
        assert services.sftp_state(settings.home) is None


def test_the_last_of_several_commands_stops_the_service(settings):
    with user(settings, "print('in', flush=True); sys.stdin.readline()") as other:
        assert other.stdout.readline() == "in\n"
        with running(settings, sftp=False) as given:
            other.stdin.write("\n")
            other.stdin.flush()
            assert other.wait(20) == 0
            assert ask(given, "SELECT 1") == 1, "the first to leave stopped what another holds"
    assert alive(settings.home) == []


def test_many_at_once(settings):
    def once(_):
        with running(settings, sftp=False) as given:
            return ask(given, "SELECT 1")

    commands = [user(settings, "connection.execute('SELECT 1')") for _ in range(3)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(once, range(12))) == [1] * 12
    assert [command.wait(30) for command in commands] == [0, 0, 0]
    for command in commands:
        command.communicate()
    assert alive(settings.home) == []


def test_a_killed_command_leaves_nothing_for_long(settings):
    with user(settings, "os.kill(os.getpid(), 9)") as killed:
        assert killed.wait(20) == -signal.SIGKILL
    assert wait_until(lambda: alive(settings.home) == []), "nobody stopped what a killed command held"


def test_what_nobody_holds_is_stopped(settings):
    with running(settings, database=False):
        services.ensure(settings)  # a database without a lease, as of a command killed while it started it
        assert PostgresServer(settings.home).ready()
        assert wait_until(lambda: PostgresServer(settings.home).pid() is None)
        assert services.sftp_state(settings.home) is not None


def test_kill_of_the_database_loses_nothing(settings):
    with running(settings) as given:
        with psycopg.connect(given.database_url, autocommit=True) as connection:
            connection.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")
        server = PostgresServer(settings.home)
        os.kill(server.pid(), signal.SIGKILL)
        os.kill(services.sftp_state(settings.home)["pid"], signal.SIGKILL)
        assert wait_until(lambda: server.pid() is None and not services.locked(settings.home, "sftp"))
        services.ensure(settings)
        assert server.url() == given.database_url, "programs that hold the URL would be lost"
        assert ask(given, "SELECT count(*) FROM kept") == 1000
        assert wait_until(lambda: services.sftp_state(settings.home) is not None)


def test_a_pid_file_that_names_somebody_else(settings):
    with running(settings, sftp=False):
        pass
    server = PostgresServer(settings.home)
    lines = [str(os.getpid()), str(server.data), "0", "1", "", "127.0.0.1", "0 0", "ready   "]
    write_private(server.data / "postmaster.pid", "\n".join(lines))
    assert server.pid() is None
    with running(settings, sftp=False) as given:
        assert ask(given, "SELECT 1") == 1


def test_a_half_made_folder_is_made_again(settings):
    (settings.home / "postgres.new.dead" / "base").mkdir(parents=True)
    with running(settings, sftp=False) as given:
        assert ask(given, "SELECT 1") == 1
    assert list(settings.home.glob("postgres.new*")) == []


def test_long_paths_spaces_and_accents(tmp_path):
    home = tmp_path / ("n" * 100) / "de la santé"
    assert len(str(home)) > 108
    with running(Settings.load({"SISERI_HOME": str(home)})) as given:
        assert ask(given, "SELECT 1") == 1
    assert alive(home) == []


def test_durable_closed_and_silent(settings):
    home = settings.home
    with running(settings) as given:
        for name, value in (("fsync", "on"), ("full_page_writes", "on"), ("synchronous_commit", "on"), ("jit", "off")):
            assert ask(given, f"SHOW {name}") == value
        assert ask(given, "SHOW listen_addresses") == "127.0.0.1"
        wrong = re.sub(r":[^:@/]+@", ":wrong@", given.database_url)
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(wrong)
        with psycopg.connect(given.database_url, autocommit=True) as connection:
            connection.execute("CREATE TABLE canary (nir text PRIMARY KEY, day date)")
            connection.execute("INSERT INTO canary VALUES ('CANARI-2690875', NULL)")
            for statement in (
                "INSERT INTO canary VALUES ('CANARI-2690875', NULL)",
                "SELECT 'CANARI-2690875'::date",
                "SELECT 'CANARI-2690875' FROM nowhere",
            ):
                with pytest.raises(psycopg.Error):
                    connection.execute(statement)
        private = [home / "keys" / name for name in ("postgres.password", "collector", "ssh_host_ed25519_key")]
        assert [oct(path.stat().st_mode & 0o777) for path in private] == ["0o600"] * 3
        assert oct((home / "postgres").stat().st_mode & 0o777) == "0o700"
    for log in (home / "log").iterdir():
        assert "CANARI" not in log.read_text(), log.name
    assert "ready to accept connections" in (home / "log" / "postgres.log").read_text()


def test_services_of_ones_own(tmp_path):
    home = tmp_path / "home"
    told = {
        "SISERI_HOME": str(home),
        "SISERI_DATABASE_URL": "postgresql+psycopg://chief:secret@db:5433/siseri?sslmode=require",
        "SISERI_SFTP_URL": "sftp://collecte@depots.example:2022/srv/siseri",
    }
    with running(Settings.load(told)) as given:
        assert given.database_url == "postgresql://chief:secret@db:5433/siseri?sslmode=require"
        assert given.sftp == services.SftpAddress("depots.example", 2022, "collecte", "/srv/siseri")
    assert not home.exists()


@pytest.mark.parametrize(
    "told",
    [
        {"SISERI_DATABASE_URL": "mysql://x"},
        {"SISERI_SFTP_URL": "ftp://x@y"},
        {"SISERI_SFTP_URL": "sftp://y/without-user"},
        {"SISERI_SFTP_URL": "sftp://x:password@y"},
        {"SISERI_SFTP_URL": "sftp://x@y:many"},
    ],
)
def test_urls_that_cannot_be_read(tmp_path, told):
    with pytest.raises(UsageError), running(Settings.load({"SISERI_HOME": str(tmp_path), **told})):
        pass


def test_a_folder_that_is_no_database_is_not_touched(settings):
    (settings.home / "postgres").mkdir(parents=True)
    (settings.home / "postgres" / "mine").write_text("precious")
    with pytest.raises(ServiceMissing, match="move it away"), running(settings, sftp=False):
        pass
    assert (settings.home / "postgres" / "mine").read_text() == "precious"


@pytest.mark.skipif(not (FLOOR / "postgres").exists(), reason="PostgreSQL 15 is not installed (postgresql-15)")
def test_the_floor_is_served_by_the_same_launcher(settings):
    server = PostgresServer(settings.home, FLOOR)
    try:
        with psycopg.connect(server.start()) as connection:
            assert connection.info.server_version // 10000 == 15
    finally:
        server.stop()
