"""The archive: the original bytes of every file, unaltered, under their SHA-256.

On one machine it is a folder of the home. Where several machines share it, ``SISERI_ARCHIVE_URL`` names an object
store (``s3://bucket/prefix``, ``gs://…``, ``file:///mount``: whatever Arrow opens); who may write there is told to the
store's own library (``AWS_ACCESS_KEY_ID``, a profile of the machine), never to the registry.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from pyarrow import fs

from loaders import crash
from loaders.errors import ServiceMissing, UsageError
from loaders.settings import Settings

_CHUNK = 8 << 20


def place(settings: Settings, sha256: str) -> Path:
    """Where the bytes of this hash (hexadecimal) lie, or will lie, in an archive that is a folder of the home."""
    return settings.home / "archive" / under(sha256)


def keep(settings: Settings, sha256: str, fetched: Path) -> None:
    """Move a fetched file, already on disk, into the archive; the bytes are there when this returns.

    The same bytes received again change nothing.

    Args:
        sha256: hexadecimal.

    Raises:
        ServiceMissing: the store cannot be reached, or refuses.
        UsageError: no such kind of store.
    """
    if settings.archive_url is None:
        _keep_here(settings, sha256, fetched)
        return
    store, root = _store(settings.archive_url)
    with _told(settings.archive_url):
        target = f"{root}/{under(sha256)}"
        # A put that was cut short may have left less; what is read is held against its hash anyway.
        if store.get_file_info(target).size != fetched.stat().st_size:
            store.create_dir(os.path.dirname(target), recursive=True)  # noqa: PTH120, a key of the store, no path
            with fetched.open("rb") as source, store.open_output_stream(target) as sink:
                shutil.copyfileobj(source, sink, _CHUNK)
    fetched.unlink()


@contextlib.contextmanager
def at_hand(settings: Settings, sha256: str) -> Iterator[Path]:
    """The bytes of this hash as a file of this machine, for as long as the block lasts.

    Raises:
        FileNotFoundError: the archive does not hold them.
        ServiceMissing: the store cannot be reached, or what it gives is not what was kept.
    """
    if settings.archive_url is None:
        yield place(settings, sha256)
        return
    local = settings.folder("archive", "incoming") / f"{sha256[:16]}-{os.getpid()}-{time.time_ns()}"
    try:
        _bring(settings.archive_url, sha256, local)
        yield local
    finally:
        local.unlink(missing_ok=True)


def holds(settings: Settings, sha256: str) -> bool:
    """Whether something lies there under this hash."""
    if settings.archive_url is None:
        return place(settings, sha256).exists()
    store, root = _store(settings.archive_url)
    with _told(settings.archive_url):
        return bool(store.get_file_info(f"{root}/{under(sha256)}").type == fs.FileType.File)


def sound(settings: Settings, sha256: str, size: int) -> bool:
    """Whether the archive gives so many bytes with this hash."""
    try:
        with at_hand(settings, sha256) as path:
            here = settings.archive_url is None  # a store's bytes were held against their hash as they came
            return path.stat().st_size == size and (not here or _digest(path) == sha256)
    except (FileNotFoundError, _NotWhatWasKept):
        return False


class _NotWhatWasKept(ServiceMissing):
    """The store gave other bytes than those of the hash."""


def under(sha256: str) -> str:
    """Where the bytes of a hash lie, below the archive."""
    return f"{sha256[:2]}/{sha256[2:4]}/{sha256}"


def _keep_here(settings: Settings, sha256: str, fetched: Path) -> None:
    target = place(settings, sha256)
    if target.exists():
        fetched.unlink()
        return
    settings.folder("archive", sha256[:2], sha256[2:4])
    fetched.chmod(0o400)
    fetched.replace(target)
    crash.reach("archive.renamed")
    for folder in (target.parent, target.parent.parent):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _store(url: str) -> tuple[fs.FileSystem, str]:
    if "@" in urlsplit(url).netloc:
        raise UsageError("SISERI_ARCHIVE_URL must not hold a secret: the store's own library finds it elsewhere")
    try:
        store, root = fs.FileSystem.from_uri(url)
    except ValueError as error:  # Arrow's ArrowInvalid is one
        raise UsageError(f"SISERI_ARCHIVE_URL cannot be read: {error}") from error
    return store, root.rstrip("/")


@contextlib.contextmanager
def store(url: str) -> Iterator[tuple[fs.FileSystem, str]]:
    """The store and its root, for what lies beside the bytes; what fails there is told as a service that is missing."""
    with _told(url):
        yield _store(url)


@contextlib.contextmanager
def _told(url: str) -> Iterator[None]:
    """Say which service failed, without the options that a URL may carry."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ServiceMissing(f"the archive at {url.partition('?')[0]} failed: {error}") from error


def _bring(url: str, sha256: str, local: Path) -> None:
    store, root = _store(url)
    digest = hashlib.sha256()
    with _told(url), store.open_input_stream(f"{root}/{under(sha256)}") as source, local.open("wb") as sink:
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
            sink.write(chunk)
    if digest.hexdigest() != sha256:
        raise _NotWhatWasKept(f"the archive gives other bytes than those kept under {sha256}")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remove(settings: Settings, sha256: str) -> None:
    """Remove the bytes of this hash; nothing where they are not there. The caller holds the lock on them."""
    if settings.archive_url is None:
        place(settings, sha256).unlink(missing_ok=True)
        return
    store, root = _store(settings.archive_url)
    with _told(settings.archive_url), contextlib.suppress(FileNotFoundError):
        store.delete_file(f"{root}/{under(sha256)}")


def number(sha256: str) -> int:
    """What a hash is locked under: its first bytes, as a signed number of 32 bits."""
    return int.from_bytes(bytes.fromhex(sha256[:8]), "big", signed=True)
