"""The sender's own check against the server, row by row, over a simulated country of 200 000 rows and more.

Not a matter of speed: it says how many rows were compared and exits with 1 where one differs.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import tempfile
from collections import Counter
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Any

from loaders.registry import depots, opened
from loaders.services import running
from loaders.settings import Settings
from loaders.warehouse import Warehouse
from pipelines import offline, partners
from pipelines.deposit import deposit
from pipelines.simulation.run import simulate
from pipelines.sweep import sweep
from schemas import codebook

RESULTS = Path(__file__).parent / "results"
#: What only a registry can tell.
_REGISTRY = {f"IDT-{number:02d}" for number in range(5, 12)} | {
    *("MET-10", "MET-11", "MET-12", "MET-16", "AVT-05", "AVT-10", "AVT-11"),
}
#: Codes that a registry raises besides the check, by format.
_BESIDE = {"SORTIES": {"MET-01"}}
_ENTRIES = """
select e.line, e.codes from ledger.row_entry as e
inner join ledger.submission as s on e.submission_id = s.submission_id and e.since_load = s.load_id
inner join ledger.partner as p on s.partner_id = p.partner_id
where p.code = %s and s.file_name = %s and s.drop_number = 1
"""


def _told(codes: set[str], layout: str) -> set[str]:
    beside = _BESIDE.get(layout, {"MET-06"} if layout != "TRAVAILLEURS" else set())
    return codes - _REGISTRY - beside


def compare(workers: int, months: int, faults: float) -> dict[str, Any]:
    """Simulate, integrate, compare. Gives rows and codes compared, and rows that differ, by format."""
    rows: Counter[str] = Counter()
    differing: Counter[str] = Counter()
    met: set[str] = set()
    with tempfile.TemporaryDirectory() as folder:
        sample = Path(folder) / "sample"
        simulate(sample, workers, 2025, 11, faults=faults, months=months, labs=3, operators=2)
        manifest = json.loads((sample / "manifest.json").read_text())
        settings = Settings.load({"SISERI_HOME": str(Path(folder) / "home")})
        roles = {one["code"]: one["role"] for one in manifest["partners"]}
        with running(settings) as services:
            Warehouse(settings, services.database_url).initialise()
            with opened(settings) as registry, depots(registry) as client:
                with registry.warehouse.admin() as admin:
                    for one in manifest["partners"]:
                        account = (one["code"], one["role"], one["sirens"], one["identifiant"], None)
                        partners.add(admin, client, settings, *account)
                for (_, day), group in groupby(manifest["files"], key=lambda one: (one["stage"], one["registry_date"])):
                    files = list(group)
                    for one in files:
                        deposit(client, registry.connection, one["partner"], [sample / one["path"]])
                    today = dataclasses.replace(settings, today=date.fromisoformat(day))
                    sweep(client, registry.connection, today, registry.key)
                    for one in files:
                        path = sample / one["path"]
                        found = offline.judge(
                            path.read_bytes(),
                            path.name,
                            today.registry_date(),
                            roles[one["partner"]],
                            partner=one["partner"],
                        )
                        if found.file_code is not None:
                            continue
                        asked = registry.connection.execute(_ENTRIES, (one["partner"], path.name)).fetchall()
                        server = {line: set(codebook.names(codes)) for line, codes in asked}
                        for line, codes in enumerate(found.rows, start=1):
                            layout = one["format"]
                            rows[layout] += 1
                            met |= _told(set(codes), layout)
                            told = _told(server.get(line, set()), layout)
                            differing[layout] += _told(set(codes), layout) != told
    return {
        "rows": sum(rows.values()),
        "rows_by_format": dict(sorted(rows.items())),
        "codes": sorted(met),
        "differing": dict(sorted((name, count) for name, count in differing.items() if count)),
    }


def main() -> None:
    """Compare, print, write the JSON."""
    figures = compare(workers=28_000, months=6, faults=0.2)
    print(json.dumps(figures, indent=1))
    (RESULTS / "equality.json").write_text(json.dumps(figures, indent=1) + "\n")
    sys.exit(bool(figures["differing"]))


if __name__ == "__main__":
    main()
