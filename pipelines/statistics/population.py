"""The population of a year: each person once, under one attachment, with its sums.

A person counts under the attachment that carries the largest part of the annual dose; of equals the one that started
last, then the lowest SIRET. Where nothing of the annual dose was measured (lens only, examinations only, ...), any
attachment under which the year holds something may be it. The scope keeps or leaves whole persons, by that attachment.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import numpy as np

import sql
from loaders.bulk import Cursor, fetch_numbers
from pipelines.statistics.facts import ANNUAL, Facts
from pipelines.statistics.marts import Year
from pipelines.windows import Ints, Mask
from schemas import nomenclature
from schemas.formats import formats
from schemas.limits import ADULT_AGE

_CODES = ("class_", "character", "domain", "sector", "trade")
CIVIL, MILITARY = (
    formats()["TRAVAILLEURS"].column("caractereActivite").codes.index(code) for code in ("Civil", "Militaire")
)
_NATURAL = nomenclature.codes("domaine_activite").index("400000")
_NO_START = -1_000_000


@dataclass(frozen=True)
class Population:
    """Persons in ascending order, one a place, and the facts of the year.

    ``who``: for each fact, the place of its person. ``establishment`` and the codes (positions in their lists, -1 for
    none) are those of the attachment that the person counts under. ``minor``: under age on 31 December. ``monitored``:
    has a result of the annual dose; ``usv``: the annual dose, in micro-sievert.
    """

    year: int
    facts: Facts
    who: Ints
    persons: Ints
    establishment: Ints
    class_: Ints
    character: Ints
    domain: Ints
    sector: Ints
    trade: Ints
    minor: Mask
    monitored: Mask
    usv: Ints

    def __len__(self) -> int:
        return len(self.persons)

    def sums(self, *kinds: int) -> tuple[Ints, Ints]:
        """Results and micro-sieverts of some kinds, person by person."""
        chosen = np.isin(self.facts.kind, kinds)
        return tuple(  # type: ignore[return-value]
            np.bincount(self.who[chosen], weights=values[chosen], minlength=len(self)).astype(np.int64)
            for values in (self.facts.results, self.facts.usv)
        )

    def highest(self, kind: int) -> tuple[Ints, Ints]:
        """As :meth:`sums` for what is limited place by place: the sum of the place that received most."""
        mine = np.flatnonzero(self.facts.kind == kind)
        order = mine[np.lexsort((self.facts.place[mine], self.who[mine]))]
        results, _ = self.sums(kind)
        highest = np.zeros(len(self), np.int64)
        if len(order):
            who, place = self.who[order], self.facts.place[order]
            heads = np.flatnonzero(np.concatenate(([True], (np.diff(who) != 0) | (np.diff(place) != 0))))
            np.maximum.at(highest, who[heads], np.add.reduceat(self.facts.usv[order], heads))
        return results, highest

    def scoped(self, scope: str) -> Population:
        """Those of a scope, and their facts."""
        if scope == "tous":
            return self
        natural, military = self.domain == _NATURAL, self.character == MILITARY
        return self._kept(
            {"artificiel": ~natural, "naturel": natural, "civil": ~military, "militaire": military}[scope]
        )

    def of_establishment(self, establishment: int) -> Population:
        """Those who count under an establishment, and their facts."""
        return self._kept(self.establishment == establishment)

    def _kept(self, kept: Mask) -> Population:
        chosen = kept[self.who]
        place = np.cumsum(kept) - 1
        names = ("persons", "establishment", *_CODES, "minor", "monitored", "usv")
        return replace(
            self,
            facts=self.facts.take(chosen),
            who=place[self.who[chosen]],
            **{name: getattr(self, name)[kept] for name in names},
        )


def populate(cursor: Cursor, known: Year, year: int, load: int) -> Population:
    """Give every person of a year its attachment. Who is under age is asked of the database, as of a load."""
    facts, held = known.facts, known.attachments
    asked = {"load": load, "born_by": date(year - ADULT_AGE, 12, 31)}
    (minors,) = fetch_numbers(cursor, sql.query("statistics", "minors"), {"person": "int4"}, asked)
    persons, who = np.unique(facts.person, return_inverse=True)
    annual = np.isin(facts.kind, ANNUAL)
    own = np.where(annual, facts.usv, 0)
    results = np.where(annual, facts.results, 0)
    pair, site, sums, counts = _pairs(who, facts.establishment, own, results)
    wide = int(facts.establishment.max(initial=0)) + 1
    at = _found(np.searchsorted(persons, held.person) * wide + held.establishment, pair * wide + site)
    attached = at >= 0
    start = np.where(attached, held.start[at] if len(held) else 0, _NO_START)
    siret = np.where(attached, held.siret[at] if len(held) else 0, 0)
    order = np.lexsort((-siret, start, sums, attached, counts > 0, pair))
    last = order[np.flatnonzero(np.diff(pair[order], append=len(persons)) != 0)]
    told = {name: np.where(attached[last], getattr(held, name)[at[last]] if len(held) else -1, -1) for name in _CODES}
    total = np.bincount(who, weights=own, minlength=len(persons)).astype(np.int64)
    monitored = np.bincount(who, weights=results, minlength=len(persons)) > 0
    return Population(
        year=year,
        facts=facts,
        who=who,
        persons=persons,
        establishment=site[last],
        minor=np.isin(persons, minors),
        monitored=monitored,
        usv=total,
        **told,
    )


def _pairs(who: Ints, site: Ints, usv: Ints, results: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """Person and establishment of each pair that occurs, and its sums."""
    wide = int(site.max(initial=0)) + 1
    keys, at = np.unique(who * wide + site, return_inverse=True)
    sums = np.bincount(at, weights=usv, minlength=len(keys)).astype(np.int64)
    counts = np.bincount(at, weights=results, minlength=len(keys)).astype(np.int64)
    return keys // wide, keys % wide, sums, counts


def _found(held: Ints, wanted: Ints) -> Ints:
    """For each wanted key, its place among those held; -1 where it is not held."""
    if not len(held):
        return np.full(len(wanted), -1)
    order = np.argsort(held)
    at = np.minimum(np.searchsorted(held[order], wanted), len(held) - 1)
    return np.where(held[order][at] == wanted, order[at], -1)
