"""Least profiles: the catalogue holds what is declared and no more; what a profile may not do is refused to it."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from datetime import date
from types import ModuleType
from typing import Any
from uuid import uuid4

import pytest
from notice_world import World, month
from psycopg import errors
from senders import INTERNE, NIR, PASSIVE, SIRET, country, dose, file, row

from loaders import rights
from loaders.errors import WarehouseRefused
from loaders.settings import project_root
from pipelines.exceedance_listings import of_authority
from pipelines.research.agreement import Agreement
from pipelines.research.study import studying
from pipelines.rights import differences
from pipelines.statistics.comparison import Handed, handed_over, read
from schemas.access import LOGINS, NAMES, lines

ROOT = project_root()
REFUSED = errors.InsufficientPrivilege
#: Commands and tasks that write through the corridor, or what an analyst decides: the others must do with less.
LOADER = {
    *("run", "migrate", "exceedances detect", "unusual evaluate", "unusual decide", "held accept", "held decline"),
    *("checks explain", "checks reopen", "queue answer", "queue ask", "queue decide", "queue undo", "queue release"),
    *("queue standing approve", "queue standing propose", "queue standing revoke"),
    *("workers request add", "workers request extend", "workers request close"),
}
#: What only the database's administrator may do: its roles and schema, its key, its bytes and log.
OWNER = [*(f"backup {name}" for name in ("drill", "replay", "restore", "status", "take")), "init", "key rotate"]
#: Where the owner logs in, and how often.
AS_OWNER = {
    "cli/key_commands.py": 1,
    "loaders/warehouse.py": 1,
    "pipelines/backup/drill.py": 3,
    "pipelines/backup/replay.py": 1,
    "pipelines/backup/restore.py": 1,
    "pipelines/backup/take.py": 2,
}


@pytest.fixture(scope="module")
def land(registries: Any) -> Iterator[Any]:
    with registries() as registry:
        country(registry)
        registry.drop(
            "LABO1",
            "mars.csv",
            file(PASSIVE, dose("M1"), dose("M0", DATE_DEBUT_PORT="01/03/2021", DATE_FIN_PORT="31/03/2021")),
        )
        registry.drop("LABO1", "interne.csv", file(INTERNE, row(INTERNE)))
        registry.run()
        yield registry


def test_the_catalogue_holds_what_is_declared_and_nothing_else(land: Any) -> None:
    with land.registry.warehouse.admin() as admin:
        cursor = admin.cursor()
        held, objects = rights.held(cursor)
        declared = rights.declared()
        assert held - declared == set()
        assert declared - held == set()
        assert objects == {one.name: one.kind for one in lines()}, "every object has its line in droits.csv"
        assert rights.powers(cursor) == []
        assert {(parent.partition(".")[0], word) for parent, _, word in rights.on_partitions(cursor)} == {
            ("dose", "INSERT")
        }
    assert differences(land.as_("analyst")) == []


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ('grant select (value_usv) on dose.passive to "{base}_publisher"', ""),
        ('grant select on identity.civil to "{base}_publisher"', "publisher : L en trop sur identity.civil"),
        ('grant insert on dose.passive_2026 to "{base}_analyst"', "INSERT sur une partition"),
        ('grant select on dose.passive_2026 to "{base}_loader"', "SELECT sur une partition"),
        ("grant usage on schema dose to public", "public : U en trop sur dose"),
        ("grant execute on function access.person_of to public", "public : E en trop sur access.person_of"),
        ('create policy x on dose.passive for select to "{base}_reporter" using (true)', "reporter : politique"),
        ("alter table dose.passive no force row level security", "owner : politique en trop sur dose.passive"),
        ('grant "{base}_keeper" to "{base}_analyst"', "membre de"),
        ('alter role "{base}_analyst" bypassrls', "attribut"),
        ('alter table queue.cause owner to "{base}_loader"', "possède"),
        ('revoke select on queue.entry from "{base}_analyst"', "analyst : L manque sur queue.entry"),
    ],
)
def test_a_right_that_is_not_declared_is_found(land: Any, statement: str, told: str) -> None:
    with land.registry.warehouse.admin() as admin, admin.transaction(force_rollback=True):
        admin.execute(statement.format(base=admin.info.dbname))
        found = differences(admin)
        assert found
        assert any(told in one for one in found), found


def test_an_object_without_a_line_is_found(land: Any) -> None:
    with land.registry.warehouse.admin() as admin, admin.transaction(force_rollback=True):
        admin.execute("create table dose.novelty (x integer)")
        admin.execute("create view queue.novelty as select 1 as x")
        admin.execute("create function access.novelty() returns integer language sql as 'select 1'")
        held, objects = rights.held(admin.cursor())
        known = {one.name for one in lines()}
        assert set(objects) - known == {"dose.novelty", "queue.novelty", "access.novelty"}
        assert ("access.novelty", "fonction", "public", "E", ()) in held - rights.declared()


def test_init_takes_back_what_was_given_beside_the_declaration(land: Any) -> None:
    with land.registry.warehouse.admin() as admin, admin.transaction(force_rollback=True):
        base = admin.info.dbname
        admin.execute(f'grant select on identity.civil to "{base}_publisher", public')
        admin.execute(f'revoke insert on dose.passive from "{base}_loader"')
        rights.grant(admin.cursor(), base)
        assert differences(admin) == []


#: Of every login, what lies nearest to its work and is not its own.
FORBIDDEN = {
    "publisher": (
        "select last_name from identity.civil",
        "select * from identity.civil",
        "select * from identity.identifier",
        "select * from queue.entry",
        "select identifiant from ledger.partner",
        "update dose.passive set value_usv = 0",
        "insert into dose.passive default values",
        "select ledger.open_load('x', null)",
        "select figure from mart.comparison",
        "update mart.comparison set figure = '1'",
        "update ledger.edition set manifest = '{}'",
    ),
    "reporter": (
        *("select * from dose.passive", "select * from mart.segment", "select * from mart.year"),
        *("select * from identity.worker", "select * from reference.establishment", "delete from mart.comparison"),
        "insert into mart.comparison default values",
        "create temporary table mine (x integer)",
    ),
    "research": (
        *("select * from identity.civil", "select * from identity.identifier", "select * from queue.entry"),
        *("select * from reference.establishment", "select * from access.person", "select * from access.agreement"),
        "select access.agree(sha256('x'), '1', '', current_date, current_date, current_date, current_date)",
        "delete from audit.research_export",
    ),
    "administrator": (
        *("select * from dose.passive", "select * from mart.segment", "select sealed from queue.entry"),
        *("select sealed from identity.identifier", "select * from identity.civil", "delete from audit.look"),
        *("update ledger.partner set role = 'GESTIONNAIRE'", "delete from ledger.partner"),
    ),
    "analyst": (
        *("insert into queue.decision default values", "select * from audit.link", "select held from audit.look"),
        *("select * from ledger.edition", "select * from legacy.worker", "select * from audit.research_export"),
    ),
    "loader": (
        *("select * from mart.segment", "select * from audit.look", "select * from ledger.edition"),
        *("insert into ledger.public_edition default values", "insert into audit.research_export default values"),
    ),
    "gate": ("select * from access.agreement", "select * from access.studied_person", "select * from dose.passive"),
    "dgt": ("select * from exposure.reckoning", "select * from exposure.notice", "select * from dose.passive"),
    "dsnd": ("select * from exposure.exceedance", "select * from access.person", "select * from ledger.partner"),
}


@pytest.mark.parametrize("profile", FORBIDDEN)
def test_what_is_not_a_profile_s_work_is_refused_to_it(land: Any, profile: str) -> None:
    with land.registry.warehouse.login(profile) as connection:
        for text in FORBIDDEN[profile]:
            with pytest.raises(REFUSED):
                connection.execute(text)
        for other in NAMES:
            if other != profile:
                with pytest.raises(REFUSED):
                    connection.execute(f'set role "{connection.info.dbname}_{other}"')


def test_one_registry_s_logins_do_not_enter_another(land: Any) -> None:
    """Rights are of one database: everybody's right to connect is taken away."""
    warehouse = land.registry.warehouse
    with warehouse.admin() as admin:
        open_to_all = admin.execute(
            "select count(*) from pg_database d cross join lateral aclexplode(d.datacl) a"
            " where d.datname = current_database() and a.grantee = 0"
        ).fetchone()
    assert open_to_all == (0,)


def handed(**changed: Any) -> Handed:
    told = {"sheet": "metiers", "code": "Total", "label": "Total", "own": True, "column": "moyenne_suivis_msv"}
    return Handed(**({**told, "year": 2026, "list": None, "workers": 0, "figure": ""} | changed))  # type: ignore[arg-type]


def test_the_report_s_profile_sees_what_the_database_took_in(land: Any) -> None:
    publisher, reporter = land.as_("publisher"), land.as_("reporter")
    (establishment,) = publisher.execute(
        "select establishment_id from reference.establishment where siret = %s", (SIRET,)
    ).fetchone()
    (load,) = publisher.execute("select max(load_id) from ledger.load").fetchone()

    def give(*figures: Handed) -> Any:
        return handed_over(publisher, establishment, load, figures)

    nation = handed(own=False, workers=400, figure="0.500000")
    with give(handed(figure=None, workers=1), handed(column="suivis", workers=0, figure="0"), nation) as number:
        rows, figures = read(reporter, number)
        assert rows == {"metiers": [("Total", "Total")]}
        assert [(one.text, one.hidden) for one in figures.values()] == [("", True), ("0", False), ("0.500000", False)]
        assert read(reporter, uuid4()) == ({}, {})
    assert read(reporter, number) == ({}, {}), "gone once the report is written"
    # One worker has a dose there: whatever is claimed, his dose is no figure.
    for wrong in (
        handed(workers=1, figure="0.150000"),
        handed(workers=10, figure="0.150000"),
        handed(workers=0, figure="0.150000"),
        handed(workers=11, figure="0.150000"),
        handed(workers=400, figure="0.150000"),
        handed(workers=11, figure="0.150000", code="MANIP", list="metier"),
        handed(workers=11, figure="0.150000", code="101010", list="secteur_activite"),
        handed(workers=11, figure="0.150000", year=2019),
        handed(own=False, workers=10, figure="0.150000"),
    ):
        with pytest.raises(WarehouseRefused) as told, give(nation, wrong):
            pass
        assert "0.15" not in str(told.value)
    assert land.as_("publisher").execute("select count(report) from mart.comparison").fetchone() == (0,)


def agreement(**changed: Any) -> Agreement:
    told = {
        "number": "2026-1",
        "holder": "Unité",
        "purpose": "Étude",
        "expires": date(2027, 1, 1),
        "first": date(2026, 1, 1),
        "last": date(2026, 12, 31),
        "measures": ("PASSIVE",),
        "variables": frozenset(),
        "grain": "mois",
        "population": {},
        "indirect": (),
        "at_least": 1,
        "sha256": "0" * 64,
    }
    return Agreement(**(told | changed))  # type: ignore[arg-type]


def test_a_study_sees_the_years_of_its_agreement_under_numbers(land: Any) -> None:
    warehouse, today = land.registry.warehouse, date(2026, 4, 10)
    years = "select array_agg(distinct year order by year) from dose.passive"
    with warehouse.login("research") as alone:
        assert alone.execute(years).fetchone() == (None,)
        assert alone.execute("select count(*) from dose.internal").fetchone() == (0,)
        assert alone.execute("select count(*) from access.studied_person").fetchone() == (0,)
        alone.execute("select set_config('siseri.ticket', 'autre', false)")
        assert alone.execute(years).fetchone() == (None,)
    with studying(warehouse, agreement(), today) as reader:
        assert reader.execute(years).fetchone() == ([2026],)
        assert reader.execute("select count(*) from dose.internal").fetchone() == (1,)
        columns = [one.name for one in reader.execute("select * from access.studied_person").description]
        assert columns == ["worker_id", "sex", "since_load", "until_load", "birth_year"]
        token = reader.execute("select current_setting('siseri.ticket')").fetchone()
        with warehouse.login("physician") as other:
            other.execute("select set_config('siseri.ticket', %s, false)", token)
            assert other.execute("select count(*) from access.passive").fetchone() == (0,)
        with warehouse.admin() as admin:
            admin.execute("update access.agreement set expires_at = clock_timestamp()")
        assert reader.execute(years).fetchone() == (None,)
    # A year beside the agreement's on each side, for versions that move a result; no other.
    with studying(warehouse, agreement(first=date(2022, 1, 1), last=date(2024, 12, 31)), today) as reader:
        assert reader.execute(years).fetchone() == ([2021],)
    with studying(warehouse, agreement(first=date(2023, 1, 1), last=date(2024, 12, 31)), today) as reader:
        assert reader.execute(years).fetchone() == (None,)
    expired = agreement(expires=date(2026, 4, 9))
    with pytest.raises(REFUSED), studying(warehouse, expired, today):
        pass


@pytest.mark.parametrize(("character", "told", "other"), [("Civil", "dgt", "dsnd"), ("Militaire", "dsnd", "dgt")])
def test_an_authority_sees_what_it_was_told_without_a_person(
    registry: Any, character: str, told: str, other: str
) -> None:
    world = World(registry, character=character)
    world.lab(month(1, "21"))
    assert of_authority(registry.as_(other)) == []
    (found,) = of_authority(registry.as_(told))
    assert found.items() >= {
        ("limite", "EFFICACE"),
        ("valeur_msv", "21.000"),
        ("etat", "NOTIFIE"),
        ("siret", SIRET),
        ("domaine", "100000"),
        ("metier", "MANIP"),
    }
    assert NIR not in str(found)
    names = {one.name for one in registry.as_(told).execute("select * from access.notified_exceedance").description}
    assert not {"worker_id", "person_id", "sealed", "last_name"} & names
    world.close(told.upper())
    assert of_authority(registry.as_(told)) == []


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generer_acces", ROOT / "docs" / "generer_acces.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_prints_the_matrix_that_is_walked_here() -> None:
    written = (ROOT / "docs" / "acces.md").read_text(encoding="utf-8")
    assert written == generator().page(), "run: .venv/bin/python docs/generer_acces.py"


def test_commands_connect_as_the_least_profile() -> None:
    page = generator()
    who = page.commands()
    assert {name for name, one in who.items() if "loader" in one} == LOADER
    assert [name for name, one in who.items() if page.OWNER in one] == OWNER
    assert who["establishment"] == "publisher, reporter"
    for name, wanted in (
        *(("stats", "publisher"), ("editions approve", "publisher"), ("export research", "gate, research")),
        *(("verify", "analyst"), ("workers list", "analyst"), ("audit list", "administrator")),
        *(("partner add", "administrator"), ("exceedances list", "analyst, dgt, dsnd")),
    ):
        assert who[name] == wanted, name
    assert {one for told in who.values() for one in told.split(", ")} <= {
        *LOGINS,
        page.OWNER,
        *page.TICKET.split(", "),
        "",
    }


def test_nobody_works_as_owner() -> None:
    for folder in ("cli", "desk", "dags", "loaders", "pipelines", "plugins", "reports"):
        for path in (ROOT / folder).rglob("*.py"):
            uses = re.findall(r"\.admin\(\)", path.read_text(encoding="utf-8"))
            assert len(uses) == AS_OWNER.get(str(path.relative_to(ROOT)), 0), path
