"""``siseri held`` as an operator types it."""

from __future__ import annotations

import dataclasses
import json
from decimal import Decimal
from typing import Any

import pytest
from senders import PASSIVE, country, dose, file, siseri

from loaders.orchestrator import settings_environment


@pytest.fixture
def env(registry: Any) -> dict[str, str]:
    """Two files held, of two senders; nothing else is owed."""
    country(registry)
    settings = dataclasses.replace(registry.settings, hold_share=Decimal("0.4"), hold_rows=2)
    body = file(PASSIVE, dose("M1"), dose("M2", "-1"))
    for code in ("LABO1", "LABO2"):
        registry.drop(code, "mars.csv", body)
    env = settings_environment(settings)
    facts = json.loads(siseri(env, "run", "--json").stdout)
    assert (facts["pris"], facts["retenus"], facts["traites"], facts["repondus"]) == (2, 2, 0, 0)
    return env


@pytest.mark.slow
def test_held_files_are_listed_accepted_and_declined(env: dict[str, str], registry: Any) -> None:
    first, second = json.loads(siseri(env, "held", "list", "--json").stdout)
    assert (first["emetteur"], first["part"], first["codes"]) == ("LABO1", 0.5, {"MET-04": 1})
    table = siseri(env, "held", "list").stdout
    assert "50%" in table
    assert "MET-04 (1)" in table
    shown = json.loads(siseri(env, "submissions", "--json").stdout)
    assert [one["retenu_le"] for one in shown if one["id"] == second["id"]] == [second["retenu_le"]]

    for words in (
        ("held", "accept", "1", "--par", "Claire"),
        ("held", "accept", str(first["id"]), "--par", " "),
        ("held", "accept", str(first["id"])),
        ("held", "decline", str(first["id"]), "--par", "Claire"),
    ):
        assert siseri(env, *words, expect=2).stdout == ""

    done = siseri(env, "held", "accept", str(first["id"]), "--par", "Claire", "--json")
    assert json.loads(done.stdout) == {"depot": first["id"], "decision": "integrer"}
    done = siseri(env, "held", "decline", str(second["id"]), "--par", "Claire", "--motif", "mois faux", "--json")
    assert json.loads(done.stdout) == {"depot": second["id"], "decision": "ecarter"}
    # Set aside, its sender knows at once; accepted, it is the next pass's.
    assert registry.report("LABO2", "mars.csv")["decision"] == {"motif": "mois faux"}
    assert registry.report("LABO1", "mars.csv") is None
    again = siseri(env, "held", "decline", str(first["id"]), "--par", "Anne", "--motif", "m", expect=2)
    assert again.stderr.strip() == (
        f"siseri: le dépôt {first['id']} n'attend pas de décision, ou quelqu'un a déjà répondu"
    )
    assert json.loads(siseri(env, "run", "--json").stdout)["retenus"] == 0
    assert registry.report("LABO1", "mars.csv")["statut"] == "PARTIEL"
    assert json.loads(siseri(env, "held", "list", "--json").stdout) == []
    siseri(env, "verify")
