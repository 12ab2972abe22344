"""A file's bytes to and from an SFTP server with flat memory, many requests under way.

``guard`` is what turns the errors of the connection into ours; what fails on this side's disk passes as it is.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO

import paramiko

from loaders import envelope
from loaders.sftp_together import read_whole

Guard = Callable[[], AbstractContextManager[None]]

CHUNK = 1 << 20
REQUEST_BYTES = 128 << 10  # four times paramiko's own; OpenSSH takes up to 255 kB
REQUESTS_AHEAD = 32  # so at most 4 MB under way, whatever the size of the file
SMALL = 256 << 10  # up to here a file travels in a few questions at once


def blocks(sftp: paramiko.SFTPClient, guard: Guard, path: bytes, size: int) -> Iterator[bytes]:
    """The bytes of a file of that size: a small one's at once, of any other as they come."""
    if size <= SMALL:
        with guard():
            whole = read_whole(sftp, path, size)
        if whole is not None:
            yield whole
            return
    with contextlib.ExitStack() as stack:
        with guard():
            source = stack.enter_context(sftp.open(path, "rb"))
            source.MAX_REQUEST_SIZE = REQUEST_BYTES
            source.prefetch(size, REQUESTS_AHEAD)
        while True:
            with guard():
                block = source.read(CHUNK)
            if not block:
                return
            yield block


def write_stream(
    sftp: paramiko.SFTPClient, guard: Guard, path: bytes, content: bytes | Path, mode: int, keys: Sequence[str] = ()
) -> int:
    """Write a new file in the place of whatever is there, encrypted to ``keys`` if any. Gives how many bytes it has."""
    size = 0
    with contextlib.ExitStack() as stack:
        source: BinaryIO
        source = io.BytesIO(content) if isinstance(content, bytes) else stack.enter_context(content.open("rb"))
        with guard():
            # Never into the file of another put under way: a new one, whoever renames first.
            with contextlib.suppress(FileNotFoundError):
                sftp.remove(path)
            file = stack.enter_context(sftp.open(path, "wb"))
            file.set_pipelined(True)
            file.chmod(mode)

        def write(block: bytes) -> None:
            nonlocal size
            with guard():
                file.write(block)
            size += len(block)

        if keys:
            envelope.encrypt(source, write, keys)
        else:
            while block := source.read(CHUNK):
                write(block)
        with guard():
            file.close()
    return size
