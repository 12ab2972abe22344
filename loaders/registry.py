"""The registry opened for work: services running, warehouse at its version, key at hand, SFTP connected."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from loaders.secrets import RegistryKey
from loaders.services import Services, running
from loaders.settings import Settings
from loaders.sftp import SftpClient, connect
from loaders.warehouse import Connection, Warehouse


@dataclass(frozen=True)
class Registry:
    """An opened registry. ``connection`` is the loader's."""

    settings: Settings
    services: Services
    warehouse: Warehouse
    connection: Connection
    key: RegistryKey


@contextmanager
def opened(settings: Settings, *, sftp: bool = True) -> Iterator[Registry]:
    """Start what is needed and connect; on leaving, nothing runs that was not running before.

    Raises:
        UsageError: the registry is not initialised, or at another version, or under another key.
        ServiceMissing: the database or the SFTP server cannot be reached.
    """
    with running(settings, sftp=sftp) as services:
        warehouse = Warehouse(settings, services.database_url)
        warehouse.ready()
        with warehouse.loader() as connection:
            yield Registry(settings, services, warehouse, connection, warehouse.key())


@contextmanager
def readable(settings: Settings) -> Iterator[Warehouse]:
    """The warehouse for one who reads under a profile of his own: checked as :func:`opened` does, nothing connected."""
    with running(settings, sftp=False) as services:
        warehouse = Warehouse(settings, services.database_url)
        warehouse.ready()
        yield warehouse


@contextmanager
def depots(registry: Registry) -> Iterator[SftpClient]:
    """The collector's SFTP connection."""
    with connect(registry.settings, registry.services) as client:
        yield client
