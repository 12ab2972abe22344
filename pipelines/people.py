"""Whom a waiting row may be about: the person under its number, named otherwise, or another with a number near it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from pipelines import variants
from pipelines.candidates import Names, Person, Place, Stay
from pipelines.likeness import Accord, name_weight, number_weight, same_last, shares
from pipelines.match import TOLERANCE_DAYS
from pipelines.names import first_names_agree
from pipelines.variants import Slip
from pipelines.waiting import Row
from schemas.identifiers import is_nia, key_of

Proposal = dict[str, Any]

#: Where the row's person works, before anything else is looked at (bits, see likeness): at the SIRET sent, at
#: another of its company, elsewhere. Where the establishment is unknown, its SIRET says less.
_HERE, _HERE_BEFORE, _COMPANY, _ELSEWHERE = -10.0, -12.0, -18.0, -27.0
_COMPANY_UNKNOWN, _ELSEWHERE_UNKNOWN, _ANYWHERE, _DECLARED = -13.0, -21.0, -21.0, -22.0
#: A number copied from a colleague's line.
_COPIED = 10.7
#: Both names of somebody who works there: together they are rarer than each alone is taken to be.
_WHOLE_NAME = 6.5
#: That the person is in no list; an answer on an identity concerns one that was asked about.
_NOBODY, _NOBODY_ASKED = 1.0, -6.0
_BIRTH, _BIRTH_BESIDE_NUMBER, _BIRTH_OTHER = 13.0, 5.0, -8.0
#: Another candidate above this share is told of.
_RIVAL = 0.05


@dataclass(frozen=True)
class Candidate:
    """A person that the row may be about, with what speaks for it."""

    person: Person
    weight: float
    slip: Slip
    compared: str
    accord: Accord
    names: Names | None
    stay: Stay | None


def proposal(champ: str, valeur: str, score: float, raison: str, action: str) -> Proposal:
    """A proposal as it is shown; ``action`` is what ``siseri queue decide`` would do with it."""
    return {"champ": champ, "valeur": valeur, "score": score, "raison": raison, "action": action}


def people(
    row: Row, own: Person | None, found: Sequence[Person], place: Place | None
) -> tuple[list[Proposal], Person | None, float]:
    """Proposals about the person; whose attachments matter, and how sure that is: those of the person under
    the number sent, or of the likeliest where nobody bears it.

    Args:
        own: the person under the number sent.
        found: all that may be meant, ``own`` included.
        place: the establishment sent, where the registry knows it.
    """
    if not row.nir or not row.codes & {"IDT-06", "IDT-07", "IDT-08"}:
        return [], own, 1.0
    colleague = own is not None and "IDT-08" in row.codes and bool(row.siret) and row.siren in own.sirens
    floor = _COPIED if colleague else -99.0
    candidates = [_weigh(row, person, own, place, floor) for person in found]
    nobody = _NOBODY_ASKED if row.person == "NIA" else _COPIED if colleague else _NOBODY if own is None else 0.0
    worth = shares([one.weight for one in candidates], nobody)
    ranked = sorted(zip(candidates, worth, strict=True), key=lambda pair: -pair[1])
    listed: list[Proposal] = []
    for at, (one, share) in enumerate(ranked):
        rival = any(other > _RIVAL for place_, (_, other) in enumerate(ranked) if place_ != at)
        if one.person is own:
            listed += _names(row, one, share)
        else:
            listed += _number(row, one, share, rival)
    if own is not None:
        return listed, own, next(share for one, share in ranked if one.person is own)
    return (listed, ranked[0][0].person, ranked[0][1]) if ranked else (listed, None, 0.0)


def _weigh(row: Row, person: Person, own: Person | None, place: Place | None, floor: float) -> Candidate:
    weight, slip, compared = number_weight(row.nir, person.nirs)
    if person is own:  # the number may be one of old, that is the person's no more
        weight, slip, compared = max(weight, 31.0), Slip.NONE, row.nir
    else:
        weight = max(weight, floor)
    named, accord, names = name_weight(row.last, row.first, row.sex or person.sex, person.names)
    weight += named
    if row.birth is not None and person.birth is not None:
        beside = compared[1:5] == row.nir[1:5]
        same = _BIRTH_BESIDE_NUMBER if beside else _BIRTH
        weight += same if row.birth == person.birth else _BIRTH_OTHER
    stay = _stay(row, person)
    if accord is Accord.SAME and person is not own and stay is not None and stay.siret == row.siret:
        weight += _WHOLE_NAME if floor > 0 else 0.0
    return Candidate(person, weight + _prior(row, person, stay, place), slip, compared, accord, names, stay)


def _stay(row: Row, person: Person) -> Stay | None:
    """The period at the SIRET sent, or else at its company, nearest to the row's day."""
    if not row.siret:
        return None
    some = [stay for stay in person.stays if stay.siret[:9] == row.siren]
    return min(some, key=lambda stay: (stay.siret != row.siret, stay.off(row.day, row.day)), default=None)


def _prior(row: Row, person: Person, stay: Stay | None, place: Place | None) -> float:
    if not row.siret:
        return _ANYWHERE
    if stay is not None and stay.siret == row.siret:
        return _HERE if stay.off(row.day, row.day) <= TOLERANCE_DAYS else _HERE_BEFORE
    if row.layout.name == "TRAVAILLEURS":  # the row itself attaches
        return _COMPANY if stay is not None else _DECLARED
    mistyped = any(variants.siret_slip(row.siret, one.siret) is not Slip.FAR for one in person.stays)
    if stay is not None or mistyped:
        return _COMPANY if place else _COMPANY_UNKNOWN
    return _ELSEWHERE if place else _ELSEWHERE_UNKNOWN


# --- proposals -------------------------------------------------------------------------------------


def _names(row: Row, one: Candidate, share: float) -> list[Proposal]:
    """The number is right and the names are not the registry's: what they would be."""
    if "IDT-08" not in row.codes or one.accord in (Accord.SAME, Accord.NONE_SENT) or not one.person.names:
        return []
    held = one.person.names[0]
    why = [_ACCORDS[one.accord], "numéro connu", *_facts(row, one)]
    fields = []
    if not same_last(row.last, held.folded_last):
        fields.append(("NOM", held.last))
    if not first_names_agree(row.first, held.folded_first):
        fields.append(("PRENOM", held.first))
    if one.accord is Accord.DIFFERENT:
        fields = []
    elif one.accord is Accord.NEAR and len(fields) == 1:
        column = fields[0][0]
        why[0] = f"{'nom' if column == 'NOM' else 'prénom'} à une faute près de celui connu"
    reason = sentence(why)
    listed = [proposal(column, value, share, reason, "corriger") for column, value in fields]
    if len(fields) != 1 and row.person:
        listed.append(proposal(row.person, row.nir, share - 0.01, reason, "rattacher"))
    return listed


def _number(row: Row, one: Candidate, share: float, rival: bool) -> list[Proposal]:
    """Another person is meant: the number to write."""
    assert row.person is not None
    shown = one.person.nirs
    if row.person == "NIA":
        shown = [number for number in shown if is_nia(number)]
    if not shown:
        return []
    value = shown[0]
    why = [_slip(row.nir, one)]
    if value != one.compared and one.slip is not Slip.FAR:
        why.append("ce numéro est devenu celui proposé" if is_nia(one.compared) else "identités réunies depuis")
    keyed = row.layout.has("CLE") and row.person == "NIR"
    if keyed:
        why.append(f"clé recalculée {key_of(value)}")
    if one.accord is not Accord.NONE_SENT:
        why.append(_ACCORDS[one.accord])
    why += _facts(row, one)
    if rival:
        why.append("une autre personne reste possible")
    plain = one.accord in (Accord.SAME, Accord.NONE_SENT) and not keyed
    return [proposal(row.person, value, share, sentence(why), "corriger" if plain else "rattacher")]


_ACCORDS = {
    Accord.SAME: "nom et prénom concordants",
    Accord.FORMER: "nom et prénom que le travailleur portait auparavant dans le registre",
    Accord.SWAPPED: "nom et prénom intervertis",
    Accord.NEAR: "nom et prénom à une faute près de ceux connus",
    Accord.OTHER_LAST: "prénom concordant sous un autre nom de naissance (nom d'usage ou d'époux possible)",
    Accord.OTHER_FIRST: "nom de naissance concordant sous un autre prénom",
    Accord.DIFFERENT: "nom et prénom sans rapport avec ceux connus",
}
_SLIPS = {
    Slip.WAITING: "même numéro, au premier chiffre près, sous lequel le travailleur est connu",
    Slip.CORSICA: "département corse écrit autrement",
    Slip.TRANSPOSED: "deux chiffres intervertis dans le numéro",
    Slip.PAIRS: "deux groupes de chiffres intervertis dans le numéro",
    Slip.DIGIT: "un chiffre du numéro diffère",
}


def _slip(sent: str, one: Candidate) -> str:
    where = variants.differing(sent, one.compared) if one.compared else ""
    told = _SLIPS.get(one.slip)
    if told is None:
        if where:
            told = "numéro proche"
        elif sent[:5] == one.compared[:5]:
            told = "même sexe, année et mois de naissance dans un numéro par ailleurs différent"
        else:
            told = "numéro d'une autre personne"
    return f"{told} ({where})" if where else told


def _facts(row: Row, one: Candidate) -> list[str]:
    """Birth and attachment, as far as they say something."""
    told = []
    birth = one.person.birth
    if birth is not None:
        if row.birth is not None:
            agrees = row.birth == birth
            told.append(f"naissance le {day(birth)}, {'comme envoyé' if agrees else 'autre que celle envoyée'}")
        elif row.nir[1:5] == f"{birth.year % 100:02d}{birth.month:02d}":
            told.append(f"naissance en {birth:%m/%Y}, comme dans le numéro envoyé")
        else:
            told.append(f"naissance en {birth:%m/%Y}")
    if one.stay is not None:
        where = "à ce SIRET" if one.stay.siret == row.siret else f"à {one.stay.siret}, de la même entreprise,"
        told.append(f"rattachement {where} {since(one.stay)}")
    elif row.siret:
        told.append("sans rattachement à cette entreprise")
    return told


def day(one: date) -> str:
    """A day as French readers write it."""
    return one.strftime("%d/%m/%Y")


def since(stay: Stay) -> str:
    """From when to when an attachment holds."""
    return f"depuis le {day(stay.start)}" if stay.end is None else f"du {day(stay.start)} au {day(stay.end)}"


def sentence(parts: Sequence[str]) -> str:
    """Parts joined as one sentence."""
    text = " ; ".join(part for part in parts if part)
    return text[:1].upper() + text[1:]
