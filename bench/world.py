"""Published figures of the registry as files: a population that must give exactly the published table.

Sources: the registry's own presentation (workers by category and annual dose, 2020) and the national report (2019).
"""

from __future__ import annotations

from collections.abc import Iterator

from bench import data
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
