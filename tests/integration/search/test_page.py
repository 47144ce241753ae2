"""The search page in Chromium, over a model that knows words exactly."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.browser_window import CARDS, PASTE, Window
from tests.support.search_page import FRUIT, picture, served, word_engine


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with served(word_engine()) as where:
        yield where


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
    window.wait_for("red car")  # which is the best for "red c", too
    window.page.locator("#columns .score", has_text="1.000").wait_for()
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
    window.wait_for_focus(window.names()[2])
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
