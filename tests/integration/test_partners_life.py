"""The life of an account: its days, what lies in its depot around them, the 24 months, what a designation opened."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import time
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from notice_world import CRP, World, month
from senders import DESIGNATIONS, NIR, PASSIVE, RPPS, SIREN, SIRET, SIRET2, country, dose, file, row
from transport_site import key_pair

from loaders.authorized_keys import Key, end_of, published, read
from loaders.errors import ServiceMissing, UsageError
from loaders.services import SftpAddress
from loaders.settings import PARIS
from loaders.sftp import session
from pipelines import doors, partners
from pipelines.deposit import deposit
from pipelines.partners import Span
from pipelines.principals import Principal, admitted

TODAY = date(2026, 4, 10)


@pytest.fixture
def land(registry: Any) -> Any:
    country(registry)
    registry.run(TODAY)
    return registry


@contextlib.contextmanager
def administrator(land: Any) -> Any:
    with land.registry.warehouse.admin() as admin:
        yield admin


def days(land: Any, code: str, start: date | None, end: date | None) -> None:
    with administrator(land) as admin:
        partners.set_days(admin, land.settings, code, Span(start, end))


def shown(land: Any, code: str) -> dict[str, Any]:
    return partners.show(land.connection, land.settings, code)


def is_open(land: Any, code: str) -> bool:
    return next(one["actif"] for one in partners.listing(land.connection) if one["code"] == code)


def enters(land: Any, code: str, key: Path) -> bool:
    try:
        address = SftpAddress("127.0.0.1", land.registry.services.sftp.port, code)
        with session(address, key, land.settings.sftp_known_hosts) as own:
            own.listdir("/retour")
            return True
    except ServiceMissing:
        return False


def keyed(land: Any, code: str, tmp_path: Path, name: str = "one") -> Path:
    key = key_pair(tmp_path / f"{code}-{name}")
    doors.add_key(land.connection, land.settings, code, Path(f"{key}.pub"))
    return key


def test_an_account_is_open_between_its_days(land: Any, tmp_path: Path) -> None:
    key = keyed(land, "LABO1", tmp_path)
    days(land, "LABO1", TODAY + timedelta(10), TODAY + timedelta(20))
    seen = {}
    for after in (0, 9, 10, 20, 21):
        land.run(TODAY + timedelta(after))
        seen[after] = is_open(land, "LABO1"), enters(land, "LABO1", key)
    assert seen == {0: (False,) * 2, 9: (False,) * 2, 10: (True,) * 2, 20: (True,) * 2, 21: (False,) * 2}
    told = shown(land, "LABO1")
    assert (told["valide_du"], told["valide_au"], told["actif"]) == ("2026-04-20", "2026-04-30", False)
    with pytest.raises(UsageError, match="before it begins"):
        Span(TODAY, TODAY - timedelta(1))


def test_what_lies_in_a_depot_around_the_days(land: Any, tmp_path: Path) -> None:
    """Before its first day a file waits; one that was there on the last day is taken and answered after it."""
    days(land, "LABO1", TODAY + timedelta(1), TODAY + timedelta(2))
    local = tmp_path / "avance.csv"
    local.write_bytes(file(PASSIVE, dose("A1")))
    with pytest.raises(UsageError, match="no open account"):
        deposit(land.client, land.connection, "LABO1", [local])
    land.drop("LABO1", "avance.csv", file(PASSIVE, dose("A1")))
    assert not land.run(TODAY).taken
    assert len(land.run(TODAY + timedelta(1)).taken) == 1
    land.drop("LABO1", "dernier.csv", file(PASSIVE, dose("A2", VALEUR="0.16", LOCALISATION="CEINTURE")))
    assert len(land.run(TODAY + timedelta(3)).taken) == 1
    assert land.report("LABO1", "dernier.csv")["lignes"]["recues"] == 1
    assert land.rows("LABO1", "dernier.csv")[0][0] in ("INTEGRE", "EN_ATTENTE")


def test_one_account_s_day_is_not_another_s(land: Any) -> None:
    """Settling one account turns the others whose day has come too, with all that belongs to it."""
    days(land, "LABO2", None, TODAY)
    land.settings = dataclasses.replace(land.settings, today=TODAY + timedelta(1))
    days(land, "LABO1", None, None)
    assert not is_open(land, "LABO2")
    assert (land.settings.home / "keys" / "partners" / "LABO2" / doors.CLOSED).exists()


def test_keys_overlap_then_the_old_one_ends(land: Any, tmp_path: Path) -> None:
    old = keyed(land, "LABO1", tmp_path)
    new, newest = (key_pair(tmp_path / name) for name in ("new", "newest"))
    today = datetime.now(PARIS).date()
    doors.rotate(land.connection, land.settings, "LABO1", Path(f"{new}.pub"), today)
    assert [enters(land, "LABO1", key) for key in (old, new)] == [True, True]
    doors.rotate(land.connection, land.settings, "LABO1", Path(f"{newest}.pub"), today - timedelta(1))
    assert [enters(land, "LABO1", key) for key in (old, new, newest)] == [False, False, True]
    told = shown(land, "LABO1")["cles_dates"]
    assert sorted(str(one["au"]) for one in told) == sorted([*[(today - timedelta(1)).isoformat()] * 2, "None"])
    assert [one["en_vigueur"] for one in told if one["au"] is None] == [True]
    with pytest.raises(UsageError, match="this key already"):
        doors.rotate(land.connection, land.settings, "LABO1", Path(f"{newest}.pub"), today)


def test_the_lines_that_both_servers_read() -> None:
    last = date(2026, 10, 24)  # the day before the clocks change
    line = Key("ssh-ed25519", "AAAA", end_of(last)).line("LABO1")
    assert line == 'expiry-time="202610242200Z" ssh-ed25519 AAAA LABO1'
    [key] = read(line)
    assert (key.until, read(f"no-pty {line}"), read('from="h" ssh-ed25519 AAAA x')) == (last, [], [])
    assert published([Key("ssh-ed25519", "AAAA")], "L", None) == "restrict ssh-ed25519 AAAA L\n"
    sooner = published([key], "L", last - timedelta(3))
    assert sooner == 'restrict,expiry-time="202610212200Z" ssh-ed25519 AAAA L\n'


def test_an_account_that_nobody_uses_is_told_then_closed(land: Any, tmp_path: Path) -> None:
    opened = datetime.now(PARIS).date()  # accounts count from their opening, by the clock
    ahead = (
        opened.replace(year=opened.year + 2) if (opened.month, opened.day) != (2, 29) else date(opened.year + 2, 2, 28)
    )
    first = ahead - timedelta(32)
    land.run(first)
    assert "compte-inutilise.json" not in land.files("SITE")
    land.run(ahead - timedelta(25))
    told = json.loads(land.read("SITE", "compte-inutilise.json"))
    assert (told["derniere_utilisation"], is_open(land, "SITE")) == (opened.isoformat(), True)
    closes = date.fromisoformat(told["ferme_le"])
    assert closes >= ahead
    # One sends, another logs in: both stay.
    land.drop("LABO1", "vivant.csv", file(PASSIVE, dose("V1")))
    key = keyed(land, "LABO2", tmp_path)
    assert enters(land, "LABO2", key)
    mark = land.settings.home / "sftp" / ".connexions" / "LABO2"
    moment = time.mktime((ahead - timedelta(20)).timetuple())
    os.utime(mark, (moment, moment))
    land.run(closes - timedelta(1))
    land.run(closes)
    assert not is_open(land, "SITE")
    assert not enters(land, "SITE", keyed(land, "SITE", tmp_path))
    assert shown(land, "SITE")["motif_fermeture"] == "INUTILISE"
    assert [is_open(land, code) for code in ("LABO1", "LABO2")] == [True, True]
    assert not {"compte-inutilise.json", "compte-inutilise.html"} & set(land.files("LABO1"))
    land.settings = dataclasses.replace(land.settings, today=closes)
    with administrator(land) as admin:
        partners.reopen(admin, land.settings, "SITE")
    land.run(closes + timedelta(1))
    assert is_open(land, "SITE")
    assert shown(land, "SITE")["averti_le"] is None


def test_nobody_is_closed_without_a_month_s_notice(land: Any) -> None:
    """The registry did not run when the notice was due: the month begins with the notice."""
    far = datetime.now(PARIS).date() + timedelta(3 * 365)
    land.run(far)
    assert is_open(land, "SITE")
    land.run(far + timedelta(20))
    assert is_open(land, "SITE")
    land.run(far + timedelta(31))
    assert not is_open(land, "SITE")


def test_a_sender_is_told_what_lies_in_its_depot_in_vain(land: Any) -> None:
    depot = land.home("LABO1") / "depot"
    for name in ("vieux.csv.part", "seul.csv.ok", ".cache", "récent.csv.part", b"l\xe9.part"):
        path = os.fsencode(depot) + b"/" + os.fsencode(name)
        Path(os.fsdecode(path)).touch()
        if name != "récent.csv.part":
            os.utime(path, (0, 0))
    os.mkfifo(depot / "tube.csv")
    os.utime(depot / "tube.csv", (0, 0))
    land.run(TODAY + timedelta(1))
    told = json.loads(land.read("LABO1", "depot-en-souffrance.json"))
    assert told["nombre"] == 5
    assert [one["nom"] for one in told["fichiers"]] == [
        ".cache",
        "l\\xe9.part",
        "seul.csv.ok",
        "tube.csv",
        "vieux.csv.part",
    ]
    assert "vieux.csv.part" in land.read("LABO1", "depot-en-souffrance.html").decode()
    assert "depot-en-souffrance.json" not in land.files("LABO2")
    for path in depot.iterdir():
        if path.name != "essai":
            path.unlink()
    land.run(TODAY + timedelta(2))
    assert not [name for name in land.files("LABO1") if name.startswith("depot-en-souffrance")]


@pytest.fixture
def world(registry: Any) -> World:
    return World(registry)


def admits(world: World, principal: Principal, day: date) -> bool:
    registry = world.registry.registry
    with admitted(
        registry.warehouse, registry.key, principal, day=day, who="t", door="COMMANDE", what="releve", subject=NIR
    ) as (reader):
        return reader is not None


def test_a_designation_that_ends_closes_every_channel_the_same_day(world: World) -> None:
    """Statements, the month's results, notices, contacts: all open on the last day, none the day after."""
    last, after = date(2026, 4, 20), date(2026, 4, 21)
    world.lab(month(1, "21"), dose("MOIS", DATE_DEBUT_PORT="01/03/2026", DATE_FIN_PORT="31/03/2026"))
    readers = {"DOCTEUR": Principal("MDT", RPPS), "CONSEIL": Principal("CRP", CRP)}
    for role, who in (("MDT", RPPS), ("CRP", CRP), ("OA", "LABO1")):
        for siret in (SIRET, SIRET2):
            world.designate(siret, role, who, "01/01/2020", "20/04/2026")

    def channels(code: str) -> set[str]:
        found = set()
        for name in world.registry.files(code):
            found.add(name.split("-")[0].split(".")[0])
        return found & {"depassement", "resultats", "accedants"}

    world.run(today=last)
    world.run(today=last)
    open_then = {code: (admits(world, one, last), channels(code)) for code, one in readers.items()}
    assert open_then == {code: (True, {"depassement", "resultats"}) for code in readers}
    assert "accedants" in channels("LABO1")
    world.run(today=after)
    assert {code: (admits(world, one, after), channels(code)) for code, one in readers.items()} == {
        code: (False, set()) for code in readers
    }
    assert "accedants" not in channels("LABO1")
    # Designated again, they hold again what concerns them.
    world.designate(SIRET, "MDT", RPPS, "22/04/2026")
    world.run(today=date(2026, 4, 22))
    assert "depassement" in channels("DOCTEUR")
    assert channels("CONSEIL") == set()


def test_a_siren_that_changed_hands_leaves_with_its_lists(land: Any) -> None:
    land.partner("AUTRE", "EMPLOYEUR", ["443061841"])
    land.run(date(2026, 5, 1))
    assert SIRET.encode() in land.read("EMPL", "travailleurs.csv")
    with administrator(land) as admin:
        partners.transfer(admin, SIREN, "AUTRE", "rachat")
    land.run(date(2026, 5, 2))
    assert "travailleurs.csv" not in land.files("EMPL")


def test_closed_accounts_get_no_lists(land: Any) -> None:
    """What would be given to an account whose days are over waits for nobody."""
    land.drop("EMPL", "d.csv", file(DESIGNATIONS, row(DESIGNATIONS, IDENTIFIANT="LABO2")))
    days(land, "LABO1", None, date(2026, 4, 30))
    land.run(date(2026, 5, 1))
    given = land.connection.execute(
        "select p.code from ledger.monthly_list m join ledger.partner p using (partner_id)"
        " where m.name = 'accedants.csv' and m.month = '2026-05-01'"
    ).fetchall()
    assert ("LABO2",) in given
    assert ("LABO1",) not in given
