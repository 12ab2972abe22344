"""Decide: what only a person says of a migration: that it stands, that it goes, what becomes of a group that waits."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import sql
from loaders.bulk import Cursor
from loaders.errors import UsageError
from loaders.registry import Registry
from loaders.warehouse import Connection, alone, load
from pipelines import exceedances
from pipelines.legacy import trades
from pipelines.legacy.known import Survey, known, survey
from pipelines.legacy.outcomes import CAUSES, Ledger, Outcome
from pipelines.legacy.parts import found
from pipelines.legacy.repairs import person, well_formed
from pipelines.legacy.replay import refuse, replay
from pipelines.legacy.run import LEGACY, Migration, current, latest
from pipelines.names import agree, fold
from schemas import nomenclature

log = logging.getLogger("siseri.legacy")

#: What may be said of a group.
ACTIONS = ("rejouer", "confirmer", "rattacher", "metier", "rejeter")
_KINDS = ("passive", "operational", "internal", "committed", "aircrew")
_VERSIONS = (
    "identity.civil",
    "reference.establishment_state",
    "reference.attachment_period",
    "reference.attachment_status",
)


def accept(registry: Registry, who: str) -> dict[str, int]:
    """Let the open migration stand; then reckon exceedances over it. Nobody is told of windows that end before its day.

    Raises:
        UsageError: none is open, or it is not whole yet.
    """
    connection = registry.connection
    migration = _open(connection)
    if migration.state != "A_ACCEPTER":
        raise UsageError("the migration is not whole yet: run 'siseri migrate' again to its end")
    _close(connection, migration, "ACCEPTEE", who)
    done = exceedances.detect(connection, registry.settings.registry_date())
    log.info("migration %s accepted", migration.number)
    return {"migration": migration.number, "personnes": done.persons, "depassements": done.opened}


def undo(registry: Registry, who: str) -> dict[str, int]:
    """Take the open migration back: what it brought ceases to hold, and can be seen only as of before.

    Raises:
        UsageError: none is open (one that was accepted stands for good), or others have built upon it.
    """
    connection = registry.connection
    migration = _open(connection)
    with _alone(connection), load(connection, "legacy") as number:
        cursor = connection.cursor()
        row = cursor.execute(sql.query("legacy", "built_upon"), {"migration": migration.number}).fetchone()
        if row is not None and row[0]:
            raise UsageError(f"{row[0]} later fact(s) build on this migration: it cannot be taken back any more")
        parts = [one for (one,) in cursor.execute(sql.query("legacy", "part_numbers"), (migration.number,)).fetchall()]
        asked = {"load": number, "parts": parts, "migration": migration.number}
        doses = 0
        for kind in _KINDS:
            text = sql.query("legacy", "take_back_doses").replace("dose.kind", f"dose.{kind}")
            doses += cursor.execute(text, asked).rowcount
        cursor.execute(sql.query("legacy", "take_back_identifiers"), asked)
        for table in _VERSIONS:
            text = sql.query("legacy", "take_back_versions").replace("reference.versions", table)
            cursor.execute(text, asked)
        for name in ("take_back_labels", "take_back_waiting", "take_back_books", "empty_books", "close_day"):
            cursor.execute(sql.query("legacy", name), asked)
        cursor.execute(sql.query("legacy", "restore_day"), asked)
        _close(connection, migration, "ANNULEE", who)
    log.info("migration %s taken back: %s measures", migration.number, doses)
    return {"migration": migration.number, "fichiers": len(parts), "doses": doses}


def _open(connection: Connection) -> Migration:
    migration = current(connection)
    if migration is None:
        raise UsageError("no migration is open: there is nothing to accept or to take back")
    return migration


def _close(connection: Connection, migration: Migration, state: str, who: str) -> None:
    if not who.strip():
        raise UsageError("say who decides (--par)")
    closed = connection.execute(sql.query("legacy", "close_migration"), (state, who.strip(), migration.number))
    if closed.rowcount != 1:
        raise UsageError("somebody decided on this migration meanwhile")


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    with alone(connection, LEGACY, 0, patience_s=0) as mine:
        if not mine:
            raise UsageError("a migration is at work: wait for its end")
        yield


@dataclass(frozen=True)
class Group:
    """Rows that one answer settles. ``code`` names it; ``kinds`` the tables of its rows."""

    code: str
    cause: str
    what: str
    rows: int
    usv: int
    kinds: tuple[str, ...]
    candidates: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        return {
            "groupe": self.code,
            "cause": self.cause,
            "libelle": self.what,
            "lignes": self.rows,
            "msv": self.usv / 1000,
            "tables": list(self.kinds),
            "metiers_possibles": list(self.candidates),
        }


def groups(connection: Connection) -> list[Group]:
    """What waits, in groups, the largest first; attachments whose trade only an old label says come last."""
    migration = latest(connection)
    found_: dict[str, Group] = {}
    for code, cause, kind, rows, usv, _, _ in connection.execute(
        sql.query("legacy", "groups"), (migration.number,)
    ).fetchall():
        before = found_.get(code)
        kinds = (*(before.kinds if before else ()), kind)
        rows, usv = rows + (before.rows if before else 0), int(usv) + (before.usv if before else 0)
        found_[code] = Group(code, cause, CAUSES.get(cause, cause), rows, usv, kinds)
    for old, cause in connection.execute(sql.query("legacy", "waiting_workers"), (migration.number,)).fetchall():
        code = f"{cause}:{old}"
        before = found_.get(code)
        kinds = (*(before.kinds if before else ()), "travailleurs")
        rows, usv = (before.rows if before else 0) + 1, before.usv if before else 0
        found_[code] = Group(code, cause, CAUSES.get(cause, cause), rows, usv, kinds)
    listed = sorted(found_.values(), key=lambda one: (-one.rows, one.code))
    for label, sector, rows in connection.execute(sql.query("legacy", "label_groups")).fetchall():
        code = f"METIER:{sector}:{label}"
        possible = trades.candidates(label, sector)
        listed.append(Group(code, "METIER", CAUSES["METIER"], rows, 0, ("rattachements",), possible))
    return listed


def settle(
    registry: Registry, code: str, action: str, *, motive: str, who: str, value: str | None, folder: Path | None
) -> int:
    """Answer a group.

    Args:
        code: a group, or a cause for all of its groups (``rejouer``, ``confirmer``, ``rejeter``).
        action: one of :data:`ACTIONS`.
        value: the NIR for ``rattacher``, the trade of today for ``metier``.
        folder: the legacy's folder, where attachments are judged again (their end hangs on the last dose).

    Returns:
        Rows that the answer concerned.

    Raises:
        UsageError: an answer that cannot be given.
    """
    if action not in ACTIONS:
        raise UsageError(f"the action is one of {', '.join(ACTIONS)}")
    if not motive.strip() or not who.strip():
        raise UsageError("say why (--motif) and who decides (--par)")
    connection = registry.connection
    migration = latest(connection)
    with _alone(connection), load(connection, "legacy") as number:
        cursor = connection.cursor()
        if action == "metier":
            rows = _trade(cursor, number, code, value)
        elif action == "rejeter":
            asked = (migration.number, code, code)
            listed = cursor.execute(sql.query("legacy", "group_parts"), asked).fetchall()
            rows = sum(refuse(cursor, number, registry.key, part, code) for part, _ in listed)
            rows += _refuse_workers(registry, cursor, number, migration, code)
        else:
            if action == "rattacher":
                _identify(registry, cursor, number, migration, code, value)
            rows = _replay(registry, cursor, number, migration, code, folder, action == "confirmer")
            rows += action == "rattacher"
        if not rows:
            raise UsageError(f"no group {code} waits")
        cursor.execute(sql.query("legacy", "decided"), (number, code, action, rows, motive.strip(), who.strip()))
    return rows


def _replay(
    registry: Registry,
    cursor: Cursor,
    number: int,
    migration: Migration,
    code: str,
    folder: Path | None,
    confirmed: bool,
) -> int:
    listed = cursor.execute(sql.query("legacy", "group_parts"), (migration.number, code, code)).fetchall()
    seen: Survey | None = None
    if any(kind == "rattachements" for _, kind in listed):
        if folder is None:
            raise UsageError("attachments wait in this group: name the legacy's folder, their end hangs on its doses")
        seen = survey(found(folder), migration.day)
    who_and_where = known(cursor, migration.number)
    # Attachments first: part numbers follow the order of the tables.
    return sum(
        replay(
            *(cursor, number, registry.key, who_and_where, seen or survey([], migration.day), migration.day),
            *(part, kind, code),
            confirmed=confirmed,
        )
        for part, kind in listed
    )


def _identify(
    registry: Registry, cursor: Cursor, number: int, migration: Migration, code: str, value: str | None
) -> None:
    """A worker of the old system is the person of this NIR, whom the registry knows."""
    cause, _, old = code.partition(":")
    nir = (value or "").strip().upper()
    if not old.isdigit() or not well_formed(nir):
        raise UsageError("rattacher takes one worker's group (CAUSE:numéro) and --valeur with a NIR of 13 characters")
    asked = (migration.number, int(old))
    row = cursor.execute(sql.query("legacy", "waiting_worker"), asked).fetchone()
    if row is None or row[1] != cause:
        raise UsageError(f"no worker waits under {code}")
    fingerprint = registry.key.fingerprints([nir])
    met = cursor.execute(sql.query("legacy", "people"), (fingerprint,)).fetchone()
    if met is None:
        raise UsageError("the registry knows nobody of this NIR: the employer declares the worker first")
    sent = registry.key.open_row(row[0])
    one = person({name: sent[name] for name in ("NIR", "CLE", "NOM", "PRENOM", "SEXE")}, _birth(sent))
    if cause != "ANONYME" and cause != "NOM_DISCORDANT" and not agree(fold(one.last), fold(one.first), *met[2:]):
        raise UsageError("the names known under this NIR are other ones")
    cursor.execute(sql.query("legacy", "identify_worker"), (met[1], *asked))
    ledger = Ledger(_part_of(cursor, asked), number)
    ledger.add(0, "travailleurs", Outcome.WAITING, cause, -1)
    ledger.add(0, "travailleurs", Outcome.TAKEN)
    ledger.write(cursor, registry.key)


def _refuse_workers(registry: Registry, cursor: Cursor, number: int, migration: Migration, code: str) -> int:
    parts = cursor.execute(sql.query("legacy", "refuse_workers"), (migration.number, code, code)).fetchall()
    for part, rows in Counter(part for (part,) in parts).items():
        ledger = Ledger(part, number)
        ledger.add(0, "travailleurs", Outcome.WAITING, code.partition(":")[0], -rows)
        ledger.add(0, "travailleurs", Outcome.REFUSED, code.partition(":")[0], rows)
        ledger.write(cursor, registry.key)
    return len(parts)


def _part_of(cursor: Cursor, asked: tuple[int, int]) -> int:
    row = cursor.execute(sql.query("legacy", "worker_part"), asked).fetchone()
    assert row is not None
    return int(row[0])


def _birth(sent: dict[str, str]) -> date | None:
    try:
        return date.fromisoformat(sent["DATENAISSANCE"])
    except ValueError:
        return None


def _trade(cursor: Cursor, number: int, code: str, value: str | None) -> int:
    """Attachments of an old label in a sector have this trade of today."""
    cause, _, rest = code.partition(":")
    sector, _, label = rest.partition(":")
    if cause != "METIER":
        raise UsageError("metier answers a group METIER:secteur:libellé")
    if value not in nomenclature.codes("metier") or (sector and value not in trades.legal(sector)):
        raise UsageError("--valeur takes a trade of the nomenclature that the sector knows")
    rows = cursor.execute(sql.query("legacy", "labelled"), (label, sector)).fetchall()
    if not rows:
        return 0
    attachments, days = ([row[at] for row in rows] for at in (0, 1))
    for name in ("close_labels", "close_untold"):
        cursor.execute(sql.query("legacy", name), (number, attachments, days))
    told = {"trade": value, "load": number, "attachments": attachments, "days": days}
    cursor.execute(sql.query("legacy", "tell_trade"), told)
    return len(rows)
