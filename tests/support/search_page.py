"""A search page over a model of words: every word has a random direction, a text is their sum."""

import contextlib
import hashlib
import io
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from PIL import Image

from diptych.client.collection import Hit
from diptych.search.access import Access
from diptych.search.app import make_app
from diptych.search.engine import Engine
from diptych.search.routes import Api
from diptych.search.server import HEAD_S, address_of, listen, serve

DIM = 32
Record = tuple[str, Sequence[str], Mapping[str, str]]  # key, captions, attributes


def direction(word: str) -> np.ndarray:
    seed = int.from_bytes(hashlib.sha256(word.encode(errors="replace")).digest()[:8], "big")
    vector = np.random.default_rng(seed).standard_normal(DIM)
    return np.asarray(vector / np.linalg.norm(vector))


def meaning(text: str) -> np.ndarray:
    """float32 [DIM] of length 1."""
    total = np.sum([np.zeros(DIM), *map(direction, text.lower().split())], axis=0)
    scaled: np.ndarray = (total / max(float(np.linalg.norm(total)), 1e-9)).astype(np.float32)
    return scaled


def picture(number: int, side: int = 48, height: int | None = None) -> bytes:
    """A PNG that is different for each number; square, unless it has a height of its own."""
    colours = np.random.default_rng(number).integers(0, 255, (4, 4, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(colours).resize((side, height or side), Image.Resampling.NEAREST).save(
        file, "PNG"
    )
    return file.getvalue()


class WordCollection:
    """Images that mean the words of their first caption."""

    dim = DIM

    def __init__(self, records: Sequence[Record]):
        self.keys = [key for key, _, _ in records]
        self._records = {key: (captions, attributes) for key, captions, attributes in records}
        self.pictures = {key: picture(number) for number, key in enumerate(self.keys)}
        self.vectors = np.stack([meaning((captions or ["x"])[0]) for _, captions, _ in records])

    def search(
        self, query: np.ndarray, k: int, where: Mapping[str, str] | None = None
    ) -> list[Hit]:
        scores = self.vectors @ query
        best = [int(place) for place in np.argsort(-scores, kind="stable")]
        wanted = set((where or {}).items())
        kept = [n for n in best if wanted <= set(self.attributes(self.keys[n]).items())]
        return [Hit(self.keys[n], float(scores[n]), None) for n in kept[:k]]

    def thumbnail(self, key: str) -> bytes | None:
        return self.pictures.get(key)

    def captions(self, key: str) -> Sequence[str]:
        return self._records.get(key, ((), {}))[0]

    def attributes(self, key: str) -> Mapping[str, str]:
        return self._records.get(key, ((), {}))[1]

    def attribute_counts(self) -> Mapping[str, Mapping[str, int]]:
        counts: dict[str, dict[str, int]] = {}
        for _, attributes in self._records.values():
            for name, value in attributes.items():
                values = counts.setdefault(name, {})
                values[value] = values.get(value, 0) + 1
        return counts


class ChangingCollection(WordCollection):
    """Such images in a folder: `change` is taken up by the next refresh."""

    def __init__(self, records: Sequence[Record]):
        super().__init__(records)
        self.version = 1
        self.failures: dict[str, str] = {}
        self.refreshed = 0
        self._next: Callable[[], Sequence[Record]] | None = None

    def change(self, records: Callable[[], Sequence[Record]]) -> None:
        self._next = records

    def refresh(self, progress: Callable[[int, int], None] | None = None) -> None:
        self.refreshed += 1
        if self._next is not None:
            pictures = self.pictures
            WordCollection.__init__(self, self._next())
            self.pictures |= {key: pictures[key] for key in self.keys if key in pictures}
            self.version, self._next = self.version + 1, None


class WordModel:
    """Embeds texts by their words, and the pictures of a collection by their first caption."""

    dim = DIM

    def __init__(self, collection: WordCollection, name: str = "words release 1"):
        self.name, self.calls = name, 0
        self.pause = threading.Event()
        self.pause.set()
        known = zip(collection.pictures.values(), collection.vectors, strict=True)
        self._images = dict(known)

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        self.calls += 1
        self.pause.wait(30)
        return np.stack([meaning(text) for text in texts])

    def try_embed_images(self, images: Sequence[bytes]) -> tuple[np.ndarray, np.ndarray]:
        nothing = np.full(DIM, np.nan, np.float32)
        rows = [self._images.get(image, nothing) for image in images]
        valid = np.array([image in self._images for image in images])
        return np.stack(rows), valid


FRUIT: list[Record] = [
    (f"{colour}/{thing}", [f"{colour} {thing}", f"a {thing}, {colour}"], {"colour": colour})
    for colour in ("red", "green", "blue")
    for thing in ("apple", "pear", "car", "house", "fish")
]


class WordEngine(Engine):
    """An engine over such images."""

    model: WordModel
    collection: WordCollection


def word_engine(records: Sequence[Record] = FRUIT, name: str = "words release 1") -> WordEngine:
    collection = WordCollection(records)
    return WordEngine(WordModel(collection, name), collection)


@contextlib.contextmanager
def served(
    *engines: Engine, token: str | None = None, waiting: int = 64, head_s: float = HEAD_S
) -> Iterator[str]:
    """The address of a page over some engines, until the end of the block."""
    api = Api(list(engines), ["a collection"] * len(engines), waiting)
    opened = listen("127.0.0.1", 0)
    ready = threading.Event()
    app = make_app(api, Access("127.0.0.1", token), "0.1.0")
    stop: list[object] = []
    thread = threading.Thread(target=serve, args=(app, opened, ready.set, stop.append, head_s))
    thread.start()
    try:
        assert ready.wait(20)
        yield address_of(opened, "127.0.0.1")
    finally:
        for server in stop:
            server.should_exit = True  # type: ignore[attr-defined]
        thread.join(20)
        opened.close()
        assert not thread.is_alive()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
