"""The public's tables: nothing small is shown, nothing withheld can be worked out, not even from two editions."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from twin.attacker import Told, bounded

from bench import data, published, world
from pipelines.statistics.publish import publish

TODAY = date(2021, 3, 1)
BRACKETS = ("0", "]0;1]", "]1;5]", "]5;10]", ">10", "Total")
COUNTS = ("suivis", "exposes", "0", "]0;1]", "]1;5]", "]5;10]", "]10;15]", "]15;20]", ">20", "depassements")


@pytest.fixture(scope="module")
def nation(registries: Any) -> Iterator[Any]:
    """A thousandth of the workers of 2020, in one sector of twenty establishments and more."""
    with registries() as registry:
        registry.partner("ASNR", "GESTIONNAIRE")
        registry.partner("LABO1", "OA")
        registry.drop("ASNR", "a.csv", data.register())
        registry.run(TODAY)
        registry.drop("ASNR", "b.csv", data.designations("LABO1"))
        registry.drop(
            "ASNR", "c.csv", b"".join(world.workers({code: sum(n) for code, n in published.categories(1000).items()}))
        )
        registry.run(TODAY)
        registry.drop("LABO1", "2020.csv", b"".join(world.results(2020, world.doses_2020(1000))))
        registry.run(TODAY)
        assert registry.report("LABO1", "2020.csv")["statut"] == "INTEGRE"
        yield registry


def rows(folder: Path, name: str) -> dict[str, dict[str, str]]:
    listed = csv.DictReader(io.StringIO((folder / f"{name}.csv").read_text()), delimiter=";")
    return {one["code"]: one for one in listed}


def printed(registry: Any, folder: Path, audience: str, **asked: Any) -> Path:
    told = {"as_of": None, "scope": "tous", "audience": audience} | asked
    publish(registry.as_("publisher"), folder, TODAY, year=2020, **told)
    return folder


def test_nothing_small_is_shown_and_what_is_shown_is_true(nation: Any, tmp_path: Path) -> None:
    public, ministry = printed(nation, tmp_path / "p", "public"), printed(nation, tmp_path / "d", "dgt")
    withheld = 0
    for name, columns in (("categories", BRACKETS), ("domaines", COUNTS), ("secteurs", COUNTS), ("metiers", COUNTS)):
        exact = rows(ministry, name)
        for code, row in rows(public, name).items():
            for column in columns:
                if row[column] == "s":
                    withheld += 1
                    continue
                assert row[column] == exact[code][column]
                assert int(row[column]) == 0 or int(row[column]) >= 11
    assert withheld
    log = list(csv.DictReader(io.StringIO((public / "suppressions.csv").read_text()), delimiter=";"))
    told = {(one["table"], one["code"], one["colonne"]) for one in log}
    for name in {one["table"] for one in log}:
        marked = {
            (name, code, column) for code, row in rows(public, name).items() for column in row if row[column] == "s"
        }
        assert marked == {one for one in told if one[0] == name}
    assert all(one["motif"] and one["libelle"] for one in log)
    # The papers hide what the tables do: category A above 10 mSv is one worker.
    assert rows(public, "categories")["A"][">10"] == "s"
    assert "n. p." in (public / "bilan.html").read_text()


def test_an_attacker_with_every_margin_learns_no_count(nation: Any, tmp_path: Path) -> None:
    """Categories by brackets, with both margins: no withheld number of workers is pinned down."""
    public = printed(nation, tmp_path / "p", "public")
    table = rows(public, "categories")
    log = {
        f"{one['code']}/{one['colonne']}": one["motif"]
        for one in csv.DictReader(io.StringIO((public / "suppressions.csv").read_text()), delimiter=";")
        if one["table"] == "categories"
    }
    names = frozenset(f"{code}/{column}" for code in table for column in BRACKETS)
    shown = {name: int(table[name.split("/")[0]][name.split("/")[1]]) for name in names if name not in log}
    across = [{f"{code}/{column}": -1 if column == "Total" else 1 for column in BRACKETS} for code in table]
    down = [{f"{code}/{column}": -1 if code == "Total" else 1 for code in table} for column in BRACKETS]
    told = Told(shown, log, names, [*across, *down], [], {})
    assert log
    for name in log:
        least, most = bounded(told, name)
        assert most - least >= 3, name


def test_the_same_instant_always_comes_out_the_same_and_a_later_one_tells_no_few(nation: Any, tmp_path: Path) -> None:
    first = printed(nation, tmp_path / "a", "public")
    again = printed(nation, tmp_path / "b", "public")
    assert {one.name: one.read_bytes() for one in first.iterdir()} == {
        one.name: one.read_bytes() for one in again.iterdir()
    }
    before = rows(first, "categories")
    # Five workers more, in a file that comes late: the difference of two editions would tell of five.
    counts = {code: sum(n) for code, n in published.categories(1000).items()}
    some = sum(counts.values())
    extra = dict(counts)
    extra["B"] += 5
    nation.drop("ASNR", "d.csv", b"".join(world.workers(extra)))
    nation.run(TODAY)
    lines = b"".join(world.results(2020, [*([0] * (some + 5))])).splitlines(keepends=True)
    nation.drop("LABO1", "tard.csv", lines[0] + b"".join(lines[-5:]))
    nation.run(TODAY)
    after = rows(printed(nation, tmp_path / "c", "public"), "categories")
    for code, row in after.items():
        for column in BRACKETS:
            if row[column] == "s" or before[code][column] == "s":
                assert row[column] == "s", "what was withheld stays so"
                continue
            moved = abs(int(row[column]) - int(before[code][column]))
            assert moved == 0 or moved >= 11
    assert after["Total"]["Total"] == "s"
    # Nor does the manifest say what the tables do not.
    assert json.loads((tmp_path / "c" / "manifest.json").read_text())["travailleurs_suivis"] is None
    assert json.loads((first / "manifest.json").read_text())["travailleurs_suivis"] == int(before["Total"]["Total"])
