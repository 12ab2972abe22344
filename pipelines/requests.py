"""Requests of persons: access to what is held on them, or that it be put right (articles 15 and 16 of the general
regulation), each with its deadline.

The registry changes no dose by itself: who declared corrects, by a ``C`` row (a result), TRAVAILLEURS or IDENTITES. A
request on a row puts a question into its sender's ``retour/``; access is answered by ``siseri statement``.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from datetime import date
from typing import Any

import sql
from loaders.errors import UsageError
from loaders.secrets import RegistryKey
from loaders.warehouse import Connection
from pipelines import questions
from pipelines.decide import MOTIVE, WHO, clean_text
from schemas.formats.common import months_later

log = logging.getLogger("siseri.requests")

ACCESS, RECTIFICATION = "ACCES", "RECTIFICATION"
#: Months to answer, and by how many the deadline may be put off, once (article 12, paragraph 3).
MONTHS, MORE_MONTHS = 1, 2
#: How a request of each kind may end.
OUTCOMES = {
    ACCESS: ("COMMUNIQUEE", "REFUSEE", "SANS_OBJET"),
    RECTIFICATION: ("RECTIFIEE", "REFUSEE", "SANS_OBJET"),
}
_NAMES = (
    *("id", "genre", "travailleur", "recue_le", "echeance", "prolongee", "close_le", "issue", "depot", "ligne"),
    *("a_corriger_par", "ligne_remplacee"),
)


@dataclass(frozen=True)
class Request:
    """A request as it came: ``person`` a NIR or NIA, ``row`` submission and line of what is said to be wrong."""

    kind: str
    person: str
    text: str
    received: date
    who: str
    row: tuple[int, int] | None = None


def record(connection: Connection, key: RegistryKey, asked: Request, today: date) -> int:
    """Enter a request; where it names a row, its sender is owed a question. Returns its number.

    Raises:
        UsageError: no such kind, a text that cannot be kept, a day to come, or a row that is not this person's (no
            message tells whose it is).
    """
    if asked.kind not in OUTCOMES:
        raise UsageError(f"genre de demande inconnu ; connus : {', '.join(OUTCOMES)}")
    clean_text("le texte de la demande", asked.text.replace("\n", " ").replace("\r", " "), questions.TEXT)
    clean_text("l'auteur", asked.who, WHO)
    if asked.received > today:
        raise UsageError("une demande ne se reçoit pas dans l'avenir")
    if asked.row and asked.kind != RECTIFICATION:
        raise UsageError("un dépôt et une ligne ne se donnent qu'avec une rectification")
    print_ = key.fingerprint(asked.person)
    known = connection.execute(sql.query("audit", "known_as"), (print_,)).fetchall()
    with connection.transaction():
        message = _passed_on(
            connection, key, asked, [number for number, _ in known], [print_, *(one for _, one in known)]
        )
        worker = connection.execute(sql.query("requests", "person_of"), (print_,)).fetchone()
        row = connection.execute(
            sql.query("requests", "record"),
            {
                "kind": asked.kind,
                "worker": worker[0] if worker else None,
                "person": print_,
                "sealed": key.seal(json.dumps({"numero": asked.person, "texte": asked.text.strip()}).encode()),
                "received": asked.received,
                "due": months_later(asked.received, MONTHS),
                "submission": asked.row[0] if asked.row else None,
                "line": asked.row[1] if asked.row else None,
                "message": message,
                "who": asked.who.strip(),
            },
        ).fetchone()
    assert row is not None
    log.info("request %s recorded: %s", row[0], asked.kind)
    return int(row[0])


def _passed_on(
    connection: Connection, key: RegistryKey, asked: Request, numbers: list[int], prints: list[Any]
) -> int | None:
    if asked.row is None:
        return None
    submission, line = asked.row
    told = {"submission": submission, "line": line, "numbers": numbers, "prints": prints}
    if connection.execute(sql.query("requests", "own_row"), told).fetchone() is None:
        raise UsageError(f"la ligne {line} du dépôt {submission} ne concerne pas cette personne")
    return questions.ask_about(connection, key, submission, line, asked.text, asked.who)


def listing(connection: Connection, today: date, *, still_open: bool = False) -> list[dict[str, Any]]:
    """Requests without number or text, the most pressing first; ``en_retard`` where the deadline is over."""
    asked = {"one": None, "open": still_open}
    return [_as_json(row, today) for row in connection.execute(sql.query("requests", "listed"), asked).fetchall()]


def show(connection: Connection, key: RegistryKey, number: int, today: date) -> dict[str, Any]:
    """One request with the person's number and words. Nominative: the caller notes the look.

    Raises:
        UsageError: there is no such request.
    """
    row = connection.execute(sql.query("requests", "listed"), {"one": number, "open": False}).fetchone()
    found = connection.execute(sql.query("requests", "one"), (number,)).fetchone()
    if row is None or found is None:
        raise UsageError(f"aucune demande {number}")
    sealed, cleared_on, extended_motive, extended_by, motive, closed_by, who = found
    words = {"numero": None, "texte": None} if sealed is None else json.loads(key.open(sealed))
    return (
        _as_json(row, today)
        | words
        | {
            "supprimee_le": cleared_on.isoformat() if cleared_on else None,
            "motif_prolongation": extended_motive,
            "prolongee_par": extended_by,
            "motif": motive,
            "close_par": closed_by,
            "saisie_par": who,
        }
    )


def extend(connection: Connection, number: int, motive: str, who: str, today: date) -> date:
    """Put a deadline off by two months, once, before it is over. Returns the new one.

    Raises:
        UsageError: no such request, closed, put off already, or its month is over.
    """
    clean_text("le motif", motive, MOTIVE)
    clean_text("l'auteur", who, WHO)
    with connection.transaction():
        _, due, extended, closed = _held(connection, number)
        if closed or extended or today > due:
            raise UsageError(f"la demande {number} est close, déjà prolongée ou hors délai")
        later = months_later(due, MORE_MONTHS)
        told = (later, today, motive.strip(), who.strip(), number)
        connection.execute(sql.query("requests", "extend"), told)
    return later


def close(connection: Connection, number: int, outcome: str, motive: str, who: str, today: date) -> None:
    """Answer a request.

    Raises:
        UsageError: no such request, closed already, an outcome that its kind has not, or RECTIFIEE while the row that
            it names holds as it was.
    """
    clean_text("le motif", motive, MOTIVE)
    clean_text("l'auteur", who, WHO)
    with connection.transaction():
        kind, _, _, closed = _held(connection, number)
        if closed:
            raise UsageError(f"la demande {number} est déjà close")
        if outcome not in OUTCOMES[kind]:
            raise UsageError(f"issue inconnue pour {kind} ; connues : {', '.join(OUTCOMES[kind])}")
        row = connection.execute(sql.query("requests", "listed"), {"one": number, "open": False}).fetchone()
        assert row is not None
        facts = _as_json(row, today)
        if outcome == "RECTIFIEE" and facts["depot"] is not None and not facts["ligne_remplacee"]:
            raise UsageError(
                f"la ligne {facts['ligne']} du dépôt {facts['depot']} n'a été ni corrigée ni annulée par son émetteur"
            )
        connection.execute(sql.query("requests", "close"), (today, outcome, motive.strip(), who.strip(), number))
    log.info("request %s closed: %s", number, outcome)


def _held(connection: Connection, number: int) -> tuple[str, date, date | None, date | None]:
    found = connection.execute(sql.query("requests", "hold"), (number,)).fetchone()
    if found is None:
        raise UsageError(f"aucune demande {number}")
    return found[0], found[1], found[2], found[3]


def _as_json(row: tuple[Any, ...], today: date) -> dict[str, Any]:
    shown = dict(zip(_NAMES, row, strict=True))
    shown["en_retard"] = shown["close_le"] is None and today > shown["echeance"]
    return {name: one.isoformat() if isinstance(one, date) else one for name, one in shown.items()}
