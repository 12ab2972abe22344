"""The test channel: the whole way of a real file, its triggers, and nothing left in the registry."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import time
from typing import Any

import psycopg
import pytest
import senders as s

from loaders.settings import Settings, project_root
from loaders.sftp import SftpLost
from pipelines import batches, trial
from schemas import codebook
from schemas.codebook import Severity
from schemas.formats import formats
from schemas.spec import FREE_KINDS

ROW_CODES = sorted(code for code, one in codebook.book().items() if one.bit is not None)
FILE_CODES = sorted(code for code, one in codebook.book().items() if one.bit is None)
ANSWERS = (".ar.json", ".rapport.csv", ".rapport.html", ".rapport.json")


@pytest.fixture
def country(registry: Any) -> Any:
    return s.country(registry)


def try_out(bench: Any, partner: str, name: str, data: bytes, marker: str | None = "") -> None:
    """Put a file into ``depot/essai``, with its marker unless that is None."""
    bench.client.put(partner, "depot/essai", name, data)
    if marker is not None:
        bench.client.put(partner, "depot/essai", name + ".ok", marker.encode())


def told(bench: Any, partner: str, stem: str) -> dict[str, Any]:
    return json.loads(bench.read(partner, f"essai/{stem}.rapport.json"))


def lines(bench: Any, partner: str, stem: str) -> list[dict[str, str]]:
    return s.cells(bench.read(partner, f"essai/{stem}.rapport.csv"))


def everything(bench: Any) -> dict[str, Any]:
    """Every row of every table, and the files of the real channel."""
    with bench.registry.warehouse.admin() as admin:
        tables = admin.execute(
            "select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace"
            " where n.nspname in ('ledger', 'identity', 'reference', 'dose', 'queue') and c.relkind in ('r', 'p')"
            " and not c.relispartition order by 1"
        ).fetchall()
        rows = {
            table: admin.execute(f"select t::text from {table} as t order by 1").fetchall()
            for (table,) in tables
            if table != "ledger.kept_answer"  # answers of trials lie in retour/ as well, and go after their time
        }
        partitions = admin.execute("select relname from pg_class where relispartition order by 1").fetchall()
    homes = bench.settings.home / "sftp"
    files = sorted(
        str(one.relative_to(homes)) for one in homes.rglob("*") if one.is_file() and "essai" not in one.parts
    )
    kept = sorted(str(one) for one in (bench.settings.home / "archive").rglob("*") if one.is_file())
    scratch = list((bench.settings.home / "staging").iterdir())
    return {"tables": rows, "partitions": partitions, "files": files, "archive": kept, "staging": scratch}


def test_a_trial_is_answered_from_the_references_and_leaves_nothing(country: Any) -> None:
    country.drop("LABO1", "avant.csv", s.file(s.PASSIVE, s.dose("A1"), s.dose("A2", NIR=s.NIR2)))
    country.run()
    before, state = everything(country), country.state()
    data = s.file(
        s.PASSIVE,
        s.dose("M1"),
        s.dose("M2", NIR=s.NIR2),
        s.dose("M3", VALEUR="abc"),
        s.dose("A1"),
        s.dose("A2", "0.300", NIR=s.NIR2, CODE_METROLOGIE="C"),
        s.dose("A1", "0.700", CODE_METROLOGIE="C"),
        s.dose("M4", DATE_DEBUT_PORT="01/03/1999", DATE_FIN_PORT="31/03/1999"),
    )
    try_out(country, "LABO1", "mars.csv", data)
    done = country.run()

    assert (done.trials, done.troubles, done.taken) == (1, [], [])
    assert everything(country) == before
    assert country.state() == state
    country.verify()
    assert country.files("LABO1", "retour/essai") == sorted("mars.csv" + end for end in ANSWERS)
    assert country.files("LABO1", "depot/essai") == []
    assert (country.home("LABO1") / "archive" / "essai" / "mars.csv").read_bytes() == data

    report = told(country, "LABO1", "mars.csv")
    assert report["essai"] is True
    assert report["statut"] == "PARTIEL"
    assert report["lignes"] == {"recues": 7, "integrees": 2, "en_attente": 3, "rejetees": 1, "doublons": 1}
    receipt = json.loads(country.read("LABO1", "essai/mars.csv.ar.json"))
    assert receipt["essai"] is True
    assert receipt["id"] is None
    assert report["depot"] == {k: v for k, v in receipt.items() if k not in ("version", "essai")} | {
        "format": "PASSIVE"
    }
    first = country.submission("LABO1", "avant.csv")
    found = [(one["CODE_ERREUR"], one["LIBELLE_ERREUR"]) for one in lines(country, "LABO1", "mars.csv")]
    assert [code for code, _ in found] == ["", "IDT-06", "FMT-04", "", "IDT-06", "", "IDT-09"]
    assert all(label.startswith("ESSAI") for _, label in found)
    assert found[0][1] == "ESSAI"
    assert found[1][1] == "ESSAI | Travailleur inconnu"
    assert found[3][1] == f"ESSAI | Déjà reçu : {first}"
    page = country.read("LABO1", "essai/mars.csv.rapport.html").decode()
    assert "ESSAI" in page
    assert "None" not in page


def test_every_format_of_a_new_establishment_to_a_list_leaves_no_reference(country: Any) -> None:
    before = everything(country)
    try_out(country, "ASNR", "sirene.csv", s.file(s.ESTABLISSEMENTS, s.row(s.ESTABLISSEMENTS, siret=s.UNKNOWN)))
    try_out(country, "ASNR", "pouvoirs.csv", s.file(s.DESIGNATIONS, s.row(s.DESIGNATIONS, IDENTIFIANT="LABO2")))
    new = s.row(s.TRAVAILLEURS, NIR=s.NIR3, CLE="08", SEXE="F", DATENAISSANCE="01/06/1990", NOM="DURAND", PRENOM="EVE")
    changed = s.row(s.TRAVAILLEURS, CLASSEMENT="A")
    try_out(country, "EMPL", "liste.csv", s.file(s.TRAVAILLEURS, new, changed))
    assert country.run().trials == 3
    assert everything(country) == before
    for partner, name in (("ASNR", "sirene.csv"), ("ASNR", "pouvoirs.csv")):
        assert told(country, partner, name)["statut"] == "INTEGRE"
    assert told(country, "EMPL", "liste.csv")["lignes"]["recues"] == 2


def test_the_same_bytes_in_trial_and_for_real(country: Any) -> None:
    data = s.file(s.PASSIVE, s.dose("M1"))
    try_out(country, "LABO1", "mars.csv", data)
    country.drop("LABO1", "mars.csv", data)
    country.run()
    # The real file went first; the trial meets its measure, not its bytes.
    assert country.report("LABO1", "mars.csv")["statut"] == "INTEGRE"
    assert told(country, "LABO1", "mars.csv")["codes"] == {"MET-12": 1}
    try_out(country, "LABO2", "mars.csv", data)
    country.run()
    country.drop("LABO2", "mars.csv", data)
    country.drop("LABO1", "encore.csv", data)
    country.run()
    assert told(country, "LABO2", "mars.csv")["statut"] == "INTEGRE"
    assert country.report("LABO2", "mars.csv")["statut"] == "INTEGRE"
    assert country.report("LABO2", "mars.csv")["depot"]["id"]
    assert country.report("LABO1", "encore.csv")["codes"] == {"FIC-06": 1}
    assert country.report("LABO2", "mars.csv", 2) is None


def test_names_number_apart(country: Any) -> None:
    country.drop("LABO1", "mars.csv", s.file(s.PASSIVE, s.dose("M1")))
    country.run()
    for value in ("0.1", "0.2", "0.3"):
        try_out(country, "LABO1", "mars.csv", s.file(s.PASSIVE, s.dose("T1", value)))
        country.run()
    stems = ("mars.csv", "mars.csv~2", "mars.csv~3")
    assert country.files("LABO1", "retour/essai") == sorted(stem + end for stem in stems for end in ANSWERS)
    sums = [told(country, "LABO1", stem)["doses_msv"]["PAS-HP10-PHO"]["recues"] for stem in stems]
    assert sums == ["0.100", "0.200", "0.300"]
    country.drop("LABO1", "mars.csv", s.file(s.PASSIVE, s.dose("M2")))
    country.run()
    assert country.report("LABO1", "mars.csv", 2)["statut"] == "INTEGRE"


@pytest.mark.parametrize(
    ("partner", "header", "field"),
    [
        ("LABO1", s.PASSIVE, "NOM"),
        ("LABO1", s.PASSIVE, "ID_MESURE"),
        ("SITE", s.OPERATIONNELLE, "LIEU"),
        ("EMPL", s.TRAVAILLEURS, "GROUPE"),
        ("ASNR", s.TRAVAILLEURS, "PRENOM"),
        ("ASNR", s.ESTABLISSEMENTS, "enseigne1Etablissement"),
        ("ASNR", s.DESIGNATIONS, "COURRIEL"),
        ("LABO1", s.INTERNE, "PRENOM"),
        ("DOCTEUR", s.ENGAGEE, "ID_EVALUATION"),
        ("NAVIG", s.NAVIGANT, "ID_CALCUL"),
        ("ASNR", s.IDENTITES, "NOM"),
    ],
    ids=lambda value: value if len(value) < 30 else "in",
)
def test_every_row_code_can_be_asked_for(country: Any, partner: str, header: str, field: str) -> None:
    country.partner("DOCTEUR", "MDT", identifiant=s.RPPS)
    country.partner("NAVIG", "CALCUL")
    country.drop("ASNR", "medecin.csv", s.file(s.DESIGNATIONS, s.row(s.DESIGNATIONS, ROLE="MDT", IDENTIFIANT=s.RPPS)))
    waiting = s.row(s.TRAVAILLEURS, NIR=s.NIA, CLE=f"{97 - int(s.NIA) % 97:02d}", SIRET=s.SIRET2)
    country.drop("EMPL", "nia.csv", s.file(s.TRAVAILLEURS, waiting))
    country.run()
    before = everything(country)
    key = {s.PASSIVE: "ID_MESURE", s.INTERNE: "ID_ANALYSE"}.get(header)
    rows = []
    for number, code in enumerate(ROW_CODES):
        own = {key: f"K{number}"} if key else {}
        rows.append(s.row(header, **(own | {field: f" CODE:{code} "})))
    rows.append(s.row(header, **({key: "LAST"} if key else {})))
    try_out(country, partner, "codes.csv", s.file(header, *rows))
    assert country.run().troubles == []
    assert everything(country) == before
    body = country.read(partner, "essai/codes.csv.rapport.csv")
    found = s.cells(body, delimiter=s.separator(header))
    repaired = "Avertissement : " + codebook.book()["AVT-02"].label
    for code, one in zip(ROW_CODES, found, strict=False):
        entry = codebook.book()[code]
        blocking = entry.severity in (Severity.REJECT, Severity.HOLD)
        assert one["CODE_ERREUR"] == (code if blocking else ""), code
        parts = one["LIBELLE_ERREUR"].split(" | ")
        if entry.severity is Severity.WARNING:
            expected = {"ESSAI", repaired, f"Avertissement : {entry.label}"}
        elif entry.severity is Severity.DUPLICATE:
            expected = {"ESSAI", repaired, "Déjà reçu : ESSAI"}
        else:
            expected = {"ESSAI", repaired, entry.label}
        # A row of a wrong structure carries nothing else; a repair stays one beside a trigger.
        assert set(parts) == (expected - {repaired} if code == "FMT-01" else expected), code
    counts = told(country, partner, "codes.csv")
    assert {code: rows for code, rows in counts["codes"].items() if code != "AVT-02"} == {
        code: 1 for code in ROW_CODES if code != "AVT-02"
    }
    of = {severity: sum(codebook.book()[code].severity is severity for code in ROW_CODES) for severity in Severity}
    assert counts["lignes"]["rejetees"] == of[Severity.REJECT]
    assert counts["lignes"]["doublons"] == of[Severity.DUPLICATE]
    assert counts["lignes"]["en_attente"] == of[Severity.HOLD]


def test_a_duplicate_asked_for_leaves_no_code_that_holds(country: Any) -> None:
    rows = [
        s.dose("M1", NOM="CODE:MET-12", NIR=s.NIR2),
        s.dose("M2", NOM="CODE:IDT-06", PRENOM="CODE:AVT-10"),
        s.dose("CODE:FMT-01", NOM="CODE:IDT-06"),
    ]
    try_out(country, "LABO1", "un.csv", s.file(s.PASSIVE, *rows))
    country.run()
    assert told(country, "LABO1", "un.csv")["codes"] == {"AVT-10": 1, "FMT-01": 1, "IDT-06": 1, "MET-12": 1}
    assert [one["CODE_ERREUR"] for one in lines(country, "LABO1", "un.csv")] == ["", "IDT-06", "FMT-01"]


def test_what_is_no_trigger_does_nothing(country: Any) -> None:
    rows = [
        s.dose("M1", NOM="CODE:XXX-01"),
        s.dose("code:MET-05"),
        s.dose("CODE:MET-05X"),
        s.dose("CODE:FIC-42"),
        s.dose("M5", TYPE_DOSIMETRE="CODE:MET-05"),
        s.dose("CODE:MET-05") + ";trop",
    ]
    try_out(country, "LABO1", "un.csv", s.file(s.PASSIVE, *rows))
    country.run()
    codes = [one["CODE_ERREUR"] for one in lines(country, "LABO1", "un.csv")]
    assert codes == ["IDT-08", "", "", "", "FMT-05", "FMT-01"]


def test_a_trigger_does_nothing_in_the_real_channel(country: Any) -> None:
    rows = [s.dose("CODE:MET-05"), s.dose("CODE:FIC-02"), s.dose("M3", NOM="CODE:AVT-03")]
    country.drop("LABO1", "un.csv", s.file(s.PASSIVE, *rows))
    country.run()
    assert country.rows("LABO1", "un.csv") == [("INTEGRE", set()), ("INTEGRE", set()), ("EN_ATTENTE", {"IDT-08"})]


@pytest.mark.parametrize("code", FILE_CODES)
def test_every_file_code_can_be_asked_for(country: Any, code: str) -> None:
    data = s.file(s.PASSIVE, s.dose("M1"), s.dose("M2", NOM=f"CODE:{code}"))
    country.drop("LABO1", "vrai.csv", data)
    country.run()
    before = everything(country)
    try_out(country, "LABO1", "un.csv", data)
    country.run()
    report = told(country, "LABO1", "un.csv")
    assert report["codes"] == {code: 1}
    assert report["statut"] == ("DEJA_RECU" if code == "FIC-06" else "REFUSE")
    assert report["essai"] is True
    assert set(report["lignes"].values()) == {0}
    assert "un.csv.rapport.csv" not in country.files("LABO1", "retour/essai")
    assert everything(country) == before


def test_the_first_file_code_in_their_order_is_the_answer(country: Any) -> None:
    asked = s.file(s.PASSIVE, s.dose("M1", NOM="CODE:FIC-08", PRENOM="CODE:FIC-05"), s.dose("M2", NOM="CODE:FIC-03"))
    try_out(country, "LABO1", "un.csv", asked)
    try_out(country, "LABO1", "deux.csv", s.file(s.PASSIVE, s.dose("M1", NOM="CODE:FIC-03")) + b'"ouvert')
    try_out(country, "LABO1", "trois.csv", s.file(s.PASSIVE, s.dose("M1", NOM="CODE:FIC-06")), "LIGNES=9")
    try_out(country, "LABO1", "quatre.csv", s.file(s.PASSIVE, s.dose("M1")), "LIGNES=9")
    try_out(country, "LABO1", "cinq.xlsx", b"PK")
    try_out(country, "LABO1", "six.csv", s.file(s.OPERATIONNELLE, s.row(s.OPERATIONNELLE)))
    try_out(country, "LABO1", "sept.csv.gz", gzip.compress(s.file(s.PASSIVE, s.dose("M1"))))
    assert country.run().trials == 7
    names = ("un.csv", "deux.csv", "trois.csv", "quatre.csv", "cinq.xlsx", "six.csv")
    found = [next(iter(told(country, "LABO1", name)["codes"])) for name in names]
    assert found == ["FIC-03", "FIC-09", "FIC-06", "FIC-08", "FIC-03", "FIC-05"]
    assert told(country, "LABO1", "sept.csv.gz")["statut"] == "INTEGRE"


def test_readiness_is_that_of_the_depot(country: Any) -> None:
    data = s.file(s.PASSIVE, s.dose("M1"))
    for name in ("un.csv.part", ".cache.csv", "deux.csv.tmp", "neuf.csv"):
        try_out(country, "LABO1", name, data, None)
    assert country.run().trials == 0
    assert country.files("LABO1", "retour/essai") == []
    old = time.time() - 61
    os.utime(country.home("LABO1") / "depot" / "essai" / "neuf.csv", (old, old))
    assert country.run().trials == 1
    assert told(country, "LABO1", "neuf.csv")["statut"] == "INTEGRE"
    assert country.files("LABO1", "depot/essai") == [".cache.csv", "deux.csv.tmp", "un.csv.part"]


@pytest.mark.parametrize("ending", [".rapport.csv", ".rapport.html", ".rapport.json", ".ar.json"])
def test_a_pass_cut_short_is_made_again(country: Any, monkeypatch: pytest.MonkeyPatch, ending: str) -> None:
    before = everything(country)
    try_out(country, "LABO1", "mars.csv", s.file(s.PASSIVE, s.dose("M1")))
    put = type(country.client).put

    def cut(client: Any, code: str, folder: str, name: str, content: Any) -> None:
        if name.endswith(ending):
            raise SftpLost("cut")
        put(client, code, folder, name, content)

    with monkeypatch.context() as patch:
        patch.setattr(type(country.client), "put", cut)
        with pytest.raises(SftpLost):
            country.run()
    assert "mars.csv" in country.files("LABO1", "depot/essai")
    assert everything(country) == before
    assert country.run().trials == 1
    assert country.files("LABO1", "retour/essai") == sorted("mars.csv" + end for end in ANSWERS)
    assert everything(country) == before


def test_a_trial_that_fails_is_told_and_taken_up_again(country: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    before = everything(country)
    try_out(country, "LABO1", "mars.csv", s.file(s.PASSIVE, s.dose("M1")))
    try_out(country, "LABO2", "mars.csv", s.file(s.PASSIVE, s.dose("M1")))
    country.drop("LABO1", "vrai.csv", s.file(s.PASSIVE, s.dose("V1")))
    real = trial.integrate

    def broken(connection: Any, settings: Any, key: Any, submission: int, path: Any) -> Any:
        code = connection.execute(
            "select p.code from ledger.submission join ledger.partner p using (partner_id) where submission_id = %s",
            (submission,),
        ).fetchone()
        if code == ("LABO1",):
            connection.execute("select 1 / 0")
        return real(connection, settings, key, submission, path)

    with monkeypatch.context() as patch:
        patch.setattr(trial, "integrate", broken)
        done = country.run()
    assert (done.trials, len(done.troubles)) == (1, 1)
    assert country.report("LABO1", "vrai.csv")["statut"] == "INTEGRE"
    assert told(country, "LABO2", "mars.csv")["statut"] == "INTEGRE"
    assert country.files("LABO1", "retour/essai") == ["mars.csv.ar.json", "mars.csv.incident.json"]
    incident = json.loads(country.read("LABO1", "essai/mars.csv.incident.json"))
    assert incident["essai"] is True
    assert "ESSAI" in incident["message"]
    done = country.run()
    assert (done.trials, done.troubles) == (1, [])
    assert country.files("LABO1", "retour/essai") == sorted("mars.csv" + end for end in ANSWERS)
    assert len(everything(country)["tables"]["ledger.submission"]) == len(before["tables"]["ledger.submission"]) + 1


def test_a_home_of_before_gets_its_folders(country: Any) -> None:
    for folder in ("archive", "retour"):
        shutil.rmtree(country.home("LABO1") / folder / "essai")
    try_out(country, "LABO1", "mars.csv", s.file(s.PASSIVE, s.dose("M1")))
    assert country.run().trials == 1
    assert told(country, "LABO1", "mars.csv")["statut"] == "INTEGRE"


def test_a_trial_waits_while_a_load_is_under_way(country: Any) -> None:
    try_out(country, "LABO1", "mars.csv", s.file(s.PASSIVE, s.dose("M1")))
    told_trials = {"patience_s": 0.0}
    with psycopg.connect(country.connection.info.dsn, password=country.connection.info.password) as other:
        other.execute("select pg_advisory_xact_lock(5351, 1)")
        begun = time.monotonic()
        arguments = (country.client, country.connection, country.settings, country.registry.key)
        assert trial.trials(*arguments, trial.Troubles(), **told_trials) == 0
        assert time.monotonic() - begun < 2
        assert country.files("LABO1", "retour/essai") == []
        other.rollback()
    assert country.run().trials == 1


def test_the_flows_answer_trials_too(country: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Settings, "load", classmethod(lambda cls, *_: country.settings))
    before = everything(country)
    for name in ("un.csv", "deux.csv"):
        try_out(country, "LABO1", name, s.file(s.PASSIVE, s.dose("M1")))
    assert batches.take(1.0) == []
    assert told(country, "LABO1", "un.csv")["statut"] == told(country, "LABO1", "deux.csv")["statut"] == "INTEGRE"
    assert everything(country) == before
    # A real file is handed on before any trial is begun; the trial is answered once the real ones are.
    try_out(country, "LABO1", "trois.csv", s.file(s.PASSIVE, s.dose("M1")))
    country.drop("LABO1", "vrai.csv", s.file(s.PASSIVE, s.dose("V1")))
    taken = batches.take(1.0)
    assert taken == [country.submission("LABO1", "vrai.csv")]
    assert "trois.csv.ar.json" not in country.files("LABO1", "retour/essai")
    batches.integrate_batch(taken)
    assert batches.answer_trials() == {"trials": 1, "troubles": 0}
    assert told(country, "LABO1", "trois.csv")["statut"] == "INTEGRE"


def test_the_page_for_senders_names_every_field_that_takes_a_trigger() -> None:
    page = (project_root() / "docs" / "emetteurs" / "essais.md").read_text(encoding="utf-8")
    told_fields = dict(re.findall(r"^\| ([A-Z]+) \| (.+) \|$", page, flags=re.MULTILINE))
    assert set(told_fields) == set(formats())
    for name, layout in formats().items():
        free = {column.name for column in layout.columns if column.kind in FREE_KINDS}
        if name != "ETABLISSEMENTS":
            assert set(re.findall("`([A-Z_]+)`", told_fields[name])) == free, name


def test_a_fixed_width_trial(country: Any) -> None:
    def detail(identifier: str, name: str) -> str:
        told = ("10", s.NIR, name, "JEAN", s.SIRET, "PAS-HP10-PHO", "POITRINE", "OSL", "20260301", "20260331", "MES")
        widths = (2, 13, 30, 30, 14, 15, 10, 15, 8, 8, 3)
        text = "".join(value.ljust(width) for value, width in zip(told, widths, strict=True))
        return text + "000000150" + "000050" + identifier.ljust(20) + " "

    details = [detail("M1", "MARTIN"), detail("M2", "CODE:MET-05"), detail("CODE:MET-12", "MARTIN")]
    head = "00SISPAS01  LABO1     20260401000001"
    body = "\n".join([head, *details, f"99{3:09d}{450:015d}", ""]).encode()
    before = everything(country)
    try_out(country, "LABO1", "mars.txt", body)
    assert country.run().troubles == []
    assert everything(country) == before
    assert told(country, "LABO1", "mars.txt")["codes"] == {"MET-05": 1, "MET-12": 1}
    found = lines(country, "LABO1", "mars.txt")
    assert [one["CODE_ERREUR"] for one in found] == ["", "MET-05", ""]
    assert [one["LIBELLE_ERREUR"].split(" | ")[0] for one in found] == ["ESSAI"] * 3
