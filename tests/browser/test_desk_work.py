"""A day's work at the desk, in a real browser: the keyboard, a group decided and taken back, two analysts on one row,
a hundred thousand waiting rows."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest
from selenium.webdriver.common.keys import Keys
from senders import NIR2, PASSIVE, country, dose, file

pytestmark = pytest.mark.slow
MANY = 100_000
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def work(airflow_bench: Any) -> Any:
    """The registry behind the desk, with a small country in it."""
    return country(airflow_bench)


def send(work: Any, count: int, partner: str = "LABO1", **changed: str) -> None:
    """Rows that wait, in a file of their own."""
    number = next(_numbers)
    rows = [dose(f"N{number}-{at}", **changed) for at in range(count)]
    work.drop(partner, f"depot{number}.csv", file(PASSIVE, *rows))
    work.run()


def heading(browser: Any, words: str) -> None:
    """Wait for the page of this heading."""
    browser.until(lambda driver: words in title(browser))


def title(browser: Any) -> str:
    """The page's heading, asked in one breath: the page may be going away."""
    told = browser.driver.execute_script("return document.querySelector('h1')?.innerText ?? ''")
    return " ".join(told.split())


def type_motive(browser: Any, text: str) -> None:
    browser.press("m")
    browser.press(text, Keys.ESCAPE)


def test_a_group_is_decided_and_taken_back_by_the_keyboard(browser: Any, work: Any) -> None:
    send(work, 3, NOM="DUPONT")
    browser.sign_in("analyste")
    browser.open("/?emetteur=LABO1&code=IDT-08", framed=True)
    browser.press("j", Keys.ENTER)
    heading(browser, "Nom ou prénom discordant")
    waiting = int(re.search(r"(\d+) lignes?", browser.text(".resume"))[1])
    browser.press("a")
    assert browser.find("#vers").is_displayed()
    assert not browser.all("#champ-1")[0].is_displayed()
    browser.press(Keys.ESCAPE)
    type_motive(browser, "noms d'usage")
    browser.press("V")
    heading(browser, f"Aperçu : rattacher, {waiting} ligne")
    assert "intégrées" in browser.text(".totaux")
    browser.picture("apercu")
    browser.press("V")
    told = browser.text(".message.fait")
    assert f"{waiting} lignes intégrées" in told
    number = re.search(r"n° (\d+)", told)[1]
    assert work.connection.execute("select who from queue.decision where decision_id = %s", (number,)).fetchone() == (
        "analyste",
    )
    browser.find("nav a[href$='/journal']").click()
    heading(browser, "Journal")
    browser.press("j", Keys.ENTER)
    heading(browser, f"Décision n° {number}")
    browser.press("m")
    browser.press("erreur de ma part", Keys.ENTER)
    assert f"{waiting} lignes attendent de nouveau" in browser.text(".message.fait")
    browser.open("/?emetteur=LABO1&code=IDT-08", framed=True)
    assert browser.find("td.n").text == str(waiting)
    assert browser.complaints() == []


def test_two_analysts_on_one_row(browser: Any, work: Any) -> None:
    send(work, 2, NOM="DURAND", DATE_FIN_PORT="30/03/2026")
    browser.sign_in("analyste")
    entry = max(one["id"] for one in work.queue() if one["emetteur"] == "LABO1")
    browser.open(f"/lignes/{entry}", framed=True)
    browser.press("r", Keys.ESCAPE)
    type_motive(browser, "déjà transmise")
    browser.press("v")
    heading(browser, "Aperçu : rejeter")
    other = browser.desk.by("chef")
    told = {"ligne": f"{entry}:0", "format": "PASSIVE", "action": "rattacher", "motif": "vu"}
    assert other.post("/decider", told).status_code == 303
    browser.press("V")
    assert "n'attendent plus" in browser.text(".message.echec")
    assert browser.find("#motif").get_attribute("value") == "déjà transmise"
    browser.press("u")
    heading(browser, f"Entrée {entry}")
    assert "n’attend plus" in browser.text(".message.attention")
    assert "chef" in browser.text("section[aria-label=Décisions]")
    assert [one for one in browser.complaints() if "/decider" not in one] == [], "but for the refusal"


def test_rows_are_walked_and_ticked_by_the_keyboard(browser: Any, work: Any) -> None:
    send(work, 3, NIR=NIR2)
    browser.sign_in("analyste")
    browser.open("/?code=IDT-06&emetteur=LABO1")
    browser.press("/")
    browser.press("LABO1", Keys.ESCAPE, "j", Keys.ENTER)
    heading(browser, "Travailleur inconnu")
    assert not browser.find("[data-besoin=ligne]").is_enabled()
    browser.press("j", "x", "j", "x")
    assert browser.text("[data-compte=ligne]") == "2"
    assert browser.find("[data-besoin=ligne]").is_enabled()
    browser.press(Keys.ENTER)
    heading(browser, "Entrée")
    second = title(browser)
    browser.press("p")
    browser.until(lambda driver: title(browser) not in ("", second))
    browser.press("n")
    heading(browser, second.split("·")[0].strip())
    browser.press("c")
    assert browser.driver.switch_to.active_element.get_attribute("id") == "champ-1"
    browser.press(Keys.ESCAPE, "q")
    assert browser.driver.switch_to.active_element.get_attribute("name") == "texte"
    browser.press(Keys.ESCAPE, "?")
    assert "question à l’émetteur" in browser.text("#raccourcis")
    browser.press(Keys.ESCAPE, "u")
    heading(browser, "Travailleur inconnu")
    browser.press("u")
    heading(browser, "File d’attente")
    assert "code=IDT-06" in browser.driver.current_url, "the filters came back"
    assert browser.complaints() == []


@pytest.fixture(scope="module")
def crowd(work: Any) -> Any:
    """A hundred thousand rows of LABO2 that wait, copied from one as the administrator (no file brought them)."""
    send(work, 1, "LABO2", NOM="DUPONT")
    with work.registry.warehouse.admin() as admin:
        admin.execute(
            "insert into queue.entry (submission_id, line, partner_id, format, codes, person, siret, quantity,"
            " book_usv, sealed, received_on, since_load)"
            " select submission_id, line + n, partner_id, format, codes, person, siret, quantity, book_usv, sealed,"
            " received_on - n / 2000, since_load"
            " from (select * from queue.entry order by entry_id desc limit 1) as e, generate_series(1, %s) as n",
            (MANY - 1,),
        )
        admin.execute("analyze queue.entry")
    return work


def test_a_hundred_thousand_rows(browser: Any, crowd: Any) -> None:
    browser.sign_in("lecteur")
    browser.open("/?emetteur=LABO2", framed=True)
    assert "100\u202f000" in browser.text("tr[data-href]")
    browser.press("j", Keys.ENTER)
    heading(browser, "Nom ou prénom discordant")
    seen: set[str] = set()
    for _ in range(4):
        rows = [one.get_attribute("data-href") for one in browser.all("tr[data-href]")]
        assert len(rows) == 50
        assert not seen & set(rows)
        seen |= set(rows)
        took = browser.driver.execute_script(
            "const [one] = performance.getEntriesByType('navigation'); return one.responseStart - one.requestStart"
        )
        assert took < 1000, "the 300 ms of the bench, with room for a busy machine"
        first = rows[0]
        browser.press("n")
        browser.until(lambda driver, first=first: browser.all(f"tr[data-href='{first}']") == [])
    assert browser.driver.execute_script("return document.documentElement.scrollWidth <= innerWidth"), (
        "nothing sticks out"
    )
    assert browser.complaints() == []
