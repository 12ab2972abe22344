"""Health: what stands and what does not, in one document of states, counts, ages and sizes; nothing of persons.

It only looks: a service that is not there is told, not started. What is wrong of all this is said by
:mod:`pipelines.alerts`.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import psycopg

import sql
from loaders.backups import Target
from loaders.errors import ServiceMissing, SiseriError
from loaders.services import Services, SftpAddress, running, sftp_address
from loaders.settings import PARIS, Settings
from loaders.sftp import connect
from loaders.supervisor import status
from loaders.warehouse import Connection, Warehouse
from pipelines.signs import Duty

#: Over fewer rows a collective dose is somebody's: none is told.
FEWEST_ROWS = 11
#: Airflow's programs, as ``loaders.supervisor.status`` names them.
COMPONENTS = ("api-server", "scheduler", "dag-processor")


@dataclass(frozen=True)
class Health:
    """What a look saw.

    Attributes:
        services: as ``loaders.supervisor.status`` gives them; ``database`` and ``sftp`` with ``repond`` (whether they
            answer; ``None`` where nobody was asked, since nothing of this home runs).
        registry: ``None`` where the database does not answer or the registry is not initialised.
        disks: ``place``, ``chemin``, ``libre_octets``, ``libre_pourcent`` of each place on this machine.
        backup: of the backup folder, whether it is there (``present``), its whole backups, the end and the age of the
            last one; ``None`` where this registry makes none.
        standing_s: for how long the supervisor of this home has run; ``None`` where none does.
    """

    services: dict[str, Any]
    registry: dict[str, Any] | None
    disks: list[dict[str, Any]]
    backup: dict[str, Any] | None
    standing_s: int | None

    @property
    def supervised(self) -> bool:
        """Whether the standing service of this home runs here."""
        return bool(self.services["supervisor"]["state"] == "running")

    def missing(self) -> list[str]:
        """Services that should answer and do not: those asked, and those that the supervisor keeps alive."""
        silent = [name for name in ("database", "sftp") if self.services[name]["repond"] is False]
        if self.supervised:
            silent += [name for name in COMPONENTS if self.services[name]["state"] != "running"]
        return silent


def look(settings: Settings) -> Health:
    """Look at everything, without starting anything."""
    services = status(settings)
    supervised = services["supervisor"]["state"] == "running"
    registry = _database(settings, services["database"], supervised)
    _sftp(settings, services["sftp"], supervised)
    return Health(services, registry, disks(settings), backups(settings), _standing(services["supervisor"]["pid"]))


def _standing(pid: int | None) -> int | None:
    """For how long a process has lived, in seconds."""
    if pid is not None:
        with contextlib.suppress(psutil.Error):
            return max(0, int(time.time() - psutil.Process(pid).create_time()))
    return None


def _database(settings: Settings, line: dict[str, Any], supervised: bool) -> dict[str, Any] | None:
    """Ask the database; notes in its line whether it answers."""
    if line["state"] == "stopped":
        line["repond"] = False if supervised else None
        return None
    try:
        with running(settings, sftp=False) as services:
            warehouse = Warehouse(settings, services.database_url)
            with warehouse.login("analyst") as connection:
                line["repond"] = True
                return of_registry(connection, settings)
    except ServiceMissing:
        line["repond"] = False
    except (SiseriError, psycopg.Error) as error:
        # It answers, and there is no registry of this software in it, or none yet.
        line["repond"] = not isinstance(error, psycopg.OperationalError)
    return None


def _sftp(settings: Settings, line: dict[str, Any], supervised: bool) -> None:
    """Log in as the collector does; notes in the server's line whether it answers."""
    if line["state"] == "stopped":
        line["repond"] = False if supervised else None
        return
    host, _, port = line["address"].rpartition(":")
    address = sftp_address(settings.sftp_url) if settings.sftp_url else SftpAddress(host, int(port))
    try:
        with connect(settings, Services(sftp=address)) as client:
            client.homes()
        line["repond"] = True
    except ServiceMissing:
        line["repond"] = False


def of_registry(connection: Connection, settings: Settings) -> dict[str, Any]:
    """What the registry says of itself, asked as the analyst.

    A registry at another version than this software is asked for its version alone.
    """
    number, count = _row(connection, "versions")
    known = sql.migrations()
    schema = {"version": number, "attendue": known[-1][0]}
    if count != len(known) or number != known[-1][0]:
        return {"schema": schema}
    last = connection.execute(sql.query("operation", "last_load")).fetchone()
    rows, oldest = _row(connection, "queue")
    reports, follow_ups, owed_s = _row(connection, "answers_owed")
    files, incidents, file_s, held, held_s = _row(connection, "files_waiting")
    today = settings.registry_date()
    integrated, usv = _row(connection, "integrated_today", today)
    (overdue,) = _row(connection, "requests_overdue", today)
    (broken,) = _row(connection, "broken_promises")
    (age_s,) = _row(connection, "age")
    signs = {work: (at, age) for work, at, age in connection.execute(sql.query("operation", "signs")).fetchall()}
    return {
        "schema": schema,
        "age_s": age_s,
        "dernier_chargement": None
        if last is None
        else {"numero": last[0], "genre": last[1], "le": _hour(last[2]) if last[2] else None},
        "file": {
            "lignes": rows,
            "plus_ancienne_le": oldest.isoformat() if oldest else None,
            "age_jours": max(0, (today - oldest).days) if oldest else None,
        },
        "reponses_dues": {"depots": reports, "suivis": follow_ups, "age_s": owed_s},
        "a_traiter": {"depots": files, "incidents": incidents, "age_s": file_s},
        "retenus": {"depots": held, "age_s": held_s},
        "integre_ce_jour": {
            "lignes": int(integrated),
            "dose_msv": round(int(usv) / 1000) if integrated >= FEWEST_ROWS else None,
        },
        "demandes_echues": overdue,
        "promesses_rompues": broken,
        "travaux": {
            duty.title: {"le": _hour(signs[duty.title][0]), "age_s": signs[duty.title][1]}
            if duty.title in signs
            else None
            for duty in Duty
        },
        "verification": _verification(connection),
    }


def _verification(connection: Connection) -> dict[str, Any] | None:
    row = connection.execute(sql.query("operation", "last_verification")).fetchone()
    if row is None:
        return None
    ended, age_s, held, broken, findings = row
    return {
        "le": _hour(ended),
        "age_s": age_s,
        "tenus": held,
        "non_tenus": broken,
        "constats": [one for one in findings if not one["tenu"]],
    }


def backups(settings: Settings) -> dict[str, Any] | None:
    """How the backups stand; ``None`` where none are made, or the site makes them."""
    if settings.backup_dir is None or settings.database_url is not None:
        return None
    try:
        takes = Target.of(settings).takes()
    except SiseriError:
        return {"present": False, "sauvegardes": 0, "derniere_le": None, "age_s": None}
    last = takes[-1].ended if takes else None
    return {
        "present": True,
        "sauvegardes": len(takes),
        "derniere_le": _hour(last) if last else None,
        "age_s": max(0, int((datetime.now(UTC) - last).total_seconds())) if last else None,
    }


def disks(settings: Settings) -> list[dict[str, Any]]:
    """Free room of each place of this machine that the software writes to, as an ordinary user has it."""
    places = {"home": settings.home, "journaux": settings.home / "log"}
    if not settings.archive_url:
        places["archive"] = settings.home / "archive"
    if not settings.database_url:
        places["base"] = settings.home / "postgres"
    if not settings.sftp_url:
        places["sftp"] = settings.home / "sftp"
    return [_room(name, path) for name, path in places.items() if path.exists()]


def _room(name: str, path: Path) -> dict[str, Any]:
    total, _, free = shutil.disk_usage(path)
    return {
        "place": name,
        "chemin": str(path),
        "libre_octets": free,
        "libre_pourcent": round(100 * free / total, 1) if total else 0.0,
    }


def _row(connection: Connection, name: str, *asked: object) -> tuple[Any, ...]:
    row = connection.execute(sql.query("operation", name), asked or None).fetchone()
    assert row is not None
    return tuple(row)


def _hour(moment: datetime) -> str:
    return moment.astimezone(PARIS).isoformat(timespec="seconds")
