"""Fingerprints under the next key: computed from what the key before opens, written in the moment of the exchange."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

from psycopg import sql as composed

import sql
from loaders.bulk import Cursor
from loaders.secrets import RegistryKey
from loaders.warehouse import Connection
from pipelines.check import check
from pipelines.keyring.places import FINGERPRINTS
from pipelines.match import person_column
from pipelines.notice_facts import seen
from pipelines.read import chunk_of_rows
from schemas.formats import formats
from schemas.spec import Context

STEP = 20_000
_PLACE = "empreintes"
_RENEW = "update {table} as t set {column} = p.new_print from keyring.print as p where t.{column} = p.old_print"
_FIRST = ["00000000-0000-0000-0000-000000000000", "0"]


def prepare(connection: Connection, old: RegistryKey, new: RegistryKey) -> Iterator[int]:
    """Compute the new fingerprints that can be known by now, one transaction a step; the registry works on meanwhile.

    Yields:
        How many were computed, after each step.
    """
    while True:
        with connection.transaction():
            cursor = connection.cursor()
            noted = cursor.execute(sql.query("keyring", "progress"), (_PLACE,)).fetchone()
            if noted is not None and noted[2]:
                yield _strangers(cursor, old, new)
                return
            last = noted[0] if noted is not None and noted[0] else _FIRST
            rows = cursor.execute(sql.query("keyring", "identifiers"), (*last, STEP)).fetchall()
            _keep(cursor, _of_identifiers(rows, old, new))
            if rows:
                last = [str(rows[-1][0]), str(rows[-1][1])]
            told = (_PLACE, json.dumps(last), len(rows), len(rows) < STEP)
            cursor.execute(sql.query("keyring", "note_progress"), told)
        yield len(rows)


def exchange(cursor: Cursor, old: RegistryKey, new: RegistryKey) -> tuple[int, int]:
    """Renew every fingerprint, inside the exchange's transaction; nobody else works under the key then.

    Returns:
        How many there are, and how many of them are orphans: their number is sealed nowhere any more. An orphan gets
        a new fingerprint drawn from the old one, so that what was grouped stays so and the old key tells nothing.
    """
    _keep(cursor, _of_identifiers(cursor.execute(sql.query("keyring", "identifiers_left")).fetchall(), old, new))
    _strangers(cursor, old, new)
    cursor.execute(sql.query("keyring", "weigh"))
    left = [one for (one,) in cursor.execute(sql.query("keyring", "prints_left")).fetchall()]
    _keep(cursor, ((one, new.fingerprint(f"orphan {one}")) for one in left))
    _notices(cursor, old, new)
    for name in FINGERPRINTS:
        *table, column = name.split(".")
        places = {"table": composed.Identifier(*table), "column": composed.Identifier(column)}
        cursor.execute(composed.SQL(_RENEW).format(**places))
    cursor.execute(sql.query("keyring", "exchange_mark"))
    count = cursor.execute(sql.query("keyring", "prints_so_far")).fetchone()
    return (int(count[0]) if count else 0), len(left)


def _keep(cursor: Cursor, pairs: Iterable[tuple[UUID, UUID]]) -> int:
    listed = list(pairs)
    cursor.execute(sql.query("keyring", "keep_prints"), ([one for one, _ in listed], [one for _, one in listed]))
    return len(listed)


def _strangers(cursor: Cursor, old: RegistryKey, new: RegistryKey) -> int:
    """Of persons whom standing decisions, requests or waiting rows name, and the registry does not know."""
    found = _keep(cursor, _of_standing(cursor, old, new))
    found += _keep(cursor, _of_requests(cursor, old, new))
    return found + _keep(
        cursor, _of_rows(cursor.execute(sql.query("keyring", "rows_of_strangers")).fetchall(), old, new)
    )


def _of_identifiers(rows: Iterable[Any], old: RegistryKey, new: RegistryKey) -> Iterator[tuple[UUID, UUID]]:
    for fingerprint, _, sealed in rows:
        yield fingerprint, new.fingerprint(old.open(sealed).decode())


def _of_standing(cursor: Cursor, old: RegistryKey, new: RegistryKey) -> Iterator[tuple[UUID, UUID]]:
    for person, sealed in cursor.execute(sql.query("keyring", "standing_prints")).fetchall():
        yield person, new.fingerprint(old.open(sealed).decode())


def _of_requests(cursor: Cursor, old: RegistryKey, new: RegistryKey) -> Iterator[tuple[UUID, UUID]]:
    for person, sealed in cursor.execute(sql.query("keyring", "request_prints")).fetchall():
        yield person, new.fingerprint(json.loads(old.open(sealed))["numero"])


def _of_rows(rows: Iterable[Any], old: RegistryKey, new: RegistryKey) -> Iterator[tuple[UUID, UUID]]:
    """Of rows that wait: the number is read as the corridor reads it, repairs included."""
    by_format: dict[str, list[tuple[UUID, dict[str, str]]]] = {}
    for person, name, sealed in rows:
        by_format.setdefault(name, []).append((person, old.open_row(sealed)))
    for name, found in by_format.items():
        layout = formats()[name]
        column = person_column(layout)
        if column is None:
            continue
        checked = check(layout, chunk_of_rows(layout, [row for _, row in found]), Context(0))
        for (person, _), number in zip(found, checked.values[column].to_pylist(), strict=True):
            if number and old.fingerprint(number) == person:
                yield person, new.fingerprint(number)


def _notices(cursor: Cursor, old: RegistryKey, new: RegistryKey) -> None:
    """What each notice's reader saw, under the new key: what he was told once is not told again."""
    numbers, digests = [], []
    for number, digest, sealed in cursor.execute(sql.query("keyring", "notices")).fetchall():
        told = seen(json.loads(old.open(sealed)))
        same = old.fingerprint(told) == digest
        numbers.append(number)
        digests.append(new.fingerprint(told if same else f"orphan {digest}"))
    cursor.execute(sql.query("keyring", "exchange_notices"), (numbers, digests))
