"""Gaps, overlaps and class B over made-up registries, against loops over plain rows."""

from __future__ import annotations

import os
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from senders import ESTABLISSEMENTS, SIRET, SIRET2, TRAVAILLEURS, file, row
from twin import exceedances
from twin.exceedances import Result

from loaders.bulk import copy_in
from pipelines import watch
from schemas.formats import passive

FIRST = date(2025, 1, 1)
TODAY = date(2026, 4, 10)
ROWS = st.lists(
    st.tuples(
        st.sampled_from([0, 1]),  # establishment
        st.sampled_from([0, 0, 1]),  # quantity
        st.sampled_from([0, 1]),  # place
        st.integers(0, 380),  # start
        st.sampled_from([1, 7, 28, 31]),  # length
        st.sampled_from([passive.MES, passive.MES, passive.INF, passive.ABS, passive.PER]),
        st.sampled_from([0, 1_000, 2_500, 6_001]),
    ),
    min_size=1,
    max_size=14,
)
Row = tuple[int, int, int, int, int, int, int]


def worn(one: Row) -> tuple[date, date]:
    start = FIRST + timedelta(one[3])
    return start, start + timedelta(one[4] - 1)


def dose_of(one: Row) -> int:
    return one[6] if one[5] == passive.MES else 0


def gaps(rows: list[Row]) -> set[tuple[date, date]]:
    found = set()
    for key in {(one[0], one[1]) for one in rows}:
        spans = sorted(worn(one) for one in rows if (one[0], one[1]) == key)
        for at in range(1, len(spans)):
            ended = max(end for _, end in spans[:at])
            start = spans[at][0]
            days = (start - ended).days - 1
            shorter = min((end - begin).days + 1 for begin, end in spans[at - 1 : at + 1])
            if days > 0 and 2 * days >= shorter:
                found.add((ended + timedelta(1), start - timedelta(1)))
    return found


def overlaps(rows: list[Row]) -> set[tuple[date, date]]:
    kept = [one for one in rows if one[5] != passive.ABS]
    found = set()
    for one in kept:
        for other in kept:
            start = max(worn(one)[0], worn(other)[0])
            end = min(worn(one)[1], worn(other)[1])
            if one[0] < other[0] and start <= end:
                found.add((start, end))
    return found


def above(rows: list[Row]) -> set[tuple[date, int]]:
    """The last day and the sum of the highest window on a day with a dose at the establishment of class B (0)."""
    results = exceedances.counted(
        [
            Result(1, one[0], passive.TYPES[one[1]], passive.LOCATIONS[one[2]], *worn(one), dose_of(one))
            for one in rows
            if one[5] in (passive.MES, passive.INF)
        ]
    )
    best: tuple[int, date] | None = None
    for one in sorted(rows, key=worn):
        day = worn(one)[1]
        total = sum(other.usv for other in results if exceedances.year_before(day) < other.end <= day)
        judged = one[0] == 0 and dose_of(one) > 0 and total > 6_000
        if judged and (best is None or (-total, day) < (-best[0], best[1])):
            best = total, day
    return {(best[1], best[0])} if best else set()


def fill(cursor: Any, rows: list[Row]) -> None:
    sites = dict(cursor.execute("select siret, establishment_id from reference.establishment").fetchall())
    (worker,) = cursor.execute("select min(worker_id) from identity.worker").fetchone()
    (sender,) = cursor.execute("select partner_id from ledger.partner where code = 'ASNR'").fetchone()
    for year in (2025, 2026):
        cursor.execute("select dose.ensure_partition('passive', %s)", (year,))
    count = len(rows)
    columns = {
        "value_usv": pa.array([one[6] if one[5] == passive.MES else None for one in rows], pa.int64()),
        "since_load": pa.array(np.ones(count, np.int32)),
        "worker_id": pa.array([worker] * count),
        "establishment_id": pa.array([sites[(SIRET, SIRET2)[one[0]]] for one in rows]),
        "sender_id": pa.array([sender] * count),
        "submission_id": pa.array(np.ones(count, np.int32)),
        "line": pa.array(np.arange(count)),
        "start_day": pa.array([worn(one)[0] for one in rows]),
        "end_day": pa.array([worn(one)[1] for one in rows]),
        "year": pa.array([worn(one)[1].year for one in rows]),
        "quantity": pa.array([one[1] for one in rows]),
        "location": pa.array([one[2] for one in rows]),
        "dosimeter": pa.array(np.zeros(count, np.int32)),
        "state": pa.array([one[5] for one in rows]),
        "measure_id": pa.array([f"P{at}" for at in range(count)]),
    }
    table = pa.table(columns)
    for year in (2025, 2026):
        copy_in(cursor, f"dose.passive_{year}", table.filter(pc.equal(table["year"], year)))


def test_what_is_found_is_what_loops_find(registry: Any) -> None:
    registry.partner("ASNR", "GESTIONNAIRE")
    registry.drop("ASNR", "a.csv", file(ESTABLISSEMENTS, row(ESTABLISSEMENTS), row(ESTABLISSEMENTS, siret=SIRET2)))
    attached = row(TRAVAILLEURS), row(TRAVAILLEURS, SIRET=SIRET2, CLASSEMENT="A")
    registry.drop("ASNR", "b.csv", file(TRAVAILLEURS, *attached))
    registry.run()

    @settings(
        max_examples=80,
        deadline=None,
        derandomize="HYPOTHESIS_EXPLORE" not in os.environ,
        suppress_health_check=list(HealthCheck),
    )
    @given(ROWS)
    def law(rows: list[Row]) -> None:
        with registry.connection.transaction(force_rollback=True):
            fill(registry.connection.cursor(), rows)

            def found(control: str) -> list[dict[str, Any]]:
                wanted = watch.asked(control, TODAY)
                return watch.findings(registry.connection, registry.registry.key, wanted, most=None).rows

            def spans(control: str) -> set[tuple[date, date]]:
                days = ((one["debut"], one["fin"]) for one in found(control))
                return {(date.fromisoformat(start), date.fromisoformat(end)) for start, end in days}

            assert spans("periode-manquante") == gaps(rows)
            assert spans("deux-lieux") == overlaps(rows)
            told = {(date.fromisoformat(one["fin"]), one["valeur_msv"]) for one in found("categorie-b")}
            assert told == {(day, f"{usv / 1000:.3f}") for day, usv in above(rows)}

    law()
