"""Airflow's accounts and secrets: drawn once, kept closed, completed where an earlier version left some out."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from loaders.orchestrator import airflow_environment, password_file, web_users
from loaders.services import Services
from loaders.settings import Settings

SERVICES = Services("postgresql://postgres:x@127.0.0.1:1/siseri")


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS", raising=False)


def test_every_account_gets_a_password_of_its_own(tmp_path: Path) -> None:
    settings = Settings.load({"SISERI_HOME": str(tmp_path)})
    airflow_environment(settings, SERVICES)
    file = password_file(settings)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    passwords = json.loads(file.read_text())
    assert set(passwords) == {"admin", "analyste", "chef", "lecteur"} == set(web_users())
    assert len(set(passwords.values())) == 4
    assert min(len(one) for one in passwords.values()) >= 16
    airflow_environment(settings, SERVICES)
    assert json.loads(file.read_text()) == passwords


def test_a_file_of_an_earlier_version_is_completed(tmp_path: Path) -> None:
    settings = Settings.load({"SISERI_HOME": str(tmp_path)})
    settings.folder("airflow")
    password_file(settings).write_text('{"admin": "connu", "parti": "ancien"}')
    airflow_environment(settings, SERVICES)
    passwords = json.loads(password_file(settings).read_text())
    assert passwords["admin"] == "connu"
    assert passwords["parti"] == "ancien"
    assert passwords["chef"] != passwords["lecteur"]
    assert stat.S_IMODE(password_file(settings).stat().st_mode) == 0o600


def test_accounts_named_by_the_environment_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS", "admin:admin, dupont:user")
    assert web_users() == ["admin", "dupont"]
