"""What a sender may try on the transport, on the embedded server and on the production sshd alike: every attempt is
refused or answered, the others go on, nothing is lost."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from datetime import date
from typing import Any

import paramiko
import pytest
from paramiko.sftp import CMD_EXTENDED
from senders import PASSIVE, dose, file
from transport_site import Site, refused, site, why_no_sshd

from loaders.errors import ServiceMissing
from loaders.settings import Settings
from loaders.sftp import SftpRefused

TODAY = date(2026, 4, 10)
WHY_NOT = why_no_sshd()
KINDS = [
    "embedded",
    pytest.param("sshd", marks=[pytest.mark.sshd, pytest.mark.skipif(WHY_NOT is not None, reason=WHY_NOT or "")]),
]


@pytest.fixture(scope="module", params=KINDS)
def place(request: Any, cluster: Settings) -> Iterator[Site]:
    with site(cluster, request.param, f"transport_{request.param}_{os.getpid()}") as made:
        made.account("ALPHA")
        made.account("BETA")
        yield made


@pytest.fixture
def ground(place: Site) -> Iterator[Site]:
    """The same place, with whatever a test left in the depots taken out."""
    yield place
    for code in ("ALPHA", "BETA"):
        for name in place.waiting(code):
            os.remove(os.fsencode(place.home(code) / "depot") + b"/" + name)


def passive(name: str) -> bytes:
    return file(PASSIVE, dose(name))


def answered(place: Site, code: str, name: str) -> bool:
    """Whether a drop has its receipt and its report."""
    found = set(place.files(code))
    return {f"{name}.ar.json", f"{name}.rapport.json"} <= found


def allowed(attempt: Any) -> bool:
    try:
        attempt()
    except OSError:
        return False
    return True


def test_the_way_of_a_file_there_and_back(ground: Site) -> None:
    ground.send("ALPHA", "aller.csv", passive("A1"))
    done = ground.run(TODAY)
    assert (len(done.taken), list(done.troubles)) == (1, [])
    assert ground.waiting("ALPHA") == []
    with ground.sender("ALPHA") as own:
        assert own.open("/retour/aller.csv.ar.json").read()
        assert own.open("/archive/aller.csv").read() == passive("A1")
        assert sorted(own.listdir("/")) == ["archive", "depot", "retour"]
        # What was taken cannot be changed any more by whoever wrote it.
        for mode in ("r+b", "wb", "ab"):
            assert not allowed(lambda mode=mode: own.open("/archive/aller.csv", mode))
        own_mode = stat.S_IMODE((ground.home("ALPHA") / "archive" / "aller.csv").stat().st_mode)
        assert not own_mode & 0o007


def test_no_way_out_of_the_home(ground: Site) -> None:
    ground.send("BETA", "secret.csv", passive("S1"))
    ground.run(TODAY)
    with ground.sender("ALPHA") as own:
        own.open("/depot/mine.csv", "wb").close()
        there = "BETA/retour/secret.csv.rapport.json"
        attempts = {
            "dots": lambda: own.open(f"/depot/../../{there}"),
            "dots from the root": lambda: own.open(f"../{there}"),
            "absolute": lambda: own.open(str(ground.home("BETA") / "retour" / "secret.csv.rapport.json")),
            "system": lambda: own.open("/etc/passwd"),
            "list dots": lambda: own.listdir("/depot/../../BETA"),
            "symlink": lambda: own.symlink("/etc/passwd", "/depot/link.csv"),
            "symlink out": lambda: own.symlink(f"../../{there}", "/depot/link.csv"),
            "rename out": lambda: own.rename("/depot/mine.csv", "/depot/../../BETA/depot/mine.csv"),
            "rename into retour": lambda: own.posix_rename("/depot/mine.csv", "/retour/mine.csv"),
            "take an answer": lambda: own.posix_rename("/retour/x.ar.json", "/depot/x.json"),
            "mkdir": lambda: own.mkdir("/depot/new"),
            "mkdir at the root": lambda: own.mkdir("/new"),
            "rmdir": lambda: own.rmdir("/depot/essai"),
            "move the trial folder": lambda: own.posix_rename("/depot/essai", "/depot/other"),
            "move depot": lambda: own.posix_rename("/depot", "/other"),
            "write retour": lambda: own.open("/retour/x", "wb"),
            "write archive": lambda: own.open("/archive/x", "wb"),
            "write the root": lambda: own.open("/x", "wb"),
        }
        assert [name for name, attempt in attempts.items() if allowed(attempt)] == []
        assert refused(own, CMD_EXTENDED, "hardlink@openssh.com", "/retour/x.ar.json", "/depot/link.csv")
        assert refused(own, CMD_EXTENDED, "copy-data", "0", "0")
        assert own.normalize("/depot/../../..") == "/"
        assert set(own.listdir("/depot")) == {"essai", "mine.csv"}


def test_modes_and_owners_are_no_way_in(ground: Site) -> None:
    with ground.sender("ALPHA") as own:
        own.open("/depot/modes.csv", "wb").close()
        allowed(lambda: own.chmod("/depot/modes.csv", 0))
        allowed(lambda: own.chown("/depot/modes.csv", 0, 0))
        allowed(lambda: own.chmod("/depot", 0o777))
        allowed(lambda: own.chmod("/", 0o777))
        with own.open("/depot/modes.csv.ok", "wb"):
            pass
    assert (ground.home("ALPHA")).stat().st_mode & 0o022 == 0
    # A file that its sender shut away is taken and answered all the same.
    done = ground.run(TODAY)
    assert (len(done.taken), list(done.troubles)) == (1, [])
    assert ground.report("ALPHA", "modes.csv")["codes"] == {"FIC-01": 1}


def test_sftp_and_nothing_else(ground: Site) -> None:
    with ground.sender("ALPHA") as own:
        transport = own.get_channel().get_transport()
        said = b""
        try:
            channel = transport.open_session()
            channel.exec_command("id; cat /etc/passwd")
            channel.settimeout(2)
            said = channel.recv(1000)
        except (paramiko.SSHException, TimeoutError, EOFError):
            pass
        assert b"uid=" not in said
        assert b"root:" not in said
        shell = transport.open_session()
        with pytest.raises(paramiko.SSHException):
            shell.get_pty()
        for kind in ("direct-tcpip", "tun@openssh.com", "direct-streamlocal@openssh.com"):
            with pytest.raises((paramiko.SSHException, EOFError)):
                transport.open_channel(kind, ("127.0.0.1", 22), ("127.0.0.1", 1), timeout=5)
        with pytest.raises((paramiko.SSHException, EOFError)):
            transport.request_port_forward("127.0.0.1", 0)


def test_passwords_strangers_and_other_people_s_keys(ground: Site) -> None:
    for code, key in (
        ("BETA", "ALPHA"),
        ("GAMMA", "ALPHA"),
        ("root", "ALPHA"),
        ("collecteur", "ALPHA"),
        ("..", "ALPHA"),
    ):
        with pytest.raises(ServiceMissing), ground.sender(code, ground.keys / key):
            pass
    address = ground.address("ALPHA")
    line = paramiko.Transport((address.host, address.port))
    try:
        line.start_client(timeout=10)
        with pytest.raises(paramiko.SSHException):
            line.auth_password("ALPHA", "ALPHA")
    finally:
        line.close()


def test_what_is_no_file_is_not_taken_and_holds_nobody_up(ground: Site) -> None:
    """As a careless administrator, or a broken server, might let in."""
    ground.send("BETA", "autre.csv", passive("N1"))
    ground.run(TODAY)
    depot = ground.home("ALPHA") / "depot"
    os.mkfifo(depot / "pipe.csv")
    os.mkfifo(depot / "fine.csv.ok")
    os.symlink(ground.home("BETA") / "retour" / "autre.csv.rapport.json", depot / "link.csv")
    os.symlink("/BETA/retour/autre.csv.rapport.json", depot / "inside.csv")
    if os.geteuid() == 0:
        os.mknod(depot / "device.csv", stat.S_IFCHR | 0o666, os.makedev(1, 5))  # endless zeros
    for name in ("pipe.csv", "link.csv", "inside.csv", "device.csv"):
        (depot / f"{name}.ok").touch()
    ground.send("ALPHA", "fine2.csv", passive("N2"))
    ground.send("BETA", "suite.csv", passive("N3"))
    done = ground.run(TODAY)
    assert (len(done.taken), list(done.troubles)) == (2, [])
    assert answered(ground, "ALPHA", "fine2.csv")
    assert answered(ground, "BETA", "suite.csv")
    assert not [name for name in ground.files("ALPHA") if name.startswith(("pipe", "link", "inside", "device"))]
    for name in ("link.csv", "inside.csv"):  # swapped after the listing, so to speak
        with pytest.raises(SftpRefused):
            ground.client.fetch("ALPHA", name, ground.keys / "copy")


NAMES = [
    b"Mars.csv", b"mars.csv", b"MARS.CSV", b"mars.Csv", b"-rf.csv", b"--help.csv", b"deux\nlignes.csv",
    b"tab\there.csv", b"\x1b[31mrouge.csv", b"latin\xe9.csv", b"espace .csv", b"con.csv", b"a;b.csv", b"$(id).csv",
    b"`id`.csv", b"..csv",
    "é".encode() * 90 + b".csv", b"x" * 196 + b".csv", b"x" * 197 + b".csv", b"x" * 245 + b".csv",
]  # fmt: skip


def test_every_name_is_answered_and_none_takes_another_s(ground: Site) -> None:
    taken = [name for name in NAMES if not name.startswith(b".")]
    for number, name in enumerate(taken):
        ground.send("ALPHA", name, passive(f"NOM{number}"))
    done = ground.run(TODAY)
    assert (len(done.taken), list(done.troubles), ground.waiting("ALPHA")) == (len(taken), [], [])
    rows = ground.connection.execute(
        "select count(*), count(distinct file_name) from ledger.submission where submission_id = any(%s)", (done.taken,)
    ).fetchone()
    assert rows == (len(taken), len(taken))
    receipts = [name for name in os.listdir(os.fsencode(ground.home("ALPHA") / "retour")) if name.endswith(b".ar.json")]
    reports = [name for name in os.listdir(os.fsencode(ground.home("ALPHA") / "retour")) if name.endswith(b"t.json")]
    assert len(receipts) == len(reports) >= len(taken)
    with ground.sender("ALPHA") as own:  # too long for any file system
        assert not allowed(lambda: own.open(b"/depot/" + b"x" * 256, "wb"))


def test_an_upload_that_never_ends_holds_nobody_up(ground: Site) -> None:
    body = passive("LENT1")
    with ground.sender("ALPHA") as own:
        growing = own.open("/depot/lent.csv", "wb")
        growing.write(body[:40])
        growing.flush()
        named = own.open("/depot/lent2.csv.part", "wb")
        named.write(body)
        named.flush()
        ground.send("BETA", "vite.csv", passive("VITE1"))
        done = ground.run(TODAY)
        assert (len(done.taken), list(done.troubles)) == (1, [])
        assert answered(ground, "BETA", "vite.csv")
        assert ground.waiting("ALPHA") == [b"lent.csv", b"lent2.csv.part"]
        growing.write(body[40:])
        growing.close()
        own.open("/depot/lent.csv.ok", "wb").close()
        named.close()
    ground.run(TODAY)
    assert (ground.home("ALPHA") / "archive" / "lent.csv").read_bytes() == body
    assert ground.waiting("ALPHA") == [b"lent2.csv.part"]


def test_ten_thousand_tiny_files_leave_the_others_their_turn(ground: Site) -> None:
    """Without markers they wait for the quiet period, and are looked at in each pass; with markers they are taken."""
    depot = ground.home("ALPHA") / "depot"
    for number in range(10_000):
        (depot / f"t{number}.csv").write_bytes(b"x")
    marked = range(0, 10_000, 200)
    for number in marked:
        (depot / f"t{number}.csv.ok").touch()
    ground.send("BETA", "calme.csv", passive("CALME1"))
    done = ground.run(TODAY)
    assert (len(done.taken), list(done.troubles)) == (1 + len(marked), [])
    assert answered(ground, "BETA", "calme.csv")
    assert all(answered(ground, "ALPHA", f"t{number}.csv") for number in marked)
    assert len(ground.waiting("ALPHA")) == 10_000 - len(marked)


def test_a_sender_that_fills_its_space_leaves_the_others_theirs(ground: Site) -> None:
    if ground.sshd:  # a file system of that home's own, as a quota does it
        small = ground.sshd.run("mount", "-t", "tmpfs", "-o", "size=3m,mode=755", "none", str(ground.home("ALPHA")))
        if small.returncode:
            pytest.skip("no file system can be mounted here")
        for folder in ("depot", "depot/essai", "retour", "retour/essai", "archive", "archive/essai"):
            ground.sshd.run("mkdir", "-p", str(ground.home("ALPHA") / folder))
        ground.lay()
    block = b"0" * 100_000
    try:
        with ground.sender("ALPHA") as own:
            full = own.open("/depot/plein.csv.part", "wb")
            assert not allowed(lambda: [full.write(block) for _ in range(100)])
            with pytest.raises(OSError):
                own.open("/depot/petit.csv", "wb").write(block)
            ground.send("BETA", "place.csv", passive("PLACE1"))
            done = ground.run(TODAY)
            assert len(done.taken) == 1
            assert answered(ground, "BETA", "place.csv")
            full.close()
            own.remove("/depot/plein.csv.part")
        ground.send("ALPHA", "libre.csv", passive("LIBRE1"))
        done = ground.run(TODAY)
        assert (len(done.taken), list(done.troubles)) == (1, [])
    finally:
        if ground.sshd:
            ground.sshd.run("umount", "-l", str(ground.home("ALPHA")))
