"""``siseri exceedances`` as an analyst types it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from senders import NIR, PASSIVE, SIRET, country, dose, file, siseri

from loaders.orchestrator import settings_environment


@pytest.mark.slow
def test_exceedances_are_listed_shown_and_reckoned_again(registry: Any) -> None:
    country(registry)
    registry.drop("LABO1", "mars.csv", file(PASSIVE, dose("M1", "20.5")))
    env = settings_environment(registry.settings)
    assert json.loads(siseri(env, "run", "--json").stdout)["depassements"] == 1

    (found,) = json.loads(siseri(env, "exceedances", "list", "--json").stdout)
    assert found.items() >= {
        ("limite", "EFFICACE"),
        ("periode_debut", "2025-04-01"),
        ("periode_fin", "2026-03-31"),
        ("valeur_msv", "20.500"),
        ("etat", "NOTIFIE"),
        ("nir", NIR),
        ("siret", SIRET),
    }
    assert found["medecin_absent"] == "SANS_MDT"
    assert len(json.loads(siseri(env, "exceedances", "list", "--sans-medecin", "--json").stdout)) == 1
    # Nobody but the registry was told: there is no account of the ministry.
    assert json.loads(siseri(env, "exceedances", "list", "--as", "DGT", "--json").stdout) == []
    siseri(env, "exceedances", "list", "--as", "MDT", expect=2)
    siseri(env, "exceedances", "list", "--as", "DSND", "--sans-medecin", expect=2)
    table = siseri(env, "exceedances", "list").stdout
    assert "EFFICACE" in table
    assert "20.500" in table

    shown = json.loads(siseri(env, "exceedances", "show", str(found["id"]), "--json").stdout)
    assert [(one["depot"], one["ligne"], one["compte_msv"]) for one in shown["resultats"]] == [
        (registry.submission("LABO1", "mars.csv"), 1, "20.500")
    ]
    assert [one["etat"] for one in shown["etats"]] == ["DETECTE", "NOTIFIE"]
    assert [(one["etat"], one["destinataire"], one["role"], one["revision"]) for one in shown["avis"]] == [
        ("NOTIFIE", "EMPL", "EMPLOYEUR", 1)
    ]
    assert all(one["remis_le"] for one in shown["avis"])
    assert "20.500" in siseri(env, "exceedances", "show", str(found["id"])).stdout
    assert "aucun dépassement 9" in siseri(env, "exceedances", "show", "9", expect=2).stderr

    assert json.loads(siseri(env, "exceedances", "list", "--json", "--as-of", "2020-01-01").stdout) == []
    asked = ("--etat", "NOTIFIE", "--sans-medecin")
    assert [one["id"] for one in json.loads(siseri(env, "exceedances", "list", "--json", *asked).stdout)] == [1]
    assert json.loads(siseri(env, "exceedances", "list", "--json", "--sans-reponse", "1").stdout) == []
    assert "aucun état PERDU" in siseri(env, "exceedances", "list", "--etat", "PERDU", expect=2).stderr
    assert "ni une date" in siseri(env, "exceedances", "show", "1", "--as-of", "hier", expect=2).stderr

    facts = json.loads(siseri(env, "exceedances", "detect", "--json").stdout)
    assert facts == {"personnes": 1, "depassements": 1, "ecarts": 0}
    assert "identiques à ceux du registre" in siseri(env, "exceedances", "detect").stdout
    with registry.registry.warehouse.admin() as admin:
        admin.execute("update exposure.reckoning set value_usv = 1")
    assert json.loads(siseri(env, "exceedances", "detect", "--json", expect=1).stdout)["ecarts"] == 1
    siseri(env, "verify")

    looks = registry.as_("administrator").execute("select what, records from audit.look order by look_id").fetchall()
    listed = [("exceedances list", records) for records in (0, 1, 0)]
    assert looks == [*[("exceedances list", 1)] * 3, *[("exceedances show", 1)] * 2, *listed]
