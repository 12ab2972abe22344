"""Canaries through everything that came after the corridor, each place made to fail while it holds them.

A trap is a trigger that refuses a row and quotes it whole, in message, detail and hint, as PostgreSQL quotes the rows
that its own constraints refuse.
"""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import legacy_world as old_world
import psycopg
import pyarrow.parquet as pq
import pytest
from canaries import FIRST, KNOWN, NAMES, STRANGER, Scene, holds
from desk_server import ANALYST, signed_in
from senders import (
    CONCLUSION,
    DESIGNATIONS,
    ESTABLISSEMENTS,
    PASSIVE,
    RPPS,
    SIREN,
    TRAVAILLEURS,
    dose,
    file,
    row,
    siseri,
)

from cli.main import command
from loaders.orchestrator import airflow_environment, prepare
from loaders.postgres_server import PostgresServer
from loaders.services import running
from loaders.settings import Settings, project_root
from schemas.identifiers import key_of

ROOT = project_root()
#: What the sender called its file: a name may hold anything, and is the sender's to read.
NAMED = f"{KNOWN}-{NAMES[0]}.csv"
TRAP = """
create function public.quote_it() returns trigger language plpgsql as $$
begin
    raise exception 'refused: %', new::text using detail = new::text, hint = new::text;
end $$
"""


def commanded(env: dict[str, str], here: Path, *words: str | Path) -> tuple[int, str, str]:
    """The command as the console script runs it, in this process (its imports take seconds): status, output, errors.

    What is logged from INFO on counts as said on standard error.
    """
    out, beside = io.StringIO(), io.StringIO()
    handler = logging.StreamHandler(beside)
    root, level = logging.getLogger(), logging.getLogger().level
    status = 0
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(beside):
        for name, value in env.items():
            patch.setenv(name, value)
        patch.setattr(sys, "argv", ["siseri", *map(str, words)])
        patch.chdir(here)
        root.addHandler(handler)
        root.setLevel(logging.INFO)
        try:
            command()
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 1 if end.code else 0
        finally:
            root.setLevel(level)
            root.removeHandler(handler)
    return status, out.getvalue(), beside.getvalue()


class Everywhere(Scene):
    """A scene whose temporary files and current folder are watched."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "home")
        self.folder, self.tmp, self.here = folder, folder / "tmp", folder / "ici"
        for one in (self.tmp, self.here):
            one.mkdir()
        self.env |= {"TMPDIR": str(self.tmp), "PYTHONFAULTHANDLER": "1"}
        self.wanted: list[str] = []
        self._files = self.exceedance = 0

    def ask(self, *words: str | Path, shows: bool = False, today: str = "2026-04-10", expect: int | None = None) -> Any:
        """Run a command. ``shows``: it is asked for persons, and only what it says beside its answer is watched."""
        status, out, beside = commanded(self.env | {"SISERI_TODAY": today}, self.here, *words)
        (self.wanted if shows else self.said).append(out)
        self.said.append(beside)
        assert expect is None or status == expect, (words, status, beside[-2000:])
        return subprocess.CompletedProcess(words, status, out, beside)

    def send(self, code: str, header: str, *rows: str, name: str | None = None) -> None:
        self._files += 1
        self.deposit(self.here, code, name or f"f{self._files}.csv", file(header, *rows))
        for left in self.here.glob("*.csv"):
            left.unlink()

    @contextmanager
    def trap(self, table: str, when: str = "insert") -> Iterator[None]:
        with psycopg.connect(PostgresServer(self.home).url(), autocommit=True) as admin:
            admin.execute(f"create trigger a_trap before {when} on {table} for each row execute function quote_it()")
            try:
                yield
            finally:
                admin.execute(f"drop trigger a_trap on {table}")

    def failing(self, table: str, *words: str | Path, **more: Any) -> None:
        """A command meets a trap, and says so without a word of what it held."""
        with self.trap(table):
            done = self.ask(*words, **more)
        assert done.returncode != 0, (table, words)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Everywhere]:
    scene = Everywhere(tmp_path_factory.mktemp("partout"))
    with running(scene.settings):
        people(scene)
        refusals(scene)
        questions(scene)
        publications(scene)
        history(scene)
        dags(scene)
        yield scene


def people(scene: Everywhere) -> None:
    """A worker above the limit, everybody who is told of it, a stranger who waits."""
    scene.ask("init", expect=0)
    with psycopg.connect(PostgresServer(scene.home).url(), autocommit=True) as admin:
        admin.execute(TRAP)
    for code, role, *more in (
        *(("ASNR", "GESTIONNAIRE"), ("EMPL", "EMPLOYEUR", "--siren", SIREN), ("LABO1", "OA"), ("LABO2", "OA")),
        *(("DOCTEUR", "MDT", "--identifiant", RPPS), ("CONSEIL", "CRP", "--identifiant", "PCR-7")),
        *(("DGT", "DGT"), ("DSND", "DSND")),
    ):
        scene.ask("partner", "add", code, "--role", role, *more, expect=0)
    scene.send("ASNR", ESTABLISSEMENTS, row(ESTABLISSEMENTS))
    charges = (("OA", "LABO1"), ("MDT", RPPS), ("CRP", "PCR-7"))
    named = {"NOM": NAMES[2], "PRENOM": FIRST[2]}
    scene.send("ASNR", DESIGNATIONS, *(row(DESIGNATIONS, ROLE=one, IDENTIFIANT=who, **named) for one, who in charges))
    scene.send("EMPL", TRAVAILLEURS, row(TRAVAILLEURS, NIR=KNOWN, CLE=key_of(KNOWN), NOM=NAMES[0], PRENOM=FIRST[0]))
    scene.ask("run", "--json", expect=0)


def refusals(scene: Everywhere) -> None:
    """The database refuses each thing that a pass writes, one after the other; then the pass gets through."""
    known = {"NIR": KNOWN, "NOM": NAMES[0], "PRENOM": FIRST[0]}
    stranger = {"NIR": STRANGER, "NOM": NAMES[1], "PRENOM": FIRST[1]}
    scene.send(
        "LABO1", PASSIVE, dose("A1", "30", **known), dose("A2", **stranger), dose("A3", "-1", **known), name=NAMED
    )
    for table in ("queue.entry", "ledger.row_entry", "ledger.book", "dose.passive"):
        scene.failing(table, "run", "--json")
    scene.failing("exposure.exceedance", "run")
    scene.failing("exposure.exceedance", "exceedances", "detect")
    scene.ask("exceedances", "detect", expect=0)
    scene.failing("exposure.notice", "run")
    scene.ask("run", expect=0)
    other = row(TRAVAILLEURS, NIR="2840513198765", CLE=key_of("2840513198765"), NOM=NAMES[2], PRENOM=FIRST[2], SEXE="F")
    scene.send("EMPL", TRAVAILLEURS, other.replace("12/06/1985", "12/05/1984"))
    for table in ("identity.civil", "identity.identifier", "reference.attachment_status"):
        scene.failing(table, "run")
    (found,) = json.loads(scene.ask("exceedances", "list", "--json", shows=True, expect=0).stdout)
    scene.exceedance = found["id"]
    told = {"ID_DEPASSEMENT": str(found["id"]), "NIR": KNOWN, "COMMENTAIRE": f"{NAMES[0]} {FIRST[0]} {KNOWN} vu"}
    scene.send("DOCTEUR", CONCLUSION, row(CONCLUSION, **told))
    scene.failing("exposure.conclusion", "run")
    scene.ask("run", expect=0)
    scene.ask("run", today="2026-05-02", expect=0)  # the month's lists
    scene.failing("ledger.monthly_list", "run", today="2026-06-02")
    scene.ask("exceedances", "show", str(found["id"]), shows=True, expect=0)


def questions(scene: Everywhere) -> None:
    """Analysts' words, standing decisions and statements, in trouble."""
    entry = str(json.loads(scene.ask("queue", "list", "--json", shows=True).stdout)[0]["id"])
    why = ("--motif", "vu", "--par", "anna")
    text = f"Est-ce {NAMES[0]} {KNOWN} ?"
    scene.failing("queue.message", "queue", "ask", entry, "--texte", text, "--par", "anna")
    scene.failing(
        "queue.decision", "queue", "decide", entry, "--action", "corriger", "--champ", "NOM", "--valeur", NAMES[2], *why
    )
    standing = (
        "queue",
        "standing",
        "propose",
        "--genre",
        "NIR",
        "--recu",
        STRANGER,
        "--lu",
        KNOWN,
        "--du",
        "2026-01-01",
    )
    scene.failing("queue.standing", *standing, *why)
    scene.failing("audit.look", "queue", "show", entry, shows=True)
    out = scene.folder / "releve.pdf"
    scene.failing("access.ticket", "statement", "--nir", KNOWN, "--as", f"MDT:{RPPS}", "--out", out)
    assert not out.exists()
    scene.ask("statement", "--nir", KNOWN, "--as", f"MDT:{RPPS}", "--out", out, expect=0)
    for words in (("checks", "list"), ("unusual", "evaluate"), ("unusual", "list"), ("checks", "list", "--json")):
        scene.ask(*words, shows="list" in words)
    scene.ask("workers", "list", "--json", shows=True, expect=0)


def publications(scene: Everywhere) -> None:
    """Editions, statistics, a research extract, the audit for an inspection: nobody is in them."""
    for words in (
        ("stats", "2026", "--out", scene.folder / "tables"),
        ("editions", "propose", "2026", "--par", "anna"),
        ("editions", "list", "--json"),
        ("audit", "list", "--nir", KNOWN, "--json"),
        ("audit", "export", "--nir", KNOWN, "--out", scene.folder / "audit.csv"),
    ):
        scene.ask(*words, expect=0)
    agreement = scene.folder / "convention.json"
    agreement.write_text(json.dumps(AGREEMENT))
    extract = ("export", "research", "--agreement", agreement, "--out", scene.folder / "extrait")
    scene.failing("audit.research_export", *extract)
    scene.ask(*extract, expect=0)
    scene.failing("ledger.edition", "editions", "propose", "2025", "--par", "anna")


def history(scene: Everywhere) -> None:
    """An old registry whose rows name the canaries, good, faulty and waiting."""
    folder = scene.folder / "ancien"
    place = old_world.SIRETS[0]
    old_world.part(folder, "etablissements", old_world.place(place))
    rows = (
        old_world.worker(1, KNOWN, NOM=NAMES[0].lower(), PRENOM=FIRST[0], CLE="00"),
        old_world.worker(2, STRANGER, NOM="ANONYME", PRENOM=FIRST[1]),
        old_world.worker(3, STRANGER, NIR=f"{STRANGER[:12]}X", NOM=NAMES[1], PRENOM=FIRST[1], CLE="11"),
    )
    old_world.part(folder, "travailleurs", *rows)
    old_world.part(folder, "rattachements", old_world.stay(1, place), old_world.stay(2, place, METIER=NAMES[1]))
    results = (
        old_world.passive(one, place, f"L{one}", ORGANISME=NAMES[1] if one == 1 else "LABO1") for one in (1, 2, 3)
    )
    old_world.part(folder, "externes", *results)
    report = scene.folder / "reprise"
    for table in ("legacy.worker", "legacy.repair", "legacy.movement", "legacy.waiting"):
        scene.failing(table, "migrate", folder, "--rapport", report)
    scene.ask("migrate", folder, "--rapport", report, "--json", expect=0)
    groups = json.loads(scene.ask("migrate", "--groupes", "--json", expect=0).stdout)
    assert groups
    for one in groups:
        action = ("--action", "rattacher", "--valeur", KNOWN, "--motif", "vu", "--par", "anna")
        scene.ask("migrate", "--groupe", one["groupe"], *action)


AGREEMENT = {
    "numero": "2026-014",
    "titulaire": "Unité d'épidémiologie",
    "finalite": "Cohorte",
    "expire_le": "2027-12-31",
    "periode": {"debut": "2026-01-01", "fin": "2026-12-31"},
    "mesures": ["PASSIVE"],
    "variables": ["sexe", "type_mesure", "debut", "dose_usv"],
    "dates": "mois",
    "risque": {"quasi_identifiants": ["sexe"], "seuil_k": 1},
}
DAGS = """
import importlib
for name in {names}:
    flow = getattr(importlib.import_module(name), name)()
    for one in flow.tasks:  # a failure is wanted once, not four times ten seconds apart
        if hasattr(one, "partial_kwargs"):
            one.partial_kwargs["retries"] = 0
        else:
            one.retries = 0
    print(name, flow.test().state)
"""
FLOWS = (
    "siseri_collect",
    "siseri_integrate",
    "siseri_release",
    "siseri_exceedances",
    "siseri_monthly",
    "siseri_unusual",
)


def dags(scene: Everywhere) -> None:
    """The flows with canaries on the way, once each against a trap, once through."""
    known = {"NIR": KNOWN, "NOM": NAMES[0], "PRENOM": FIRST[0]}
    stranger = {"NIR": STRANGER, "NOM": NAMES[1], "PRENOM": FIRST[1]}
    settings = Settings.load(scene.env)
    with running(settings) as services:
        environment = prepare(settings, services) | {"PYTHONPATH": str(ROOT / "dags"), "TMPDIR": str(scene.tmp)}
        script = DAGS.format(names=FLOWS)
        for at, traps in enumerate((("dose.passive",), ("exposure.notice", "queue.entry"), ())):
            rows = (dose(f"D{at}", f"3{at}", **known), dose(f"E{at}", **stranger))
            scene.send("LABO1", PASSIVE, *rows, name=f"{at}{NAMED}")
            with ExitStack() as stack:
                for table in traps:
                    stack.enter_context(scene.trap(table))
                done = subprocess.run(
                    [sys.executable, "-c", script],
                    env=environment,
                    cwd=ROOT,
                    capture_output=True,
                    text=True,
                    check=False,
                )
            scene.said += [done.stdout, done.stderr]
        assert "siseri_unusual" in done.stdout, done.stderr[-3000:]
        url = airflow_environment(settings, services)["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].replace("+psycopg", "")
        with psycopg.connect(url) as connection:
            named = connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
            for (table,) in named:
                rows = "\n".join(one for (one,) in connection.execute(f'select t::text from "{table}" t').fetchall())
                assert holds(rows) == [], table


def test_nothing_said_names_anybody(scene: Everywhere) -> None:
    for said in scene.said:
        if NAMED in said:  # `submissions` alone may say what the sender called its file, and is not asked here
            pytest.fail("a file's name")
        assert holds(said) == [], said[:3000]


def test_no_file_of_ours_names_anybody(scene: Everywhere) -> None:
    """Logs of every service, Airflow's folder, working folders: all that lies outside what belongs to persons."""
    # Arrivals hold what senders called their files, as the ledger does.
    apart = {scene.home / name for name in ("sftp", "archive", "arrivals", "postgres")}
    seen = set()
    for path in scene.home.rglob("*"):
        if path.is_file() and not any(one in path.parents for one in apart):
            seen.add(path.name)
            assert holds(path.read_bytes()) == [], path
            assert holds(path.name) == [], path
    assert {"postgres.log", "sftp.log", "roles.json"} <= seen


def test_the_database_s_files_hold_no_number_of_a_person(scene: Everywhere) -> None:
    """PostgreSQL's own logs and temporary files say nothing; no table holds a number in clear."""
    with psycopg.connect(PostgresServer(scene.home).url(), autocommit=True) as admin:
        admin.execute("checkpoint")
        admin.execute("update ledger.submission set file_name = md5(file_name) where file_name like %s", (f"%{NAMED}",))
    folder = PostgresServer(scene.home).data
    logs = [one for one in folder.rglob("*") if one.is_file() and "log" in one.suffix]
    for path in (*logs, *folder.rglob("pgsql_tmp/*")):
        assert holds(path.read_bytes()) == [], path
    with psycopg.connect(PostgresServer(scene.home).url()) as admin:
        tables = admin.execute(
            "select format('%I.%I', schemaname, tablename) from pg_tables"
            " where schemaname not in ('pg_catalog', 'information_schema')"
        ).fetchall()
        for (table,) in tables:
            text = "\n".join(one for (one,) in admin.execute(f"select t::text from {table} t").fetchall())
            numbers = [one for one in holds(text) if one[0].isdigit()]
            assert numbers == [], table


def test_temporary_and_current_folders_are_clean(scene: Everywhere) -> None:
    for folder in (scene.tmp, scene.here):
        for path in folder.rglob("*"):
            assert holds(path.name) == [], path
            if path.is_file():
                assert holds(path.read_bytes()) == [], path
    assert list(scene.here.iterdir()) == [], "no core, no crash report where a command ran"


def test_what_is_published_names_nobody(scene: Everywhere) -> None:
    """Tables, an extract, its manifest and codebook, the audit, the report of the migration."""
    for name in ("tables", "extrait", "reprise"):
        files = [one for one in (scene.folder / name).rglob("*") if one.is_file()]
        assert files, name
        for path in files:
            assert holds(path.read_bytes()) == [], path
            if path.suffix == ".parquet":
                assert holds(str(pq.read_table(path).to_pylist())) == [], path
    assert holds((scene.folder / "audit.csv").read_bytes()) == []


def test_each_reader_s_folder_holds_only_what_it_may(scene: Everywhere) -> None:
    def retour(code: str) -> dict[str, bytes]:
        folder = scene.home / "sftp" / code / "retour"
        return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    assert any(name.startswith("depassement-") for name in retour("DGT"))
    for code in ("DGT", "DSND", "LABO2"):
        for name, body in retour(code).items():
            assert holds(body) == [], (code, name)
    for code in ("EMPL", "CONSEIL", "DOCTEUR"):
        for name, body in retour(code).items():
            assert NAMED.encode() not in body, (code, name)
            assert STRANGER.encode() not in body or name == "a-declarer.csv", (code, name)
    assert KNOWN.encode() in b"".join(retour("DOCTEUR").values())
    for name, body in retour("EMPL").items():
        assert b"30.000" not in body, name


def test_the_desk_s_log_names_nobody(scene: Everywhere, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with signed_in(scene.settings, ANALYST) as analyst:
        for path in (
            "/",
            "/depassements",
            f"/depassements/{scene.exceedance}",
            "/inhabituelles",
            "/controles",
            "/journal",
            "/permanentes",
        ):
            assert analyst.get(path).status_code < 400, path
        assert analyst.post("/recherche", {"texte": KNOWN}).status_code < 500
        entry = json.loads(siseri(scene.env, "queue", "list", "--json").stdout)[0]["id"]
        with scene.trap("queue.message"):
            shown = analyst.post(f"/lignes/{entry}/question", {"texte": f"{NAMES[0]} {KNOWN}"})
            assert shown.status_code >= 400, shown.text[:500]
            assert holds(shown.text) == []
        with scene.trap("audit.look"):
            for path in (f"/lignes/{entry}", f"/depassements/{scene.exceedance}"):
                shown = analyst.get(path)
                assert shown.status_code >= 400, shown.text[:500]
                assert holds(shown.text) == []
    assert holds("\n".join(one.getMessage() + str(one.exc_info or "") for one in caplog.records)) == []


def test_an_error_of_the_database_quotes_nothing(scene: Everywhere) -> None:
    from loaders.warehouse import Warehouse

    with running(scene.settings) as services:
        warehouse = Warehouse(scene.settings, services.database_url)
    with warehouse.admin() as admin:
        for text in (
            "insert into identity.civil select worker_id, last_name, first_name, folded_last_name, folded_first_name,"
            " birth_day, sex, since_load, until_load, submission_id, line from identity.civil limit 1",
            f"select '{NAMES[0]}'::integer",
            f"do $$ begin raise exception '{KNOWN}' using detail = '{NAMES[0]}'; end $$",
        ):
            with pytest.raises(psycopg.Error) as caught:
                admin.execute(text)
            admin.rollback()
            assert holds(str(caught.value) + repr(caught.value)) == []
            assert caught.value.sqlstate in str(caught.value)
        with pytest.raises(psycopg.Error) as caught, admin.cursor().copy("copy identity.civil from stdin") as copy:
            copy.write(f"{KNOWN}\t{NAMES[0]}\n".encode())
        assert holds(str(caught.value)) == []


def test_a_process_that_holds_the_key_dumps_no_core(scene: Everywhere) -> None:
    script = (
        "import os, resource, sys; from pathlib import Path; from loaders.secrets import RegistryKey;"
        "resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2);"
        f"RegistryKey.load(Path({str(scene.settings.key_file)!r}));"
        f"canary = {KNOWN!r}; print(resource.getrlimit(resource.RLIMIT_CORE)[0], flush=True); os.abort()"
    )
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", script],
        cwd=scene.here,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() in ("0", "1")
    assert "Aborted" in done.stderr
    assert os.listdir(scene.here) == []
