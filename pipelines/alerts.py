"""Alerts: what is wrong now, as codes with a sentence each (pure), and which of them a mail must tell.

Each code has its page for whoever is called, ``docs/exploitation/<code>.md``. Sentences hold counts and ages alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from loaders.settings import Settings
from pipelines.health import Health
from pipelines.signs import Duty

#: An answer should leave within seconds of its load; a file should be settled in the hour it came.
ANSWER_LATE_S = 3600
FILE_LATE_S = 4 * 3600
#: A held file is taken by itself after a day (siseri_hold); beyond, nobody asks.
HELD_LATE_S = 30 * 3600
#: The nightly verification may be late by half a day, and a young registry has had no night yet.
VERIFY_LATE_S = 36 * 3600
#: So may the nightly backup.
BACKUP_LATE_S = 36 * 3600
#: So many days before the queue rejects a row by itself, somebody should have looked at it.
QUEUE_NOTICE_DAYS = 7

#: An alert is over once no look has found it for so long: one that comes and goes is one alert.
CALM = timedelta(minutes=25)
#: One that lasts is said again after so long.
AGAIN = timedelta(days=1)


@dataclass(frozen=True)
class Alert:
    """Something wrong: its ``code`` and a French ``sentence``."""

    code: str
    sentence: str

    @property
    def page(self) -> str:
        """The page of the runbook, from the project's root."""
        return f"docs/exploitation/{self.code}.md"

    def as_json(self) -> dict[str, str]:
        return {"code": self.code, "phrase": self.sentence, "page": self.page}


def wrong(health: Health, settings: Settings, *, standing: bool, here: bool = False) -> list[Alert]:
    """What is wrong now, the services first.

    Args:
        standing: whether the standing service is meant to run: without it, nothing is late that nobody promised.
        here: whether it is meant to run in this home, under its supervisor.
    """
    found = [*_services(health, here), *_disks(health, settings), *_backup(health, standing)]
    registry = health.registry
    if registry is None:
        return found
    schema = registry["schema"]
    if "file" not in registry:
        words = f"L'entrepôt est à la version {schema['version']}, le logiciel attend la {schema['attendue']}."
        return [*found, Alert("schema-different", words)]
    for judge in _OF_REGISTRY:
        found += judge(registry, settings)
    if standing:
        found += _late(registry, health.standing_s)
    return found


def _services(health: Health, here: bool) -> list[Alert]:
    words = {
        "database": Alert("base-injoignable", "La base de données ne répond pas."),
        "sftp": Alert("sftp-injoignable", "Le serveur SFTP ne répond pas au collecteur."),
    }
    missing = health.missing()
    found = [alert for name, alert in words.items() if name in missing]
    stopped = [name for name in missing if name not in words]
    if here and not health.supervised:
        stopped = ["supervisor"]
    if stopped:
        found.append(Alert("airflow-arrete", f"Airflow ne tourne pas entièrement : {', '.join(stopped)}."))
    return found


def _disks(health: Health, settings: Settings) -> list[Alert]:
    least = settings.disk_min_mb << 20
    short = [one for one in health.disks if one["libre_octets"] < least]
    if not short:
        return []
    places = ", ".join(f"{one['place']} {one['libre_octets'] >> 20} Mo" for one in short)
    return [Alert("disque-presque-plein", f"Il reste moins de {settings.disk_min_mb} Mo libres : {places}.")]


def _backup(health: Health, standing: bool) -> list[Alert]:
    backup = health.backup
    if backup is None:
        return []
    if not backup["present"]:
        return [Alert("sauvegarde-en-retard", "Le dossier de sauvegarde n'est pas là ; aucune réponse ne part.")]
    age, since = backup["age_s"], health.standing_s
    late = since is not None and since > BACKUP_LATE_S if age is None else age > BACKUP_LATE_S
    if not standing or not late:
        return []
    told = "Aucune sauvegarde n'a été faite." if age is None else f"Aucune sauvegarde depuis {_age(age)}."
    return [Alert("sauvegarde-en-retard", told)]


def _queue(registry: Mapping[str, Any], settings: Settings) -> list[Alert]:
    age = registry["file"]["age_jours"]
    if age is None or age < settings.queue_days - QUEUE_NOTICE_DAYS:
        return []
    words = f"La plus ancienne ligne en attente a {age} jours ; à {settings.queue_days} elle est rejetée."
    return [Alert("file-ancienne", words)]


def _answers(registry: Mapping[str, Any], settings: Settings) -> list[Alert]:
    owed = registry["reponses_dues"]
    if (owed["age_s"] or 0) < ANSWER_LATE_S:
        return []
    count = owed["depots"] + owed["suivis"]
    return [Alert("reponses-en-retard", f"{count} réponse(s) due(s), la plus ancienne depuis {_age(owed['age_s'])}.")]


def _files(registry: Mapping[str, Any], settings: Settings) -> list[Alert]:
    waiting = registry["a_traiter"]
    found = []
    if waiting["incidents"]:
        found.append(Alert("depots-en-incident", f"{waiting['incidents']} dépôt(s) ont rencontré un incident."))
    if (waiting["age_s"] or 0) >= FILE_LATE_S:
        words = (
            f"{waiting['depots']} dépôt(s) reçu(s) et non traité(s), le plus ancien depuis {_age(waiting['age_s'])}."
        )
        found.append(Alert("depots-en-retard", words))
    return found


def _held(registry: Mapping[str, Any], settings: Settings) -> list[Alert]:
    held = registry["retenus"]
    if (held["age_s"] or 0) < HELD_LATE_S:
        return []
    words = f"{held['depots']} dépôt(s) retenu(s), le plus ancien depuis {_age(held['age_s'])}, sans réponse."
    return [Alert("retenus-sans-reponse", words)]


def _requests(registry: Mapping[str, Any], settings: Settings) -> list[Alert]:
    count = registry["demandes_echues"]
    return [Alert("demandes-echues", f"{count} demande(s) de personnes ont passé leur terme.")] if count else []


def _promises(registry: Mapping[str, Any], settings: Settings) -> list[Alert]:
    count = registry["promesses_rompues"]
    return [Alert("promesse-rompue", f"{count} promesse(s) sur ce qui est reçu ne tiennent pas.")] if count else []


def _verification(registry: Mapping[str, Any], settings: Settings) -> list[Alert]:
    last = registry["verification"]
    if last is None or not last["non_tenus"]:
        return []
    return [Alert("verification-non-tenue", f"{last['non_tenus']} invariant(s) du registre ne tiennent pas.")]


_OF_REGISTRY: tuple[Callable[[Mapping[str, Any], Settings], list[Alert]], ...] = (
    _queue,
    _answers,
    _files,
    _held,
    _requests,
    _promises,
    _verification,
)


def _late(registry: Mapping[str, Any], standing_s: int | None) -> list[Alert]:
    """Work that is not done any more, or never was, for as long as there has been a registry and a service to do it."""

    def age(sign: Mapping[str, Any] | None) -> int:
        since: int = registry["age_s"] if sign is None else sign["age_s"]
        return since if standing_s is None else min(since, standing_s)

    ages = {duty: age(registry["travaux"][duty.title]) for duty in Duty}
    found = []
    if ages[Duty.COLLECT] > Duty.COLLECT.limit_s:
        found.append(Alert("collecte-arretee", f"Aucun passage de collecte depuis {_age(ages[Duty.COLLECT])}."))
    late = [(duty, since) for duty, since in ages.items() if duty is not Duty.COLLECT and since > duty.limit_s]
    if late:
        words = ", ".join(f"{duty.title} (rien depuis {_age(since)})" for duty, since in late)
        found.append(Alert("travaux-en-retard", f"Travaux qui ne sont pas faits à leur heure : {words}."))
    unverified = age(registry["verification"])
    if unverified > VERIFY_LATE_S:
        found.append(Alert("verification-absente", f"Aucune vérification du registre depuis {_age(unverified)}."))
    return found


def _age(seconds: int) -> str:
    """An age in French, rounded down: ``3 h``, ``2 jours``."""
    for size, words in ((86_400, "jour(s)"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {words}"
    return f"{seconds} s"


#: Every code that :func:`wrong` may give; each has its page, and each page its code.
CODES = (
    *("base-injoignable", "sftp-injoignable", "airflow-arrete", "disque-presque-plein", "schema-different"),
    *("file-ancienne", "reponses-en-retard", "depots-en-incident", "depots-en-retard", "retenus-sans-reponse"),
    *("demandes-echues", "verification-non-tenue", "collecte-arretee", "travaux-en-retard", "verification-absente"),
    *("promesse-rompue", "sauvegarde-en-retard"),
)


@dataclass(frozen=True)
class State:
    """An alert under way: since when, when a look last found it, when a mail last told it (``None``: none did)."""

    code: str
    since: datetime
    seen: datetime
    told: datetime | None = None


@dataclass(frozen=True)
class News:
    """What a mail must say, and how the alerts stand once it has.

    Attributes:
        new: alerts that no mail has told yet.
        again: alerts told a day ago or more, that last.
        over: codes of told alerts that ended.
        states: to be kept once the mail is on its way.
    """

    new: tuple[Alert, ...]
    again: tuple[Alert, ...]
    over: tuple[str, ...]
    states: tuple[State, ...]

    def __bool__(self) -> bool:
        return bool(self.new or self.again or self.over)


def news(now: datetime, held: Iterable[Alert], known: Iterable[State]) -> News:
    """Hold what is wrong now against what was told before."""
    alerts = {one.code: one for one in held}
    before = {one.code: one for one in known}
    new, again, states = [], [], []
    for code, alert in alerts.items():
        state = replace(before.get(code, State(code, now, now)), seen=now)
        if state.told is None:
            new.append(alert)
        elif now - state.told >= AGAIN:
            again.append(alert)
        told = now if alert in (*new, *again) else state.told
        states.append(replace(state, told=told))
    gone = [one for code, one in before.items() if code not in alerts]
    states += [one for one in gone if now - one.seen < CALM]
    over = tuple(one.code for one in gone if now - one.seen >= CALM and one.told is not None)
    return News(tuple(new), tuple(again), over, tuple(states))
