"""Where a waiting row may belong: another establishment, or a period of attachment that is off by days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import log2

from pipelines import variants
from pipelines.candidates import Person, Place, Stay
from pipelines.likeness import shares
from pipelines.match import TOLERANCE_DAYS
from pipelines.people import Proposal, day, proposal, sentence, since
from pipelines.variants import Slip, siret_slip
from pipelines.waiting import Row

#: Bits (see likeness) for what a SIRET sent and another have to do with each other, by what the row waits for.
#: An unknown SIRET was not sent for itself; one of the register may be right and the worker undeclared.
_RELATIONS = {
    "IDT-05": {
        Slip.TRANSPOSED: 15.0,
        Slip.ZEROS: 14.5,
        Slip.PAIRS: 10.0,
        Slip.TWO_DIGITS: 7.5,
        Slip.COMPANY: 5.0,
        Slip.FAR: -6.0,
    },
    "IDT-07": {
        Slip.TRANSPOSED: 5.0,
        Slip.ZEROS: 5.0,
        Slip.PAIRS: 1.0,
        Slip.TWO_DIGITS: 0.0,
        Slip.COMPANY: 3.0,
        Slip.FAR: -6.0,
    },
    "IDT-11": {
        Slip.TRANSPOSED: 6.0,
        Slip.ZEROS: 6.0,
        Slip.PAIRS: 4.0,
        Slip.TWO_DIGITS: 3.0,
        Slip.COMPANY: 5.0,
        Slip.FAR: 1.0,
    },
    "IDT-09": {
        Slip.TRANSPOSED: 4.0,
        Slip.ZEROS: 4.0,
        Slip.PAIRS: 2.0,
        Slip.TWO_DIGITS: 2.0,
        Slip.COMPANY: 2.0,
        Slip.FAR: 0.0,
    },
}
#: The establishment sent does not designate the sender (AVT-10): the SIRET is doubtful.
_NOT_DESIGNATED = 6.0
_OVER = -4.0
#: An establishment where the worker is not attached: in use, or not known to employ any worker.
_IN_USE, _NOT_IN_USE = -12.0, -17.0
_SIBLING = 0.0
#: A closed establishment where the worker is not attached either: the sender's file is old; and a successor
#: where a worker who is attached elsewhere is not.
_NEITHER_CLOSED, _NOT_WITH_IT = 2.0, -4.0
#: Days around a closing within which a successor opens.
_AT_ONCE_DAYS, _SOON_DAYS = 62, 400
#: Days beyond the tolerance, and what they leave of the belief that the dates are off.
_OFF = ((7, 3.0), (31, 2.0), (92, 0.5), (366, -1.5))
_OFF_FAR = -4.0
#: Where a person is worth less, the attachments are not looked at.
_BELIEVED = 0.3


@dataclass(frozen=True)
class _Choice:
    """Something to propose with its weight."""

    champ: str
    valeur: str
    weight: float
    why: tuple[str, ...]
    action: str


def places(
    row: Row,
    person: Person | None,
    certainty: float,
    known: Mapping[str, Place],
    siblings: Mapping[str, Sequence[Place]],
) -> list[Proposal]:
    """Proposals about the establishment or the dates.

    Args:
        person: whom the row is taken to be about, believed with ``certainty``.
        known: establishments by SIRET; ``siblings`` by SIREN.
    """
    reason = next((code for code in ("IDT-05", "IDT-11", "IDT-07", "IDT-09") if code in row.codes), None)
    if reason is None or not row.siret:
        return []
    choices: dict[tuple[str, str], _Choice] = {}

    def add(choice: _Choice | None) -> None:
        if choice is not None:
            held = choices.get((choice.champ, choice.valeur))
            if held is None or held.weight < choice.weight:
                choices[choice.champ, choice.valeur] = choice

    stays = person.stays if person is not None and certainty >= _BELIEVED else []
    # A row of TRAVAILLEURS attaches: where else its worker is says nothing.
    elsewhere = row.layout.measure is not None and any(
        stay.siret != row.siret and stay.off(*_span(row)) <= TOLERANCE_DAYS for stay in stays
    )
    for stay in stays:
        if stay.siret != row.siret and (stay.closed is None or stay.closed > row.day):
            add(_attached(row, stay, reason, known, siblings, log2(certainty)))
    if reason == "IDT-05":
        for siret, slip in variants.siret_variants(row.siret).items():
            if siret in known:
                add(_mistyped(row, known[siret], slip))
    if reason in ("IDT-05", "IDT-11"):
        sisters = [one for one in siblings.get(row.siren, ()) if one.siret != row.siret]
        for other in sisters:
            add(_sibling(row, other, known.get(row.siret), reason, elsewhere, len(sisters)))
    if reason == "IDT-09":
        for stay in stays:
            if stay.siret == row.siret:
                add(_period(row, stay))
    listed = list(choices.values())
    worth = shares([one.weight for one in listed], 0.0)
    return [
        proposal(one.champ, one.valeur, share, sentence(one.why), one.action)
        for one, share in zip(listed, worth, strict=True)
    ]


def _span(row: Row) -> tuple[date, date]:
    return row.start or row.day, row.end or row.day


def _attached(
    row: Row,
    stay: Stay,
    reason: str,
    known: Mapping[str, Place],
    siblings: Mapping[str, Sequence[Place]],
    belief: float,
) -> _Choice | None:
    """An establishment where the person is attached; ``belief``: how sure the person is (bits, at most 0)."""
    slip = siret_slip(row.siret, stay.siret)
    weight = _RELATIONS[reason][slip] + belief
    if slip is Slip.FAR and reason == "IDT-07" and "AVT-10" in row.codes:
        weight += _NOT_DESIGNATED
    off = stay.off(*_span(row))
    if off > TOLERANCE_DAYS:
        if reason == "IDT-09":
            return None
        weight += _OVER
    if reason == "IDT-11":
        of = next((one for one in siblings.get(stay.siret[:9], ()) if one.siret == stay.siret), None)
        weight += max(_succession(of, known.get(row.siret))[0], 0.0) if of else 0.0
        weight += _NEITHER_CLOSED if "IDT-07" in row.codes else 0.0
    why = (
        _relation(row.siret, stay.siret, slip),
        f"le travailleur y est rattaché {since(stay)}" if off <= TOLERANCE_DAYS else f"il y fut rattaché {since(stay)}",
        "l'établissement envoyé ne désigne pas l'émetteur" if "AVT-10" in row.codes and reason == "IDT-07" else "",
    )
    typed = slip in (Slip.TRANSPOSED, Slip.ZEROS, Slip.PAIRS, Slip.TWO_DIGITS)
    return _Choice("SIRET", stay.siret, weight, why, "corriger" if typed else "rattacher")


def _mistyped(row: Row, other: Place, slip: Slip) -> _Choice:
    """An establishment of the register within one slip of the SIRET sent."""
    weight = _RELATIONS["IDT-05"][slip] + (_IN_USE if other.used else _NOT_IN_USE)
    why = (_relation(row.siret, other.siret, slip), f"établissement du registre{_named(other)}", _use(other))
    return _Choice("SIRET", other.siret, weight, why, "corriger")


def _sibling(row: Row, other: Place, closed: Place | None, reason: str, elsewhere: bool, count: int) -> _Choice | None:
    """Another establishment of the company (one of ``count``): of an unknown one, or the successor of a closed one."""
    if not other.open and other.since <= row.day:
        return None
    relation = f"autre établissement de la même entreprise{_named(other)}"
    if reason == "IDT-05":
        weight = _SIBLING - log2(count) - (0 if other.used else 2)
        slip = siret_slip(row.siret, other.siret)
        why = (_relation(row.siret, other.siret, slip) if slip is not Slip.COMPANY else relation, _use(other))
        return _Choice("SIRET", other.siret, weight, why, "rattacher")
    weight, told = _succession(other, closed)
    weight += _NOT_WITH_IT if elsewhere else 0.0
    return _Choice("SIRET", other.siret, weight, (relation, *told), "rattacher")


def _succession(other: Place, closed: Place | None) -> tuple[float, list[str]]:
    """What speaks for an establishment as the successor of a closed one."""
    if closed is None or other.siret[:9] != closed.siret[:9]:
        return -1.0, []
    weight = -1.0
    told = [f"l'établissement envoyé est fermé depuis le {day(closed.since)}"]
    gap = abs((other.since - closed.since).days)
    if gap <= _SOON_DAYS:
        weight += 3 if gap <= _AT_ONCE_DAYS else 1
        told.append(f"celui-ci est ouvert dans cet état depuis le {day(other.since)}")
    for bits, text, one, two in (
        (2, "même commune", other.municipality, closed.municipality),
        (1, "même activité", other.activity, closed.activity),
        (2, "même nom", other.name, closed.name),
    ):
        if one and one == two:
            weight += bits
            told.append(text)
    return weight, told


def _period(row: Row, stay: Stay) -> _Choice | None:
    """The attachment's dates are off: the day that would cover the row."""
    start, end = _span(row)
    early = (stay.start - start).days - TOLERANCE_DAYS
    late = (end - stay.end).days - TOLERANCE_DAYS if stay.end else 0
    beyond = max(early, late)
    if beyond <= 0:
        return None
    weight = next((bits for days, bits in _OFF if beyond <= days), _OFF_FAR)
    if early >= late:
        champ, cure, known = "DATEDEBUT", start, f"le rattachement connu débute le {day(stay.start)}"
    else:
        assert stay.end is not None
        champ, cure, known = "DATEFIN", end, f"le rattachement connu prend fin le {day(stay.end)}"
    spared = TOLERANCE_DAYS if champ == "DATEDEBUT" else -TOLERANCE_DAYS
    least = date.fromordinal(min(max(cure.toordinal() + spared, 1), date.max.toordinal()))
    why = (
        f"{known}, soit {beyond} jour{'s' if beyond > 1 else ''} au-delà des {TOLERANCE_DAYS} tolérés",
        f"il suffirait du {day(least)}",
    )
    return _Choice(champ, day(cure), weight, why, "confirmer")


# --- sentences -------------------------------------------------------------------------------------

_SLIPS = {
    Slip.TRANSPOSED: "deux chiffres intervertis dans le SIRET",
    Slip.ZEROS: "zéros perdus à l'intérieur du SIRET",
    Slip.PAIRS: "deux groupes de chiffres intervertis dans le SIRET",
    Slip.TWO_DIGITS: "deux chiffres du SIRET diffèrent",
    Slip.COMPANY: "autre établissement de la même entreprise",
    Slip.FAR: "établissement d'une autre entreprise",
}


def _relation(sent: str, other: str, slip: Slip) -> str:
    where = variants.differing(sent, other) if slip not in (Slip.COMPANY, Slip.FAR, Slip.ZEROS) else ""
    return f"{_SLIPS[slip]} ({where})" if where else _SLIPS[slip]


def _named(place: Place) -> str:
    return f" ({place.name})" if place.name else ""


def _use(place: Place) -> str:
    return "des travailleurs y sont rattachés" if place.used else "aucun travailleur n'y est rattaché"
