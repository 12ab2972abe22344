"""Settings: environment, then ``siseri.toml``, then defaults; one frozen object read when a task starts."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from zoneinfo import ZoneInfo

from loaders.errors import UsageError

PARIS = ZoneInfo("Europe/Paris")


def project_root() -> Path:
    """The checkout's folder; for an installed wheel, ``~/.siseri``. Never the current folder."""
    beside = Path(__file__).resolve().parent.parent
    return beside if (beside / "pyproject.toml").is_file() else Path.home() / ".siseri"


@dataclass(frozen=True)
class Settings:
    """Everything the software can be told. Paths are absolute; sizes in bytes, delays in seconds or days.

    ``database_url`` and ``sftp_url`` are ``None`` where the embedded service serves, ``archive_url`` where the archive
    is a folder of the home.
    ``today`` is the registry's date where one is imposed (tests, replays), else ``None``.
    ``hold_share`` is the share of faulty or waiting rows (above 0, at most 1) beyond which a file of at least
    ``hold_rows`` rows waits for a person's yes; ``None``: no file does.
    ``depot_bytes`` and ``depot_files`` are the most that a sender's depot holds of what was not taken yet, on the
    embedded SFTP server (0: no limit); a server of the site's own has the file system's quotas.
    Below ``disk_min_mb`` MiB free, an alert is raised: what a day of work can take. Logs are kept ``log_days`` days.
    ``statsd`` is ``host:port`` of the server that gets metrics; ``None``: nobody does.
    ``backup_dir`` is the folder that backups go to (``None``: none are made), ``backup_keep`` how many whole ones stay.
    """

    home: Path
    database_url: str | None = None
    sftp_url: str | None = None
    archive_url: str | None = None
    today: date | None = None
    sftp_key: Path = Path()
    sftp_known_hosts: Path = Path()
    key_file: Path = Path()
    sftp_port: int = 2222
    airflow_port: int = 8080
    quiet_period_s: int = 60
    queue_days: int = 90
    report_days: int = 90
    conclusion_days: int = 180
    max_bytes: int = 1 << 30
    hold_share: Decimal | None = None
    hold_rows: int = 20
    depot_bytes: int = 20 << 30
    depot_files: int = 50_000
    disk_min_mb: int = 5120
    log_days: int = 30
    statsd: str | None = None
    backup_dir: Path | None = None
    backup_keep: int = 7

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None, root: Path | None = None) -> Settings:
        """Read the settings.

        Args:
            environ: the environment (default: the process's own).
            root: the folder of ``siseri.toml`` and of relative paths (default: the project's root).

        Raises:
            UsageError: a value that cannot be read, or an unknown name in ``siseri.toml``.
        """
        environ = os.environ if environ is None else environ
        root = project_root() if root is None else root
        names = [field.name for field in fields(cls)]
        told: dict[str, object] = {}
        file = root / "siseri.toml"
        if file.is_file():
            try:
                told = dict(tomllib.loads(file.read_text(encoding="utf-8")))
            except tomllib.TOMLDecodeError as error:
                raise UsageError(f"siseri.toml cannot be read: {error}") from error
            unknown = sorted(set(told) - set(names))
            if unknown:
                raise UsageError(f"siseri.toml holds unknown settings: {', '.join(unknown)}")
        for name in names:
            value = environ.get(f"SISERI_{name.upper()}")
            if value:
                told[name] = value
        home = _path(root, told.get("home", "var"))
        defaults = {
            "sftp_key": "keys/collector",
            "sftp_known_hosts": "keys/known_hosts",
            "key_file": "keys/registry.key",
        }
        values: dict[str, object] = {"home": home}
        for name in names[1:]:
            raw = told.get(name)
            if name in defaults:
                values[name] = _path(root, raw) if raw else home / defaults[name]
            elif raw is None:
                continue
            elif name == "today":
                values[name] = raw if type(raw) is date else _day(str(raw))
            elif name == "hold_share":
                values[name] = _share(name, raw)
            elif name in ("database_url", "sftp_url", "archive_url", "statsd"):
                values[name] = str(raw)
            elif name == "backup_dir":
                values[name] = _path(root, raw)
            else:
                values[name] = _count(name, raw)
        if int(str(values.get("backup_keep", 2))) < 2:
            raise UsageError("the setting backup_keep must be at least 2: the newest backup may be the one that fails")
        return cls(**values)  # type: ignore[arg-type]

    def registry_date(self) -> date:
        """The date judgements use: ``SISERI_TODAY`` where set, else the civil date in Europe/Paris."""
        return self.today or datetime.now(PARIS).date()

    def folder(self, *parts: str) -> Path:
        """A folder under ``home``, made where missing, closed to others at every level."""
        self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self.home
        for part in parts:
            path = path / part
            path.mkdir(exist_ok=True, mode=0o700)
        return path


def _path(root: Path, value: object) -> Path:
    path = Path(str(value)).expanduser()
    return path if path.is_absolute() else root / path


def _day(value: str) -> date:
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise UsageError(f"SISERI_TODAY must be AAAA-MM-JJ, not {value!r}") from error


def _share(name: str, value: object) -> Decimal | None:
    if not str(value).strip():
        return None
    try:
        share = Decimal(str(value))
    except InvalidOperation as error:
        raise UsageError(f"the setting {name} must be a number, not {value!r}") from error
    if not share.is_finite() or not 0 < share <= 1:
        raise UsageError(f"the setting {name} must lie above 0 and be at most 1")
    return share


def _count(name: str, value: object) -> int:
    try:
        count = int(str(value))
    except ValueError as error:
        raise UsageError(f"the setting {name} must be a whole number, not {value!r}") from error
    if count < 0:
        raise UsageError(f"the setting {name} cannot be negative")
    return count
