"""An establishment beside the nation: true figures, nothing of fewer than eleven workers, no individual dose."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pypdf
import pytest

from bench import data, published, world
from loaders.errors import UsageError
from pipelines.statistics.establishment import COLUMNS, report
from pipelines.statistics.publish import publish

TODAY = date(2021, 3, 1)
COUNTS = ("suivis", "exposes")
#: Establishments that the workers are spread over.
PLACES = 20


@pytest.fixture(scope="module")
def nation(registries: Any) -> Iterator[Any]:
    """A five-hundredth of the workers of 2020, in twenty establishments."""
    with registries() as registry, pytest.MonkeyPatch.context() as patch:
        patch.setattr(data, "ESTABLISHMENTS", PLACES)
        registry.partner("ASNR", "GESTIONNAIRE")
        registry.partner("LABO1", "OA")
        registry.drop("ASNR", "a.csv", data.register())
        registry.run(TODAY)
        registry.drop("ASNR", "b.csv", data.designations("LABO1"))
        registry.drop(
            "ASNR", "c.csv", b"".join(world.workers({code: sum(n) for code, n in published.categories(500).items()}))
        )
        registry.run(TODAY)
        registry.drop("LABO1", "2020.csv", b"".join(world.results(2020, world.doses_2020(500))))
        registry.run(TODAY)
        yield registry


def rows(folder: Path, name: str) -> dict[str, dict[str, str]]:
    listed = csv.DictReader(io.StringIO((folder / f"{name}.csv").read_text()), delimiter=";")
    return {one["code"]: one for one in listed}


def test_its_own_figures_beside_those_the_public_may_see(nation: Any, tmp_path: Path) -> None:
    siret = data.sirets()[0]
    manifest = report(nation.registry.warehouse, siret, 2020, TODAY, tmp_path / "e")
    out = tmp_path / "e"
    assert {one.name for one in out.iterdir()} == {
        *("metiers.csv", "secteurs.csv", "repartition.csv", "evolution.csv"),
        *("etablissement.html", "etablissement.pdf", "manifest.json"),
    }
    assert json.loads((out / "manifest.json").read_text()) == manifest
    told = {"year": 2020, "as_of": None, "scope": "tous", "audience": "public"}
    publish(nation.as_("publisher"), tmp_path / "p", TODAY, **told)
    for name in ("metiers", "secteurs"):
        public = rows(tmp_path / "p", name)
        for code, row in rows(out, name).items():
            assert {column: row[f"nation_{column}"] for column in COLUMNS} == {
                column: public[code][column] for column in COLUMNS
            }
    total = rows(out, "metiers")["Total"]
    places = data.sirets()
    doses = [usv for number, usv in enumerate(world.doses_2020(500)) if places[number % PLACES] == siret]
    assert int(total["suivis"]) == len(doses)
    assert float(total["moyenne_suivis_msv"]) == pytest.approx(sum(doses) / 1000 / len(doses), abs=1e-6)
    assert int(total["nation_suivis"]) == sum(map(sum, published.categories(500).values()))
    for name in ("metiers", "secteurs", "evolution"):
        for row in rows(out, name).values():
            assert all(row[column] in ("s", "", "0") or int(row[column]) >= 11 for column in COUNTS)
    assert [*rows(out, "evolution")] == ["2016", "2017", "2018", "2019", "2020"]
    assert set(rows(out, "repartition")) == {"0", "]0;1]", "]1;5]", "]5;10]", "]10;15]", "]15;20]", ">20"}
    page = (out / "etablissement.html").read_text()
    assert siret in page
    assert f"Établissement {siret}" in pypdf.PdfReader(out / "etablissement.pdf").pages[0].extract_text()


def test_it_names_nobody(nation: Any, tmp_path: Path) -> None:
    siret = data.sirets()[0]
    report(nation.registry.warehouse, siret, 2020, TODAY, tmp_path / "e")
    text = "".join(one.read_text() for one in (tmp_path / "e").iterdir() if one.suffix != ".pdf")
    for number in range(0, 700, PLACES):
        assert data.nir(number) not in text
        assert data.names(number)[0] not in text


def test_the_nation_stays_as_the_public_saw_it(nation: Any, tmp_path: Path) -> None:
    siret = data.sirets()[0]
    first = report(nation.registry.warehouse, siret, 2020, TODAY, tmp_path / "a")
    nation.drop("ASNR", "etabs.csv", data.register())
    nation.run(TODAY)
    second = report(nation.registry.warehouse, siret, 2020, TODAY, tmp_path / "b")
    assert second["nation_as_of"] == first["nation_as_of"]
    assert second["as_of"] >= first["as_of"]


def test_an_unknown_establishment_is_told(nation: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="aucun établissement"):
        report(nation.registry.warehouse, "44306184100047", 2020, TODAY, tmp_path / "e")
    with pytest.raises(UsageError, match="année"):
        report(nation.registry.warehouse, data.sirets()[0], 2022, TODAY, tmp_path / "e")
