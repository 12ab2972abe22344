"""The collector's hands on the senders' homes, over SFTP (paramiko).

The same client serves the embedded server and any other, OpenSSH's included. The host key must be a pinned one
(``sftp_known_hosts``), the login is by the key of ``sftp_key`` alone: no agent, no search for keys, no password.
Names are text with the bytes that are no UTF-8 kept as surrogates (``surrogateescape``), so that any name on the
server can be listed, taken and answered. No error and no log line holds a name.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import logging
import os
import socket
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import paramiko
from paramiko.sftp import CMD_CLOSE, CMD_HANDLE, CMD_NAME, CMD_OPENDIR, CMD_READDIR

from loaders import crash
from loaders.authorized_keys import ACCOUNTS, LOGINS
from loaders.errors import ServiceMissing
from loaders.host_keys import Pins
from loaders.services import Services, SftpAddress
from loaders.settings import Settings

CONNECT_LIMIT_S = 15
ANSWER_LIMIT_S = 60
CHUNK = 1 << 20
REQUEST_BYTES = 128 << 10  # four times paramiko's own; OpenSSH takes up to 255 kB
REQUESTS_AHEAD = 32  # so at most 4 MB under way, whatever the size of the file

logging.getLogger("paramiko").setLevel(logging.CRITICAL)  # it logs paths and whole tracebacks of refused logins


class SftpLost(ServiceMissing):
    """The SFTP server cannot be reached, or the connection broke: worth another try with a new connection."""


class SftpRefused(ServiceMissing):
    """The SFTP server answers but refuses an operation (rights, disk): a retry alone does not heal it."""


@dataclass(frozen=True)
class Entry:
    """One name of a folder. ``size`` in bytes, ``mtime`` in seconds since 1970 (whole seconds)."""

    name: str
    size: int
    mtime: int
    is_regular: bool


@dataclass(frozen=True)
class Fetched:
    """A copied file: SHA-256 (hexadecimal), size in bytes, and whether it changed while it was copied."""

    sha256: str
    size: int
    mtime: int
    changed: bool


class SftpClient:
    """Operations on the senders' homes; made by ``connect``. Not for several threads.

    Every method raises ``SftpLost`` where the connection breaks, ``SftpRefused`` where the server refuses, and
    ``FileNotFoundError`` where the name is not there, unless it says otherwise.

    Attributes:
        answered: codes of the senders into whose ``retour/`` this connection wrote.
        before_answer: called before anything appears in a ``retour/``.
    """

    def __init__(self, sftp: paramiko.SFTPClient, root: str) -> None:
        self._sftp = sftp
        self._root = root.rstrip("/").encode("utf-8", "surrogateescape")
        self.answered: set[str] = set()
        self.before_answer: Callable[[], None] = lambda: None

    def homes(self) -> list[str]:
        """The senders' codes that have a home, sorted."""
        with self._guard():
            return sorted(
                _text(name)
                for name, attributes in self._list(self._root or b"/")
                if stat.S_ISDIR(attributes.st_mode or 0) and not name.startswith(b".")
            )

    def logins(self) -> dict[str, int]:
        """When each sender logged in last (seconds since 1970), where the server tells."""
        try:
            return {entry.name: entry.mtime for entry in self.listdir(LOGINS, "") if entry.is_regular}
        except SftpRefused:  # somebody else's server, which shows the homes and nothing else
            return {}

    def takes_accounts(self) -> bool:
        """Whether the server takes its accounts from the registry."""
        try:
            return self.exists(ACCOUNTS, "", "")
        except SftpRefused:  # as above
            return False

    def put_account(self, code: str, keys: str) -> None:
        """Give the server an account's key file, whole at once; readable by whoever logs in, as sshd wants it."""
        self.put(ACCOUNTS, "", code, keys.encode(), mode=0o644)

    def listdir(self, code: str, folder: str) -> list[Entry]:
        """What ``<code>/<folder>`` holds, in no order; nothing where the folder is not there."""
        with self._guard():
            try:
                listed = self._list(self._path(code, folder))
            except FileNotFoundError:
                return []
        return [
            Entry(_text(name), attributes.st_size or 0, int(attributes.st_mtime or 0), _regular(attributes))
            for name, attributes in listed
        ]

    def fetch(self, code: str, name: str, local_path: Path, folder: str = "depot") -> Fetched:
        """Copy a file to ``local_path`` (made or emptied, mode 0600, flushed to disk) with flat memory.

        Size and time are read again afterwards: where they differ, ``changed`` is true and the copy is to be dropped.
        """
        remote = self._path(code, folder, name)
        digest = hashlib.sha256()
        done = 0
        with self._guard():
            before = self._sftp.lstat(remote)
        if not _regular(before):  # since it was listed; a link must lead nowhere, a pipe must not be waited for
            raise SftpRefused("the SFTP server shows something that is no file any more")
        with contextlib.ExitStack() as stack:
            with self._guard():
                source = stack.enter_context(self._sftp.open(remote, "rb"))
                source.MAX_REQUEST_SIZE = REQUEST_BYTES
                source.prefetch(before.st_size or 0, REQUESTS_AHEAD)
            target = stack.enter_context(_private(local_path))
            while True:
                with self._guard():
                    block = source.read(CHUNK)
                if not block:
                    break
                digest.update(block)
                target.write(block)
                done += len(block)
            target.flush()
            os.fsync(target.fileno())
        with self._guard():
            after = self._sftp.lstat(remote)
        seen = {(before.st_size, before.st_mtime), (after.st_size, after.st_mtime), (done, before.st_mtime)}
        return Fetched(digest.hexdigest(), done, int(before.st_mtime or 0), len(seen) > 1)

    def read_small(self, code: str, folder: str, name: str, limit: int = 4096) -> bytes | None:
        """The first ``limit`` bytes of a file; None where it is not there."""
        with self._guard():
            try:
                with self._sftp.open(self._path(code, folder, name), "rb") as source:
                    return bytes(source.read(limit))
            except FileNotFoundError:
                return None

    def put(self, code: str, folder: str, name: str, content: bytes | Path, mode: int = 0o640) -> None:
        """Write a file (bytes, or the content of a local file) so that it appears whole under its name at once.

        A file of that name is replaced. Under the usual mode, the server's group decides whether the sender reads.
        The unfinished file's name follows from ``name``, so what a killed put left goes when it is made again.
        """
        answers = folder.split("/")[0] == "retour"
        if answers:
            self.before_answer()
        target = self._path(code, folder, name)
        digest = hashlib.blake2b(name.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()
        fresh = self._path(code, folder, f".siseri-{digest}.part")
        try:
            with contextlib.ExitStack() as stack:
                source: BinaryIO
                source = io.BytesIO(content) if isinstance(content, bytes) else stack.enter_context(content.open("rb"))
                size = 0
                with self._guard():
                    # Never into the file of another put under way: a new one, whoever renames first.
                    with contextlib.suppress(FileNotFoundError):
                        self._sftp.remove(fresh)
                    file = stack.enter_context(self._sftp.open(fresh, "wb"))
                    file.set_pipelined(True)
                    file.chmod(mode)
                while block := source.read(CHUNK):
                    with self._guard():
                        file.write(block)
                    size += len(block)
                with self._guard():
                    file.close()
            with self._guard():
                if self._sftp.stat(fresh).st_size != size:
                    raise SftpRefused("the SFTP server did not keep the whole of a file")
                crash.reach("sftp.part")
                self._sftp.posix_rename(fresh, target)
            if answers:
                self.answered.add(code)
        except BaseException:
            with contextlib.suppress(OSError, ServiceMissing), self._guard():
                self._sftp.remove(fresh)
            raise

    def move(self, code: str, folder: str, name: str, to_folder: str, new_name: str) -> None:
        """Move a file between folders of one home; a file of the new name is replaced."""
        with self._guard():
            self._sftp.posix_rename(
                self._path(code, folder, name),
                self._path(code, to_folder, new_name),
            )

    def take_over(self, code: str, folder: str, name: str) -> None:
        """Make a file the collector's, which its group may read: whoever wrote it can change it no more.

        Where the server does not let the collector give files away, the file stays as it is.
        """
        path = self._path(code, folder, name)
        with contextlib.suppress(SftpRefused), self._guard():
            group = self._sftp.lstat(path).st_gid
            if group is not None:
                self._sftp.chown(path, 0, group)
                self._sftp.chmod(path, 0o640)

    def remove(self, code: str, folder: str, name: str) -> None:
        """Remove a file; nothing where it is not there."""
        with self._guard(), contextlib.suppress(FileNotFoundError):
            self._sftp.remove(self._path(code, folder, name))

    def look(self, code: str, folder: str, name: str) -> tuple[int, int]:
        """Size in bytes and modification time (whole seconds) of a file."""
        with self._guard():
            found = self._sftp.stat(self._path(code, folder, name))
        return int(found.st_size or 0), int(found.st_mtime or 0)

    def exists(self, code: str, folder: str, name: str) -> bool:
        """Whether ``<code>/<folder>/<name>`` is there, of any kind."""
        with self._guard():
            try:
                self._sftp.lstat(self._path(code, folder, name))
            except FileNotFoundError:
                return False
        return True

    def make_home(self, code: str, *, depot: bool = True) -> None:
        """Make a sender's folders where they are missing; ``depot=False`` for those who only receive."""
        folders = [(), ("retour",), ("archive",), ("retour", "essai")]
        if depot:
            folders += [("depot",), ("depot", "essai"), ("archive", "essai")]
        for parts in folders:
            path = b"/".join((self._path(code), *(part.encode() for part in parts)))
            with self._guard():
                try:
                    self._sftp.stat(path)
                except FileNotFoundError:
                    self._sftp.mkdir(path, 0o750)

    def make_folder(self, code: str, folder: str, name: str) -> None:
        """Make ``<code>/<folder>/<name>`` where it is missing."""
        path = self._path(code, folder, name)
        with self._guard():
            try:
                self._sftp.stat(path)
            except FileNotFoundError:
                self._sftp.mkdir(path, 0o750)

    def _path(self, code: str, folder: str = "", name: str = "") -> bytes:
        """A path in bytes; ``folder`` may hold one slash (``depot/essai``), the other parts none."""
        parts = [code, *filter(None, folder.split("/")), *filter(None, [name])]
        if any(part in ("", ".", "..") or "/" in part or "\0" in part for part in parts):
            raise ValueError("not a name of one folder")
        return b"/".join((self._root, *(part.encode("utf-8", "surrogateescape") for part in parts)))

    def _list(self, path: bytes) -> list[tuple[bytes, paramiko.SFTPAttributes]]:
        """Names in bytes and attributes; paramiko's own listing fails on a name that is no UTF-8."""
        request = self._sftp._request  # type: ignore[attr-defined]
        kind, message = request(CMD_OPENDIR, path)
        if kind != CMD_HANDLE:
            raise paramiko.SFTPError("a handle was expected")
        handle = message.get_binary()
        found = []
        while True:
            try:
                kind, message = request(CMD_READDIR, handle)
            except EOFError:
                break
            if kind != CMD_NAME:
                raise paramiko.SFTPError("names were expected")
            for _ in range(message.get_int()):
                name = message.get_binary()
                message.get_binary()  # the long form, for human eyes
                attributes = paramiko.SFTPAttributes._from_msg(message)  # type: ignore[attr-defined]
                if name not in (b".", b".."):
                    found.append((name, attributes))
        request(CMD_CLOSE, handle)
        return found

    @contextlib.contextmanager
    def _guard(self) -> Iterator[None]:
        """Turn what paramiko raises into our three kinds of error."""
        try:
            yield
        except (paramiko.SSHException, EOFError, ConnectionError, TimeoutError) as error:
            raise SftpLost(f"the connection to the SFTP server broke ({type(error).__name__})") from None
        except FileNotFoundError:
            raise FileNotFoundError("the file is not on the SFTP server") from None
        except OSError as error:
            channel = self._sftp.get_channel()
            if channel is None or channel.closed:
                raise SftpLost("the connection to the SFTP server broke") from None
            reason = os.strerror(error.errno) if error.errno else "failure"
            raise SftpRefused(f"the SFTP server refuses an operation: {reason}") from None


@contextlib.contextmanager
def connect(settings: Settings, services: Services) -> Iterator[SftpClient]:
    """The collector's connection to the SFTP server of ``services``.

    Raises:
        SftpLost: the server cannot be reached.
        ServiceMissing: its host key is not pinned, or it refuses the collector's key.
    """
    if services.sftp is None:
        raise ServiceMissing("no SFTP server was asked for")
    with session(services.sftp, settings.sftp_key, settings.sftp_known_hosts) as client:
        yield SftpClient(client, services.sftp.root)


@contextlib.contextmanager
def session(address: SftpAddress, key: Path, known_hosts: Path) -> Iterator[paramiko.SFTPClient]:
    """A bare SFTP session under strict rules: pinned host key, that key alone; closed at the end.

    Raises:
        SftpLost, ServiceMissing: as ``connect``.
    """
    where = f"{address.host}:{address.port}"
    try:
        secret = paramiko.PKey.from_path(key)
    except OSError as error:
        raise ServiceMissing(f"the SFTP key cannot be read: {key}") from error
    except (paramiko.SSHException, ValueError, TypeError) as error:
        raise ServiceMissing(f"the SFTP key is of no usable kind: {key}") from error
    with contextlib.ExitStack() as stack:
        client = stack.enter_context(paramiko.SSHClient())
        try:
            pins = Pins(known_hosts, address.host, address.port)
        except OSError as error:
            raise ServiceMissing(f"no pinned host keys: write the line of {where} into {known_hosts}") from error
        client.set_missing_host_key_policy(pins)
        try:
            line = socket.create_connection((address.host, address.port), timeout=CONNECT_LIMIT_S)
            stack.callback(line.close)
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else stalls of 40 ms a request
            client.connect(
                address.host, port=address.port, username=address.user, pkey=secret, sock=line,
                look_for_keys=False, allow_agent=False, timeout=CONNECT_LIMIT_S, banner_timeout=CONNECT_LIMIT_S,
                auth_timeout=CONNECT_LIMIT_S, transport_factory=pins.transport,  # type: ignore[arg-type]
            )  # fmt: skip
            sftp = stack.enter_context(client.open_sftp())
        except paramiko.BadHostKeyException as error:
            raise ServiceMissing(f"the host key of {where} is not the pinned one ({known_hosts})") from error
        except paramiko.AuthenticationException as error:
            raise ServiceMissing(f"the SFTP server {where} refuses the login of {address.user} by its key") from error
        except paramiko.ssh_exception.IncompatiblePeer as error:
            raise ServiceMissing(f"the SFTP server {where} offers only algorithms too old to be safe") from error
        except paramiko.SSHException as error:
            if "not found in known_hosts" in str(error):
                raise ServiceMissing(f"the host key of {where} is not pinned in {known_hosts}") from error
            raise SftpLost(f"the SFTP server {where} does not answer properly ({type(error).__name__})") from error
        except (OSError, EOFError) as error:
            raise SftpLost(f"the SFTP server {where} cannot be reached ({type(error).__name__})") from error
        channel = sftp.get_channel()
        if channel is not None:
            channel.settimeout(ANSWER_LIMIT_S)
        yield sftp


def _private(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb")


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


def _regular(attributes: paramiko.SFTPAttributes) -> bool:
    return attributes.st_mode is not None and stat.S_ISREG(attributes.st_mode)
