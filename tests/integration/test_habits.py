"""How a sender writes, as its settled files show it, and what changed."""

from __future__ import annotations

import gzip
from typing import Any

import pytest
from senders import DESIGNATIONS, OPERATIONNELLE, PASSIVE, country, dose, file, row

from pipelines import partners


@pytest.fixture
def land(registry: Any) -> Any:
    return country(registry)


def shown(land: Any, code: str = "LABO1") -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    found = partners.show(land.connection, land.settings, code)
    return found["habitudes"], found["changements"]


def traits(one: dict[str, Any]) -> list[Any]:
    names = ("format", "encodage", "fins_de_ligne", "guillemets", "decimale", "gzip", "fichiers")
    return [one[name] for name in names]


def test_each_way_of_writing_is_remembered(land: Any) -> None:
    assert shown(land) == ([], [])
    land.drop("LABO1", "1.csv", file(PASSIVE, dose("M1")))
    land.drop("LABO1", "2.csv", file(PASSIVE, dose("M2"), dose("M3", "")))  # a rejected row changes no habit
    land.run()
    ways, changes = shown(land)
    assert [traits(one) for one in ways] == [["PASSIVE", "UTF-8", "LF", False, "point", False, 2]]
    assert changes == []
    # Every trait at once.
    quoted = dose("M4", "0,15", PRENOM="JÉAN").replace("JÉAN", '"JÉAN"')
    land.drop("LABO1", "3.csv.gz", gzip.compress(file(PASSIVE, quoted, end="\r\n").decode().encode("cp1252")))
    land.run()
    ways, changes = shown(land)
    assert [traits(one) for one in ways] == [
        ["PASSIVE", "UTF-8", "LF", False, "point", False, 2],
        ["PASSIVE", "Windows-1252", "CRLF", True, "virgule", True, 1],
    ]
    assert {one["depuis"] for one in changes} == {land.submission("LABO1", "3.csv.gz")}
    assert {(one["quoi"], one["avant"], one["apres"]) for one in changes} == {
        ("encodage", "UTF-8", "Windows-1252"),
        ("fins_de_ligne", "LF", "CRLF"),
        ("guillemets", False, True),
        ("decimale", "point", "virgule"),
        ("gzip", False, True),
    }
    assert all(one["du"] <= one["au"] for one in ways)


def test_a_change_stays_in_sight_after_the_next_file(land: Any) -> None:
    for number, bom in enumerate((False, True, True)):
        land.drop("LABO1", f"{number}.csv", b"\xef\xbb\xbf" * bom + file(PASSIVE, dose(f"M{number}")))
        land.run()
    [change] = shown(land)[1]
    assert (change["quoi"], change["avant"], change["apres"]) == ("encodage", "UTF-8", "UTF-8 avec BOM")
    assert (change["depuis"], change["fichiers"]) == (land.submission("LABO1", "1.csv"), 2)
    land.drop("LABO1", "3.csv", file(PASSIVE, dose("M9")))
    land.run()
    [change] = shown(land)[1]
    assert (change["apres"], change["depuis"]) == ("UTF-8", land.submission("LABO1", "3.csv"))


def test_formats_have_habits_of_their_own_and_refused_files_have_none(land: Any) -> None:
    land.drop("EMPL", "ope.csv", file(OPERATIONNELLE, row(OPERATIONNELLE, VALEUR="0,012"), end="\r\n"))
    land.drop("EMPL", "designations.csv", file(DESIGNATIONS, row(DESIGNATIONS)))
    land.drop("EMPL", "inconnu.csv", "é;à\n1;2\n".encode("cp1252"))
    land.run()
    ways, changes = shown(land, "EMPL")
    assert sorted((traits(one) for one in ways), key=str) == sorted(
        [
            ["TRAVAILLEURS", "UTF-8", "LF", False, "point", False, 1],
            ["OPERATIONNELLE", "UTF-8", "CRLF", False, "virgule", False, 1],
            ["DESIGNATIONS", "UTF-8", "LF", False, None, False, 1],
        ],
        key=str,
    )
    assert changes == []
