"""What the access views cost: a career read by the analyst from the tables, and by each profile through the views.

Run ``python -m bench.access [--doses 2000000]``. The same rows by two queries whose reader may see everything (the
view's own with the worker's number written in; from the NIR by the software's views), then through a ticket. Making a
ticket and writing the audit is timed apart.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import data
from bench.conditions import conditions
from bench.exceedances import fill
from bench.integrate import TODAY, prepare
from loaders.registry import Registry, opened
from loaders.services import running
from loaders.settings import Settings
from pipelines import audit
from pipelines.principals import Principal, admitted
from pipelines.statement import Fetched

RESULTS = Path(__file__).parent / "results"
WORKERS, REPEATS = 40_000, 200
#: The access view's own query with the worker's number written in: no right to look up.
BARE = """
select d.worker_id, d.establishment_id, e.siret, d.quantity, d.location, d.dosimeter, d.start_day, d.end_day, d.state,
    d.value_usv, d.threshold_usv, p.code, p.role, g.recorded_at
from dose.passive as d
inner join reference.establishment as e on d.establishment_id = e.establishment_id
inner join ledger.partner as p on d.sender_id = p.partner_id
inner join ledger.load as g on d.since_load = g.load_id
where d.worker_id = %(worker)s and d.until_load is null
    and not exists (
        select 1
        from dose.passive as m
        inner join ledger.partner as q on m.sender_id = q.partner_id and q.role = 'MDT'
        inner join ledger.partner as o on split_part(m.measure_id, '/', 1) = o.code and o.role = 'OA'
        where
            m.worker_id = %(worker)s and m.until_load is null and strpos(m.measure_id, '/') > 0
            and o.partner_id = d.sender_id and substr(m.measure_id, strpos(m.measure_id, '/') + 1) = d.measure_id
            and d.year between m.year - 1 and m.year + 1
    )
order by d.end_day
"""
#: The same from a NIR, by the views that the rest of the software reads.
PLAIN = """
select w.person_id, d.establishment_id, e.siret, d.quantity, d.location, d.dosimeter, d.start_day, d.end_day, d.state,
    d.value_usv, d.threshold_usv, p.code, p.role, g.recorded_at
from identity.identifier as i
inner join identity.person as w on i.worker_id = w.worker_id
inner join dose.passive as d on w.worker_id = d.worker_id
inner join reference.establishment as e on d.establishment_id = e.establishment_id
inner join ledger.partner as p on d.sender_id = p.partner_id
inner join ledger.load as g on d.since_load = g.load_id
where i.fingerprint = %s and i.until_load is null and d.until_load is null
    and not exists (
        select 1 from dose.passive_set_aside as k
        where k.sender_id = d.sender_id and k.measure_id = d.measure_id and k.year = d.year
    )
order by d.end_day
"""
VIEW = """
select person_id, establishment_id, siret, quantity, location, dosimeter, start_day, end_day, state, value_usv,
    threshold_usv, sender, sender_role, recorded_at
from access.passive order by end_day
"""


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Milliseconds of one call, and what it gave."""
    began = time.perf_counter()
    found = work()
    return (time.perf_counter() - began) * 1000, found


def designate(registry: Registry, settings: Settings) -> tuple[str, str]:
    """A physician and an adviser at every establishment, as the corridor would bring them."""
    rpps = "10003456786"
    with registry.warehouse.admin() as admin:
        admin.execute("select ledger.open_load('bench', null)")
        load = admin.execute("select currval('ledger.load_number')").fetchone()
        assert load is not None
        submission = admin.execute("select max(submission_id) from ledger.submission").fetchone()
        assert submission is not None
        for role, who in (("MDT", rpps), ("CRP", "P1")):
            admin.execute(
                "insert into reference.designation select establishment_id, %s, %s, date '2000-01-01', null, '', '',"
                " '', %s, null, %s, establishment_id from reference.establishment",
                (role, who, load[0], submission[0]),
            )
        admin.execute("select ledger.seal_load(%s)", load)
    return rpps, "P1"


def measure(doses: int) -> dict[str, Any]:
    """Fill a warehouse and read careers in turn, a person each time."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.load({"SISERI_HOME": folder, "SISERI_TODAY": TODAY.isoformat()})
        with running(settings) as services:
            settings = prepare(settings, services.database_url, WORKERS)
            with opened(settings) as registry:
                fill(registry, doses)
                rpps, adviser = designate(registry, settings)
                with registry.warehouse.admin() as admin:
                    admin.autocommit = True
                    admin.execute("analyze")
                return careers(registry, rpps, adviser)


def careers(registry: Registry, rpps: str, adviser: str) -> dict[str, Any]:
    """Milliseconds of each way, by turns on the same persons."""
    askers = {"MDT": Principal("MDT", rpps), "AGENT": Principal("AGENT", "I1"), "CRP": Principal("CRP", adviser)}
    plain: list[float] = []
    bare: list[float] = []
    through: dict[str, list[float]] = {name: [] for name in askers}
    whole: dict[str, list[float]] = {name: [] for name in askers}
    tickets: list[float] = []
    rows = 0
    with registry.warehouse.analyst() as analyst:
        for at in range(REPEATS):
            number = data.nir(at * 7)
            print_ = registry.key.fingerprint(number)
            took, found = timed(lambda one=print_: analyst.execute(PLAIN, (one,), prepare=False).fetchall())
            plain.append(took)
            worker = found[0][0]
            took, same = timed(lambda one=worker: analyst.execute(BARE, {"worker": one}, prepare=False).fetchall())
            bare.append(took)
            assert len(same) == len(found)
            rows = max(rows, len(found))
            for name, asking in askers.items():
                more = {"day": TODAY, "who": "bench", "door": audit.COMMAND, "what": "bench"}
                began = time.perf_counter()
                with admitted(registry.warehouse, registry.key, asking, subject=number, **more) as reader:
                    tickets.append((time.perf_counter() - began) * 1000)
                    assert reader is not None
                    reader.execute(VIEW, prepare=False).fetchall()  # catalogue caches as warm as the analyst's
                    took, seen = timed(lambda one=reader: one.execute(VIEW, prepare=False).fetchall())
                    through[name].append(took)
                    assert name == "CRP" or len(seen) == len(found)
                    whole[name].append(timed(lambda one=reader, who=asking: Fetched.of(one, who.profile))[0])
    middle = statistics.median(bare)
    return {
        "careers": REPEATS,
        "results_a_career": rows,
        "bare_ms": round(middle, 2),
        "by_the_software's_views_ms": round(statistics.median(plain), 2),
        "through_ticket_ms": {name: round(statistics.median(ones), 2) for name, ones in through.items()},
        "through / bare": {name: round(statistics.median(ones) / middle, 2) for name, ones in through.items()},
        "all_results_ms": {name: round(statistics.median(ones), 2) for name, ones in whole.items()},
        "ticket_and_two_logins_ms": round(statistics.median(tickets), 2),
        "conditions": conditions(),
    }


def main() -> None:
    """Measure, print, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--doses", type=int, default=2_000_000)
    asked = parser.parse_args()
    figures = {"doses": asked.doses, "workers": WORKERS} | measure(asked.doses)
    print(json.dumps(figures, indent=1))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"access-{asked.doses}.json").write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
