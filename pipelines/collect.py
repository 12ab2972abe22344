"""Collect: from the senders' depots to the archive and the ledger, with a receipt at once.

A file is taken in this order: bytes fetched, archived and put into the backup folder, submission entered in the ledger,
its arrival noted beside the bytes, receipt delivered, file moved out of the depot. After a kill at any point the next
pass goes on from there: the ledger knows which drops have not left their depot yet.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import re
import secrets
import time
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sql
from loaders import archive, arrivals, backups, crash, metrics
from loaders.arrivals import Arrival
from loaders.errors import UsageError
from loaders.settings import PARIS, Settings
from loaders.sftp import Entry, Fetched, SftpClient, SftpRefused
from loaders.warehouse import BYTES, DEPOT, SUBMISSION, Connection, alone
from pipelines.isolate import Troubles
from reports.execution import VERSION
from schemas.roles import DECLARERS, RECEIVERS

log = logging.getLogger("siseri.collect")

MARKER = ".ok"
#: Endings of files that are still being written; never read.
UNFINISHED = (".part", ".tmp", ".filepart", ".crdownload")
_MARKER_LIMIT = 4096
_ABANDONED_S = 3600
#: A look at very many homes is paid by at least so many times its length of taking.
WORTH = 4
#: So many files of each sender, before any sender's next: one that drops a hundred thousand holds nobody up for long.
TURN = 200


@dataclass(frozen=True)
class Drop:
    """A file that may be taken."""

    partner_id: int
    code: str
    role: str
    entry: Entry
    marker: str | None

    @property
    def rank(self) -> tuple[bool, float, str]:
        """Order in a pass: those who declare first, then modification time, then name."""
        return self.role not in DECLARERS, self.entry.mtime, self.entry.name


def answer_stem(name: str, number: int) -> str:
    """What a drop's answers are named after: the name as dropped, ``~2``, ``~3`` where it was used before.

    A name too long for its answers' names is cut, and gets ``~`` and a hash of the whole. Of two drops of one
    sender, none bears the other's name: where ``x~2`` was dropped as such, the second ``x`` is ``x~3``.
    """
    raw = name.encode("utf-8")
    if len(raw) > 215:
        name = raw[:200].decode("utf-8", "ignore") + "~" + hashlib.sha256(raw).hexdigest()[:8]
    return name if number == 1 else f"{name}~{number}"


def ledger_name(name: str) -> str:
    """A file name as the ledger can hold it: bytes that are no UTF-8 become ``\\xNN``."""
    return re.sub(r"[\ud800-\udfff]", lambda found: f"\\x{ord(found[0]) & 0xFF:02x}", name)


def readable_name(name: str) -> bool:
    """Whether a name in a depot is a deposit: not hidden, not unfinished, not a marker."""
    return not name.startswith(".") and not name.lower().endswith((*UNFINISHED, MARKER))


def ready(
    client: SftpClient,
    connection: Connection,
    settings: Settings,
    troubles: Troubles,
    folder: str = "depot",
    only: Collection[str] | None = None,
) -> list[Drop]:
    """The files that may be taken now from each sender's ``folder``, in the order of a pass.

    Args:
        only: the codes of the senders to look at, all where it is not given.
    """
    asked = {"today": settings.registry_date(), "only": None if only is None else list(only)}
    partners = connection.execute(sql.query("collect", "partners"), asked).fetchall()
    homes = set(client.homes()) if only is None else only
    looked = [one for one in partners if one[2] not in RECEIVERS and one[1] in homes]
    drops: list[Drop] = []
    listed = client.listdirs([code for _, code, _ in looked], folder)
    for (partner_id, code, role), entries in zip(looked, listed, strict=True):
        with troubles.keep("partner", partner_id):
            if isinstance(entries, SftpRefused):
                raise entries
            drops += _depot(client, settings, partner_id, code, role, entries, folder)
    return sorted(drops, key=lambda drop: drop.rank)


def _depot(
    client: SftpClient, settings: Settings, partner_id: int, code: str, role: str, entries: list[Entry], folder: str
) -> list[Drop]:
    """The files of one depot, listed as ``entries``, that may be taken now."""
    now = time.time()
    drops: list[Drop] = []
    markers = {entry.name for entry in entries if entry.is_regular and entry.name.endswith(MARKER)}
    for entry in entries:
        if not entry.is_regular or not readable_name(entry.name):
            continue
        marked = entry.name + MARKER in markers
        if not marked and now - entry.mtime < settings.quiet_period_s:
            continue
        try:
            marker = client.read_small(code, folder, entry.name + MARKER, _MARKER_LIMIT) if marked else None
        except SftpRefused:
            log.warning("a marker of partner %s cannot be read: its file waits", partner_id)
            continue
        text = marker.decode("utf-8", "replace").replace("\0", "\ufffd") if marker is not None else None
        drops.append(Drop(partner_id, code, role, entry, text))
    return drops


def collect(
    client: SftpClient,
    connection: Connection,
    settings: Settings,
    troubles: Troubles | None = None,
    *,
    only: Collection[str] | None = None,
    enough_s: float | None = None,
) -> list[int]:
    """Take every file that is ready.

    Args:
        troubles: gathers the partners whose file could not be taken now; it is tried again at the next pass.
        only: the codes of the senders to look at, all where it is not given.
        enough_s: after so long (or ``WORTH`` times what the look took, where that is longer) no further file is begun:
            those taken need not wait for those that follow, which the next pass takes. So that none waits for ever,
            senders take turns of ``TURN`` files then; whoever has no more is taken in the order of any other pass.

    Returns:
        The submissions' ids, in the order they were taken.

    Raises:
        UsageError: the database was brought back to an instant before files that the archive knows.
        BackupFailed: what must be safe before a receipt goes out cannot be put into the backup folder.
    """
    troubles = Troubles() if troubles is None else troubles
    if only is None:
        _tidy(connection, settings)
    _note_left(client, connection, settings, troubles)
    began = time.monotonic()
    drops = ready(client, connection, settings, troubles, only=only)
    looked = time.monotonic()
    limit = looked + max(enough_s, WORTH * (looked - began)) if enough_s is not None else None
    if drops:
        _nothing_to_replay(connection, settings)
    passage = datetime.now(UTC)
    taken: list[int] = []
    for drop in drops if limit is None else _in_turns(drops):
        if taken and limit is not None and time.monotonic() > limit:
            break
        submission = _take_alone(client, connection, settings, drop, passage, troubles)
        if submission is not None:
            taken.append(submission)
    return taken


def _in_turns(drops: Sequence[Drop]) -> list[Drop]:
    """Each sender's first files in the order of a pass, then each one's next ones."""
    seen: Counter[int] = Counter()
    turns = []
    for drop in drops:
        turns.append(seen[drop.partner_id] // TURN)
        seen[drop.partner_id] += 1
    return [drop for _, drop in sorted(zip(turns, drops, strict=True), key=lambda one: one[0])]


def _tidy(connection: Connection, settings: Settings) -> None:
    """Remove what killed passes left: half copies, and the staging of submissions that nobody has in hand."""
    for left in settings.folder("archive", "incoming").iterdir():
        with contextlib.suppress(FileNotFoundError):  # another pass has it in hand
            if time.time() - left.stat().st_mtime > _ABANDONED_S:
                left.unlink()
    for left in settings.folder("staging").iterdir():
        with alone(connection, SUBMISSION, int(left.name.partition(".")[0]), patience_s=0) as held:
            if held:
                left.unlink(missing_ok=True)


def _note_left(client: SftpClient, connection: Connection, settings: Settings, troubles: Troubles) -> None:
    """Note the drops that a killed pass moved out of their depot without noting it.

    Else the same file, sent again with its time kept, would pass for the drop that was taken, and get no answer.
    """
    for submission, partner_id, code, name, number, sha256 in connection.execute(
        sql.query("collect", "not_noted")
    ).fetchall():
        with troubles.keep("partner", partner_id), alone(connection, DEPOT, partner_id, patience_s=0) as held:
            stem = answer_stem(name, number)
            if not held or not client.exists(code, "archive", stem):
                continue
            local = settings.folder("archive", "incoming") / f"{partner_id}-{time.time_ns()}"
            try:
                same = client.fetch(code, stem, local, folder="archive").sha256 == sha256
            finally:
                local.unlink(missing_ok=True)
            if same:
                client.take_over(code, "archive", stem)
            else:
                _give_back(client, code, name, stem, archive.at_hand(settings, sha256), "depot", "archive")
            with connection.transaction():
                connection.execute(sql.query("collect", "left_depot"), (submission,))


def _take_alone(
    client: SftpClient,
    connection: Connection,
    settings: Settings,
    drop: Drop,
    passage: datetime,
    troubles: Troubles,
) -> int | None:
    """Take a drop, unless another pass is at its sender's: whoever holds the sender's lock takes, the other goes on."""
    with troubles.keep("partner", drop.partner_id), alone(connection, DEPOT, drop.partner_id) as held:
        return _take(client, connection, settings, drop, passage) if held else None
    return None


def _nothing_to_replay(connection: Connection, settings: Settings) -> None:
    """Raises UsageError where the archive knows a later file than the ledger does: its number is not free."""
    newest = arrivals.newest(settings)
    if newest is not None:
        known = connection.execute(sql.query("collect", "entered"), (newest.submission,)).fetchone()
        if known is None or known[0] != newest.sha256:
            raise UsageError(
                "the database was brought back to an earlier instant, and the archive holds files that came after it:"
                " run 'siseri backup replay' first"
            )


def incoming(settings: Settings, drop: Drop) -> Path:
    """Where a drop is copied to; what a killed pass leaves there is removed an hour later."""
    return settings.folder("archive", "incoming") / f"{drop.partner_id}-{time.time_ns()}"


def fetch(client: SftpClient, drop: Drop, local: Path, folder: str = "depot") -> Fetched | None:
    """Copy a drop; ``None`` where it is not there any more, cannot be read or is still being written."""
    try:
        fetched = client.fetch(drop.code, drop.entry.name, local, folder=folder)
    except FileNotFoundError:
        return None  # the sender took it back, or another pass was first
    except SftpRefused:
        log.warning("a file of partner %s cannot be read: it waits", drop.partner_id)
        return None
    same = fetched.size == drop.entry.size and fetched.mtime == drop.entry.mtime
    return fetched if same and not fetched.changed else None


def _take(client: SftpClient, connection: Connection, settings: Settings, drop: Drop, passage: datetime) -> int | None:
    local = incoming(settings, drop)
    try:
        fetched = fetch(client, drop, local)
        if fetched is None:
            return None
        crash.reach("collect.fetched")
        # The same bytes may be at the end of their time (pipelines.expiry): they are not removed in between.
        with alone(connection, BYTES, archive.number(fetched.sha256)) as held:
            if not held:
                return None
            archive.keep(settings, fetched.sha256, local)
            backups.keep_bytes(settings, fetched.sha256)
            crash.reach("collect.archived")
            submission, number = _enter(connection, settings, drop, fetched.sha256, fetched.size)
            crash.reach("collect.entered")
    finally:
        local.unlink(missing_ok=True)
    arrival = _arrival(connection, submission, drop, passage)
    arrivals.note(settings, arrival)
    backups.keep_arrival(settings, arrival)
    crash.reach("collect.noted")
    stem = answer_stem(ledger_name(drop.entry.name), number)
    client.put(drop.code, "retour", f"{stem}.ar.json", receipt_json(connection, submission))
    crash.reach("collect.receipted")
    leave(client, drop, stem, archive.at_hand(settings, fetched.sha256))
    crash.reach("collect.moved")
    connection.execute(sql.query("collect", "left_depot"), (submission,))
    crash.reach("collect.left")
    metrics.count("files", fate="taken")
    metrics.timing("lag.receipt", time.time() - drop.entry.mtime)
    log.info("submission %s taken: %s bytes, sha256 %s", submission, fetched.size, fetched.sha256)
    return submission


def _arrival(connection: Connection, submission: int, drop: Drop, passage: datetime) -> Arrival:
    """What the archive notes of a file that the ledger has entered."""
    found = connection.execute(sql.query("collect", "arrival"), (submission,)).fetchone()
    assert found is not None
    name, number, sha256, size, mtime, marker, received, today = found
    return Arrival(submission, drop.code, name, number, sha256, size, mtime, marker, received, today, passage)


def leave(
    client: SftpClient,
    drop: Drop,
    stem: str,
    copy: AbstractContextManager[Path],
    depot: str = "depot",
    kept: str = "archive",
) -> None:
    """Move a file that was taken out of its depot; ``copy`` gives its bytes, where they are needed once more.

    Where the sender replaced its file between the copy and the move, the other file is the next drop.
    """
    if drop.marker is not None:  # before the file: a marker must never outlive what it stands for
        client.remove(drop.code, depot, drop.entry.name + MARKER)
        crash.reach("collect.unmarked")
    client.move(drop.code, depot, drop.entry.name, kept, stem)
    if client.look(drop.code, kept, stem) == (drop.entry.size, int(drop.entry.mtime)):
        client.take_over(drop.code, kept, stem)
        return
    _give_back(client, drop.code, drop.entry.name, stem, copy, depot, kept)


def _give_back(
    client: SftpClient, code: str, name: str, stem: str, copy: AbstractContextManager[Path], depot: str, kept: str
) -> None:
    """Put the sender's other file, moved in place of the one that was taken, back into the depot."""
    if client.exists(code, depot, name):
        name = f"{secrets.token_hex(4)}-{name}"[-200:]
    client.move(code, kept, stem, depot, name)
    with copy as path:
        client.put(code, kept, stem, path)


def _enter(connection: Connection, settings: Settings, drop: Drop, sha256: str, size: int) -> tuple[int, int]:
    name = ledger_name(drop.entry.name)
    with connection.transaction():
        mtime = int(drop.entry.mtime)
        same = connection.execute(
            sql.query("collect", "unfinished_drop"), (drop.partner_id, name, sha256, mtime)
        ).fetchone()
        if same is None:
            same = connection.execute(
                sql.query("collect", "receive"),
                {
                    "partner": drop.partner_id,
                    "name": name,
                    "number": _number(connection, drop.partner_id, name),
                    "sha256": sha256,
                    "size": size,
                    "mtime": mtime,
                    "marker": drop.marker,
                    "today": settings.registry_date(),
                },
            ).fetchone()
        assert same is not None
        return int(same[0]), int(same[1])


def _number(connection: Connection, partner_id: int, name: str) -> int:
    """The next number of a name whose answers bear no other drop's name."""
    found = connection.execute(sql.query("collect", "next_number"), (partner_id, name)).fetchone()
    assert found is not None
    number = int(found[0])
    while True:
        asked = {"partner": partner_id, "name": name, "number": number}
        taken = connection.execute(sql.query("collect", "bears_name"), asked).fetchone()
        if taken is None or not taken[0]:
            return number
        number += 1


def receipt(connection: Connection, submission: int) -> dict[str, Any]:
    """The receipt's facts: ``version``, ``id``, ``emetteur``, ``fichier``, ``sha256``, ``octets``, ``recu_le``."""
    found = connection.execute(sql.query("collect", "receipt"), (submission,)).fetchone()
    assert found is not None
    number, code, name, _, sha256, size, received = found
    return {
        "version": VERSION,
        "id": number,
        "emetteur": code,
        "fichier": name,
        "sha256": sha256,
        "octets": size,
        "recu_le": received.astimezone(PARIS).isoformat(timespec="seconds"),
    }


def receipt_json(connection: Connection, submission: int) -> bytes:
    """The receipt as a file."""
    facts = receipt(connection, submission)
    return json.dumps(facts, ensure_ascii=False, indent=1).encode()
