"""What each reader of an exceedance is told: the access table of outcomes.md, "Exceedances", and nothing else.

Each reader's facts are built up from what it may see; nothing is taken away from a fuller document. What an adviser
reads depends on internal doses through three things only: that there is an exceedance, which window it is, and whether
that window holds a committed dose. What an employer reads depends on no dose but through the first two.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Any

from pipelines.books import msv
from pipelines.notice_cases import VOID, Activity, Case, Outcome, Place
from pipelines.recipients import Account
from pipelines.states import NOTIFIED, RETAINED
from schemas import nomenclature
from schemas.formats import passive
from schemas.formats.common import months_later

Facts = dict[str, Any]

#: An adviser sees single results of so many years.
ADVISERS_YEARS = 5
#: Who sees the effective dose whatever it is made of.
_SUMS = frozenset({"MDT", "DGT", "DSND"})
_KINDS = (*passive.TYPES, "INT-E50", "CAL-E-COS")
#: Keys that tell of the notice or label what another key says: where nothing else changed, nobody is told again.
_BESIDE = frozenset(
    {
        *("version", "etabli_le", "revision", "remplace", "destinataire", "role", "reponse"),
        *("nom", "prenom", "date_naissance", "denomination", "commune", "libelle"),
    }
)


@dataclass(frozen=True)
class Setting:
    """What all notices of one look share."""

    places: Mapping[int, Place]
    today: date
    conclusion_days: int


def facts(case: Case, account: Account, by: tuple[int, ...], without: bool, setting: Setting) -> Facts:
    """What an account is told of a case.

    Args:
        by: the establishments by which it is concerned.
        without: no physician is designated.
    """
    told = _common(case, account, by, setting) | _OF_ROLE[account.role](case, by, setting)
    if account.role != "MDT" and not case.void:
        told["sans_mdt"] = without
    return told


def withdrawal(case: Case, account: Account, before: Facts) -> Facts:
    """That what an account was told holds no longer, or no longer for it: nothing that it was not told before."""
    known = ("id", "limite", "periode_debut", "periode_fin")
    return {name: before[name] for name in known} | {
        "etat": case.state,
        "retire": True,
        "destinataire": account.code,
        "role": account.role,
    }


def seen(told: Facts) -> str:
    """What of a notice counts as seen, as one text: the same again is not told again."""
    if told.get("retire") or told["etat"] in VOID:
        return json.dumps([told["etat"], "retire" in told])
    return json.dumps(_counted(told), ensure_ascii=False, sort_keys=True)


def _counted(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _counted(one) for name, one in value.items() if name not in _BESIDE}
    if isinstance(value, list):
        return [_counted(one) for one in value if not (isinstance(one, dict) and one.get("compte_msv", "") in _NOTHING)]
    return value


#: What a result that adds nothing to the sum counts for.
_NOTHING = (None, "0.000")


def _common(case: Case, account: Account, by: tuple[int, ...], setting: Setting) -> Facts:
    """What every reader sees: which exceedance, of which limit, when, where of its own."""
    # That of the largest result would say something of the doses; only who sees their sum is told which it is.
    chief = case.establishment if account.role in _SUMS and case.establishment in by else by[0]
    return {
        "id": case.number,
        "etat": case.state,
        "limite": case.limit.quantity,
        "periode_debut": case.start.isoformat(),
        "periode_fin": case.end.isoformat(),
        "coupure": _cut(case),
        "destinataire": account.code,
        "role": account.role,
        "siret": setting.places[chief].siret,
        "etablissements": [_named(setting.places[one]) for one in by],
    }


def _cut(case: Case) -> str | None:
    """The day before which results were not counted, where the window would otherwise begin earlier."""
    cut = case.limit.cut
    if cut is None or case.start != cut:
        return None
    if not case.limit.rolling:
        return cut.isoformat()
    return cut.isoformat() if months_later(case.end, -12) + timedelta(1) < cut else None


def _identity(case: Case) -> Facts:
    return {
        "nir": case.nir,
        "nom": case.last_name,
        "prenom": case.first_name,
        "date_naissance": case.birth_day.isoformat(),
    }


def _limit(case: Case) -> Facts:
    return {
        "libelle": case.limit.label,
        "localisation": passive.LOCATIONS[case.place] if case.place >= 0 else None,
        "seuil_msv": msv(case.limit.usv),
    }


def _of_physician(case: Case, by: tuple[int, ...], setting: Setting) -> Facts:
    told = {
        **_identity(case),
        **_limit(case),
        "valeur_msv": msv(case.usv),
        "doses_engagees": case.engaged,
        "resultats": [_result(one, setting) | {"emetteur": one.sender} for one in case.outcomes],
    }
    if case.state in (NOTIFIED, RETAINED) and case.establishment in by:  # whose designation the answer needs
        until = case.state_since + timedelta(setting.conclusion_days) if case.state == NOTIFIED else None
        told["reponse"] = {
            "format": "CONCLUSION",
            "id_depassement": str(case.number),
            "avant_le": until.isoformat() if until else None,
        }
    return told


def _of_adviser(case: Case, by: tuple[int, ...], setting: Setting) -> Facts:
    """External values. The effective dose is told only where it is the external sum; it is reckoned from the external
    results alone, so that no internal dose can be in it whatever the registry held when it was reckoned. What a
    physician adjusted so that the whole comes to the value retained is left out, and every sum with it, where the whole
    had committed doses in it: it would be that value without them."""
    if case.void:
        return _identity(case)
    since = months_later(setting.today, -12 * ADVISERS_YEARS)
    mine = [one for one in case.outcomes if not one.internal and one.establishment in by and one.day > since]
    told = _identity(case) | _limit(case) | {"doses_engagees": case.engaged}
    if case.balanced:
        return told | {"resultats": [_result(one, setting) for one in mine if not one.adjusted]}
    told["somme_externe_msv" if case.engaged else "valeur_msv"] = msv(case.external_usv)
    return told | {"resultats": [_result(one, setting) for one in mine]}


def _of_employer(case: Case, by: tuple[int, ...], setting: Setting) -> Facts:
    return _identity(case)


def _of_authority(case: Case, by: tuple[int, ...], setting: Setting) -> Facts:
    if case.void:
        return {}
    return {
        **_limit(case),
        "valeur_msv": msv(case.usv),
        "duree_exposition_jours": _exposed_days(case.outcomes),
        "etablissements": [
            _named(setting.places[one])
            | {"commune": setting.places[one].municipality, "activite": _activity(case.doing(one))}
            for one in by
        ],
    }


_OF_ROLE: dict[str, Callable[[Case, tuple[int, ...], Setting], Facts]] = {
    "MDT": _of_physician,
    "CRP": _of_adviser,
    "EMPLOYEUR": _of_employer,
    "DGT": _of_authority,
    "DSND": _of_authority,
}


def _named(place: Place) -> Facts:
    return {"siret": place.siret, "denomination": place.name}


def _result(one: Outcome, setting: Setting) -> Facts:
    return {
        "grandeur": _KINDS[one.kind],
        "localisation": passive.LOCATIONS[one.place] if one.place >= 0 else None,
        "debut": one.start.isoformat(),
        "fin": one.day.isoformat(),
        "valeur_msv": msv(one.usv),
        "compte_msv": None if one.counts is None else msv(one.counts),
        "siret": setting.places[one.establishment].siret,
    }


def _activity(one: Activity | None) -> Facts | None:
    if one is None:
        return None
    lists = {"domaine": "domaine_activite", "secteur": "secteur_activite", "metier": "metier"}
    codes = {"domaine": one.domain, "secteur": one.sector, "metier": one.trade}
    return {name: {"code": codes[name], "libelle": _labels(lists[name]).get(codes[name], "")} for name in lists}


@cache
def _labels(name: str) -> dict[str, str]:
    return {row["code"]: row["libelle"] for row in nomenclature.rows(name)}


def _exposed_days(outcomes: Iterable[Outcome]) -> int:
    """Civil days covered by the periods of the results that add to the sum, each day once."""
    days = 0
    reached = date.min
    for one in sorted((one for one in outcomes if one.counts), key=lambda one: one.start):
        first = max(one.start, reached)
        if one.day >= first:
            days += (one.day - first).days + 1
            reached = one.day + timedelta(1)
    return days
