"""The keys of encrypted files: the registry's own, and those of partners to whom answers go encrypted.

What a partner must know of them lies in its ``retour/`` in the clear (``chiffrement.txt``): it is written when a key
changes, and once a day, so that a server that lost it has it again.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import sql
from loaders import envelope
from loaders.errors import UsageError
from loaders.settings import Settings
from loaders.sftp import SftpClient
from loaders.warehouse import Connection
from pipelines import partners
from pipelines.isolate import Troubles
from reports.page import keys_notice
from schemas.envelope import NOTICE


def own(connection: Connection, settings: Settings) -> list[dict[str, Any]]:
    """The registry's keys, the one in force first: ``cle``, ``faite_le``, ``au`` (last day), ``presente`` (here)."""
    here = envelope.identities(settings)
    return [
        {"cle": key, "faite_le": made.isoformat(), "au": _iso(until), "presente": key in here}
        for key, made, until in connection.execute(sql.query("age", "own")).fetchall()
    ]


def renew(connection: Connection, settings: Settings, until: date) -> str:
    """Draw a key for the registry; the one before it opens new files until the end of a day, and the archive for ever.

    A day that is past ends it at once, for a secret that others may have. A secret that an interrupted call left in the
    file, and the database does not know, is taken up.

    Returns:
        The public part of the key in force.
    """
    with connection.transaction():
        connection.execute(sql.query("age", "alone"))
        known = {key for key, *_ in connection.execute(sql.query("age", "own")).fetchall()}
        left = [key for key in envelope.identities(settings) if key not in known]
        fresh = left[-1] if left else envelope.draw(settings)
        connection.execute(sql.query("age", "end_own"), {"recipient": fresh, "until": until})
        connection.execute(sql.query("age", "add_own"), {"recipient": fresh})
    return fresh


def of_partner(connection: Connection, code: str) -> dict[str, Any]:
    """What a partner encrypts to and gets: ``cles`` (``cle``, ``donnee_le``, ``au``), ``exige``."""
    partner_id, *_ = partners.one(connection, code)
    demanded = connection.execute(sql.query("age", "demanded"), (partner_id,)).fetchone()
    rows = connection.execute(sql.query("age", "of_partner"), (partner_id,)).fetchall()
    return {
        "cles": [{"cle": key, "donnee_le": given.isoformat(), "au": _iso(until)} for key, given, until in rows],
        "exige": bool(demanded and demanded[0]),
    }


def give(connection: Connection, code: str, key: str, until: date) -> str:
    """Let what is delivered to a partner be encrypted to a key; to the keys before it too, until the end of a day.

    Args:
        key: as age writes it, or a file that holds it.

    Returns:
        The key.

    Raises:
        UsageError: it is no public key of age, or the registry's own.
    """
    partner_id, *_ = partners.one(connection, code)
    wanted = envelope.recipient(_text(key))
    if wanted in {one for one, *_ in connection.execute(sql.query("age", "own")).fetchall()}:
        raise UsageError("this is the registry's own key: the partner could not read what is encrypted to it")
    with connection.transaction():
        asked = {"partner": partner_id, "recipient": wanted, "until": until}
        connection.execute(sql.query("age", "end_keys"), asked)
        connection.execute(sql.query("age", "give_key"), asked)
    return wanted


def withdraw(connection: Connection, code: str, yesterday: date) -> None:
    """Let answers to a partner go in the clear again: none of its keys is in force after a day."""
    partner_id, *_ = partners.one(connection, code)
    with connection.transaction():
        asked = {"partner": partner_id, "recipient": None, "until": yesterday}
        connection.execute(sql.query("age", "end_keys"), asked)


def demand(connection: Connection, code: str, *, demanded: bool) -> None:
    """Say whether a partner's files must come encrypted.

    Raises:
        UsageError: the registry has no key to encrypt them to.
    """
    partner_id, *_ = partners.one(connection, code)
    if demanded and connection.execute(sql.query("age", "own")).fetchone() is None:
        raise UsageError("the registry has no age key yet: 'siseri key age new' draws it")
    with connection.transaction():
        connection.execute(sql.query("age", "demand"), {"partner": partner_id, "demanded": demanded})


def tell(client: SftpClient, connection: Connection, settings: Settings, code: str) -> None:
    """Write a partner's notice of the keys in use."""
    today = settings.registry_date()
    in_force = [
        {"cle": key, "au": until}
        for key, _, until in connection.execute(sql.query("age", "own")).fetchall()
        if until is None or until >= today
    ]
    facts = {
        "emetteur": code,
        "registre": in_force,
        "reponses": client.recipients(code) or [],
        "exige": of_partner(connection, code)["exige"],
    }
    client.put(code, "retour", NOTICE, keys_notice(facts))


def tell_all(client: SftpClient, connection: Connection, settings: Settings, troubles: Troubles) -> int:
    """Write the notice of every partner that sends or gets encrypted files.

    Args:
        troubles: gathers those that could not be told now; the next day tries again.

    Returns:
        How many were told.
    """
    told = 0
    homes = set(client.homes())
    for partner_id, code in connection.execute(sql.query("age", "users")).fetchall():
        if code in homes:
            with troubles.keep("partner", partner_id):
                tell(client, connection, settings, code)
                told += 1
    return told


def _text(key: str) -> str:
    """A key, or what a file of that name holds: its first line that is no comment."""
    try:
        lines = Path(key).read_text(encoding="utf-8").splitlines() if Path(key).is_file() else [key]
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError("the public key file cannot be read") from error
    return next((line.strip() for line in lines if line.strip() and not line.startswith("#")), "")


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None
