"""Two threads beside one: what is made ahead, what is put away behind, and what becomes of a failure."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from pipelines.ahead import Behind, ahead


class Lost(Exception):
    pass


def test_items_come_in_order_and_a_failure_where_its_item_would_have_come() -> None:
    def items() -> Iterator[int]:
        yield from range(5)
        raise Lost

    with closing(ahead(items())) as coming:
        assert [next(coming) for _ in range(5)] == list(range(5))
        with pytest.raises(Lost):
            next(coming)


def test_leaving_early_ends_the_source() -> None:
    made: list[int] = []
    with closing(ahead(made.append(at) or at for at in range(1000))) as coming:  # type: ignore[func-returns-value]
        assert next(coming) == 0
    assert len(made) <= 4
    assert not [one for one in threading.enumerate() if one.name == "ahead"]


def test_work_behind_is_done_one_after_the_other_while_its_user_goes_on() -> None:
    done: list[str] = []
    goes_on = threading.Event()

    def first() -> None:
        assert goes_on.wait(10)
        done.append("first")

    with Behind() as behind:
        behind.do(first)
        assert done == []
        goes_on.set()
        behind.do(lambda: done.append("second"))
        assert done[0] == "first"
        behind.wait()
        assert done == ["first", "second"]
        behind.do(lambda: done.append("third"))
    assert done == ["first", "second", "third"]


def fail() -> None:
    raise Lost


def test_a_failure_behind_is_raised_where_it_is_waited_for() -> None:
    with Behind() as behind:
        behind.do(fail)
        with pytest.raises(Lost):
            behind.wait()
        behind.wait()  # it is told once


def test_no_further_work_begins_after_a_failure() -> None:
    begun: list[str] = []
    with Behind() as behind:
        behind.do(fail)
        with pytest.raises(Lost):
            behind.do(lambda: begun.append("more"))
    assert begun == []


def lose() -> None:
    with Behind() as behind:
        behind.do(fail)
        raise RuntimeError("the transaction is lost")


def test_a_failure_behind_comes_before_its_consequence() -> None:
    with pytest.raises(Lost):
        lose()
