"""Standing decisions: «SIRET X is SIRET Y from a day on», proposed by one person, approved by another, revocable.

Approved, one acts in matching on every later row (``pipelines.rules``) and has what waits under its identifier judged
again at once. Revoked, it acts no more; what it did stays, each row with the file it came from.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

import sql
from loaders.errors import UsageError
from loaders.secrets import RegistryKey
from loaders.settings import PARIS
from loaders.warehouse import Connection, load
from pipelines.decide import MOTIVE, WHO, Decision, Effect, clean_text, decide
from schemas.identifiers import nir_shape, siret_valid

log = logging.getLogger("siseri.standing")

KINDS = ("SIRET", "NIR")


@dataclass(frozen=True)
class Proposal:
    """Read the identifier ``sent`` as ``meant`` (both of ``kind``), for considered days in the two days' span.

    Attributes:
        partner: code of the only sender whose rows are concerned; ``None`` for every sender.
    """

    kind: str
    sent: str
    meant: str
    valid_from: date
    motive: str
    who: str
    valid_to: date | None = None
    partner: str | None = None

    def __post_init__(self) -> None:
        clean_text("le motif", self.motive, MOTIVE)
        clean_text("l'auteur de la proposition", self.who, WHO)
        if self.kind not in KINDS:
            raise UsageError(f"une décision permanente porte sur {' ou '.join(KINDS)}")
        if self.sent == self.meant:
            raise UsageError("les deux identifiants sont le même")
        if self.valid_to is not None and self.valid_to < self.valid_from:
            raise UsageError("la décision finirait avant de commencer")
        width, shape = (14, siret_valid) if self.kind == "SIRET" else (13, nir_shape)
        for value in (self.sent, self.meant):
            raw = value.encode("ascii", "replace")
            if len(raw) != width or not shape(np.frombuffer(raw, np.uint8).reshape(1, width))[0]:
                raise UsageError(f"un des deux identifiants n'est pas un {self.kind} bien formé")


def propose(connection: Connection, key: RegistryKey, proposal: Proposal) -> int:
    """Keep a proposal; it does nothing until another person approves it.

    Returns:
        Its number.

    Raises:
        UsageError: what it points to is not known to the registry, its sender is not, or it crosses another one.
    """
    person = proposal.kind == "NIR"
    query = "known_people" if person else "known_siret"
    asked = [key.fingerprint(proposal.meant)] if person else proposal.meant
    if connection.execute(sql.query("decide", query), (asked,)).fetchone() is None:
        raise UsageError("l'identifiant à lire n'est pas connu du registre")
    partner = None
    if proposal.partner is not None:
        found = connection.execute(sql.query("partners", "one"), (proposal.partner,)).fetchone()
        if found is None:
            raise UsageError(f"aucun compte {proposal.partner}")
        partner = found[0]
    row = {
        "kind": proposal.kind,
        "from_siret": None if person else proposal.sent,
        "to_siret": None if person else proposal.meant,
        "from_person": key.fingerprint(proposal.sent) if person else None,
        "to_person": key.fingerprint(proposal.meant) if person else None,
        "from_sealed": key.seal(proposal.sent.encode()) if person else None,
        "to_sealed": key.seal(proposal.meant.encode()) if person else None,
        "partner": partner,
        "valid_from": proposal.valid_from,
        "valid_to": proposal.valid_to,
        "motive": proposal.motive.strip(),
        "who": proposal.who.strip(),
    }
    with load(connection, "standing"):
        crossed = connection.execute(sql.query("standing", "conflicting"), row).fetchall()
        if crossed:
            told = ", ".join(str(number) for (number,) in crossed)
            raise UsageError(f"elle croise une décision permanente déjà là ({told}) : révoquez celle-ci d'abord")
        found = connection.execute(sql.query("standing", "propose"), row).fetchone()
    assert found is not None
    return int(found[0])


def approve(connection: Connection, key: RegistryKey, standing: int, who: str) -> Effect | None:
    """Put a proposal in force and judge again what waits under its identifier.

    Returns:
        What became of the rows that waited, ``None`` where none did.

    Raises:
        UsageError: there is none, it was approved or revoked, or by the person who proposed it.
    """
    clean_text("l'auteur de l'approbation", who, WHO)
    with load(connection, "standing") as number:
        _, siret, person, partner, proposed_by, approved_by, revoked_by = _locked(connection, standing)
        if revoked_by is not None:
            raise UsageError(f"la décision permanente {standing} est révoquée")
        if approved_by is not None:
            raise UsageError(f"la décision permanente {standing} est déjà en vigueur")
        if who.strip() == proposed_by:
            raise UsageError("qui propose n'approuve pas : une autre personne doit le faire")
        connection.execute(sql.query("standing", "approve"), (who.strip(), number, standing))
    log.info("standing decision %s approved", standing)
    return _again(connection, key, standing, who, {"siret": siret, "person": person, "partner": partner})


def _again(connection: Connection, key: RegistryKey, standing: int, who: str, asked: dict[str, Any]) -> Effect | None:
    """Judge again what waits under an identifier; ``None`` where nothing does."""
    waiting = [entry for (entry,) in connection.execute(sql.query("standing", "concerned"), asked).fetchall()]
    if not waiting:
        return None
    again = Decision("rejouer", f"décision permanente {standing}", who, standing=standing)
    return decide(connection, key, again, dict.fromkeys(waiting))


def revoke(connection: Connection, key: RegistryKey, standing: int, who: str, motive: str) -> None:
    """End a standing decision, or turn a proposal down; what waits as read by it is judged again as sent.

    Raises:
        UsageError: there is none to end.
    """
    clean_text("l'auteur de la révocation", who, WHO)
    clean_text("le motif", motive, MOTIVE)
    with load(connection, "standing") as number:
        _, _, _, partner, _, approved_by, revoked_by = _locked(connection, standing)
        if revoked_by is not None:
            raise UsageError(f"la décision permanente {standing} est déjà révoquée")
        told = {"who": who.strip(), "motive": motive.strip(), "load": number, "standing": standing}
        connection.execute(sql.query("standing", "revoke"), told)
    log.info("standing decision %s revoked", standing)
    if approved_by is None:
        return
    row = connection.execute(sql.query("standing", "list"), {"one": standing}).fetchone()
    assert row is not None
    meant = key.fingerprint(key.open(row[5]).decode()) if row[1] == "NIR" else None
    _again(connection, key, standing, who, {"siret": row[3], "person": meant, "partner": partner})


def _locked(connection: Connection, standing: int) -> tuple[Any, ...]:
    found = connection.execute(sql.query("standing", "lock"), (standing,)).fetchone()
    if found is None:
        raise UsageError(f"aucune décision permanente {standing}")
    return tuple(found)


def listing(connection: Connection, key: RegistryKey, one: int | None = None) -> list[dict[str, Any]]:
    """Every standing decision, oldest first, with its state: ``PROPOSEE``, ``EN_VIGUEUR`` or ``REVOQUEE``."""
    listed = []
    for row in connection.execute(sql.query("standing", "list"), {"one": one}).fetchall():
        number, kind, sent, meant, from_sealed, to_sealed, partner, first, last, motive, *who_when = row
        proposed_by, proposed_at, approved_by, approved_at, revoked_by, revoked_at, revoked_motive = who_when
        listed.append(
            {
                "id": number,
                "genre": kind,
                "recu": sent if kind == "SIRET" else key.open(from_sealed).decode(),
                "lu": meant if kind == "SIRET" else key.open(to_sealed).decode(),
                "emetteur": partner,
                "du": first.isoformat(),
                "au": last.isoformat() if last else None,
                "motif": motive,
                "etat": "REVOQUEE" if revoked_by else "EN_VIGUEUR" if approved_by else "PROPOSEE",
                "proposee_par": proposed_by,
                "proposee_le": _hour(proposed_at),
                "approuvee_par": approved_by,
                "approuvee_le": _hour(approved_at),
                "revoquee_par": revoked_by,
                "revoquee_le": _hour(revoked_at),
                "motif_revocation": revoked_motive,
            }
        )
    return listed


def concerned(connection: Connection, standing: int, most: int = 10_000) -> int:
    """How many rows wait under its identifier; ``most`` at most are counted."""
    found = connection.execute(sql.query("standing", "concerned_count"), (standing, most)).fetchone()
    assert found is not None
    return int(found[0])


def _hour(moment: Any) -> str | None:
    return moment.astimezone(PARIS).isoformat(timespec="seconds") if moment else None
