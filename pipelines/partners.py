"""Sender accounts: who they are, their SIREN, their days, their SFTP homes. Their keys: ``pipelines/doors.py``."""

from __future__ import annotations

import json
import os
import re
import secrets
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sql
from loaders.errors import UsageError
from loaders.settings import Settings
from pipelines import doors
from pipelines.habits import habits
from schemas.roles import FORMATS_OF_ROLE, RECEIVERS

if TYPE_CHECKING:  # the sender's own check reads the published accounts where neither driver is installed
    from loaders.sftp import SftpClient
    from loaders.warehouse import Connection

#: Under ``home``: the accounts as the sender's own check may know them, code, role and identifier.
PUBLISHED = "partners.json"

_CODE = re.compile(r"[A-Z0-9]{1,10}")
_SIREN = re.compile(r"[0-9]{9}")


@dataclass(frozen=True)
class Span:
    """The first and the last day on which an account is valid, both included; ``None``: no bound.

    Raises:
        UsageError: it ends before it begins.
    """

    start: date | None = None
    end: date | None = None

    def __post_init__(self) -> None:
        if self.start and self.end and self.end < self.start:
            raise UsageError("an account cannot end before it begins")


def add(
    connection: Connection,
    client: SftpClient,
    settings: Settings,
    code: str,
    role: str,
    sirens: list[str],
    identifiant: str | None,
    key: Path | None,
    span: Span = Span(),
) -> None:
    """Open an account and its home. ``connection`` is the administrator's.

    A server of the site's own that takes its accounts from the registry lays the home itself, from the key file.

    Raises:
        UsageError: a code, role, SIREN or key that cannot be, an account that exists, a SIREN that
            another account holds.
    """
    if not _CODE.fullmatch(code):
        raise UsageError("a partner's code has 1 to 10 characters among A-Z and 0-9")
    if role not in FORMATS_OF_ROLE:
        raise UsageError(f"unknown role; known: {', '.join(FORMATS_OF_ROLE)}")
    line = doors.key_line(key, None) if key else None
    facts = {"code": code, "role": role, "identifiant": identifiant, "from": span.start, "until": span.end}
    with connection.transaction():
        made = connection.execute(sql.query("partners", "add"), facts | {"today": settings.registry_date()}).fetchone()
        if made is None:
            raise UsageError(f"the account {code} exists already")
        for siren in dict.fromkeys(sirens):
            _hold(connection, made[0], siren, "account opened")
    _publish(connection, settings)
    client.make_home(code, depot=role not in RECEIVERS)
    if line:
        doors.write_key(connection, settings, code, line)
    doors.settle(connection, client, settings, code)


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
    partner_id, _, role, identifiant, created, active = one(connection, code)
    sirens = connection.execute(sql.query("partners", "sirens"), (partner_id,)).fetchall()
    activity = connection.execute(sql.query("partners", "activity"), (partner_id,)).fetchall()
    ways, changes = habits(connection, partner_id)
    life = connection.execute(sql.query("partners", "life"), (code,)).fetchone()
    assert life is not None
    start, end, used, warned, why, closed = life
    keys = doors.keys_of(connection, settings, code)
    return {
        "code": code,
        "role": role,
        "sirens": [siren for siren, _, until, _ in sirens if until is None],
        "identifiant": identifiant,
        "actif": active,
        "cree_le": created.isoformat(),
        "valide_du": _iso(start),
        "valide_au": _iso(end),
        "derniere_utilisation": _iso(used),
        "averti_le": _iso(warned),
        "ferme_le": _iso(closed),
        "motif_fermeture": why,
        "sirens_passes": [
            {"siren": siren, "du": since.isoformat(), "au": until.isoformat(), "motif": motive}
            for siren, since, until, motive in sirens
            if until is not None
        ],
        "cles": [key["cle"] for key in keys],
        "cles_dates": keys,
        "depots": [{"format": name, "fichiers": count, "dernier": last.isoformat()} for name, count, last in activity],
        "habitudes": ways,
        "changements": changes,
    }


def transfer(connection: Connection, siren: str, code: str, motive: str) -> None:
    """Give a SIREN to another employer's account; the former holder keeps what it sent."""
    partner_id, _, role, *_ = one(connection, code)
    if role != "EMPLOYEUR":
        raise UsageError("a SIREN goes to the account of an employer")
    with connection.transaction():
        connection.execute(sql.query("partners", "release_siren"), (siren,))
        _hold(connection, partner_id, siren, motive)


def disable(connection: Connection, settings: Settings, code: str, client: SftpClient | None = None) -> None:
    """Close an account: it cannot log in any more and nothing is taken from its depot.

    Args:
        client: to a server that takes its accounts from the registry.
    """
    one(connection, code)
    with connection.transaction():
        connection.execute(sql.query("partners", "disable"), (code,))
    doors.settle(connection, client, settings, code)


def reopen(connection: Connection, settings: Settings, code: str, client: SftpClient | None = None) -> None:
    """Open an account again that was disabled. ``connection`` is the administrator's."""
    one(connection, code)
    with connection.transaction():
        asked = {"code": code, "today": settings.registry_date()}
        if not connection.execute(sql.query("partners", "reopen"), asked).rowcount:
            raise UsageError(f"the account {code} is not disabled")
    doors.settle(connection, client, settings, code)


def set_days(
    connection: Connection, settings: Settings, code: str, span: Span, client: SftpClient | None = None
) -> None:
    """Set between which days an account is valid. ``connection`` is the administrator's."""
    one(connection, code)
    with connection.transaction():
        connection.execute(sql.query("partners", "set_days"), {"code": code, "from": span.start, "until": span.end})
    doors.settle(connection, client, settings, code)


def forget(connection: Connection, settings: Settings, code: str) -> None:
    """Remove a closed account's keys, and tell its identifier to nobody any more; the account stays closed."""
    for key in doors.keys_of(connection, settings, code):
        doors.revoke(connection, settings, code, key["cle"])
    _publish(connection, settings)


def _publish(connection: Connection, settings: Settings) -> None:
    """Write :data:`PUBLISHED` anew, whole or not at all."""
    facts = [{name: account[name] for name in ("code", "role", "identifiant")} for account in listing(connection)]
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
        return next(((str(found["role"]), found["identifiant"]) for found in listed if found["code"] == code), None)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{PUBLISHED} cannot be read") from error


def one(connection: Connection, code: str) -> tuple[Any, ...]:
    """An account as query ``one`` gives it. Raises UsageError where there is none."""
    found = connection.execute(sql.query("partners", "one"), (code,)).fetchone()
    if found is None:
        raise UsageError(f"no account {code}")
    return tuple(found)


def _iso(moment: date | None) -> str | None:
    return moment.isoformat() if moment else None
