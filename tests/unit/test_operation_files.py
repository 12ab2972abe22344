"""What operation is given as files agrees with the code: pages with alerts, dashboards with metrics, units."""

from __future__ import annotations

import configparser
import json
import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from loaders.settings import project_root
from pipelines.alerts import AGAIN, CALM, CODES, Alert, State, news
from pipelines.signs import Duty
from schemas.metrics import METRICS, Kind

ROOT = project_root()
PAGES = ROOT / "docs" / "exploitation"
METRICS_FOLDER = ROOT / "deploy" / "metrics"
#: Pages that are no alert's.
OTHERS = {"README", "trois-machines", "journaux", "mises-a-niveau", "sauvegarde", "qualite"}


def test_each_alert_has_its_page_and_each_page_its_alert() -> None:
    assert {path.stem for path in PAGES.glob("*.md")} - OTHERS == set(CODES)
    listed = re.findall(
        r"^\| \[([a-z-]+)\]\(\1\.md\) \|", (PAGES / "README.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert sorted(listed) == sorted(CODES)


def test_each_code_is_raised_by_the_judge_and_no_other() -> None:
    source = (ROOT / "pipelines" / "alerts.py").read_text(encoding="utf-8")
    assert set(re.findall(r'Alert\(\s*"([a-z-]+)"', source)) == set(CODES)


@pytest.mark.parametrize("code", CODES)
def test_a_page_says_what_is_seen_where_to_look_what_to_do_and_whom_to_call(code: str) -> None:
    text = (PAGES / f"{code}.md").read_text(encoding="utf-8")
    assert text.startswith(f"# {code}\n")
    parts = re.findall(r"^\*\*(Symptôme|Regarder|Faire|Appeler)\.\*\*", text, re.MULTILINE)
    assert parts == ["Symptôme", "Regarder", "Faire", "Appeler"]


def test_the_page_of_late_work_names_every_work() -> None:
    text = (PAGES / "travaux-en-retard.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `([a-z]+)` \|", text, re.MULTILINE)) == {one.title for one in Duty} - {"collect"}
    named = set(re.findall(r"`(siseri_[a-z]+)`", text))
    assert all((ROOT / "dags" / f"{name}.py").exists() for name in named)


def known_series() -> set[str]:
    """Every series that the exporter can show: ours, and Airflow's, by their names there."""
    from airflow._shared.observability.metrics import metrics_registry

    told = yaml.safe_load(
        Path(metrics_registry.__file__).with_name("metrics_template.yaml").read_text(encoding="utf-8")
    )
    theirs = {"airflow_" + re.sub(r"[.-]", "_", one["name"]) for one in told["metrics"] if "{" not in one["name"]}
    ours = {one.prometheus for one in METRICS.values()}
    return theirs | ours | {f"{one.prometheus}_bucket" for one in METRICS.values() if one.kind is Kind.TIMER}


def expressions() -> dict[str, str]:
    """Every expression of the dashboard and of the rules, by where it stands."""
    dashboard = json.loads((METRICS_FOLDER / "grafana-siseri.json").read_text(encoding="utf-8"))
    found = {
        f"{panel['title']} {target['refId']}": target["expr"]
        for panel in dashboard["panels"]
        for target in panel["targets"]
    }
    return found | {rule["alert"]: rule["expr"] for rule in rules()}


def rules() -> list[dict[str, Any]]:
    told = yaml.safe_load((METRICS_FOLDER / "prometheus-rules.yml").read_text(encoding="utf-8"))
    return [rule for group in told["groups"] for rule in group["rules"]]


def test_every_series_of_dashboard_and_rules_is_emitted_with_its_labels() -> None:
    known = known_series()
    tags = {one.prometheus: set(one.tags) for one in METRICS.values()}
    for where, text in expressions().items():
        for name, labels in re.findall(r"\b((?:siseri|airflow)_[a-z_]+)(?:\{([^}]*)\})?", text):
            assert name in known, (where, name)
            for label in re.findall(r"(\w+)=", labels):
                assert label in tags[name], (where, name, label)


def test_every_metric_of_ours_is_on_the_dashboard() -> None:
    text = " ".join(expressions().values())
    assert {one.name for one in METRICS.values() if one.prometheus not in text} == set()


def test_each_rule_leads_to_a_page_that_is_there() -> None:
    for rule in rules():
        assert (ROOT / rule["annotations"]["page"]).is_file(), rule["alert"]


def test_the_exporter_keeps_our_durations_as_the_dashboard_asks_for_them() -> None:
    told = yaml.safe_load((METRICS_FOLDER / "statsd-mapping.yml").read_text(encoding="utf-8"))
    timers = {one.name for one in METRICS.values() if one.kind is Kind.TIMER}
    patterns = [re.compile(one["match"].replace(".", r"\.").replace("*", r"\w+")) for one in told["mappings"]]
    assert all(any(pattern.fullmatch(f"siseri.{name}") for pattern in patterns) for name in timers)
    assert all(one["observer_type"] == "histogram" for one in told["mappings"])


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_prometheus_reads_its_files() -> None:
    for words in (("rules", "prometheus-rules.yml"), ("config", "prometheus.yml")):
        subprocess.run(["promtool", "check", *words], cwd=METRICS_FOLDER, check=True, capture_output=True)


UNITS = sorted((ROOT / "deploy" / "systemd").glob("siseri*.*"))


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_each_timer_has_its_service_and_each_command_exists(unit: Path) -> None:
    read = configparser.ConfigParser(strict=False, interpolation=None)
    read.optionxform = str  # type: ignore[assignment,method-assign]
    read.read_string(unit.read_text(encoding="utf-8"))
    if unit.suffix == ".timer":
        assert unit.with_suffix(".service") in UNITS
        return
    assert read["Service"]["User"] == "siseri"
    assert read["Service"]["NoNewPrivileges"] == "yes"
    assert read["Service"]["ExecStart"].startswith(("/opt/siseri/siseri ", "/opt/siseri/.venv/bin/airflow "))


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_reads_the_units(tmp_path: Path) -> None:
    for unit in UNITS:
        # The programs are not installed there, nor the account: everything else must be right.
        text = re.sub(r"/opt/siseri/\S+", "/bin/true", unit.read_text(encoding="utf-8"))
        (tmp_path / unit.name).write_text(text, encoding="utf-8")
    names = [str(tmp_path / unit.name) for unit in UNITS]
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", *names], capture_output=True, text=True)
    told = [line for line in done.stderr.splitlines() if str(tmp_path) in line or re.search(r"\bsiseri", line)]
    assert told == [], done.stderr


def test_the_compose_file_names_what_is_there_and_holds_no_secret() -> None:
    folder = ROOT / "deploy" / "compose"
    told = yaml.safe_load((folder / "compose.yml").read_text(encoding="utf-8"))
    assert set(told["services"]) == {"base", "registre"}
    build = told["services"]["registre"]["build"]
    assert (folder / build["context"]).resolve() == ROOT
    image = (ROOT / build["dockerfile"]).read_text(encoding="utf-8")
    assert "NOT RUN" in image
    started = re.search(r'CMD \["/opt/siseri/(.+)"\]', image)
    assert started is not None
    assert (ROOT / started[1]).stat().st_mode & 0o111
    left_out = (folder / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    secret = {"deploy/compose/base.password", "deploy/compose/siseri.env"}
    assert {"var", "siseri.toml", *secret} <= set(left_out)
    assert secret <= set((ROOT / ".gitignore").read_text(encoding="utf-8").splitlines())
    for service in told["services"].values():
        assert not {name for name in service.get("environment", {}) if re.search("PASSWORD$|KEY|CONN", name)}
        assert all(volume.split(":")[0] in told["volumes"] for volume in service["volumes"])


codes = st.sets(st.sampled_from(CODES), max_size=4)


@given(st.lists(st.tuples(st.integers(1, 40 * 60), codes), max_size=40))
def test_each_alert_is_told_once_again_each_day_and_at_its_end(steps: list[tuple[int, set[str]]]) -> None:
    """Against a twin that knows, of each code, only when a mail last named it and when it was last seen."""
    now = datetime(2026, 4, 10, tzinfo=UTC)
    states: tuple[State, ...] = ()
    told: dict[str, datetime] = {}
    seen: dict[str, datetime] = {}
    for minutes, held in steps:
        now += timedelta(minutes=minutes)
        said = news(now, [Alert(code, "…") for code in sorted(held)], states)
        states = said.states
        new = {code for code in held if code not in told}
        again = {code for code in held if code in told and now - told[code] >= AGAIN}
        seen |= dict.fromkeys(held, now)
        over = {code for code in told if code not in held and now - seen[code] >= CALM}
        assert {one.code for one in said.new} == new
        assert {one.code for one in said.again} == again
        assert set(said.over) == over
        assert bool(said) == bool(new or again or over)
        told = {code: moment for code, moment in told.items() if code not in over} | dict.fromkeys(new | again, now)
        assert {one.code for one in states} == set(told)
        assert all(one.since <= one.seen for one in states)
