"""``siseri quality`` and ``siseri senders`` as an operator types them."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from quality_world import person
from senders import PASSIVE, country, dose, file, siseri

from loaders.orchestrator import settings_environment
from loaders.settings import project_root


@pytest.fixture
def env(registry: Any) -> dict[str, str]:
    land = country(registry)
    strangers = [dose(f"S{number}", **person(number)) for number in range(30)]
    land.drop("LABO1", "mars.csv", file(PASSIVE, *(dose(f"K{number}") for number in range(120)), *strangers))
    land.run()
    return settings_environment(land.settings)


@pytest.mark.slow
def test_promises_are_checked_listed_and_shown(env: dict[str, str], registry: Any) -> None:
    assert json.loads(siseri(env, "quality", "list", "--json").stdout) == []
    done = siseri(env, "quality", "check", "--json", expect=1)
    judged = json.loads(done.stdout)
    assert done.stderr == "WARNING siseri.quality: promise broken: FILE 2026-04 registre\n"
    assert {one["mois"] for one in judged} == {"2026-03", "2026-04"}
    (broken,) = [one for one in judged if not one["tenue"]]
    assert (broken["promesse"], broken["mois"], broken["juges"], broken["mois_fini"]) == ("FILE", "2026-04", 1, False)
    assert [(one["sujet"], one["nombre"], one["valeur"]) for one in broken["rompue_pour"]] == [
        ("registre", 156, 19.2308)
    ]
    assert json.loads(siseri(env, "quality", "list", "--json", expect=1).stdout) == judged

    done = siseri(env, "quality", "check", "--month", "2026-03")
    assert "Page : " in done.stdout
    assert "VOLUME" in done.stdout
    assert sorted(path.name for path in (registry.settings.home / "qualite").iterdir()) == [
        "qualite-2026-03.html",
        "qualite.html",
    ]
    for month in ("2026-05", "mars", "2026-3"):
        assert siseri(env, "quality", "check", "--month", month, expect=2).stdout == ""


@pytest.mark.slow
def test_late_senders_are_listed(env: dict[str, str]) -> None:
    assert json.loads(siseri(env, "senders", "late", "--json").stdout) == []
    (late,) = json.loads(siseri(env | {"SISERI_TODAY": "2026-04-30"}, "senders", "late", "--json", expect=1).stdout)
    assert late == {
        "emetteur": "SITE",
        "format": "OPERATIONNELLE",
        "attendu_le": "2026-04-24",
        "jours_de_retard": 6,
        "dernier_recu": None,
        "silence_jours": 14,
        "raison": "envoi chaque semaine au moins, sous 7 jours",
    }
    listed = json.loads(siseri(env, "senders", "expected", "--json").stdout)
    assert [(one["emetteur"], one["jours_de_retard"]) for one in listed] == [("SITE", 0), ("LABO1", 0)]
    assert "OPERATIONNELLE" in siseri(env, "senders", "expected").stdout


def test_nothing_imports_great_expectations_before_a_promise_is_judged() -> None:
    """It takes seconds."""
    script = (
        "import sys, cli.main, desk.quality, pipelines.expected, pipelines.quality.check, pipelines.quality.standing;"
        "print('great_expectations' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=project_root(), capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
