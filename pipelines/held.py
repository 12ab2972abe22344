"""Held: files of which too large a share is at fault or waits, until a person says yes or sets them aside.

Integration rolls such a file back and marks it (``pipelines/integrate.py``). A yes lets the next pass take it; setting
it aside refuses it (``FIC-09``), and its sender is told why. Who answers first counts; files are asked about once.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import sql
from loaders.errors import UsageError
from loaders.settings import PARIS
from loaders.warehouse import Connection, load
from pipelines.decide import MOTIVE, WHO, clean_text

log = logging.getLogger("siseri.held")

#: What a file that a person sets aside is refused with: the remedy is to drop the whole file again.
CODE = "FIC-09"
#: Who said yes where nobody answered in time.
SILENCE = "personne (délai de réponse passé)"
#: Most files asked about at once.
MOST = 20


class NotHeld(UsageError):
    """The file is not held, or somebody answered already."""

    def __init__(self, submission: int) -> None:
        super().__init__(f"le dépôt {submission} n'attend pas de décision, ou quelqu'un a déjà répondu")


@dataclass(frozen=True)
class Claim:
    """A file to ask about: its number and the share of its rows, in percent, that is at fault or waits."""

    submission: int
    percent: int


def held(connection: Connection) -> list[dict[str, Any]]:
    """The files that wait for a yes, the longest held first: no identity, but the senders' file names."""
    listed = []
    for row in connection.execute(sql.query("held", "listing")).fetchall():
        number, code, name, layout, received, since, share, figures, asked = row
        listed.append(
            {
                "id": number,
                "emetteur": code,
                "fichier": name,
                "format": layout,
                "part": float(share),
                "lignes": figures["lignes"],
                "codes": figures["codes"],
                "recu_le": received.astimezone(PARIS).isoformat(timespec="seconds"),
                "retenu_le": since.astimezone(PARIS).isoformat(timespec="seconds"),
                "demande_le": asked.astimezone(PARIS).isoformat(timespec="seconds") if asked else None,
            }
        )
    return listed


def accept(connection: Connection, submission: int, who: str) -> None:
    """Say yes: the next pass integrates the file.

    Raises:
        NotHeld: the file is not held, or somebody answered already.
        UsageError: ``who`` cannot be kept.
    """
    clean_text("l'auteur de la décision", who, WHO)
    with connection.transaction():
        done = connection.execute(sql.query("held", "accept"), (who.strip(), submission))
        if done.rowcount != 1:
            raise NotHeld(submission)
    log.info("submission %s accepted", submission)


def decline(connection: Connection, submission: int, who: str, motive: str) -> None:
    """Set a file aside: it is refused as a whole, and its report, with the motive, is owed.

    Raises:
        NotHeld: the file is not held, or somebody answered already.
        UsageError: a text cannot be kept.
    """
    clean_text("l'auteur de la décision", who, WHO)
    clean_text("le motif", motive, MOTIVE)
    _decline(connection, submission, who, motive)


def answer(connection: Connection, submission: int, yes: bool, who: str | None) -> bool:
    """Carry out the answer to a question.

    Args:
        who: who answered; ``None`` where the time to answer ran out.

    Returns:
        Whether it had an effect: not where somebody answered by another door meanwhile.
    """
    name = "".join(sign for sign in who or SILENCE if sign.isprintable()).strip()[:WHO] or "?"
    try:
        accept(connection, submission, name) if yes else _decline(connection, submission, name, None)
    except NotHeld:
        return False
    return True


def claim(connection: Connection, run: str, stale_s: float) -> list[Claim]:
    """Take held files that nobody has been asked about, to ask about them now.

    Args:
        run: who asks. Asking again under the same name gives the files it has, so a task that died is made again.
        stale_s: age in seconds at which another's claim counts no longer: the run that made it is over.
    """
    asked = {"run": run, "stale_s": stale_s, "most": MOST}
    with connection.transaction():
        rows = connection.execute(sql.query("held", "claim"), asked).fetchall()
    return [Claim(number, percent(share)) for number, share in rows]


def percent(share: Decimal) -> int:
    """A share in whole percent, 1 at least."""
    return max(1, int((share * 100).to_integral_value(ROUND_HALF_UP)))


def _decline(connection: Connection, submission: int, who: str, motive: str | None) -> None:
    """Refuse a held file; without a motive given, the share is the motive."""
    with load(connection, "refuse", submission):
        found = connection.execute(sql.query("held", "undecided"), (submission,)).fetchone()
        if found is None:
            raise NotHeld(submission)
        share, layout = found
        motive = motive or f"Trop de lignes fautives ou en attente ({percent(share)} %)"
        connection.execute(sql.query("load", "refuse_submission"), (layout, CODE, None, None, submission))
        connection.execute(sql.query("held", "declined"), (who.strip(), motive.strip(), submission))
    log.info("submission %s declined", submission)
