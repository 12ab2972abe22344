"""Ways by which a person's data could leave beside the answers, and that are closed by what is not there."""

from __future__ import annotations

import ast
import configparser
import dataclasses
from decimal import Decimal
from typing import Any

import pytest
from canaries import FIRST, KNOWN, NAMES, holds
from senders import PASSIVE, country, dose, file

from loaders.settings import project_root
from pipelines import held

ROOT = project_root()


#: Where a package that could quote values is imported, and nowhere else.
WHERE = {"great_expectations": {"pipelines/quality/expectations.py"}}


def test_no_metrics_and_no_traces_leave_airflow_by_default() -> None:
    config = configparser.ConfigParser(interpolation=None)
    config.read(ROOT / "airflow.cfg")
    assert not config.getboolean("metrics", "statsd_on")
    assert not config.getboolean("metrics", "otel_on")
    assert not config.getboolean("traces", "otel_on")


@pytest.mark.parametrize(
    "package", ["great_expectations", "statsd", "opentelemetry", "sentry_sdk", "prometheus_client"]
)
def test_nothing_writes_reports_on_data_or_counts_elsewhere(package: str) -> None:
    """Data Docs quote failing values, and whatever counts elsewhere can be given a label: none is imported, but one.

    That one judges figures of months and answers yes or no.
    """
    found = set()
    for folder in ("cli", "dags", "desk", "loaders", "pipelines", "plugins", "reports", "schemas", "sql"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                named = [one.name for one in node.names] if isinstance(node, ast.Import) else []
                named += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                if package in {name.partition(".")[0] for name in named}:
                    found.add(str(path.relative_to(ROOT)))
    assert found == WHERE.get(package, set())
    for path in found:
        source = (ROOT / path).read_text(encoding="utf-8")
        assert "BOOLEAN_ONLY" in source
        assert "data_docs" not in source


def test_what_a_person_is_asked_in_airflow_are_numbers(registry: Any) -> None:
    """The question's text is made of what ``claim`` gives, and of nothing else (``dags/siseri_hold.py``)."""
    country(registry)
    registry.settings = dataclasses.replace(registry.settings, hold_share=Decimal("0.1"), hold_rows=1)
    rows = (dose(f"H{at}", "-1", NIR=KNOWN, NOM=NAMES[0], PRENOM=FIRST[0]) for at in range(3))
    registry.drop("LABO1", f"{KNOWN}-{NAMES[0]}.csv", file(PASSIVE, *rows))
    assert registry.run().held
    (asked,) = held.claim(registry.connection, "run", 60)
    told = dataclasses.asdict(asked)
    assert {type(one) for one in told.values()} == {int}
    assert holds(str(told)) == []
    source = (ROOT / "dags" / "siseri_hold.py").read_text(encoding="utf-8")
    (subject,) = [node.value for node in ast.walk(ast.parse(source)) if getattr(node, "arg", "") == "subject"]
    assert isinstance(subject, ast.BinOp)
    names = {part.split("'")[1] for part in ast.unparse(subject).replace('"', "'").split("one[")[1:]}
    assert names == {"depot", "percent"}
