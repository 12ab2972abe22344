"""The audit's chain: what comes in side by side makes one chain, and nothing can be done to it unseen."""

from __future__ import annotations

import csv
import hashlib
import json
import threading
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import errors
from refusals import refused
from senders import NIR, NIR2, PASSIVE, country, dose, file, siseri

import sql
from loaders.errors import UsageError
from loaders.orchestrator import settings_environment
from pipelines import audit
from pipelines.verify import verify
from schemas.access import LOGINS

#: Another value for every kind of column.
CHANGED = {
    "bigint": "look_id + 1000",
    "integer": "coalesce({0}, 0) + 1",
    "text": "'COMMANDE' || 'x'",
    "timestamp with time zone": "looked_at + interval '1 microsecond'",
}


def broken(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute(sql.query("verify", "audit_chain")).fetchone()
    assert row is not None
    return int(row[0])


def noted(registry: Any) -> None:
    for at in range(3):
        audit.looked(registry.connection, "anna", audit.COMMAND, f"essai {at}", records=at)


def test_every_way_in_is_chained_and_the_chain_holds(registry: Any) -> None:
    noted(registry)
    audit.looked(registry.connection, "anna", audit.DESK, "export", range(1, 51), records=0)
    with registry.registry.warehouse.analyst() as analyst:
        audit.looked(analyst, "berthe", audit.DESK, "ligne")
    with registry.registry.warehouse.login("gate") as gate:
        gate.execute(
            "select access.admit(sha256('x'), 'MDT', 'x', null, gen_random_uuid(), null, current_date, 'x',"
            " 'COMMANDE', 'x')"
        )
    places = registry.as_("administrator").execute("select place from audit.link order by place").fetchall()
    assert places == [(at,) for at in range(1, 56)]
    assert broken(registry.as_("analyst")) == 0
    (found,) = [one for one in verify(registry.as_("analyst"), registry.settings) if "consultations" in one.invariant]
    assert found.held


def test_looks_side_by_side_make_one_chain_and_those_taken_back_leave_no_gap(registry: Any) -> None:
    def work(name: str) -> None:
        with registry.registry.warehouse.loader() as connection:
            for at in range(25):
                audit.looked(connection, name, audit.COMMAND, "essai", [at, at + 1], records=0)
                with connection.transaction(force_rollback=True):
                    audit.looked(connection, name, audit.COMMAND, "repris")

    threads = [threading.Thread(target=work, args=(f"t{at}",)) for at in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert audit.head(registry.as_("administrator"))[0] == 4 * 25 * 2
    assert broken(registry.as_("analyst")) == 0


def test_an_older_view_of_the_chain_never_forks_it(registry: Any) -> None:
    noted(registry)
    with registry.registry.warehouse.login("administrator") as late:
        late.execute("begin isolation level repeatable read")
        late.execute("select count(*) from audit.look")
        noted(registry)
        with pytest.raises(errors.SerializationFailure):
            audit.looked(late, "berthe", audit.COMMAND, "essai")
        late.rollback()
    assert broken(registry.as_("analyst")) == 0


def test_no_profile_changes_the_audit_and_the_owner_is_stopped(registry: Any) -> None:
    noted(registry)
    statements = [
        *("update audit.look set who = 'x'", "delete from audit.look", "truncate audit.look"),
        *("update audit.link set place = place + 9", "delete from audit.link", "truncate audit.link"),
        *("delete from audit.head", "truncate audit.head"),
        *("update audit.research_export set made_at = made_at", "delete from audit.research_export"),
    ]
    profiles_too = [
        "update audit.head set place = 0",
        "insert into audit.link values (99, 99, sha256('x'))",
        "alter table audit.look disable trigger look_is_chained",
        "set session_replication_role = replica",
    ]
    warehouse = registry.registry.warehouse
    for profile in LOGINS:
        with warehouse.login(profile) as connection:
            for text in statements + profiles_too:
                with pytest.raises(errors.InsufficientPrivilege):
                    connection.execute(text)
    with warehouse.admin() as admin:
        for text in statements:
            with refused(errors.InsufficientPrivilege, "never changed"), admin.transaction():
                admin.execute(text)
    assert broken(registry.as_("analyst")) == 0


def test_verify_sees_what_a_superuser_did(registry: Any) -> None:
    noted(registry)
    columns = registry.connection.execute(
        "select column_name, data_type from information_schema.columns"
        " where table_schema = 'audit' and table_name = 'look'"
    ).fetchall()
    assert len(columns) >= 9
    middle = "(select look_id from audit.link where place = 2)"
    tampering = [
        f"update audit.look set {name} = {CHANGED[kind].format(name)} where look_id = {middle}"
        for name, kind in columns
    ]
    last = "(select max(place) from audit.link)"
    tampering += [
        f"delete from audit.look where look_id = {middle}",
        "with k as (delete from audit.link where place = 2 returning look_id) delete from audit.look"
        " where look_id in (select look_id from k)",
        f"with k as (delete from audit.link where place = {last} returning look_id) delete from audit.look"
        " where look_id in (select look_id from k)",
        "insert into audit.look (look_id, who, door, what) values (999, 'x', 'COMMANDE', 'x')",
        "with k as (delete from audit.link), h as (delete from audit.head) delete from audit.look",
        "update audit.head set digest = sha256('x')",
        "update audit.link set digest = sha256('x') where place = 2",
    ]
    with registry.registry.warehouse.admin() as admin:
        for text in tampering:
            with admin.transaction(force_rollback=True):
                admin.execute("set local session_replication_role = replica")  # no trigger fires
                admin.execute("alter table audit.look alter column look_id drop identity")
                admin.execute("alter table audit.look drop constraint look_door_check")
                assert admin.execute(text).rowcount > 0, text
                assert broken(admin) > 0, text
    assert broken(registry.as_("analyst")) == 0


def test_looks_at_a_person_are_found_by_any_number_he_was_known_under(registry: Any) -> None:
    country(registry)
    registry.drop("LABO1", "mars.csv", file(PASSIVE, dose("M1"), dose("M2", NIR=NIR2)))
    registry.run()
    (waiting,) = registry.queue()
    key = registry.registry.key
    audit.looked(registry.connection, "anna", audit.COMMAND, "ligne", [waiting["id"]])
    (worker,) = registry.connection.execute(
        "select worker_id from identity.identifier where fingerprint = %s", (key.fingerprint(NIR),)
    ).fetchone()
    with registry.registry.warehouse.loader() as loader:
        loader.execute("insert into audit.look (who, door, what, worker_id) values ('b', 'BUREAU', 'x', %s)", (worker,))

    def who(**more: Any) -> list[str]:
        return [one["qui"] for one in audit.looks(registry.as_("administrator"), key, audit.Wanted(**more))]

    assert who() == ["b", "anna"]
    assert who(person=NIR) == ["b"]
    assert who(person=NIR2) == ["anna"]
    assert who(who="b") == ["b"]
    assert who(person="2" + NIR[1:]) == []


def test_days_are_those_of_paris_and_faults_are_told(registry: Any) -> None:
    with registry.registry.warehouse.loader() as loader:
        loader.execute(
            "insert into audit.look (who, door, what, looked_at) values"
            " ('soir', 'COMMANDE', 'x', '2026-03-31 21:59:59+00'), ('nuit', 'COMMANDE', 'x', '2026-03-31 22:00+00')"
        )
    key = registry.registry.key
    for first, last, seen in (
        ("2026-03-31", "2026-03-31", ["soir"]),
        ("2026-04-01", None, ["nuit"]),
        (None, "2026-03-30", []),
    ):
        found = audit.looks(registry.as_("administrator"), key, audit.wanted(first, last, None, None))
        assert [one["qui"] for one in found] == seen
    for first, last in (("hier", None), ("2026-04-02", "2026-04-01")):
        with pytest.raises(UsageError):
            audit.wanted(first, last, None, None)


def test_a_chain_made_anew_does_not_hold_against_what_was_kept_elsewhere(registry: Any) -> None:
    noted(registry)
    place, digest = audit.head(registry.as_("administrator"))
    noted(registry)
    assert audit.holds(registry.as_("administrator"), place, digest)
    assert audit.holds(registry.as_("administrator"), 0, "")
    assert not audit.holds(registry.as_("administrator"), place + 1, digest)
    with registry.registry.warehouse.admin() as admin, admin.transaction(force_rollback=True):
        admin.execute("set local session_replication_role = replica")
        admin.execute("delete from audit.link")
        admin.execute("update audit.look set who = 'x' where what = 'essai 1'")
        admin.execute("update audit.head set place = 0, digest = ''")
        admin.execute("set local session_replication_role = origin")
        admin.execute("create temporary table kept as select * from audit.look")
        admin.execute("set local session_replication_role = replica")
        admin.execute("delete from audit.look")
        admin.execute("set local session_replication_role = origin")
        admin.execute("insert into audit.look overriding system value select * from kept order by look_id")
        assert broken(admin) == 0, "its own digests fit: nothing inside the database tells"
        assert not audit.holds(admin, place, digest)


def test_looks_from_before_the_chain_are_linked_by_its_migration(registry: Any) -> None:
    noted(registry)
    (text,) = [text for number, _, text in sql.migrations() if number == 26]
    with registry.registry.warehouse.admin() as admin, admin.transaction(force_rollback=True):
        admin.execute("drop function audit.chain, audit.refuse, audit.content, audit.digest cascade")
        admin.execute("drop table audit.link, audit.head")
        admin.execute("drop index audit.look_worker")
        admin.execute(text)
        assert audit.head(admin)[0] == 3
        assert broken(admin) == 0
        audit.looked(admin, "anna", audit.COMMAND, "essai")
        assert (audit.head(admin)[0], broken(admin)) == (4, 0)


@pytest.mark.slow
def test_the_administrator_lists_and_exports_and_an_inspector_checks_by_himself(registry: Any, tmp_path: Path) -> None:
    noted(registry)
    env = settings_environment(registry.settings)
    listed = json.loads(siseri(env, "audit", "list", "--json").stdout)
    assert [one["objet"] for one in listed] == ["essai 2", "essai 1", "essai 0"]
    assert tuple(listed[0]) == audit.COLUMNS
    assert [one["objet"] for one in json.loads(siseri(env, "audit", "list", "--taille", "1", "--json").stdout)] == [
        "audit list"
    ], "reading the audit is in the audit"
    out = tmp_path / "audit.csv"
    told = json.loads(siseri(env, "audit", "export", "--out", str(out), "--json").stdout)
    assert out.stat().st_mode & 0o777 == 0o600
    with out.open(newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter=";"))
    before = b""
    for at, one in enumerate(rows, start=1):
        before = hashlib.sha256(before + one["contenu"].encode()).digest()
        assert (one["rang"], one["empreinte"]) == (str(at), before.hex())
    assert (told["consultations"], told["rang"]) == (5, 6), "the export's own look came after"
    kept = ("--rang", str(told["rang"]), "--empreinte", told["empreinte"])
    assert json.loads(siseri(env, "audit", "check", *kept, "--json").stdout) == {"rang": 6, "tenu": True}
    siseri(env, "audit", "check", "--rang", "5", *kept[2:], expect=1)
    assert siseri(env, "audit", "list", "--nir", "1", "--json", expect=2).stdout == ""
