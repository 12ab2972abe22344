"""``siseri key rotate``: from one key of the registry to the next, in steps, resumed where a killed command ended.

1. The next key is drawn into a file beside the one in service, and the new fingerprints are computed; nobody notices.
2. The exchange, one transaction: every fingerprint, and which key the registry is under. It waits until nobody works
   under the key, and who comes meanwhile waits for it. The files are renamed after it.
3. What is sealed is sealed anew; either key opens what it made.
4. Everything is opened once more with the new key alone, and only then the old one is removed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

import sql
from loaders.errors import ServiceMissing, UsageError
from loaders.secrets import KeyFiles, RegistryKey
from loaders.settings import PARIS, Settings
from loaders.warehouse import EXCHANGE, IN_USE, Connection, alone, key_check
from pipelines.keyring import prints, seals

log = logging.getLogger("siseri.keyring")
Say = Callable[[str], None]


@dataclass(frozen=True)
class Rotation:
    """An exchange of the key that began and is not over."""

    number: int
    began_at: datetime
    began_by: str
    old_check: str
    new_check: str
    exchanged_at: datetime | None
    prints: int
    orphans: int


def under_way(connection: Connection) -> Rotation | None:
    """The exchange that is under way, if one is."""
    row = connection.execute(sql.query("keyring", "under_way")).fetchone()
    return None if row is None else Rotation(*row)


def rotate(
    admin: Connection, settings: Settings, who: str, say: Say, *, patience_s: float = 60.0, prepare_only: bool = False
) -> dict[str, Any]:
    """Begin an exchange of the key, or go on with the one that was begun, to its end.

    Args:
        admin: the administrator's connection (autocommit).
        who: the account that asks.
        say: is told where it stands.
        patience_s: how long the exchange waits for those who work under the key.
        prepare_only: stop before the exchange, to choose its moment, or to bring the next key to other machines.

    Returns:
        As :func:`status`.

    Raises:
        UsageError: another command exchanges it now, the key's folder is not writable, or something opens under
            neither key: the old one is kept then.
        ServiceMissing: somebody works under the key for longer than the patience; asked again, it goes on from there.
    """
    with alone(admin, EXCHANGE, 0) as held:
        if not held:
            raise UsageError("the key is being exchanged by another command")
        if admin.execute(sql.query("keyring", "sees_all")).fetchone() != (True,):
            raise UsageError("the database's owner must pass row security (BYPASSRLS) to exchange the key")
        files = KeyFiles(settings.key_file)
        rotation = _begun(admin, files, who)
        if rotation.exchanged_at is None:
            _count(prints.prepare(admin, *_keys(files, rotation)), "empreintes calculées", say)
            if prepare_only:
                return status(admin, settings)
            _exchange(admin, files, rotation, patience_s)
            say("clé échangée")
        files.promote(rotation.new_check)
        key = RegistryKey.load(settings.key_file, rotation.new_check)
        _count(seals.reseal(admin, key), "valeurs rescellées", say)
        _finish(admin, files, key)
        say("ancienne clé retirée")
        return status(admin, settings)


def _begun(admin: Connection, files: KeyFiles, who: str) -> Rotation:
    """The exchange under way, begun now where none was; a next key that was lost is drawn again."""
    in_service = key_check(admin)
    place = files.under(in_service or "")
    if in_service is None or place is None:
        raise UsageError("this database was filled under another secret key: restore that key file")
    rotation = under_way(admin)
    if rotation is not None and rotation.exchanged_at is not None:
        return rotation
    if rotation is None and place != files.path:  # a backup from before an exchange, brought back
        raise UsageError(
            f"the database is under the key in {place.name}: put that file in the place of {files.path.name}"
        )
    if rotation is None:
        files.drop_old()  # of an exchange that was killed at its very end
    fresh = files.draw_next()
    with admin.transaction():
        if rotation is None:
            admin.execute(sql.query("keyring", "forget"))
            admin.execute(sql.query("keyring", "begin"), (who, in_service, fresh))
        elif rotation.new_check != fresh:
            admin.execute(sql.query("keyring", "forget"))
            admin.execute(sql.query("keyring", "begin_again"), (fresh,))
    begun = under_way(admin)
    assert begun is not None
    return begun


def _keys(files: KeyFiles, rotation: Rotation) -> tuple[RegistryKey, RegistryKey]:
    return RegistryKey.load(files.path, rotation.old_check), RegistryKey.load(files.path, rotation.new_check)


def _exchange(admin: Connection, files: KeyFiles, rotation: Rotation, patience_s: float) -> None:
    old, new = _keys(files, rotation)
    try:
        with admin.transaction():
            cursor = admin.cursor()
            cursor.execute("select set_config('lock_timeout', %s, true)", (f"{patience_s:.3f}s",))
            cursor.execute(sql.query("keyring", "exchange_lock"), (IN_USE,))
            cursor.execute(sql.query("keyring", "quiet"))
            counted = prints.exchange(cursor, old, new)
            cursor.execute(sql.query("keyring", "loud"))
            cursor.execute(sql.query("keyring", "exchange_key"), (new.check_value(),))
            cursor.execute(sql.query("keyring", "exchanged"), counted)
    except psycopg.errors.LockNotAvailable as error:
        raise ServiceMissing(
            "somebody works under the key: everything is prepared, ask again once that is over"
        ) from error
    log.info("the key was exchanged: %s fingerprints, %s of them orphans", *counted)


def _finish(admin: Connection, files: KeyFiles, key: RegistryKey) -> None:
    lacking = seals.left(admin, key)
    if lacking:
        raise UsageError(f"{lacking} sealed values do not open with the new key: the old one is kept")
    files.drop_old()
    with admin.transaction():
        admin.execute(sql.query("keyring", "done"))
        admin.execute(sql.query("keyring", "forget"))
    log.info("the key before is removed")


def _count(steps: Iterable[int], what: str, say: Say) -> None:
    done = 0
    for step in steps:
        done += step
        say(f"{what} : {done}")


def status(connection: Connection, settings: Settings) -> dict[str, Any]:
    """Where the exchange stands: ``etape`` (``AUCUNE``, ``PREPARATION``, ``RESCELLEMENT``) and its counts."""
    rotation = under_way(connection)
    facts: dict[str, Any] = {"etape": "AUCUNE", "cle": key_check(connection)}
    if rotation is None:
        return facts | {"ancienne_cle_presente": KeyFiles(settings.key_file).old.exists()}
    exchanged = rotation.exchanged_at
    return facts | {
        "etape": "PREPARATION" if exchanged is None else "RESCELLEMENT",
        "commencee_le": _moment(rotation.began_at),
        "par": rotation.began_by,
        "echangee_le": _moment(exchanged),
        "empreintes": _one(connection, "prints_so_far"),
        "empreintes_orphelines": rotation.orphans,
        "rescellees": _one(connection, "done_so_far"),
        "ancienne_cle_presente": KeyFiles(settings.key_file).old.exists(),
    }


def keys(connection: Connection, settings: Settings) -> list[dict[str, Any]]:
    """Every key the registry was under, the newest first: check value, state, since when, whether its file is there.

    A check value tells nothing of its key.
    """
    in_service, there = key_check(connection), set(KeyFiles(settings.key_file).checks())
    past = connection.execute(sql.query("keyring", "past")).fetchall()
    listed: list[tuple[str, Any]] = [(new, exchanged) for _, _, _, _, new, exchanged, *_ in past]
    listed += [(past[-1][3] if past else str(in_service), None)]
    return [
        {
            "cle": check,
            "etat": "EN_SERVICE" if check == in_service else "PROCHAINE" if at < _next(past) else "ANCIENNE",
            "en_service_depuis": _moment(since),
            "presente": check in there,
        }
        for at, (check, since) in enumerate(listed)
    ]


def _next(past: list[Any]) -> int:
    """How many of the newest keys are not in service yet."""
    return 1 if past and past[0][5] is None else 0


def _moment(value: datetime | None) -> str | None:
    return None if value is None else value.astimezone(PARIS).isoformat(timespec="seconds")


def _one(connection: Connection, query: str) -> int:
    row = connection.execute(sql.query("keyring", query)).fetchone()
    return int(row[0]) if row else 0
