"""A server follows the folders that it searches, at a bounded cost, and lives on without them."""

import io
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest
from PIL import Image

from diptych.client.folder_index.folder_index import FolderIndex
from diptych.search import follower as module
from diptych.search.access import Access
from diptych.search.app import make_app
from diptych.search.engine import Engine
from diptych.search.follower import Followed, Follower
from diptych.search.routes import MOST_FAILURES, Api
from schema.errors import InputError
from tests.support.asgi import requested
from tests.support.client import ColourModel, colour_of, png, write_pictures
from tests.support.search_page import WordCollection

HOSTILE = "<b>\x1b[2J\u202ea\n.png"


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.setattr(module, "SECONDS_BETWEEN", 0.0)
    monkeypatch.setattr(module, "LEAST_REST", 0)


class Colours:
    """A model that embeds by colours: 'red' as (1, 0, 0)."""

    name, dim = "colours release 1", 3

    def embed_texts(self, texts: Any) -> np.ndarray:
        colours = ["red", "green", "blue"]
        return np.stack([np.eye(3, dtype=np.float32)[colours.index(text)] for text in texts])

    def try_embed_images(self, images: Any) -> tuple[np.ndarray, np.ndarray]:
        return ColourModel().embed_images(images)


class Site:
    """A server over a folder, without sockets."""

    def __init__(self, folder: Path):
        self.index = FolderIndex(ColourModel(), folder)
        self.lines: list[str] = []
        engine = Engine(Colours(), self.index)
        self.api = Api([engine], [str(folder)], log=self.lines.append)
        self.app = make_app(self.api, Access("127.0.0.1", None), "0", self.lines.append)

    def get(self, path: str) -> Any:
        given = requested(self.app, "GET", path)
        assert given.status_code == 200, given.text
        return given.json()

    def info(self) -> Any:
        """What the server says once a refresh that began after this call is done."""
        wait_until_idle(self.api._follower)
        self.get("/info")
        wait_until_idle(self.api._follower)
        described = self.get("/info")
        return described["releases"][0] | {"problem": described["problem"]}

    def best(self, text: str) -> list[str]:
        return [i["key"] for i in self.get(f"/search?text={text}&k=9")["results"][0]["images"]]


@pytest.fixture
def site(tmp_path) -> Any:
    write_pictures(tmp_path / "photos", 3)
    made = Site(tmp_path / "photos")
    yield made
    made.api.close()


def test_files_that_are_added_changed_and_deleted_are_seen(site, tmp_path):
    before = site.info()
    assert (before["images"], before["failed"], before["problem"]) == (3, 0, "")
    assert site.best("red") == ["002.png", "001.png", "000.png"]
    (tmp_path / "photos" / "002.png").unlink()
    write_pictures(tmp_path / "photos" / "sub", 1, first=200)
    after = site.info()
    assert after["images"] == 3
    assert after["version"] > before["version"]
    assert [facet["name"] for facet in after["attributes"]] == ["folder"]
    shown = sorted(image["key"] for image in after["sample"])
    assert shown == ["000.png", "001.png", "sub/200.png"]
    assert site.best("red") == ["sub/200.png", "001.png", "000.png"]
    (tmp_path / "photos" / "bad.jpg").write_bytes(b"<html>")
    reason = "is not an image of a format that is read (looks like HTML)"
    assert site.info()["failures"] == [{"file": "bad.jpg", "reason": reason}]


def test_the_address_of_a_picture_stays_right_when_files_come_and_go(site, tmp_path):
    images = site.get("/search?text=red&k=9")["results"][0]["images"]
    addresses = {image["key"]: image["thumbnail"] for image in images}
    (tmp_path / "photos" / "000.png").unlink()
    write_pictures(tmp_path / "photos", 1, first=250)
    site.info()
    for key, number in (("001.png", 1), ("002.png", 2)):
        given = requested(site.app, "GET", f"/{addresses[key]}")
        with Image.open(io.BytesIO(given.content)) as picture:
            pixel = picture.convert("RGB").getpixel((1, 1))
        assert pixel == pytest.approx(colour_of(number), abs=4)
    assert requested(site.app, "GET", f"/{addresses['000.png']}").status_code == 404
    # A file that is replaced has another address, so that a browser fetches it again.
    (tmp_path / "photos" / "001.png").write_bytes(png(colour_of(400), (9, 9)))
    site.info()
    images = site.get("/search?text=red&k=9")["results"][0]["images"]
    [now] = [image["thumbnail"] for image in images if image["key"] == "001.png"]
    assert now != addresses["001.png"]


def test_names_in_addresses_and_failures_are_written_safely(site, tmp_path):
    (tmp_path / "photos" / f"ä?&#%2f+ {HOSTILE}").write_bytes(png((255, 0, 0)))
    (tmp_path / "photos" / f"bad{HOSTILE}").write_bytes(b"")
    info = site.info()
    [best] = site.get("/search?text=red&k=1")["results"][0]["images"]
    assert best["key"] == "ä?&#%2f+ <b>\\x1b[2J\\u202ea\\n.png"
    assert best["thumbnail"].isascii()
    assert unquote(best["thumbnail"].partition("key=")[2].partition("&")[0]).endswith(HOSTILE)
    assert requested(site.app, "GET", f"/{best['thumbnail']}").content.startswith(b"RIFF")
    assert info["failures"] == [{"file": "bad<b>\\x1b[2J\\u202ea\\n.png", "reason": "has no bytes"}]


def test_a_folder_that_vanishes_is_a_sentence_and_what_was_there_is_searched(site, tmp_path):
    (tmp_path / "photos").rename(tmp_path / "away")
    for _ in range(3):
        assert "photos" in site.info()["problem"]
    assert site.best("red") == ["002.png", "001.png", "000.png"]
    [line] = site.lines
    assert "photos" in line
    (tmp_path / "away").rename(tmp_path / "photos")
    (tmp_path / "photos" / "002.png").unlink()
    assert site.info()["problem"] == ""
    assert site.best("red") == ["001.png", "000.png"]


def test_a_folder_that_is_emptied_is_empty(site, tmp_path):
    for file in (tmp_path / "photos").iterdir():
        file.unlink()
    info = site.info()
    assert (info["images"], info["sample"], info["attributes"]) == (0, [], [])
    assert site.best("red") == []


def test_a_thousand_failures_are_counted_and_some_listed(site, tmp_path):
    for number in range(1000):
        (tmp_path / "photos" / f"bad{number}.jpg").write_bytes(b"")
    info = site.info()
    assert (info["failed"], len(info["failures"])) == (1000, MOST_FAILURES)


def test_whatever_fails_the_server_lives_on(site, monkeypatch):
    monkeypatch.setattr(site.index, "refresh", lambda _: 1 / 0)
    assert site.info()["problem"] == (
        "the folder cannot be indexed: ZeroDivisionError: division by zero"
    )
    assert site.best("red")[0] == "002.png"
    monkeypatch.undo()
    assert site.info()["problem"] == ""


class Slow:
    """A folder whose refresh takes as long as the test says."""

    version = 1

    def __init__(self) -> None:
        self.failures: dict[str, str] = {}
        self.refreshed, self.ended = 0, threading.Event()
        self.entered, self.go_on = threading.Event(), threading.Event()

    def refresh(self, progress: Any = None) -> None:
        self.refreshed += 1
        self.entered.set()
        try:
            while not self.go_on.wait(0.01):
                progress(1, 2)
        finally:
            self.ended.set()


def wait_until_idle(follower: Follower) -> None:
    with follower._runs:
        pass


def test_requests_cause_one_refresh_at_a_time_and_a_rest_after_it(monkeypatch):
    monkeypatch.setattr(module, "SECONDS_BETWEEN", 2.0)
    monkeypatch.setattr(module, "LEAST_REST", 20)
    now = [0.0]
    slow = Slow()
    follower = Follower([slow, WordCollection([("a", ["a"], {})])], clock=lambda: now[0])
    follower.refresh_soon()
    assert slow.refreshed == 0  # what was just opened is up to date
    now[0] = 2.0
    for _ in range(50):
        follower.refresh_soon()
    assert slow.entered.wait(10)
    now[0] = 3.5  # it took 1.5 s, so that it rests for 30 s
    slow.go_on.set()
    wait_until_idle(follower)
    now[0] = 33.0
    follower.refresh_soon()
    wait_until_idle(follower)
    assert slow.refreshed == 1
    now[0] = 33.5
    follower.refresh_soon()
    wait_until_idle(follower)
    assert slow.refreshed == 2
    follower.close()


def test_a_server_that_ends_does_not_wait_for_the_folder():
    slow = Slow()
    follower = Follower([slow])
    follower.refresh_soon()
    assert slow.entered.wait(10)
    started = time.monotonic()
    follower.close()
    assert slow.ended.wait(10)
    assert time.monotonic() - started < 2
    follower.refresh_soon()  # a request that comes too late
    assert (slow.refreshed, follower.problem) == (1, "")


def test_an_index_that_cannot_change_is_left_alone():
    collection = WordCollection([("a", ["a"], {})])
    assert not isinstance(collection, Followed)
    follower = Follower([collection])
    follower.refresh_soon()
    wait_until_idle(follower)
    assert follower.problem == ""


def test_an_error_of_the_model_is_its_sentence(site, monkeypatch):
    def refused(_: Any) -> None:
        raise InputError("http://host:1: cannot be called")

    monkeypatch.setattr(site.index, "refresh", refused)
    assert site.info()["problem"] == "http://host:1: cannot be called"
