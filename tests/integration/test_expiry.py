"""What has had its time goes, rule by rule; what remains goes on working, and says what is gone and why."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest
from refusals import refused
from senders import (
    DESIGNATIONS,
    NIR2,
    PASSIVE,
    RPPS,
    country,
    dose,
    environment,
    file,
    row,
    siseri,
)

from loaders import archive
from loaders.errors import UsageError
from loaders.warehouse import BYTES, alone
from pipelines import expiry, partners, verify
from pipelines.answer import answer_again
from pipelines.collect import collect
from pipelines.decide import Decision, decide
from pipelines.dossier import dossier
from pipelines.questions import ask, note_answer
from pipelines.undo import undo
from schemas.retention import RULES

DAY = date(2026, 4, 10)
LATER = DAY + timedelta(days=100_000)  # the clock of versions is the machine's: after every day of it


def removed(registry: Any, today: date = LATER, *, preview: bool = False, **more: Any) -> dict[str, int]:
    settings = dataclasses.replace(registry.settings, today=today, **more)
    done = expiry.carry_out(registry.registry, registry.client, settings, preview=preview)
    assert done["difficultes"] == 0
    return dict(done["regles"])


def unsound(registry: Any) -> list[str]:
    settings = dataclasses.replace(registry.settings, today=registry.today)
    return [one.invariant for one in verify.verify(registry.as_("analyst"), settings) if not one.held]


def count(registry: Any, question: str) -> int:
    row = registry.connection.execute(question).fetchone()
    return int(row[0])


@pytest.fixture
def land(registry: Any) -> Any:
    return country(registry)


def test_a_row_that_left_the_queue_loses_its_content_and_one_that_waits_does_not(land: Any) -> None:
    land.drop("LABO1", "mars.csv", file(PASSIVE, dose("M1"), dose("M2", NIR=NIR2), dose("M3", NIR=NIR2)))
    land.run()
    first, second = [one["id"] for one in land.queue()]
    key = land.registry.key
    ask(land.connection, key, first, "Est-ce bien M. DURAND ?", "anna")
    land.run()
    note_answer(land.connection, key, first, "Oui, M. DURAND.", "anna")
    made = decide(
        land.connection, land.registry.key, Decision("rejeter", "hors champ", "anna", cause="AUTRE"), {first: 0}
    )
    before = land.state()
    assert removed(land, preview=True)["LIGNES"] == 1
    assert land.state() == before
    assert dossier(land.as_("analyst"), key, first)["nom"]

    assert removed(land)["LIGNES"] == 1
    assert removed(land)["LIGNES"] == 0, "once"
    shown = dossier(land.as_("analyst"), key, first)
    assert shown["supprimee"]
    assert not shown["nom"]
    assert not shown["numero"]
    assert [one["texte"] for one in shown["messages"]] == ["(supprimé à son terme, règle LIGNES)"] * 2
    assert shown["decisions"][0]["motif"] == "hors champ", "who decided what stays"
    assert count(land, "select count(*) from queue.decision where value_sealed is not null") == 0
    assert not dossier(land.as_("analyst"), key, second)["supprimee"]
    with pytest.raises(UsageError, match="supprimé à son terme"):
        undo(land.connection, made.number, "anna", "erreur")
    logged = land.connection.execute(
        "select p.code, r.files from ledger.removal r join ledger.partner p using (partner_id) where r.rule = 'LIGNES'"
    ).fetchall()
    assert logged == [("LABO1", 1)]
    # Reports are made from the file, which its integrated row keeps: nothing is missing in them.
    assert answer_again(land.client, land.connection, land.settings, land.submission("LABO1", "mars.csv"))
    assert land.read("LABO1", "mars.csv.rapport.csv").count(NIR2.encode()) == 2
    assert unsound(land) == []
    assert len(land.queue()) == 1


def test_the_database_keeps_whole_what_waits(land: Any) -> None:
    land.drop("LABO1", "mars.csv", file(PASSIVE, dose("M2", NIR=NIR2)))
    land.run()
    with land.registry.warehouse.admin() as admin, refused(psycopg.Error, "entry_waits_whole|amended"):
        admin.execute("update queue.entry set sealed = null, cleared_on = now()")


def test_the_bytes_of_a_file_without_an_integrated_row_go(land: Any) -> None:
    bad = file(PASSIVE, dose("M1", VALEUR="-1"))
    refused = b"ceci;n'est;rien\n1;2;3\n"
    waiting = file(PASSIVE, dose("M7", NIR=NIR2))
    for name, body in {"faux.csv": bad, "rien.csv": refused, "attend.csv": waiting}.items():
        land.drop("LABO1", name, body)
    land.drop("LABO2", "aussi.csv", bad)
    land.drop("LABO1", "bon.csv", file(PASSIVE, dose("M5")))
    land.run()
    report = land.report("LABO1", "faux.csv")
    places = {
        name: archive.place(land.settings, hashlib.sha256(body).hexdigest())
        for name, body in {"faux.csv": bad, "rien.csv": refused, "attend.csv": waiting}.items()
    }
    assert removed(land, DAY + timedelta(days=1))["FICHIERS"] == 0
    assert removed(land, preview=True)["FICHIERS"] == 3
    assert all(place.exists() for place in places.values())

    doses = land.doses()
    assert removed(land)["FICHIERS"] == 3
    assert not places["faux.csv"].exists()
    assert not places["rien.csv"].exists()
    assert places["attend.csv"].exists()
    assert land.files("LABO1", "archive") == ["attend.csv", "bon.csv"]
    assert land.files("LABO2", "archive") == []
    assert land.doses() == doses
    assert unsound(land) == []

    # Made again: the figures come from the ledger, and the two files that need no row say what is gone.
    (land.home("LABO1") / "retour" / "faux.csv.rapport.csv").unlink(missing_ok=True)
    assert answer_again(land.client, land.connection, land.settings, land.submission("LABO1", "faux.csv"))
    again = land.report("LABO1", "faux.csv")
    assert again.pop("fichier_supprime") == {"le": LATER.isoformat(), "regle": "FICHIERS"}
    assert again == report
    assert "supprimés le" in land.read("LABO1", "faux.csv.rapport.html").decode()
    assert "faux.csv.rapport.csv" not in land.files("LABO1")
    # The same bytes again are a drop like any other, and are kept anew.
    land.drop("LABO1", "faux.csv", bad)
    land.run(DAY)
    assert land.report("LABO1", "faux.csv", 2)["lignes"] == report["lignes"]
    assert places["faux.csv"].exists()
    assert unsound(land) == []


def test_a_follow_up_made_again_says_what_is_gone(land: Any) -> None:
    land.drop("LABO1", "attend.csv", file(PASSIVE, dose("M7", NIR=NIR2)))
    land.run()
    entry = land.queue()[0]["id"]
    decide(land.connection, land.registry.key, Decision("rejeter", "hors champ", "anna", cause="AUTRE"), {entry: 0})
    land.answer()
    told = json.loads(land.read("LABO1", "attend.csv.suivi-1.json"))
    assert removed(land)["FICHIERS"] == 1
    for name in ("attend.csv.suivi-1.json", "attend.csv.suivi-1.csv"):
        (land.home("LABO1") / "retour" / name).unlink(missing_ok=True)
    assert answer_again(land.client, land.connection, land.settings, land.submission("LABO1", "attend.csv"))
    again = json.loads(land.read("LABO1", "attend.csv.suivi-1.json"))
    assert again.pop("fichier_supprime")["regle"] == "FICHIERS"
    assert again == told
    assert "attend.csv.suivi-1.csv" not in land.files("LABO1")


def test_the_same_bytes_coming_in_hold_the_removal_up(land: Any) -> None:
    bad = file(PASSIVE, dose("M1", VALEUR="-1"))
    land.drop("LABO1", "faux.csv", bad)
    land.run()
    sha256 = hashlib.sha256(bad).hexdigest()
    with land.registry.warehouse.loader() as other, alone(other, BYTES, archive.number(sha256)) as held:
        assert held
        assert removed(land)["FICHIERS"] == 0
        land.drop("LABO1", "encore.csv", bad)
        assert collect(land.client, land.connection, land.settings) == []
    assert removed(land)["FICHIERS"] == 1
    assert len(collect(land.client, land.connection, land.settings)) == 1
    assert archive.place(land.settings, sha256).exists()


def test_a_closed_account_keeps_its_code_and_nothing_personal(land: Any) -> None:
    land.partner("MEDECIN", "MDT", identifiant=RPPS)
    land.drop("LABO1", "mars.csv", file(PASSIVE, dose("M1")))
    land.run()
    doses = land.doses()
    keys = land.settings.folder("keys", "partners", "MEDECIN")
    (keys / "abc.pub").write_text("ssh-ed25519 AAAA medecin@cabinet\n")
    (land.home("MEDECIN") / "retour" / "avis.html").write_text("x")
    with land.registry.warehouse.admin() as admin:
        for code in ("MEDECIN", "LABO1"):
            partners.disable(admin, land.settings, code)
    assert removed(land, date.today() + timedelta(days=364))["COMPTES"] == 0
    assert removed(land)["COMPTES"] == 2
    assert removed(land)["COMPTES"] == 0, "once"
    assert land.files("MEDECIN") == []
    assert list(keys.glob("*.pub")) == []
    assert (keys / "disabled").exists(), "closed for ever"
    assert partners.published(land.settings, "MEDECIN") == ("MDT", None)
    assert land.files("LABO1", "archive") == land.files("LABO1") == []
    assert land.doses() == doses
    assert unsound(land) == [], "the registry's own archive is whole"


def test_contacts_of_an_ended_designation_go(land: Any) -> None:
    told = {"ROLE": "MDT", "IDENTIFIANT": RPPS, "NOM": "CARPENTIER", "PRENOM": "ZOE", "COURRIEL": "zoe@exemple.fr"}
    ended = row(DESIGNATIONS, **told, DATEFIN="31/12/2025")
    running = row(DESIGNATIONS, **(told | {"IDENTIFIANT": "10101010105"}))
    land.drop("ASNR", "medecins.csv", file(DESIGNATIONS, ended, running))
    land.run()
    named = "select count(*) from reference.designation where email <> ''"
    assert count(land, named) == 2
    assert removed(land, date(2026, 12, 31))["CONTACTS"] == 0
    assert removed(land, date(2027, 1, 1))["CONTACTS"] == 1
    assert count(land, named) == 1
    kept = land.connection.execute(
        "select end_day::text, last_name from reference.designation where identifiant = %s", (RPPS,)
    ).fetchall()
    assert kept == [("2025-12-31", "")], "who had access until when stays"


def test_trials_go_with_their_answers(land: Any) -> None:
    land.client.put("LABO1", "depot/essai", "essai.csv", file(PASSIVE, dose("M1")))
    land.client.put("LABO1", "depot/essai", "essai.csv.ok", b"")
    land.run(DAY)
    assert land.files("LABO1", "archive/essai") == ["essai.csv"]
    land.run(DAY + timedelta(days=1))
    assert removed(land, DAY + timedelta(days=92), report_days=90, preview=True)["ESSAIS"] == 5
    done = removed(land, DAY + timedelta(days=92), report_days=90)
    assert done["ESSAIS"] == 5
    assert land.files("LABO1", "archive/essai") == land.files("LABO1", "retour/essai") == []


def test_the_command(land: Any) -> None:
    land.drop("LABO1", "faux.csv", file(PASSIVE, dose("M1", VALEUR="-1")))
    land.run()
    env = environment(
        land.settings.home, SISERI_TODAY=LATER.isoformat(), SISERI_DATABASE_URL=land.settings.database_url or ""
    )
    rules = json.loads(siseri(env, "retention", "list", "--json").stdout)
    assert [one["regle"] for one in rules][: len(RULES)] == [rule.name for rule in RULES]
    assert {one["regle"]: one["jours"] for one in rules}["DOSES"] is None
    seen = json.loads(siseri(env, "retention", "run", "--apercu", "--json").stdout)
    assert seen["apercu"]
    assert seen["regles"]["FICHIERS"] == 1
    one = json.loads(siseri(env, "retention", "run", "--regle", "FICHIERS", "--json").stdout)
    assert one == {"apercu": False, "regles": {"FICHIERS": 1}, "difficultes": 0}
    [logged] = json.loads(siseri(env, "retention", "log", "--json").stdout)
    assert (logged["regle"], logged["compte"], logged["nombre"]) == ("FICHIERS", "LABO1", 1)
    assert "FICHIERS" in siseri(env, "retention", "list").stdout
    siseri(env, "retention", "run", "--regle", "DOSES", expect=2)


def test_a_closed_account_without_a_home_is_no_trouble(land: Any) -> None:
    """A closed account whose home somebody removed by hand is no trouble."""
    import shutil

    with land.registry.warehouse.admin() as admin:
        partners.disable(admin, land.settings, "LABO2")
    shutil.rmtree(land.home("LABO2"))
    settings = dataclasses.replace(land.settings, today=LATER)
    rules = [rule for rule in RULES if rule.name == "COMPTES"]
    done = expiry.carry_out(land.registry, land.client, settings, rules)
    assert done == {"regles": {"COMPTES": 1}, "difficultes": 0}
