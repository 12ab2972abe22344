"""What the commands show of exceedances: plain data, ready for JSON. Nominative: a look is noted by who shows it."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np

import sql
from loaders.errors import UsageError
from loaders.secrets import RegistryKey
from loaders.settings import PARIS
from loaders.warehouse import Connection
from pipelines import windows
from pipelines.books import msv
from pipelines.exceedances import lay_at_hand, results_at_hand
from schemas.formats import passive
from schemas.limits import by_code

_KINDS = (*passive.TYPES, "INT-E50", "CAL-E-COS")


def exceedances(connection: Connection, key: RegistryKey, one: int | None = None) -> list[dict[str, Any]]:
    """Every exceedance as it stands, lapsed ones as reckoned last."""
    listed = []
    for row in connection.execute(sql.query("exceedances", "listed"), {"one": one}).fetchall():
        number, code, place, start, end, usv, state, since, sealed, siret, first, last, person = row
        limit = by_code()[code]
        listed.append(
            {
                "id": number,
                "limite": limit.quantity,
                "regle": code,
                "seuil_msv": msv(limit.usv),
                "localisation": _place(place),
                "periode_debut": start.isoformat(),
                "periode_fin": end.isoformat(),
                "valeur_msv": msv(int(usv)),
                "etat": state,
                "etat_depuis": since.isoformat(),
                "nir": key.open(sealed).decode(),
                "siret": siret,
                "jours_debut": first.isoformat(),
                "jours_fin": last.isoformat(),
                "travailleur": person,
            }
        )
    return listed


def exceedance(connection: Connection, key: RegistryKey, number: int) -> dict[str, Any]:
    """One exceedance: its states, how it was reckoned over time, the results within its window.

    Raises:
        UsageError: there is none of this number.
    """
    found = exceedances(connection, key, number)
    if not found:
        raise UsageError(f"aucun dépassement {number}")
    shown = found[0]
    limit = by_code()[shown["regle"]]
    shown |= {"libelle": limit.label, "source": limit.source, "a_confirmer": limit.to_confirm}
    shown["etats"] = [
        {"etat": state, "vrai_depuis": since.isoformat(), "du": _hour(start), "au": _hour(end)}
        for state, since, start, end in connection.execute(sql.query("exceedances", "states"), (number,)).fetchall()
    ]
    shown["calculs"] = [
        {
            "periode_debut": start.isoformat(),
            "periode_fin": end.isoformat(),
            "valeur_msv": msv(int(usv)),
            "jours_debut": first.isoformat(),
            "jours_fin": last.isoformat(),
            "siret": siret,
            "du": _hour(since),
            "au": _hour(until),
        }
        for start, end, usv, first, last, siret, since, until in connection.execute(
            sql.query("exceedances", "reckonings"), (number,)
        ).fetchall()
    ]
    shown["conclusions"] = [
        {
            "conclusion": kind,
            "valeur_retenue_msv": None if usv is None else msv(int(usv)),
            "date": day.isoformat(),
            "rpps": rpps,
            "commentaire": None if remark is None else key.open(remark).decode(),
            "depot": submission,
            "ligne": line,
            "du": _hour(start),
            "au": _hour(end),
        }
        for kind, usv, day, rpps, remark, submission, line, start, end in connection.execute(
            sql.query("exceedances", "conclusions"), (number,)
        ).fetchall()
    ]
    shown["resultats"] = _results(connection, shown)
    return shown


def _results(connection: Connection, shown: dict[str, Any]) -> list[dict[str, Any]]:
    """The results within the window as they hold now: what each counts for, and the line that brought it."""
    with connection.transaction():
        cursor = connection.cursor()
        lay_at_hand(cursor, [shown["travailleur"]])
        results, columns = results_at_hand(cursor, lineage=True)
        sirets = dict(cursor.execute(sql.query("exceedances", "sirets"), (results.establishment.tolist(),)).fetchall())
        senders = dict(cursor.execute(sql.query("exceedances", "senders"), (columns["sender"].tolist(),)).fetchall())
    counts = windows.weights(results)
    chosen = windows.within(
        results,
        by_code()[shown["regle"]],
        passive.LOCATIONS.index(shown["localisation"]) if shown["localisation"] else -1,
        date.fromisoformat(shown["periode_debut"]),
        date.fromisoformat(shown["periode_fin"]),
    )
    rows = np.flatnonzero(chosen)
    return [
        {
            "grandeur": _KINDS[results.kind[at]],
            "localisation": _place(int(results.place[at])),
            "debut": str(results.start[at].astype("datetime64[D]")),
            "fin": str(results.day[at].astype("datetime64[D]")),
            "valeur_msv": msv(int(results.usv[at])),
            "compte_msv": msv(int(counts[at])) if counts[at] != windows.OUTDONE else None,
            "siret": sirets[int(results.establishment[at])],
            "emetteur": senders[int(columns["sender"][at])],
            "depot": int(columns["submission"][at]),
            "ligne": int(columns["line"][at]),
        }
        for at in rows[np.argsort(results.day[rows], kind="stable")]
    ]


def _place(position: int) -> str | None:
    return passive.LOCATIONS[position] if position >= 0 else None


def _hour(moment: Any) -> str | None:
    return None if moment is None else str(moment.astimezone(PARIS).isoformat(timespec="seconds"))
