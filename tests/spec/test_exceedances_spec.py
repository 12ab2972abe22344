"""Exceedances, by hand: a table that a physicist can read and check with a pencil.

A result:  quantity  last day  mSv  [at PLACE]  [from first day]  [@ establishment]
           (one person; worn for a day at establishment 1, POITRINE, unless said otherwise)
Expected:  limit  first counted day .. last day  mSv  [run first .. last day of the run]  [at PLACE]  [@ establishment]
           (the run is the last day alone unless said otherwise; @ is checked where it is written)

Engine and twin are both held against the table. The limits stand in schemas/data/limites.csv.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from itertools import pairwise

import pytest
from twin.exceedances import Exceedance, Result, exceedances
from working_lives import engine

from schemas.limits import by_code, limits

KINDS = {
    "photons": "PAS-HP10-PHO",
    "neutrons": "PAS-HP10-NEU",
    "radon": "PAS-E-RADON",
    "cristallin": "PAS-HP3",
    "peau": "PAS-HP007-PEAU",
    "extrémités": "PAS-HP007-EXT",
    "engagée": "ENGAGEE",
    "navigant": "NAVIGANT",
}
PLACES = {"cristallin": "TETE", "extrémités": "DOIGT_D", "engagée": "", "navigant": ""}

HISTORIES: list[tuple[str, str]] = [
    # --- strictly more than the limit ------------------------------------------------------------------------------
    ("exactly the limit is no exceedance", "photons 2025-01-31 20.000 ->"),
    ("one micro-sievert more is", "photons 2025-01-31 20.001 -> EFF-20 2024-02-01..2025-01-31 20.001"),
    ("two results that make exactly the limit", "photons 2025-01-31 12; photons 2025-06-30 8 ->"),
    ("two results above it", "photons 2025-01-31 12; photons 2025-06-30 8.001 -> EFF-20 2024-07-01..2025-06-30 20.001"),
    ("no result, no exceedance", "->"),
    ("zeros exceed nothing", "photons 2025-01-31 0; photons 2025-02-28 0 ->"),
    # --- what the window holds -------------------------------------------------------------------------------------
    (
        "the day after a year before is counted",
        "photons 2024-02-01 15; photons 2025-01-31 6 -> EFF-20 2024-02-01..2025-01-31 21",
    ),
    ("the same day of the year before is not", "photons 2024-01-31 15; photons 2025-01-31 6 ->"),
    ("a year without the leap day: 28 February looks back to 29", "photons 2024-02-28 15; photons 2025-02-28 6 ->"),
    (
        "and counts what ended on 29 February",
        "photons 2024-02-29 15; photons 2025-02-28 6 -> EFF-20 2024-02-29..2025-02-28 21",
    ),
    ("29 February looks back to 1 March", "photons 2023-02-28 15; photons 2024-02-29 6 ->"),
    ("and counts 1 March", "photons 2023-03-01 15; photons 2024-02-29 6 -> EFF-20 2023-03-01..2024-02-29 21"),
    ("a wear period that begins outside counts whole", "photons 2025-01-31 21 from 2024-01-15 -> "
     "EFF-20 2024-02-01..2025-01-31 21"),
    # --- what the effective dose is made of ------------------------------------------------------------------------
    (
        "photons, neutrons, radon, committed and flights add up",
        "photons 2025-01-31 4; neutrons 2025-02-28 4; radon 2025-03-31 4; engagée 2025-04-10 4;"
        " navigant 2025-05-31 4.001 -> EFF-20 2024-06-01..2025-05-31 20.001",
    ),
    ("lens, skin and extremities do not", "photons 2025-01-31 19; cristallin 2025-02-28 19; peau 2025-02-28 400 ->"),
    ("flights below 0.10 mSv in a month count nothing", "photons 2025-01-31 20; navigant 2025-02-28 0.099 ->"),
    (
        "flights of 0.10 mSv count",
        "photons 2025-01-31 20; navigant 2025-02-28 0.100 -> EFF-20 2024-02-29..2025-02-28 20.100",
    ),
    (
        "over all employers, at the one of the largest result",
        "photons 2025-01-31 9 @1; photons 2025-02-28 12 @2 -> EFF-20 2024-02-29..2025-02-28 21 @2",
    ),
    (
        "of equal results the latest tells the establishment",
        "photons 2025-01-31 11 @1; photons 2025-02-28 11 @2 -> EFF-20 2024-02-29..2025-02-28 22 @2",
    ),
    (
        "results of one day count together",
        "photons 2025-01-31 11; neutrons 2025-01-31 11 -> EFF-20 2024-02-01..2025-01-31 22",
    ),
    # --- POITRINE and CEINTURE ------------------------------------------------------------------------------------
    (
        "worn together, the higher counts: 15 and 9 are 15",
        "photons 2025-01-31 15 from 2025-01-01; photons 2025-01-31 9 at CEINTURE from 2025-01-01 ->",
    ),
    (
        "worn one after the other, both count",
        "photons 2025-01-31 15 from 2025-01-01; photons 2025-02-28 9 at CEINTURE from 2025-02-01"
        " -> EFF-20 2024-02-29..2025-02-28 24",
    ),
    (
        "one common day is an overlap",
        "photons 2025-01-31 15 from 2025-01-01; photons 2025-02-28 9 at CEINTURE from 2025-01-31 ->",
    ),
    (
        "at two establishments they are two exposures",
        "photons 2025-01-31 15 from 2025-01-01 @1; photons 2025-01-31 9 at CEINTURE from 2025-01-01 @2"
        " -> EFF-20 2024-02-01..2025-01-31 24 @1",
    ),
    (
        "photons and neutrons are two quantities",
        "photons 2025-01-31 15 from 2025-01-01; neutrons 2025-01-31 9 at CEINTURE from 2025-01-01"
        " -> EFF-20 2024-02-01..2025-01-31 24",
    ),
    (
        "a quarter at the belt against three months at the chest: the sums are compared",
        "photons 2025-03-31 20 at CEINTURE from 2025-01-01; photons 2025-01-31 7 from 2025-01-01;"
        " photons 2025-02-28 7 from 2025-02-01; photons 2025-03-31 7 from 2025-03-01"
        " -> EFF-20 2024-04-01..2025-03-31 21",
    ),
    (
        "a group hangs together by its links: chest in January, belt over both, chest in February",
        "photons 2025-01-31 9 from 2025-01-01; photons 2025-02-15 19 at CEINTURE from 2025-01-15;"
        " photons 2025-02-28 9 from 2025-02-01 ->",
    ),
    (
        "the place that counts keeps its own day",
        "photons 2024-02-10 3 from 2024-01-20; photons 2024-01-31 9 at CEINTURE from 2024-01-01; photons 2025-01-30 12"
        " -> EFF-20 2024-01-31..2025-01-30 21",
    ),
    # --- runs ------------------------------------------------------------------------------------------------------
    (
        "days one after the other that exceed are one; the highest sum tells",
        "photons 2025-01-31 21; photons 2025-02-28 1; photons 2025-03-31 0"
        " -> EFF-20 2024-02-29..2025-02-28 22 run 2025-01-31..2025-03-31",
    ),
    (
        "a day that no longer exceeds ends the run",
        "photons 2024-01-31 21; photons 2025-01-31 1; photons 2025-06-30 20"
        " -> EFF-20 2023-02-01..2024-01-31 21; EFF-20 2024-07-01..2025-06-30 21",
    ),
    (
        "exactly twelve months apart may be one run",
        "photons 2024-01-31 21; photons 2025-01-31 22 -> EFF-20 2024-02-01..2025-01-31 22 run 2024-01-31..2025-01-31",
    ),
    (
        "a day more is another run, though no result lies between",
        "photons 2024-01-31 21; photons 2025-02-01 21"
        " -> EFF-20 2023-02-01..2024-01-31 21; EFF-20 2024-02-02..2025-02-01 21",
    ),
    (
        "a run that goes on is cut a year after its first day",
        "photons 2024-01-31 21; photons 2024-09-30 21; photons 2025-03-31 21"
        " -> EFF-20 2023-10-01..2024-09-30 42 run 2024-01-31..2024-09-30; EFF-20 2024-04-01..2025-03-31 42",
    ),
    (
        "of equal sums the earliest day tells",
        "photons 2025-01-31 21; photons 2025-02-28 0 -> EFF-20 2024-02-01..2025-01-31 21 run 2025-01-31..2025-02-28",
    ),
    # --- epochs of the effective limit -----------------------------------------------------------------------------
    ("until 31 March 2003 it is 50 mSv", "photons 2003-03-31 50 ->"),
    ("and more exceeds it", "photons 2003-03-31 50.001 -> EFF-50 2002-04-01..2003-03-31 50.001"),
    ("from 1 April 2003 35 mSv", "photons 2003-04-01 35.001 -> EFF-35 2002-04-02..2003-04-01 35.001"),
    ("until 31 March 2005", "photons 2005-03-31 35 ->"),
    ("then 20 mSv", "photons 2005-04-01 20.001 -> EFF-20 2004-04-02..2005-04-01 20.001"),
    (
        "the window of the new limit still holds the months before it",
        "photons 2005-03-31 20; photons 2005-04-30 1 -> EFF-20 2004-05-01..2005-04-30 21",
    ),
    # --- lens ------------------------------------------------------------------------------------------------------
    ("lens before 1 July 2018: 150 mSv", "cristallin 2018-06-30 150.001 -> CRI-150 2017-07-01..2018-06-30 150.001"),
    ("what came before 1 July 2018 is not counted after it", "cristallin 2018-06-30 49; cristallin 2018-07-31 49 ->"),
    ("50 mSv over twelve months", "cristallin 2018-07-31 50.001 -> CRI-50 2018-07-01..2018-07-31 50.001"),
    (
        "100 mSv since 1 July 2018, by years that each keep below 50",
        "cristallin 2019-06-30 40; cristallin 2020-12-31 40; cristallin 2022-06-30 20.001"
        " -> CRI-100 2018-07-01..2022-06-30 100.001",
    ),
    (
        "results on and after 1 July 2023 are judged alone against 20 mSv",
        "cristallin 2023-06-30 49; cristallin 2023-07-31 20 ->",
    ),
    (
        "and exceed it alone; the period begins at the cut",
        "cristallin 2023-06-30 49; cristallin 2023-07-31 20.001 -> CRI-20 2023-07-01..2023-07-31 20.001",
    ),
    (
        "a year later the window is twelve months again",
        "cristallin 2024-07-31 12; cristallin 2024-12-31 9 -> CRI-20 2024-01-01..2024-12-31 21",
    ),
    # --- skin, extremities -----------------------------------------------------------------------------------------
    ("each place of the skin by itself", "peau 2025-01-31 300; peau 2025-01-31 300 at AUTRE ->"),
    (
        "one place above 500 mSv",
        "peau 2025-01-31 300 at AUTRE; peau 2025-02-28 200.001 at AUTRE"
        " -> PEA-500 2024-02-29..2025-02-28 500.001 at AUTRE",
    ),
    ("each hand by itself", "extrémités 2025-01-31 400 at MAIN_D; extrémités 2025-01-31 400 at MAIN_G ->"),
    (
        "two places above it are two exceedances",
        "extrémités 2025-01-31 501 at MAIN_D; extrémités 2025-01-31 502 at MAIN_G"
        " -> EXT-500 2024-02-01..2025-01-31 501 at MAIN_D; EXT-500 2024-02-01..2025-01-31 502 at MAIN_G",
    ),
    # --- under eighteen --------------------------------------------------------------------------------------------
    (
        "the day before the eighteenth birthday 6 mSv hold",
        "born 2007-02-01; photons 2025-01-31 6.001 -> EFF-6-J 2024-02-01..2025-01-31 6.001",
    ),
    ("on the birthday those of an adult", "born 2007-01-31; photons 2025-01-31 6.001 ->"),
    (
        "the age counts on the window's last day, not on those of the results",
        "born 2007-02-01; photons 2024-12-31 6; photons 2025-02-01 6 ->",
    ),
    ("born on 29 February one is adult on 1 March", "born 2008-02-29; photons 2026-02-28 6.001 -> "
     "EFF-6-J 2025-03-01..2026-02-28 6.001"),
    ("and no longer a minor then", "born 2008-02-29; photons 2026-03-01 6.001 ->"),
    ("a minor's lens: 15 mSv", "born 2008-01-01; cristallin 2025-01-31 15.001 -> "
     "CRI-15-J 2024-02-01..2025-01-31 15.001"),
    ("a minor's skin: 150 mSv", "born 2008-01-01; peau 2025-01-31 150.001 -> "
     "PEA-150-J 2024-02-01..2025-01-31 150.001 at POITRINE"),
    ("a minor's hand: 150 mSv", "born 2008-01-01; extrémités 2025-01-31 150.001 -> "
     "EXT-150-J 2024-02-01..2025-01-31 150.001 at DOIGT_D"),
]  # fmt: skip

DAY = r"(\d{4}-\d\d-\d\d)"
RESULT = re.compile(rf"(\S+) {DAY} ([\d.]+)(?: at (\w+))?(?: from {DAY})?(?: @(\d))?")
EXPECTED = re.compile(rf"(\S+) {DAY}\.\.{DAY} ([\d.]+)(?: run {DAY}\.\.{DAY})?(?: at (\w+))?(?: @(\d))?")


def usv(text: str) -> int:
    return int(Decimal(text) * 1000)


def parsed(history: str) -> tuple[list[Result], dict[int, date], list[tuple[Exceedance, bool]]]:
    """Results, births, and what is expected (with whether the establishment is told)."""
    told, _, due = history.partition("->")
    life, births, expected = [], {}, []
    for part in filter(None, (one.strip() for one in told.split(";"))):
        if part.startswith("born "):
            births[1] = date.fromisoformat(part.removeprefix("born "))
            continue
        found = RESULT.fullmatch(part)
        assert found, part
        kind, end, value, place, start, site = found.groups()
        day = date.fromisoformat(end)
        where = place or PLACES.get(kind, "POITRINE")
        first = date.fromisoformat(start) if start else day
        life.append(Result(1, int(site or 1), KINDS[kind], where, first, day, usv(value)))
    for part in filter(None, (one.strip() for one in due.split(";"))):
        found = EXPECTED.fullmatch(part)
        assert found, part
        limit, start, end, value, first, last, place, site = found.groups()
        days = [date.fromisoformat(one) for one in (first or end, last or end, start, end)]
        expected.append((Exceedance(1, limit, place or "", *days, usv(value), int(site or 1)), site is not None))
    return life, births, expected


@pytest.mark.parametrize("reckon", [engine, exceedances], ids=["engine", "twin"])
@pytest.mark.parametrize(("says", "history"), HISTORIES, ids=[says for says, _ in HISTORIES])
def test_history(says: str, history: str, reckon: object) -> None:
    life, births, expected = parsed(history)
    found = reckon(life, births)  # type: ignore[operator]
    assert found == {one for one, _ in expected}, says


def test_every_limit_is_met_and_told_apart() -> None:
    reached = {one.limit for _, history in HISTORIES for one, _ in parsed(history)[2]}
    assert reached == set(by_code())


def test_limits_leave_no_day_and_no_age_out() -> None:
    """Each quantity and age has a rolling limit for every day, and exactly one."""
    for quantity, minors in {(one.quantity, one.minors) for one in limits()}:
        dated = sorted(
            (one.valid_from or date.min, one.valid_to or date.max)
            for one in limits()
            if (one.quantity, one.minors, one.rolling) == (quantity, minors, True)
        )
        assert (dated[0][0], dated[-1][1]) == (date.min, date.max)
        assert all(after[0].toordinal() == before[1].toordinal() + 1 for before, after in pairwise(dated))


def test_what_the_registry_has_yet_to_confirm_says_so() -> None:
    assert {one.code for one in limits() if one.to_confirm} == {"EFF-50", "EFF-35"}
