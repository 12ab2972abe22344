"""The production set-up of ``deploy/sshd`` by itself: accounts that the registry publishes, keys and accounts that end,
the host key changed in front of a running collector, logins noted."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import paramiko
import pytest
from transport_site import DEPLOY, SSHD, Site, key_pair, site, why_no_sshd

from loaders.errors import ServiceMissing
from loaders.settings import PARIS, Settings
from loaders.sftp import connect
from pipelines import doors, partners
from pipelines.partners import Span

WHY_NOT = why_no_sshd()
pytestmark = [pytest.mark.sshd, pytest.mark.skipif(WHY_NOT is not None, reason=WHY_NOT or "")]
TODAY = date(2026, 4, 10)
NOW = datetime.now(PARIS).date()


@pytest.fixture(scope="module")
def place(cluster: Settings) -> Iterator[Site]:
    with site(cluster, "sshd", f"production_{os.getpid()}") as made:
        yield made


@pytest.fixture
def admin(place: Site) -> Iterator[Any]:
    with place.registry.warehouse.admin() as connection:
        yield connection


def enters(place: Site, code: str, key: Path | None = None) -> bool:
    try:
        with place.sender(code, key):
            return True
    except ServiceMissing:
        return False


def test_the_configuration_opens_sftp_alone() -> None:
    """As sshd itself understands it, for a sender and for the collector."""
    text = (DEPLOY / "sshd_config").read_text()
    host = re.search(r"^HostKey (.*)$", text, re.MULTILINE)
    assert host
    for user, group in (("LABO1", "siseri-emetteurs"), ("collecteur", "siseri-collecte"), ("somebody", "users")):
        # Groups are asked of the system: what the group's block says is read from the text instead.
        spec = f"user={user},host=h,addr=10.0.0.1,laddr=10.0.0.2,lport=2222"
        tried = text.replace(f"Match Group {group}", f"Match User {user}").replace(host[0], "")
        done = subprocess.run(
            [str(SSHD), "-T", "-C", spec, "-f", "/dev/stdin"], input=tried, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        told = dict(line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)
        no = ("passwordauthentication", "kbdinteractiveauthentication", "allowtcpforwarding", "x11forwarding")
        no += ("allowagentforwarding", "allowstreamlocalforwarding", "permittunnel", "permittty", "permituserrc")
        assert {name: told[name] for name in no} == dict.fromkeys(no, "no")
        assert told["disableforwarding"] == "yes"
        assert told["forcecommand"].startswith("internal-sftp")
        assert told["chrootdirectory"] != "none"
        assert (told["authorizedkeysfile"] == "none") == (user == "somebody")
        assert (told["permitrootlogin"] == "no") == (user != "collecteur")


def test_an_account_is_laid_from_what_the_registry_published(place: Site, admin: Any) -> None:
    assert place.sshd
    key = key_pair(place.keys / "NEUF")
    partners.add(admin, place.client, place.settings, "NEUF", "OA", [], None, Path(f"{key}.pub"))
    assert not enters(place, "NEUF")
    place.lay()
    home = place.home("NEUF")
    before = {path.name: path.stat() for path in (home, *home.rglob("*"))}
    assert all(one.st_uid == 0 for one in before.values())
    assert [stat.S_IMODE(before[name].st_mode) for name in ("NEUF", "depot", "retour", "archive")] == [
        0o755, 0o3770, 0o2750, 0o2750,
    ]  # fmt: skip
    assert enters(place, "NEUF")
    place.lay()
    assert {path.name: path.stat().st_ctime_ns for path in (home, *home.rglob("*"))} == {
        name: one.st_ctime_ns for name, one in before.items()
    }
    # Who only receives gets no depot.
    place.account("MINIST", "DGT")
    with place.sender("MINIST") as own:
        assert sorted(own.listdir("/")) == ["archive", "retour"]


def test_a_login_of_somebody_else_s_is_left_alone(place: Site) -> None:
    assert place.sshd
    place.sshd.run("useradd", "--badname", "-p", "*", "VOISIN")
    place.client.put_account("VOISIN", "")
    place.client.put(".comptes", "", "x", b"")  # no code: nobody's account
    try:
        assert b"VOISIN" in place.sshd.lay()
    finally:
        (place.sshd.homes / ".comptes" / "VOISIN").unlink()
    groups = place.sshd.run("id", "-nG", "VOISIN").stdout
    assert b"siseri-emetteurs" not in groups
    assert place.sshd.run("id", "x").returncode


def test_a_home_that_is_a_link_is_not_laid(place: Site, tmp_path: Path) -> None:
    assert place.sshd
    place.account("LIEN")
    depot = place.home("LIEN") / "depot"
    depot.rename(place.home("LIEN") / "gone")
    tmp_path.chmod(0o700)
    depot.symlink_to(tmp_path)
    try:
        assert b"LIEN" in place.sshd.lay()
        assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700
    finally:
        depot.unlink()
        (place.home("LIEN") / "gone").rename(depot)
    place.lay()


def test_keys_overlap_and_the_old_one_ends(place: Site, admin: Any) -> None:
    old = place.account("ROULE")
    new = key_pair(place.keys / "ROULE-new")
    doors.rotate(admin, place.settings, "ROULE", Path(f"{new}.pub"), NOW)
    doors.settle(admin, place.client, place.settings, "ROULE")
    assert [enters(place, "ROULE", key) for key in (old, new)] == [True, True]
    shown = partners.show(admin, place.settings, "ROULE")["cles_dates"]
    assert sorted((one["au"], one["en_vigueur"]) for one in shown if one["au"]) == [(NOW.isoformat(), True)]
    doors.rotate(admin, place.settings, "ROULE", Path(f"{key_pair(place.keys / 'ROULE-3')}.pub"), NOW - timedelta(1))
    doors.settle(admin, place.client, place.settings, "ROULE")
    assert [enters(place, "ROULE", key) for key in (old, new, place.keys / "ROULE-3")] == [False, False, True]


def test_an_account_out_of_its_days_is_refused(place: Site, admin: Any) -> None:
    key = place.account("TEMPS", start=TODAY + timedelta(1))
    assert not enters(place, "TEMPS", key)
    partners.set_days(admin, place.settings, "TEMPS", Span(TODAY, NOW + timedelta(1)), place.client)
    assert enters(place, "TEMPS", key)
    # sshd itself ends it, should no pass come in time.
    partners.set_days(admin, place.settings, "TEMPS", Span(TODAY, NOW - timedelta(1)), place.client)
    assert not enters(place, "TEMPS", key)
    partners.set_days(admin, place.settings, "TEMPS", Span(), place.client)
    assert enters(place, "TEMPS", key)


def test_closing_an_account_ends_its_sessions(place: Site, admin: Any) -> None:
    place.account("FERME")
    with place.sender("FERME") as own:
        own.listdir("/depot")
        partners.disable(admin, place.settings, "FERME", place.client)
        place.lay()
        with pytest.raises((OSError, EOFError, paramiko.SSHException)):
            own.listdir("/depot")
    assert not enters(place, "FERME")
    partners.reopen(admin, place.settings, "FERME", place.client)
    assert enters(place, "FERME")


def test_what_a_server_lost_is_published_again(place: Site, admin: Any) -> None:
    assert place.sshd
    place.account("PERDU")
    (place.sshd.homes / ".comptes" / "PERDU").unlink()
    assert not enters(place, "PERDU")
    doors.publish_all(admin, place.client)
    assert enters(place, "PERDU")


def test_the_host_key_is_changed_with_an_overlap(place: Site) -> None:
    """Both are pinned, then the server changes, then the old pin goes: the collector is never shut out, nor fooled."""
    assert place.sshd

    def reached() -> bool:
        try:
            with connect(place.settings, place.registry.services) as client:
                return bool(client.homes())
        except ServiceMissing:
            return False

    old, new = "ssh_host_ed25519_key", "next_host_key"
    try:
        place.sshd.pin(old, new)
        assert reached()
        place.sshd.stop()
        place.sshd.configure(new, old)
        place.sshd.start()
        assert reached()
        place.sshd.pin(old)
        assert not reached()
        place.sshd.pin(new)
        assert reached()
    finally:
        place.sshd.stop()
        place.sshd.configure(old)
        place.sshd.start()
        place.sshd.pin(old)


def test_logins_are_noted_from_the_server_s_log(place: Site, admin: Any) -> None:
    assert place.sshd
    place.account("ENTRE")
    place.account("JAMAIS")
    assert enters(place, "ENTRE")
    log = place.sshd.log.read_bytes()
    forged = b"Invalid user Accepted publickey for JAMAIS from 10.0.0.1 port 1\n"
    done = place.sshd.run(str(DEPLOY / "logins"), "--homes", str(place.sshd.homes), told=log + forged)
    assert done.returncode == 0, done.stderr
    seen = place.client.logins()
    assert "ENTRE" in seen
    assert "JAMAIS" not in seen
    assert abs(datetime.now(UTC).timestamp() - seen["ENTRE"]) < 600
    place.run(TODAY)
    assert partners.show(admin, place.settings, "ENTRE")["derniere_utilisation"] == NOW.isoformat()


def test_the_log_names_no_file(place: Site) -> None:
    assert place.sshd
    place.account("DISCRET")
    with place.sender("DISCRET") as own:
        own.open("/depot/DUPONT-JEAN.csv", "wb").close()
    log = place.sshd.log.read_text()
    assert "DISCRET" in log
    assert "DUPONT" not in log
