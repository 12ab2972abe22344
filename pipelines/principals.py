"""Who asks to see what of a person, and the ticket that lets the database show it (0019_access.sql).

The reading connection sees what its ticket opens. A ticket is made by the gate once it is known who asks, is noted in
the audit by the same act, and lasts ten minutes.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

import numpy as np

import sql
from loaders.errors import UsageError
from loaders.secrets import RegistryKey
from loaders.warehouse import Connection, Warehouse
from schemas.access import GATE, READERS, SIGHT
from schemas.identifiers import is_rpps, key_of, nir_shape, siret_valid

#: Each capacity and the profile that reads for it, then the other words for it.
PROFILES = {one.role: one.profile for one in SIGHT if one.profile in {reader.name for reader in READERS}}
_OTHER_WORDS = {
    "WORKER": "TRAVAILLEUR",
    "EMPLOYER": "EMPLOYEUR",
    "MEDECIN": "MDT",
    "PHYSICIAN": "MDT",
    "INSPECTEUR": "AGENT",
    "CONTROLEUR": "AGENT",
    "CONTROLE": "AGENT",
    "AGENT_CONTROLE": "AGENT",
    "AGENT-CONTROLE": "AGENT",
    "INSPECTOR": "AGENT",
}
#: Audiences that get aggregates or pseudonyms, never a person's statement.
_NEVER = frozenset({"DGT", "DSND", "RECHERCHE", "RESEARCH"})
_LONGEST = 100


@dataclass(frozen=True)
class Principal:
    """Who asks. ``identifiant`` is the SIRET of an employer, empty for a worker, whose own number is ``own``."""

    capacity: str
    identifiant: str = ""
    own: str = ""

    @property
    def profile(self) -> str:
        """The login profile that reads for it."""
        return PROFILES[self.capacity]


def principal(text: str, subject: str) -> Principal:
    """Read ``ROLE:IDENTIFIANT``.

    Args:
        subject: the number asked for: a worker's own where the identifier is ``-``.

    Raises:
        UsageError: no such role, or an identifier that cannot be one of it. No message quotes the identifier.
    """
    role, _, identifiant = text.partition(":")
    role, identifiant = role.strip().upper(), identifiant.strip()
    role = _OTHER_WORDS.get(role, role)
    if role in _NEVER:
        raise UsageError(f"{role} ne reçoit rien de nominatif : aucun relevé individuel")
    if role not in PROFILES:
        raise UsageError(f"rôle inconnu : --as attend ROLE:IDENTIFIANT, ROLE parmi {', '.join(PROFILES)}")
    if role == "TRAVAILLEUR":
        return Principal(role, own=subject if identifiant == "-" else number(identifiant))
    if not identifiant or len(identifiant) > _LONGEST or not identifiant.isprintable():
        raise UsageError(f"--as {role}: attend un identifiant")
    if role in ("MDT", "PST") and not is_rpps(identifiant):
        raise UsageError(f"--as {role}: attend un numéro RPPS (11 chiffres)")
    if role == "EMPLOYEUR":
        identifiant = identifiant.replace(" ", "")
        if not _is_siret(identifiant):
            raise UsageError("--as EMPLOYEUR: attend un SIRET (14 chiffres)")
    return Principal(role, identifiant)


def number(text: str) -> str:
    """A NIR or NIA as the registry knows it: 13 characters, with or without its key and spaces.

    Raises:
        UsageError: it is none. The message does not quote it.
    """
    found = "".join(text.split()).upper()
    bare, key = found[:13], found[13:]
    shaped = found.isascii() and len(bare) == 13 and bool(nir_shape(_matrix(bare))[0])
    if not shaped or (key and key != key_of(bare)):
        raise UsageError("le NIR est mal formé : 13 caractères, ou 15 avec une clé juste")
    return bare


def _is_siret(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) == 14 and bool(siret_valid(_matrix(text))[0])


def _matrix(text: str) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    return np.frombuffer(text.encode(), np.uint8).reshape(1, -1)


@contextmanager
def admitted(
    warehouse: Warehouse,
    key: RegistryKey,
    asking: Principal,
    *,
    day: date,
    who: str,
    door: str,
    what: str,
    subject: str | None = None,
    siret: str | None = None,
) -> Iterator[Connection | None]:
    """A connection that shows what somebody may see of one person (``subject``) or establishment (``siret``).

    Noted in the audit under ``who``, whatever comes of it. ``None`` where nothing is open: unknown, or not theirs.

    Args:
        day: the registry's date.
        door, what: as in :func:`pipelines.audit.looked`.
    """
    token = secrets.token_urlsafe(32)
    asked = {
        "digest": hashlib.sha256(token.encode()).digest(),
        "capacity": asking.capacity,
        "holder": asking.identifiant,
        "own": key.fingerprint(asking.own) if asking.own else None,
        "subject": key.fingerprint(subject) if subject else None,
        "siret": siret,
        "day": day,
        "who": who,
        "door": door,
        "what": what,
    }
    with warehouse.login(GATE.name) as gate:
        row = gate.execute(sql.query("access", "admit"), asked).fetchone()
    if row is None or not row[0]:
        yield None
        return
    with warehouse.login(asking.profile) as reader:
        reader.execute(sql.query("access", "show_ticket"), (token,))
        yield reader
