"""``siseri checks`` as an analyst types it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from senders import NIR, PASSIVE, SIRET, country, dose, file, siseri

from loaders.orchestrator import settings_environment


@pytest.mark.slow
def test_findings_are_listed_explained_and_taken_up_again(registry: Any) -> None:
    country(registry)
    registry.drop("LABO1", "mars.csv", file(PASSIVE, dose("M1", "6.5")))
    registry.run()
    env = settings_environment(registry.settings)
    everything = json.loads(siseri(env, "checks", "list", "--json").stdout)
    assert [(one["controle"], one["total"]) for one in everything] == [
        ("categorie-b", 1),
        ("passive-operationnelle", 0),
        ("deux-lieux", 0),
        ("periode-manquante", 0),
        ("resultat-attendu", 0),
    ]
    (found,) = everything[0]["constats"]
    assert found.items() >= {("nir", NIR), ("siret", SIRET), ("valeur_msv", "6.500"), ("remarque", None)}
    assert "6.500" in siseri(env, "checks", "list", "--controle", "categorie-b").stdout
    only = ("checks", "list", "--controle", "categorie-b", "--json")
    siseri(env, "checks", "explain", "categorie-b", found["constat"], "--motif", "revu", "--par", "anna")
    siseri(env, "checks", "explain", "categorie-b", found["constat"], "--motif", "revu", "--par", "anna", expect=2)
    (told,) = json.loads(siseri(env, *only).stdout)
    assert (told["total"], told["expliques"], told["constats"]) == (1, 1, [])
    assert json.loads(siseri(env, *only, "--vus").stdout)[0]["constats"][0]["remarque"]["motif"] == "revu"
    siseri(env, "checks", "reopen", "categorie-b", found["constat"], "--par", "anna")
    assert len(json.loads(siseri(env, *only, "--siret", SIRET).stdout)[0]["constats"]) == 1
    assert json.loads(siseri(env, *only, "--page", "2").stdout)[0]["constats"] == []
    siseri(env, "checks", "list", "--controle", "x", expect=2)
    siseri(env, "checks", "list", "--siret", "1", expect=2)
    looks = (
        registry.as_("administrator").execute("select count(*) from audit.look where what = 'checks list'").fetchone()
    )
    assert looks == (4,), "an empty list shows nobody"
