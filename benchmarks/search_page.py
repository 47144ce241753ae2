"""The search page's server: how long a query takes over HTTP, over 100,000 images.

    .venv/bin/python -m benchmarks.search_page runs/emoji/serving

The model is that of the release; the images of the index are random unit vectors, with a caption
and two attributes each. A query goes over HTTP from another thread, as the page sends it: the next
one when the answer to the last has been read. The aims: 95 % of the text queries under 50 ms, of
the image queries under 150 ms.
"""

import argparse
import concurrent.futures
import http.client
import io
import json
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from PIL import Image

import diptych
from benchmarks import machine
from components.catalogue_index.config import IndexConfig
from components.catalogue_index.index import CatalogueIndex
from diptych.client.collection import AttributeTable, Hit, search_among
from diptych.search.access import Access
from diptych.search.app import make_app
from diptych.search.engine import Engine
from diptych.search.routes import Api
from diptych.search.server import address_of, listen, serve

IMAGES, WARM_UP, QUERIES, K = 100_000, 20, 300, 36
WORDS = (
    *("red", "green", "blue", "small", "large", "old", "new", "apple", "house", "car", "fish"),
    *("bird", "tree", "face", "hand", "star"),
)


class RandomCollection:
    """Random unit vectors with captions and attributes."""

    def __init__(self, dim: int):
        rng = np.random.default_rng(0)
        vectors = rng.standard_normal((IMAGES, dim), np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        self.dim, self.vectors = dim, vectors
        self.keys = [f"folder/{number:06d}" for number in range(IMAGES)]
        self._places = {key: place for place, key in enumerate(self.keys)}
        self._index = CatalogueIndex.build(self.keys, vectors, IndexConfig(kind="exact"))
        self._table = AttributeTable(map(self.attributes, self.keys))

    def search(
        self, query: np.ndarray, k: int, where: Mapping[str, str] | None = None
    ) -> list[Hit]:
        """Search exactly."""
        if where:
            among = self._table.positions(where)
            places, scores = search_among(query[None], self.vectors, among, k)
        else:
            [places], [scores] = self._index.positions(query[None], k)
        pairs = zip(places.tolist(), scores.tolist(), strict=True)
        return [Hit(self.keys[place], score, None) for place, score in pairs]

    def thumbnail(self, key: str) -> bytes | None:
        """Return nothing."""

    def captions(self, key: str) -> Sequence[str]:
        """Return two texts."""
        place = self._places[key]
        word, other = WORDS[place % 16], WORDS[place // 16 % 16]
        return (f"{word} {other} {place}", f"a {other}, {word}")

    def attributes(self, key: str) -> Mapping[str, str]:
        """Return two attributes with ten values each."""
        place = self._places[key]
        return {"tens": str(place // 10 % 10), "ones": str(place % 10)}

    def attribute_counts(self) -> Mapping[str, Mapping[str, int]]:
        """Count them."""
        return self._table.counts()


@contextmanager
def server(engine: Engine) -> Iterator[str]:
    """Serve in a thread of this process."""
    opened, ready = listen("127.0.0.1", 0), threading.Event()
    started: list[Any] = []
    app = make_app(Api([engine], ["random"]), Access("127.0.0.1", None), "0")
    thread = threading.Thread(target=serve, args=(app, opened, ready.set, started.append))
    thread.start()
    ready.wait()
    yield address_of(opened, "127.0.0.1")
    started[0].should_exit = True
    thread.join()


def photo(wide: int = 640, high: int = 480) -> bytes:
    """A JPEG with the detail of a photograph."""
    rng = np.random.default_rng(1)
    coarse = rng.integers(0, 255, (high // 20, wide // 20, 3), np.uint8)
    image = Image.fromarray(coarse).resize((wide, high), Image.Resampling.BICUBIC)
    noise = rng.normal(0, 6, (high, wide, 3))
    file = io.BytesIO()
    noisy = np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8)
    Image.fromarray(noisy).save(file, "JPEG", quality=90)
    return file.getvalue()


def form(image: bytes) -> tuple[bytes, str]:
    """A form with an image, as a browser sends it."""
    head = b'--b\r\nContent-Disposition: form-data; name="image"; filename="x"\r\n\r\n'
    more = f'\r\n--b\r\nContent-Disposition: form-data; name="k"\r\n\r\n{K}\r\n--b--\r\n'
    return head + image + more.encode(), "multipart/form-data; boundary=b"


def texts(number: int) -> Iterator[tuple[bytes, str]]:
    """Different queries."""
    for place in range(number):
        text = f"{WORDS[place % 16]} {WORDS[place * 7 % 13]} {place}"
        yield json.dumps({"text": text, "k": K}).encode(), "application/json"


def measure(address: str, bodies: Sequence[tuple[bytes, str]]) -> list[float]:
    """Send one body after the other; returns the milliseconds of each, after the warm-up."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc)
    took = []
    for body, kind in bodies:
        started = time.perf_counter()
        connection.request("POST", "/search", body, {"Content-Type": kind})
        answer = connection.getresponse()
        found: Any = json.loads(answer.read())
        took.append(1_000 * (time.perf_counter() - started))
        assert len(found["results"][0]["images"]) == K, found
    connection.close()
    return took[WARM_UP:]


def report(name: str, took: Sequence[float], aim: float | None = None) -> None:
    """Print the median and the 95th percentile."""
    high = float(np.percentile(took, 95))
    aimed = "" if aim is None else f" (aim {aim:.0f}), {'holds' if high < aim else 'MISSED'}"
    print(f"{name:38} median {statistics.median(took):6.1f} ms, p95 {high:6.1f} ms{aimed}")


def main() -> None:
    """Print how long queries take."""
    parser = argparse.ArgumentParser(description="time the queries of the search page")
    parser.add_argument("release", nargs="?", default="runs/emoji/serving")
    release = diptych.load(parser.parse_args().release)
    print(f"{machine.describe()}; {release.name}, {IMAGES:,} vectors of {release.dim} values")
    engine = Engine(release, RandomCollection(release.dim))
    engine.warm_up()
    small = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(small, "PNG")
    number = WARM_UP + QUERIES
    with server(engine) as address:
        report("text", measure(address, list(texts(number))), 50)
        bodies = [
            (json.dumps({**json.loads(body), "where": {"tens": "3"}}).encode(), kind)
            for body, kind in texts(number)
        ]
        report("text with a filter", measure(address, bodies))
        report("image, PNG of 64x64", measure(address, [form(small.getvalue())] * number), 150)
        report("image, JPEG of 640x480", measure(address, [form(photo())] * number), 150)
        at_once: Callable[[Any], list[float]] = lambda body: measure_one(address, body)  # noqa: E731
        with concurrent.futures.ThreadPoolExecutor(50) as threads:
            took = [one for part in threads.map(at_once, texts(50)) for one in part]
        report("50 texts at once", took)


def measure_one(address: str, body: tuple[bytes, str]) -> list[float]:
    """Send one body on a connection of its own."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc)
    started = time.perf_counter()
    connection.request("POST", "/search", body[0], {"Content-Type": body[1]})
    assert connection.getresponse().read()
    return [1_000 * (time.perf_counter() - started)]


if __name__ == "__main__":
    main()
