"""The page in a real browser, from a file: no error, no request, nothing serious for axe."""

import os
from pathlib import Path
from typing import Any

import pytest

from components.run_report.page.page import render
from tests.support import run_report
from tests.support.report_page import read_page

PHONE, DESK = {"width": 360, "height": 740}, {"width": 1440, "height": 900}
PICTURES = os.environ.get("DIPTYCH_TEST_PICTURES")  # a folder of screenshots to look at


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    made = {
        "plain": run_report.facts(),
        "hostile": run_report.facts(words=run_report.HOSTILE),
    }
    for name, facts in made.items():
        (folder / f"{name}.html").write_text(render(facts), encoding="utf-8")
    return {name: folder / f"{name}.html" for name in made}


class Opened:
    """A page, and what went wrong on it."""

    def __init__(self, browser: Any, file: Path, size: dict[str, int], dark: bool = False):
        scheme = "dark" if dark else "light"
        self.page = browser.new_page(viewport=size, color_scheme=scheme)
        self.wrong: list[str] = []
        self.page.on("console", lambda message: self.wrong.append(message.text))
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("dialog", lambda dialog: self.wrong.append("dialog"))
        self.page.on("request", self._asked)
        self._file = file.as_uri()
        self.page.goto(self._file)

    def _asked(self, request: Any) -> None:
        if request.url != self._file and not request.url.startswith("data:"):
            self.wrong.append(request.url)


@pytest.mark.parametrize("name", ["plain", "hostile"])
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_it_opens_without_an_error_and_without_a_request(browser, pages, name, size, dark):
    opened = Opened(browser, pages[name], size, dark)
    page = opened.page
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert opened.wrong == []
    assert page.title() == "small: report of a run"
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    assert page.evaluate(
        "[...document.images].every(i => i.src.startsWith('data:image/webp;base64,'))"
    )
    if PICTURES:
        place = Path(PICTURES, f"{name}-{size['width']}-{'dark' if dark else 'light'}.png")
        page.screenshot(path=str(place), full_page=True)
    page.close()


def test_the_browser_shows_the_numbers_of_the_page(browser, pages):
    page = Opened(browser, pages["plain"], DESK).page
    shown = page.eval_on_selector_all(
        "tr[data-metric]",
        "rows => rows.map(r => [r.closest('table').id, r.dataset.metric,"
        " [...r.querySelectorAll('data')].map(d => Number(d.value))])",
    )
    expected = read_page(pages["plain"].read_text()).metrics
    assert {(table, metric): values for table, metric, values in shown} == expected
    page.close()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", ["plain", "hostile"])
def test_axe_finds_nothing_serious(browser, pages, name, dark):
    from axe_playwright_python.sync_playwright import Axe

    opened = Opened(browser, pages[name], DESK, dark)
    opened.page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    found = Axe().run(opened.page).response["violations"]
    serious = [
        f"{each['id']}: {each['nodes'][0]['html'][:200]}"
        for each in found
        if each["impact"] in ("serious", "critical")
    ]
    assert serious == []
    opened.page.close()


def test_it_prints_in_ink_on_white_with_its_tables_open(browser, pages, tmp_path):
    opened = Opened(browser, pages["plain"], DESK, dark=True)
    opened.page.emulate_media(media="print")
    colour = opened.page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert colour == "rgb(255, 255, 255)"
    assert opened.page.locator("table.slice").first.is_visible()
    file = Path(PICTURES or tmp_path, "print.pdf")
    opened.page.pdf(path=str(file), format="A4")
    assert file.stat().st_size > 20_000
    opened.page.close()


def test_a_dark_page_is_dark(browser, pages):
    page = Opened(browser, pages["plain"], DESK, dark=True).page
    paper, ink = page.evaluate(
        "(() => { const s = getComputedStyle(document.documentElement);"
        " return [s.backgroundColor, s.color].map(c => c.match(/\\d+/g).map(Number)); })()"
    )
    assert max(paper) < 60
    assert min(ink) > 180
    # Charts follow.
    fills = page.eval_on_selector_all(
        "figure svg text", "all => [...new Set(all.map(t => getComputedStyle(t).fill))]"
    )
    assert fills
    assert all(min(map(int, fill[4:-1].split(","))) > 120 for fill in fills)
    page.close()
