"""Files encrypted with age, both ways, through the real SFTP server and PostgreSQL."""

from __future__ import annotations

from typing import Any

import pytest
from envelopes import encrypt, open_channel
from senders import PASSIVE, cells, country, dose, file

CSV = file(PASSIVE, dose("M1"), dose("M2", VALEUR="-1"))


@pytest.fixture
def channel(registry: Any) -> tuple[Any, str]:
    """A registry that takes encrypted files, and its public key."""
    return country(registry), open_channel(registry)


def test_an_encrypted_file_is_judged_as_what_it_holds(channel: tuple[Any, str]) -> None:
    registry, key = channel
    registry.drop("LABO1", "mars.csv.age", encrypt(CSV, key))
    registry.run()
    report = registry.report("LABO1", "mars.csv.age")
    assert report["statut"] == "PARTIEL"
    assert report["lignes"]["integrees"] == 1
    rows = cells(registry.read("LABO1", "mars.csv.age.rapport.csv"))
    assert [row["CODE_ERREUR"] for row in rows] == ["", "MET-04"]
    assert not list((registry.settings.home / "staging").iterdir())
    registry.verify()
