"""Trial: files of ``depot/essai/`` go the whole way of a real one and leave nothing in the registry.

The same corridor runs inside one transaction that is always rolled back; the answers are made before that
and delivered to ``retour/essai/``. A trial stands in no ledger: until its answers are out the file lies in
``depot/essai/``, so a pass that is killed on it, or fails, is simply made again.
"""

from __future__ import annotations

import logging
import time
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any

import sql
from loaders import crash
from loaders.secrets import RegistryKey
from loaders.settings import PARIS, Settings
from loaders.sftp import Fetched, SftpClient
from loaders.warehouse import SUBMISSION, Connection, alone
from pipelines import envelope
from pipelines.answer import as_document, report_facts, write_trial_csv
from pipelines.collect import Drop, answer_stem, fetch, incoming, leave, ledger_name, ready
from pipelines.integrate import integrate
from pipelines.isolate import Troubles
from reports.execution import VERSION
from reports.page import report_page
from schemas.envelope import SUFFIX

log = logging.getLogger("siseri.trial")

DEPOT, ANSWERS, KEPT = "depot/essai", "retour/essai", "archive/essai"
#: Space of the session locks on a sender's trials, beside those of the warehouse.
SENDER = 5354
#: Endings of a trial's answers; where one of them is there, the name was used.
ENDINGS = (".ar.json", ".rapport.json", ".rapport.html", ".rapport.csv", ".incident.json")


def trials(
    client: SftpClient,
    connection: Connection,
    settings: Settings,
    key: RegistryKey,
    troubles: Troubles,
    *,
    put_off: set[tuple[str, str]] | None = None,
    most: int | None = None,
    patience_s: float = 5.0,
) -> int:
    """Answer the files of the senders' ``depot/essai/`` that are ready.

    Args:
        troubles: gathers the partners whose trial failed on this side; it is made again at the next pass.
        put_off: sender and name of files that are not to be tried again now; those not answered join them.
        most: how many files are tried, all where it is not given.
        patience_s: how long to wait for a load that is under way; the real channel goes before, so the
            files are left for another pass then.

    Returns:
        How many files were answered.
    """
    put_off = set() if put_off is None else put_off
    answered = tried = 0
    for drop in ready(client, connection, settings, troubles, DEPOT):
        one = drop.code, drop.entry.name
        if one in put_off:
            continue
        if tried == most or not _idle(connection, patience_s):
            break
        tried += 1
        own = Troubles()
        with own.keep("trial of partner", drop.partner_id), alone(connection, SENDER, drop.partner_id, 0) as held:
            if held and _try(client, connection, settings, key, drop):
                answered += 1
                continue
        put_off.add(one)
        if own:
            troubles += own
            with troubles.keep("trial of partner", drop.partner_id):
                _incident(client, drop)
    return answered


def _idle(connection: Connection, patience_s: float) -> bool:
    """Whether no load is under way, now or after a moment."""
    limit = time.monotonic() + patience_s
    while True:
        row = connection.execute(sql.query("trial", "idle")).fetchone()
        if row and row[0]:
            return True
        if time.monotonic() > limit:
            return False
        time.sleep(0.2)


def _try(client: SftpClient, connection: Connection, settings: Settings, key: RegistryKey, drop: Drop) -> bool:
    """Answer one trial file and take it out of its depot; whether it could be taken."""
    local = incoming(settings, drop)
    table = local.with_name(f"{local.name}.rapport.csv")
    try:
        fetched = fetch(client, drop, local, DEPOT)
        if fetched is None:
            return False
        client.make_home(drop.code)  # homes made before trials were answered lack a folder
        stem = _stem(client, drop)
        receipt = {
            "version": VERSION,
            "essai": True,
            "id": None,
            "emetteur": drop.code,
            "fichier": ledger_name(drop.entry.name),
            "sha256": fetched.sha256,
            "octets": fetched.size,
            "recu_le": datetime.now(PARIS).isoformat(timespec="seconds"),
        }
        client.put(drop.code, ANSWERS, f"{stem}.ar.json", as_document(receipt))
        crash.reach("trial.receipted")
        facts = _judge(connection, settings, key, drop, fetched, local, table)
        crash.reach("trial.judged")
        told = {name: receipt[name] for name in receipt if name not in ("version", "essai")}
        facts = {"version": VERSION, "essai": True} | facts | {"depot": told | {"format": facts["depot"]["format"]}}
        if table.exists():
            client.put(drop.code, ANSWERS, f"{stem}.rapport.csv", table)
        else:  # an earlier attempt may have left one, of other bytes under this name
            client.take_back(drop.code, ANSWERS, f"{stem}.rapport.csv")
        client.put(drop.code, ANSWERS, f"{stem}.rapport.html", report_page(facts))
        client.put(drop.code, ANSWERS, f"{stem}.rapport.json", as_document(facts))
        client.remove(drop.code, ANSWERS, f"{stem}.incident.json")
        crash.reach("trial.answered")
        leave(client, drop, stem, nullcontext(local), DEPOT, KEPT)
    finally:
        local.unlink(missing_ok=True)
        table.unlink(missing_ok=True)
    log.info("trial of partner %s answered: %s", drop.partner_id, facts["statut"])
    return True


def _judge(
    connection: Connection,
    settings: Settings,
    key: RegistryKey,
    drop: Drop,
    fetched: Fetched,
    local: Path,
    table: Path,
) -> dict[str, Any]:
    """What would become of the file; nothing of it stays.

    Args:
        local: where its bytes lie.
        table: where the CSV report is written, if the file is not refused.

    Returns:
        The facts of the report.
    """
    with connection.transaction(force_rollback=True):
        found = connection.execute(
            sql.query("trial", "enter"),
            {
                "partner": drop.partner_id,
                "name": ledger_name(drop.entry.name),
                "sha256": fetched.sha256,
                "size": fetched.size,
                "mtime": int(drop.entry.mtime),
                "marker": drop.marker,
                "today": settings.registry_date(),
            },
        ).fetchone()
        assert found is not None
        submission = int(found[0])
        connection.execute(sql.query("trial", "in_hand"), (SUBMISSION, submission))
        integrated = integrate(connection, settings, key, submission, local)
        facts = report_facts(connection, submission)
        if integrated.file_code is None:
            with envelope.in_clear(connection, settings, submission, local) as clear:
                write_trial_csv(connection, submission, clear, facts["lignes"]["recues"], table)
    return facts


def _stem(client: SftpClient, drop: Drop) -> str:
    """What the answers are named after. An attempt that did not come to its end is taken up under its name."""
    name = ledger_name(drop.entry.name)
    there = {entry.name.removesuffix(SUFFIX) for entry in client.listdir(drop.code, ANSWERS)}
    number = 1
    while any(answer_stem(name, number) + ending in there for ending in ENDINGS):
        number += 1
    last = answer_stem(name, number - 1)
    # The file leaves its depot last: where the archive lacks it, its answers are not all out.
    return last if number > 1 and not client.exists(drop.code, KEPT, last) else answer_stem(name, number)


def _incident(client: SftpClient, drop: Drop) -> None:
    body = {
        "essai": True,
        "id": None,
        "fichier": ledger_name(drop.entry.name),
        "message": "ESSAI : un incident de notre côté retarde la réponse à ce fichier d'essai. Il sera repris ;"
        " il n'y a rien à renvoyer.",
    }
    client.put(drop.code, ANSWERS, f"{_stem(client, drop)}.incident.json", as_document(body))
