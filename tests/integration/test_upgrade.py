"""Upgrades: a warehouse of every earlier version, with data in it, becomes today's by ``init``; nothing in it changes.

Code of that time is not at hand. The data are made by today's, and copied into the tables and columns that there were
then: what a column held that came later is not there, as it was not.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
from psycopg import sql as composed
from senders import (
    DESIGNATIONS,
    NIR2,
    NIR3,
    OPERATIONNELLE,
    PASSIVE,
    SIRET2,
    SORTIES,
    TRAVAILLEURS,
    country,
    dose,
    file,
    row,
)

import sql
from loaders import arrivals, rights
from loaders.registry import depots, opened
from loaders.warehouse import Connection, Warehouse
from pipelines.sweep import sweep
from pipelines.verify import verify

#: The earliest version that an upgrade may begin from; of the later ones every second, and the one before today's.
FLOOR = 27
NUMBERS = [number for number, _, _ in sql.migrations()]
FROM = sorted({*(one for one in NUMBERS if one >= FLOOR and one < NUMBERS[-1] and (one - FLOOR) % 2 == 0), NUMBERS[-2]})
#: Made anew by ``init`` itself.
OURS = ("siseri_migration", "siseri_registry", "code_list")

TABLES = """
select n.nspname, c.relname,
    array_agg(a.attname::text order by a.attnum) filter (where a.attgenerated = '' and not a.attisdropped)
from pg_class as c
inner join pg_namespace as n on c.relnamespace = n.oid
inner join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0
where c.relkind in ('r', 'p') and not c.relispartition and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
group by 1, 2
"""
PARTITIONS = r"""
select p.relname::text, c.relname::text
from pg_inherits as i
inner join pg_class as c on i.inhrelid = c.oid
inner join pg_class as p on i.inhparent = p.oid
inner join pg_namespace as n on p.relnamespace = n.oid
where p.relkind = 'p' and n.nspname = 'dose' and c.relname ~ '_\d{4}$'
order by 1, 2
"""


@pytest.fixture(scope="module")
def grown(registries: Any) -> Iterator[Any]:
    """A registry that has lived: every outcome, a correction, an exceedance, decisions of the queue, a request."""
    with registries() as registry:
        country(registry)
        registry.drop("EMPL", "liste2.csv", file(TRAVAILLEURS, row(TRAVAILLEURS, NIR=NIR2, CLE="81", SEXE="F")))
        registry.drop(
            "LABO1",
            "mars.csv",
            file(
                PASSIVE, dose("M1", "21"), dose("M2", NIR=NIR3), dose("M3", "-1"), dose("M1", "21"), dose("M4", "0.2")
            ),
        )
        registry.drop("SITE", "mars.csv", file(OPERATIONNELLE, row(OPERATIONNELLE)))
        registry.run()
        registry.drop("LABO1", "avril.csv", file(PASSIVE, dose("M5", "0.3"), dose("M1", "22", ETAT_RESULTAT="MES")))
        registry.drop("EMPL", "sorties.csv", file(SORTIES, row(SORTIES)))
        registry.drop("ASNR", "designations2.csv", file(DESIGNATIONS, row(DESIGNATIONS, SIRET=SIRET2)))
        registry.run()
        registry.verify()
        yield registry


def tables(connection: Connection) -> dict[tuple[str, str], list[str]]:
    found = connection.execute(TABLES).fetchall()
    return {(schema, name): columns for schema, name, columns in found if name not in OURS}


def held(connection: Connection, columns: dict[tuple[str, str], list[str]]) -> dict[str, list[str]]:
    """Every row of these tables and columns, as text."""
    return {
        f"{schema}.{name}": sorted(
            str(one)
            for one in connection.execute(
                composed.SQL("select {} from {}").format(_list(names), composed.Identifier(schema, name))
            ).fetchall()
        )
        for (schema, name), names in columns.items()
    }


def _list(names: list[str]) -> composed.Composed:
    return composed.SQL(", ").join(composed.Identifier(name) for name in names)


def as_it_was(warehouse: Warehouse, number: int, source: Connection) -> dict[tuple[str, str], list[str]]:
    """Make the warehouse of a version and copy the source's rows into it; gives the tables and columns copied."""
    with pytest.MonkeyPatch.context() as patch:
        earlier = [one for one in sql.migrations() if one[0] <= number]
        patch.setattr(sql, "migrations", lambda: earlier)
        patch.setattr(rights, "grant", lambda cursor, database: None)  # today's rights name what is not there yet
        warehouse.initialise()
    today = tables(source)
    with warehouse.admin() as admin:
        admin.execute("set session_replication_role = replica")
        for parent, name in source.execute(PARTITIONS).fetchall():
            if parent in ("passive", "operational"):
                admin.execute("select dose.ensure_partition(%s, %s)", (parent, int(name[-4:])))
        then = {
            place: [name for name in names if name in today[place]]
            for place, names in tables(admin).items()
            if place in today
        }
        for (schema, name), names in then.items():
            spot = composed.Identifier(schema, name), _list(names)
            admin.execute(composed.SQL("delete from {}").format(spot[0]))
            with (
                source.cursor().copy(composed.SQL("copy (select {1} from {0}) to stdout").format(*spot)) as out,
                admin.cursor().copy(composed.SQL("copy {0} ({1}) from stdin").format(*spot)) as into,
            ):
                for part in out:
                    into.write(part)
        for sequence, last in source.execute(
            "select schemaname || '.' || sequencename, last_value from pg_sequences where last_value is not null"
        ).fetchall():
            if admin.execute("select to_regclass(%s)", (sequence,)).fetchone() != (None,):
                admin.execute("select setval(%s, %s)", (sequence, last))
    return then


@pytest.fixture
def home_as_it_was(grown: Any) -> Iterator[None]:
    """What a copy of the warehouse notes in the archive is not the other copies' past."""
    folder = grown.settings.home / arrivals.FOLDER
    before = set(folder.rglob("*.json"))
    yield
    for note in set(folder.rglob("*.json")) - before:
        note.unlink()


@pytest.mark.slow
@pytest.mark.usefixtures("home_as_it_was")
@pytest.mark.parametrize("number", FROM)
def test_a_warehouse_of_an_earlier_version_becomes_today_s(grown: Any, number: int) -> None:
    url = grown.registry.services.database_url.rsplit("/", 1)[0] + f"/{grown.connection.info.dbname}_v{number}"
    settings = dataclasses.replace(grown.settings, database_url=url)
    warehouse = Warehouse(settings, url)
    with grown.registry.warehouse.admin() as source:
        then = as_it_was(warehouse, number, source)
    with warehouse.admin() as admin:
        before = held(admin, then)
    assert sum(map(len, before.values())) > 50
    applied = warehouse.initialise()
    assert [int(one[:4]) for one in applied] == [one for one in NUMBERS if one > number]
    with warehouse.admin() as admin:
        after = held(admin, {place: names for place, names in then.items() if place in tables(admin)})
    assert after == before
    with opened(settings) as registry, depots(registry) as client, registry.warehouse.analyst() as analyst:
        assert [one for one in verify(analyst, settings) if not one.held] == []
        grown.drop("LABO1", f"suite{number}.csv", file(PASSIVE, dose("M4", "0.25"), dose("M6", "0.4")))
        sweep(client, registry, settings)
        assert [one for one in verify(analyst, settings) if not one.held] == []
