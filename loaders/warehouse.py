"""The PostgreSQL warehouse: migrations, login roles, connections.

The URL given is the owner's. ``init`` makes one login role per profile (``schemas/access.py``), named after the
database, with generated passwords kept under the home (``keys/roles.json``), and gives each its rights; everything
else connects as the profile that may do least of those that can do it, never as owner.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql as composed
from psycopg.conninfo import conninfo_to_dict, make_conninfo

import sql
from loaders import crash, metrics, rights
from loaders.discreet import DiscreetConnection
from loaders.errors import DatabaseLost, ServiceMissing, UsageError, WarehouseRefused
from loaders.secrets import KeyFiles, RegistryKey
from loaders.settings import Settings
from schemas import nomenclature
from schemas.access import KEEPER, LOGINS
from schemas.formats import formats
from schemas.spec import Kind

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

FLOOR = 150_000
#: Parts of an address that SQLAlchemy names too, and those that it names otherwise.
_NAMED, _OTHERWISE = ("user", "password", "host", "port", "dbname"), {"user": "username", "dbname": "database"}
Connection = psycopg.Connection[Any]


@dataclass(frozen=True)
class Warehouse:
    """Where the warehouse is and how its profiles log in."""

    settings: Settings
    url: str

    def admin(self) -> Connection:
        """A connection as the owner: to initialise, exchange the key, back up; for tests that set a scene."""
        return self._connect({})

    def login(self, profile: str) -> Connection:
        """A connection as a profile of ``schemas/access.py``; a reader sees nothing until it shows a ticket.

        Raises:
            UsageError: the registry is not initialised.
            ServiceMissing: the database cannot be reached.
        """
        return self._connect(self._login(profile), autocommit=True)

    def loader(self) -> Connection:
        """A connection that may write through the corridor."""
        return self.login("loader")

    def analyst(self) -> Connection:
        """A connection that may read."""
        return self.login("analyst")

    def address(self, profile: str) -> str:
        """A profile's address and password in SQLAlchemy's terms, for a library that connects by itself.

        Raises:
            UsageError: the registry is not initialised.
        """
        from sqlalchemy import URL

        told: dict[str, Any] = {**conninfo_to_dict(self._told(self._login(profile)))}
        named = {_OTHERWISE.get(name, name): told.pop(name) for name in _NAMED if name in told}
        named["port"] = int(named["port"]) if named.get("port") else None
        query = {name: str(value) for name, value in told.items()}
        return URL.create("postgresql+psycopg", query=query, **named).render_as_string(hide_password=False)

    def pool(
        self, profile: str, *, size: int, statement_timeout_ms: int, lock_timeout_ms: int
    ) -> ConnectionPool[Connection]:
        """At most ``size`` connections of a profile, for a server that answers several people; enter it to open it.

        A connection is tried before it is handed out, so that a restarted database is nobody's trouble. A statement
        or a wait for a lock beyond its limit is cancelled. Waiting longer than five seconds for a connection raises
        psycopg_pool.PoolTimeout.
        """
        from psycopg_pool import ConnectionPool

        limits = {"statement_timeout": str(statement_timeout_ms), "lock_timeout": str(lock_timeout_ms)}

        def limit(connection: Connection) -> None:
            for name, value in limits.items():
                connection.execute("select set_config(%s, %s, false)", (name, value))

        return ConnectionPool(
            self._told(self._login(profile)),
            connection_class=DiscreetConnection,
            kwargs={"autocommit": True},
            min_size=1,
            max_size=size,
            timeout=5,
            configure=limit,
            check=ConnectionPool.check_connection,
            name=f"siseri-{profile}",
            open=False,
        )

    def key(self) -> RegistryKey:
        """The registry's secret key: the one that the database is under. Raises UsageError where it is not at hand."""
        if len(KeyFiles(self.settings.key_file).secrets()) < 2:
            return RegistryKey.load(self.settings.key_file)
        with self.loader() as connection:  # it is being exchanged: the database says which is in service
            return RegistryKey.load(self.settings.key_file, key_check(connection))

    def _login(self, profile: str) -> dict[str, str]:
        database = str(conninfo_to_dict(self.url).get("dbname") or "")
        role = f"{database}_{profile}"
        assert profile in LOGINS, profile
        try:
            passwords = json.loads(self._password_file().read_text())
            return {"user": role, "password": passwords[role]}
        except (FileNotFoundError, KeyError) as error:
            self._connect({}).close()  # a server that is not there is told first; nothing is asked of it
            raise UsageError("the registry is not initialised: run 'siseri init'") from error

    def _password_file(self) -> Path:
        return self.settings.home / "keys" / "roles.json"

    def _told(self, login: dict[str, str]) -> str:
        return make_conninfo(self.url, application_name="siseri", connect_timeout=10, **login)

    def _connect(self, login: dict[str, str], *, autocommit: bool = False) -> Connection:
        try:
            return DiscreetConnection.connect(self._told(login), autocommit=autocommit)
        except psycopg.OperationalError as error:
            missing = "does not exist" in str(error)
            told = "run 'siseri init' first" if missing else "it does not answer or refuses the login"
            raise ServiceMissing(f"the warehouse cannot be reached: {told}") from error

    def initialise(self) -> list[str]:
        """Create or migrate the warehouse, its roles and code lists; safe to run again.

        Returns:
            The names of the migrations applied now.
        """
        self._create_database()
        with self.admin() as connection:
            cursor = connection.cursor()
            version = connection.info.server_version
            if version < FLOOR:
                raise UsageError(f"PostgreSQL 15 or newer is needed, this is {version // 10_000}")
            cursor.execute("select pg_advisory_xact_lock(5351, 0)")
            cursor.execute(sql.query("warehouse", "registry_table"))
            passwords = self._ensure_roles(cursor)
            cursor.execute("select number from siseri_migration")
            done = {number for (number,) in cursor.fetchall()}
            applied = []
            for number, name, text in sql.migrations():
                if number not in done:
                    cursor.execute(text)
                    cursor.execute("insert into siseri_migration (number, name) values (%s, %s)", (number, name))
                    applied.append(f"{number:04d}_{name}")
                    crash.reach("init.migration")
            rights.grant(cursor, str(connection.info.dbname))
            self._load_code_lists(cursor)
            key = RegistryKey.create(self.settings.key_file, key_check(connection))
            cursor.execute(sql.query("warehouse", "key_check"), (key.check_value(),))
        # Not before: passwords that no role has would be taken for theirs. Where this is not reached, the next init
        # gives the roles others.
        passwords.replace(self._password_file())
        crash.reach("init.committed")
        return applied

    def ready(self, profile: str) -> None:
        """Raises UsageError where the warehouse is not at this software's version, or under another key.

        Args:
            profile: asks as this one, which may read no more than it needs for the work that follows.
        """
        with self.login(profile) as connection:
            self.check(connection)

    def check(self, connection: Connection) -> None:
        """As :meth:`ready`, by a connection that there is already."""
        known = connection.execute("select to_regclass('siseri_migration') is not null").fetchone()
        if not known or not known[0]:
            raise UsageError("the registry is not initialised: run 'siseri init'")
        try:
            rows = connection.execute("select number from siseri_migration").fetchall()
        except psycopg.errors.InsufficientPrivilege:  # of a version that did not know this profile
            rows = []
        if {number for (number,) in rows} != {number for number, _, _ in sql.migrations()}:
            raise UsageError("the warehouse is at another version: run 'siseri init'")
        RegistryKey.load(self.settings.key_file, key_check(connection))

    def _create_database(self) -> None:
        wanted = str(conninfo_to_dict(self.url).get("dbname") or "")
        try:
            psycopg.connect(self.url, connect_timeout=10).close()
        except psycopg.OperationalError as error:
            if "does not exist" not in str(error):
                raise ServiceMissing(
                    "the warehouse cannot be reached: it does not answer or refuses the login"
                ) from error
            with psycopg.connect(make_conninfo(self.url, dbname="postgres"), autocommit=True) as connection:
                connection.execute(
                    composed.SQL("create database {} encoding 'UTF8' template template0").format(
                        composed.Identifier(wanted)
                    )
                )

    def _ensure_roles(self, cursor: psycopg.Cursor[Any]) -> Path:
        """Make the roles that are missing; gives the file of all passwords, for its place once this is committed."""
        file = self._password_file()
        passwords = json.loads(file.read_text()) if file.exists() else {}
        row = cursor.execute("select current_database()").fetchone()
        assert row is not None
        self._ensure_keeper(cursor, f"{row[0]}_{KEEPER.name}")
        for profile in LOGINS:
            role = f"{row[0]}_{profile}"
            there = cursor.execute("select 1 from pg_roles where rolname = %s", (role,)).fetchone()
            if there and role in passwords:
                continue
            passwords[role] = secrets.token_urlsafe(24)
            verb = "alter" if there else "create"
            cursor.execute(
                composed.SQL(verb + " role {} login password {}").format(
                    composed.Identifier(role), composed.Literal(passwords[role])
                )
            )
        self.settings.folder("keys")
        fresh = file.with_suffix(".fresh")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
            json.dump(passwords, out)
        crash.reach("init.roles")
        return fresh

    @staticmethod
    def _ensure_keeper(cursor: psycopg.Cursor[Any], role: str) -> None:
        there = cursor.execute("select 1 from pg_roles where rolname = %s", (role,)).fetchone()
        if not there:
            cursor.execute(composed.SQL("create role {} nologin").format(composed.Identifier(role)))

    @staticmethod
    def _load_code_lists(cursor: psycopg.Cursor[Any]) -> None:
        lists: list[tuple[str, int, str, str]] = []
        for layout in formats().values():
            for column in layout.columns:
                if column.kind is Kind.CODE:
                    name = f"{layout.name}.{column.name}"
                    lists.extend((name, at, code, code) for at, code in enumerate(column.codes))
        for name in ("domaine_activite", "secteur_activite", "metier", "type_contrat", "nuisance_radiologique"):
            for at, row in enumerate(nomenclature.rows(name)):
                lists.append((name, at, row["code"], row["libelle"]))
        cursor.executemany(sql.query("warehouse", "code_list"), lists)


def key_check(connection: Connection) -> str | None:
    """The check value of the key that the database is under; ``None`` before its first."""
    row = connection.execute("select key_check from siseri_registry").fetchone()
    return None if row is None else str(row[0])


#: The lock of the registry's key: shared by whoever works under it, alone for the moment it is exchanged.
IN_USE, EXCHANGE = 5364, 5365


def hold_key(connection: Connection, patience_s: float = 120.0) -> None:
    """Keep the key from being exchanged for as long as this session lasts, or until :func:`let_key_go`.

    Raises:
        ServiceMissing: it is being exchanged and that takes longer than the patience.
    """
    try:
        with connection.transaction():
            connection.execute("select set_config('lock_timeout', %s, true)", (f"{patience_s:.0f}s",))
            connection.execute("select pg_advisory_lock_shared(%s, 0)", (IN_USE,))
    except psycopg.errors.LockNotAvailable as error:
        raise ServiceMissing("the registry's key is being exchanged: try again in a moment") from error


def let_key_go(connection: Connection) -> None:
    """Give up what :func:`hold_key` holds."""
    if not connection.closed:
        connection.execute("select pg_advisory_unlock_shared(%s, 0)", (IN_USE,))


#: What the first two signs of a SQLSTATE say of an operational error.
_KINDS = {
    "53": "lacks disk or memory",
    "55": "is held by a load that takes long",
    "57": "was stopped, or a statement was cancelled",
    "40": "met a deadlock",
}


@contextmanager
def load(connection: Connection, kind: str, submission: int | None = None) -> Iterator[int]:
    """One writing transaction: opens a load, yields its number, seals and commits it.

    Loads are serialised: this waits until no other is under way. An exception rolls everything back.

    Raises:
        DatabaseLost: the connection broke.
        WarehouseRefused: a constraint or a right refused something. The database's own message is left
            behind, since it quotes the row.
    """
    try:
        with connection.transaction():
            cursor = connection.cursor()
            row = cursor.execute("select ledger.open_load(%s, %s)", (kind, submission)).fetchone()
            assert row is not None
            crash.reach(f"load.{kind}.opened")
            yield int(row[0])
            cursor.execute("select ledger.seal_load(%s)", (row[0],))
            crash.reach(f"load.{kind}.sealed")
        crash.reach(f"load.{kind}.committed")
        metrics.count("loads", kind=kind.replace(" ", "-"))
    except psycopg.OperationalError as error:
        state = error.sqlstate or ""
        what = _KINDS.get(state[:2], "is lost")
        raise DatabaseLost(f"the warehouse {what} ({state or 'no connection'})") from None
    except psycopg.Error as error:
        place = ".".join(filter(None, (error.diag.schema_name, error.diag.table_name, error.diag.constraint_name)))
        raise WarehouseRefused(f"the warehouse refused a load: {type(error).__name__} {place}".strip()) from None


#: Spaces of session locks: a sender's depot, a submission, a kind of delivery.
DEPOT, SUBMISSION, DELIVERY = 5352, 5353, 5355
#: Space of the session lock of a replay: one at a time.
REPLAY = 5368
#: Space of session locks on the bytes of a hash: between their arrival in the archive and their entry in the ledger.
BYTES = 5366
#: Space of the session lock of whoever looks at the alerts and tells them.
ALARM = 5367


class Delivery(IntEnum):
    """What one pass delivers at a time: of two that found the same owed, the later one's older file would stay."""

    NOTICES = 0
    QUESTIONS = 1
    DECLARATIONS = 2
    LISTS = 3
    CARDS = 4
    EDITIONS = 5


@contextmanager
def alone(connection: Connection, space: int, number: int, patience_s: float = 5.0) -> Iterator[bool]:
    """Whether this session is the only one at work on something; others that ask meanwhile get False.

    The lock goes with the session; a killed process's session ends a moment after it, so this asks for
    some seconds before it gives up.
    """
    limit = time.monotonic() + patience_s
    while True:
        row = connection.execute("select pg_try_advisory_lock(%s, %s)", (space, number)).fetchone()
        held = bool(row and row[0])
        if held or time.monotonic() > limit:
            break
        time.sleep(0.1)
    try:
        yield held
    finally:
        if held and not connection.closed:
            connection.execute("select pg_advisory_unlock(%s, %s)", (space, number))
