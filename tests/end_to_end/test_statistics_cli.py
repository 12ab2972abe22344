"""``siseri stats`` as DGT's analyst types it."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import subprocess
from pathlib import Path
from typing import Any

import pytest
from senders import PASSIVE, SISERI, country, dose, file, siseri

from loaders.orchestrator import settings_environment


def at_a_terminal(env: dict[str, str], *words: str | Path) -> tuple[str, str]:
    """Run the command with a terminal as its error output: standard output, and what the terminal shows."""
    person, terminal = pty.openpty()
    done = subprocess.run([SISERI, *words], env=env, stdout=subprocess.PIPE, stderr=terminal, text=True, check=True)
    os.close(terminal)
    shown = b""
    # Linux tells the end of a terminal by an error.
    with contextlib.suppress(OSError), os.fdopen(person, "rb", buffering=0) as reader:
        while block := reader.read(4096):
            shown += block
    return done.stdout, shown.decode()


@pytest.mark.slow
def test_long_work_says_where_it_is_to_a_person_alone(registry: Any, tmp_path: Path) -> None:
    country(registry)
    registry.drop("LABO1", "mars.csv", file(PASSIVE, dose("M1", "2.5")))
    registry.run()
    env = settings_environment(registry.settings)
    out = tmp_path / "t"
    stdout, shown = at_a_terminal(env, "stats", "2026", "--out", out, "--audience", "public")
    steps = ("doses de l'année rassemblées (1)", "tables faites (11)", "secret statistique", "documents écrits")
    places = [shown.index(step) for step in steps]
    assert places == sorted(places)
    assert "documents" not in stdout
    stdout, shown = at_a_terminal(env, "stats", "2026", "--out", out, "--json")
    assert (json.loads(stdout)["annee"], shown) == (2026, "")
    assert siseri(env, "stats", "2026", "--out", out).stderr == ""
    _, shown = at_a_terminal(env, "editions", "propose", "2026", "--par", "essai")
    assert "tables faites (11)" in shown


@pytest.mark.slow
def test_tables_are_written_and_written_again(registry: Any, tmp_path: Path) -> None:
    country(registry)
    registry.drop("LABO1", "mars.csv", file(PASSIVE, dose("M1", "2.5")))
    registry.run()
    env = settings_environment(registry.settings)
    first, second = tmp_path / "a" / "b", tmp_path / "c"
    manifest = json.loads(siseri(env, "stats", "2026", "--out", first, "--json").stdout)
    assert manifest["travailleurs_suivis"] == 1
    assert json.loads((first / "manifest.json").read_text()) == manifest
    told = siseri(
        env, "stats", "2026", "--as-of", manifest["as_of"], "--scope", "tous", "--audience", "dgt", "--out", second
    )
    assert "1 travailleur(s)" in told.stdout
    assert {one.name: one.read_bytes() for one in first.iterdir()} == {
        one.name: one.read_bytes() for one in second.iterdir()
    }
    assert "Aucun travailleur suivi" in siseri(env, "stats", "2010", "--out", second).stdout
    for words, said in (
        (("stats", "2026", "--audience", "public", "--scope", "civil", "--out", second), "périmètre civil"),
        (("stats", "2099", "--out", second), "2026"),
        (("stats", "2026", "--out", first / "manifest.json"), "dossier"),
        (("stats", "--out", second), ""),
    ):
        assert said in siseri(env, *words, expect=2).stderr
