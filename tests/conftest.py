"""The real thing for every test: an embedded PostgreSQL and SFTP server for the session, a new database each time."""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
import shutil
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from desk_server import AirflowDesk, Desk, served

from loaders.registry import Registry, depots, opened
from loaders.services import running
from loaders.settings import Settings
from loaders.sftp import SftpClient
from loaders.warehouse import Connection, Warehouse
from pipelines import partners, verify
from pipelines.answer import answer_all
from pipelines.collect import answer_stem
from pipelines.isolate import Troubles
from pipelines.listings import queue
from pipelines.sweep import Pass, sweep
from schemas import codebook
from schemas.formats import formats

_numbers = itertools.count(1)


class Bench:
    """A registry to play with: senders, drops, passes, and what became of everything."""

    def __init__(self, registry: Registry, client: SftpClient) -> None:
        self.registry, self.client = registry, client
        self.connection = registry.connection
        # Stories look at answers long after, whatever the registry's date: only test_retention lets them go.
        self.settings = dataclasses.replace(registry.settings, report_days=100_000)
        self.today = date(2026, 4, 10)
        self._clock = itertools.count(int(time.time()) - 1_000_000)
        self._drops: dict[tuple[str, str], int] = {}
        self._logins: dict[str, Connection] = {}

    def as_(self, profile: str) -> Connection:
        """A connection of a profile, the same each time."""
        if profile not in self._logins:
            self._logins[profile] = self.registry.warehouse.login(profile)
        return self._logins[profile]

    def close(self) -> None:
        """Close the connections of :meth:`as_`."""
        for one in self._logins.values():
            one.close()

    def partner(self, code: str, role: str, sirens: Any = (), identifiant: str | None = None) -> None:
        """Open an account."""
        with self.registry.warehouse.login("administrator") as admin:
            partners.add(admin, self.client, self.settings, code, role, list(sirens), identifiant, None)

    def drop(self, partner: str, name: str, data: bytes, marker: str | None = None) -> None:
        """Put a file into a depot, ready to be taken, each a second after the one before."""
        self.client.put(partner, "depot", name, data)
        self.client.put(partner, "depot", name + ".ok", (marker or "").encode())
        path = self.settings.home / "sftp" / partner / "depot" / name
        moment = next(self._clock)
        os.utime(path, (moment, moment))

    def run(self, today: date | None = None) -> Pass:
        """One pass at a registry date."""
        self.today = today or self.today
        self.settings = dataclasses.replace(self.settings, today=self.today)
        return sweep(self.client, self.registry, self.settings)

    def answer(self) -> None:
        """Deliver what is owed."""
        answer_all(self.client, self.connection, self.settings, Troubles())

    def home(self, partner: str) -> Path:
        return self.settings.home / "sftp" / partner

    def files(self, partner: str, folder: str = "retour") -> list[str]:
        return sorted(path.name for path in (self.home(partner) / folder).iterdir() if path.is_file())

    def read(self, partner: str, name: str) -> bytes:
        return (self.home(partner) / "retour" / name).read_bytes()

    def report(self, partner: str, name: str, number: int = 1) -> dict[str, Any] | None:
        """The parsed ``.rapport.json`` of a drop, ``None`` where there is none."""
        path = self.home(partner) / "retour" / f"{answer_stem(name, number)}.rapport.json"
        return json.loads(path.read_text()) if path.exists() else None

    def submission(self, partner: str, name: str, number: int = 1) -> int:
        row = self.connection.execute(
            "select s.submission_id from ledger.submission s join ledger.partner p using (partner_id)"
            " where p.code = %s and s.file_name = %s and s.drop_number = %s",
            (partner, name, number),
        ).fetchone()
        assert row is not None
        return int(row[0])

    def rows(self, partner: str, name: str, number: int = 1) -> list[tuple[str, set[str]]]:
        """Outcome and codes of every row as they stand now, clean rows included."""
        identifier = self.submission(partner, name, number)
        received = self.connection.execute(
            "select coalesce(sum(rows_received), 0) from ledger.book where submission_id = %s and until_load is null",
            (identifier,),
        ).fetchone()
        assert received is not None
        listed: list[tuple[str, set[str]]] = [("INTEGRE", set()) for _ in range(int(received[0]))]
        for line, outcome, codes in self.connection.execute(
            "select line, outcome::text, codes from ledger.row_entry where submission_id = %s and until_load is null",
            (identifier,),
        ).fetchall():
            listed[line - 1] = (codebook.Outcome(outcome).name, set(codebook.names(codes)))
        return listed

    def queue(self) -> list[dict[str, Any]]:
        return queue(self.connection, self.registry.key)

    def doses(self) -> set[tuple[Any, ...]]:
        """Current measures: (format, NIR, SIRET, quantity, end, value in micro-sievert, key, submission, line)."""
        nirs = {
            worker: self.registry.key.open(sealed).decode()
            for worker, sealed in self.connection.execute(
                "select worker_id, sealed from identity.identifier where until_load is null"
            ).fetchall()
        }
        passive = self.connection.execute(
            "select 'PASSIVE', worker_id, siret, quantity, end_day::text, value_usv, measure_id, submission_id, line"
            " from dose.passive_current"
        ).fetchall()
        operational = self.connection.execute(
            "select 'OPERATIONNELLE', worker_id, siret, quantity, to_char(end_at, 'YYYY-MM-DD HH24:MI'), value_usv,"
            " place || '|' || zone, submission_id, line from dose.operational_current"
        ).fetchall()
        return {(one[0], nirs[one[1]], *one[2:]) for one in (*passive, *operational)}

    def follow_ups(self, partner: str, name: str, number: int = 1) -> list[dict[str, Any]]:
        stem = answer_stem(name, number)
        found = []
        for at in itertools.count(1):
            path = self.home(partner) / "retour" / f"{stem}.suivi-{at}.json"
            if not path.exists():
                return found
            found.append(json.loads(path.read_text()))
        return found

    def verify(self) -> None:
        """Every invariant holds."""
        broken = [one for one in verify.verify(self.as_("analyst"), self.settings) if not one.held]
        assert not broken, broken

    def state(self) -> dict[str, Any]:
        """All that a rerun must leave as it is: doses, books, entries, queue, references, answers' names."""
        tables = {
            "doses": "select * from (select worker_id, submission_id, line, value_usv, until_code from dose.passive"
            " union all select worker_id, submission_id, line, value_usv, until_code from dose.operational) d"
            " order by 2, 3",
            "books": "select * from ledger.book where until_load is null order by submission_id, quantity",
            "entries": "select submission_id, line, codes, outcome::text from ledger.row_entry where until_load is null"
            " order by 1, 2",
            "queue": "select submission_id, line, codes from queue.entry where until_load is null order by 1, 2",
            "civil": "select worker_id, folded_last_name, birth_day from identity.civil where until_load is null"
            " order by 1",
            "status": "select attachment_id, valid_from, class from reference.attachment_status"
            " where until_load is null order by 1, 2",
        }
        return {name: self.connection.execute(text).fetchall() for name, text in tables.items()}


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Services for the whole session: a home of its own, PostgreSQL and SFTP started once."""
    settings = Settings.load({"SISERI_HOME": str(tmp_path_factory.mktemp("home"))})
    with running(settings):
        yield settings


def fresh_registry(cluster: Settings) -> Any:
    """A context manager: a new database and empty homes on the session's services."""
    import contextlib

    @contextlib.contextmanager
    def made() -> Iterator[Bench]:
        with running(cluster) as services:
            url = services.database_url.rsplit("/", 1)[0] + f"/essai{next(_numbers)}"
            for folder in ("sftp", "archive", "arrivals", "staging", "keys/partners"):
                for child in (cluster.home / folder).glob("*"):
                    shutil.rmtree(child) if child.is_dir() else child.unlink()
            settings = dataclasses.replace(cluster, database_url=url, today=date(2026, 4, 10))
            Warehouse(settings, url).initialise()
            with opened(dataclasses.replace(settings)) as registry, depots(registry) as client:
                bench = Bench(registry, client)
                yield bench
                bench.close()

    return made()


@pytest.fixture
def registry(cluster: Settings) -> Iterator[Bench]:
    """A registry of its own for one test."""
    with fresh_registry(cluster) as bench:
        yield bench


@pytest.fixture(scope="session")
def registries(cluster: Settings) -> Any:
    """A maker of registries, for tests that need many (one at a time)."""
    return lambda: fresh_registry(cluster)


@pytest.fixture
def desk(registry: Bench) -> Iterator[Desk]:
    """The desk's pages in this process, over the test's own registry."""
    made = Desk(registry.settings)
    yield made
    made.close()


@pytest.fixture(scope="module")
def airflow_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AirflowDesk]:
    """Airflow's API server with the desk in it, started once a module (15 s), over a registry of its own."""
    with served(tmp_path_factory.mktemp("pupitre") / "home") as desk:
        yield desk


@pytest.fixture(scope="module")
def airflow_bench(airflow_desk: AirflowDesk) -> Iterator[Bench]:
    """The registry behind ``airflow_desk``, to be filled; what a test puts there stays for the module."""
    with opened(airflow_desk.settings) as registry, depots(registry) as client:
        bench = Bench(registry, client)
        yield bench
        bench.close()


@pytest.fixture(scope="session")
def headers() -> dict[str, str]:
    """Header line of each format."""
    return {name: layout.delimiter.join(layout.names) for name, layout in formats().items()}
