"""The yearly tables of a national year as files: from scratch, brought forward after a file, by DuckDB from Parquet.

Run ``python -m bench.statistics [--workers 370000] [--passive 2000000] [--operational 9000000] [--years 9]``. Rows are
copied straight into the partitions and written to Parquet at the same time. The mark is DuckDB over these files, with
the attachment of each worker ready beside them: no versions, no merges, no belts, no physicians, no senders.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bench.conditions import conditions, server_cpu_s
from loaders.bulk import Cursor, copy_in_binary
from loaders.registry import opened
from loaders.services import running
from loaders.settings import Settings
from loaders.warehouse import Warehouse
from pipelines.statistics import activities

RESULTS = Path(__file__).parent / "results"
YEAR, TODAY = 2025, date(2026, 4, 10)
ESTABLISHMENTS, BLOCK, FILE, REPEATS = 20_000, 500_000, 10_000, 3
#: Number of the first file that comes later; those before it are of the first filling.
LATE = 901
SECTORS = ("101010", "102000", "106011", "201000", "301011", "401020", "506000", "510011", "510022", "601020", "603020")
TRADES = ("MANIP", "AS", "INGENIEUR", "AMBUL")

SETUP = """
insert into identity.worker (worker_id, since_load) select n, %(load)s from generate_series(1, %(workers)s) as n;
insert into identity.civil
select n, 'X', 'X', 'X', 'X', date '1960-01-01' + n %% 12000, 'M', %(load)s, null, 0, n
from generate_series(1, %(workers)s) as n;
insert into reference.establishment (establishment_id, siret, since_load)
select n, lpad(n::text, 14, '0'), %(load)s from generate_series(1, %(sites)s) as n;
insert into reference.attachment (attachment_id, worker_id, establishment_id, since_load)
select n, n, n %% %(sites)s + 1, %(load)s from generate_series(1, %(workers)s) as n;
insert into reference.attachment_period
select n, 1, date '2010-01-01' + n %% 3000, null, %(load)s, null, 0, n from generate_series(1, %(workers)s) as n;
insert into reference.attachment_status
select
    n, date '2010-01-01' + n %% 3000, (array['A', 'B', 'B', 'B', null])[n %% 5 + 1], null, 'Civil',
    left((%(sectors)s::text[])[n %% %(kinds)s + 1], 1) || '00000',
    (%(sectors)s::text[])[n %% %(kinds)s + 1], 'EXT', 'CDI',
    (%(trades)s::text[])[n %% 4 + 1], 10, '', %(load)s, null, 0, n
from generate_series(1, %(workers)s) as n;
"""


def passive_block(year: int, first: int, count: int, workers: int, load: int, rng: np.random.Generator) -> pa.Table:
    """Results of a year: most below the threshold, some extremities and lenses, one in fifty at the belt."""
    who = rng.integers(1, workers + 1, count)
    start = int(np.datetime64(f"{year}-01-01").astype("datetime64[D]").astype(np.int64)) + 30 * rng.integers(
        0, 12, count
    )
    kind = np.where(rng.random(count) < 0.9, 0, rng.choice([1, 2, 4, 5], count))
    below = rng.random(count) < 0.8
    usv = np.where(below, 0, np.round(rng.exponential(400, count) / 10).astype(np.int64) * 10 + 50)
    place = np.select([kind == 2, kind == 4, kind == 5], [2, rng.integers(4, 8, count), 3], 0)
    belt = (kind == 0) & (who % 50 == 0) & (rng.random(count) < 0.5)
    return pa.table(
        {
            "value_usv": pa.array(usv),
            "since_load": _full(count, load),
            "worker_id": pa.array(who.astype(np.int32)),
            "establishment_id": pa.array((who % ESTABLISHMENTS + 1).astype(np.int32)),
            "sender_id": _full(count, 1),
            "submission_id": pa.array((first // BLOCK + 1 + (YEAR - year) * 1000) * np.ones(count, np.int32)).cast(
                "int32"
            ),
            "line": pa.array(np.arange(first, first + count, dtype=np.int32)),
            "start_day": pa.array(start.astype(np.int32)).view(pa.date32()),
            "end_day": pa.array((start + 29).astype(np.int32)).view(pa.date32()),
            "year": pa.array(np.full(count, year, np.int16)),
            "quantity": pa.array(kind.astype(np.int16)),
            "location": pa.array(np.where(belt, 1, place).astype(np.int16)),
            "dosimeter": pa.array(np.zeros(count, np.int16)),
            "state": pa.array(np.where(below, 1, 0).astype(np.int16)),
            "measure_id": pa.array([f"{load:04d}{year}{first + at:09d}" for at in range(count)]),
        }
    )


def operational_block(first: int, count: int, workers: int, load: int, rng: np.random.Generator) -> pa.Table:
    """Passages: of one worker in five, a dozen a month."""
    who = 5 * rng.integers(1, workers // 5 + 1, count)
    start = (_first_day(YEAR) + rng.integers(0, 365, count)) * 1440 + rng.integers(300, 1000, count)
    return pa.table(
        {
            "value_usv": pa.array(rng.integers(0, 20, count)),
            "key_digest": pa.array(rng.integers(-(2**62), 2**62, count)),
            "since_load": _full(count, load),
            "worker_id": pa.array(who.astype(np.int32)),
            "establishment_id": pa.array((who % ESTABLISHMENTS + 1).astype(np.int32)),
            "sender_id": _full(count, 1),
            "submission_id": _full(count, first // BLOCK + 501),
            "line": pa.array(np.arange(first, first + count, dtype=np.int32)),
            "start_minute": pa.array(start.astype(np.int32)),
            "end_minute": pa.array((start + 120).astype(np.int32)),
            "year": pa.array(np.full(count, YEAR, np.int16)),
            "quantity": pa.array(np.where(rng.random(count) < 0.95, 0, 1).astype(np.int16)),
            "dosimeter": pa.array(np.zeros(count, np.int16)),
            "place": pa.array(["CNPE"] * count),
            "zone": pa.array(["BR"] * count),
            "activity": pa.array(["X"] * count),
        }
    )


def _first_day(year: int) -> int:
    return (date(year, 1, 1) - date(1970, 1, 1)).days


def _full(count: int, value: int) -> pa.Array:
    return pa.array(np.full(count, value, np.int32))


def _blocks(rows: int) -> Iterator[tuple[int, int]]:
    for first in range(0, rows, BLOCK):
        yield first, min(BLOCK, rows - first)


def fill(warehouse: Warehouse, folder: Path, asked: argparse.Namespace) -> None:
    """The warehouse and the Parquet files, of the same rows."""
    rng = np.random.default_rng(7)
    with warehouse.admin() as admin:
        cursor = admin.cursor()
        cursor.execute("insert into ledger.partner (code, role) values ('LABO1', 'OA')")
        load = int(cursor.execute("select ledger.open_load('bench', null)").fetchone()[0])
        told = {"load": load, "workers": asked.workers, "sites": ESTABLISHMENTS, "kinds": len(SECTORS)}
        for statement in SETUP.split(";\n")[:-1]:
            cursor.execute(statement, told | {"sectors": list(SECTORS), "trades": list(TRADES)})
        for number in range(1, 1001):
            cursor.execute(
                "insert into ledger.submission (submission_id, partner_id, file_name, drop_number, sha256, size_bytes,"
                " depot_mtime, registry_date, state, load_id) overriding system value"
                " values (%s, 1, %s, 1, decode(lpad(%s, 64, '0'), 'hex'), 1, 0, %s, 'TRAITE', %s)",
                (number, f"f{number}", str(number), date(YEAR, 12, 31), load),
            )
        for year in range(YEAR, YEAR - asked.years - 1, -1):
            cursor.execute("select dose.ensure_partition('passive', %s)", (year,))
            for first, count in _blocks(asked.passive):
                _put(cursor, folder, "passive", passive_block(year, first, count, asked.workers, load, rng))
        cursor.execute("select dose.ensure_partition('operational', %s)", (YEAR,))
        for first, count in _blocks(asked.operational):
            _put(cursor, folder, "operational", operational_block(first, count, asked.workers, load, rng))
        cursor.execute("select ledger.seal_load(%s)", (load,))
        admin.commit()
        admin.autocommit = True
        for table in ("dose.passive", "dose.operational", "reference.attachment", "reference.attachment_period"):
            admin.execute(f"vacuum analyze {table}")
        admin.execute("vacuum analyze reference.attachment_status")
        admin.execute("vacuum analyze identity.worker")
    number = np.arange(1, asked.workers + 1)
    rows = activities.domains().rows
    sector_at = [code for code, _ in activities.sectors().rows]
    domain = [rows[activities.domains().row_of[sector_at.index(code)]][0] for code in SECTORS]
    pq.write_table(
        pa.table(
            {
                "worker_id": number.astype(np.int32),
                "class": pa.array([("A", "B", "B", "B", "(vide)")[at % 5] for at in number]),
                "domain": pa.array([domain[at % len(SECTORS)] for at in number]),
                "sector": pa.array([SECTORS[at % len(SECTORS)] for at in number]),
                "trade": pa.array([TRADES[at % 4] for at in number]),
            }
        ),
        folder / "worker.parquet",
    )


def _put(cursor: Cursor, folder: Path, kind: str, rows: pa.Table) -> None:
    copy_in_binary(cursor, f"dose.{kind}", rows)
    number = len(list(folder.glob(f"{kind}-*")))
    pq.write_table(rows, folder / f"{kind}-{number:04d}.parquet")


DUCK = """
create view passive as select * from read_parquet('{folder}/passive-*.parquet') where year = {year};
create table annual as
select
    worker_id, arg_max(establishment_id, usv) as establishment_id, sum(usv) as usv
from (
    select worker_id, establishment_id, sum(case when state = 0 then value_usv else 0 end) as usv
    from passive where quantity in (0, 1) and state <> 2 group by all
) group by worker_id;
create table told as
select a.*, w.* exclude (worker_id) from annual as a join '{folder}/worker.parquet' as w using (worker_id)
"""
BY = """
select
    {column} as code, count(*) as suivis, count(*) filter (where usv > 0) as exposes, sum(usv) as usv,
    quantile_cont(usv, [0.5, 0.95, 0.99]) as q,
    count(*) filter (where usv = 0), count(*) filter (where usv > 0 and usv <= 1000),
    count(*) filter (where usv > 1000 and usv <= 5000), count(*) filter (where usv > 5000 and usv <= 10000),
    count(*) filter (where usv > 10000 and usv <= 15000), count(*) filter (where usv > 15000 and usv <= 20000),
    count(*) filter (where usv > 20000), count(distinct establishment_id)
from told group by grouping sets (({column}), ())
"""
ORGANS = """
select quantity, count(*), count(*) filter (where usv > 0), histogram(usv // 5000)
from (
    select quantity, worker_id, max(usv) as usv from (
        select quantity, worker_id, location, sum(case when state = 0 then value_usv else 0 end) as usv
        from passive where quantity > 1 and state <> 2 group by all
    ) group by all
) group by quantity
"""
OPERATIONAL = """
select t.domain, sum(o.records), count(*), sum(o.usv), sum(t.usv)
from (
    select worker_id, count(*) as records, sum(value_usv) as usv
    from read_parquet('{folder}/operational-*.parquet') group by worker_id
) as o join told as t using (worker_id) group by rollup (t.domain)
"""


def duck(folder: str) -> dict[str, Any]:
    """The same tables by DuckDB."""
    import duckdb

    began, busy = time.perf_counter(), time.process_time()
    connection = duckdb.connect()
    for statement in DUCK.format(folder=folder, year=YEAR).split(";\n"):
        connection.execute(statement)
    columns = ("class", "domain", "sector", "left(sector, 3)", "left(sector, 5)", "trade")
    made = {column: connection.execute(BY.format(column=column)).fetchall() for column in columns}
    connection.execute(ORGANS).fetchall()
    connection.execute(OPERATIONAL.format(folder=folder)).fetchall()
    connection.execute(
        "select sum(usv) filter (where usv > 1000), count(*) filter (where usv > 1000) from told"
    ).fetchall()
    took, cpu = time.perf_counter() - began, time.process_time() - busy
    total = next(row for row in made["domain"] if row[0] is None)
    return {"seconds": round(took, 3), "cpu_s": cpu, "monitored": total[1], "exposed": total[2]}


def child(home: str, url: str, what: str) -> None:
    """One measure in a process of its own, as JSON. ``what``: ``year`` or a folder of Parquet files."""
    if what != "year":
        print(json.dumps(duck(what)))
        return
    from pipelines.statistics.asked import asked
    from pipelines.statistics.publish import table_files
    from pipelines.statistics.yearbook import compile_year

    settings = dataclasses.replace(Settings.load({"SISERI_HOME": home}), database_url=url, today=TODAY)
    with opened(settings, sftp=False, profile="publisher") as registry:
        began, busy = time.perf_counter(), time.process_time()
        book = compile_year(registry.connection, asked(registry.connection, YEAR, None, "tous", TODAY))
        files = table_files(book)
        took, cpu = time.perf_counter() - began, time.process_time() - busy
    digest = hashlib.sha256(b"".join(files[name] for name in sorted(files))).hexdigest()
    peak = int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) // 1024
    read = sum(book.rows_read.values())
    told = {"seconds": round(took, 3), "peak_mb": peak, "rows": read, "monitored": book.monitored, "tables": digest}
    told["cpu_s"] = cpu
    print(json.dumps(told))


def measured(settings: Settings, url: str, what: str) -> dict[str, Any]:
    """Run :func:`child`; ``server_cpu_s`` is what the database's processes took meanwhile."""
    words = [sys.executable, "-m", "bench.statistics", "--child", str(settings.home), url, what]
    before = server_cpu_s(settings.home)
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    cpu = {"server_cpu_s": server_cpu_s(settings.home) - before}
    return dict(json.loads(done.stdout.splitlines()[-1])) | cpu


def _cpu_s(one: dict[str, Any]) -> float:
    return round(one["cpu_s"] + one["server_cpu_s"], 2)


def late_file(warehouse: Warehouse, number: int, workers: int) -> None:
    """A file of results of the year, loaded since."""
    with warehouse.admin() as admin:
        cursor = admin.cursor()
        load = int(cursor.execute("select ledger.open_load('bench', null)").fetchone()[0])
        rng = np.random.default_rng(100 + number)
        rows = passive_block(YEAR, 0, FILE, workers, load, rng)
        at = rows.column_names.index("submission_id")
        rows = rows.set_column(at, "submission_id", _full(FILE, LATE + number))
        copy_in_binary(cursor, "dose.passive", rows)
        cursor.execute("select ledger.seal_load(%s)", (load,))


def measure(asked: argparse.Namespace) -> dict[str, Any]:
    """Fill a warehouse and measure on it."""
    with tempfile.TemporaryDirectory() as name, tempfile.TemporaryDirectory() as parquet:
        settings = Settings.load({"SISERI_HOME": name, "SISERI_TODAY": TODAY.isoformat()})
        with running(settings, sftp=False) as services:
            url = services.database_url
            warehouse = Warehouse(settings, url)
            warehouse.initialise()
            fill(warehouse, Path(parquet), asked)
            scratch = measured(settings, url, "year")
            with warehouse.admin() as admin:
                admin.execute("delete from mart.year")
            again = measured(settings, url, "year")
            mark = min((measured(settings, url, parquet) for _ in range(REPEATS)), key=lambda one: one["seconds"])
            unchanged = measured(settings, url, "year")
            forward = []
            for number in range(REPEATS):
                late_file(warehouse, number, asked.workers)
                forward.append(measured(settings, url, "year"))
            with warehouse.admin() as admin:
                admin.execute("delete from mart.year")
            anew = measured(settings, url, "year")
            assert mark["monitored"] == scratch["monitored"] == unchanged["monitored"]
            assert forward[-1]["tables"] == anew["tables"] != scratch["tables"]
    best = min(scratch, again, anew, key=lambda one: one["seconds"])
    return {
        "workers": asked.workers,
        "rows_of_the_year": scratch["rows"],
        "rows_of_the_warehouse": asked.passive * (asked.years + 1) + asked.operational,
        "from_scratch_s": [one["seconds"] for one in (scratch, again, anew)],
        "unchanged_s": unchanged["seconds"],
        "after_a_file_s": [one["seconds"] for one in forward],
        "after_a_file_cpu_s": [_cpu_s(one) for one in forward],
        "from_scratch_cpu_s": [_cpu_s(one) for one in (scratch, again, anew)],
        "file_rows": FILE,
        "peak_mb": max(one["peak_mb"] for one in (scratch, again, *forward)),
        "duckdb_s": mark["seconds"],
        "duckdb_cpu_s": round(mark["cpu_s"], 2),
        "from_scratch / duckdb": round(best["seconds"] / mark["seconds"], 1),
        "after_a_file / duckdb": round(min(one["seconds"] for one in forward) / mark["seconds"], 1),
        "conditions": conditions(),
    }


def main() -> None:
    """Measure, print, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=370_000)
    parser.add_argument("--passive", type=int, default=2_000_000, help="PASSIVE results a year")
    parser.add_argument("--operational", type=int, default=9_000_000, help="passages of the year")
    parser.add_argument("--years", type=int, default=9, help="years before, of PASSIVE results")
    parser.add_argument("--child", nargs=3, metavar=("HOME", "URL", "WHAT"))
    asked = parser.parse_args()
    if asked.child:
        child(*asked.child)
        return
    figures = measure(asked)
    print(json.dumps(figures, indent=1))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"statistics-{asked.passive + asked.operational}.json").write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
