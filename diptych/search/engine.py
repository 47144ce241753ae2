"""Answer queries over a collection of images; this knows nothing of HTTP.

A query is a text, an image or both, minus a text. If it has several parts, each is embedded and
scaled to length 1, and their sum, scaled again, is what the images are compared with.
"""

import dataclasses
import io
import threading
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from PIL import Image

from diptych.search.facets import Facet, choose_facets
from diptych.search.follower import Followed
from schema.errors import InputError
from schema.text.messages import number_of
from schema.text.untrusted_text import escaped

if TYPE_CHECKING:
    from diptych.client.collection import Collection

MOST_PIXELS = 50_000_000  # of an uploaded image; decoded it takes 150 MB
MINUS = 0.6  # the weight of what is subtracted: at 1 the rest of a query would count for less
CAPTIONED_IMAGES, MOST_CAPTIONS = 48, 96  # nearest images, and captions of theirs that are ranked
REMEMBERED_CAPTIONS = 20_000  # embeddings that are kept, 256 float32 each: 20 MB
FORMATS = "JPEG, PNG, GIF, WebP and BMP"
_NOTHING_LEFT = 1e-4  # length of a query after a subtraction


class Model(Protocol):
    """What embeds texts and images."""

    @property
    def name(self) -> str: ...
    @property
    def dim(self) -> int: ...
    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Return float32 [m, d]."""

    def try_embed_images(self, images: Sequence[bytes]) -> tuple[np.ndarray, np.ndarray]:
        """Return float32 [n, d], NaN where an image cannot be decoded, and bool [n]."""


@dataclasses.dataclass(frozen=True)
class Query:
    """What is searched for: a text, an image (bytes of a file) or both, minus a text."""

    text: str = ""
    image: bytes | None = None
    minus: str = ""
    k: int = 24
    where: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Shown:
    """An image as the page shows it; control characters in its texts are visible.

    `record` is the key as the collection has it, `score` None where nothing was searched for.
    """

    record: str
    key: str
    score: float | None
    captions: tuple[str, ...]
    attributes: Mapping[str, str]
    path: Path | None = None


@dataclasses.dataclass(frozen=True)
class Answer:
    """The nearest images, and for an image in the query the captions that fit it, best first."""

    images: tuple[Shown, ...]
    captions: tuple[tuple[str, float], ...]


class Engine:
    """Answer queries with one model over one collection."""

    def __init__(self, model: Model, collection: "Collection"):
        self.model, self.collection = model, collection
        self._captions: dict[str, np.ndarray] = {}
        self._facets: tuple[int, Sequence[Facet]] | None = None
        self._lock = threading.Lock()

    @property
    def facets(self) -> Sequence[Facet]:
        """Attributes to filter by, with their values; counted once for a version."""
        version, known = self.version, self._facets
        if known is None or known[0] != version:
            known = version, choose_facets(self.collection.attribute_counts())
            self._facets = known
        return known[1]

    @property
    def version(self) -> int:
        """A number that grows when the collection changes."""
        return self.collection.version if isinstance(self.collection, Followed) else 0

    @property
    def failures(self) -> Mapping[str, str]:
        """Why files of the collection cannot be searched, by their names."""
        return self.collection.failures if isinstance(self.collection, Followed) else {}

    def warm_up(self) -> None:
        """Answer queries of each kind once, so that the first person does not wait."""
        picture = io.BytesIO()
        Image.new("RGB", (64, 64), "white").save(picture, "PNG")
        self.search(Query(text="a", k=1))
        self.search(Query(image=picture.getvalue(), k=1))
        assert self.facets is not None

    def search(self, query: Query) -> Answer:
        """Answer a query.

        Raises:
            InputError: it has neither text nor image, its image cannot be decoded, or it subtracts
                itself.
        """
        return self._answer(query, None if query.image is None else self._image(query.image))

    def search_all(self, queries: Iterable[Query]) -> Iterator[Answer]:
        """Yield the answer to each query; an image of several queries is embedded once."""
        before: tuple[bytes, np.ndarray] | None = None
        for query in queries:
            if query.image is None:
                yield self._answer(query, None)
                continue
            if before is None or before[0] is not query.image:
                before = query.image, self._image(query.image)
            yield self._answer(query, before[1])

    def _answer(self, query: Query, image: np.ndarray | None) -> Answer:
        vector = self._combine(query, image)
        where = dict(query.where) or None
        hits = self.collection.search(vector, query.k, where)
        captions = () if image is None else self._rank_captions(image)
        return Answer(tuple(self.show(hit.key, hit.score, hit.path) for hit in hits), captions)

    def embed(
        self, texts: Sequence[str], images: Sequence[bytes]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Embed texts [m, d] and images [n, d]; the third array says which could be decoded."""
        nothing = np.zeros((0, self.model.dim), np.float32)
        for number, image in enumerate(images, 1):
            check_size(image, f"image {number}" if len(images) > 1 else "the image")
        embedded = self.model.embed_texts(texts) if texts else nothing
        pixels, valid = (
            self.model.try_embed_images(images) if images else (nothing, np.zeros(0, bool))
        )
        return embedded, pixels, valid

    def sample(self, number: int) -> tuple[Shown, ...]:
        """Return images from all over the collection, the same each time."""
        keys = self.collection.keys
        chosen = np.random.default_rng(0).permutation(len(keys))[:number]
        return tuple(self.show(keys[place]) for place in chosen.tolist())

    def show(self, key: str, score: float | None = None, path: Path | None = None) -> Shown:
        """Describe an image of the collection for people."""
        attributes = self.collection.attributes(key)
        return Shown(
            key,
            escaped(key),
            None if score is None else float(score),
            tuple(map(escaped, self.collection.captions(key))),
            {escaped(name): escaped(value) for name, value in attributes.items()},
            path,
        )

    def _image(self, image: bytes) -> np.ndarray:
        check_size(image, "the image")
        embedded, valid = self.model.try_embed_images([image])
        if not valid[0]:
            raise InputError(f"the image cannot be decoded; {FORMATS} can be searched for")
        return np.asarray(embedded[0])

    def _combine(self, query: Query, image: np.ndarray | None) -> np.ndarray:
        texts = [text for text in (query.text, query.minus) if text.strip()]
        if image is None and not query.text.strip():
            raise InputError("the query has neither a text nor an image; give one of them")
        embedded = list(self.model.embed_texts(texts)) if texts else []
        if len(texts) + (image is not None) == 1:  # as it is, for the scores that a client gets
            return image if image is not None else np.asarray(embedded[0])
        total = np.zeros(self.model.dim, np.float32) if image is None else _unit(image)
        if query.text.strip():
            total += _unit(embedded.pop(0))
        if query.minus.strip():
            total -= MINUS * _unit(embedded.pop(0)) * np.linalg.norm(total)
        if np.linalg.norm(total) < _NOTHING_LEFT:
            raise InputError("the query subtracts all that it searches for; change a part of it")
        return _unit(total)

    def _rank_captions(self, image: np.ndarray) -> tuple[tuple[str, float], ...]:
        """Rank the captions of the nearest images by how well they fit an image, float32 [d]."""
        nearest = self.collection.search(image, CAPTIONED_IMAGES)
        captions = (text for hit in nearest for text in self.collection.captions(hit.key))
        texts = list(dict.fromkeys(captions))
        if not texts:
            return ()
        embedded = self._embed_captions(texts[:MOST_CAPTIONS])
        scores = embedded @ image
        best = np.argsort(-scores, kind="stable")
        return tuple((escaped(texts[place]), float(scores[place])) for place in best.tolist())

    def _embed_captions(self, texts: Sequence[str]) -> np.ndarray:
        with self._lock:
            known = {text: self._captions[text] for text in texts if text in self._captions}
        new = [text for text in texts if text not in known]
        if new:
            added = dict(zip(new, self.model.embed_texts(new), strict=True))
            known |= added
            with self._lock:
                if len(self._captions) + len(added) > REMEMBERED_CAPTIONS:
                    self._captions.clear()
                self._captions |= added
        return np.stack([known[text] for text in texts])


def check_size(image: bytes, name: str) -> None:
    """Read the size of an image from its header.

    Raises:
        InputError: it is empty, or has so many pixels that decoding it could use up the memory.
    """
    if not image:
        raise InputError(f"{name} is an empty file")
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(image)) as file:
            wide, high = file.size
    except Image.DecompressionBombError:
        raise InputError(f"{name} has too many pixels; at most {MOST_PIXELS:,} are taken") from None
    except Exception:
        return
    if wide * high > MOST_PIXELS:
        raise InputError(
            f"{name} has {number_of(wide * high, 'pixel')}; at most {MOST_PIXELS:,} are taken"
        )


def _unit(vector: np.ndarray) -> np.ndarray:
    scaled: np.ndarray = (vector / max(float(np.linalg.norm(vector)), 1e-12)).astype(np.float32)
    return scaled
