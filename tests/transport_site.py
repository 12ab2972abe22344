"""A registry behind either SFTP server, with senders that log in by themselves: the embedded server, or Debian's sshd
with the configuration and the scripts of ``deploy/sshd`` in a mount namespace of its own, whose /etc is a copy."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import asyncssh
import paramiko
from conftest import Bench

from loaders.postgres_server import free_port
from loaders.registry import depots, opened
from loaders.services import SftpAddress, running
from loaders.settings import Settings
from loaders.sftp import session
from loaders.warehouse import Warehouse
from pipelines import partners

DEPLOY = Path(__file__).resolve().parent.parent / "deploy" / "sshd"
SSHD = Path("/usr/sbin/sshd")


def why_no_sshd() -> str | None:
    """Why the production set-up cannot be tried here; ``None``: it can."""
    if not SSHD.exists():
        return "OpenSSH's sshd is not installed (openssh-server)"
    if os.geteuid() != 0:
        return "sshd locks accounts into folders only as root"
    tried = subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False)
    return "no mount namespace can be made here" if tried.returncode else None


def key_pair(path: Path) -> Path:
    """A new key; the private half's path, the public one beside it as ``.pub``."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(key.export_private_key("openssh"))
    path.chmod(0o600)
    path.with_name(path.name + ".pub").write_bytes(key.export_public_key("openssh"))
    return path


class Sshd:
    """Debian's sshd under the production configuration, its paths alone changed; nothing outside ``place`` is."""

    def __init__(self) -> None:
        self.place = Path(tempfile.mkdtemp(prefix="siseri-sshd-", dir="/srv"))
        self.place.chmod(0o755)
        self.etc = self.place / "etc-siseri"
        self.etc.mkdir(mode=0o755)
        self.homes = self.place / "homes"
        self.homes.mkdir(mode=0o755)
        self.port = free_port()
        self.log = self.place / "sshd.log"
        (self.place / "etc").mkdir()
        subprocess.run(["cp", "-a", "/etc/.", str(self.place / "etc")], check=True)
        script = f"mount --bind {self.place}/etc /etc && mkdir -p /run/sshd && echo ready && exec cat"
        self._space = subprocess.Popen(
            ["unshare", "-m", "--propagation", "private", "sh", "-c", script],
            stdin=subprocess.PIPE,  # the name space goes when this process does, however it ends
            stdout=subprocess.PIPE,
        )
        assert self._space.stdout is not None
        assert self._space.stdout.readline() == b"ready\n"
        for name in ("ssh_host_ed25519_key", "collecteur", "next_host_key"):
            key_pair(self.etc / name)
        self.known_hosts = self.etc / "known_hosts"
        self.pin("ssh_host_ed25519_key")
        self.configure()
        assert not self.lay()
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def run(self, *words: str, told: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
        """Run a program where the server runs."""
        inside = ["nsenter", "-m", "-t", str(self._space.pid), *words]
        return subprocess.run(inside, input=told, capture_output=True, check=False)

    def lay(self) -> bytes:
        """Run ``accounts``; what it complained of."""
        done = self.run(str(DEPLOY / "accounts"), "--homes", str(self.homes))
        assert (done.returncode == 0) == (not done.stderr)
        return done.stderr

    def configure(self, *host_keys: str) -> None:
        """Write the configuration, with these host keys in this order."""
        text = (DEPLOY / "sshd_config").read_text()
        lines = "".join(f"HostKey {self.etc}/{name}\n" for name in host_keys or ("ssh_host_ed25519_key",))
        text = text.replace("/srv/siseri", str(self.place)).replace("/etc/siseri", str(self.etc))
        text = re.sub(r"^HostKey .*\n", lines, text, flags=re.MULTILINE)
        text = text.replace("Port 2222", f"Port {self.port}\nListenAddress 127.0.0.1")
        (self.etc / "sshd_config").write_text(text)

    def pin(self, *names: str) -> None:
        keys = [(self.etc / f"{name}.pub").read_text() for name in names]
        self.known_hosts.write_text("".join(f"[127.0.0.1]:{self.port} {key}" for key in keys))

    def start(self) -> None:
        with self.log.open("ab") as log:
            words = [str(SSHD), "-D", "-e", "-f", str(self.etc / "sshd_config")]
            inside = ["nsenter", "-m", "-t", str(self._space.pid), *words]
            self._process = subprocess.Popen(inside, stderr=log)
        limit = time.monotonic() + 20
        while time.monotonic() < limit:
            assert self._process.poll() is None, self.log.read_text()
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)

    def close(self) -> None:
        self.stop()
        self._space.kill()  # else it would wait for what its input brings
        self._space.wait(20)
        shutil.rmtree(self.place, ignore_errors=True)


class Site(Bench):
    """A registry whose senders each have a key and log in by themselves."""

    def __init__(self, registry: Any, client: Any, keys: Path, sshd: Sshd | None) -> None:
        super().__init__(registry, client)
        self.keys, self.sshd = keys, sshd
        self.settings = dataclasses.replace(self.settings, quiet_period_s=600)

    def home(self, partner: str) -> Path:
        return self.sshd.homes / partner if self.sshd else super().home(partner)

    def account(self, code: str, role: str = "OA", **more: Any) -> Path:
        """An account with a key; the private half's path."""
        key = key_pair(self.keys / code)
        with self.registry.warehouse.admin() as admin:
            partners.add(
                *(admin, self.client, self.settings, code, role, more.pop("sirens", []), more.pop("identifiant", None)),
                Path(f"{key}.pub"),
                partners.Span(**more),
            )
        self.lay()
        return key

    def lay(self) -> None:
        """What the path unit does when the registry has published an account."""
        if self.sshd:
            assert not self.sshd.lay()

    def address(self, code: str) -> SftpAddress:
        assert self.registry.services.sftp is not None
        return SftpAddress("127.0.0.1", self.registry.services.sftp.port, code)

    def sender(self, code: str, key: Path | None = None) -> Any:
        """A session of a sender, a context manager."""
        return session(self.address(code), key or self.keys / code, self.settings.sftp_known_hosts)

    def send(self, code: str, name: bytes | str, body: bytes, *, marker: bool = True) -> None:
        """Drop a file as a careful sender does."""
        raw = name if isinstance(name, bytes) else name.encode("utf-8", "surrogateescape")
        with self.sender(code) as own:
            with own.open(b"/depot/.fresh.part", "wb") as file:
                file.write(body)
            own.posix_rename(b"/depot/.fresh.part", b"/depot/" + raw)
            if marker:
                own.open(b"/depot/" + raw + b".ok", "wb").close()

    def waiting(self, code: str) -> list[bytes]:
        """What lies in a depot, trials apart."""
        return sorted(name for name in os.listdir(os.fsencode(self.home(code) / "depot")) if name != b"essai")


@contextlib.contextmanager
def site(cluster: Settings, kind: str, name: str) -> Iterator[Site]:
    """A registry with a new database and empty homes, behind the server of that kind."""
    with contextlib.ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sshd = Sshd() if kind == "sshd" else None
        if sshd:
            stack.callback(sshd.close)
        services = stack.enter_context(running(cluster, sftp=False))
        url = services.database_url.rsplit("/", 1)[0] + f"/{name}"
        told = {"SISERI_HOME": str(home / "home")}
        if sshd:
            told |= {
                "SISERI_SFTP_URL": f"sftp://collecteur@127.0.0.1:{sshd.port}/",
                "SISERI_SFTP_KEY": str(sshd.etc / "collecteur"),
                "SISERI_SFTP_KNOWN_HOSTS": str(sshd.known_hosts),
            }
        settings = dataclasses.replace(
            Settings.load(told), database_url=url, today=date(2026, 4, 10), depot_bytes=3_000_000
        )
        Warehouse(settings, url).initialise()
        with opened(settings) as registry, depots(registry) as client:
            yield Site(registry, client, home / "private", sshd)


def refused(own: paramiko.SFTPClient, kind: int, *words: Any) -> bool:
    """Whether the server refuses a raw request that paramiko has no word for."""
    try:
        own._request(kind, *words)  # type: ignore[attr-defined]
    except OSError:
        return True
    return False
