"""How a request reaches the registry: opened at the first request, shared by all, closed when the server ends.

The desk is a guest of Airflow's API server: it leases the services like any command (``loaders.services``), and
keeps two small pools, one of the analyst's role for reading, one of the loader's for decisions.
"""

from __future__ import annotations

import atexit
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Literal

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout

from loaders.errors import ServiceMissing, SiseriError
from loaders.secrets import RegistryKey
from loaders.services import running
from loaders.settings import Settings
from loaders.warehouse import Connection, Warehouse, hold_key, key_check, let_key_go

log = logging.getLogger("siseri.desk")

Profile = Literal["analyst", "loader"]
#: Connections at most, longest statement and longest wait for a lock, in ms. A decision waits for the load under way.
READING = {"size": 8, "statement_timeout_ms": 10_000, "lock_timeout_ms": 5_000}
WRITING = {"size": 3, "statement_timeout_ms": 120_000, "lock_timeout_ms": 30_000}
#: How long a failure to open is repeated without trying again; how long a request waits for another's try.
PAUSE_S = 2.0
PATIENCE_S = 15.0


class Unavailable(ServiceMissing):
    """The registry cannot be opened now; the message is the operator's, without personal data."""


@dataclass(frozen=True)
class Opened:
    """An opened registry: the settings it was opened with, its key, and the pools by profile."""

    settings: Settings
    key: RegistryKey
    pools: dict[Profile, ConnectionPool[Connection]]


class DeskRegistry:
    """The registry behind the desk; every method may be called from any thread.

    Args:
        load: gives the settings, once per opening.
    """

    def __init__(self, load: Callable[[], Settings] = Settings.load) -> None:
        self._load = load
        self._lock = threading.Lock()
        self._opened: Opened | None = None
        self._held = ExitStack()
        self._failure: tuple[float, str] = (float("-inf"), "")

    def opened(self) -> Opened:
        """The registry, opened now where it was not.

        Raises:
            Unavailable: not initialised, at another version, under another key, or its database does not answer.
        """
        opened = self._opened
        if opened is not None:
            return opened
        if not self._lock.acquire(timeout=PATIENCE_S):
            raise Unavailable("the registry is still being opened")
        try:
            if self._opened is None:
                since, why = self._failure
                if time.monotonic() - since < PAUSE_S:
                    raise Unavailable(why)
                self._opened = self._open()
            return self._opened
        finally:
            self._lock.release()

    @contextmanager
    def connection(self, profile: Profile) -> Iterator[Connection]:
        """A connection (autocommit) of the profile's pool, given back at the end.

        Raises:
            Unavailable: as :meth:`opened`, or no connection could be had within the pool's patience.
        """
        opened = self.opened()
        pool = opened.pools[profile]
        try:
            connection = pool.getconn()
        except PoolTimeout:
            raise Unavailable("the warehouse gives no connection") from None
        try:
            self._under_its_key(opened, connection)
            try:
                yield connection
            finally:
                with suppress(psycopg.Error):  # a session that ended holds nothing any more
                    let_key_go(connection)
        finally:
            pool.putconn(connection)

    def _under_its_key(self, opened: Opened, connection: Connection) -> None:
        """Keep the key in service for a request; after an exchange the registry is opened anew, with the new one."""
        try:
            hold_key(connection, PATIENCE_S)
        except ServiceMissing as error:
            raise Unavailable(str(error)) from error
        if key_check(connection) != opened.key.check_value():
            let_key_go(connection)
            if self._opened is opened:
                self._opened = None  # its pools are closed with the process; requests under way still hold them
            raise Unavailable("the registry's key was exchanged: ask again")

    def close(self) -> None:
        """Close the pools and give the lease back. The next request would open anew."""
        with self._lock:
            self._opened = None
            self._held.close()
            atexit.unregister(self.close)

    def _open(self) -> Opened:
        with ExitStack() as stack:
            try:
                settings = self._load()
                services = stack.enter_context(running(settings, sftp=False))
                warehouse = Warehouse(settings, services.database_url)
                warehouse.ready("analyst")
                pools: dict[Profile, ConnectionPool[Connection]] = {
                    "analyst": stack.enter_context(warehouse.pool("analyst", **READING)),
                    "loader": stack.enter_context(warehouse.pool("loader", **WRITING)),
                }
                opened = Opened(settings, warehouse.key(), pools)
            except SiseriError as error:
                self._failure = (time.monotonic(), str(error))
                log.warning("the registry cannot be opened: %s", type(error).__name__)
                raise Unavailable(str(error)) from error
            self._held.push(stack.pop_all())  # after an exchange of the key: beside what was opened before
        atexit.register(self.close)
        return opened
