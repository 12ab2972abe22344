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
        crossed = [one for (one,) in connection.execute(sql.query("standing", "conflicting"), row).fetchall()]
        if person:  # the person that a decision arrives at is sealed
            others = connection.execute(sql.query("standing", "arrivals")).fetchall()
            crossed += [one for one, sealed in others if key.open(sealed).decode() == proposal.sent]
        if crossed:
            told = ", ".join(str(one) for one in sorted(set(crossed)))
            raise UsageError(f"elle croise une décision permanente déjà là ({told}) : révoquez celle-ci d'abord")
        found = connection.execute(sql.query("standing", "propose"), row).fetchone()
    assert found is not None
    return int(found[0])


def approve(connection: Connection, key: RegistryKey, standing: int, who: str) -> Effect | None:
    """Put a proposal in force and judge again what waits under its identifier, both or neither.

    Returns:
        What became of the rows that waited, ``None`` where none did.

    Raises:
        UsageError: there is none, it was approved or revoked, or by the person who proposed it; or measures are in
            force under the identifier that it would no longer be read as, so that they would never be met again.
    """
    clean_text("l'auteur de l'approbation", who, WHO)
    with connection.transaction():  # what waits moves no more meanwhile
        with load(connection, "standing") as number:
            held = _locked(connection, standing)
            if held.revoked_by is not None:
                raise UsageError(f"la décision permanente {standing} est révoquée")
            if held.approved_by is not None:
                raise UsageError(f"la décision permanente {standing} est déjà en vigueur")
            if who.strip() == held.proposed_by:
                raise UsageError("qui propose n'approuve pas : une autre personne doit le faire")
            span = {"first": held.valid_from, "last": held.valid_to}
            asked = {"siret": held.from_siret, "person": held.from_person, **span}
            found = connection.execute(sql.query("standing", "held_under"), asked).fetchone()
            if found is not None and found[0]:
                raise UsageError(f"{found[0]} mesure(s) sont en vigueur sous l'identifiant reçu à ces dates")
            connection.execute(sql.query("standing", "approve"), (who.strip(), number, standing))
        waiting = {"siret": held.from_siret, "person": held.from_person, "partner": held.partner_id}
        effect = _again(connection, key, standing, who, held, waiting)
    log.info("standing decision %s approved", standing)
    return effect


def revoke(connection: Connection, key: RegistryKey, standing: int, who: str, motive: str) -> None:
    """End a standing decision, or turn a proposal down; what waits as read by it is judged again as sent.

    Raises:
        UsageError: there is none to end.
    """
    clean_text("l'auteur de la révocation", who, WHO)
    clean_text("le motif", motive, MOTIVE)
    with connection.transaction():
        with load(connection, "standing") as number:
            held = _locked(connection, standing)
            if held.revoked_by is not None:
                raise UsageError(f"la décision permanente {standing} est déjà révoquée")
            told = {"who": who.strip(), "motive": motive.strip(), "load": number, "standing": standing}
            connection.execute(sql.query("standing", "revoke"), told)
        if held.approved_by is not None:
            meant = None if held.to_sealed is None else key.fingerprint(key.open(held.to_sealed).decode())
            waiting = {"siret": held.to_siret, "person": meant, "partner": held.partner_id}
            _again(connection, key, standing, who, held, waiting)
    log.info("standing decision %s revoked", standing)


def _again(
    connection: Connection, key: RegistryKey, standing: int, who: str, held: _Held, asked: dict[str, Any]
) -> Effect | None:
    """Judge again what waits under an identifier and was sent under the one that the decision reads differently."""
    sent = held.from_siret if held.from_sealed is None else key.open(held.from_sealed).decode()
    waiting = [
        entry
        for entry, sealed in connection.execute(sql.query("standing", "concerned"), asked).fetchall()
        if _sent_under(key.open_row(sealed), held.kind) == sent
    ]
    if not waiting:
        return None
    again = Decision("rejouer", f"décision permanente {standing}", who, standing=standing)
    return decide(connection, key, again, dict.fromkeys(waiting))


def _sent_under(row: dict[str, str], kind: str) -> str:
    """The identifier that a row was sent under, as repaired."""
    text = "".join(row.get(kind, "").split()).upper()
    return text.zfill(14) if kind == "SIRET" else text


@dataclass(frozen=True)
class _Held:
    """A standing decision as it stands, held until the end of the transaction."""

    kind: str
    from_siret: str | None
    from_person: Any
    partner_id: int | None
    proposed_by: str
    approved_by: str | None
    revoked_by: str | None
    to_siret: str | None
    from_sealed: bytes | None
    to_sealed: bytes | None
    valid_from: date
    valid_to: date | None


def _locked(connection: Connection, standing: int) -> _Held:
    found = connection.execute(sql.query("standing", "lock"), (standing,)).fetchone()
    if found is None:
        raise UsageError(f"aucune décision permanente {standing}")
    return _Held(*found)


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
