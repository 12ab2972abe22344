"""The desk with a million rows in the queue: pages at the server, a decision on ten thousand rows, a preview, an undo.

Run ``python -m bench.desk [--rows 1000000] [--doses 1000000]``. The queue is filled through the corridor, over a
warehouse that holds doses: unknown workers (a cause each), names that disagree (one large cause a laboratory),
results outside the attachment. Pages are asked of the desk's own application, signed in, without a browser; the
median and the slowest of several calls are shown.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from bench import data
from bench.integrate import TODAY, prepare, write_file
from loaders import archive
from loaders.registry import Registry, opened
from loaders.services import running
from loaders.settings import Settings
from schemas.formats import formats

RESULTS = Path(__file__).parent / "results"
WORKERS, GROUP, CALLS = 50_000, 10_000, 7
FILE = 250_000


def waiting_file(rows: int, first: int) -> Iterator[bytes]:
    """A PASSIVE file of which no row integrates: half disagree in name, four tenths are of nobody known, the others lie
    before the attachment."""
    yield (";".join(formats()["PASSIVE"].names) + "\n").encode()
    rng = np.random.default_rng(first)
    places = data.sirets()
    for start in range(0, rows, 50_000):
        count = min(50_000, rows - start)
        who, kind = rng.integers(0, WORKERS, count), rng.random(count)
        lines = []
        for at in range(count):
            number = int(who[at])
            last, given = data.names(number)
            person, days = data.nir(number), "01/03/2026;31/03/2026"
            if kind[at] < 0.5:
                last = "AUTREMENT"
            elif kind[at] < 0.9:
                person = data.nir(WORKERS + 1 + int(kind[at] * 1e6) % (rows // 5 + 1))
            else:
                days = "01/03/2014;31/03/2014"
            lines.append(
                f"{person};{last};{given};{places[number % data.ESTABLISHMENTS]};PAS-HP10-PHO;POITRINE;OSL;{days};MES;"
                f"0.25;0.05;Q{first + start + at:09d};\n"
            )
        yield "".join(lines).encode()


def fill(registry: Registry, settings: Settings, rows: int, group: int, doses: int, folder: Path) -> float:
    """Doses, then files of waiting rows through the corridor, the last with a group of its own size.

    Returns:
        The seconds that the waiting rows took.
    """
    from pipelines.integrate import integrate

    if doses:
        sound = data.passive(doses, WORKERS, first=10_000_000, faulty=0.0, waiting=0.0)
        _take(registry, settings, "LABO1", "doses.csv", sound, folder, integrate)
    began = time.perf_counter()
    sizes = [FILE] * (rows // FILE) + ([rows % FILE] if rows % FILE else [])
    for at, size in enumerate(sizes):
        _take(registry, settings, "LABO1", f"q{at}.csv", waiting_file(size, at * FILE), folder, integrate)
    _take(registry, settings, "LABO2", "groupe.csv", _group(group), folder, integrate)
    return time.perf_counter() - began


def _group(rows: int) -> Iterator[bytes]:
    yield (";".join(formats()["PASSIVE"].names) + "\n").encode()
    places = data.sirets()
    for number in range(rows):
        given = data.names(number)[1]
        yield (
            f"{data.nir(number)};AUTREMENT;{given};{places[number % data.ESTABLISHMENTS]};PAS-HP10-PHO;POITRINE;OSL;"
            f"01/02/2026;28/02/2026;MES;0.15;0.05;G{number:09d};\n"
        ).encode()


def _take(
    registry: Registry, settings: Settings, code: str, name: str, blocks: Iterator[bytes], folder: Path, integrate: Any
) -> None:
    path = folder / name
    sha256 = write_file(path, blocks)
    place = archive.place(settings, sha256)
    place.parent.mkdir(parents=True, exist_ok=True)
    size = path.stat().st_size
    path.replace(place)
    row = registry.connection.execute(
        "insert into ledger.submission (partner_id, file_name, drop_number, sha256, size_bytes, depot_mtime,"
        " registry_date) select partner_id, %s, 1, decode(%s, 'hex'), %s, 0, %s from ledger.partner"
        " where code = %s returning submission_id",
        (name, sha256, size, TODAY, code),
    ).fetchone()
    assert row is not None
    integrate(registry.connection, settings, registry.key, row[0])


def timed(call: Callable[[], Any]) -> dict[str, float]:
    """Milliseconds of several calls after one that warms up: median and slowest."""
    call()
    took = []
    for _ in range(CALLS):
        began = time.perf_counter()
        call()
        took.append((time.perf_counter() - began) * 1000)
    return {"median_ms": round(statistics.median(took), 1), "slowest_ms": round(max(took), 1)}


def decisions(registry: Registry, group: int) -> dict[str, float]:
    """Seconds of a preview, a decision and an undo on one group of so many rows."""
    from pipelines import causes
    from pipelines.decide import Decision, decide
    from pipelines.undo import undo

    found = causes.causes(registry.connection, TODAY, causes.Filters(emetteur="LABO2")).rows[0]
    assert found["lignes"] == group
    took = {}

    def clock(name: str, work: Callable[[], Any]) -> Any:
        began = time.perf_counter()
        done = work()
        took[name] = round(time.perf_counter() - began, 2)
        return done

    def wanted() -> dict[int, int | None]:
        return dict(causes.numbers(registry.connection, found["id"]))

    attach = Decision("rattacher", "noms d'usage", "bench")
    reject = Decision("rejeter", "hors champ", "bench", cause="HORS_CHAMP")
    clock("preview_attach_s", lambda: decide(registry.connection, registry.key, attach, wanted(), preview=True))
    one = clock("attach_s", lambda: decide(registry.connection, registry.key, attach, wanted()))
    assert one.counts() == {"INTEGRE": group}
    clock("undo_s", lambda: undo(registry.connection, one.number, "bench", "essai"))
    two = clock("reject_s", lambda: decide(registry.connection, registry.key, reject, wanted()))
    assert two.counts() == {"REJETE": group}
    return took


def pages(registry: Registry, settings: Settings) -> dict[str, dict[str, float]]:
    """Milliseconds of the desk's pages, as its application answers them to a signed-in analyst."""
    from pipelines import causes
    from tests.desk_server import signed_in

    largest = causes.causes(registry.connection, TODAY, causes.Filters()).rows[0]["id"]
    first = causes.entries(registry.connection, registry.key, largest, size=1).rows[0]["id"]
    second = causes.causes(registry.connection, TODAY, causes.Filters()).following
    asked = {
        "causes": "/",
        "causes, page 2": f"/?apres={second}",
        "causes, filtered": "/?code=IDT-06&emetteur=LABO1&ordre=anciennete",
        "rows of the largest cause": f"/causes/{largest}",
        "one row, with proposals": f"/lignes/{first}",
        "journal": "/journal",
        "standing decisions": "/permanentes",
    }
    with signed_in(settings) as client:

        def get(path: str) -> Callable[[], None]:
            def call() -> None:
                answer = client.get(path)
                assert answer.status_code == 200, (path, answer.status_code)

            return call

        return {name: timed(get(path)) for name, path in asked.items()}


def measure(rows: int, group: int, doses: int) -> dict[str, Any]:
    """Fill a queue and measure the desk on it."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.load({"SISERI_HOME": folder, "SISERI_TODAY": TODAY.isoformat()})
        with running(settings) as services:
            settings = prepare(settings, services.database_url, WORKERS)
            with opened(settings) as registry:
                with registry.warehouse.admin() as admin:
                    admin.execute("insert into ledger.partner (code, role) values ('LABO2', 'OA')")
                filled = fill(registry, settings, rows, group, doses, Path(folder))
                with registry.warehouse.admin() as admin:
                    admin.execute("analyze")
                waiting = registry.connection.execute("select sum(rows), count(*) from queue.cause").fetchone()
                assert waiting is not None
                shown = pages(registry, settings)
                took = decisions(registry, group)
    return {
        "waiting_rows": int(waiting[0]),
        "causes": int(waiting[1]),
        "doses": doses,
        "filled_s": round(filled, 1),
        "pages": shown,
        "decision_rows": group,
        "decisions": took,
        "conditions": {
            "when": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": f"{platform.machine()}, {os.cpu_count()} cores",
            "python": platform.python_version(),
        },
    }


def main() -> None:
    """Measure, print, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--group", type=int, default=GROUP)
    parser.add_argument("--doses", type=int, default=1_000_000)
    asked = parser.parse_args()
    figures = measure(asked.rows, asked.group, asked.doses)
    print(json.dumps(figures, indent=1))
    (RESULTS / f"desk-{asked.rows}.json").write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
