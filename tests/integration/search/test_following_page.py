"""A page that is open follows its folder: images, filters and failures; nobody is interrupted."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.browser_window import CARDS, Window
from tests.support.search_page import FRUIT, ChangingCollection, WordEngine, WordModel, served

HOSTILE = "<img src=x onerror=alert(1)>.jpg"


@pytest.fixture
def collection() -> ChangingCollection:
    return ChangingCollection(FRUIT[:6])


@pytest.fixture
def window(browser: Any, collection: ChangingCollection) -> Iterator[Window]:
    with served(WordEngine(WordModel(collection), collection)) as address:
        opened = Window(browser, address)
        opened.page.locator(CARDS).first.wait_for()
        yield opened
        opened.context.close()
    assert opened.wrong == []


def test_an_open_page_shows_what_came_and_what_went(window, collection):
    page = window.page
    page.locator("#text").fill("blue apple")
    page.locator("#status").filter(has_text="best: ").wait_for()
    assert "blue apple" not in window.names()
    collection.failures = {HOSTILE: "cannot be decoded as an image"}
    collection.change(lambda: FRUIT[1:])
    window.wait_for("blue apple")  # without a key or a click
    assert "red apple" not in window.names()
    assert page.locator("#source").text_content() == "words release 114 images"
    options = page.locator("#filters option").all_text_contents()
    assert options == ["any colour", "blue (5)", "green (5)", "red (4)"]
    assert page.locator("#failures summary").text_content() == "1 file cannot be searched"
    page.locator("#failures summary").click()
    shown = page.locator("#failures-list li").all_text_contents()
    assert shown == [f"{HOSTILE} cannot be decoded as an image"]
    broken = "[...document.querySelectorAll('#columns img')].filter((i) => !i.naturalWidth).length"
    page.wait_for_timeout(200)
    assert page.evaluate(broken) == 0
    # An image that is looked at stays, until the person has left it.
    page.locator("#text").press("ArrowDown")
    assert window.focused().startswith("blue apple")
    version, refreshed = collection.version, collection.refreshed
    collection.change(lambda: FRUIT[:3])
    page.wait_for_timeout(2_500)
    assert (window.focused().partition("\n")[0], collection.refreshed) == ("blue apple", refreshed)
    page.keyboard.press("Escape")
    page.locator("#status").filter(has_text="3 images in").wait_for()
    assert collection.version == version + 1


def test_a_folder_that_cannot_be_followed_or_is_empty_is_said(window, collection):
    def vanished() -> Any:
        raise OSError("the disk is away")

    collection.change(vanished)
    window.page.locator("#problem").filter(has_text="OSError: the disk is away").wait_for()
    assert window.names()
    collection.change(lambda: FRUIT[:1])
    window.page.locator("#source").filter(has_text="1 image").wait_for()
    window.page.locator("#problem").wait_for(state="hidden", timeout=8_000)
