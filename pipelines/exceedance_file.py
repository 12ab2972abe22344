"""One exceedance with all that an analyst asks of it: the results that make it, the curve, states, whom to ask.

As the registry held it at a point of time. Nominative: who shows it notes the look.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import numpy as np

import sql
from loaders.secrets import RegistryKey
from loaders.settings import PARIS
from loaders.warehouse import Connection
from pipelines import exceedance_search, rolling, windows
from pipelines.books import msv
from pipelines.exceedance_results import KINDS, SMALL, counts_of, held
from pipelines.exceedance_search import Moment
from pipelines.windows import Ints, Results
from reports.curve import Bar, Curve, Mark, Step
from schemas.formats import passive
from schemas.formats.common import plus_months
from schemas.limits import Limit, by_code

#: Months shown on each side of the window, unless the whole career is.
MARGIN_MONTHS = 12


def exceedance(
    connection: Connection, key: RegistryKey, number: int, when: Moment, delay: int, *, career: bool = False
) -> dict[str, Any] | None:
    """One exceedance; ``None`` where the registry knew none of this number.

    Args:
        delay: days that a physician has to conclude.
        career: the curve runs over all results, else around the window.
    """
    shown = exceedance_search.one(connection, key, number, when, delay)
    if shown is None:
        return None
    limit = by_code()[shown["regle"]]
    listed, results = held(connection, shown["personne"], when.load)
    counts, why = counts_of(listed, results)
    mine = windows.within(results, limit, shown["place"], date(1, 1, 1), date(9999, 12, 31))
    window = mine & windows.within(results, limit, shown["place"], shown["periode_debut"], shown["periode_fin"])
    shown["source"], shown["a_confirmer"] = limit.source, limit.to_confirm
    shown["resultats"], shown["somme_usv"] = _lines(listed, results, counts, why, np.flatnonzero(window))
    shown["somme_msv"] = msv(shown["somme_usv"])
    shown["exces_msv"] = msv(shown["somme_usv"] - limit.usv)
    shown["courbe"] = _curve(shown, limit, listed, results, counts, why, np.flatnonzero(mine), career, when)
    shown["etats"] = _states(connection, number, when)
    shown["calculs"] = _reckonings(connection, number, when)
    concerned = {shown["etablissement"], *results.establishment[window].tolist()}
    shown["conclusions"] = _conclusions(connection, key, number, when)
    shown["avis"] = _told(connection, number, when)
    shown["medecins"] = _physicians(connection, sorted(concerned), when)
    return shown


def _lines(
    listed: list[tuple[Any, ...]], results: Results, counts: Ints, why: list[str | None], rows: Ints
) -> tuple[list[dict[str, Any]], int]:
    """The results of the window with the sum after each, and that sum in the end (micro-sievert)."""
    total, made = 0, []
    for at in rows.tolist():
        siret, sender, role, submission, line, name, received, entry, adjusts = listed[at][7:16]
        total += int(counts[at])
        made.append(
            {
                "grandeur": KINDS[results.kind[at]],
                "localisation": passive.LOCATIONS[results.place[at]] if results.place[at] >= 0 else None,
                "debut": listed[at][3],
                "fin": listed[at][4],
                "valeur_msv": msv(int(results.usv[at])),
                "compte_msv": msv(int(counts[at])) if why[at] in (None, SMALL) else None,
                "motif": why[at],
                "somme_msv": msv(total),
                "siret": siret,
                "emetteur": sender,
                "role": role,
                "depot": submission,
                "ligne": line,
                "fichier": name,
                "recu_le": _hour(received),
                "entree": entry,
                "ajuste_par": adjusts,
            }
        )
    return made, total


def _curve(
    shown: dict[str, Any],
    limit: Limit,
    listed: list[tuple[Any, ...]],
    results: Results,
    counts: Ints,
    why: list[str | None],
    rows: Ints,
    career: bool,
    when: Moment,
) -> Curve:
    """The curve of what this limit judges."""
    first, last = _span(shown, results.day[rows], career, when.day)
    counted = np.array([at for at in rows.tolist() if why[at] in (None, SMALL)], np.int64)
    adult = -_FAR
    if shown["naissance"] is not None:
        adult = int(windows.eighteenth_birthday(np.array([_number(shown["naissance"])]))[0])
    rules = rolling.judged_with(limit)
    steps = rolling.steps(results.day[counted], counts[counted], rules, adult, first, last)
    days = set(results.day[counted].tolist())
    run = range(_number(shown["jours_debut"]), _number(shown["jours_fin"]) + 1)
    marks = [
        Mark(day, usv, day == _number(shown["periode_fin"]))
        for day, usv, level in zip(steps.day.tolist(), steps.usv.tolist(), steps.limit.tolist(), strict=True)
        if day in days and day in run and usv > level >= 0
    ]
    bars = []
    for at in rows.tolist():
        if first <= results.day[at] <= last:
            counts_for = why[at] in (None, SMALL)
            usv = int(counts[at] if counts_for else results.usv[at])
            bars.append(Bar(int(results.day[at]), usv, counts_for, _caption(listed[at])))
    return Curve(
        first,
        last,
        tuple(bars),
        tuple(Step(*one) for one in zip(steps.day.tolist(), steps.usv.tolist(), steps.limit.tolist(), strict=True)),
        (_number(shown["periode_debut"]), _number(shown["periode_fin"])),
        tuple(marks),
    )


_FAR = 900_000


def _span(shown: dict[str, Any], days: Ints, career: bool, today: date) -> tuple[int, int]:
    """First and last day of the curve: whole months, none after this one unless a result lies there."""
    first, last = _number(shown["periode_debut"]), max(_number(shown["periode_fin"]), _number(shown["jours_fin"]))
    if career and len(days):
        first, last = min(first, int(days[0])), max(last, int(days[-1]))
    else:
        first = min(first, _number(shown["jours_debut"]))
        first, later = (int(plus_months(day, by)) for day, by in ((first, -MARGIN_MONTHS), (last, MARGIN_MONTHS)))
        last = min(later, max(last, _number(today)))
    months = np.array([first, last]).astype("datetime64[D]").astype("datetime64[M]") + np.array([0, 1])
    begin, end = months.astype("datetime64[D]").astype(np.int64).tolist()
    return begin, end - 1


def _caption(row: tuple[Any, ...]) -> str:
    place = f" {passive.LOCATIONS[row[2]]}" if row[2] >= 0 else ""
    return f"{KINDS[row[1]]}{place}, {row[8]}, dépôt {row[10]}, ligne {row[11]}"


def _states(connection: Connection, number: int, when: Moment) -> list[dict[str, Any]]:
    found = connection.execute(sql.query("exceedances", "states"), {"one": number, "load": when.load}).fetchall()
    return [
        {"etat": state, "vrai_depuis": since, "du": _hour(start), "au": _hour(end)}
        for state, since, start, end in found
    ]


def _reckonings(connection: Connection, number: int, when: Moment) -> list[dict[str, Any]]:
    found = connection.execute(sql.query("exceedances", "reckonings"), {"one": number, "load": when.load}).fetchall()
    return [
        {
            "periode_debut": start,
            "periode_fin": end,
            "valeur_msv": msv(int(usv)),
            "jours_debut": first,
            "jours_fin": last,
            "siret": siret,
            "du": _hour(since),
            "au": _hour(until),
        }
        for start, end, usv, first, last, siret, since, until in found
    ]


def _conclusions(connection: Connection, key: RegistryKey, number: int, when: Moment) -> list[dict[str, Any]]:
    """What physicians concluded, in order; one that no longer holds says until when it did."""
    asked = {"one": number, "load": when.load}
    found = connection.execute(sql.query("exceedances", "conclusions"), asked).fetchall()
    return [
        {
            "conclusion": kind,
            "retenue_msv": msv(int(usv)) if usv is not None else None,
            "le": day,
            "rpps": rpps,
            "commentaire": key.open(remark).decode() if remark is not None else "",
            "depot": submission,
            "ligne": line,
            "du": _hour(since),
            "au": _hour(until),
        }
        for kind, usv, day, rpps, remark, submission, line, since, until in found
    ]


def _told(connection: Connection, number: int, when: Moment) -> list[dict[str, Any]]:
    """Who was told what and when, in order."""
    asked = {"one": number, "at": when.load, "hour": when.hour}
    return [
        {
            "role": audience,
            "compte": code,
            "etat": state,
            "fois": revision,
            "retire": withdrawn,
            "decide_le": _hour(decided),
            "remis_le": _hour(delivered),
        }
        for audience, code, state, revision, withdrawn, decided, delivered in connection.execute(
            sql.query("exceedance_pages", "told"), asked
        ).fetchall()
    ]


def _physicians(connection: Connection, establishments: list[int], when: Moment) -> list[dict[str, Any]]:
    """Every establishment with the physicians that it designates, none where it designates nobody."""
    asked = {"establishments": establishments, "at": when.load, "day": when.day}
    made: dict[str, dict[str, Any]] = {}
    for siret, name, rpps, *rest in connection.execute(sql.query("exceedance_pages", "physicians"), asked).fetchall():
        place = made.setdefault(siret, {"siret": siret, "nom": name, "medecins": []})
        if rpps is not None:
            last_name, first_name, start, end = rest
            place["medecins"].append({"rpps": rpps, "nom": last_name, "prenom": first_name, "debut": start, "fin": end})
    return list(made.values())


def _number(day: date) -> int:
    return (day - date(1970, 1, 1)).days


def _hour(moment: datetime | None) -> str | None:
    return moment.astimezone(PARIS).isoformat(timespec="seconds") if moment else None
