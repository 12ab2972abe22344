"""Names as they are compared: folding, and when two persons' names agree."""

from __future__ import annotations

import re
from functools import lru_cache

from pipelines.parsing import plain_upper

_TO_SPACE = re.compile("['\u2019\u02bc\u0060\u00b4\\-\u2010\u2011\u2012\u2013\u2014\u00a0\u202f\\s]+")


@lru_cache(maxsize=1 << 17)
def fold(name: str) -> str:
    """Upper case, no accent; hyphens, apostrophes and runs of spaces become one space."""
    return _TO_SPACE.sub(" ", plain_upper(name)).strip()


def first_names_agree(sent: str, known: str) -> bool:
    """Folded first names agree where all of one side stand among the other's."""
    one, other = set(sent.split(" ")), set(known.split(" "))
    return one <= other or other <= one


def agree(sent_last: str, sent_first: str, known_last: str, known_first: str) -> bool:
    """Whether folded names are those of one person: equal birth names, first names that agree."""
    return sent_last == known_last and (sent_first == known_first or first_names_agree(sent_first, known_first))
