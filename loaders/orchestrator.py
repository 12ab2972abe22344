"""Airflow's place: its database and role, its secrets, its environment. Airflow itself is never imported here.

``airflow.cfg`` holds what is the same everywhere; what depends on the machine comes from ``airflow_environment``,
which the supervisor, the demo and the tests share. Generated files lie under ``<home>/airflow``.
"""

from __future__ import annotations

import base64
import configparser
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from loaders import metrics
from loaders.errors import ServiceMissing
from loaders.postgres_server import write_private
from loaders.services import Services
from loaders.settings import Settings, project_root

NAME = "airflow"  # of the database and of the role
USER = "admin"  # of the web page


def password_file(settings: Settings) -> Path:
    """The file (mode 0600, JSON) with the password of each of the web page's users."""
    return settings.home / "airflow" / "passwords.json"


def web_users() -> list[str]:
    """The web page's users, as ``airflow.cfg`` (or the environment, as for Airflow itself) names them."""
    told = os.environ.get("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS")
    if told is None:
        written = configparser.ConfigParser(interpolation=None)
        written.read(project_root() / "airflow.cfg", encoding="utf-8")
        told = written.get("core", "simple_auth_manager_users", fallback=f"{USER}:admin")
    return [entry.partition(":")[0].strip() for entry in told.split(",") if entry.strip()]


def airflow_environment(settings: Settings, services: Services, port: int | None = None) -> dict[str, str]:
    """The whole environment for an Airflow process of this ``home``: the caller's own plus ours.

    Args:
        port: where the API server listens (default: the setting).

    Raises:
        ServiceMissing: ``services`` holds no database.
    """
    if not services.database_url:
        raise ServiceMissing("Airflow needs the database")
    home = settings.home
    kept = _secrets(settings)
    parts = urlsplit(services.database_url)
    place = parts.netloc.rpartition("@")[2]
    query = f"?{parts.query}" if parts.query else ""
    port = settings.airflow_port if port is None else port
    url = f"postgresql+psycopg://{NAME}:{kept['database']}@{place}/{NAME}{query}"
    ours = {
        "AIRFLOW_HOME": str(project_root()),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": url,
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": url,  # psycopg does both; the default would be another driver
        "AIRFLOW__CORE__FERNET_KEY": kept["fernet"],
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(password_file(settings)),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}",
        "AIRFLOW__API__SECRET_KEY": kept["api"],
        "AIRFLOW__API_AUTH__JWT_SECRET": kept["jwt"],
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "log" / "airflow"),
        "AIRFLOW__LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": str(home / "log" / "airflow" / "dag_processor"),
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH": str(home / "airflow" / "bundles"),
        **_metrics(settings),
        "SCARF_ANALYTICS": "false",
        "DO_NOT_TRACK": "1",
        # The address of this computer alone: no proxy stands between a task and its API server.
        "NO_PROXY": ",".join(filter(None, [os.environ.get("NO_PROXY"), "127.0.0.1", "localhost"])),
        "PYTHONUNBUFFERED": "1",
    }
    return {**settings_environment(settings), **ours}


def _metrics(settings: Settings) -> dict[str, str]:
    """Airflow's own metrics go where ours go."""
    if settings.statsd is None:
        return {}
    host, port = metrics.place(settings.statsd)
    return {
        "AIRFLOW__METRICS__STATSD_ON": "True",
        "AIRFLOW__METRICS__STATSD_HOST": host,
        "AIRFLOW__METRICS__STATSD_PORT": str(port),
    }


def settings_environment(settings: Settings) -> dict[str, str]:
    """The caller's environment with every setting told in it, so that another process serves this very home."""
    told = {f"SISERI_{field.name.upper()}": getattr(settings, field.name) for field in fields(settings)}
    return {**os.environ, **{name: str(value) for name, value in told.items() if value is not None}}


def prepare(
    settings: Settings, services: Services, port: int | None = None, say: Callable[[str], None] = lambda line: None
) -> dict[str, str]:
    """Make what Airflow needs before it starts (role, database, tables, pools) and give its environment.

    Costs milliseconds where nothing is to be done. ``say`` hears of each longer step.

    Raises:
        ServiceMissing: Airflow is not installed, or its database cannot be made.
    """
    if importlib.util.find_spec("airflow") is None:
        raise ServiceMissing("Airflow is not installed: install the project with its extra 'airflow'")
    settings.folder("airflow")
    settings.folder("log", "airflow")
    environment = airflow_environment(settings, services, port)
    _make_database(services.database_url, _secrets(settings)["database"])
    pools = project_root() / "config" / "pools.json"
    want = {
        "airflow": importlib.metadata.version("apache-airflow-core"),
        "pools": hashlib.sha256(pools.read_bytes()).hexdigest() if pools.is_file() else "",
    }
    mark = settings.home / "airflow" / "prepared.json"
    revision = _revision(environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"])
    if revision and mark.is_file() and json.loads(mark.read_text(encoding="utf-8")) == {**want, "revision": revision}:
        return environment
    say("making Airflow's tables")
    _airflow(settings, environment, "db", "migrate")
    if pools.is_file():
        _airflow(settings, environment, "pools", "import", str(pools))
    revision = _revision(environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"])
    write_private(mark, json.dumps({**want, "revision": revision}))
    return environment


def forget_runs(settings: Settings, services: Services, days: int) -> bool:
    """Let Airflow's tables forget the runs of more than so many days ago, the last of each DAG apart.

    Returns:
        Whether this home holds Airflow's secrets; a worker's does not, and another machine does it.

    Raises:
        ServiceMissing: Airflow refused; its log is ``log/airflow-setup.log``.
    """
    if not (settings.home / "airflow" / "secrets.json").is_file():
        return False
    before = datetime.now(UTC) - timedelta(days=days)
    _airflow(
        settings, airflow_environment(settings, services),
        "db", "clean", "--clean-before-timestamp", before.isoformat(), "--yes", "--skip-archive",
    )  # fmt: skip
    return True


def _secrets(settings: Settings) -> dict[str, str]:
    """Airflow's secrets, drawn once: ``database``, ``fernet``, ``api``, ``jwt``; the web page's passwords beside."""
    file = settings.folder("airflow") / "secrets.json"
    if not file.is_file():
        drawn = {name: secrets.token_urlsafe(48) for name in ("database", "api", "jwt")}
        drawn["fernet"] = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode("ascii")
        write_private(file, json.dumps(drawn))
    passwords: dict[str, str] = {}
    if password_file(settings).is_file():
        passwords = json.loads(password_file(settings).read_text(encoding="utf-8"))
    lacking = [name for name in web_users() if name not in passwords]
    if lacking:
        passwords |= {name: secrets.token_urlsafe(12) for name in lacking}
        write_private(password_file(settings), json.dumps(passwords))
    kept: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))
    return kept


def _make_database(administrator_url: str, password: str) -> None:
    import psycopg
    from psycopg import sql

    name = sql.Identifier(NAME)
    try:
        with psycopg.connect(administrator_url, autocommit=True, connect_timeout=10) as connection:
            role = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [NAME]).fetchone()
            verb = sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}" if role else "CREATE ROLE {} LOGIN PASSWORD {}")
            connection.execute(verb.format(name, sql.Literal(password)))
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [NAME]).fetchone():
                connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(name))
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0").format(name, name))
                connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))
    except psycopg.Error as error:
        raise ServiceMissing(f"Airflow's database cannot be made ({error.sqlstate or type(error).__name__})") from None


def _revision(url: str) -> str:
    """The revision of Airflow's tables; empty where there are none."""
    import psycopg

    with psycopg.connect(url.replace("postgresql+psycopg://", "postgresql://"), connect_timeout=10) as connection:
        if connection.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,):
            return ""
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else ""


def _airflow(settings: Settings, environment: dict[str, str], *words: str) -> None:
    """Run one Airflow command; its output goes to ``log/airflow-setup.log``."""
    log = settings.home / "log" / "airflow-setup.log"
    with log.open("ab") as output:
        done = subprocess.run(
            [sys.executable, "-m", "airflow", *words], env=environment, cwd=project_root(),
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False,
        )  # fmt: skip
    if done.returncode != 0:
        raise ServiceMissing(f"airflow {' '.join(words[:2])} failed; its log: {log}")
