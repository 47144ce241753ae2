"""The search page in Chromium, over a model that knows words exactly."""

import base64
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.hostile.shown_texts import TEXTS
from tests.support.search_page import FRUIT, chromium, picture, served, word_engine

pytestmark = pytest.mark.skipif(
    not pytest.importorskip("tests.support.search_page").CHROMIUM.exists(),
    reason="/usr/bin/chromium is not there",
)
CARDS = "#columns .card .name"
_FILE = """([data, type, size]) => {
  const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
  const file = new File(size ? [bytes, new Uint8Array(size)] : [bytes], "x", { type });
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(file);
"""
DROP = f"""{_FILE}
  for (const kind of ["dragenter", "dragover", "drop"]) {{
    const named = {{ bubbles: true, cancelable: true, dataTransfer }};
    document.body.dispatchEvent(new DragEvent(kind, named));
  }}
}}"""
PASTE = f"""{_FILE}
  document.dispatchEvent(new ClipboardEvent("paste", {{ clipboardData: dataTransfer }}));
}}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with served(word_engine()) as where:
        yield where


class Window:
    """A page that notes what must not happen: errors, dialogs, requests to elsewhere."""

    def __init__(self, browser: Any, address: str, width: int = 1280, **named: Any):
        self.context = browser.new_context(viewport={"width": width, "height": 900}, **named)
        self.page = self.context.new_page()
        self.page.set_default_timeout(8_000)
        self.wrong: list[str] = []
        self.page.on("console", lambda m: m.type == "error" and self.wrong.append(m.text))
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.wrong.append("dialog"), dialog.dismiss()))
        self.page.on("request", lambda r: self._look(r.url, address))
        self.page.goto(address)

    def _look(self, url: str, address: str) -> None:
        if not url.startswith((address.partition("?")[0], "blob:")):
            self.wrong.append(url)

    def names(self) -> list[str]:
        return self.page.locator(CARDS).all_text_contents()

    def wait_for(self, name: str) -> None:
        """Until the best image of an answer has this name."""
        best = re.compile(f"best: {re.escape(name)}$")
        self.page.locator("#status").filter(has_text=best).wait_for()

    def drop(
        self, image: bytes, kind: str = "image/png", size: int = 0, script: str = DROP
    ) -> None:
        self.page.evaluate(script, [base64.b64encode(image).decode(), kind, size])

    def focused(self) -> str:
        return self.page.evaluate("document.activeElement.id || document.activeElement.innerText")


@pytest.fixture
def window(browser: Any, address: str) -> Iterator[Window]:
    opened = Window(browser, address)
    opened.page.locator(CARDS).first.wait_for()
    yield opened
    opened.context.close()
    assert opened.wrong == []


WORDS = ["red apple", "green pear", "blue fish", "red house", "green car", "blue apple", "red fish",
         "green house", "blue car", "blue pear"]  # fmt: skip


def test_ten_words_typed_find_the_right_image(window):
    window.page.keyboard.press("/")
    for words in WORDS:
        window.page.keyboard.type(words, delay=2)
        window.wait_for(words)
        assert window.page.locator("#columns .score").first.text_content() == "1.000"
        window.page.keyboard.press("Escape")
    assert window.page.locator("#text").input_value() == ""


def test_keys_move_through_the_images_open_one_and_go_back(window):
    press = window.page.keyboard.press
    press("/")
    window.page.keyboard.type("red car")
    window.wait_for("red car")
    press("ArrowDown")
    assert window.focused().startswith("red car")
    press("ArrowRight")
    second = window.names()[1]
    assert window.focused().startswith(second)
    press("ArrowDown")
    press("ArrowUp")
    assert window.focused().startswith(second)
    press("Enter")
    window.page.locator("#detail-title").filter(has_text=second).wait_for()
    press("ArrowRight")
    window.page.locator("#detail-title").filter(has_text=window.names()[2]).wait_for()
    press("Escape")
    assert not window.page.locator("#detail").is_visible()
    assert window.focused().startswith(window.names()[2])
    press("Home")
    press("ArrowUp")
    assert window.focused() == "text"
    press("Tab")
    assert window.focused() == "choose"


def test_an_image_that_is_dropped_pasted_or_chosen_gives_captions_and_images(window):
    page, place = window.page, 7
    [caption, *_] = FRUIT[place][1]
    image = picture(place)

    def choose() -> None:
        file = {"name": "x.png", "mimeType": "image/png", "buffer": image}
        page.set_input_files("#file", files=[file])

    for give in (choose, lambda: window.drop(image, script=PASTE), lambda: window.drop(image)):
        give()
        window.wait_for(caption)
        assert page.locator("#captions .name").first.text_content() == caption
        assert page.locator("#preview").is_visible()
        page.keyboard.type("blue")  # the search box has the focus
        page.locator("#minus").fill("green")
        window.wait_for("blue car")
        page.get_by_label("Remove the image").click()
        window.wait_for("blue apple")
        assert not page.locator("#captions").is_visible()
        page.keyboard.press("Escape")
        page.locator("#suggestions").wait_for()


def test_a_filter_and_the_address_hold_the_query(window):
    window.page.locator("#text").fill("red car")
    window.page.get_by_label("colour").select_option(label="blue (5)")
    window.wait_for("blue car")
    assert len(window.names()) == 5
    window.page.reload()
    window.wait_for("blue car")
    assert len(window.names()) == 5
    window.page.get_by_text("Clear all").click()
    window.page.locator("#suggestions").wait_for()


def test_an_image_of_the_collection_is_searched_with(window):
    window.page.locator("#text").fill("blue house")
    window.wait_for("blue house")
    window.page.locator(".card").first.click()
    window.page.get_by_text("Find similar images").click()
    window.page.locator("#captions .name").first.filter(has_text="blue house").wait_for()
    assert window.page.locator("#text").input_value() == ""


def test_the_latest_answer_wins(window):
    held: list[Any] = []

    def hold(route: Any) -> None:
        body = route.request.post_data_json
        held.append(route) if body["text"] == "red car" else route.continue_()

    window.page.route("**/search", hold)
    window.page.locator("#text").fill("red car")
    while not held:
        window.page.wait_for_timeout(10)
    window.page.locator("#waiting").wait_for()
    window.page.locator("#text").fill("blue fish")
    window.wait_for("blue fish")
    for route in held:
        route.continue_()
    window.page.wait_for_timeout(150)
    assert window.names()[0] == "blue fish"
    assert not window.page.locator("#waiting").is_visible()


def test_what_cannot_be_searched_with_is_a_sentence(window):
    notice = window.page.locator("#notice-text")
    window.drop(b"text", "text/plain")
    notice.filter(has_text="What came is not an image file.").wait_for()
    window.drop(picture(1), size=21 * 2**20)
    notice.filter(has_text="more than 20 MB").wait_for()
    window.drop(b"GIF89a nothing", "image/gif")
    notice.filter(has_text="The image cannot be decoded; JPEG").wait_for()
    window.page.get_by_text("Start over").click()
    window.page.locator("#text").fill("x" * 100_000)
    notice.filter(has_text="100,000 characters, at most 2,000").wait_for()
    window.page.locator("#text").fill("red car")
    window.wait_for("red car")
    window.wrong = [text for text in window.wrong if "422" not in text]  # Chromium notes these


def test_a_server_that_is_gone_is_a_sentence_and_the_page_goes_on_when_it_is_back(window):
    window.page.route("**/search", lambda route: route.abort())
    window.page.locator("#text").fill("red car")
    window.page.locator("#notice-text").filter(has_text="The server does not answer.").wait_for()
    window.page.unroute("**/search")
    window.page.get_by_text("Try again").click()
    window.wait_for("red car")
    assert not window.page.locator("#notice").is_visible()
    busy = [True]

    def refuse(route: Any) -> None:
        if busy.pop() if busy else False:
            route.fulfill(status=503, headers={"retry-after": "1"}, json={"error": "busy"})
        else:
            route.continue_()

    window.page.route("**/search", refuse)
    window.page.locator("#text").fill("blue fish")
    window.wait_for("blue fish")
    window.wrong = [text for text in window.wrong if "Failed to load" not in text]


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
def test_axe_finds_nothing_serious_and_nothing_is_wider_than_the_window(
    browser, address, width, scheme
):
    from axe_playwright_python.sync_playwright import Axe

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


BAD = ("serious", "critical", "moderate")
