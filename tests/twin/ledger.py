"""What the twin's registry keeps: senders, rows received, submissions and their figures, references."""

from calendar import monthrange
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from twin import layouts

WAITING = {"IDT-05", "IDT-06", "IDT-07", "IDT-08", "IDT-09", "IDT-11", "MET-05"}
FIGURES = {"INTEGRE": "integrees", "EN_ATTENTE": "en_attente", "REJETE": "rejetees", "DOUBLON": "doublons"}

FIRST_DAY = {"PASSIVE": "DATE_DEBUT_PORT", "OPERATIONNELLE": "DATE_DEBUT_PORT"}
LAST_DAY = {"PASSIVE": "DATE_FIN_PORT", "OPERATIONNELLE": "DATE_FIN_PORT"}
_ONE_DAY = {"INTERNE": "DATE_EXAMEN", "ENGAGEE": "DATE_INCORPORATION", "NAVIGANT": "MOIS"}
FIRST_DAY |= _ONE_DAY
LAST_DAY |= _ONE_DAY | {"SORTIES": ""}
"""Columns of a row's first and last day; a departure is considered on none."""

OWN_KEYS = {
    "PASSIVE": ["ID_MESURE"],
    "INTERNE": ["ID_ANALYSE", "RADIONUCLEIDE"],
    "ENGAGEE": ["ID_EVALUATION"],
    "NAVIGANT": ["ID_CALCUL"],
}
"""Columns that identify a measure of its sender; passages are identified whoever sends them."""


@dataclass(frozen=True)
class Partner:
    code: str
    role: str
    sirens: tuple[str, ...] = ()
    identifiant: str | None = None


@dataclass(eq=False)
class Line:
    """One row received: what it says, what it carries, what became of it."""

    submission: "Submission"
    line: int
    ragged: bool
    kind: str  # the books' heading; empty where nothing is a dose
    sent: Decimal  # the books' value in mSv
    raw: dict[str, str]
    """The cells as sent, or as analysts left them; a correction whose only origin left the queue corrects nothing."""
    from_text: set[str] = field(default_factory=set)
    values: dict[str, Any] = field(default_factory=dict)
    codes: set[str] = field(default_factory=set)
    waived: set[str] = field(default_factory=set)
    """Codes that an analyst has set aside for this row."""
    outcome: str = ""
    under: dict[str, Any] = field(default_factory=dict)
    """NIR and SIRET as they were read when the row was last judged."""

    @property
    def format(self) -> str | None:
        return self.submission.format

    @property
    def sender(self) -> Partner:
        return self.submission.partner

    @property
    def end(self) -> date | None:
        """The day on which the row is considered; the last one of a month."""
        moment = self.values.get(LAST_DAY.get(self.format or "", "DATEDEBUT"))
        if self.format == "NAVIGANT" and moment is not None:
            return date(moment.year, moment.month, monthrange(moment.year, moment.month)[1])
        return moment.date() if isinstance(moment, datetime) else moment

    @property
    def start(self) -> date | None:
        moment = self.values.get(FIRST_DAY.get(self.format or "", ""))
        return moment.date() if isinstance(moment, datetime) else moment

    @property
    def mode(self) -> str | None:
        mode: str | None = self.values.get("CODE_METROLOGIE")
        return mode

    @property
    def key(self) -> tuple[Any, ...]:
        if self.format in OWN_KEYS:
            return (self.format, self.sender.code, *(self.values[column] for column in OWN_KEYS[self.format]))
        columns = ["NIR", "SIRET", "TYPE_MESURE", "DATE_DEBUT_PORT", "DATE_FIN_PORT", "LIEU", "ZONE"]
        return ("OPERATIONNELLE", *(self.values[column] for column in columns))

    @property
    def content(self) -> tuple[Any, ...]:
        assert self.format is not None
        aside = ("NOM", "PRENOM", "CODE_METROLOGIE")
        return tuple(self.values[column] for column in layouts.COLUMNS[self.format] if column not in aside)

    def same_key(self, other: "Line") -> bool:
        if self.key != other.key:
            return False
        if self.format == "OPERATIONNELLE" or self.end is None or other.end is None:
            return True
        return abs(self.end.year - other.end.year) <= 1


@dataclass(eq=False)
class Submission:
    """One file received; `first` is the report as first sent."""

    id: int
    partner: Partner
    name: str
    sha256: str
    received: date
    format: str | None = None
    code: str | None = None
    lines: list[Line] = field(default_factory=list)
    first: dict[str, Any] = field(default_factory=dict)
    told: dict[int, str] = field(default_factory=dict)
    """Outcome of each row as the sender was last told."""
    changes: list[tuple[int, str, str, frozenset[str]]] = field(default_factory=list)

    def answer(self) -> None:
        """Tell the sender what is not as it was last told."""
        for line in self.lines:
            before = self.told.get(line.line, line.outcome)
            if line.outcome != before:
                self.changes.append((line.line, before, line.outcome, frozenset(line.codes)))
            self.told[line.line] = line.outcome

    def figures(self) -> dict[str, Any]:
        """`statut`, `lignes`, `doses_msv` and `codes`, as they stand."""
        empty = {"recues": 0} | dict.fromkeys(FIGURES.values(), 0)
        if self.code is not None:
            return {"statut": "REFUSE", "lignes": empty, "doses_msv": {}, "codes": {self.code: 1}}
        counts = dict(empty)
        doses: dict[str, dict[str, Decimal]] = {}
        codes: dict[str, int] = {}
        for line in self.lines:
            counts["recues"] += 1
            counts[FIGURES[line.outcome]] += 1
            if line.kind:
                book = doses.setdefault(line.kind, dict.fromkeys(empty, Decimal(0)))
                book["recues"] += line.sent
                book[FIGURES[line.outcome]] += line.sent
            for code in line.codes:
                codes[code] = codes.get(code, 0) + 1
        outcomes = {line.outcome for line in self.lines}
        if outcomes <= {"INTEGRE", "DOUBLON"}:
            statut = "INTEGRE"
        elif "INTEGRE" not in outcomes and "EN_ATTENTE" in outcomes and "REJETE" not in outcomes:
            statut = "EN_ATTENTE"
        elif "INTEGRE" not in outcomes and "EN_ATTENTE" not in outcomes:
            statut = "REJETE"
        else:
            statut = "PARTIEL"
        texts = {kind: {name: f"{value:.3f}" for name, value in book.items()} for kind, book in doses.items()}
        return {"statut": statut, "lignes": counts, "doses_msv": texts, "codes": codes}


@dataclass
class Worker:
    nom: str
    prenom: str
    origin: int
    """The submission that last changed the names."""


@dataclass
class Period:
    """A stretch of an attachment; `origin` numbers the submission that last changed it."""

    start: date
    end: date | None
    origin: int


@dataclass
class Attachment:
    periods: list[Period]
    history: list[tuple[date, str | None, str | None]]
    """(from, CLASSEMENT, AUTREEXPOSITION), oldest first; the first holds before its day too."""
    origin: int
    """The newest submission that told the history."""

    def at(self, day: date) -> tuple[str | None, str | None]:
        value = self.history[0][1:]
        for since, *rest in self.history:
            if since <= day:
                value = (rest[0], rest[1])
        return value


@dataclass
class Establishment:
    state: str
    since: date
