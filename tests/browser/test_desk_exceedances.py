"""The pages of exceedances in a real browser: the curve is drawn, under the desk's own policy, and fits the screen."""

from __future__ import annotations

from typing import Any

import pytest
from selenium.webdriver.common.keys import Keys
from senders import (
    DESIGNATIONS,
    ENGAGEE,
    NAVIGANT,
    NIR2,
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

from schemas.identifiers import key_of

pytestmark = pytest.mark.slow
LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
#: Hundredths of mSv, month after month from January 2023 on: an outage in the autumn of 2025.
MONTHS = (
    *(12, 30, 45, 20, 60, 85, 40, 10, 95, 120, 70, 30, 15, 40, 65, 30, 20, 110, 95, 30, 45, 130, 80, 25),
    *(35, 60, 140, 90, 45, 75, 60, 110, 480, 640, 390, 120, 160, 350, 95),
)


def month(number: int) -> dict[str, str]:
    year, at = 2023 + number // 12, number % 12
    last = LENGTHS[at] + (at == 1 and year % 4 == 0)
    return {"DATE_DEBUT_PORT": f"01/{at + 1:02}/{year}", "DATE_FIN_PORT": f"{last}/{at + 1:02}/{year}"}


def lives(bench: Any) -> None:
    """An invented worker whose sum crosses the limit, another one whose hand does."""
    bench.partner("DOCTEUR", "MDT", identifiant=RPPS)
    bench.partner("NAVIG", "CALCUL")
    who = {"ROLE": "MDT", "IDENTIFIANT": RPPS, "NOM": "LEBRUN", "PRENOM": "ANNE", "COURRIEL": "a.lebrun@exemple.fr"}
    other = {"NIR": NIR2, "CLE": key_of(NIR2), "NOM": "D'AUBIGNÉ", "PRENOM": "ZOÉ", "DATENAISSANCE": "02/05/1984"}
    other |= {"SEXE": "F", "SIRET": SIRET2}
    bench.drop("EMPL", "designe.csv", file(DESIGNATIONS, row(DESIGNATIONS, **who)))
    more = (row(TRAVAILLEURS, SIRET=SIRET2), row(TRAVAILLEURS, **other))
    bench.drop("EMPL", "suite.csv", file(TRAVAILLEURS, *more))
    bench.run()
    rows = [
        dose(f"A{at}", f"{value / 100:.2f}", **month(at), SIRET=SIRET2 if at % 9 == 4 else SIRET)
        for at, value in enumerate(MONTHS)
    ]
    rows += [dose(f"C{at}", f"{MONTHS[at] / 130:.2f}", LOCALISATION="CEINTURE", **month(at)) for at in range(33, 37)]
    hand = {"TYPE_MESURE": "PAS-HP007-EXT", "LOCALISATION": "MAIN_D", "NIR": NIR2, "NOM": "D'AUBIGNE", "PRENOM": "ZOE"}
    rows += [dose(f"B{at}", f"{120 + at:.0f}", **month(at), **hand, SIRET=SIRET2) for at in range(33, 39)]
    bench.drop("LABO1", "doses.csv", file(PASSIVE, *rows))
    bench.drop("DOCTEUR", "engagee.csv", file(ENGAGEE, row(ENGAGEE, VALEUR="0.8")))
    bench.drop("NAVIG", "vols.csv", file(NAVIGANT, row(NAVIGANT, VALEUR="0.08", MOIS="01/2026")))
    bench.run()
    # A late correction, so that the sum was reckoned twice.
    late = dose("A34", "3.80", **month(34), CODE_METROLOGIE="C")
    bench.drop("LABO1", "correction.csv", file(PASSIVE, late))
    bench.run()


@pytest.fixture(scope="module")
def work(airflow_bench: Any) -> Any:
    made = country(airflow_bench)
    lives(made)
    return made


def test_the_list_and_the_curve(browser: Any, work: Any) -> None:
    browser.sign_in("lecteur")
    browser.open("/depassements", framed=True)
    assert "notifiés" in browser.text(".etats")
    browser.picture("depassements")
    browser.press("j", "j", Keys.ENTER)
    browser.until(lambda driver: "Dépassement 1" in browser.text("h1"))
    drawing = browser.find("svg.courbe")
    assert drawing.size["width"] > 600
    assert "mSv dans la fenêtre du" in drawing.get_attribute("aria-label")
    assert len(browser.all("svg.courbe rect.resultat")) > 20
    line = browser.find("svg.courbe path.somme")
    assert line.size["width"] > 500
    assert line.value_of_css_property("stroke") not in ("none", line.value_of_css_property("color")), (
        "the sheet colours it"
    )
    browser.picture("depassement")
    browser.driver.execute_script("document.querySelector('section').scrollIntoView()")
    browser.picture("depassement-suite")
    browser.press("c")
    browser.until(lambda driver: "carriere=1" in browser.driver.execute_script("return location.href"))
    assert len(browser.all("svg.courbe rect.resultat")) >= len(MONTHS)
    browser.picture("carriere")
    assert browser.driver.execute_script("return document.documentElement.scrollWidth <= innerWidth"), (
        "nothing sticks out"
    )
    assert browser.complaints() == []
