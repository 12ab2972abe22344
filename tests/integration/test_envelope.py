"""Files encrypted with age, both ways, through the real SFTP server and PostgreSQL."""

from __future__ import annotations

import dataclasses
import gzip
import html
import io
import os
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pyrage
import pytest
from envelopes import Correspondent, encrypt, give, open_channel, spoiled
from senders import (
    NIR2,
    NIR3,
    PASSIVE,
    TRAVAILLEURS,
    UNKNOWN,
    cells,
    country,
    dose,
    file,
    row,
)

from loaders import archive, envelope
from loaders.errors import ServiceMissing
from loaders.registry import depots
from pipelines import age_keys
from pipelines.answer import answer_again
from pipelines.collect import answer_stem
from pipelines.sweep import sweep
from pipelines.verify import verify
from schemas.envelope import FAULTS, NOTICE
from schemas.identifiers import key_of

GOOD = file(PASSIVE, dose("M1"), dose("M2", VALEUR="0.2"))
MIXED = file(PASSIVE, dose("M1"), dose("M2", VALEUR="-1"))
SIZE = 1 << 20


@pytest.fixture
def channel(registry: Any) -> tuple[Any, str]:
    """A registry that takes encrypted files, and its public key."""
    return country(registry), open_channel(registry)


def staging(registry: Any) -> list[str]:
    return sorted(left.name for left in (registry.settings.home / "staging").iterdir())


def later(registry: Any, day: date) -> None:
    """A pass of another day, by another process: keys are looked at as of that day."""
    settings = dataclasses.replace(registry.settings, today=day)
    with depots(dataclasses.replace(registry.registry, settings=settings)) as client:
        sweep(client, registry.registry, settings)


@pytest.mark.parametrize(
    ("name", "pack"), [("mars.csv.age", bytes), ("mars.CSV.AGE", bytes), ("mars.csv.gz.age", gzip.compress)]
)
def test_an_encrypted_file_is_judged_as_what_it_holds(
    channel: tuple[Any, str], name: str, pack: Callable[[bytes], bytes]
) -> None:
    registry, key = channel
    sealed = encrypt(pack(MIXED), key)
    registry.drop("LABO1", name, sealed, "LIGNES=2\nSOMME_MSV=-0.85\n")
    registry.run()
    report = registry.report("LABO1", name)
    assert (report["statut"], report["lignes"]["integrees"], report["depot"]["octets"]) == ("PARTIEL", 1, len(sealed))
    rows = cells(registry.read("LABO1", f"{name}.rapport.csv"))
    assert [one["CODE_ERREUR"] for one in rows] == ["", "MET-04"]
    kept = registry.home("LABO1") / "archive" / name
    assert kept.read_bytes() == sealed
    assert staging(registry) == []
    registry.verify()


def test_the_same_content_is_known_again_however_it_comes(channel: tuple[Any, str]) -> None:
    registry, key = channel
    other = Correspondent()
    sealed = encrypt(GOOD, key)
    for code, name, body in (
        ("LABO1", "a.csv.age", sealed),
        ("LABO1", "b.csv.age", sealed),
        ("LABO1", "c.csv.age", encrypt(GOOD, key)),
        ("LABO1", "d.csv.age", encrypt(GOOD, other.key, key)),
        ("LABO1", "e.csv", GOOD),
        ("LABO2", "a.csv.age", encrypt(GOOD, key)),
    ):
        registry.drop(code, name, body)
        registry.run()
    first = registry.report("LABO1", "a.csv.age")
    assert first["statut"] == "INTEGRE"
    for name in ("b.csv.age", "c.csv.age", "d.csv.age", "e.csv"):
        again = registry.report("LABO1", name)
        assert (again["statut"], again["codes"], again["lignes"]) == ("DEJA_RECU", {"FIC-06": 1}, first["lignes"])
    assert registry.report("LABO2", "a.csv.age")["statut"] != "DEJA_RECU"
    assert len(registry.doses()) == 4


def test_what_came_in_the_clear_is_known_again_when_it_comes_encrypted(channel: tuple[Any, str]) -> None:
    registry, key = channel
    registry.drop("LABO1", "clair.csv", GOOD)
    registry.run()
    registry.drop("LABO1", "chiffre.csv.age", encrypt(GOOD, key))
    registry.run()
    assert registry.report("LABO1", "chiffre.csv.age")["statut"] == "DEJA_RECU"
    registry.drop("LABO1", "faux.csv.age", encrypt(MIXED, key))
    registry.run()
    registry.drop("LABO1", "encore.csv.age", encrypt(MIXED, key))
    registry.run()
    assert registry.report("LABO1", "encore.csv.age")["statut"] != "DEJA_RECU", "it has a row that stands REJETE"


def _bomb() -> bytes:
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb") as stream:
        for _ in range(64):
            stream.write(b"x" * SIZE)
    return packed.getvalue()


def _many(count: int) -> bytes:
    return envelope.MAGIC + b"-> a b\n\n" * count + b"--- " + b"A" * 43 + b"\n" + b"x" * 100


#: What is dropped, given the registry's public key; its name; the code and why, as they are told.
BAD: dict[str, tuple[str, Callable[[str], bytes], set[str], str | None]] = {
    "no age file": ("x.csv.age", lambda key: GOOD, {"FIC-09"}, "ILLISIBLE"),
    "nothing at all": ("x.csv.age", lambda key: b"", {"FIC-09"}, "ILLISIBLE"),
    "another version": (
        *("x.csv.age", lambda key: encrypt(GOOD, key).replace(b"/v1", b"/v2", 1)),
        *({"FIC-09"}, "ILLISIBLE"),
    ),
    "text armour": ("x.csv.age", lambda key: encrypt(GOOD, key, armored=True), {"FIC-09"}, "ARMURE"),
    "for somebody else": ("x.csv.age", lambda key: encrypt(GOOD, Correspondent().key), {"FIC-09"}, "AUTRE_CLE"),
    "a pass phrase": ("x.csv.age", lambda key: pyrage.passphrase.encrypt(GOOD, "mot"), {"FIC-09"}, "AUTRE_CLE"),
    "cut in its header": ("x.csv.age", lambda key: encrypt(GOOD, key)[:90], {"FIC-09"}, "ALTERE"),
    "cut behind its header": ("x.csv.age", lambda key: encrypt(GOOD, key)[:205], {"FIC-09"}, "ALTERE"),
    "cut at its end": ("x.csv.age", lambda key: encrypt(GOOD, key)[:-1], {"FIC-09"}, "ALTERE"),
    "cut between chunks": (
        *("x.csv.age", lambda key: encrypt(GOOD + b"\n" * 200_000, key)[: -len(GOOD) - 3_500]),
        *({"FIC-09"}, "ALTERE"),
    ),
    "a bit of its end": ("x.csv.age", lambda key: spoiled(encrypt(GOOD, key), -1), {"FIC-09"}, "ALTERE"),
    "a bit of its seal": (
        *("x.csv.age", lambda key: spoiled(sealed := encrypt(GOOD, key), sealed.index(b"\n--- ") + 9)),
        *({"FIC-09"}, "ALTERE"),
    ),
    "something behind it": ("x.csv.age", lambda key: encrypt(GOOD, key) + b"x", {"FIC-09"}, "ALTERE"),
    "a header without end": ("x.csv.age", lambda key: _many(100_000), {"FIC-09"}, "EN_TETE"),
    "a header of many keys": ("x.csv.age", lambda key: _many(800), {"FIC-09"}, "AUTRE_CLE"),
    "encrypted twice": (
        *("x.csv.age", lambda key: encrypt(encrypt(GOOD, key), key)),
        *({"FIC-02", "FIC-03", "FIC-04", "FIC-09"}, "DEUX_FOIS"),
    ),
    "encrypted without its ending": (
        *("x.csv", lambda key: encrypt(GOOD, key)),
        *({"FIC-02", "FIC-03", "FIC-04", "FIC-09"}, "SANS_SUFFIXE"),
    ),
    "nothing inside": ("x.csv.age", lambda key: encrypt(b"", key), {"FIC-01"}, None),
    "an odd thing inside": ("x.csv.age", lambda key: encrypt(b"A;B\n1;2\n", key), {"FIC-03"}, None),
    "a NUL inside": ("x.csv.age", lambda key: encrypt(GOOD + b"\0", key), {"FIC-02"}, None),
    "too much inside": ("x.csv.age", lambda key: encrypt(GOOD + b"\n" * SIZE, key), {"FIC-07"}, None),
    "far too much inside": ("x.csv.age", lambda key: encrypt(GOOD + b"\n" * 9 * SIZE, key), {"FIC-07"}, None),
    "a bomb inside": ("x.csv.gz.age", lambda key: encrypt(_bomb(), key), {"FIC-07"}, None),
    "a cut gzip inside": ("x.csv.gz.age", lambda key: encrypt(gzip.compress(GOOD)[:-9], key), {"FIC-09"}, None),
    "another ending inside": ("x.exe.age", lambda key: encrypt(GOOD, key), {"FIC-03"}, None),
    "two endings": ("x.csv.age.age", lambda key: encrypt(encrypt(GOOD, key), key), {"FIC-03"}, None),
    "a number at its end": ("x.csv~2.age", lambda key: encrypt(GOOD, key), {"FIC-03"}, None),
    "a name too long": (f"{'x' * 194}.csv.age", lambda key: encrypt(GOOD, key), {"FIC-03"}, None),
}


def test_what_cannot_be_opened_is_refused_with_a_reason_and_stops_nobody(channel: tuple[Any, str]) -> None:
    registry, key = channel
    registry.settings = dataclasses.replace(registry.settings, max_bytes=SIZE)
    names = {}
    for at, (what, (name, make, _, _)) in enumerate(BAD.items()):
        names[what] = name if len(name) > 200 else f"{at}-{name}"
        registry.drop("LABO1", names[what], make(key))
    registry.drop("LABO1", "zz.csv.age", encrypt(GOOD, key))
    done = registry.run()
    assert not done.incidents
    assert not done.troubles
    for what, (_, _, codes, reason) in BAD.items():
        report = registry.report("LABO1", names[what])
        assert report is not None, what
        assert report["statut"] == "REFUSE", what
        assert set(report["codes"]) <= codes, (what, report["codes"])
        assert len(report["codes"]) == 1, what
        assert report.get("chiffrement", {}).get("motif") == reason, what
        stem = answer_stem(names[what], 1)
        page = html.unescape(registry.read("LABO1", f"{stem}.rapport.html").decode())
        assert reason is None or FAULTS[reason] in page, what
        assert f"{stem}.rapport.csv" not in registry.files("LABO1"), what
    assert registry.report("LABO1", "zz.csv.age")["statut"] == "INTEGRE"
    assert len(registry.doses()) == 2
    assert staging(registry) == []
    registry.verify()


def test_a_registry_without_a_key_knows_no_such_ending(registry: Any) -> None:
    country(registry)
    registry.drop("LABO1", "x.csv.age", encrypt(GOOD, Correspondent().key))
    registry.run()
    report = registry.report("LABO1", "x.csv.age")
    assert report["codes"] == {"FIC-03": 1}
    assert "chiffrement" not in report


def test_a_sender_that_promised_to_encrypt_is_held_to_it(channel: tuple[Any, str]) -> None:
    registry, key = channel
    with registry.registry.warehouse.login("administrator") as admin:
        age_keys.demand(admin, "LABO1", demanded=True)
    registry.drop("LABO1", "clair.csv", GOOD)
    registry.drop("LABO1", "vide.csv", b"")
    registry.drop("LABO1", "secret.csv.age", encrypt(GOOD, key))
    registry.drop("LABO2", "clair.csv", file(PASSIVE, dose("L2")))
    registry.run()
    refused = registry.report("LABO1", "clair.csv")
    assert (refused["codes"], refused["chiffrement"]["motif"]) == ({"FIC-05": 1}, "EN_CLAIR")
    assert registry.report("LABO1", "vide.csv")["codes"] == {"FIC-01": 1}, "the first code that holds"
    assert registry.report("LABO1", "secret.csv.age")["statut"] == "INTEGRE"
    assert registry.report("LABO2", "clair.csv")["lignes"]["integrees"] == 1
    with registry.registry.warehouse.login("administrator") as admin:
        age_keys.demand(admin, "LABO1", demanded=False)
    registry.drop("LABO1", "encore.csv", file(PASSIVE, dose("M9")))
    registry.run()
    assert registry.report("LABO1", "encore.csv")["statut"] == "INTEGRE"


def test_answers_go_encrypted_to_who_gave_a_key_and_to_nobody_else(channel: tuple[Any, str]) -> None:
    registry, key = channel
    labo, employer = Correspondent(), Correspondent()
    before = set(registry.files("LABO1"))
    give(registry, "LABO1", labo.key)
    give(registry, "EMPL", employer.key)
    body = file(PASSIVE, dose("M1"), dose("M2", NIR=NIR2, NOM="DURAND", PRENOM="LUC"), dose("M3", VALEUR="x"))
    registry.drop("LABO1", "mars.csv.age", encrypt(body, key))
    registry.drop("LABO2", "mars.csv", file(PASSIVE, dose("M1")))
    registry.run()
    lying = sorted(set(registry.files("LABO1")) - before)
    assert {f"mars.csv.age.rapport.{kind}.age" for kind in ("csv", "json", "html")} <= set(lying)
    assert "mars.csv.age.ar.json" in lying
    assert [name for name in lying if not name.endswith((".age", ".ar.json"))] == [NOTICE]
    home = registry.home("LABO1") / "retour"
    rows = cells(labo.read(home / "mars.csv.age.rapport.csv.age"))
    assert [one["CODE_ERREUR"] for one in rows] == ["", "IDT-06", "FMT-04"]
    with pytest.raises(pyrage.DecryptError):
        employer.read(home / "mars.csv.age.rapport.csv.age")
    wanted = employer.read(registry.home("EMPL") / "retour" / "a-declarer.csv.age")
    assert NIR2.encode() in wanted
    assert registry.report("LABO2", "mars.csv") is not None

    # The worker is declared: a follow-up, and the list to declare goes in the form it has.
    registry.drop("EMPL", "neuf.csv", file(TRAVAILLEURS, _declared(NIR2)))
    registry.run()
    assert "a-declarer.csv.age" not in registry.files("EMPL")
    told = cells(labo.read(home / "mars.csv.age.suivi-1.csv.age"))
    assert [one["ISSUE"] for one in told] == ["INTEGRE"]
    registry.run(date(2026, 5, 2))
    assert "travailleurs.csv.age" in registry.files("EMPL")
    assert "travailleurs.csv" not in registry.files("EMPL"), "the clear one of before went as it was delivered again"
    assert staging(registry) == []
    registry.verify()


def _declared(nir: str) -> str:
    told = {"NIR": nir, "CLE": key_of(nir), "NOM": "DURAND", "PRENOM": "LUC", "DATENAISSANCE": "01/05/1984"}
    return row(TRAVAILLEURS, **told, SEXE="F", DATEDEBUT="01/01/2024")


def test_a_partners_keys_overlap_and_the_old_one_ends(channel: tuple[Any, str]) -> None:
    registry, _ = channel
    old, new = Correspondent(), Correspondent()
    give(registry, "LABO1", old.key)
    give(registry, "LABO1", new.key, registry.today + timedelta(30))
    registry.drop("LABO1", "a.csv", file(PASSIVE, dose("A")))
    registry.run()
    path = registry.home("LABO1") / "retour" / "a.csv.rapport.json.age"
    assert old.read(path) == new.read(path)
    registry.drop("LABO1", "b.csv", file(PASSIVE, dose("B")))
    later(registry, registry.today + timedelta(31))
    path = registry.home("LABO1") / "retour" / "b.csv.rapport.json.age"
    assert b'"statut"' in new.read(path)
    with pytest.raises(pyrage.DecryptError):
        old.read(path)


def test_answers_go_in_the_clear_only_when_that_is_asked_for(channel: tuple[Any, str]) -> None:
    registry, _ = channel
    mine = Correspondent()
    give(registry, "LABO1", mine.key)
    registry.drop("LABO1", "a.csv", file(PASSIVE, dose("A")))
    registry.run()
    later(registry, registry.today + timedelta(4000))
    assert registry.client.recipients("LABO1") == [mine.key], "no day ends the last key"
    with registry.registry.warehouse.login("administrator") as admin:
        age_keys.withdraw(admin, "LABO1", registry.today - timedelta(1))
    assert registry.client.recipients("LABO1") == []
    answer_again(registry.client, registry.connection, registry.settings, registry.submission("LABO1", "a.csv"))
    lying = registry.files("LABO1")
    assert "a.csv.rapport.csv" in lying
    assert "a.csv.rapport.csv.age" not in lying
    give(registry, "LABO1", mine.key)
    assert registry.client.recipients("LABO1") == [mine.key], "a key may be given again"


def test_a_key_of_the_registry_ends_for_new_files_and_never_for_the_archive(channel: tuple[Any, str]) -> None:
    registry, old = channel
    body = file(PASSIVE, dose("A"), dose("B", SIRET=UNKNOWN), dose("C", NIR=NIR2, NOM="DURAND", PRENOM="LUC"))
    registry.drop("LABO1", "a.csv.age", encrypt(body, old))
    registry.run()
    new = open_channel(registry, registry.today + timedelta(10))
    assert new != old
    registry.drop("LABO1", "b.csv.age", encrypt(file(PASSIVE, dose("N")), new))
    registry.drop("LABO1", "c.csv.age", encrypt(file(PASSIVE, dose("O")), old))
    registry.run(registry.today + timedelta(10))
    for name in ("b.csv.age", "c.csv.age"):
        assert registry.report("LABO1", name)["statut"] == "INTEGRE"
    notice = registry.read("LABO1", NOTICE).decode()
    assert notice.index(new) < notice.index(old)
    registry.drop("LABO1", "d.csv.age", encrypt(file(PASSIVE, dose("P")), old))
    registry.drop("EMPL", "neuf.csv", file(TRAVAILLEURS, _declared(NIR2)))
    registry.run(registry.today + timedelta(1))
    late = registry.report("LABO1", "d.csv.age")
    assert (late["codes"], late["chiffrement"]["motif"]) == ({"FIC-09": 1}, "ANCIENNE_CLE")
    # What waited in a file of the old key left the queue: its follow-up reads the archive.
    assert registry.follow_ups("LABO1", "a.csv.age")[0]["changements"][0]["apres"] == "INTEGRE"
    assert b"DURAND" in registry.read("LABO1", "a.csv.age.suivi-1.csv")
    registry.verify()


def test_a_machine_without_the_secret_blames_nobody(channel: tuple[Any, str]) -> None:
    registry, key = channel
    held = envelope.place(registry.settings)
    aside = held.with_name("aside")
    os.rename(held, aside)
    registry.drop("LABO1", "a.csv.age", encrypt(GOOD, key))
    done = registry.run()
    assert len(done.incidents) == 1
    assert registry.report("LABO1", "a.csv.age") is None
    assert "a.csv.age.incident.json" in registry.files("LABO1")
    os.rename(aside, held)
    registry.run()
    assert registry.report("LABO1", "a.csv.age")["statut"] == "INTEGRE"
    assert "a.csv.age.incident.json" not in registry.files("LABO1")
    registry.verify()
    os.rename(held, aside)
    broken = [one for one in verify(registry.as_("analyst"), registry.settings) if not one.held]
    os.rename(aside, held)
    assert [key in one.seen for one in broken] == [True]


def test_a_trial_may_come_encrypted_and_is_answered_likewise(channel: tuple[Any, str]) -> None:
    registry, key = channel
    mine = Correspondent()
    give(registry, "LABO1", mine.key)
    for name, body in (("t.csv.age", encrypt(MIXED, key)), ("u.csv.age", encrypt(MIXED, Correspondent().key))):
        registry.client.put("LABO1", "depot/essai", name, body)
        registry.client.put("LABO1", "depot/essai", f"{name}.ok", b"")
    assert registry.run().trials == 2
    folder = registry.home("LABO1") / "retour" / "essai"
    assert {path.name for path in folder.iterdir()} == {
        *("t.csv.age.ar.json", "u.csv.age.ar.json"),
        *(f"t.csv.age.rapport.{kind}.age" for kind in ("csv", "json", "html")),
        *(f"u.csv.age.rapport.{kind}.age" for kind in ("json", "html")),
    }
    rows = cells(mine.read(folder / "t.csv.age.rapport.csv.age"))
    assert [one["LIBELLE_ERREUR"].startswith("ESSAI") for one in rows] == [True, True]
    assert b"AUTRE_CLE" in mine.read(folder / "u.csv.age.rapport.json.age")
    assert registry.doses() == set()
    assert staging(registry) == []
    row_ = registry.connection.execute("select count(*) from ledger.submission where age_recipient is not null")
    assert row_.fetchone() == (0,)


def test_what_a_killed_pass_left_in_the_clear_goes_with_the_next(channel: tuple[Any, str]) -> None:
    registry, key = channel
    registry.drop("LABO1", "a.csv.age", encrypt(GOOD, key))
    registry.run()
    left = registry.settings.folder("staging") / f"{registry.submission('LABO1', 'a.csv.age')}.00ff00ff.clair"
    left.write_bytes(GOOD)
    registry.run()
    assert staging(registry) == []


def test_answers_lie_there_for_their_time_whatever_their_form(channel: tuple[Any, str]) -> None:
    registry, _ = channel
    registry.settings = dataclasses.replace(registry.settings, report_days=90)
    mine = Correspondent()
    give(registry, "LABO1", mine.key)
    give(registry, "EMPL", mine.key)
    registry.drop("LABO1", "a.csv", file(PASSIVE, dose("A"), dose("B", NIR=NIR3, NOM="X", PRENOM="Y")))
    registry.settings = dataclasses.replace(registry.settings, queue_days=4000)
    first = registry.today
    registry.run()
    registry.run(first + timedelta(91))
    assert "a.csv.rapport.csv.age" not in registry.files("LABO1")
    assert NOTICE in registry.files("LABO1")
    assert "a-declarer.csv.age" in registry.files("EMPL")


def test_an_archived_file_that_opens_to_something_else_is_not_answered_with(channel: tuple[Any, str]) -> None:
    registry, key = channel
    registry.drop("LABO1", "a.csv.age", encrypt(GOOD, key))
    registry.run()
    number = registry.submission("LABO1", "a.csv.age")
    report = registry.read("LABO1", "a.csv.age.rapport.csv")
    kept = archive.place(registry.settings, registry.report("LABO1", "a.csv.age")["depot"]["sha256"])
    sound = kept.read_bytes()
    for other in (spoiled(sound, -1), encrypt(MIXED, key), encrypt(GOOD, Correspondent().key)):
        kept.chmod(0o600)
        kept.write_bytes(other)
        with pytest.raises(ServiceMissing, match="cannot be opened"):
            answer_again(registry.client, registry.connection, registry.settings, number)
        assert registry.read("LABO1", "a.csv.age.rapport.csv") == report
    kept.write_bytes(sound)
    smaller = dataclasses.replace(registry.settings, max_bytes=10)
    assert answer_again(registry.client, registry.connection, smaller, number)
    assert staging(registry) == []
