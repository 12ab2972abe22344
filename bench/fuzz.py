"""Spoiled files through the sender's check, some through the corridor: always an answer, time and memory bounded.

``python -m bench.fuzz [--files 100000] [--corridor 1000] [--seed 1]``
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from fuzzing import Fault, checked
from mutants import mutant

RESULTS = Path(__file__).parent / "results"


def check_all(files: int, seed: int, folder: Path) -> dict[str, Any]:
    """Check mutants one by one in this process; what is wrong with one is listed by its number, never raised."""
    states: Counter[str] = Counter()
    faults: list[tuple[int, str]] = []
    slowest, slowest_number = 0.0, 0
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    for number in range(files):
        one = mutant(number, seed)
        start = time.perf_counter()
        try:
            states[checked(one, folder, date(2024, 3, 5))["statut"]] += 1
        except Fault as fault:
            faults.append((number, str(fault)))
        took = time.perf_counter() - start
        if took > slowest:
            slowest, slowest_number = took, number
    took = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "files": files,
        "seed": seed,
        "faults": faults[:50],
        "faulty": len(faults),
        "states": dict(states.most_common()),
        "seconds": round(took, 1),
        "slowest_ms": round(1000 * slowest),
        "slowest_number": slowest_number,
        "peak_mb": peak >> 10,
        "grown_mb": (peak - before) >> 10,
    }


def corridor(files: int, seed: int, folder: Path) -> dict[str, Any]:
    """Deposit mutants with a registry and let it take them: every one has a receipt and a report."""
    from loaders.services import running
    from loaders.settings import Settings

    siseri = Path(sys.executable).parent / "siseri"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SISERI_")}
    env = kept | {"SISERI_HOME": str(folder / "home"), "SISERI_TODAY": "2024-03-05"}

    def run(*words: str) -> int:
        done = subprocess.run([siseri, *words], env=env, capture_output=True, text=True, check=False)
        if "Traceback" in done.stderr:
            raise SystemExit(done.stderr[-3000:])
        return done.returncode

    with running(Settings.load(env)):
        run("init")
        run("partner", "add", "ASNR", "--role", "GESTIONNAIRE")
        home = folder / "home" / "sftp" / "ASNR"
        names = []
        for number in range(files):
            one = mutant(number, seed)
            stem, dot, ending = one.name.partition(".")
            names.append(f"{number}-{stem[:60]}{dot}{ending}")
            (home / "depot" / names[-1]).write_bytes(one.data)
            (home / "depot" / f"{names[-1]}.ok").write_text(one.marker or "")
            moment = 1_700_000_000 + number
            os.utime(home / "depot" / names[-1], (moment, moment))
        began = time.perf_counter()
        status = run("run")
        took = time.perf_counter() - began
        verified = run("verify")
    there = {path.name for path in (home / "retour").iterdir()}
    silent = [name for name in names if not {f"{name}.ar.json", f"{name}.rapport.json"} <= there]
    return {
        "files": files,
        "status": status,
        "verified": verified == 0,
        "incidents": sum(name.endswith(".incident.json") for name in there),
        "without_answer": silent[:50],
        "seconds": round(took, 1),
    }


def main() -> int:
    """Run both, print, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--corridor", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    told = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    try:
        figures: dict[str, Any] = {"check": check_all(told.files, told.seed, folder / "check")}
        if told.corridor:
            figures["corridor"] = corridor(told.corridor, told.seed, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    figures["when"] = datetime.now(UTC).isoformat(timespec="seconds")
    figures["machine"] = f"{platform.machine()}, {os.cpu_count()} cores"
    print(json.dumps(figures, indent=1))
    (RESULTS / "fuzz.json").write_text(json.dumps(figures, indent=1) + "\n")
    passed = figures.get("corridor", {"incidents": 0, "without_answer": [], "verified": True})
    fine = passed["verified"] and not passed["incidents"] and not passed["without_answer"]
    return 0 if fine and not figures["check"]["faulty"] else 1


if __name__ == "__main__":
    sys.exit(main())
