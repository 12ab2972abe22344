"""The collector's client against the embedded server, and what a sender may and may not do there."""

import hashlib
import io
import os
import shutil
import signal
import stat
import subprocess
import threading
import time

import paramiko
import pytest

from loaders import services
from loaders.bell import rung
from loaders.errors import ServiceMissing
from loaders.services import SftpAddress, running
from loaders.settings import Settings
from loaders.sftp import SftpLost, SftpRefused, connect, session

NAMES = [
    "mars.csv",
    "-rf",
    "é à œ.csv",
    "deux lignes\n.csv",
    "x" * 255,
    "é" * 127,
    "-- ;'\"$(id).csv",
    b"latin\xe9\xff.csv".decode("utf-8", "surrogateescape"),
]


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    return Settings.load({"SISERI_HOME": str(tmp_path_factory.mktemp("sftp") / "home")})


@pytest.fixture(scope="module")
def given(settings):
    with running(settings, database=False) as given:
        with connect(settings, given) as client:
            for code in ("LABO1", "LABO2"):
                client.make_home(code)
                new_key(settings, code)
            client.make_home("DGT", depot=False)
        yield given


@pytest.fixture
def client(settings, given):
    with connect(settings, given) as client:
        for folder in ("depot", "depot/essai", "retour", "archive"):
            for entry in client.listdir("LABO1", folder):
                if entry.is_regular:
                    client.remove("LABO1", folder, entry.name)
        yield client


def new_key(settings, code, name="one"):
    """A key of a sender, its public half where the server looks for it; the private file's path."""
    key = paramiko.Ed25519Key.generate() if hasattr(paramiko.Ed25519Key, "generate") else paramiko.RSAKey.generate(2048)
    folder = settings.folder("keys", "partners", code)
    (folder / f"{name}.pub").write_text(f"{key.get_name()} {key.get_base64()} {code}\n")
    path = settings.folder("keys", "private") / f"{code}-{name}"
    key.write_private_key_file(str(path))
    return path


def sender(settings, given, code="LABO1", key=None):
    address = SftpAddress("127.0.0.1", given.sftp.port, code)
    path = key or settings.home / "keys" / "private" / f"{code}-one"
    return session(address, path, settings.sftp_known_hosts)


def test_homes(client):
    assert client.homes() == ["DGT", "LABO1", "LABO2"]
    assert client.exists("LABO1", "depot", "essai")
    assert not client.exists("DGT", "depot", "essai")
    assert client.listdir("DGT", "depot") == []
    client.make_home("LABO1")


@pytest.mark.parametrize("name", NAMES)
def test_the_way_of_a_file(settings, client, tmp_path, name):
    content = os.urandom(3000)
    client.put("LABO1", "depot", name, content)
    [entry] = [entry for entry in client.listdir("LABO1", "depot") if entry.is_regular]
    assert (entry.name, entry.size) == (name, 3000)
    assert abs(entry.mtime - time.time()) < 60
    fetched = client.fetch("LABO1", name, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == content
    assert (fetched.sha256, fetched.size, fetched.changed) == (hashlib.sha256(content).hexdigest(), 3000, False)
    client.move("LABO1", "depot", name, "archive", name)
    assert not client.exists("LABO1", "depot", name)
    assert client.read_small("LABO1", "archive", name, 10) == content[:10]
    on_disk = settings.home / "sftp" / "LABO1" / "archive" / name
    assert stat.S_IMODE(on_disk.stat().st_mode) & 0o007 == 0
    client.remove("LABO1", "archive", name)
    client.remove("LABO1", "archive", name)
    assert not client.exists("LABO1", "archive", name)


def test_put_replaces_and_leaves_no_half(client, tmp_path):
    big = tmp_path / "big"
    big.write_bytes(b"x" * 3_000_001)
    client.put("LABO1", "retour", "mars.csv.rapport.csv", b"first")
    client.put("LABO1", "retour", "mars.csv.rapport.csv", big)
    [entry] = [entry for entry in client.listdir("LABO1", "retour") if entry.is_regular]
    assert (entry.name, entry.size) == ("mars.csv.rapport.csv", 3_000_001)
    with pytest.raises(FileNotFoundError):
        client.put("LABO1", "nowhere", "x", b"x")
    client.put("LABO1", "retour", "empty", b"")
    assert client.read_small("LABO1", "retour", "empty") == b""


def test_many_homes_are_listed_as_one_by_one(settings, client):
    """More than travel together, one that is not there, one that is a link, one with more names than one answer."""
    home = settings.home / "sftp"
    codes = [f"H{at:03d}" for at in range(150)]
    try:
        for at, code in enumerate(codes):
            (home / code / "depot").mkdir(parents=True)
            for number in range(at % 4):
                (home / code / "depot" / f"{number}.csv").write_bytes(b"x" * number)
        for number in range(300):
            (home / codes[70] / "depot" / f"beaucoup-{number}.csv").write_bytes(b"")
        (home / codes[5] / "depot" / "0.csv").unlink()
        (home / codes[5] / "depot").rmdir()
        (home / codes[5] / "depot").symlink_to(home / codes[6] / "depot")
        listed = client.listdirs([*codes, "ABSENT"], "depot")
        assert isinstance(listed[5], SftpRefused)
        assert listed[-1] == []
        assert len(listed[70]) == 302
        for at in (0, 1, 63, 64, 65, 70, 128, 149):
            assert sorted(listed[at], key=repr) == sorted(client.listdir(codes[at], "depot"), key=repr)
        assert [len(one) for at, one in enumerate(listed[:-1]) if at not in (5, 70)] == [
            at % 4 for at in range(150) if at not in (5, 70)
        ]
        assert client.homes()[0] == "DGT"  # the connection is in order still
    finally:
        for code in codes:
            shutil.rmtree(home / code)


def test_several_answers_travel_together(settings, client, tmp_path):
    big = tmp_path / "big"
    big.write_bytes(os.urandom(3_000_001))
    small = tmp_path / "small"
    small.write_bytes(os.urandom(100_000))
    for files in ({"a.csv": small, "b.html": b"", "c.json": b"{}"}, {"a.csv": big, "b.html": b"two", "c.json": b"{}"}):
        # What a killed put left under a passing name is no obstacle, and does not stay.
        digest = hashlib.blake2b(b"b.html", digest_size=8).hexdigest()
        (settings.home / "sftp" / "LABO1" / "retour" / f".siseri-{digest}.part").write_bytes(b"left")
        client.put_all("LABO1", "retour", files)
        retour = settings.home / "sftp" / "LABO1" / "retour"
        there = {path.name: path.read_bytes() for path in retour.iterdir() if path.is_file()}
        assert there == {name: one if isinstance(one, bytes) else one.read_bytes() for name, one in files.items()}
    with pytest.raises(FileNotFoundError):
        client.put_all("LABO1", "nowhere", {"a": b"1", "b": b"2"})
    assert client.exists("LABO1", "retour", "c.json")


@pytest.mark.parametrize("way", ["written", "renamed"])
def test_a_marker_rings_for_its_home(settings, given, way):
    rung(settings.home)
    with sender(settings, given) as own:
        own.putfo(io.BytesIO(b"content"), "/depot/mars.csv")
        own.putfo(io.BytesIO(b""), "/depot/essai/mars.csv.ok")
        assert rung(settings.home) == set()
        if way == "written":
            own.putfo(io.BytesIO(b"LIGNES=1"), "/depot/mars.csv.ok")
        else:
            own.putfo(io.BytesIO(b"LIGNES=1"), "/depot/mars.csv.ok.part")
            own.posix_rename("/depot/mars.csv.ok.part", "/depot/mars.csv.ok")
        assert rung(settings.home) == {"LABO1"}
        for name in ("mars.csv", "mars.csv.ok", "essai/mars.csv.ok"):
            own.remove(f"/depot/{name}")


def test_what_is_not_there(client, tmp_path):
    assert client.read_small("LABO1", "depot", "absent.ok") is None
    with pytest.raises(FileNotFoundError) as caught:
        client.fetch("LABO1", "absent-DUPONT.csv", tmp_path / "copy")
    assert "DUPONT" not in str(caught.value)
    for name in ("../x.csv", "..", "a/b", "a\0b"):
        with pytest.raises(ValueError, match="not a name"):
            client.exists("LABO1", "depot", name)


def test_a_file_that_changes_while_it_is_copied(settings, client, tmp_path):
    path = settings.home / "sftp" / "LABO1" / "depot" / "growing.csv"
    path.write_bytes(os.urandom(8_000_000))
    over = threading.Event()

    def grow():
        with path.open("ab") as file:
            while not over.wait(0.002):
                file.write(b"more\n")
                file.flush()

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        assert client.fetch("LABO1", "growing.csv", tmp_path / "copy").changed
    finally:
        over.set()
        writer.join()
    assert not client.fetch("LABO1", "growing.csv", tmp_path / "copy").changed


def test_a_large_file_takes_no_more_memory_than_a_small_one(settings, client, tmp_path):
    path = settings.home / "sftp" / "LABO1" / "depot" / "large.csv"
    with path.open("wb") as file:
        file.truncate(150_000_000)
    peak = peak_of_fetch(settings, "large.csv", tmp_path)
    path.write_bytes(b"small")
    assert peak - peak_of_fetch(settings, "large.csv", tmp_path) < 40_000_000


def peak_of_fetch(settings, name, tmp_path):
    """The peak resident memory, in bytes, of a process that fetches that file."""
    script = (
        "import resource\nfrom pathlib import Path\nfrom loaders.services import running\n"
        "from loaders.settings import Settings\nfrom loaders.sftp import connect\n"
        f"settings = Settings.load({{'SISERI_HOME': {str(settings.home)!r}}})\n"
        "with running(settings, database=False) as given, connect(settings, given) as client:\n"
        f"    client.fetch('LABO1', {name!r}, Path({str(tmp_path / 'copy')!r}))\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )
    done = subprocess.run(
        [os.sys.executable, "-c", script], cwd=services.PACKAGES, check=True, capture_output=True, text=True
    )
    return int(done.stdout) * 1024


def test_what_a_sender_may_do(settings, given, client):
    client.put("LABO1", "retour", "answer.json", b"{}")
    client.put("LABO1", "archive", "taken.csv", b"bytes")
    with sender(settings, given) as own:
        assert sorted(own.listdir("/")) == ["archive", "depot", "retour"]
        for folder in ("/depot", "/depot/essai"):
            with own.open(f"{folder}/mars.part", "wb") as file:
                file.write(b"abc")
            own.posix_rename(f"{folder}/mars.part", f"{folder}/mars.csv")
            own.utime(f"{folder}/mars.csv", (1_700_000_000, 1_700_000_000))
            assert own.stat(f"{folder}/mars.csv").st_mtime == 1_700_000_000
        own.rename("/depot/mars.csv", "/depot/avril.csv")
        own.remove("/depot/avril.csv")
        with own.open("/retour/answer.json", "rb") as file:
            assert file.read() == b"{}"
        with own.open("/archive/taken.csv", "rb") as file:
            assert file.read() == b"bytes"


def allowed(attempt):
    try:
        attempt()
    except OSError:
        return False
    return True


def test_what_a_sender_may_not_do(settings, given, client):
    client.put("LABO1", "retour", "answer.json", b"{}")
    client.put("LABO2", "retour", "secret.json", b"{}")
    base = settings.home / "sftp"
    os.symlink("/etc", base / "LABO1" / "depot" / "etc")  # as a careless administrator might
    try:
        with sender(settings, given) as own:
            own.putfo(io.BytesIO(b""), "/depot/mine.csv")
            own.chmod("/depot/mine.csv", 0o4777)
            assert stat.S_IMODE((base / "LABO1" / "depot" / "mine.csv").stat().st_mode) == 0o600
            refused = [
                lambda: own.open("/retour/x", "wb"),
                lambda: own.open("/retour/answer.json", "r+b"),
                lambda: own.open("/retour/answer.json", "ab"),
                lambda: own.open("/x", "wb"),
                lambda: own.open("/depot/new/x", "wb"),
                lambda: own.remove("/retour/answer.json"),
                lambda: own.truncate("/retour/answer.json", 0),
                lambda: own.utime("/retour/answer.json", (0, 0)),
                lambda: own.rename("/depot/mine.csv", "/retour/mine.csv"),
                lambda: own.posix_rename("/depot/mine.csv", "/retour/answer.json"),
                lambda: own.posix_rename("/retour/answer.json", "/depot/answer.json"),
                lambda: own.posix_rename("/depot/essai", "/depot/trial"),
                lambda: own.rename("/depot", "/retour/depot"),
                lambda: own.mkdir("/depot/new"),
                lambda: own.rmdir("/depot/essai"),
                lambda: own.symlink("/etc/passwd", "/depot/link"),
                lambda: own.open("/depot/etc/passwd", "rb"),
                lambda: own.listdir("/depot/etc"),
                lambda: own.readlink("/depot/etc"),
                lambda: own.open("/depot/../../LABO2/retour/secret.json", "rb"),
                lambda: own.open("../LABO2/retour/secret.json", "rb"),
                lambda: own.open("/etc/passwd", "rb"),
                lambda: own.open(str(base / "LABO2" / "retour" / "secret.json"), "rb"),
            ]
            assert [number for number, attempt in enumerate(refused) if allowed(attempt)] == []
            assert own.normalize("/depot/../../..") == "/"
    finally:
        (base / "LABO1" / "depot" / "etc").unlink()
    assert client.read_small("LABO1", "retour", "answer.json") == b"{}"


def test_no_shell_no_forwarding(settings, given):
    with sender(settings, given) as own:
        transport = own.get_channel().get_transport()
        channel = transport.open_session()
        with pytest.raises(paramiko.SSHException):
            channel.exec_command("id")
        with pytest.raises(paramiko.SSHException):
            transport.open_channel("direct-tcpip", ("127.0.0.1", 22), ("127.0.0.1", 1), timeout=5)


def test_who_may_log_in(settings, given):
    stranger = new_key(settings, "OTHER")
    for code in ("LABO1", "DGT", "collector", "..", "../LABO1", "OTHER", "labo1", ""):
        with pytest.raises(ServiceMissing), sender(settings, given, code, stranger):
            pass


def test_keys_act_at_once(settings, given):
    second = new_key(settings, "LABO2", "two")
    with sender(settings, given, "LABO2", second) as own:
        own.listdir("/depot")
    (settings.home / "keys" / "partners" / "LABO2" / "two.pub").unlink()
    with pytest.raises(ServiceMissing, match="refuses the login"), sender(settings, given, "LABO2", second):
        pass
    mark = settings.home / "keys" / "partners" / "LABO2" / "disabled"
    with sender(settings, given, "LABO2") as own:
        own.listdir("/depot")
        mark.touch()
        with pytest.raises(PermissionError):
            own.listdir("/depot")
    with pytest.raises(ServiceMissing, match="refuses the login"), sender(settings, given, "LABO2"):
        pass
    mark.unlink()
    with sender(settings, given, "LABO2") as own:
        own.listdir("/depot")


def test_only_a_pinned_host_is_spoken_to(settings, given, tmp_path):
    key = settings.home / "keys" / "collector"
    other = paramiko.RSAKey.generate(2048)
    where = f"[127.0.0.1]:{given.sftp.port}"
    for text, said in (
        ("", "not pinned"),
        (f"{where} {other.get_name()} {other.get_base64()}\n", "not the pinned one"),
    ):
        (tmp_path / "hosts").write_text(text)
        with pytest.raises(ServiceMissing, match=said), session(given.sftp, key, tmp_path / "hosts"):
            pass
    with pytest.raises(ServiceMissing, match="no pinned host keys"), session(given.sftp, key, tmp_path / "absent"):
        pass
    with (
        pytest.raises(ServiceMissing, match="key cannot be read"),
        session(given.sftp, tmp_path / "absent", settings.sftp_known_hosts),
    ):
        pass


def test_a_server_that_goes(tmp_path):
    settings = Settings.load({"SISERI_HOME": str(tmp_path / "home")})
    with running(settings, database=False) as given, connect(settings, given) as client:
        client.make_home("LABO1")
        os.kill(services.sftp_state(settings.home)["pid"], signal.SIGKILL)
        with pytest.raises(SftpLost):
            client.listdir("LABO1", "depot")
        with pytest.raises(SftpLost), connect(settings, given):
            pass
        services.ensure(settings, database=False)
        with running(settings, database=False) as again, connect(settings, again) as client:
            assert client.homes() == ["LABO1"]


def test_a_refusal_is_told_from_a_loss(client):
    with pytest.raises(SftpRefused) as caught:
        client.put("LABO1", "depot", "x" * 256, b"")
    assert "xxx" not in str(caught.value)


@pytest.mark.skipif(shutil.which("sftp") is None, reason="OpenSSH's sftp client is not installed (openssh-client)")
def test_openssh_client(settings, given, client, tmp_path):
    (tmp_path / "mars.csv").write_text("NIR;VALEUR\n")
    batch = f"put -p {tmp_path}/mars.csv depot/mars.tmp\nrename depot/mars.tmp depot/mars.csv\nls depot\n"
    done = subprocess.run(
        [
            "sftp", "-q", "-b", "-", "-P", str(given.sftp.port), "-F", "/dev/null",
            "-i", str(settings.home / "keys" / "private" / "LABO1-one"),
            "-o", "IdentitiesOnly=yes", "-o", f"UserKnownHostsFile={settings.sftp_known_hosts}",
            "-o", "StrictHostKeyChecking=yes", "LABO1@127.0.0.1",
        ],
        input=batch, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert client.read_small("LABO1", "depot", "mars.csv") == b"NIR;VALEUR\n"


def test_the_log_holds_no_name_of_a_file(settings, given, client):
    client.put("LABO1", "depot", "DUPONT-JEAN.csv", b"x")
    log = (settings.home / "log" / "sftp.log").read_text()
    assert "login from 127.0.0.1" in log
    assert "DUPONT" not in log
