"""The desk with a million rows in the queue: pages at the server, a decision on ten thousand rows, a preview, an undo;
and with ten thousand exceedances, one of a worker with forty years of monthly results.

Run ``python -m bench.desk [--rows 1000000] [--doses 1000000] [--exceedances 10000]``. The queue is filled through the
corridor, over a warehouse that holds doses: unknown workers (a cause each), names that disagree (one large cause a
laboratory), results outside the attachment. Pages are asked of the desk's own application, signed in, without a
browser; the median and the slowest of several calls are shown.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from bench import data
from bench.conditions import conditions
from bench.integrate import TODAY, prepare, write_file
from loaders import archive
from loaders.registry import Registry, opened
from loaders.services import running
from loaders.settings import Settings
from loaders.warehouse import load
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


#: A monthly result for each month of a career, the last ten high.
CAREER = """
insert into dose.passive (
    value_usv, since_load, worker_id, establishment_id, sender_id, submission_id, line, start_day, end_day, year,
    quantity, location, dosimeter, state, measure_id
)
select
    case when m > %(today)s::date - 330 then 2500 else 90 end, %(load)s, w.worker_id, t.establishment_id, p.partner_id,
    s.submission_id, row_number() over (), m, (m + interval '1 month')::date - 1, extract(year from m), 0, 0, 0, 0,
    'LONG' || m::text
from (select generate_series(make_date(%(first)s, 1, 1), %(today)s::date - 31, '1 month')::date) as g (m),
    (select min(worker_id) from identity.worker) as w (worker_id),
    (select min(establishment_id) from reference.establishment) as t (establishment_id),
    (select partner_id from ledger.partner where code = 'LABO1') as p (partner_id),
    (select min(submission_id) from ledger.submission) as s (submission_id)
"""
EXCEED = """
with made as (
    insert into exposure.exceedance (worker_id, limit_code, place, since_load)
    select worker_id, 'EFF-20', -1, %(load)s from identity.worker order by worker_id limit %(count)s
    returning exceedance_id, worker_id
),
reckoned as (
    insert into exposure.reckoning (
        exceedance_id, worker_id, establishment_id, value_usv, first_day, last_day, window_start, window_end, since_load
    )
    select
        m.exceedance_id, m.worker_id, 1 + m.worker_id %% (select count(*)::integer from reference.establishment),
        20001 + m.worker_id, d.day, d.day, d.day - 364, d.day, %(load)s
    from made as m, (select %(today)s::date - 40) as d (day)
)
insert into exposure.state (exceedance_id, state, valid_from, since_load)
select
    exceedance_id, case when worker_id %% 3 = 0 then 'MAINTENU' else 'NOTIFIE' end,
    %(today)s::date - worker_id %% 200, %(load)s
from made
"""


def exceed(registry: Registry, count: int) -> int:
    """So many exceedances, written straight into the store, the first of a worker with a long career.

    Returns:
        The number of that one.
    """
    first = TODAY.year - 39
    with registry.warehouse.admin() as admin:
        for year in range(first, TODAY.year + 1):
            admin.execute("select dose.ensure_partition('passive', %s)", (year,))
        with load(admin, "exceedances") as number:
            told = {"load": number, "count": count, "first": first, "today": TODAY}
            admin.execute(CAREER, told)
            admin.execute(EXCEED, told)
        row = admin.execute("select exceedance_id from exposure.exceedance order by worker_id limit 1").fetchone()
    assert row is not None
    return int(row[0])


def pages(registry: Registry, settings: Settings, exceedance: int) -> dict[str, dict[str, float]]:
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
        "exceedances": "/depassements",
        "exceedances, filtered": "/depassements?sans_mdt=1&sous=30&ordre=valeur",
        "exceedances, page 101": "/depassements?apres=5000&ordre=echeance",
        "one exceedance": f"/depassements/{exceedance}",
        "one exceedance, whole career": f"/depassements/{exceedance}?carriere=1",
    }
    with signed_in(settings) as client:

        def get(path: str) -> Callable[[], None]:
            def call() -> None:
                answer = client.get(path)
                assert answer.status_code == 200, (path, answer.status_code)

            return call

        return {name: timed(get(path)) for name, path in asked.items()}


def measure(rows: int, group: int, doses: int, exceedances: int) -> dict[str, Any]:
    """Fill a queue and measure the desk on it."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.load({"SISERI_HOME": folder, "SISERI_TODAY": TODAY.isoformat()})
        with running(settings) as services:
            settings = prepare(settings, services.database_url, WORKERS)
            with opened(settings) as registry:
                with registry.warehouse.admin() as admin:
                    admin.execute("insert into ledger.partner (code, role) values ('LABO2', 'OA')")
                filled = fill(registry, settings, rows, group, doses, Path(folder))
                longest = exceed(registry, exceedances)
                with registry.warehouse.admin() as admin:
                    admin.execute("analyze")
                waiting = registry.connection.execute("select sum(rows), count(*) from queue.cause").fetchone()
                assert waiting is not None
                shown = pages(registry, settings, longest)
                took = decisions(registry, group)
    return {
        "waiting_rows": int(waiting[0]),
        "causes": int(waiting[1]),
        "doses": doses,
        "exceedances": exceedances,
        "filled_s": round(filled, 1),
        "pages": shown,
        "decision_rows": group,
        "decisions": took,
        "conditions": conditions(),
    }


def main() -> None:
    """Measure, print, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--group", type=int, default=GROUP)
    parser.add_argument("--doses", type=int, default=1_000_000)
    parser.add_argument("--exceedances", type=int, default=10_000)
    asked = parser.parse_args()
    figures = measure(asked.rows, asked.group, asked.doses, asked.exceedances)
    print(json.dumps(figures, indent=1))
    (RESULTS / f"desk-{asked.rows}.json").write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
