"""Chooses the rows that will bear a fault, and prepares what each fault needs around it."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import numpy as np

from pipelines.simulation import faults, identities
from pipelines.simulation.employers import Establishment
from pipelines.simulation.flaws import Context
from pipelines.simulation.national import Country
from pipelines.simulation.sheets import Note, Sheet
from schemas import codebook
from schemas.codebook import Severity

#: Rows that wait are planted only where they still wait at the end (the queue gives up after 90 days).
_WAITING_DAYS = 60
_FURTHER = frozenset({"IDT-05", "IDT-07", "IDT-10", "IDT-11", "AVT-10"})
_UNREGISTERED_RANK = 9000


@dataclass
class Source:
    """Where a row of a measure file comes from."""

    worker: int
    place: int


@dataclass
class Planter:
    """Plants faults at a rate, the rarest code first, and keeps what stage 4 needs.

    Attributes:
        counts: how often each (format, code) was planted.
        rejected: (sheet, row as it should have been) of rows that their sender will send again.
        supplement: establishments that the register learns of in the last stage.
    """

    country: Country
    rate: float
    end: date
    rng: np.random.Generator
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    rejected: list[tuple[Sheet, dict[str, str]]] = field(default_factory=list)
    supplement: list[int] = field(default_factory=list)
    _moved: defaultdict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    _anywhere: Counter[str] = field(default_factory=Counter)
    _pools: dict[tuple[str, str, int], list[int]] = field(default_factory=dict)
    _ranks: Counter[int] = field(default_factory=Counter)

    def spread(self, sheet: Sheet, sources: list[Source], sender: tuple[str, int]) -> list[int]:
        """Plant faults in a measure file.

        Args:
            sheet: rows without fault; rows that wait for their employer's list carry a note.
            sources: one for each row.
            sender: kind (``lab``, ``site``, ``physician`` or ``aircrew``) and rank of the sender.

        Returns:
            Rows left untouched that no fault refers to: they can serve corrections.
        """
        clean = [at for at in range(len(sheet)) if at not in sheet.notes]
        number = round(len(sheet) * self.rate)
        if self.rate and not number and len(sheet) >= 10:
            number = 1
        number = min(number, len(clean) // 2)
        chosen = sorted(self.rng.choice(len(clean), number, replace=False).tolist()) if number else []
        touched = {clean[at] for at in chosen}
        for at in sorted(touched):
            self._one(sheet, at, sources[at], sender)
        return [at for at in clean if at not in touched]

    def _one(self, sheet: Sheet, at: int, source: Source, sender: tuple[str, int]) -> None:
        row = sheet.row(at)
        code = self.choose(sheet, row)
        if code is None:
            return
        last = ""
        context = Context(registry_date=sheet.registry_date, fixed=sheet.dialect.fixed)
        if code in _FURTHER:
            context, last = self._around(code, source, sender, context)
        elif code == "IDT-06":
            context = replace(context, unknown_nir=self.unknown(row["NIR"]))
        elif code == "IDT-09":
            context = replace(context, start=self.country.start_of(source.worker))
        elif code == "MET-10":
            context = replace(context, new_id=f"X{sheet.registry_date:%Y%m%d}{sum(self.counts.values()):07d}")
        elif code == "IDT-08":
            context = replace(context, other_name=self.other_name(row["NOM"]))
        planted = faults.plant(code, sheet.format, row, self.rng, context)
        if code in faults.BESIDE:
            sheet.append(planted, faults.carried(code, sheet.format), last)
        else:
            sheet.replace(at, planted)
            sheet.notes[at] = Note(faults.carried(code, sheet.format), last)
            if codebook.book()[code].severity is Severity.REJECT:
                self.rejected.append((sheet, row))
        self.count(sheet.format, code)

    def count(self, format_name: str, code: str) -> None:
        """Remember that ``code`` was planted."""
        self.counts[format_name, code] += 1
        self._anywhere[code] += 1

    def choose(self, sheet: Sheet, row: dict[str, str], among: tuple[str, ...] | None = None) -> str | None:
        """A code planted nowhere yet, else the one planted least in this format, among those that fit the row."""
        possible = []
        for code in among or faults.PLANTABLE[sheet.format]:
            waits = codebook.book()[code].severity is Severity.HOLD
            if waits and sheet.registry_date < self.end - timedelta(days=_WAITING_DAYS):
                continue
            if code == "AVT-03" and sheet.dialect.comma:
                continue
            if code in faults.NOT_IN_FIXED_WIDTH and sheet.dialect.fixed:
                continue
            if faults.fits(code, sheet.format, row, sheet.registry_date):
                possible.append(code)
        if not possible:
            return None
        times = {code: (self._anywhere[code] > 0, self.counts[sheet.format, code]) for code in possible}
        fewest = min(times.values())
        rare = [code for code in possible if times[code] == fewest]
        return rare[int(self.rng.integers(0, len(rare)))]

    # --- what a fault needs around it --------------------------------------------------------------

    def _around(self, code: str, source: Source, sender: tuple[str, int], context: Context) -> tuple[Context, str]:
        """An establishment made for the fault; the second value is the row's last outcome, if it moves."""
        work, further = self.country.work, self.country.further
        cured = self.rng.random() < 0.6
        if code == "IDT-05":
            place = self._unregistered(source.place)
            if cured:
                self.supplement.append(place)
                further.append((source.worker, place, 4))
            return replace(context, unknown_siret=work.establishments[place].siret), "INTEGRE" if cured else ""
        if code == "IDT-07":
            place = self._somewhere("open", sender, source)
            if cured:
                further.append((source.worker, place, 4))
            return replace(context, elsewhere=work.establishments[place].siret), "INTEGRE" if cured else ""
        kind = {"IDT-10": "foreign", "IDT-11": "closed", "AVT-10": "quiet"}[code]
        place = self._somewhere(kind, sender, source)
        further.append((source.worker, place, 2))
        name = work.establishments[place].siret
        return replace(context, outside=name, closed=name, undesignated=name), ""

    def _somewhere(self, kind: str, sender: tuple[str, int], source: Source) -> int:
        """An establishment of the kind where the worker is not attached: of a pool made once a sender."""
        pool = self._pools.setdefault((kind, *sender), [])
        tied = {int(at) for at in self.country.work.places[source.worker]}
        tied |= self._moved[source.worker]
        home = self.country.work.owner[source.place]
        for place in pool:
            if place not in tied:
                self._moved[source.worker].add(place)
                return place
        details: dict[str, object] = {"lab": sender[1] if sender[0] == "lab" else 0}
        details["sites"] = (sender[1],) if sender[0] == "site" else ()
        if sender[0] == "physician":
            details["physician"] = sender[1] + (kind == "foreign")
        if kind == "closed":
            details["closed_on"] = f"{self.country.year - 1}-07-01"
        elif kind == "quiet":
            details["designates"] = False
        pool.append(self.country.work.add(home, **details))
        self._moved[source.worker].add(pool[-1])
        return pool[-1]

    def _unregistered(self, place: int) -> int:
        work = self.country.work
        model = work.establishments[place]
        owner = work.owner[place]
        self._ranks[owner] += 1
        number = identities.siret(work.employers[owner].siren, _UNREGISTERED_RANK + self._ranks[owner])
        work.establishments.append(
            Establishment(
                *(number, model.name, model.town, model.opened_on),
                known=0,
                lab=model.lab,
                sites=model.sites,
                physician=model.physician,
            )
        )
        work.owner.append(owner)
        return len(work.establishments) - 1

    def unknown(self, number: str) -> str:
        """A number close to the right one that nobody bears."""
        taken = self.country.numbers
        rank = int(number[10:])
        while number in taken:
            rank = rank % 999 + 1
            number = f"{number[:10]}{rank:03d}"
        taken.add(number)
        return number

    def other_name(self, name: str) -> str:
        """Another birth name."""
        names = [one for one in identities.listed("noms") if one != name]
        return names[int(self.rng.integers(0, len(names)))]
