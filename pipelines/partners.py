"""Sender accounts: who they are, their SIREN, their keys, their SFTP homes."""

from __future__ import annotations

import json
import os
import re
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sql
from loaders.errors import UsageError
from loaders.settings import Settings
from pipelines.habits import habits
from schemas.roles import FORMATS_OF_ROLE, RECEIVERS

if TYPE_CHECKING:  # the sender's own check reads the published accounts where neither driver is installed
    from loaders.sftp import SftpClient
    from loaders.warehouse import Connection

#: Under ``home``: the accounts as the sender's own check may know them, code, role and identifier.
PUBLISHED = "partners.json"

_CODE = re.compile(r"[A-Z0-9]{1,10}")
_SIREN = re.compile(r"[0-9]{9}")
_KEY_LINE = re.compile(r"(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)|sk-[a-z0-9@.-]+) [A-Za-z0-9+/=]+( .*)?")


def add(
    connection: Connection,
    client: SftpClient,
    settings: Settings,
    code: str,
    role: str,
    sirens: list[str],
    identifiant: str | None,
    key: Path | None,
) -> None:
    """Open an account and its home. ``connection`` is the administrator's.

    Raises:
        UsageError: a code, role, SIREN or key that cannot be, an account that exists, a SIREN that
            another account holds.
    """
    if not _CODE.fullmatch(code):
        raise UsageError("a partner's code has 1 to 10 characters among A-Z and 0-9")
    if role not in FORMATS_OF_ROLE:
        raise UsageError(f"unknown role; known: {', '.join(FORMATS_OF_ROLE)}")
    line = _key_line(key) if key else None
    with connection.transaction():
        made = connection.execute(sql.query("partners", "add"), (code, role, identifiant)).fetchone()
        if made is None:
            raise UsageError(f"the account {code} exists already")
        for siren in dict.fromkeys(sirens):
            _hold(connection, made[0], siren, "account opened")
    _publish(connection, settings)
    client.make_home(code, depot=role not in RECEIVERS)
    if line:
        _write_key(settings, code, line)


def _hold(connection: Connection, partner_id: int, siren: str, motive: str) -> None:
    if not _SIREN.fullmatch(siren):
        raise UsageError("a SIREN has nine digits")
    holder = connection.execute(sql.query("partners", "siren_holder"), (siren,)).fetchone()
    if holder:
        raise UsageError(f"SIREN {siren} belongs to the account {holder[1]}: use 'partner transfer'")
    connection.execute(sql.query("partners", "add_siren"), (partner_id, siren, motive))


def listing(connection: Connection) -> list[dict[str, Any]]:
    """All accounts: ``code``, ``role``, ``sirens``, ``identifiant``, ``actif``."""
    return [
        {"code": code, "role": role, "sirens": list(sirens), "identifiant": identifiant, "actif": active}
        for code, role, sirens, identifiant, active in connection.execute(sql.query("partners", "list")).fetchall()
    ]


def show(connection: Connection, settings: Settings, code: str) -> dict[str, Any]:
    """One account with its SIREN history, keys, activity, ways of writing. Raises UsageError where there is none."""
    partner_id, _, role, identifiant, created, active = _one(connection, code)
    sirens = connection.execute(sql.query("partners", "sirens"), (partner_id,)).fetchall()
    activity = connection.execute(sql.query("partners", "activity"), (partner_id,)).fetchall()
    ways, changes = habits(connection, partner_id)
    return {
        "code": code,
        "role": role,
        "sirens": [siren for siren, _, until, _ in sirens if until is None],
        "identifiant": identifiant,
        "actif": active,
        "cree_le": created.isoformat(),
        "sirens_passes": [
            {"siren": siren, "du": since.isoformat(), "au": until.isoformat(), "motif": motive}
            for siren, since, until, motive in sirens
            if until is not None
        ],
        "cles": sorted(file.stem for file in _key_folder(settings, code).glob("*.pub")),
        "depots": [{"format": name, "fichiers": count, "dernier": last.isoformat()} for name, count, last in activity],
        "habitudes": ways,
        "changements": changes,
    }


def add_key(connection: Connection, settings: Settings, code: str, key: Path) -> str:
    """Add a public key to an account. Gives its name, by which it is revoked."""
    _one(connection, code)
    return _write_key(settings, code, _key_line(key))


def revoke_key(connection: Connection, settings: Settings, code: str, name: str) -> None:
    """Take a key back. Raises UsageError where the account has none of that name."""
    _one(connection, code)
    file = _key_folder(settings, code) / f"{name}.pub"
    if file.parent != _key_folder(settings, code) or not file.is_file():
        raise UsageError(f"the account {code} has no key of that name")
    file.unlink()


def transfer(connection: Connection, siren: str, code: str, motive: str) -> None:
    """Give a SIREN to another employer's account; the former holder keeps what it sent."""
    partner_id, _, role, *_ = _one(connection, code)
    if role != "EMPLOYEUR":
        raise UsageError("a SIREN goes to the account of an employer")
    with connection.transaction():
        connection.execute(sql.query("partners", "release_siren"), (siren,))
        _hold(connection, partner_id, siren, motive)


def disable(connection: Connection, settings: Settings, code: str) -> None:
    """Close an account: it cannot log in any more and nothing is taken from its depot."""
    _one(connection, code)
    with connection.transaction():
        connection.execute(sql.query("partners", "disable"), (code,))
    (settings.folder("keys", "partners", code) / "disabled").touch(mode=0o600)


def forget(connection: Connection, settings: Settings, code: str) -> None:
    """Remove a closed account's keys, and tell its identifier to nobody any more; the account stays closed."""
    for file in _key_folder(settings, code).glob("*.pub"):
        file.unlink()
    _publish(connection, settings)


def _publish(connection: Connection, settings: Settings) -> None:
    """Write :data:`PUBLISHED` anew, whole or not at all."""
    facts = [{name: one[name] for name in ("code", "role", "identifiant")} for one in listing(connection)]
    fresh = settings.folder() / f"{PUBLISHED}.{os.getpid()}.{secrets.token_hex(4)}"
    fresh.write_text(json.dumps(facts, ensure_ascii=False, indent=1), encoding="utf-8")
    fresh.replace(settings.home / PUBLISHED)


def published(settings: Settings, code: str) -> tuple[str, str | None] | None:
    """Role and identifier of an account by the published list; ``None`` where list or account is missing.

    Raises:
        UsageError: the list cannot be read.
    """
    try:
        listed = json.loads((settings.home / PUBLISHED).read_text(encoding="utf-8"))
        return next(((str(one["role"]), one["identifiant"]) for one in listed if one["code"] == code), None)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{PUBLISHED} cannot be read") from error


def _one(connection: Connection, code: str) -> tuple[Any, ...]:
    found = connection.execute(sql.query("partners", "one"), (code,)).fetchone()
    if found is None:
        raise UsageError(f"no account {code}")
    return tuple(found)


def _key_folder(settings: Settings, code: str) -> Path:
    return settings.home / "keys" / "partners" / code


def _key_line(key: Path) -> str:
    try:
        line = key.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError("the public key file cannot be read") from error
    if not _KEY_LINE.fullmatch(line):
        raise UsageError("this is no OpenSSH public key: one line beginning with its type is wanted")
    return line


def _write_key(settings: Settings, code: str, line: str) -> str:
    import hashlib

    name = hashlib.sha256(line.split()[1].encode()).hexdigest()[:12]
    (settings.folder("keys", "partners", code) / f"{name}.pub").write_text(line + "\n", encoding="utf-8")
    return name
