"""The agreement with a research team, as a file, and what is asked under it. All that is wrong is told at once."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from loaders.errors import UsageError
from loaders.settings import PARIS
from pipelines.research.variables import GRANTABLE, INTERNAL_MEASURES, MEASURES
from schemas import nomenclature
from schemas.formats import formats

#: To which day dates are brought back.
GRAINS = ("mois", "trimestre", "annee")
#: Filters of the population: the variable that each one is about, and its code list where there is one.
_FILTERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "sexe": ("sexe", ("M", "F")),
    "caractere": ("caractere", ("Civil", "Militaire")),
    "domaines": ("domaine", nomenclature.codes("domaine_activite")),
    "secteurs": ("secteur", nomenclature.codes("secteur_activite")),
    "metiers": ("metier", nomenclature.codes("metier")),
    "classements": ("classement", ("", *formats()["TRAVAILLEURS"].column("CLASSEMENT").codes)),
}
_TEXTS = ("numero", "titulaire", "finalite")
_KEYS = {*_TEXTS, "expire_le", "periode", "mesures", "variables", "dates", "dosimetrie_interne", "population", "risque"}
_LONGEST_NUMBER = 64


@dataclass(frozen=True)
class Agreement:
    """What was agreed upon.

    ``population``: variable to the codes wanted, all conditions on one result; empty: everybody. ``indirect``: the
    quasi-identifiers, the dearest first. ``at_least``: how many persons must share a combination of them
    (1: the risk is measured and nothing is held back).
    """

    number: str
    holder: str
    purpose: str
    expires: date
    first: date
    last: date
    measures: tuple[str, ...]
    variables: frozenset[str]
    grain: str
    population: Mapping[str, frozenset[str]]
    indirect: tuple[str, ...]
    at_least: int
    sha256: str


@dataclass(frozen=True)
class Request:
    """What is asked for: no more than the agreement grants."""

    variables: frozenset[str]
    first: date
    last: date


def read(path: Path) -> Agreement:
    """Read an agreement (TOML, or JSON where the name ends so).

    Raises:
        UsageError: the file cannot be read, or says not all that it must, or something it may not.
    """
    try:
        body = path.read_bytes()
        text = body.decode("utf-8-sig")
        told = json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    except OSError as error:
        raise UsageError(f"la convention ne peut pas être lue : {error.strerror}") from error
    except (UnicodeDecodeError, json.JSONDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError("la convention n'est pas un fichier TOML ou JSON lisible") from error
    if not isinstance(told, dict):
        raise UsageError("la convention n'est pas un fichier TOML ou JSON lisible")
    found = _Reader(told)
    agreement = found.agreement(hashlib.sha256(body).hexdigest())
    if agreement is None or found.faults:
        raise UsageError("la convention est refusée : " + " ; ".join(found.faults))
    return agreement


def ask(agreement: Agreement, today: date, variables: Sequence[str], first: date | None, last: date | None) -> Request:
    """What is asked under the agreement; what is not said is all that it grants.

    Raises:
        UsageError: it has expired, or does not cover what is asked.
    """
    faults = []
    if agreement.expires < today:
        faults.append(f"elle a expiré le {agreement.expires:%d/%m/%Y}")
    wanted = frozenset(variables) or agreement.variables
    faults += [f"variable inconnue : {name}" for name in sorted(wanted - set(GRANTABLE))]
    beyond = sorted((wanted & set(GRANTABLE)) - agreement.variables)
    faults += [f"elle n'accorde pas la variable {name}" for name in beyond]
    first, last = first or agreement.first, last or agreement.last
    if first > last:
        faults.append("la période demandée finit avant de commencer")
    if first < agreement.first or last > agreement.last:
        faults.append(f"elle ne couvre que du {agreement.first:%d/%m/%Y} au {agreement.last:%d/%m/%Y}")
    if faults:
        raise UsageError(f"la convention {agreement.number} ne le permet pas : " + " ; ".join(faults))
    return Request(wanted, first, last)


def instant(text: str) -> datetime:
    """An instant as typed: a day is its end, an hour without zone is that of Paris. Raises UsageError."""
    try:
        told = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError("l'instant doit être AAAA-MM-JJ, ou AAAA-MM-JJTHH:MM:SS") from error
    if len(text) == len("AAAA-MM-JJ"):
        told = told.replace(hour=23, minute=59, second=59, microsecond=999_999)
    return told if told.tzinfo else told.replace(tzinfo=PARIS)


class _Reader:
    """The content of an agreement, read key by key; ``faults`` gathers what is wrong, in French."""

    def __init__(self, told: dict[str, Any]) -> None:
        self._told = told
        self.faults: list[str] = []

    def agreement(self, sha256: str) -> Agreement | None:
        self._only(self._told, _KEYS, "")
        texts = {key: self._text(key) for key in _TEXTS}
        if len(texts["numero"]) > _LONGEST_NUMBER:
            self.faults.append(f"« numero » dépasse {_LONGEST_NUMBER} caractères")
        expires = self._day(self._told, "expire_le", "expire_le")
        period = self._table("periode", {"debut", "fin"}, required=True)
        first, last = (self._day(period, key, f"periode.{key}") for key in ("debut", "fin"))
        measures = self._list("mesures", MEASURES, "mesure")
        variables = self._list("variables", tuple(GRANTABLE), "variable")
        self._internal(measures, variables)
        grain = self._told.get("dates")
        if grain not in GRAINS:
            self.faults.append(f"« dates » doit être l'un de : {', '.join(GRAINS)}")
        population = self._population()
        indirect, at_least = self._risk(variables)
        if expires is None or first is None or last is None:
            return None
        if first > last:
            self.faults.append("« periode » finit avant de commencer")
        return Agreement(
            texts["numero"],
            texts["titulaire"],
            texts["finalite"],
            expires,
            first,
            last,
            tuple(one for one in MEASURES if one in measures),
            frozenset(variables),
            str(grain),
            population,
            indirect,
            at_least,
            sha256,
        )

    def _only(self, told: Mapping[str, Any], known: set[str], place: str) -> None:
        self.faults += [f"clé inconnue : {place}{key}" for key in sorted(set(told) - known)]

    def _text(self, key: str) -> str:
        value = self._told.get(key)
        if not isinstance(value, str) or not value.strip():
            self.faults.append(f"« {key} » manque ou n'est pas un texte")
            return ""
        return value.strip()

    def _day(self, told: Mapping[str, Any], key: str, place: str) -> date | None:
        value = told.get(key)
        if type(value) is date:
            return value
        if isinstance(value, str):
            try:
                return date.fromisoformat(value)
            except ValueError:
                pass
        self.faults.append(f"« {place} » manque ou n'est pas une date AAAA-MM-JJ")
        return None

    def _table(self, key: str, known: set[str], *, required: bool) -> dict[str, Any]:
        value = self._told.get(key, None if required else {})
        if not isinstance(value, dict):
            self.faults.append(f"« {key} » manque ou n'est pas une table")
            return {}
        self._only(value, known, f"{key}.")
        return value

    def _list(self, key: str, known: Sequence[str], noun: str) -> list[str]:
        value = self._told.get(key)
        if not isinstance(value, list) or not value:
            self.faults.append(f"« {key} » manque ou n'est pas une liste")
            return []
        return self._codes(value, known, key, noun)

    def _codes(self, value: list[Any], known: Sequence[str], key: str, noun: str) -> list[str]:
        strange = [one for one in value if one not in known]
        self.faults += [f"{noun} inconnue dans « {key} » : {one}" for one in strange]
        kept = [one for one in value if one in known]
        if len(set(kept)) != len(kept):
            self.faults.append(f"« {key} » se répète")
        return kept

    def _internal(self, measures: list[str], variables: list[str]) -> None:
        allowed = self._told.get("dosimetrie_interne", False)
        if not isinstance(allowed, bool):
            self.faults.append("« dosimetrie_interne » doit être true ou false")
        wants = [one for one in measures if one in INTERNAL_MEASURES]
        wants += [one for one in variables if GRANTABLE[one].internal]
        if wants and allowed is not True:
            self.faults.append(f"sans « dosimetrie_interne = true », elle ne peut pas accorder {', '.join(wants)}")

    def _population(self) -> dict[str, frozenset[str]]:
        told = self._table("population", set(_FILTERS), required=False)
        found = {}
        for key, (variable, known) in _FILTERS.items():
            if key not in told:
                continue
            value = told[key]
            if not isinstance(value, list) or not value:
                self.faults.append(f"« population.{key} » n'est pas une liste")
                continue
            found[variable] = frozenset(self._codes(value, known, f"population.{key}", "valeur"))
        return found

    def _risk(self, variables: list[str]) -> tuple[tuple[str, ...], int]:
        told = self._table("risque", {"quasi_identifiants", "seuil_k"}, required=True)
        at_least = told.get("seuil_k")
        if type(at_least) is not int or at_least < 1:
            self.faults.append("« risque.seuil_k » doit être un entier d'au moins 1")
            at_least = 1
        indirect = told.get("quasi_identifiants")
        if not isinstance(indirect, list):
            self.faults.append("« risque.quasi_identifiants » manque ou n'est pas une liste")
            return (), at_least
        known = [name for name in variables if GRANTABLE[name].indirect]
        return tuple(self._codes(indirect, known, "risque.quasi_identifiants", "variable accordée")), at_least
