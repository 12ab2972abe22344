"""One worker, with every kind of result at two establishments, seen by whoever asks under a ticket."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import date
from typing import Any

from senders import (
    DESIGNATIONS,
    ENGAGEE,
    INTERNE,
    NAVIGANT,
    NIR,
    OPERATIONNELLE,
    PASSIVE,
    RPPS,
    SIRET,
    SIRET2,
    TRAVAILLEURS,
    country,
    dose,
    file,
    row,
)

from pipelines.principals import Principal, admitted

TODAY = date(2026, 4, 10)
VIEWS = ("person", "contract", "passive", "operational", "aircrew", "internal", "committed")
#: What each profile may read at all, by grant.
EXTERNAL = ("passive", "operational", "aircrew")
INTERNAL = ("internal", "committed")
OPEN = {
    "worker": ("person", "contract", *EXTERNAL, *INTERNAL),
    "physician": ("person", "contract", *EXTERNAL, *INTERNAL),
    "crp": ("person", "contract", *EXTERNAL),
    "agent": ("person", "contract", *EXTERNAL),
    "employer": ("person", "contract"),
}
DELEGATE = "10987654323"


class Matrix:
    """One worker at two establishments with every kind of result; asks as anybody, on any day."""

    def __init__(self, registry: Any) -> None:
        self.registry = country(registry)
        registry.partner("DOCTEUR", "MDT", identifiant=RPPS)
        registry.partner("NAVIG", "CALCUL")
        self.n = 0
        self.send("EMPL", TRAVAILLEURS, row(TRAVAILLEURS, SIRET=SIRET2, DATEDEBUT="01/01/2024"))
        self.designate("MDT", RPPS)
        self.send("LABO1", PASSIVE, dose("P1", "1.111"), dose("P2", "2.222", SIRET=SIRET2))
        self.send("SITE", OPERATIONNELLE, row(OPERATIONNELLE, VALEUR="0.333"))
        self.send("NAVIG", NAVIGANT, row(NAVIGANT, VALEUR="0.444"))
        self.send("LABO1", INTERNE, row(INTERNE))
        self.send("DOCTEUR", ENGAGEE, row(ENGAGEE, VALEUR="5.555"))

    def send(self, partner: str, header: str, *rows: str, today: date | None = None) -> None:
        self.n += 1
        name = f"f{self.n}.csv"
        self.registry.drop(partner, name, file(header, *rows))
        self.registry.run(today or TODAY)
        assert {one for one, _ in self.registry.rows(partner, name)} == {"INTEGRE"}, self.registry.rows(partner, name)

    def designate(self, role: str, who: str, start: str = "01/01/2020", end: str = "", siret: str = SIRET) -> None:
        one = row(DESIGNATIONS, ROLE=role, IDENTIFIANT=who, SIRET=siret, DATEDEBUT=start, DATEFIN=end)
        self.send("ASNR" if role != "PST" else "DOCTEUR", DESIGNATIONS, one)

    def ask(
        self, capacity: str, who: str = "", day: date = TODAY, nir: str = NIR, own: str = NIR, siret: str | None = None
    ) -> AbstractContextManager[Any]:
        asking = Principal(capacity, who, own if capacity == "TRAVAILLEUR" else "")
        subject = None if siret else nir
        place = self.registry.registry
        more = {"day": day, "who": "essai", "door": "COMMANDE", "what": "essai", "subject": subject, "siret": siret}
        return admitted(place.warehouse, place.key, asking, **more)

    def seen(self, capacity: str, who: str = "", **more: Any) -> dict[str, set[Any]] | None:
        """What each view shows: values of doses, SIRET of contracts; ``None`` where nothing is open at all."""
        with self.ask(capacity, who, **more) as reader:
            if reader is None:
                return None
            wanted = {"person": "last_name", "contract": "siret", "internal": "nuclide"}
            asking = Principal(capacity)
            return {
                view: {
                    value
                    for (value,) in reader.execute(
                        f"select {wanted.get(view, 'value_usv')} from access.{view}"
                    ).fetchall()
                }
                for view in OPEN[asking.profile]
            }
