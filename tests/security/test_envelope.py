"""Encrypted files leave no clear text behind, and the registry's secrets lie in one place."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from canaries import BROKEN, FIRST, NAMES, STRANGER, Scene, holds
from envelopes import Correspondent, encrypt, give, open_channel
from senders import PASSIVE, SIREN, cells, country, dose, file

from loaders import envelope
from loaders.services import running

#: A worker whom nobody declared, who waits, and one whose number cannot be: neither belongs anywhere in the clear.
SECRET = file(
    PASSIVE,
    dose("C1", NIR=STRANGER, NOM=NAMES[1], PRENOM=FIRST[1]),
    dose("C2", NIR=BROKEN, NOM=NAMES[2], PRENOM=FIRST[2]),
)


def lying(folder: Path) -> dict[str, list[str]]:
    """The canaries in each file under a folder."""
    found = {str(path): holds(path.read_bytes()) for path in folder.rglob("*") if path.is_file()}
    return {name: canaries for name, canaries in found.items() if canaries}


def written(registry: Any) -> str:
    """Every row of every table but those of identities, which are known ones."""
    with registry.registry.warehouse.admin() as admin:
        tables = admin.execute(
            "select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace"
            " where n.nspname !~ '^(pg_|information_schema)' and c.relkind = 'r'"
        ).fetchall()
        return "\n".join(
            text for (table,) in tables for (text,) in admin.execute(f"select t::text from {table} as t").fetchall()
        )


def test_no_clear_text_stays_of_what_came_and_goes_encrypted(registry: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    country(registry)
    key, labo, employer = open_channel(registry), Correspondent(), Correspondent()
    give(registry, "LABO1", labo.key, demanded=True)
    give(registry, "EMPL", employer.key)
    registry.drop("LABO1", "mars.csv.age", encrypt(SECRET, key))
    registry.drop("LABO1", "coupe.csv.age", encrypt(SECRET * 2000, key)[:-7])
    registry.drop("LABO1", "deux.csv.age", encrypt(encrypt(SECRET, key), key))
    registry.client.put("LABO1", "depot/essai", "t.csv.age", encrypt(SECRET, key))
    registry.client.put("LABO1", "depot/essai", "t.csv.age.ok", b"")
    registry.run()
    home = registry.settings.home
    assert cells(labo.read(registry.home("LABO1") / "retour" / "mars.csv.age.rapport.csv.age"))[0]["NIR"] == STRANGER
    assert STRANGER.encode() in employer.read(registry.home("EMPL") / "retour" / "a-declarer.csv.age")
    assert lying(home / "sftp") == {}
    assert lying(home / "archive") == {}
    assert list((home / "staging").iterdir()) == []
    assert holds(written(registry)) == []
    assert holds(caplog.text) == []

    # The same search finds what a sender in the clear leaves, so it would have found the other.
    registry.drop("LABO2", "mars.csv", SECRET)
    registry.run()
    assert {Path(name).name for name in lying(home / "sftp" / "LABO2")} == {"mars.csv", "mars.csv.rapport.csv"}
    assert len(lying(home / "archive")) == 1


def test_what_is_cut_short_is_never_used(registry: Any) -> None:
    """All chunks but the last are sound: none of their rows counts."""
    country(registry)
    key = open_channel(registry)
    body = file(PASSIVE, *(dose(f"C{at}") for at in range(3000)))
    registry.drop("LABO1", "mars.csv.age", encrypt(body, key)[: -(len(body) % 65_536) - 16])
    registry.run()
    assert registry.report("LABO1", "mars.csv.age")["chiffrement"]["motif"] == "ALTERE"
    assert registry.doses() == set()


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    scene = Scene(tmp_path_factory.mktemp("age") / "home")
    with running(scene.settings):
        scene.siseri("init")
        scene.siseri("partner", "add", "LABO1", "--role", "OA")
        scene.siseri("partner", "add", "EMPL", "--role", "EMPLOYEUR", "--siren", SIREN)
        yield scene


def told(scene: Scene, *words: str) -> Any:
    return json.loads(scene.siseri(*words, "--json").stdout)


def test_keys_by_command(scene: Scene, tmp_path: Path) -> None:
    mine = Correspondent()
    assert scene.siseri("partner", "age", "LABO1", "--exige", expect=2).stderr, "the registry has no key to encrypt to"
    first = told(scene, "key", "age", "new")
    assert first["avertis"] == 0
    listed = tmp_path / "cle.txt"
    listed.write_text(f"# ma clé\n{mine.key}\n", encoding="utf-8")
    shown = told(scene, "partner", "age", "LABO1", str(listed), "--exige")
    assert [one["cle"] for one in shown["cles"]] == [mine.key]
    assert shown["exige"] is True
    second = told(scene, "key", "age", "new", "--au", "2026-04-20")
    assert second == {"cle": second["cle"], "avertis": 1}
    keys = told(scene, "key", "age", "show")
    assert [(one["cle"], one["au"], one["presente"]) for one in keys] == [
        (second["cle"], None, True),
        (first["cle"], "2026-04-20", True),
    ]
    notice = (scene.home / "sftp" / "LABO1" / "retour" / "chiffrement.txt").read_text(encoding="utf-8")
    assert all(key in notice for key in (first["cle"], second["cle"], mine.key))
    assert "FIC-05" in notice
    scene.deposit(tmp_path, "LABO1", "mars.csv.age", encrypt(SECRET, second["cle"]))
    scene.siseri("run")
    answer = scene.home / "sftp" / "LABO1" / "retour" / "mars.csv.age.rapport.csv.age"
    assert STRANGER.encode() in mine.read(answer)
    assert told(scene, "partner", "age", "LABO1", "--sans-exige", "--retirer")["exige"] is False
    assert "Vos réponses sont en clair" in notice_of(scene, "LABO1")
    assert scene.siseri("verify").returncode == 0


def notice_of(scene: Scene, code: str) -> str:
    return (scene.home / "sftp" / code / "retour" / "chiffrement.txt").read_text(encoding="utf-8")


def test_a_wrong_key_is_refused_when_it_is_given(scene: Scene) -> None:
    if not envelope.identities(scene.settings):
        told(scene, "key", "age", "new")
    own = told(scene, "key", "age", "show")[0]["cle"]
    mine = Correspondent()
    secret = str(mine.identity)
    for wrong in (
        *(own, secret, secret.lower(), mine.key[:-1], mine.key.replace(mine.key[10], "b", 1) + "b", "age1", "x", ""),
        *("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAbc", "/etc/hostname", "cle-absente.txt"),
    ):
        done = scene.siseri("partner", "age", "EMPL", wrong, expect=2)
        assert done.stderr, wrong
        assert secret[20:].lower() not in (done.stdout + done.stderr).lower()
    scene.siseri("partner", "age", "EMPL", mine.key, "--retirer", expect=2)
    scene.siseri("partner", "age", "INCONNU", mine.key, expect=2)
    assert told(scene, "partner", "age", "EMPL")["cles"] == []


def test_the_registry_s_secrets_lie_in_one_closed_file(scene: Scene) -> None:
    place = envelope.place(scene.settings)
    secrets = [line for line in place.read_text(encoding="ascii").splitlines() if not line.startswith("#")]
    assert secrets
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    for one in secrets:
        assert not any(one in text for text in scene.said)
        holders = [path for path in scene.home.rglob("*") if path.is_file() and one.encode() in path.read_bytes()]
        assert holders == [place]


def test_a_broken_file_of_secrets_is_said_without_them(scene: Scene) -> None:
    place = envelope.place(scene.settings)
    sound = place.read_bytes()
    try:
        place.write_bytes(sound + str(Correspondent().identity)[:-4].encode() + b"\n")
        done = scene.siseri("key", "age", "show", expect=2)
        assert "AGE-SECRET-KEY" not in done.stdout + done.stderr
    finally:
        place.write_bytes(sound)
