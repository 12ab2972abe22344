"""Questions: what an analyst asks the sender of a row that waits or seems wrong, and what came back.

A question goes into the sender's ``retour/`` as ``<name>.question-<n>.json`` and ``.html``. There is no file to answer
with: the sender corrects the row and sends it again, or answers by telephone or mail, and the analyst notes it.
"""

from __future__ import annotations

import logging
from typing import Any

import sql
from loaders import crash
from loaders.errors import UsageError
from loaders.secrets import RegistryKey
from loaders.settings import PARIS
from loaders.sftp import SftpClient
from loaders.warehouse import DELIVERY, Connection, Delivery, alone
from pipelines.answer import as_document
from pipelines.collect import answer_stem
from pipelines.decide import WHO, clean_text
from pipelines.isolate import Troubles
from reports.execution import VERSION
from reports.page import question_page
from schemas import codebook

log = logging.getLogger("siseri.questions")

#: Stands for a text that has had its time.
CLEARED = "(supprimé à son terme, règle LIGNES)"
#: Longest question or answer.
TEXT = 2000


def ask(connection: Connection, key: RegistryKey, entry: int, text: str, who: str) -> int:
    """Attach a question to a waiting row; it is delivered by ``deliver``. Returns the message's number."""
    return _write(connection, key, entry, text, who, "QUESTION")


def note_answer(connection: Connection, key: RegistryKey, entry: int, text: str, who: str) -> int:
    """Attach the sender's answer, however it came. Returns the message's number."""
    return _write(connection, key, entry, text, who, "REPONSE")


def ask_about(connection: Connection, key: RegistryKey, submission: int, line: int, text: str, who: str) -> int:
    """Attach a question to an integrated row, which no entry of the queue stands for. Returns the message's number."""
    sealed = _checked(key, text, who)
    with connection.transaction():
        connection.execute(sql.query("questions", "hold_submission"), (submission,))
        told = (submission, line, who.strip(), sealed, submission)
        row = connection.execute(sql.query("questions", "write_about"), told).fetchone()
    assert row is not None
    return int(row[0])


def _checked(key: RegistryKey, text: str, who: str) -> bytes:
    """The text, sealed, once it and its author are fit to be kept."""
    clean_text("le texte", text.replace("\n", " ").replace("\r", " "), TEXT)
    clean_text("l'auteur", who, WHO)
    return key.seal(text.strip().encode())


def _write(connection: Connection, key: RegistryKey, entry: int, text: str, who: str, kind: str) -> int:
    row = {"entry": entry, "kind": kind, "sealed": _checked(key, text, who), "who": who.strip()}
    with connection.transaction():
        connection.execute(sql.query("questions", "hold"), (entry,))
        found = connection.execute(sql.query("questions", "write"), row).fetchone()
    if found is None:
        raise UsageError(f"aucune ligne en attente sous {entry}" if kind == "QUESTION" else f"aucune entrée {entry}")
    return int(found[0])


def deliver(client: SftpClient, connection: Connection, key: RegistryKey, troubles: Troubles) -> int:
    """Put the questions that are owed into the senders' ``retour/``; doing it again delivers the same.

    Returns:
        How many were delivered.
    """
    with alone(connection, DELIVERY, Delivery.QUESTIONS) as held:
        return _deliver(client, connection, key, troubles) if held else 0


def _deliver(client: SftpClient, connection: Connection, key: RegistryKey, troubles: Troubles) -> int:
    done = 0
    for row in connection.execute(sql.query("questions", "owed")).fetchall():
        message, submission, line, number, written_at, sealed, codes, code, name, drop_number = row
        with troubles.keep("question of submission", submission):
            book = codebook.book()
            facts: dict[str, Any] = {
                "version": VERSION,
                "depot": submission,
                "emetteur": code,
                "fichier": name,
                "ligne": line,
                "codes": list(codebook.names(codes)),
                "motifs": [book[one].label for one in codebook.names(codes)],
                "question": key.open(sealed).decode(),
                "posee_le": written_at.astimezone(PARIS).isoformat(timespec="seconds"),
            }
            stem = f"{answer_stem(name, drop_number)}.question-{number}"
            client.put(code, "retour", f"{stem}.html", question_page(facts))
            client.put(code, "retour", f"{stem}.json", as_document(facts))
            crash.reach("questions.delivered")
            with connection.transaction():
                connection.execute(sql.query("questions", "delivered"), (message,))
            done += 1
    return done


def of_row(connection: Connection, key: RegistryKey, submission: int, line: int) -> list[dict[str, Any]]:
    """Questions and answers on a row, oldest first."""
    found = connection.execute(sql.query("questions", "of_row"), (submission, line)).fetchall()
    return [
        {
            "id": message,
            "genre": kind,
            "par": who,
            "le": written_at.astimezone(PARIS).isoformat(timespec="seconds"),
            "texte": CLEARED if sealed is None else key.open(sealed).decode(),
            "remise_le": delivered.astimezone(PARIS).isoformat(timespec="seconds") if delivered else None,
        }
        for message, kind, who, written_at, sealed, delivered in found
    ]
