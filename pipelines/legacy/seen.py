"""Seen: which keys may have passed already. Never misses one; now and then takes a new one for an old one.

What may have been seen is judged exactly later, against the registry's indexes. That lets partitions be filled without
indexes, and needs no list of all keys in memory.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Digests = NDArray[np.uint64]

#: Places a key: three are taken, so about one new key in two hundred is taken for an old one once all have passed.
_PLACES_A_KEY = 16
_LEAST, _MOST = 1 << 20, 1 << 33
_WIDTH = 32
_ODD = (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)


class Seen:
    """Keys of one table of measures, by digest."""

    def __init__(self, keys: int) -> None:
        """``keys``: about how many will pass."""
        size = min(max(_LEAST, 1 << (keys * _PLACES_A_KEY - 1).bit_length()), _MOST)
        self._places = np.zeros(size, bool)
        self._mask = np.uint64(size - 1)

    def add(self, digests: Digests) -> NDArray[np.bool_]:
        """Note keys, in order; gives those that may have passed before, among these or earlier ones."""
        _, first = np.unique(digests, return_index=True)
        met = np.ones(len(digests), bool)
        met[first] = False
        places = [(mixed(digests, odd) & self._mask).astype(np.int64) for odd in _ODD]
        met |= self._places[places[0]] & self._places[places[1]] & self._places[places[2]]
        for one in places:
            self._places[one] = True
        return met


def mixed(digests: Digests, odd: int) -> Digests:
    """Digests, well mixed; another way for every odd number."""
    with np.errstate(over="ignore"):
        value = (digests ^ (digests >> np.uint64(31))) * np.uint64(odd)
        return np.asarray(value ^ (value >> np.uint64(29)))


def digest_texts(texts: pa.StringArray, beside: NDArray[np.int64]) -> Digests:
    """64 bits of a text and a number, by row; the same for the same row, whatever stands beside it."""
    start = mixed(beside.astype(np.uint64) + np.uint64(1), _ODD[0])
    if not len(texts):
        return start
    plain = pc.and_(pc.less_equal(pc.binary_length(texts), _WIDTH), pc.string_is_ascii(texts))
    digests = start
    for word in _words(texts if pc.all(plain).as_py() else pc.if_else(plain, texts, "")):
        digests = mixed(digests ^ word, _ODD[1])
    others = np.flatnonzero(~np.asarray(plain))
    if len(others):
        odd = texts.take(pa.array(others)).to_numpy(zero_copy_only=False).astype(object)
        digests[others] = mixed(start[others] ^ pd.util.hash_array(odd, categorize=False), _ODD[2])
    return digests


def _words(texts: pa.StringArray) -> Digests:
    """Short ASCII texts, filled up with NUL, as words of eight bytes: words x rows."""
    padded = pc.ascii_rpad(texts, _WIDTH, "\x00")
    first = np.frombuffer(padded.buffers()[1], np.int32)[padded.offset]
    signs = np.frombuffer(padded.buffers()[2], np.uint8, count=len(texts) * _WIDTH, offset=int(first))
    return np.asarray(signs.view("<u8").reshape(len(texts), -1).T)
