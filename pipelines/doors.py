"""Doors: which keys open an account and until when, and whether the account is open today.

What the servers look at is written from here: for the embedded server ``keys/partners/<CODE>/`` (the keys, each with
its end, and the mark ``disabled``); for a server of the site's own that takes its accounts from the registry, one key
file an account. The ledger is the source: any machine of the registry that writes them again writes the same.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sql
from loaders import authorized_keys
from loaders.authorized_keys import Key
from loaders.errors import UsageError
from loaders.settings import Settings

if TYPE_CHECKING:  # the sender's own check imports the accounts where neither driver is installed
    from loaders.sftp import SftpClient
    from loaders.warehouse import Connection

#: In an account's key folder: the embedded server lets nobody in.
CLOSED = "disabled"
#: How long an old key goes on beside the one that follows it, unless told.
OVERLAP_DAYS = 30


def settle(connection: Connection, client: SftpClient | None, settings: Settings, code: str) -> None:
    """Bring what the servers look at in line with one account, as it stands on the registry's date.

    ``client`` is for a server that takes its accounts from the registry; without it, the next day's look tells it.
    """
    turn(connection, client, settings)
    found = connection.execute(sql.query("doors", "door"), (code,)).fetchone()
    assert found is not None
    _mark(settings, code, is_open=found[0])
    if client is not None and client.takes_accounts():
        publish(connection, client, code, found[0], found[1])


def turn(connection: Connection, client: SftpClient | None, settings: Settings) -> int:
    """Open and close the accounts whose day has come. Returns for how many that changed."""
    with connection.transaction():
        turned = connection.execute(sql.query("doors", "turned"), {"today": settings.registry_date()}).fetchall()
        for code, is_open, _ in turned:
            _mark(settings, code, is_open=is_open)
        if turned and client is not None and client.takes_accounts():
            for code, is_open, until in turned:
                publish(connection, client, code, is_open, until)
    return len(turned)


def publish_all(connection: Connection, client: SftpClient) -> int:
    """Write the key file of every account for a server that takes them. Returns how many."""
    rows = connection.execute(sql.query("doors", "all")).fetchall()
    for code, is_open, until in rows:
        publish(connection, client, code, is_open, until)
    return len(rows)


def publish(connection: Connection, client: SftpClient, code: str, is_open: bool, until: date | None) -> None:
    """Write one account's key file; a closed account's is empty, so that its home stays."""
    keys = list(_keys(connection, code).values())
    client.put_account(code, authorized_keys.published(keys, code, until) if is_open else "")


def _mark(settings: Settings, code: str, *, is_open: bool) -> None:
    mark = settings.folder("keys", "partners", code) / CLOSED
    if is_open:
        mark.unlink(missing_ok=True)
    else:
        mark.touch(mode=0o600)


def adopt(connection: Connection, settings: Settings) -> None:
    """Take the keys into the ledger that lie in this home's files alone: those given before it held any."""
    for code, *_ in connection.execute(sql.query("doors", "all")).fetchall():
        known = _keys(connection, code)
        for name, key in _files(settings, code).items():
            if name not in known:
                write_key(connection, settings, code, key)


def keys_of(connection: Connection, settings: Settings, code: str) -> list[dict[str, Any]]:
    """The keys of an account: ``cle`` (its name), ``type``, ``au`` (last day, or None), ``en_vigueur``."""
    now = datetime.now(UTC)
    return [
        {
            "cle": name,
            "type": key.kind,
            "au": key.until.isoformat() if key.until else None,
            "en_vigueur": key.in_force(now),
        }
        for name, key in sorted((_files(settings, code) | _keys(connection, code)).items())
    ]


def add_key(connection: Connection, settings: Settings, code: str, file: Path, until: date | None = None) -> str:
    """Add a public key to an account, good until the end of a day. Gives its name, by which it is revoked."""
    return write_key(connection, settings, code, key_line(file, until))


def rotate(connection: Connection, settings: Settings, code: str, file: Path, until: date) -> str:
    """Add a key; every other one ends with a day, if not sooner: until then all are in force.

    Returns:
        The new key's name.

    Raises:
        UsageError: a key that cannot be, or one that the account has already.
    """
    line = key_line(file, None)
    before = _files(settings, code) | _keys(connection, code)
    if _name(line.blob) in before:
        raise UsageError("the account has this key already: a new one is wanted")
    ends = authorized_keys.end_of(until)
    with connection.transaction():
        for key in before.values():
            if key.ends is None or key.ends > ends:
                write_key(connection, settings, code, Key(key.kind, key.blob, ends))
        return write_key(connection, settings, code, line)


def revoke(connection: Connection, settings: Settings, code: str, name: str) -> None:
    """Take a key back at once. Raises UsageError where the account has none of that name."""
    folder = settings.home / "keys" / "partners" / code
    with connection.transaction():
        known = connection.execute(sql.query("doors", "revoke_key"), {"code": code, "name": name}).rowcount
        file = folder / f"{name}.pub"
        if file.parent == folder and file.is_file():
            file.unlink()
        elif not known:
            raise UsageError(f"the account {code} has no key of that name")


def key_line(file: Path, until: date | None) -> Key:
    """Read a public key file. Raises UsageError where it holds none, or options of its own."""
    try:
        line = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError("the public key file cannot be read") from error
    keys = authorized_keys.read(line)
    if len(line.splitlines()) != 1 or len(keys) != 1 or not authorized_keys.PLAIN.fullmatch(line):
        raise UsageError("this is no OpenSSH public key: one line beginning with its type is wanted")
    return Key(keys[0].kind, keys[0].blob, authorized_keys.end_of(until) if until else None)


def write_key(connection: Connection, settings: Settings, code: str, key: Key) -> str:
    """Write a key into the ledger, and where the embedded server looks, whole at once. Gives its name."""
    folder = settings.folder("keys", "partners", code)
    name = _name(key.blob)
    fresh = folder / f".{name}"
    with connection.transaction():
        connection.execute(sql.query("doors", "write_key"), {"code": code, "name": name, "line": key.line(code)})
        fresh.write_text(key.line(code) + "\n", encoding="utf-8")
        fresh.replace(folder / f"{name}.pub")
    return name


def _keys(connection: Connection, code: str) -> dict[str, Key]:
    """The keys that the ledger holds of an account, by name."""
    rows = connection.execute(sql.query("doors", "keys"), (code,)).fetchall()
    return {name: key for name, line in rows for key in authorized_keys.read(line)}


def _files(settings: Settings, code: str) -> dict[str, Key]:
    """The keys that lie in this home's files, by name."""
    return {
        file.stem: key
        for file in (settings.home / "keys" / "partners" / code).glob("*.pub")
        for key in authorized_keys.read(file.read_text(encoding="utf-8", errors="replace"))[:1]
    }


def _name(blob: str) -> str:
    return hashlib.sha256(blob.encode()).hexdigest()[:12]
