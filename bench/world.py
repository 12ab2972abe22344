"""Published figures of the registry as files: a population that must give exactly the published table.

Run ``python -m bench.world [--divisor 1]``: every worker and result goes through the corridor, then the tables of both
years are printed and compared. Sources: the registry's own presentation (workers by category and annual dose, 2020) and
the national report (2019).
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import json
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from bench import data
from loaders.registry import Registry, depots, opened
from loaders.services import running
from loaders.settings import Settings
from loaders.warehouse import Warehouse
from schemas.formats import formats
from schemas.identifiers import key_of

#: 2020, workers by category and bracket of the annual dose: 0, up to 1, 5, 10 mSv, above.
TABLE_2020 = {
    "A": (20_928, 10_245, 7_037, 1_803, 158),
    "B": (163_344, 33_793, 2_856, 69, 14),
    "NC": (4_225, 619, 18, 0, 0),
    "": (107_332, 17_655, 407, 56, 5),
}
#: A dose within each bracket, at its upper bound where there is one: µSv of one result.
DOSES = (0, 1_000, 5_000, 10_000, 10_001)
#: 2019: workers, share below the threshold, collective dose in man-µSv.
WORKERS_2019, BELOW_2019, DOSE_2019 = 395_040, 0.763, 112_310_000
_BLOCK = 20_000


def table(divisor: int = 1) -> dict[str, tuple[int, ...]]:
    """The table of 2020, each figure divided and rounded up, so that no cell that holds anybody is lost."""
    return {code: tuple(-(-count // divisor) for count in counts) for code, counts in TABLE_2020.items()}


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
    for counts in table(divisor).values():
        for usv, count in zip(DOSES, counts, strict=True):
            yield from (usv for _ in range(count))


def doses_2019(divisor: int = 1) -> Iterator[int]:
    """Annual doses of 2019: the collective dose spread evenly over those above the threshold."""
    count = WORKERS_2019 // divisor
    exposed = round(count * (1 - BELOW_2019))
    each, more = divmod(DOSE_2019 // divisor, exposed)
    yield from (each + (at < more) for at in range(exposed))
    yield from (0 for _ in range(count - exposed))


def load(registry: Registry, divisor: int) -> None:
    """Register, workers and both years' results, through the corridor at a date when NC was legal."""
    from pipelines import partners
    from pipelines.sweep import sweep

    counts = {code: sum(cells) for code, cells in table(divisor).items()}
    counts[""] += max(0, WORKERS_2019 // divisor - sum(counts.values()))
    with depots(registry) as client:
        with registry.warehouse.admin() as admin:
            for code, role in (("ASNR", "GESTIONNAIRE"), ("LABO1", "OA")):
                partners.add(admin, client, registry.settings, code, role, [], None, None)
        for sender, name, body in (
            ("ASNR", "a.csv", data.register()),
            ("ASNR", "b.csv", data.designations("LABO1")),
            ("ASNR", "c.csv", b"".join(workers(counts))),
            ("LABO1", "2020.csv", b"".join(results(2020, doses_2020(divisor)))),
            ("LABO1", "2019.csv", b"".join(results(2019, doses_2019(divisor)))),
        ):
            client.put(sender, "depot", name, body)
            client.put(sender, "depot", name + ".ok", b"")
            sweep(client, registry.connection, registry.settings, registry.key)


def main() -> None:
    """Load, print, compare; an assertion fails where a figure differs."""
    from pipelines.statistics.publish import publish

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--divisor", type=int, default=1)
    divisor = parser.parse_args().divisor
    with tempfile.TemporaryDirectory() as home, tempfile.TemporaryDirectory() as folder:
        settings = Settings.load({"SISERI_HOME": home, "SISERI_TODAY": "2021-03-01"})
        with running(settings) as services:
            settings = dataclasses.replace(settings, database_url=services.database_url)
            Warehouse(settings, services.database_url).initialise()
            with opened(settings) as registry:
                began = time.perf_counter()
                load(registry, divisor)
                loaded = time.perf_counter()
                for year in (2020, 2019):
                    out = Path(folder) / str(year)
                    publish(
                        registry.connection,
                        out,
                        date(2021, 3, 1),
                        year=year,
                        as_of=None,
                        scope="tous",
                        audience="dgt",
                    )
                printed = time.perf_counter()
        read = {
            name: list(csv.reader((Path(folder) / f"{name}.csv").read_text().splitlines(), delimiter=";"))
            for name in ("2020/categories", "2019/domaines")
        }
    cells = {row[0]: row[2:] for row in read["2020/categories"][1:]}
    for code, counts in table(divisor).items():
        assert cells[code or "(vide)"] == [*map(str, counts), str(sum(counts))], code
    total = dict(zip(read["2019/domaines"][0], read["2019/domaines"][-1], strict=True))
    figures = {
        "workers_2020": cells["Total"][-1],
        "workers_2019": total["suivis"],
        "collective_dose_2019": total["dose_collective_hsv"],
        "mean_exposed_2019": total["moyenne_exposes_msv"],
        "mean_monitored_2019": total["moyenne_suivis_msv"],
        "below_2019": round(int(total["0"]) / int(total["suivis"]), 4),
        "loaded_s": round(loaded - began),
        "printed_s": round(printed - loaded, 1),
    }
    assert figures["below_2019"] == BELOW_2019
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
