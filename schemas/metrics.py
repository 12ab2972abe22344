"""Every metric of our own: its kind, unit, meaning and tags, declared once for the code, the dashboards and the tests.

A tag's values are words of the code (outcomes, formats, kinds of work), never a text that somebody sent, and never
what tells one sender, file or person from another.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """StatsD's letters."""

    COUNTER = "c"
    GAUGE = "g"
    TIMER = "ms"


@dataclass(frozen=True)
class Metric:
    """A metric: ``words`` in French, for the dashboards; ``tags``: names of its tags."""

    name: str
    kind: Kind
    words: str
    tags: tuple[str, ...] = ()

    @property
    def prometheus(self) -> str:
        """Its name once the exporter has read it."""
        return f"siseri_{self.name.replace('.', '_')}"


_C, _G, _T = Kind.COUNTER, Kind.GAUGE, Kind.TIMER

METRICS = {
    one.name: one
    for one in (
        Metric("files", _C, "dépôts, par ce qu'il en advient", ("fate",)),
        Metric("rows", _C, "lignes des dépôts traités, par issue et format", ("outcome", "format")),
        Metric("loads", _C, "chargements validés, par genre", ("kind",)),
        Metric("exceedances", _C, "dépassements ouverts, changés, caducs", ("change",)),
        Metric("lag.receipt", _T, "du dépôt d'un fichier à sa réception, en ms"),
        Metric("lag.report", _T, "du dépôt d'un fichier à son compte rendu, en ms"),
        Metric("files.standing", _G, "dépôts non traités, par état", ("state",)),
        Metric("queue.rows", _G, "lignes en attente"),
        Metric("queue.age_days", _G, "âge de la plus ancienne ligne en attente, en jours"),
        Metric("answers.owed", _G, "réponses dues"),
        Metric("answers.age_s", _G, "âge de la plus ancienne réponse due, en s"),
        Metric("dose.today_msv", _G, "dose collective des dépôts du jour, en mSv ; 0 sur moins de onze lignes"),
        Metric("disk.free_bytes", _G, "place libre, en octets", ("place",)),
        Metric("work.age_s", _G, "temps depuis que chaque travail a été fait, en s", ("work",)),
        Metric("verify.age_s", _G, "temps depuis la dernière vérification du registre, en s"),
        Metric("verify.broken", _G, "invariants du registre qui ne tiennent pas"),
        Metric("alerts.held", _G, "1 où une alerte est en cours", ("code",)),
        Metric("alerts.mailed", _C, "courriels d'alerte partis"),
        Metric("watch.time_s", _G, "heure du dernier regard, en s depuis 1970"),
    )
}
