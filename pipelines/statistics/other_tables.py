"""The tables beside the annual dose: organs and radon, internal, operational, exceedances."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import numpy as np

import sql
from loaders.bulk import Cursor
from pipelines.statistics import activities
from pipelines.statistics.activities import TOTAL, TOTAL_LABEL
from pipelines.statistics.cells import (
    ANNUAL_BRACKETS,
    SKIN_BRACKETS,
    Basis,
    Brackets,
    Cell,
    Column,
    Row,
    Table,
    Unit,
    basis,
)
from pipelines.statistics.facts import (
    EFFECTIVE,
    EXTREMITIES,
    INTERNAL,
    LENS,
    NEUTRONS,
    OPERATIONAL,
    PHOTONS,
    RADON,
    SKIN,
)
from pipelines.statistics.limits_of_year import of_year
from pipelines.statistics.population import Population
from pipelines.statistics.tables import ABOVE, DOSE, EXPOSED, MONITORED, Doses
from pipelines.windows import COMMITTED, Ints, Mask
from schemas.formats import interne, operationnelle
from schemas.limits import by_code

_BLANK = Cell(None)
_EXAMS = {
    "RTU": "Radiotoxicologie urinaire",
    "RTS": "Radiotoxicologie des selles",
    "RTM": "Mouchages",
    "ANT-CE": "Anthroporadiamétrie du corps entier",
    "ANT-TH": "Anthroporadiamétrie de la thyroïde",
    "ANT-PU": "Anthroporadiamétrie pulmonaire",
}
#: States of an exceedance in the order of the table, in words.
STATES = {
    "DETECTE": "Détectés",
    "NOTIFIE": "Notifiés",
    "MAINTENU": "Maintenus par le médecin",
    "MODIFIE": "Modifiés par le médecin",
    "ANNULE": "Annulés par le médecin",
    "RETENU_PAR_DEFAUT": "Retenus par défaut",
    "CADUC": "Caducs",
    "REPRISE": "Repris de l'historique",
}
#: What a physician has confirmed, and what is no exceedance any more.
CONFIRMED, VOID = ("MAINTENU", "MODIFIE"), ("ANNULE", "CADUC")
LIMITS = {
    "EFFICACE": "Dose efficace",
    "CRISTALLIN": "Cristallin",
    "PEAU": "Peau",
    "EXTREMITES": "Extrémités",
}
_WHOLE_BODY = [
    OPERATIONAL + at for at, name in enumerate(operationnelle.TYPES) if name in ("OPE-HP10-PHO", "OPE-HP10-NEURAP")
]


def organs(population: Population) -> Table:
    """Lens, skin, extremities and radon. Skin and extremities: the place that received most, since the limit is the
    place's."""
    kinds = (
        ("CRISTALLIN", "Cristallin", "CRISTALLIN", population.sums(LENS), ANNUAL_BRACKETS),
        ("PEAU", "Peau, emplacement le plus exposé", "PEAU", population.highest(SKIN), SKIN_BRACKETS),
        (
            *("EXTREMITES", "Extrémités, emplacement le plus exposé", "EXTREMITES"),
            *(population.highest(EXTREMITIES), SKIN_BRACKETS),
        ),
        ("RADON", "Radon", "EFFICACE", population.sums(RADON), ANNUAL_BRACKETS),
    )
    rows = []
    for code, label, quantity, (results, usv), brackets in kinds:
        above = usv > of_year(quantity, population.year, population.minor)
        held = Doses(population.establishment, usv, above).take(results > 0)
        cells = (held.count(), held.count(held.usv > 0), *_in_brackets(held, brackets), held.count(held.above))
        rows.append(Row(code, label, cells))
    columns = (MONITORED, EXPOSED, *_BOTH, ABOVE)
    return Table("organes", "Cristallin, peau, extrémités et radon", columns, tuple(rows))


#: Columns of both families of brackets: the 0 that they share, then those of the body, then those of the skin.
_BOTH = (*ANNUAL_BRACKETS.columns, *SKIN_BRACKETS.columns[1:])


def _in_brackets(held: Doses, brackets: Brackets) -> tuple[Cell, ...]:
    counted = dict(zip(brackets.names, held.brackets(brackets), strict=True))
    return tuple(counted.get(column.name, _BLANK) for column in _BOTH)


def internal(population: Population) -> Table:
    """Examinations by type, and the committed doses."""
    rows = []
    columns = (
        Column("examens", "Examens (un même identifiant d'analyse compte une fois)", Unit.COUNT),
        Column("positifs", "Examens positifs", Unit.COUNT),
        Column("travailleurs", "Travailleurs examinés", Unit.COUNT),
        *ANNUAL_BRACKETS.columns,
    )
    for at, name in enumerate(interne.EXAMS):
        done, positive = population.sums(INTERNAL + at)
        rows.append(Row(name, _EXAMS[name], (*_examined(population, done, positive), *[_BLANK] * len(_brackets()))))
    evaluations, usv = population.sums(COMMITTED)
    facts = population.facts.of(COMMITTED)
    held = Doses(population.establishment, usv, usv > 0).take(evaluations > 0)
    body = held.basis()
    cells = (
        Cell(int(facts.results.sum()), body),
        Cell(body.workers - held.basis(held.usv == 0).workers, held.basis(held.usv > 0)),
        Cell(body.workers, body),
        *held.brackets(ANNUAL_BRACKETS),
    )
    rows.append(Row("INT-E50", "Dose efficace engagée (évaluations, travailleurs exposés, doses annuelles)", cells))
    return Table("interne", "Surveillance de l'exposition interne", columns, tuple(rows))


def _brackets() -> tuple[Column, ...]:
    return ANNUAL_BRACKETS.columns


def _examined(population: Population, done: Ints, positive: Ints) -> tuple[Cell, Cell, Cell]:
    seen = basis(population.establishment[done > 0], done[done > 0])
    found = basis(population.establishment[positive > 0], positive[positive > 0])
    return Cell(int(done.sum()), seen), Cell(int(positive.sum()), found), Cell(seen.workers, seen)


def operational(population: Population) -> Table:
    """Operational doses by domain, and beside them the passive dose of the same workers."""
    records, _ = population.sums(*range(OPERATIONAL, OPERATIONAL + len(operationnelle.TYPES)))
    _, usv = population.sums(*_WHOLE_BODY)
    _, passive_usv = population.sums(PHOTONS, NEUTRONS)
    sorting = activities.domains()
    row = sorting.row_of[population.sector]
    columns = (
        Column("enregistrements", "Enregistrements", Unit.COUNT),
        Column("travailleurs", "Travailleurs", Unit.COUNT),
        DOSE,
        Column("dose_collective_passive_hsv", "Dose passive des mêmes travailleurs, homme.Sv", Unit.MAN_SIEVERT),
        Column("rapport_passif", "Rapport de la dose opérationnelle à la dose passive", Unit.SHARE),
    )

    def cells(chosen: Mask) -> tuple[Cell, ...]:
        held = basis(population.establishment[chosen], usv[chosen])
        beside = basis(population.establishment[chosen], passive_usv[chosen])
        ratio = Fraction(held.usv, beside.usv) if beside.usv else None
        return (
            Cell(int(records[chosen].sum()), held),
            Cell(held.workers, held),
            Cell(Fraction(held.usv, 1_000_000), held),
            Cell(Fraction(beside.usv, 1_000_000), beside),
            Cell(ratio, held),
        )

    worn = records > 0
    rows = [Row(code, label, cells(worn & (row == at)), TOTAL) for at, (code, label) in enumerate(sorting.rows)]
    rows.append(Row(TOTAL, TOTAL_LABEL, cells(worn)))
    return Table("operationnelle", "Dosimétrie opérationnelle, à côté de la passive", columns, tuple(rows))


def exceedances(cursor: Cursor, everybody: Population, load: int, scope: str) -> Table:
    """Workers above each limit over the civil year and over twelve months, and the exceedances by state.

    Args:
        everybody: the population before its scope. Who has an exceedance and nothing more in the year (all annulled
            since) counts as who has no attachment does.
    """
    population = everybody.scoped(scope)
    known = set(everybody.persons.tolist())
    asked = {"load": load, "year": population.year}
    found = cursor.execute(sql.query("statistics", "exceedances"), asked).fetchall()
    place = {person: at for at, person in enumerate(population.persons.tolist())}
    unattached = scope in ("tous", "artificiel", "civil")
    columns = (
        Column("calendaire", "Travailleurs au-dessus de la limite, année civile", Unit.COUNT),
        Column("calendaire_confirmes", "Dont confirmés par le médecin", Unit.COUNT),
        Column("glissant", "Travailleurs au-dessus de la limite, 12 mois consécutifs", Unit.COUNT),
        Column("glissant_confirmes", "Dont confirmés par le médecin", Unit.COUNT),
        *(Column(state.lower(), f"Dépassements : {words.lower()}", Unit.COUNT) for state, words in STATES.items()),
    )
    rows = []
    for quantity, label in LIMITS.items():
        states: Counter[str] = Counter()
        whom: dict[str, set[int]] = {"all": set(), "confirmed": set(), **{state: set() for state in STATES}}
        for person, code, state, usv, held in found:
            limit = by_code()[code]
            if limit.quantity != quantity or not (person in place or (unattached and person not in known)):
                continue
            states[state] += 1
            whom[state].add(person)
            if held and usv > limit.usv and state not in VOID:
                whom["all"].add(person)
                if state in CONFIRMED:
                    whom["confirmed"].add(person)
        usv = _calendar(population, quantity)
        above = usv > of_year(quantity, population.year, population.minor)
        confirmed = above & np.isin(population.persons, list(whom["confirmed"]))

        def about(persons: set[int], usv: Ints = usv) -> Basis:
            at = np.array([place[one] for one in persons if one in place], np.int64)
            held = basis(population.establishment[at], usv[at])
            return Basis(len(persons), held.establishments, held.usv, held.largest_usv)

        counted = [basis(population.establishment[chosen], usv[chosen]) for chosen in (above, confirmed)]
        counted += [about(whom["all"]), about(whom["confirmed"])]
        cells = [Cell(one.workers, one) for one in counted]
        cells += [Cell(states[state], about(whom[state])) for state in STATES]
        rows.append(Row(quantity, label, tuple(cells)))
    return Table("depassements", "Dépassements des limites d'exposition", columns, tuple(rows))


def _calendar(population: Population, quantity: str) -> Ints:
    """The sum of a civil year that is held against a limit."""
    if quantity == "PEAU":
        return population.highest(SKIN)[1]
    if quantity == "EXTREMITES":
        return population.highest(EXTREMITIES)[1]
    return population.sums(*((LENS,) if quantity == "CRISTALLIN" else EFFECTIVE))[1]
