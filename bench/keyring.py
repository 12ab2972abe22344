"""What an exchange of the registry's key costs, and what sealing names as well would: ``python -m bench.keyring``.

Identifiers, one person each, and waiting rows of strangers. Timed apart: what the registry works through (fingerprints
before, seals after), and the exchange itself, while which readers wait. Then what it would cost to open names and birth
data for every read, had they been sealed like the numbers.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from bench import data
from bench.conditions import conditions
from loaders.registry import opened
from loaders.secrets import RegistryKey
from loaders.services import running
from loaders.settings import Settings
from loaders.warehouse import Connection, Warehouse, load
from pipelines.keyring.rotate import rotate
from schemas.formats import formats

RESULTS = Path(__file__).parent / "results"


def _timed(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _copy(connection: Connection, into: str, rows: Iterable[tuple[Any, ...]]) -> None:
    with connection.cursor().copy(f"copy {into} from stdin") as copy:
        for row in rows:
            copy.write_row(row)


def fill(connection: Connection, key: RegistryKey, people: int, waiting: int) -> None:
    """Persons known by a number each, and rows of as many strangers that wait for a declaration."""
    with load(connection, "bench") as number:
        _copy(connection, "identity.worker (worker_id, since_load)", ((at, number) for at in range(1, people + 1)))
        rows = (
            (key.fingerprint(data.nir(at)), at, "NIR", key.seal(data.nir(at).encode()), number)
            for at in range(1, people + 1)
        )
        _copy(connection, "identity.identifier (fingerprint, worker_id, kind, sealed, since_load)", rows)
        connection.execute("insert into ledger.partner (code, role) values ('LABO', 'OA')")
        connection.execute(
            "insert into ledger.submission (partner_id, file_name, drop_number, sha256, size_bytes, depot_mtime,"
            " registry_date) select partner_id, 'x.csv', 1, sha256(''), 1, 1, '2026-04-10' from ledger.partner"
        )
        names = formats()["PASSIVE"].names
        entries = (
            (
                *(1, at, 1, "PASSIVE", 4096, key.fingerprint(data.nir(people + at)), "PAS-HP10-PHO", 0),
                key.seal_row(dict.fromkeys(names, "MARTIN") | {"NIR": data.nir(people + at)}),
                *("2026-04-10", number),
            )
            for at in range(1, waiting + 1)
        )
        columns = "submission_id, line, partner_id, format, codes, person, quantity, book_usv, sealed, received_on"
        _copy(connection, f"queue.entry ({columns}, since_load)", entries)


def names_sealed(key: RegistryKey, people: int) -> dict[str, float]:
    """Seconds to open what a person's names and birth data would be, one seal a person; and what it weighs."""
    clear = json.dumps(["DUPOND-MARTIN", "JEAN-PIERRE", "1985-06-12", "M"]).encode()
    seals = [key.seal(clear) for _ in range(people)]
    return {
        "open_s": round(_timed(lambda: [json.loads(key.open(one)) for one in seals]), 2),
        "bytes_a_person": len(seals[0]),
        "bytes_a_person_clear": len("DUPOND-MARTINJEAN-PIERRE") * 2 + 4 + 2,
    }


def measure(people: int, waiting: int) -> dict[str, Any]:
    """Fill a registry of its own and exchange its key."""
    with tempfile.TemporaryDirectory(prefix="siseri-bench-") as folder:
        settings = Settings.load({"SISERI_HOME": folder})
        with running(settings, sftp=False) as services:
            warehouse = Warehouse(settings, services.database_url)
            warehouse.initialise()
            with opened(settings, sftp=False) as registry:
                key = registry.key
            with warehouse.admin() as admin:
                admin.autocommit = True
                filled = _timed(lambda: fill(admin, key, people, waiting))
                admin.execute("analyze")
                told: dict[str, float] = {}
                last = time.perf_counter()

                def say(line: str) -> None:
                    nonlocal last
                    now = time.perf_counter()
                    stage = line.partition(" : ")[0]
                    told[stage] = told.get(stage, 0.0) + now - last
                    last = now

                whole = _timed(lambda: rotate(admin, settings, "bench", say))
            return {
                "filled_s": round(filled, 2),
                "fingerprints_before_s": round(told["empreintes calculées"], 2),
                "readers_wait_s": round(told["clé échangée"], 2),
                "sealed_anew_s": round(told["valeurs rescellées"], 2),
                "all_opened_once_more_s": round(told["ancienne clé retirée"], 2),
                "whole_s": round(whole, 2),
                "names_sealed_would_cost": names_sealed(key, min(people, 100_000)),
                "conditions": conditions(),
            }


def main() -> None:
    """Measure, print, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=400_000)
    parser.add_argument("--waiting", type=int, default=20_000)
    asked = parser.parse_args()
    figures = {"people": asked.people, "waiting": asked.waiting} | measure(asked.people, asked.waiting)
    print(json.dumps(figures, indent=1))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"keyring-{asked.people}.json").write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
