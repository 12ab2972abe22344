"""Histories of a registry against the naive tables: measures come and go, workers are attached, merged and parted.

At every look the tables are those of the twin, and everything printed before is printed again, byte for byte, as of its
instant. The documents for people, which are made of the same tables and take long to draw, come with the first look of
one history in eight.
"""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from property.test_windows import PLACES
from senders import CLOSED, SIRET, SIRET2, country
from twin.statistics import Attachment, Exam, Passage, Result, Status, Tables, World, tables

from pipelines.exceedances import detect
from pipelines.statistics.asked import SCOPES, asked
from pipelines.statistics.marts import differences
from pipelines.statistics.publish import MANIFEST, describe, document, publish, table_files
from pipelines.statistics.yearbook import compile_year
from schemas import nomenclature
from schemas.formats import interne, operationnelle, passive

TODAY, YEAR = date(2026, 4, 10), 2023
PEOPLE, SITES = 4, (SIRET, SIRET2, CLOSED)
SECTORS, TRADES = nomenclature.codes("secteur_activite"), nomenclature.codes("metier")
ENDS = tuple(
    date(year, month, day)
    for year, month, day in (
        *((2022, 12, 20), (2022, 12, 31), (2023, 1, 1), (2023, 1, 31), (2023, 3, 31), (2023, 5, 15)),
        *((2023, 6, 30), (2023, 7, 31), (2023, 10, 31), (2023, 12, 31), (2024, 1, 31), (2024, 2, 28)),
    )
)
DOSES = (0, 1, 50, 99, 100, 999, 1_000, 1_001, 5_000, 7_500, 10_000, 10_001, 15_000, 20_000, 20_001, 50_001, 500_001)
WHO, WHERE = st.integers(0, PEOPLE - 1), st.integers(0, len(SITES) - 1)


@st.composite
def results(draw: st.DrawFn) -> Result:
    """A result of any kind; most of the trunk, often with a belt."""
    trunk = ["PAS-HP10-PHO"] * 4 + ["PAS-HP10-NEU", "NAVIGANT"]
    kind = draw(st.sampled_from((*trunk, *PLACES)))
    end = draw(st.sampled_from(ENDS))
    state = "MES"
    if kind not in ("ENGAGEE", "NAVIGANT"):
        state = draw(st.sampled_from(("MES", "MES", "MES", "INF", "ABS", "PER", "DET", "EST")))
    usv = draw(st.sampled_from(DOSES)) if state in ("MES", "EST") else 0
    days = draw(st.sampled_from((0, 30, 80)))
    place = draw(st.sampled_from(PLACES[kind]))
    return Result(draw(WHO), draw(WHERE), kind, place, end - timedelta(days), end, state, usv)


PASSAGES = st.builds(
    Passage, WHO, WHERE, st.sampled_from(operationnelle.TYPES), st.sampled_from(ENDS), st.sampled_from(DOSES)
)
EXAMS = st.builds(
    Exam, WHO, WHERE, st.sampled_from(interne.EXAMS), st.sampled_from(ENDS), st.sampled_from(("a", "b")),
    st.sampled_from(("MES", "INF", "ABS")), st.sampled_from((0, 7)),
)  # fmt: skip
STATUSES = st.builds(
    lambda code, character, sector, trade: (
        code,
        character,
        nomenclature.codes("domaine_activite")[nomenclature.domain_of_sector()[SECTORS.index(sector)]],
        sector,
        trade,
    ),
    st.sampled_from(("A", "B", "B", "NC", "NR", None)),
    st.sampled_from(("Civil", "Civil", "Militaire")),
    st.sampled_from(
        ("101000", "101010", "201000", "202000", "203000", "401020", "510000", "510010", "510011", "601020", "603010")
    ),
    st.sampled_from(("MANIP", "INGENIEUR", "AS")),
)
STARTS = st.sampled_from((date(2015, 1, 1), date(2022, 6, 1), date(2023, 2, 1), date(2023, 7, 1), date(2024, 1, 15)))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), results()),
        st.tuples(st.just("add"), results()),
        st.tuples(st.just("add"), results()),
        st.tuples(st.just("walk"), PASSAGES),
        st.tuples(st.just("examine"), EXAMS),
        st.tuples(st.just("attach"), WHO, WHERE, STARTS, st.sampled_from((None, 0, 100)), STATUSES),
        st.tuples(st.just("attach"), WHO, WHERE, STARTS, st.sampled_from((None, 0, 100)), STATUSES),
        st.tuples(st.just("change"), WHO, WHERE, STARTS, STATUSES),
        st.tuples(st.just("correct"), st.integers(0, 50), results()),
        st.tuples(st.just("annul"), st.integers(0, 50)),
        st.tuples(st.just("physician"), st.integers(0, 50), st.sampled_from(DOSES)),
        st.tuples(st.just("merge"), WHO, WHO),
        st.tuples(st.just("part")),
        st.tuples(st.just("look"), st.sampled_from(SCOPES)),
    ),
    min_size=2,
    max_size=12,
)
#: What the registry holds before the first step.
EARLY = st.lists(results(), min_size=5, max_size=12)
#: Each worker begins attached at two sites.
FIRST = st.lists(st.tuples(STARTS, STATUSES), min_size=2 * PEOPLE, max_size=2 * PEOPLE)
_WIPED = (
    "truncate dose.passive, dose.committed, dose.aircrew, dose.operational, dose.internal, identity.alias,"
    " reference.attachment, reference.attachment_period, reference.attachment_status, exposure.exceedance,"
    " exposure.reckoning, exposure.state, exposure.detection, exposure.conclusion, exposure.notice,"
    " exposure.without_physician, legacy.label, mart.year, mart.segment"
)


class History:
    """Fresh workers, written to as the corridor writes, and the same history in a plain world."""

    def __init__(self, admin: Any) -> None:
        self.admin = admin
        self.sites = [
            admin.execute("select establishment_id from reference.establishment where siret = %s", (one,)).fetchone()[0]
            for one in SITES
        ]
        self.body, self.doctor = (
            admin.execute("select partner_id from ledger.partner where code = %s", (code,)).fetchone()[0]
            for code in ("LABO1", "DOCTEUR")
        )
        self.people: list[int] = []
        self.held: dict[str, Result] = {}
        self.instead: dict[str, Result] = {}
        self.world = World(siret=dict(zip(self.sites, SITES, strict=True)))
        self.count = 0
        admin.execute(_WIPED)
        self.step(self._born)

    def step(self, write: Callable[[int], None]) -> None:
        with self.admin.transaction():
            number = self.admin.execute("select ledger.open_load('test', null)").fetchone()[0]
            write(number)
            self.admin.execute("select ledger.seal_load(%s)", (number,))

    def write(self, table: str, **values: Any) -> None:
        columns, marks = ", ".join(values), ", ".join(["%s"] * len(values))
        self.admin.execute(f"insert into {table} ({columns}) values ({marks})", list(values.values()))

    def _born(self, load: int) -> None:
        for at in range(PEOPLE):
            made = self.admin.execute(
                "insert into identity.worker (since_load) values (%s) returning worker_id", (load,)
            ).fetchone()[0]
            birth = date(2006, 1, 1) if at == 2 else date(2005, 12, 31)
            self.people.append(made)
            self.world.births[made] = birth
            self.admin.execute(
                "insert into identity.civil values (%s, 'X', 'X', 'X', 'X', %s, 'M', %s, null, 0, %s)",
                (made, birth, load, made),
            )

    def named(self) -> str:
        self.count += 1
        return f"m{self.count}"

    def insert(self, load: int, name: str, one: Result, sender: int) -> None:
        table = {"ENGAGEE": "committed", "NAVIGANT": "aircrew"}.get(one.kind, "passive")
        self.admin.execute("select dose.ensure_partition(%s, %s)", (table, one.end.year))
        values: dict[str, Any] = {
            "value_usv": one.usv, "since_load": load, "worker_id": one.worker, "sender_id": sender,
            "submission_id": 0, "establishment_id": one.site, "line": 0, "end_day": one.end, "year": one.end.year,
            "measure_id": name,
        }  # fmt: skip
        if table == "passive":
            values |= {
                "value_usv": one.usv if one.state in ("MES", "EST") else None,
                "start_day": one.start, "quantity": passive.TYPES.index(one.kind), "dosimeter": 0,
                "state": passive.STATES.index(one.state), "location": passive.LOCATIONS.index(one.place),
            }  # fmt: skip
        if table == "committed":
            values |= {"physician": "", "nuclide": ""}
        self.write(f"dose.{table}", **values)

    def close(self, load: int, name: str, code: str) -> None:
        for table in ("passive", "committed", "aircrew"):
            self.admin.execute(
                f"update dose.{table} set until_load = %s, until_code = %s, until_submission_id = 0, until_line = 0"
                " where measure_id = %s and until_load is null",
                (load, code, name),
            )

    def placed(self, one: Any) -> Any:
        """A drawn row at this example's workers and sites; a month of flights and an incorporation have no start."""
        return replace(one, worker=self.people[one.worker], site=self.sites[one.site])

    def add(self, one: Result) -> None:
        name, mine = self.named(), self.placed(one)
        self.held[name] = mine
        self.step(lambda load: self.insert(load, name, mine, self.body))

    def walk(self, one: Passage) -> None:
        mine = self.placed(one)
        self.world.passages.append(mine)
        self.count += 1
        minute = (mine.end - date(1970, 1, 1)).days * 1440 + 600

        def write(load: int) -> None:
            self.admin.execute("select dose.ensure_partition('operational', %s)", (mine.end.year,))
            self.write(
                "dose.operational", value_usv=mine.usv, key_digest=self.count, since_load=load, worker_id=mine.worker,
                establishment_id=mine.site, sender_id=self.body, submission_id=0, line=0, start_minute=minute - 60,
                end_minute=minute, year=mine.end.year, quantity=operationnelle.TYPES.index(mine.kind), dosimeter=0,
                place="", zone="", activity="",
            )  # fmt: skip

        self.step(write)

    def examine(self, one: Exam) -> None:
        mine = self.placed(one)
        self.count += 1
        # The same name may come back for another day, kind or person: an analysis is one of a worker and an exam.
        mine = replace(mine, analysis=f"{mine.analysis}/{mine.worker}/{mine.site}/{mine.kind}/{mine.day.year}")
        self.world.exams.append(mine)

        def write(load: int) -> None:
            self.admin.execute("select dose.ensure_partition('internal', %s)", (mine.day.year,))
            self.write(
                "dose.internal", activity_nbq=mine.activity if mine.state == "MES" else None, since_load=load,
                worker_id=mine.worker, establishment_id=mine.site, sender_id=self.body, submission_id=0, line=0,
                end_day=mine.day, year=mine.day.year, exam=interne.EXAMS.index(mine.kind), unit=0,
                state=interne.STATES.index(mine.state), nuclide=f"N{self.count}",
                measure_id=f"{mine.analysis}/N{self.count}",
            )  # fmt: skip

        self.step(write)

    def attach(self, who: int, where: int, start: date, days: int | None, told: Status) -> None:
        """A first period, or a further one after the last."""
        worker, site = self.people[who], self.sites[where]
        attachment = self.world.attachments.setdefault((worker, site), Attachment())
        if attachment.periods and (attachment.periods[-1][1] is None or attachment.periods[-1][1] >= start):
            return
        end = None if days is None else start + timedelta(days)
        attachment.periods.append((start, end))
        fresh = start not in attachment.statuses
        attachment.statuses.setdefault(start, told)

        def write(load: int) -> None:
            if len(attachment.periods) == 1:
                self.write("reference.attachment", worker_id=worker, establishment_id=site, since_load=load)
            number = self.attachment(worker, site)
            self.write(
                "reference.attachment_period", attachment_id=number, number=len(attachment.periods), start_day=start,
                end_day=end, since_load=load, submission_id=0, line=0,
            )  # fmt: skip
            if fresh:
                self.status(load, number, start, told)

        self.step(write)

    def attachment(self, worker: int, site: int) -> int:
        row = self.admin.execute(
            "select attachment_id from reference.attachment where worker_id = %s and establishment_id = %s",
            (worker, site),
        ).fetchone()
        return int(row[0])

    def status(self, load: int, number: int, day: date, told: Status) -> None:
        code, character, domain, sector, trade = told
        self.write(
            "reference.attachment_status", attachment_id=number, valid_from=day, character=character, domain=domain,
            sector=sector, trade=trade, hazard="EXT", contract="CDI", share_tenths=10, worker_group="",
            since_load=load, submission_id=0, line=0, **{"class": code},
        )  # fmt: skip

    def change(self, who: int, where: int, day: date, told: Status) -> None:
        """What holds from a day on, told anew or for the first time."""
        worker, site = self.people[who], self.sites[where]
        attachment = self.world.attachments.get((worker, site))
        if attachment is None or day < min(attachment.statuses):
            return
        attachment.statuses[day] = told

        def write(load: int) -> None:
            number = self.attachment(worker, site)
            self.admin.execute(
                "update reference.attachment_status set until_load = %s"
                " where attachment_id = %s and valid_from = %s and until_load is null",
                (load, number, day),
            )
            self.status(load, number, day, told)

        self.step(write)

    def chosen(self, at: int) -> str | None:
        names = sorted(self.held)
        return names[at % len(names)] if names else None

    def correct(self, at: int, one: Result) -> None:
        if (name := self.chosen(at)) is None or name in self.instead:
            return
        mine = replace(self.placed(one), worker=self.held[name].worker)

        def write(load: int) -> None:
            self.close(load, name, "C")
            self.insert(load, name, mine, self.body)

        self.held[name] = mine
        self.step(write)

    def annul(self, at: int) -> None:
        if (name := self.chosen(at)) is None:
            return
        if name in self.instead:
            del self.instead[name]
            self.step(lambda load: self.close(load, f"LABO1/{name}", "A"))
            return
        del self.held[name]
        self.step(lambda load: self.close(load, name, "A"))

    def physician(self, at: int, usv: int) -> None:
        name = self.chosen(at)
        if name is None or name in self.instead or self.held[name].kind in ("ENGAGEE", "NAVIGANT"):
            return
        mine = replace(self.held[name], usv=usv, state="EST")
        self.instead[name] = mine
        self.step(lambda load: self.insert(load, f"LABO1/{name}", mine, self.doctor))

    def merge(self, one: int, other: int) -> None:
        alias, worker, person = self.world.alias, self.people[one], self.people[other]
        if worker == person or worker in alias or person in alias or worker in alias.values():
            return
        alias[worker] = person
        self.step(
            lambda load: self.write(
                "identity.alias", worker_id=worker, person_id=person, since_load=load, submission_id=0, line=0
            )
        )

    def part(self) -> None:
        if not self.world.alias:
            return
        worker, _ = self.world.alias.popitem()
        self.step(
            lambda load: self.admin.execute(
                "update identity.alias set until_load = %s where worker_id = %s and until_load is null",
                (load, worker),
            )
        )

    def expected(self, scope: str) -> Tables:
        self.world.results = [
            replace(one, start=one.start if one.kind in passive.TYPES else one.end)
            for one in (self.instead.get(name, held) for name, held in self.held.items())
        ]
        return tables(self.world, YEAR, scope, list(SECTORS), list(TRADES))


def test_tables_follow_every_history(registry: Any) -> None:
    country(registry)
    registry.partner("DOCTEUR", "MDT")
    publisher = registry.as_("publisher")
    seen = {"rows": 0, "again": 0}

    def printed(scope: str, as_of: str | None = None, *, documents: bool) -> dict[str, bytes]:
        if not documents:
            book = compile_year(publisher, asked(publisher, YEAR, as_of, scope, TODAY))
            files = table_files(book)
            return files | {MANIFEST: document(describe(book, files, "dgt"))}
        with tempfile.TemporaryDirectory() as folder:
            publish(publisher, Path(folder), TODAY, year=YEAR, as_of=as_of, scope=scope, audience="dgt")
            return {path.name: path.read_bytes() for path in Path(folder).iterdir()}

    def agrees(found: dict[str, bytes], expected: Tables) -> None:
        for name, rows in expected.items():
            read = csv.DictReader(io.StringIO(found[f"{name}.csv"].decode()), delimiter=";")
            told = {one["code"]: one for one in read}
            assert list(told) == list(rows), name
            for code, cells in rows.items():
                assert {column: told[code][column] for column in cells} == cells, (name, code)
                seen["rows"] += any(cell.strip("0.") for cell in cells.values())

    with registry.registry.warehouse.admin() as admin:
        admin.commit()
        admin.autocommit = True

        @given(FIRST, EARLY, STEPS, st.sampled_from(SCOPES), st.sampled_from((*[False] * 7, True)))
        @settings(max_examples=50, deadline=None)
        def follow(
            first: list[tuple[date, Status]],
            early: list[Result],
            steps: list[tuple[Any, ...]],
            scope: str,
            documents: bool,
        ) -> None:
            history = History(admin)
            for at, (start, told) in enumerate(first):
                history.attach(at // 2, at % 2, start, None, told)
            for one in early:
                history.add(one)
            editions: list[tuple[str, dict[str, bytes]]] = []
            for name, *told in (("look", "tous"), *steps, ("look", "tous"), ("look", scope)):
                if name != "look":
                    getattr(history, name)(*told)
                    continue
                detect(registry.connection, TODAY)
                found = printed(told[0], documents=documents and not editions)
                agrees(found, history.expected(told[0]))
                editions.append((told[0], found))
            for shown, before in editions:
                as_of = json.loads(before[MANIFEST])["as_of"]
                assert printed(shown, as_of, documents="bilan.pdf" in before) == before
                seen["again"] += 1
            assert differences(publisher) == (1, 0)

        follow()
    assert seen["rows"] > 500
    assert seen["again"] > 60
