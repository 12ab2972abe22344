"""Sealing anew, in steps: each opens some rows with whatever key made their seal, and seals them with the new one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from psycopg import sql as composed

import sql
from loaders.bulk import Cursor
from loaders.secrets import RegistryKey
from loaders.warehouse import Connection
from pipelines.keyring.places import SEALED, Place

STEP = 5_000

_READ = "select {keys}, {column} from {table} where ({keys}) > ({last}) or {first} order by {keys} limit {step}"
_WRITE = (
    "update {table} as t set {column} = k.sealed from unnest({types}) as k ({names}, sealed) where ({of}) = ({named})"
)


def reseal(connection: Connection, key: RegistryKey) -> Iterator[int]:
    """Seal everything anew that ``key`` did not make; one transaction a step, resumed where the last one ended.

    Loads wait while a step is written, so none copies a value from before; readers wait for nothing.

    Yields:
        How many values were sealed anew, after each step.
    """
    for place in SEALED:
        while True:
            with connection.transaction():
                cursor = connection.cursor()
                cursor.execute(sql.query("keyring", "alone_at_loading"))
                noted = cursor.execute(sql.query("keyring", "progress"), (place.name,)).fetchone()
                if noted is not None and noted[2]:
                    break
                done, last, finished = _step(cursor, key, place, noted[0] if noted else None)
                told = (place.name, None if last is None else json.dumps(last), done, finished)
                cursor.execute(sql.query("keyring", "note_progress"), told)
            yield done


def left(connection: Connection, key: RegistryKey) -> int:
    """How many sealed values ``key`` did not make: everything is opened to know."""
    found = 0
    for place in SEALED:
        text = composed.SQL("select {column} from {table} where {column} is not null").format(**_named(place))
        with connection.transaction(), connection.cursor(f"siseri_{place.column}") as cursor:
            cursor.itersize = STEP
            found += sum(not key.made(sealed) for (sealed,) in cursor.execute(text))
    return found


def _step(cursor: Cursor, key: RegistryKey, place: Place, last: list[str] | None) -> tuple[int, list[str] | None, bool]:
    rows = _read(cursor, place, last)
    renewed = [
        (*row[:-1], key.seal(key.open(row[-1]))) for row in rows if row[-1] is not None and not key.made(row[-1])
    ]
    if renewed:
        quiet = place.table == "queue.entry"
        if quiet:
            cursor.execute(sql.query("keyring", "quiet"))
        _write(cursor, place, renewed)
        if quiet:
            cursor.execute(sql.query("keyring", "loud"))
    return len(renewed), [str(one) for one in rows[-1][:-1]] if rows else last, len(rows) < STEP


def _read(cursor: Cursor, place: Place, last: list[str] | None) -> list[Any]:
    typed = [composed.SQL("{}::" + kind).format(composed.Placeholder()) for _, kind in place.keys]
    text = composed.SQL(_READ).format(
        **_named(place),
        last=composed.SQL(", ").join(typed),
        first=composed.Literal(last is None),
        step=composed.Literal(STEP),
    )
    first: list[str | None] = [None] * len(place.keys)
    return cursor.execute(text, last or first).fetchall()


def _write(cursor: Cursor, place: Place, rows: list[Any]) -> None:
    kinds = [*(kind for _, kind in place.keys), "bytea"]
    arrays = [composed.SQL("{}::" + kind + "[]").format(composed.Placeholder()) for kind in kinds]
    names = [composed.Identifier(name) for name, _ in place.keys]
    text = composed.SQL(_WRITE).format(
        **_named(place),
        types=composed.SQL(", ").join(arrays),
        names=composed.SQL(", ").join(names),
        of=composed.SQL(", ").join(composed.SQL("t.{}").format(name) for name in names),
        named=composed.SQL(", ").join(composed.SQL("k.{}").format(name) for name in names),
    )
    cursor.execute(text, [list(column) for column in zip(*rows, strict=True)])


def _named(place: Place) -> dict[str, composed.Composable]:
    return {
        "table": composed.Identifier(*place.table.split(".")),
        "column": composed.Identifier(place.column),
        "keys": composed.SQL(", ").join(composed.Identifier(name) for name, _ in place.keys),
    }
