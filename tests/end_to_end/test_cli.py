"""The real command, as an operator types it: shapes of JSON, exit statuses, one line of error, nothing left running."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from senders import (
    DESIGNATIONS,
    ESTABLISSEMENTS,
    NIR,
    NIR2,
    PASSIVE,
    SIREN,
    SIRET,
    SISERI,
    TRAVAILLEURS,
    dose,
    environment,
    file,
    row,
    siseri,
)

from cli.main import command
from loaders.services import running
from loaders.settings import Settings

HEAVY = ("airflow", "pandas", "pyarrow", "paramiko", "asyncssh", "psycopg", "sqlalchemy", "pandera", "numpy")
FIGURES = {"recues", "integrees", "en_attente", "rejetees", "doublons"}


def told(done: Any) -> Any:
    """The one JSON document of standard output."""
    return json.loads(done.stdout)


def one_line(done: Any) -> str:
    """The error told to the operator: one line, no traceback."""
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("siseri: ")
    assert done.stdout == ""
    return lines[0]


def inside(env: dict[str, str], *words: str | Path, expect: int) -> Any:
    """The same command without a process of its own: quicker, for what is refused."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        for name in [name for name in os.environ if name.startswith("SISERI_")]:
            patch.delenv(name)
        for name, value in env.items():
            if name.startswith("SISERI_"):
                patch.setenv(name, value)
        patch.setattr(sys, "argv", ["siseri", *map(str, words)])
        try:
            command()
            status: Any = 0
        except SystemExit as ended:
            status = ended.code
    assert status == expect, (words, status, err.getvalue())
    return subprocess.CompletedProcess(words, expect, out.getvalue(), err.getvalue())


def of_home(home: Path) -> list[int]:
    """Processes that work for this home."""
    found = []
    for process in psutil.process_iter():
        try:
            if str(home) in " ".join(process.cmdline()) or str(home) in process.cwd():
                found.append(process.pid)
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return found


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A home with its accounts, one file of each kind dropped and taken; services stay up between commands."""
    folder = tmp_path_factory.mktemp("cli")
    made = environment(folder / "home")
    with running(Settings.load(made)):
        siseri(made, "init")
        siseri(made, "partner", "add", "ASNR", "--role", "GESTIONNAIRE")
        siseri(made, "partner", "add", "EMPL", "--role", "EMPLOYEUR", "--siren", SIREN)
        siseri(made, "partner", "add", "LABO1", "--role", "OA")
        siseri(made, "partner", "add", "DGT", "--role", "DGT")
        doses = file(PASSIVE, dose("M1"), dose("M2", NIR=NIR2), dose("M3", "-1"), dose("M4", NOM="MARTEN"))
        for code, name, body in (
            ("ASNR", "a-sirene.csv", file(ESTABLISSEMENTS, row(ESTABLISSEMENTS))),
            ("ASNR", "designations.csv", file(DESIGNATIONS, row(DESIGNATIONS))),
            ("EMPL", "liste.csv", file(TRAVAILLEURS, row(TRAVAILLEURS))),
            ("LABO1", "mars.csv", doses),
        ):
            path = folder / name
            path.write_bytes(body)
            assert told(siseri(made, "deposit", path, "--partner", code, "--json")) == {"deposes": [name]}
        facts = told(siseri(made, "run", "--json"))
        assert (facts["pris"], facts["traites"], facts["repondus"], facts["incidents"]) == (4, 4, 4, 0)
        yield made


def test_submissions_and_one_submission(env: dict[str, str]) -> None:
    listed = told(siseri(env, "submissions", "--json"))
    assert [one["fichier"] for one in listed] == ["a-sirene.csv", "designations.csv", "liste.csv", "mars.csv"] or len(
        listed
    ) == 4
    for one in listed:
        assert {"id", "emetteur", "fichier", "sha256", "format", "statut", "recu_le", "lignes"} <= set(one)
        assert set(one["lignes"]) == FIGURES
        assert len(one["sha256"]) == 64
    mars = next(one for one in listed if one["fichier"] == "mars.csv")
    assert (mars["emetteur"], mars["format"], mars["statut"]) == ("LABO1", "PASSIVE", "PARTIEL")
    assert mars["lignes"] == {"recues": 4, "integrees": 1, "en_attente": 2, "rejetees": 1, "doublons": 0}
    shown = told(inside(env, "submission", str(mars["id"]), "--json", expect=0))
    assert shown["rapport"]["codes"] == {"IDT-06": 1, "IDT-08": 1, "MET-04": 1}
    assert "mars.csv" in inside(env, "submissions", expect=0).stdout
    one_line(inside(env, "submission", "999", "--json", expect=2))
    assert inside(env, "submission", "abc", expect=2).stdout == ""


def test_queue(env: dict[str, str]) -> None:
    listed = told(siseri(env, "queue", "list", "--json"))
    assert [one["codes"] for one in listed] == [["IDT-06"], ["IDT-08"]]
    for one in listed:
        assert {"id", "depot", "ligne", "emetteur", "format", "codes", "recu_le", "propositions"} <= set(one)
    assert [one["ligne"] for one in listed] == [2, 4]
    proposed = listed[1]["propositions"]
    assert [(one["champ"], one["valeur"]) for one in proposed] == [("NOM", "MARTIN")]
    assert all({"champ", "valeur", "score", "raison"} <= set(one) for one in proposed)
    shown = told(inside(env, "queue", "show", str(listed[0]["id"]), "--json", expect=0))
    assert shown["id"] == listed[0]["id"]
    one_line(inside(env, "queue", "show", "999999", "--json", expect=2))
    assert told(inside(env, "queue", "release", "--json", expect=0))["leves"] == {}
    assert "IDT-06" in inside(env, "queue", "list", expect=0).stdout


def test_workers(env: dict[str, str]) -> None:
    listed = told(siseri(env, "workers", "list", "--json"))
    assert [(one["nir"], one["siret"]) for one in listed] == [(NIR, SIRET)]
    assert told(inside(env, "workers", "list", "--siret", SIRET, "--actifs", "--json", expect=0)) == listed
    assert told(inside(env, "workers", "list", "--siret", "73282932000082", "--json", expect=0)) == []
    assert told(inside(env, "workers", "list", "--incomplets", "--json", expect=0)) == []
    assert "(rien)" in inside(env, "workers", "list", "--incomplets", expect=0).stdout


def test_verify(env: dict[str, str]) -> None:
    listed = told(siseri(env, "verify", "--json"))
    assert listed
    assert all(set(one) >= {"invariant", "tenu", "constat"} and one["tenu"] is True for one in listed)
    # One byte of the archive changed: found, told, status 1.
    archive = Path(env["SISERI_HOME"]) / "archive"
    victim = next(path for path in archive.rglob("*") if path.is_file())
    kept, mode = victim.read_bytes(), victim.stat().st_mode
    victim.chmod(0o600)
    victim.write_bytes(b"X" + kept[1:])
    try:
        done = inside(env, "verify", "--json", expect=1)
        assert [one["tenu"] for one in told(done)].count(False) == 1
        assert "Traceback" not in done.stderr
    finally:
        victim.write_bytes(kept)
        victim.chmod(mode)
    inside(env, "verify", expect=0)


def test_partners(env: dict[str, str], tmp_path: Path) -> None:
    listed = told(siseri(env, "partner", "list", "--json"))
    assert {"code": "EMPL", "role": "EMPLOYEUR", "sirens": [SIREN], "identifiant": None, "actif": True} in listed
    key = tmp_path / "key.pub"
    key.write_text("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa essai\n")
    more = ("--identifiant", "X1", "--key", key, "--json")
    added = told(siseri(env, "partner", "add", "EMPL2", "--role", "EMPLOYEUR", *more))
    assert len(added["cles"]) == 1
    name = added["cles"][0]
    assert told(inside(env, "partner", "key", "revoke", "EMPL2", name, "--json", expect=0)) == {"cle": name}
    one_line(inside(env, "partner", "key", "revoke", "EMPL2", name, expect=2))
    one_line(inside(env, "partner", "key", "revoke", "EMPL2", "../../collector", expect=2))
    assert told(inside(env, "partner", "key", "add", "EMPL2", key, "--json", expect=0)) == {"cle": name}
    moved = told(
        inside(env, "partner", "transfer", "--siren", SIREN, "--to", "EMPL2", "--motif", "fusion", "--json", expect=0)
    )
    assert moved["sirens"] == [SIREN]
    assert told(inside(env, "partner", "show", "EMPL", "--json", expect=0))["sirens"] == []
    inside(env, "partner", "transfer", "--siren", SIREN, "--to", "EMPL", "--motif", "retour", expect=0)
    assert told(inside(env, "partner", "disable", "EMPL2", "--json", expect=0))["actif"] is False
    assert told(inside(env, "partner", "reopen", "EMPL2", "--json", expect=0))["actif"] is True
    dated = inside(env, "partner", "dates", "EMPL2", "--du", "2026-01-01", "--au", "2026-04-09", "--json", expect=0)
    facts = told(dated)  # the registry's date is the day after
    assert [facts[one] for one in ("valide_du", "valide_au", "actif")] == ["2026-01-01", "2026-04-09", False]
    assert told(inside(env, "partner", "dates", "EMPL2", "--json", expect=0))["actif"] is True
    other = tmp_path / "other.pub"
    other.write_text(key.read_text().replace("J0aaa", "J0bbb"))
    rolled = told(inside(env, "partner", "key", "rotate", "EMPL2", other, "--au", "2099-12-31", "--json", expect=0))
    assert {one["cle"]: one["au"] for one in rolled["cles_dates"]} == {name: "2099-12-31", rolled["cle"]: None}
    two = tmp_path / "two.pub"
    two.write_text(f"{key.read_text().strip()}\r{other.read_text().strip()}")
    for words in (
        ("add", "EMPL", "--role", "EMPLOYEUR"),
        ("add", "minuscule", "--role", "OA"),
        ("add", "../X", "--role", "OA"),
        ("add", "NOUVEAU", "--role", "ROI"),
        ("add", "NOUVEAU", "--role", "EMPLOYEUR", "--siren", "12"),
        ("add", "NOUVEAU", "--role", "EMPLOYEUR", "--siren", SIREN),
        ("add", "NOUVEAU", "--role", "OA", "--key", str(tmp_path / "absente.pub")),
        ("show", "PERSONNE"),
        ("disable", "PERSONNE"),
        ("dates", "EMPL2", "--du", "2026-02-01", "--au", "2026-01-31"),
        ("dates", "PERSONNE"),
        ("reopen", "EMPL2"),
        ("publish",),
        ("key", "add", "PERSONNE", str(key)),
        ("key", "add", "EMPL2", str(two)),
        ("key", "rotate", "EMPL2", str(other)),
        ("transfer", "--siren", SIREN, "--to", "LABO1", "--motif", "x"),
    ):
        one_line(inside(env, "partner", *words, expect=2))
    assert "NOUVEAU" not in inside(env, "partner", "list", "--json", expect=0).stdout


def test_deposits_that_are_refused(env: dict[str, str], tmp_path: Path) -> None:
    good = tmp_path / "avril.csv"
    good.write_bytes(file(PASSIVE, dose("Z1")))
    hidden, part = tmp_path / ".avril.csv", tmp_path / "avril.csv.part"
    hidden.write_bytes(b"x")
    part.write_bytes(b"x")
    siseri(env, "partner", "disable", "EMPL2")
    for words in (
        (good, "--partner", "DGT"),
        (good, "--partner", "PERSONNE"),
        (good, "--partner", "EMPL2"),
        (good, "--partner", "../LABO1"),
        (tmp_path / "absent.csv", "--partner", "LABO1"),
        (tmp_path, "--partner", "LABO1"),
        (hidden, "--partner", "LABO1"),
        (part, "--partner", "LABO1"),
    ):
        one_line(inside(env, "deposit", *words, expect=2))
    assert not (Path(env["SISERI_HOME"]) / "sftp" / "DGT" / "depot").exists()
    assert [path for path in (Path(env["SISERI_HOME"]) / "sftp" / "LABO1" / "depot").iterdir() if path.is_file()] == []


def test_a_deposit_carries_its_totals(env: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "totaux.csv"
    path.write_bytes(file(PASSIVE, dose("T1")))
    (tmp_path / "totaux.csv.ok").write_text("LIGNES=2\n")
    siseri(env, "deposit", path, "--partner", "LABO1")
    one_line(siseri(env, "deposit", path, "--partner", "LABO1", expect=2))  # it still waits there
    siseri(env, "run")
    found = [one for one in told(siseri(env, "submissions", "--json")) if one["fichier"] == "totaux.csv"]
    assert [(one["statut"], one["code_fichier"]) for one in found] == [("REFUSE", "FIC-08")]


def test_wrong_usage_exits_2(env: dict[str, str]) -> None:
    for words in (("inconnue",), ("run", "--inconnu"), ("deposit",), ("partner", "add"), ("queue", "show")):
        done = inside(env, *words, expect=2)
        assert done.stdout == ""
        assert "Traceback" not in done.stderr
    for changed in (
        {"SISERI_TODAY": "hier"},
        {"SISERI_QUEUE_DAYS": "-1"},
        {"SISERI_MAX_BYTES": "beaucoup"},
        {"SISERI_DATABASE_URL": "mysql://x/y"},
        {"SISERI_SFTP_URL": "ftp://x"},
        {"SISERI_SFTP_URL": "sftp://moi:secret@127.0.0.1:1/"},
    ):
        line = one_line(inside(env | changed, "run", expect=2))
        assert "secret" not in line


def test_a_missing_service_exits_3(env: dict[str, str]) -> None:
    for words in (("init",), ("run",), ("submissions", "--json")):
        url = "postgresql://quelqu-un:motdepasse@127.0.0.1:9/nulle_part"
        line = one_line(siseri(env | {"SISERI_DATABASE_URL": url}, *words, expect=3))
        assert "motdepasse" not in line
    line = one_line(siseri(env | {"SISERI_SFTP_URL": "sftp://collector@127.0.0.1:9/"}, "run", expect=3))
    assert "127.0.0.1:9" in line


def test_an_empty_home_says_what_to_do(tmp_path: Path) -> None:
    fresh = environment(tmp_path / "vide")
    with running(Settings.load(fresh)):
        for words in (("run",), ("submissions",), ("verify", "--json")):
            assert "siseri init" in one_line(inside(fresh, *words, expect=2))


def test_from_another_folder(env: dict[str, str], tmp_path: Path) -> None:
    listed = told(siseri(env, "submissions", "--json", cwd=tmp_path))
    assert listed == told(siseri(env, "submissions", "--json", cwd=Path("/")))
    (tmp_path / "siseri.toml").write_text("rien = 1\n")  # the current folder's settings are nobody's
    (tmp_path / "mai.csv").write_bytes(file(PASSIVE, dose("D1")))
    siseri(env, "deposit", "mai.csv", "--partner", "LABO1", cwd=tmp_path)
    assert told(siseri(env, "run", "--json", cwd=tmp_path))["pris"] == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mai.csv", "siseri.toml"]


def test_help_is_quick_and_light(env: dict[str, str]) -> None:
    times = []
    for _ in range(3):
        began = time.perf_counter()
        done = siseri(env, "--help")
        times.append(time.perf_counter() - began)
    assert min(times) < 1
    names = ("init", "partner", "deposit", "run", "submissions", "submission", "queue", "workers", "verify")
    for name in (*names, "simulate", "up", "down", "status"):
        assert name in done.stdout
    loaded = subprocess.run(
        [sys.executable, "-X", "importtime", str(SISERI), "--help"], env=env, capture_output=True, text=True, check=True
    ).stderr
    modules = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in loaded.splitlines()}
    assert not modules & set(HEAVY)


def test_simulate(env: dict[str, str], tmp_path: Path) -> None:
    words = ("simulate", "--out", tmp_path / "pays", "--workers", "60", "--year", "2025", "--seed", "3", "--json")
    assert isinstance(told(siseri(env, *words)), dict)
    assert any((tmp_path / "pays").rglob("*.csv"))
    siseri(env, "simulate", "--out", tmp_path / "x", "--workers", "0", "--year", "2025", "--seed", "3", expect=2)
    siseri(env, "simulate", "--out", tmp_path / "x", "--workers", "5", "--year", "1850", "--seed", "3", expect=2)


def test_status_and_down_without_up(tmp_path: Path) -> None:
    fresh = environment(tmp_path / "vide")
    assert isinstance(told(siseri(fresh, "status", "--json")), dict)
    assert told(siseri(fresh, "down", "--json")) == {"tournait": False}
    assert of_home(tmp_path / "vide") == []


def test_a_command_leaves_nothing_running(tmp_path: Path) -> None:
    home = tmp_path / "seul"
    alone = environment(home)
    siseri(alone, "init")
    assert of_home(home) == []
    assert told(siseri(alone, "init", "--json")) == {"migrations": []}
    siseri(alone, "partner", "add", "LABO1", "--role", "OA")
    (tmp_path / "mars.csv").write_bytes(file(PASSIVE, dose("M1")))
    siseri(alone, "deposit", tmp_path / "mars.csv", "--partner", "LABO1")
    assert told(siseri(alone, "run", "--json"))["traites"] == 1
    assert of_home(home) == []
    # Nor where it fails.
    siseri(alone, "submission", "99", expect=2)
    assert of_home(home) == []


def test_texts_of_senders_do_not_command_the_terminal(env: dict[str, str]) -> None:
    depot = Path(env["SISERI_HOME"]) / "sftp" / "LABO1" / "depot"
    name = "\x1b[2J\x1b]0;titre\x07[red]x.csv"
    (depot / name).write_bytes(b"x")
    (depot / (name + ".ok")).touch()
    siseri(env, "run")
    shown = siseri(env, "submissions").stdout
    assert "[red]x" in shown
    assert "\x1b" not in shown
    assert "\x07" not in shown
    listed = told(siseri(env, "submissions", "--json"))
    assert listed[-1]["fichier"] == name
    shown = siseri(env, "submission", str(listed[-1]["id"])).stdout
    assert "\x1b" not in shown
