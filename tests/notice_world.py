"""A small country with a home for everybody who may be told of an exceedance: two employers, physicians and advisers,
the ministry and the defence delegate."""

from __future__ import annotations

import json
from typing import Any

from senders import (
    CONCLUSION,
    DESIGNATIONS,
    ENGAGEE,
    ESTABLISSEMENTS,
    NIR,
    PASSIVE,
    RPPS,
    RPPS2,
    SIRET,
    SIRET2,
    TRAVAILLEURS,
    country,
    dose,
    file,
    row,
)
from senders import UNKNOWN as OTHER

__all__ = ["CONCLUSION", "OTHER", "SIRET", "SIRET2", "World", "month"]

CRP, CRP2 = "PCR-7", "PCR-8"
READERS = ("EMPL", "EMPL2", "DOCTEUR", "DOCTEUR2", "CONSEIL", "CONSEIL2", "DGT", "DSND")


class World:
    """Senders and readers over a registry. Accounts named in ``absent`` are not opened."""

    def __init__(
        self, registry: Any, *, absent: tuple[str, ...] = (), designate: bool = True, character: str = "Civil"
    ) -> None:
        self.registry = country(registry)
        self.connection, self.key = registry.connection, registry.registry.key
        self._files = 0
        self.character = character
        for code in READERS[1:]:
            if code not in absent:
                self.open(code)
        self.send("ASNR", ESTABLISSEMENTS, row(ESTABLISSEMENTS, siren=OTHER[:9], siret=OTHER))
        people = [row(TRAVAILLEURS, SIRET=one, caractereActivite=character) for one in (SIRET, SIRET2, OTHER)]
        self.send("ASNR", TRAVAILLEURS, *people)
        if designate:
            for at in (SIRET, SIRET2):
                self.designate(at, "MDT", RPPS)
                self.designate(at, "CRP", CRP)
            self.designate(OTHER, "MDT", RPPS2)
            self.designate(OTHER, "CRP", CRP2)
        self.run()

    def open(self, code: str) -> None:
        """Open one of the readers' accounts."""
        names = {"DOCTEUR": RPPS, "DOCTEUR2": RPPS2, "CONSEIL": CRP, "CONSEIL2": CRP2}
        roles = {"DO": "MDT", "CO": "CRP", "EM": "EMPLOYEUR", "DG": "DGT", "DS": "DSND"}
        sirens = [OTHER[:9]] if code == "EMPL2" else []
        self.registry.partner(code, roles[code[:2]], sirens, names.get(code))

    def close(self, code: str) -> None:
        """Disable an account."""
        from pipelines import partners

        with self.registry.registry.warehouse.admin() as admin:
            partners.disable(admin, self.registry.settings, code)

    def designate(self, siret: str, role: str, who: str, start: str = "01/01/2020", end: str = "") -> None:
        cells = {"SIRET": siret, "ROLE": role, "IDENTIFIANT": who, "DATEDEBUT": start, "DATEFIN": end}
        self.send("ASNR", DESIGNATIONS, row(DESIGNATIONS, **cells))

    def send(self, partner: str, header: str, *rows: str) -> None:
        """Drop a file; it is taken by the next :meth:`run`."""
        self._files += 1
        self.registry.drop(partner, f"f{self._files}.csv", file(header, *rows))

    def run(self, **day: Any) -> Any:
        done = self.registry.run(**day)
        assert not done.incidents
        assert not done.troubles
        return done

    def lab(self, *rows: str) -> Any:
        self.send("LABO1", PASSIVE, *rows)
        return self.run()

    def doctor(self, value: str, name: str = "E1", code: str = "", **changed: str) -> Any:
        """The physician sends a committed dose."""
        cells = {"VALEUR": value, "ID_EVALUATION": name, "CODE_METROLOGIE": code}
        self.send("DOCTEUR", ENGAGEE, row(ENGAGEE, **(cells | changed)))
        return self.run()

    def names(self, code: str) -> list[str]:
        """The notices in a home, each once."""
        found = [one for one in self.registry.files(code) if one.startswith("depassement-")]
        stems = sorted({one.rsplit(".", 1)[0] for one in found})
        assert found == sorted(f"{one}.{end}" for one in stems for end in ("html", "json"))
        return stems

    def holders(self) -> dict[str, list[str]]:
        """Who holds a notice, and which."""
        homes = {path.name for path in (self.registry.settings.home / "sftp").iterdir()}
        return {code: self.names(code) for code in sorted(homes) if self.names(code)}

    def notice(self, code: str, state: str = "NOTIFIE", number: int = 1) -> dict[str, Any]:
        return dict(json.loads(self.registry.read(code, f"depassement-{number}-{state}.json")))

    def told(self) -> list[tuple[Any, ...]]:
        """(exceedance, state, account, audience, revision) of all that was told, in order."""
        return self.connection.execute(
            "select n.exceedance_id, n.state, p.code, n.audience, n.revision from exposure.notice n"
            " join ledger.partner p using (partner_id) where n.told_at is not null order by n.notice_id"
        ).fetchall()

    def states(self, number: int = 1) -> list[str]:
        rows = self.connection.execute(
            "select state from exposure.state where exceedance_id = %s order by since_load", (number,)
        ).fetchall()
        return [one for (one,) in rows]

    def unassigned(self) -> list[tuple[int, str]]:
        return self.connection.execute(
            "select exceedance_id, reason from exposure.without_physician where until_load is null"
        ).fetchall()


def month(number: int, value: str, at: str = "03", **changed: str) -> str:
    """A passive result of a month of 2026."""
    days = {"01": "31", "02": "28", "03": "31"}
    period = {"DATE_DEBUT_PORT": f"01/{at}/2026", "DATE_FIN_PORT": f"{days[at]}/{at}/2026"}
    return dose(f"M{number}", value, **({"NIR": NIR} | period | changed))
