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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import paramiko

from loaders import crash, envelope
from loaders.authorized_keys import ACCOUNTS, LOGINS
from loaders.errors import ServiceMissing
from loaders.host_keys import Pins
from loaders.services import Services, SftpAddress
from loaders.settings import Settings
from loaders.sftp_streams import SMALL, blocks, write_stream
from loaders.sftp_together import Names, listings, looks, write_new
from schemas.envelope import SUFFIX, tells_of_nobody

CONNECT_LIMIT_S = 15
ANSWER_LIMIT_S = 60
MODE = 0o640  # the server's group decides whether the sender reads

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
        recipients: the age keys that what lands in a sender's ``retour/`` is encrypted to; ``None`` where it never gave
            any.
        before_answer: called before anything appears in a ``retour/``.
    """

    def __init__(self, sftp: paramiko.SFTPClient, root: str) -> None:
        self._sftp = sftp
        self._root = root.rstrip("/").encode("utf-8", "surrogateescape")
        self.answered: set[str] = set()
        self.recipients: Callable[[str], Sequence[str] | None] = lambda code: None
        self.before_answer: Callable[[], None] = lambda: None

    def homes(self) -> list[str]:
        """The senders' codes that have a home, sorted."""
        with self._guard():
            return sorted(
                _text(name)
                for name, attributes in self._names(self._root or b"/")
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
                return _entries(self._names(self._path(code, folder)))
            except FileNotFoundError:
                return []

    def listdirs(self, codes: Iterable[str], folder: str) -> list[list[Entry] | SftpRefused]:
        """``listdir`` of many homes at once, in the order of ``codes``; a folder that cannot be read gives why."""
        told: list[list[Entry] | SftpRefused] = []
        with self._guard():
            for names in listings(self._sftp, (self._path(code, folder) for code in codes)):
                if isinstance(names, OSError):
                    told.append([] if isinstance(names, FileNotFoundError) else self._refused(names))
                else:
                    told.append(_entries(names))
        return told

    def fetch(self, code: str, name: str, local_path: Path, folder: str = "depot") -> Fetched:
        """Copy a file to ``local_path`` (made or emptied, mode 0600, flushed to disk) with flat memory.

        Size and time are read again afterwards: where they differ, ``changed`` is true and the copy is to be dropped.
        """
        remote = self._path(code, folder, name)
        with self._guard():
            before = self._sftp.lstat(remote)
        if not _regular(before):  # since it was listed; a link must lead nowhere, a pipe must not be waited for
            raise SftpRefused("the SFTP server shows something that is no file any more")
        digest = hashlib.sha256()
        done = 0
        with _private(local_path) as target:
            for block in blocks(self._sftp, self._guard, remote, before.st_size or 0):
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

    def put(self, code: str, folder: str, name: str, content: bytes | Path, mode: int = MODE) -> None:
        """Write a file (bytes, or the content of a local file) so that it appears whole under its name at once.

        A file of that name is replaced. Under the usual mode, the server's group decides whether the sender reads.
        The unfinished file's name follows from ``name``, so what a killed put left goes when it is made again.

        In the ``retour/`` of a sender that gave an age key it is encrypted, and its name ends in ``.age``: whoever
        delivers need not think of it. What lay there under the other form of the name goes.
        """
        self.put_all(code, folder, {name: content}, mode=mode)

    def put_all(
        self,
        code: str,
        folder: str,
        files: Mapping[str, bytes | Path],
        *,
        mode: int = MODE,
        appeared: Callable[[str], None] = lambda _: None,
    ) -> None:
        """``put`` of several files, which appear one after the other, in their order, once all of them are written.

        Args:
            appeared: is told the name of each as it appears.
        """
        answer = _is_answer(folder)
        if answer:
            self.before_answer()
        keys = self.recipients(code) if answer else None
        private = {name for name in files if keys is not None and not tells_of_nobody(name)}
        shown = {name: f"{name}{SUFFIX}" if keys and name in private else name for name in files}
        fresh = {name: self._passing(code, folder, shown[name]) for name in files}
        try:
            sizes = self._write(fresh, files, dict.fromkeys(private, keys or ()), mode)
            with self._guard():
                kept = looks(self._sftp, fresh.values())
            if [one.st_size for one in kept] != sizes:
                raise SftpRefused("the SFTP server did not keep the whole of a file")
            for name in files:
                crash.reach("sftp.part")
                with self._guard():
                    self._sftp.posix_rename(fresh[name], self._path(code, folder, shown[name]))
                if name in private:
                    self.remove(code, folder, name if shown[name] != name else f"{name}{SUFFIX}")
                appeared(name)
            if answer:
                self.answered.add(code)
        except BaseException:
            for passing in fresh.values():
                with contextlib.suppress(OSError, ServiceMissing), self._guard():
                    self._sftp.remove(passing)
            raise

    def _passing(self, code: str, folder: str, name: str) -> bytes:
        digest = hashlib.blake2b(name.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()
        return self._path(code, folder, f".siseri-{digest}.part")

    def _write(
        self,
        fresh: Mapping[str, bytes],
        files: Mapping[str, bytes | Path],
        keys: Mapping[str, Sequence[str]],
        mode: int,
    ) -> list[int]:
        """Write files under their passing names, all of them small ones together. Gives how many bytes each has.

        Args:
            keys: what a file is encrypted to, where it is.
        """
        if all(_size(content) <= SMALL for content in files.values()):
            contents = [_whole(content, keys.get(name, ())) for name, content in files.items()]
            with self._guard():
                write_new(self._sftp, list(zip(fresh.values(), contents, strict=True)), mode)
            return [len(content) for content in contents]
        return [
            write_stream(self._sftp, self._guard, fresh[name], one, mode, keys.get(name, ()))
            for name, one in files.items()
        ]

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

    def take_back(self, code: str, folder: str, name: str) -> None:
        """Remove an answer, encrypted or not; nothing where it is not there."""
        for shown in (name, f"{name}{SUFFIX}"):
            self.remove(code, folder, shown)

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

    def _names(self, path: bytes) -> Names:
        (names,) = listings(self._sftp, [path])
        if isinstance(names, OSError):
            raise names
        return names

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
            raise self._refused(error) from None

    @staticmethod
    def _refused(error: OSError) -> SftpRefused:
        reason = os.strerror(error.errno) if error.errno else "failure"
        return SftpRefused(f"the SFTP server refuses an operation: {reason}")


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


def _is_answer(folder: str) -> bool:
    return folder.split("/")[0] == "retour"


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


def _size(content: bytes | Path) -> int:
    return len(content) if isinstance(content, bytes) else content.stat().st_size


def _whole(content: bytes | Path, keys: Sequence[str]) -> bytes:
    """A small file's bytes, encrypted to ``keys`` if any."""
    clear = content if isinstance(content, bytes) else content.read_bytes()
    if not keys:
        return clear
    pieces: list[bytes] = []
    envelope.encrypt(io.BytesIO(clear), pieces.append, keys)
    return b"".join(pieces)


def _entries(names: Names) -> list[Entry]:
    return [
        Entry(_text(name), attributes.st_size or 0, int(attributes.st_mtime or 0), _regular(attributes))
        for name, attributes in names
    ]


def _regular(attributes: paramiko.SFTPAttributes) -> bool:
    return attributes.st_mode is not None and stat.S_ISREG(attributes.st_mode)
