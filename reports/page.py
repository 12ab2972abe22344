"""The execution report as a page for a person: one self-contained HTML document, in French."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import jinja2

from schemas.codebook import book


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def report_page(facts: Mapping[str, Any]) -> bytes:
    """The page of a report.

    Args:
        facts: the content of ``<name>.rapport.json``.
    """
    codes = [(book()[code], rows) for code, rows in sorted(facts["codes"].items())]
    return _environment().get_template("rapport.html").render(facts=facts, codes=codes).encode()
