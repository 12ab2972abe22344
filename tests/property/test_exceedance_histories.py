"""Histories of a registry: measures come, are corrected, annulled, set aside, persons merge and part, in any order.

After every step, what a detection of the touched persons leaves is what the slow recomputation says of the history.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from property.test_windows import results
from senders import SIRET, SIRET2, country
from twin.exceedances import Cases, Exceedance, Result, exceedances, quantity, window_sum
from working_lives import KINDS

from loaders.settings import Settings
from loaders.warehouse import load
from pipelines.conclusions import Conclusion, cases_of, conclude
from pipelines.deadlines import retain
from pipelines.exceedances import detect, differences, note_legacy_day, recompute
from pipelines.states import OPEN, STATES, enter_states
from pipelines.windows import AIRCREW, COMMITTED, Run
from schemas.formats import passive

TODAY = date(2026, 4, 10)
SETTINGS = Settings.load({})
PEOPLE = 3
#: Results around the turns of years, a little more or less than half of a limit each: what must be counted across them.
CROWDED = st.builds(
    lambda person, kind, end, days, usv: Result(
        person, 1, kind, "TETE" if kind == "PAS-HP3" else "POITRINE", end - timedelta(days), end, usv
    ),
    st.integers(1, 2),
    st.sampled_from(("PAS-HP10-PHO", "PAS-HP10-PHO", "PAS-HP10-NEU", "PAS-HP3")),
    st.sampled_from(
        tuple(date(year, month, day) for year in (2021, 2023, 2024) for month, day in ((11, 30), (12, 31)))
        + tuple(date(year, month, day) for year in (2022, 2024, 2025) for month, day in ((1, 31), (2, 28)))
    ),
    st.sampled_from((0, 30)),
    st.sampled_from((3_000, 3_001, 5_000, 7_500, 7_501, 9_999, 10_000, 10_001, 20_001)),
)
#: Above every limit of its quantity by itself.
ABOVE = Result(1, 1, "PAS-HP10-PHO", "POITRINE", date(2024, 12, 1), date(2024, 12, 31), 60_000)
RESULTS = st.one_of(CROWDED, CROWDED, results())
CONCLUDE = st.tuples(
    st.just("conclude"),
    st.integers(0, 50),
    st.sampled_from(("MAINTENUE", "MODIFIEE", "MODIFIEE", "ANNULEE")),
    st.sampled_from((0, 1, 5_000, 20_000, 20_001, 25_000)),
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), RESULTS),
        st.tuples(st.just("add"), RESULTS),
        st.tuples(st.just("correct"), st.integers(0, 50), RESULTS),
        st.tuples(st.just("annul"), st.integers(0, 50)),
        st.tuples(st.just("physician"), st.integers(0, 50), st.sampled_from((0, 3_000, 20_001))),
        st.tuples(st.just("merge"), st.integers(1, PEOPLE), st.integers(1, PEOPLE)),
        st.tuples(st.just("part")),
        st.tuples(st.just("look")),
        st.tuples(st.just("look")),
        CONCLUDE,
        CONCLUDE,
        st.tuples(st.just("notify")),
        st.tuples(st.just("silence"), st.sampled_from((1, 180, 181, 181))),
        st.tuples(st.just("wait"), st.sampled_from((1, 180, 181))),
        st.tuples(st.just("migrate"), st.sampled_from((date(2022, 1, 1), date(2024, 2, 29), date(2025, 1, 1)))),
    ),
    min_size=4,
    max_size=20,
)


class History:
    """Three fresh workers, written to as the corridor writes, and the same history in plain results."""

    def __init__(self, admin: Any, loader: Any) -> None:
        self.admin, self.loader = admin, loader
        places = admin.execute(
            "select establishment_id from reference.establishment where siret = any(%s) order by siret",
            ([SIRET, SIRET2],),
        ).fetchall()
        self.places = [one for (one,) in places]
        self.body, self.doctor = (
            admin.execute("select partner_id from ledger.partner where code = %s", (code,)).fetchone()[0]
            for code in ("LABO1", "DOCTEUR")
        )
        self.people: list[int] = []
        self.cases = Cases()
        self.today = TODAY
        self.adjusted: dict[str, int] = {}  # doses that conclusions put in the place of those sent, by measure
        self.held: dict[str, tuple[Result, int]] = {}  # measure and the worker it was sent for
        self.instead: dict[str, tuple[Result, int]] = {}  # a physician's, by the measure it stands in for
        self.alias: dict[int, int] = {}
        self.step(self._born)

    def step(self, write: Callable[[int], None]) -> None:
        with self.admin.transaction():
            number = self.admin.execute("select ledger.open_load('test', null)").fetchone()[0]
            write(number)
            self.admin.execute("select ledger.seal_load(%s)", (number,))

    def _born(self, load: int) -> None:
        for _ in range(PEOPLE):
            made = self.admin.execute(
                "insert into identity.worker (since_load) values (%s) returning worker_id", (load,)
            ).fetchone()
            self.people.append(made[0])
            self.admin.execute(
                "insert into identity.civil values (%s, 'X', 'X', 'X', 'X', %s, 'M', %s, null, 0, %s)",
                (made[0], date(2004, 2, 29), load, made[0]),
            )

    def person(self, worker: int) -> int:
        return self.alias.get(worker, worker)

    def insert(self, load: int, name: str, one: Result, worker: int, sender: int) -> None:
        table = {"ENGAGEE": "committed", "NAVIGANT": "aircrew"}.get(one.kind, "passive")
        self.admin.execute("select dose.ensure_partition(%s, %s)", (table, one.end.year))
        values: dict[str, Any] = {
            "value_usv": one.usv, "since_load": load, "worker_id": worker, "sender_id": sender, "submission_id": 0,
            "establishment_id": self.places[one.establishment - 1], "line": 0, "end_day": one.end,
            "year": one.end.year, "measure_id": name,
        }  # fmt: skip
        if table == "passive":
            values |= {
                "start_day": one.start, "quantity": KINDS.index(one.kind), "dosimeter": 0, "state": passive.MES,
                "location": passive.LOCATIONS.index(one.place),
            }  # fmt: skip
        if table == "committed":
            values |= {"physician": "", "nuclide": ""}
        columns, marks = ", ".join(values), ", ".join(["%s"] * len(values))
        self.admin.execute(f"insert into dose.{table} ({columns}) values ({marks})", list(values.values()))

    def close(self, load: int, name: str, code: str) -> None:
        for table in ("passive", "committed", "aircrew"):
            self.admin.execute(
                f"update dose.{table} set until_load = %s, until_code = %s, until_submission_id = 0, until_line = 0"
                " where measure_id = %s and worker_id = any(%s) and until_load is null",
                (load, code, name, self.people),
            )

    def add(self, one: Result) -> None:
        worker = self.people[one.person - 1]
        name = f"{worker}-{len(self.held)}-{len(self.instead)}"
        while name in self.held:
            name += "x"
        self.held[name] = (one, worker)
        self.step(lambda load: self.insert(load, name, one, worker, self.body))

    def chosen(self, at: int) -> str | None:
        names = sorted(self.held)
        return names[at % len(names)] if names else None

    def correct(self, at: int, one: Result) -> None:
        if (name := self.chosen(at)) is None or name in self.instead or name in self.adjusted:
            return
        worker = self.held[name][1]

        def write(load: int) -> None:
            self.close(load, name, "C")
            self.insert(load, name, one, worker, self.body)

        self.held[name] = (one, worker)
        self.step(write)

    def annul(self, at: int) -> None:
        if (name := self.chosen(at)) is None:
            return
        if name in self.instead:
            del self.instead[name]
            self.adjusted.pop(f"LABO1/{name}", None)
            self.step(lambda load: self.close(load, f"LABO1/{name}", "A"))
        else:
            del self.held[name]
            self.adjusted.pop(name, None)
            self.step(lambda load: self.close(load, name, "A"))

    def physician(self, at: int, usv: int) -> None:
        name = self.chosen(at)
        if name is None or name in self.instead or self.held[name][0].kind in ("ENGAGEE", "NAVIGANT"):
            return
        one, worker = self.held[name]
        mine = Result(one.person, one.establishment, one.kind, one.place, one.start, one.end, usv)
        self.instead[name] = (mine, worker)
        self.step(lambda load: self.insert(load, f"LABO1/{name}", mine, worker, self.doctor))

    def merge(self, one: int, other: int) -> None:
        worker, person = self.people[one - 1], self.people[other - 1]
        if worker == person or worker in self.alias or person in self.alias or worker in self.alias.values():
            return
        self.alias[worker] = person
        self.step(
            lambda load: self.admin.execute(
                "insert into identity.alias (worker_id, person_id, since_load, submission_id, line)"
                " values (%s, %s, %s, 0, 0)",
                (worker, person, load),
            )
        )

    def part(self) -> None:
        if not self.alias:
            return
        worker, _ = self.alias.popitem()
        self.step(
            lambda load: self.admin.execute(
                "update identity.alias set until_load = %s where worker_id = %s and until_load is null",
                (load, worker),
            )
        )

    def look(self) -> None:
        """A detection, after which the registry holds what the twin says."""
        detect(self.loader, self.today)
        self.cases.look(self.exceeding(), self.persons(), self.today)
        self.agree()

    def notify(self) -> None:
        """Whoever is to be told is told."""
        self.cases.notify(self.today)
        found = self.loader.execute(
            "select exceedance_id from exposure.state s join exposure.reckoning r using (exceedance_id)"
            " where s.until_load is null and r.until_load is null and state = 'DETECTE' and worker_id = any(%s)",
            (self.people,),
        ).fetchall()
        with load(self.loader, "test") as number:
            enter_states(self.loader.cursor(), number, [(one, "NOTIFIE") for (one,) in found], self.today)
        self.agree()

    def wait(self, days: int) -> None:
        self.today += timedelta(days)
        retain(self.loader, dataclasses.replace(SETTINGS, today=self.today))
        self.cases.retain(self.today, SETTINGS.conclusion_days)
        self.agree()

    def silence(self, days: int) -> None:
        """Everybody is told, and nobody answers."""
        self.look()
        self.notify()
        self.wait(days)

    def migrate(self, day: date) -> None:
        self.cases.legacy = day
        with load(self.loader, "test") as number:
            note_legacy_day(self.loader.cursor(), number, day)
        self.look()

    def unmigrate(self) -> None:
        if self.cases.legacy is not None:
            self.step(
                lambda number: self.admin.execute(
                    "update exposure.legacy set until_load = %s where until_load is null", (number,)
                )
            )
            detect(self.loader, self.today)

    def conclude(self, at: int, kind: str, usv: int) -> None:
        """A physician's word on one of the open exceedances; the doses that it changes are read back and judged."""
        self.look()
        standing = {case.said: case for case in self.cases.all if case.state in OPEN}
        if not standing:
            return
        told = sorted(standing, key=str)[at % len(standing)]
        before = self.life()
        with load(self.loader, "test") as number:
            cursor = self.loader.cursor()
            found = cases_of(cursor, self.numbers())
            (case,) = [one for one in found.values() if self.as_told(one.run) == told and one.state in OPEN]
            retained = usv if kind == "MODIFIEE" else None
            conclude(cursor, number, case, Conclusion(kind, retained, self.today, "", None, (0, 0)), self.today)
        self.adjusted |= dict(
            self.loader.execute(
                " union all ".join(
                    f"select measure_id, value_usv from dose.{table}"
                    " where since_load = %(load)s and adjusts is not null and until_load is null"
                    for table in ("passive", "committed", "aircrew")
                ),
                {"load": number},
            ).fetchall()
        )
        after = self.life()
        changed = [(one, other) for one, other in zip(before, after, strict=True) if one != other]
        now = window_sum(after, told)
        if kind == "MODIFIEE":
            flights = [other.usv for _, other in changed if other.kind == "NAVIGANT" and 0 < other.usv < 100]
            assert now == usv - sum(flights)
        else:
            assert all(kind == "ANNULEE" and other.usv == 0 and one.end == told.window_end for one, other in changed)
            left = [one for one in after if one.end == told.window_end and one.person == told.person]
            of_it = [one for one in left if quantity(one.kind) == case.window.limit.quantity]
            mine = [one for one in of_it if told.place in ("", one.place)]
            assert kind == "MAINTENUE" or not any(one.usv for one in mine)
        said = dataclasses.replace(told, usv=now)
        self.cases.conclude(standing[told], kind, said, self.exceeding(), self.today)
        self.agree()

    def persons(self) -> dict[int, int]:
        return {worker: self.person(worker) for worker in self.people}

    def life(self) -> list[Result]:
        """The results that count, in the order of their measures."""
        life = []
        for name in sorted(self.held):
            one, worker = self.instead.get(name, self.held[name])
            usv = self.adjusted.get(f"LABO1/{name}" if name in self.instead else name, one.usv)
            sent = dataclasses.replace(one, usv=usv)
            life.append(Result(self.person(worker), self.places[one.establishment - 1], *_rest(sent)))
        return life

    def exceeding(self) -> set[Exceedance]:
        return exceedances(self.life(), dict.fromkeys(self.people, date(2004, 2, 29)))

    def numbers(self) -> list[int]:
        rows = self.loader.execute(
            "select distinct exceedance_id from exposure.reckoning where worker_id = any(%s)", (self.people,)
        ).fetchall()
        return [number for (number,) in rows]

    def as_told(self, run: Run) -> Exceedance:
        place = passive.LOCATIONS[run.place] if run.place >= 0 else ""
        days = (run.first_day, run.last_day, run.window_start, run.window_end)
        return Exceedance(run.person, run.limit, place, *days, run.usv, run.establishment)

    def agree(self) -> None:
        rows = self.loader.execute(
            "select n.person_id, e.limit_code, e.place, r.first_day, r.last_day, r.window_start, r.window_end,"
            " r.value_usv, r.establishment_id, s.state from exposure.exceedance e"
            " join exposure.reckoning r using (exceedance_id)"
            " join exposure.state s using (exceedance_id) join identity.person n on r.worker_id = n.worker_id"
            " where r.until_load is null and s.until_load is null and r.worker_id = any(%s)",
            (self.people,),
        ).fetchall()
        held = Counter((self.as_told(Run(*run)), state) for *run, state in rows)
        assert held == Counter(self.cases.told(self.persons()))


def _rest(one: Result) -> tuple[str, str, date, date, int]:
    # A month of flights and a day of incorporation have no period of their own in the registry.
    start = one.start if one.kind in passive.TYPES else one.end - timedelta(0)
    return one.kind, one.place, start, one.end, one.usv


def test_detection_follows_every_history(registry: Any) -> None:
    assert (KINDS.index("ENGAGEE"), KINDS.index("NAVIGANT")) == (COMMITTED, AIRCREW)
    country(registry)
    registry.partner("DOCTEUR", "MDT")
    loader = registry.connection
    met: Counter[str] = Counter()
    with registry.registry.warehouse.admin() as admin:
        admin.commit()
        admin.autocommit = True

        @given(STEPS)
        @example([("add", ABOVE), ("conclude", 0, "ANNULEE", 0), ("look",)])  # too rare to be left to chance
        @settings(max_examples=400, deadline=None)
        def follow(steps: list[tuple[Any, ...]]) -> None:
            history = History(admin, loader)
            # The day of the migration is of the whole registry: it is set back at the end.
            try:
                for name, *told in steps:
                    getattr(history, name)(*told)
                history.look()
                met.update(history.cases.entered)
                assert differences(loader)[3] == 0
            finally:
                history.unmigrate()

        follow()
        assert set(met) == set(STATES)
        assert recompute(loader, TODAY).differences == 0
        states = loader.execute(
            "select count(*) from exposure.state s join exposure.state o using (exceedance_id)"
            " where s.since_load = o.until_load and s.state = o.state"
        ).fetchone()
        assert states == (0,)
