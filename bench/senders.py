"""Many small senders: ``python -m bench.senders [--homes 20000] [--files 20000] [--rows 20]``.

Two questions. How long is a sweep over homes that hold nothing? And how long until as many small files are all
answered: half of them lists of workers, half the same employers' operational doses, one in fifty of no known format,
one in ten with a row at fault; under the real scheduler or, with ``--steps``, the DAGs' steps alone.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import Any

from bench import cost, data
from bench.conditions import conditions
from bench.integrate import RESULTS
from loaders import supervisor
from loaders.registry import Registry, depots, opened
from loaders.services import running
from loaders.settings import Settings
from loaders.sftp import SftpClient
from loaders.warehouse import Warehouse
from pipelines import batches, partners
from pipelines.collect import ready
from pipelines.isolate import Troubles
from pipelines.sweep import sweep
from pipelines.trial import DEPOT
from schemas.formats import formats
from schemas.identifiers import key_of

TODAY = date(2026, 4, 10)
#: The targets of this bench (issue 8), in seconds, at 20 000 homes and 20 000 files.
SWEEP_S, ANSWERED_S = 15, 1_800


def code_of(sender: int) -> str:
    """The partner code of an employer."""
    return f"E{sender:06d}"


def open_accounts(registry: Registry, client: SftpClient, homes: int) -> None:
    """Employers with one establishment each, their homes made on the disk; they and ``ASNR`` could log in."""
    with registry.warehouse.admin() as admin:
        partners.add(admin, client, registry.settings, "ASNR", "GESTIONNAIRE", [], None, None)
        sirens = [siret[:9] for siret in data.sirets(homes)]
        with admin.transaction(), admin.cursor() as cursor:
            cursor.executemany(
                "with p as (insert into ledger.partner (code, role) values (%s, 'EMPLOYEUR') returning partner_id)"
                " insert into ledger.partner_siren (partner_id, siren) select partner_id, %s from p",
                [(code_of(sender), sirens[sender]) for sender in range(homes)],
            )
    for sender in range(homes):
        home = registry.settings.home / "sftp" / code_of(sender)
        for folder in ("depot/essai", "retour/essai", "archive/essai"):
            (home / folder).mkdir(parents=True, mode=0o700)


def register(homes: int) -> bytes:
    """ETABLISSEMENTS: the one establishment of every employer."""
    header = ",".join(formats()["ETABLISSEMENTS"].names)
    rows = (f"{one[:9]},{one},A,2001-01-01,SOCIETE {one[:9]},,86.10Z,69123,true" for one in data.sirets(homes))
    return "\n".join([header, *rows, ""]).encode()


def worker_rows(sender: int, siret: str, rows: int) -> Iterator[str]:
    """TRAVAILLEURS rows of an employer's own workers."""
    for number in range(sender * rows, (sender + 1) * rows):
        nir = data.nir(number)
        last, first = data.names(number)
        sex = "M" if nir[0] == "1" else "F"
        yield (
            f"{nir};{key_of(nir)};{last};{first};15/{nir[3:5]}/19{nir[1:3]};{sex};{siret};;B;;Civil;100000;101010;EXT;"
            "CDI;MANIP;1;01/01/2015"
        )


def dose_rows(sender: int, siret: str, rows: int) -> Iterator[str]:
    """OPERATIONNELLE rows of the same workers; in every fifth file the last value cannot be read."""
    for at, number in enumerate(range(sender * rows, (sender + 1) * rows)):
        wrong = sender % 5 == 0 and at == rows - 1
        yield (
            f"{data.nir(number)};{siret};CNPE BUGEY;BR{at % 9};OPE-HP10-PHO;DMC 3000;08/04/2026 08:{at % 60:02d};"
            f"08/04/2026 11:40;{'x' if wrong else f'0.{at:03d}'};ROBINETTERIE;"
        )


def drops(homes: int, files: int, rows: int) -> Iterator[tuple[str, str, bytes]]:
    """Sender, name and content of each file: the lists first, then the doses."""
    senders = -(-files // 2)
    sirets = data.sirets(homes)
    for name, layout, made in (("liste.csv", "TRAVAILLEURS", worker_rows), ("doses.csv", "OPERATIONNELLE", dose_rows)):
        for sender in range(senders if layout == "TRAVAILLEURS" else files - senders):
            header = ";".join(formats()[layout].names)
            if layout == "OPERATIONNELLE" and sender % 25 == 24:
                header = "CE;FICHIER;N;EST;PAS;CONNU"
            text = "\n".join([header, *made(sender, sirets[sender], rows), ""])
            yield code_of(sender), name, text.encode()


def lay(settings: Settings, homes: int, files: int, rows: int) -> Counter[str]:
    """Put the files into the depots as uploads of a while ago. Gives how many lie there by name."""
    laid: Counter[str] = Counter()
    moment = int(time.time()) - 2 * settings.quiet_period_s - files
    for at, (code, name, body) in enumerate(drops(homes, files, rows)):
        path = settings.home / "sftp" / code / "depot" / name
        path.write_bytes(body)
        os.utime(path, (moment + at, moment + at))
        laid[name] += 1
    return laid


def answers(settings: Settings, homes: int) -> Counter[str]:
    """The words of the reports in every ``retour/``: ``statut`` and how many."""
    found: Counter[str] = Counter()
    for sender in range(homes):
        for report in (settings.home / "sftp" / code_of(sender) / "retour").glob("*.rapport.json"):
            found[json.loads(report.read_text())["statut"]] += 1
    return found


def look(settings: Settings) -> dict[str, Any]:
    """Seconds of a look at every depot and trial depot, and of a whole pass, where nothing lies in any.

    ``depots_processor_s`` is what the look cost each service and this process.
    """
    took: dict[str, Any] = {}
    with opened(settings) as registry, depots(registry) as client:
        before, began = cost.processor_s(settings), time.perf_counter()
        found = ready(client, registry.connection, settings, Troubles())
        found += ready(client, registry.connection, settings, Troubles(), DEPOT)
        took["depots_s"] = time.perf_counter() - began
        took["depots_processor_s"] = cost.spent(before, cost.processor_s(settings))
        assert not found
    with opened(settings) as registry, depots(registry) as client:
        sweep(client, registry, settings)  # the first of a day and of a month has more to do
    began = time.perf_counter()
    with opened(settings) as registry, depots(registry) as client:
        sweep(client, registry, settings)
    took["pass_s"] = time.perf_counter() - began
    return took


def by_steps(settings: Settings) -> dict[str, Any]:
    """Seconds of the DAGs' steps, run one after the other until nothing is owed."""
    took = {"collect_s": 0.0, "integrate_and_answer_s": 0.0}
    before = cost.processor_s(settings)
    while True:
        began = time.perf_counter()
        taken = batches.take(0)
        took["collect_s"] += time.perf_counter() - began
        if not taken:
            break
        began = time.perf_counter()
        for group in batches.plan().values():
            for batch in group:
                batches.integrate_batch(batch)
        batches.answer_owed()
        took["integrate_and_answer_s"] += time.perf_counter() - began
    spent = cost.spent(before, cost.processor_s(settings))
    return took | {"total_s": sum(took.values()), "processor_s": spent}


def by_scheduler(settings: Settings, files: int) -> dict[str, Any]:
    """Seconds from the start of the standing service, files lying there already, until every one is answered."""
    began = time.perf_counter()
    supervisor.up(settings)
    up, before = time.perf_counter(), cost.processor_s(settings)
    try:
        with opened(settings, sftp=False) as registry:
            while True:
                row = registry.connection.execute(
                    "select count(*), count(answered_at) from ledger.submission"
                ).fetchone()
                assert row is not None
                if row[1] > files:  # and the register
                    break
                print(f"{time.perf_counter() - up:.0f} s: taken {row[0] - 1}, answered {row[1] - 1}", flush=True)
                time.sleep(10)
        took = {"start_s": up - began, "total_s": time.perf_counter() - up}
        return took | {"processor_s": cost.spent(before, cost.processor_s(settings))}
    finally:
        supervisor.down(settings)


def measure(homes: int, files: int, rows: int, *, scheduler: bool) -> dict[str, Any]:
    """All figures of one run in a home of its own.

    Args:
        scheduler: under Airflow's scheduler, else the same steps in this process.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        environment = {"SISERI_HOME": f"{folder}/home", "SISERI_TODAY": TODAY.isoformat()}
        settings = Settings.load(environment)
        with running(settings) as services:
            Warehouse(settings, services.database_url).initialise()
            with opened(settings) as registry, depots(registry) as client:
                open_accounts(registry, client, homes)
                client.put("ASNR", "depot", "a.csv", register(homes))
                client.put("ASNR", "depot", "a.csv.ok", b"")
                sweep(client, registry, settings)
            figures: dict[str, Any] = {"empty": look(settings)}
            laid = lay(settings, homes, files, rows)
            before = dict(os.environ)
            os.environ.update(environment)
            try:
                figures["files"] = by_scheduler(settings, files) if scheduler else by_steps(settings)
            finally:
                os.environ.clear()
                os.environ.update(before)
            figures["laid"], figures["answers"] = dict(laid), dict(sorted(answers(settings, homes).items()))
    return figures


def main() -> None:
    """Measure, print, write the JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--homes", type=int, default=20_000)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--rows", type=int, default=20)
    parser.add_argument("--steps", action="store_true", help="the steps alone, without Airflow")
    told = parser.parse_args()
    figures = measure(told.homes, told.files, told.rows, scheduler=not told.steps)
    took = figures["files"]
    took["each_ms"] = took["total_s"] / told.files * 1e3
    took["processor_each_ms"] = sum(took["processor_s"].values()) / told.files * 1e3
    figures["targets"] = {"empty_s": SWEEP_S, "files_s": ANSWERED_S, "of": {"homes": 20_000, "files": 20_000}}
    asked = {"homes": told.homes, "files": told.files, "rows": told.rows, "scheduler": not told.steps}
    figures["conditions"] = conditions(*cost.PACKAGES, **asked)
    print(json.dumps(figures, indent=1))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"senders-{told.files}.json").write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
