"""Answer: what a sender gets back, made again at any time from the ledger and the archived bytes.

A report shows its file as the load that integrated it left it, whatever came later; what came later
stands in the follow-ups.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sql
from loaders import archive, crash, metrics
from loaders.settings import Settings
from loaders.sftp import SftpClient
from loaders.warehouse import SUBMISSION, Connection, alone
from pipelines import echo, envelope, read
from pipelines.books import Book, as_json, statut
from pipelines.collect import answer_stem, receipt
from pipelines.decide import CAUSES
from pipelines.isolate import Troubles
from pipelines.read import Dialect, Layout
from reports import execution
from reports.page import report_page
from schemas import codebook
from schemas.envelope import FAULTS
from schemas.formats import REPORT_COLUMNS, formats

log = logging.getLogger("siseri.answer")

#: What marks every answer of the test channel.
TRIAL = "ESSAI"
#: Key of a report made again after the file's bytes had their time: when they went, under which rule.
REMOVED = "fichier_supprime"
#: What a follow-up tells of an analyst's decision.
_DECISION = ("action", "cause", "motif", "champs")
NO_ROWS = {"recues": 0, "integrees": 0, "en_attente": 0, "rejetees": 0, "doublons": 0}


def owed(connection: Connection) -> list[int]:
    """Submissions that are settled and not answered yet."""
    rows = connection.execute(sql.query("answer", "owed")).fetchall()
    return [number for (number,) in rows]


def answer(client: SftpClient, connection: Connection, settings: Settings, submission: int) -> None:
    """Deliver the three reports of a settled submission; doing it again delivers the same.

    Where the file's bytes had their time (rule FICHIERS), the two that need no row say so instead of the third.
    """
    facts = report_facts(connection, submission)
    state, code, stem, sha256, load = _place(connection, submission)
    scratch = settings.folder("staging") / f"{submission}.rapport.csv"
    try:
        files: dict[str, bytes | Path] = {}
        if state == "TRAITE" and REMOVED not in facts:
            with (
                archive.at_hand(settings, sha256) as received,
                envelope.in_clear(connection, settings, submission, received) as path,
            ):
                _write_csv(connection, submission, load, path, scratch, _entries(connection, submission, load))
            files[f"{stem}.rapport.csv"] = scratch
        files[f"{stem}.rapport.html"] = report_page(facts)
        files[f"{stem}.rapport.json"] = as_document(facts)
        client.put_all(code, "retour", files, appeared=_first_of_three)
        client.remove(code, "retour", f"{stem}.incident.json")
        crash.reach("answer.delivered")
    finally:
        scratch.unlink(missing_ok=True)
    lag = connection.execute(sql.query("answer", "answered"), (submission,)).fetchone()
    crash.reach("answer.answered")
    if lag and lag[0] is not None:
        metrics.count("files", fate="answered")
        metrics.timing("lag.report", lag[0])
    log.info("submission %s answered: %s", submission, facts["statut"])


def _first_of_three(name: str) -> None:
    if name.endswith(".rapport.csv"):
        crash.reach("answer.csv")


def as_document(facts: dict[str, Any]) -> bytes:
    """A report's facts as a JSON file."""
    return json.dumps(facts, ensure_ascii=False, indent=1).encode()


def _place(connection: Connection, submission: int) -> tuple[str, str, str, str, int]:
    found = connection.execute(sql.query("answer", "facts"), (submission,)).fetchone()
    assert found is not None
    _, state, _, _, _, load, _, code, name, number, sha256, *_ = found
    return state, code, answer_stem(name, number), sha256, load


def report_facts(connection: Connection, submission: int, as_of_load: int | None = None) -> dict[str, Any]:
    """The content of ``.rapport.json``: the figures as of the integrating load, or of a later one."""
    found = connection.execute(sql.query("answer", "facts"), (submission,)).fetchone()
    assert found is not None
    _, state, layout, file_code, first, load, *_, declined_by, motive, removed_on, age_fault = found
    depot = receipt(connection, submission) | {"format": layout}
    version = depot.pop("version")
    decided: dict[str, Any] = {}
    if state == "REFUSE":
        rows, doses = dict(NO_ROWS), {}
        if first is not None:
            figures = report_facts(connection, first)
            rows, doses = figures["lignes"], figures["doses_msv"]
        state_word = "DEJA_RECU" if file_code == "FIC-06" else "REFUSE"
        codes = {file_code: 1}
        if declined_by is not None:
            decided = {"decision": {"motif": motive}}
        if age_fault is not None:
            decided |= {"chiffrement": {"motif": age_fault, "explication": FAULTS[age_fault]}}
    else:
        at = as_of_load or load
        rows, doses = as_json(_books(connection, submission, at))
        codes = _codes(connection, submission, at)
        state_word = statut(rows)
    return {
        "version": version,
        "depot": depot,
        "statut": state_word,
        "lignes": rows,
        "doses_msv": doses,
        "codes": codes,
        **decided,
        **({REMOVED: {"le": removed_on.isoformat(), "regle": "FICHIERS"}} if removed_on else {}),
    }


def _books(connection: Connection, submission: int, load: int) -> dict[str, Book]:
    rows = connection.execute(sql.query("answer", "books_at"), (submission, load, load)).fetchall()
    return {quantity: Book.of(figures) for quantity, *figures in rows}


def _codes(connection: Connection, submission: int, load: int) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for mask, rows in connection.execute(sql.query("answer", "code_counts_at"), (submission, load, load)).fetchall():
        for code in codebook.names(mask):
            counts[code] += rows
    return dict(sorted(counts.items()))


def _entries(connection: Connection, submission: int, load: int) -> Iterator[tuple[int, execution.Cells]]:
    with connection.transaction(), connection.cursor(f"entries_{submission}") as cursor:
        cursor.itersize = 50_000
        cursor.execute(sql.query("answer", "entries_at"), (submission, load, load))
        for line, outcome, codes, first in cursor:
            yield line, (codebook.error_text(codes, outcome), codebook.label_text(codes, outcome, first))


def write_trial_csv(connection: Connection, submission: int, path: Path, rows: int, target: Path) -> None:
    """Write the CSV report of a trial, from inside its transaction: every row's label begins with ``ESSAI``.

    Args:
        path: where the trial's bytes lie.
        rows: how many it has.
    """
    load = _place(connection, submission)[-1]
    entries = _every_row(connection, submission, load, rows)
    _write_csv(connection, submission, load, path, target, entries)


def _every_row(connection: Connection, submission: int, load: int, rows: int) -> Iterator[tuple[int, execution.Cells]]:
    """The two cells of every row of a trial, clean rows included."""
    line = 0
    with connection.transaction(), connection.cursor("trial_entries") as cursor:
        cursor.itersize = 50_000
        cursor.execute(sql.query("answer", "entries_at"), (submission, load, load))
        for entry, outcome, codes, first in cursor:
            yield from ((between, ("", TRIAL)) for between in range(line + 1, entry))
            # A duplicate of the trial's own rows, or by a trigger, has no first submission.
            known = first if first != submission else None
            label = codebook.label_text(codes, outcome, known).replace("Déjà reçu : None", f"Déjà reçu : {TRIAL}")
            yield entry, (codebook.error_text(codes, outcome), f"{TRIAL} | {label}" if label else TRIAL)
            line = entry
    yield from ((after, ("", TRIAL)) for after in range(line + 1, rows + 1))


def _opened(connection: Connection, submission: int, path: Path) -> tuple[Path, Dialect, Layout]:
    found = connection.execute(sql.query("answer", "facts"), (submission,)).fetchone()
    assert found is not None
    told = dict(found[6])
    delimiter, record = told.pop("delimiter"), told.pop("record", None)
    dialect = Dialect(**told)
    if record is not None:
        return path, dialect, read.layout_of_record(formats()[found[2]])
    return path, dialect, Layout(formats()[found[2]], read.header_of(path, dialect, delimiter), delimiter)


def _write_csv(
    connection: Connection,
    submission: int,
    load: int,
    path: Path,
    target: Path,
    entries: Iterator[tuple[int, execution.Cells]],
) -> None:
    path, dialect, layout = _opened(connection, submission, path)
    malformed = "FMT-01" in _codes(connection, submission, load)
    echo.write(path, dialect, layout, entries, target, malformed=malformed)


def follow_up(client: SftpClient, connection: Connection, settings: Settings, submission: int, number: int) -> None:
    """Deliver one follow-up: the rows that changed outcome, and the file's new totals."""
    span = connection.execute(sql.query("answer", "follow_up"), (submission, number)).fetchone()
    assert span is not None
    first_load, last_load = span
    asked = {"submission": submission, "first": first_load, "last": last_load}
    changes = connection.execute(sql.query("answer", "outcome_changes"), asked).fetchall()
    if not changes:  # a decision was taken back before anybody heard of it: there is nothing to tell
        _followed(connection, submission, number, last_load)
        return
    after_of = {line: after for line, _, after, *_ in changes}
    decided = {
        line: decision
        for line, waited_on, *decision in connection.execute(sql.query("decide", "told"), asked).fetchall()
        # What an analyst mended and time rejected all the same was not decided so.
        if not (waited_on and after_of.get(line) == codebook.Outcome.REJETE.value)
    }
    facts = report_facts(connection, submission, last_load)
    facts["changements"] = [
        {
            "ligne": line,
            "avant": codebook.Outcome(before).name,
            "apres": codebook.Outcome(after).name,
            "codes": list(codebook.names(codes)),
        }
        | ({"decision": dict(zip(_DECISION, decided[line], strict=True))} if line in decided else {})
        for line, before, after, codes, _ in changes
    ]
    _, code, stem, sha256, _ = _place(connection, submission)
    cells = {}
    for line, _, after, codes, first in changes:
        label = codebook.label_text(codes, after, first)
        if line in decided:
            label = " | ".join(filter(None, (label, _in_words(*decided[line]))))
        cells[line] = codebook.Outcome(after).name, (codebook.error_text(codes, after), label)
    if REMOVED not in facts:
        with (
            archive.at_hand(settings, sha256) as received,
            envelope.in_clear(connection, settings, submission, received) as copy,
        ):
            body = _changed_rows(*_opened(connection, submission, copy), cells)
        client.put(code, "retour", f"{stem}.suivi-{number}.csv", body)
    client.put(code, "retour", f"{stem}.suivi-{number}.json", as_document(facts))
    crash.reach("follow_up.delivered")
    _followed(connection, submission, number, last_load)
    log.info("submission %s follow-up %s: %s rows", submission, number, len(changes))


def _changed_rows(path: Path, dialect: Dialect, layout: Layout, cells: dict[int, tuple[str, execution.Cells]]) -> bytes:
    """The rows of a follow-up: number, outcome, the row as sent, the two cells of a report."""
    rows = []
    for line, sent in _chosen_rows(path, dialect, layout, set(cells)):
        issue, added = cells[line]
        rows.append([str(line), issue, *sent, *added])
    header = ["LIGNE", "ISSUE", *read.declared(layout), *REPORT_COLUMNS]
    codec = "cp1252" if dialect.encoding == "cp1252" else dialect.encoding
    return execution.as_text(header, rows, layout.delimiter, dialect.newline).encode(codec, "replace")


def _followed(connection: Connection, submission: int, number: int, last_load: int) -> None:
    with connection.transaction():
        connection.execute(sql.query("answer", "follow_up_answered"), (submission, number, last_load))
    crash.reach("follow_up.answered")


def _in_words(action: str, cause: str | None, motive: str, fields: str | None) -> str:
    """An analyst's decision, for the sender."""
    what = {
        "corriger": f"valeur corrigée ({fields})",
        "rattacher": "rattachée",
        "confirmer": "confirmée",
        "rejeter": f"rejetée ({CAUSES[cause]})" if cause else "rejetée",
        "rejouer": "relue",
    }[action]
    return f"Décision d'un analyste : {what} ; {motive}"


def _chosen_rows(path: Path, dialect: Dialect, layout: Layout, lines: set[int]) -> Iterator[tuple[int, list[str]]]:
    names = read.declared(layout)
    for chunk in read.chunks(path, dialect, layout, everything=True):
        wanted = [line for line in range(chunk.first_line, chunk.first_line + len(chunk)) if line in lines]
        for line in wanted:
            at = line - chunk.first_line
            yield line, [echo.unmasked(chunk.columns[name][at].as_py(), dialect) for name in names]


def answer_again(client: SftpClient, connection: Connection, settings: Settings, submission: int) -> bool:
    """Deliver a submission's reports and follow-ups again; not where it is not settled, or in another pass's hand."""
    found = connection.execute(sql.query("answer", "facts"), (submission,)).fetchone()
    with alone(connection, SUBMISSION, submission) as held:
        if found is None or found[1] == "RECU" or not held:
            return False
        answer(client, connection, settings, submission)
        for (number,) in connection.execute(
            "select number from ledger.follow_up where submission_id = %s order by number", (submission,)
        ).fetchall():
            follow_up(client, connection, settings, submission, number)
    return True


def answer_safely(
    client: SftpClient, connection: Connection, settings: Settings, submission: int, troubles: Troubles
) -> bool:
    """Answer a settled submission that no other pass has in hand; whether it was done. A failure joins ``troubles``."""
    with troubles.keep("answer", submission), alone(connection, SUBMISSION, submission) as held:
        if held:
            answer(client, connection, settings, submission)
            return True
    return False


def answer_all(
    client: SftpClient, connection: Connection, settings: Settings, troubles: Troubles
) -> tuple[list[int], int]:
    """Deliver every report and follow-up that is owed and that no other pass has in hand.

    Args:
        troubles: gathers the submissions whose answer could not be delivered now; it stays owed.

    Returns:
        The submissions answered, and how many follow-ups went out.
    """
    done = [one for one in owed(connection) if answer_safely(client, connection, settings, one, troubles)]
    followed = 0
    for submission, number, _ in connection.execute(sql.query("answer", "follow_ups_owed")).fetchall():
        with troubles.keep("answer", submission), alone(connection, SUBMISSION, submission) as held:
            if held:
                follow_up(client, connection, settings, submission, number)
                followed += 1
    return done, followed
