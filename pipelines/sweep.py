"""One pass over everything, without Airflow: the same steps as the DAGs, in the same order."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

import sql
from loaders import metrics
from loaders.registry import Registry
from loaders.secrets import RegistryKey
from loaders.settings import Settings
from loaders.sftp import SftpClient
from loaders.warehouse import SUBMISSION, Connection, alone
from pipelines import deadlines, editions, exceedances, notices, scorecards
from pipelines.answer import answer_all
from pipelines.collect import answer_stem, collect
from pipelines.declare import declare
from pipelines.integrate import Result, integrate
from pipelines.isolate import Troubles
from pipelines.monthly import deliver
from pipelines.questions import deliver as deliver_questions
from pipelines.release import release
from pipelines.retention import remove_old
from pipelines.signs import Duty, give
from pipelines.trial import trials
from pipelines.unused import keep_doors

log = logging.getLogger("siseri.sweep")


@dataclass
class Pass:
    """What a pass did: counts and submission ids. ``troubles`` names what could not be done now."""

    taken: list[int] = field(default_factory=list)
    settled: list[int] = field(default_factory=list)
    answered: list[int] = field(default_factory=list)
    incidents: list[int] = field(default_factory=list)
    held: list[int] = field(default_factory=list)
    released: dict[str, int] = field(default_factory=dict)
    exceedances: int = 0
    retained: int = 0
    notices: int = 0
    questions: int = 0
    declarations: int = 0
    lists: int = 0
    cards: int = 0
    editions: int = 0
    trials: int = 0
    removed: int = 0
    turned: int = 0
    troubles: Troubles = field(default_factory=Troubles)


def pending(connection: Connection) -> list[tuple[int, str, int]]:
    """Received files not settled yet and not held for a yes, in the order of a pass: (submission, role, bytes)."""
    rows = connection.execute(sql.query("integrate", "pending")).fetchall()
    return [(int(number), str(role), int(size)) for number, role, size in rows]


def unhandled(connection: Connection, after_s: float = 120) -> list[int]:
    """Files received at least so many seconds ago that no integration has met and none has in hand."""
    rows = connection.execute(sql.query("integrate", "unhandled"), (after_s, SUBMISSION)).fetchall()
    return [number for (number,) in rows]


class Fate(Enum):
    """What an attempt at a file came to."""

    SETTLED = auto()
    INCIDENT = auto()
    ELSEWHERE = auto()
    HELD = auto()


def integrate_safely(
    client: SftpClient, connection: Connection, settings: Settings, key: RegistryKey, submission: int
) -> Fate:
    """Integrate a file; where this side fails on it, tell the sender and keep the file for later.

    Returns:
        Settled, an incident of ours, held until a person says yes, or elsewhere: another pass has it in hand, or
        an earlier file of the same sender is not settled yet (a correction never overtakes what it corrects).

    Raises:
        SftpLost, psycopg.OperationalError: a service is gone; the pass cannot go on.
    """
    troubles = Troubles()
    with troubles.keep("submission", submission), alone(connection, SUBMISSION, submission) as held:
        if not held or _waits_its_turn(connection, submission):
            return Fate.ELSEWHERE
        done = integrate(connection, settings, key, submission)
    if not troubles:
        return _settled(done)
    metrics.count("files", fate="incident")
    with troubles.keep("submission", submission):
        _incident(client, connection, submission)
    return Fate.INCIDENT


def _settled(done: Result) -> Fate:
    """The fate of a file that met no incident; counted."""
    fate = Fate.HELD if done.state == "RECU" else Fate.SETTLED
    metrics.count("files", fate=fate.name.lower())
    if fate is Fate.SETTLED and done.format is not None:
        for outcome, rows in done.rows.items():
            metrics.count("rows", rows, outcome=outcome, format=done.format)
    return fate


def _waits_its_turn(connection: Connection, submission: int) -> bool:
    row = connection.execute(sql.query("integrate", "earlier"), (submission,)).fetchone()
    return bool(row and row[0])


def _incident(client: SftpClient, connection: Connection, submission: int) -> None:
    found = connection.execute(sql.query("answer", "facts"), (submission,)).fetchone()
    with connection.transaction():
        connection.execute(sql.query("integrate", "incident"), (submission,))
    assert found is not None
    code, name, number = found[7], found[8], found[9]
    body = {
        "id": submission,
        "fichier": name,
        "message": "Un incident de notre côté retarde le traitement de ce fichier. Il est conservé et sera repris ;"
        " il n'y a rien à renvoyer.",
    }
    client.put(
        code,
        "retour",
        f"{answer_stem(name, number)}.incident.json",
        json.dumps(body, ensure_ascii=False, indent=1).encode(),
    )


def sweep(client: SftpClient, registry: Registry, settings: Settings, taken: Sequence[int] | None = None) -> Pass:
    """Open and close the accounts whose day has come.

    Then collect, integrate, answer, release, answer what that changed, look for exceedances and their deadlines, tell
    of them, tell employers whom to declare; then the lists, scorecards and statistics of the month, and trials; last,
    remove answers that lay there too long.

    Args:
        taken: files that are in the ledger already; nothing is collected then.
    """
    done = Pass()
    connection, key = registry.connection, registry.key
    done.turned = keep_doors(client, connection, settings, done.troubles)
    done.taken = collect(client, connection, settings, done.troubles) if taken is None else list(taken)
    give(connection, Duty.COLLECT)
    for submission, _, _ in pending(connection):
        fate = integrate_safely(client, connection, settings, key, submission)
        lists = {Fate.SETTLED: done.settled, Fate.INCIDENT: done.incidents, Fate.HELD: done.held}
        if fate in lists:
            lists[fate].append(submission)
    done.answered, _ = answer_all(client, connection, settings, done.troubles)
    done.released = release(connection, settings, key, done.troubles)
    if done.released:
        answer_all(client, connection, settings, done.troubles)
    give(connection, Duty.RELEASE)
    give(connection, Duty.ANSWER)
    with done.troubles.keep("detection", 0):
        found = exceedances.detect(connection, settings.registry_date())
        done.exceedances = found.opened + found.changed + found.lapsed
        give(connection, Duty.EXCEEDANCES)
    with done.troubles.keep("deadlines", 0):
        done.retained = deadlines.retain(connection, settings)
        give(connection, Duty.DEADLINES)
    done.notices = notices.tell(client, connection, settings, key, done.troubles)
    done.questions = deliver_questions(client, connection, key, done.troubles)
    done.declarations = declare(client, connection, key, done.troubles)
    done.lists = deliver(client, connection, settings, key, done.troubles)
    give(connection, Duty.MONTHLY)
    done.cards = scorecards.deliver(client, connection, settings, done.troubles)
    with registry.warehouse.login("publisher") as publisher:
        done.editions = editions.deliver(client, publisher, settings, done.troubles)
    done.trials = trials(client, connection, settings, key, done.troubles)
    done.removed = remove_old(client, connection, settings, done.troubles)
    return done
