"""The registry's key exchanged: killed on the way, resumed, and nothing left under the old one."""

from __future__ import annotations

import dataclasses
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import legacy_world as old_world
import pytest
from conftest import Bench
from cryptography.exceptions import InvalidTag
from desk_server import signed_in
from notice_world import World
from senders import (
    CONCLUSION,
    NIR,
    NIR2,
    NIR3,
    PASSIVE,
    RPPS,
    TRAVAILLEURS,
    dose,
    environment,
    file,
    row,
    siseri,
)

from loaders.errors import ServiceMissing, UsageError
from loaders.registry import depots, opened
from loaders.secrets import KeyFiles, RegistryKey
from loaders.services import running
from loaders.settings import Settings
from loaders.warehouse import Warehouse, key_check
from pipelines.decide import Decision, decide
from pipelines.keyring import rotate as rotation
from pipelines.keyring.places import PRINTS, SEALED
from pipelines.listings import queue
from pipelines.questions import ask
from pipelines.requests import Request, record
from pipelines.standing import Proposal, approve, propose
from schemas.identifiers import key_of

STRANGER = "1790113055044"
#: Runs the command's own function with steps of one row, and dies for good at a given word.
KILLED = """
import os, signal, sys
from loaders.services import running
from loaders.settings import Settings
from loaders.warehouse import Warehouse
from pipelines.keyring import prints, rotate, seals
prints.STEP = seals.STEP = 2
said = 0
def say(line):
    global said
    said += 1
    if line.startswith(sys.argv[1]) or str(said) == sys.argv[1]:
        os.kill(os.getpid(), signal.SIGKILL)
settings = Settings.load()
with Warehouse(settings, sys.argv[2]).admin() as admin:
    admin.autocommit = True
    rotate.rotate(admin, settings, "ana", say)
print(said)
"""


class Scene:
    """A registry of its own, so that its key can be exchanged."""

    def __init__(self, home: Path) -> None:
        self.env = environment(home)
        self.settings = Settings.load(self.env)
        self.url = ""

    def siseri(self, *words: str | Path, expect: int = 0) -> Any:
        return json.loads(siseri(self.env, *words, "--json", expect=expect).stdout)

    def sealed(self) -> Iterator[tuple[str, bytes]]:
        """Everything sealed, by place."""
        with Warehouse(self.settings, self.url).admin() as admin:
            for place in SEALED:
                text = f"select {place.column} from {place.table} where {place.column} is not null"
                for (one,) in admin.execute(text):
                    yield place.name, bytes(one)

    def prints(self) -> set[Any]:
        """Every keyed fingerprint."""
        with Warehouse(self.settings, self.url).admin() as admin:
            found = set()
            for name in PRINTS:
                table, column = name.rsplit(".", 1)
                found |= {one for (one,) in admin.execute(f"select {column} from {table}")}
        return found - {None, UUID(int=0)}

    def rotate(self, **told: Any) -> dict[str, Any]:
        with Warehouse(self.settings, self.url).admin() as admin:
            admin.autocommit = True
            return rotation.rotate(admin, self.settings, "ana", lambda _: None, **told)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("cle")
    made = Scene(folder / "home")
    with running(made.settings) as services:
        made.url = services.database_url
        Warehouse(made.settings, made.url).initialise()
        with opened(made.settings) as registry, depots(registry) as client:
            fill(Bench(registry, client))
        small = folder / "ancien"
        old_world.part(small, "etablissements", old_world.place(old_world.SIRETS[0]))
        people = (old_world.worker(1, NIR3, CLE="00"), old_world.worker(2, old_world.NIRS[1], NOM="ANONYME"))
        old_world.part(small, "travailleurs", *people)
        results = (old_world.passive(one, old_world.SIRETS[0], f"L{one}") for one in (1, 2))
        old_world.part(small, "externes", *results)
        made.siseri("migrate", small)
        yield made


def fill(bench: Bench) -> None:
    """An exceedance, its notices and conclusion; rows that wait or were decided on, a question, a standing rule."""
    world = World(bench)
    world.lab(dose("M1", "30"))
    cells = {"ID_DEPASSEMENT": "1", "CONCLUSION": "MAINTENUE", "COMMENTAIRE": "vu avec lui"}
    world.send("DOCTEUR", CONCLUSION, row(CONCLUSION, **cells))
    stranger = {"NIR": STRANGER, "NOM": "DURAND", "PRENOM": "ANNE"}
    world.lab(
        dose("W1", **stranger),
        dose("W2", NIR=f" {NIR2[:6]} {NIR2[6:]} ", NOM="X"),
        dose("W3", NOM="AUTRE"),
        dose("W4", "700"),
    )
    waiting = {one["ligne"]: one["id"] for one in bench.queue()}
    fixed = Decision("corriger", "lu au téléphone", "ana", values=(("NOM", "DUPOND"),))
    decide(bench.connection, bench.registry.key, fixed, {waiting[1]: None})
    ask(bench.connection, bench.registry.key, waiting[4], "Est-ce bien 700 ?", "ana")
    rule = Proposal("NIR", NIR2, NIR, date(2026, 1, 1), "même personne", "ana")
    approve(bench.connection, bench.registry.key, propose(bench.connection, bench.registry.key, rule), "paul")
    asked = Request("ACCES", STRANGER, "mes doses", date(2026, 4, 1), "ana")
    record(bench.connection, bench.registry.key, asked, date(2026, 4, 10))
    bench.run()


def works(scene: Scene, waiting: frozenset[int] = frozenset({1, 3})) -> None:
    """Reading and matching under whatever key is in service; lines that wait."""
    with opened(scene.settings) as registry, depots(registry) as client:
        bench = Bench(registry, client)
        assert {one["ligne"] for one in bench.queue()} >= waiting
        assert NIR in {one[1] for one in bench.doses()}
        bench.drop("LABO1", f"again{len(bench.files('LABO1'))}.csv", file(PASSIVE, dose("M1", "30"), dose("Z1", "1.1")))
        done = bench.run()
        assert not done.incidents
        bench.verify()


def test_every_sealed_column_and_every_fingerprint_is_listed(scene: Scene) -> None:
    with Warehouse(scene.settings, scene.url).admin() as admin:
        found = admin.execute(
            "select format('%s.%s.%s', table_schema, table_name, column_name), udt_name from information_schema.columns"
            " where udt_name in ('bytea', 'uuid') and table_schema not in ('pg_catalog', 'keyring')"
            " and (table_schema, table_name) in (select schemaname, tablename from pg_tables)"
        ).fetchall()
    digests = {  # of files, names, tickets and looks: nothing that hangs on the key
        *("ledger.submission.sha256", "ledger.kept_answer.name_digest", "legacy.part.sha256", "access.ticket.digest"),
        *("ledger.submission.clear_sha256", "access.agreement.digest", "mart.segment.rows", "mart.segment.gone"),
        *("access.opened_contract.digest", "access.opened_worker.digest", "audit.link.digest", "audit.head.digest"),
    }
    assert {name for name, kind in found if kind == "bytea"} - digests == {place.name for place in SEALED}
    assert {name for name, kind in found if kind == "uuid"} - {"mart.comparison.report"} == set(PRINTS)


def test_a_rotation_killed_at_every_step_goes_on_to_its_end(scene: Scene) -> None:
    before, files = RegistryKey.load(scene.settings.key_file), KeyFiles(scene.settings.key_file)
    told = {name for name, _ in scene.sealed()}
    assert told == {place.name for place in SEALED}, "the scene fills every place"
    prints = scene.prints()
    assert before.fingerprint(STRANGER) in prints
    killed, between = 0, False
    for at in ("1", "2", "1", "clé échangée", "2", "9"):
        done = subprocess.run(
            [sys.executable, "-c", KILLED, at, scene.url],
            env=scene.env,
            capture_output=True,
            text=True,
            timeout=120,
        )
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
        killed += 1
        with Warehouse(scene.settings, scene.url).admin() as admin:
            between |= files.under(str(key_check(admin))) == files.next
        assert scene.siseri("key", "status")["etape"] in ("PREPARATION", "RESCELLEMENT")
        works(scene)
    assert killed > 4
    assert between, "once between the exchange and the renaming of the files"
    assert scene.siseri("key", "rotate")["etape"] == "AUCUNE"
    after = RegistryKey.load(scene.settings.key_file)
    assert list(files.secrets()) == [scene.settings.key_file]
    assert before.check_value() != after.check_value()
    for name, sealed in scene.sealed():
        assert not before.made(sealed), name
        assert after.made(sealed), name
    now = scene.prints()
    assert now.isdisjoint(prints)
    assert after.fingerprint(STRANGER) in now
    assert len(now) >= len(prints)
    assert [one["etat"] for one in scene.siseri("key", "list")] == ["EN_SERVICE", "ANCIENNE"]
    assert before.pseudonyms("2026-1").of("person", [1, 2]) == after.pseudonyms("2026-1").of("person", [1, 2])
    with Warehouse(scene.settings, scene.url).admin() as admin:
        (counted,) = admin.execute("select orphans, prints from keyring.rotation").fetchall()
        assert counted[0] == 0
        assert admin.execute("select count(*) from keyring.print").fetchone() == (0,)


def test_everything_works_under_the_new_key(scene: Scene, tmp_path: Path) -> None:
    """Waiting rows are found by those who declare, decisions are taken back, nobody is told twice."""
    scene.rotate()
    works(scene)
    with opened(scene.settings) as registry, depots(registry) as client:
        bench = Bench(registry, client)
        told = bench.connection.execute("select count(*) from exposure.notice").fetchone()
        person = row(
            TRAVAILLEURS, NIR=STRANGER, CLE=key_of(STRANGER), NOM="DURAND", PRENOM="ANNE", DATENAISSANCE="12/01/1979"
        )
        bench.drop("EMPL", "nouvelle.csv", file(TRAVAILLEURS, person))
        bench.run()
        assert bench.connection.execute("select count(*) from exposure.notice").fetchone() == told
        left = {one["ligne"]: one for one in bench.queue()}
        assert "IDT-06" not in left[1]["codes"]
        bench.verify()
        counted = bench.connection.execute(
            "select count(*) from queue.cause c where c.rows <> (select count(*) from queue.entry e where e.until_load"
            " is null and e.partner_id = c.partner_id and e.format = c.format and e.hold_codes = c.hold_codes and"
            " e.cause_siret = c.cause_siret and e.cause_person = c.cause_person and e.cause_motive = c.cause_motive)"
        ).fetchone()
        assert counted == (0,)
    one = str(left[4]["id"])
    scene.siseri("queue", "decide", one, "--action", "confirmer", "--motif", "vu", "--par", "ana")
    (first, *_) = [one for one in scene.siseri("queue", "journal") if one["action"] == "corriger"]
    scene.siseri("queue", "undo", str(first["id"]), "--motif", "erreur", "--par", "ana")
    out = tmp_path / "releve.pdf"
    siseri(scene.env, "statement", "--nir", NIR, "--as", f"MDT:{RPPS}", "--out", out)
    assert out.read_bytes().startswith(b"%PDF")
    assert all(one["tenu"] for one in scene.siseri("verify"))
    after = RegistryKey.load(scene.settings.key_file)
    assert all(after.made(sealed) for _, sealed in scene.sealed())


def test_the_exchange_waits_for_work_under_way(scene: Scene) -> None:
    before = RegistryKey.load(scene.settings.key_file).check_value()
    with opened(scene.settings, sftp=False) as registry:
        with pytest.raises(ServiceMissing, match="works under the key"):
            scene.rotate(patience_s=0.3)
        assert registry.warehouse.key().check_value() == before
        siseri(scene.env, "key", "rotate", "--patience", "0.3", expect=3)
    assert scene.siseri("key", "status")["etape"] == "PREPARATION"
    # The key that was to follow is lost before anything hangs on it: another one is drawn.
    KeyFiles(scene.settings.key_file).next.unlink()
    assert scene.siseri("key", "rotate", "--preparer")["etape"] == "PREPARATION"
    assert [one["etat"] for one in scene.siseri("key", "list")][:2] == ["PROCHAINE", "EN_SERVICE"]
    assert scene.rotate()["etape"] == "AUCUNE"
    works(scene)


def test_the_desk_takes_up_the_new_key(scene: Scene) -> None:
    with signed_in(dataclasses.replace(scene.settings, database_url=scene.url)) as analyst:
        assert analyst.get("/").status_code == 200
        scene.rotate()
        assert analyst.get("/").status_code == 503
        assert analyst.get("/").status_code == 200
        with opened(scene.settings, sftp=False) as registry:
            (entry,) = [one["id"] for one in queue(registry.connection, registry.key) if one["ligne"] == 3]
        assert NIR in analyst.get(f"/lignes/{entry}").text


def test_a_seal_that_no_key_opens_keeps_the_old_key(scene: Scene) -> None:
    """Something sealed under a third key: refused before the old one is gone, and the rest is not lost."""
    with Warehouse(scene.settings, scene.url).admin() as admin:
        admin.execute("update queue.message set sealed = sealed || '\\x00'")
    with pytest.raises(InvalidTag):
        scene.rotate()
    files = KeyFiles(scene.settings.key_file)
    assert files.old.exists()
    assert scene.siseri("key", "status")["ancienne_cle_presente"] is True
    with Warehouse(scene.settings, scene.url).admin() as admin:
        admin.execute("update queue.message set sealed = substr(sealed, 1, length(sealed) - 1)")
    assert scene.rotate()["etape"] == "AUCUNE"
    assert not files.old.exists()


def test_a_backup_from_before_keeps_the_key_it_needs(scene: Scene) -> None:
    """The database is under the old key again: it opens, and no exchange begins that would remove that key."""
    files = KeyFiles(scene.settings.key_file)
    files.path.rename(files.old)
    files.path.write_bytes(bytes(32))
    works(scene, frozenset({3}))
    with pytest.raises(UsageError, match=files.old.name):
        scene.rotate()
    files.old.replace(files.path)
    works(scene, frozenset({3}))
