"""The wheel alone, in an environment of its own: a sender's machine, without the registry's packages."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from senders import PASSIVE, cells, dose, environment, file

ROOT = Path(__file__).resolve().parents[2]
ABSENT = ("airflow", "fastapi", "psycopg", "paramiko", "asyncssh", "cryptography", "sqlalchemy", "great_expectations")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy: nothing that an earlier build left behind gets in."""
    folder = tmp_path_factory.mktemp("wheel")
    left = shutil.ignore_patterns(".venv", ".git", "var", "build", "*.egg-info", "__pycache__", ".*_cache", "tests")
    shutil.copytree(ROOT, folder / "source", ignore=left, symlinks=True)
    words = ("-m", "pip", "wheel", folder / "source", "--no-deps", "--no-build-isolation", "--no-index", "-w", folder)
    subprocess.run([sys.executable, *map(str, words)], check=True, capture_output=True, text=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Path:
    """A new virtual environment that holds the wheel and its base dependencies, in the locked versions."""
    folder = tmp_path_factory.mktemp("machine")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    locked = re.findall(r"^(\w[^\\\n]*==[^\\\n]*)", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    assert locked
    versions = folder / "versions.txt"
    versions.write_text("\n".join(locked))
    index = re.search(r"^siseri_same_index\(\) \{.*?^\}", (ROOT / "bootstrap.sh").read_text(), re.MULTILINE | re.DOTALL)
    assert index
    install = (
        f'PYTHON={sys.executable}; {index[0]}\nsiseri_same_index; exec "$1" pip install'
        ' --quiet --compile-bytecode --python "$2" --constraint "$3" "$4"'
    )
    words = (Path(sys.executable).parent / "uv", folder / "venv" / "bin" / "python", versions, wheel)
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        ["bash", "-c", install, "install", *map(str, words)], env=kept, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return folder / "venv" / "bin"


@pytest.fixture
def siseri(machine: Path, tmp_path: Path) -> Any:
    """The installed command, run from a folder that is not the project's."""

    def run(*words: str, expect: int) -> Any:
        env = environment(tmp_path / "home", HOME=str(tmp_path))
        env.pop("PYTHONPATH", None)
        done = subprocess.run(
            [machine / "siseri", *words], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == expect, (words, done.returncode, done.stderr[-2000:])
        return done

    return run


@pytest.mark.slow
def test_the_wheel_checks_files_on_its_own(siseri: Any, tmp_path: Path) -> None:
    (tmp_path / "bon.csv").write_bytes(file(PASSIVE, dose("M1"), dose("M2")))
    (tmp_path / "faux.csv").write_bytes(file(PASSIVE, dose("M1"), dose("M2", "-1"), dose("M1"), dose("M4", "0,2")))
    assert "2 ligne(s)" in siseri("check", "bon.csv", expect=0).stdout
    shown = siseri("check", "faux.csv", expect=1).stdout
    assert "MET-04" in shown
    assert "Valeur négative" in shown
    report = cells((tmp_path / "faux.csv.rapport.csv").read_bytes())
    assert [one["CODE_ERREUR"] for one in report] == ["", "MET-04", "", ""]
    facts = json.loads((tmp_path / "faux.csv.rapport.json").read_text())
    assert facts["statut"] == "PARTIEL"
    assert facts["codes"] == {"AVT-03": 1, "MET-04": 1, "MET-12": 1}
    assert json.loads(siseri("check", "faux.csv", "--json", "--partner", "LABO1", "--role", "OA", expect=1).stdout)
    siseri("check", "bon.csv", "--partner", "LABO1", expect=2)


def test_the_wheel_holds_the_desks_pages(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    wanted = {path.relative_to(ROOT).as_posix() for path in (ROOT / "desk").rglob("*") if path.suffix != ".pyc"}
    wanted = {name for name in wanted if (ROOT / name).is_file()}
    assert {"desk/app.py", "desk/templates/base.html", "desk/static/desk.css"} <= wanted
    assert wanted <= held


@pytest.mark.slow
def test_the_base_brings_no_more_than_the_check_needs(machine: Path, siseri: Any) -> None:
    find = f"import importlib.util as u; print([n for n in {ABSENT!r} if u.find_spec(n)])"
    found = subprocess.run([machine / "python", "-I", "-c", find], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
    assert "check" in siseri("--help", expect=0).stdout
    for words in (("run",), ("init",), ("up",), ("submissions", "--json"), ("partner", "add", "X", "--role", "OA")):
        done = siseri(*words, expect=2)
        lines = done.stderr.splitlines()
        assert len(lines) == 1
        assert lines[0].startswith("siseri: ")
        assert "siseri-exchange[registry]" in lines[0]
        assert done.stdout == ""
