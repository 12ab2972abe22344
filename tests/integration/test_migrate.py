"""An old registry taken over by a real one: every row as announced, resumed, taken back, accepted, groups settled."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pyarrow.parquet
import pytest
from legacy_world import DAY, NIRS, SIRETS, bodies, figures, part, passive, place, stay, worker

from bench.legacy import measure
from loaders.errors import UsageError
from loaders.orchestrator import settings_environment
from loaders.services import running
from pipelines import expiry
from pipelines.exceedances import legacy_day
from pipelines.legacy import decide, reconcile
from pipelines.legacy.run import migrate
from pipelines.simulation.legacy import simulate
from pipelines.unusual import evaluate
from schemas.identifiers import key_of

SISERI = Path(sys.prefix) / "bin" / "siseri"
_DOSES = (
    "select count(*) from (select 1 from dose.passive where until_load is null union all"
    " select 1 from dose.operational where until_load is null union all"
    " select 1 from dose.internal where until_load is null union all"
    " select 1 from dose.committed where until_load is null union all"
    " select 1 from dose.aircrew where until_load is null) d"
)


def number(bench: Any, query: str, *asked: Any) -> int:
    row = bench.connection.execute(query, asked).fetchone()
    assert row is not None
    return int(row[0])


def announced(folder: Path) -> dict[tuple[str, str, str], int]:
    """What the generator says of all rows, by table, outcome and cause."""
    told: Counter[tuple[str, str, str]] = Counter()
    for file in folder.glob("attendu/*/*.parquet"):
        for row in pyarrow.parquet.read_table(file).to_pylist():
            told[file.parent.name, row["issue"], row["cause"]] += 1
    return dict(told)


def small(folder: Path) -> None:
    """Two establishments and two workers, of whom one has had no dose for years."""
    part(folder, "etablissements", *(place(one) for one in SIRETS))
    part(folder, "travailleurs", worker(1, NIRS[0]), worker(2, NIRS[1]))
    part(folder, "rattachements", stay(1, SIRETS[0]), stay(2, SIRETS[0], CLASSEMENT="NC"))
    old = {"DATE_DEBUT_PORT": date(2015, 3, 1), "DATE_FIN_PORT": date(2015, 3, 31)}
    part(folder, "externes", passive(1, SIRETS[0], "M1"), passive(2, SIRETS[0], "M2", **old))


@pytest.mark.parametrize("text", [False, True])
def test_every_row_ends_as_announced(registry: Any, tmp_path: Path, text: bool) -> None:
    bodies(registry)
    simulate(tmp_path, workers=200, doses=3_000, seed=11, day=DAY, text=text, part=700)
    migrate(registry.registry, tmp_path / "ancien")
    assert figures(registry) == announced(tmp_path)
    for file in tmp_path.glob("attendu/*/*.parquet"):
        lines = {row["ligne"]: row["issue"] for row in pyarrow.parquet.read_table(file).to_pylist()}
        name = f"{file.parent.name}/{file.stem}.{'csv' if text else 'parquet'}"
        taken = registry.connection.execute(
            "select d.line from dose.every_version d join ledger.submission s using (submission_id)"
            " where s.file_name = %s",
            (name,),
        ).fetchall()
        waiting = registry.connection.execute(
            "select w.line from legacy.waiting w join ledger.submission s using (submission_id)"
            " where s.file_name = %s and w.until_load is null",
            (name,),
        ).fetchall()
        if file.parent.name not in ("etablissements", "travailleurs", "rattachements"):
            assert {line for (line,) in taken} == {line for line, issue in lines.items() if issue == "REPRIS"}
        if file.parent.name != "travailleurs":
            assert {line for (line,) in waiting} == {line for line, issue in lines.items() if issue == "EN_ATTENTE"}
    registry.verify()
    lacking = number(
        registry,
        "select count(*) from pg_inherits i join pg_class p on p.oid = i.inhparent"
        " join pg_class c on c.oid = i.inhrelid"
        " where p.relnamespace = 'dose'::regnamespace and p.relkind = 'p' and c.relkind = 'r'"
        " and to_regclass('dose.' || c.relname || '_key') is null",
    )
    assert lacking == 0


def test_the_same_folder_again_does_nothing_and_sends_nothing(registry: Any, tmp_path: Path) -> None:
    bodies(registry)
    small(tmp_path)
    done = migrate(registry.registry, tmp_path)
    assert (done.parts, done.taken_before, done.state) == (4, 0, "A_ACCEPTER")
    loads = number(registry, "select count(*) from ledger.load")
    again = migrate(registry.registry, tmp_path)
    assert (again.parts, again.taken_before, again.rows) == (0, 4, 0)
    assert number(registry, "select count(*) from ledger.load") == loads
    registry.run(DAY)
    assert registry.files("LABO1") == []


def test_only_who_had_a_dose_in_twelve_months_is_active_and_nc_is_kept(registry: Any, tmp_path: Path) -> None:
    bodies(registry)
    small(tmp_path)
    migrate(registry.registry, tmp_path)
    found = registry.connection.execute(
        "select w.old_id, p.end_day, s.class, s.trade from legacy.worker w"
        " join reference.attachment a using (worker_id) join reference.attachment_period p using (attachment_id)"
        " join reference.attachment_status s using (attachment_id) order by 1"
    ).fetchall()
    assert found == [(1, None, "B", "IDE"), (2, date(2015, 3, 31), "NC", "IDE")]
    assert figures(registry)["etablissements", "REFUSE", "SANS_DOSE"] == 1
    assert number(registry, "select count(*) from reference.establishment") == 1


def test_repairs_are_kept_sealed_before_and_after(registry: Any, tmp_path: Path) -> None:
    bodies(registry)
    small(tmp_path)
    part(tmp_path, "travailleurs", worker(1, NIRS[0], NOM="Mârtin"), worker(2, NIRS[1], NIR=f"2 {NIRS[1][1:]}"))
    migrate(registry.registry, tmp_path)
    key = registry.registry.key
    found = {
        (rule, field): (key.open(before).decode(), key.open(after).decode())
        for rule, field, before, after in registry.connection.execute(
            "select rule, field, before, after from legacy.repair"
        ).fetchall()
    }
    assert found == {
        ("CASSE_ACCENTS", "NOM"): ("Mârtin", "MARTIN"),
        ("ESPACES", "NIR"): (f"2 {NIRS[1][1:]}", NIRS[1]),
    }


def test_a_row_that_waits_no_more_loses_its_content_and_one_that_waits_does_not(registry: Any, tmp_path: Path) -> None:
    bodies(registry)
    small(tmp_path)
    part(tmp_path, "externes", passive(8, SIRETS[0], "W1"), passive(1, "80314150600011", "W2"), name="b")
    migrate(registry.registry, tmp_path)
    doses = number(registry, _DOSES)
    settled, waiting = sorted(one.code for one in decide.groups(registry.connection) if one.cause != "METIER")[:2]
    late = dataclasses.replace(registry.settings, today=registry.today + timedelta(days=100_000))

    def removed(**more: Any) -> int:
        done = expiry.carry_out(registry.registry, registry.client, late, **more)
        assert done["difficultes"] == 0
        return int(done["regles"]["REPRISE"])

    def whole() -> dict[str, int]:
        rows = registry.connection.execute("select code, count(sealed) from legacy.waiting group by code").fetchall()
        return dict(rows)

    assert removed() == 0
    told = {"motive": "vérifié", "who": "ana", "value": None, "folder": None}
    decide.settle(registry.registry, settled, "rejeter", **told)
    assert removed(preview=True) == 1
    assert whole() == {settled: 1, waiting: 1}
    assert removed() == 1
    assert whole() == {settled: 0, waiting: 1}
    assert removed() == 0
    assert number(registry, "select files from ledger.removal where rule = 'REPRISE'") == 1
    with registry.registry.warehouse.login("janitor") as janitor, pytest.raises(psycopg.errors.CheckViolation):
        janitor.execute("update legacy.waiting set sealed = null, cleared_on = '2026-01-01'")
    registry.verify()
    decide.undo(registry.registry, "ana")
    assert number(registry, "select count(*) from legacy.waiting where until_load is null") == 0
    assert removed() == 1
    assert whole() == {settled: 0, waiting: 0}
    assert doses == 2
    registry.verify()


def test_a_migration_taken_back_leaves_the_registry_as_it_was(registry: Any, tmp_path: Path) -> None:
    bodies(registry)
    small(tmp_path)
    before = registry.state()
    as_of = number(registry, "select coalesce(max(load_id), 0) from ledger.load")
    migrate(registry.registry, tmp_path)
    assert number(registry, _DOSES) == 2
    assert number(registry, "select count(*) from dose.every_version where since_load <= %s", as_of) == 0
    decide.undo(registry.registry, "ana")
    left = registry.state()
    left["books"] = [line for line in left["books"] if any(line[4:14])]
    left["doses"] = [dose for dose in left["doses"] if dose[4] != "U"]
    assert left == before
    assert number(registry, "select count(*) from identity.identifier where until_load is null") == 0
    assert legacy_day(registry.connection.cursor()) is None
    registry.verify()
    with pytest.raises(UsageError, match="nothing to accept"):
        decide.undo(registry.registry, "ana")
    migrate(registry.registry, tmp_path)
    assert number(registry, _DOSES) == 2
    assert number(registry, "select count(*) from reference.establishment") == 1
    registry.verify()


def test_what_was_accepted_stands_and_its_exceedances_are_told_to_nobody(registry: Any, tmp_path: Path) -> None:
    bodies(registry)
    small(tmp_path)
    part(tmp_path, "externes", passive(1, SIRETS[0], "M9", VALEUR_USV=21_000), name="b")
    migrate(registry.registry, tmp_path)
    done = decide.accept(registry.registry, "ana")
    assert done["depassements"] == 1
    registry.run(DAY)
    states = registry.connection.execute("select state from exposure.state where until_load is null").fetchall()
    assert states == [("REPRISE",)]
    assert number(registry, "select count(*) from exposure.notice") == 0
    # Learned from, but nobody is asked about what was taken over.
    assert evaluate(registry.connection).results == 0
    with pytest.raises(UsageError, match="nothing to accept"):
        decide.undo(registry.registry, "ana")
    assert migrate(registry.registry, tmp_path).state == "ACCEPTEE"
    registry.verify()


def test_what_others_built_on_keeps_it_from_being_taken_back(registry: Any, tmp_path: Path) -> None:
    bodies(registry)
    small(tmp_path)
    migrate(registry.registry, tmp_path)
    registry.drop(
        "LABO1",
        "corrige.csv",
        (
            "NIR;NOM;PRENOM;SIRET;TYPE_MESURE;LOCALISATION;TYPE_DOSIMETRE;DATE_DEBUT_PORT;DATE_FIN_PORT;ETAT_RESULTAT;"
            "VALEUR;SEUIL;ID_MESURE;CODE_METROLOGIE\n"
            f"{NIRS[0]};NOM42;PAUL;{SIRETS[0]};PAS-HP10-PHO;POITRINE;FILM;01/12/2025;31/12/2025;MES;0.3;0.05;M1;C\n"
        ).encode(),
    )
    registry.run(DAY)
    assert registry.rows("LABO1", "corrige.csv")[0][0] == "INTEGRE", "the body corrects its own result of before"
    with pytest.raises(UsageError, match="cannot be taken back"):
        decide.undo(registry.registry, "ana")
    assert figures(registry)["externes", "REPRIS", ""] == 2
    registry.verify()


def test_the_registrys_own_word_goes_before_the_old_one(registry: Any, tmp_path: Path) -> None:
    """A second legacy, of a worker that is known under another name and of one known well."""
    bodies(registry)
    small(tmp_path / "one")
    migrate(registry.registry, tmp_path / "one")
    decide.accept(registry.registry, "ana")
    other = tmp_path / "two"
    part(other, "etablissements", place(SIRETS[0]))
    part(other, "travailleurs", worker(7, NIRS[0]), worker(8, NIRS[1], NOM="AUTRE"))
    part(other, "rattachements", stay(7, SIRETS[0], CLASSEMENT="A"))
    part(
        other,
        "externes",
        passive(7, SIRETS[0], "M1"),
        passive(7, SIRETS[0], "M1", VALEUR_USV=900),
        passive(7, SIRETS[0], "M3"),
        passive(8, SIRETS[0], "M4"),
    )
    migrate(registry.registry, other)
    assert figures(registry) == {
        ("etablissements", "DOUBLON", ""): 1,
        ("travailleurs", "REPRIS", ""): 1,
        ("travailleurs", "EN_ATTENTE", "NOM_DISCORDANT"): 1,
        ("rattachements", "DOUBLON", ""): 1,
        ("externes", "DOUBLON", "MET-12"): 1,
        ("externes", "EN_ATTENTE", "CLE_EN_CONFLIT"): 1,
        ("externes", "EN_ATTENTE", "NOM_DISCORDANT"): 1,
        ("externes", "REPRIS", ""): 1,
    }
    registry.verify()


def test_groups_are_seen_and_settled(registry: Any, tmp_path: Path) -> None:
    bodies(registry)
    small(tmp_path)
    part(
        tmp_path,
        "travailleurs",
        worker(1, NIRS[0]),
        worker(2, NIRS[1]),
        worker(3, NIRS[2], NOM="ANONYME"),
    )
    label = "Infirmier anesthesiste IBODE"
    part(tmp_path, "rattachements", stay(1, SIRETS[0], METIER=label, SECTEUR=""), stay(3, SIRETS[0]))
    part(
        tmp_path,
        "externes",
        passive(1, SIRETS[0], "M1"),
        passive(3, SIRETS[0], "M2"),
        passive(1, SIRETS[0], "M3", ORGANISME="LABO9"),
        passive(1, SIRETS[0], "M4", VALEUR_USV=600_000),
        passive(1, SIRETS[1], "M5"),
        passive(99, SIRETS[0], "M6"),
    )
    part(tmp_path, "etablissements", place(SIRETS[0]))
    migrate(registry.registry, tmp_path)
    told = {one.code: (one.rows, one.kinds) for one in decide.groups(registry.connection)}
    assert told == {
        "ANONYME:3": (3, ("externes", "rattachements", "travailleurs")),
        "ORGANISME:LABO9": (1, ("externes",)),
        "MET-05": (1, ("externes",)),
        f"ETABLISSEMENT:{SIRETS[1]}": (1, ("externes",)),
        "TRAVAILLEUR_ABSENT:99": (1, ("externes",)),
        f"METIER::{label}": (1, ("rattachements",)),
    }
    reg = registry.registry

    def settle(code: str, action: str, value: str | None = None, folder: Path | None = None) -> int:
        return decide.settle(reg, code, action, motive="vu", who="ana", value=value, folder=folder)

    registry.partner("LABO9", "OA")
    assert settle("ORGANISME:LABO9", "rejouer") == 1
    assert settle("MET-05", "confirmer") == 1
    assert settle("TRAVAILLEUR_ABSENT", "rejeter") == 1
    assert settle(f"METIER::{label}", "metier", "IADE") == 1
    with pytest.raises(UsageError, match="folder"):
        settle("ANONYME:3", "rattacher", NIRS[1])
    assert settle("ANONYME:3", "rattacher", NIRS[1], tmp_path) == 3
    assert settle(f"ETABLISSEMENT:{SIRETS[1]}", "rejouer") == 1
    assert [one.code for one in decide.groups(registry.connection)] == [f"ETABLISSEMENT:{SIRETS[1]}"]
    with pytest.raises(UsageError, match="no group"):
        settle("ORGANISME:LABO9", "rejouer")
    with pytest.raises(UsageError, match="the action is one of"):
        settle("ORGANISME:LABO9", "effacer")
    assert figures(registry)["externes", "REPRIS", ""] == 4
    assert figures(registry)["externes", "REFUSE", "TRAVAILLEUR_ABSENT"] == 1
    trades = registry.connection.execute(
        "select trade from reference.attachment_status where until_load is null order by 1"
    ).fetchall()
    assert trades == [("IADE",), ("IDE",)]
    registry.verify()
    decide.undo(reg, "ana")
    assert number(registry, _DOSES) == 0
    registry.verify()


def test_a_worker_who_is_nobody_is_rejected_with_his_rows(registry: Any, tmp_path: Path) -> None:
    bodies(registry)
    small(tmp_path)
    part(tmp_path, "travailleurs", worker(1, NIRS[0], NOM="ANONYME"), worker(2, NIRS[1]))
    migrate(registry.registry, tmp_path)
    assert (
        decide.settle(registry.registry, "ANONYME:1", "rejeter", motive="vide", who="ana", value=None, folder=None) == 3
    )
    assert decide.groups(registry.connection) == []
    assert figures(registry)["travailleurs", "REFUSE", "ANONYME"] == 1
    registry.verify()


def test_nothing_in_clear_can_be_a_persons_number(registry: Any, tmp_path: Path) -> None:
    """Fields in each other's place, as old systems have them: only sealed columns hold them."""
    bodies(registry)
    small(tmp_path)
    part(tmp_path, "rattachements", stay(1, SIRETS[0], METIER=f"NOM {NIRS[2]}"))
    part(
        tmp_path,
        "externes",
        passive(1, SIRETS[0], "M0"),
        passive(1, NIRS[2], "M1"),
        passive(1, SIRETS[0], "M2", ORGANISME=NIRS[2]),
        passive(1, f" {NIRS[2]}{key_of(NIRS[2])}", "M3"),
    )
    migrate(registry.registry, tmp_path)
    assert figures(registry)["externes", "EN_ATTENTE", "ETABLISSEMENT"] == 2
    with registry.registry.warehouse.admin() as admin:
        for (table,) in admin.execute(
            "select schemaname || '.' || tablename from pg_tables where schemaname in ('legacy', 'ledger', 'reference')"
        ).fetchall():
            for (line,) in admin.execute(f"select t::text from {table} t").fetchall():
                assert not any(nir in line for nir in NIRS), table


def test_a_small_bench_reconciles() -> None:
    figures_ = measure(2_000, part=500)
    assert figures_["doses"] == 2_000
    assert 0 < figures_["waiting"] < figures_["taken"]


def test_a_part_that_changed_is_refused(registry: Any, tmp_path: Path) -> None:
    bodies(registry)
    small(tmp_path)
    migrate(registry.registry, tmp_path)
    part(tmp_path, "externes", passive(1, SIRETS[0], "M7"))
    with pytest.raises(UsageError, match="has changed"):
        migrate(registry.registry, tmp_path)
    (tmp_path / "externes" / "a.parquet").rename(tmp_path / "externes" / "b.parquet")
    assert migrate(registry.registry, tmp_path).parts == 1, "a further part belongs to the migration that is open"


def test_figures_are_written_for_people_and_machines(registry: Any, tmp_path: Path) -> None:
    bodies(registry)
    small(tmp_path / "ancien")
    migrate(registry.registry, tmp_path / "ancien")
    result = reconcile.reconcile(registry.connection)
    assert reconcile.write(result, tmp_path / "out") == [f"reconciliation.{end}" for end in ("csv", "json", "html")]
    lines = (tmp_path / "out" / "reconciliation.csv").read_text().splitlines()
    assert lines[0].startswith("table;annee;grandeur;recues;repris;en_attente;refuse;doublon;recues_msv;repris_msv")
    assert "externes;2015;PAS-HP10-PHO;1;1;0;0;0;0.1;0.1;0.0;0.0;0.0" in lines
    assert "exactement" in (tmp_path / "out" / "reconciliation.html").read_text()
    for file in (tmp_path / "out").iterdir():
        assert not any(nir in file.read_text() for nir in NIRS)


def test_the_readers_see_a_gap_where_the_registry_lost_a_row(registry: Any, tmp_path: Path) -> None:
    bodies(registry)
    small(tmp_path)
    migrate(registry.registry, tmp_path)
    with registry.registry.warehouse.admin() as admin:
        admin.execute("delete from dose.passive where measure_id = 'M1'")
    result = reconcile.reconcile(registry.connection)
    assert not result.closes
    assert result.gaps == [("PASSIVE", 2025, -1, -100)]


@pytest.mark.slow
def test_a_killed_run_goes_on_after_its_last_part(registry: Any, tmp_path: Path) -> None:
    """SIGKILL as soon as some parts are in: nothing lost, nothing doubled, the end as if undisturbed."""
    bodies(registry)
    simulate(tmp_path, workers=300, doses=6_000, seed=5, day=DAY, part=400)
    settings = dataclasses.replace(registry.settings, today=DAY)
    with running(settings):
        environment = os.environ | settings_environment(settings)
        for wanted in (2, 7, 12):
            process = subprocess.Popen(
                [SISERI, "migrate", str(tmp_path / "ancien")],
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            while process.poll() is None and number(registry, "select count(*) from legacy.part") < wanted:
                time.sleep(0.01)
            process.send_signal(signal.SIGKILL)
            process.wait()
    assert number(registry, "select count(*) from legacy.migration where state = 'EN_COURS'") == 1
    with pytest.raises(UsageError, match="not whole yet"):
        decide.accept(registry.registry, "ana")
    done = migrate(registry.registry, tmp_path / "ancien")
    assert done.taken_before >= 12
    assert figures(registry) == announced(tmp_path)
    registry.verify()
