"""Integrate: the corridor of one file: read, check, match, settle, load.

Three steps of following chunks go on side by side: one is read and checked, one matched, one written. A file of a
chunk or two is read to its end before its transaction begins; a larger one while it is written, and a fault of the
file as a whole that shows at its end undoes everything. Whatever happens between, a rerun ends in the same state: a
submission is either untouched (``RECU``) or wholly integrated. Where too many rows of a file are at fault or wait,
that transaction is undone and the file held until a person says yes (``pipelines/held.py``).
"""

from __future__ import annotations

import json
import logging
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from contextlib import closing, nullcontext
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import sql
from loaders import archive, crash
from loaders.bulk import Cursor
from loaders.secrets import RegistryKey
from loaders.settings import Settings
from loaders.warehouse import Connection, load
from pipelines import envelope, lookup, second_look, triggers
from pipelines.ahead import Behind, ahead
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
from pipelines.lookup import NOTHING, Missing
from pipelines.match import Matched, match, named
from pipelines.offline import Marker, Opened, Totals, open_file
from pipelines.read import FileFault
from pipelines.references import References, Sender
from pipelines.rules import Rules
from pipelines.settle import Settled, Source, outcomes, settle
from pipelines.stores import STORES
from schemas import codebook
from schemas.roles import MEASURE_FORMATS
from schemas.spec import Context, Format

log = logging.getLogger("siseri.integrate")

#: Chunks that are read before a file's transaction begins.
AT_HAND = 2


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
    references: References


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
    try:
        with (
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
            told = Marker.read(marker) if marker is not None else None
            checked = triggers.chunks(opened, context) if trial else opened.chunks(context)
            asking = settings if trial is None and not accepted else None
            with closing(ahead(_counted(checked, told))) as chunks:
                begun = deque(islice(chunks, AT_HAND))
                books = _load(
                    connection,
                    key,
                    submission_id,
                    account,
                    opened,
                    _in_turn(begun, chunks),
                    today,
                    trial is not None,
                    asking,
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


def _counted(chunks: Iterable[Checked], told: Marker | None) -> Iterator[Checked]:
    """The chunks of a file. Raises FileFault after the last one: no row, or totals that disagree with the marker."""
    totals = Totals()
    for checked in chunks:
        totals.add(checked)
        if told is not None and told.total is not None:
            totals.add_values(checked)
        checked.forget_inputs()
        yield checked
    totals.settle(told)
    crash.reach("integrate.staged")


def _in_turn(begun: deque[Checked], chunks: Iterator[Checked]) -> Iterator[Checked]:
    """All chunks, none of which is held here once it is given."""
    while begun:
        yield begun.popleft()
    yield from chunks


def _load(
    connection: Connection,
    key: RegistryKey,
    submission_id: int,
    account: tuple[int, str, str, str | None],
    opened: Opened,
    chunks: Iterator[Checked],
    today: date,
    trial: bool,
    asking: Settings | None,
) -> Books:
    """The file's transaction. The database is asked in one thread and written in another, never by both at once."""
    layout = opened.layout.format
    books, brought = Books(), second_look.Brought()
    late: list[Change] = []
    with load(connection, "integrate", submission_id) as number, Behind() as behind:
        cursor = connection.cursor()
        sender = sender_of(cursor, key, *account)
        known = lookup.Growing(sender) if layout.measure is not None else None

        def following() -> tuple[Checked | None, Missing]:
            """The next chunk, and what the registry was not asked of it yet."""
            checked = next(chunks, None)
            if checked is None or known is None:
                return checked, NOTHING
            sender.rules.apply(layout, checked)
            return checked, known.missing(*named(checked))

        checked, missing = following()
        if known is not None:
            known.ask(cursor, key, *missing)
        while checked is not None:
            matched = _matched(opened, checked, known, sender)
            after, missing = following()
            behind.wait()
            count = len(checked)
            lines = np.arange(checked.first_line, checked.first_line + count)
            source = Source(np.full(count, submission_id), lines)
            matched, settled = judge(cursor, number, layout, checked, matched, source, sender, key, today)
            if trial:
                triggers.settle(layout, checked, settled)
            letters = outcomes(checked)
            if known is not None:
                known.ask(cursor, key, *missing)
            behind.do(
                partial(_write, cursor, number, layout, checked, matched, source, settled, letters, sender, key, today)
            )
            books.enter(layout, checked, letters)
            late += evicted(settled)
            if matched is not None:
                brought.add(layout, checked, matched.matched, settled.insert)
            checked = after
        behind.wait()
        apply_changes(cursor, number, late, submission_id, books)
        second_look.enter(cursor, number, second_look.above_class_b(cursor, number, brought))
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


def _matched(opened: Opened, checked: Checked, known: lookup.Growing | None, sender: Sender) -> Known | None:
    """A chunk's match, where the registry's knowledge of what it names is at hand (measures)."""
    if known is None:
        return None
    cut = np.ones(len(checked), bool) if opened.layout.record is not None else None
    found = known.references()
    return Known(match(opened.layout.format, checked, found, sender, cut), found)


def _write(
    cursor: Cursor,
    number: int,
    layout: Format,
    checked: Checked,
    matched: Known | None,
    source: Source,
    settled: Settled,
    letters: NDArray[np.str_],
    sender: Sender,
    key: RegistryKey,
    today: date,
) -> None:
    """Write what was decided of a chunk into the warehouse's tables.

    Waiting rows of other files (or of earlier chunks) that this chunk evicts leave the queue at once.
    """
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
    changes = evicted(settled)
    if changes:
        leave_queue(cursor, number, changes)
    crash.reach("integrate.chunk")


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
        found = lookup.fetch(cursor, key, *named(checked), sender=sender)
        known = Known(match(layout, checked, found, sender, cut), found)
    store = STORES.get(layout.name)
    if store is not None and known is not None:
        second_look.against_operational(cursor, layout, checked, known.matched)
        return known, settle(cursor, store, layout, checked, known.matched, source, sender, key, own_entries)
    matched, found_ = (known.matched, known.references) if known is not None else (None, None)
    APPLIERS[layout.name](cursor, number, checked, matched, found_, source, key, today)
    return known, Settled(insert=np.zeros(len(checked), bool))
