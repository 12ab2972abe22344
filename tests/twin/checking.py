"""One row of text → the codes that need no registry, and the repaired values.

Choices where the contract leaves room:

- A field of spaces only in a required column is absent (`FMT-02`) and normalised (`AVT-02`).
- `AVT-02` tells of case, accents and spaces only: restored zeros, decimal commas, rounding and INFIRM have their own.
- A NIR keeps stray lower-case letters: only `2a` and `2b` in the place of the department are repaired.
- An overlong value is `FMT-06` and stays readable for the other tests. NOM and PRENOM hold 100 characters everywhere.
  Lengths are those of the kept text.
- A number that `FMT-04` refuses carries no `AVT-03`.
- `MET-04` judges the number as sent (a minus that rounding would hide is still one); `MET-05` and `MET-13` judge the
  number as kept, since that is what counts. `MET-05` of an operational passage needs no readable TYPE_MESURE, since the
  limit is the same for all.
- `AVT-08` concerns OPERATIONNELLE only.
- QUOTITE is judged as a number: 0.50 has one decimal, 0.55 has two (`FMT-05`).
- ETABLISSEMENTS: siren, siret, etatAdministratifEtablissement and dateDebut are required, the five others may be
  empty, as they mostly are in the public file.
- CLE `00`, `98`, `99` are `IDT-02` whatever the NIR: no key reads so.
- `A` rows: key columns, NIR, SIRET and CODE_METROLOGIE are looked at, nothing else (no `MET-01`, no doses).
- COURRIEL: something, one `@`, something with a dot inside, no space.
- ACTIVITE and LIMITE_DETECTION of INTERNE are kept to the nano-becquerel (`AVT-01` beyond). A result below the limit
  must state that limit, a measured one its activity (`MET-13`); an activity has no implausible value.
- NB_VOLS is written in digits alone: 3.0 is a number that can be read but no whole one (`FMT-05`), -0 likewise, and
  more than seven digits beyond leading zeros.
- The codes of UNITE and TYPE_EXAMEN are compared only where both are codes of the list.
- IDENTITES: NIR and CLE are wanted only where STATUT is readable and CERTIFIE. A waiting number in the place of the NIR
  is `IDT-01` and nothing is compared with it; a NIR in the place of the waiting number is `IDT-01` too.
- VALEUR_RETENUE is absent or unfit for CONCLUSION: `MET-13` both ways, since the column is never required by itself.
- An identifier of an exceedance is a text of at most 20 characters offline.
"""

import re
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from twin import layouts
from twin.cells import add_months, is_rpps, is_waiting, read_date, read_month, trim
from twin.row import RowReader

NR_ENDS = date(2024, 2, 1)
"""From this day only classified or specially exposed workers are registered."""


@dataclass
class Checked:
    """`values` holds what could be read, repaired (None: absent); an unreadable column is not in it."""

    codes: set[str] = field(default_factory=set)
    values: dict[str, Any] = field(default_factory=dict)


def check_row(format_: str, raw: dict[str, str], registry_date: date, role: str | None = None) -> Checked:
    """Judge one row that has as many cells as the header.

    `raw`: text as sent by column (columns of no format are not looked at); `role`: the sender's, where known.
    """
    row = RowReader(raw)
    match format_:
        case "ETABLISSEMENTS":
            _establishment(row)
        case "TRAVAILLEURS":
            _worker(row, registry_date)
        case "OPERATIONNELLE":
            _operational(row, registry_date)
        case "PASSIVE":
            _passive(row, registry_date, role)
        case "DESIGNATIONS":
            _designation(row)
        case "SORTIES":
            _departure(row)
        case "INTERNE":
            _internal(row, registry_date)
        case "ENGAGEE":
            _committed(row, registry_date)
        case "NAVIGANT":
            _aircrew(row, registry_date)
        case "CONCLUSION":
            _conclusion(row, registry_date)
        case "IDENTITES":
            _identity(row, registry_date)
        case _:
            raise ValueError(f"no such format: {format_}")
    return Checked(row.codes, row.values)


def _establishment(row: RowReader) -> None:
    row.text("siren")
    row.siret("siret")
    row.one_of("etatAdministratifEtablissement", {"A", "F"})
    row.day("dateDebut", iso=True)
    for column in layouts.COLUMNS["ETABLISSEMENTS"][4:]:
        row.text(column, required=False)


def _worker(row: RowReader, registry_date: date) -> None:
    values, codes = row.values, row.codes
    row.nir()
    row.key()
    row.text("NOM", longest=100, upper=True)
    row.text("PRENOM", longest=100, upper=True)
    row.day("DATENAISSANCE")
    row.one_of("SEXE", {"M", "F"})
    row.siret()
    row.text("GROUPE", longest=100, required=False)
    if values.get("GROUPE", "unreadable") is None:
        values["GROUPE"] = "Groupe par défaut"
    row.one_of("CLASSEMENT", {"A", "B", "NC", "NR"}, required=False)
    row.one_of("AUTREEXPOSITION", layouts.OTHER_EXPOSURES, required=False)
    row.one_of("caractereActivite", {"Civil", "Militaire"})
    row.one_of("codeDomaineActivite", layouts.DOMAINS)
    row.one_of("codeSecteurActivite", layouts.SECTORS)
    row.one_of("codeNuisanceRadiologique", layouts.NUISANCES)
    row.one_of("codeTypeContrat", layouts.CONTRACTS)
    row.one_of("CodeMetier", layouts.TRADES | {"INFIRM"})
    if values.get("CodeMetier") == "INFIRM":
        values["CodeMetier"] = "IDE"
        codes.add("AVT-06")
    share = row.number("QUOTITE")
    if share is not None:
        if Decimal("0.1") <= share <= 1 and share == share.quantize(Decimal("0.1")):
            values["QUOTITE"] = share.quantize(Decimal("0.1"))
        else:
            codes.add("FMT-05")
    row.day("DATEDEBUT")

    _civil(row, registry_date)
    if values.get("CLASSEMENT") in ("NC", "NR") and registry_date >= NR_ENDS:
        codes.add("MET-06")
    if values.get("CLASSEMENT", "?") is None and values.get("AUTREEXPOSITION", "?") is None:
        codes.add("MET-09")
    domain, sector = values.get("codeDomaineActivite"), values.get("codeSecteurActivite")
    if domain and sector and layouts.SECTORS[sector] != domain:
        codes.add("MET-07")
    trade = values.get("CodeMetier")
    if sector and trade and (sector, trade) not in layouts.TRADES_OF_SECTOR:
        codes.add("MET-08")


def _civil(row: RowReader, registry_date: date) -> None:
    """Birth date and sex against the NIR."""
    row.after(registry_date, "DATENAISSANCE")
    nir, birth, sex = (row.values.get(column) for column in ("NIR", "DATENAISSANCE", "SEXE"))
    if nir and birth:
        if int(nir[1:3]) != birth.year % 100:
            row.codes.add("IDT-03")
        if 1 <= int(nir[3:5]) <= 12 and int(nir[3:5]) != birth.month:
            row.codes.add("AVT-09")
    if nir and sex and sex != ("M" if nir[0] in "137" else "F"):
        row.codes.add("IDT-03")


def _departure(row: RowReader) -> None:
    row.nir()
    row.key()
    row.siret()
    row.day("DATEFIN")


def _internal(row: RowReader, registry_date: date) -> None:
    values, codes = row.values, row.codes
    row.one_of("CODE_METROLOGIE", {"C", "A"}, required=False)
    row.nir()
    row.siret()
    row.text("ID_ANALYSE", longest=20)
    row.nuclide()
    if values.get("CODE_METROLOGIE") == "A":
        values["DATE_EXAMEN"] = read_date(trim(row.raw["DATE_EXAMEN"]))
        return
    row.text("NOM", longest=100, upper=True)
    row.text("PRENOM", longest=100, upper=True)
    row.one_of("TYPE_EXAMEN", layouts.UNITS_OF_EXAM)
    row.day("DATE_EXAMEN")
    row.one_of("UNITE", layouts.UNITS)
    row.one_of("ETAT_RESULTAT", layouts.INTERNAL_STATES)
    activity = row.activity("ACTIVITE")
    limit = row.activity("LIMITE_DETECTION")
    exam, unit, state = values.get("TYPE_EXAMEN"), values.get("UNITE"), values.get("ETAT_RESULTAT")
    if exam and unit and unit not in layouts.UNITS_OF_EXAM[exam]:
        codes.add("MET-15")
    if state and "ACTIVITE" in values:
        fits = {"MES": activity is not None, "INF": activity is None or activity == 0, "ABS": activity is None}[state]
        if not fits:
            codes.add("MET-13")
    if state == "INF" and "LIMITE_DETECTION" in values and limit is None:
        codes.add("MET-13")
    row.after(registry_date, "DATE_EXAMEN")


def _committed(row: RowReader, registry_date: date) -> None:
    row.one_of("CODE_METROLOGIE", {"C", "A"}, required=False)
    row.nir()
    row.siret()
    row.text("ID_EVALUATION", longest=20)
    if row.values.get("CODE_METROLOGIE") == "A":
        row.values["DATE_INCORPORATION"] = read_date(trim(row.raw["DATE_INCORPORATION"]))
        return
    row.rpps()
    row.day("DATE_INCORPORATION")
    row.nuclide()
    row.effective()
    row.after(registry_date, "DATE_INCORPORATION")


def _aircrew(row: RowReader, registry_date: date) -> None:
    row.one_of("CODE_METROLOGIE", {"C", "A"}, required=False)
    row.nir()
    row.siret()
    row.text("ID_CALCUL", longest=20)
    if row.values.get("CODE_METROLOGIE") == "A":
        row.values["MOIS"] = read_month(trim(row.raw["MOIS"]))
        return
    row.month("MOIS")
    row.effective()
    flights = row.number("NB_VOLS", required=False, whole=True)
    if flights is not None:
        written = re.fullmatch("[0-9]+", trim(row.raw["NB_VOLS"])) is not None
        if written and flights <= 9_999_999:
            row.values["NB_VOLS"] = int(flights)
        else:
            row.codes.add("FMT-05")
    row.after(registry_date, "MOIS")


def _conclusion(row: RowReader, registry_date: date) -> None:
    row.text("ID_DEPASSEMENT", longest=20)
    row.nir()
    row.rpps()
    row.one_of("CONCLUSION", layouts.CONCLUSIONS)
    kept = row.dose("VALEUR_RETENUE", required=False)
    row.day("DATE_CONCLUSION")
    row.text("COMMENTAIRE", longest=1000, required=False)
    conclusion = row.values.get("CONCLUSION")
    if conclusion and "VALEUR_RETENUE" in row.values and (kept is not None) != (conclusion == "MODIFIEE"):
        row.codes.add("MET-13")
    row.after(registry_date, "DATE_CONCLUSION")


def _identity(row: RowReader, registry_date: date) -> None:
    values, codes = row.values, row.codes
    row.one_of("STATUT", layouts.VERDICTS)
    row.nir("NIA")
    if "NIA" in values and not is_waiting(values["NIA"]):
        del values["NIA"]
        codes.add("IDT-01")
    certified = values.get("STATUT") == "CERTIFIE"
    row.nir(required=certified)
    if values.get("NIR") and is_waiting(values["NIR"]):
        del values["NIR"]
        codes.add("IDT-01")
    row.key(required=certified)
    row.text("NOM", longest=100, upper=True)
    row.text("PRENOM", longest=100, upper=True)
    row.day("DATENAISSANCE")
    row.one_of("SEXE", {"M", "F"})
    _civil(row, registry_date)


def _operational(row: RowReader, registry_date: date) -> None:
    values, codes = row.values, row.codes
    row.one_of("CODE_METROLOGIE", {"C", "A"}, required=False)
    row.nir()
    row.siret()
    row.text("LIEU", longest=30, upper=True)
    row.text("ZONE", longest=20, upper=True)
    row.one_of("TYPE_MESURE", layouts.OPERATIONAL_TYPES)
    row.time("DATE_DEBUT_PORT")
    row.time("DATE_FIN_PORT")
    if values.get("CODE_METROLOGIE") == "A":
        return
    row.one_of("TYPE_DOSIMETRE", layouts.OPERATIONAL_DOSIMETERS)
    row.text("ACTIVITE", longest=40)
    number = row.dose("VALEUR")
    if number is not None:
        if number > 100:
            codes.add("MET-05")
        if number == 0 and "AVT-01" in codes:
            codes.add("AVT-08")
    start, end = values.get("DATE_DEBUT_PORT"), values.get("DATE_FIN_PORT")
    if start and end and end <= start:
        codes.add("MET-01")
    row.after(registry_date, "DATE_DEBUT_PORT", "DATE_FIN_PORT")
    row.late(registry_date, days=7)


def _passive(row: RowReader, registry_date: date, role: str | None) -> None:
    values, codes = row.values, row.codes
    row.one_of("CODE_METROLOGIE", {"C", "A"}, required=False)
    row.nir()
    row.siret()
    row.text("ID_MESURE", longest=45 if role == "MDT" else 20)
    if values.get("CODE_METROLOGIE") == "A":
        # The key holds only near the civil year of the result: read it where it can be, judge nothing of it.
        values["DATE_FIN_PORT"] = read_date(trim(row.raw["DATE_FIN_PORT"]))
        return
    row.text("NOM", longest=100, upper=True)
    row.text("PRENOM", longest=100, upper=True)
    row.one_of("TYPE_MESURE", layouts.LOCATIONS_OF_TYPE)
    row.one_of("LOCALISATION", layouts.PASSIVE_LOCATIONS)
    row.one_of("TYPE_DOSIMETRE", layouts.PASSIVE_DOSIMETERS)
    row.day("DATE_DEBUT_PORT")
    row.day("DATE_FIN_PORT")
    row.one_of("ETAT_RESULTAT", layouts.STATES)
    number = row.dose("VALEUR", required=False)
    row.dose("SEUIL", required=False)

    kind, location = values.get("TYPE_MESURE"), values.get("LOCALISATION")
    if kind and location and location not in layouts.LOCATIONS_OF_TYPE[kind]:
        codes.add("MET-14")
    if kind and number is not None and number > (5000 if kind.startswith("PAS-HP007") else 500):
        codes.add("MET-05")
    state = values.get("ETAT_RESULTAT")
    if state and "VALEUR" in values:
        fits = {
            "MES": number is not None,
            "EST": number is not None,
            "INF": number is None or number == 0,
            "ABS": number is None,
            "PER": number is None,
            "DET": number is None,
        }[state]
        if not fits:
            codes.add("MET-13")
    if role == "MDT" and state and state != "EST":
        codes.add("MET-13")
    start, end = values.get("DATE_DEBUT_PORT"), values.get("DATE_FIN_PORT")
    if start and end:
        if end < start:
            codes.add("MET-01")
        limit = add_months(start, 3)
        if limit is not None and end >= limit:
            codes.add("MET-03")
    row.after(registry_date, "DATE_DEBUT_PORT", "DATE_FIN_PORT")
    row.late(registry_date, days=20)


def _designation(row: RowReader) -> None:
    values, codes = row.values, row.codes
    row.siret()
    row.one_of("ROLE", layouts.ROLES)
    row.text("IDENTIFIANT")
    identifier, role = values.get("IDENTIFIANT"), values.get("ROLE")
    if identifier:
        if role in ("OA", "EXPLOITANT") and not re.fullmatch("[A-Z0-9]{1,10}", identifier):
            codes.add("FMT-05")
        if role in ("MDT", "PST") and not is_rpps(identifier):
            codes.add("FMT-05")
    row.text("NOM", longest=100, required=False, upper=True)
    row.text("PRENOM", longest=100, required=False, upper=True)
    row.text("COURRIEL", required=False)
    address = values.get("COURRIEL")
    if address and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", address):
        codes.add("FMT-05")
    row.day("DATEDEBUT")
    row.day("DATEFIN", required=False)
    start, end = values.get("DATEDEBUT"), values.get("DATEFIN")
    if start and end and end < start:
        codes.add("MET-01")


def codes_of(content_format: str, raw: dict[str, str], ragged: bool, registry_date: date, role: str | None) -> set[str]:
    """The codes of one data row, ragged rows included."""
    return {"FMT-01"} if ragged else check_row(content_format, raw, registry_date, role).codes
