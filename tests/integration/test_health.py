"""Health, alerts and metrics on real registries: each alert by what raises it, told once by real mail, and its end."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from receivers import Figures, MailBox, connection, mail_box, statsd
from senders import NIR3, PASSIVE, country, dose, file

from loaders.backups import Take, Target
from loaders.mail import MailRefused, MailServer, mail_server
from loaders.settings import Settings
from pipelines import alarm, batches, health, verification
from pipelines.alerts import CODES, wrong
from pipelines.collect import collect
from pipelines.signs import Duty, give
from schemas.metrics import METRICS


@pytest.fixture
def lab(registry: Any) -> Any:
    country(registry)
    registry.drop("LABO1", "mars.csv", file(PASSIVE, dose("M1", "0.5"), dose("M2", NIR=NIR3)))
    registry.run()
    return registry


@pytest.fixture
def box() -> Iterator[MailBox]:
    with mail_box() as made:
        yield made


def server(box: MailBox) -> MailServer:
    told = connection(box)
    return mail_server(told["host"], told["port"], None, None, told["extra"])


def facts(registry: Any) -> Any:
    return health.of_registry(registry.as_("analyst"), registry.settings)


def codes(registry: Any, standing: bool = True) -> set[str]:
    return {one.code for one in wrong(health.look(registry.settings), registry.settings, standing=standing)}


def owner(registry: Any, *statements: str) -> None:
    """What a fault or a long time would have done."""
    with registry.registry.warehouse.admin() as admin:
        for statement in statements:
            admin.execute(statement)


def test_a_quiet_registry_is_told_and_nothing_is_wrong(lab: Any) -> None:
    told = facts(lab)
    assert told["schema"]["version"] == told["schema"]["attendue"]
    assert told["file"] == {"lignes": 1, "plus_ancienne_le": "2026-04-10", "age_jours": 0}
    assert told["reponses_dues"] == {"depots": 0, "suivis": 0, "age_s": None}
    assert told["a_traiter"] == {"depots": 0, "incidents": 0, "age_s": None}
    last = lab.connection.execute("select max(load_id) from ledger.load").fetchone()
    assert (told["dernier_chargement"]["numero"],) == last
    assert told["integre_ce_jour"]["dose_msv"] is None, "over few rows it would be somebody's"
    assert {work for work, sign in told["travaux"].items() if sign} == {
        *("collect", "answer", "release", "exceedances", "deadlines", "monthly")
    }
    assert told["verification"] is None
    assert codes(lab) == set()
    look = health.look(lab.settings)
    assert look.missing() == []
    assert {one["place"] for one in look.disks} == {"home", "journaux", "archive", "sftp"}
    assert all(one["libre_octets"] > 0 for one in look.disks)
    assert NIR3 not in json.dumps(told)


def test_an_old_row_is_announced_before_the_queue_rejects_it(lab: Any) -> None:
    for days, expected in ((82, set()), (83, {"file-ancienne"}), (200, {"file-ancienne"})):
        later = dataclasses.replace(lab.settings, today=date(2026, 4, 10) + timedelta(days=days))
        assert {one.code for one in wrong(health.look(later), later, standing=False)} == expected, days


def test_answers_owed_too_long(lab: Any) -> None:
    owner(lab, "update ledger.submission set answered_at = null where file_name = 'mars.csv'")
    assert facts(lab)["reponses_dues"]["depots"] == 1
    assert codes(lab) == set(), "owed a moment ago: the next pass gives it"
    owner(lab, "alter table ledger.load disable trigger all",
          "update ledger.load set recorded_at = recorded_at - interval '2 hours'")  # fmt: skip
    assert codes(lab) == {"reponses-en-retard"}
    lab.answer()
    assert codes(lab) == set()


def test_a_file_left_by_everybody_and_one_that_met_an_incident(lab: Any) -> None:
    lab.drop("LABO1", "avril.csv", file(PASSIVE, dose("M9")))
    collect(lab.client, lab.connection, lab.settings)
    assert facts(lab)["a_traiter"]["depots"] == 1
    assert codes(lab) == set()
    owner(lab, "update ledger.submission set incidents = 1 where state = 'RECU'")
    assert codes(lab) == {"depots-en-incident"}
    owner(lab, "update ledger.submission set received_at = received_at - interval '5 hours' where state = 'RECU'")
    assert codes(lab) == {"depots-en-incident", "depots-en-retard"}
    lab.run()
    assert codes(lab) == set()


def test_a_held_file_that_nobody_is_asked_about(lab: Any) -> None:
    lab.settings = dataclasses.replace(lab.settings, hold_share=Decimal("0.5"), hold_rows=1)
    lab.drop("LABO1", "avril.csv", file(PASSIVE, dose("M9", "-1")))
    lab.drop("LABO1", "mai.csv", file(PASSIVE, dose("M10")))
    lab.run()
    assert facts(lab)["retenus"]["depots"] == 1
    assert facts(lab)["a_traiter"]["depots"] == 0, "what waits behind it is not late"
    owner(lab, "update ledger.submission set held_at = held_at - interval '31 hours' where held_at is not null")
    assert codes(lab) == {"retenus-sans-reponse"}


def test_work_that_is_no_longer_done(lab: Any) -> None:
    owner(lab, "update operation.sign set done_at = done_at - interval '4 hours'")
    assert codes(lab) == {"collecte-arretee", "travaux-en-retard"}
    assert codes(lab, standing=False) == set(), "nobody promised"
    give(lab.connection, Duty.COLLECT)
    give(lab.connection, Duty.ANSWER)
    give(lab.connection, Duty.EXCEEDANCES)
    assert codes(lab) == set(), "a night's work may be that old"
    owner(lab, "update operation.sign set done_at = done_at - interval '23 hours' where work = 'release'")
    assert codes(lab) == {"travaux-en-retard"}, "a night without it"


def test_the_night_s_verification_is_kept_and_missed(lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "DATABASE_URL", "TODAY"):
        monkeypatch.setenv(f"SISERI_{name}", str(getattr(lab.settings, name.lower())))
    assert verification.renew(0)["broken"] == 0
    assert facts(lab)["verification"]["non_tenus"] == 0
    owner(lab, "update dose.passive set value_usv = value_usv + 1")
    assert verification.renew(0)["broken"] >= 1
    told = facts(lab)["verification"]
    assert told["non_tenus"] >= 1
    assert any("doses" in one["invariant"] for one in told["constats"])
    kept = lab.connection.execute("select count(*) from operation.verification").fetchone()
    assert kept == (3,), "what does not hold is looked at twice"
    assert codes(lab) == {"verification-non-tenue"}
    owner(lab, "update dose.passive set value_usv = value_usv - 1")
    verification.renew(0)
    assert codes(lab) == set()
    owner(lab, "update operation.verification set began_at = began_at - interval '2 days',"
          " ended_at = ended_at - interval '2 days'")  # fmt: skip
    assert codes(lab) == {"verification-absente"}


def test_a_young_registry_has_had_no_night_yet(lab: Any) -> None:
    assert codes(lab) == set()
    owner(lab, "update siseri_migration set applied_at = applied_at - interval '2 days'")
    assert codes(lab) == {"verification-absente", "travaux-en-retard"}, "nor any other work of a night"
    seen = health.look(lab.settings)
    up = dataclasses.replace(seen, standing_s=60)
    assert wrong(up, lab.settings, standing=True) == [], "the service has only just been started"


def test_a_request_past_its_day(lab: Any) -> None:
    owner(
        lab,
        "insert into rights.request (kind, person, sealed, received_on, due_on, who)"
        " values ('ACCES', gen_random_uuid(), 'x', '2026-03-01', '2026-04-09', 'essai')",
    )
    assert codes(lab) == {"demandes-echues"}


def test_a_disk_that_fills(lab: Any) -> None:
    free = health.disks(lab.settings)[0]["libre_octets"] >> 20
    lab.settings = dataclasses.replace(lab.settings, disk_min_mb=free + 50_000)
    assert codes(lab) == {"disque-presque-plein"}


def test_a_warehouse_at_another_version_is_asked_for_nothing_else(lab: Any) -> None:
    owner(lab, "delete from siseri_migration where number = (select max(number) from siseri_migration)")
    seen = health.look(lab.settings)
    assert set(seen.registry or {}) == {"schema"}
    assert codes(lab) == {"schema-different"}


def test_an_alert_is_mailed_once_again_after_a_day_and_when_it_is_over(lab: Any, box: MailBox) -> None:
    owner(lab, "update operation.sign set done_at = done_at - interval '1 hour' where work = 'collect'")

    def tell() -> dict[str, int]:
        return alarm.tell(lab.settings, server(box), standing=True)

    assert tell() == {"held": 1, "new": 1, "again": 0, "over": 0, "mailed": 1}
    assert tell() == {"held": 1, "new": 0, "again": 0, "over": 0, "mailed": 0}
    assert len(box.mails) == 1
    mail = box.mails[0]
    assert mail["To"] == "veille@registre.test"
    assert mail["Subject"] == "[SISERI] 1 alerte(s) : collecte-arretee"
    text = mail.get_content()
    assert "docs/exploitation/collecte-arretee.md" in text
    assert "Aucun passage de collecte depuis" in text
    owner(lab, "update operation.alert set told_at = told_at - interval '25 hours'")
    assert tell()["again"] == 1
    assert "Toujours vrai" in box.mails[1].get_content()
    # It ends; it is over once nobody has seen it for a while.
    give(lab.connection, Duty.COLLECT)
    assert tell() == {"held": 0, "new": 0, "again": 0, "over": 0, "mailed": 0}
    owner(lab, "update operation.alert set seen_at = seen_at - interval '30 minutes'")
    assert tell() == {"held": 0, "new": 0, "again": 0, "over": 1, "mailed": 1}
    assert box.mails[2]["Subject"] == "[SISERI] fin : collecte-arretee"
    assert tell()["mailed"] == 0
    assert lab.as_("analyst").execute("select count(*) from operation.alert").fetchone() == (0,)


def test_a_mail_that_does_not_leave_is_said_at_the_next_look(lab: Any, box: MailBox) -> None:
    owner(lab, "update operation.sign set done_at = done_at - interval '1 hour' where work = 'collect'")
    box.refuse = {"veille@registre.test"}
    with pytest.raises(MailRefused):
        alarm.tell(lab.settings, server(box), standing=True)
    box.refuse = set()
    assert alarm.tell(lab.settings, server(box), standing=True)["new"] == 1
    assert len(box.mails) == 1


def test_without_a_connection_nobody_is_written_to_and_nothing_counts_as_told(lab: Any, box: MailBox) -> None:
    owner(lab, "update operation.sign set done_at = done_at - interval '1 hour' where work = 'collect'")
    assert alarm.tell(lab.settings, None, standing=True)["mailed"] == 0
    assert alarm.tell(lab.settings, server(box), standing=True)["new"] == 1


def test_every_metric_is_emitted_and_holds_nothing_of_persons(registry: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same functions from a pass and from tasks; each declared metric comes at least once."""
    with statsd() as heard, mail_box() as box:
        registry.settings = dataclasses.replace(registry.settings, statsd=heard.place)
        told = {"HOME": registry.settings.home, "DATABASE_URL": registry.settings.database_url, "STATSD": heard.place}
        for name, value in told.items():
            monkeypatch.setenv(f"SISERI_{name}", str(value))
        monkeypatch.setenv("SISERI_TODAY", "2026-04-10")
        monkeypatch.setenv("SISERI_QUIET_PERIOD_S", "0")
        country(registry)
        registry.drop("LABO1", "mars.csv", file(PASSIVE, dose("M1", "21"), dose("M2", NIR=NIR3), dose("M3", "-1")))
        batches.take(0)
        plan = batches.plan()
        for batch in (*plan["declarers"], *plan["others"]):
            batches.integrate_batch(batch)
        batches.answer_owed()
        batches.detect_exceedances()
        batches.release_waiting()
        verification.renew(0)
        owner(registry, "update operation.sign set done_at = done_at - interval '1 hour' where work = 'collect'")
        alarm.tell(registry.settings, server(box), standing=True)
    _judge(heard)
    assert heard.total("siseri.rows", format="PASSIVE", outcome="recues") == 3
    assert heard.total("siseri.rows", format="PASSIVE", outcome="en_attente") == 1
    assert heard.last("siseri.queue.rows") == 1
    assert heard.last("siseri.alerts.held", code="collecte-arretee") == 1
    assert heard.last("siseri.dose.today_msv") == 0, "of few rows no dose is told"
    assert {tags["code"] for name, tags, _, _ in heard.read() if name == "siseri.alerts.held"} == set(CODES)


def _judge(heard: Figures) -> None:
    seen = {name.removeprefix("siseri."): (tuple(tags), kind) for name, tags, _, kind in heard.read()}
    assert seen == {one.name: (one.tags, one.kind.value) for one in METRICS.values()}
    text = "\n".join(heard.raw)
    for secret in (NIR3, "MARTIN", "LABO1", "mars.csv", "21000"):
        assert secret not in text


def test_without_the_setting_nothing_is_sent(lab: Any) -> None:
    with statsd() as heard:
        lab.drop("LABO1", "avril.csv", file(PASSIVE, dose("M9")))
        lab.run()
        alarm.tell(lab.settings, None, standing=True)
    assert heard.raw == []


def test_a_broken_promise_of_the_last_two_months_is_an_alert(lab: Any) -> None:
    for month, held in (("2026-02-01", False), ("2026-03-01", True), ("2026-04-01", True)):
        owner(
            lab,
            f"insert into quality.run (month, whole, registry_date) values ('{month}', false, '2026-04-10')",
            "insert into quality.verdict (run_id, promise, judged, held, broken)"
            f" select max(run_id), 'ZEROS', 1, {held}, array[{'' if held else chr(39) + 'X' + chr(39)}]::text[]"
            " from quality.run",
        )
    assert facts(lab)["promesses_rompues"] == 0, "an older month is history"
    owner(
        lab,
        "insert into quality.run (month, whole, registry_date) values ('2026-04-01', false, '2026-04-10')",
        "insert into quality.verdict (run_id, promise, judged, held, broken)"
        " select max(run_id), 'ZEROS', 2, false, array['X'] from quality.run",
    )
    assert facts(lab)["promesses_rompues"] == 1
    assert codes(lab) == {"promesse-rompue"}


def test_a_backup_that_does_not_come_is_an_alert(tmp_path: Path) -> None:
    home, folder = tmp_path / "home", tmp_path / "backups"
    settings = Settings(home=home, backup_dir=folder)

    def found(standing_s: int, standing: bool = True) -> set[str]:
        stopped = {name: {"state": "stopped", "repond": None} for name in ("supervisor", "database", "sftp")}
        seen = health.Health(stopped, None, [], health.backups(settings), standing_s)
        return {one.code for one in wrong(seen, settings, standing=standing)}

    assert found(0) == {"sauvegarde-en-retard"}, "the folder is not there"
    folder.mkdir()
    assert found(60) == set(), "the first night is to come"
    assert found(40 * 3600) == {"sauvegarde-en-retard"}
    assert found(40 * 3600, standing=False) == set()
    for hours, late in ((40, {"sauvegarde-en-retard"}), (20, set())):
        ended = datetime.now(UTC) - timedelta(hours=hours)
        take = Take(f"t{hours}", "line", ended, ended, "0", "1", 1, True, 1, "18")
        place = Target(folder).folder_of(take)
        place.mkdir(parents=True)
        (place / "backup.json").write_text(json.dumps(take.as_json()))
        assert found(90 * 3600) == late
    backup = health.backups(settings)
    assert backup is not None
    assert (backup["sauvegardes"], 19 * 3600 < backup["age_s"] < 21 * 3600) == (2, True)
    assert health.backups(Settings(home=home)) is None
