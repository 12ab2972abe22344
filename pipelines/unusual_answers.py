"""Flags as analysts see them, and what they answer: confirmed, asked of the sender, dismissed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sql
from loaders.errors import UsageError
from loaders.secrets import RegistryKey
from loaders.settings import PARIS
from loaders.warehouse import Connection, load
from pipelines import questions
from pipelines.decide import MOTIVE, WHO, clean_text
from pipelines.suspect import KINDS

#: What a person may answer, and the state that it gives a flag.
ANSWERS = {"confirm": "CONFIRMEE", "ask": "DEMANDEE", "dismiss": "ECARTEE"}
STATES = ("OUVERTE", *ANSWERS.values(), "CLOSE")
PAGE = 10


@dataclass(frozen=True)
class Filters:
    """Which flags: a sender's code, a SIRET, one of ``KINDS``, one of ``STATES``; ``None`` for any."""

    sender: str | None = None
    siret: str | None = None
    kind: str | None = None
    state: str | None = None

    def __post_init__(self) -> None:
        if self.kind is not None and self.kind not in KINDS:
            raise UsageError(f"le genre est l'un de {', '.join(KINDS)}")
        if self.state is not None and self.state not in STATES:
            raise UsageError(f"l'état est l'un de {', '.join(STATES)}")


def flags(
    connection: Connection,
    filters: Filters | None = None,
    *,
    one: int | None = None,
    before: int | None = None,
    size: int | None = None,
) -> list[dict[str, Any]]:
    """Flags, the latest first. Each is a person's dose: a look is noted by who shows it.

    Args:
        before: only those of a lower number; ``size``: only so many.
    """
    chosen = filters or Filters()
    asked = {
        "one": one,
        "sender": chosen.sender,
        "siret": chosen.siret,
        "kind": chosen.kind,
        "state": chosen.state,
        "before": before,
        "size": size,
    }
    return [_told(*row) for row in connection.execute(sql.query("unusual", "listed"), asked).fetchall()]


def _told(
    number: int, kind: str, reason: str, spread: dict[str, Any], usv: int, day: Any, submission: int, line: int,
    sender: str, siret: str, worker: int, score: float, bound: float, model: str, since: Any, until: Any,
    answer: str | None, motive: str | None, who: str | None, answered: Any, results: int, state: str,
) -> dict[str, Any]:  # fmt: skip
    return {
        "id": number,
        "genre": kind,
        "etat": state,
        "motif": reason,
        "dose_msv": f"{usv / 1000:.3f}",
        "jour": day.isoformat(),
        "depot": submission,
        "ligne": line,
        "lignes": results,
        "emetteur": sender,
        "siret": siret,
        "travailleur": worker,
        "score": round(score, 2),
        "seuil": round(bound, 2),
        "modele": model,
        "distribution": spread,
        "signalee_le": _hour(since),
        "close_le": _hour(until),
        "reponse": None if answer is None else {"motif": motive, "par": who, "le": _hour(answered)},
    }


def _hour(moment: Any) -> str | None:
    return None if moment is None else str(moment.astimezone(PARIS).isoformat(timespec="seconds"))


def senders(connection: Connection) -> list[str]:
    """Codes of the senders of flagged results."""
    return [code for (code,) in connection.execute(sql.query("unusual", "senders")).fetchall()]


def decide(connection: Connection, key: RegistryKey, number: int, answer: str, motive: str, who: str) -> None:
    """Answer a flag; the last answer counts. ``ask`` puts the motive as a question into the sender's ``retour/``.

    Args:
        answer: one of :data:`ANSWERS`.

    Raises:
        UsageError: there is no such flag or answer, or nothing is said why; or a question about a result that holds no
            longer.
    """
    if answer not in ANSWERS:
        raise UsageError(f"on répond {', '.join(ANSWERS)}")
    clean_text("le motif", motive, MOTIVE)
    clean_text("l'auteur", who, WHO)
    with load(connection, "unusual answer") as load_number:
        found = connection.execute(sql.query("unusual", "held"), (number,)).fetchone()
        if found is None:
            raise UsageError(f"aucun signalement {number}")
        submission, line, closed = found
        if answer == "ask":
            if closed:
                raise UsageError("ce résultat n'est plus en vigueur : il n'y a plus rien à demander")
            questions.ask_about(connection, key, submission, line, motive, who)
        told = (number, ANSWERS[answer], motive.strip(), who.strip(), load_number)
        connection.execute(sql.query("unusual", "answer"), told)
