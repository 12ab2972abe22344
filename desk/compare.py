"""A row beside the registry: each value sent, what is known of it, and where the two part."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pipelines.match import person_column
from pipelines.names import first_names_agree, fold
from pipelines.parsing import plain_upper
from schemas.formats import formats
from schemas.spec import Format, Kind

#: Columns that each waiting code is about, beside the person's and the dates'.
_OF_SIRET = frozenset({"IDT-05", "IDT-07", "IDT-11"})
_OF_PERSON = frozenset({"IDT-06", "IDT-07"})


def compared(facts: dict[str, Any]) -> list[dict[str, Any]]:
    """The values of a dossier with ``connue`` (what the registry knows, empty where it knows nothing of it) and
    ``differe`` (the row waits for that, or the two are not the same)."""
    layout = formats()[facts["format"]]
    sent = {one["champ"]: one["valeur"] for one in facts["valeurs"]}
    codes, worker = set(facts["codes"]), facts["travailleur"]
    known: dict[str, tuple[str, bool]] = {}
    person = person_column(layout)
    if person and sent.get(person):
        known[person] = (_numbers(worker, sent[person]), bool(codes & _OF_PERSON))
    if worker is not None:
        for name, value, same in (
            ("NOM", worker["nom"], lambda one, other: fold(plain_upper(one)) == fold(other)),
            ("PRENOM", worker["prenom"], lambda one, other: first_names_agree(fold(plain_upper(one)), fold(other))),
            ("DATENAISSANCE", _french(worker["naissance"]), _equal),
            ("SEXE", worker["sexe"], _equal),
        ):
            if layout.has(name):
                known[name] = (value, _parts(sent.get(name, ""), value, same))
    if layout.has("SIRET"):
        known["SIRET"] = (_establishment(facts), bool(codes & _OF_SIRET))
    days = _days(layout)
    if worker is not None and days:
        known[days[0]] = (_attachment(worker, facts["siret"]), "IDT-09" in codes)
        known |= dict.fromkeys(days[1:], ("", "IDT-09" in codes))
    if layout.measure is not None and layout.measure.value:
        known[layout.measure.value] = (_usual(facts), "MET-05" in codes)
    return [
        one | {"connue": known.get(one["champ"], ("", False))[0], "differe": known.get(one["champ"], ("", False))[1]}
        for one in facts["valeurs"]
    ]


def _equal(one: str, other: str) -> bool:
    return one.strip() == other


def _parts(sent: str, known: str, same: Callable[[str, str], bool]) -> bool:
    return bool(sent) and not same(sent, known)


def _numbers(worker: dict[str, Any] | None, sent: str) -> str:
    if worker is None:
        return "aucun travailleur sous ce numéro"
    others = [one for one in worker["numeros"] if one != "".join(sent.split()).upper()]
    return f"travailleur connu{', aussi sous ' + ', '.join(others) if others else ''}"


def _establishment(facts: dict[str, Any]) -> str:
    found = facts["etablissement"]
    if found is None:
        return "établissement inconnu du registre" if facts["siret"] else ""
    closed = f", fermé le {_french(found['depuis'])}" if found["etat"] == "F" else ""
    return f"{found['nom'] or '(sans nom)'}{closed}"


def _attachment(worker: dict[str, Any], siret: str | None) -> str:
    spans = [
        f"{_french(one['debut'])} – {_french(one['fin']) if one['fin'] else 'en cours'}"
        for one in worker["rattachements"]
        if one["siret"] == siret
    ]
    return f"rattaché : {' ; '.join(spans)}" if spans else "pas rattaché à cet établissement"


def _usual(facts: dict[str, Any]) -> str:
    doses = [one["dose_msv"] for one in facts["histoire"] if one["dose_msv"] is not None]
    if not doses:
        return ""
    low, high = min(doses, key=float), max(doses, key=float)
    return f"{len(doses)} derniers résultats : {low} à {high} mSv".replace(".", ",")


def _days(layout: Format) -> list[str]:
    if layout.measure is None:
        return []
    names = dict.fromkeys((layout.measure.start, layout.measure.end))
    return [name for name in names if layout.column(name).kind in (Kind.DATE, Kind.TIME, Kind.MONTH)]


def _french(day: str) -> str:
    return f"{day[8:10]}/{day[5:7]}/{day[:4]}"
