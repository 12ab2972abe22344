"""Any careers: what an adviser and a control agent are shown is what the contract says of the external results, and
does not depend on internal doses but for the word that there are some."""

from __future__ import annotations

import itertools
import json
from datetime import date, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from property.test_exceedance_histories import PEOPLE, RESULTS, TODAY, History
from property.test_windows import results
from senders import DESIGNATIONS, SIRET, country, file, row
from twin.exceedances import Result, counted, quantity, year_before

from bench.data import nir
from pipelines import audit
from pipelines.exceedances import detect
from pipelines.principals import Principal
from pipelines.statement import statement
from schemas.formats import passive

CONTRACTS = ((date(1990, 1, 1), None), (date(2018, 7, 1), date(2025, 12, 31)), (date(2026, 1, 1), None))
FAR = date(9000, 1, 1)
ADVISER, AGENT = Principal("CRP", "P1"), Principal("AGENT", "I1")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), RESULTS),
        st.tuples(st.just("add"), results()),
        st.tuples(st.just("add"), results()),
        st.tuples(st.just("physician"), st.integers(0, 50), st.sampled_from((0, 3_000, 20_001))),
        st.tuples(st.just("merge"), st.integers(1, PEOPLE), st.integers(1, PEOPLE)),
    ),
    min_size=3,
    max_size=14,
)
#: Committed doses: amounts that nothing else adds up to.
INTAKES = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 4000), st.sampled_from((7_777_001, 9_999_003, 8_123_457))),
    min_size=1,
    max_size=3,
)
_numbers = itertools.count(1)


class Careers(History):
    """Workers with a number of their own and a contract at the first establishment."""

    def __init__(self, admin: Any, loader: Any, key: Any) -> None:
        self.key = key
        self.nirs: dict[int, str] = {}
        super().__init__(admin, loader)

    def _born(self, load: int) -> None:
        super()._born(load)
        for worker, (start, end) in zip(self.people, CONTRACTS, strict=True):
            self.nirs[worker] = nir(next(_numbers))
            self.admin.execute(
                "insert into identity.identifier values (%s, %s, 'NIR', %s, %s, null)",
                (self.key.fingerprint(self.nirs[worker]), worker, self.key.seal(self.nirs[worker].encode()), load),
            )
            made = self.admin.execute(
                "insert into reference.attachment (worker_id, establishment_id, since_load) values (%s, %s, %s)"
                " returning attachment_id",
                (worker, self.places[0], load),
            ).fetchone()
            self.admin.execute(
                "insert into reference.attachment_period values (%s, 1, %s, %s, %s, null, 0, %s)",
                (made[0], start, end, load, worker),
            )

    def life(self, person: int) -> list[Result]:
        """What holds of a person, one result at a time."""
        return [
            Result(person, one.establishment, one.kind, one.place, _start(one), one.end, one.usv)
            for one, worker in (self.instead.get(name, held) for name, held in self.held.items())
            if self.person(worker) == person
        ]

    def contracts(self, person: int) -> list[tuple[date, date]]:
        """Of a person, those that touch made one."""
        spans = sorted(
            (start, end or FAR)
            for worker, (start, end) in zip(self.people, CONTRACTS, strict=True)
            if self.person(worker) == person
        )
        joined: list[tuple[date, date]] = []
        for start, end in spans:
            if joined and start <= joined[-1][1] + timedelta(1):
                joined[-1] = (joined[-1][0], max(joined[-1][1], end))
            else:
                joined.append((start, end))
        return joined


def _start(one: Result) -> date:
    if one.kind == "NAVIGANT":
        return one.end.replace(day=1)
    return one.start if one.kind in passive.TYPES else one.end


def summed(ones: list[Result]) -> dict[tuple[str, str | None], str]:
    """Sums by limited quantity and place, in mSv."""
    found: dict[tuple[str, str | None], int] = {}
    for one in ones:
        what = quantity(one.kind)
        at = (what, one.place if what in ("PEAU", "EXTREMITES") else None)
        found[at] = found.get(at, 0) + one.usv
    return {at: f"{usv // 1000}.{usv % 1000:03d}" for at, usv in found.items()}


def shown(listed: list[dict[str, Any]]) -> dict[tuple[str, str | None], str]:
    return {(one["grandeur"], one["localisation"]): one["somme_msv"] for one in listed if one["resultats"]}


def without_words(document: dict[str, Any]) -> str:
    """A document without what sums are called, and without exceedances, which tell by contract that there are some."""
    sums = [one | {"nature": ""} for one in (*document["sommes"], *document["sommes_contrats"])]
    return json.dumps(document | {"sommes": sums, "sommes_contrats": [], "depassements": []})


def test_external_sums_and_nothing_internal(registry: Any) -> None:
    country(registry)
    registry.partner("DOCTEUR", "MDT")
    registry.drop("ASNR", "crp.csv", file(DESIGNATIONS, row(DESIGNATIONS, ROLE="CRP", IDENTIFIANT="P1", SIRET=SIRET)))
    registry.run()
    place = registry.registry
    flagged = exceeded = 0

    def ask(who: Principal, number: str, months: int | None = None) -> dict[str, Any]:
        more = {"today": TODAY, "months": months, "who": "essai", "door": audit.COMMAND}
        return statement(place.warehouse, place.key, who, number, **more)

    with place.warehouse.admin() as admin:
        admin.commit()
        admin.autocommit = True

        @given(STEPS, INTAKES)
        @settings(max_examples=30, deadline=None)
        def judge(steps: list[tuple[Any, ...]], intakes: list[tuple[int, int, int]]) -> None:
            nonlocal flagged, exceeded
            careers = Careers(admin, registry.connection, place.key)
            for name, *told in steps:
                getattr(careers, name)(*told)
            person = careers.person(careers.people[0])
            number = careers.nirs[careers.people[0]]
            asked = [(who, months) for who in (ADVISER, AGENT) for months in (None, 2, 40)]
            before = [without_words(ask(who, number, months)) for who, months in asked]
            for site, back, usv in intakes:
                day = TODAY - timedelta(back)
                careers.add(Result(1, 1 + site, "ENGAGEE", "", day, day, usv))
            detect(registry.connection, TODAY)
            after = [ask(who, number, months) for who, months in asked]
            assert [without_words(one) for one in after] == before
            text = json.dumps(after)
            assert not [usv for _, _, usv in intakes if f"{usv // 1000}.{usv % 1000:03d}" in text]

            life = careers.life(person)
            external = [one for one in counted(life) if one.kind != "ENGAGEE"]
            inside = [one for one in life if one.kind == "ENGAGEE"]
            adviser, agent = after[0], after[3]
            for start, end in careers.contracts(person):
                mine = [one for one in external if one.establishment == 1 and _start(one) <= end and one.end >= start]
                listed = [one for one in adviser["sommes_contrats"] if one["debut"] == start.isoformat()]
                assert shown(listed) == summed(mine)
                held = any(one.establishment == 1 and start <= one.end <= end for one in inside)
                for one in listed:
                    if one["grandeur"] == "EFFICACE":
                        assert one["nature"] == ("EXTERNE" if held else "EFFICACE")
                        flagged += held
            for document, ones, kept in (
                (agent, external, inside),
                (
                    adviser,
                    [one for one in external if one.establishment == 1 and _within(careers, person, one)],
                    [one for one in inside if one.establishment == 1 and _within(careers, person, one)],
                ),
            ):
                year = [one for one in document["sommes"] if one["periode"] == "12_MOIS"]
                ago = year_before(TODAY)
                recent = [one for one in ones if ago < one.end <= TODAY]
                assert shown([one for one in year if one["grandeur"] == "EFFICACE"]) == {
                    at: told for at, told in summed(recent).items() if at[0] == "EFFICACE"
                }
                held = any(ago < one.end <= TODAY for one in kept)
                assert {one["nature"] for one in year if one["grandeur"] == "EFFICACE"} == {
                    "EXTERNE" if held else "EFFICACE"
                }
                for one in document["depassements"]:
                    window = [
                        each
                        for each in external
                        if quantity(each.kind) == one["grandeur"]
                        and (one["localisation"] in (None, each.place))
                        and date.fromisoformat(one["debut"]) <= each.end <= date.fromisoformat(one["fin"])
                    ]
                    told = next(iter(summed(window).values()), "0.000")
                    assert one["valeur_msv"] == told
                    exceeded += 1

        judge()
        assert flagged > 5
        assert exceeded > 5


def _within(careers: Careers, person: int, one: Result) -> bool:
    return any(_start(one) <= end and one.end >= start for start, end in careers.contracts(person))
