"""The rows of the access views as plain data: what statements and monthly lists say of a contract, a result, an
exceedance. Doses in mSv with three decimals, days in ISO form."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any

from pipelines.books import msv
from schemas import nomenclature
from schemas.formats import interne, operationnelle, passive
from schemas.limits import by_code

Facts = dict[str, Any]
Row = tuple[Any, ...]
#: The state of a result that was told and holds no longer.
WITHDRAWN = "ANNULE"
#: What stands beside a result or an exceedance that no physician concluded on, or of which the reader may not know.
NOT_CONCLUDED: Facts = {"conclusion": None, "valeur_retenue_msv": None, "conclu_le": None}


def contract(row: Row) -> Facts:
    _, siret, name, start, end, grade, other, character, domain, sector, trade, contract = row
    return {
        "siret": siret,
        "etablissement": name,
        "debut": start.isoformat(),
        "fin": end.isoformat() if end else None,
        "classement": grade or other or None,
        "caractere": character,
        "secteur": _label("secteur_activite", sector),
        "metier": _label("metier", trade),
        "domaine": _label("domaine_activite", domain),
        "contrat": contract,
    }


def _label(name: str, code: str | None) -> str | None:
    return _labels(name).get(code, code) if code else None


@cache
def _labels(name: str) -> dict[str, str]:
    return {next(iter(row.values())): row["libelle"] for row in nomenclature.rows(name)}


def _result(layout: str, quantity: str, siret: str, start: date, end: date, **more: Any) -> Facts:
    """``personne``, ``integre_le`` and ``mesure`` are for whoever lists several persons; a statement leaves them out.

    ``depassement``: the exceedance by whose conclusion a physician adjusted the result, for who may know. ``mesure``:
    the name that the versions of a result share at its sender; none where its other columns are that name.
    """
    return {
        "format": layout,
        "grandeur": quantity,
        "debut": start.isoformat(),
        "fin": end.isoformat(),
        "siret": siret,
        "localisation": None,
        "dosimetre": None,
        "radionucleide": None,
        "etat": "MES",
        "valeur_msv": None,
        "seuil_msv": None,
        "activite": None,
        "limite_detection": None,
        "unite": "mSv",
        "depassement": None,
        "mesure": "",
    } | more


def external(row: Row) -> Facts:
    person, _, siret, quantity, place, dosimeter, start, end, state, usv, threshold, sender, role, *rest = row
    recorded, adjusts, measure = rest
    below = state == passive.INF
    return _result(
        "PASSIVE",
        passive.TYPES[quantity],
        siret,
        start,
        end,
        localisation=passive.LOCATIONS[place],
        dosimetre=passive.FORMAT.column("TYPE_DOSIMETRE").codes[dosimeter],
        etat=passive.STATES[state],
        valeur_msv=None if usv is None or below else msv(usv),
        seuil_msv=None if threshold is None else msv(threshold),
        emetteur=sender,
        par_medecin=role == "MDT",
        personne=person,
        integre_le=recorded,
        depassement=adjusts,
        mesure=measure,
    )


def aircrew(row: Row) -> Facts:
    person, _, siret, end, usv, flights, sender, recorded, adjusts, measure = row
    more = {"vols": flights, "emetteur": sender, "personne": person, "integre_le": recorded, "depassement": adjusts}
    more["mesure"] = measure
    return _result("NAVIGANT", "CAL-E-COS", siret, end.replace(day=1), end, valeur_msv=msv(usv), **more)


def operational(row: Row) -> Facts:
    person, siret, quantity, dosimeter, start, end, usv, place, zone, sender, recorded = row
    return _result(
        "OPERATIONNELLE",
        operationnelle.TYPES[quantity],
        siret,
        start,
        end,
        debut=start.isoformat(timespec="minutes"),
        fin=end.isoformat(timespec="minutes"),
        localisation=f"{place} {zone}".strip(),
        dosimetre=operationnelle.FORMAT.column("TYPE_DOSIMETRE").codes[dosimeter],
        valeur_msv=msv(usv),
        emetteur=sender,
        personne=person,
        integre_le=recorded,
    )


def analysis(row: Row) -> Facts:
    person, siret, day, exam, nuclide, unit, state, activity, limit, sender, recorded, measure = row
    word = interne.STATES[state]
    return _result(
        "INTERNE",
        interne.EXAMS[exam],
        siret,
        day,
        day,
        radionucleide=nuclide,
        etat=word,
        activite=None if activity is None or state == interne.INF else _becquerel(activity),
        limite_detection=None if limit is None else _becquerel(limit),
        unite=interne.UNITS[unit],
        emetteur=sender,
        personne=person,
        integre_le=recorded,
        mesure=measure,
    )


def committed(row: Row) -> Facts:
    person, _, siret, day, nuclide, usv, sender, recorded, adjusts, measure = row
    more = {"emetteur": sender, "personne": person, "integre_le": recorded, "depassement": adjusts, "mesure": measure}
    return _result("ENGAGEE", "INT-E50", siret, day, day, radionucleide=nuclide, valeur_msv=msv(usv), **more)


def _becquerel(nano: int) -> str:
    return f"{(Decimal(nano) / 10**9).normalize():f}"


def contract_sum(row: Row) -> Facts:
    siret, start, end, quantity, place, usv, count, committed = row
    return {
        "siret": siret,
        "debut": start.isoformat(),
        "fin": end.isoformat() if end else None,
        "grandeur": quantity,
        "localisation": place,
        "resultats": count,
        "somme_msv": msv(int(usv)),
        "nature": "EQUIVALENTE" if quantity != "EFFICACE" else "EXTERNE" if committed else "EFFICACE",
    }


def exceedance(row: Row, *, internal: bool) -> Facts:
    number, siret, code, place, start, end, state, since, usv, external, committed = row
    limit = by_code()[code]
    shown = usv if internal else external
    return {
        "id": number,
        "siret": siret,
        "grandeur": limit.quantity,
        "regle": code,
        "limite_msv": msv(limit.usv),
        "localisation": passive.LOCATIONS[place] if place >= 0 else None,
        "debut": start.isoformat(),
        "fin": end.isoformat(),
        "etat": state,
        "etat_depuis": since.isoformat(),
        "valeur_msv": msv(int(shown)),
        "nature": "EXTERNE" if committed else "EFFICACE" if limit.quantity == "EFFICACE" else "EQUIVALENTE",
    }


def conclusion(row: Row) -> tuple[int, Facts]:
    """An exceedance's number, and what a physician concluded on it."""
    number, kind, usv, day = row
    retained = None if usv is None else msv(int(usv))
    return number, {"conclusion": kind, "valeur_retenue_msv": retained, "conclu_le": day.isoformat()}


def ended(row: Row) -> Facts:
    """A version of a result that holds no longer: which it was, without what it said."""
    person, layout, siret, kind, place, dosimeter, start, end, nuclide, spot, sender, measure, recorded = row
    more: Facts = {"etat": WITHDRAWN, "emetteur": sender, "mesure": measure, "personne": person, "integre_le": recorded}
    quantity = {"NAVIGANT": "CAL-E-COS", "ENGAGEE": "INT-E50"}.get(layout)
    if layout == "PASSIVE":
        quantity = passive.TYPES[kind]
        more["localisation"] = passive.LOCATIONS[place]
        more["dosimetre"] = passive.FORMAT.column("TYPE_DOSIMETRE").codes[dosimeter]
    elif layout == "OPERATIONNELLE":
        quantity = operationnelle.TYPES[kind]
        more |= {name: at.isoformat(timespec="minutes") for name, at in (("debut", start), ("fin", end))}
        more["localisation"] = spot
        more["dosimetre"] = operationnelle.FORMAT.column("TYPE_DOSIMETRE").codes[dosimeter]
    elif layout == "INTERNE":
        quantity = interne.EXAMS[kind]
    assert quantity is not None
    return _result(layout, quantity, siret, start.date(), end.date(), unite=None, radionucleide=nuclide, **more)
