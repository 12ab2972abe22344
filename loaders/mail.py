"""Mail: one message to a few addresses, by the site's SMTP server.

The server is named by an Airflow connection, in the words of Airflow's own SMTP provider: ``from_email``,
``disable_ssl``, ``disable_tls``, ``timeout`` in its extra; and ``to``, the addresses, which that provider lacks.
Encryption is on unless it is said to be off: TLS from the first byte, STARTTLS with ``disable_ssl`` alone.
"""

from __future__ import annotations

import json
import smtplib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from loaders.errors import ServiceMissing, UsageError

TIMEOUT_S = 30


class MailRefused(ServiceMissing):
    """The mail did not leave: the server is not there, or refuses it."""


@dataclass(frozen=True)
class MailServer:
    """Where mail leaves, from whom and to whom. ``login`` and ``password`` empty: no login."""

    host: str
    port: int
    sender: str
    recipients: tuple[str, ...]
    login: str = ""
    password: str = ""
    tls: bool = True
    starttls: bool = True
    timeout_s: float = TIMEOUT_S

    def __repr__(self) -> str:  # the password never ends in a log or a traceback
        return f"MailServer({self.host}:{self.port}, {len(self.recipients)} recipients)"


def mail_server(
    host: str | None, port: int | None, login: str | None, password: str | None, extra: Mapping[str, Any]
) -> MailServer:
    """A server as the fields of an Airflow connection tell it.

    Raises:
        UsageError: no host, no sender or nobody to write to.
    """
    recipients = tuple(one.strip() for one in str(extra.get("to", "")).split(",") if one.strip())
    sender = str(extra.get("from_email") or login or "")
    if not host or not recipients or "@" not in sender:
        raise UsageError("the mail connection needs a host, and in its extra 'from_email' and 'to'")
    if any(sign in one for one in (sender, *recipients) for sign in "\r\n"):
        raise UsageError("the mail connection holds an address of several lines")
    tls = not _true(extra.get("disable_ssl"))
    starttls = not tls and not _true(extra.get("disable_tls"))
    if login and password and not (tls or starttls):
        raise UsageError("the mail connection would send a password in the clear: leave TLS or STARTTLS on")
    return MailServer(
        host,
        port or (465 if tls else 587 if starttls else 25),
        sender,
        recipients,
        login or "",
        password or "",
        tls,
        starttls,
        float(extra.get("timeout") or TIMEOUT_S),
    )


def of_environment(told: str) -> MailServer:
    """A server as Airflow reads a connection from its environment (``AIRFLOW_CONN_…``): a URI, or JSON.

    Raises:
        UsageError: it is neither, or as :func:`mail_server`.
    """
    if told.lstrip().startswith("{"):
        try:
            fields = json.loads(told)
            extra = fields.get("extra") or {}
            extra = json.loads(extra) if isinstance(extra, str) else extra
            port = int(fields["port"]) if fields.get("port") else None
            return mail_server(fields.get("host"), port, fields.get("login"), fields.get("password"), extra)
        except (ValueError, TypeError, AttributeError):
            raise UsageError("the mail connection of the environment is no JSON of a connection") from None
    parts = urlsplit(told)
    extra = dict(parse_qsl(parts.query))
    if set(extra) == {"__extra__"}:
        extra = json.loads(extra["__extra__"])
    login, password = unquote(parts.username or ""), unquote(parts.password or "")
    return mail_server(parts.hostname, parts.port, login, password, extra)


def _true(value: Any) -> bool:
    return str(value).strip().lower() in ("true", "1", "yes")


def send(server: MailServer, subject: str, body: str) -> int:
    """Send one text; returns once the server took it.

    Returns:
        How many addresses it refused: not all of them.

    Raises:
        MailRefused: it did not take it, or for nobody.
    """
    message = EmailMessage()
    message["From"], message["To"] = server.sender, ", ".join(server.recipients)
    message["Subject"], message["Date"] = subject, formatdate(localtime=True)
    message["Message-ID"] = make_msgid(domain=server.sender.rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(body)
    try:
        if server.tls:
            line: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port, timeout=server.timeout_s, context=ssl.create_default_context()
            )
        else:
            line = smtplib.SMTP(server.host, server.port, timeout=server.timeout_s)
        with line:
            if server.starttls:
                line.starttls(context=ssl.create_default_context())
            if server.login and server.password:
                line.login(server.login, server.password)
            return len(line.send_message(message))
    except (OSError, smtplib.SMTPException) as error:
        raise MailRefused(f"the mail server did not take the mail ({type(error).__name__})") from None
