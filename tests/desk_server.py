"""The desk to be called by tests: its pages in this process, or Airflow's own API server with the plugin."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI, HTTPException
from fastapi.testclient import TestClient

from desk.access import TOKEN_FIELD, Person
from desk.app import create
from desk.tokens import Tokens
from loaders.orchestrator import password_file, prepare
from loaders.postgres_server import free_port
from loaders.services import running
from loaders.settings import Settings, project_root
from loaders.warehouse import Warehouse

PREFIX = "/siseri"
LIMIT_S = 90

READER = Person("lecteur", may_read=True)
ANALYST = Person("analyste", may_read=True, may_decide=True)
SENIOR = Person("chef", may_read=True, may_decide=True, may_approve=True)
NOBODY = Person("inconnu", may_read=False)


class Caller:
    """A browser of one person: pages are asked for by their path under ``/siseri``.

    ``post`` sends what the desk's own form would send; ``token`` and ``headers`` spoil it.
    """

    def __init__(self, client: httpx.Client, tokens: Tokens, name: str) -> None:
        self.client, self.tokens, self.name = client, tokens, name
        self.origin = f"{client.base_url.scheme}://{client.base_url.netloc.decode()}"

    def get(self, path: str, **query: Any) -> httpx.Response:
        return self.client.get(PREFIX + path, params=query or None)

    def post(
        self,
        path: str,
        data: dict[str, Any] | None = None,
        *,
        token: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """``token``: None for a good one, empty for none. ``headers``: None for the desk's own origin."""
        sent = dict(data or {})
        jeton = self.form_token() if token is None else token
        if jeton:
            sent[TOKEN_FIELD] = jeton
        return self.client.post(
            PREFIX + path, data=sent, headers={"Origin": self.origin} if headers is None else headers
        )

    def form_token(self, name: str | None = None, lifetime_s: int = 600) -> str:
        return self.tokens.sign(TOKEN_FIELD, name or self.name, lifetime_s=lifetime_s)


class Desk:
    """The desk in this process, over one registry. ``by(ANALYST)`` gives that person's browser."""

    def __init__(self, settings: Settings, per_minute: int = 0) -> None:
        self._who: Person | None = None
        # Tests ask faster than any person.
        self.app = create(
            self._authorise, "un secret d'essai", settings=lambda: settings, sign_in="/connexion", per_minute=per_minute
        )
        self._outer = FastAPI()
        self._outer.mount(PREFIX, self.app)

    def _authorise(self) -> Person:
        if self._who is None:
            raise HTTPException(401)
        return self._who

    def by(self, person: Person | None) -> Caller:
        """The browser of a person, or of nobody; the last one asked for is the one signed in."""
        self._who = person
        client = TestClient(self._outer, follow_redirects=False)
        return Caller(client, self.app.state.tokens, person.name if person else "")

    def close(self) -> None:
        self.app.state.registry.close()


@contextmanager
def signed_in(settings: Settings, person: Person = ANALYST) -> Iterator[Caller]:
    """A person's browser on the desk over the registry of these settings (the bench's door)."""
    desk = Desk(settings)
    try:
        yield desk.by(person)
    finally:
        desk.close()


@dataclasses.dataclass
class AirflowDesk:
    """A running API server of Airflow with the plugin, over an initialised registry with a home of its own."""

    settings: Settings
    url: str
    environment: dict[str, str]
    process: subprocess.Popen[bytes]

    @property
    def log(self) -> str:
        """What the server has written."""
        return (self.settings.home / "log" / "airflow-api-server.log").read_text(errors="replace")

    def password(self, user: str) -> str:
        return str(json.loads(password_file(self.settings).read_text())[user])

    def token(self, user: str) -> str:
        """An access token of Airflow's, as a login gives."""
        told = {"username": user, "password": self.password(user)}
        answer = httpx.post(f"{self.url}/auth/token", json=told, trust_env=False)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["access_token"])

    def by(self, user: str | None, token: str | None = None) -> Caller:
        """A browser with Airflow's own cookie, of ``admin``, ``chef``, ``analyste``, ``lecteur`` or nobody."""
        token = self.token(user) if token is None and user else token
        client = httpx.Client(
            base_url=self.url, cookies={"_token": token} if token else None, timeout=30, trust_env=False
        )
        return Caller(client, Tokens(self.environment["AIRFLOW__API__SECRET_KEY"]), user or "")


@contextmanager
def served(home: Path) -> Iterator[AirflowDesk]:
    """Airflow's API server over a new registry under ``home``; nothing else of Airflow runs."""
    settings = Settings.load({"SISERI_HOME": str(home), "SISERI_TODAY": "2026-04-10"})
    with running(settings) as services:
        Warehouse(settings, services.database_url).initialise()
        port = free_port(0)
        environment = prepare(settings, services, port)
        environment["AIRFLOW__SISERI__DESK_REQUESTS_PER_MINUTE"] = "0"  # tests ask faster than any person
        words = ["api-server", "--host", "127.0.0.1", "--port", str(port)]
        with (settings.home / "log" / "airflow-api-server.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "airflow", *words],
                env=environment,
                cwd=project_root(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        desk = AirflowDesk(settings, f"http://127.0.0.1:{port}", environment, process)
        try:
            _wait(desk)
            yield desk
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(5)


def _wait(desk: AirflowDesk) -> None:
    limit = time.monotonic() + LIMIT_S
    while time.monotonic() < limit:
        assert desk.process.poll() is None, desk.log[-3000:]
        try:
            if httpx.get(f"{desk.url}/api/v2/version", trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise AssertionError(desk.log[-3000:])
