"""Crash points: the named places of the corridor at which a test ends the process, as a power cut would.

``SISERI_CRASH=<point>[:<passage>[:KILL|STOP]]``, read once, when this module is imported, makes the process send itself
SIGKILL at that passage (the first where none is told): no handler runs, nothing is tidied. With STOP it waits there
instead, so that somebody else may kill a service and let it go on. Unset, :func:`reach` is an empty function.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from loaders.errors import UsageError

#: Every kind of writing transaction of the corridor; each has the three points of :data:`LOAD`.
LOADS = (
    *("integrate", "refuse", "release", "expire", "exceedances", "notices", "deadlines"),
    *("decide", "undo", "standing", "unusual", "unusual answer", "legacy"),
)
LOAD = {
    "opened": "nothing written yet, the loads' lock held",
    "sealed": "all written, not committed",
    "committed": "committed, and nobody knows",
}

#: The other points, and what is done when the process gets there.
STEPS = {
    "collect.fetched": "a drop copied, not in the archive",
    "archive.renamed": "the bytes under their hash, their folder not flushed",
    "collect.archived": "the bytes in the archive, not in the ledger",
    "collect.entered": "in the ledger, its arrival not noted",
    "collect.noted": "its arrival noted, without receipt",
    "collect.receipted": "receipt delivered, the file still in its depot",
    "collect.unmarked": "the marker gone, the file still in its depot",
    "collect.moved": "out of the depot, the ledger not told",
    "collect.left": "taken, the ledger told",
    "sftp.part": "an answer written under its passing name",
    "envelope.opened": "an encrypted file in the clear, not judged",
    "integrate.staged": "read and checked to its end, nothing of it committed",
    "integrate.chunk": "a chunk written, the transaction open",
    "held.undone": "the load undone, the file not marked as held",
    "held.marked": "held, nobody asked",
    "answer.csv": "the first of three reports delivered",
    "answer.delivered": "all reports delivered, still owed",
    "answer.answered": "no longer owed",
    "follow_up.delivered": "a follow-up delivered, still owed",
    "follow_up.answered": "no longer owed",
    "notices.page": "a notice's page delivered, its data not",
    "notices.delivered": "a notice delivered, still owed",
    "questions.delivered": "a question delivered, still owed",
    "declare.delivered": "an employer's list renewed, still owed",
    "monthly.delivered": "a month's lists delivered, still owed",
    "results.delivered": "a month's results delivered, still owed",
    "scorecards.delivered": "a scorecard delivered, still owed",
    "marts.kept": "a year's sums kept, not committed",
    "editions.proposed": "an edition made, not delivered",
    "editions.table": "one of an edition's files delivered",
    "editions.delivered": "an edition delivered, still owed",
    "trial.receipted": "a trial's receipt delivered, not judged",
    "trial.judged": "a trial judged and undone, not answered",
    "trial.answered": "a trial answered, still in its depot",
    "retention.removed": "an old answer removed, not noted",
    "retention.noted": "removed and noted",
    "backup.bytes": "a file's bytes in the backup folder, not in the ledger",
    "backup.begun": "a backup begun, nothing copied",
    "backup.homes": "the senders' homes copied, the database not",
    "backup.based": "the database copied, not verified",
    "backup.complete": "all copied and verified, not yet said to be whole",
    "backup.whole": "whole, the oldest not removed",
    "backup.forgotten": "the oldest taken out of the list, its files still there",
    "restore.copied": "a base backup copied back, its log not replayed",
    "restore.recovered": "the database at its instant, the archive not copied",
    "restore.complete": "all restored, not yet under its name",
    "replay.entered": "the files of a pass in the ledger again, not integrated",
    "replay.swept": "the files of a pass integrated again",
    "init.migration": "a numbered migration applied, not committed",
    "init.roles": "the roles' passwords written aside, the roles not committed",
    "init.committed": "the schema at its version",
    "legacy.archived": "an old registry's part in the archive, no row taken",
    "legacy.indexed": "a partition's indexes made",
    "legacy.compared": "everything taken, not yet to be accepted",
}
POINTS = STEPS | {f"load.{kind}.{step}": f"{kind}: {told}" for kind in LOADS for step, told in LOAD.items()}

VARIABLE = "SISERI_CRASH"
_SIGNS = {"KILL": signal.SIGKILL, "STOP": signal.SIGSTOP}


def _unarmed(point: str) -> None:
    """No test is on."""


def armed(told: str | None) -> Callable[[str], None]:
    """What :func:`reach` is under a value of the variable. Raises UsageError for a point that there is not."""
    if not told:
        return _unarmed
    wanted, _, rest = told.partition(":")
    passage, _, sign = rest.partition(":")
    if wanted not in POINTS or not (passage or "1").isdigit() or (sign or "KILL") not in _SIGNS:
        raise UsageError(f"{VARIABLE} names no crash point: {told}")
    left = int(passage or 1)

    def end(point: str) -> None:
        nonlocal left
        left -= point == wanted
        if point == wanted and left == 0:
            os.kill(os.getpid(), _SIGNS[sign or "KILL"])

    return end


reach = armed(os.environ.get(VARIABLE))
