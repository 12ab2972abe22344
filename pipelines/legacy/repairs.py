"""Repairs: what a rule can mend of a worker of the old registry, and what no rule may guess."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from pipelines.names import fold
from pipelines.parsing import SPACES, plain_upper
from schemas import identifiers
from schemas.legacy import PLACEHOLDERS

#: ``identifiers.nir_shape`` for one text: a million workers come one by one.
_NIR = re.compile(
    "[123478][0-9]{2}(?:0[1-9]|1[0-2]|20|3[0-9]|4[0-2]|[5-9][0-9])(?:0[1-9]|[1-9][0-9]|2[AB])[0-9]{3}(?!000)[0-9]{3}"
)
_LOWER_CORSICA = re.compile(r"([0-9]{5}2)([ab])([0-9]{6})")


@dataclass(frozen=True)
class Repair:
    """A field that a rule changed."""

    rule: str
    field: str
    before: str
    after: str


@dataclass
class Person:
    """A worker after repair. ``cause``: why no worker of the registry may be made or met of it."""

    nir: str
    last: str
    first: str
    birth: date | None
    sex: str
    cause: str | None = None
    repairs: list[Repair] = field(default_factory=list)


def well_formed(nir: str) -> bool:
    """Whether a text is a NIR or NIA."""
    return _NIR.fullmatch(nir) is not None


def person(sent: Mapping[str, str], birth: date | None) -> Person:
    """Mend a worker: rules in this order, each noted, then judged.

    Spaces; a number and a name in each other's place; number and key in one; Corsica in lower case; accents and case;
    a lost zero of the key; day and month of birth in each other's place; sex read from the number; the key reckoned
    again. The key is reckoned again only where birth and sex bear the number out: a wrong key may be a wrong number.

    Args:
        sent: NIR, CLE, NOM, PRENOM, SEXE as they came.
        birth: the day of birth, where it can be read.
    """
    repairs: list[Repair] = []
    now = {name: sent[name] for name in ("NIR", "CLE", "NOM", "PRENOM", "SEXE")}

    def mend(rule: str, name: str, after: str) -> None:
        if after != now[name]:
            repairs.append(Repair(rule, name, now[name], after))
            now[name] = after

    for name in ("NIR", "CLE", "SEXE"):
        mend("ESPACES", name, re.sub(f"[{SPACES}.]", "", now[name]))
    for name in ("NOM", "PRENOM"):
        mend("ESPACES", name, " ".join(re.sub(f"[{SPACES}]+", " ", now[name]).split()))
    for other in ("NOM", "PRENOM", "CLE"):
        held = re.sub(f"[{SPACES}.]", "", now[other]).upper()
        if not well_formed(now["NIR"].upper()[:13]) and well_formed(held[:13]) and len(held) in (13, 15):
            number, rest = held, now["NIR"]
            mend("CHAMPS_INVERSES", other, rest)
            mend("CHAMPS_INVERSES", "NIR", number)
            break
    if len(now["NIR"]) == 15 and now["NIR"][13:].isdigit() and well_formed(now["NIR"][:13].upper()):
        key = now["NIR"][13:]
        if not now["CLE"] or now["CLE"].zfill(2) == key:
            mend("CLE_DANS_NIR", "CLE", key)
            mend("CLE_DANS_NIR", "NIR", now["NIR"][:13])
    if corsica := _LOWER_CORSICA.fullmatch(now["NIR"]):
        mend("CASSE_ACCENTS", "NIR", corsica[1] + corsica[2].upper() + corsica[3])
    for name in ("NOM", "PRENOM", "SEXE"):
        mend("CASSE_ACCENTS", name, plain_upper(now[name]))
    if len(now["CLE"]) == 1 and now["CLE"].isdigit():
        mend("ZERO_PERDU", "CLE", "0" + now["CLE"])

    nir, sound = now["NIR"], well_formed(now["NIR"])
    if sound and not now["SEXE"]:
        mend("SEXE_LU_DU_NIR", "SEXE", "M" if int(nir[0]) in identifiers.FIRST_DIGITS_MALE else "F")
    if sound and birth is not None:
        month = int(nir[3:5])
        if birth.month != month == birth.day and month <= 12 and birth.year % 100 == int(nir[1:3]):
            turned = date(birth.year, birth.day, birth.month)
            repairs.append(Repair("JOUR_MOIS_INVERSES", "DATENAISSANCE", birth.isoformat(), turned.isoformat()))
            birth = turned
    cause = _cause(nir, sound, now, birth)
    if cause is None and now["CLE"] != identifiers.key_of(nir):
        mend("CLE_RECALCULEE", "CLE", identifiers.key_of(nir))
    return Person(nir, now["NOM"], now["PRENOM"], birth, now["SEXE"], cause, repairs)


def is_placeholder(last: str, first: str) -> bool:
    """Whether these names stand for nobody: such a row never matches anyone."""
    return not last or not first or fold(last) in PLACEHOLDERS or fold(first) in PLACEHOLDERS


def _cause(nir: str, sound: bool, now: Mapping[str, str], birth: date | None) -> str | None:
    if is_placeholder(now["NOM"], now["PRENOM"]):
        return "ANONYME"
    if not sound:
        return "NIR_IRREPARABLE"
    if birth is None:
        return "NAISSANCE_ABSENTE"
    male = int(nir[0]) in identifiers.FIRST_DIGITS_MALE
    if birth.year % 100 != int(nir[1:3]) or now["SEXE"] != ("M" if male else "F"):
        return "IDENTITE_DISCORDANTE"
    return None


def siret(sent: str) -> tuple[str, list[Repair]]:
    """A SIRET without spaces and with its lost zeros; whether it is one is not judged."""
    repairs: list[Repair] = []
    bare = re.sub(f"[{SPACES}.]", "", sent)
    if bare != sent:
        repairs.append(Repair("ESPACES", "SIRET", sent, bare))
    if 10 <= len(bare) <= 13 and bare.isascii() and bare.isdigit():
        repairs.append(Repair("ZERO_PERDU", "SIRET", bare, bare.zfill(14)))
        bare = bare.zfill(14)
    return bare, repairs


def siret_valid(text: str) -> bool:
    """Whether a text is a SIRET."""
    if not (len(text) == 14 and text.isascii() and text.isdigit()):
        return False
    return bool(identifiers.siret_valid(np.frombuffer(text.encode(), np.uint8).reshape(1, -1))[0])
