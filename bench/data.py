"""Data for the benches: a register, workers and PASSIVE files of any size, cheap to make and plausible."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from schemas.formats import formats
from schemas.identifiers import key_of

ESTABLISHMENTS = 2_000
_FIRST = ("CLAIRE", "JEAN-PIERRE", "ANNA", "KARIM", "LUCIE", "PAUL", "MARIE", "HUGO", "INES", "LEO")
_LAST = ("MARTIN", "BERNARD", "DUBOIS", "LE GALL", "D'ARTAGNAN", "MOREAU", "NGUYEN", "ROUSSEAU", "PETIT-JEAN", "ROUX")


def sirets(count: int = ESTABLISHMENTS) -> list[str]:
    """Valid SIRETs, one establishment a company."""
    made = []
    for number in range(count):
        body = f"{300_000_000 + number * 7:09d}0001"
        digits = [int(sign) for sign in body]
        total = sum(sum(divmod(2 * digit, 10)) if at % 2 else digit for at, digit in enumerate(digits, start=1))
        # In a 14-digit number the doubled places are the odd ones from the left.
        made.append(body + str(-total % 10))
    return made


def nir(number: int) -> str:
    """The NIR of the worker of this number."""
    sex, year, month = 1 + number % 2, 60 + number // 2 % 40, 1 + number // 80 % 12
    department, commune, order = 1 + number // 960 % 90, 1 + number // 86_400 % 600, 1 + number // 51_840_000
    return f"{sex}{year:02d}{month:02d}{department:02d}{commune:03d}{order:03d}"


def names(number: int) -> tuple[str, str]:
    """Birth name and first name of the worker of this number."""
    return _LAST[number % 10] + "ABCDEFGHIJ"[number // 10 % 10], _FIRST[number // 100 % 10]


def register() -> bytes:
    """ETABLISSEMENTS."""
    header = ",".join(formats()["ETABLISSEMENTS"].names)
    rows = (f"{one[:9]},{one},A,2001-01-01,SOCIETE {one[:9]},,86.10Z,69123,true" for one in sirets())
    return "\n".join([header, *rows, ""]).encode()


def worker_list(count: int) -> bytes:
    """TRAVAILLEURS: every worker at one establishment."""
    places = sirets()
    rows = [";".join(formats()["TRAVAILLEURS"].names)]
    for number in range(count):
        one = nir(number)
        last, first = names(number)
        birth = f"15/{one[3:5]}/19{one[1:3]}"
        rows.append(
            f"{one};{key_of(one)};{last};{first};{birth};{'M' if one[0] == '1' else 'F'};"
            f"{places[number % ESTABLISHMENTS]};;B;;Civil;100000;101010;EXT;CDI;MANIP;1;01/01/2015"
        )
    return ("\n".join(rows) + "\n").encode()


def designations(code: str) -> bytes:
    """DESIGNATIONS: every establishment designates one body."""
    rows = [";".join(formats()["DESIGNATIONS"].names)]
    rows += [f"{one};OA;{code};;;;01/01/2010;" for one in sirets()]
    return ("\n".join(rows) + "\n").encode()


def passive(
    rows: int, workers: int, *, first: int = 0, faulty: float = 0.03, waiting: float = 0.03, seed: int = 1
) -> Iterator[bytes]:
    """A PASSIVE file in blocks: monthly results of 2026, identifiers in order, faults and unknown workers."""
    yield (";".join(formats()["PASSIVE"].names) + "\n").encode()
    rng = np.random.default_rng(seed)
    places = sirets()
    ends = ("27/03/2026", "29/03/2026", "31/03/2026")
    for start in range(0, rows, 50_000):
        count = min(50_000, rows - start)
        who = rng.integers(0, workers, count)
        value = np.round(rng.exponential(0.15, count) / 0.05) * 0.05
        draw = rng.random(count)
        lines = []
        for at in range(count):
            number = int(who[at])
            last, first_name = names(number)
            person = nir(number) if draw[at] >= waiting else nir(workers + 1 + number)
            end = ends[(start + at) % 3]
            dose = f"{value[at]:.2f}"
            state = "MES" if value[at] else "INF"
            if waiting <= draw[at] < waiting + faulty:
                kind = at % 3
                dose, state = (("-1", "MES"), ("x", "MES"), ("0.1", "ABS"))[kind]
            lines.append(
                f"{person};{last};{first_name};{places[number % ESTABLISHMENTS]};PAS-HP10-PHO;POITRINE;OSL;01{end[2:]};"
                f"{end};{state};{dose};0.05;B{first + start + at:09d};\n"
            )
        yield "".join(lines).encode()
