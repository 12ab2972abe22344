"""A registry that receives files month after month, honest ones or with one thing that drifted."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from senders import (
    DESIGNATIONS,
    ESTABLISSEMENTS,
    PASSIVE,
    SIREN,
    TRAVAILLEURS,
    file,
    row,
)

from bench.data import names, nir
from pipelines.quality import check
from pipelines.quality.check import Verdict
from pipelines.tallies import month_before
from schemas.identifiers import key_of

#: Workers of each body: first number, and one after the last.
WORKERS = {"LABO1": (0, 200), "LABO2": (200, 320)}
#: Numbers of workers whom nobody declared.
STRANGERS = 40_000
FIRST = date(2024, 1, 1)


@dataclass(frozen=True)
class Sent:
    """A row that a body sent, and whether its worker is one whom the employer declared."""

    body: str
    cells: dict[str, str]
    known: bool


def person(number: int) -> dict[str, str]:
    last, first = names(number)
    return {"NIR": nir(number), "NOM": last, "PRENOM": first}


def worker(number: int, domain: str = "100000", sector: str = "101010", **changed: str) -> str:
    one = nir(number)
    told = {
        "CLE": key_of(one),
        "DATENAISSANCE": f"15/{one[3:5]}/19{one[1:3]}",
        "SEXE": "M" if one[0] == "1" else "F",
        "codeDomaineActivite": domain,
        "codeSecteurActivite": sector,
        "DATEDEBUT": "01/01/2015",
    }
    return row(TRAVAILLEURS, **(person(number) | told | changed))


class Months:
    """The world: :meth:`receive` a month, then :meth:`broken` of it."""

    def __init__(self, registry: Any) -> None:
        self.registry = registry
        registry.partner("ASNR", "GESTIONNAIRE")
        registry.partner("EMPL", "EMPLOYEUR", [SIREN])
        for code in ("LABO1", "LABO2", "LABO3"):
            registry.partner(code, "OA")
        registry.drop("ASNR", "sirene.csv", file(ESTABLISSEMENTS, row(ESTABLISSEMENTS)))
        designated = [row(DESIGNATIONS, IDENTIFIANT=code) for code in ("LABO1", "LABO2", "LABO3")]
        registry.drop("ASNR", "designations.csv", file(DESIGNATIONS, *designated))
        registry.drop("EMPL", "liste.csv", file(TRAVAILLEURS, *(worker(number) for number in range(320))))
        registry.run(FIRST)
        self.verdicts: dict[str | int, dict[str, Verdict]] = {}
        self.told: list[dict[str, Any]] = []
        self.sent: dict[date, list[Sent]] = {}

    def rows(self, month: date, body: str, drift: str) -> list[Sent]:
        """A body's results of the month before; every hundredth row tells the same share in each month."""
        first, last = WORKERS[body]
        here = drift if body == "LABO1" else ""
        made = []
        for number in range(first, last):
            place = number * 37 % 100
            end = month - timedelta(days=1)
            # Rows of other last digits than those that fail, so that a share drifts alone.
            late = place < 4 or (here == "TARDIFS" and 20 <= place < 35)
            if late:
                end = month_before(month, 2) - timedelta(days=1)
            cells = person(number) | {
                "ID_MESURE": f"{month:%y%m}-{number}",
                "DATE_DEBUT_PORT": f"{end.replace(day=1):%d/%m/%Y}",
                "DATE_FIN_PORT": f"{end:%d/%m/%Y}",
                "TYPE_DOSIMETRE": "TLD" if place % 10 < (6 if here == "DOSIMETRES" else 3) else "OSL",
                **dict(zip(("ETAT_RESULTAT", "VALEUR"), self.value(place, here, drift), strict=True)),
            }
            if 60 <= place < (70 if here == "REJETS" else 62):
                cells["VALEUR"], cells["ETAT_RESULTAT"] = "x", "MES"
            stranger = here == "ATTENTE" and 70 <= place < 78
            if stranger:
                cells |= person(STRANGERS + number)
            if here == "INCONNUS" and 80 <= place < 83:
                cells["TYPE_DOSIMETRE"] = "XXX"
            made.append(Sent(body, cells, not stranger))
        return made[:60] if here == "VOLUME" else made

    @staticmethod
    def value(place: int, here: str, drift: str) -> tuple[str, str]:
        if place in (97, 98, 99) or (here == "SANS_RESULTAT" and 40 <= place < 52):
            return "ABS", ""
        if place % 5 < (2 if drift == "ZEROS" else 3):
            return "INF", ""
        if drift == "ZEROS" and place % 5 == 2:
            return "MES", "0.05"
        return "MES", "0.6" if drift == "MOYENNES" else "0.2"

    def receive(self, month: date, drift: str = "") -> None:
        """What comes on the tenth of a month."""
        rows = {body: self.rows(month, body, drift) for body in WORKERS}
        self.sent[month] = [one for listed in rows.values() for one in listed]
        for body, listed in rows.items():
            parts = 14 if drift == "REFUSES" and body == "LABO2" else 1
            for part in range(parts):
                lines = (row(PASSIVE, **one.cells) for one in listed[part::parts])
                self.registry.drop(body, f"{month:%Y-%m} {part}.csv", file(PASSIVE, *lines))
        if drift == "REFUSES":
            for part in range(6):
                self.registry.drop("LABO2", f"{month:%Y-%m} vide {part}.csv", b"")
        if drift in ("NAISSANCES", "COUVERTURE"):
            self.registry.drop("EMPL", f"{month:%Y-%m}.csv", file(TRAVAILLEURS, *self.newcomers(drift)))
        self.registry.run(month.replace(day=10))

    def newcomers(self, drift: str) -> Iterator[str]:
        """Sixty workers: born on 1 January and of another domain, or of the first domain and without results."""
        if drift == "COUVERTURE":
            yield from (worker(number) for number in range(400, 460))
            return
        born = (number for number in range(50_000, 70_000) if nir(number)[3:5] == "01")
        for _, number in zip(range(60), born, strict=False):
            birth = f"01/01/19{nir(number)[1:3]}"
            yield worker(number, "300000", "301000", CodeMetier="INGENIEUR", DATENAISSANCE=birth)

    def judge(self, month: date, today: date) -> dict[str, Verdict]:
        """The check's verdicts of a month, by promise."""
        self.registry.settings = dataclasses.replace(self.registry.settings, today=today)
        found = check.check(
            self.registry.registry.warehouse, self.registry.as_("publisher"), self.registry.settings, f"{month:%Y-%m}"
        )
        return {one.promise.name: one for one in found}
