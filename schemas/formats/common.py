"""Columns and rules that several formats share."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import numpy as np

from schemas.spec import BoolArray, Column, Context, Kind, Rule

#: From this day on only workers under individual dosimetric surveillance are recorded.
SURVEILLED_ONLY_SINCE = int(np.datetime64("2024-02-01").astype("datetime64[D]").astype(np.int64))

NIR = Column("NIR", "Numéro de sécurité sociale (NIR ou NIA), sans clé", Kind.NIR, example="1850675110042")
SIRET = Column("SIRET", "SIRET de l'établissement de rattachement", Kind.SIRET, example="73282932000074")
NOM = Column("NOM", "Nom de naissance", Kind.NAME, longest=100, example="MARTIN")
PRENOM = Column("PRENOM", "Prénom", Kind.NAME, longest=100, example="CLAIRE")
CODE_METROLOGIE = Column(
    "CODE_METROLOGIE", "C corrige, A annule une mesure déjà envoyée", Kind.CODE, required=False, codes=("C", "A")
)
CORRECTS, ANNULS = 0, 1
CLE = Column("CLE", "Clé du NIR", Kind.CLE, example="20")
DATENAISSANCE = Column("DATENAISSANCE", "Date de naissance", Kind.DATE, example="12/06/1985")
SEXE = Column("SEXE", "Sexe de naissance", Kind.CODE, codes=("M", "F"), example="M")
RPPS = Column("RPPS", "RPPS du médecin", Kind.RPPS, example="10003456786")
NUCLIDE = Column("RADIONUCLEIDE", "Radionucléide", Kind.NUCLIDE, example="Cs-137")

KEY_AGREES = Rule("IDT-02", ("NIR", "CLE"), lambda rows, context: np.asarray(rows["CLE"] == rows["NIR.key"]))


def _birth_year_agrees(rows: Mapping[str, Any], context: Context) -> BoolArray:
    year = rows["DATENAISSANCE"].astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970
    return np.asarray(rows["NIR.year"] == year % 100)


def _birth_month_agrees(rows: Mapping[str, Any], context: Context) -> BoolArray:
    month = rows["DATENAISSANCE"].astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12 + 1
    sent = rows["NIR.month"]
    return np.asarray((sent > 12) | (sent == month))


def in_order(code: str, start: str, end: str, *, strictly: bool = False) -> Rule:
    """``end`` not before ``start`` (or after it, where ``strictly``)."""

    def holds(rows: Mapping[str, Any], context: Context) -> BoolArray:
        return np.asarray(rows[end] > rows[start] if strictly else rows[end] >= rows[start])

    return Rule(code, (start, end), holds)


def not_ahead(column: str, *, minutes: bool = False) -> Rule:
    """``MET-02``: the date lies on or before the registry's date."""

    def holds(rows: Mapping[str, Any], context: Context) -> BoolArray:
        return np.asarray((rows[column] // 1440 if minutes else rows[column]) <= context.today)

    return Rule("MET-02", (column,), holds)


def not_negative(column: str) -> Rule:
    """``MET-04``: a dose is never below zero."""
    return Rule("MET-04", (column,), lambda rows, context: np.asarray(rows[column] >= 0))


def not_above(column: str, ceiling_usv: int) -> Rule:
    """``MET-05``: a single result above the ceiling is implausible until confirmed."""
    return Rule("MET-05", (column,), lambda rows, context: np.asarray(rows[column] <= ceiling_usv))


#: Birth date and sex against the NIR.
CIVIL_RULES = (
    Rule("IDT-03", ("NIR", "DATENAISSANCE"), _birth_year_agrees),
    Rule("IDT-03", ("NIR", "SEXE"), lambda rows, context: np.asarray(rows["SEXE"] == rows["NIR.sex"])),
    Rule("AVT-09", ("NIR", "DATENAISSANCE"), _birth_month_agrees),
    not_ahead("DATENAISSANCE"),
)


def in_time(end: str, days: int, *, minutes: bool = False) -> Rule:
    """``AVT-04``: transmitted at most ``days`` after the end of wear."""

    def holds(rows: Mapping[str, Any], context: Context) -> BoolArray:
        last = rows[end] // 1440 if minutes else rows[end]
        return np.asarray(context.today - last <= days)

    return Rule("AVT-04", (end,), holds)


def plus_months(days: Any, months: int) -> Any:
    """Days since 1970-01-01 moved by calendar months, the day clipped to the month's end."""
    stamps = np.asarray(days).astype("datetime64[D]")
    month = stamps.astype("datetime64[M]")
    day = (stamps - month.astype("datetime64[D]")).astype(np.int64)
    target = month + months
    length = ((target + 1).astype("datetime64[D]") - target.astype("datetime64[D]")).astype(np.int64)
    return target.astype("datetime64[D]").astype(np.int64) + np.minimum(day, length - 1)


def months_later(day: date, months: int) -> date:
    """A day moved by calendar months (back, where they are below 0), clipped to the month's end."""
    epoch = date(1970, 1, 1)
    return epoch + timedelta(int(plus_months((day - epoch).days, months)))
