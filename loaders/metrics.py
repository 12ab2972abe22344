"""Where metrics go: a StatsD server, one datagram a figure, where the setting ``statsd`` names one; else nowhere.

Nothing waits for an answer and nothing fails on one: a figure that is lost is lost. Tags follow the name
(``siseri.rows,outcome=integrated``), as Airflow's own metrics are set to be written (``airflow.cfg``).
"""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Iterator

from loaders.errors import UsageError
from schemas.metrics import METRICS, Kind

_TAG = re.compile(r"[A-Za-z0-9_-]{1,40}")


class _Line:
    """A socket and the server's address, looked up once."""

    def __init__(self, host: str, port: int) -> None:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        self._address = address
        self._socket = socket.socket(family, kind)
        self._socket.setblocking(False)

    def send(self, text: str) -> None:
        with contextlib.suppress(OSError):
            self._socket.sendto(text.encode("ascii"), self._address)

    def close(self) -> None:
        self._socket.close()


#: Blocks of :func:`destination` under way, in whatever threads: threads that a block starts send where it does.
_lines: list[_Line] = []


def place(told: str) -> tuple[str, int]:
    """Host and port of the setting ``statsd``. Raises UsageError where it is not ``host:port``."""
    host, _, port = told.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65_536:
        raise UsageError("the setting statsd must be host:port")
    return host.strip("[]"), int(port)


@contextlib.contextmanager
def destination(told: str | None) -> Iterator[None]:
    """Figures of the block go to this StatsD server (``host:port``); ``None``: nowhere.

    A name that cannot be found makes no difference to the work: nothing is sent then. One address a process.
    """
    line = None
    if told:
        host, port = place(told)
        with contextlib.suppress(OSError):
            line = _Line(host, port)
    if line is None:
        yield
        return
    _lines.append(line)
    try:
        yield
    finally:
        _lines.remove(line)
        line.close()


def count(name: str, value: int = 1, **tags: str) -> None:
    """Add to a counter."""
    if value:
        _send(name, Kind.COUNTER, value, tags)


def gauge(name: str, value: float, **tags: str) -> None:
    """Say how much there is now; below nothing there is nothing (a sign would mean a difference)."""
    _send(name, Kind.GAUGE, max(0, value), tags)


def timing(name: str, seconds: float) -> None:
    """Say how long something took; a clock that ran backwards took nothing."""
    _send(name, Kind.TIMER, round(max(0.0, seconds) * 1000), {})


def _send(name: str, kind: Kind, value: float, tags: dict[str, str]) -> None:
    metric = METRICS[name]
    assert metric.kind is kind, name
    assert set(tags) == set(metric.tags), name
    assert all(_TAG.fullmatch(word) for word in tags.values()), name
    lines = _lines[-1:]  # a copy: another thread's block may end meanwhile
    if lines:
        words = "".join(f",{tag}={tags[tag]}" for tag in metric.tags)
        lines[0].send(f"siseri.{name}{words}:{value}|{kind.value}")
