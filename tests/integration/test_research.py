"""Extracts for research on a real registry: what is in them, what is not, who may have them, who can be recognised."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections import defaultdict
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from senders import (
    DESIGNATIONS,
    ENGAGEE,
    IDENTITES,
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
    TRAVAILLEURS,
    country,
    dose,
    file,
    row,
)

from loaders.errors import UsageError
from loaders.secrets import RegistryKey
from loaders.settings import PARIS
from pipelines.research import agreement as agreements
from pipelines.research.agreement import ask, read
from pipelines.research.export import export, journal
from pipelines.research.study import studying
from pipelines.research.variables import WITHHELD
from pipelines.simulation.run import simulate
from schemas.identifiers import key_of

TODAY = date(2026, 4, 10)
VARIABLES = (
    *("annee_naissance", "sexe", "etablissement", "type_mesure", "localisation", "etat", "debut", "fin", "dose_usv"),
    *("caractere", "domaine", "secteur", "metier", "classement", "nuisance", "contrat"),
)
INTERNAL = ("radionucleide", "activite_nbq", "unite")


def told(**changed: Any) -> dict[str, Any]:
    """A good agreement, with these keys changed; ``None`` leaves a key out."""
    whole = {
        "numero": "2026-014",
        "titulaire": "Unité d'épidémiologie",
        "finalite": "Cohorte des travailleurs exposés",
        "expire_le": "2027-12-31",
        "periode": {"debut": "2026-01-01", "fin": "2026-12-31"},
        "mesures": ["PASSIVE", "OPERATIONNELLE", "NAVIGANT"],
        "variables": list(VARIABLES),
        "dates": "mois",
        "risque": {"quasi_identifiants": ["sexe", "annee_naissance", "secteur", "metier"], "seuil_k": 2},
    }
    return {key: value for key, value in (whole | changed).items() if value is not None}


class Office:
    """Exports from one registry, each into a folder of its own."""

    def __init__(self, registry: Any, folder: Path) -> None:
        self.registry, self.folder = registry, folder
        self._numbers = itertools.count(1)

    def agreement(self, **changed: Any) -> agreements.Agreement:
        path = self.folder / f"convention{next(self._numbers)}.json"
        path.write_text(json.dumps(told(**changed)))
        return read(path)

    def export(self, *, hour: datetime | None = None, asked: Any = ((), None, None), **changed: Any) -> Path:
        known = self.agreement(**changed)
        out = self.folder / f"extrait{next(self._numbers)}"
        place = self.registry.registry
        with studying(place.warehouse, known, TODAY) as reader:
            export(reader, place.key, known, ask(known, TODAY, *asked), hour, out, "analyste")
        return out


def rows(out: Path, name: str = "doses") -> list[dict[str, Any]]:
    return pq.read_table(out / f"{name}.parquet").to_pylist()


def manifest(out: Path) -> dict[str, Any]:
    return json.loads((out / "manifest.json").read_text())


def contents(out: Path) -> str:
    """All that one can read in a folder: its files as they are, and every value of its tables."""
    parts = [path.read_bytes().decode("latin-1") for path in sorted(out.iterdir())]
    parts += [
        str(value)
        for path in out.glob("*.parquet")
        for one in pq.read_table(path).to_pylist()
        for value in one.values()
    ]
    return "\n".join(parts).upper()


LONE = {"risque": {"quasi_identifiants": ["sexe"], "seuil_k": 1}}


@pytest.fixture
def office(registry: Any, tmp_path: Path) -> Office:
    """Three persons at two establishments, among them one known by a waiting number too."""
    country(registry)
    registry.partner("DOCTEUR", "MDT", identifiant=RPPS)
    registry.partner("NAVIG", "CALCUL")
    registry.drop(
        "EMPL",
        "designations.csv",
        file(DESIGNATIONS, *(row(DESIGNATIONS, ROLE="MDT", IDENTIFIANT=RPPS, SIRET=one) for one in (SIRET, SIRET2))),
    )
    other = {"NIR": NIR2, "CLE": key_of(NIR2), "NOM": "CASANOVA", "PRENOM": "LÉA", "DATENAISSANCE": "03/05/1984"}
    registry.drop(
        "EMPL",
        "liste2.csv",
        file(
            TRAVAILLEURS,
            row(TRAVAILLEURS, SIRET=SIRET2, CLASSEMENT="A"),
            row(TRAVAILLEURS, NIR=NIA, CLE=key_of(NIA), PRENOM="JEAN"),
            row(TRAVAILLEURS, **other, SEXE="F", SIRET=SIRET2),
        ),
    )
    registry.run()
    return Office(registry, tmp_path)


def send(office: Office, partner: str, header: str, *lines: str) -> None:
    office.registry.drop(partner, "suite.csv", file(header, *lines))
    done = office.registry.run()
    assert not done.incidents


def test_results_with_what_held_at_their_time(office: Office) -> None:
    send(
        office,
        "LABO1",
        PASSIVE,
        dose("M1", "1.5"),
        dose("M2", "", ETAT_RESULTAT="PER", SEUIL="", TYPE_MESURE="PAS-HP3", LOCALISATION="TETE"),
        dose("M3", "", ETAT_RESULTAT="INF", SIRET=SIRET2, DATE_DEBUT_PORT="01/02/2026", DATE_FIN_PORT="28/02/2026"),
        dose("M4", "9", DATE_DEBUT_PORT="01/12/2025", DATE_FIN_PORT="31/12/2025"),
    )
    send(office, "SITE", OPERATIONNELLE, row(OPERATIONNELLE))
    send(office, "NAVIG", NAVIGANT, row(NAVIGANT))
    out = office.export(**LONE)
    (person,) = rows(out, "travailleurs")
    assert person.items() >= {("annee_naissance", 1985), ("naissance_pas", 1), ("sexe", "M")}
    found = {(one["mesure"], one["type_mesure"], one["etat"]): one for one in rows(out)}
    assert {one["pseudonyme"] for one in found.values()} == {person["pseudonyme"]}
    assert len(found) == 5, "the period of the agreement only"
    measured = found["PASSIVE", "PAS-HP10-PHO", "MES"]
    assert measured.items() >= {
        ("dose_usv", 1500),
        ("debut", date(2026, 3, 1)),
        ("fin", date(2026, 3, 1)),
        ("classement", "B"),
        ("domaine", "100000"),
        ("secteur", "101010"),
        ("metier", "MANIP"),
        ("caractere", "Civil"),
        ("contrat", "CDI"),
        ("nuisance", "EXT"),
        ("localisation", "POITRINE"),
    }
    assert found["PASSIVE", "PAS-HP3", "PER"]["dose_usv"] is None
    below = found["PASSIVE", "PAS-HP10-PHO", "INF"]
    assert (below["dose_usv"], below["classement"]) == (0, "A")
    assert below["etablissement"] != measured["etablissement"]
    assert found["OPERATIONNELLE", "OPE-HP10-PHO", ""]["dose_usv"] == 12
    assert found["NAVIGANT", "", ""]["dose_usv"] == 210
    facts = manifest(out)
    assert (facts["travailleurs"], facts["resultats"], facts["lignes_lues"]) == (1, 5, 5)
    for name, one in facts["fichiers"].items():
        body = (out / name).read_bytes()
        assert (hashlib.sha256(body).hexdigest(), len(body)) == (one["sha256"], one["octets"])
    assert {path.name for path in out.iterdir()} == {*facts["fichiers"], "manifest.json"}


def test_the_codebook_tells_of_every_column(office: Office) -> None:
    send(office, "LABO1", PASSIVE, dose("M1"))
    out = office.export()
    listed = [line.split(";")[:2] for line in (out / "codebook.csv").read_text().splitlines()[1:]]
    assert listed == [
        [f"{name}.parquet", column]
        for name in ("travailleurs", "doses")
        for column in pq.read_schema(out / f"{name}.parquet").names
    ]
    page = (out / "codebook.md").read_text()
    assert all(f"`{column}`" in page for _, column in listed)


@pytest.mark.parametrize(("grain", "first"), [("trimestre", date(2026, 1, 1)), ("annee", date(2026, 1, 1))])
def test_dates_are_as_coarse_as_agreed(office: Office, grain: str, first: date) -> None:
    send(office, "LABO1", PASSIVE, dose("M1"))
    (one,) = rows(office.export(dates=grain, **LONE))
    assert (one["debut"], one["fin"]) == (first, first)


def test_internal_dosimetry_by_its_express_word_only(office: Office) -> None:
    send(office, "LABO1", INTERNE, row(INTERNE), row(INTERNE, ID_ANALYSE="A2", ETAT_RESULTAT="INF", ACTIVITE=""))
    send(office, "DOCTEUR", ENGAGEE, row(ENGAGEE))
    assert rows(office.export(**LONE)) == []
    every = {"mesures": ["ENGAGEE", "INTERNE"], "variables": [*VARIABLES, *INTERNAL]}
    with pytest.raises(UsageError, match="dosimetrie_interne = true"):
        office.agreement(**every)
    with pytest.raises(UsageError, match="radionucleide"):
        office.agreement(variables=["radionucleide"])
    found = rows(office.export(**every, **LONE, dosimetrie_interne=True))
    assert {(one["mesure"], one["etat"], one["dose_usv"], one["activite_nbq"], one["unite"]) for one in found} == {
        ("ENGAGEE", "", 300, None, ""),
        ("INTERNE", "MES", None, 1_200_000_000, "Bq/L"),
        ("INTERNE", "INF", None, 0, "Bq/L"),
    }
    assert {one["radionucleide"] for one in found} == {"Cs-137"}


def test_a_physicians_version_counts_and_the_bodys_does_not(office: Office) -> None:
    send(office, "LABO1", PASSIVE, dose("M1", "1.5"))
    before = datetime.now(PARIS)
    mine = {"ID_MESURE": "LABO1/M1", "ETAT_RESULTAT": "EST", "SEUIL": ""}
    send(office, "DOCTEUR", PASSIVE, row(PASSIVE, VALEUR="0.4", CODE_METROLOGIE="C", **mine))
    assert [one["dose_usv"] for one in rows(office.export(**LONE))] == [400]
    assert [one["dose_usv"] for one in rows(office.export(hour=before, **LONE))] == [1500]


def test_a_merged_identity_is_one_person_within_an_agreement(office: Office) -> None:
    send(office, "LABO1", PASSIVE, dose("M1"), dose("M2", "0.3", NIR=NIA))
    before = datetime.now(PARIS)
    apart = {one["dose_usv"]: one["pseudonyme"] for one in rows(office.export(**LONE))}
    assert apart[150] != apart[300]
    send(office, "ASNR", IDENTITES, row(IDENTITES))
    out = office.export(**LONE)
    assert {one["pseudonyme"] for one in rows(out)} == {apart[150]}
    assert {one["metier"] for one in rows(out)} == {"MANIP"}
    assert len(rows(out, "travailleurs")) == 1
    again = {one["dose_usv"]: one["pseudonyme"] for one in rows(office.export(hour=before, **LONE))}
    assert again == apart


def test_pseudonyms_are_an_agreements_own_and_need_the_key(office: Office) -> None:
    send(office, "LABO1", PASSIVE, dose("M1"), dose("M2", "0.3", NIR=NIR2, NOM="CASANOVA", PRENOM="LÉA", SIRET=SIRET2))
    first, same, other = (
        {one["dose_usv"]: (one["pseudonyme"], one["etablissement"]) for one in rows(office.export(**LONE, **changed))}
        for changed in ({}, {"titulaire": "Autre équipe"}, {"numero": "2026-015"})
    )
    assert first == same
    bare = [{*pair} for one in (first, other) for pair in one.values()]
    assert len(set().union(*bare)) == 8, "two persons and two places, under two agreements"
    # Someone who has every number, the agreement and the code, but not the key.
    guesses = set()
    for text in (NIR, NIR2, SIRET, SIRET2, NIR + key_of(NIR), *map(str, range(50))):
        for salt in ("", "2026-014"):
            data = (salt + text).encode()
            guesses |= {hashlib.blake2b(data, digest_size=16).hexdigest(), hashlib.sha256(data).hexdigest()[:32]}
            guesses |= {
                hashlib.md5(data).hexdigest(),
                hashlib.blake2b(data, digest_size=16, key=b"2026-014").hexdigest(),
            }
    for secret in (bytes(32), b"2026-014".ljust(32, b"\0")):
        made = RegistryKey(secret).pseudonyms("2026-014")
        guesses |= {one for kind in ("travailleur", "etablissement") for one in made.of(kind, range(50))}
    assert not guesses & set().union(*bare)
    key = office.registry.registry.key
    assert not {one.hex for one in map(key.fingerprint, (NIR, NIR2))} & set().union(*bare)


def test_the_same_again_is_the_same_to_the_byte_and_later_changes_nothing(office: Office) -> None:
    send(office, "LABO1", PASSIVE, dose("M1"), dose("M2", "0.3", NIR=NIA))
    hour = datetime.now(PARIS)
    first = office.export(hour=hour)
    second = office.export()
    send(office, "LABO1", PASSIVE, dose("M1", "2", CODE_METROLOGIE="C"), dose("M3", "0.7", NIR=NIA))
    send(office, "EMPL", TRAVAILLEURS, row(TRAVAILLEURS, CLASSEMENT="A"))
    third = office.export(hour=hour)
    for path in first.iterdir():
        assert path.read_bytes() == (second / path.name).read_bytes() == (third / path.name).read_bytes(), path.name
    assert sorted(one["dose_usv"] for one in rows(office.export(**LONE))) == [300, 700, 2000]
    with pytest.raises(UsageError, match="à venir"):
        office.export(hour=datetime(2999, 1, 1, tzinfo=PARIS))
    with pytest.raises(UsageError, match="encore rien"):
        office.export(hour=datetime(1999, 1, 1, tzinfo=PARIS))


def test_less_may_be_asked_than_is_granted_and_holds_back_the_same(office: Office) -> None:
    send(office, "LABO1", PASSIVE, dose("M1"), dose("M2", "0.3", NIR=NIR2, NOM="CASANOVA", PRENOM="LÉA", SIRET=SIRET2))
    risk = {"quasi_identifiants": ["metier", "sexe"], "seuil_k": 2}
    whole, part = office.export(risque=risk), office.export(risque=risk, asked=(["sexe", "dose_usv"], None, None))
    assert {one["sexe"] for one in rows(whole, "travailleurs")} == {WITHHELD}
    assert rows(part, "travailleurs") == [
        {name: one[name] for name in ("pseudonyme", "sexe")} for one in rows(whole, "travailleurs")
    ]
    assert set(rows(part)[0]) == {"pseudonyme", "mesure", "dose_usv"}
    february = office.export(risque=risk, asked=((), date(2026, 2, 1), date(2026, 2, 28)))
    assert rows(february) == rows(february, "travailleurs") == []


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ((["nir"], None, None), "variable inconnue : nir"),
        ((["metier"], None, None), "n'accorde pas la variable metier"),
        (((), date(2025, 12, 31), None), "ne couvre que du 01/01/2026 au 31/12/2026"),
        (((), None, date(2027, 1, 1)), "ne couvre que du"),
        (((), date(2026, 3, 1), date(2026, 2, 1)), "finit avant de commencer"),
    ],
)
def test_beyond_the_agreement_is_refused(tmp_path: Path, asked: Any, words: str) -> None:
    path = tmp_path / "c.json"
    few = [name for name in VARIABLES if name != "metier"]
    path.write_text(json.dumps(told(variables=few, risque={"quasi_identifiants": ["sexe"], "seuil_k": 5})))
    with pytest.raises(UsageError, match=words):
        ask(read(path), TODAY, *asked)


def test_an_agreement_ends_with_its_last_day(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text(json.dumps(told(expire_le="2026-04-10")))
    assert ask(read(path), TODAY, [], None, None).variables == set(VARIABLES)
    with pytest.raises(UsageError, match="elle a expiré le 10/04/2026"):
        ask(read(path), date(2026, 4, 11), [], None, None)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"numero": None}, "« numero » manque"),
        ({"numero": 7}, "« numero » manque ou n'est pas un texte"),
        ({"numero": "x" * 65}, "dépasse 64"),
        ({"finalite": " "}, "« finalite »"),
        ({"titulaire": None}, "« titulaire »"),
        ({"expire_le": "31/12/2027"}, "« expire_le »"),
        ({"expire_le": None}, "« expire_le »"),
        ({"periode": None}, "« periode » manque"),
        ({"periode": {"debut": "2026-01-01"}}, "periode.fin"),
        ({"periode": {"debut": "2026-02-01", "fin": "2026-01-01"}}, "finit avant de commencer"),
        ({"mesures": []}, "« mesures »"),
        ({"mesures": ["RAYONS"]}, "mesure inconnue dans « mesures » : RAYONS"),
        ({"variables": ["nom"]}, "variable inconnue dans « variables » : nom"),
        ({"variables": ["sexe", "sexe"]}, "se répète"),
        ({"variables": [["sexe"]]}, "variable inconnue"),
        ({"dates": "jour"}, "« dates » doit être"),
        ({"dosimetrie_interne": "oui"}, "true ou false"),
        ({"population": {"ville": ["Lyon"]}}, "clé inconnue : population.ville"),
        ({"population": {"secteurs": ["999"]}}, "valeur inconnue"),
        ({"population": {"secteurs": "101010"}}, "population.secteurs"),
        ({"risque": None}, "« risque » manque"),
        ({"risque": {"quasi_identifiants": ["sexe"], "seuil_k": 0}}, "seuil_k"),
        ({"risque": {"quasi_identifiants": ["dose_usv"], "seuil_k": 5}}, "inconnue"),
        ({"risque": {"quasi_identifiants": "sexe", "seuil_k": 5}}, "n'est pas une liste"),
        ({"remarque": "x"}, "clé inconnue : remarque"),
    ],
)
def test_a_malformed_agreement_is_refused_in_plain_words(tmp_path: Path, changed: dict[str, Any], words: str) -> None:
    path = tmp_path / "c.json"
    path.write_text(json.dumps(told(**changed)))
    with pytest.raises(UsageError, match=words):
        read(path)


@pytest.mark.parametrize("body", [b"", b"numero = ", b"\xff\xfe", b"[1]", b"{}"])
def test_a_file_that_is_no_agreement(tmp_path: Path, body: bytes) -> None:
    for name in ("c.toml", "c.json"):
        (tmp_path / name).write_bytes(body)
        with pytest.raises(UsageError, match="la convention"):
            read(tmp_path / name)
    with pytest.raises(UsageError, match="ne peut pas être lue"):
        read(tmp_path / "none.toml")


def test_filters_keep_whom_the_agreement_is_about(office: Office) -> None:
    send(
        office,
        "LABO1",
        PASSIVE,
        dose("M1"),
        dose("M2", "0.2", SIRET=SIRET2),
        dose("M3", "0.3", NIR=NIR2, NOM="CASANOVA", PRENOM="LÉA", SIRET=SIRET2),
    )
    for population, wanted in (
        ({"sexe": ["F"]}, [300]),
        ({"classements": ["A"]}, [200]),
        ({"sexe": ["M"], "classements": ["B", ""]}, [150]),
        ({"domaines": ["400000"]}, []),
    ):
        found = rows(office.export(**LONE, population=population))
        assert sorted(one["dose_usv"] for one in found) == wanted


def test_every_export_is_noted_before_it_is_handed_over(office: Office, tmp_path: Path) -> None:
    send(office, "LABO1", PASSIVE, dose("M1"))
    out = office.export(**LONE)
    (tmp_path / "occupe").write_text("")
    known = office.agreement()
    key = office.registry.registry.key
    wanted = ask(known, TODAY, [], None, None)
    with (
        studying(office.registry.registry.warehouse, known, TODAY) as reader,
        pytest.raises(UsageError, match="écriture impossible"),
    ):
        export(reader, key, known, wanted, None, tmp_path / "occupe", "analyste")
    (one,) = journal(office.registry.as_("administrator"))
    assert one.items() >= {("par", "analyste"), ("convention", "2026-014"), ("travailleurs", 1), ("resultats", 1)}
    assert one["sha256_manifeste"] == hashlib.sha256((out / "manifest.json").read_bytes()).hexdigest()
    assert all(path.stat().st_mode & 0o077 == 0 for path in (out, *out.iterdir()))


@pytest.fixture
def simulated(registry: Any, tmp_path: Path) -> Office:
    """A simulated country of 600 workers, every format."""
    sample = tmp_path / "pays"
    simulate(sample, workers=600, year=2025, seed=7, months=2)
    facts = json.loads((sample / "manifest.json").read_text())
    for one in facts["partners"]:
        registry.partner(one["code"], one["role"], one["sirens"], one["identifiant"])
    for day, group in itertools.groupby(facts["files"], key=lambda one: one["registry_date"]):
        for one in group:
            registry.drop(one["partner"], Path(one["path"]).name, (sample / one["path"]).read_bytes())
        registry.run(date.fromisoformat(day))
    return Office(registry, tmp_path)


@pytest.mark.slow
def test_nobody_in_a_country_can_be_recognised(simulated: Office) -> None:
    names = ["sexe", "secteur", "annee_naissance", "metier", "classement"]
    changed: dict[str, Any] = {
        "periode": {"debut": "2024-01-01", "fin": "2026-12-31"},
        "mesures": ["PASSIVE", "OPERATIONNELLE", "NAVIGANT", "ENGAGEE", "INTERNE"],
        "variables": [*VARIABLES, *INTERNAL],
        "dosimetrie_interne": True,
        "risque": {"quasi_identifiants": names, "seuil_k": 5},
    }
    out = simulated.export(**changed)
    connection, key = simulated.registry.connection, simulated.registry.registry.key
    text = contents(out)
    identifiers = [key.open(one).decode() for (one,) in connection.execute("select sealed from identity.identifier")]
    assert len(identifiers) >= 600
    words = {one for pair in connection.execute("select last_name, first_name from identity.civil") for one in pair}
    sirets = [one for (one,) in connection.execute("select siret from reference.establishment")]
    keyed = [key.fingerprint(one).hex for one in identifiers]
    assert not [one for one in (*identifiers, *keyed, *sirets) if one.upper() in text]
    cells = {str(value) for name in ("doses", "travailleurs") for one in rows(out, name) for value in one.values()}
    assert not words & cells

    # Everybody who is left shares all that is told of them with four others at least.
    told_of: defaultdict[str, defaultdict[str, set[Any]]] = defaultdict(lambda: defaultdict(set))
    for one in rows(out, "travailleurs"):
        told_of[one["pseudonyme"]]["birth"].add((one["annee_naissance"], one["naissance_pas"]))
        told_of[one["pseudonyme"]]["sexe"].add(one["sexe"])
    for one in rows(out):
        for name in ("secteur", "metier", "classement"):
            told_of[one["pseudonyme"]][name].add(one[name])
    shared: defaultdict[Any, int] = defaultdict(int)
    for own in told_of.values():
        shared[tuple(frozenset(own[name]) for name in ("birth", "sexe", "secteur", "metier", "classement"))] += 1
    facts = manifest(out)
    risk = facts["k_anonymat"]
    assert min(shared.values()) == risk["apres"]["k_minimal"] >= 5
    assert (len(told_of), len(shared)) == (risk["apres"]["personnes"], risk["apres"]["combinaisons"])
    assert risk["avant"]["k_minimal"] < 5
    assert risk["avant"]["sous_le_seuil"] > 0
    assert risk["personnes_generalisees"]["classement"] > 0
    assert risk["non_declares"] == ["caractere", "contrat", "domaine", "etablissement", "nuisance"]

    # Every result that counts is there, but those of the persons left out.
    (count,) = connection.execute(
        "select count(*) from dose.every_version as v where v.until_load is null and not exists ("
        "select 1 from dose.passive_set_aside as k where k.submission_id = v.submission_id and k.line = v.line"
        " and v.format = 'PASSIVE')"
    ).fetchone()
    assert facts["lignes_lues"] == count
    assert len(rows(out)) == count - risk["lignes_ecartees"]
    dated = {one["fin"].day for one in rows(out)} | {one["debut"].day for one in rows(out)}
    assert dated == {1}
