"""Random passive results of an old registry: the bulk engine ends every row as the twin does, and can be taken back."""

from __future__ import annotations

import tempfile
from datetime import date
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from legacy_world import DAY, NIRS, SIRETS, bodies, figures, part, passive, place, worker
from twin.legacy import LegacyTwin

from pipelines.legacy import decide
from pipelines.legacy.run import migrate

_WORKERS = {1: ("P", ""), 2: ("Q", ""), 3: ("", "ANONYME"), 4: ("P", "")}
_ENDS = (date(2019, 12, 31), date(2020, 1, 31), date(2022, 1, 31), date(2026, 3, 31), date(2026, 5, 31))


@st.composite
def results(draw: st.DrawFn) -> dict[str, Any]:
    """A result out of few values, so that keys meet, some of them wrong."""
    end = draw(st.sampled_from(_ENDS))
    start = draw(st.sampled_from((date(end.year, end.month, 1), date(end.year, end.month, 15), date(2026, 4, 1))))
    state = draw(st.sampled_from(("MES", "MES", "MES", "INF", "ABS", "", "???")))
    return passive(
        draw(st.sampled_from((1, 1, 2, 3, 4, 9))),
        draw(st.sampled_from((SIRETS[0], SIRETS[0], SIRETS[1], ""))),
        draw(st.sampled_from(("M1", "M1", "M2", ""))),
        ORGANISME=draw(st.sampled_from(("LABO1", "LABO1", "LABO2", "LABO9"))),
        TYPE_MESURE=draw(st.sampled_from(("PAS-HP10-PHO", "PAS-HP10-NEU", "PAS-RIEN"))),
        DATE_DEBUT_PORT=start,
        DATE_FIN_PORT=end,
        ETAT_RESULTAT=state,
        VALEUR_USV=draw(st.sampled_from((100, 100, 0, -50, 600_000, None))),
    )


def _fits(row: dict[str, Any]) -> bool:
    # A wear of more than three months is another rule (MET-03), that the twin does not have.
    return (row["DATE_FIN_PORT"] - row["DATE_DEBUT_PORT"]).days < 90


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(results().filter(_fits), min_size=1, max_size=12), min_size=1, max_size=3))
def test_every_row_ends_as_the_twin_says(registry: Any, parts: list[list[dict[str, Any]]]) -> None:
    if not registry.connection.execute("select 1 from ledger.partner where code = 'LABO1'").fetchone():
        bodies(registry)
    twin = LegacyTwin(DAY, _WORKERS, frozenset({SIRETS[0]}), frozenset({"LABO1", "LABO2"}))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        people = [worker(1, NIRS[0]), worker(2, NIRS[1]), worker(3, NIRS[2], NOM="ANONYME"), worker(4, NIRS[0])]
        part(folder, "etablissements", place(SIRETS[0]))
        part(folder, "travailleurs", *people)
        # The establishment is taken over for its doses: one that is always there, under a key of its own.
        part(folder, "externes", passive(1, SIRETS[0], "TOUJOURS"), name="0")
        expected: dict[tuple[str, str, str], int] = {("externes", "REPRIS", ""): 1}
        for at, rows in enumerate(parts, start=1):
            part(folder, "externes", *rows, name=str(at))
            for outcome, cause in twin.take(rows):
                expected["externes", outcome, cause] = expected.get(("externes", outcome, cause), 0) + 1
        migrate(registry.registry, folder)
    found = {name: rows for name, rows in figures(registry).items() if name[0] == "externes"}
    decide.undo(registry.registry, "ana")
    assert found == expected
    after = registry.state()
    assert [dose for dose in after["doses"] if dose[4] != "U"] == []
    assert after["civil"] == after["status"] == []
