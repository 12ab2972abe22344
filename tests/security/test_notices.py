"""Every notice that stories of a registry produce is read, and held against the access table stated here anew.

Every external dose sent here is a whole number of 10 µSv, every value that a physician retains is 5 µSv more than one,
every committed dose 1 µSv more, and nobody has five of them. So whatever is added to and subtracted from figures that
end in 0 or 5, no committed dose comes out, nor any sum of some.
"""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import pytest
from notice_world import CRP, CRP2, OTHER, READERS, World
from senders import (
    CONCLUSION,
    DESIGNATIONS,
    ENGAGEE,
    NAVIGANT,
    PASSIVE,
    RPPS,
    RPPS2,
    SIRET,
    SIRET2,
    TRAVAILLEURS,
    dose,
    row,
)

from pipelines import exceedance_listings
from schemas.identifiers import key_of

#: Keys of a notice by reader, in full and in a void state: the table of the contract, in the words of the files.
COMMON = {
    *("version", "id", "etat", "limite", "periode_debut", "periode_fin", "coupure", "destinataire", "role", "siret"),
    *("etablissements", "revision", "remplace", "etabli_le"),
}
WHO = {"nir", "nom", "prenom", "date_naissance"}
LIMIT = {"libelle", "localisation", "seuil_msv"}
MAY = {
    "MDT": COMMON | WHO | LIMIT | {"valeur_msv", "doses_engagees", "resultats", "reponse"},
    "CRP": COMMON | WHO | LIMIT | {"valeur_msv", "somme_externe_msv", "doses_engagees", "resultats", "sans_mdt"},
    "EMPLOYEUR": COMMON | WHO | {"sans_mdt"},
    "DGT": COMMON | LIMIT | {"valeur_msv", "duree_exposition_jours", "sans_mdt"},
}
MAY["DSND"] = MAY["DGT"]
WITHDRAWN = COMMON - {"coupure", "siret", "etablissements"} | {"retire"}
ROLE = {
    "EMPL": "EMPLOYEUR", "EMPL2": "EMPLOYEUR", "DOCTEUR": "MDT", "DOCTEUR2": "MDT", "CONSEIL": "CRP",
    "CONSEIL2": "CRP", "DGT": "DGT", "DSND": "DSND",
}  # fmt: skip
PLACES = {"EMPL": {SIRET, SIRET2}, "DOCTEUR": {SIRET, SIRET2}, "CONSEIL": {SIRET, SIRET2}}
PLACES |= {"EMPL2": {OTHER}, "DOCTEUR2": {OTHER}, "CONSEIL2": {OTHER}}
STATES = ("MAINTENU", "MODIFIE", "ANNULE", "RETENU_PAR_DEFAUT")
DAYS = {"01": date(2026, 1, 31), "02": date(2026, 2, 28), "03": date(2026, 3, 31)}
EFFECTIVE = ("PAS-HP10-PHO", "CAL-E-COS", "INT-E50")
DECIMAL = re.compile(r"\d+[.,]\d+")


@dataclass(frozen=True)
class Person:
    nir: str
    last: str
    first: str
    birth: date
    character: dict[str, str]  # by SIRET

    @property
    def named(self) -> tuple[str, ...]:
        """All by which the person could be known."""
        return self.nir, self.last, self.first, self.birth.isoformat(), f"{self.birth:%d/%m/%Y}"


@dataclass(frozen=True)
class Sent:
    person: Person
    kind: str
    siret: str
    day: date
    usv: int
    name: str
    month: str

    @property
    def cells(self) -> dict[str, str]:
        return {"NIR": self.person.nir, "SIRET": self.siret, "VALEUR": f"{self.usv / 1000:.3f}"}


@dataclass(frozen=True)
class File:
    """One version of one file in one home."""

    code: str
    name: str
    text: str

    @property
    def role(self) -> str:
        return ROLE[self.code]

    @property
    def facts(self) -> dict[str, Any]:
        return dict(json.loads(self.text))


class Story:
    """Some workers, and steps drawn by chance; what was sent is kept apart from the registry."""

    def __init__(self, registry: Any, seed: int) -> None:
        self.chance = random.Random(seed)
        self.world = World(registry)
        registry.partner("NAVIG", "CALCUL")
        self.today = date(2026, 4, 10)
        self.people = [self._person(number) for number in range(6)]
        self.world.send("ASNR", TRAVAILLEURS, *(line for one in self.people for line in self._attached(one)))
        self.world.run()
        self.held: dict[str, Sent] = {}
        self.ever: list[Sent] = []
        self.ended: set[tuple[str, str]] = set()
        self.closed: set[str] = set()
        self.adjusted: set[str] = set()
        self.files: list[File] = []

    def _person(self, number: int) -> Person:
        birth = date(1970 + number, 1 + number, 11 + number)
        nir = f"1{birth:%y%m}75{400 + number:03d}{17 + number:03d}"
        places = self.chance.sample((SIRET, SIRET2, OTHER), 2)
        character = {one: self.chance.choice(("Civil", "Civil", "Civil", "Militaire")) for one in places}
        return Person(nir, f"ZORGLUB{'ABCDEF'[number] * 3}", f"PACOME{'ABCDEF'[number] * 3}", birth, character)

    def _attached(self, one: Person) -> list[str]:
        cells = {
            "NIR": one.nir, "CLE": key_of(one.nir), "NOM": one.last, "PRENOM": one.first,
            "DATENAISSANCE": f"{one.birth:%d/%m/%Y}",
        }  # fmt: skip
        return [row(TRAVAILLEURS, SIRET=at, caractereActivite=what, **cells) for at, what in one.character.items()]

    def step(self) -> None:
        """Some things happen, then a pass; every notice that lies anywhere is read."""
        for _ in range(self.chance.randint(1, 3)):
            self.chance.choices(
                (self._measure, self._amend, self._conclude, self._designation, self._account), (12, 5, 3, 2, 0.4)
            )[0]()
        self.today += timedelta(1)
        self.world.run(today=self.today)
        seen = {(one.code, one.name): one.text for one in self.files}  # the last version of each
        for code in READERS:
            for name in self.world.registry.files(code):
                if name.startswith("depassement-"):
                    text = self.world.registry.read(code, name).decode()
                    if seen.get((code, name)) != text:
                        self.files.append(File(code, name, text))

    def _measure(self) -> None:
        person = self.chance.choice(self.people)
        kind = self.chance.choice(("PAS-HP10-PHO", "PAS-HP10-PHO", "PAS-HP10-PHO", "PAS-HP3", "CAL-E-COS", "INT-E50"))
        at = self.chance.choice(list(DAYS))
        size = self.chance.choice((3, 70, 700, 1200, 2050)) + self.chance.randint(0, 40)
        siret = self.chance.choice(list(person.character))
        one = Sent(person, kind, siret, DAYS[at], 10 * size + (kind == "INT-E50"), f"N{len(self.ever)}", at)
        if kind == "CAL-E-COS" and one.usv < 100:
            return  # counts nothing
        engaged = sum(other.kind == "INT-E50" and other.person == person for other in self.ever)
        if kind != "INT-E50" or engaged < 4:
            self._send(one, "")

    def _amend(self) -> None:
        if not self.held:
            return
        one = self.held[self.chance.choice(list(self.held))]
        if self.chance.random() < 0.4:
            self._send(one, "A")
            del self.held[one.name]
        else:
            self._send(replace(one, usv=max(one.usv // 2 // 10 * 10, 100) + (one.kind == "INT-E50")), "C")

    def _send(self, one: Sent, code: str) -> None:
        if code and self.held.get(one.name) == one and code == "C":
            return
        period = {"DATE_DEBUT_PORT": f"01/{one.month}/2026", "DATE_FIN_PORT": f"{one.day:%d/%m/%Y}"}
        cells = one.cells | {"CODE_METROLOGIE": code}
        if one.kind == "INT-E50":
            rpps = RPPS2 if one.siret == OTHER else RPPS
            day = f"{one.day:%d/%m/%Y}"
            self.world.send(
                "ASNR", ENGAGEE, row(ENGAGEE, RPPS=rpps, DATE_INCORPORATION=day, ID_EVALUATION=one.name, **cells)
            )
        elif one.kind == "CAL-E-COS":
            self.world.send("NAVIG", NAVIGANT, row(NAVIGANT, MOIS=f"{one.month}/2026", ID_CALCUL=one.name, **cells))
        else:
            place = "POITRINE" if one.kind == "PAS-HP10-PHO" else "TETE"
            names = {"NOM": one.person.last, "PRENOM": one.person.first, "TYPE_MESURE": one.kind, "LOCALISATION": place}
            line = dose(f"MESURE{one.name}", cells.pop("VALEUR"), **(names | period | cells))
            self.world.send("LABO1", PASSIVE, line)
        self.held[one.name] = one
        self.ever.append(one)

    def _conclude(self) -> None:
        """A physician concludes."""
        found = [one for one in self.listed() if one["etat"] == "NOTIFIE"]
        if not found:
            return
        one = self.chance.choice(found)
        said = self.chance.choice(("MAINTENUE", "MODIFIEE", "MODIFIEE", "ANNULEE"))
        value = f"{self.chance.randint(100, 2500) / 100:.2f}5" if said == "MODIFIEE" else ""
        cells = {"ID_DEPASSEMENT": str(one["id"]), "NIR": one["nir"], "CONCLUSION": said, "VALEUR_RETENUE": value}
        rpps = RPPS2 if one["siret"] == OTHER else RPPS
        self.world.send("ASNR", CONCLUSION, row(CONCLUSION, RPPS=rpps, **cells))
        if said != "MAINTENUE":
            self.adjusted.add(one["nir"])

    def _designation(self) -> None:
        """A designation ends yesterday, or is made again."""
        siret, role = self.chance.choice((SIRET, SIRET2, OTHER)), self.chance.choice(("MDT", "CRP"))
        who = {"MDT": RPPS2 if siret == OTHER else RPPS, "CRP": CRP2 if siret == OTHER else CRP}[role]
        end = "" if (siret, role) in self.ended else f"{self.today:%d/%m/%Y}"
        self.world.send("ASNR", DESIGNATIONS, row(DESIGNATIONS, SIRET=siret, ROLE=role, IDENTIFIANT=who, DATEFIN=end))
        self.ended ^= {(siret, role)}

    def _account(self) -> None:
        code = self.chance.choice(READERS)
        self.world.close(code)
        self.closed.add(code)

    def listed(self) -> list[dict[str, Any]]:
        wanted = exceedance_listings.Wanted.now(self.world.registry.settings)
        return exceedance_listings.exceedances(self.world.connection, self.world.key, wanted)

    def window(self, one: dict[str, Any]) -> list[Sent]:
        """What was sent and holds, within the window of an exceedance."""
        kinds = EFFECTIVE if one["limite"] == "EFFICACE" else ("PAS-HP3",)
        return [
            sent
            for sent in self.held.values()
            if sent.person.nir == one["nir"]
            and sent.kind in kinds
            and one["periode_debut"] <= sent.day.isoformat() <= one["periode_fin"]
        ]


@pytest.mark.parametrize("seed", range(6))
def test_no_notice_holds_what_its_reader_may_not_see(registry: Any, seed: int) -> None:
    story = Story(registry, seed)
    for _ in range(22):
        story.step()
    assert len(story.files) > 40
    for one in story.files:
        assert_allowed(one, story)
    assert_no_subtraction(story)
    assert_all_are_told(story)
    story.world.registry.verify()
    before = len(story.world.told())
    for _ in range(3):
        assert story.world.run().notices == 0
    assert len(story.world.told()) == before


def assert_allowed(one: File, story: Story) -> None:
    """One file against the access table."""
    mine = PLACES.get(one.code, {SIRET, SIRET2, OTHER})
    people = [person for person in story.people if any(text in one.text for text in person.named)]
    if one.role in ("DGT", "DSND"):
        assert people == [], one.name
    else:
        assert len(people) <= 1, one.name
        assert all(set(person.character) & mine for person in people), one.name
    if one.role != "MDT":
        assert not {siret for siret in (SIRET, SIRET2, OTHER) if siret in one.text} - mine, one.name
    assert "MESUREN" not in one.text  # no identifier of a measure
    assert "travailleur" not in re.findall(r'"(\w+)":', one.text)
    if one.role == "EMPLOYEUR":
        assert not DECIMAL.search(without_style(one.text)), one.name
        assert "mSv" not in one.text
    if one.role == "CRP":
        for text in DECIMAL.findall(without_style(one.text)):
            assert text.endswith(("0", "5")), (one.name, text)
    if one.name.endswith(".json"):
        assert_keys(one)


def assert_keys(one: File) -> None:
    facts = one.facts
    assert facts["etat"] in ("NOTIFIE", "CADUC", *STATES)
    if facts.get("retire"):
        assert set(facts) <= WITHDRAWN
        return
    assert set(facts) <= MAY[one.role]
    establishment = {"siret", "denomination"}
    if one.role in ("DGT", "DSND"):
        establishment |= {"commune", "activite"}
    assert all(set(place) <= establishment for place in facts["etablissements"])
    if facts["etat"] in ("CADUC", "ANNULE") and one.role != "MDT":
        assert not {"valeur_msv", "somme_externe_msv", "resultats", "doses_engagees"} & set(facts)
    elif one.role == "CRP":
        assert not {"valeur_msv", "somme_externe_msv"} <= set(facts)
        assert not (facts["doses_engagees"] and "valeur_msv" in facts)
        assert all(result["grandeur"] != "INT-E50" for result in facts["resultats"])


def without_style(text: str) -> str:
    """What a page says, without how it looks."""
    return re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL)


def assert_no_subtraction(story: Story) -> None:
    """No difference between two figures that an adviser ever read, or between one and a result that it knows, is a
    committed dose or a sum of some; nor does any figure of its notices depend on one."""
    engaged = {one.usv for one in story.ever if one.kind == "INT-E50"}
    for code in ("CONSEIL", "CONSEIL2"):
        figures = {
            round(1000 * float(text.replace(",", ".")))
            for one in story.files
            if one.code == code
            for text in DECIMAL.findall(without_style(one.text))
        }
        figures |= {one.usv for one in story.ever if one.kind != "INT-E50" and one.siret in PLACES[code]}
        assert all(figure % 5 == 0 for figure in figures)
        assert not engaged & {abs(one - other) for one in figures for other in figures}


def assert_all_are_told(story: Story) -> None:
    """Of every exceedance that holds, the last notice to each says what was sent; who should hold one does."""
    expected: set[tuple[str, int]] = set()
    for one in story.listed():
        if one["etat"] in ("CADUC", "ANNULE") or one["nir"] in story.adjusted:
            continue
        sent = story.window(one)
        sirets = {result.siret for result in sent if result.usv}
        person = next(person for person in story.people if person.nir == one["nir"])
        military = any(person.character[siret] == "Militaire" for siret in sirets)
        for code in READERS:
            role = ROLE[code]
            concerned = sirets & PLACES.get(code, sirets)
            if role in ("MDT", "CRP"):
                concerned = {siret for siret in concerned if (siret, role) not in story.ended}
            if role in ("DGT", "DSND") and military != (role == "DSND"):
                concerned = set()
            if not concerned or code in story.closed:
                continue
            expected.add((code, one["id"]))
            facts = story.world.notice(code, one["etat"], one["id"])
            assert "retire" not in facts
            assert {place["siret"] for place in facts["etablissements"]} == concerned
            if role in ("MDT", "DGT", "DSND"):
                assert facts["valeur_msv"] == f"{sum(result.usv for result in sent) / 1000:.3f}"
            if role == "MDT":
                assert len(facts["resultats"]) == len(sent)
            if role == "CRP":
                external = [result for result in sent if result.kind != "INT-E50"]
                name = "valeur_msv" if len(external) == len(sent) else "somme_externe_msv"
                assert facts[name] == f"{sum(result.usv for result in external) / 1000:.3f}"
    last = story.world.connection.execute(
        "select distinct on (p.code, n.exceedance_id) p.code, n.exceedance_id, n.withdrawn"
        " from exposure.notice n join ledger.partner p using (partner_id)"
        " join exposure.state s on s.exceedance_id = n.exceedance_id and s.until_load is null"
        " where s.state not in ('CADUC', 'ANNULE') and p.disabled_at is null"
        " order by p.code, n.exceedance_id, n.notice_id desc"
    ).fetchall()
    adjusted = {one["id"] for one in story.listed() if one["nir"] in story.adjusted}
    reading = {(code, number) for code, number, withdrawn in last if not withdrawn and number not in adjusted}
    ended = {code for code in READERS if ROLE[code] in ("MDT", "CRP")}  # they keep what they were told
    assert {one for one in reading - expected if one[0] not in ended} == set()
    assert expected <= reading


def _told(registry: Any, engaged: str, **person: str) -> dict[str, dict[str, str]]:
    """All notices of one short story: an exceedance, a committed dose, a correction of it, the end."""
    world = World(registry)
    nir = person.pop("NIR", "1850675110042")
    names = {"NIR": nir, "NOM": person.get("NOM", "MARTIN"), "PRENOM": person.get("PRENOM", "JEAN")}
    if person:
        lines = [row(TRAVAILLEURS, CLE=key_of(nir), SIRET=at, **(person | {"NIR": nir})) for at in (SIRET, SIRET2)]
        world.send("ASNR", TRAVAILLEURS, *lines)
    kept: dict[str, dict[str, str]] = {code: {} for code in READERS}

    def keep(step: int) -> None:
        for code in READERS:
            for name in world.registry.files(code):
                if name.startswith("depassement-"):
                    kept[code][f"{step} {name}"] = world.registry.read(code, name).decode()

    period = {"DATE_DEBUT_PORT": "01/03/2026", "DATE_FIN_PORT": "31/03/2026"}
    world.lab(dose("M1", "10.5", **(names | period)), dose("M2", "10.6", SIRET=SIRET2, **(names | period)))
    keep(1)
    world.doctor(engaged, NIR=nir)
    keep(2)
    world.doctor("0.001", code="C", NIR=nir)
    keep(3)
    world.lab(dose("M1", "1", CODE_METROLOGIE="C", **(names | period)))  # the committed dose is no reason any more
    keep(4)
    return kept


def test_what_advisers_and_employers_read_does_not_depend_on_committed_doses(registries: Any) -> None:
    with registries() as one:
        first = _told(one, "0.777")
    with registries() as other:
        second = _told(other, "12.401")  # the largest result of all now
    for code in ("EMPL", "CONSEIL"):
        assert len(first[code]) > 6
        assert first[code] == second[code]
    assert first["DOCTEUR"] != second["DOCTEUR"]


def test_what_authorities_read_does_not_depend_on_who_it_is(registries: Any) -> None:
    with registries() as one:
        first = _told(one, "0.777")
    with registries() as other:
        second = _told(
            other, "0.777", NIR="2840513198764", NOM="ZORGLUB", PRENOM="ANNE", DATENAISSANCE="03/05/1984", SEXE="F"
        )
    assert len(first["DGT"]) > 6
    assert first["DGT"] == second["DGT"]
    assert first["EMPL"] != second["EMPL"]
