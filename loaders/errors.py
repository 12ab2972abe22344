"""Errors by audience.

The sender's faults are codes of the code book and never exceptions. What stands here is for the
operator (a clear message, exit status 2 or 3) or is ours (an incident, exit status 1). No message
holds personal data.
"""

from __future__ import annotations


class SiseriError(Exception):
    """Base of every error this software raises on purpose; ``exit_code`` is the command's status."""

    exit_code = 2


class UsageError(SiseriError):
    """Refused or wrong usage: the operator can mend the call or the settings."""

    exit_code = 2


class WarehouseRefused(SiseriError):
    """The warehouse refused a statement: a defect of ours. Says the kind and the place, never a value."""

    exit_code = 1


class ServiceMissing(SiseriError):
    """A service (database, SFTP, Airflow) cannot be reached or started."""

    exit_code = 3


class DatabaseLost(ServiceMissing):
    """The connection to the warehouse broke: worth another try."""
