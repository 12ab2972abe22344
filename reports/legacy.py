"""The page of a migration's reconciliation: figures of tables, years and quantities, of nobody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reports.page import environment


def page(facts: Mapping[str, Any]) -> str:
    """The page, self-contained.

    Args:
        facts: the content of ``reconciliation.json``.
    """
    return environment().get_template("reprise.html").render(facts=facts)
