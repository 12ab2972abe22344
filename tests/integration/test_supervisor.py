"""The standing service for real: Airflow up on a home of its own, what dies is started again, nothing stays behind.

Half a minute: one start serves all the tests.
"""

import json
import os
import signal
import stat
import time
import urllib.error
import urllib.request

import psutil
import pytest

from loaders import services
from loaders.settings import Settings
from loaders.supervisor import down, status, up
from loaders.warehouse import Warehouse

pytestmark = pytest.mark.slow
PARTS = ("supervisor", "database", "sftp", "api-server", "scheduler", "dag-processor")


def alive(home):
    """The living processes whose environment, words or folder name this home."""
    found = []
    for process in psutil.process_iter(["pid", "status", "cmdline", "cwd", "environ"]):
        told = [*(process.info["cmdline"] or []), process.info["cwd"] or "", *(process.info["environ"] or {}).values()]
        if any(str(home) in word for word in told) and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process.info["cmdline"])
    return found


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    home = tmp_path_factory.mktemp("up") / "home"
    settings = Settings.load({"SISERI_HOME": str(home), "SISERI_SFTP_PORT": "0", "SISERI_AIRFLOW_PORT": "0"})
    said = []
    shown = up(settings, said.append)
    assert said, "a minute without a word"
    assert {part: shown[part]["state"] for part in PARTS} == dict.fromkeys(PARTS, "running")
    yield settings
    assert down(settings)
    # A task whose component was killed may still look into the depots: services stop with the last who holds them.
    limit = time.monotonic() + 90
    while alive(home) and time.monotonic() < limit:
        time.sleep(0.5)
    assert {part: status(settings)[part]["state"] for part in PARTS} == dict.fromkeys(PARTS, "stopped")
    assert alive(home) == []
    assert not down(settings), "a second down has nothing to do"


def wait_until(true, limit_s=40.0):
    limit = time.monotonic() + limit_s
    while time.monotonic() < limit:
        if true():
            return True
        time.sleep(0.1)
    return False


def call(url, data=None, token=None):
    head = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    request = urllib.request.Request(url, data=json.dumps(data).encode() if data else None, headers=head)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def test_a_second_up_changes_nothing(settings):
    before = status(settings)
    assert up(settings) == before


def test_the_web_page_asks_who_you_are(settings):
    shown = status(settings)
    with pytest.raises(urllib.error.HTTPError) as caught:
        call(f"{shown['url']}/api/v2/dags")
    assert caught.value.code == 401
    file = settings.home / "airflow" / "passwords.json"
    assert shown["password_file"] == str(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    password = json.loads(file.read_text())[shown["user"]]
    token = call(f"{shown['url']}/auth/token", {"username": shown["user"], "password": password})["access_token"]
    pools = {pool["name"]: pool["slots"] for pool in call(f"{shown['url']}/api/v2/pools", token=token)["pools"]}
    assert pools.items() >= {"sftp": 2, "warehouse": 2}.items()


def desk(settings, user):
    """Status and text of the desk's first page."""
    shown = status(settings)
    password = json.loads((settings.home / "airflow" / "passwords.json").read_text())[user]
    token = call(f"{shown['url']}/auth/token", {"username": user, "password": password})["access_token"]
    request = urllib.request.Request(f"{shown['url']}/siseri/", headers={"Authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_the_desk_opens_once_the_registry_is_there(settings):
    code, text = desk(settings, "lecteur")
    assert code == 503
    assert "siseri init" in text
    with services.running(settings, sftp=False) as running:
        Warehouse(settings, running.database_url).initialise()
    assert wait_until(lambda: desk(settings, "lecteur")[0] == 200)


def test_nothing_listens_beyond_this_computer(settings):
    shown = status(settings)
    roots = [psutil.Process(shown[part]["pid"]) for part in PARTS]
    family = {process.pid for root in roots for process in [root, *root.children(recursive=True)]}
    listening = [one for one in psutil.net_connections("inet") if one.pid in family and one.status == "LISTEN"]
    assert len(listening) >= 3
    assert {one.laddr.ip for one in listening} == {"127.0.0.1"}


def test_a_command_does_not_stop_what_stands(settings):
    before = status(settings)
    with services.running(settings):
        pass
    assert status(settings) == before


def test_what_dies_is_started_again(settings):
    before = status(settings)
    for part in ("scheduler", "sftp", "database"):
        os.kill(before[part]["pid"], signal.SIGKILL)

    def back():
        now = status(settings)
        return all(now[part]["state"] == "running" and now[part]["pid"] != before[part]["pid"] for part in
                   ("scheduler", "sftp", "database"))  # fmt: skip

    assert wait_until(back)
    now = status(settings)
    assert now["scheduler"]["restarts"] > before["scheduler"]["restarts"]
    assert now["database"]["address"] == before["database"]["address"]
    assert wait_until(lambda: desk(settings, "analyste")[0] == 200)
