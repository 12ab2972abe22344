"""Crash points: named in one place, each stands somewhere, none costs anything while no test is on."""

from __future__ import annotations

import re

import pytest

from loaders import crash
from loaders.errors import UsageError
from loaders.settings import project_root

CODE = "".join(
    path.read_text()
    for folder in ("loaders", "pipelines", "cli", "desk", "reports")
    for path in sorted((project_root() / folder).rglob("*.py"))
)


def test_every_point_stands_once_in_the_code_and_every_one_there_is_named() -> None:
    stand = re.findall(r'crash\.reach\("([a-z_.]+)"\)', CODE)
    assert sorted(stand) == sorted(crash.STEPS)
    assert set(re.findall(r'crash\.reach\(f"load\.\{kind\}\.([a-z]+)"\)', CODE)) == set(crash.LOAD)


def test_every_kind_of_load_is_named() -> None:
    kinds = set(re.findall(r'\bload\((?:self\.)?_?connection, "([a-z ]+)"', CODE))
    assert kinds == set(crash.LOADS)


def test_nothing_is_done_while_no_test_is_on() -> None:
    assert crash.armed(None) is crash.armed("") is crash.reach
    assert crash.reach("collect.left") is None


@pytest.mark.parametrize("told", ["nowhere", "collect.left:0x1", "collect.left:1:TERM", ":1"])
def test_an_unknown_point_is_refused(told: str) -> None:
    with pytest.raises(UsageError, match="names no crash point"):
        crash.armed(told)
