"""Registry time: a figure as of T is the same for ever, even while a load is under way at T."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import psycopg
import pytest
from refusals import refused

from loaders.errors import WarehouseRefused
from loaders.warehouse import load

DOSE = (
    "insert into dose.passive_2026 (value_usv, since_load, worker_id, establishment_id, sender_id, submission_id, line,"
    " start_day, end_day, year, quantity, location, dosimeter, state, measure_id)"
    " values (%s, %s, 1, 1, 1, 1, %s, '2026-01-01', '2026-01-31', 2026, 0, 0, 0, 0, %s)"
)


def figure(connection, hour):
    number = connection.execute("select ledger.as_of(%s)", (hour,)).fetchone()[0]
    return connection.execute(
        "select count(*), sum(value_usv) from dose.passive"
        " where since_load <= %s and (until_load is null or until_load > %s)",
        (number, number),
    ).fetchone()


def add(connection, number, line):
    connection.execute("select dose.ensure_partition('passive', 2026)")
    connection.execute(DOSE, (100, number, line, f"M{line}"))


def test_a_figure_printed_during_a_load_stays_what_it_was(registry):
    with load(registry.connection, "one") as number:
        add(registry.connection, number, 1)
    with registry.registry.warehouse.loader() as reader:
        with load(registry.connection, "two") as number:
            add(registry.connection, number, 2)
            hour = datetime.now(UTC)
            before = figure(reader, hour)
            assert before == (1, 100)
        assert figure(reader, hour) == before
        assert figure(reader, datetime.now(UTC)) == (2, 200)


def test_a_reader_waits_for_a_load_that_carries_an_hour_already(registry):
    """Sealed but not committed: as_of() answers only when it is known whether the load stands."""
    answers = []
    writer = registry.connection
    with registry.registry.warehouse.loader() as reader:
        with writer.transaction():
            number = writer.execute("select ledger.open_load('slow', null)").fetchone()[0]
            add(writer, number, 1)
            writer.execute("select ledger.seal_load(%s)", (number,))
            hour = datetime.now(UTC)
            thread = threading.Thread(target=lambda: answers.append(figure(reader, hour)))
            thread.start()
            thread.join(0.5)
            assert not answers, "the reader answered while a load before T was on its way"
        thread.join(10)
        assert answers == [(1, 100)]
        assert figure(reader, hour) == (1, 100)


def test_loads_carry_rising_hours_in_the_order_of_their_numbers(registry):
    for name in ("one", "two", "three"):
        with load(registry.connection, name):
            pass
    hours = registry.connection.execute("select recorded_at from ledger.load order by load_id").fetchall()
    assert hours == sorted(hours)
    assert len({hour for (hour,) in hours}) == 3


def test_a_load_that_is_not_sealed_cannot_be_committed(registry):
    with refused(psycopg.errors.RaiseException, "not sealed"), registry.connection.transaction():
        registry.connection.execute("select ledger.open_load('forgotten', null)")


def test_books_that_do_not_close_cannot_be_committed(registry):
    registry.partner("LABO1", "OA")
    registry.drop("LABO1", "x.csv", b"a;b\n1;2\n")
    registry.run()
    book = (
        "insert into ledger.book (submission_id, quantity, since_load, rows_received, rows_integrated, rows_waiting,"
        " rows_rejected, rows_duplicate, usv_received, usv_integrated, usv_waiting, usv_rejected, usv_duplicate)"
        " values (1, 'PAS-HP10-PHO', %s, 2, %s, 0, %s, 0, 0, 0, 0, 0, 0)"
    )
    with (
        pytest.raises(WarehouseRefused, match="CheckViolation"),
        load(registry.connection, "sum") as number,
    ):
        registry.connection.execute(book, (number, 1, 0))
    refused = pytest.raises(WarehouseRefused, match="RaiseException")
    with refused, load(registry.connection, "entry") as number:
        registry.connection.execute(book, (number, 1, 1))


def test_time_to_come_is_refused(registry):
    with pytest.raises(psycopg.errors.RaiseException):
        registry.connection.execute("select ledger.as_of(now() + interval '1 day')")
