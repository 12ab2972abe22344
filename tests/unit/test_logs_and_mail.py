"""Logs cut while somebody writes to them; mail by real SMTP servers, in the clear and by STARTTLS; addresses read."""

from __future__ import annotations

import json
import os
import ssl
import time
from pathlib import Path
from typing import Any

import pytest
from receivers import certificate, connection, mail_box

from loaders import logs, metrics
from loaders.errors import UsageError
from loaders.mail import MailRefused, mail_server, of_environment, send


def test_a_log_is_cut_under_its_writer_and_so_many_are_kept(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    with log.open("ab", buffering=0) as writer:
        for number in range(8):
            writer.write(b"%d" % number * 100)
            assert logs.rotate(tmp_path, most_bytes=50, kept=3) == 1
        writer.write(b"last")
    assert log.read_bytes() == b"last", "it goes on at the beginning, not behind a hole"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.log", "x.log.1", "x.log.2", "x.log.3"]
    assert [(tmp_path / f"x.log.{n}").read_bytes()[:1] for n in (1, 2, 3)] == [b"7", b"6", b"5"]
    assert oct((tmp_path / "x.log.1").stat().st_mode)[-3:] == "600"
    assert logs.rotate(tmp_path, most_bytes=50) == 0


def test_only_what_is_old_goes_and_links_are_left_alone(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("x")
    folder = tmp_path / "log"
    (folder / "a").mkdir(parents=True)
    (folder / "b").mkdir()
    (folder / "link").symlink_to(outside)
    (folder / "file").symlink_to(outside / "precious")
    for name in ("a/old", "b/old", "b/new"):
        (folder / name).write_text("x")
    long_ago = time.time() - 10 * 86_400
    for path in (folder / "a" / "old", folder / "b" / "old", folder / "a", outside / "precious"):
        os.utime(path, (long_ago, long_ago))
    assert logs.expire(folder, 5) == 2
    assert {str(path.relative_to(folder)) for path in folder.rglob("*")} >= {"b", "b/new", "link", "file"}
    assert not (folder / "b" / "old").exists()
    assert (outside / "precious").exists()
    assert logs.expire(tmp_path / "nowhere", 5) == 0


def test_a_mail_goes_by_starttls_with_a_login_and_only_to_whom_one_may_trust(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, key = certificate(tmp_path, "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own, key)
    with mail_box(context) as box:
        told = connection(box, disable_tls=False) | {"host": "localhost", "login": "siseri", "password": "s3cret"}
        server = mail_server(told["host"], told["port"], told["login"], told["password"], told["extra"])
        assert "s3cret" not in repr(server)
        with pytest.raises(MailRefused) as caught:
            send(server, "essai", "corps")
        assert "s3cret" not in str(caught.value)
        assert box.mails == [], "an unknown certificate: nothing was said"
        assert box.logins == []
        monkeypatch.setenv("SSL_CERT_FILE", str(own))
        assert send(server, "Objet : é", "corps œ\n.une ligne à point\n") == 0
    assert box.logins == [("siseri", "s3cret")]
    assert box.secured == 1
    assert box.mails[0]["Subject"] == "Objet : é"
    assert box.mails[0].get_content().splitlines() == ["corps œ", ".une ligne à point"]


def test_a_server_that_is_not_there_or_refuses_one_address() -> None:
    with mail_box() as box:
        told = connection(box, to="a@registre.test, b@registre.test")
        server = mail_server(told["host"], told["port"], None, None, told["extra"])
        box.refuse = {"a@registre.test"}
        assert send(server, "essai", "corps") == 1
        assert len(box.mails) == 1
    with pytest.raises(MailRefused):
        send(server, "essai", "corps")


FINE = {"from_email": "a@b.test", "to": "c@d.test"}


@pytest.mark.parametrize(
    ("told", "port", "tls", "starttls"),
    [
        ({"conn_type": "smtp", "host": "h", "extra": FINE}, 465, True, False),
        ({"conn_type": "smtp", "host": "h", "extra": FINE | {"disable_ssl": True}}, 587, False, True),
        ({"host": "h", "extra": FINE | {"disable_ssl": "True", "disable_tls": 1}}, 25, False, False),
        ({"conn_type": "smtp", "host": "h", "port": "2525", "extra": json.dumps(FINE)}, 2525, True, False),
    ],
)
def test_a_connection_is_read_as_airflow_reads_it(told: Any, port: int, tls: bool, starttls: bool) -> None:
    server = of_environment(json.dumps(told))
    assert (server.host, server.port, server.tls, server.starttls) == ("h", port, tls, starttls)
    assert (server.sender, server.recipients) == ("a@b.test", ("c@d.test",))


def test_a_connection_as_a_uri() -> None:
    login = "siseri:p%40ss"
    server = of_environment(f"smtp://{login}@h:587/?from_email=a%40b.test&to=c%40d.test&disable_ssl=true")
    assert (server.login, server.password, server.starttls) == ("siseri", "p@ss", True)


@pytest.mark.parametrize(
    "told",
    [
        "{",
        '{"host": "h"}',
        '{"host": "h", "extra": {"to": "a@b"}}',
        '{"extra": {"to": "a@b", "from_email": "a@b"}}',
        '{"host": "h", "extra": {"to": "a@b\\nBcc: x@y", "from_email": "a@b"}}',
        '{"host": "h", "login": "a@b", "password": "p", "extra": {"to": "a@b", "disable_ssl": 1, "disable_tls": 1}}',
        '{"host": "h", "port": "x", "extra": {"to": "a@b", "from_email": "a@b"}}',
        "smtp://h",
    ],
)
def test_a_connection_that_cannot_be(told: str) -> None:
    with pytest.raises(UsageError):
        of_environment(told)


@pytest.mark.parametrize("told", ["", "host", "host:", ":1", "host:x", "host:0", "host:70000", "h:１"])
def test_a_place_for_metrics_that_cannot_be(told: str) -> None:
    with pytest.raises(UsageError):
        metrics.place(told)


def test_places_for_metrics() -> None:
    assert metrics.place("h:8125") == ("h", 8125)
    assert metrics.place("[::1]:8125") == ("::1", 8125)
