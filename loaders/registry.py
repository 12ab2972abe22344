"""The registry opened for work: services running, warehouse at its version, key at hand, SFTP connected."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial

from loaders import envelope, metrics
from loaders.barrier import Barrier
from loaders.secrets import RegistryKey
from loaders.services import Services, running
from loaders.settings import Settings
from loaders.sftp import SftpClient, connect
from loaders.warehouse import Connection, Warehouse, hold_key
from schemas.access import GATE


@dataclass(frozen=True)
class Registry:
    """An opened registry. ``connection`` is of the profile that it was opened for."""

    settings: Settings
    services: Services
    warehouse: Warehouse
    connection: Connection
    key: RegistryKey


@contextmanager
def opened(settings: Settings, *, sftp: bool = True, profile: str = "loader") -> Iterator[Registry]:
    """Start what is needed and connect; on leaving, nothing runs that was not running before.

    Args:
        profile: who connects (``schemas/access.py``): the one that may do least of those that can do the work.

    Raises:
        UsageError: the registry is not initialised, or at another version, or under another key.
        ServiceMissing: the database or the SFTP server cannot be reached.
    """
    with running(settings, sftp=sftp) as services:
        warehouse = Warehouse(settings, services.database_url)
        with warehouse.login(profile) as connection:
            warehouse.check(connection)
            hold_key(connection)
            with metrics.destination(settings.statsd):
                yield Registry(settings, services, warehouse, connection, warehouse.key())


@contextmanager
def readable(settings: Settings, profile: str = GATE.name) -> Iterator[Warehouse]:
    """The warehouse for one who reads under a profile of his own: checked as :func:`opened` does, nothing connected.

    Args:
        profile: who looks whether the warehouse is at its version.
    """
    with running(settings, sftp=False) as services:
        warehouse = Warehouse(settings, services.database_url)
        with warehouse.login(profile) as held:
            warehouse.check(held)
            hold_key(held)
            yield warehouse


@contextmanager
def depots(registry: Registry) -> Iterator[SftpClient]:
    """The collector's SFTP connection; what it delivers to a partner that gave an age key, it encrypts.

    Where the database's log is backed up, no answer goes out before it is.
    """
    settings = registry.settings
    with ExitStack() as stack:
        client = stack.enter_context(connect(settings, registry.services))
        client.recipients = partial(envelope.recipients_of, registry.connection, settings.registry_date())
        if settings.backup_dir is not None and settings.database_url is None:
            client.before_answer = stack.enter_context(closing(Barrier(settings, registry.services.database_url)))
        yield client
