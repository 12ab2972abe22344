"""The desk where analysts meet it: behind Airflow's login, in Airflow's menu, inside Airflow's frame."""

from __future__ import annotations

from typing import Any

import pytest
from selenium.webdriver.common.by import By

pytestmark = pytest.mark.slow


def test_an_analyst_finds_the_desk_in_the_menu(browser: Any) -> None:
    browser.sign_in("analyste")
    menu = browser.until(
        lambda driver: driver.find_elements(By.XPATH, "//button[.//*[text()='Browse'] or normalize-space()='Browse']")
    )
    menu[0].click()
    entry = browser.until(lambda driver: driver.find_elements(By.XPATH, "//a[normalize-space()='Rejets']"))
    browser.picture("menu")
    entry[0].click()
    browser.enter_frame()
    assert "en attente" in browser.text()
    assert "analyste" in browser.text(".qui")
    assert "décision" in browser.text(".droits")
    assert browser.find("header").value_of_css_property("position") == "sticky", "the style sheet is in force"
    browser.press("?")
    assert "Raccourcis clavier" in browser.text("#raccourcis")
    browser.picture("premiere-page")
    assert browser.complaints() == []
    browser.leave_frame()
    browser.until(lambda driver: "/plugin/rejets/siseri/" in driver.current_url)


def test_nobody_signed_in_sees_nothing(browser: Any) -> None:
    browser.open("/")
    assert "Connectez-vous" in browser.text()
    assert "en attente" not in browser.text()
    browser.picture("sans-connexion")
    browser.find("main a").click()
    browser.find("input[name=username]").send_keys("lecteur")
    browser.find("input[name=password]").send_keys(browser.desk.password("lecteur"))
    browser.find("button[type=submit]").click()
    browser.until(lambda driver: driver.current_url.endswith("/siseri/"))
    assert browser.text(".droits") == "lecture"
