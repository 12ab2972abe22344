"""PDF for people: typst templates of ``reports/templates``, accessible (PDF/UA-1), the same bytes for the same data."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any


def rendered(template: str, inputs: Mapping[str, str]) -> bytes:
    """A document.

    Args:
        template: name of a ``.typ`` file of ``reports/templates``.
        inputs: what it finds as ``sys.inputs``: JSON, so that no text of the data is ever taken for markup.
    """
    made = _compiler().compile(
        input=_source(template), format="pdf", sys_inputs=dict(inputs), pdf_standards=["ua-1"], timestamp=0
    )
    return bytes(made)


@cache
def _source(template: str) -> bytes:
    return (files("reports") / "templates" / template).read_bytes()


@cache
def _compiler() -> Any:
    """One compiler for all documents of a process: it reads its fonts once. The machine's own fonts are left out."""
    import typst

    return typst.Compiler(ignore_system_fonts=True)
