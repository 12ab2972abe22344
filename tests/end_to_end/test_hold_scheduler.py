"""Held files under the real scheduler: a person is asked in Airflow, and each answer, or silence, takes effect."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from bench import data
from loaders import supervisor
from loaders.orchestrator import airflow_environment, password_file
from loaders.registry import depots, opened
from loaders.services import running
from loaders.settings import Settings
from loaders.warehouse import Warehouse
from pipelines import held, partners, verify
from pipelines.deposit import deposit

LIMIT_S = 120
LABS = ("LABO1", "LABO2", "LABO3")
#: An answer that comes before the scheduler has seen the asking process end fails the task (Airflow 3.3.2).
SETTLING_S = 3


def wait_until(there: Callable[[], Any], what: str) -> Any:
    limit = time.monotonic() + LIMIT_S
    while not (found := there()):
        assert time.monotonic() < limit, what
        time.sleep(0.3)
    return found


class Questions:
    """Airflow's REST API, as the page of required actions uses it."""

    def __init__(self, settings: Settings, url: str) -> None:
        self.url, self.passwords = url, json.loads(password_file(settings).read_text())

    def _call(self, user: str, method: str, path: str, body: Any = None) -> httpx.Response:
        login = {"username": user, "password": self.passwords[user]}
        token = httpx.post(f"{self.url}/auth/token", json=login, trust_env=False).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.request(
            method, f"{self.url}/api/v2/dags/siseri_hold/dagRuns/{path}", json=body, headers=headers, trust_env=False
        )

    def open(self) -> dict[int, dict[str, Any]]:
        """By submission: the questions that wait for an answer."""
        answer = self._call("lecteur", "GET", "~/hitlDetails?response_received=false")
        assert answer.status_code == 200, answer.text
        return {
            int(found[1]): one
            for one in answer.json()["hitl_details"]
            if one["task_instance"]["state"] == "awaiting_input"
            and (found := re.match(r"Dépôt (\d+) ", one["subject"]))
        }

    def answer(self, user: str, question: dict[str, Any], option: str) -> int:
        task = question["task_instance"]
        path = f"{task['dag_run_id']}/taskInstances/{task['task_id']}/{task['map_index']}/hitlDetails"
        return self._call(user, "PATCH", path, {"chosen_options": [option], "params_input": {}}).status_code


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Settings]:
    """The standing service over a registry that holds files of which more than a half is at fault."""
    settings = Settings.load(
        {"SISERI_HOME": str(tmp_path / "home"), "SISERI_TODAY": "2026-04-10", "SISERI_HOLD_SHARE": "0.5"}
    )
    with running(settings) as services:
        Warehouse(settings, services.database_url).initialise()
        with opened(settings) as registry, registry.warehouse.admin() as admin, depots(registry) as client:
            partners.add(admin, client, settings, "ASNR", "GESTIONNAIRE", [], None, None)
            for code in LABS:
                partners.add(admin, client, settings, code, "OA", [], None, None)
        supervisor.up(settings)
        try:
            yield settings
        finally:
            supervisor.down(settings)


@pytest.mark.slow
def test_a_person_answers_for_each_held_file(service: Settings, tmp_path: Path) -> None:
    files = {"a.csv": data.register(), "b.csv": data.designations("LABO1"), "c.csv": data.worker_list(60)}
    for at, code in enumerate(LABS):
        files[f"{code}.csv"] = b"".join(data.passive(50, 60, first=100 * at, faulty=0.7, waiting=0.1, seed=at))
    for name, body in files.items():
        (tmp_path / name).write_bytes(body)

    def report(code: str) -> Any:
        path = service.home / "sftp" / code / "retour" / f"{code}.csv.rapport.json"
        return json.loads(path.read_text()) if path.exists() else None

    with opened(service) as registry, depots(registry) as client:
        kept, reader = registry.connection, registry.warehouse.analyst()
        deposit(client, kept, "ASNR", [tmp_path / name for name in ("a.csv", "b.csv", "c.csv")])
        wait_until((service.home / "sftp" / "ASNR" / "retour" / "c.csv.rapport.json").exists, "no references")
        for code in LABS:
            deposit(client, kept, code, [tmp_path / f"{code}.csv"])
        questions = Questions(service, supervisor.status(service)["url"])
        asked = wait_until(lambda: len(found := questions.open()) == len(LABS) and found, "no question")
        listed = {one["emetteur"]: one for one in held.held(kept)}
        assert set(listed) == set(LABS)
        assert {one["id"] for one in listed.values()} == set(asked)
        for one in listed.values():
            assert asked[one["id"]]["subject"] == (
                f"Dépôt {one['id']} : {one['part']:.0%}".replace("%", " % de lignes fautives ou en attente")
            )
        assert [code for code in LABS if report(code)] == []
        time.sleep(SETTLING_S)

        # The other questions stay open whatever becomes of one.
        first, second = (asked[listed[code]["id"]] for code in LABS[:2])
        assert questions.answer("lecteur", first, "Intégrer") == 403
        assert questions.answer("analyste", first, "Intégrer") == 200
        integrated = wait_until(lambda: report("LABO1"), "the accepted file was not integrated")
        assert integrated["statut"] == "PARTIEL"
        assert integrated["lignes"] == listed["LABO1"]["lignes"]
        assert integrated["codes"] == listed["LABO1"]["codes"]
        assert questions.answer("chef", second, "Écarter") == 200
        refused = wait_until(lambda: report("LABO2"), "the declined file was not refused")
        assert (refused["statut"], refused["codes"]) == ("REFUSE", {"FIC-09": 1})
        assert set(refused["decision"]) == {"motif"}  # who decided stands in the ledger, not in the report
        assert refused["decision"]["motif"].startswith("Trop de lignes fautives ou en attente (")

        # Nobody answers for the third: its time is made to be up.
        assert list(questions.open()) == [listed["LABO3"]["id"]]
        with running(service) as services:
            url = airflow_environment(service, services)["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
        with closing(psycopg.connect(url.replace("+psycopg", ""), autocommit=True)) as airflow:
            airflow.execute(
                "update task_instance set trigger_timeout = now() - interval '1 second' where state = 'awaiting_input'"
            )
            wait_until(lambda: report("LABO3"), "silence was not taken for a yes")
            assert report("LABO3")["lignes"] == listed["LABO3"]["lignes"]
            answered = kept.execute(
                "select p.code, s.accepted_by, s.declined_by from ledger.submission s join ledger.partner p"
                " using (partner_id) where s.held_at is not null order by 1"
            ).fetchall()
            assert answered == [("LABO1", "analyste", None), ("LABO2", None, "chef"), ("LABO3", held.SILENCE, None)]
            assert held.held(kept) == []

            def owed() -> list[str]:
                return [one.invariant for one in verify.verify(reader, service) if not one.held]

            wait_until(lambda: not owed(), "an invariant does not hold")

            # Airflow has learnt numbers and shares: no file of a sender, no person.
            tables = airflow.execute(
                "select table_name from information_schema.tables where table_schema = 'public'"
            ).fetchall()
            text = "".join(str(row) for (one,) in tables for row in airflow.execute(f'select t::text from "{one}" t'))
    assert "siseri_hold" in text
    assert [name for name in files if name in text] == []
    names = {data.nir(number) for number in range(60)} | {data.names(number)[0] for number in range(60)}
    assert [one for one in names if len(one) > 6 and one in text] == []
    for log in (service.home / "log").rglob("*"):
        if log.is_file():
            assert [name for name in files if name.encode() in log.read_bytes()] == [], log.name
