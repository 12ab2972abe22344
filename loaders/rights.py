"""Rights: set as ``schemas/data/droits.csv`` declares them, and read back from the catalogue."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql as composed

import sql
from schemas.access import KEEPER, KINDS, LETTERS, LOGINS, NAMES, PUBLIC, Line, Right, lines

#: A right as the catalogue has it: object, kind (``politique``: a row security), profile, letter, columns.
Held = tuple[str, str, str, str, tuple[str, ...]]


def grant(cursor: psycopg.Cursor[Any], database: str) -> None:
    """Give every profile what is declared and take the rest, on every object that is declared.

    What is not declared is left as it is: :func:`pipelines.rights.differences` tells of it.
    """
    keeper = f"{database}_{KEEPER.name}"
    own = {name for (name,) in cursor.execute(sql.query("rights", "owned"), {"role": keeper}).fetchall()}
    logins = composed.SQL(", ").join(_who(database, name) for name in (PUBLIC, *LOGINS))
    statements: list[composed.Composable] = []
    for line in lines():
        kind, name = composed.SQL(KINDS[line.kind]), _object(line, database)
        # From an owner everything would be taken that it owns by.
        everybody = logins if line.name in own else composed.SQL(", ").join((logins, composed.Identifier(keeper)))
        statements.append(composed.SQL("revoke all on {} {} from {}").format(kind, name, everybody))
        for profile, rights in line.rights.items():
            listed = composed.SQL(", ").join(_right(one) for one in rights)
            who = _who(database, profile)
            statements.append(composed.SQL("grant {} on {} {} to {}").format(listed, kind, name, who))
    cursor.execute(composed.SQL(";\n").join(statements))


def _who(database: str, profile: str) -> composed.Composable:
    return composed.SQL("public") if profile == PUBLIC else composed.Identifier(f"{database}_{profile}")


def _object(line: Line, database: str) -> composed.Composable:
    if line.kind == "base":
        return composed.Identifier(database)
    return composed.Identifier(*line.name.split("."))


def _right(one: Right) -> composed.Composable:
    word = composed.SQL(LETTERS[one.letter][0])
    if not one.columns:
        return word
    columns = composed.SQL(", ").join(composed.Identifier(column) for column in one.columns)
    return composed.SQL("{} ({})").format(word, columns)


def declared() -> set[Held]:
    """What the profiles should hold, row security included."""
    found: set[Held] = set()
    for line in lines():
        for profile, rights in line.rights.items():
            found |= {(line.name, line.kind, profile, one.letter, tuple(sorted(one.columns))) for one in rights}
        for profile in line.rows or ():
            found.add((line.name, "politique", profile, "", ()))
    return found


def held(cursor: psycopg.Cursor[Any]) -> tuple[set[Held], dict[str, str]]:
    """What everybody but the owners holds, roles that are no profile included, and every object with its kind.

    Partitions are not told: see :func:`on_partitions`. A profile's name stands for its role; another role's stays.
    """
    row = cursor.execute("select current_database()").fetchone()
    assert row is not None
    names = {f"{row[0]}_{name}": name for name in NAMES}
    letters = {word.upper(): letter for letter, (word, _) in LETTERS.items()}
    rights: set[Held] = set()
    objects: dict[str, str] = {}
    for name, kind, role, word, columns in cursor.execute(sql.query("rights", "held")).fetchall():
        objects[name] = kind
        if role is not None:
            rights.add((name, kind, names.get(role, role), letters.get(word, word), tuple(sorted(columns or ()))))
    for name, role in cursor.execute(sql.query("rights", "policies")).fetchall():
        rights.add((name, "politique", names.get(role, role), "", ()))
    return rights, objects


def on_partitions(cursor: psycopg.Cursor[Any]) -> list[tuple[str, str, str]]:
    """Who holds a right on a partition itself, which passes by the row security of its parent: parent, role, right."""
    return [(parent, role, word) for parent, role, word in cursor.execute(sql.query("rights", "partitions")).fetchall()]


def powers(cursor: psycopg.Cursor[Any]) -> list[tuple[str, str]]:
    """What would let a profile pass by its rights: attributes, memberships, things that a login owns. Role and what."""
    row = cursor.execute("select current_database()").fetchone()
    assert row is not None
    asked = {"roles": [f"{row[0]}_{name}" for name in NAMES], "logins": [f"{row[0]}_{name}" for name in LOGINS]}
    return cursor.execute(sql.query("rights", "powers"), asked).fetchall()
