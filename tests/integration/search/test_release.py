"""The search page and `diptych search` over a release that the pipeline made."""

import json
import tarfile
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import diptych
from diptych.cli.main import app
from diptych.search.engine import Engine
from diptych.search.server import listen
from tests.support.browser_window import CARDS, Window
from tests.support.search_page import served
from tests.support.small_run import SmallRun


@pytest.fixture(scope="module")
def release(small_run: SmallRun) -> Any:
    return diptych.load(small_run.folder / "serving")


@pytest.fixture(scope="module")
def captions(release: Any) -> list[str]:
    """Ten captions from all over the collection."""
    keys = release.catalogue().keys
    return [release.catalogue().captions(key)[0] for key in keys[:: len(keys) // 10][:10]]


@pytest.fixture(scope="module")
def window(browser: Any, release: Any) -> Iterator[Window]:
    engine = Engine(release, release.catalogue())
    engine.warm_up()
    with served(engine) as address:
        opened = Window(browser, address)
        opened.page.locator(CARDS).first.wait_for()
        yield opened
        opened.context.close()
        assert opened.wrong == []


def test_ten_words_typed_find_what_the_client_finds(window, release, captions):
    window.page.keyboard.press("/")
    catalogue = release.catalogue()
    for words in captions:
        window.page.keyboard.type(words)
        expected = [catalogue.captions(hit.key)[0] for hit in release.search(words, 5)]
        window.wait_for_names(expected)
        window.page.keyboard.press("Escape")


def test_an_image_that_is_dropped_gives_its_name_among_the_first_five(window, small_run):
    with tarfile.open(small_run.folder / "data" / "eval-0.tar") as tar:
        opened = {member.name: tar.extractfile(member) for member in tar.getmembers()}
        files = {name: file.read() for name, file in opened.items() if file is not None}
    for name in list(files)[:30:10]:
        stem = name.rpartition(".")[0]
        window.drop(files[f"{stem}.png"])
        meant = json.loads(files[f"{stem}.json"])["captions"][0]
        window.page.locator("#captions .name").first.wait_for()
        window.page.locator("#status").filter(has_text="best: ").wait_for()
        window.page.locator(CARDS).filter(has_text=meant).first.wait_for()
        assert meant in window.names()[:5]
        assert window.page.locator("#columns .score").first.text_content() == "1.000"
        window.page.keyboard.press("Escape")


def test_the_api_gives_what_the_client_gives(release, captions):
    engine = Engine(release, release.catalogue())
    texts, images, valid = engine.embed(captions, [b"not an image"])
    assert texts == pytest.approx(release.embed_texts(captions))
    assert not valid[0]
    assert np.isnan(images).all()


def search(*arguments: Any) -> tuple[int, str]:
    ended = CliRunner().invoke(app, ["search", *map(str, arguments)])
    assert isinstance(ended.exception, SystemExit | None), ended.exception
    assert "Traceback" not in ended.output
    return ended.exit_code, ended.output


def test_words_print_the_best_images(small_run, release, captions):
    code, printed = search(small_run.folder / "serving", captions[0], "-k", 3)
    assert code == 0
    assert "\x1b" not in printed
    lines = [line.split() for line in printed.splitlines() if line]
    hits = release.search(captions[0], 3)
    assert [line[:2] for line in lines] == [[f"{hit.score:.3f}", hit.key] for hit in hits]


def test_pictures_are_drawn_where_a_terminal_can(small_run, captions, monkeypatch):
    monkeypatch.setenv("TERM_PROGRAM", "iTerm.app")
    monkeypatch.delenv("TMUX", raising=False)
    code, printed = search(small_run.folder / "serving", captions[0], "-k", 2, "--pictures")
    assert code == 0
    assert printed.count("\x1b]1337;File=inline=1") == 2


def test_what_cannot_be_served_is_a_sentence_and_code_2(tmp_path, small_run):
    serving = small_run.folder / "serving"
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        code, printed = search(serving, "--port", port)
        assert (code, "is in use by another program" in printed) == (2, True)
    code, printed = search(tmp_path / "none", "--port", 0)
    assert code == 2
    assert printed.startswith(f"diptych: {tmp_path}")
    code, printed = search(serving, "x" * 100_000)
    assert (code, "100,000 characters" in printed) == (2, True)
    code, printed = search(serving, "--port", 0, "--token-file", tmp_path / "token")
    assert (code, "the token cannot be read" in printed) == (2, True)
    code, printed = search(serving, "--port", 0, "--host", "192.0.2.1")
    assert (code, "is not an address of this machine" in printed) == (2, True)
