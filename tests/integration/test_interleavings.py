"""Two commands at once, each stopped at a named point while the other goes on: the end is that of one after the other.

What is drawn is where each stops. What it is held against is a sequential run, in either order.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Blocked

import psycopg
import pytest
from crash_end import End, what_holds
from crash_world import Step, World
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nursery import End as Exit
from nursery import Nursery

from loaders.services import running
from loaders.settings import Settings

DAY = "2026-04-02"
#: How long a command may take before it is held to wait for the other one's lock.
PATIENCE = 1.0
LIMIT = 180.0
#: Orders drawn for each pair; a search draws many more.
ORDERS = 2


class Two:
    """A world and a second parent of processes, so that two commands are under way at once."""

    def __init__(self, world: World, other: Nursery) -> None:
        self.world, self.other = world, other
        self._told: dict[tuple[str, str], tuple[End, dict[str, tuple[str, ...]]]] = {}
        first = world.plan()[0]
        labs = tuple(one for one in first.drops if one[0] != "EMPL")
        self.steps = {
            "files": Step(DAY, ("run",), labs),
            "the same files": Step(DAY, ("run",), labs),
            "released": Step(DAY, ("run",), tuple(one for one in first.drops if one[0] == "EMPL")),
            "decided": next(one for one in world.plan() if one.words[:2] == ("queue", "decide")),
            "old registry": Step(DAY, ("migrate", str(world.legacy), "--json")),
            "unusual": Step(DAY, ("unusual", "evaluate")),
            "detected": Step(DAY, ("exceedances", "detect")),
        }

    def begin(self, *names: str) -> None:
        self.world.restore()
        dropped = []
        for name in names:
            step = self.steps[name]
            new = tuple(one for one in step.drops if one not in dropped)
            dropped += new
            self.world.drop(Step(step.day, step.words, new))

    def held(self) -> End:
        """What holds after one more pass, all invariants with it."""
        self.world.run(DAY, "run")
        self.world.run(DAY, "verify")
        with psycopg.connect(self.world.url()) as connection:
            return what_holds(connection, self.world.home)

    def one_after_the_other(self, names: tuple[str, str]) -> tuple[End, dict[str, tuple[str, ...]]]:
        """What holds at the end, and the points that each passed."""
        if names not in self._told:
            self.begin(*names)
            passed = {}
            for name in names:
                done = self.world.command(self.steps[name], trace=True)
                assert done.status == 0, (name, done.status, done.err[-2000:])
                passed[name] = done.passed
            self._told[names] = self.held(), passed
        return self._told[names]

    def at_once(self, names: tuple[str, str], stops: tuple[str, str]) -> End:
        """The first to its stop, the second to its own; then each goes on, the first before.

        Who waits for the other's lock is left waiting while the other goes on.
        """
        self.begin(*names)
        parents = (self.world.nursery, self.other)
        with ThreadPoolExecutor(2) as pool:
            under_way: list[Future[Exit]] = []
            for name, parent, stop in zip(names, parents, stops, strict=True):
                env = self.world.environment(DAY, SISERI_CRASH=f"{stop}:STOP" if stop else "")
                under_way.append(pool.submit(parent.run, env, *self.world.told(self.steps[name])))
                _waited(under_way[-1])
            limit = time.monotonic() + LIMIT
            while not all(one.done() and one.result().stopped is None for one in under_way):
                for at, one in enumerate(under_way):
                    if one.done() and one.result().stopped is not None:
                        under_way[at] = pool.submit(parents[at].go_on)
                    _waited(under_way[at])
                assert time.monotonic() < limit, "both wait"
        for name, one in zip(names, under_way, strict=True):
            done = one.result()
            assert done.status == 0, (name, done.status, done.err[-2000:])
        return self.held()


def _waited(one: Future[Exit]) -> None:
    try:
        one.result(timeout=PATIENCE)
    except Blocked:
        return


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    folder = tmp_path_factory.mktemp("two")
    told = Settings.load({"SISERI_HOME": str(folder / "home")})
    with running(told), Nursery(folder / "first") as nursery, Nursery(folder / "second") as other:
        yield Two(World(told, nursery, folder), other)


#: Pairs that meet on the same rows: one file by two passes, release while files come, a decision during release, the
#: old registry during the day's files, a learning of what is usual during both.
PAIRS = (
    ("files", "the same files"),
    ("files", "released"),
    ("released", "decided"),
    ("old registry", "files"),
    ("old registry", "released"),
    ("unusual", "files"),
    ("detected", "files"),
)


@pytest.mark.slow
@pytest.mark.parametrize("names", PAIRS, ids=" and ".join)
@settings(max_examples=ORDERS, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_two_at_once_end_as_one_after_the_other(two: Two, names: tuple[str, str], data: st.DataObject) -> None:
    names = data.draw(st.sampled_from((names, names[::-1])))
    here, passed = two.one_after_the_other(names)
    there, turned = two.one_after_the_other(names[::-1])
    stops = []
    for name, points in ((names[0], passed), (names[1], turned)):
        at = data.draw(st.integers(0, len(points[name])))
        point = points[name][at : at + 1]
        stops.append(f"{point[0]}:{1 + points[name][:at].count(point[0])}" if point else "")
    end = two.at_once(names, (stops[0], stops[1]))
    assert [] in (end.differences(here), end.differences(there)), stops
