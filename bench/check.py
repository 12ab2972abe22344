"""Reading and checking without a database, format by format: ``python -m bench.check [--rows 300000]``.

Rows a second from the file's bytes to typed rows with their codes, on one core (the process is bound to
one), the best of three: every format as CSV, PASSIVE and OPERATIONNELLE in fixed width too, each without
fault and with one row in ten faulty. Two rivals in the same run: ``pandas.read_csv(dtype=str)``, which
reads the same CSV and checks nothing, and a loop over the rows of the csv module that asks python-stdnum for
each NIR and SIRET, on 20 000 rows.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bench import rows as sheets
from bench.conditions import conditions
from bench.integrate import RESULTS
from schemas.formats import formats

TODAY = sheets.TODAY
FAULTY = 0.1
#: Fixed width against CSV; one row in ten faulty against none; OPERATIONNELLE on one core, rows a second.
AIMS = {"fixed_over_csv": 0.5, "faulty_over_clean": 0.6, "operationnelle_csv_rows_per_s": 1_000_000}
ROLES = {"ENGAGEE": "MDT", "CONCLUSION": "MDT", "NAVIGANT": "CALCUL", "OPERATIONNELLE": "EXPLOITANT"}
_RIVAL_ROWS = 20_000
_RUNS = 3


def measure(path: Path, role: str) -> tuple[float, int, int]:
    """Seconds, rows and rows that carry a code, of the best of three runs of reading and checking one file."""
    from pipelines.offline import Totals, open_file
    from schemas.spec import Context

    best = float("inf")
    for _ in range(_RUNS):
        totals, marked = Totals(), 0
        began = time.perf_counter()
        opened = open_file(path, path.name, role=role, max_bytes=1 << 30)
        for checked in opened.chunks(Context.on(TODAY, role)):
            totals.add(checked)
            marked += int(np.count_nonzero(checked.codes))
        totals.settle(None)
        best = min(best, time.perf_counter() - began)
    return best, totals.rows, marked


def pandas_reads(path: Path) -> float:
    """Seconds of reading a CSV as text, best of three, nothing checked."""
    import pandas as pd

    best = float("inf")
    for _ in range(_RUNS):
        began = time.perf_counter()
        pd.read_csv(path, sep=";", dtype=str, keep_default_na=False)
        best = min(best, time.perf_counter() - began)
    return best


def stdnum_loops(path: Path, rows: int) -> float:
    """Seconds of a loop over some rows of a CSV that has each NIR's key and each SIRET checked."""
    from stdnum.fr import nir, siret

    began = time.perf_counter()
    good = 0
    with path.open(encoding="utf-8", newline="") as stream:
        for at, row in enumerate(csv.DictReader(stream, delimiter=";")):
            if at == rows:
                break
            key = nir.calc_check_digits(row["NIR"]) if row["NIR"].isdigit() else ""
            good += siret.is_valid(row["SIRET"]) and nir.is_valid(row["NIR"] + key)
    if not good:
        raise SystemExit("the rival accepts no row")
    return time.perf_counter() - began


def one_core() -> None:
    """Bind the process to one core, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def compare(rows: int, only: tuple[str, ...], say: Callable[[str], None]) -> dict[str, Any]:
    """Measure every format, and the rivals on OPERATIONNELLE."""
    figures: dict[str, Any] = {"formats": {}}
    say(f"{'format':16}{'layout':8}{'clean rows/s':>14}{'faulty rows/s':>15}{'faulty/clean':>14}{'with codes':>12}")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        for name, layout in formats().items():
            if only and name not in only:
                continue
            role = ROLES.get(name, "OA" if name in ("PASSIVE", "INTERNE") else "GESTIONNAIRE")
            for form in ("csv", "fixed") if layout.record else ("csv",):
                rates, shares = [], []
                for faulty in (0.0, FAULTY):
                    path = Path(folder) / f"{name}-{form}-{faulty}.csv"
                    write = sheets.write_records if form == "fixed" else sheets.write_csv
                    write(path, name, rows, faulty)
                    took, found, marked = measure(path, role)
                    if found != rows:
                        raise SystemExit(f"{name} {form}: {found} rows read of {rows}")
                    rates.append(rows / took)
                    shares.append(marked / rows)
                    if name == "OPERATIONNELLE" and form == "csv" and not faulty:
                        rival, loop = pandas_reads(path), stdnum_loops(path, _RIVAL_ROWS)
                        figures["rivals_rows_per_s"] = {
                            "pandas.read_csv(dtype=str), nothing checked": rows / rival,
                            "csv.DictReader and python-stdnum row by row": min(rows, _RIVAL_ROWS) / loop,
                        }
                    path.unlink()
                figures["formats"].setdefault(name, {})[form] = {
                    "clean_rows_per_s": rates[0],
                    "faulty_rows_per_s": rates[1],
                    "faulty_over_clean": rates[1] / rates[0],
                    "rows_with_codes": shares,
                }
                say(
                    f"{name:16}{form:8}{rates[0]:14,.0f}{rates[1]:15,.0f}{rates[1] / rates[0]:14.2f}"
                    f"{shares[0]:6.1%}{shares[1]:6.1%}"
                )
    return figures


def ratios(figures: dict[str, Any]) -> dict[str, Any]:
    """The figures that are aimed at, and whether each is reached."""
    found = figures["formats"]
    told: dict[str, Any] = {
        "fixed_over_csv": {
            name: one["fixed"]["clean_rows_per_s"] / one["csv"]["clean_rows_per_s"]
            for name, one in found.items()
            if "fixed" in one
        },
        "faulty_over_clean": {
            f"{name} {form}": one["faulty_over_clean"] for name, forms in found.items() for form, one in forms.items()
        },
    }
    told["reached"] = {name: all(one >= AIMS[name] for one in values.values()) for name, values in told.items()}
    if "OPERATIONNELLE" in found:
        rate = found["OPERATIONNELLE"]["csv"]["clean_rows_per_s"]
        told["operationnelle_csv_rows_per_s"] = rate
        told["reached"]["operationnelle_csv_rows_per_s"] = rate >= AIMS["operationnelle_csv_rows_per_s"]
        told["over_rivals"] = {name: rate / rival for name, rival in figures["rivals_rows_per_s"].items()}
    return told


def main() -> None:
    """Measure, print a table, write the JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--only", nargs="*", default=(), help="names of formats")
    arguments = parser.parse_args()
    one_core()
    figures = compare(arguments.rows, tuple(arguments.only), print)
    figures["ratios"] = ratios(figures)
    figures["aims"] = AIMS
    packages = ("numpy", "pandas", "pyarrow", "pandera", "python-stdnum")
    figures["conditions"] = conditions(*packages, rows=arguments.rows, bound_to="one core")
    for name, rate in figures.get("rivals_rows_per_s", {}).items():
        print(f"{name:60}{rate:14,.0f} rows/s")
    print(json.dumps(figures["ratios"], indent=1))
    if not arguments.only:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "check.json").write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
