"""The same collector against OpenSSH's own server, each sender locked into its home by ChrootDirectory."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import paramiko
import pytest

from loaders.errors import ServiceMissing
from loaders.postgres_server import free_port
from loaders.services import SftpAddress, running
from loaders.settings import Settings
from loaders.sftp import SftpLost, SftpRefused, connect, session

SSHD = Path("/usr/sbin/sshd")
pytestmark = [
    pytest.mark.sshd,
    pytest.mark.skipif(not SSHD.exists(), reason="OpenSSH's sshd is not installed (openssh-server)"),
    pytest.mark.skipif(os.geteuid() != 0, reason="sshd locks accounts into folders only as root"),
]
SENDER = "nobody"  # an account every system has; sshd's own rule forbids a locked one, not one without a shell


@pytest.fixture(scope="module")
def place():
    """A folder that sshd accepts for ChrootDirectory: root's alone from the top, so not under /tmp."""
    base = Path(tempfile.mkdtemp(prefix="siseri-sshd-", dir="/srv"))
    base.chmod(0o755)
    yield base
    shutil.rmtree(base)


@pytest.fixture(scope="module")
def server(place):
    """``sshd`` in the foreground, our child; gives its port, its process and the settings of a collector."""
    port = free_port()
    keys = place / "keys"
    keys.mkdir()
    host = paramiko.RSAKey.generate(2048)
    host.write_private_key_file(str(keys / "host"))
    for user in ("root", SENDER):
        key = paramiko.RSAKey.generate(2048)
        key.write_private_key_file(str(keys / user))
        (keys / f"{user}.pub").write_text(f"{key.get_name()} {key.get_base64()}\n")
    (keys / "known_hosts").write_text(f"[127.0.0.1]:{port} {host.get_name()} {host.get_base64()}\n")
    (place / "homes").mkdir(mode=0o755)
    (keys / "sshd_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {keys}/host\nPidFile none\nUsePAM no\nStrictModes no\n"
        f"AuthorizedKeysFile {keys}/%u.pub\nPasswordAuthentication no\nPermitRootLogin prohibit-password\n"
        f"Subsystem sftp internal-sftp\n"
        f"Match User root\n ChrootDirectory {place}/homes\n ForceCommand internal-sftp\n"
        f"Match User {SENDER}\n ChrootDirectory {place}/homes/LABO1\n ForceCommand internal-sftp -u 0027\n"
    )
    Path("/run/sshd").mkdir(exist_ok=True)
    with (place / "sshd.log").open("w") as log:
        process = subprocess.Popen([str(SSHD), "-D", "-e", "-f", str(keys / "sshd_config")], stderr=log)
    limit = time.monotonic() + 10
    while time.monotonic() < limit:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.05)
    told = {
        "SISERI_HOME": str(place / "unused"),
        "SISERI_SFTP_URL": f"sftp://root@127.0.0.1:{port}/",
        "SISERI_SFTP_KEY": str(keys / "root"),
        "SISERI_SFTP_KNOWN_HOSTS": str(keys / "known_hosts"),
    }
    yield port, process, Settings.load(told)
    process.terminate()
    process.wait(10)


@pytest.fixture
def client(server):
    settings = server[2]
    with running(settings, database=False) as given, connect(settings, given) as client:
        yield client


def test_the_way_of_a_file(place, server, client, tmp_path):
    client.make_home("LABO1")
    assert client.homes() == ["LABO1"]
    home = place / "homes" / "LABO1"
    home.chmod(0o755)  # sshd wants the root of a sender readable and root's
    account = pwd.getpwnam(SENDER)
    os.chown(home / "depot", account.pw_uid, account.pw_gid)
    for folder in ("retour", "archive"):  # answers take the sender's group, which reads
        os.chown(home / folder, 0, account.pw_gid)
        (home / folder).chmod(0o2750)
    own_address = SftpAddress("127.0.0.1", server[0], SENDER)
    keys = place / "keys"
    with session(own_address, keys / SENDER, keys / "known_hosts") as own:
        with own.open("/depot/.mars.part", "wb") as file:
            file.write(b"NIR;VALEUR\n")
        own.posix_rename("/depot/.mars.part", "/depot/mars.csv")
        name = b"latin\xe9.csv"
        with own.open(b"/depot/" + name, "wb") as file:
            file.write(b"x")
    listed = {entry.name: entry for entry in client.listdir("LABO1", "depot") if entry.is_regular}
    assert set(listed) == {"mars.csv", name.decode("utf-8", "surrogateescape")}
    fetched = client.fetch("LABO1", "mars.csv", tmp_path / "copy")
    assert (fetched.size, fetched.changed) == (11, False)
    client.move("LABO1", "depot", "mars.csv", "archive", "mars.csv")
    client.put("LABO1", "retour", "mars.csv.ar.json", b"first")
    client.put("LABO1", "retour", "mars.csv.ar.json", b"{}")
    assert (home / "retour" / "mars.csv.ar.json").stat().st_mode & 0o007 == 0
    with session(own_address, keys / SENDER, keys / "known_hosts") as own:
        with own.open("/retour/mars.csv.ar.json", "rb") as file:
            assert file.read() == b"{}"
        with pytest.raises(OSError):
            own.open("/retour/x", "wb")
        assert own.listdir("/") == own.listdir("/../..")
    assert client.read_small("LABO1", "archive", "mars.csv") == b"NIR;VALEUR\n"
    client.remove("LABO1", "archive", "mars.csv")
    assert client.read_small("LABO1", "archive", "mars.csv") is None
    assert client.listdir("LABO1", "nowhere") == []


def test_a_large_file(place, client, tmp_path):
    client.make_home("LABO2")
    content = os.urandom(20_000_000)
    (tmp_path / "large").write_bytes(content)
    client.put("LABO2", "retour", "large", tmp_path / "large")
    assert client.fetch("LABO2", "large", tmp_path / "copy", "retour").size == len(content)
    assert (tmp_path / "copy").read_bytes() == content


def test_what_became_a_link_or_a_pipe_is_not_read(place, client, tmp_path):
    """Since it was listed. A pipe that nobody writes into would hold the whole connection."""
    client.make_home("LABO2")
    (depot,) = place.rglob("LABO2/depot")
    (place / "secret").write_bytes(b"secret")
    (depot / "link.csv").symlink_to(place / "secret")
    os.mkfifo(depot / "pipe.csv")
    for name in ("link.csv", "pipe.csv"):
        with pytest.raises(SftpRefused):
            client.fetch("LABO2", name, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    assert client.listdirs(["LABO2", "ABSENT"], "retour/essai") == [[], []]


def test_several_answers_travel_together(place, client, tmp_path):
    client.make_home("LABO2")
    (tmp_path / "table").write_bytes(os.urandom(200_000))
    seen = []
    files = {"a.csv": tmp_path / "table", "b.html": b"", "c.json": b"{}"}
    client.put_all("LABO2", "retour", files, appeared=seen.append)
    assert seen == list(files)
    for name, content in files.items():
        expected = content if isinstance(content, bytes) else content.read_bytes()
        assert client.read_small("LABO2", "retour", name, 1 << 20) == expected
    with pytest.raises(FileNotFoundError):
        client.put_all("LABO2", "nowhere", {"a": b"1", "b": b"2"})


def test_refusals(server, tmp_path):
    port, _, settings = server
    keys = settings.sftp_key.parent
    root = SftpAddress("127.0.0.1", port, "root")
    wrong_key = session(root, keys / SENDER, keys / "known_hosts")
    with pytest.raises(ServiceMissing, match="refuses the login"), wrong_key:
        pass
    (tmp_path / "hosts").write_text("")
    with pytest.raises(ServiceMissing, match="not pinned"), session(root, keys / "root", tmp_path / "hosts"):
        pass


def test_a_connection_that_breaks(server, client):
    for child in children(server[1].pid):
        os.kill(child, signal.SIGKILL)
    with pytest.raises(SftpLost):
        client.homes()


def children(pid):
    done = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False)
    return [int(word) for word in done.stdout.split()]
