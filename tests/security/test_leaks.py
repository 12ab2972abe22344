"""Canaries: NIRs and names that must appear nowhere but where they belong, whatever happens on the way."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from canaries import BROKEN, FIRST, KNOWN, NAMES, STRANGER, Scene, holds
from senders import (
    DESIGNATIONS,
    ESTABLISSEMENTS,
    OPERATIONNELLE,
    PASSIVE,
    SIREN,
    SISERI,
    TRAVAILLEURS,
    dose,
    file,
    row,
    siseri,
)

from loaders.errors import WarehouseRefused
from loaders.postgres_server import PostgresServer
from loaders.registry import opened
from loaders.services import running
from pipelines import integrate as corridor
from schemas.identifiers import key_of

#: Constraints that make the database refuse a row, and quote it.
TRAPS = {"dose.passive": "value_usv <> 7772", "identity.civil": "last_name <> 'ZORGLUBNEUF'"}
#: A dose that nothing else is worth.
DOSE = "7.771"


def rows() -> list[str]:
    """Good, waiting, rejected, doubled, ragged rows, each with canaries in its cells."""
    known = {"NIR": KNOWN, "NOM": NAMES[0], "PRENOM": FIRST[0]}
    stranger = {"NIR": STRANGER, "NOM": NAMES[1], "PRENOM": FIRST[1]}
    return [
        dose("C1", DOSE, **known),
        dose("C1", DOSE, **known),
        dose("C2", DOSE, **stranger),
        dose("C3", "-1", **known),
        dose("C4", NIR=BROKEN, NOM=NAMES[2], PRENOM=FIRST[2]),
        dose("C5", **(known | {"NOM": NAMES[2]})),
        dose("C6", VALEUR=KNOWN, DATE_FIN_PORT=NAMES[0], **known),
        dose("C7", TYPE_MESURE=NAMES[0], LOCALISATION=FIRST[0], **known),
        f"{KNOWN};{NAMES[0]};{FIRST[0]}",
        dose("C8", **(known | {"NOM": "ZORGLUB\x07VIEUX"})),
    ]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("canaries")
    scene = Scene(folder / "home")
    with running(scene.settings):
        scene.siseri("init")
        scene.siseri("partner", "add", "ASNR", "--role", "GESTIONNAIRE")
        scene.siseri("partner", "add", "EMPL", "--role", "EMPLOYEUR", "--siren", SIREN)
        for code in ("LABO1", "LABO2"):
            scene.siseri("partner", "add", code, "--role", "OA")
        scene.siseri("partner", "add", "SITE", "--role", "EXPLOITANT")
        scene.deposit(folder, "ASNR", "sirene.csv", file(ESTABLISSEMENTS, row(ESTABLISSEMENTS)))
        scene.deposit(folder, "ASNR", "des.csv", file(DESIGNATIONS, row(DESIGNATIONS, NOM=NAMES[0], PRENOM=FIRST[0])))
        person = row(TRAVAILLEURS, NIR=KNOWN, CLE=key_of(KNOWN), NOM=NAMES[0], PRENOM=FIRST[0])
        bad = row(TRAVAILLEURS, NIR=KNOWN, CLE="00", NOM=NAMES[1], PRENOM=FIRST[1], DATENAISSANCE=NAMES[2])
        scene.deposit(folder, "EMPL", "liste.csv", file(TRAVAILLEURS, person, bad))
        scene.deposit(folder, "LABO1", "mars.csv", file(PASSIVE, *rows()))
        passages = [row(OPERATIONNELLE, NIR=KNOWN, ACTIVITE=NAMES[1]), row(OPERATIONNELLE, NIR=STRANGER, LIEU=NAMES[1])]
        scene.deposit(folder, "SITE", "ope.csv", file(OPERATIONNELLE, *passages))
        scene.deposit(folder, "LABO1", "refuse.csv", file(PASSIVE, dose("R1", NIR=KNOWN, NOM=f'"{NAMES[0]}')))
        scene.deposit(folder, "LABO1", "texte.csv", f"{KNOWN};{NAMES[0]}\n{STRANGER}\n".encode())
        scene.siseri("run", "--json")

        # The database refuses a statement that holds values: an incident.
        with psycopg.connect(PostgresServer(scene.home).url()) as admin:
            admin.execute("alter table queue.entry add constraint never check (line <> 77) not valid")
            admin.execute("alter table dose.passive add constraint never check (value_usv <> 7772) not valid")
            admin.execute(
                "alter table identity.civil add constraint never check (last_name <> 'ZORGLUBNEUF') not valid"
            )
        values = {"NIR": KNOWN, "NOM": NAMES[0], "PRENOM": FIRST[0]}
        scene.deposit(folder, "LABO1", "incident.csv", file(PASSIVE, dose("I1", "7.772", **values)))
        person = row(TRAVAILLEURS, NIR=STRANGER, CLE=key_of(STRANGER), NOM=NAMES[1], PRENOM=FIRST[1], SEXE="F")
        person = person.replace("12/06/1985", "12/05/1984")
        scene.deposit(folder, "EMPL", "incident.csv", file(TRAVAILLEURS, person))
        facts = json.loads(scene.siseri("run", "--json", expect=1).stdout)
        assert facts["incidents"] == 2

        # The database goes away in the middle, then comes back.
        (folder / "gros.csv").write_bytes(file(PASSIVE, *(dose(f"G{at}", **values) for at in range(20_000))))
        scene.deposit(folder, "LABO1", "gros.csv", (folder / "gros.csv").read_bytes())
        process = subprocess.Popen(
            [SISERI, "run"], env=scene.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        time.sleep(1.2)
        pid = PostgresServer(scene.home).pid()
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        scene.said += process.communicate(timeout=120)
        scene.siseri("run", expect=1)
        with psycopg.connect(PostgresServer(scene.home).url()) as admin:
            for table in TRAPS:
                admin.execute(f"alter table {table} drop constraint never")
        scene.siseri("run", "--json")
        scene.siseri("verify", "--json")
        # Twenty thousand doses of one person: an exceedance, found without a word.
        assert json.loads(scene.siseri("exceedances", "detect", "--json").stdout)["depassements"] > 0
        decisions(scene)
        for words in (
            *(("submissions",), ("submissions", "--json"), ("queue", "list"), ("partner", "list"), ("status",)),
            *(("queue", "causes", "--json"), ("queue", "journal"), ("queue", "journal", "--json")),
        ):
            scene.siseri(*words)
        yield scene


def decisions(scene: Scene) -> None:
    """An analyst corrects, attaches, asks, takes back, proposes a standing decision; some of it is refused."""

    def waiting() -> str:
        (one,) = json.loads(siseri(scene.env, "queue", "list", "--json").stdout)
        return str(one["id"])

    named = waiting()
    decided = ("queue", "decide", "--motif", "vu", "--par", "anna", "--action")
    scene.siseri(*decided, "rattacher", named, "--apercu")
    done = scene.siseri(*decided, "rattacher", named, "--json")
    scene.siseri("queue", "undo", str(json.loads(done.stdout)["decision"]), "--motif", "erreur", "--par", "anna")
    other = waiting()
    scene.siseri(*decided, "corriger", other, "--champ", "NOM", "--valeur", NAMES[2], expect=None)
    scene.siseri(*decided, "corriger", other, "--champ", "NIR", "--valeur", BROKEN, expect=2)
    scene.siseri(*decided, "rattacher", other, "--champ", "NIR", "--valeur", "2900669123011", expect=2)
    scene.siseri("queue", "ask", other, "--texte", f"Est-ce {NAMES[0]} {KNOWN} ?", "--par", "anna")
    standing = ("queue", "standing", "propose", "--genre", "NIR", "--du", "2026-01-01", "--motif", "x", "--par", "anna")
    scene.siseri(*standing, "--recu", "1850675198726", "--lu", KNOWN)
    scene.siseri(*standing, "--recu", KNOWN, "--lu", BROKEN, expect=2)
    with tempfile.TemporaryDirectory() as folder:
        for who, nir, status in (
            ("AGENT:I1", KNOWN, 0),
            (f"TRAVAILLEUR:{KNOWN}", KNOWN, 0),
            (f"TRAVAILLEUR:{STRANGER}", KNOWN, 2),
            ("AGENT:I1", "2900669123011", 2),
            ("CRP:INCONNU", KNOWN, 2),
            ("AGENT:I1", BROKEN, 2),
        ):
            out = Path(folder) / f"releve-{status}.pdf"
            scene.siseri("statement", "--nir", nir, "--as", who, "--out", out, "--json", expect=status)


def test_the_incidents_are_over(scene: Scene) -> None:
    listed = json.loads(siseri(scene.env, "submissions", "--json").stdout)
    by_name = {(one["emetteur"], one["fichier"]): one for one in listed}
    assert by_name["LABO1", "incident.csv"]["statut"] == by_name["EMPL", "incident.csv"]["statut"] == "INTEGRE"
    assert by_name["LABO1", "gros.csv"]["lignes"]["integrees"] == 20_000
    for code in ("LABO1", "EMPL"):
        assert not list((scene.home / "sftp" / code / "retour").glob("*.incident.json"))


def test_nothing_said_by_commands_names_anybody(scene: Scene) -> None:
    assert holds("\n".join(scene.said)) == []
    assert "7.77" not in "\n".join(scene.said)


def test_no_log_names_anybody(scene: Scene) -> None:
    logs = [path for path in (scene.home / "log").rglob("*") if path.is_file()]
    assert {"postgres.log", "sftp.log"} <= {path.name for path in logs}
    for path in logs:
        assert holds(path.read_bytes()) == [], path.name
        assert b"mars.csv" not in path.read_bytes(), path.name


def test_the_queue_list_names_nobody_but_what_it_proposes(scene: Scene) -> None:
    listed = json.loads(siseri(scene.env, "queue", "list", "--json").stdout)
    assert listed
    for one in listed:
        one.pop("propositions")
    assert holds(json.dumps(listed, ensure_ascii=False)) == []


def test_nothing_stays_in_the_working_folders(scene: Scene) -> None:
    for name in ("staging", "incoming", "archive/incoming"):
        folder = scene.home / name
        assert not folder.exists() or os.listdir(folder) == [], name


def test_the_archive_is_closed_to_others(scene: Scene) -> None:
    for path in (scene.home / "archive", *(scene.home / "archive").rglob("*")):
        assert path.stat().st_mode & 0o077 == 0


def test_files_are_closed_to_others(scene: Scene) -> None:
    for folder in (scene.home, *(scene.home / name for name in ("keys", "log", "staging", "sftp"))):
        assert folder.stat().st_mode & 0o077 == 0, folder.name
    for path in (scene.home / "keys").rglob("*"):
        if path.is_file() and path.suffix != ".pub":
            assert path.stat().st_mode & 0o077 == 0, path.name


def test_each_sender_gets_its_own_and_nobody_else_s(scene: Scene) -> None:
    """A lab that sent nothing reads nothing; the employer gets no dose; what runs between carries no name."""

    def retour(code: str) -> dict[str, bytes]:
        folder = scene.home / "sftp" / code / "retour"
        return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    assert retour("LABO2") == {}
    for name, body in retour("EMPL").items():
        assert b"7.77" not in body, name
        assert b"LABO1" not in body, name
        assert NAMES[2].encode() not in body or name.endswith(".rapport.csv"), name
    for name, body in retour("SITE").items():
        assert b"7.77" not in body, name
        assert NAMES[0].encode() not in body, name
    for code in ("LABO1", "SITE", "EMPL", "ASNR"):
        for name, body in retour(code).items():
            if name.endswith((".json", ".html")) and ".question-" not in name:  # a question says what it must
                # An employer may know who of its own exceeded a limit, and nothing else of it.
                known = {KNOWN, NAMES[0], FIRST[0]} if code == "EMPL" and name.startswith("depassement-") else set()
                assert set(holds(body)) <= known, (code, name)


def test_what_leaves_the_identity_schema_is_sealed(scene: Scene) -> None:
    """Outside ``identity``, no table shows a person: neither in text nor in bytes."""
    with psycopg.connect(PostgresServer(scene.home).url()) as admin:
        tables = admin.execute(
            "select format('%I.%I', table_schema, table_name) from information_schema.tables"
            " where table_schema in ('ledger', 'reference', 'dose', 'queue', 'audit', 'exposure', 'unusual')"
            " and table_type = 'BASE TABLE'"
        ).fetchall()
        assert len(tables) > 8
        for (table,) in tables:
            if table == "reference.designation":  # the contacts of an establishment are named on purpose
                continue
            text = "\n".join(str(one) for one in admin.execute(f"select t::text from {table} t"))
            found = [one for one in holds(text) if one != NAMES[1]]  # a place of work was named so, in the open
            assert found == [], table
        for (sealed,) in admin.execute(
            "select sealed from queue.entry union all select sealed from identity.identifier"
            " union all select sealed_before from queue.decision_entry where sealed_before is not null"
            " union all select value_sealed from queue.decision where value_sealed is not null"
            " union all select sealed from queue.message union all select to_sealed from queue.standing"
        ):
            assert holds(bytes(sealed)) == []
        clear = "\n".join(str(one) for one in admin.execute("select t::text from identity.identifier t"))
        assert KNOWN not in clear
        assert STRANGER not in clear


def test_exceptions_of_ours_hold_no_value(scene: Scene, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What the corridor raises and logs, when the database quotes a row back."""
    values = {"NIR": KNOWN, "NOM": NAMES[0], "PRENOM": FIRST[0]}
    caplog.set_level(logging.DEBUG)
    with psycopg.connect(PostgresServer(scene.home).url(), autocommit=True) as admin:
        admin.execute("alter table dose.passive add constraint never check (value_usv <> 7773) not valid")
        try:
            scene.deposit(tmp_path, "LABO1", "encore.csv", file(PASSIVE, dose("J1", "7.773", **values)))
            done = scene.siseri("run", expect=1)
            assert holds(done.stdout + done.stderr) == []
            assert "7773" not in done.stderr
            with opened(scene.settings) as registry:
                waiting = registry.connection.execute(
                    "select submission_id from ledger.submission where state = 'RECU'"
                ).fetchall()
                with contextlib.suppress(psycopg.Error, WarehouseRefused):
                    corridor.integrate(registry.connection, scene.settings, registry.key, waiting[0][0])
            assert holds(caplog.text) == []
        finally:
            admin.execute("alter table dose.passive drop constraint never")
    siseri(scene.env, "run")
