"""NIR, SIREN and SIRET: what makes them well formed. Sources: INSEE's construction rules.

Vector functions take a matrix of ASCII bytes (rows x characters) and give one boolean a row.
"""

from __future__ import annotations

import re
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from schemas import nomenclature

Bytes = NDArray[np.uint8]
BoolArray = NDArray[np.bool_]

LA_POSTE = "356000000"
FIRST_DIGITS_MALE = (1, 3, 7)
WAITING_FIRST_DIGITS = (3, 4, 7, 8)


def nir_shape(matrix: Bytes) -> BoolArray:
    """Whether each 13-character row is a well-formed NIR or NIA.

    Sex 1, 2 (NIR) or 3, 4, 7, 8 (NIA); month 01-12, 20, 30-42 or 50-99; department 01-99, 2A, 2B;
    order 001-999.
    """
    digits = matrix.astype(np.int16) - 48
    is_digit = (digits >= 0) & (digits <= 9)
    corsica = (matrix[:, 5] == ord("2")) & ((matrix[:, 6] == ord("A")) | (matrix[:, 6] == ord("B")))
    good = is_digit[:, [0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12]].all(axis=1) & (is_digit[:, 6] | corsica)
    good &= np.isin(digits[:, 0], (1, 2, 3, 4, 7, 8))
    month = digits[:, 3] * 10 + digits[:, 4]
    good &= ((month >= 1) & (month <= 12)) | (month == 20) | ((month >= 30) & (month <= 42)) | (month >= 50)
    good &= corsica | (digits[:, 5] * 10 + digits[:, 6] >= 1)
    good &= digits[:, 10] * 100 + digits[:, 11] * 10 + digits[:, 12] >= 1
    return np.asarray(good)


def nir_key(matrix: Bytes) -> NDArray[np.int16]:
    """The two-digit key (1 to 97) of well-formed rows; 2A counts 19 and 2B 18. Other rows: any value."""
    digits = matrix.astype(np.int64) - 48
    digits[:, 6] = np.where(matrix[:, 6] == ord("A"), 9, np.where(matrix[:, 6] == ord("B"), 8, digits[:, 6]))
    corsica = (matrix[:, 6] == ord("A")) | (matrix[:, 6] == ord("B"))
    digits[:, 5] = np.where(corsica, 1, digits[:, 5])
    number = digits @ (10 ** np.arange(12, -1, -1, dtype=np.int64))
    return (97 - number % 97).astype(np.int16)


def nir_parts(matrix: Bytes) -> dict[str, NDArray[np.int16]]:
    """Of well-formed rows: ``sex`` (0 male, 1 female), ``year`` (two digits), ``month``, ``key``, ``waiting``
    (1 for a NIA)."""
    digits = matrix.astype(np.int16) - 48
    return {
        "sex": np.where(np.isin(digits[:, 0], FIRST_DIGITS_MALE), 0, 1).astype(np.int16),
        "year": digits[:, 1] * 10 + digits[:, 2],
        "month": digits[:, 3] * 10 + digits[:, 4],
        "key": nir_key(matrix),
        "waiting": np.isin(digits[:, 0], WAITING_FIRST_DIGITS).astype(np.int16),
    }


def luhn(matrix: Bytes) -> BoolArray:
    """Whether each row holds digits only, with a valid Luhn sum."""
    digits = matrix.astype(np.int16) - 48
    doubled = digits.copy()
    doubled[:, -2::-2] *= 2
    doubled -= 9 * (doubled > 9)
    return np.asarray(((digits >= 0) & (digits <= 9)).all(axis=1) & (doubled.sum(axis=1) % 10 == 0))


def siret_valid(matrix: Bytes) -> BoolArray:
    """Whether each 14-character row is a SIRET: Luhn or, for La Poste, a digit sum multiple of 5."""
    digits = matrix.astype(np.int16) - 48
    numeric = ((digits >= 0) & (digits <= 9)).all(axis=1)
    poste = (matrix[:, :9] == np.frombuffer(LA_POSTE.encode(), dtype=np.uint8)).all(axis=1)
    return np.asarray(luhn(matrix) | (numeric & poste & (digits.sum(axis=1) % 5 == 0)))


def key_of(nir: str) -> str:
    """The key of one well-formed NIR, as two digits."""
    number = int(nir.replace("2A", "19").replace("2B", "18") if nir[5] == "2" and nir[6] in "AB" else nir)
    return f"{97 - number % 97:02d}"


def is_nia(nir: str) -> bool:
    """Whether a well-formed number is a waiting number (NIA) rather than a NIR."""
    return nir[:1] in "3478"


@lru_cache(maxsize=1 << 14)
def is_rpps(text: str) -> bool:
    """Whether a text is an RPPS number: 11 digits with a valid Luhn sum."""
    return bool(re.fullmatch("[0-9]{11}", text)) and bool(
        luhn(np.frombuffer(text.encode(), np.uint8).reshape(1, -1))[0]
    )


_NUCLIDE = re.compile(r"([A-Z][a-z]?)-([1-9][0-9]{0,2})(m[1-9]?)?")


def is_nuclide(text: str) -> bool:
    """Whether a text names a radionuclide: symbol, hyphen, mass number, ``m`` for an isomer (``Tc-99m``)."""
    matched = _NUCLIDE.fullmatch(text)
    elements = nomenclature.codes("element")
    return matched is not None and matched[1] in elements and int(matched[2]) > elements.index(matched[1]) + 1
