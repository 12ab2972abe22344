"""Search: what waits for a person, an establishment or a file. Nominative: the caller notes the look."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sql
from loaders.secrets import RegistryKey
from loaders.warehouse import Connection
from pipelines.causes import listed_entry

#: Entries shown at most.
MOST = 200


def some_entries(connection: Connection, key: RegistryKey, numbers: Sequence[int]) -> list[dict[str, Any]]:
    """These entries as a list shows them, in the order they came."""
    found = connection.execute(sql.query("desk", "some_entries"), (list(numbers),)).fetchall()
    return [listed_entry(key, row) for row in found]


def of_person(connection: Connection, key: RegistryKey, number: str, size: int = MOST) -> list[int]:
    """Entries that wait for the person known under a NIR or NIA, or for that number where nobody is."""
    return _found(connection, "waiting_of_person", {"person": key.fingerprint(number)}, size)


def of_siret(connection: Connection, siret: str, size: int = MOST) -> list[int]:
    """Entries that wait and name this establishment."""
    return _found(connection, "waiting_of_siret", {"siret": siret}, size)


def of_submission(connection: Connection, number: int, size: int = MOST) -> list[int]:
    """Rows of a file that wait."""
    return _found(connection, "waiting_of_submission", {"submission": number}, size)


def known(connection: Connection, number: int) -> bool:
    """Whether there is, or was, an entry of this number."""
    return connection.execute(sql.query("desk", "known_entry"), (number,)).fetchone() is not None


def _found(connection: Connection, query: str, asked: dict[str, Any], size: int) -> list[int]:
    rows = connection.execute(sql.query("desk", query), asked | {"size": size}).fetchall()
    return [int(number) for (number,) in rows]
