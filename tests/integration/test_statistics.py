"""The yearly tables through the corridor: against published figures, and as of past instants."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from senders import (
    DESIGNATIONS,
    ENGAGEE,
    INTERNE,
    NAVIGANT,
    NIA,
    NIR,
    NIR2,
    OPERATIONNELLE,
    PASSIVE,
    RPPS,
    SIRET,
    SIRET2,
    SORTIES,
    TRAVAILLEURS,
    country,
    dose,
    file,
    row,
)

from bench import data, published, world
from loaders.errors import UsageError
from pipelines.statistics.facts import Facts
from pipelines.statistics.publish import publish
from schemas.identifiers import key_of

TODAY = date(2026, 4, 10)
TABLES = {
    *("categories.csv", "domaines.csv", "secteurs.csv", "secteurs_cumul.csv", "metiers.csv", "distribution.csv"),
    *("organes.csv", "interne.csv", "operationnelle.csv", "depassements.csv", "emetteurs.csv"),
}
BRACKETS = ["0", "]0;1]", "]1;5]", "]5;10]", "]10;15]", "]15;20]", ">20"]


class Printed:
    """A published folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bytes = {path.name: path.read_bytes() for path in folder.iterdir()}
        self.manifest = json.loads(self.bytes["manifest.json"])

    def rows(self, name: str) -> dict[str, dict[str, str]]:
        listed = csv.DictReader(io.StringIO(self.bytes[f"{name}.csv"].decode()), delimiter=";")
        return {one["code"]: one for one in listed}


@pytest.fixture
def printed(tmp_path: Path) -> Any:
    """Publishes a year and reads it."""
    count = iter(range(1000))

    def make(registry: Any, year: int, **asked: Any) -> Printed:
        out = tmp_path / f"t{next(count)}"
        told = {"as_of": None, "scope": "tous", "audience": "dgt"} | asked
        publish(registry.as_("publisher"), out, registry.today, year=year, **told)
        return Printed(out)

    return make


@pytest.fixture(scope="module")
def nation(registries: Any) -> Iterator[Any]:
    """A hundredth of the workers of the published tables of 2019 and 2020."""
    today = date(2021, 3, 1)
    with registries() as registry:
        registry.partner("ASNR", "GESTIONNAIRE")
        registry.partner("LABO1", "OA")
        registry.drop("ASNR", "a.csv", data.register())
        registry.run(today)
        registry.drop("ASNR", "b.csv", data.designations("LABO1"))
        counts = {code: sum(cells) for code, cells in published.categories(100).items()}
        counts[""] += 300  # 2019 holds more workers
        registry.drop("ASNR", "c.csv", b"".join(world.workers(counts)))
        registry.run(today)
        registry.drop("LABO1", "2020.csv", b"".join(world.results(2020, world.doses_2020(100))))
        registry.drop("LABO1", "2019.csv", b"".join(world.results(2019, world.doses_2019(100))))
        registry.run(today)
        assert registry.report("LABO1", "2020.csv")["statut"] == "INTEGRE"
        yield registry


def test_published_table_of_2020(nation: Any, printed: Any) -> None:
    rows = printed(nation, 2020).rows("categories")
    expected = published.categories(100)
    names = ["0", "]0;1]", "]1;5]", "]5;10]", ">10"]
    told = {code or "(vide)": dict(zip(names, counts, strict=True)) for code, counts in expected.items()}
    assert list(rows) == ["A", "B", "NC", "(vide)", "Total"]
    for code, counts in told.items():
        assert {name: int(rows[code][name]) for name in names} == counts
        assert int(rows[code]["Total"]) == sum(counts.values())
    columns = zip(*expected.values(), strict=True)
    assert [int(rows["Total"][name]) for name in names] == [sum(column) for column in columns]
    assert int(rows["Total"]["Total"]) == sum(map(sum, expected.values()))


def test_published_means_of_2019(nation: Any, printed: Any) -> None:
    made = printed(nation, 2019)
    total = made.rows("domaines")["Total"]
    assert (int(total["suivis"]), total["dose_collective_hsv"]) == (3_950, "1.123100")
    assert round(int(total["0"]) / int(total["suivis"]), 3) == 0.763
    assert round(float(total["moyenne_exposes_msv"]), 2) == 1.20
    assert round(float(total["moyenne_suivis_msv"]), 3) == 0.284
    assert total["mediane_msv"] == "0.000000"
    assert made.rows("distribution")["1"]["nr_exposes"] == "1.000000"
    assert made.rows("secteurs")["101010"]["suivis"] == "3950"
    assert made.rows("secteurs")["101000"]["suivis"] == "0"
    assert made.rows("secteurs_cumul")["101000"]["suivis"] == "3950"
    assert made.rows("metiers")["MANIP"]["exposes"] == str(int(total["suivis"]) - int(total["0"]))


def test_files_and_manifest(nation: Any, printed: Any) -> None:
    made = printed(nation, 2020)
    assert set(made.bytes) == {*TABLES, "manifest.json", "bilan.html", "bilan.pdf", "bilan.xlsx"}
    head = made.bytes["domaines.csv"].decode().splitlines()[0]
    assert head == (
        "code;libelle;suivis;exposes;dose_collective_hsv;moyenne_suivis_msv;moyenne_exposes_msv;mediane_msv;p95_msv;"
        'p99_msv;0;"]0;1]";"]1;5]";"]5;10]";"]10;15]";"]15;20]";>20;depassements'
    )
    assert made.manifest["annee"] == 2020
    assert made.manifest["scope"] == "tous"
    for name in TABLES:
        assert made.manifest["tables"][name]["sha256"] == hashlib.sha256(made.bytes[name]).hexdigest()
    workers = sum(map(sum, published.categories(100).values()))
    assert made.manifest["lignes_lues"] == {
        "PASSIVE": workers, "ENGAGEE": 0, "NAVIGANT": 0, "OPERATIONNELLE": 0, "INTERNE": 0
    }  # fmt: skip
    again = printed(nation, 2020, as_of=made.manifest["as_of"])
    assert again.bytes == made.bytes


def test_a_rolling_year_is_no_calendar_year(registry: Any, printed: Any) -> None:
    """21.1 mSv from June 2019 to May 2020: above the limit over twelve months, in no civil year."""
    country(registry)
    first = [
        dose(f"D{month}", "1.5", DATE_DEBUT_PORT=f"01/{month:02}/2019", DATE_FIN_PORT=f"28/{month:02}/2019")
        for month in range(9, 13)
    ]
    second = [dose(f"E{month}", "3.02", DATE_DEBUT_PORT=f"01/{month:02}/2020", DATE_FIN_PORT=f"28/{month:02}/2020")
              for month in range(1, 6)]  # fmt: skip
    registry.drop("LABO1", "d.csv", file(PASSIVE, *first, *second))
    registry.run()
    made = printed(registry, 2020)
    limit = made.rows("depassements")["EFFICACE"]
    assert (limit["calendaire"], limit["glissant"], limit["glissant_confirmes"]) == ("0", "1", "0")
    assert (limit["detecte"], limit["notifie"]) == ("0", "1")
    assert made.rows("domaines")["Total"]["depassements"] == "0"
    assert made.rows("domaines")["100000"]["dose_collective_hsv"] == "0.015100"
    before = printed(registry, 2019).rows("depassements")["EFFICACE"]
    assert (before["calendaire"], before["glissant"]) == ("0", "0")


def test_every_format_has_its_table(registry: Any, printed: Any) -> None:
    country(registry)
    registry.partner("DOCTEUR", "MDT", identifiant=RPPS)
    registry.partner("AVION", "CALCUL")
    registry.drop("ASNR", "m.csv", file(DESIGNATIONS, row(DESIGNATIONS, ROLE="MDT", IDENTIFIANT=RPPS)))
    registry.run()
    at = {"DATE_DEBUT_PORT": "01/03/2026", "DATE_FIN_PORT": "31/03/2026"}
    registry.drop("LABO1", "p.csv", file(
        PASSIVE,
        dose("A", "12", **at),
        dose("B", "14", LOCALISATION="CEINTURE", **at),
        dose("C", "2", TYPE_MESURE="PAS-HP3", LOCALISATION="TETE", **at),
        dose("D", "60", TYPE_MESURE="PAS-HP007-EXT", LOCALISATION="DOIGT_D", **at),
        dose("E", "450", TYPE_MESURE="PAS-HP007-EXT", LOCALISATION="DOIGT_G", **at),
        dose("F", "3", TYPE_MESURE="PAS-E-RADON", **at),
        dose("G", "", ETAT_RESULTAT="ABS", **at),
    ))  # fmt: skip
    registry.drop("LABO1", "i.csv", file(
        INTERNE,
        row(INTERNE),
        row(INTERNE, RADIONUCLEIDE="Co-60"),
        row(INTERNE, ID_ANALYSE="A2", ETAT_RESULTAT="INF", ACTIVITE=""),
        row(INTERNE, ID_ANALYSE="A3", ETAT_RESULTAT="ABS", ACTIVITE=""),
    ))  # fmt: skip
    registry.drop("DOCTEUR", "e.csv", file(ENGAGEE, row(ENGAGEE, VALEUR="6.1")))
    registry.drop("AVION", "n.csv", file(NAVIGANT, row(NAVIGANT, VALEUR="0.09")))
    registry.drop("SITE", "o.csv", file(OPERATIONNELLE, row(OPERATIONNELLE, VALEUR="7")))
    registry.run()
    made = printed(registry, 2026)
    total = made.rows("domaines")["Total"]
    assert (total["suivis"], total["dose_collective_hsv"], total["]10;15]"]) == ("1", "0.014000", "1")
    organs = made.rows("organes")
    assert [organs[code]["suivis"] for code in ("CRISTALLIN", "PEAU", "EXTREMITES", "RADON")] == ["1", "0", "1", "1"]
    assert (organs["EXTREMITES"]["]150;500]"], organs["EXTREMITES"]["]1;5]"], organs["RADON"]["]1;5]"]) == (
        "1",
        "",
        "1",
    )
    internal = made.rows("interne")
    assert [internal["RTU"][name] for name in ("examens", "positifs", "travailleurs", "0")] == ["2", "1", "1", ""]
    assert [internal["INT-E50"][name] for name in ("examens", "travailleurs", "]5;10]")] == ["1", "1", "1"]
    beside = made.rows("operationnelle")["100000"]
    assert (beside["enregistrements"], beside["dose_collective_hsv"], beside["rapport_passif"]) == (
        "1", "0.007000", "0.500000"
    )  # fmt: skip
    # 14 + 3 + 6.1 of effective dose: above 20 in the civil year too.
    limit = made.rows("depassements")["EFFICACE"]
    assert (limit["calendaire"], limit["glissant"]) == ("1", "1")
    senders = made.rows("emetteurs")
    assert (senders["LABO1"]["resultats_absents"], senders["LABO1"]["lignes"]) == ("1", "11")
    assert made.manifest["lignes_lues"] == {
        "PASSIVE": 7, "ENGAGEE": 1, "NAVIGANT": 1, "OPERATIONNELLE": 1, "INTERNE": 4
    }  # fmt: skip


def test_what_was_printed_is_printed_again(registry: Any, printed: Any) -> None:
    """Corrections, annulments, attachments and late files change tomorrow's tables, never yesterday's."""
    country(registry)
    registry.drop("LABO1", "a.csv", file(PASSIVE, dose("M1", "2"), dose("M2", "3", NIR=NIR2), "faux"))
    registry.run()
    editions = [printed(registry, 2026)]
    steps = (
        lambda: registry.drop("LABO1", "b.csv", file(PASSIVE, dose("M1", "7", CODE_METROLOGIE="C"))),
        lambda: registry.drop("EMPL", "c.csv", file(TRAVAILLEURS, row(TRAVAILLEURS, CLASSEMENT="A"))),
        lambda: registry.drop("EMPL", "d.csv", file(TRAVAILLEURS, row(TRAVAILLEURS, SIRET=SIRET2, CLASSEMENT="A"))),
        lambda: registry.drop("LABO1", "e.csv", file(PASSIVE, dose("M3", "9", SIRET=SIRET2))),
        lambda: registry.drop("EMPL", "f.csv", file(SORTIES, row(SORTIES))),
        lambda: registry.drop("LABO1", "g.csv", b""),
        lambda: registry.drop("LABO1", "h.csv", file(PASSIVE, dose("M3", "9", SIRET=SIRET2, CODE_METROLOGIE="A"))),
    )
    for step in steps:
        step()
        registry.run()
        for edition in editions:
            again = printed(registry, 2026, as_of=edition.manifest["as_of"])
            assert again.bytes == edition.bytes
        editions.append(printed(registry, 2026))
    assert len({one.bytes["manifest.json"] for one in editions}) == len(editions)
    # Category A holds from the day of the list on; the attachment's last day is before it.
    first, listed, last = (editions[at].rows("categories") for at in (0, 2, -1))
    assert (first["B"]["]1;5]"], listed["A"]["]5;10]"], last["B"]["]5;10]"]) == ("1", "1", "1")


def test_scopes_part_the_population(registry: Any, printed: Any) -> None:
    country(registry)
    listed = row(
        TRAVAILLEURS, caractereActivite="Militaire", codeDomaineActivite="400000", codeSecteurActivite="401020",
        CodeMetier="INGENIEUR", DATEDEBUT="01/01/2020",
    )  # fmt: skip
    registry.drop("EMPL", "m.csv", file(TRAVAILLEURS, listed))
    registry.drop("LABO1", "a.csv", file(PASSIVE, dose("M1", "2")))
    registry.run()
    assert registry.report("EMPL", "m.csv")["statut"] == "INTEGRE", registry.read("EMPL", "m.csv.rapport.csv")
    counted = {
        scope: printed(registry, 2026, scope=scope).rows("domaines")["Total"]["suivis"]
        for scope in ("tous", "artificiel", "naturel", "civil", "militaire")
    }
    assert counted == {"tous": "1", "artificiel": "0", "naturel": "1", "civil": "0", "militaire": "1"}


def test_a_worker_counts_under_one_attachment(registry: Any, printed: Any) -> None:
    """The largest part of the dose; of equal parts the latest start; of equal starts the lowest SIRET."""
    country(registry)
    other = {
        "SIRET": SIRET2,
        "codeDomaineActivite": "500000",
        "codeSecteurActivite": "506000",
        "CodeMetier": "INGENIEUR",
    }
    registry.drop("EMPL", "b.csv", file(TRAVAILLEURS, row(TRAVAILLEURS, DATEDEBUT="01/09/2019", **other)))
    registry.drop("LABO1", "a.csv", file(PASSIVE, dose("M1", "2"), dose("M2", "2", SIRET=SIRET2)))
    registry.run()
    assert registry.report("EMPL", "b.csv")["statut"] == "INTEGRE", registry.read("EMPL", "b.csv.rapport.csv")

    def counted() -> list[str]:
        rows = printed(registry, 2026).rows("domaines")
        assert (rows["Total"]["suivis"], rows["Total"]["dose_collective_hsv"]) == (
            "1",
            rows["Total"]["dose_collective_hsv"],
        )
        return [code for code, one in rows.items() if one["suivis"] == "1" and code != "Total"]

    assert (SIRET < SIRET2, counted()) == (True, ["100000"])
    registry.drop("EMPL", "c.csv", file(TRAVAILLEURS, row(TRAVAILLEURS, DATEDEBUT="02/09/2019", **other)))
    registry.run()
    assert counted() == ["500000"]
    registry.drop("LABO1", "d.csv", file(PASSIVE, dose("M3", "0.001")))
    registry.run()
    assert counted() == ["100000"]


def test_small_months_of_flights_count_nothing_and_monitor(registry: Any, printed: Any) -> None:
    country(registry)
    registry.partner("AVION", "CALCUL")
    registry.drop("AVION", "n.csv", file(
        NAVIGANT, row(NAVIGANT, VALEUR="0.09"), row(NAVIGANT, MOIS="02/2026", VALEUR="0.10", ID_CALCUL="N2")
    ))  # fmt: skip
    registry.run()
    total = printed(registry, 2026).rows("domaines")["Total"]
    assert (total["suivis"], total["dose_collective_hsv"]) == ("1", "0.000100")


def test_a_year_that_is_kept_is_found_again(registry: Any, printed: Any) -> None:
    """What is kept from one printing to the next is what the doses give, and a wrong sum does not go unseen."""
    country(registry)
    registry.drop("LABO1", "a.csv", file(PASSIVE, dose("M1", "2")))
    registry.run()
    first = printed(registry, 2026)
    registry.drop("LABO1", "b.csv", file(PASSIVE, dose("M1", "7", CODE_METROLOGIE="C"), dose("M2", "1")))
    registry.run()
    assert printed(registry, 2026).rows("domaines")["Total"]["dose_collective_hsv"] == "0.008000"
    assert printed(registry, 2026, as_of=first.manifest["as_of"]).bytes == first.bytes
    registry.verify()
    with registry.registry.warehouse.admin() as admin:
        (packed,) = admin.execute("select rows from mart.segment where kind = 'passive' and number = 0").fetchone()
        held = Facts.unpacked(packed)
        more = replace(held, usv=held.usv + 1).packed()
        admin.execute("update mart.segment set rows = %s where kind = 'passive' and number = 0", (more,))
    with pytest.raises(AssertionError, match="sommes annuelles"):
        registry.verify()
    with registry.registry.warehouse.admin() as admin:
        admin.execute("update mart.segment set rows = substr(rows, 9) where kind = 'attachments'")
    with pytest.raises(AssertionError, match="sommes annuelles"):
        registry.verify()


def test_a_file_adds_a_segment_of_whom_it_touched(registry: Any, printed: Any) -> None:
    """Segments lie on one another, each kind apart, until they are written anew; the tables are those of the doses."""
    country(registry)
    people = {
        NIR2: {"NIR": NIR2, "PRENOM": "JEAN", "DATENAISSANCE": "10/05/1984", "SEXE": "F"},
        NIA: {"NIR": NIA, "PRENOM": "JEAN"},
    }
    listed = [row(TRAVAILLEURS, CLE=key_of(number), **told) for number, told in people.items()]
    registry.drop("EMPL", "t.csv", file(TRAVAILLEURS, *listed))
    registry.run()

    def held() -> dict[str, int]:
        with registry.registry.warehouse.admin() as admin:
            return dict(admin.execute("select kind, max(number) from mart.segment group by kind").fetchall())

    def anew() -> Printed:
        with registry.registry.warehouse.admin() as admin:
            admin.execute("delete from mart.year")
        return printed(registry, 2026)

    everybody = [dose("M1", "2"), dose("M2", "3", NIR=NIR2, PRENOM="JEAN"), dose("M3", "4", NIR=NIA, PRENOM="JEAN")]
    registry.drop("LABO1", "a.csv", file(PASSIVE, *everybody))
    registry.drop("SITE", "o.csv", file(OPERATIONNELLE, row(OPERATIONNELLE)))
    registry.run()
    printed(registry, 2026)
    assert set(held().values()) == {0}
    registry.drop("LABO1", "b.csv", file(PASSIVE, dose("M4", "1")))
    registry.run()
    told = printed(registry, 2026)
    assert {kind for kind, number in held().items() if number} == {"passive", "attachments", "deliveries"}
    registry.verify()
    assert anew().bytes == told.bytes
    assert told.rows("domaines")["Total"]["dose_collective_hsv"] == "0.010000"
    for at in range(3):
        registry.drop("LABO1", f"c{at}.csv", file(PASSIVE, dose(f"N{at}", "1")))
        registry.run()
        told = printed(registry, 2026)
    assert held()["passive"] < 3
    registry.verify()
    assert anew().bytes == told.bytes


def test_a_kept_year_follows_what_a_physicians_version_lets_go(registry: Any, printed: Any) -> None:
    """The body has moved its result to another worker meanwhile: it is that one's sum that changes."""
    country(registry)
    registry.partner("DOCTEUR", "MDT", identifiant=RPPS)
    registry.drop("ASNR", "d.csv", file(DESIGNATIONS, row(DESIGNATIONS, ROLE="MDT", IDENTIFIANT=RPPS)))
    registry.drop("EMPL", "t.csv", file(TRAVAILLEURS, row(TRAVAILLEURS, NIR=NIA, CLE=key_of(NIA), PRENOM="JEAN")))
    registry.run()
    mine = {"ID_MESURE": "LABO1/M1", "ETAT_RESULTAT": "EST", "SEUIL": "", "CODE_METROLOGIE": "C"}
    steps = [
        ("LABO1", dose("M1", "2")),
        ("DOCTEUR", dose("M1", "1", **mine)),
        ("LABO1", dose("M1", "5", NIR=NIA, CODE_METROLOGIE="C")),
        ("DOCTEUR", dose("M1", "1", **(mine | {"CODE_METROLOGIE": "A"}))),
    ]
    for at, (partner, said) in enumerate(steps):
        registry.drop(partner, f"{at}.csv", file(PASSIVE, said))
        registry.run()
        registry.verify()
        total = printed(registry, 2026).rows("domaines")["Total"]
    assert (total["suivis"], total["dose_collective_hsv"]) == ("1", "0.005000")


@pytest.mark.parametrize(
    ("year", "asked", "words"),
    [
        (2027, {}, "2026"),
        (1000, {}, "1900"),
        (2026, {"scope": "moi"}, "périmètre"),
        (2026, {"audience": "presse"}, "destinataire"),
        (2026, {"audience": "public", "scope": "civil"}, "périmètre civil"),
        (2026, {"as_of": "hier"}, "AAAA-MM-JJ"),
        (2026, {"as_of": "2999-01-01"}, "venir"),
    ],
)
def test_what_cannot_be_given_is_said(
    registry: Any, printed: Any, year: int, asked: dict[str, str], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        printed(registry, year, **asked)


def test_a_registry_without_anything_prints_empty_tables(registry: Any, printed: Any) -> None:
    made = printed(registry, 2020, as_of="2020-12-31")
    assert made.rows("categories")["Total"]["Total"] == "0"
    assert made.rows("domaines")["Total"]["moyenne_suivis_msv"] == ""
    assert made.manifest["as_of"].startswith("2020-12-31T23:59:59")
    assert NIR.encode() not in b"".join(made.bytes.values())
    assert SIRET.encode() not in b"".join(made.bytes.values())
