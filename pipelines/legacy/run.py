"""Migrate: the old registry's parts, one transaction each; then indexes, and the keys met twice judged exactly.

Whatever stops a run, the next one goes on after the last part that was wholly taken. Nothing is final before a person
accepts it (``decide.py``).
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa

import sql
from loaders import archive, crash
from loaders.bulk import Cursor
from loaders.errors import UsageError
from loaders.registry import Registry
from loaders.settings import Settings
from loaders.warehouse import Connection, alone, load
from pipelines import exceedances
from pipelines.ahead import ahead
from pipelines.legacy import doses, people
from pipelines.legacy.books import rebook
from pipelines.legacy.doses import Keys
from pipelines.legacy.known import Known, Survey, known, survey
from pipelines.legacy.outcomes import SEEN, Ledger
from pipelines.legacy.parts import Part, batches, count, found, typed
from pipelines.legacy.replay import replay

log = logging.getLogger("siseri.legacy")

#: Space of the session lock: one migration at work at a time.
LEGACY = 5361
#: What the ledger says the parts without measures are, closest among the formats.
_FORMATS = {"etablissements": "ETABLISSEMENTS", "travailleurs": "TRAVAILLEURS", "rattachements": "TRAVAILLEURS"}
#: Partitions whose indexes are made at once.
_BUILDERS = 2
Say = Callable[[str], None]


@dataclass(frozen=True)
class Migration:
    """A migration: its number, the day before which windows are history, and its state."""

    number: int
    day: date
    state: str


@dataclass(frozen=True)
class Migrated:
    """What a run did: counts only."""

    migration: int | None
    state: str
    parts: int
    taken_before: int
    rows: int


def current(connection: Connection) -> Migration | None:
    """The migration that is open, where there is one."""
    row = connection.execute(sql.query("legacy", "open_migration")).fetchone()
    return None if row is None else Migration(*row)


def latest(connection: Connection) -> Migration:
    """The migration that is open, else the last accepted one. Raises UsageError where there is none."""
    row = connection.execute(sql.query("legacy", "last_migration")).fetchone()
    if row is None:
        raise UsageError("no migration of an old registry has been begun")
    return Migration(*row)


def migrate(registry: Registry, folder: Path, *, say: Say = lambda line: None) -> Migrated:
    """Take the parts of a folder that were not taken yet.

    Args:
        say: told of every step, counts only.

    Raises:
        UsageError: a folder that is no legacy, a part that changed since it was taken, another run at work.
    """
    connection, settings = registry.connection, registry.settings
    parts = found(folder)
    with alone(connection, LEGACY, 0, patience_s=0) as mine:
        if not mine:
            raise UsageError("a migration is at work already")
        digests = {part.name: part.digest() for part in parts}
        before = _taken(connection, digests)
        todo = [part for part in parts if part.name not in before]
        migration = current(connection)
        if not todo and (migration is None or migration.state != "EN_COURS"):
            stands = latest(connection)
            return Migrated(stands.number, stands.state, 0, len(parts), 0)
        if migration is None:
            migration = _begin(connection, settings)
        elif todo and migration.state != "EN_COURS":
            connection.execute(sql.query("legacy", "set_state"), ("EN_COURS", migration.number))
        say(f"{len(todo)} part(s) to take, {len(before)} taken before")
        run = _Run(registry, migration, survey(parts, migration.day), parts, before)
        rows = 0
        for part in todo:
            taken = run.take(part, digests[part.name])
            rows += taken
            say(f"{part.name}: {taken} rows")
        run.finish(say)
    log.info("migration %s: %s parts, %s rows", migration.number, len(todo), rows)
    return Migrated(migration.number, "A_ACCEPTER", len(todo), len(before), rows)


def _taken(connection: Connection, digests: dict[str, str]) -> dict[str, int]:
    """Parts taken before, by name, with their submission. Raises UsageError for one that has other bytes now."""
    listed = connection.execute(sql.query("legacy", "parts")).fetchall()
    held = {(name, sha256): submission for name, sha256, submission, _ in listed}
    names = {name for name, _, _, open_ in listed if open_}
    bytes_ = {sha256: submission for _, sha256, submission, _ in listed}
    taken = {}
    for name, sha256 in digests.items():
        if (name, sha256) in held:
            taken[name] = held[name, sha256]
        elif sha256 in bytes_:
            raise UsageError(f"{name} holds the bytes of a part that was taken under another name")
        elif name in names:
            raise UsageError(f"{name} has changed since it was taken: take the migration back first, or rename it")
    return taken


def _begin(connection: Connection, settings: Settings) -> Migration:
    with load(connection, "legacy") as number:
        cursor = connection.cursor()
        cursor.execute(sql.query("legacy", "account"))
        row = cursor.execute(sql.query("legacy", "begin_migration"), (settings.registry_date(),)).fetchone()
        assert row is not None
        migration = Migration(*row)
        # From the first row on, whatever a detection finds in it is history: nobody may be told of it.
        exceedances.note_legacy_day(cursor, number, migration.day)
    return migration


class _Run:
    """One run: what its parts share."""

    def __init__(
        self, registry: Registry, migration: Migration, seen: Survey, parts: list[Part], before: dict[str, int]
    ) -> None:
        self._connection, self._settings, self._key = registry.connection, registry.settings, registry.key
        self._warehouse = registry.warehouse
        self._migration, self._survey, self._parts = migration, seen, parts
        self._known: Known | None = None
        self._keys: dict[str, Keys] = {}
        self._before = before

    def take(self, part: Part, sha256: str) -> int:
        """Take one part, wholly or not at all. Gives its rows."""
        _keep(self._settings, part, sha256)
        crash.reach("legacy.archived")
        layout = part.table.layout
        # The registry may have learnt since the last part: references are read anew, but not for every part of doses.
        if layout is None:
            self._known = None
        with load(self._connection, "legacy") as number:
            cursor = self._connection.cursor()
            ledger = Ledger(self._submit(cursor, number, part, sha256), number)
            rows = self._measures(cursor, ledger, part) if layout else self._references(cursor, ledger, part)
            ledger.write(cursor, self._key)
            if layout is not None:
                rebook(cursor, ledger)
        return rows

    def _submit(self, cursor: Cursor, number: int, part: Part, sha256: str) -> int:
        account = cursor.execute(sql.query("legacy", "account")).fetchone()
        assert account is not None
        layout = part.table.layout
        row = cursor.execute(
            sql.query("legacy", "submission"),
            (
                account[0],
                part.name,
                self._migration.number,
                sha256,
                part.path.stat().st_size,
                self._migration.day,
                layout.name if layout else _FORMATS[part.table.name],
                number,
            ),
        ).fetchone()
        assert row is not None
        cursor.execute(
            sql.query("legacy", "part"),
            (row[0], self._migration.number, part.table.name, part.path.name, sha256, number),
        )
        return int(row[0])

    def _references(self, cursor: Cursor, ledger: Ledger, part: Part) -> int:
        if part.table.name == "rattachements":
            # A pair's periods are put in order together, so such a part is read whole.
            read = list(batches(part))
            if not read:
                return 0
            whole = pa.concat_tables([rows.sent for rows in read])
            together = typed(whole, part.table.columns, np.arange(1, whole.num_rows + 1))
            people.attachments(cursor, ledger, together, self._knows(cursor), self._survey, self._migration.day)
            return len(together)
        total = 0
        for rows in batches(part):
            total += len(rows)
            if part.table.name == "etablissements":
                people.establishments(cursor, ledger, rows, self._survey)
            else:
                people.workers(cursor, ledger, rows, self._key, self._migration.number)
        return total

    def _measures(self, cursor: Cursor, ledger: Ledger, part: Part) -> int:
        known_ = self._knows(cursor)
        keys = self._keys_of(cursor, part, known_)
        total = 0
        made = (
            doses.ready(part.table, doses.judge(part.table, rows, known_, self._migration.day), keys)
            for rows in batches(part)
        )
        for batch in ahead(made):  # laid out in a thread, while the database takes the batch before
            total += len(batch.judged)
            doses.attach(cursor, ledger, part.table, batch, keys)
        return total

    def _knows(self, cursor: Cursor) -> Known:
        if self._known is None:
            self._known = known(cursor, self._migration.number)
        return self._known

    def _keys_of(self, cursor: Cursor, part: Part, known_: Known) -> Keys:
        """The keys of a table, those of its parts that an earlier run took among them."""
        name = part.table.name
        if name not in self._keys:
            layout = part.table.layout
            assert layout is not None
            same = [one for one in self._parts if one.table.name == name]
            keys = self._keys[name] = Keys(layout, sum(count(one) for one in same))
            for one in same:
                if one.name in self._before:
                    for rows in batches(one):
                        keys.note(doses.judge(one.table, rows, known_, self._migration.day))
        return self._keys[name]

    def finish(self, say: Say) -> None:
        """Indexes, one partition a transaction; then the keys that may have passed twice; then it may be accepted."""
        waiting = [name for (name,) in self._connection.execute(sql.query("legacy", "unfinished_partitions"))]
        with ThreadPoolExecutor(_BUILDERS) as builders:  # each core of the database sorts for an index of its own
            for name, _ in zip(waiting, builders.map(self._index, waiting), strict=True):
                say(f"{name}: indexes made")
        asked = (self._migration.number, SEEN, SEEN)
        for part, kind in self._connection.execute(sql.query("legacy", "group_parts"), asked).fetchall():
            with load(self._connection, "legacy") as number:
                cursor = self._connection.cursor()
                rows = replay(
                    *(cursor, number, self._key, self._knows(cursor), self._survey, self._migration.day, part, kind),
                    SEEN,
                )
            say(f"part {part}: {rows} keys compared")
        crash.reach("legacy.compared")
        self._connection.execute(sql.query("legacy", "set_state"), ("A_ACCEPTER", self._migration.number))

    def _index(self, name: str) -> None:
        with self._warehouse.loader() as connection:
            connection.execute(sql.query("legacy", "finish_partition"), (name,))
        crash.reach("legacy.indexed")


def _keep(settings: Settings, part: Part, sha256: str) -> None:
    """The part's bytes into the archive, before anything says that they are there."""
    if archive.holds(settings, sha256):
        return
    copy = settings.folder("staging") / f"legacy-{sha256[:16]}"
    shutil.copyfile(part.path, copy)
    with copy.open("rb+") as file:
        os.fsync(file.fileno())
    archive.keep(settings, sha256, copy)
