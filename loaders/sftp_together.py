"""Several questions to an SFTP server at once.

Asked one by one, every question is a way to the server and back, and neither side works while the other does: 20 000
homes are 160 000 such ways. Here questions that do not hang on each other's answers are under way together. A server
takes questions about one file in the order they come; what must follow something else is asked in a call of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import paramiko
from paramiko.sftp import (
    CMD_ATTRS,
    CMD_CLOSE,
    CMD_DATA,
    CMD_FSETSTAT,
    CMD_HANDLE,
    CMD_NAME,
    CMD_OPEN,
    CMD_OPENDIR,
    CMD_READ,
    CMD_READDIR,
    CMD_STAT,
    CMD_STATUS,
    CMD_WRITE,
    SFTP_FLAG_CREATE,
    SFTP_FLAG_EXCL,
    SFTP_FLAG_READ,
    SFTP_FLAG_WRITE,
    int64,
)

Names = list[tuple[bytes, paramiko.SFTPAttributes]]
Question = tuple[Any, ...]
#: Folders listed at once, and the largest content that is asked or sent in one question.
FOLDERS, BLOCK = 64, 32 << 10


class _Answer:
    """One question under way; paramiko hands its answer over by ``_async_response``."""

    def __init__(self) -> None:
        self.told: tuple[int, paramiko.Message] | None = None

    def _async_response(self, kind: int, message: paramiko.Message, _: int) -> None:
        self.told = kind, message


def together(sftp: paramiko.SFTPClient, questions: Iterable[Question]) -> list[Any]:
    """Ask all of them, then take every answer, in the order asked.

    Returns:
        What the server gave: a handle or a content (bytes), names, attributes, ``None`` where a thing was done, or
        the OSError of what it refused (EOFError at the end of a folder or a file), which is for the caller to judge.

    Raises:
        paramiko.SSHException, EOFError, OSError: the connection broke.
    """
    answers = []
    asked = bytearray()  # they leave in one packet: a packet costs more than a question
    sftp._write_all = asked.extend  # type: ignore[attr-defined]
    try:
        for question in questions:
            answers.append(_Answer())
            sftp._async_request(answers[-1], *question)  # type: ignore[attr-defined]
    finally:
        del sftp._write_all  # type: ignore[attr-defined]
    sftp._write_all(bytes(asked))  # type: ignore[attr-defined]
    given = []
    for answer in answers:
        while answer.told is None:
            sftp._read_response()  # type: ignore[attr-defined]
        given.append(_content(sftp, *answer.told))
    return given


def _content(sftp: paramiko.SFTPClient, kind: int, message: paramiko.Message) -> Any:
    if kind == CMD_STATUS:
        try:
            sftp._convert_status(message)  # type: ignore[attr-defined]
        except (EOFError, OSError) as error:
            return error
        return None
    if kind not in _CONTENTS:
        raise paramiko.SFTPError("an answer of no known kind")
    return _CONTENTS[kind](message)


def _names(message: paramiko.Message) -> Names:
    """Names in bytes and attributes; paramiko's own reader fails on a name that is no UTF-8."""
    found = []
    for _ in range(message.get_int()):
        name = message.get_binary()
        message.get_binary()  # the long form, for human eyes
        attributes = _attributes(message)
        if name not in (b".", b".."):
            found.append((name, attributes))
    return found


def _attributes(message: paramiko.Message) -> paramiko.SFTPAttributes:
    return paramiko.SFTPAttributes._from_msg(message)  # type: ignore[attr-defined,no-any-return]


_CONTENTS: dict[int, Callable[[paramiko.Message], Any]] = {
    CMD_HANDLE: paramiko.Message.get_binary,
    CMD_DATA: paramiko.Message.get_binary,
    CMD_NAME: _names,
    CMD_ATTRS: _attributes,
}


def _all_done(given: Sequence[Any]) -> Sequence[Any]:
    """The answers, none of which is a refusal. Raises the first that is."""
    for one in given:
        if isinstance(one, (OSError, EOFError)):
            raise one
    return given


def listings(sftp: paramiko.SFTPClient, paths: Iterable[bytes]) -> Iterator[Names | OSError]:
    """What each folder holds, or why it cannot be listed, in the order asked."""
    waiting = iter(paths)
    while some := list(islice(waiting, FOLDERS)):
        handles = together(sftp, [(CMD_OPENDIR, path) for path in some])
        told: list[Names | OSError] = [handle if isinstance(handle, OSError) else [] for handle in handles]
        reading = {at: handle for at, handle in enumerate(handles) if isinstance(handle, bytes)}
        opened = dict(reading)
        while reading:
            blocks = together(sftp, [(CMD_READDIR, handle) for handle in reading.values()])
            for at, block in zip(list(reading), blocks, strict=True):
                found = told[at]
                if isinstance(block, list) and isinstance(found, list):
                    found += block
                    continue
                del reading[at]
                if isinstance(block, OSError):
                    told[at] = block
        together(sftp, [(CMD_CLOSE, handle) for handle in opened.values()])
        yield from told


def read_whole(sftp: paramiko.SFTPClient, path: bytes, size: int) -> bytes | None:
    """The first ``size`` bytes of a file; ``None`` where they came in other pieces than asked for."""
    (handle,) = _all_done(together(sftp, [(CMD_OPEN, path, SFTP_FLAG_READ, paramiko.SFTPAttributes())]))
    reads = [(CMD_READ, handle, int64(start), min(BLOCK, size - start)) for start in range(0, size, BLOCK)]
    *given, closed = together(sftp, [*reads, (CMD_CLOSE, handle)])
    # Where it became shorter meanwhile, its end came sooner than asked for.
    content = b"".join(_all_done([b"" if isinstance(block, EOFError) else block for block in given]))
    _all_done([closed])
    return content if len(content) == size else None


def write_new(sftp: paramiko.SFTPClient, files: Sequence[tuple[bytes, bytes]], mode: int) -> None:
    """Write small files, each a path and a content.

    A path that is taken is freed: never is a file written into that another put has open.
    """
    given = together(sftp, [_opening(path) for path, _ in files])
    handles = [_new(sftp, path, handle) for (path, _), handle in zip(files, given, strict=True)]
    rights = paramiko.SFTPAttributes()
    rights.st_mode = mode
    steps: list[Question] = []
    for handle, (_, content) in zip(handles, files, strict=True):
        if not isinstance(handle, bytes):
            continue
        blocks = [(start, content[start : start + BLOCK]) for start in range(0, len(content), BLOCK)]
        steps += [(CMD_FSETSTAT, handle, rights), *((CMD_WRITE, handle, int64(at), block) for at, block in blocks)]
        steps.append((CMD_CLOSE, handle))
    _all_done((*handles, *together(sftp, steps)))


def looks(sftp: paramiko.SFTPClient, paths: Iterable[bytes]) -> Sequence[paramiko.SFTPAttributes]:
    """What each file looks like. Raises the refusal of the first that is refused."""
    return _all_done(together(sftp, [(CMD_STAT, path) for path in paths]))


def _opening(path: bytes) -> Question:
    return CMD_OPEN, path, SFTP_FLAG_WRITE | SFTP_FLAG_CREATE | SFTP_FLAG_EXCL, paramiko.SFTPAttributes()


def _new(sftp: paramiko.SFTPClient, path: bytes, given: Any) -> Any:
    """The handle of a new file, or why there is none; where its path was taken, it is freed and asked for again."""
    if not isinstance(given, OSError):
        return given
    try:
        sftp.remove(path)
    except OSError:
        return given
    return together(sftp, [_opening(path)])[0]
