"""The search page in Chromium: hostile texts, two releases, the token, and accessibility."""

import re

import pytest

from tests.support.browser_window import CARDS, Window
from tests.support.hostile.shown_texts import TEXTS
from tests.support.search_page import FRUIT, picture, served, word_engine

BAD = ("serious", "critical", "moderate")  # what axe-core may not find


def test_forty_hostile_texts_run_nothing_and_are_shown_as_text(browser):
    records = [
        (f"{text}/{n}", [text, f"also {text}"], {text[:40] or "x": text, "half": text[: n % 2]})
        for n, text in enumerate(TEXTS)
    ]
    with served(word_engine(records)) as where:
        window = Window(browser, where)
        window.page.locator(CARDS).first.wait_for()
        for text in TEXTS[:: len(TEXTS) // 8]:
            window.page.locator("#text").fill(text[:2000])
            window.page.locator("#status").filter(has_text="in ").wait_for()
        window.page.get_by_text("Show more").click()
        window.page.locator(".card").nth(39).wait_for()
        for card in window.page.locator(".card").all():
            card.hover()
        window.page.locator(".card").first.click()
        for _ in range(39):
            window.page.keyboard.press("ArrowRight")
        shown = "\n".join(window.names())
        assert "<script>window.ran=1</script>" in shown
        assert r"\x1b[2J" in shown
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", shown)
        assert window.page.evaluate("typeof window.ran") == "undefined"
        assert window.page.evaluate("document.querySelectorAll('script').length") == 1
        assert window.page.title() == "Diptych search"
        assert window.page.url.startswith(where)
        width = window.page.evaluate("document.documentElement.scrollWidth")
        assert width <= 1280
        window.context.close()
    assert window.wrong == []


def test_a_tall_picture_is_shown_whole(browser, monkeypatch):
    engine = word_engine()
    monkeypatch.setattr(engine.collection, "thumbnail", lambda _: picture(1, 48, 96))
    with served(engine) as where:
        window = Window(browser, where)
        window.page.locator(CARDS).first.wait_for()
        image = window.page.locator(".tile img").first
        image.evaluate("image => image.decode()")
        [inner, outer] = (it.bounding_box() for it in (image, window.page.locator(".tile").first))
        assert inner["height"] == pytest.approx(0.78 * (outer["height"] - 2), abs=1)
        assert inner["y"] - outer["y"] == pytest.approx(0.11 * outer["height"], abs=1)
        window.context.close()
    assert window.wrong == []


def test_two_releases_stand_side_by_side_with_what_moved(browser):
    other = [*FRUIT[:4], *FRUIT[10:]]
    with served(word_engine(), word_engine(other, "words release 2")) as where:
        window = Window(browser, where)
        window.page.locator(CARDS).first.wait_for()
        window.page.locator("#text").fill("red car")
        window.wait_for("red car")
        titles = window.page.locator(".column-title").all_text_contents()
        assert titles == ["words release 1", "words release 2"]
        grids = window.page.locator(".grid")
        left, right = (grids.nth(n).locator(".name").all_text_contents() for n in (0, 1))
        assert (len(left), len(right)) == (15, 9)
        badges = grids.nth(1).locator(".moved:not(.hidden)").all_text_contents()
        expected = [left.index(name) - place for place, name in enumerate(right)]
        assert badges == [f"↑{by}" if by else "=" for by in expected]
        window.context.close()
    assert window.wrong == []


def test_with_a_token_the_page_opens_by_its_address_and_asks_elsewhere(browser):
    token = "a-token-of-24-characters"
    with served(word_engine(), token=token) as where:
        window = Window(browser, where)
        window.page.get_by_label("Token").fill(token)
        window.page.get_by_text("Open", exact=True).click()
        window.page.locator(CARDS).first.wait_for()
        assert token not in window.page.url
        window.page.locator("#text").fill("red car")
        window.wait_for("red car")
        window.context.close()
    assert [text for text in window.wrong if "401" not in text] == []


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (1440, "dark")])
def test_axe_finds_nothing_serious_and_nothing_is_wider_than_the_window(browser, width, scheme):
    from axe_playwright_python.sync_playwright import Axe

    with served(word_engine()) as address:
        window = Window(browser, address, width, color_scheme=scheme, bypass_csp=True)
        page = window.page
        page.locator(CARDS).first.wait_for()

        def check(state: str) -> None:
            assert page.evaluate("document.documentElement.scrollWidth") <= width, state
            found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
            bad = [(v["id"], v["nodes"][0]["html"]) for v in found if v["impact"] in BAD]
            assert bad == [], state

        check("start")
        page.locator("#text").fill("red car")
        window.wait_for("red car")
        check("results")
        window.drop(picture(3))
        page.locator("#captions").wait_for()
        check("image")
        page.locator(".card").first.click()
        check("detail")
        page.keyboard.press("Escape")
        page.route("**/search", lambda route: route.abort())
        page.locator("#minus").fill("x")
        page.locator("#notice").wait_for()
        check("failure")
        window.context.close()
