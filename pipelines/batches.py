"""Batches: what a DAG's tasks do, as plain functions of ids and counts; no row, no name, no path.

A batch is integrated by one task, file by file, one transaction each, and answered by the same.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue

from loaders.bell import rung
from loaders.registry import Registry, depots, opened
from loaders.settings import Settings
from loaders.sftp import SftpClient
from pipelines import held
from pipelines.answer import answer_again, answer_all, answer_safely
from pipelines.collect import collect
from pipelines.declare import declare
from pipelines.exceedances import detect
from pipelines.isolate import Troubles, told
from pipelines.questions import deliver as deliver_questions
from pipelines.release import release
from pipelines.signs import Duty, give
from pipelines.sweep import Fate, integrate_safely, pending, unhandled
from pipelines.trial import trials
from pipelines.unused import keep_doors
from schemas.roles import DECLARERS

log = logging.getLogger("siseri.batches")

#: Most files and bytes of a batch.
FILES = 200
BYTES = 64 << 20
#: Between two looks at the depots while nothing comes, and how many times longer than the last look took, at least:
#: with 20 000 homes the server is left in peace most of the time.
LOOK_EVERY_S, REST = 2.0, 4
#: Between two moments at which the bell is heard, however often it rings. Hearing costs the listing of an empty folder.
HEAR_EVERY_S = 0.1
#: What was taken so far goes on to integration after this time, while the rest is taken.
ENOUGH_S = 10.0


def take(patience_s: float) -> list[int]:
    """Collect until something is there to integrate or the patience is over; answer trials meanwhile.

    First of all, the accounts whose day has come are opened and closed.

    A trial is begun only where no real file waits and no load is under way, and the depots are looked at
    again after each.

    Returns:
        The submissions to integrate: those taken now or, where none came, those that an earlier try took and could
        not hand on.
        Files that met an incident are left to the hourly integration.
    """
    settings = Settings.load()
    with opened(settings) as registry, depots(registry) as client:
        limit = time.monotonic() + patience_s
        keep_doors(client, registry.connection, settings, Troubles())
        put_off: set[tuple[str, str]] = set()
        only: set[str] | None = None
        next_look = 0.0
        while True:
            began = time.monotonic()
            waiting = collect(client, registry.connection, settings, only=only, enough_s=ENOUGH_S)
            if waiting:
                give(registry.connection, Duty.COLLECT)
                return waiting
            if time.monotonic() >= limit:
                give(registry.connection, Duty.COLLECT)
                return unhandled(registry.connection)
            if only is None:
                if not unhandled(registry.connection) and _trial(client, registry, put_off):
                    continue
                next_look = time.monotonic() + max(LOOK_EVERY_S, REST * (time.monotonic() - began))
            # However often it rings, every home is looked at in its turn.
            only = _listen(settings, min(next_look, limit))


def _listen(settings: Settings, until: float) -> set[str] | None:
    """The codes that the bell rang for, as soon as it does; ``None`` where it is time to look everywhere."""
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(HEAR_EVERY_S, left))
        if codes := rung(settings.home):
            return codes
    return None


def _trial(client: SftpClient, registry: Registry, put_off: set[tuple[str, str]]) -> int:
    """Answer one trial file, if there is one; those in ``put_off`` are left for the next task."""
    arguments = client, registry.connection, registry.settings, registry.key
    return trials(*arguments, Troubles(), put_off=put_off, most=1, patience_s=0)


def answer_trials() -> dict[str, int]:
    """Answer the trial files that are ready. Gives how many were answered, and how many failed on this side."""
    settings = Settings.load()
    troubles = Troubles()
    with opened(settings) as registry, depots(registry) as client:
        answered = trials(client, registry.connection, settings, registry.key, troubles)
    return {"trials": answered, "troubles": len(troubles)}


def plan() -> dict[str, list[list[int]]]:
    """The received files not settled yet, in batches: ``declarers`` first, in one sequence, then ``others``."""
    with opened(Settings.load(), sftp=False, profile="analyst") as registry:
        waiting = pending(registry.connection)
    first = [(number, size) for number, role, size in waiting if role in DECLARERS]
    others = [(number, size) for number, role, size in waiting if role not in DECLARERS]
    return {"declarers": _cut(first), "others": _cut(others)}


def _cut(files: Sequence[tuple[int, int]]) -> list[list[int]]:
    batches: list[list[int]] = []
    filled = 0
    for number, size in files:
        if not batches or len(batches[-1]) == FILES or filled + size > BYTES:
            batches.append([])
            filled = 0
        batches[-1].append(number)
        filled += size
    return batches


def integrate_batch(batch: Sequence[int]) -> dict[str, int]:
    """Integrate some files, in order; each is answered while the next ones are under way.

    Returns:
        How many were settled, held, in hand elsewhere, met an incident, and were answered.
    """
    settings = Settings.load()
    counts = {fate.name.lower(): 0 for fate in Fate}
    settled: SimpleQueue[int | None] = SimpleQueue()
    with opened(settings) as registry, depots(registry) as client, ThreadPoolExecutor(1, "answers") as aside:
        answered = aside.submit(_answer_each, registry, settled)
        answered.add_done_callback(_tell)
        try:
            for number in batch:
                fate = integrate_safely(client, registry.connection, settings, registry.key, number)
                counts[fate.name.lower()] += 1
                if fate is Fate.SETTLED:
                    settled.put(number)
        finally:
            settled.put(None)
        return counts | {"answered": answered.result()}


def _tell(answered: Future[int]) -> None:
    """Log what ended the answering, which nobody asks for where integrating ended on an error of its own."""
    if error := answered.exception():
        log.error("answers: %s", told(error))


def _answer_each(registry: Registry, settled: SimpleQueue[int | None]) -> int:
    """Answer files as they are settled, over connections of one's own, until ``None`` comes; how many were.

    What cannot be answered now stays owed, and is logged.
    """
    troubles, answered = Troubles(), 0
    with registry.warehouse.loader() as connection, depots(registry) as client:
        while (number := settled.get()) is not None:
            answered += answer_safely(client, connection, registry.settings, number, troubles)
    return answered


def claim_held(run: str, stale_s: float) -> list[dict[str, int]]:
    """Held files that a run asks about: ``depot`` and ``percent`` of rows at fault or waiting, of each."""
    with opened(Settings.load(), sftp=False) as registry:
        claimed = held.claim(registry.connection, run, stale_s)
    return [{"depot": one.submission, "percent": one.percent} for one in claimed]


def settle_held(submission: int, yes: bool, who: str | None) -> bool:
    """Carry out the answer about a held file; whether it had an effect."""
    with opened(Settings.load(), sftp=False) as registry:
        return held.answer(registry.connection, submission, yes, who)


def answer_owed() -> dict[str, int]:
    """Deliver every report, follow-up and question that is owed."""
    settings = Settings.load()
    with opened(settings) as registry, depots(registry) as client:
        troubles = Troubles()
        reports, follow_ups = answer_all(client, registry.connection, settings, troubles)
        questions = deliver_questions(client, registry.connection, registry.key, troubles)
        give(registry.connection, Duty.ANSWER)
    return {"reports": len(reports), "follow_ups": follow_ups, "questions": questions, "troubles": len(troubles)}


def answer_submissions(numbers: Sequence[int]) -> dict[str, int]:
    """Deliver the reports and follow-ups of these submissions again."""
    settings = Settings.load()
    with opened(settings) as registry, depots(registry) as client:
        done = [number for number in numbers if answer_again(client, registry.connection, settings, number)]
    return {"reports": len(done)}


def release_waiting() -> dict[str, int]:
    """Let go what need not wait any longer, reject what waited too long. Gives rows by outcome."""
    settings = Settings.load()
    troubles = Troubles()
    with opened(settings, sftp=False) as registry:
        counts = release(registry.connection, settings, registry.key, troubles)
        give(registry.connection, Duty.RELEASE)
    return counts | {"troubles": len(troubles)}


def detect_exceedances() -> dict[str, int]:
    """Reckon the exceedances of the persons whom loads touched. Gives how many persons, and what changed."""
    settings = Settings.load()
    with opened(settings, sftp=False) as registry:
        found = detect(registry.connection, settings.registry_date())
        give(registry.connection, Duty.EXCEEDANCES)
    return {"persons": found.persons, "opened": found.opened, "changed": found.changed, "lapsed": found.lapsed}


def declare_missing() -> dict[str, int]:
    """Renew the employers' lists of workers to declare."""
    settings = Settings.load()
    with opened(settings) as registry, depots(registry) as client:
        troubles = Troubles()
        return {"lists": declare(client, registry.connection, registry.key, troubles), "troubles": len(troubles)}
