"""A real browser on the real thing: Debian's Chromium, Airflow's API server, the desk in its frame."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from desk_server import AirflowDesk
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support import expected_conditions as seen
from selenium.webdriver.support.ui import WebDriverWait

PATIENCE_S = 20
#: An analyst's laptop, and a screen on a desk.
SIZES = {"1366x768": (1366, 768), "1920x1080": (1920, 1080)}
MISSING = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs a browser."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("browser")
            if MISSING:
                reason = f"not installed: {', '.join(MISSING)} (chromium, chromium-driver)"
                item.add_marker(pytest.mark.skip(reason=reason))


class Browser:
    """A headless Chromium of one size, with the few gestures that tests need."""

    def __init__(self, driver: webdriver.Chrome, desk: AirflowDesk, pictures: Path) -> None:
        self.driver, self.desk, self.pictures = driver, desk, pictures

    def sign_in(self, user: str) -> None:
        """Through Airflow's own login page."""
        self.driver.delete_all_cookies()
        self.driver.get(f"{self.desk.url}/auth/login")
        self.find("input[name=username]").send_keys(user)
        self.find("input[name=password]").send_keys(self.desk.password(user))
        self.find("button[type=submit]").click()
        self.until(lambda driver: "/login" not in driver.current_url)

    def open(self, path: str = "/", framed: bool = False) -> None:
        """A page of the desk, in a tab of its own or in Airflow's frame."""
        if framed:
            self.driver.get(f"{self.desk.url}/plugin/rejets/siseri{path}")
            self.enter_frame()
        else:
            self.driver.get(f"{self.desk.url}/siseri{path}")

    def enter_frame(self) -> None:
        """Look inside Airflow's frame from now on, once the desk's page stands in it."""
        self.driver.switch_to.default_content()
        frame = (By.CSS_SELECTOR, "iframe[title=Rejets]")
        WebDriverWait(self.driver, PATIENCE_S).until(seen.frame_to_be_available_and_switch_to_it(frame))
        self.find("main")

    def leave_frame(self) -> None:
        self.driver.switch_to.default_content()

    def find(self, css: str) -> WebElement:
        """The first element, once it is shown."""
        shown = seen.visibility_of_element_located((By.CSS_SELECTOR, css))
        return WebDriverWait(self.driver, PATIENCE_S).until(shown)

    def all(self, css: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def text(self, css: str = "main") -> str:
        return self.find(css).text

    def press(self, *keys: str) -> None:
        """Keys, wherever the focus is."""
        webdriver.ActionChains(self.driver).send_keys(*keys).perform()

    def until(self, true: Any) -> Any:
        return WebDriverWait(self.driver, PATIENCE_S).until(true)

    def picture(self, name: str) -> Path:
        """A screenshot of what is seen, named after its size."""
        width, height = self.driver.execute_script("return [top.innerWidth, top.innerHeight]")
        path = self.pictures / f"{name}-{width}x{height}.png"
        assert self.driver.save_screenshot(str(path))
        return path

    def complaints(self) -> list[str]:
        """What the browser's console holds against the desk's own pages: a broken policy, a script that fails."""
        told = [one["message"] for one in self.driver.get_log("browser") if one["level"] == "SEVERE"]
        return [one for one in told if "/siseri/" in one or "Content Security Policy" in one]


@pytest.fixture(params=SIZES)
def browser(request: pytest.FixtureRequest, airflow_desk: AirflowDesk, tmp_path: Path) -> Iterator[Browser]:
    """A browser of each size in turn, on Airflow with the desk; nobody is signed in yet."""
    options = webdriver.ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    width, height = SIZES[request.param]
    for word in (
        "--headless=new",
        "--no-sandbox",  # root's Chromium does not start otherwise
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--disable-background-networking",
        "--no-proxy-server",
        "--lang=fr-FR",
        "--hide-scrollbars",
        "--force-device-scale-factor=1",
        f"--window-size={width},{height}",
        f"--user-data-dir={tmp_path / 'profil'}",
    ):
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(str(shutil.which("chromedriver"))))
    try:
        driver.set_page_load_timeout(60)
        # The page's own room has the size asked for; the window's frame comes on top.
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        yield Browser(driver, airflow_desk, tmp_path)
        driver.save_screenshot(str(tmp_path / "a-la-fin.png"))  # for who reads a failure
    finally:
        driver.quit()
