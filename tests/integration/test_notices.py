"""Notices of exceedances, each in the home of whom it concerns; told again where what a reader sees has changed."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest
from notice_world import CRP, OTHER, World, month
from senders import (
    CONCLUSION,
    ESTABLISSEMENTS,
    IDENTITES,
    NAVIGANT,
    NIA,
    NIR,
    NIR2,
    PASSIVE,
    RPPS,
    RPPS2,
    SIRET,
    SIRET2,
    TRAVAILLEURS,
    row,
)

from loaders.sftp import SftpLost
from pipelines import notices
from pipelines.collect import collect
from pipelines.exceedances import detect, recompute
from pipelines.isolate import Troubles
from pipelines.sweep import integrate_safely, pending
from schemas.identifiers import key_of

STEM = ["depassement-1-NOTIFIE"]


@pytest.fixture
def world(registry: Any) -> World:
    return World(registry)


def told_to(world: World, since: int = 0) -> list[tuple[str, str, int]]:
    """(account, state, revision) of what was told after so many notices, by account."""
    return sorted((code, state, revision) for _, state, code, _, revision in world.told()[since:])


def test_everybody_concerned_is_told_in_the_pass_that_finds_it(world: World) -> None:
    done = world.lab(month(1, "12", "02"), month(2, "8.5"))
    assert done.notices == 4
    assert world.holders() == dict.fromkeys(("CONSEIL", "DGT", "DOCTEUR", "EMPL"), STEM)
    assert world.states() == ["DETECTE", "NOTIFIE"]
    assert recompute(world.connection, world.registry.today).differences == 0
    world.registry.verify()


def test_what_each_reader_sees(world: World) -> None:
    world.lab(month(1, "12", "02"), month(2, "8.5"))
    common = {
        "version": 1, "id": 1, "etat": "NOTIFIE", "limite": "EFFICACE", "periode_debut": "2025-04-01",
        "periode_fin": "2026-03-31", "coupure": None, "siret": SIRET, "revision": 1, "remplace": None,
        "etabli_le": "2026-04-10",
    }  # fmt: skip
    own = [{"siret": SIRET, "denomination": "CLINIQUE"}]
    identity = {"nir": NIR, "nom": "MARTIN", "prenom": "JEAN-PIERRE", "date_naissance": "1985-06-12"}
    limit = {"libelle": "Dose efficace, 20 mSv sur 12 mois consécutifs", "localisation": None, "seuil_msv": "20.000"}
    february = {
        "grandeur": "PAS-HP10-PHO", "localisation": "POITRINE", "debut": "2026-02-01", "fin": "2026-02-28",
        "valeur_msv": "12.000", "compte_msv": "12.000", "siret": SIRET,
    }  # fmt: skip
    march = february | {
        "debut": "2026-03-01", "fin": "2026-03-31", "valeur_msv": "8.500", "compte_msv": "8.500"
    }  # fmt: skip
    assert world.notice("EMPL") == common | identity | {
        "destinataire": "EMPL", "role": "EMPLOYEUR", "etablissements": own, "sans_mdt": False
    }  # fmt: skip
    assert world.notice("CONSEIL") == common | identity | limit | {
        "destinataire": "CONSEIL", "role": "CRP", "etablissements": own, "sans_mdt": False, "doses_engagees": False,
        "valeur_msv": "20.500", "resultats": [february, march],
    }  # fmt: skip
    assert world.notice("DOCTEUR") == common | identity | limit | {
        "destinataire": "DOCTEUR", "role": "MDT", "etablissements": own, "doses_engagees": False,
        "valeur_msv": "20.500", "resultats": [one | {"emetteur": "LABO1"} for one in (february, march)],
        "reponse": {"format": "CONCLUSION", "id_depassement": "1", "avant_le": "2026-10-07"},
    }  # fmt: skip
    activity = {
        "domaine": {"code": "100000", "libelle": "Utilisations medicales et veterinaires"},
        "secteur": {"code": "101010", "libelle": "Radiologie conventionnelle seule"},
        "metier": {"code": "MANIP", "libelle": "Manipulateur en electroradiologie medicale"},
    }
    assert world.notice("DGT") == common | limit | {
        "destinataire": "DGT", "role": "DGT", "valeur_msv": "20.500", "duree_exposition_jours": 59, "sans_mdt": False,
        "etablissements": [own[0] | {"commune": "75110", "activite": activity}],
    }  # fmt: skip


def test_pages_say_the_same_to_a_person(world: World) -> None:
    world.lab(month(1, "12", "02"), month(2, "8.5"))
    pages = {code: world.registry.read(code, f"{STEM[0]}.html").decode() for code in world.holders()}
    for code, page in pages.items():
        assert "Dépassement n° 1" in page
        assert "src=" not in page
        assert "href=" not in page
        assert ("20,500" in page) == (code != "EMPL")
        assert ("MARTIN" in page) == (code != "DGT")
    assert "avant le 07/10/2026" in " ".join(pages["DOCTEUR"].replace("<strong>", "").split())
    assert "MAINTENUE" in pages["DOCTEUR"]
    assert "Aucune dose ne vous est communiquée" in pages["EMPL"]
    assert "Radiologie conventionnelle seule" in pages["DGT"]


def test_two_employers_each_with_their_own(world: World) -> None:
    """Sums go over all employers; the establishments and single results of the other are no reader's business."""
    world.lab(month(1, "12", "02"), month(2, "8.5", SIRET=OTHER))
    assert world.holders() == dict.fromkeys(
        ("CONSEIL", "CONSEIL2", "DGT", "DOCTEUR", "DOCTEUR2", "EMPL", "EMPL2"), STEM
    )
    for code, siret in (("EMPL", SIRET), ("EMPL2", OTHER), ("CONSEIL", SIRET), ("CONSEIL2", OTHER)):
        told = world.notice(code)
        assert ([one["siret"] for one in told["etablissements"]], told["siret"]) == ([siret], siret)
    assert [one["siret"] for one in world.notice("DOCTEUR2")["resultats"]] == [SIRET, OTHER]
    assert [one["valeur_msv"] for one in world.notice("CONSEIL2")["resultats"]] == ["8.500"]
    assert world.notice("CONSEIL2")["valeur_msv"] == "20.500"
    assert [one["siret"] for one in world.notice("DGT")["etablissements"]] == [SIRET, OTHER]
    assert world.notice("DGT")["siret"] == SIRET


def test_who_adds_nothing_to_the_sum_is_not_concerned(world: World) -> None:
    world.lab(month(1, "21"), month(2, "", ETAT_RESULTAT="INF", SIRET=OTHER))
    assert "EMPL2" not in world.holders()
    assert "DOCTEUR2" not in world.holders()


def test_one_notice_for_several_establishments_of_one_account(world: World) -> None:
    world.lab(month(1, "12", "02"), month(2, "8.5", SIRET=SIRET2))
    assert [one["siret"] for one in world.notice("EMPL")["etablissements"]] == [SIRET, SIRET2]
    assert len(world.told()) == 4


def test_an_adviser_never_learns_a_committed_dose(world: World) -> None:
    world.lab(month(1, "19.5"))
    assert world.holders() == {}
    world.doctor("0.777")
    told = world.notice("CONSEIL")
    assert told["doses_engagees"] is True
    assert told["somme_externe_msv"] == "19.500"
    assert "valeur_msv" not in told
    assert [one["valeur_msv"] for one in told["resultats"]] == ["19.500"]
    assert world.notice("DOCTEUR")["valeur_msv"] == world.notice("DGT")["valeur_msv"] == "20.277"
    for end in ("json", "html"):
        body = world.registry.read("CONSEIL", f"{STEM[0]}.{end}").decode().replace(",", ".")
        assert "20.277" not in body
        assert "0.777" not in body


def test_after_a_committed_dose_no_effective_value_is_told_again(world: World) -> None:
    world.lab(month(1, "21"))
    assert world.notice("CONSEIL")["valeur_msv"] == "21.000"
    world.doctor("0.777")
    told = world.notice("CONSEIL")
    assert (told["revision"], told["somme_externe_msv"], told["doses_engagees"]) == (2, "21.000", True)
    assert "valeur_msv" not in told
    assert told["remplace"] == {"fichier": "depassement-1-NOTIFIE.json", "revision": 1}
    # The employer sees no dose, so there is nothing new for it.
    assert world.notice("EMPL")["revision"] == 1
    assert world.notice("DGT")["valeur_msv"] == "21.777"
    # Another committed dose instead: only who sees it hears of it.
    before = len(world.told())
    world.doctor("0.888", code="C")
    assert told_to(world, before) == [("DGT", "NOTIFIE", 3), ("DOCTEUR", "NOTIFIE", 3)]


def test_a_committed_dose_of_nothing_is_one_all_the_same(world: World) -> None:
    world.doctor("0", DATE_INCORPORATION="01/03/2026")
    world.lab(month(1, "21"))
    assert world.notice("CONSEIL")["doses_engagees"] is True
    assert "valeur_msv" not in world.notice("CONSEIL")


def test_flights_are_external(world: World) -> None:
    world.registry.partner("NAVIG", "CALCUL")
    world.send("NAVIG", NAVIGANT, row(NAVIGANT, VALEUR="0.6"))
    world.lab(month(1, "19.5"))
    told = world.notice("CONSEIL")
    assert told["valeur_msv"] == "20.100"
    assert [one["grandeur"] for one in told["resultats"]] == ["PAS-HP10-PHO", "CAL-E-COS"]


def test_military_attachments_are_the_defence_delegates(registry: Any) -> None:
    world = World(registry, character="Militaire")
    world.lab(month(1, "21"))
    assert "DGT" not in world.holders()
    told = world.notice("DSND")
    assert (told["role"], told["valeur_msv"]) == ("DSND", "21.000")
    assert not {"nir", "nom", "prenom", "date_naissance", "resultats"} & set(told)


def test_one_military_attachment_among_those_concerned_suffices(world: World) -> None:
    military = row(TRAVAILLEURS, SIRET=OTHER, NIR=NIR2, CLE=key_of(NIR2), NOM="DURAND", PRENOM="ANNE",
                   DATENAISSANCE="11/05/1984", SEXE="F", caractereActivite="Militaire")  # fmt: skip
    civil = military.replace(OTHER, SIRET).replace("Militaire", "Civil")
    world.send("ASNR", TRAVAILLEURS, military, civil)
    other = {"NIR": NIR2, "NOM": "DURAND", "PRENOM": "ANNE"}
    world.lab(month(1, "12", "02", **other), month(2, "8.5", SIRET=OTHER, **other), month(3, "21"))
    assert world.holders()["DSND"] == ["depassement-2-NOTIFIE"]
    assert world.holders()["DGT"] == ["depassement-1-NOTIFIE"]


def test_who_becomes_military_after_the_telling_stays_with_the_ministry(world: World) -> None:
    world.lab(month(1, "21"))
    world.send("ASNR", TRAVAILLEURS, row(TRAVAILLEURS, caractereActivite="Militaire"))
    world.lab(month(1, "22", CODE_METROLOGIE="C"))
    assert world.notice("DGT")["revision"] == 2
    assert "DSND" not in world.holders()


def test_without_a_physician_others_are_told_so_and_he_is_told_once_designated(registry: Any) -> None:
    world = World(registry, designate=False)
    world.designate(SIRET, "CRP", CRP)
    world.lab(month(1, "21"))
    assert world.states() == ["DETECTE", "NOTIFIE"]
    assert set(world.holders()) == {"CONSEIL", "DGT", "EMPL"}
    assert all(world.notice(code)["sans_mdt"] for code in world.holders())
    assert "Aucun médecin du travail" in world.registry.read("EMPL", f"{STEM[0]}.html").decode()
    assert world.unassigned() == [(1, "SANS_MDT")]
    before = len(world.told())
    world.designate(SIRET, "MDT", RPPS)
    world.run()
    assert told_to(world, before) == [
        ("CONSEIL", "NOTIFIE", 2), ("DGT", "NOTIFIE", 2), ("DOCTEUR", "NOTIFIE", 1), ("EMPL", "NOTIFIE", 2)
    ]  # fmt: skip
    assert not any(world.notice(code)["sans_mdt"] for code in ("CONSEIL", "DGT", "EMPL"))
    assert world.unassigned() == []


def test_a_physician_without_account_is_another_matter(registry: Any) -> None:
    world = World(registry, absent=("DOCTEUR",))
    world.lab(month(1, "21"))
    assert world.unassigned() == [(1, "SANS_COMPTE")]
    assert world.notice("EMPL")["sans_mdt"] is False
    before = len(world.told())
    world.open("DOCTEUR")
    world.run()
    assert told_to(world, before) == [("DOCTEUR", "NOTIFIE", 1)]
    assert world.unassigned() == []


def test_nobody_to_tell_is_notified_all_the_same(registry: Any) -> None:
    world = World(registry, absent=("DGT", "DSND"), designate=False)
    world.close("EMPL")
    assert world.lab(month(1, "21")).notices == 0
    assert world.states() == ["DETECTE", "NOTIFIE"]
    assert world.unassigned() == [(1, "SANS_MDT")]
    world.open("DGT")
    world.run()
    assert told_to(world) == [("DGT", "NOTIFIE", 1)]


def test_a_designation_counts_on_the_day_of_the_telling(registry: Any) -> None:
    """Who was designated when the doses were received and is no longer may not read them, and could not answer."""
    world = World(registry, designate=False)
    world.designate(SIRET, "MDT", RPPS, "01/01/2020", "05/04/2026")
    world.designate(SIRET, "MDT", RPPS2, "15/04/2026")
    world.lab(month(1, "21"))
    assert not {"DOCTEUR", "DOCTEUR2"} & set(world.holders())
    assert world.unassigned() == [(1, "SANS_MDT")]
    world.run(today=date(2026, 4, 15))
    assert world.notice("DOCTEUR2")["reponse"]["avant_le"] == "2026-10-07"
    assert "DOCTEUR" not in world.holders()


def test_nothing_is_told_twice(world: World) -> None:
    world.lab(month(1, "12", "02"), month(2, "8.5"))
    loads = world.connection.execute("select max(load_id) from ledger.load").fetchone()
    for day in range(10, 20):
        assert world.run(today=date(2026, 4, day)).notices == 0
    assert world.connection.execute("select max(load_id) from ledger.load").fetchone() == loads
    # Loads that change nothing that a reader sees.
    world.send("ASNR", ESTABLISSEMENTS, row(ESTABLISSEMENTS, denominationUsuelleEtablissement="HOPITAL"))
    assert world.lab(month(3, "", "01", ETAT_RESULTAT="INF")).notices == 0
    assert {revision for *_, revision in world.told()} == {1}


def test_a_changed_value_is_told_to_those_who_see_it(world: World) -> None:
    world.lab(month(1, "21"))
    before = len(world.told())
    world.lab(month(1, "22", CODE_METROLOGIE="C"))
    assert told_to(world, before) == [("CONSEIL", "NOTIFIE", 2), ("DGT", "NOTIFIE", 2), ("DOCTEUR", "NOTIFIE", 2)]
    assert world.notice("DGT")["valeur_msv"] == "22.000"
    assert world.states() == ["DETECTE", "NOTIFIE"]


def test_a_moved_window_is_told_to_everybody(world: World) -> None:
    world.lab(month(1, "21", "02"))
    before = len(world.told())
    world.lab(month(2, "1"))
    assert {state for _, state, _ in told_to(world, before)} == {"NOTIFIE"}
    assert len(told_to(world, before)) == 4
    assert world.notice("EMPL")["periode_fin"] == "2026-03-31"


def test_a_lapsed_exceedance_is_told_to_all_who_were_told(world: World) -> None:
    world.lab(month(1, "21"))
    world.lab(month(1, "19", CODE_METROLOGIE="C"))
    both = ["depassement-1-CADUC", "depassement-1-NOTIFIE"]
    assert world.holders() == dict.fromkeys(("CONSEIL", "DGT", "DOCTEUR", "EMPL"), both)
    for code in world.holders():
        told = world.notice(code, "CADUC")
        assert told["remplace"] == {"fichier": "depassement-1-NOTIFIE.json", "revision": 1}
        assert ("valeur_msv" in told) == (code == "DOCTEUR")
    assert world.notice("DOCTEUR", "CADUC")["valeur_msv"] == "19.000"
    before = len(world.told())
    world.lab(month(2, "0.3", "02"))
    assert len(world.told()) == before
    # It comes back: told again, under the number it had.
    world.lab(month(3, "3", "01"))
    assert world.states() == ["DETECTE", "NOTIFIE", "CADUC", "DETECTE", "NOTIFIE"]
    assert world.notice("DGT")["revision"] == 2
    assert world.notice("DGT")["remplace"] == {"fichier": "depassement-1-CADUC.json", "revision": 1}


def test_who_is_designated_no_longer_hears_that_it_is_void_and_nothing_else(world: World) -> None:
    world.lab(month(1, "21"))
    for role, who in (("MDT", RPPS), ("CRP", CRP)):
        world.designate(SIRET, role, who, "01/01/2020", "31/03/2026")
    world.lab(month(1, "22", CODE_METROLOGIE="C"))
    assert world.names("DOCTEUR") == world.names("CONSEIL") == []  # what was told left with the designation
    world.lab(month(1, "19", CODE_METROLOGIE="C"))
    for code in ("DOCTEUR", "CONSEIL"):
        told = world.notice(code, "CADUC")
        assert set(told) == {
            "version", "id", "limite", "periode_debut", "periode_fin", "etat", "retire", "destinataire", "role",
            "revision", "remplace", "etabli_le",
        }  # fmt: skip
        assert "MARTIN" not in world.registry.read(code, "depassement-1-CADUC.html").decode()
    assert "retire" not in world.notice("EMPL", "CADUC")


def test_who_was_never_told_hears_of_nothing_void(registry: Any) -> None:
    world = World(registry, absent=("DGT",))
    world.lab(month(1, "21"))
    world.lab(month(1, "19", CODE_METROLOGIE="C"))
    before = len(world.told())
    world.open("DGT")
    world.run()
    assert len(world.told()) == before


def test_a_result_moved_to_another_employer_takes_the_notice_back(world: World) -> None:
    world.lab(month(1, "21", SIRET=OTHER))
    assert "EMPL" not in world.holders()
    world.lab(month(1, "21", CODE_METROLOGIE="C"))
    for code in ("EMPL2", "DOCTEUR2", "CONSEIL2"):
        told = world.notice(code)
        assert (told["retire"], told["revision"]) == (True, 2)
        assert "nir" not in told
        assert "ne vous concerne plus" in world.registry.read(code, f"{STEM[0]}.html").decode()
    assert "retire" not in world.notice("EMPL")
    before = len(world.told())
    world.lab(month(1, "22", CODE_METROLOGIE="C"))
    assert {code for code, *_ in told_to(world, before)} == {"CONSEIL", "DGT", "DOCTEUR"}
    before = len(world.told())
    world.lab(month(1, "2", CODE_METROLOGIE="C"))
    assert {code for code, *_ in told_to(world, before)} == {"CONSEIL", "DGT", "DOCTEUR", "EMPL"}


def test_a_closed_account_is_told_nothing(world: World) -> None:
    world.close("CONSEIL")
    world.lab(month(1, "21"))
    assert "CONSEIL" not in world.holders()
    world.close("DOCTEUR")
    world.lab(month(1, "19", CODE_METROLOGIE="C"))
    assert world.names("DOCTEUR") == STEM


def test_a_window_cut_by_a_new_limit_says_so(world: World) -> None:
    lens = {"TYPE_MESURE": "PAS-HP3", "LOCALISATION": "TETE", "DATE_DEBUT_PORT": "01/09/2023"}
    before = {"DATE_DEBUT_PORT": "01/05/2023", "DATE_FIN_PORT": "31/05/2023"}
    world.lab(month(1, "30", **(lens | before)), month(2, "20.5", **lens, DATE_FIN_PORT="30/09/2023"))
    for code in world.holders():
        told = world.notice(code)
        assert (told["limite"], told["coupure"], told["periode_debut"]) == ("CRISTALLIN", "2023-07-01", "2023-07-01")
        assert "jugés seuls" in world.registry.read(code, f"{STEM[0]}.html").decode()
    assert world.notice("DGT")["valeur_msv"] == "20.500"


def test_a_whole_window_after_the_cut_day_is_not_cut(world: World) -> None:
    lens = {"TYPE_MESURE": "PAS-HP3", "LOCALISATION": "TETE", "DATE_DEBUT_PORT": "01/06/2024"}
    world.lab(month(1, "20.5", **lens, DATE_FIN_PORT="30/06/2024"))
    assert (world.notice("DGT")["periode_debut"], world.notice("DGT")["coupure"]) == ("2023-07-01", None)


def found_but_not_told(world: World, *rows: str) -> None:
    """What a pass does up to the detection."""
    bench = world.registry
    world.send("LABO1", PASSIVE, *rows)
    collect(bench.client, bench.connection, bench.settings, Troubles())
    for submission, *_ in pending(bench.connection):
        integrate_safely(bench.client, bench.connection, bench.settings, world.key, submission)
    detect(bench.connection, bench.today)


def test_history_taken_over_is_never_told(world: World) -> None:
    found_but_not_told(world, month(1, "21"))
    with world.registry.registry.warehouse.admin() as admin:
        admin.execute("update exposure.state set state = 'REPRISE'")
    assert world.run().notices == 0
    assert world.states() == ["REPRISE"]
    assert world.holders() == {}
    assert world.unassigned() == []


def test_an_identity_that_is_certified_is_told_to_those_who_know_the_person(world: World) -> None:
    world.send("EMPL", TRAVAILLEURS, row(TRAVAILLEURS, NIR=NIA, CLE=key_of(NIA), PRENOM="JEAN"))
    world.lab(month(1, "21", NIR=NIA))
    assert world.notice("EMPL")["nir"] == NIA
    before = len(world.told())
    world.send("ASNR", IDENTITES, row(IDENTITES))
    world.run()
    assert {code for code, *_ in told_to(world, before)} == {"CONSEIL", "DOCTEUR", "EMPL"}
    assert world.notice("EMPL")["nir"] == NIR


def conclude(world: World, kind: str, value: str = "", number: int = 1) -> Any:
    cells = {"ID_DEPASSEMENT": str(number), "CONCLUSION": kind, "VALEUR_RETENUE": value}
    world.send("DOCTEUR", CONCLUSION, row(CONCLUSION, **cells))
    return world.run()


def test_a_maintained_exceedance_is_told_to_all(world: World) -> None:
    world.lab(month(1, "21"))
    conclude(world, "MAINTENUE")
    assert world.states() == ["DETECTE", "NOTIFIE", "MAINTENU"]
    for code in ("CONSEIL", "DGT", "DOCTEUR", "EMPL"):
        told = world.notice(code, "MAINTENU")
        assert told["remplace"] == {"fichier": "depassement-1-NOTIFIE.json", "revision": 1}
        assert "reponse" not in told
    assert world.notice("DGT", "MAINTENU")["valeur_msv"] == "21.000"


def test_a_modified_exceedance_is_told_with_what_was_retained(world: World) -> None:
    world.lab(month(1, "12", "02"), month(2, "9"))
    conclude(world, "MODIFIEE", "14.5")
    for code in ("CONSEIL", "DGT", "DOCTEUR"):
        assert world.notice(code, "MODIFIE")["valeur_msv"] == "14.500"
    assert "valeur_msv" not in world.notice("EMPL", "MODIFIE")


def test_an_employer_whose_result_comes_to_nothing_is_told_like_the_other(world: World) -> None:
    """Being told less than the other would tell it that its own dose was set to nothing."""
    world.lab(month(1, "12", "02"), month(2, "9", SIRET=OTHER))
    conclude(world, "MODIFIEE", "12")
    for code in ("EMPL", "EMPL2"):
        assert world.notice(code, "MODIFIE").items() >= {("nir", NIR), ("etat", "MODIFIE")}


def test_an_annulled_exceedance_is_told_to_all_who_were_told(world: World) -> None:
    world.lab(month(1, "12", "02"), month(2, "9"))
    conclude(world, "ANNULEE")
    for code in ("CONSEIL", "DGT", "DOCTEUR", "EMPL"):
        assert world.notice(code, "ANNULE")["etat"] == "ANNULE"
        assert ("valeur_msv" in world.notice(code, "ANNULE")) == (code == "DOCTEUR")


def test_what_a_physician_retains_tells_an_adviser_nothing_of_a_committed_dose(world: World) -> None:
    """The external result that was adjusted is the value retained without the committed dose."""
    world.lab(month(1, "7", "02"), month(2, "9"))
    world.doctor("5.777", DATE_INCORPORATION="31/03/2026")
    assert world.notice("CONSEIL")["somme_externe_msv"] == "16.000"
    conclude(world, "MODIFIEE", "14.5")
    told = world.notice("CONSEIL", "MODIFIE")
    assert told["doses_engagees"] is True
    assert not {"valeur_msv", "somme_externe_msv"} & set(told)
    assert [one["valeur_msv"] for one in told["resultats"]] == ["7.000"]
    assert "a ajusté" in world.registry.read("CONSEIL", "depassement-1-MODIFIE.html").decode()
    assert world.notice("DGT", "MODIFIE")["valeur_msv"] == "14.500"
    # Even once the committed dose is taken back.
    world.doctor("5.777", code="A", DATE_INCORPORATION="31/03/2026")
    for name in [one for one in world.registry.files("CONSEIL") if one.startswith("depassement-")]:
        text = world.registry.read("CONSEIL", name).decode().replace(",", ".")
        assert not {one for one in ("8.723", "1.723", "3.223", "5.777", "14.500") if one in text}


def test_only_the_physician_who_can_answer_is_asked(world: World) -> None:
    world.lab(month(1, "12", "02"), month(2, "8.5", SIRET=OTHER))
    assert "reponse" in world.notice("DOCTEUR")
    assert "reponse" not in world.notice("DOCTEUR2")
    assert world.notice("DOCTEUR2")["valeur_msv"] == "20.500"


def test_what_nobody_answers_is_retained_and_told(world: World) -> None:
    world.lab(month(1, "21"))
    due = date.fromisoformat(world.notice("DOCTEUR")["reponse"]["avant_le"])
    assert world.run(today=due).notices == 0
    assert world.run(today=due + timedelta(1)).notices == 4
    assert world.notice("DOCTEUR", "RETENU_PAR_DEFAUT")["reponse"]["avant_le"] is None
    assert "depassement-1-RETENU_PAR_DEFAUT" in world.names("EMPL")  # the first one has had its time


class _Dying:
    """A client whose connection breaks at the n-th file."""

    def __init__(self, client: Any, after: int) -> None:
        self._client, self._left = client, after

    def put(self, *words: Any) -> None:
        if not self._left:
            raise SftpLost("gone")
        self._left -= 1
        self._client.put(*words)


@pytest.mark.parametrize("after", [0, 1, 2, 5, 7])
def test_a_pass_that_dies_leaves_the_rest_owed(world: World, after: int) -> None:
    registry = world.registry
    told = registry.connection, registry.settings, world.key, Troubles()
    found_but_not_told(world, month(1, "21"))
    with pytest.raises(SftpLost):
        notices.tell(_Dying(registry.client, after), *told)  # type: ignore[arg-type]
    assert world.states() == ["DETECTE", "NOTIFIE"]
    assert len(world.told()) == after // 2
    # What was loaded since does not change what was decided: it is told afterwards.
    world.lab(month(1, "22", CODE_METROLOGIE="C"))
    assert world.holders() == dict.fromkeys(("CONSEIL", "DGT", "DOCTEUR", "EMPL"), STEM)
    assert told_to(world) == [
        ("CONSEIL", "NOTIFIE", 1), ("CONSEIL", "NOTIFIE", 2), ("DGT", "NOTIFIE", 1), ("DGT", "NOTIFIE", 2),
        ("DOCTEUR", "NOTIFIE", 1), ("DOCTEUR", "NOTIFIE", 2), ("EMPL", "NOTIFIE", 1),
    ]  # fmt: skip
    assert world.notice("DGT")["valeur_msv"] == "22.000"


def test_a_home_that_cannot_be_written_holds_up_nobody_else(world: World) -> None:
    (world.registry.home("DGT") / "retour").rename(world.registry.home("DGT") / "ailleurs")
    world.send("LABO1", PASSIVE, month(1, "21"))
    done = world.registry.run()
    assert len(done.troubles) == 1
    assert {code for _, _, code, _, _ in world.told()} == {"CONSEIL", "DOCTEUR", "EMPL"}
    (world.registry.home("DGT") / "ailleurs").rename(world.registry.home("DGT") / "retour")
    assert world.run().notices == 1
    assert world.names("DGT") == STEM


def test_what_a_notice_says_is_sealed_in_the_warehouse(world: World) -> None:
    world.lab(month(1, "21"))
    for sealed, whole in world.connection.execute("select sealed, n::text from exposure.notice n").fetchall():
        assert NIR.encode() not in bytes(sealed)
        assert NIR not in whole
        assert "MARTIN" not in whole
        assert json.loads(world.key.open(bytes(sealed)))["id"] == 1
