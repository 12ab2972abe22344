"""Integrate: the corridor of one file: read, check, match, settle, load.

Two passes. The first settles every file-level code and puts the checked chunks aside; the second is
one transaction. Whatever happens between, a rerun ends in the same state: a submission is either
untouched (``RECU``) or wholly integrated. Where too many rows of a file are at fault or wait, that transaction
is undone and the file held until a person says yes (``pipelines/held.py``).
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import sql
from loaders import archive, crash
from loaders.bulk import Cursor
from loaders.secrets import RegistryKey
from loaders.settings import Settings
from loaders.warehouse import Connection, load
from pipelines import envelope, references, second_look, triggers
from pipelines.ahead import ahead
from pipelines.apply import APPLIERS
from pipelines.books import Books, as_json
from pipelines.check import Checked
from pipelines.load import (
    Change,
    apply_changes,
    evicted,
    leave_queue,
    queue_rows,
    write_books,
    write_measures,
    write_queue,
    write_row_entries,
)
from pipelines.match import Asked, Matched, match
from pipelines.offline import Marker, Opened, Totals, open_file
from pipelines.read import FileFault
from pipelines.references import Sender
from pipelines.rules import Rules
from pipelines.settle import Settled, Source, outcomes, settle
from pipelines.staging import Staging
from pipelines.stores import STORES
from schemas import codebook
from schemas.roles import MEASURE_FORMATS
from schemas.spec import Context, Format

log = logging.getLogger("siseri.integrate")


@dataclass(frozen=True)
class Result:
    """What became of a file: counts only."""

    submission: int
    state: str
    format: str | None
    file_code: str | None
    rows: dict[str, int]


class Held(Exception):
    """A person is asked before anything of this file counts.

    Attributes:
        share: rows at fault or waiting, over the rows received; four decimals.
        figures: ``lignes`` and ``codes`` as a report would have had them.
    """

    def __init__(self, share: Decimal, rows: dict[str, int], codes: dict[str, int]) -> None:
        super().__init__(f"share {share}")
        self.share = share
        self.figures = {"lignes": rows, "codes": codes}


@dataclass(frozen=True)
class Known:
    """A chunk's match, with the references it was made against."""

    matched: Matched
    references: references.References


def sender_of(
    cursor: Cursor, key: RegistryKey, partner_id: int, code: str, role: str, identifiant: str | None
) -> Sender:
    """The account as matching needs it, as the registry stands now."""
    sirens = cursor.execute(sql.query("integrate", "sirens"), (partner_id,)).fetchall()
    rules = Rules.in_force(cursor, key, partner_id)
    return Sender(partner_id, code, role, frozenset(siren for (siren,) in sirens), identifiant, rules)


def integrate(
    connection: Connection, settings: Settings, key: RegistryKey, submission_id: int, trial: Path | None = None
) -> Result:
    """Take one received file through the corridor. A file already settled, or held without a yes, is left as it is.

    Args:
        trial: where the bytes of a file of the test channel lie: its triggers act, and it is not compared
            with the files received before.

    Raises:
        Whatever fails on this side; nothing of the file has an effect then.
    """
    cursor = connection.cursor()
    found = cursor.execute(sql.query("integrate", "submission"), (submission_id,)).fetchone()
    if found is None:
        raise LookupError(f"no submission {submission_id}")
    _, partner_id, name, sha256, marker, today, state, code, role, identifiant, held, accepted, age_only = found
    account = (partner_id, code, role, identifiant)
    if state != "RECU" or (held and not accepted):
        return Result(submission_id, state, None, None, {})
    context = Context.on(today, role)
    format_name: str | None = None

    def received_before(layout: str) -> bool:
        nonlocal format_name
        format_name = layout
        compared = trial is None and layout in MEASURE_FORMATS
        assert sent is not None
        return compared and _first_received(connection, partner_id, sent.sha256, submission_id) is not None

    sent: envelope.Sent | None = None
    staged = Staging(settings.folder("staging") / f"{submission_id}.arrow")
    try:
        with (
            staged,
            nullcontext(trial) if trial else archive.at_hand(settings, sha256) as bytes_,
            envelope.opened(
                connection, settings, submission_id, name, bytes_, sha256, today, demanded=age_only
            ) as sent,
        ):
            opened = open_file(
                sent.path,
                sent.name,
                role=role,
                max_bytes=settings.max_bytes,
                known=received_before,
                partner=code,
                refused=age_only and not sent.encrypted,
            )
            totals, named = Totals(), Asked()
            told = Marker.read(marker) if marker is not None else None
            for checked in ahead(triggers.chunks(opened, context) if trial else opened.chunks(context)):
                totals.add(checked)
                named.add(checked)
                if told is not None and told.total is not None:
                    totals.add_values(checked)
                staged.add(checked)
            totals.settle(told)
            crash.reach("integrate.staged")
            asking = settings if trial is None and not accepted else None
            books = _second_pass(
                connection, key, submission_id, account, opened, staged, named, today, trial is not None, asking
            )
    except FileFault as fault:
        compared = fault.code == "FIC-06" and trial is None
        first = _first_received(connection, partner_id, sent.sha256, submission_id) if compared and sent else None
        with load(connection, "refuse", submission_id):
            reason = fault.fault if isinstance(fault, envelope.EnvelopeFault) else None
            refused = (format_name, fault.code, first, reason, submission_id)
            connection.execute(sql.query("load", "refuse_submission"), refused)
        log.info("submission %s refused: %s", submission_id, fault.code)
        return Result(submission_id, "REFUSE", format_name, fault.code, {})
    except Held as stopped:
        crash.reach("held.undone")
        with connection.transaction():
            marked = (stopped.share, json.dumps(stopped.figures), opened.layout.format.name, submission_id)
            connection.execute(sql.query("held", "mark"), marked)
        crash.reach("held.marked")
        log.info("submission %s held: share %s", submission_id, stopped.share)
        return Result(submission_id, "RECU", opened.layout.format.name, None, stopped.figures["lignes"])
    rows = as_json(books.lines)[0]
    log.info("submission %s integrated: %s", submission_id, json.dumps(rows))
    return Result(submission_id, "TRAITE", opened.layout.format.name, None, rows)


def _first_received(connection: Connection, partner_id: int, sha256: str, submission_id: int) -> int | None:
    found = connection.execute(sql.query("integrate", "same_bytes"), (partner_id, sha256, submission_id)).fetchone()
    return int(found[0]) if found else None


def _second_pass(
    connection: Connection,
    key: RegistryKey,
    submission_id: int,
    account: tuple[int, str, str, str | None],
    opened: Opened,
    staged: Staging,
    named: Asked,
    today: date,
    trial: bool,
    asking: Settings | None,
) -> Books:
    layout = opened.layout.format
    books = Books()
    late: list[Change] = []
    with load(connection, "integrate", submission_id) as number:
        cursor = connection.cursor()
        sender = sender_of(cursor, key, *account)
        known: references.References | None = None
        if layout.measure is not None:
            nirs, sirets = sender.rules.widen(*named.identifiers())
            known = references.fetch(cursor, key, nirs, sirets, sender=sender)
        for checked, matched in ahead(_matched(staged.chunks(), opened, known, sender)):
            count = len(checked)
            lines = np.arange(checked.first_line, checked.first_line + count)
            source = Source(np.full(count, submission_id), lines)
            late += corridor(cursor, number, opened, checked, matched, source, sender, key, today, books, trial)
            crash.reach("integrate.chunk")
        apply_changes(cursor, number, late, submission_id, books)
        second_look.enter(cursor, number, second_look.above_class_b(cursor, number, (layout.name,)))
        if asking is not None:
            _hold(cursor, number, submission_id, asking, books)
        write_books(cursor, number, ((submission_id, quantity, book) for quantity, book in books.lines.items()))
        record = opened.layout.record.layout if opened.layout.record is not None else None
        dialect = asdict(opened.dialect) | {"delimiter": opened.layout.delimiter, "record": record}
        cursor.execute(
            sql.query("load", "settle_submission"), (layout.name, json.dumps(dialect), number, submission_id)
        )
        if cursor.rowcount != 1:
            raise RuntimeError(f"submission {submission_id} was settled meanwhile")
    return books


def _hold(cursor: Cursor, number: int, submission_id: int, settings: Settings, books: Books) -> None:
    """Raises Held where the share of rows at fault or waiting is above what needs no person."""
    if settings.hold_share is None:
        return
    rows = as_json(books.lines)[0]
    received, bad = rows["recues"], rows["en_attente"] + rows["rejetees"]
    if received < settings.hold_rows or bad <= settings.hold_share * received:
        return
    codes: Counter[str] = Counter()
    for mask, count in cursor.execute(sql.query("held", "codes"), (submission_id, number)).fetchall():
        codes.update(dict.fromkeys(codebook.names(mask), count))
    share = max(Decimal(bad) / received, Decimal("0.0001"))
    raise Held(share.quantize(Decimal("0.0001")), rows, dict(sorted(codes.items())))


def _matched(
    chunks: Iterator[Checked], opened: Opened, known: references.References | None, sender: Sender
) -> Iterator[tuple[Checked, Known | None]]:
    """Chunks with their match, where the registry's knowledge of the whole file is at hand (measures)."""
    layout = opened.layout.format
    for checked in chunks:
        cut = np.ones(len(checked), bool) if opened.layout.record is not None else None
        if known is not None:
            sender.rules.apply(layout, checked)
        yield checked, Known(match(layout, checked, known, sender, cut), known) if known is not None else None


def corridor(
    cursor: Cursor,
    number: int,
    opened: Opened,
    checked: Checked,
    known: Known | None,
    source: Source,
    sender: Sender,
    key: RegistryKey,
    today: date,
    books: Books,
    trial: bool = False,
) -> list[Change]:
    """One chunk of a file, from matching to the warehouse's tables.

    Args:
        known: the chunk's match (measures); for references it is made here, since earlier rows change
            what the registry knows.
        trial: codes may come from the triggers of the test channel.

    Returns:
        Waiting rows of other files (or of earlier chunks) that this chunk sent out of the queue.
    """
    layout = opened.layout.format
    matched, settled = judge(cursor, number, layout, checked, known, source, sender, key, today)
    if trial:
        triggers.settle(layout, checked, settled)
    letters = outcomes(checked)
    store = STORES.get(layout.name)
    if store is not None and matched is not None:
        write_measures(cursor, number, store, checked, matched.matched, source, settled, sender)
    write_row_entries(cursor, number, checked, source, letters, settled.first, settled.annulments)
    if matched is not None:
        write_queue(
            cursor,
            number,
            layout,
            checked,
            matched.matched,
            source,
            letters,
            sender,
            matched.references,
            key,
            today,
            settled.as_new,
        )
        write_disputes(cursor, number, layout, checked, matched, source, settled, sender, key, today)
    books.enter(layout, checked, letters)
    changes = evicted(settled)
    if changes:
        leave_queue(cursor, number, changes)
    return changes


def write_disputes(
    cursor: Cursor,
    number: int,
    layout: Format,
    checked: Checked,
    known: Known,
    source: Source,
    settled: Settled,
    sender: Sender,
    key: RegistryKey,
    today: date,
) -> None:
    """Lay before an analyst what a body corrected after a physician had."""
    queue_rows(
        *(cursor, number, layout, checked, known.matched, source, np.array(settled.disputed, np.int64), sender),
        *(known.references, key, today, set()),
        "CORRECTION_DU_MEDECIN",
    )


def judge(
    cursor: Cursor,
    number: int,
    layout: Format,
    checked: Checked,
    known: Known | None,
    source: Source,
    sender: Sender,
    key: RegistryKey,
    today: date,
    own_entries: tuple[int, ...] = (),
    cut: NDArray[np.bool_] | None = None,
) -> tuple[Known | None, Settled]:
    """Match (where that is not done yet) and settle a chunk of measures, or apply one of references."""
    if known is None and (layout.has("SIRET") or layout.has("NIR")):
        sender.rules.apply(layout, checked)
        nirs, sirets = Asked().add(checked).identifiers()
        found = references.fetch(cursor, key, nirs, sirets, sender=sender)
        known = Known(match(layout, checked, found, sender, cut), found)
    store = STORES.get(layout.name)
    if store is not None and known is not None:
        second_look.against_operational(cursor, layout, checked, known.matched)
        return known, settle(cursor, store, layout, checked, known.matched, source, sender, key, own_entries)
    matched, found_ = (known.matched, known.references) if known is not None else (None, None)
    APPLIERS[layout.name](cursor, number, checked, matched, found_, source, key, today)
    return known, Settled(insert=np.zeros(len(checked), bool))
