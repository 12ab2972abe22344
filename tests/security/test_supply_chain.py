"""What is installed is what is locked, wanted and hashed; and the tree holds no secret. Offline: ``make audit`` asks
the advisories where the network allows."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from loaders.settings import project_root

ROOT = project_root()
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
#: Only named in the lock's own ``via`` where the project itself wants it.
OURS = f"{PROJECT['name']} (pyproject.toml)"


def name_of(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found is not None, requirement
    return re.sub(r"[-_.]+", "-", found[0]).lower()


def locked() -> dict[str, set[str]]:
    """Each package of the lock with what wants it."""
    wanted: dict[str, set[str]] = {}
    current = ""
    for line in LOCK.splitlines():
        if line and not line.startswith((" ", "#")):
            current = name_of(line)
            wanted.setdefault(current, set())
        elif re.match(r"    # via \S|    #   \S", line):
            wanted[current].add(line.split("via ")[-1].strip(" #"))
    return wanted


def extras_of_the_lock() -> set[str]:
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8").partition("\nlock:")[2]
    return set(re.findall(r"--extra (\w+)", recipe))


def test_every_locked_package_is_pinned_and_hashed() -> None:
    blocks = re.split(r"^(?=[A-Za-z0-9])", LOCK, flags=re.MULTILINE)
    blocks = [block for block in blocks if block and not block.startswith("#")]
    assert len(blocks) > 150
    for block in blocks:
        first = block.splitlines()[0]
        assert re.fullmatch(r"[a-z0-9._-]+(\[[a-z0-9,._-]+\])?==[^\s;]+( ; .+)? \\", first), first
        assert re.search(r"^    --hash=sha256:[0-9a-f]{64}", block, flags=re.MULTILINE), first
    rest = re.sub(r"^    --hash.*$", "", LOCK, flags=re.MULTILINE)
    assert not re.search(r"^\s*-|://", rest, flags=re.MULTILINE), "no option, no address, no folder"


def test_what_is_installed_from_the_lock_is_held_against_its_hashes() -> None:
    bootstrap = (ROOT / "bootstrap.sh").read_text(encoding="utf-8")
    installs = [line for line in bootstrap.splitlines() if "pip install" in line and " -r " in line]
    assert len(installs) == 3
    assert all("--require-hashes" in line and "--no-deps" in line for line in installs)


def test_no_package_is_locked_that_no_extra_asks_for() -> None:
    extras = extras_of_the_lock()
    asked = {name_of(one) for one in PROJECT["dependencies"]}
    for extra in extras:
        asked |= {name_of(one) for one in PROJECT["optional-dependencies"][extra]}
    wanted = locked()
    assert asked <= set(wanted)
    assert {name for name, by in wanted.items() if OURS in by} == asked
    reached, left = set(), set(asked)
    while left:
        reached |= left
        left = {name for name, by in wanted.items() if {name_of(one) for one in by} & left} - reached
    assert set(wanted) == reached


def test_dependencies_are_listed_with_their_reasons() -> None:
    """The tables of docs/security.md name each package that we ask for, base and extras, and nothing else."""
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    for extra, asked in {"base": PROJECT["dependencies"], **PROJECT["optional-dependencies"]}.items():
        found = re.search(rf"^\| {extra} \| (.+?) \| (.+?) \|$", page, flags=re.MULTILINE)
        assert found is not None, extra
        assert {name_of(one) for one in re.findall(r"`([^`]+)`", found[1])} == {name_of(one) for one in asked}, extra
    base = {name_of(one) for one in PROJECT["dependencies"]}
    assert base == {"jinja2", "pandas", "pandera", "pyarrow", "rich", "typer", "tzdata"}, "what a self-check needs"


#: What no file of the tree may hold.
SECRETS = {
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/=]{20}",
    "a cloud key": r"\b(AKIA|ASIA)[0-9A-Z]{16}\b",
    "a token of a forge": r"\b(gh[pousr]_[A-Za-z0-9]{30,}|glpat-[A-Za-z0-9_-]{20,}|npm_[A-Za-z0-9]{30,})",
    "a token of a chat": r"\bxox[abprs]-[A-Za-z0-9-]{10,}",
    "a signed token": r"\beyJ[A-Za-z0-9_-]{15,}\.eyJ[A-Za-z0-9_-]{15,}\.[A-Za-z0-9_-]{15,}",
    "an age key": r"\bAGE-SECRET-KEY-1[0-9A-Z]{40,}",
    "a password": r"(?i)\b(password|passwd|mot_de_passe|secret_key|api_key|fernet_key)\b['\"]?\s*[:=]\s*"
    r"['\"][^'\"{}$<>\s]{8,}['\"]",
    "a password in an address": r"[a-z0-9+]+://[^\s/@:'\"{}]+:(?!(secret|motdepasse|password|x)@)[^\s/@'\"{}$<>]+@",
}


def tree() -> list[Path]:
    """The files under version control; without git, those of the checkout that it would not ignore."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode == 0 and done.stdout:
        return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]
    ignored = {".venv", "var", "build", "dist", ".git", "__pycache__"}
    return [path for path in ROOT.rglob("*") if path.is_file() and not ignored & set(path.relative_to(ROOT).parts)]


def secrets_in(text: str) -> set[str]:
    return {what for what, pattern in SECRETS.items() if re.search(pattern, text)}


def test_no_secret_is_in_the_tree() -> None:
    files = tree()
    assert len(files) > 300
    for path in files:
        assert not re.search(r"(^id_(rsa|ed25519|ecdsa)$|\.(pem|p12|pfx|kdbx|key)$|^\.env)", path.name), path
        text = path.read_bytes().decode("utf-8", "ignore")
        assert secrets_in(text) == set(), path.relative_to(ROOT)


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("a private key", "-----BEGIN OPENSSH " + "PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmU"),
        ("a cloud key", "AKIA" + "ABCDEFGHIJKLMNOP"),
        ("a token of a forge", "ghp_" + "a" * 36),
        ("a token of a chat", "xoxb-" + "1" * 12),
        ("a signed token", ".".join(["eyJ" + "a" * 20, "eyJ" + "b" * 20, "c" * 20])),
        ("an age key", "AGE-SECRET-KEY-1" + "Q" * 58),
        ("a password", "pass" + 'word = "hunter2hunter2"'),
        ("a password in an address", "postgresql://siseri:" + "hunter2@base/siseri"),
    ],
)
def test_the_search_finds_what_it_looks_for(what: str, text: str) -> None:
    assert secrets_in(text) == {what}
