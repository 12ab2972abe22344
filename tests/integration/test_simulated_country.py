"""A simulated country through the corridor: every row ends as the simulation announces."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from pipelines.simulation.run import simulate
from schemas.formats import formats

CLEAN = {"issue": "INTEGRE", "codes": "", "issue_finale": "INTEGRE"}
COUNTRIES: list[dict[str, Any]] = [
    {"workers": 2000, "year": 2025, "seed": 7, "months": 1},
    {"workers": 300, "year": 2025, "seed": 9, "months": 4, "faults": 0.15, "labs": 3, "operators": 2},
    {"workers": 900, "year": 2024, "seed": 3, "months": 1, "faults": 0.5, "labs": 3, "operators": 2},
]
#: What depends on all that the registry holds when the file comes: the manifest says that it is not announced.
UNTOLD = {"AVT-05", "AVT-11"}
NAMES = ["one month", "four months, many faults", "one row in two faulty"]
#: Formats of the files: all but the conclusions, which need an exceedance.
WRITTEN = set(formats()) - {"CONCLUSION"}


@pytest.mark.parametrize("country", COUNTRIES, ids=NAMES)
def test_every_row_ends_as_announced(tmp_path: Path, registry: Any, country: dict[str, Any]) -> None:
    simulate(tmp_path, **country)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    figures = json.loads((tmp_path / "expected_files.json").read_text())
    announced: dict[str, dict[int, dict[str, str]]] = defaultdict(dict)
    with (tmp_path / "expected.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter=";"):
            announced[row["path"]][int(row["ligne"])] = row
    for one in manifest["partners"]:
        registry.partner(one["code"], one["role"], one["sirens"], one["identifiant"])
    assert set(manifest["untold"]) == UNTOLD
    wrong: list[Any] = []
    for (_, day), group in groupby(manifest["files"], key=lambda one: (one["stage"], one["registry_date"])):
        files = list(group)
        for one in files:
            registry.drop(one["partner"], Path(one["path"]).name, (tmp_path / one["path"]).read_bytes())
        registry.run(date.fromisoformat(day))
        for one in files:
            report = registry.report(one["partner"], Path(one["path"]).name)
            told = figures[one["path"]]
            if (report["statut"], report["lignes"]) != (told["statut"], told["lignes"]):
                wrong.append((one["path"], report["statut"], report["lignes"], told))
            if report["statut"] != "DEJA_RECU":
                wrong += differences(registry, one, announced[one["path"]], first=True)
    for one in manifest["files"]:
        if figures[one["path"]]["statut"] != "DEJA_RECU":
            wrong += differences(registry, one, announced[one["path"]], first=False)
    assert not wrong
    registry.verify()
    assert {one["format"] for one in manifest["files"]} == WRITTEN
    settled(registry, tmp_path, manifest, announced)
    spread = sum(len(lines) for path, lines in announced.items() if "interne" in path or "engagee" in path)
    assert spread  # faults were planted in the new files too


def settled(
    registry: Any, folder: Path, manifest: dict[str, Any], announced: dict[str, dict[int, dict[str, str]]]
) -> None:
    """What SORTIES and IDENTITES did: attachments ended, true numbers known, histories merged."""

    def count(query: str) -> int:
        return int(registry.connection.execute(query).fetchone()[0])

    def accepted(name: str) -> list[dict[str, str]]:
        """Right rows of the files of a format."""
        found = []
        for one in manifest["files"]:
            if one["format"] == name:
                lines = (folder / one["path"]).read_bytes().decode("latin-1").splitlines()
                header, told = lines[0].lstrip("ï»¿").replace('"', "").split(";"), announced[one["path"]]
                for at, line in enumerate(lines[1:], start=1):
                    if told.get(at, CLEAN)["issue"] == "INTEGRE":
                        found.append(dict(zip(header, line.replace('"', "").split(";"), strict=True)))
        return found

    ended = "select count(*) from reference.attachment_period where until_load is null and end_day is not null"
    assert count(ended) == len(accepted("SORTIES"))
    answers = accepted("IDENTITES")
    states = "select count(*) from identity.verification where until_load is null and state = "
    for state in ("CERTIFIE", "REFUSE"):
        assert count(f"{states}'{state}'") == sum(row["STATUT"] == state for row in answers)
    twice = {row["NIR"] for row in answers} & {row["NIR"] for row in accepted("TRAVAILLEURS")}
    assert twice
    assert count("select count(*) from identity.alias where until_load is null") == len(twice)


def differences(registry: Any, file: dict[str, Any], told: dict[int, dict[str, str]], *, first: bool) -> list[Any]:
    """Rows that stand otherwise than announced, when their file was integrated or at the end."""
    found = []
    for line, (outcome, codes) in enumerate(registry.rows(file["partner"], Path(file["path"]).name), start=1):
        row = told.get(line, CLEAN)
        stands = (outcome, ",".join(sorted(codes - UNTOLD))) if first else (outcome,)
        expected = (row["issue"], row["codes"]) if first else (row["issue_finale"],)
        if stands != expected:
            found.append((file["path"], line, stands, expected))
    return found
