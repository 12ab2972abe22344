"""Many small files in one pass end as one by one; what is wrong with one of them is that one's alone."""

from __future__ import annotations

import json
import os
import shutil
import time
from typing import Any

import pytest
import senders as s

from bench import senders as bench
from loaders import archive, bell
from loaders.settings import Settings
from loaders.sftp import SftpLost
from pipelines import batches
from pipelines.collect import collect


def loaded(registry: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tasks of the DAGs work on this test's registry."""
    monkeypatch.setattr(Settings, "load", classmethod(lambda cls, *_: registry.settings))


def take_all() -> list[int]:
    taken: list[int] = []
    while more := batches.take(0):
        taken += more
        for group in batches.plan().values():
            for batch in group:
                batches.integrate_batch(batch)
    return taken


def files() -> list[tuple[str, str, bytes]]:
    """Files of several senders: clean, at fault, unknown, corrected, repeated, waiting for what a later one brings."""
    new = {"NIR": s.NIR3, "CLE": f"{97 - int(s.NIR3) % 97:02d}", "NOM": "DURAND", "PRENOM": "ANNE", "SEXE": "F"}
    born = {"DATENAISSANCE": "03/06/1990"}
    told = [("LABO1", f"clair-{at}.csv", s.file(s.PASSIVE, s.dose(f"C{at}", f"0.{at:02d}"))) for at in range(12)]
    told += [
        ("LABO1", "corrige.csv", s.file(s.PASSIVE, s.dose("C3", "0.70", CODE_METROLOGIE="C"))),
        ("LABO1", "faux.csv", s.file(s.PASSIVE, s.dose("F1", "x"), s.dose("F2", "0.2"))),
        ("LABO1", "inconnu.csv", b"CE;FICHIER;N;EST;PAS;CONNU\n1;2;3;4;5;6\n"),
        ("LABO1", "clair-2 bis.csv", s.file(s.PASSIVE, s.dose("C2", "0.02"))),
        ("LABO2", "attend.csv", s.file(s.PASSIVE, s.dose("W1", NIR=s.NIR3, NOM="DURAND", PRENOM="ANNE"))),
        ("SITE", "passages.csv", s.file(s.OPERATIONNELLE, s.row(s.OPERATIONNELLE))),
        ("EMPL", "ajout.csv", s.file(s.TRAVAILLEURS, s.row(s.TRAVAILLEURS, **(new | born)))),
        ("LABO1", "coupe.csv", s.file(s.PASSIVE, s.dose("Z1") + ";de trop")),
    ]
    return told


def state_of(registry: Any) -> dict[str, Any]:
    """The registry's state without the numbers of its loads: one by one, every pass draws more of them."""
    state = dict(registry.state())
    state["books"] = [(one[:2], one[4:]) for one in state["books"]]
    return state


def told(registry: Any, sender: str, name: str) -> tuple[Any, ...]:
    """What a sender reads, without numbers and hours."""
    report = registry.report(sender, name)
    table = registry.home(sender) / "retour" / f"{name}.rapport.csv"
    figures = {key: report[key] for key in ("statut", "lignes", "doses_msv", "codes")}
    return figures, table.read_bytes() if table.exists() else None


def test_one_pass_over_many_is_as_many_passes(registries: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    # What declares goes first in a pass; the others in the order they came.
    in_order = sorted(files(), key=lambda one: one[0] != "EMPL")
    with registries() as alone:
        s.country(alone)
        for sender, name, body in in_order:
            alone.drop(sender, name, body)
            alone.run()
        expected = [told(alone, sender, name) for sender, name, _ in in_order]
        state = state_of(alone)
    with registries() as together:
        s.country(together)
        for sender, name, body in files():
            together.drop(sender, name, body)
        loaded(together, monkeypatch)
        assert len(take_all()) == len(in_order)
        # Before any other step: each was answered by the task that integrated it.
        assert [told(together, sender, name) for sender, name, _ in in_order] == expected
        together.run()
        assert state_of(together) == state
        together.verify()
    statuts = {figures["statut"] for figures, _ in expected}
    assert statuts == {"INTEGRE", "PARTIEL", "REJETE", "REFUSE", "DEJA_RECU"}


def test_a_file_at_fault_harms_no_other(registry: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    country = s.country(registry)
    loaded(country, monkeypatch)
    country.drop("SITE", "perdu.csv", s.file(s.OPERATIONNELLE, s.row(s.OPERATIONNELLE)))
    country.drop("LABO2", "muet.csv", s.file(s.PASSIVE, s.dose("M1")))
    for at in range(3):
        country.drop("LABO1", f"bon-{at}.csv", s.file(s.PASSIVE, s.dose(f"B{at}")))
    taken = batches.take(0)
    lost = archive.place(country.settings, country_sha(country, "SITE", "perdu.csv"))
    kept = lost.read_bytes()
    lost.unlink()  # ours to mend: the sender is told of an incident, and the file taken up again
    shutil.rmtree(country.home("LABO2") / "retour")  # its answer cannot be put there
    counts = batches.integrate_batch(taken)
    assert counts == {"settled": 4, "incident": 1, "elsewhere": 0, "held": 0, "answered": 3}
    assert all(country.report("LABO1", f"bon-{at}.csv")["statut"] == "INTEGRE" for at in range(3))
    assert "perdu.csv.incident.json" in country.files("SITE")
    lost.write_bytes(kept)
    country.client.make_home("LABO2")
    country.run()
    assert country.report("SITE", "perdu.csv")["statut"] == "INTEGRE"
    assert country.report("LABO2", "muet.csv")["statut"] == "INTEGRE"
    country.verify()


def country_sha(country: Any, sender: str, name: str) -> str:
    row = country.connection.execute(
        "select encode(sha256, 'hex') from ledger.submission where submission_id = %s",
        (country.submission(sender, name),),
    ).fetchone()
    return str(row[0])


def test_a_long_collection_hands_on_what_it_has(registry: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    country = s.country(registry)
    monkeypatch.setattr("pipelines.collect.WORTH", 0)
    for at in range(3):
        country.drop("LABO1", f"{at}.csv", s.file(s.PASSIVE, s.dose(f"M{at}")))
    arguments = (country.client, country.connection, country.settings)
    taken = [collect(*arguments, enough_s=0) for _ in range(4)]
    assert taken == [[country.submission("LABO1", f"{at}.csv")] for at in range(3)] + [[]]


def test_the_bell_wakes_the_sweep_at_the_home_it_rings_for(registry: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    country = s.country(registry)
    loaded(country, monkeypatch)
    # Long enough that only the bell can be what ends it.
    monkeypatch.setattr(batches, "LOOK_EVERY_S", 300.0)
    bell.rung(country.settings.home)
    looked = []
    monkeypatch.setattr(batches, "collect", lambda *told, **more: looked.append(more["only"]) or ring_then(told, more))

    def ring_then(told: Any, more: Any) -> list[int]:
        found = collect(*told, **more)
        if len(looked) == 1:  # the first look found nothing; the file comes after it
            country.drop("LABO1", "mars.csv", s.file(s.PASSIVE, s.dose("M1")))
        return found

    began = time.monotonic()
    assert batches.take(200) == [country.submission("LABO1", "mars.csv")]
    assert time.monotonic() - began < 150
    assert looked == [None, {"LABO1"}]


def test_however_often_it_rings_every_home_has_its_turn(registry: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sender's bell never stands still; another's file came without any."""
    country = s.country(registry)
    loaded(country, monkeypatch)
    monkeypatch.setattr(batches, "LOOK_EVERY_S", 0.5)
    monkeypatch.setattr(batches, "REST", 0)
    looked: list[Any] = []

    def look(*told: Any, **more: Any) -> list[int]:
        looked.append(more["only"])
        found = collect(*told, **more)
        if len(looked) == 1:
            country.drop("LABO2", "mars.csv", s.file(s.PASSIVE, s.dose("M1")))
            bell.rung(country.settings.home)
        bell.ring(country.settings.home, "LABO1")
        return found

    monkeypatch.setattr(batches, "collect", look)
    assert batches.take(200) == [country.submission("LABO2", "mars.csv")]
    assert looked[0] is looked[-1] is None
    assert {"LABO1"} in looked


def test_who_drops_very_many_files_holds_nobody_up(registry: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its files bear old dates, which are the sender's own to give; the other's one file is the newest of all."""
    country = s.country(registry)
    monkeypatch.setattr("pipelines.collect.TURN", 2)
    for at in range(5):
        country.drop("LABO1", f"{at}.csv", s.file(s.PASSIVE, s.dose(f"M{at}")))
        path = country.home("LABO1") / "depot" / f"{at}.csv"
        os.utime(path, (at, at))
    country.drop("LABO2", "une.csv", s.file(s.PASSIVE, s.dose("U1")))
    country.drop("EMPL", "ajout.csv", s.file(s.TRAVAILLEURS, s.row(s.TRAVAILLEURS)))
    arguments = (country.client, country.connection, country.settings)
    names = [
        ("EMPL", "ajout.csv"), ("LABO1", "0.csv"), ("LABO1", "1.csv"), ("LABO2", "une.csv"),
        ("LABO1", "2.csv"), ("LABO1", "3.csv"), ("LABO1", "4.csv"),
    ]  # fmt: skip
    assert collect(*arguments, enough_s=60) == [country.submission(*name) for name in names]


def test_what_ends_the_answering_is_told(
    registry: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The files are settled all the same, and the answers owed; nothing waits for ever."""
    country = s.country(registry)
    loaded(country, monkeypatch)
    country.drop("LABO1", "mars.csv", s.file(s.PASSIVE, s.dose("M1")))
    country.drop("LABO2", "mars.csv", s.file(s.PASSIVE, s.dose("M2")))
    taken = batches.take(0)

    def lost(*_: Any) -> bool:
        raise SftpLost("the connection to the SFTP server broke")

    with monkeypatch.context() as broken:
        broken.setattr(batches, "answer_safely", lost)
        with pytest.raises(SftpLost):
            batches.integrate_batch(taken)
    (message,) = [one.getMessage() for one in caplog.records if one.name == "siseri.batches"]
    assert message.startswith("answers: SftpLost at lost:")
    assert batches.plan() == {"declarers": [], "others": []}
    assert batches.answer_owed()["reports"] == 2
    assert country.report("LABO1", "mars.csv")["statut"] == "INTEGRE"


def test_a_bell_that_nobody_rang_for_is_only_a_look(registry: Any) -> None:
    country = s.country(registry)
    bell.rung(country.settings.home)
    for code in ("LABO1", "PERSONNE", "DGT"):
        bell.ring(country.settings.home, code)
    heard = bell.rung(country.settings.home)
    assert heard == {"LABO1", "PERSONNE", "DGT"}
    assert bell.rung(country.settings.home) == set()
    assert collect(country.client, country.connection, country.settings, only=heard) == []


def test_the_bench_of_small_senders(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its figures are of the files it says; the time is not judged."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    figures = bench.measure(homes=70, files=60, rows=4, scheduler=False)
    assert figures["laid"] == {"liste.csv": 30, "doses.csv": 30}
    assert figures["answers"] == {"INTEGRE": 53, "PARTIEL": 6, "REFUSE": 1}
    assert set(figures["files"]["processor_s"]) == {"database", "sftp", "here"}
    assert json.dumps(figures)
