"""The yearly tables again, written from the contract alone: plain lists, one row at a time, no arrays, no SQL."""

from __future__ import annotations

import statistics
from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from twin import exceedances

Figures = dict[str, str]
#: Tables by name, rows by code, cells by column.
Tables = dict[str, dict[str, Figures]]
#: Attachment that a person counts under: (class, character, domain, sector, trade), or nothing.
Status = tuple[str | None, str, str, str, str]

_PASSIVE_MONITORS = ("MES", "INF", "EST", "PER", "DET")
_BODY = ("0", "]0;1]", "]1;5]", "]5;10]", "]10;15]", "]15;20]", ">20")
_SKIN = ("0", "]0;50]", "]50;150]", "]150;500]", ">500")
_EMPTY = "(vide)"
_SKIN_KINDS = ("PAS-HP007-PEAU", "PAS-HP007-EXT")


@dataclass(frozen=True)
class Result:
    """A PASSIVE, ENGAGEE or NAVIGANT row; ``state`` of the last two is MES."""

    worker: int
    site: int
    kind: str
    place: str
    start: date
    end: date
    state: str
    usv: int


@dataclass(frozen=True)
class Passage:
    worker: int
    site: int
    kind: str
    end: date
    usv: int


@dataclass(frozen=True)
class Exam:
    worker: int
    site: int
    kind: str
    day: date
    analysis: str
    state: str
    activity: int


@dataclass
class Attachment:
    """Periods (first day, last or none) and what holds from a day on."""

    periods: list[tuple[date, date | None]] = field(default_factory=list)
    statuses: dict[date, Status] = field(default_factory=dict)


@dataclass
class World:
    """All that holds. ``alias``: worker to person; sites in the order of their SIRET."""

    results: list[Result] = field(default_factory=list)
    passages: list[Passage] = field(default_factory=list)
    exams: list[Exam] = field(default_factory=list)
    attachments: dict[tuple[int, int], Attachment] = field(default_factory=dict)
    alias: dict[int, int] = field(default_factory=dict)
    births: dict[int, date] = field(default_factory=dict)
    siret: dict[int, str] = field(default_factory=dict)

    def person(self, worker: int) -> int:
        return self.alias.get(worker, worker)


@dataclass
class Person:
    """What a year holds of a person."""

    annual: dict[int, int] = field(default_factory=lambda: defaultdict(int))  # by site
    seen_at: set[int] = field(default_factory=set)
    monitored_at: set[int] = field(default_factory=set)
    organ: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))  # by kind and place
    organ_seen: set[str] = field(default_factory=set)
    passive_usv: int = 0
    effective: int = 0
    committed: list[int] = field(default_factory=list)
    passages: list[Passage] = field(default_factory=list)
    exams: list[Exam] = field(default_factory=list)
    status: Status | None = None

    @property
    def usv(self) -> int:
        return sum(self.annual.values())


def number(value: Fraction | int | None, decimals: int) -> str:
    if value is None:
        return ""
    unit = Decimal(1).scaleb(-decimals)
    whole = Fraction(value)
    exact = Decimal(whole.numerator) * Decimal(10) ** 30 / Decimal(whole.denominator)
    return str((exact / Decimal(10) ** 30).quantize(unit, ROUND_HALF_UP))


def bracket(usv: int, bounds: tuple[int, ...], names: tuple[str, ...]) -> str:
    if usv == 0:
        return names[0]
    for bound, name in zip(bounds, names[1:], strict=False):
        if usv <= 1000 * bound:
            return name
    return names[-1]


def body_bracket(usv: int) -> str:
    return bracket(usv, (1, 5, 10, 15, 20), _BODY)


def skin_bracket(usv: int) -> str:
    return bracket(usv, (50, 150, 500), _SKIN)


def limit(quantity: str, year: int, minor: bool) -> int:
    if minor:
        return {"EFFICACE": 6_000, "CRISTALLIN": 15_000, "PEAU": 150_000, "EXTREMITES": 150_000}[quantity]
    if quantity == "EFFICACE":
        return 50_000 if year < 2003 else 35_000 if year < 2005 else 20_000
    if quantity == "CRISTALLIN":
        return 150_000 if year < 2018 else 50_000 if year < 2023 else 20_000
    return 500_000


def gather(world: World, year: int) -> dict[int, Person]:
    """Everybody of whom the year holds anything."""
    persons: dict[int, Person] = defaultdict(Person)
    lives: dict[int, list[Result]] = defaultdict(list)
    for one in world.results:
        lives[world.person(one.worker)].append(replace(one, worker=world.person(one.worker)))
    for who, life in lives.items():
        for one in life:
            if one.end.year != year:
                continue
            person = persons[who]
            person.seen_at.add(one.site)
            if one.kind == "NAVIGANT" or (
                one.kind in ("PAS-HP10-PHO", "PAS-HP10-NEU") and one.state in _PASSIVE_MONITORS
            ):
                person.monitored_at.add(one.site)
            elif one.kind != "ENGAGEE" and one.state in _PASSIVE_MONITORS:
                person.organ_seen.add(one.kind)
        for one in counted(life):
            if one.end.year != year:
                continue
            person = persons[who]
            if one.kind in ("PAS-HP10-PHO", "PAS-HP10-NEU", "NAVIGANT"):
                person.annual[one.establishment] += one.usv
                person.passive_usv += one.usv if one.kind != "NAVIGANT" else 0
            elif one.kind == "ENGAGEE":
                person.committed.append(one.usv)
            else:
                place = one.place if one.kind in _SKIN_KINDS else ""
                person.organ[one.kind, place] += one.usv
            if exceedances.quantity(one.kind) == "EFFICACE":
                person.effective += one.usv
    for passage in world.passages:
        if passage.end.year == year:
            persons[world.person(passage.worker)].passages.append(passage)
            persons[world.person(passage.worker)].seen_at.add(passage.site)
    for exam in world.exams:
        if exam.day.year == year:
            persons[world.person(exam.worker)].exams.append(exam)
            persons[world.person(exam.worker)].seen_at.add(exam.site)
    for who, person in persons.items():
        person.status = status(world, who, person, year)
    return dict(persons)


def life_of(world: World) -> list[exceedances.Result]:
    """Results with a value, as the exceedances' twin takes them."""
    return [
        exceedances.Result(
            world.person(one.worker), one.site, one.kind, one.place, one.start, one.end,
            0 if one.state == "INF" else one.usv,
        )
        for one in world.results
        if one.state in ("MES", "INF", "EST")
    ]  # fmt: skip


def counted(life: list[Result]) -> list[exceedances.Result]:
    return exceedances.counted(life_of(World(results=life)))


def status(world: World, who: int, person: Person, year: int) -> Status | None:
    """What holds on the attachment that the person counts under."""
    last_day = date(year, 12, 31)
    best: tuple[tuple[int, date, list[int]], Status] | None = None
    for site in person.monitored_at or person.seen_at:
        period: tuple[tuple[bool, int, bool], date, date | None, Attachment] | None = None
        for (worker, place), attachment in world.attachments.items():
            if world.person(worker) != who or place != site:
                continue
            for start, end in attachment.periods:
                rank = (start > last_day, abs((start - last_day).days), worker != who)
                if period is None or rank < period[0]:
                    period = (rank, start, end, attachment)
        if period is None:
            continue
        _, start, end, attachment = period
        day = min(last_day, end) if end else last_day
        held = [since for since in attachment.statuses if since <= day]
        since = max(held) if held else min(attachment.statuses)
        # Of equals the lowest SIRET: the digits turned round compare the other way.
        siret = [-int(sign) for sign in world.siret[site]]
        rank = (person.annual.get(site, 0) if person.monitored_at else 0, start, siret)
        if best is None or rank > best[0]:
            best = (rank, attachment.statuses[since])
    return best[1] if best else None


def in_scope(person: Person, scope: str) -> bool:
    character, domain = (person.status[1], person.status[2]) if person.status else ("", "")
    return {
        "tous": True,
        "artificiel": domain != "400000",
        "naturel": domain == "400000",
        "civil": character != "Militaire",
        "militaire": character == "Militaire",
    }[scope]


def report_domain(person: Person) -> str:
    if person.status is None:
        return _EMPTY
    _, _, domain, sector, _ = person.status
    if domain in ("100000", "300000", "400000", "500000"):
        return domain
    if domain == "200000":
        return {"201000": "500000", "202000": "100000"}.get(sector, "300000")
    return "601000" if sector in ("601000", "601010", "601020") else "600000"


def category(person: Person) -> str:
    code = person.status[0] if person.status else None
    return code if code in ("A", "B", "NC") else _EMPTY


def dose_row(mine: list[tuple[Person, bool]], year: int) -> Figures:
    """A row of the dose tables. ``mine``: monitored persons, and whether each is under age."""
    doses = [Fraction(person.usv, 1000) for person, _ in mine]
    exposed = [dose for dose in doses if dose > 0]
    row = {
        "suivis": str(len(doses)),
        "exposes": str(len(exposed)),
        "dose_collective_hsv": number(sum(doses, Fraction(0)) / 1000, 6),
        "moyenne_suivis_msv": number(statistics.mean(doses) if doses else None, 6),
        "moyenne_exposes_msv": number(statistics.mean(exposed) if exposed else None, 6),
        "mediane_msv": number(statistics.median(doses) if doses else None, 6),
        "depassements": str(sum(person.usv > limit("EFFICACE", year, minor) for person, minor in mine)),
    }
    for name, at in (("p95_msv", 94), ("p99_msv", 98)):
        if len(doses) < 2:
            row[name] = number(doses[0], 6) if doses else ""
        else:
            row[name] = number(statistics.quantiles(doses, n=100, method="inclusive")[at], 6)
    for name in _BODY:
        row[name] = str(sum(body_bracket(person.usv) == name for person, _ in mine))
    return row


def lies_in(sector: str, above: str) -> bool:
    if above.endswith("000"):
        return sector[:3] == above[:3]
    return sector[:5] == above[:5] if above.endswith("0") else sector == above


def tables(world: World, year: int, scope: str, sectors: list[str], trades: list[str]) -> Tables:
    """All tables but the senders'; of the exceedances the calendar and rolling counts and those detected."""
    everybody = {who: one for who, one in gather(world, year).items() if in_scope(one, scope)}
    minors = {who: exceedances.is_minor(world.births.get(who), date(year, 12, 31)) for who in everybody}
    monitored = [(one, minors[who]) for who, one in everybody.items() if one.monitored_at]
    made: Tables = {}

    ministry = ("0", "]0;1]", "]1;5]", "]5;10]", ">10")
    made["categories"] = {}
    for code in ("A", "B", "NC", _EMPTY, "Total"):
        mine = [one for one, _ in monitored if code in ("Total", category(one))]
        row = {name: str(sum(bracket(one.usv, (1, 5, 10), ministry) == name for one in mine)) for name in ministry}
        made["categories"][code] = row | {"Total": str(len(mine))}

    def sorted_by(name: str, codes: list[str], lies: dict[str, list[tuple[Person, bool]]]) -> None:
        made[name] = {code: dose_row(lies.get(code, []), year) for code in [*codes, _EMPTY]}
        made[name]["Total"] = dose_row(monitored, year)

    by_domain, by_sector, by_trade, by_tree = (defaultdict(list) for _ in range(4))
    for pair in monitored:
        held = pair[0].status
        sector, trade = (held[3], held[4]) if held else (_EMPTY, _EMPTY)
        by_domain[report_domain(pair[0])].append(pair)
        by_sector[sector].append(pair)
        by_trade[trade].append(pair)
        for code in (*sectors, _EMPTY):
            if code == sector or (sector != _EMPTY and code != _EMPTY and lies_in(sector, code)):
                by_tree[code].append(pair)
    domains = ["100000", "500000", "300000", "400000", "601000", "600000"]
    sorted_by("domaines", domains, by_domain)
    sorted_by("secteurs", sectors, by_sector)
    sorted_by("secteurs_cumul", sectors, by_tree)
    sorted_by("metiers", trades, by_trade)

    doses = [one.usv for one, _ in monitored]
    whole, exposed = sum(doses), sum(usv > 0 for usv in doses)
    made["distribution"] = {}
    for bound in (15, 10, 5, 1):
        over = [usv for usv in doses if usv > 1000 * bound]
        shares = {
            "nr_suivis": Fraction(len(over), len(doses)) if doses else None,
            "nr_exposes": Fraction(len(over), exposed) if exposed else None,
            "sr_suivis": Fraction(sum(over), whole) if whole else None,
            "sr_exposes": Fraction(sum(over), whole) if whole else None,
        }
        made["distribution"][str(bound)] = {
            "effectif": str(len(over)),
            "dose_collective_hsv": number(Fraction(sum(over), 10**6), 6),
            **{name: number(share, 6) for name, share in shares.items()},
        }

    made["organes"] = {}
    kinds = {"CRISTALLIN": "PAS-HP3", "PEAU": "PAS-HP007-PEAU", "EXTREMITES": "PAS-HP007-EXT", "RADON": "PAS-E-RADON"}
    for code, kind in kinds.items():
        mine = [
            (max([usv for (of, _), usv in one.organ.items() if of == kind], default=0), minors[who])
            for who, one in everybody.items()
            if kind in one.organ_seen
        ]
        quantity = "EFFICACE" if code == "RADON" else code
        row = dict.fromkeys((*_BODY, *_SKIN[1:]), "")
        names, of = (_SKIN, skin_bracket) if kind in _SKIN_KINDS else (_BODY, body_bracket)
        row |= {name: str(sum(of(usv) == name for usv, _ in mine)) for name in names}
        row |= {"suivis": str(len(mine)), "exposes": str(sum(usv > 0 for usv, _ in mine))}
        row["depassements"] = str(sum(usv > limit(quantity, year, minor) for usv, minor in mine))
        made["organes"][code] = row

    made["interne"] = {}
    for kind in ("RTU", "RTS", "RTM", "ANT-CE", "ANT-TH", "ANT-PU"):
        done, positive, workers = set(), set(), set()
        for who, one in everybody.items():
            for exam in one.exams:
                if exam.kind == kind and exam.state != "ABS":
                    done.add((who, exam.site, exam.analysis))
                    workers.add(who)
                    if exam.state == "MES" and exam.activity > 0:
                        positive.add((who, exam.site, exam.analysis))
        row = {"examens": str(len(done)), "positifs": str(len(positive)), "travailleurs": str(len(workers))}
        made["interne"][kind] = row | dict.fromkeys(_BODY, "")
    evaluated = [one.committed for one in everybody.values() if one.committed]
    made["interne"]["INT-E50"] = {
        "examens": str(sum(map(len, evaluated))),
        "positifs": str(sum(sum(one) > 0 for one in evaluated)),
        "travailleurs": str(len(evaluated)),
        **{name: str(sum(body_bracket(sum(one)) == name for one in evaluated)) for name in _BODY},
    }

    made["operationnelle"] = {}
    for code in (*domains, _EMPTY, "Total"):
        mine = [one for one in everybody.values() if one.passages and code in ("Total", report_domain(one))]
        usv = sum(each.usv for one in mine for each in one.passages if each.kind != "OPE-HP007")
        beside = sum(one.passive_usv for one in mine)
        made["operationnelle"][code] = {
            "enregistrements": str(sum(len(one.passages) for one in mine)),
            "travailleurs": str(len(mine)),
            "dose_collective_hsv": number(Fraction(usv, 10**6), 6),
            "dose_collective_passive_hsv": number(Fraction(beside, 10**6), 6),
            "rapport_passif": number(Fraction(usv, beside) if beside else None, 6),
        }

    made["depassements"] = {}
    found = exceedances.exceedances(life_of(world), world.births)
    for code in ("EFFICACE", "CRISTALLIN", "PEAU", "EXTREMITES"):
        above = 0
        for who, one in everybody.items():
            usv = one.effective
            if code != "EFFICACE":
                usv = max([usv for (of, _), usv in one.organ.items() if of == kinds[code]], default=0)
            above += usv > limit(code, year, minors[who])
        rolling = [
            one
            for one in found
            if one.window_end.year == year and one.person in everybody and one.limit.startswith(code[:3])
        ]
        made["depassements"][code] = {
            "calendaire": str(above),
            "glissant": str(len({one.person for one in rolling})),
            "detecte": str(len(rolling)),
        }
    return made
