"""Histories of a registry: measures come, are corrected, annulled, set aside, persons merge and part, in any order.

After every step, what a detection of the touched persons leaves is what the slow recomputation says of the history.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from property.test_windows import results
from senders import SIRET, SIRET2, country
from twin.exceedances import Exceedance, Result, exceedances
from working_lives import KINDS

from pipelines.exceedances import detect, recompute
from pipelines.windows import AIRCREW, COMMITTED
from schemas.formats import passive

TODAY = date(2026, 4, 10)
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
RESULTS = st.one_of(CROWDED, CROWDED, results())
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
    ),
    min_size=1,
    max_size=14,
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
        if (name := self.chosen(at)) is None or name in self.instead:
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
            self.step(lambda load: self.close(load, f"LABO1/{name}", "A"))
        else:
            del self.held[name]
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

    def expected(self) -> set[Exceedance]:
        life = [
            Result(self.person(worker), self.places[one.establishment - 1], *_rest(one))
            for one, worker in (self.instead.get(name, held) for name, held in self.held.items())
        ]
        return exceedances(life, dict.fromkeys(self.people, date(2004, 2, 29)))

    def found(self) -> set[Exceedance]:
        rows = self.loader.execute(
            "select n.person_id, e.limit_code, e.place, r.first_day, r.last_day, r.window_start, r.window_end,"
            " r.value_usv, r.establishment_id from exposure.exceedance e"
            " join exposure.reckoning r using (exceedance_id)"
            " join exposure.state s using (exceedance_id) join identity.person n on r.worker_id = n.worker_id"
            " where r.until_load is null and s.until_load is null and s.state = 'DETECTE' and r.worker_id = any(%s)",
            (self.people,),
        ).fetchall()
        told = {
            Exceedance(person, limit, passive.LOCATIONS[place] if place >= 0 else "", *days, usv, site)
            for person, limit, place, *days, usv, site in rows
        }
        assert len(told) == len(rows)
        return told


def _rest(one: Result) -> tuple[str, str, date, date, int]:
    # A month of flights and a day of incorporation have no period of their own in the registry.
    start = one.start if one.kind in passive.TYPES else one.end - timedelta(0)
    return one.kind, one.place, start, one.end, one.usv


def test_detection_follows_every_history(registry: Any) -> None:
    assert (KINDS.index("ENGAGEE"), KINDS.index("NAVIGANT")) == (COMMITTED, AIRCREW)
    country(registry)
    registry.partner("DOCTEUR", "MDT")
    loader = registry.connection
    met = 0
    with registry.registry.warehouse.admin() as admin:
        admin.commit()
        admin.autocommit = True

        @given(STEPS)
        @settings(max_examples=120, deadline=None)
        def follow(steps: list[tuple[Any, ...]]) -> None:
            nonlocal met
            history = History(admin, loader)
            for name, *told in steps:
                if name == "look":
                    detect(loader, TODAY)
                    assert history.found() == history.expected()
                else:
                    getattr(history, name)(*told)
            detect(loader, TODAY)
            assert history.found() == history.expected()
            met += bool(history.found())

        follow()
        assert met > 5
        assert recompute(loader, TODAY).differences == 0
        states = loader.execute(
            "select count(*) from exposure.state s join exposure.state o using (exceedance_id)"
            " where s.since_load = o.until_load and s.state = o.state"
        ).fetchone()
        assert states == (0,)
