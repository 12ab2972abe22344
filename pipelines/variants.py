"""What a number may have been before it was mistyped: NIR and SIRET within one slip of the number sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum, auto
from functools import lru_cache
from itertools import combinations

import numpy as np

from schemas.identifiers import FIRST_DIGITS_MALE, nir_shape, siret_valid

_DIGITS = "0123456789"


class Slip(Enum):
    """How a number sent differs from another."""

    NONE = auto()
    WAITING = auto()  # a NIR for the waiting number of the same twelve digits, or the reverse
    CORSICA = auto()  # 2A or 2B for one another, for 20, or for the 19 and 18 that the key is computed with
    TRANSPOSED = auto()  # two neighbours, or two digits around a third
    PAIRS = auto()  # two groups of digits in each other's place
    ZEROS = auto()  # zeros lost inside the number
    DIGIT = auto()
    TWO_DIGITS = auto()
    COMPANY = auto()  # another establishment of the same company
    FAR = auto()


#: Groups of a NIR that are written in each other's place: (first, second, length).
_NIR_GROUPS = ((1, 3, 2), (3, 5, 2), (1, 5, 2), (7, 10, 3))
_CORSICA = {"2A": ("2B", "20", "19"), "2B": ("2A", "20", "18"), "20": ("2A", "2B"), "19": ("2A",), "18": ("2B",)}


def _transposed(number: str) -> Iterator[str]:
    for step in (1, 2):
        for at in range(len(number) - step):
            signs = list(number)
            signs[at], signs[at + step] = signs[at + step], signs[at]
            yield "".join(signs)


def _exchanged(number: str, groups: Iterable[tuple[int, int, int]]) -> Iterator[str]:
    for first, second, size in groups:
        between = number[first + size : second]
        yield (
            number[:first]
            + number[second : second + size]
            + between
            + number[first : first + size]
            + number[second + size :]
        )


def _first_wins(number: str, ways: Iterable[tuple[Slip, Iterable[str]]]) -> dict[str, Slip]:
    found: dict[str, Slip] = {}
    for slip, made in ways:
        for one in made:
            if one != number:
                found.setdefault(one, slip)
    return found


@lru_cache(maxsize=4096)
def nir_variants(nir: str) -> dict[str, Slip]:
    """Well-formed NIR and NIA within one slip of a well-formed one, about 130; the likeliest slip of each."""
    male = int(nir[0]) in FIRST_DIGITS_MALE
    digits = (
        nir[:at] + sign + nir[at + 1 :]
        for at in range(13)
        for sign in (_DIGITS + "AB" if at == 6 and nir[5] == "2" else _DIGITS)
    )
    found = _first_wins(
        nir,
        (
            (Slip.WAITING, (sign + nir[1:] for sign in ("137" if male else "248"))),
            (Slip.CORSICA, (nir[:5] + other + nir[7:] for other in _CORSICA.get(nir[5:7], ()))),
            (Slip.TRANSPOSED, _transposed(nir)),
            (Slip.PAIRS, _exchanged(nir, _NIR_GROUPS)),
            (Slip.DIGIT, digits),
        ),
    )
    listed = list(found)
    shaped = nir_shape(np.frombuffer("".join(listed).encode(), np.uint8).reshape(-1, 13))
    return {one: found[one] for one, good in zip(listed, shaped, strict=True) if good}


def _zeros_back(siret: str) -> Iterator[str]:
    """Zeros that were lost inside a number come back in front of it: put them where they may have been."""
    body = siret.lstrip("0")
    lost = len(siret) - len(body)
    for count in range(1, lost + 1):
        kept = siret[count:]
        for at in range(lost - count + 1, len(kept)):
            yield kept[:at] + "0" * count + kept[at:]


def _two_digits(siret: str) -> list[str]:
    """Valid SIRET that differ in two digits: one alone would not keep the Luhn sum."""
    base = np.frombuffer(siret.encode(), np.uint8)
    pairs = np.array(list(combinations(range(14), 2)))
    made = np.tile(base, (len(pairs) * 100, 1))
    rows = np.arange(len(made))
    made[rows, np.repeat(pairs[:, 0], 100)] = 48 + np.tile(np.repeat(np.arange(10), 10), len(pairs))
    made[rows, np.repeat(pairs[:, 1], 100)] = 48 + np.tile(np.tile(np.arange(10), 10), len(pairs))
    made = made[((made != base).sum(axis=1) == 2)]
    kept = made[siret_valid(made)]
    return [bytes(one).decode() for one in kept]


@lru_cache(maxsize=4096)
def siret_variants(siret: str) -> dict[str, Slip]:
    """Valid SIRET within one slip of a valid one, about 900; the likeliest slip of each.

    A single mistyped digit breaks the Luhn sum and never comes here: ``IDT-04`` rejects it.
    """
    found = _first_wins(
        siret,
        (
            (Slip.ZEROS, _zeros_back(siret)),
            (Slip.TRANSPOSED, _transposed(siret)),
            (Slip.PAIRS, _exchanged(siret, ((at, at + 2, 2) for at in range(11)))),
        ),
    )
    listed = list(found)
    valid: dict[str, Slip] = {}
    if listed:
        good = siret_valid(np.frombuffer("".join(listed).encode(), np.uint8).reshape(-1, 14))
        valid = {one: found[one] for one, fits in zip(listed, good, strict=True) if fits}
    for one in _two_digits(siret):
        valid.setdefault(one, Slip.TWO_DIGITS)
    return valid


def siret_slip(sent: str, other: str) -> Slip:
    """How a SIRET sent differs from another; a slip within one company counts as the slip."""
    if sent == other:
        return Slip.NONE
    slip = siret_variants(sent).get(other)
    if slip in (Slip.ZEROS, Slip.TRANSPOSED, Slip.PAIRS):
        return slip
    if sent[:9] == other[:9]:
        return Slip.COMPANY
    return slip or Slip.FAR


def differing(sent: str, other: str) -> str:
    """The places where two numbers of one length differ, in French; empty where there are more than four."""
    places = [at for at in range(len(sent)) if sent[at] != other[at]]
    if not places or len(places) > 4:
        return ""
    if len(places) == 1:
        at = places[0]
        return f"caractère {at + 1} : {sent[at]} au lieu de {other[at]}"
    listed = ", ".join(str(at + 1) for at in places[:-1]) + f" et {places[-1] + 1}"
    wrong, right = ("".join(number[at] for at in places) for number in (sent, other))
    return f"caractères {listed} : {wrong} au lieu de {right}"
