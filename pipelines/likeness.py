"""How much each sign speaks for a candidate, in bits, and what a set of candidates is worth together.

A weight is the logarithm to base 2 of how much likelier the sign is where the candidate is right than where
it is not; the weights of a candidate add up. Shares of faults are assumed (nothing is published): one NIR
in 300 bears a wrong digit, one in 500 two digits exchanged; a number drawn at random is one of about 2^30.
``bench/matching.py`` measures what comes of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum, auto

from rapidfuzz.distance import OSA

from pipelines.candidates import Names
from pipelines.names import first_names_agree
from pipelines.variants import Slip, nir_variants

#: A number sent that is the candidate's, and one that is within a slip of it.
SAME_NUMBER = 31.0
_SLIPS = {
    Slip.NONE: SAME_NUMBER,
    Slip.WAITING: 26.0,
    Slip.CORSICA: 24.0,
    Slip.TRANSPOSED: 18.0,
    Slip.PAIRS: 16.0,
    Slip.DIGIT: 15.0,
}
#: Parts of a NIR (first and last character) and what it says that they are the same; each that is not costs.
_PARTS = ((0, 1, 1.0), (1, 3, 5.4), (3, 5, 3.6), (5, 7, 4.0), (7, 10, 5.0), (10, 13, 9.0))
_PART_DIFFERS = -6.0
_NOTHING_IN_COMMON = -11.0


def number_weight(sent: str, known: Iterable[str]) -> tuple[float, Slip, str]:
    """The best weight of a number sent against those of a person, its slip, and the number compared."""
    variants = nir_variants(sent)
    best = (_NOTHING_IN_COMMON - 1, Slip.FAR, "")
    for one in known:
        slip = Slip.NONE if one == sent else variants.get(one, Slip.FAR)
        weight = _SLIPS.get(slip, _NOTHING_IN_COMMON)
        parts = sum(bits if sent[first:last] == one[first:last] else _PART_DIFFERS for first, last, bits in _PARTS)
        best = max(best, (max(weight, parts) if slip is not Slip.NONE else weight, slip, one), key=lambda each: each[0])
    return best


class Accord(Enum):
    """How names sent stand to a person's."""

    NONE_SENT = auto()
    SAME = auto()
    FORMER = auto()
    SWAPPED = auto()
    NEAR = auto()
    OTHER_LAST = auto()  # the first name agrees: a spouse's name, it may be
    OTHER_FIRST = auto()
    DIFFERENT = auto()


_LAST, _LAST_NEAR, _LAST_OTHER = 9.0, 6.0, {"F": -4.5, "M": -8.0}
_FIRST, _FIRST_NEAR, _FIRST_OTHER = 5.5, 4.0, -8.0
_SWAPPED, _FORMER, _DIFFERENT = 9.0, 12.0, -15.0
#: A field of fixed width holds so many characters of a name.
_CUT = 30


def near(one: str, other: str) -> bool:
    """Whether folded names are a slip apart: an edit, two in long names, or spaces; or one holds the other's words."""
    if one == other:
        return True
    left, right = one.replace(" ", ""), other.replace(" ", "")
    allowed = 2 if min(len(left), len(right)) >= 7 else 1 if min(len(left), len(right)) >= 3 else 0
    if OSA.distance(left, right, score_cutoff=allowed) <= allowed:
        return True
    words, others = set(one.split(" ")), set(other.split(" "))
    return bool(words) and (words <= others or others <= words)


def same_last(sent: str, known: str) -> bool:
    """Whether a birth name is the one known; one that fills a field of fixed width may go on."""
    return sent == known or (len(sent) >= _CUT and known.startswith(sent))


def name_weight(last: str, first: str, sex: str, names: Sequence[Names]) -> tuple[float, Accord, Names | None]:
    """The weight of folded names sent against those of a person (the current ones first), and which agreed."""
    if not last or not names:
        return 0.0, Accord.NONE_SENT, None
    best: tuple[float, Accord, Names | None] = (_DIFFERENT, Accord.DIFFERENT, names[0])
    for known in names:
        weight, accord = _against(last, first, sex, known)
        if not known.current and accord in (Accord.SAME, Accord.SWAPPED):
            weight, accord = min(weight, _FORMER), Accord.FORMER
        elif not known.current:
            continue
        if weight > best[0]:
            best = (weight, accord, known)
    return best


def _against(last: str, first: str, sex: str, known: Names) -> tuple[float, Accord]:
    same, agrees = same_last(last, known.folded_last), first_names_agree(first, known.folded_first)
    if same and agrees:
        return _LAST + _FIRST, Accord.SAME
    if near(last, known.folded_first) and near(first, known.folded_last):
        return _SWAPPED, Accord.SWAPPED
    lasts = _LAST if same else _LAST_NEAR if near(last, known.folded_last) else None
    firsts = _FIRST if agrees else _FIRST_NEAR if near(first, known.folded_first) else None
    if lasts is not None and firsts is not None:
        return lasts + firsts, Accord.NEAR
    if firsts is not None:
        return firsts + _LAST_OTHER.get(sex, -8.0), Accord.OTHER_LAST
    if lasts is not None:
        return lasts + _FIRST_OTHER, Accord.OTHER_FIRST
    return _DIFFERENT, Accord.DIFFERENT


def shares(weights: Sequence[float], none: float) -> list[float]:
    """What each candidate is worth, 0 to 1, where exactly one of them is right or none is (weight ``none``).

    Candidates that nothing tells apart share one belief: two alike are worth less than a half each.
    """
    if not weights:
        return []
    top = max(*weights, none)
    each = [2.0 ** (weight - top) for weight in weights]
    total = sum(each) + 2.0 ** (none - top)
    return [one / total for one in each]
