"""The example files of the senders' pages, dropped by those who may send them, say what they promise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from senders import RPPS, country

from schemas.formats import formats

EXAMPLES = Path(__file__).parents[2] / "docs" / "emetteurs" / "exemples"

#: Example and sender, in the order of a year: who is there first, measures and their corrections, departures last.
ORDER = (
    ("etablissements", "ASNR"),
    ("designations", "EMPL"),
    ("travailleurs", "EMPL"),
    ("designations-medecin", "DOCTEUR"),
    ("passive", "LABO1"),
    ("passive-corrections", "LABO1"),
    ("passive-medecin", "DOCTEUR"),
    ("operationnelle", "SITE"),
    ("interne", "LABO1"),
    ("engagee", "DOCTEUR"),
    ("navigant", "NAVIG"),
    ("conclusion", "DOCTEUR"),
    ("sorties", "EMPL"),
    ("identites", "ASNR"),
)


def test_every_format_has_an_example_and_every_example_is_dropped() -> None:
    there = {path.stem for path in EXAMPLES.glob("*.csv")}
    assert there == {name for name, _ in ORDER}
    assert {name.lower() for name in formats()} <= there


def test_every_row_of_every_example_integrates(registry: Any) -> None:
    country(registry)
    registry.partner("DOCTEUR", "MDT", identifiant=RPPS)
    registry.partner("NAVIG", "CALCUL")
    found = {}
    for name, partner in ORDER:
        registry.drop(partner, f"{name}.csv", (EXAMPLES / f"{name}.csv").read_bytes())
        done = registry.run()
        assert not done.incidents, (name, done)
        assert not done.troubles, (name, done)
        assert registry.report(partner, f"{name}.csv")["statut"] != "REFUSE", name
        found[name] = set(map(_flat, registry.rows(partner, f"{name}.csv")))
    registry.verify()
    assert found.pop("conclusion") == {("REJETE", "MET-16")}  # no exceedance is known to conclude upon
    assert found == {name: {("INTEGRE", "")} for name in found}


def _flat(row: tuple[str, set[str]]) -> tuple[str, str]:
    return row[0], ",".join(sorted(row[1]))
