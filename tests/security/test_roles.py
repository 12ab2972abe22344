"""Least role, asked of the database itself: what each profile may not do is refused there, not in our code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import errors
from senders import NIR2, OPERATIONNELLE, PASSIVE, country, dose, file, row

REFUSED = errors.InsufficientPrivilege


@pytest.fixture
def land(registry: Any) -> Any:
    country(registry)
    registry.drop("LABO1", "mars.csv", file(PASSIVE, dose("M1"), dose("M2", NIR=NIR2)))
    registry.drop("SITE", "ope.csv", file(OPERATIONNELLE, row(OPERATIONNELLE)))
    registry.run()
    return registry


@pytest.fixture
def analyst(land: Any) -> Iterator[psycopg.Connection[Any]]:
    with land.registry.warehouse.analyst() as connection:
        yield connection


def tables(land: Any) -> list[str]:
    found = land.connection.execute(
        "select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where n.nspname in ('ledger', 'identity', 'reference', 'dose', 'queue', 'exposure', 'unusual')"
        " and c.relkind in ('r', 'p')"
    ).fetchall()
    assert len(found) > 15
    return [name for (name,) in found]


def test_the_analyst_reads_doses_and_writes_nothing(land: Any, analyst: psycopg.Connection[Any]) -> None:
    assert analyst.execute("select count(*) from dose.passive_current").fetchone() == (1,)
    assert analyst.execute("select count(*) from dose.operational_current").fetchone() == (1,)
    assert analyst.execute("select count(*) from queue.entry").fetchone() == (1,)
    for table in tables(land):
        with pytest.raises(REFUSED):
            analyst.execute(f"delete from {table}")
        with pytest.raises(REFUSED):
            analyst.execute(f"truncate {table}")
        with pytest.raises(REFUSED):
            analyst.execute(f"insert into {table} default values")
        column = land.connection.execute(
            "select quote_ident(attname) from pg_attribute where attrelid = %s::regclass and attnum > 0"
            " and attidentity = '' order by attnum limit 1",
            (table,),
        ).fetchone()[0]
        with pytest.raises(REFUSED):
            analyst.execute(f"update {table} set {column} = {column}")


def test_partitions_are_closed_to_readers(land: Any, analyst: psycopg.Connection[Any]) -> None:
    for role in (analyst, land.connection):
        for part in ("dose.passive_2026", "dose.operational_2026"):
            with pytest.raises(REFUSED):
                role.execute(f"select * from {part}")
            with pytest.raises(REFUSED):
                role.execute(f"update {part} set value_usv = 0")
            with pytest.raises(REFUSED):
                role.execute(f"delete from {part}")


def test_the_loader_owns_nothing_and_changes_no_value(land: Any) -> None:
    loader = land.connection
    for statement in (
        "delete from dose.passive",
        "delete from dose.operational",
        "update dose.passive set value_usv = 0",
        "update dose.operational set value_usv = value_usv + 1",
        "update dose.passive set worker_id = 1",
        "update dose.passive set end_day = start_day",
        "update dose.passive set since_load = 1",
        "truncate dose.passive",
        "drop table dose.passive",
        "alter table dose.passive disable row level security",
        "create table dose.mine (x int)",
        "create policy open on dose.passive using (true)",
        "delete from ledger.submission",
        "update ledger.submission set sha256 = sha256",
        "update ledger.submission set file_name = 'x'",
        "delete from ledger.book",
        "update ledger.book set rows_received = 0",
        "delete from ledger.row_entry",
        "delete from ledger.load",
        "update ledger.load set recorded_at = now()",
        "insert into ledger.load default values",
        "delete from queue.entry",
        "update queue.entry set sealed = sealed",
        "delete from identity.worker",
        "delete from identity.identifier",
        "update identity.identifier set worker_id = 1",
        "update identity.civil set last_name = 'X'",
        "insert into ledger.partner (code, role) values ('X', 'OA')",
        "update ledger.partner set role = 'GESTIONNAIRE'",
        "delete from reference.designation",
        "delete from exposure.exceedance",
        "delete from exposure.reckoning",
        "update exposure.reckoning set value_usv = 0",
        "update exposure.state set state = 'CADUC'",
        "update exposure.detection set load_id = 0",
        "delete from unusual.flag",
        "update unusual.flag set usv = 0",
        "update unusual.answer set answer = 'CONFIRMEE'",
        "alter table unusual.flag disable row level security",
        "alter table exposure.reckoning disable row level security",
        "create role x",
        "select dose.ensure_partition('passive; drop table dose.passive; --', 2026)",
        "copy dose.passive to program 'true'",
        "select pg_read_file('/etc/hostname')",
    ):
        with pytest.raises((REFUSED, errors.RaiseException)):
            loader.execute(statement)
    owned = loader.execute(
        "select count(*) from pg_class c join pg_roles r on r.oid = c.relowner"
        " where r.rolname = current_user and c.relpersistence <> 't' and not pg_is_other_temp_schema(c.relnamespace)"
        " and c.relnamespace <> pg_my_temp_schema() and c.relnamespace <> 'pg_toast'::regnamespace"
    ).fetchone()
    assert owned == (0,)
    facts = loader.execute(
        "select rolsuper, rolcreaterole, rolcreatedb, rolbypassrls, rolreplication from pg_roles"
        " where rolname = current_user"
    ).fetchone()
    assert facts == (False,) * 5
    assert len(land.doses()) == 2


def test_a_role_that_no_policy_names_sees_no_dose(land: Any) -> None:
    """Even with the right to select: row security is forced, the views ask as the reader."""
    with land.registry.warehouse.admin() as admin:
        name = admin.info.dbname + "_curious"
        admin.execute(f'create role "{name}"')
        admin.execute(f'grant usage on schema dose, ledger, reference to "{name}"')
        admin.execute(f'grant select on all tables in schema dose, ledger, reference to "{name}"')
        admin.execute(f'revoke select on dose.passive_2026, dose.operational_2026 from "{name}"')
        admin.execute(f'set role "{name}"')
        for table in ("dose.passive", "dose.operational", "dose.passive_current", "dose.operational_current"):
            assert admin.execute(f"select count(*) from {table}").fetchone() == (0,), table
        admin.execute("reset role")
        forced = admin.execute(
            "select bool_and(relrowsecurity and relforcerowsecurity) from pg_class"
            " where oid in ('dose.passive'::regclass, 'dose.operational'::regclass)"
        ).fetchone()
        assert forced == (True,)
        admin.rollback()


def test_nobody_s_functions_are_open_to_everybody(land: Any) -> None:
    open_ones = land.connection.execute(
        "select p.oid::regprocedure::text from pg_proc p join pg_namespace n on n.oid = p.pronamespace"
        " where n.nspname in ('ledger', 'identity', 'reference', 'dose', 'queue')"
        " and has_function_privilege('public', p.oid, 'execute')"
    ).fetchall()
    assert open_ones == []
    definers = land.connection.execute(
        "select p.oid::regprocedure::text from pg_proc p join pg_namespace n on n.oid = p.pronamespace"
        " where n.nspname in ('ledger', 'identity', 'reference', 'dose', 'queue') and p.prosecdef"
        " and not exists (select 1 from unnest(p.proconfig) as c where c like 'search_path=%')"
    ).fetchall()
    assert definers == []


def test_logins_need_their_password(land: Any) -> None:
    url = land.registry.warehouse.url
    database = land.connection.info.dbname
    for login in (f"{database}_loader", f"{database}_analyst", "postgres"):
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(url, user=login, password="faux", connect_timeout=5).close()
