"""A month's scorecards told again, row by row, from the reports in ``retour/`` and the plain ledger.

Nothing is shared with the product but the code book: files come from the ledger's list, rows by outcome and codes from
``.rapport.json`` and the last follow-up, delays from the cells of ``.rapport.csv``, what a row went through from its
versions, one by one.
"""

from __future__ import annotations

import calendar
import csv
import io
import math
from collections import Counter, defaultdict
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from schemas.codebook import Outcome

PARIS = ZoneInfo("Europe/Paris")
NAMES = {"integrees": "INTEGRE", "en_attente": "EN_ATTENTE", "rejetees": "REJETE", "doublons": "DOUBLON"}
ENDS = {
    "PASSIVE": "DATE_FIN_PORT",
    "OPERATIONNELLE": "DATE_FIN_PORT",
    "INTERNE": "DATE_EXAMEN",
    "NAVIGANT": "MOIS",
}
Figures = dict[tuple[str, str], float | None]


def disc(values: list[int], share: float) -> int:
    """The smallest value that at least this share of the values do not exceed."""
    return sorted(values)[math.ceil(share * len(values)) - 1]


def last_day(text: str) -> date:
    """The last day of a period as a file writes its end: a month, a day, or a minute."""
    if len(text) == 7:
        month, year = int(text[:2]), int(text[3:])
        return date(year, month, calendar.monthrange(year, month)[1])
    return datetime.strptime(text[:10], "%d/%m/%Y").date()


class Story:
    """What happened to the files of one sender in one month."""

    def __init__(self) -> None:
        self.files: list[str] = []
        self.first: Counter[str] = Counter()
        self.now: Counter[str] = Counter()
        self.codes: Counter[str] = Counter()
        self.cures: list[int] = []
        self.delays: dict[str, list[int]] = defaultdict(list)
        self.decided = self.alone = self.expired = self.absent = 0

    def figures(self) -> Figures:
        refused = [code for code in self.files if code.startswith("FIC") and code != "FIC-06"]
        rows = sum(self.now.values())
        at_once = self.first["INTEGRE"]
        without = at_once + self.alone
        told: Figures = {
            ("fichiers_recus", ""): len(self.files),
            ("fichiers_refuses", ""): len(refused),
            ("part_fichiers_refuses", ""): percent(len(refused), len(self.files)),
            ("fichiers_deja_recus", ""): self.files.count("FIC-06"),
            ("fichiers_en_cours", ""): self.files.count("RECU"),
            ("lignes_recues", ""): rows,
            ("part_integree_d_emblee", ""): percent(at_once, rows - self.first["DOUBLON"]),
            ("lignes_regularisees", ""): len(self.cures),
            ("delai_regularisation", ""): disc(self.cures, 0.5) if self.cures else None,
            ("lignes_sorties_seules", ""): self.alone,
            ("lignes_decidees", ""): self.decided,
            ("part_sans_intervention", ""): percent(without, without + self.decided),
            ("decisions_pour_10000", ""): round(10_000 * self.decided / rows, 2) if rows else None,
            ("lignes_expirees", ""): self.expired,
        }
        for code in refused:
            told["fichiers_refuses_code", code] = refused.count(code)
        for outcome in NAMES.values():
            told["lignes_integration", outcome] = self.first[outcome]
            told["lignes_a_ce_jour", outcome] = self.now[outcome]
            told["part_a_ce_jour", outcome] = percent(self.now[outcome], rows)
        for code, count in self.codes.items():
            told["lignes_code", code] = count
            told["part_code", code] = percent(count, rows)
        for name, days in self.delays.items():
            told["mesures", name] = len(days)
            told["delai_median", name] = disc(days, 0.5)
            told["delai_p90", name] = disc(days, 0.9)
        return told


def percent(part: int, whole: int) -> float | None:
    return round(100 * part / whole, 4) if whole else None


class Twin:
    """The registry's files and rows as plain lists, read once."""

    def __init__(self, registry: Any) -> None:
        self.registry = registry
        fetch = registry.connection.execute
        self.submissions = fetch(
            "select submission_id, p.code, p.role, file_name, drop_number, received_at, registry_date, state,"
            " file_code, format from ledger.submission s join ledger.partner p using (partner_id)"
            " order by submission_id"
        ).fetchall()
        self.loads = {
            number: (kind, recorded)
            for number, kind, recorded in fetch("select load_id, kind, recorded_at from ledger.load").fetchall()
        }
        self.versions: dict[int, dict[int, list[tuple[int, str]]]] = defaultdict(lambda: defaultdict(list))
        for submission, line, since, outcome in fetch(
            "select submission_id, line, since_load, outcome::text from ledger.row_entry order by 1, 2, 3"
        ).fetchall():
            self.versions[submission][line].append((since, Outcome(outcome).name))

    def month(self, year: int, month: int, by: str = "code") -> dict[str, Figures]:
        """Figures of everyone who sent in a month, by account (or by ``role``)."""
        return {who: story.figures() for who, story in self.stories(year, month, by).items()}

    def stories(self, year: int, month: int | None = None, by: str = "code") -> dict[str, Story]:
        """What happened to the files of everyone who sent in a month, or in a year."""
        stories: dict[str, Story] = defaultdict(Story)
        for number, code, role, name, drop, received, day, state, file_code, layout in self.submissions:
            if day.year != year or month not in (None, day.month):
                continue
            story = stories[code if by == "code" else role]
            story.files.append(file_code or ("RECU" if state == "RECU" else ""))
            if state == "TRAITE":
                self._rows(story, number, code, name, drop, received.astimezone(PARIS).date(), day, layout)
        return dict(stories)

    def _rows(
        self, story: Story, number: int, code: str, name: str, drop: int, came: date, day: date, layout: str
    ) -> None:
        report = self.registry.report(code, name, drop)
        latest = (self.registry.follow_ups(code, name, drop) or [report])[-1]
        for told, counter in ((report, story.first), (latest, story.now)):
            for french, outcome in NAMES.items():
                counter[outcome] += told["lignes"][french]
        story.codes.update(report["codes"])
        for versions in self.versions[number].values():
            (_, before), (load, after) = versions[0], versions[-1]
            if len(versions) == 1 or after == "EN_ATTENTE":
                continue
            kind, recorded = self.loads[load]
            if kind == "decide":
                story.decided += 1
            elif kind == "expire":
                story.expired += 1
            else:
                story.alone += 1
            if (before, after) == ("EN_ATTENTE", "INTEGRE"):
                story.cures.append(max(0, (recorded.astimezone(PARIS).date() - came).days))
        if layout not in ENDS:
            return
        stem = name if drop == 1 else f"{name}~{drop}"
        body = self.registry.read(code, f"{stem}.rapport.csv")
        try:
            text = body.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = body.decode("cp1252")
        for cells, (outcome, _) in zip(
            csv.DictReader(io.StringIO(text, newline=""), delimiter=";"),
            self.registry.rows(code, name, drop),
            strict=True,
        ):
            if outcome == "INTEGRE" and cells.get("CODE_METROLOGIE", "").strip() != "A":
                story.delays[layout].append(max(0, (day - last_day(cells[ENDS[layout]].strip())).days))
                story.absent += layout == "PASSIVE" and cells["ETAT_RESULTAT"].strip() == "ABS"
