"""The standing service as a container would run it: live figures in StatsD and Prometheus, mail, broken parts told."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from receivers import Figures, MailBox, connection, exposition, mail_box, statsd
from senders import environment, siseri
from unit.test_operation_files import expressions

from bench import data
from loaders.orchestrator import password_file
from loaders.postgres_server import free_port
from loaders.settings import Settings, project_root

ROOT = project_root()
LIMIT_S = 240
PARTS = ("supervisor", "database", "sftp", "api-server", "scheduler", "dag-processor")


def wait_until(there: Callable[[], Any], what: str) -> Any:
    limit = time.monotonic() + LIMIT_S
    while not (found := there()):
        assert time.monotonic() < limit, what
        time.sleep(0.5)
    return found


class Service:
    """The service, its figures and its mail."""

    def __init__(self, env: dict[str, str], heard: Figures, box: MailBox) -> None:
        self.env, self.heard, self.box = env, heard, box
        self.container = subprocess.Popen([ROOT / "deploy" / "compose" / "start"], env=env, stdout=subprocess.DEVNULL)
        self.settings = Settings.load(env)

    def status(self) -> tuple[int, dict[str, Any]]:
        done = siseri(self.env, "status", "--json", expect=None)
        return done.returncode, json.loads(done.stdout)

    def watch(self) -> None:
        """One look, asked of the scheduler as a person would."""
        url = self.status()[1]["url"]
        passwords = json.loads(password_file(self.settings).read_text())
        with httpx.Client(base_url=url, trust_env=False, timeout=30) as client:
            login = {"username": "admin", "password": passwords["admin"]}
            token = client.post("/auth/token", json=login).json()["access_token"]
            headers = {"Authorization": f"Bearer {token}"}
            path = "/api/v2/dags/siseri_watch/dagRuns"
            run = client.post(path, json={"logical_date": None}, headers=headers)
            assert run.status_code == 200, run.text
            where = f"{path}/{run.json()['dag_run_id']}"

            def ended() -> Any:
                state = client.get(where, headers=headers).json()["state"]
                return state if state in ("success", "failed") else None

            assert wait_until(ended, "the look does not end") == "success"

    def end(self) -> int:
        """As a container's engine ends it."""
        self.container.terminate()
        return self.container.wait(120)

    def kill(self, part: str) -> int:
        pid = int(self.status()[1][part]["pid"])
        os.kill(pid, signal.SIGKILL)
        return pid


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    home = tmp_path_factory.mktemp("service") / "home"
    with statsd() as heard, mail_box() as box:
        more = {
            "SISERI_STATSD": heard.place,
            "SISERI_SFTP_PORT": str(free_port()),
            "SISERI_AIRFLOW_PORT": str(free_port()),
            "AIRFLOW_CONN_SMTP": json.dumps(connection(box)),
        }
        env = environment(home, **more)
        made = Service(env, heard, box)
        try:
            wait_until(lambda: made.status()[1]["url"] and made.status()[0] == 0, "the service does not start")
            yield made
        finally:
            made.end()
            siseri(env, "down")


@pytest.mark.slow
def test_a_quiet_service_is_well(service: Service, tmp_path: Path) -> None:
    code, told = service.status()
    assert code == 0
    assert {part: told[part]["state"] for part in PARTS} == dict.fromkeys(PARTS, "running")
    assert told["database"]["repond"] is True
    assert told["sftp"]["repond"] is True
    assert told["alertes"] == []
    siseri(service.env, "partner", "add", "ASNR", "--role", "GESTIONNAIRE")
    siseri(service.env, "partner", "add", "LABO1", "--role", "OA")
    lists = {"a.csv": data.register(), "b.csv": data.designations("LABO1"), "c.csv": data.worker_list(30)}
    for name, body in lists.items():
        (tmp_path / name).write_bytes(body)
        siseri(service.env, "deposit", tmp_path / name, "--partner", "ASNR")
    (tmp_path / "d.csv").write_bytes(b"".join(data.passive(60, 30, faulty=0.05, waiting=0.05)))
    retour = service.settings.home / "sftp"
    wait_until((retour / "ASNR" / "retour" / "c.csv.rapport.json").exists, "no answer")
    siseri(service.env, "deposit", tmp_path / "d.csv", "--partner", "LABO1")
    wait_until((retour / "LABO1" / "retour" / "d.csv.rapport.json").exists, "no answer")
    service.watch()
    wait_until(lambda: service.status()[1]["registre"]["reponses_dues"]["depots"] == 0, "an answer stays owed")
    assert service.status()[0] == 0
    assert service.box.mails == [], "nothing is wrong: nobody is written to"
    heard = service.heard
    assert heard.total("siseri.rows", format="PASSIVE", outcome="recues") == 60
    assert heard.total("siseri.files", fate="taken") == 4
    assert heard.last("siseri.work.age_s", work="collect") < 900
    names = {name for name, *_ in heard.read()}
    assert {"airflow.scheduler_heartbeat", "airflow.pool.open_slots", "airflow.executor.open_slots"} <= names
    tags = {tag for name, told, _, _ in heard.read() if name.startswith("airflow.") for tag in told}
    assert not tags & {"run_id", "job_id"}, "nothing that grows without end"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("prometheus") is None, reason="Prometheus is not installed")
def test_prometheus_answers_every_expression_over_the_live_figures(service: Service, tmp_path: Path) -> None:
    """The exporter is stood in for: it reads tags as this does."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = exposition(service.heard).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *told: Any) -> None:
            """Quiet."""

    shutil.copy(ROOT / "deploy" / "metrics" / "prometheus-rules.yml", tmp_path)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as pages:
        threading.Thread(target=pages.serve_forever, daemon=True).start()
        written = (ROOT / "deploy" / "metrics" / "prometheus.yml").read_text(encoding="utf-8")
        written = written.replace("127.0.0.1:9102", f"127.0.0.1:{pages.server_address[1]}").replace("15s", "1s")
        (tmp_path / "prometheus.yml").write_text(written, encoding="utf-8")
        port = free_port()
        words = [f"--storage.tsdb.path={tmp_path / 'data'}", f"--web.listen-address=127.0.0.1:{port}"]
        with (tmp_path / "log").open("wb") as log:
            server = subprocess.Popen(
                ["prometheus", f"--config.file={tmp_path / 'prometheus.yml'}", *words], stdout=log, stderr=log
            )
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", trust_env=False) as client:

                def ask(text: str) -> Any:
                    with contextlib.suppress(httpx.TransportError):
                        answer = client.get("/query", params={"query": text})
                        assert answer.status_code in (200, 503), (text, answer.text)
                        return answer.json()["data"]["result"] if answer.status_code == 200 else None
                    return None

                wait_until(lambda: ask("count_over_time(siseri_watch_time_s[1m]) > 5"), "nothing was scraped")
                empty = {where for where, text in expressions().items() if not ask(text)}

                def judged() -> Any:
                    found = client.get("/rules").json()["data"]["groups"][0]["rules"]
                    return found if all(one["health"] != "unknown" for one in found) else None

                rules = wait_until(judged, "the rules are not evaluated")
                assert {one["health"] for one in rules} == {"ok"}
                # What is not wrong shows nothing, nor what never happened; everything else has live figures.
                quiet = {one["name"] for one in rules} | {"Alertes en cours A", "Dépassements, par jour A"}
                quiet |= {"Courriels d'alerte, par jour A", "Airflow : battements, échecs B"}
                quiet |= {"Invariants qui ne tiennent pas ; âge de la vérification " + at for at in "AB"}
                assert empty <= quiet
                firing = client.get("/alerts").json()["data"]["alerts"]
                assert [one for one in firing if one["state"] == "firing"] == []
        finally:
            server.terminate()
            server.wait(30)
            pages.shutdown()


@pytest.mark.slow
def test_what_breaks_is_told_by_status_and_mended_by_the_supervisor(service: Service) -> None:
    for part, code in (("scheduler", "airflow-arrete"), ("sftp", "sftp-injoignable"), ("database", "base-injoignable")):
        before = service.kill(part)
        # It comes back within moments: what a look in between says is right or the part is back.
        exit_code, told = service.status()
        if told[part]["pid"] != before:
            assert exit_code in (0, 3)
        else:
            assert exit_code == 3
            assert code in {one["code"] for one in told["alertes"]}

        def back(part: str = part, before: int = before) -> bool:
            return service.status()[1][part]["pid"] not in (None, before)

        wait_until(back, f"{part} does not come back")
    wait_until(lambda: service.status()[0] == 0, "the service stays broken")


@pytest.mark.slow
def test_what_airflow_cannot_tell_is_told_from_outside_it(service: Service) -> None:
    """The timer's command with the service stopped: once, and its end when it is back."""
    state = service.settings.home / "run" / "alertes.json"
    assert service.end() == 0
    assert service.status()[0] == 0, "stopped by somebody is not broken"
    told = json.loads(siseri(service.env, "alerts", "tell", "--service", "--json").stdout)
    assert (told["new"], told["mailed"]) == (1, 1)
    assert service.box.mails[-1]["Subject"] == "[SISERI] 1 alerte(s) : airflow-arrete"
    assert state.is_file()
    told = json.loads(siseri(service.env, "alerts", "tell", "--service", "--json").stdout)
    assert (told["new"], told["mailed"]) == (0, 0)
    siseri(service.env, "up")
    long_ago = "2026-01-01T00:00:00+00:00"
    kept = [(code, long_ago, long_ago, mailed) for code, _, _, mailed in json.loads(state.read_text())]
    state.write_text(json.dumps(kept))
    service.watch()
    assert service.box.mails[-1]["Subject"] == "[SISERI] fin : airflow-arrete"
    assert not state.exists()
