"""A registry with something to do at every crash point, lived through again and again from one saved beginning.

``World`` builds it once; a ``Life`` is one way through its steps. What must be the same at the end of every life is
``Life.end``: every table and every file of the homes, whatever the numbers and hours that a dead attempt used up.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
from crash_end import End, end_state
from envelopes import encrypt
from exposed_service import PEOPLE
from legacy_world import part, passive, place, stay, worker
from nursery import End as Exit
from nursery import Nursery
from senders import (
    DESIGNATIONS,
    ESTABLISSEMENTS,
    NIR,
    NIR2,
    NIR3,
    PASSIVE,
    RPPS,
    SIREN,
    SIRET,
    SIRET2,
    TRAVAILLEURS,
    UNKNOWN,
    dose,
    environment,
    file,
    row,
)

from loaders import rights
from loaders.postgres_server import PostgresServer
from loaders.settings import Settings
from schemas.identifiers import key_of

#: Short delays, so that what takes months comes about in a few passes.
DELAYS = {"REPORT_DAYS": "30", "QUEUE_DAYS": "30", "CONCLUSION_DAYS": "30", "HOLD_SHARE": "0.5", "HOLD_ROWS": "4"}
WHO = ("--par", "ana", "--json")
WHY = ("--motif", "vu avec le laboratoire", *WHO)


@dataclass(frozen=True)
class Step:
    """Something a life does: files dropped first, then a command.

    Attributes:
        person: a person's command, refused where it has had its effect already.
        effect: the point from which it has had its effect and would have it twice: the person sees it and does not
            give it again.
    """

    day: str
    words: tuple[str, ...]
    drops: tuple[tuple[str, str, bytes], ...] = ()
    person: bool = False
    effect: str | None = None


def named(at: int, **changed: str) -> dict[str, str]:
    """One of the eight workers whose doses are known, as a row of measures names him."""
    return {"NIR": PEOPLE.nir[at], "NOM": PEOPLE.last[at], "PRENOM": PEOPLE.first[at]} | changed


def wear(year: int, month: int) -> dict[str, str]:
    return {"DATE_DEBUT_PORT": f"01/{month:02d}/{year}", "DATE_FIN_PORT": f"27/{month:02d}/{year}"}


def employee(nir: str, **changed: str) -> str:
    birth = f"12/{nir[3:5]}/19{nir[1:3]}"
    cells = {"NIR": nir, "CLE": key_of(nir), "DATENAISSANCE": birth, "SEXE": "MF"[nir[0] == "2"]}
    return row(TRAVAILLEURS, **(cells | {"DATEDEBUT": "01/01/2024"} | changed))


def team() -> list[str]:
    """The eight, and the worker of all other examples."""
    told = [
        row(
            TRAVAILLEURS,
            **(named(at) | {"CLE": PEOPLE.key[at], "DATENAISSANCE": PEOPLE.birth[at], "SEXE": PEOPLE.sex[at]}),
            DATEDEBUT="01/01/2024",
        )
        for at in range(len(PEOPLE))
    ]
    return [*told, row(TRAVAILLEURS)]


def beginnings() -> list[Step]:
    """What happened before the first crash."""
    year = [
        dose(
            f"2025{month:02d}-{at}", f"{0.05 * (1 + (at + month * (at % 2)) % 3):.2f}", **named(at, **wear(2025, month))
        )
        for month in range(1, 13)
        for at in range(len(PEOPLE))
    ]
    january = {"DATE_DEBUT_PORT": "01/01/2026", "DATE_FIN_PORT": "31/01/2026"}
    february = {"DATE_DEBUT_PORT": "01/02/2026", "DATE_FIN_PORT": "27/02/2026"}
    references = (
        ("ASNR", "sirene.csv", file(ESTABLISSEMENTS, row(ESTABLISSEMENTS), row(ESTABLISSEMENTS, siret=SIRET2))),
        (
            *("ASNR", "designations.csv"),
            file(
                *(DESIGNATIONS, row(DESIGNATIONS)),
                row(DESIGNATIONS, ROLE="MDT", IDENTIFIANT=RPPS),
                row(DESIGNATIONS, ROLE="CRP", IDENTIFIANT="PCR-7"),
            ),
        ),
        ("EMPL", "liste.csv", file(TRAVAILLEURS, *team())),
    )
    first = (
        dose("M1", "21", **january),
        *(dose(f"M2{at}", SIRET=UNKNOWN, **january) for at in range(2)),
        dose("M3", "0.2", **january),
    )
    second = (
        *(dose(f"M4{at}", NIR=NIR2, NOM="DURAND", PRENOM="LUC", **wear(2026, at)) for at in (1, 2)),
        dose("M5", NOM="AUTRE", PRENOM="LUCIE", **february),
        dose("M6", NIR=NIR3, NOM="MARTIN", PRENOM="JEAN", **february),
        *(
            dose(f"M7{at}", f"0.1{at}", DATE_DEBUT_PORT=f"0{at}/02/2026", DATE_FIN_PORT=f"0{at}/02/2026")
            for at in range(1, 6)
        ),
    )
    return [
        Step("2026-02-20", ("run",), references),
        Step("2026-02-20", ("run",), (("LABO1", "annee.csv", file(PASSIVE, *year)),)),
        Step("2026-02-20", ("unusual", "evaluate")),
        Step("2026-02-20", ("run",), (("LABO1", "janvier.csv", file(PASSIVE, *first)),)),
        Step("2026-03-20", ("run",), (("LABO1", "fevrier.csv", file(PASSIVE, *second)),)),
    ]


def steps(legacy: Path, entry: str, sealed: bytes) -> list[Step]:
    """A life's steps, in order.

    Args:
        legacy: a folder of the old registry.
        entry: the number, in the queue, of the row whose name disagrees.
        sealed: :func:`secret_file`, encrypted to the registry once for all lives.
    """
    march = {"DATE_DEBUT_PORT": "01/03/2026", "DATE_FIN_PORT": "27/03/2026"}
    good = file(
        PASSIVE,
        dose("N1", "0.3", **march),
        dose("M3", "0.4", DATE_DEBUT_PORT="01/01/2026", DATE_FIN_PORT="31/01/2026", CODE_METROLOGIE="C"),
        dose("N3", "x", **march),
        *(dose(f"N4-{at}", "50" if at == 0 else "0.10", **named(at, **march)) for at in range(len(PEOPLE))),
        dose("N5", NIR=NIR2, NOM="DURAND", PRENOM="LUC", **march),
    )
    wrong = file(PASSIVE, *(dose(f"H{at}", "-1", **march) for at in range(5)), dose("H9", "0.6", **march))
    drops = (
        ("LABO1", "mars.csv", good),
        ("LABO1", "encore.csv", good),
        ("LABO1", "mauvais.csv", b"A;B\n1;2\n"),
        ("LABO1", "chiffre.csv.age", sealed),
        ("LABO2", "retenu.csv", wrong),
        ("LABO2", "autre.csv", wrong.replace(b"0.6", b"0.7")),
        ("LABO1/essai", "essai.csv", good),
        ("EMPL", "renfort.csv", file(TRAVAILLEURS, employee(NIR2, NOM="DURAND", PRENOM="LUC"))),
    )
    april = {"DATE_DEBUT_PORT": "01/03/2026", "DATE_FIN_PORT": "28/03/2026"}
    more = (("LABO1", "suite.csv", file(PASSIVE, dose("P1", "0.1", **april), dose("P2", SIRET=UNKNOWN, **april))),)
    read = ("--genre", "NIR", "--recu", NIR3, "--lu", NIR, "--du", "2026-01-01")
    day = "2026-04-02"
    return [
        Step(day, ("run",), drops),
        Step(day, ("queue", "ask", entry, "--texte", "Qui est-ce ?", *WHO), person=True, effect="sftp.part"),
        Step(
            *(day, ("queue", "decide", entry, "--action", "confirmer", *WHY)),
            person=True,
            effect="load.decide.committed",
        ),
        Step(day, ("run",)),
        Step(day, ("queue", "undo", "@decision", *WHY), person=True, effect="load.undo.committed"),
        Step(day, ("run",)),
        Step(day, ("queue", "standing", "propose", *read, *WHY), person=True, effect="load.standing.committed"),
        Step(day, ("queue", "standing", "approve", "@standing", "--par", "eva"), person=True),
        Step(day, ("run",)),
        Step(day, ("held", "accept", "@retenu.csv", *WHO), person=True),
        Step("2026-04-03", ("run",), more),
        Step("2026-04-03", ("held", "decline", "@autre.csv", *WHY), person=True),
        Step("2026-04-03", ("unusual", "evaluate")),
        Step(
            *("2026-04-03", ("unusual", "decide", "@flag", "dismiss", *WHY)),
            person=True,
            effect="load.unusual answer.committed",
        ),
        Step("2026-04-03", ("migrate", str(legacy), "--json")),
        Step("2026-04-04", ("run",)),
    ]


def secret_file() -> bytes:
    """A file that comes encrypted."""
    march = {"DATE_DEBUT_PORT": "01/03/2026", "DATE_FIN_PORT": "26/03/2026"}
    return file(PASSIVE, dose("S1", "0.2", **march), dose("S2", "-1", **march))


def old_registry(folder: Path) -> None:
    """Three parts of measures, people who wait among them."""
    nirs = (NIR, PEOPLE.nir[0])
    part(folder, "etablissements", place(SIRET))
    part(
        folder,
        "travailleurs",
        worker(1, nirs[0], NOM="MARTIN", PRENOM="JEAN-PIERRE"),
        worker(2, nirs[1], NOM="ANONYME"),
    )
    part(folder, "rattachements", stay(1, SIRET))
    past = {"DATE_DEBUT_PORT": date(2019, 5, 1), "DATE_FIN_PORT": date(2019, 5, 31)}  # in a partition of its own
    part(folder, "externes", passive(1, SIRET, "A1", **past), passive(2, SIRET, "A2", **past))
    part(folder, "externes", passive(1, SIRET, "A3"), passive(1, SIRET, "A1", **past), name="b")


class World:
    """Embedded services that the caller holds, one furnished home, and its beginning saved beside it."""

    def __init__(self, settings: Settings, nursery: Nursery, folder: Path) -> None:
        self.settings, self.nursery, self.home = settings, nursery, settings.home
        self._saved = folder / "saved"
        self._clock = 1_700_000_000
        self.legacy = folder / "ancien"
        old_registry(self.legacy)
        self._furnish()
        with psycopg.connect(PostgresServer(self.home).url()) as connection:
            found = connection.execute(
                "select entry_id::text from queue.entry join ledger.submission using (submission_id)"
                " where file_name = 'fevrier.csv' and line = 3"
            ).fetchone()
        assert found
        self._entry = found[0]
        self._save()

    def environment(self, day: str, **more: str) -> dict[str, str]:
        told = environment(self.home, **{f"SISERI_{name}": value for name, value in DELAYS.items()})
        told = {name: value for name, value in told.items() if name.startswith("SISERI_")}
        return told | {"SISERI_TODAY": day, "SISERI_CRASH": ""} | more

    def run(self, day: str, *words: str, expect: tuple[int, ...] = (0,)) -> Exit:
        done = self.nursery.run(self.environment(day), *words)
        assert done.status in expect, (words, done.status, done.out[-3000:], done.err[-3000:])
        return done

    def _furnish(self) -> None:
        self.run("2026-02-20", "init")
        for words in (
            ("ASNR", "--role", "GESTIONNAIRE"),
            ("EMPL", "--role", "EMPLOYEUR", "--siren", SIREN),
            ("LABO1", "--role", "OA"),
            ("LABO2", "--role", "OA"),
            ("DOCTEUR", "--role", "MDT", "--identifiant", RPPS),
            ("CONSEIL", "--role", "CRP", "--identifiant", "PCR-7"),
            ("DGT", "--role", "DGT"),
        ):
            self.run("2026-02-20", "partner", "add", *words)
        key = json.loads(self.run("2026-02-20", "key", "age", "new", "--json").out)["cle"]
        self._sealed = encrypt(secret_file(), key)
        for step in beginnings():
            self.drop(step)
            self.run(step.day, *step.words)

    def drop(self, step: Step) -> None:
        """Put a step's files into their depots, each a second after the one before."""
        for place_, name, body in step.drops:
            code, _, sub = place_.partition("/")
            depot = self.home / "sftp" / code / "depot" / sub
            for path, content in ((depot / name, body), (depot / f"{name}.ok", b"")):
                path.write_bytes(content)
                self._clock += 1
                os.utime(path, (self._clock, self._clock))

    def _save(self) -> None:
        self._maintain("alter database siseri rename to siseri_saved")
        shutil.copytree(self.home / "sftp", self._saved / "sftp")
        shutil.copytree(self.home / "archive", self._saved / "archive")
        shutil.copytree(self.home / "arrivals", self._saved / "arrivals")

    def restore(self) -> None:
        """Begin anew: database and homes as they were saved.

        Copied file by file, between two checkpoints: the other strategy leaves sequences that a crash of the server
        sets back, since what their last record in the log told was told of the database copied.
        """
        self._maintain(
            "drop database if exists siseri with (force)",
            "create database siseri template siseri_saved strategy file_copy",
        )
        with psycopg.connect(self.url()) as connection, connection.cursor() as cursor:
            rights.grant(cursor, "siseri")  # those on the database itself are not copied
        for name in ("sftp", "archive", "arrivals", "staging"):
            for child in (self.home / name).iterdir():
                shutil.rmtree(child) if child.is_dir() else child.unlink()
        for name in ("sftp", "archive", "arrivals"):
            shutil.copytree(self._saved / name, self.home / name, dirs_exist_ok=True)
        self._clock = 1_710_000_000

    def skip(self, numbers: int) -> None:
        """Let every sequence lose numbers, as attempts that died do."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(
                "select setval(format('%%I.%%I', schemaname, sequencename)::regclass, last_value + %s)"
                " from pg_sequences where last_value is not null",
                (numbers,),
            )

    def url(self, name: str = "siseri") -> str:
        return PostgresServer(self.home).url(name)

    def _maintain(self, *statements: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def plan(self) -> list[Step]:
        """The steps of a life that begins now."""
        return steps(self.legacy, self._entry, self._sealed)

    def told(self, step: Step) -> tuple[str, ...]:
        """A step's words; those that begin with @ stand for a number that the registry gave."""
        if not any(word.startswith("@") for word in step.words):
            return step.words
        with psycopg.connect(self.url()) as connection:
            rows = connection.execute(
                "select '@' || file_name, submission_id from ledger.submission"
                " union all select '@decision', max(decision_id) from queue.decision"
                " union all select '@standing', max(standing_id) from queue.standing"
                " union all select '@flag', min(flag_id) from unusual.flag"
            ).fetchall()
        numbers = {name: str(number) for name, number in rows}
        return tuple(numbers.get(word, word) for word in step.words)

    def command(self, step: Step, crash: str = "", **how: Any) -> Exit:
        """Give a step's command, armed with a crash."""
        env = self.environment(step.day, SISERI_CRASH=crash)
        return self.nursery.run(env, *self.told(step), **how)

    def end(self) -> End:
        with psycopg.connect(self.url()) as connection:
            return end_state(connection, self.home)


def quiet(world: World, skip: int = 0) -> tuple[End, list[tuple[str, ...]]]:
    """A life without any fault: its end, and the points that each step passed."""
    world.restore()
    if skip:
        world.skip(skip)
    passed = []
    for step in world.plan():
        world.drop(step)
        done = world.command(step, trace=True)
        assert done.status == 0, (step.words, done.status, done.err[-3000:])
        passed.append(done.passed)
    return world.end(), passed


#: A person's command where it has had its effect already is refused, or says that nothing waited any more.
REFUSED = (1, 2)


def through(world: World, step: Step, reference: tuple[str, ...], crashes: Iterable[str]) -> list[str]:
    """Give a step's command again and again, each time armed with the next crash, until it ends by itself.

    Args:
        reference: the points that it passed in a quiet life.
        crashes: ``point[:passage]``, in an order in which each can still come.

    Returns:
        The crashes that came about.
    """
    died: list[str] = []
    world.drop(step)
    for crash in (*crashes, ""):
        done = world.command(step, crash)
        if done.killed:
            died.append(crash)
            if step.effect is not None and _had_effect(step.effect, crash, reference):
                return died
            continue
        again = REFUSED if died and step.person else ()
        assert done.status in (0, *again), (step.words, crash, died, done.status, done.err[-3000:])
    return died


def _had_effect(effect: str, crash: str, reference: tuple[str, ...]) -> bool:
    return reference.index(crash.partition(":")[0]) >= reference.index(effect)


def crashed(
    world: World, crashes: Callable[[int, tuple[str, ...]], Iterable[str]], passed: list[tuple[str, ...]]
) -> tuple[End, list[str]]:
    """A life with crashes in each of its steps.

    Args:
        crashes: those of a step, given its place and the points that it passes in a quiet life.
        passed: these points, of every step.

    Returns:
        Its end, and the crashes that came about.
    """
    world.restore()
    died: list[str] = []
    for at, (step, reference) in enumerate(zip(world.plan(), passed, strict=True)):
        died += through(world, step, reference, crashes(at, reference))
    return world.end(), died
