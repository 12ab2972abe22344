"""The monthly lists, the identities still to be verified, and what the list of workers says of merged persons."""

from __future__ import annotations

import json
import stat
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from senders import (
    DESIGNATIONS,
    ESTABLISSEMENTS,
    IDENTITES,
    NIA,
    NIR,
    NIR2,
    SIREN,
    SIRET,
    SIRET2,
    SORTIES,
    TRAVAILLEURS,
    cells,
    country,
    file,
    row,
    siseri,
)

from loaders.orchestrator import settings_environment
from pipelines import listings, partners
from pipelines.verifications import pending
from schemas.identifiers import key_of

REFERENCES = (
    "identity.worker",
    "identity.identifier",
    "identity.civil",
    "reference.attachment",
    "reference.attachment_period",
    "reference.attachment_status",
)


@pytest.fixture
def land(registry: Any) -> Any:
    return country(registry)


def listed(land: Any, partner: str, name: str) -> list[dict[str, str]]:
    return cells(land.read(partner, name))


def integrated(land: Any, partner: str, name: str, header: str, *rows: str, today: date | None = None) -> None:
    """Drop a file that must integrate whole."""
    land.drop(partner, name, file(header, *rows))
    done = land.run(today)
    assert not done.incidents
    assert not done.troubles
    land.verify()
    assert {outcome for outcome, _ in land.rows(partner, name)} == {"INTEGRE"}, land.rows(partner, name)


def versions(land: Any) -> list[int]:
    return [land.connection.execute(f"select count(*) from {table}").fetchone()[0] for table in REFERENCES]


def test_the_list_of_workers_dropped_again_changes_nothing(land: Any) -> None:
    rows = [
        row(
            TRAVAILLEURS, NIR=NIR2, CLE=key_of(NIR2), NOM="D'ALMEIDA", PRENOM="ANNA", DATENAISSANCE="01/05/1984",
            SEXE="F", SIRET=SIRET2, GROUPE='"=bloc; nord"', CLASSEMENT="", AUTREEXPOSITION="RADON", QUOTITE="0,5",
            DATEDEBUT="15/01/2020",
        ),
        row(TRAVAILLEURS, CLASSEMENT="A"),
    ]  # fmt: skip
    integrated(land, "EMPL", "suite.csv", TRAVAILLEURS, *rows)
    land.run(date(2026, 5, 2))
    found = listed(land, "EMPL", "travailleurs.csv")
    assert land.read("EMPL", "travailleurs.csv").decode().splitlines()[0] == TRAVAILLEURS
    assert [(one["NIR"], one["CLE"], one["SIRET"]) for one in found] == [
        (NIR, "20", SIRET),
        (NIR2, key_of(NIR2), SIRET2),
    ]
    assert {**found[1], "NOM": ""} == {
        **dict.fromkeys(found[1], ""), "NIR": NIR2, "CLE": key_of(NIR2), "PRENOM": "ANNA", "SEXE": "F",
        "DATENAISSANCE": "01/05/1984", "SIRET": SIRET2, "GROUPE": "=bloc; nord", "AUTREEXPOSITION": "RADON",
        "caractereActivite": "Civil", "codeDomaineActivite": "100000", "codeSecteurActivite": "101010",
        "codeNuisanceRadiologique": "EXT", "codeTypeContrat": "CDI", "CodeMetier": "MANIP", "QUOTITE": "0.5",
        "DATEDEBUT": "15/01/2020",
    }  # fmt: skip
    assert (found[0]["CLASSEMENT"], found[0]["GROUPE"], found[0]["QUOTITE"]) == ("A", "Groupe par défaut", "1.0")
    before = versions(land)
    land.drop("EMPL", "travailleurs.csv", land.read("EMPL", "travailleurs.csv"))
    land.run()
    assert land.rows("EMPL", "travailleurs.csv") == [("INTEGRE", set())] * 2
    assert versions(land) == before


def test_departures_returns_and_announced_changes_keep_the_list_importable(land: Any) -> None:
    others = {"NIR": NIR2, "CLE": key_of(NIR2), "NOM": "ROSSI", "DATENAISSANCE": "01/05/1984", "SEXE": "F"}
    integrated(land, "EMPL", "autre.csv", TRAVAILLEURS, row(TRAVAILLEURS, **others))
    integrated(land, "EMPL", "sortie.csv", SORTIES, row(SORTIES, DATEFIN="30/04/2026"))
    # Gone on the 30th, announced back in June under another class: on the list until then, and again after.
    back = row(TRAVAILLEURS, DATEDEBUT="01/06/2026", CLASSEMENT="A")
    integrated(land, "EMPL", "retour.csv", TRAVAILLEURS, back)
    for day, names in (
        (date(2026, 5, 1), ["ROSSI"]),
        (date(2026, 6, 1), ["MARTIN", "ROSSI"]),
    ):
        land.run(day)
        found = listed(land, "EMPL", "travailleurs.csv")
        assert [one["NOM"] for one in found] == names
        before = versions(land)
        land.drop("EMPL", f"encore {day}.csv", land.read("EMPL", "travailleurs.csv"))
        land.run()
        assert versions(land) == before
    assert found[0]["DATEDEBUT"] == "01/06/2026"
    assert found[0]["CLASSEMENT"] == "A"


def test_a_list_made_before_a_departure_and_return_does_not_undo_them(land: Any) -> None:
    integrated(land, "EMPL", "sortie.csv", SORTIES, row(SORTIES, DATEFIN="31/05/2026"))
    integrated(land, "EMPL", "retour.csv", TRAVAILLEURS, row(TRAVAILLEURS, DATEDEBUT="15/06/2026", CLASSEMENT="A"))
    land.run(date(2026, 5, 1))
    [found] = listed(land, "EMPL", "travailleurs.csv")
    assert (found["DATEDEBUT"], found["CLASSEMENT"]) == ("15/06/2026", "A")  # still here, and announced back
    before = versions(land)
    land.drop("EMPL", "encore.csv", land.read("EMPL", "travailleurs.csv"))
    land.run()
    assert versions(land) == before


def test_once_a_month_and_from_the_first_day_with_something_to_tell(land: Any) -> None:
    assert [one["NIR"] for one in listed(land, "EMPL", "travailleurs.csv")] == [NIR]
    others = {"NIR": NIR2, "CLE": key_of(NIR2), "NOM": "ROSSI", "DATENAISSANCE": "01/05/1984", "SEXE": "F"}
    integrated(land, "EMPL", "autre.csv", TRAVAILLEURS, row(TRAVAILLEURS, **others))
    assert len(listed(land, "EMPL", "travailleurs.csv")) == 1  # this month's was delivered
    (land.home("EMPL") / "retour" / "travailleurs.csv").unlink()
    assert land.run(date(2026, 4, 30)).lists == 0
    assert "travailleurs.csv" not in land.files("EMPL")
    assert land.run(date(2026, 5, 1)).lists == 3  # the employer, the lab, the site
    assert len(listed(land, "EMPL", "travailleurs.csv")) == 2
    assert land.run(date(2026, 5, 31)).lists == 0
    assert land.run(date(2026, 3, 1)).lists == 0  # a date gone back to owes nothing
    assert [name for name in land.files("LABO2") if name.endswith("accedants.csv")] == []
    assert [name for name in land.files("ASNR") if ".csv." not in name and not name.startswith("bilan-")] == []


def test_a_list_with_nothing_left_goes_and_a_closed_account_gets_none(land: Any) -> None:
    with land.registry.warehouse.admin() as admin:
        partners.disable(admin, land.settings, "LABO1")
    integrated(land, "EMPL", "sortie.csv", SORTIES, row(SORTIES, DATEFIN="11/04/2026"))
    assert "travailleurs.csv" in land.files("EMPL")
    before = land.read("LABO1", "accedants.csv")
    assert land.run(date(2026, 5, 1)).lists == 1  # the site's
    assert "travailleurs.csv" not in land.files("EMPL")
    delivered = land.connection.execute(
        "select p.code from ledger.monthly_list m join ledger.partner p using (partner_id) where m.month = '2026-05-01'"
        " and not starts_with(m.name, 'bilan-')"
    ).fetchall()
    assert {code for (code,) in delivered} == {"EMPL", "SITE"}
    assert land.read("LABO1", "accedants.csv") == before


def test_an_account_that_cannot_be_served_is_owed_still(land: Any) -> None:
    folder = land.home("EMPL") / "retour"
    folder.rename(folder.with_name("ailleurs"))
    done = land.run(date(2026, 5, 1))
    assert len(set(done.troubles)) == 1  # the same account, for its lists and for its card
    assert done.lists == 2
    folder.with_name("ailleurs").rename(folder)
    assert land.run().lists == 1


def test_workers_of_an_establishment_without_a_body(land: Any) -> None:
    others = {"NIR": NIR2, "CLE": key_of(NIR2), "NOM": "ROSSI", "DATENAISSANCE": "01/05/1984", "SEXE": "F"}
    integrated(land, "EMPL", "autre.csv", TRAVAILLEURS, row(TRAVAILLEURS, **others, SIRET=SIRET2))
    assert "incomplets.csv" not in land.files("EMPL")
    land.run(date(2026, 5, 1))
    [missing] = listed(land, "EMPL", "incomplets.csv")
    assert (missing["NIR"], missing["NOM"], missing["SIRET"], missing["ETABLISSEMENT"]) == (
        *(NIR2, "ROSSI", SIRET2, "CLINIQUE"),
    )
    assert "organisme" in missing["MANQUE"]
    # A designation that begins later is none yet; one in force is.
    integrated(land, "EMPL", "d1.csv", DESIGNATIONS, row(DESIGNATIONS, SIRET=SIRET2, DATEDEBUT="02/06/2026"))
    land.run(date(2026, 6, 1))
    assert len(listed(land, "EMPL", "incomplets.csv")) == 1
    land.run(date(2026, 7, 1))
    assert "incomplets.csv" not in land.files("EMPL")


def test_a_body_gets_the_contacts_of_those_who_designate_it(land: Any) -> None:
    person = {"NOM": "ROSSI", "PRENOM": "ANNA", "COURRIEL": "anna.rossi@clinique.example"}
    sent = [
        row(DESIGNATIONS, ROLE="CES", IDENTIFIANT="C1", **person),
        row(DESIGNATIONS, ROLE="RPL", IDENTIFIANT="=1+1", NOM="PETIT", PRENOM="LUC", COURRIEL="luc@clinique.example"),
        row(DESIGNATIONS, ROLE="CRP", IDENTIFIANT="X", DATEFIN="10/04/2026", **person),
        row(DESIGNATIONS, ROLE="MDT", IDENTIFIANT="10003456786", **person),
        row(DESIGNATIONS, IDENTIFIANT="LABO2", SIRET=SIRET2),
        row(DESIGNATIONS, ROLE="CES", IDENTIFIANT="C2", SIRET=SIRET2, **person),
    ]
    integrated(land, "EMPL", "designations.csv", DESIGNATIONS, *sent)
    land.run(date(2026, 5, 1))
    assert [tuple(one.values()) for one in listed(land, "LABO1", "accedants.csv")] == [
        (SIRET, "CLINIQUE", "OA", "", "", "", "01/01/2020", ""),
        (SIRET, "CLINIQUE", "CES", *person.values(), "01/01/2020", ""),
        (SIRET, "CLINIQUE", "RPL", "PETIT", "LUC", "luc@clinique.example", "01/01/2020", ""),
    ]
    assert [(one["SIRET"], one["ROLE"]) for one in listed(land, "LABO2", "accedants.csv")] == [
        (SIRET2, "OA"),
        (SIRET2, "CES"),
    ]
    assert [one["ROLE"] for one in listed(land, "SITE", "accedants.csv")] == ["EXPLOITANT", "CES", "RPL"]
    assert NIR.encode() not in land.read("LABO1", "accedants.csv")


def test_what_a_spreadsheet_would_compute_is_shielded_where_nobody_reads_it_back(land: Any) -> None:
    integrated(
        land,
        "ASNR",
        "noms.csv",
        ESTABLISSEMENTS,
        row(ESTABLISSEMENTS, siret=SIRET, denominationUsuelleEtablissement='=cmd("x")'.replace('"', "")),
    )
    sent = row(DESIGNATIONS, ROLE="CES", IDENTIFIANT="C1", NOM="ROSSI", PRENOM="ANNA", COURRIEL="@rossi.example")
    land.drop("EMPL", "designations.csv", file(DESIGNATIONS, sent))
    land.run(date(2026, 5, 1))
    found = listed(land, "LABO1", "accedants.csv")
    assert {one["ETABLISSEMENT"] for one in found} == {"'=cmd(x)"}
    assert not [one for row_ in found for one in row_.values() if one.startswith(("=", "+", "-", "@"))]


def test_a_siren_that_changed_hands_is_in_the_new_account_s_list(land: Any) -> None:
    land.partner("AUTRE", "EMPLOYEUR", ["443061841"])
    with land.registry.warehouse.admin() as admin:
        partners.transfer(admin, SIREN, "AUTRE", "rachat")
    land.run(date(2026, 5, 1))
    assert "travailleurs.csv" not in land.files("EMPL")
    assert [one["NIR"] for one in listed(land, "AUTRE", "travailleurs.csv")] == [NIR]


def test_a_merged_person_is_listed_once_under_the_nir(land: Any) -> None:
    waiting = [row(TRAVAILLEURS, NIR=NIA, CLE=key_of(NIA), SIRET=siret) for siret in (SIRET, SIRET2)]
    integrated(land, "EMPL", "nia.csv", TRAVAILLEURS, *waiting)
    assert len(listings.workers(land.connection, land.registry.key, land.settings)) == 3
    integrated(land, "ASNR", "sngi.csv", IDENTITES, row(IDENTITES))
    land.run(date(2026, 5, 1))
    found = listings.workers(land.connection, land.registry.key, land.settings)
    assert [(one["nir"], one["siret"], one["identite"], one["identite_le"]) for one in found] == [
        (NIR, SIRET, "CERTIFIE", "2026-04-10"),
        (NIR, SIRET2, "CERTIFIE", "2026-04-10"),
    ]
    assert len({one["travailleur"] for one in found}) == 1
    assert [(one["NIR"], one["SIRET"]) for one in listed(land, "EMPL", "travailleurs.csv")] == [
        (NIR, SIRET),
        (NIR, SIRET2),
    ]
    before = versions(land)
    land.drop("EMPL", "encore.csv", land.read("EMPL", "travailleurs.csv"))
    land.run()
    assert {outcome for outcome, _ in land.rows("EMPL", "encore.csv")} == {"INTEGRE"}
    assert versions(land) == before


def test_a_certified_number_shows_as_nir(land: Any) -> None:
    nia = "3850675110999"
    nir = "1850675110999"
    integrated(land, "EMPL", "nia.csv", TRAVAILLEURS, row(TRAVAILLEURS, NIR=nia, CLE=key_of(nia), NOM="PETIT"))
    answer = row(IDENTITES, NIA=nia, NIR=nir, CLE=key_of(nir), NOM="PETIT", PRENOM="JEAN-PIERRE")
    integrated(land, "ASNR", "sngi.csv", IDENTITES, answer)
    found = listings.workers(land.connection, land.registry.key, land.settings)
    assert [(one["nir"], one["identite"]) for one in found] == [(NIR, None), (nir, "CERTIFIE")]
    land.run(date(2026, 5, 1))
    assert [one["NIR"] for one in listed(land, "EMPL", "travailleurs.csv")] == [NIR, nir]


def test_identities_to_verify_come_back_as_identites(land: Any, tmp_path: Path) -> None:
    out = tmp_path / "a-verifier.csv"
    assert pending(land.as_("analyst"), land.registry.key, out, "ana") == 0
    numbers = ["3850675110999", "3850675110998", "3850675110997"]
    names = ["PETIT", "GRAND", "MOYEN"]
    sent = [
        row(TRAVAILLEURS, NIR=number, CLE=key_of(number), NOM=name, PRENOM="LUC")
        for number, name in zip(numbers, names, strict=True)
    ]
    integrated(land, "EMPL", "nia.csv", TRAVAILLEURS, *sent)
    out.write_text("avant")
    out.chmod(0o644)
    assert pending(land.as_("analyst"), land.registry.key, out, "ana") == 3
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [out]
    assert out.read_text().splitlines()[0] == IDENTITES
    found = cells(out.read_bytes())
    assert found[0] == {
        "NIA": numbers[2], "NIR": "", "CLE": "", "NOM": "MOYEN", "PRENOM": "LUC", "DATENAISSANCE": "12/06/1985",
        "SEXE": "M", "STATUT": "",
    }  # fmt: skip
    # One is certified, one refused: filled in where they stand, the file is a valid answer.
    nir = "1850675110997"
    answers = [found[0] | {"NIR": nir, "CLE": key_of(nir), "STATUT": "CERTIFIE"}, found[1] | {"STATUT": "REFUSE"}]
    integrated(land, "ASNR", "sngi.csv", IDENTITES, *(";".join(one.values()) for one in answers))
    assert pending(land.as_("analyst"), land.registry.key, out, "ana") == 1
    assert [one["NIA"] for one in cells(out.read_bytes())] == [numbers[0]]


def test_the_command_writes_the_file_and_tells_the_count_alone(land: Any, tmp_path: Path) -> None:
    integrated(land, "EMPL", "nia.csv", TRAVAILLEURS, row(TRAVAILLEURS, NIR=NIA, CLE=key_of(NIA), SIRET=SIRET2))
    env = settings_environment(land.settings)
    out = tmp_path / "a-verifier.csv"
    done = siseri(env, "identities", "pending", "--out", out, "--json")
    assert json.loads(done.stdout) == {"identites": 1}
    assert done.stderr == ""
    assert [one["NIA"] for one in cells(out.read_bytes())] == [NIA]
    assert siseri(env, "identities", "pending", "--out", out).stdout == "1 identité(s) à vérifier.\n"
    refused = siseri(env, "identities", "pending", "--out", tmp_path / "nulle part" / "x.csv", expect=2)
    assert refused.stderr == "siseri: the file cannot be written there\n"
    assert siseri(env, "identities", "pending", "--out", tmp_path, expect=2).stderr.startswith("siseri: ")
    assert list(tmp_path.iterdir()) == [out]
    found = json.loads(siseri(env, "partner", "show", "EMPL", "--json").stdout)
    assert [(one["format"], one["encodage"]) for one in found["habitudes"]] == [("TRAVAILLEURS", "UTF-8")]
    assert json.loads(siseri(env, "workers", "list", "--json").stdout)[0]["identite"] is None
    again = json.loads(siseri(env | {"SISERI_TODAY": "2026-05-01"}, "run", "--json").stdout)
    assert again["listes_mensuelles"] == 4
