"""The page of standing checks in a real browser: tabs, a finding explained without a mouse, nothing sticks out."""

from __future__ import annotations

from typing import Any

import pytest
from senders import OPERATIONNELLE, PASSIVE, SIRET2, TRAVAILLEURS, country, dose, file, row

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def work(airflow_bench: Any) -> Any:
    made = country(airflow_bench)
    january = {"DATE_DEBUT_PORT": "01/01/2026", "DATE_FIN_PORT": "31/01/2026"}
    made.drop("EMPL", "suite.csv", file(TRAVAILLEURS, row(TRAVAILLEURS, SIRET=SIRET2)))
    passage = {"DATE_DEBUT_PORT": "10/03/2026 08:00", "DATE_FIN_PORT": "10/03/2026 17:00", "VALEUR": "1.2"}
    made.drop("SITE", "passages.csv", file(OPERATIONNELLE, row(OPERATIONNELLE, **passage)))
    made.run()
    rows = dose("M1", "6.2", **january), dose("M2", "0.4"), dose("M3", "0.1", SIRET=SIRET2)
    rows += (dose("M4", "0.1", TYPE_MESURE="PAS-HP10-NEU", **january),)
    made.drop("LABO1", "doses.csv", file(PASSIVE, *rows))
    made.run()
    return made


def test_a_finding_is_explained(browser: Any, work: Any) -> None:
    browser.sign_in("analyste")
    browser.open("/controles", framed=True)
    assert len(browser.all(".etats a")) == 5
    assert "6,800" in browser.text("tbody")
    browser.find("details summary").click()
    browser.picture("controles")
    for at in range(5):
        browser.all(".etats a")[at].click()
        browser.until(lambda driver, at=at: browser.all(".etats a")[at].get_attribute("aria-current") == "true")
        assert browser.all("tbody tr"), at
        assert browser.driver.execute_script("return document.documentElement.scrollWidth <= innerWidth"), at
    browser.picture("controles-attendus")
    browser.all(".etats a")[0].click()
    browser.until(lambda driver: "Expliquer" in browser.text("tbody"))
    browser.find("details summary").click()
    browser.find("input[name=motif]").send_keys("Classement revu le 2 avril\n")
    browser.until(lambda driver: "Constat expliqué" in browser.text("body"))
    assert "Aucun constat" in browser.text("main")
    browser.find("input[name=vus]").click()
    browser.find("form.filtres button").click()
    browser.until(lambda driver: "Classement revu le 2 avril" in browser.text("main"))
    browser.picture("controles-expliques")
    browser.find("tbody form button").click()
    browser.until(lambda driver: "Constat repris" in browser.text("body"))
    assert browser.complaints() == []
