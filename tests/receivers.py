"""Servers that receive for real, on this computer: mail by SMTP, metrics by StatsD's datagrams."""

from __future__ import annotations

import base64
import contextlib
import email
import email.policy
import re
import socket
import socketserver
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class MailBox:
    """What an SMTP server took. ``refuse``: addresses that it does not know; ``logins``: who logged in, with what."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)
    refuse: set[str] = field(default_factory=set)
    secured: int = 0


@contextlib.contextmanager
def mail_box(context: ssl.SSLContext | None = None) -> Iterator[MailBox]:
    """An SMTP server as far as a client's mail needs one; with STARTTLS where ``context`` is given."""
    box = MailBox()

    class Session(socketserver.StreamRequestHandler):
        def say(self, text: str) -> None:
            self.wfile.write(text.encode() + b"\r\n")

        def handle(self) -> None:
            secured = False
            self.say("220 essai")
            while line := self.rfile.readline():
                words = line.decode().strip()
                verb = words.split(" ")[0].upper()
                if verb == "EHLO":
                    self.say("250-essai")
                    if context and not secured:
                        self.say("250-STARTTLS")
                    self.say("250 AUTH PLAIN")
                elif verb == "STARTTLS" and context:
                    self.say("220 ready")
                    self.connection = context.wrap_socket(self.connection, server_side=True)
                    self.rfile = self.connection.makefile("rb")
                    self.wfile = self.connection.makefile("wb", buffering=0)  # type: ignore[assignment]
                    secured = True
                    box.secured += 1
                elif verb == "AUTH":
                    _, login, password = base64.b64decode(words.split(" ")[2]).decode().split("\0")
                    box.logins.append((login, password))
                    self.say("235 ok")
                elif verb == "RCPT":
                    known = not any(one in words for one in box.refuse)
                    self.say("250 ok" if known else "550 unknown")
                elif verb == "DATA":
                    self.say("354 go on")
                    lines = []
                    while (part := self.rfile.readline()).rstrip(b"\r\n") != b".":
                        lines.append(part.removeprefix(b".") if part.startswith(b"..") else part)
                    box.mails.append(email.message_from_bytes(b"".join(lines), policy=email.policy.default))
                    self.say("250 taken")
                elif verb == "QUIT":
                    self.say("221 bye")
                    return
                else:
                    self.say("250 ok")

    class Server(socketserver.ThreadingTCPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that breaks off is part of the tests."""

    with Server(("127.0.0.1", 0), Session) as server:
        box.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield box
        finally:
            server.shutdown()


@dataclass
class Figures:
    """Datagrams as they came, and what they say."""

    place: str
    raw: list[str] = field(default_factory=list)

    def read(self) -> list[tuple[str, dict[str, str], float, str]]:
        """Name, tags, value and kind of each."""
        found = []
        for line in self.raw:
            head, _, tail = line.partition(":")
            name, *tags = head.split(",")
            value, _, kind = tail.partition("|")
            found.append((name, dict(tag.split("=") for tag in tags), float(value), kind))
        return found

    def last(self, name: str, **tags: str) -> float:
        """The last value of a metric with exactly these tags."""
        return [value for one, told, value, _ in self.read() if one == name and told == tags][-1]

    def total(self, name: str, **tags: str) -> float:
        """A counter's sum over the lines that have these tags among theirs."""
        return sum(value for one, told, value, _ in self.read() if one == name and tags.items() <= told.items())

    def wait_for(self, name: str, limit_s: float = 10) -> None:
        """Wait until a metric of this name has come."""
        limit = time.monotonic() + limit_s
        while not any(line.startswith(name) for line in self.raw) and time.monotonic() < limit:
            time.sleep(0.05)
        assert any(line.startswith(name) for line in self.raw), (name, self.raw[:20])


@contextlib.contextmanager
def statsd() -> Iterator[Figures]:
    """A StatsD server's ear."""
    ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    ear.bind(("127.0.0.1", 0))
    ear.settimeout(0.2)
    heard = Figures(f"127.0.0.1:{ear.getsockname()[1]}")
    over = threading.Event()

    def listen() -> None:
        while not over.is_set():
            with contextlib.suppress(TimeoutError):
                heard.raw += ear.recv(65_536).decode("ascii").splitlines()

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    try:
        yield heard
    finally:
        time.sleep(0.3)  # what is on its way
        over.set()
        thread.join()
        ear.close()


def connection(box: MailBox, **extra: Any) -> dict[str, Any]:
    """An Airflow connection to the box, in the fields of its JSON form."""
    told = {
        "from_email": "siseri@registre.test",
        "to": "veille@registre.test",
        "disable_ssl": True,
        "disable_tls": True,
    }
    return {"conn_type": "smtp", "host": "127.0.0.1", "port": box.port, "extra": told | extra}


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A certificate that signs itself for a host, and its key, as files."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    own, secret = folder / "own.crt", folder / "own.secret"
    own.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8
    secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    return own, secret


def exposition(heard: Figures) -> str:
    """What was heard, as an exporter shows it: counters added up, last gauges, durations in buckets of seconds."""
    totals: dict[tuple[str, str], float] = {}
    for name, tags, value, kind in heard.read():
        flat = re.sub(r"[^A-Za-z0-9_]", "_", name)
        labels = [f'{tag}="{word}"' for tag, word in sorted(tags.items())]
        if kind == "ms":
            for bound in ("0.5", "5", "60", "3600", "+Inf"):
                inside = value / 1000 <= float(bound)
                at = f"{flat}_bucket", ",".join([*labels, f'le="{bound}"'])
                totals[at] = totals.get(at, 0) + inside
        else:
            spot = flat, ",".join(labels)
            totals[spot] = value + (totals.get(spot, 0) if kind == "c" else 0)
    return "".join(f"{name}{{{labels}}} {value}\n" for (name, labels), value in sorted(totals.items()))
