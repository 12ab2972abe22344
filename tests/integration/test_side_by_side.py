"""Files of many chunks: written while they are still read, and undone where their end shows a fault of the whole."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from senders import NIR, NIR2, PASSIVE, SIRET, SIRET2, TRAVAILLEURS, UNKNOWN, country, dose, file, row

from loaders.warehouse import load
from pipelines import lookup, read
from pipelines.references import Intervals, References, Sender
from schemas.identifiers import key_of

ROWS = 60


@pytest.fixture
def land(registry: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(read, "BLOCK", 1000)
    return country(registry)


def contents(registry: Any) -> list[int]:
    tables = (
        *("dose.passive", "ledger.row_entry", "queue.entry", "ledger.book"),
        "ledger.load where kind = 'integrate'",
    )
    with registry.registry.warehouse.admin() as admin:
        return [admin.execute(f"select count(*) from {name}").fetchone()[0] for name in tables]


@pytest.mark.parametrize(
    ("body", "marker", "code"),
    [
        (file(PASSIVE, *(dose(f"M{at}") for at in range(ROWS))), f"LIGNES={ROWS + 1}", "FIC-08"),
        (file(PASSIVE, *(dose(f"M{at}") for at in range(ROWS))) + b'"', None, "FIC-09"),
    ],
    ids=["totals", "open quote"],
)
def test_a_fault_at_the_end_leaves_nothing(land: Any, body: bytes, marker: str | None, code: str) -> None:
    before = contents(land)
    land.drop("LABO1", "f.csv", body, marker)
    land.run()
    assert land.report("LABO1", "f.csv")["codes"] == {code: 1}
    assert contents(land) == before
    land.drop("LABO1", "g.csv", file(PASSIVE, *(dose(f"M{at}") for at in range(ROWS))), f"LIGNES={ROWS}")
    land.run()
    assert land.report("LABO1", "g.csv")["statut"] == "INTEGRE"
    land.verify()


def test_rows_of_far_chunks_meet(land: Any) -> None:
    many = [dose(f"M{at}") for at in range(ROWS)]
    waits = [dose(f"W{at}", SIRET=UNKNOWN) for at in range(ROWS)]
    late = [
        dose("M1"),
        dose("M2", "3"),
        dose("M3", "0.4", CODE_METROLOGIE="C"),
        dose("M4", CODE_METROLOGIE="A"),
        dose("W5", "0.4", CODE_METROLOGIE="C"),
        dose("W6", CODE_METROLOGIE="A", SIRET=UNKNOWN),
    ]
    land.drop("LABO1", "f.csv", file(PASSIVE, *many, *waits, *late))
    land.run()
    told = [outcome for outcome, _ in land.rows("LABO1", "f.csv")]
    assert told[:ROWS] == ["INTEGRE"] * ROWS
    gone = {5, 6}
    assert told[ROWS : 2 * ROWS] == ["REJETE" if at in gone else "EN_ATTENTE" for at in range(ROWS)]
    assert told[2 * ROWS :] == ["DOUBLON", "REJETE", "INTEGRE", "INTEGRE", "INTEGRE", "INTEGRE"]
    land.verify()


def _facts(intervals: Intervals, owner: int) -> list[tuple[int, ...]]:
    first, count = int(intervals.first[owner]), int(intervals.count[owner])
    columns = (intervals.start, intervals.end, intervals.what)
    return [tuple(int(column[at]) for column in columns) for at in range(first, first + count)]


def _known(found: References) -> dict[str, Any]:
    people = zip(found.nirs.to_pylist(), found.fingerprints, found.worker.tolist(), strict=True)
    names = zip(found.last_name.to_pylist(), found.first_name.to_pylist(), strict=True)
    places = zip(found.sirets.to_pylist(), found.establishment.tolist(), found.closed_from.tolist(), strict=True)
    own = (found.designated, found.operators, found.delegated)
    sirets = found.sirets.to_pylist()
    return {
        "people": {nir: (*rest, *name) for (nir, *rest), name in zip(people, names, strict=True)},
        "places": {siret: (*rest, *(_facts(one, at) for one in own)) for at, (siret, *rest) in enumerate(places)},
        "attached": {
            pair: (_facts(found.periods, at), _facts(found.statuses, at))
            for at, pair in enumerate(found.pairs.tolist())
        },
        "physicians": {(sirets[at], rpps): spans for (at, rpps), spans in found.physicians.items()},
        "merged": found.merged,
    }


def test_what_is_asked_in_parts_is_what_is_asked_at_once(land: Any) -> None:
    other = {"NIR": NIR2, "CLE": key_of(NIR2), "NOM": "NGUYEN", "SEXE": "F", "DATENAISSANCE": "14/05/1984"}
    land.drop(
        "EMPL",
        "more.csv",
        file(
            TRAVAILLEURS,
            row(TRAVAILLEURS, SIRET=SIRET2, DATEDEBUT="01/02/2020", CLASSEMENT="NR"),
            row(TRAVAILLEURS, **other),
            row(TRAVAILLEURS, **other | {"SIRET": SIRET2, "CLASSEMENT": "A"}),
        ),
    )
    land.run()
    people = [NIR, NIR2, "1850675110099"]
    with land.registry.warehouse.admin() as admin:  # two numbers, one person
        numbers = [
            n for (n,) in admin.execute("select worker_id from identity.identifier order by worker_id").fetchall()
        ]
        merged = dict(zip(("person", "other"), numbers, strict=True))
        admin.execute(
            "insert into identity.alias (worker_id, person_id, since_load, submission_id, line)"
            " values (%(other)s, %(person)s, (select max(load_id) from ledger.load), 1, 1)",
            merged,
        )
    sender = Sender(1, "LABO1", "OA")
    with load(land.connection, "release") as number:
        assert number
        cursor = land.connection.cursor()
        key = land.registry.key
        nirs, sirets = pa.array(people), pa.array([SIRET, SIRET2, UNKNOWN])
        whole = _known(lookup.fetch(cursor, key, nirs, sirets, sender=sender))
        growing = lookup.Growing(sender)
        for part in (slice(0, 1), slice(0, 2), slice(1, 3), slice(0, 3)):
            missing = growing.missing(nirs[part], sirets[part])
            growing.ask(cursor, key, *missing)
            growing.references()
        assert _known(growing.references()) == whole
    assert whole["merged"] == {merged["person"]: [merged["other"]]}
    assert len(whole["attached"]) == 2
