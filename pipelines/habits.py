"""How an account writes its files, format by format, and where a habit changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sql
from loaders.settings import PARIS
from schemas import codebook
from schemas.formats import formats
from schemas.spec import Kind

if TYPE_CHECKING:
    from loaders.warehouse import Connection

_ENCODINGS = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8 avec BOM", "cp1252": "Windows-1252"}
_ENDS = {"\n": "LF", "\r\n": "CRLF"}
_DECIMALS = frozenset({Kind.DOSE, Kind.SHARE, Kind.ACTIVITY})
_TRAITS = ("disposition", "encodage", "fins_de_ligne", "guillemets", "decimale", "gzip")

Habits = list[dict[str, Any]]


def habits(connection: Connection, partner_id: int) -> tuple[Habits, Habits]:
    """What an account's settled files show, and what changed last.

    A file with a converted decimal comma counts as written with commas; a format without decimal numbers,
    or a fixed-width file, has no decimal sign (``None``).

    Returns:
        The ways of writing seen, in the order they came first (``format``, the traits, ``fichiers``, ``du``,
        ``au``), and, for each format and trait that ever changed, the last change: ``format``, ``quoi``,
        ``avant``, ``apres``, ``depuis`` (submission id), ``le``, ``fichiers`` (files written so since).
    """
    ways: dict[tuple[Any, ...], dict[str, Any]] = {}
    last: dict[str, dict[str, Any]] = {}
    changes: dict[tuple[str, str], dict[str, Any]] = {}
    asked = {"partner": partner_id, "comma": codebook.bit("AVT-03")}
    for number, received, layout, *seen in connection.execute(sql.query("habits", "seen"), asked).fetchall():
        day = received.astimezone(PARIS).date().isoformat()
        traits = _traits(layout, *seen)
        one = ways.setdefault((layout, *traits.values()), {"format": layout, **traits, "fichiers": 0, "du": day})
        one["fichiers"] += 1
        one["au"] = day
        before = last.get(layout, traits)
        for name in _TRAITS:
            change = changes.get((layout, name))
            if before[name] != traits[name]:
                changes[layout, name] = {
                    "format": layout,
                    "quoi": name,
                    "avant": before[name],
                    "apres": traits[name],
                    "depuis": number,
                    "le": day,
                    "fichiers": 1,
                }
            elif change is not None:
                change["fichiers"] += 1
        last[layout] = traits
    return list(ways.values()), sorted(changes.values(), key=lambda change: change["depuis"])


def _traits(
    layout: str, encoding: str, newline: str, quoted: bool, packed: bool, record: str | None, comma: bool
) -> dict[str, Any]:
    decimal = record is None and any(column.kind in _DECIMALS for column in formats()[layout].columns)
    return {
        "disposition": record or "CSV",
        "encodage": _ENCODINGS.get(encoding, encoding),
        "fins_de_ligne": _ENDS.get(newline, newline),
        "guillemets": quoted,
        "decimale": ("virgule" if comma else "point") if decimal else None,
        "gzip": packed,
    }
