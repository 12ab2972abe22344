"""The store: numbered migrations and named queries, as SQL files.

A query file holds sections that begin with ``-- name: <name>``; :func:`query` returns one of them.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files


@cache
def _sections(book: str) -> dict[str, str]:
    text = (files("sql") / "queries" / f"{book}.sql").read_text(encoding="utf-8")
    parts = re.split(r"^-- name: (\w+)\s*$", text, flags=re.MULTILINE)
    return {name: body.strip().rstrip(";") for name, body in zip(parts[1::2], parts[2::2], strict=True)}


def query(book: str, name: str) -> str:
    """Text of the section ``name`` of ``sql/queries/<book>.sql``.

    Raises KeyError where the section does not exist.
    """
    return _sections(book)[name]


@cache
def migrations() -> list[tuple[int, str, str]]:
    """Numbered migrations in order: (number, name, SQL text)."""
    found = []
    for entry in (files("sql") / "migrations").iterdir():
        matched = re.fullmatch(r"(\d{4})_(\w+)\.sql", entry.name)
        if matched:
            found.append((int(matched[1]), matched[2], entry.read_text(encoding="utf-8")))
    return sorted(found)
