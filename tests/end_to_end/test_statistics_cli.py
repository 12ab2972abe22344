"""``siseri stats`` as DGT's analyst types it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from senders import PASSIVE, country, dose, file, siseri

from loaders.orchestrator import settings_environment


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
        (("stats", "2026", "--audience", "public", "--scope", "civil", "--out", second), "périmètre tous"),
        (("stats", "2099", "--out", second), "2026"),
        (("stats", "2026", "--out", first / "manifest.json"), "dossier"),
        (("stats", "--out", second), ""),
    ):
        assert said in siseri(env, *words, expect=2).stderr
