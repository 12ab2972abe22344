"""Which host keys the collector trusts: those pinned for the server, and no other."""

from __future__ import annotations

import socket
from pathlib import Path

import paramiko

FIRST_CIPHER = "aes128-gcm@openssh.com"


class Pins(paramiko.MissingHostKeyPolicy):
    """The keys pinned for a host, any of which is good: two of one kind while the server's key is being changed.

    Paramiko's own check knows one key of a kind, so its list stays empty and this one decides. Raises OSError where the
    file cannot be read.
    """

    def __init__(self, known_hosts: Path, host: str, port: int) -> None:
        hosts = paramiko.HostKeys(str(known_hosts))
        name = host if port == 22 else f"[{host}]:{port}"
        found = hosts.lookup(name)
        self._keys: list[paramiko.PKey] = [one.key for one in found._entries] if found else []  # type: ignore[attr-defined]

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        """Paramiko asks: may this key be that host's?"""
        if not self._keys:
            raise paramiko.SSHException("not found in known_hosts")
        if key not in self._keys:
            raise paramiko.BadHostKeyException(hostname, key, self._keys[0])

    def transport(self, sock: socket.socket, **options: object) -> paramiko.Transport:
        """A connection that asks first for the kinds of key that are pinned."""
        transport = paramiko.Transport(sock, **options)  # type: ignore[arg-type]
        security = transport.get_security_options()
        if FIRST_CIPHER in security.ciphers:  # the fastest here, and last in paramiko's own order
            others = [cipher for cipher in security.ciphers if cipher != FIRST_CIPHER]
            security.ciphers = (FIRST_CIPHER, *others)
        kinds = {key.get_name() for key in self._keys}
        if "ssh-rsa" in kinds:
            kinds |= {"rsa-sha2-512", "rsa-sha2-256"}
        security.key_types = tuple(sorted(security.key_types, key=lambda kind: kind not in kinds))
        return transport
