"""What the twin's registry knows of people and places: how reference rows change it, what it tells of any row.

Its choices stand in `twin.registry`.
"""

from copy import deepcopy
from datetime import date, timedelta
from typing import Any

from twin.cells import plain_upper
from twin.checking import NR_ENDS
from twin.ledger import Attachment, Establishment, Line, Period, Worker

MARGIN = timedelta(days=31)


class References:
    """Establishments by SIRET, workers by NIR, attachments by both, designations by all that names one."""

    def __init__(self) -> None:
        self.establishments: dict[str, Establishment] = {}
        self.workers: dict[str, Worker] = {}
        self.attachments: dict[tuple[str, str], Attachment] = {}
        self.designations: dict[tuple[str, str, str, date], date | None] = {}

    def references(self) -> tuple[Any, ...]:
        """A copy of all that is known."""
        return deepcopy((self.establishments, self.workers, self.attachments, self.designations))

    # --- what rows do ------------------------------------------------------------------------------------------------

    def apply(self, line: Line) -> None:
        values = line.values
        line.outcome = "INTEGRE"
        if line.format == "ETABLISSEMENTS":
            state, since = values["etatAdministratifEtablissement"], values["dateDebut"]
            self.establishments[values["siret"]] = Establishment(state, since)
        elif line.format == "DESIGNATIONS":
            key = (values["SIRET"], values["ROLE"], values["IDENTIFIANT"], values["DATEDEBUT"])
            self.designations[key] = values["DATEFIN"]
        elif line.format == "SORTIES":
            last = self.attachments[values["NIR"], values["SIRET"]].periods[-1]
            if last.end is None or last.origin <= line.submission.id:
                last.end, last.origin = values["DATEFIN"], line.submission.id
        else:
            self._attach(line)

    def _attach(self, line: Line) -> None:
        values, nir, start = line.values, line.values["NIR"], line.values["DATEDEBUT"]
        worker, origin = self.workers.get(nir), line.submission.id
        if worker is None:
            self.workers[nir] = Worker(values["NOM"], values["PRENOM"], origin)
        elif worker.origin <= origin and "IDT-08" in line.waived:
            worker.nom, worker.prenom, worker.origin = values["NOM"], values["PRENOM"], origin
        elif worker.origin <= origin and _first_names(worker.prenom) < _first_names(values["PRENOM"]):
            worker.prenom, worker.origin = values["PRENOM"], origin
        entry = (values["CLASSEMENT"], values["AUTREEXPOSITION"])
        attachment = self.attachments.get((nir, values["SIRET"]))
        if attachment is None:
            periods = [Period(start, None, origin)]
            self.attachments[nir, values["SIRET"]] = Attachment(periods, [(start, *entry)], origin)
            return
        last = attachment.periods[-1]
        if last.origin <= origin:
            if last.end is not None and start > last.end:
                attachment.periods.append(Period(start, None, origin))
            elif last.start != start:
                last.start, last.origin = start, origin
        if attachment.origin <= origin:
            since = max(line.submission.received, start)
            before = [past for past in attachment.history if past[0] < since]
            attachment.history, attachment.origin = [*before, (since, *entry)], origin

    def _designated(self, siret: str, role: str, day: date, identifier: str | None = None) -> bool:
        for (where, what, whom, since), until in self.designations.items():
            named = (where, what) == (siret, role) and identifier in (None, whom)
            if named and since <= day and (until is None or day <= until):
                return True
        return False

    # --- what it tells of rows ---------------------------------------------------------------------------------------

    def match(self, line: Line) -> set[str]:
        """Codes that need the registry as it stands (`MET-10` to `-12` apart)."""
        codes: set[str] = set()
        if line.ragged or line.format == "ETABLISSEMENTS":
            return codes
        values, end = line.values, line.end
        nir, siret = values.get("NIR"), values.get("SIRET")
        known = self.establishments.get(siret) if siret else None
        if self._out_of_perimeter(line, siret, known is not None):
            codes.add("IDT-10")
        if line.mode == "A":
            return codes
        codes |= self._physician(line, siret if known else None)
        if known and end and known.state == "F" and known.since <= end:
            codes.add("IDT-11")
        if known and siret and end and self._wrong_body(line, siret, end):
            codes.add("AVT-10")
        if line.format == "DESIGNATIONS":
            return codes | ({"IDT-05"} if siret and not known else set())
        if not nir or not siret:
            return codes
        if not known:
            codes.add("IDT-05")
        worker = self.workers.get(nir)
        if worker and values.get("NOM") and values.get("PRENOM") and not _names_agree(worker, values):
            codes.add("IDT-08")
        if line.format == "TRAVAILLEURS":
            return codes
        attachment = self.attachments.get((nir, siret))
        if not worker:
            codes.add("IDT-06")
        elif known and not attachment:
            codes.add("IDT-07")
        if line.format == "SORTIES":
            departure = values.get("DATEFIN")
            if attachment and departure and departure < attachment.periods[-1].start:
                codes.add("MET-01")
            return codes
        if attachment and line.start and end and not any(_holds(one, line.start, end) for one in attachment.periods):
            codes.add("IDT-09")
        if attachment and end and end >= NR_ENDS:
            classed, other = attachment.at(end)
            if classed in ("NC", "NR") or (classed is None and other is None):
                codes.add("MET-06")
        return codes

    def _out_of_perimeter(self, line: Line, siret: str | None, known: bool) -> bool:
        sender = line.sender
        role = line.values.get("ROLE")
        if role and ((sender.role == "EMPLOYEUR" and role == "PST") or (sender.role == "MDT" and role != "PST")):
            return True
        if siret is None:
            return False
        if sender.role == "EMPLOYEUR":
            return siret[:9] not in sender.sirens
        if sender.role in ("CRP", "MDT") and known and line.end:
            roles = ["MDT", "PST"] if sender.role == "MDT" and line.format != "DESIGNATIONS" else [sender.role]
            return not any(self._designated(siret, one, line.end, sender.identifiant or "") for one in roles)
        return False

    def _physician(self, line: Line, siret: str | None) -> set[str]:
        """A committed dose bears the RPPS of the account, of a physician whom the establishment designates."""
        rpps, account = line.values.get("RPPS"), line.sender.identifiant
        codes: set[str] = set()
        if rpps and line.sender.role == "MDT" and account and rpps != account:
            codes.add("FMT-05")
        named = [
            self._designated(siret, role, line.end, rpps) for role in ("MDT", "PST") if siret and line.end and rpps
        ]
        if named and not any(named):
            codes.add("IDT-10")
        return codes

    def _wrong_body(self, line: Line, siret: str, end: date) -> bool:
        role = line.sender.role
        if (line.format, role) in (("PASSIVE", "OA"), ("INTERNE", "OA"), ("OPERATIONNELLE", "EXPLOITANT")):
            return not self._designated(siret, role, end, line.sender.code)
        if line.format == "OPERATIONNELLE" and role in ("EMPLOYEUR", "CRP"):
            return self._designated(siret, "EXPLOITANT", end)
        return False


def _holds(period: Period, start: date, end: date) -> bool:
    return period.start - MARGIN <= start and (period.end is None or end <= period.end + MARGIN)


def fold(name: str) -> str:
    """A name as it is compared: upper case, no accents, hyphens and apostrophes as spaces, single spaces."""
    for char in "'\u2019\u02bc\u0060\u00b4-\u2010\u2011\u2012\u2013\u2014":
        name = name.replace(char, " ")
    return " ".join(plain_upper(name).split())


def _first_names(text: str) -> set[str]:
    return set(fold(text).split())


def _names_agree(worker: Worker, values: dict[str, Any]) -> bool:
    known, sent = _first_names(worker.prenom), _first_names(values["PRENOM"])
    return fold(worker.nom) == fold(values["NOM"]) and (known <= sent or sent <= known)
