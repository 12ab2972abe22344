"""PDF for people: typst templates of ``reports/templates``, accessible (PDF/UA-1), the same bytes for the same data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any


def rendered(template: str, data: Mapping[str, Any]) -> bytes:
    """A document.

    Args:
        template: name of a ``.typ`` file of ``reports/templates``; it reads ``json(bytes(sys.inputs.donnees))``, so
            that no text of the data is ever taken for markup.
        data: what it shows, as JSON can tell it.
    """
    import typst

    source = (files("reports") / "templates" / template).read_bytes()
    told = {"donnees": json.dumps(data, ensure_ascii=False)}
    done = typst.compile(source, sys_inputs=told, pdf_standards=["ua-1"], ignore_system_fonts=True, timestamp=0)
    return bytes(done)
