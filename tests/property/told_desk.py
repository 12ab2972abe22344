"""Stories of the desk told by hand, each about one thing that chance seldom brings together."""

from datetime import date

from property.desk_steps import Decide, Revoke, Stand, Step, Undo
from property.sequences import Pass
from property.told import (
    DESIGNATED,
    ESTABLISHMENTS,
    WORKERS,
    A,
    C,
    committed,
    flown,
    passage,
    passive,
    sent,
    worker,
)

START = date(2024, 1, 31)
KNOWN = (ESTABLISHMENTS, WORKERS, DESIGNATED)


def day(month: int, number: int, *deposits: object) -> Pass:
    return Pass(date(2024, month, number), deposits)  # type: ignore[arg-type]


def begun(*deposits: object) -> Pass:
    return Pass(START, (*KNOWN, *deposits))  # type: ignore[arg-type]


def corrected(*picks: int, **values: str) -> Decide:
    return Decide("corriger", picks, tuple(values.items()))


WAITING_ORIGINS: list[Step] = [
    begun(
        sent("L1", "PASSIVE", passive("M1", "@3"), passive("M2", NOM="DUPONT"), passive("M3", "@3", VALEUR="0.7")),
        sent("X", "OPERATIONNELLE", passage(nir="@3"), passage("16/01/2024", nir="@3", VALEUR="101")),
    ),
    corrected(1, ID_MESURE="M1", CODE_METROLOGIE="C"),
    Undo(0),
    corrected(1, ID_MESURE="M1", CODE_METROLOGIE="C", NOM="MARTIN"),
    corrected(1, ID_MESURE="M1", CODE_METROLOGIE="C"),
    corrected(1, DATE_DEBUT_PORT="15/01/2024 08:00", DATE_FIN_PORT="15/01/2024 17:00", CODE_METROLOGIE="C"),
    day(2, 10, sent("G", "TRAVAILLEURS", worker("@3", "#0"))),
    Decide("confirmer", (0,)),
]
"""A decision makes a row correct another one that waits: it is a new measure then, also where it waits itself."""

UNDER_ONE_KEY: list[Step] = [
    begun(
        sent("X", "OPERATIONNELLE", passage(nir="@3"), passage("16/01/2024", nir="@3", VALEUR="0.5")),
        sent("E1", "OPERATIONNELLE", passage(nir="@2", place="#1"), passage("16/01/2024", nir="@2", place="#1")),
        sent("L1", "PASSIVE", passive("M1", "@3"), passive("M2", "@3", VALEUR="0.7")),
    ),
    day(
        2, 10,
        sent("E1", "OPERATIONNELLE", passage(nir="@1", place="#1"), passage("17/01/2024", nir="@3", VALEUR="0.8")),
        sent("L1", "PASSIVE", passive("M3", "@3"), passive("M4", "@3", VALEUR="0.7", **C)),
    ),
    corrected(*range(8), NIR="@0", SIRET="#0", LIEU="BR"),
    Undo(0),
    corrected(*range(8), NIR="@0", SIRET="#0", LIEU="BR", DATE_DEBUT_PORT="15/01/2024 08:00",
        DATE_FIN_PORT="15/01/2024 17:00"),
    Undo(0),
    corrected(*range(8), NIR="@0", ID_MESURE="M2", NOM="MARTIN", PRENOM="JEAN"),
    Undo(0),
    corrected(*range(8), NIR="@3", ID_MESURE="M3", NOM="MARTIN", PRENOM="JEAN"),
    Undo(0),
    Decide("rejeter", tuple(range(12))),
    Undo(0),
]  # fmt: skip
"""Rows of several senders and days that a decision brings under one key: the first received comes first."""

TAKEN_PLACES: list[Step] = [
    begun(
        sent("L1", "PASSIVE", passive("M1", "@3"), passive("M2", NOM="DUPONT")),
        sent("K", "NAVIGANT", flown("N1", month="12/2023"), flown("N1", month="01/2024", VALEUR="501", **C)),
    ),
    Decide("rejeter", (1, 2)),
    day(2, 10, sent("L1", "PASSIVE", passive("M1", "@3", VALEUR="0.6"), passive("M2", VALEUR="0.6"))),
    Undo(0),
    day(2, 25, sent("L1", "PASSIVE", passive("M1", "@3", **A))),
    Undo(0),
    Decide("confirmer", (0, 1, 2)),
    day(5, 15, sent("K", "NAVIGANT", flown("N1", month="12/2022"))),
    Undo(0),
    Decide("rejouer", (0, 1)),
]
"""Decisions whose place is taken meanwhile: another row waits under the key, or stands in a year beside it."""

BACK_AND_FORTH: list[Step] = [
    begun(
        sent("M", "ENGAGEE", committed("E1", "@3"), committed("E2"), committed("E2", VALEUR="502", **C)),
        sent("L1", "PASSIVE", passive("M1", NOM="DUPONT"), passive("M2", "@3", "#4")),
    ),
    Decide("rattacher", (0,)),  # M1
    day(2, 10, sent("L1", "PASSIVE", passive("M1", VALEUR="501", **C))),
    Decide("confirmer", (1,)),
    Undo(0),
    Undo(1),
    Undo(0),
    corrected(0, NIR="@0", SIRET="#0"),
    corrected(1, SIRET="#1"),
    corrected(1, NIR="@0"),
    Undo(0),
    Undo(1),
    Undo(2),
    Undo(3),
    day(2, 25),
]
"""Decisions upon decisions, taken back in every order."""

STEP_BY_STEP: list[Step] = [
    begun(sent("L1", "PASSIVE", passive("M1", NOM="DUPONT"), passive("M2", "@3", "#4", NOM="MARTIN", PRENOM="JEAN"))),
    corrected(1, SIRET="#0"),
    corrected(1, NIR="@0"),
    Undo(0),
    Undo(1),
    Decide("rattacher", (0,)),
    day(2, 10, sent("L1", "PASSIVE", passive("M1", VALEUR="501", **C))),
    Decide("confirmer", (1,), loose=True),
    Undo(0),
    Undo(1),
    Decide("rejeter", (1,)),
    Undo(2),
    Undo(0),
    day(2, 25),
]
"""Of several decisions each is taken back once those after it are, the last one first."""

READ_OTHERWISE: list[Step] = [
    begun(
        sent("L1", "PASSIVE", passive("M1", "@3"), passive("M2", "@0", "#4"), passive("M3", "@1", NOM="DUPONT")),
        sent("X", "OPERATIONNELLE", passage(nir="@3"), passage(), passage(place="#4"), passage("16/01/2024", "@3")),
        sent("E1", "TRAVAILLEURS", worker("@0", "#0", NOM="DUPONT")),
    ),
    Stand("NIR", "@3", "@0"),
    Stand("NIR", "@0", "@1"),
    Stand("NIR", "@1", "@3"),
    Stand("SIRET", "#4", "#1", "2020-01-01", "2024-01-20"),
    Stand("SIRET", "#1", "#0"),
    Stand("SIRET", "#4", "#0", "2024-01-15", None, "L1"),
    Stand("SIRET", "#4", "#0", "2024-01-21", None, "L1"),
    Undo(0),
    Undo(1),
    Undo(2),
    day(2, 10, sent("L1", "PASSIVE", passive("M4", "@3", NOM="DUPONT"), passive("M1", **A), passive("M1", "@3", **A))),
    Decide("rattacher", (0, 1, 2)),
    Decide("rattacher", (0, 1, 2), (("NIR", "@3"),)),
    Revoke(0),
    day(2, 25, sent("L1", "PASSIVE", passive("M5", "@3"))),
    Stand("NIR", "@1", "@0"),
    Decide("rattacher", (0, 1, 2)),
    Decide("rattacher", (0, 1, 2), (("NIR", "@1"),)),
    Revoke(1),
    Revoke(2),
    Undo(0),
    day(5, 15),
]
"""Standing decisions that would cross or follow each other, and what they do taken back or not."""

EACH_BY_ITS_OWN: list[Step] = [
    begun(
        sent("E1", "OPERATIONNELLE", passage(nir="@3"), passage("16/01/2024", nir="@3", VALEUR="101")),
        sent("X", "OPERATIONNELLE", passage("17/01/2024", nir="@3"), passage("18/01/2024", nir="@3", VALEUR="102")),
    ),
    Stand("NIR", "@3", "@0", sender="X"),
    day(2, 10, sent("X", "OPERATIONNELLE", passage(), passage("19/01/2024", nir="@3")),
        sent("E1", "OPERATIONNELLE", passage("18/01/2024"), passage("18/01/2024", nir="@3"))),
    Stand("NIR", "@3", "@1", sender="E1"),
    day(2, 25, sent("X", "OPERATIONNELLE", passage("16/01/2024", nir="@1"), passage("16/01/2024", nir="@1", **A))),
    Decide("confirmer", (0, 1, 2, 3)),
    Undo(0),
    Revoke(0),
]  # fmt: skip
"""Standing decisions for one sender each: passages, whose keys all senders share, are read by those of their own."""

TO_DECLARE: list[Step] = [
    begun(sent("L1", "PASSIVE", passive("M1", "@3"), passive("M2", "@3", "#1", NOM="NGUYEN", PRENOM="THI-MAI"))),
    corrected(0, SIRET="#1"),
    day(2, 10),
    Undo(0),
    day(2, 11),
    Stand("NIR", "@3", "@2"),
    day(2, 12),
    Revoke(0),
    day(2, 13),
]
"""Whom an employer is to declare follows what rows are corrected to and read as."""

NAMES_AND_REFERENCES: list[Step] = [
    begun(
        sent("E1", "TRAVAILLEURS", worker("@0", "#0", NOM="DUPONT"), worker("@3", "#4"), worker("@1", "#0", NOM="LE")),
        sent("L1", "PASSIVE", passive("M1", NOM="DUPONT"), passive("M2", "@3", "#4"), passive("M3", "@3", "#1")),
    ),
    Decide("confirmer", (0,)),
    Undo(0),
    day(2, 10, sent("L1", "PASSIVE", passive("M4"), passive("M5", NOM="DUPONT"))),
    Decide("rattacher", (1, 2, 3, 4, 5), (("SIRET", "#1"),), loose=True),
    Undo(0),
    Decide("confirmer", (0, 1, 2), loose=True),
    Decide("confirmer", (0, 1)),
    day(5, 15),
    day(8, 20),
]
"""Decided reference rows: what they bring counts for the measures of the same decision, and stays."""
