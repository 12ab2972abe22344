"""How far long work is: each step goes into the log, and to a person who waits for it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from enum import Enum

#: Told in French where a person waits: no figure of anybody, counts only.
Say = Callable[[str], None]


def quiet(line: str) -> None:
    """Nobody waits."""


class Step(Enum):
    """The steps of statistics, as a person reads them."""

    DOSES = "doses de l'année rassemblées"
    TABLES = "tables faites"
    PROTECTING = "secret statistique : valeurs regardées"
    PROTECTED = "secret statistique : valeurs tues"
    PAPERS = "documents écrits (page, classeur, PDF)"


def reached(log: logging.Logger, say: Say, year: int, step: Step, count: int | None = None) -> None:
    """A step of a year's statistics is done; ``count``: of what it says."""
    told = "" if count is None else f" ({count})"
    log.info("statistics of %s: %s%s", year, step.name.lower(), told)
    say(f"{year} : {step.value}{told}")
