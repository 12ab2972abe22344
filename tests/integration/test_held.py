"""Files held for a person's yes: nothing of them counts before, and one answer settles each for good."""

from __future__ import annotations

import dataclasses
import json
import random
import signal
import subprocess
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from records import written
from senders import PASSIVE, SIRET2, SISERI, TRAVAILLEURS, cells, country, dose, file, row

from loaders.errors import UsageError
from loaders.orchestrator import settings_environment
from loaders.settings import Settings
from pipelines import held
from pipelines.listings import submissions
from pipelines.sweep import Fate, integrate_safely, pending, unhandled

UNKNOWN_NIR = "284052A004018"


def doses(good: int, bad: int, mark: str = "M") -> list[str]:
    """Rows of a PASSIVE file: good ones, then faulty ones, every other of which waits."""
    rows = [dose(f"{mark}{at}") for at in range(good)]
    return rows + [dose(f"{mark}B{at}", "-1") if at % 2 else dose(f"{mark}B{at}", NIR=UNKNOWN_NIR) for at in range(bad)]


@pytest.fixture
def strict(registry: Any) -> Any:
    """A country whose registry holds files of ten rows or more of which over a half is at fault or waits."""
    country(registry)
    registry.settings = dataclasses.replace(registry.settings, hold_share=Decimal("0.5"), hold_rows=10)
    return registry


def footprint(registry: Any) -> dict[str, list[Any]]:
    """All that a file leaves, but its line in the ledger."""
    names = ("dose.every_version", "ledger.book", "ledger.row_entry", "queue.entry", "queue.cause", "ledger.follow_up")
    names += ("ledger.load", "identity.worker", "reference.attachment_period")
    return {name: registry.connection.execute(f"select * from {name}").fetchall() for name in names}


def figures(received: int, integrated: int, waiting: int, rejected: int) -> dict[str, int]:
    return {
        "recues": received,
        "integrees": integrated,
        "en_attente": waiting,
        "rejetees": rejected,
        "doublons": 0,
    }


def test_a_file_over_the_share_waits_and_nothing_of_it_counts(strict: Any) -> None:
    before = footprint(strict)
    strict.drop("LABO1", "mars.csv", file(PASSIVE, *doses(4, 6)))
    done = strict.run()
    number = strict.submission("LABO1", "mars.csv")
    assert (done.held, done.settled, done.answered, done.incidents) == ([number], [], [], [])
    assert footprint(strict) == before
    assert [name for name in strict.files("LABO1") if name.startswith("mars")] == ["mars.csv.ar.json"]
    assert not list((strict.settings.home / "staging").iterdir())
    strict.verify()

    (listed,) = held.held(strict.connection)
    assert (listed["id"], listed["emetteur"], listed["fichier"]) == (number, "LABO1", "mars.csv")
    assert (listed["format"], listed["part"], listed["demande_le"]) == ("PASSIVE", 0.6, None)
    assert listed["lignes"] == figures(10, 4, 3, 3)
    assert listed["codes"] == {"IDT-06": 3, "MET-04": 3}
    (shown,) = submissions(strict.connection, number)
    assert (shown["statut"], shown["retenu_le"], shown["lignes"]["recues"]) == ("RECU", listed["retenu_le"], 0)
    assert submissions(strict.connection, 1)[0]["retenu_le"] is None

    # Later passes leave it where it is, and so does whoever has its number already.
    again = strict.run()
    assert (again.held, again.settled, again.answered) == ([], [], [])
    assert number not in {one for one, _, _ in pending(strict.connection)}
    assert unhandled(strict.connection, after_s=0) == []
    told = strict.client, strict.connection, strict.settings, strict.registry.key
    assert integrate_safely(*told, number) is Fate.HELD
    assert footprint(strict) == before
    (still,) = held.held(strict.connection)
    assert still == listed


def test_a_yes_integrates_it_at_the_next_pass(strict: Any) -> None:
    body = file(PASSIVE, *doses(4, 6))
    strict.drop("LABO1", "mars.csv", body)
    strict.run()
    number = strict.submission("LABO1", "mars.csv")
    held.accept(strict.connection, number, " Claire Analyste ")
    assert held.held(strict.connection) == []
    assert [one for one, _, _ in pending(strict.connection)] == [number]
    assert unhandled(strict.connection, after_s=0) == [number]
    assert strict.report("LABO1", "mars.csv") is None

    done = strict.run()
    assert (done.held, done.settled, done.answered) == ([], [number], [number])
    report = strict.report("LABO1", "mars.csv")
    assert (report["statut"], report["lignes"]) == ("PARTIEL", figures(10, 4, 3, 3))
    assert "decision" not in report
    assert len(cells(strict.read("LABO1", "mars.csv.rapport.csv"))) == 10
    assert "mars.csv.rapport.html" in strict.files("LABO1")
    assert len(strict.doses()) == 4
    kept = "select accepted_by, accepted_at is not null, declined_by from ledger.submission where submission_id = %s"
    assert strict.connection.execute(kept, (number,)).fetchone() == ("Claire Analyste", True, None)
    strict.verify()

    # What another setting would have made of it: the very same.
    strict.settings = dataclasses.replace(strict.settings, hold_share=None)
    strict.drop("LABO2", "mars.csv", body)
    strict.run()
    free = strict.report("LABO2", "mars.csv")
    assert (free["lignes"], free["doses_msv"]) == (report["lignes"], report["doses_msv"])


def test_declined_it_is_refused_with_the_motive(strict: Any) -> None:
    before = footprint(strict)
    strict.drop("LABO1", "mars.csv", file(PASSIVE, *doses(4, 6)))
    strict.run()
    number = strict.submission("LABO1", "mars.csv")
    held.decline(strict.connection, number, "Claire", "Le SIRET <b>du site</b> est celui d'un autre mois.")
    assert held.held(strict.connection) == []
    assert pending(strict.connection) == []
    done = strict.run()
    assert (done.settled, done.answered) == ([], [number])

    report = strict.report("LABO1", "mars.csv")
    assert list(report) == ["version", "depot", "statut", "lignes", "doses_msv", "codes", "decision"]
    assert (report["statut"], report["codes"]) == ("REFUSE", {"FIC-09": 1})
    assert (report["lignes"], report["doses_msv"]) == (figures(0, 0, 0, 0), {})
    assert report["depot"]["format"] == "PASSIVE"
    assert report["decision"] == {"motif": "Le SIRET <b>du site</b> est celui d'un autre mois."}
    page = strict.read("LABO1", "mars.csv.rapport.html").decode()
    assert "Une personne du registre a écarté ce fichier" in page
    assert "Le SIRET &lt;b&gt;du site&lt;/b&gt; est celui" in page
    assert "mars.csv.rapport.csv" not in strict.files("LABO1")
    (shown,) = submissions(strict.connection, number)
    assert (shown["statut"], shown["code_fichier"], shown["repondu"]) == ("REFUSE", "FIC-09", True)
    after = footprint(strict)
    # The refusal's own load, and the detection of exceedances that saw the worker lists.
    assert [one[1] for one in after["ledger.load"][len(before["ledger.load"]) :]] == ["refuse", "exceedances"]
    after["ledger.load"] = after["ledger.load"][: len(before["ledger.load"])]
    assert after == before
    strict.verify()

    # The remedy: the same name again, whole and right; and the same bytes are no FIC-06.
    strict.drop("LABO1", "mars.csv", file(PASSIVE, *doses(10, 0)))
    strict.run()
    assert strict.report("LABO1", "mars.csv", 2)["statut"] == "INTEGRE"
    strict.drop("LABO1", "bis.csv", file(PASSIVE, *doses(4, 6)))
    assert len(strict.run().held) == 1


@pytest.mark.parametrize(
    ("share", "least", "good", "bad", "waits"),
    [
        ("0.5", 10, 5, 5, False),  # as much as the share is not above it
        ("0.5", 10, 4, 5, False),  # too few rows to matter
        ("0.5", 10, 5, 6, True),
        ("0.1", 20, 17, 3, True),
        ("0.1", 20, 18, 2, False),
        ("1", 1, 0, 12, False),  # never more than all
        (None, 0, 0, 12, False),
    ],
)
def test_where_nobody_is_asked(strict: Any, share: str | None, least: int, good: int, bad: int, waits: bool) -> None:
    strict.settings = dataclasses.replace(
        strict.settings, hold_share=Decimal(share) if share else None, hold_rows=least
    )
    strict.drop("LABO1", "mars.csv", file(PASSIVE, *doses(good, bad)))
    done = strict.run()
    assert (len(done.held), len(done.settled)) == ((1, 0) if waits else (0, 1))
    assert (strict.report("LABO1", "mars.csv") is None) == waits


def test_by_default_nothing_is_held(registry: Any) -> None:
    country(registry)
    assert registry.settings.hold_share is None
    registry.drop("LABO1", "mars.csv", file(PASSIVE, *doses(0, 60)))
    assert registry.run().held == []
    assert registry.report("LABO1", "mars.csv")["lignes"] == figures(60, 0, 30, 30)


def test_doubles_are_no_faults(strict: Any) -> None:
    good = file(PASSIVE, *doses(12, 0))
    strict.drop("LABO1", "mars.csv", good)
    strict.run()
    strict.drop("LABO1", "encore.csv", good.replace(b";M11;", b";M12;"))
    assert strict.run().held == []
    assert strict.report("LABO1", "encore.csv")["lignes"]["doublons"] == 11


def test_a_trial_is_answered_at_once(strict: Any) -> None:
    strict.client.make_home("LABO1")
    strict.client.put("LABO1", "depot/essai", "mars.csv", file(PASSIVE, *doses(4, 6)))
    strict.client.put("LABO1", "depot/essai", "mars.csv.ok", b"")
    done = strict.run()
    assert (done.trials, done.held) == (1, [])
    report = json.loads((strict.home("LABO1") / "retour" / "essai" / "mars.csv.rapport.json").read_text())
    assert report["lignes"] == figures(10, 4, 3, 3)


def test_a_correction_never_overtakes_the_held_file(strict: Any) -> None:
    strict.drop("LABO1", "mars.csv", file(PASSIVE, *doses(4, 6)))
    number = strict.run().held[0]
    with strict.registry.warehouse.admin() as admin:  # incidents free those behind, a hold does not
        admin.execute("update ledger.submission set incidents = 3 where submission_id = %s", (number,))
    strict.drop("LABO1", "corrige.csv", file(PASSIVE, dose("M1", "0.4", CODE_METROLOGIE="C")))
    strict.drop("LABO2", "autre.csv", file(PASSIVE, dose("L1")))
    done = strict.run()
    assert done.settled == [strict.submission("LABO2", "autre.csv")]
    assert strict.report("LABO1", "corrige.csv") is None
    assert unhandled(strict.connection, after_s=0) == []
    held.accept(strict.connection, number, "Claire")
    strict.run()
    assert strict.report("LABO1", "corrige.csv")["statut"] == "INTEGRE"
    assert {one[5] for one in strict.doses() if one[6] == "M1" and one[7] != done.settled[0]} == {400}
    strict.verify()


def test_a_later_file_goes_on_once_the_held_one_is_set_aside(strict: Any) -> None:
    strict.drop("LABO1", "mars.csv", file(PASSIVE, *doses(4, 6)))
    strict.drop("LABO1", "suite.csv", file(PASSIVE, dose("S1")))
    done = strict.run()
    assert (len(done.held), done.settled) == (1, [])
    held.decline(strict.connection, done.held[0], "Claire", "unités fausses")
    strict.run()
    assert strict.report("LABO1", "suite.csv")["statut"] == "INTEGRE"


def test_fixed_width_is_held_too(strict: Any) -> None:
    strict.drop("LABO1", "mars.txt", written(PASSIVE, *doses(4, 6)))
    number = strict.run().held[0]
    assert len(strict.doses()) == 0
    held.accept(strict.connection, number, "Claire")
    strict.run()
    assert strict.report("LABO1", "mars.txt")["lignes"] == figures(10, 4, 3, 3)
    strict.verify()


def test_a_worker_list_is_held_too(strict: Any) -> None:
    before = footprint(strict)
    good = row(TRAVAILLEURS, SIRET=SIRET2)
    wrong = [row(TRAVAILLEURS, CLE=f"{at:02d}", GROUPE=str(at)) for at in range(40, 52)]
    strict.drop("EMPL", "nouveaux.csv", file(TRAVAILLEURS, good, *wrong))
    number = strict.run().held[0]
    assert footprint(strict) == before
    held.accept(strict.connection, number, "Claire")
    strict.run()
    assert strict.report("EMPL", "nouveaux.csv")["lignes"] == figures(13, 1, 0, 12)
    assert len(footprint(strict)["reference.attachment_period"]) > len(before["reference.attachment_period"])
    strict.verify()


def test_killed_before_the_mark_it_is_simply_held_later(strict: Any) -> None:
    """The rollback comes first: between it and the mark the file is as it was when it was received."""
    strict.drop("LABO1", "mars.csv", file(PASSIVE, *doses(4, 6)))
    with strict.registry.warehouse.admin() as admin:
        admin.execute("alter table ledger.submission add constraint never check (held_at is null)")
    done = strict.run()
    number = strict.submission("LABO1", "mars.csv")
    assert (done.incidents, done.held) == ([number], [])
    with strict.registry.warehouse.admin() as admin:
        admin.execute("alter table ledger.submission drop constraint never")
    assert strict.run().held == [number]


def test_one_answer_counts(strict: Any) -> None:
    strict.drop("LABO1", "mars.csv", file(PASSIVE, *doses(4, 6)))
    number = strict.run().held[0]
    answers: list[Callable[[], Any]] = [
        lambda: held.accept(strict.connection, number, "Anne"),
        lambda: held.decline(strict.connection, number, "Anne", "trop tard"),
    ]
    held.accept(strict.connection, number, "Claire")
    before = footprint(strict)
    for one in answers:
        with pytest.raises(UsageError, match="déjà répondu"):
            one()
    assert not held.answer(strict.connection, number, False, "Anne")
    assert not held.answer(strict.connection, number, True, "Anne")
    assert strict.connection.execute(
        "select accepted_by, state from ledger.submission s where s.submission_id = %s", (number,)
    ).fetchone() == ("Claire", "RECU")
    assert footprint(strict) == before
    with pytest.raises(UsageError, match="n'attend pas"):
        held.accept(strict.connection, 1, "Claire")
    with pytest.raises(UsageError, match="n'attend pas"):
        held.decline(strict.connection, 999_999, "Claire", "inconnu")


@pytest.mark.parametrize(
    ("who", "motive", "told"),
    [(" ", "m", "manque"), ("C", "", "manque"), ("C" * 101, "m", "dépasse"), ("C", "a\x07", "caractère de contrôle")],
)
def test_texts_of_persons_are_looked_at(strict: Any, who: str, motive: str, told: str) -> None:
    strict.drop("LABO1", "mars.csv", file(PASSIVE, *doses(4, 6)))
    number = strict.run().held[0]
    with pytest.raises(UsageError, match=told):
        held.decline(strict.connection, number, who, motive)
    assert len(held.held(strict.connection)) == 1


def test_questions_are_claimed_once_and_again_when_their_run_is_over(strict: Any) -> None:
    for code in ("LABO1", "LABO2"):
        strict.drop(code, "mars.csv", file(PASSIVE, *doses(4, 6)))
    first, second = strict.run().held
    day = 86_400.0
    asked = held.claim(strict.connection, "run-1", day)
    assert asked == [held.Claim(first, 60), held.Claim(second, 60)]
    assert held.claim(strict.connection, "run-2", day) == []
    # The task of run-1 died before its questions were put: tried again, it gets the same.
    assert held.claim(strict.connection, "run-1", day) == asked
    # run-1 is over and nobody answered the second.
    assert held.answer(strict.connection, first, True, "analyste")
    later = "update ledger.submission set asked_at = asked_at - interval '25 hours' where asked_at is not null"
    with strict.registry.warehouse.admin() as admin:
        admin.execute(later)
    assert held.claim(strict.connection, "run-2", day) == [held.Claim(second, 60)]
    assert held.claim(strict.connection, "run-1", day) == []


def test_at_most_twenty_are_claimed_the_run_s_own_first(strict: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held, "MOST", 2)
    for code in ("LABO1", "LABO2", "SITE"):
        strict.drop(code, "mars.csv", file(PASSIVE, *doses(4, 6)))
    numbers = sorted(strict.run().held)  # SITE may not send this format: refused
    assert len(numbers) == 2
    with strict.registry.warehouse.admin() as admin:
        admin.execute(
            "insert into ledger.submission (partner_id, file_name, drop_number, sha256, size_bytes, depot_mtime,"
            " registry_date, held_at, held_share, held_figures) select partner_id, 'tard.csv', 1, sha256, 1, 1,"
            " registry_date, clock_timestamp(), 0.7, held_figures from ledger.submission where submission_id = %s",
            (numbers[0],),
        )
    assert [one.submission for one in held.claim(strict.connection, "a", 60)] == numbers
    late = [one.submission for one in held.claim(strict.connection, "b", 60)]
    assert len(late) == 1
    assert [one.submission for one in held.claim(strict.connection, "a", 60)] == numbers


def test_silence_is_kept_as_what_it_is(strict: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for code in ("LABO1", "LABO2"):
        strict.drop(code, "mars.csv", file(PASSIVE, *doses(4, 6)))
    first, second = strict.run().held
    assert held.answer(strict.connection, first, True, None)
    assert held.answer(strict.connection, second, False, "x" * 200 + "\x07")
    kept = strict.connection.execute(
        "select accepted_by, declined_by, declined_motive from ledger.submission where held_at is not null order by 1"
    ).fetchall()
    assert kept == [
        (held.SILENCE, None, None),
        (None, "x" * 100, "Trop de lignes fautives ou en attente (60 %)"),
    ]


def test_the_loader_may_answer_and_the_analyst_only_look(strict: Any) -> None:
    strict.drop("LABO1", "mars.csv", file(PASSIVE, *doses(4, 6)))
    number = strict.run().held[0]
    with strict.registry.warehouse.analyst() as reader:
        assert [one["id"] for one in held.held(reader)] == [number]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            held.accept(reader, number, "Claire")
    assert len(held.held(strict.connection)) == 1


@pytest.mark.slow
def test_kills_on_the_way_to_a_hold_leave_it_held_or_untouched(strict: Any) -> None:
    """SIGKILL of the real command at random moments; each rerun ends with the file held and nothing of it kept."""
    rng = random.Random(4)
    before = footprint(strict)
    environment = settings_environment(strict.settings)
    body = doses(2_000, 3_000)
    killed = 0
    for at in range(5):
        strict.drop("LABO1" if at % 2 else "LABO2", f"mars-{at}.csv", file(PASSIVE, *body))
        process = subprocess.Popen(
            [SISERI, "run"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(rng.uniform(0.6, 2.0))
        process.send_signal(signal.SIGKILL)
        killed += process.wait() == -signal.SIGKILL
        strict.run()
        assert footprint(strict) == before
        (listed,) = held.held(strict.connection)
        assert (listed["fichier"], listed["lignes"]["recues"]) == (f"mars-{at}.csv", 5_000)
        held.decline(strict.connection, listed["id"], "Claire", "on recommence")
        strict.run()
        before["ledger.load"] = footprint(strict)["ledger.load"]
        assert not list((strict.settings.home / "staging").iterdir())
        strict.verify()
    assert killed >= 3


def test_the_setting_is_a_share() -> None:
    home = {"SISERI_HOME": "/nowhere"}
    assert Settings.load(home).hold_share is None
    assert Settings.load(home).hold_rows == 20
    told = Settings.load(home | {"SISERI_HOLD_SHARE": "0.25", "SISERI_HOLD_ROWS": "5"})
    assert (told.hold_share, told.hold_rows) == (Decimal("0.25"), 5)
    assert Settings.load(home | {"SISERI_HOLD_SHARE": ""}).hold_share is None
    for wrong in ("0", "1.01", "-0.5", "50 %", "nan", "inf"):
        with pytest.raises(UsageError, match="hold_share"):
            Settings.load(home | {"SISERI_HOLD_SHARE": wrong})


def test_the_setting_in_the_file(tmp_path: Any) -> None:
    for text, share in (("0.25", Decimal("0.25")), ("1", Decimal(1)), ('""', None)):
        (tmp_path / "siseri.toml").write_text(f"hold_share = {text}\n")
        assert Settings.load({}, tmp_path).hold_share == share
