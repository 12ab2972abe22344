"""``siseri simulate``: a synthetic country's files, and what must become of every row.

Stages: 1 the register and designations; 2 worker lists; 3 doses; 4 what came late (missing lists,
corrections, annulments, rows sent again, a file sent twice), who left, and whose identity is settled.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.simulation import movements, references
from pipelines.simulation.exposures import AIRCREW_BODY, PHYSICIAN, exposure_files
from pipelines.simulation.measures import Lab, lab_files, operator_files
from pipelines.simulation.national import Country
from pipelines.simulation.planting import Planter
from pipelines.simulation.references import STAFF
from pipelines.simulation.sheets import Dialect, Sheet

VERSION = 1
#: Warnings that are not announced: they depend on all that the registry holds when a file comes.
UNTOLD = ("AVT-05", "AVT-11")
_LATE_AFTER = {"PASSIVE": 20, "OPERATIONNELLE": 7}
_CORRECTED, _SENT_AGAIN = 0.002, 0.6
_PLAIN = Dialect()
_LAB_DIALECTS = (
    Dialect("cp1252", "\r\n", quoted=True),
    Dialect("utf-8", "\n", fixed=True, extension=".txt"),
    Dialect("utf-8-sig", "\n", comma=True, turn=5, extension=".txt"),
)
_SITE_DIALECTS = (Dialect("cp1252", "\r\n", fixed=True, extension=".txt"), Dialect("utf-8", "\n", turn=3))
#: Who writes records corrects the report it got, which is a CSV.
_CORRECTED_DIALECT = Dialect("utf-8", "\r\n", turn=2)
#: The official workbook writes quoted Windows-1252; other tools write UTF-8.
_EMPLOYER_DIALECTS = (Dialect("cp1252", "\r\n", quoted=True), _PLAIN, Dialect("utf-8-sig", "\r\n"))


@dataclass
class _Files:
    """What was written, in the order of writing."""

    out: Path
    entries: list[dict[str, Any]] = field(default_factory=list)
    expected: dict[str, list[tuple[str, int, str, str, str]]] = field(default_factory=dict)
    figures: dict[str, dict[str, Any]] = field(default_factory=dict)
    codes: Counter[str] = field(default_factory=Counter)

    def write(self, sheet: Sheet) -> None:
        if not len(sheet):
            return
        sheet.write(self.out)
        self._enter(sheet.path, sheet)
        self.expected[sheet.path] = sheet.expected()
        self.figures[sheet.path] = sheet.summary()
        for note in sheet.notes.values():
            self.codes.update(note.codes)

    def again(self, sheet: Sheet, day: date) -> None:
        """The same bytes under another name, in the last stage."""
        path = f"files/{sheet.partner}/{sheet.stem}_bis{sheet.dialect.extension}"
        (self.out / path).write_bytes((self.out / sheet.path).read_bytes())
        self._enter(path, sheet, stage=4, day=day)
        self.figures[path] = {**self.figures[sheet.path], "statut": "DEJA_RECU"}

    def _enter(self, path: str, sheet: Sheet, stage: int | None = None, day: date | None = None) -> None:
        self.entries.append(
            {
                "partner": sheet.partner,
                "path": path,
                "format": sheet.format,
                "rows": len(sheet),
                "stage": stage or sheet.stage,
                "registry_date": (day or sheet.registry_date).isoformat(),
            }
        )


def simulate(
    out: Path,
    workers: int,
    year: int,
    seed: int,
    faults: float = 0.03,
    labs: int = 2,
    operators: int = 1,
    employer_accounts: int = 5,
    months: int = 12,
    progress: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Write a synthetic national sample: ``manifest.json``, ``expected.csv``, ``expected_files.json``, ``files/``.

    Args:
        out: folder, made where it does not exist; the files of an earlier simulation there are replaced.
        workers: persons.
        year: civil year of the doses.
        seed: same seed and parameters, same bytes.
        faults: share of rows that bear a fault on purpose.
        labs, operators: numbers of accredited bodies and of operators.
        employer_accounts: employers that send their own list; the registry's staff sends the others.
        months: how many months of doses, ending with December; with 1 all files share one registry date.
        progress: told what is being written.

    Returns:
        ``workers``, ``employers``, ``establishments``, ``files``, ``rows`` by format, ``codes``
        expected at first, ``registry_date``.

    Raises:
        ValueError: a parameter is out of range.
    """
    if workers < 1 or labs < 1 or operators < 0 or employer_accounts < 0 or not 1 <= months <= 12:
        raise ValueError("workers and labs start at 1, months go from 1 to 12, other numbers are not negative")
    if not 0 <= faults <= 0.5:
        raise ValueError("faults is a share between 0 and 0.5")
    tell = progress or (lambda text: None)
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    _clear(out)
    end = date(year + 1, 1, 5)
    opening = end if months == 1 else date(year, 13 - months, 1)

    tell(f"{workers} workers")
    country = Country.invent(workers, year, seed, labs, operators)
    chosen = references.pick_accounts(country, employer_accounts, faults, np.random.default_rng([seed, 18]))
    planter = Planter(country, faults, end, np.random.default_rng([seed, 19, year]))
    bodies = [Lab(f"LABO{at + 1}", at, _LAB_DIALECTS[at % len(_LAB_DIALECTS)]) for at in range(labs)]
    sites = [(f"EXPL{at + 1}", _SITE_DIALECTS[at % len(_SITE_DIALECTS)]) for at in range(operators)]
    written = _Files(out)

    corrections = {}
    for sender, format_name, dialect in (
        *((body.code, "PASSIVE", body.dialect) for body in bodies),
        *((code, "OPERATIONNELLE", dialect) for code, dialect in sites),
    ):
        dialect = _CORRECTED_DIALECT if dialect.fixed else dialect
        corrections[sender, format_name] = Sheet(sender, "corrections", format_name, 4, end, dialect)
    twice: Sheet | None = None
    for body, sheet, free, apart in lab_files(country, bodies, range(13 - months, 13), end, planter):
        tell(sheet.path)
        if apart:
            twice = sheet if len(sheet) else None
            _annul(corrections[body.code, "PASSIVE"], sheet)
        elif sheet.registry_date == end:
            _correct(corrections[body.code, "PASSIVE"], sheet, free, planter)
        written.write(sheet)
    weeks = [end - timedelta(days=7)]
    while months > 1 and weeks[-1] - timedelta(days=7) >= opening:
        weeks.append(weeks[-1] - timedelta(days=7))
    for code, sheet, free in operator_files(country, sites, weeks[::-1], end, planter):
        tell(sheet.path)
        if sheet.registry_date == end:
            _correct(corrections[code, "OPERATIONNELLE"], sheet, free, planter)
        written.write(sheet)
    for sheet, free in exposure_files(country, bodies, range(13 - months, 13), end, planter):
        tell(sheet.path)
        stem = f"corrections_{sheet.format.lower()}"
        late = Sheet(sheet.partner, stem, sheet.format, 4, end, sheet.dialect)
        late = corrections.setdefault((sheet.partner, sheet.format), late)
        if sheet.registry_date == end:
            _correct_exposures(late, sheet, free, planter)
        written.write(sheet)
    _send_again(corrections, planter, end)

    codes, site_codes = [body.code for body in bodies], [code for code, _ in sites]
    dialects = {one.account: _EMPLOYER_DIALECTS[at % 3] for at, one in enumerate(chosen)} | {STAFF: _PLAIN}
    tell("register, designations, worker lists")
    register = country.work.establishments
    known = [at for at in range(len(register)) if register[at].known == 1]
    declared = references.register(country, known, 1, opening, _PLAIN)
    designated = references.designations(country, known, codes, site_codes, 1, opening, _PLAIN)
    references.spoil_register(country, planter, declared, designated)
    written.write(declared)
    written.write(designated)
    written.write(references.register(country, planter.supplement, 4, end, _PLAIN))
    written.write(references.designations(country, planter.supplement, codes, site_codes, 4, end, _PLAIN))
    certified = movements.certified(country)
    twice_declared = movements.declared_twice(certified)
    for sheet in references.worker_lists(country, planter, opening, end, dialects, twice_declared):
        written.write(sheet)
    written.write(movements.verdicts(country, planter, certified, end))
    for sheet in movements.departures(country, planter, chosen, end, dialects):
        written.write(sheet)
    for sheet in corrections.values():
        written.write(sheet)
    if twice is not None:
        written.again(twice, end)

    partners: list[dict[str, Any]] = [{"code": STAFF, "role": "GESTIONNAIRE", "sirens": [], "identifiant": None}]
    partners += [{"code": code, "role": "OA", "sirens": [], "identifiant": None} for code in codes]
    partners += [{"code": code, "role": "EXPLOITANT", "sirens": [], "identifiant": None} for code in site_codes]
    partners += [
        {"code": one.account, "role": "EMPLOYEUR", "sirens": [one.siren], "identifiant": None} for one in chosen
    ]
    rpps = references.physicians(seed)[0][0]
    others: list[dict[str, Any]] = [
        {"code": AIRCREW_BODY, "role": "CALCUL", "sirens": [], "identifiant": None},
        {"code": PHYSICIAN, "role": "MDT", "sirens": [], "identifiant": rpps},
    ]
    senders = {entry["partner"] for entry in written.entries}
    partners += [one for one in others if one["code"] in senders]
    parameters = {
        "workers": workers,
        "year": year,
        "seed": seed,
        "faults": faults,
        "labs": labs,
        "operators": operators,
        "employer_accounts": employer_accounts,
        "months": months,
    }
    entries = _in_order(written.entries)
    _write_indexes(out, written, entries, parameters, partners, end)
    rows: Counter[str] = Counter()
    for entry in entries:
        rows[entry["format"]] += entry["rows"]
    return {
        "workers": workers,
        "employers": len(country.work.employers),
        "establishments": len(register),
        "files": len(entries),
        "rows": dict(sorted(rows.items())),
        "codes": dict(sorted(written.codes.items())),
        "registry_date": end.isoformat(),
    }


def _clear(out: Path) -> None:
    """Remove the files of an earlier simulation, those its manifest names and no other."""
    manifest = out / "manifest.json"
    if manifest.exists():
        for entry in json.loads(manifest.read_text(encoding="utf-8"))["files"]:
            path = (out / entry["path"]).resolve()
            if path.is_relative_to(out.resolve()):
                path.unlink(missing_ok=True)


def _in_order(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The order of dropping: by stage and date; who declares before who measures."""
    order = ("ETABLISSEMENTS", "DESIGNATIONS", "TRAVAILLEURS", "IDENTITES", "SORTIES", "PASSIVE", "OPERATIONNELLE")
    rank = {name: at for at, name in enumerate((*order, "INTERNE", "ENGAGEE", "NAVIGANT"))}
    return sorted(entries, key=lambda one: (one["stage"], one["registry_date"], rank[one["format"]], one["path"]))


def _annul(sheet: Sheet, of: Sheet) -> None:
    """Annul one result of a file without faults.

    An annulled measure's identifier is free again: a file that is judged anew when it comes again (one
    with rejected rows) would bring it back, so such files' rows are not annulled here.
    """
    states, kinds = of.columns["ETAT_RESULTAT"], of.columns["TYPE_MESURE"]
    for at in range(len(of)):
        if states[at] == "INF" and kinds[at].endswith("-PHO"):
            sheet.append({**of.row(at), "CODE_METROLOGIE": "A"})
            return


def _correct(sheet: Sheet, of: Sheet, free: list[int], planter: Planter) -> None:
    """Corrections, annulments, results after an absence and one duplicate of rows that integrate."""
    if not free or not planter.rate:
        return
    number = max(1, int(len(free) * _CORRECTED))
    passive = of.format == "PASSIVE"
    states = of.columns["ETAT_RESULTAT"] if passive else []
    kinds = of.columns["TYPE_MESURE"]
    measured = [at for at in free if (states[at] == "MES" if passive else True) and kinds[at].endswith("-PHO")]
    below = [at for at in free if not passive or (states[at] == "INF" and kinds[at].endswith("-PHO"))]
    used: set[int] = set()

    def take(rows: list[int], most: int) -> list[int]:
        left = [at for at in rows if at not in used]
        picked = sorted(planter.rng.choice(left, min(most, len(left)), replace=False).tolist()) if left else []
        used.update(picked)
        return [int(at) for at in picked]

    for at in take(measured, number):
        row = of.row(at)
        value = f"{float(row['VALEUR']) + 0.05:.2f}" if passive else f"{float(row['VALEUR']) + 0.002:.3f}"
        sheet.append({**row, "VALEUR": value, "CODE_METROLOGIE": "C"})
    if all(other is not of for other, _ in planter.rejected):
        for at in take(below, number):
            sheet.append({**of.row(at), "CODE_METROLOGIE": "A"})
    for at in take([at for at in free if passive and states[at] == "ABS"], 50):
        sheet.append({**of.row(at), "ETAT_RESULTAT": "INF"})
    for at in take(below, 1):
        sheet.append(of.row(at), frozenset({"MET-12"}))


def _correct_exposures(sheet: Sheet, of: Sheet, free: list[int], planter: Planter) -> None:
    """One correction, one annulment and one duplicate of analyses, evaluations or flights that integrate."""
    column = "ACTIVITE" if of.format == "INTERNE" else "VALEUR"
    valued = [at for at in free if of.columns[column][at].strip("0.,")]
    if len(valued) < 3 or not planter.rate:
        return
    rows = [of.row(at) for at in sorted(planter.rng.choice(valued, 3, replace=False).tolist())]
    sheet.append({**rows[0], column: f"{float(rows[0][column]) + 0.05:.4f}".removesuffix("0"), "CODE_METROLOGIE": "C"})
    sheet.append(rows[1], frozenset({"MET-12"}))
    if all(other is not of for other, _ in planter.rejected):
        sheet.append({**rows[2], column: "", "CODE_METROLOGIE": "A"})


def _send_again(corrections: dict[tuple[str, str], Sheet], planter: Planter, end: date) -> None:
    """Most rejected rows come again, right this time; those of past months are late."""
    for sheet, row in planter.rejected:
        if planter.rng.random() < _SENT_AGAIN:
            late = False
            if sheet.format in _LATE_AFTER:
                text = row["DATE_FIN_PORT"]
                last = date(int(text[6:10]), int(text[3:5]), int(text[:2]))
                late = (end - last).days > _LATE_AFTER[sheet.format]
            corrections[sheet.partner, sheet.format].append(row, frozenset({"AVT-04"}) if late else frozenset())


def _write_indexes(
    out: Path,
    written: _Files,
    entries: list[dict[str, Any]],
    parameters: dict[str, Any],
    partners: list[dict[str, Any]],
    end: date,
) -> None:
    manifest = {
        "version": VERSION,
        "parameters": parameters,
        "registry_date": end.isoformat(),
        "untold": list(UNTOLD),
        "partners": partners,
        "files": entries,
    }
    _write_json(out / "manifest.json", manifest)
    _write_json(out / "expected_files.json", {entry["path"]: written.figures[entry["path"]] for entry in entries})
    with (out / "expected.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, delimiter=";", lineterminator="\n")
        writer.writerow(("path", "ligne", "issue", "codes", "issue_finale"))
        for entry in entries:
            writer.writerows(written.expected.get(entry["path"], []))


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
