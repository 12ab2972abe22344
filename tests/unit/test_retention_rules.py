"""One table of rules: the pages, the impact note, the DAG, the runners and the database's log say the same."""

from __future__ import annotations

import ast
import re

import pytest

import sql
from loaders.settings import Settings, project_root
from pipelines import expiry
from schemas.retention import RULES, STAYS, table

ROOT = project_root()
NAMES = [rule.name for rule in RULES]


@pytest.mark.parametrize("page", ["conservation.md", "aipd.md"])
def test_the_pages_hold_the_table(page: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    found = re.search(r"<!-- regles -->\n(.*?)\n<!-- /regles -->", text, flags=re.DOTALL)
    assert found is not None
    assert found[1] == table(), "print(schemas.retention.table()) between the marks"


def test_every_rule_is_carried_out_by_the_dag_and_logged_under_its_name() -> None:
    tree = ast.parse((ROOT / "dags" / "siseri_retention.py").read_text(encoding="utf-8"))
    told = next(
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "RULES"
    )
    assert list(told) == NAMES
    assert list(expiry._CARRIED_OUT) == NAMES
    everything = "".join(text for _, _, text in sql.migrations())
    *_, logged = re.findall(r"removal_rule_check check \(\s*rule in \(([^)]*)\)", everything)
    assert set(re.findall(r"'(\w+)'", logged)) == {*NAMES, "PASSAGE"}


def test_days_are_those_of_the_settings_where_one_changes_them() -> None:
    settings = Settings.load({})
    for rule in RULES:
        assert rule.days is not None
        assert expiry.days(rule, settings) == rule.days, "the default is what the table says"
        assert rule.since
        assert rule.left
        assert rule.why
    assert {rule.name for rule in STAYS} >= {"DOSES", "IDENTITES", "AUDIT"}
    assert all(rule.days in (None, 0) for rule in STAYS)
    assert not {rule.name for rule in STAYS} & set(NAMES)
