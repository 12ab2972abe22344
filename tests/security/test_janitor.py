"""No rule of retention can touch a dose: the role that removes has no right to, and nothing it may do changes one."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import date
from typing import Any

import psycopg
import pytest
from psycopg import errors
from senders import NIR2, PASSIVE, country, dose, file

from pipelines import expiry

#: Every column that the janitor may write, and every table that it may add to or delete from.
WRITES = {
    ("ledger.partner", "UPDATE", "identifiant"),
    ("ledger.submission", "UPDATE", "bytes_removed_on"),
    ("queue.decision", "UPDATE", "value_sealed"),
    ("queue.decision_entry", "UPDATE", "sealed_before"),
    *(
        (table, "UPDATE", name)
        for table in ("queue.entry", "queue.message", "rights.request", "legacy.waiting")
        for name in ("sealed", "cleared_on")
    ),
    *(("reference.designation", "UPDATE", name) for name in ("last_name", "first_name", "email", "cleared_on")),
    *(("ledger.removal", "INSERT", name) for name in ("rule", "partner_id", "registry_date", "files")),
    ("ledger.kept_answer", "DELETE", ""),
    ("ledger.partner_key", "DELETE", ""),
}


@pytest.fixture
def land(registry: Any) -> Any:
    country(registry)
    registry.drop("LABO1", "mars.csv", file(PASSIVE, dose("M1"), dose("M2", NIR=NIR2), dose("M3", VALEUR="-1")))
    registry.run()
    return registry


@pytest.fixture
def janitor(land: Any) -> Iterator[psycopg.Connection[Any]]:
    with land.registry.warehouse.login("janitor") as connection:
        yield connection


def test_what_the_janitor_may_write_is_what_the_rules_name(janitor: psycopg.Connection[Any]) -> None:
    found = janitor.execute(
        "select format('%s.%s', n.nspname, c.relname), p.kind, a.attname"
        " from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped"
        " cross join unnest(array['INSERT', 'UPDATE', 'REFERENCES']) as p (kind)"
        " where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'"
        " and has_column_privilege(c.oid, a.attname, p.kind)"
        " union all"
        " select format('%s.%s', n.nspname, c.relname), p.kind, ''"
        " from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " cross join unnest(array['DELETE', 'TRUNCATE', 'TRIGGER']) as p (kind)"
        " where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'"
        " and has_table_privilege(c.oid, p.kind)"
    ).fetchall()
    assert set(found) == WRITES


def test_doses_and_identities_are_closed_to_the_janitor(land: Any, janitor: psycopg.Connection[Any]) -> None:
    schemas = {
        name
        for (name,) in land.connection.execute(
            "select nspname from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema'"
        )
    }
    assert {"dose", "identity", "exposure", "audit"} <= schemas
    opened = {"ledger", "queue", "reference", "legacy", "rights", "public"}
    for schema in schemas - opened:
        assert janitor.execute("select has_schema_privilege(%s, 'USAGE')", (schema,)).fetchone() == (False,), schema
    for statement in (
        "delete from dose.passive",
        "update dose.passive set value_usv = 0",
        "truncate dose.passive",
        "select * from dose.passive_2026",
        "select * from identity.civil",
        "select sealed from queue.entry",
        "select email from reference.designation",
        "delete from queue.entry",
        "delete from ledger.removal",
        "update ledger.submission set sha256 = sha256",
        "update queue.entry set until_load = null",
        "delete from audit.look",
        f"set role {land.connection.info.user}",
    ):
        with pytest.raises(errors.InsufficientPrivilege):
            janitor.execute(statement)
    # Nor by a function that acts as its owner.
    callable_ = janitor.execute(
        "select p.oid::regprocedure::text from pg_proc p join pg_namespace n on n.oid = p.pronamespace"
        " where p.prosecdef and p.prorettype <> 'trigger'::regtype and n.nspname !~ '^pg_'"
        " and has_schema_privilege(n.oid, 'USAGE') and has_function_privilege(p.oid, 'EXECUTE')"
    ).fetchall()
    assert callable_ == []
    assert janitor.execute(
        "select count(*) from pg_auth_members m join pg_roles r on r.oid = m.member where r.rolname = current_user"
    ).fetchone() == (0,)


def test_every_rule_at_once_changes_no_dose(land: Any) -> None:
    def everything() -> list[Any]:
        tables = ("dose.every_version", "identity.worker", "identity.identifier", "identity.civil")
        asked = [(land.connection, table) for table in tables] + [(land.as_("administrator"), "audit.look")]
        return [who.execute(f"select * from {table} as t order by t::text").fetchall() for who, table in asked]

    before = everything()
    assert before[0]
    settings = dataclasses.replace(land.settings, today=date(2400, 1, 1), report_days=1)
    done = expiry.carry_out(land.registry, land.client, settings)
    assert done["difficultes"] == 0
    assert everything() == before
