"""Editions: the yearly statistics as the ministry receives them, each made from one instant of the registry.

A month's edition shows the civil year so far and goes out by itself; a year's waits for a person's yes. What was
published is never changed: new figures make a new edition, which says what came since the one before. The files follow
from year, instant and scope, and are held against the manifest's hashes before they go out.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sql
from loaders import crash
from loaders.bulk import Cursor
from loaders.errors import UsageError
from loaders.registry import depots, opened
from loaders.settings import PARIS, Settings
from loaders.sftp import SftpClient
from loaders.warehouse import DELIVERY, Connection, Delivery, alone
from pipelines.decide import MOTIVE, WHO, clean_text
from pipelines.held import SILENCE
from pipelines.isolate import Troubles
from pipelines.progress import Say, Step, quiet, reached
from pipelines.statistics import people, publish
from pipelines.statistics.asked import Asked, asked
from pipelines.statistics.yearbook import compile_year
from pipelines.tallies import month_before
from reports.annual import Change

log = logging.getLogger("siseri.editions")

MONTHLY, YEARLY = "MENSUELLE", "ANNUELLE"
#: Who says yes to a month's edition.
CALENDAR = "calendrier"
AUDIENCE, SCOPE = "dgt", "tous"
#: What may have come between two editions, in the order of the query.
CAUSES = (
    ("tardifs", "Résultats venus par des fichiers reçus depuis (corrections comprises)"),
    ("leves", "Résultats qui attendaient dans la file, intégrés depuis"),
    ("corriges", "Résultats corrigés"),
    ("annules", "Résultats annulés"),
    ("remplaces", "Résultats remplacés ou retirés autrement (conclusion d'un médecin, décision d'un analyste)"),
    ("identites", "Identités réunies ou séparées"),
    ("rattachements", "Rattachements ou classements inscrits ou modifiés (toutes années)"),
    ("depassements", "Dépassements détectés ou changés d'état (toutes années)"),
)


class NotWaiting(UsageError):
    """There is no such edition, or it was decided on already."""


@dataclass(frozen=True)
class Kept:
    """An edition as the registry keeps it.

    Attributes:
        load, as_of: the instant that it shows.
        before: that of the edition before; ``None`` for the first.
    """

    number: int
    kind: str
    year: int
    month: date | None
    scope: str
    edition: int
    load: int
    as_of: datetime
    manifest: dict[str, Any]
    changes: dict[str, int]
    before: datetime | None
    approved: bool | None

    @property
    def folder(self) -> str:
        """Where it goes in ``retour/``."""
        stem = f"{self.month:%Y-%m}" if self.month else str(self.year)
        scope = "" if self.scope == SCOPE else f"-{self.scope}"
        return f"statistiques-{stem}{scope}" + (f"-edition-{self.edition}" if self.edition > 1 else "")


def propose(
    connection: Connection,
    today: date,
    year: int,
    scope: str,
    who: str,
    *,
    as_of: str | None = None,
    say: Say = quiet,
) -> int:
    """Make a year's edition, which waits for a yes. Gives its number.

    Args:
        say: told of each step.

    Raises:
        UsageError: such an edition waits already; an unknown scope, a year or instant to come.
    """
    clean_text("l'auteur de la proposition", who, WHO)
    known = asked(connection, year, as_of, scope, today)
    _none_waits(connection.cursor(), known)
    return _kept(connection, known, YEARLY, None, who, say)


def _none_waits(cursor: Cursor, known: Asked) -> None:
    waiting = cursor.execute(sql.query("editions", "undecided"), (known.year, known.scope)).fetchone()
    if waiting:
        raise UsageError(f"l'édition {waiting[0]} de {known.year} ({known.scope}) attend déjà une décision")


def decide(connection: Connection, number: int, yes: bool, who: str, motive: str | None = None) -> None:
    """Publish an edition, or decline it.

    Raises:
        NotWaiting: no such edition, or one that was decided on.
        UsageError: a no without motive, a text that cannot be kept.
    """
    clean_text("l'auteur de la décision", who, WHO)
    if not yes:
        clean_text("le motif", motive or "", MOTIVE)
    with connection.transaction():
        told = (who.strip(), yes, motive.strip() if motive else None, number)
        if connection.execute(sql.query("editions", "decide"), told).rowcount != 1:
            raise NotWaiting(f"l'édition {number} n'attend pas de décision")
    log.info("edition %s decided: %s", number, "published" if yes else "declined")


def proposal(year: int | None, scope: str) -> dict[str, int]:
    """A DAG's first step: make the edition of a year (``None``: the one that ended), or take up the one that waits."""
    settings = Settings.load()
    today = settings.registry_date()
    chosen = year or today.year - 1
    with opened(settings, sftp=False, profile="publisher") as registry:
        waiting = registry.connection.execute(sql.query("editions", "undecided"), (chosen, scope)).fetchone()
        number = waiting[0] if waiting else propose(registry.connection, today, chosen, scope, CALENDAR)
    return {"edition": number, "year": chosen}


def answer(number: int, yes: bool, who: str | None) -> bool:
    """A DAG's second step: carry out the answer. Gives whether the edition is published by it.

    Args:
        who: who answered; ``None`` where the time to answer ran out.
    """
    name = "".join(sign for sign in who or SILENCE if sign.isprintable()).strip()[:WHO] or "?"
    motive = None if yes else "Publication refusée" if who else "Pas de réponse dans le délai"
    with opened(Settings.load(), sftp=False, profile="publisher") as registry:
        try:
            decide(registry.connection, number, yes, name, motive)
        except NotWaiting:
            return False
    return yes


def monthly(connection: Connection, today: date) -> int | None:
    """The edition of the month that ended, where there is a ministry to receive it and none was made yet."""
    month = month_before(today)
    done = connection.execute(sql.query("editions", "monthly_done"), (month, SCOPE)).fetchone()
    receivers = connection.execute(sql.query("editions", "receivers")).fetchone()
    if (done and done[0]) or not (receivers and receivers[0]):
        return None
    known = asked(connection, month.year, None, SCOPE, today)
    return _kept(connection, known, MONTHLY, month, CALENDAR)


def _kept(connection: Connection, known: Asked, kind: str, month: date | None, who: str, say: Say = quiet) -> int:
    book = compile_year(connection, known, say=say)
    told = {"kind": kind, "year": known.year, "month": month, "scope": known.scope, "who": who.strip()}
    told["at_once"] = kind == MONTHLY
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(sql.query("editions", "lock"))
        if kind == YEARLY:  # somebody else may have proposed it meanwhile
            _none_waits(cursor, known)
        row = cursor.execute(sql.query("editions", "latest"), told).fetchone()
        assert row is not None
        previous, number = row
        changes: dict[str, int] = {}
        if previous is not None:
            changes = _changes(cursor, previous, known)
        tables = publish.table_files(book)
        manifest = publish.describe(book, tables, AUDIENCE)
        kept = told | {"number": number, "previous": previous, "load": known.load, "as_of": known.as_of}
        kept |= {"manifest": json.dumps(manifest), "changes": json.dumps(changes)}
        done = cursor.execute(sql.query("editions", "propose"), kept).fetchone()
        assert done is not None
    crash.reach("editions.proposed")
    log.info("edition %s made: %s of %s", done[0], kind, known.year)
    return int(done[0])


def _changes(cursor: Any, previous: int, known: Asked) -> dict[str, int]:
    """What the registry took in since an edition, counted by cause; what did not happen is left out."""
    since, _ = cursor.execute(sql.query("editions", "instant"), (previous,)).fetchone()
    span = {"year": known.year, "since": since, "until": known.load}
    counts = cursor.execute(sql.query("editions", "changes"), span).fetchone()
    return {name: int(count) for (name, _), count in zip(CAUSES, counts, strict=True) if count}


def one(connection: Connection, number: int) -> Kept:
    """An edition by its number. Raises UsageError where there is none."""
    row = connection.execute(sql.query("editions", "one"), (number,)).fetchone()
    if row is None:
        raise UsageError(f"aucune édition {number}")
    identifier, kind, year, month, scope, edition, load, as_of, manifest, changes, before, *_, approved, _ = row
    return Kept(
        *(identifier, kind, year, month, scope, edition, load, as_of.astimezone(PARIS), manifest, changes),
        before.astimezone(PARIS) if before else None,
        approved,
    )


def files(connection: Connection, kept: Kept, say: Say = quiet) -> dict[str, bytes]:
    """An edition's files, made again from the doses themselves.

    Raises:
        RuntimeError: a table is not what its manifest says: the registry's past has changed.
    """
    book = compile_year(connection, Asked(kept.year, kept.scope, kept.load, kept.as_of), kept=False, say=say)
    tables = publish.table_files(book)
    if publish.describe(book, tables, AUDIENCE)["tables"] != kept.manifest["tables"]:
        raise RuntimeError(f"edition {kept.number} comes out differently than it was")
    changes = tuple(Change(label, kept.changes[name]) for name, label in CAUSES if name in kept.changes)
    shown = people.edition(book, AUDIENCE, before=kept.before, changes=changes)
    told = publish.describe(book, tables, AUDIENCE) | {
        "edition": kept.edition,
        "edition_precedente": kept.before.isoformat() if kept.before else None,
        "changements": kept.changes,
    }
    made = tables | people.files(shown) | {publish.MANIFEST: publish.document(told)}
    reached(log, say, kept.year, Step.PAPERS)
    return made


def listing(connection: Connection) -> list[dict[str, Any]]:
    """All editions, in the order they were made."""
    names = (
        *("id", "genre", "annee", "mois", "perimetre", "edition", "as_of", "proposee_par", "proposee_le"),
        *("decidee_par", "decidee_le", "publiee", "motif", "remises"),
    )
    return [
        dict(zip(names, (_plain(value) for value in row), strict=True))
        for row in connection.execute(sql.query("editions", "listing")).fetchall()
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(PARIS).isoformat(timespec="seconds")
    return f"{value:%Y-%m}" if isinstance(value, date) else value


def deliver(client: SftpClient, connection: Connection, settings: Settings, troubles: Troubles) -> int:
    """Make the month's edition where it is due, and put every published edition where the ministry has it not.

    Args:
        troubles: gathers the accounts to which an edition could not be delivered now; it stays owed.

    Returns:
        How many deliveries were made.
    """
    with alone(connection, DELIVERY, Delivery.EDITIONS) as held:
        return _deliver(client, connection, settings, troubles) if held else 0


def _deliver(client: SftpClient, connection: Connection, settings: Settings, troubles: Troubles) -> int:
    with troubles.keep("edition", 0):
        monthly(connection, settings.registry_date())
    made: dict[int, dict[str, bytes]] = {}
    done = 0
    for number, partner_id, code in connection.execute(sql.query("editions", "owed")).fetchall():
        with troubles.keep("partner", partner_id):
            kept = one(connection, number)
            if number not in made:
                made = {number: files(connection, kept)}
            client.make_folder(code, "retour", kept.folder)
            for name, body in made[number].items():
                client.put(code, f"retour/{kept.folder}", name, body)
                crash.reach("editions.table")
            crash.reach("editions.delivered")
            with connection.transaction():
                connection.execute(sql.query("editions", "delivered"), (number, partner_id))
            done += 1
    if done:
        log.info("editions delivered: %s", done)
    return done


def renew() -> dict[str, int]:
    """Deliver what the ministry is owed: a task's whole work. Counts only."""
    settings = Settings.load()
    with opened(settings, profile="publisher") as registry, depots(registry) as client:
        troubles = Troubles()
        delivered = deliver(client, registry.connection, settings, troubles)
    return {"delivered": delivered, "troubles": len(troubles)}
