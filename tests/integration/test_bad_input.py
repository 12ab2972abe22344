"""Careless and hostile senders: whatever is dropped, every row is answered, nothing is lost, nobody else suffers."""

from __future__ import annotations

import contextlib
import gzip
import html
import io
import os
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
from senders import (
    ESTABLISSEMENTS,
    NIR2,
    OPERATIONNELLE,
    PASSIVE,
    TRAVAILLEURS,
    cells,
    country,
    dose,
    file,
    row,
)

from loaders.sftp import SftpLost
from pipelines import collect as collecting
from pipelines.listings import submissions
from schemas.identifiers import key_of


@pytest.fixture
def land(registry: Any) -> Any:
    return country(registry)


def outcome(land: Any, name: str, sender: str = "LABO1", number: int = 1) -> tuple[str, dict[str, int], int]:
    """State of a file, its codes, and how many rows were received."""
    report = land.report(sender, name, number)
    assert report is not None, f"no report for {name!r}; incidents: {land.files(sender)}"
    return report["statut"], report["codes"], report["lignes"]["recues"]


def take(land: Any, drops: dict[str, bytes], **markers: str) -> dict[str, tuple[str, dict[str, int], int]]:
    """Drop files of LABO1, run a pass that has no incident, give what became of each."""
    for name, data in drops.items():
        land.drop("LABO1", name, data, markers.get(name.split(".")[0]))
    done = land.run()
    assert done.incidents == []
    land.verify()
    return {name: outcome(land, name) for name in drops}


# --- bytes -----------------------------------------------------------------------------------------


def test_encodings_and_line_ends_come_back_as_sent(land: Any) -> None:
    text = PASSIVE + "\n" + dose("{}", PRENOM="JÉAN") + "\n" + dose("{}b", NOM="DÜPONT") + "\n"
    drops = {
        "cp1252.csv": text.replace("{}", "A").encode("cp1252"),
        "utf8.csv": text.replace("{}", "B").encode(),
        "bom.csv": text.replace("{}", "C").encode("utf-8-sig"),
        "crlf.csv": text.replace("{}", "D").replace("\n", "\r\n").encode(),
        "utf16.csv": text.replace("{}", "E").encode("utf-16"),
        "utf16be.csv": text.replace("{}", "F").encode("utf-16-be"),
        "nul.csv": text.replace("{}", "G").replace("JÉAN", "J\0AN").encode(),
        "neither.csv": text.replace("{}", "H").encode() + b"\x81\xff",
    }
    found = take(land, drops)
    for name in ("cp1252.csv", "utf8.csv", "bom.csv", "crlf.csv"):
        assert found[name] == ("PARTIEL", {"AVT-02": 2, "IDT-08": 1}, 2), name
        end = b"\r\n" if name == "crlf.csv" else b"\n"
        report, sent = land.read("LABO1", name + ".rapport.csv").split(end), drops[name].split(end)
        codec = "cp1252" if name == "cp1252.csv" else "utf-8"
        warning = "Avertissement : Texte normalisé (majuscules, accents, espaces)"
        assert report == [
            sent[0] + b";CODE_ERREUR;LIBELLE_ERREUR",
            sent[1] + f";;{warning}".encode(codec),
            sent[2] + f";IDT-08;{warning} | Nom ou prénom discordant avec l'identité connue".encode(codec),
            b"",
        ], name
    for name in ("utf16.csv", "utf16be.csv", "nul.csv", "neither.csv"):
        assert found[name] == ("REFUSE", {"FIC-02": 1}, 0), name
        assert not [one for one in land.files("LABO1") if one == name + ".rapport.csv"]


def test_gzip_good_damaged_and_too_large(land: Any) -> None:
    good = gzip.compress(file(PASSIVE, dose("A1")))
    box = io.BytesIO()
    with zipfile.ZipFile(box, "w") as archive:
        archive.writestr("mars.csv", file(PASSIVE, dose("A2")))
    object.__setattr__(land.settings, "max_bytes", 1 << 20)
    found = take(
        land,
        {
            "bon.csv.gz": good,
            "tronque.csv.gz": gzip.compress(file(PASSIVE, *(dose(f"B{at}") for at in range(500))))[:-200],
            "queue.csv.gz": gzip.compress(file(PASSIVE, dose("A3"))) + b"reste",
            "double.csv.gz": gzip.compress(good),
            "zip.csv.gz": box.getvalue(),
            "vide.csv.gz": gzip.compress(b""),
            "rien.csv.gz": b"",
            "bombe.csv.gz": gzip.compress(file(PASSIVE) + b"x" * (2 << 20)),
            "gros.csv": file(PASSIVE) + b"x" * (2 << 20),
        },
    )
    assert found["bon.csv.gz"] == ("INTEGRE", {}, 1)
    for name, code in {
        "tronque.csv.gz": "FIC-09",
        "queue.csv.gz": "FIC-09",
        "double.csv.gz": "FIC-02",
        "zip.csv.gz": "FIC-09",
        "vide.csv.gz": "FIC-01",
        "bombe.csv.gz": "FIC-07",
        "gros.csv": "FIC-07",
    }.items():
        assert found[name] == ("REFUSE", {code: 1}, 0), name
    assert found["rien.csv.gz"][0] == "REFUSE"
    assert found["rien.csv.gz"][1] in ({"FIC-01": 1}, {"FIC-09": 1})


def test_a_gzip_bomb_does_not_fill_the_memory(land: Any) -> None:
    import resource

    object.__setattr__(land.settings, "max_bytes", 4 << 20)
    bomb = gzip.compress(b"\n" * (300 << 20), 9)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert take(land, {"bombe.csv.gz": bomb})["bombe.csv.gz"] == ("REFUSE", {"FIC-07": 1}, 0)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB


def test_shapes_of_files(land: Any) -> None:
    line = dose("S1")
    found = take(
        land,
        {
            "zero.csv": b"",
            "entete.csv": file(PASSIVE),
            "blancs.csv": b"\n\r\n\n",
            "cr.csv": file(PASSIVE, dose("S2"), end="\r"),
            "sans-fin.csv": file(PASSIVE, dose("S3")).rstrip(),
            "vides.csv": b"\n\n" + file(PASSIVE, "", dose("S4"), "", "", dose("S5")) + b"\n",
            "separateurs.csv": file(PASSIVE, ";" * 13, dose("S6")),
            "ouvert.csv": file(PASSIVE, line, dose("S7", NOM='"MARTIN')),
            "tronque.csv": file(PASSIVE, dose("S8"), dose("S9")[:40]).rstrip(),
            "inconnu.csv": b"a;b;c\n1;2;3\n",
            "prose.txt": b"Bonjour, voici les doses de mars.\n",
            "repetee.csv": file(PASSIVE.replace("PRENOM", "NOM"), line),
            "virgules.csv": file(PASSIVE, line).replace(b";", b","),
        },
    )
    assert found["zero.csv"] == found["entete.csv"] == found["blancs.csv"] == ("REFUSE", {"FIC-01": 1}, 0)
    assert found["cr.csv"][0] == "REFUSE"
    assert found["sans-fin.csv"] == ("INTEGRE", {}, 1)
    assert found["vides.csv"] == ("INTEGRE", {}, 2)
    assert found["separateurs.csv"] == ("PARTIEL", {"FMT-02": 1}, 2)
    assert found["ouvert.csv"] == ("REFUSE", {"FIC-09": 1}, 0)
    assert found["tronque.csv"] == ("PARTIEL", {"FMT-01": 1}, 2)
    assert found["inconnu.csv"] == ("REFUSE", {"FIC-03": 1}, 0)
    assert found["prose.txt"][0] == "REFUSE"
    assert found["repetee.csv"] == ("REFUSE", {"FIC-04": 1}, 0)
    assert found["virgules.csv"] == ("REFUSE", {"FIC-03": 1}, 0)


def test_ragged_rows_are_echoed_at_the_header_s_width_and_the_others_stay_aligned(land: Any) -> None:
    rows = [dose("R1"), "a;b", dose("R2") + ";trop;long", dose("R3", NOM='"MAR;TIN"'), '"un ""mot"";";x', dose("R4")]
    for name, end in (("lf.csv", "\n"), ("crlf.csv", "\r\n")):
        body = file(PASSIVE, *rows, end=end).replace(b";R", f";{name[0]}R".encode())
        assert take(land, {name: body})[name] == ("PARTIEL", {"FMT-01": 3, "IDT-08": 1}, 6)
        back = cells(land.read("LABO1", name + ".rapport.csv"))
        assert [one["CODE_ERREUR"] for one in back] == ["", "FMT-01", "FMT-01", "IDT-08", "FMT-01", ""]
        assert all(len(one) == 16 and None not in one for one in back)
        assert (back[1]["NIR"], back[1]["NOM"], back[1]["PRENOM"]) == ("a", "b", "")
        assert back[2]["ID_MESURE"].endswith("R2")
        assert back[3]["NOM"] == "MAR;TIN"
        assert back[4]["NIR"] == 'un "mot";'


def test_control_characters_and_line_breaks_inside_fields_spoil_their_row_only(land: Any) -> None:
    rows = [
        dose("L1", NOM='"MAR\nTIN"'),
        dose("L2"),
        dose("L3", NOM="MAR\rTIN"),
        dose("L4"),
        dose("L5", NOM="MAR\tTIN"),
        dose("L6", NOM="MAR\x1bTIN"),
        dose("L7", NOM='"MAR\r\nTIN"'),
        dose("L8", NOM="MAR\x85TIN"),
        dose("L9", NOM="MAR\x7fTIN"),
        dose("L10", NOM='"MARTIN"'),
    ]
    found = take(land, {"controle.csv": file(PASSIVE, *rows)})
    assert found["controle.csv"] == ("PARTIEL", {"FMT-07": 7}, 10)
    codes = [codes for _, codes in land.rows("LABO1", "controle.csv")]
    bad = {"FMT-07"}
    assert codes == [bad, set(), bad, set(), bad, bad, bad, bad, bad, set()]
    # Python's own reader takes any carriage return for the end of a row.
    back = cells(land.read("LABO1", "controle.csv.rapport.csv").replace(b"R\rT", b"R^T"))
    assert [one["ID_MESURE"] for one in back] == [f"L{at}" for at in range(1, 11)]
    assert [back[at]["NOM"] for at in (0, 2, 6)] == ["MAR\nTIN", "MAR^TIN", "MAR\r\nTIN"]


def test_a_noncharacter_comes_back_as_sent(land: Any) -> None:
    take(land, {"masque.csv": file(PASSIVE, dose("L1", NOM="\ufdd0"), dose("L2", NOM='"A\nB"'))})
    assert cells(land.read("LABO1", "masque.csv.rapport.csv"))[0]["NOM"] == "\ufdd0"


def test_no_text_of_a_sender_is_taken_for_the_end_of_the_file(land: Any) -> None:
    found = take(land, {"fin.csv": file(PASSIVE, dose("F1"), "\ufdd1" + ";" * 13)})
    assert found["fin.csv"][2] == 2


def test_an_open_quote_after_any_text_refuses_the_file(land: Any) -> None:
    found = take(land, {"fin.csv": file(PASSIVE, dose("F1"), "\ufdd1" + ";" * 13, 'x;"ouvert')})
    assert found["fin.csv"] == ("REFUSE", {"FIC-09": 1}, 0)


def test_very_long_lines_and_values(land: Any) -> None:
    rows = [
        dose("V1", NOM="A" * 100),
        dose("V2", NOM="A" * 101),
        dose("V3", NOM="A" * 1_000_000),
        dose("V4", "9" * 300),
        dose("V5", "0." + "1" * 300),
        dose("V6", "1" * 300 + "," + "1" * 300),
        dose("V7", "-" + "9" * 300),
        dose("V8", "1e3"),
        dose("V9", "NaN"),
        dose("V10", "٣"),
        dose("V11", "0." + "0" * 6000 + "1"),
        dose("X" * 21),
        dose("V12" + ";" * 100_000),
        dose("V13"),
    ]
    found = take(land, {"longs.csv": file(PASSIVE, *rows)})
    assert found["longs.csv"][2] == len(rows)
    codes = [codes for _, codes in land.rows("LABO1", "longs.csv")]
    assert codes == [
        {"IDT-08"}, {"FMT-06"}, {"FMT-06"}, {"FMT-04"}, {"AVT-01"}, {"FMT-04"}, {"FMT-04"}, {"FMT-04"}, {"FMT-04"},
        {"FMT-04"}, {"AVT-01"}, {"FMT-06"}, {"FMT-01"}, set(),
    ]  # fmt: skip
    back = cells(land.read("LABO1", "longs.csv.rapport.csv"))
    assert back[13]["ID_MESURE"] == "V13"
    endless = file(PASSIVE, dose("V14", NOM="A" * (14 << 20)))
    found = take(land, {"sans-fin.csv": endless})
    assert found["sans-fin.csv"][0] in ("REJETE", "REFUSE")


def test_extreme_dates(land: Any) -> None:
    old = {"DATE_DEBUT_PORT": "01/01/0001", "DATE_FIN_PORT": "31/01/0001"}
    rows = [
        dose("D1", **old),
        dose("D2", DATE_DEBUT_PORT="01/01/9999", DATE_FIN_PORT="31/12/9999"),
        dose("D3", DATE_DEBUT_PORT="00/00/0000"),
        dose("D4", DATE_DEBUT_PORT="29/02/2025"),
        dose("D5", DATE_DEBUT_PORT="1/3/2026"),
        dose("D6", DATE_DEBUT_PORT="2026-03-01"),
    ]
    found = take(land, {"dates.csv": file(PASSIVE, *rows)})
    assert found["dates.csv"][2] == 6
    assert [codes for _, codes in land.rows("LABO1", "dates.csv")] == [
        {"AVT-04", "AVT-10", "IDT-09"}, {"MET-02", "MET-03"}, {"FMT-03"}, {"FMT-03"}, {"FMT-03"}, {"FMT-03"},
    ]  # fmt: skip
    when = {"DATE_DEBUT_PORT": "01/01/0001 00:00", "DATE_FIN_PORT": "31/01/0001 23:59"}
    land.drop("SITE", "ope.csv", file(OPERATIONNELLE, row(OPERATIONNELLE, **when)))
    land.drop(
        "EMPL",
        "anciens.csv",
        file(
            TRAVAILLEURS,
            row(TRAVAILLEURS, DATEDEBUT="01/01/0001"),
            row(TRAVAILLEURS, DATEDEBUT="31/12/9999"),
            row(TRAVAILLEURS, DATENAISSANCE="12/06/0085"),
        ),
    )
    assert land.run().incidents == []
    assert outcome(land, "ope.csv", "SITE")[2] == 1
    assert outcome(land, "anciens.csv", "EMPL")[2] == 3
    land.verify()


def test_one_identifier_five_years_apart_before_1950_is_two_measures(land: Any) -> None:
    land.drop("EMPL", "anciens.csv", file(TRAVAILLEURS, row(TRAVAILLEURS, DATEDEBUT="01/01/1930")))
    rows = [dose("O1", DATE_DEBUT_PORT=f"01/03/{year}", DATE_FIN_PORT=f"31/03/{year}") for year in (1940, 1945)]
    assert take(land, {"anciens.csv": file(PASSIVE, *rows)})["anciens.csv"][0] == "INTEGRE"


# --- names -----------------------------------------------------------------------------------------


def test_names_of_files(land: Any) -> None:
    long = "é" * 125 + ".csv"  # 254 bytes
    drops = {
        "-rf": "FIC-03",
        "-rf.csv": None,
        "..csv": None,
        "mars 2026 (copie) é€.csv": None,
        "MARS.CSV": None,
        "mars.csv.bak": "FIC-03",
        "mars.xlsx": "FIC-03",
        "$(touch x);`id`'\".csv": None,
        "<script>alert(1)</script>.csv".replace("/", ""): None,
        "{{ 7*7 }}%s%n.csv": None,
        "saut\nde ligne.csv": None,
        "a" * 196 + ".csv": None,
        "a" * 197 + ".csv": "FIC-03",
        long: "FIC-03",
        "y.csv~2": "FIC-03",
        "octets-\udcff\udc80.csv": None,
    }
    depot = land.home("LABO1") / "depot"
    clock = int(time.time()) - 100_000
    for at, name in enumerate(drops):
        path = depot / os.fsdecode(os.fsencode(name))
        path.write_bytes(file(PASSIVE, dose(f"N{at}")))
        os.utime(path, (clock + at, clock + at))
    for hidden in (".cache.csv", "m.csv.part", "m.csv.tmp", "m.csv.filepart", "m.csv.crdownload", "M.CSV.PART"):
        (depot / hidden).write_bytes(file(PASSIVE, dose("H1")))
        os.utime(depot / hidden, (clock, clock))
    done = land.run()
    assert done.incidents == []
    assert len(done.taken) == len([name for name in drops if not name.startswith(".")])
    land.verify()
    for name, code in drops.items():
        if name.startswith("."):
            continue
        state, codes, _ = outcome(land, collecting.ledger_name(name))
        assert (state, codes) == (("REFUSE", {code: 1}) if code else ("INTEGRE", {})), name
    left = sorted(path.name for path in depot.iterdir() if path.is_file())
    assert left == sorted(
        ["..csv", ".cache.csv", "M.CSV.PART", "m.csv.crdownload", "m.csv.filepart", "m.csv.part", "m.csv.tmp"]
    )
    assert all(len(os.fsencode(name)) <= 255 for name in os.listdir(land.home("LABO1") / "retour"))
    assert not any("<script>" in page.read_text() for page in (land.home("LABO1") / "retour").glob("*.html"))
    # The same names again get answers of their own.
    first = land.state()
    (depot / "-rf.csv").write_bytes(file(PASSIVE, dose("N1")))
    os.utime(depot / "-rf.csv", (clock, clock))
    land.run()
    assert outcome(land, "-rf.csv", number=2)[0] == "DEJA_RECU"
    assert land.state()["doses"] == first["doses"]


def test_a_name_like_a_second_answer_overwrites_nothing(land: Any) -> None:
    body = file(PASSIVE, dose("T1"))
    for _ in range(2):
        land.drop("LABO1", "x.csv", body)
        land.run()
    kept = {name: land.read("LABO1", name) for name in land.files("LABO1")}
    archived = (land.home("LABO1") / "archive" / "x.csv~2").read_bytes()
    land.drop("LABO1", "x.csv~2", b"autre chose")
    land.run()
    assert {name: land.read("LABO1", name) for name in kept} == kept
    assert (land.home("LABO1") / "archive" / "x.csv~2").read_bytes() == archived
    assert "x.csv~2~2.rapport.json" in land.files("LABO1")


def test_a_name_like_a_second_answer_keeps_its_own_name(land: Any) -> None:
    """And the second drop of the other name gives way."""
    land.drop("LABO1", "x.csv~2", b"autre chose")
    for _ in range(2):
        land.drop("LABO1", "x.csv", file(PASSIVE, dose("T1")))
        land.run()
    assert land.report("LABO1", "x.csv~2")["codes"] == {"FIC-03": 1}
    assert land.report("LABO1", "x.csv")["statut"] == "INTEGRE"
    assert land.report("LABO1", "x.csv", 3)["statut"] == "DEJA_RECU"


def test_a_file_received_before_shows_the_first_figures_as_first_sent(land: Any) -> None:
    body = file(PASSIVE, dose("T1", NIR=NIR2))
    land.drop("LABO1", "a.csv", body)
    land.run()
    born = {"SEXE": "F", "DATENAISSANCE": "10/05/1984", "CLE": key_of(NIR2)}
    land.drop("EMPL", "l.csv", file(TRAVAILLEURS, row(TRAVAILLEURS, NIR=NIR2, PRENOM="JEAN", **born)))
    land.run()
    land.drop("LABO1", "b.csv", body)
    land.run()
    told = {one["fichier"]: one for one in submissions(land.connection)}
    assert told["a.csv"]["lignes"]["integrees"] == 1
    assert (told["b.csv"]["statut"], told["b.csv"]["lignes"]["en_attente"]) == ("DEJA_RECU", 1)
    assert land.report("LABO1", "b.csv")["lignes"] == told["b.csv"]["lignes"]


# --- markers and half-written files ----------------------------------------------------------------


def test_markers(land: Any) -> None:
    bodies = {name: file(PASSIVE, dose(f"{name}1", "0.15"), dose(f"{name}2", "0,2")) for name in "abcdefgh"}
    found = take(
        land,
        {f"{name}.csv": body for name, body in bodies.items()},
        a="LIGNES=2\nSOMME_MSV=0.35\n",
        b="LIGNES=3\n",
        c="LIGNES=2\r\nSOMME_MSV=0.350000\r\n",
        d="SOMME_MSV=0.36",
        e="LIGNES=deux",
        f="SOMME_MSV=NaN",
        g="",
        h="LIGNES=" + "9" * 4000,
    )
    refused = ("REFUSE", {"FIC-08": 1}, 0)
    for name in "acg":
        assert found[f"{name}.csv"][0] == "INTEGRE", name
    for name in "bdefh":
        assert found[f"{name}.csv"] == refused, name
    assert not [one for one in land.files("LABO1", "depot") if one.endswith(".ok")]


def test_a_right_total_with_many_decimals_is_accepted(land: Any) -> None:
    value = "0.1234567890123456789012345678901"
    body = file(PASSIVE, dose("M1", value))
    assert take(land, {"m.csv": body}, m=f"LIGNES=1\nSOMME_MSV={value}")["m.csv"] == ("INTEGRE", {"AVT-01": 1}, 1)


def test_a_value_of_five_thousand_decimals_beside_a_total(land: Any) -> None:
    body = file(PASSIVE, dose("M1", "0." + "1" * 5000))
    assert take(land, {"m.csv": body}, m="LIGNES=1\nSOMME_MSV=0.1")["m.csv"] == ("REFUSE", {"FIC-08": 1}, 0)


def test_half_written_files_wait(land: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    depot = land.home("LABO1") / "depot"
    path = depot / "mars.csv"
    path.write_bytes(file(PASSIVE, dose("H1")))
    assert land.run().taken == []
    os.utime(path, (time.time() - 59, time.time() - 59))
    assert land.run().taken == []
    # It grows while it is copied: the copy is dropped, the file stays for the next pass.
    os.utime(path, (time.time() - 61, time.time() - 61))
    listed = land.client.fetch

    def fetch(code: str, name: str, local: Path, **more: Any) -> Any:
        with path.open("ab") as out:
            out.write((dose("H2") + "\n").encode())
        return listed(code, name, local, **more)

    monkeypatch.setattr(land.client, "fetch", fetch)
    assert land.run().taken == []
    monkeypatch.undo()
    assert path.exists()
    assert os.listdir(land.settings.home / "archive" / "incoming") == []
    os.utime(path, (time.time() - 61, time.time() - 61))
    assert len(land.run().taken) == 1
    assert outcome(land, "mars.csv") == ("INTEGRE", {}, 2)
    # The same length, another date during the copy.
    land.drop("LABO1", "avril.csv", file(PASSIVE, dose("H3")))

    def touch(code: str, name: str, local: Path, **more: Any) -> Any:
        os.utime(depot / name)
        return listed(code, name, local, **more)

    monkeypatch.setattr(land.client, "fetch", touch)
    assert land.run().taken == []
    monkeypatch.undo()
    assert len(land.run().taken) == 1
    land.verify()


def test_a_marker_never_outlives_its_file(land: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pass that dies once the file has left the depot must not leave its marker for next month's file."""
    depot = land.home("LABO1") / "depot"
    remove = land.client.remove

    def dies(code: str, folder: str, name: str) -> None:
        if not (depot / "mars.csv").exists():
            raise SftpLost("gone")
        remove(code, folder, name)

    land.drop("LABO1", "mars.csv", file(PASSIVE, dose("K1")), "LIGNES=1")
    monkeypatch.setattr(land.client, "remove", dies)
    with contextlib.suppress(SftpLost):
        land.run()
    monkeypatch.undo()
    land.run()
    assert outcome(land, "mars.csv") == ("INTEGRE", {}, 1)
    (depot / "mars.csv").write_bytes(file(PASSIVE, dose("K2"))[:-20])  # the next one, half written
    assert land.run().taken == []
    assert [path.name for path in depot.iterdir() if path.is_file()] == ["mars.csv"]


def test_a_file_replaced_while_it_is_taken_is_read_too(land: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sender writes a new file of the same name after the copy and before the move."""
    depot = land.home("LABO1") / "depot"
    put = land.client.put

    def again(code: str, folder: str, name: str, content: Any) -> None:
        if name.endswith(".ar.json"):
            fresh = depot / ".mars.part"
            fresh.write_bytes(file(PASSIVE, dose("K2", "0.2")))
            os.utime(fresh, (time.time() - 500, time.time() - 500))
            fresh.rename(depot / "mars.csv")
            monkeypatch.undo()
        put(code, folder, name, content)

    land.drop("LABO1", "mars.csv", file(PASSIVE, dose("K1", "0.1")))
    monkeypatch.setattr(land.client, "put", again)
    land.run()
    land.run()
    assert sorted(one[5] for one in land.doses()) == [100, 200]


def spoil(kind: str, marker: Path) -> None:
    """Something that is no file, under a marker's name."""
    if kind == "folder":
        marker.mkdir()
    elif kind == "link":
        marker.symlink_to("/etc/hostname")
    else:
        os.mkfifo(marker)


def test_a_marker_that_is_no_file_stops_nobody_else(land: Any) -> None:
    depot = land.home("LABO1") / "depot"
    for kind in ("folder", "link", "fifo"):
        (depot / f"{kind}.csv").write_bytes(file(PASSIVE, dose("P1")))
        spoil(kind, depot / f"{kind}.csv.ok")
    land.drop("LABO2", "mars.csv", file(PASSIVE, dose("P2")))
    land.run()
    assert outcome(land, "mars.csv", "LABO2")[2] == 1


def test_folders_and_links_in_a_depot_are_left_alone(land: Any) -> None:
    depot = land.home("LABO1") / "depot"
    (depot / "dossier.csv").mkdir()
    (depot / "dossier.csv.ok").touch()
    (depot / "lien.csv").symlink_to("/etc/hostname")
    (depot / "lien.csv.ok").touch()
    os.mkfifo(depot / "tube.csv")
    land.drop("LABO1", "mars.csv", file(PASSIVE, dose("P1")))
    assert len(land.run().taken) == 1
    assert outcome(land, "mars.csv") == ("INTEGRE", {}, 1)


# --- again and again -------------------------------------------------------------------------------


def test_one_file_under_two_names_and_in_two_depots(land: Any) -> None:
    body = file(PASSIVE, dose("W1"), dose("W2", NIR=NIR2))
    for sender, name in (("LABO1", "mars.csv"), ("LABO1", "mars.csv"), ("LABO1", "autre.csv"), ("LABO2", "mars.csv")):
        land.drop(sender, name, body)
        land.run()
    first = land.report("LABO1", "mars.csv")
    for name, number in (("mars.csv", 2), ("autre.csv", 1)):
        again = land.report("LABO1", name, number)
        assert (again["statut"], again["codes"]) == ("DEJA_RECU", {"FIC-06": 1})
        assert (again["lignes"], again["doses_msv"]) == (first["lignes"], first["doses_msv"])
        assert again["depot"]["id"] != first["depot"]["id"]
    # Another body's identifiers are its own: these are other measures.
    other = land.report("LABO2", "mars.csv")
    assert other["lignes"] == first["lignes"]
    assert other["codes"] == {"AVT-10": 2, "IDT-06": 1}
    assert len(land.doses()) == 2
    land.verify()


def test_a_file_with_a_rejected_row_is_judged_anew(land: Any) -> None:
    body = file(PASSIVE, dose("W1"), dose("W2", "-1"))
    for _ in range(2):
        land.drop("LABO1", "mars.csv", body)
        land.run()
    assert [codes for _, codes in land.rows("LABO1", "mars.csv", 2)] == [{"MET-12"}, {"MET-04"}]
    assert outcome(land, "mars.csv", number=2)[0] == "REJETE"
    assert len(land.doses()) == 1


def test_list_a_then_b_then_a_again_is_three_updates(land: Any) -> None:
    lists = {name: file(TRAVAILLEURS, row(TRAVAILLEURS, CLASSEMENT=name)) for name in "AB"}
    seen = []
    for at, name in enumerate("ABA"):
        land.drop("EMPL", "equipe.csv", lists[name])
        land.run()
        assert outcome(land, "equipe.csv", "EMPL", at + 1) == ("INTEGRE", {}, 1)
        seen.append(land.state()["status"])
    assert seen[0] != seen[1] != seen[2]
    assert [grade for _, _, grade in seen[0]] == [grade for _, _, grade in seen[2]]
    land.verify()


def test_a_rerun_of_everything_changes_nothing(land: Any) -> None:
    drops = {
        ("EMPL", "liste2.csv"): file(TRAVAILLEURS, row(TRAVAILLEURS)),
        ("ASNR", "sirene2.csv"): file(ESTABLISSEMENTS, row(ESTABLISSEMENTS)),
        ("LABO1", "mars.csv"): file(
            PASSIVE, dose("A1"), dose("A2", NIR=NIR2), dose("A3", "0.3"), dose("A3", "0.4", CODE_METROLOGIE="C")
        ),
        ("SITE", "ope.csv"): file(OPERATIONNELLE, row(OPERATIONNELLE), row(OPERATIONNELLE, NIR=NIR2)),
    }
    for (sender, name), body in drops.items():
        land.drop(sender, name, body)
    land.run()
    before, doses, queue = land.state(), land.doses(), land.queue()
    assert land.run().taken == []
    assert land.state() == before
    for (sender, name), body in drops.items():
        land.drop(sender, name, body)
    assert land.run().incidents == []
    after = land.state()
    assert (land.doses(), land.queue()) == (doses, queue)
    assert {name: after[name] for name in ("civil", "status", "queue", "doses")} == {
        name: before[name] for name in ("civil", "status", "queue", "doses")
    }
    land.verify()


# --- texts meant for other programs ----------------------------------------------------------------

EVIL = (
    "=HYPERLINK(\"http://x\",\"y\")", "+1+1", "-2+3", "@SUM(A1)", "'; DROP TABLE dose.passive; --", "Robert'); --",
    "<img src=x onerror=alert(1)>", "{{7*7}}", "${jndi:ldap://x}", "%s%s%n", "\\copy x", "NULL", "\\N", "-- ", "|calc",
)  # fmt: skip


def quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def test_formulas_sql_and_html_in_every_text_field_are_only_text(land: Any) -> None:
    rows, people = [], []
    for at, evil in enumerate(EVIL):
        rows.append(dose(f"E{at}", NIR=NIR2, NOM=quoted(evil), PRENOM=quoted(evil)))
        rows += [
            dose(f"E{at}{column[:4]}", **{column: quoted(evil)})
            for column in ("NIR", "SIRET", "TYPE_MESURE", "LOCALISATION", "DATE_FIN_PORT", "VALEUR", "SEUIL")
        ]
        rows.append(dose(quoted(evil[:20])))
        people.append(row(TRAVAILLEURS, GROUPE=quoted(evil), NOM=quoted(evil), PRENOM=quoted(evil)))
    passage = [
        row(OPERATIONNELLE, LIEU=quoted(evil[:30]), ZONE=quoted(evil[:20]), ACTIVITE=quoted(evil[:40])) for evil in EVIL
    ]
    register = [
        row(ESTABLISSEMENTS, denominationUsuelleEtablissement=quoted(evil), enseigne1Etablissement=quoted(evil))
        for evil in EVIL
    ]
    land.drop("LABO1", "mechant.csv", file(PASSIVE, *rows))
    land.drop("EMPL", "gens.csv", file(TRAVAILLEURS, *people))
    land.drop("SITE", "ope.csv", file(OPERATIONNELLE, *passage))
    land.drop("ASNR", "sirene2.csv", file(ESTABLISSEMENTS, *register))
    done = land.run()
    assert done.incidents == []
    land.verify()
    assert outcome(land, "mechant.csv")[2] == len(rows)
    assert outcome(land, "gens.csv", "EMPL")[2] == len(people)
    assert outcome(land, "ope.csv", "SITE") == ("INTEGRE", outcome(land, "ope.csv", "SITE")[1], len(passage))
    assert outcome(land, "sirene2.csv", "ASNR")[0] == "INTEGRE"
    # What came in comes back, to the letter.
    back = cells(land.read("LABO1", "mechant.csv.rapport.csv"))
    assert [one["NOM"] for one in back[:: len(rows) // len(EVIL)]] == list(EVIL)
    # The list for the employer opens in a spreadsheet: no cell of it is a formula.
    declared = cells(land.read("EMPL", "a-declarer.csv"))
    assert [one["NIR"] for one in declared] == [NIR2]
    assert not any(value[:1] in "=+-@\t\r" for one in declared for value in one.values() if value)
    land.registry.connection.execute("select 1 from dose.passive")  # still there


def test_no_cell_of_the_list_to_declare_begins_a_formula(land: Any) -> None:
    names = ("=1+1", "+33", "-DUPONT", "@x", "  =1+1", "\u00a0-1")
    people = {f"28405131980{at:02d}": name for at, name in enumerate(names, start=1)}
    rows = [dose(f"M{nir}", NIR=nir, NOM=name, PRENOM=name) for nir, name in people.items()]
    land.drop("LABO1", "mars.csv", file(PASSIVE, *rows))
    land.run()
    declared = cells(land.read("EMPL", "a-declarer.csv"))
    assert {one["NIR"] for one in declared} == set(people)
    assert not any(value.lstrip()[:1] in "=+-@" for one in declared for value in one.values() if value.strip())


def test_the_page_escapes_the_sender_s_texts(land: Any) -> None:
    name = "<b onclick=x>&'\".csv"
    land.drop("LABO1", name, file(PASSIVE, dose("M1", TYPE_MESURE="<script>")))
    land.run()
    page = land.read("LABO1", name + ".rapport.html").decode()
    assert "<script" not in page
    assert "<b onclick" not in page
    assert html.escape("<b onclick=x>&") in page
    assert "http" not in page.replace("http-equiv", "")


def test_a_hostile_register_is_answered(registry: Any) -> None:
    registry.partner("ASNR", "GESTIONNAIRE")
    rows = [
        row(ESTABLISSEMENTS, denominationUsuelleEtablissement="A" * 500_000, codeCommuneEtablissement="B" * 5_000),
        row(ESTABLISSEMENTS, activitePrincipaleEtablissement="C" * 5_000, etablissementSiege=""),
        row(ESTABLISSEMENTS, dateDebut="0001-01-01"),
        row(ESTABLISSEMENTS, dateDebut="9999-12-31"),
        row(ESTABLISSEMENTS, dateDebut="2026-02-30"),
        row(ESTABLISSEMENTS, etatAdministratifEtablissement="X"),
        row(ESTABLISSEMENTS, siret="73282932000075"),
    ]
    registry.drop("ASNR", "sirene.csv", file(ESTABLISSEMENTS, *rows))
    assert registry.run().incidents == []
    codes = [codes for _, codes in registry.rows("ASNR", "sirene.csv")]
    assert codes == [set(), set(), set(), set(), {"FMT-03"}, {"FMT-05"}, {"IDT-04"}]
    registry.verify()


def test_every_row_at_fault(land: Any) -> None:
    rows = [dose(f"F{at}", "x", NIR="1", SIRET="2", DATE_FIN_PORT="3", NOM="") for at in range(20_000)]
    found = take(land, {"tout.csv": file(PASSIVE, *rows)})
    codes = dict.fromkeys(("FMT-02", "FMT-03", "FMT-04", "IDT-01", "IDT-04"), 20000)
    assert found["tout.csv"] == ("REJETE", codes, 20_000)
    assert land.report("LABO1", "tout.csv")["doses_msv"]["PAS-HP10-PHO"]["recues"] == "0.000"
