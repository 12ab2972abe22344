"""Envelope: a file encrypted with age is judged as what it holds, under the name without ``.age``.

The archive keeps the bytes as they came; what they hold lies in ``staging/`` for as long as one step needs it, and what
a killed pass left there goes with the next one (:mod:`pipelines.collect`).
"""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import sql
from loaders import crash, envelope
from loaders.errors import ServiceMissing
from loaders.settings import Settings
from loaders.warehouse import Connection
from pipelines.read import MOST_NAME_BYTES, FileFault, acceptable_name
from schemas.envelope import SUFFIX


@dataclass(frozen=True)
class Sent:
    """A file as its sender wrote it.

    Attributes:
        name: what it is judged under.
        sha256: of these bytes.
        encrypted: it came in an envelope.
    """

    path: Path
    name: str
    sha256: str
    encrypted: bool = False


class EnvelopeFault(FileFault):
    """A file that is refused for its envelope; ``fault`` is one of ``schemas.envelope.FAULTS``."""

    def __init__(self, fault: str, code: str = "FIC-09") -> None:
        super().__init__(code)
        self.fault = fault


@contextmanager
def opened(
    connection: Connection,
    settings: Settings,
    submission: int,
    name: str,
    received: Path,
    sha256: str,
    today: date,
    *,
    demanded: bool,
) -> Iterator[Sent]:
    """A received file in the clear, for as long as the block lasts; noted in the ledger where it came encrypted.

    A registry without an age identity takes no encrypted file: ``.age`` is an ending like any other there.

    Args:
        received: the bytes as they came, of this ``sha256``.
        today: the day it came, on which the registry's key must have been in force.
        demanded: its sender's files must come encrypted.

    Raises:
        EnvelopeFault: it cannot be opened (``FIC-09``); or the FileFault of the block, where the envelope explains it.
        ServiceMissing: a key of the registry is not on this machine.
    """
    inner = name[: -len(SUFFIX)] if name.lower().endswith(SUFFIX) else None
    keys = {} if inner is None else _keys(connection)
    if inner is None or not keys or len(_bytes(name)) > MOST_NAME_BYTES or not acceptable_name(inner):
        with _explained(Sent(received, name, sha256), demanded) as sent:
            yield sent
        return
    clear = _scratch(settings, submission)
    try:
        found = _open(settings, keys, received, clear, today)
        if found.sha256 is not None:
            noted = {"submission": submission, "sha256": found.sha256, "recipient": found.recipient}
            with connection.transaction():
                connection.execute(sql.query("age", "opened"), noted)
        crash.reach("envelope.opened")
        with _explained(Sent(clear, inner, found.sha256 or sha256, encrypted=True), demanded) as sent:
            yield sent
    finally:
        clear.unlink(missing_ok=True)


@contextmanager
def in_clear(connection: Connection, settings: Settings, submission: int, received: Path) -> Iterator[Path]:
    """The bytes of an accepted file in the clear, for as long as the block lasts.

    Args:
        received: the bytes as they came.

    Raises:
        ServiceMissing: the registry's key that opened it is not here, or it does not open to what was judged.
    """
    row = connection.execute(sql.query("age", "opener"), (submission,)).fetchone()
    assert row is not None
    recipient, sha256 = row
    if recipient is None:
        yield received
        return
    clear = _scratch(settings, submission)
    try:
        identity = _identities(settings, [recipient])[recipient]
        # What was accepted then is not too large now, whatever the setting has become.
        found = envelope.decrypt(received, clear, identity, sys.maxsize)
        if found is None or found.sha256 != sha256:
            raise envelope.NotOpened("ALTERE")
        yield clear
    except envelope.NotOpened as error:
        raise ServiceMissing(f"the archived file of submission {submission} cannot be opened any more") from error
    finally:
        clear.unlink(missing_ok=True)


@contextmanager
def _explained(sent: Sent, demanded: bool) -> Iterator[Sent]:
    """Say of a fault of the file as a whole what its envelope has to do with it."""
    try:
        yield sent
    except FileFault as fault:
        if envelope.is_encrypted(sent.path) and acceptable_name(sent.name):
            raise EnvelopeFault("DEUX_FOIS" if sent.encrypted else "SANS_SUFFIXE", fault.code) from None
        if fault.code == "FIC-05" and demanded and not sent.encrypted:
            raise EnvelopeFault("EN_CLAIR", fault.code) from None
        raise


@dataclass(frozen=True)
class _Found:
    recipient: str
    sha256: str | None


def _keys(connection: Connection) -> dict[str, date | None]:
    """The registry's keys with their last day, the one in force first."""
    return {key: until for key, _, until in connection.execute(sql.query("age", "own")).fetchall()}


def _open(settings: Settings, keys: dict[str, date | None], received: Path, clear: Path, today: date) -> _Found:
    try:
        envelope.check(received)
        # All at hand, or none is tried: what this machine lacks would else be the sender's fault.
        held = _identities(settings, keys)
        for key, until in keys.items():
            in_force = until is None or today <= until
            found = envelope.decrypt(received, clear, held[key], _most(settings) if in_force else 0)
            if found is not None and not in_force:
                raise EnvelopeFault("ANCIENNE_CLE")
            if found is not None:
                return _Found(key, found.sha256)
    except envelope.NotOpened as error:
        raise EnvelopeFault(error.fault) from None
    raise EnvelopeFault("AUTRE_CLE")


def _identities(settings: Settings, recipients: Iterable[str]) -> dict[str, Any]:
    held = envelope.identities(settings)
    missing = [one for one in recipients if one not in held]
    if missing:
        raise ServiceMissing(f"the registry's age identity {missing[0]} is not in {envelope.place(settings)}")
    return held


def _most(settings: Settings) -> int:
    """Bytes after which a file is too large whatever it is: a packed one that unpacks to the limit may be longer."""
    return settings.max_bytes + settings.max_bytes // 1000 + 1024


def _scratch(settings: Settings, submission: int) -> Path:
    return settings.folder("staging") / f"{submission}.{secrets.token_hex(4)}.clair"


def _bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")
