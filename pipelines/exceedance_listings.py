"""What the commands show of exceedances: plain data, ready for JSON. Nominative: a look is noted by who shows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

import sql
from loaders.errors import UsageError
from loaders.secrets import RegistryKey
from loaders.settings import PARIS, Settings
from loaders.warehouse import Connection
from pipelines import windows
from pipelines.books import msv
from pipelines.exceedance_results import ASIDE, KINDS, OUTDONE, counts_of, held
from pipelines.registry_time import load_as_of
from pipelines.states import NOTIFIED, STATES
from schemas.formats import passive
from schemas.limits import by_code


@dataclass(frozen=True)
class Wanted:
    """Which exceedances are asked for, and as of when.

    Attributes:
        as_of: a day or an instant of the registry, ``None`` for now.
        today: the registry's date.
        conclusion_days: days that a physician has after the notice.
        states: only these; ``None`` for all.
        without_physician: only those unanswered of which no physician could be told (``medecin_absent`` says why:
            ``SANS_MDT``, none is designated, or ``SANS_COMPTE``, the one designated has no account).
        unanswered_days: only those notified and not concluded upon whose deadline lies at most so many days ahead.
    """

    today: date
    conclusion_days: int
    as_of: str | None = None
    states: tuple[str, ...] | None = None
    without_physician: bool = False
    unanswered_days: int | None = None

    @classmethod
    def now(cls, settings: Settings, **more: Any) -> Wanted:
        """As these settings see the day."""
        return cls(settings.registry_date(), settings.conclusion_days, **more)


def exceedances(
    connection: Connection, key: RegistryKey, wanted: Wanted, one: int | None = None
) -> list[dict[str, Any]]:
    """Exceedances as they stand, or stood; lapsed ones as reckoned last.

    Raises:
        UsageError: a state that there is not, or no instant.
    """
    unknown = set(wanted.states or ()) - set(STATES)
    if unknown:
        raise UsageError(f"aucun état {', '.join(sorted(unknown))} ; états : {', '.join(STATES)}")
    asked = {
        "one": one,
        "load": load_as_of(connection, wanted.as_of),
        "today": wanted.today,
        "states": None if wanted.states is None else list(wanted.states),
    }
    listed = []
    for row in connection.execute(sql.query("exceedances", "listed"), asked).fetchall():
        number, code, place, start, end, usv, state, since, sealed, siret, first, last, person, absent = row
        due = since + timedelta(wanted.conclusion_days) if state == NOTIFIED else None
        if wanted.without_physician and absent is None:
            continue
        if wanted.unanswered_days is not None and (
            due is None or due > wanted.today + timedelta(wanted.unanswered_days)
        ):
            continue
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
                "echeance": None if due is None else due.isoformat(),
                "sans_medecin": absent is not None,
                "nir": key.open(sealed).decode(),
                "siret": siret,
                "jours_debut": first.isoformat(),
                "jours_fin": last.isoformat(),
                "travailleur": person,
                "medecin_absent": absent,
            }
        )
    return listed


def of_authority(connection: Connection) -> list[dict[str, Any]]:
    """The exceedances that an authority was told of, as they stand: without identity.

    Args:
        connection: the authority's own (``dgt`` or ``dsnd``): the database shows no other.
    """
    listed = []
    for row in connection.execute(sql.query("exceedances", "of_authority")).fetchall():
        number, code, place, state, since, start, end, siret, municipality, domain, sector, trade, usv = row
        listed.append(
            {
                "id": number,
                "limite": by_code()[code].quantity,
                "localisation": _place(place),
                "periode_debut": start.isoformat(),
                "periode_fin": end.isoformat(),
                "valeur_msv": None if usv is None else msv(int(usv)),
                "etat": state,
                "etat_depuis": since.isoformat(),
                "siret": siret,
                "commune": municipality,
                "domaine": domain or "",
                "secteur": sector or "",
                "metier": trade or "",
            }
        )
    return listed


def exceedance(connection: Connection, key: RegistryKey, wanted: Wanted, number: int) -> dict[str, Any]:
    """One exceedance: its states, how it was reckoned over time, what was concluded, who was told, the results within
    its window, all as the registry held it at the instant that is asked for.

    Raises:
        UsageError: there is none of this number, or was none then.
    """
    found = exceedances(connection, key, wanted, number)
    if not found:
        raise UsageError(f"aucun dépassement {number}" + (" à cette date" if wanted.as_of else ""))
    shown = found[0]
    limit = by_code()[shown["regle"]]
    asked = {"one": number, "load": load_as_of(connection, wanted.as_of)}
    shown |= {"libelle": limit.label, "source": limit.source, "a_confirmer": limit.to_confirm}
    shown["etats"] = [
        {"etat": state, "vrai_depuis": since.isoformat(), "du": _hour(start), "au": _hour(end)}
        for state, since, start, end in connection.execute(sql.query("exceedances", "states"), asked).fetchall()
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
            sql.query("exceedances", "reckonings"), asked
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
            sql.query("exceedances", "conclusions"), asked
        ).fetchall()
    ]
    shown["avis"] = [
        {"etat": state, "destinataire": code, "role": role, "revision": revision, "remis_le": _hour(told)}
        for state, code, role, revision, told in connection.execute(
            sql.query("exceedances", "notices"), asked
        ).fetchall()
    ]
    shown["resultats"] = _results(connection, shown, asked["load"])
    return shown


def _results(connection: Connection, shown: dict[str, Any], load: int) -> list[dict[str, Any]]:
    """The results within the window as they held then: what each counts for, and the line that brought it."""
    listed, results = held(connection, shown["travailleur"], load)
    counts, why = counts_of(listed, results)
    chosen = windows.within(
        results,
        by_code()[shown["regle"]],
        passive.LOCATIONS.index(shown["localisation"]) if shown["localisation"] else -1,
        date.fromisoformat(shown["periode_debut"]),
        date.fromisoformat(shown["periode_fin"]),
    )
    made = []
    for at in np.flatnonzero(chosen).tolist():
        if why[at] == ASIDE:
            continue
        siret, sender, _, submission, line = listed[at][7:12]
        made.append(
            {
                "grandeur": KINDS[results.kind[at]],
                "localisation": _place(int(results.place[at])),
                "debut": listed[at][3].isoformat(),
                "fin": listed[at][4].isoformat(),
                "valeur_msv": msv(int(results.usv[at])),
                "compte_msv": None if why[at] == OUTDONE else msv(int(counts[at])),
                "siret": siret,
                "emetteur": sender,
                "depot": submission,
                "ligne": line,
            }
        )
    return made


def _place(position: int) -> str | None:
    return passive.LOCATIONS[position] if position >= 0 else None


def _hour(moment: Any) -> str | None:
    return None if moment is None else str(moment.astimezone(PARIS).isoformat(timespec="seconds"))
