"""The embedded SFTP server: one closed root per sender, keys only, run as a process of its own.

``python -m loaders.sftp_server --home H --collector-key K --known-hosts F [--port P] …``

A sender logs in under its code with a key of ``keys/partners/<CODE>/*.pub`` and sees ``sftp/<CODE>`` as ``/``: it
writes in ``depot/`` and ``depot/essai/``, reads ``retour/`` and ``archive/``. The keys and the closing mark
(``keys/partners/<CODE>/disabled``) are read at each login, and the mark at each operation, so both act at once.
The account ``collector`` sees all homes. Nobody makes links, nobody changes modes or owners. The server says its port
and process id in ``run/sftp.json``. The log holds addresses, never a file's name.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import json
import logging
import math
import os
import re
import signal
import stat
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import asyncssh

from loaders import authorized_keys
from loaders.bell import ring
from loaders.postgres_server import free_port, write_private

COLLECTOR = "collector"
CODE = re.compile(r"[A-Z0-9]{1,10}")
TRIAL = b"essai"
MARKER = b".ok"
#: Answers wait for each other up to so many bytes.
GATHERED = 256 << 10
log = logging.getLogger("siseri.sftp")


class Quota:
    """What a sender's depot may hold of files that were not taken yet: a number of bytes and of files; 0: any.

    The depot is measured at most once a second, and what this login adds in between is counted: a thousand files cost
    no thousand looks at a thousand files. Logins of one sender at once may pass it by what they write in a second.
    """

    def __init__(self, depot: Path, most_bytes: int, most_files: int) -> None:
        self._depot, self._most_bytes, self._most_files = depot, most_bytes, most_files
        self._bytes = self._files = 0
        self._measured = -math.inf

    def take(self, size: int, *, new: bool = False) -> None:
        """Count bytes to be added, and perhaps a file. Raises SFTPFailure, which says why, where they find no place."""
        if time.monotonic() - self._measured > 1:
            self._bytes, self._files = _content(self._depot)
            self._measured = time.monotonic()
        if self._most_bytes and self._bytes + size > self._most_bytes and (size or new):
            raise asyncssh.SFTPFailure(f"quota exceeded: your depot may hold {self._most_bytes} bytes not taken yet")
        if self._most_files and new and self._files >= self._most_files:
            raise asyncssh.SFTPFailure(f"quota exceeded: your depot may hold {self._most_files} files not taken yet")
        self._bytes += size
        self._files += new


def _content(folder: Path) -> tuple[int, int]:
    """Bytes and number of the files under a folder; what goes meanwhile counts nothing."""
    size = count = 0
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                inner = _content(Path(entry.path))
                size, count = size + inner[0], count + inner[1]
                continue
            with contextlib.suppress(FileNotFoundError):
                size += entry.stat(follow_symlinks=False).st_size
                count += 1
    return size, count


class Gathered:
    """A channel's way out, on which the answers to questions that came together leave together.

    asyncssh sends every answer as a packet of its own, and an empty one before it: for a short answer that is most of
    the work, here and at the other end.
    """

    def __init__(self, chan: asyncssh.SSHServerChannel) -> None:
        self._write = chan.write
        self._waiting = bytearray()

    def write(self, data: bytes, _: None = None) -> None:
        """Keep an answer until the questions that are there already are answered, too."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._send)
        self._waiting += data
        if len(self._waiting) > GATHERED:
            self._send()

    def _send(self) -> None:
        waiting, self._waiting = bytes(self._waiting), bytearray()
        if waiting:
            with contextlib.suppress(OSError):  # nobody is there any more to be answered
                self._write(waiting)


class Home(asyncssh.SFTPServer):  # type: ignore[misc]
    """What one login sees and may do. Paths come as bytes; a refusal is an ``SFTPError`` to the client."""

    def __init__(self, chan: asyncssh.SSHServerChannel, base: Path, most: tuple[int, int]) -> None:
        self._user = user = chan.get_extra_info("username")
        self._quota = Quota(base / "sftp" / user / "depot", *most)
        self._sender = user != COLLECTOR
        self._base = base
        self._closed = base / "keys" / "partners" / user / "disabled"
        self._markers: dict[io.FileIO, bytes] = {}
        chan.write = Gathered(chan).write
        super().__init__(chan, chroot=os.fsencode(base / "sftp" / user if self._sender else base / "sftp"))

    def map_path(self, path: bytes) -> bytes:
        """The local path, under the root whatever was asked; a link on the way is refused, not followed."""
        if self._sender and self._closed.exists():
            raise asyncssh.SFTPPermissionDenied("account closed")
        local: bytes = super().map_path(path).rstrip(b"/")
        if b"\0" in local:
            raise asyncssh.SFTPFailure("NUL in a path")
        below = local[len(self._chroot) :].split(b"/")
        # The root itself was resolved at login: what lies above it need not be looked at again.
        if any(os.path.islink(self._chroot + b"/".join(below[:at])) for at in range(2, len(below) + 1)):  # noqa: PTH114
            raise asyncssh.SFTPPermissionDenied("links are not followed")
        return local

    def _own(self, path: bytes) -> bytes:
        """The local path of a file that this login may create, change or remove."""
        local = self.map_path(path)
        parts = os.path.relpath(local, self._chroot).split(b"/")
        if self._sender:
            depot = parts[0] == b"depot" and parts[1:] != [TRIAL]
            if not depot or not (len(parts) == 2 or (len(parts) == 3 and parts[1] == TRIAL)):
                raise asyncssh.SFTPPermissionDenied("only files in depot/ and depot/essai/ may be written")
        return local

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        """What a folder holds: two questions to the disk, whatever is in it, where asyncssh asks four more."""
        with os.scandir(self.map_path(path)) as found:
            for one in found:
                with contextlib.suppress(FileNotFoundError):  # gone at this very moment
                    yield asyncssh.SFTPName(
                        one.name, attrs=asyncssh.SFTPAttrs.from_local(one.stat(follow_symlinks=False))
                    )

    def format_longname(self, name: asyncssh.SFTPName) -> None:
        """The line for human eyes is written for senders; the collector looks at 20 000 homes and reads none."""
        if self._sender:
            super().format_longname(name)
        else:
            name.longname = name.filename

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        writes = pflags & (asyncssh.FXF_WRITE | asyncssh.FXF_APPEND | asyncssh.FXF_CREAT | asyncssh.FXF_TRUNC)
        local = self._own(path) if writes else self.map_path(path)
        flags = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        if writes:
            flags |= os.O_RDWR if pflags & asyncssh.FXF_READ else os.O_WRONLY
        for asked, given in (
            (asyncssh.FXF_CREAT, os.O_CREAT),
            (asyncssh.FXF_TRUNC, os.O_TRUNC),
            (asyncssh.FXF_EXCL, os.O_EXCL),
            (asyncssh.FXF_APPEND, os.O_APPEND),
        ):
            flags |= given if pflags & asked else 0
        if self._sender and writes:
            self._quota.take(0, new=not os.path.lexists(local))
        handle = os.open(local, flags, 0o600)
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise asyncssh.SFTPFailure("not a file")
        opened = io.FileIO(handle, "r+" if flags & os.O_RDWR else "w" if flags & os.O_WRONLY else "r")
        if writes and local.endswith(MARKER):
            self._markers[opened] = local
        return opened

    def close(self, file_obj: io.FileIO) -> None:
        file_obj.close()
        if marker := self._markers.pop(file_obj, None):
            self._ring(marker)

    def _ring(self, local: bytes) -> None:
        """Wake the collector where a marker arrived in a depot."""
        parts = [*([os.fsencode(self._user)] if self._sender else []), *local[len(self._chroot) + 1 :].split(b"/")]
        if local.endswith(MARKER) and len(parts) == 3 and parts[1] == b"depot":
            ring(self._base, os.fsdecode(parts[0]))

    def read(self, file_obj: io.FileIO, offset: int, size: int) -> bytes:
        return os.pread(file_obj.fileno(), size, offset)

    def write(self, file_obj: io.FileIO, offset: int, data: bytes) -> int:
        if self._sender:
            self._quota.take(max(0, offset + len(data) - os.fstat(file_obj.fileno()).st_size))
        # A short write (disk nearly full) must not pass for a whole one.
        done = 0
        while done < len(data):
            done += os.pwrite(file_obj.fileno(), data[done:], offset + done)
        return done

    def _set(self, target: bytes | int, attrs: asyncssh.SFTPAttrs) -> None:
        """Sizes and times are set; modes and owners are silently kept, since common clients set them unasked."""
        if attrs.size is not None:
            if self._sender:
                self._quota.take(max(0, attrs.size - os.stat(target).st_size))  # noqa: PTH116 - bytes
            os.truncate(target, attrs.size)
        if attrs.atime is not None and attrs.mtime is not None:
            os.utime(target, (attrs.atime, attrs.mtime))

    def setstat(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
        self._set(self._own(path), attrs)

    lsetstat = setstat

    def fsetstat(self, file_obj: io.FileIO, attrs: asyncssh.SFTPAttrs) -> None:
        # A handle opened for reading must not be a way round the rule of setstat.
        if not file_obj.writable():
            raise asyncssh.SFTPPermissionDenied("not open for writing")
        self._set(file_obj.fileno(), attrs)

    def remove(self, path: bytes) -> None:
        os.remove(self._own(path))  # noqa: PTH107 - bytes

    def rename(self, oldpath: bytes, newpath: bytes) -> None:
        old, new = self._own(oldpath), self._own(newpath)
        if os.path.lexists(new):
            raise asyncssh.SFTPFileAlreadyExists("the new name exists")
        os.rename(old, new)  # noqa: PTH104 - bytes
        self._ring(new)

    def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        old, new = self._own(oldpath), self._own(newpath)
        os.replace(old, new)  # noqa: PTH105 - bytes
        self._ring(new)

    def mkdir(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
        self._refuse_sender()
        os.mkdir(self.map_path(path), 0o700)  # noqa: PTH102 - bytes

    def rmdir(self, path: bytes) -> None:
        self._refuse_sender()
        os.rmdir(self.map_path(path))  # noqa: PTH106 - bytes

    def _refuse_sender(self) -> None:
        if self._sender:
            raise asyncssh.SFTPPermissionDenied("folders are given, not made")

    def _refuse_links(self, *_: bytes) -> None:
        raise asyncssh.SFTPPermissionDenied("no links")

    symlink = link = readlink = _refuse_links


class Door(asyncssh.SSHServer):  # type: ignore[misc]
    """Who may log in: the collector with its key, a sender with one of its keys unless it is closed."""

    def __init__(self, base: Path, collector_key: str) -> None:
        self._base = base
        self._collector_key = collector_key
        self._peer = self._user = ""

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        host, port = conn.get_extra_info("peername")[:2]
        self._peer = f"{host}:{port}"

    def begin_auth(self, username: str) -> bool:
        self._user = username
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        blob = _blob(key)
        if username == COLLECTOR:
            known = blob == self._collector_key
        else:
            known = CODE.fullmatch(username) is not None and blob in self._keys(username)
        if not known:
            log.warning("login refused from %s", self._peer)
        return known

    def auth_completed(self) -> None:
        log.info("login from %s", self._peer)
        if self._user != COLLECTOR:
            with contextlib.suppress(OSError):  # a full disk keeps nobody from making room
                logins = self._base / "sftp" / authorized_keys.LOGINS
                logins.mkdir(exist_ok=True, mode=0o700)
                (logins / self._user).touch(mode=0o600)

    def _keys(self, code: str) -> set[str]:
        folder = self._base / "keys" / "partners" / code
        if (folder / "disabled").exists() or not (self._base / "sftp" / code).is_dir():
            return set()
        now = datetime.now(UTC)
        blobs: set[str] = set()
        for file in folder.glob("*.pub"):
            with contextlib.suppress(OSError):  # revoked at this very moment
                keys = authorized_keys.read(file.read_text(encoding="utf-8", errors="replace"))
                blobs.update(key.blob for key in keys if key.in_force(now))
        return blobs


def _blob(key: asyncssh.SSHKey) -> str:
    """A public key's base64 part, which alone tells keys apart."""
    return str(key.export_public_key("openssh").split()[1].decode("ascii"))


def _own_key(path: Path) -> asyncssh.SSHKey:
    """The private key in that file, made the first time (Ed25519), its public half beside it."""
    if not path.exists():
        key = asyncssh.generate_private_key("ssh-ed25519", comment=path.name)
        write_private(path, key.export_private_key("openssh").decode("ascii"))
        path.with_name(path.name + ".pub").write_bytes(key.export_public_key("openssh"))
    return asyncssh.read_private_key(path)


def _pin(known_hosts: Path, host_key: asyncssh.SSHKey, port: int) -> None:
    """Write the server's key into the collector's pinned hosts, in place of the line of its last port."""
    blob = _blob(host_key)
    kept = []
    if known_hosts.exists():
        kept = [line for line in known_hosts.read_text(encoding="utf-8").splitlines() if blob not in line.split()]
    line = f"[127.0.0.1]:{port},[localhost]:{port} {host_key.get_algorithm()} {blob}"
    write_private(known_hosts, "\n".join([*kept, line]) + "\n")


async def serve(home: Path, collector_key: Path, known_hosts: Path, port: int, most: tuple[int, int]) -> None:
    """Serve until SIGTERM or SIGINT. ``port`` is used where it is free, else a free one (0: any).

    Args:
        most: bytes and files that a sender's depot may hold (0: any).
    """
    partners = home / "sftp"
    partners.mkdir(parents=True, exist_ok=True, mode=0o700)
    host_key = _own_key(home / "keys" / "ssh_host_ed25519_key")
    collector = _blob(_own_key(collector_key))
    stop = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, stop.set)
    port = free_port(port)
    server = await asyncssh.listen(
        "127.0.0.1", port, server_factory=lambda: Door(home, collector), server_host_keys=[host_key],
        sftp_factory=lambda chan: Home(chan, home, most), sftp_version=3, allow_scp=False, config=[], gss_host=None,
        password_auth=False, kbdint_auth=False, host_based_auth=False, agent_forwarding=False, x11_forwarding=False,
        allow_pty=False, compression_algs=["none"], login_timeout=20, keepalive_interval=30, tcp_keepalive=True,
        reuse_address=True,
    )  # fmt: skip
    _pin(known_hosts, host_key, port)
    state = home / "run" / "sftp.json"
    write_private(state, json.dumps({"port": port, "pid": os.getpid()}))
    log.info("listening on 127.0.0.1:%d", port)
    await stop.wait()
    state.unlink(missing_ok=True)
    server.close()


def main() -> None:
    """Read the arguments, take the lock, serve."""
    parser = argparse.ArgumentParser(prog="loaders.sftp_server", description="embedded SFTP server")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--collector-key", type=Path, required=True)
    parser.add_argument("--known-hosts", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--depot-bytes", type=int, default=0)
    parser.add_argument("--depot-files", type=int, default=0)
    told = parser.parse_args()
    os.umask(0o077)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s %(message)s", level=logging.INFO)
    logging.getLogger("asyncssh").setLevel(logging.ERROR)
    most = told.depot_bytes, told.depot_files
    asyncio.run(serve(told.home, told.collector_key, told.known_hosts, told.port, most))


if __name__ == "__main__":
    main()
