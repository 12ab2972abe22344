"""A registry with a backup folder, a life in four passes, and what is left of it once its home is destroyed."""

from __future__ import annotations

import json
import os
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from crash_end import End, end_state
from crash_world import employee
from nursery import End as Exit
from nursery import Nursery
from senders import (
    DESIGNATIONS,
    ESTABLISSEMENTS,
    NIR2,
    PASSIVE,
    RPPS,
    SIREN,
    SIRET2,
    TRAVAILLEURS,
    dose,
    environment,
    file,
    row,
)

from loaders.postgres_server import PostgresServer
from loaders.services import running
from loaders.settings import Settings

WAITS = {"NIR": NIR2, "NOM": "DURAND", "PRENOM": "LUC"}
FEBRUARY = {"DATE_DEBUT_PORT": "01/02/2026", "DATE_FIN_PORT": "27/02/2026"}
GOOD = file(PASSIVE, dose("M1", "21"), dose("M2", "0.3", **WAITS), dose("M3", "x"))
#: Each pass: its day, and what was dropped before it.
PASSES = (
    (
        "2026-04-10",
        (
            ("ASNR", "sirene.csv", file(ESTABLISSEMENTS, row(ESTABLISSEMENTS), row(ESTABLISSEMENTS, siret=SIRET2))),
            (
                *("ASNR", "designations.csv"),
                file(DESIGNATIONS, row(DESIGNATIONS), row(DESIGNATIONS, ROLE="MDT", IDENTIFIANT=RPPS)),
            ),
            ("EMPL", "liste.csv", file(TRAVAILLEURS, row(TRAVAILLEURS))),
        ),
    ),
    ("2026-04-10", (("LABO1", "mars.csv", GOOD), ("LABO1", "mauvais.csv", b"A;B\n1;2\n"))),
    (
        "2026-04-11",
        (
            ("EMPL", "renfort.csv", file(TRAVAILLEURS, employee(NIR2, NOM="DURAND", PRENOM="LUC"))),
            ("LABO1", "fevrier.csv", file(PASSIVE, dose("M4", "0.2", **FEBRUARY))),
        ),
    ),
    (
        "2026-04-12",
        (("LABO1", "encore.csv", GOOD), ("LABO1", "mars.csv", file(PASSIVE, dose("M5", "0.7", **FEBRUARY)))),
    ),
)
LAST_DAY = PASSES[-1][0]


class Site:
    """A home, its backup folder and commands given to either."""

    def __init__(self, folder: Path, nursery: Nursery) -> None:
        self.folder, self.nursery = folder, nursery
        self.home, self.backup, self.key = folder / "home", folder / "backup", folder / "safe" / "registry.key"
        self.backup.mkdir(parents=True)
        self._clock = 1_720_000_000

    def settings(self, home: Path | None = None, backup: bool = True) -> Settings:
        told = {"SISERI_HOME": str(home or self.home), "SISERI_TODAY": LAST_DAY}
        return Settings.load(told | ({"SISERI_BACKUP_DIR": str(self.backup)} if backup else {}), root=self.folder)

    def run(
        self, *words: object, day: str = LAST_DAY, home: Path | None = None, expect: int | None = 0, **more: str
    ) -> Exit:
        """Give a command; what it may be told beside is in ``more``, as settings."""
        told = environment(home or self.home, SISERI_TODAY=day, SISERI_BACKUP_DIR=str(self.backup), SISERI_CRASH="")
        env = {name: value for name, value in told.items() if name.startswith("SISERI_")} | more
        done = self.nursery.run(env, *(str(word) for word in words))
        assert expect is None or done.status == expect, (words, done.status, done.out[-1000:], done.err[-3000:])
        return done

    def json(self, *words: object, **how: Any) -> Any:
        return json.loads(self.run(*words, "--json", **how).out)

    def drop(self, code: str, name: str, body: bytes, home: Path | None = None) -> None:
        depot = (home or self.home) / "sftp" / code / "depot"
        for path, content in ((depot / name, body), (depot / f"{name}.ok", b"")):
            path.write_bytes(content)
            self._clock += 1
            os.utime(path, (self._clock, self._clock))

    def furnish(self) -> None:
        self.run("init")
        for words in (
            ("ASNR", "--role", "GESTIONNAIRE"),
            ("EMPL", "--role", "EMPLOYEUR", "--siren", SIREN),
            ("LABO1", "--role", "OA"),
            ("DOCTEUR", "--role", "MDT", "--identifiant", RPPS),
            ("DGT", "--role", "DGT"),
        ):
            self.run("partner", "add", *words, day=PASSES[0][0])

    def live(self, at: int, crash: str = "") -> None:
        """One of the passes, killed at a point and made again where one is told."""
        day, drops = PASSES[at]
        for drop in drops:
            self.drop(*drop)
        if crash:
            assert self.run("run", day=day, expect=None, SISERI_CRASH=crash).killed
        self.run("run", day=day)

    def end(self, home: Path | None = None) -> End:
        home = home or self.home
        with running(self.settings(home, backup=False)), psycopg.connect(PostgresServer(home).url()) as connection:
            return end_state(connection, home)

    def lose(self) -> None:
        """Destroy the home; the key was kept elsewhere, as it has to be."""
        self.key.parent.mkdir()
        shutil.copy(self.home / "keys" / "registry.key", self.key)
        shutil.rmtree(self.home)


def after_a_second() -> str:
    """An instant between what was done and what comes: the log's pieces tell theirs to the second."""
    time.sleep(1.1)
    told = datetime.now(UTC).isoformat()
    time.sleep(1.1)
    return told
