"""k-anonymity: how many persons share a combination of quasi-identifiers, and what gives way until enough do.

A person's combination is all that the extract tells of them over the whole period: birth year, sex, and for what
changes in a career the set of its values. Persons whose combination too few share lose one quasi-identifier after the
other, the least dear first; who still stands out at the end is left out. A combination once shared by enough only ever
gains persons, so each step looks only at those still too few.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pipelines.research.variables import BIRTH_STEPS

#: For each person the values of one quasi-identifier: sorted, without repeats.
Profile = tuple[tuple[object, ...], ...]
#: How far a quasi-identifier gave way for a person: 0 not at all; of a birth year the class's width; -1 altogether.
WHOLE, GONE = 0, -1


@dataclass(frozen=True)
class Risk:
    """How many persons, how many combinations, the fewest persons that share one, and how many persons are below."""

    persons: int
    combinations: int
    fewest: int
    below: int


@dataclass
class Outcome:
    """What gives way. ``levels``: person to the level of each quasi-identifier; ``dropped``: persons left out."""

    before: Risk
    after: Risk
    levels: dict[int, dict[str, int]] = field(default_factory=dict)
    dropped: frozenset[int] = frozenset()


def generalise(
    names: Sequence[str], profiles: Mapping[int, Mapping[str, tuple[object, ...]]], at_least: int
) -> Outcome:
    """Make every combination shared by at least so many persons.

    Args:
        names: the quasi-identifiers, the dearest first.
        profiles: person to the values of each quasi-identifier.
    """
    levels: dict[int, dict[str, int]] = {}
    current: dict[int, Profile] = {person: _profile(names, told, {}) for person, told in profiles.items()}
    before = _risk(current, at_least)
    for name in reversed(names):
        for level in (*BIRTH_STEPS, GONE) if name == "annee_naissance" else (GONE,):
            for person in _below(current, at_least):
                own = levels.setdefault(person, {})
                own[name] = level
                current[person] = _profile(names, profiles[person], own)
    dropped = frozenset(_below(current, at_least))
    for person in dropped:
        del current[person]
        levels.pop(person, None)
    return Outcome(before, _risk(current, at_least), levels, dropped)


def birth_class(year: int, level: int) -> int:
    """First year of the class that a birth year falls into."""
    return year - year % level if level > 0 else year


def _profile(names: Sequence[str], told: Mapping[str, tuple[object, ...]], levels: Mapping[str, int]) -> Profile:
    parts: list[tuple[object, ...]] = []
    for name in names:
        level = levels.get(name, WHOLE)
        if level == GONE:
            parts.append((GONE,))
        elif level == WHOLE:
            parts.append((WHOLE, *told[name]))
        else:
            parts.append((level, *(birth_class(year, level) if isinstance(year, int) else year for year in told[name])))
    return tuple(parts)


def _below(current: Mapping[int, Profile], at_least: int) -> list[int]:
    shared = Counter(current.values())
    return [person for person, profile in current.items() if shared[profile] < at_least]


def _risk(current: Mapping[int, Profile], at_least: int) -> Risk:
    shared = Counter(current.values())
    few = sum(count for count in shared.values() if count < at_least)
    return Risk(len(current), len(shared), min(shared.values(), default=0), few)
