"""A release in a Python program: embed images and texts, compare and search them."""

import functools
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar, cast

import numpy as np
from PIL import Image

from diptych.client.backends.backend import Backend
from diptych.client.batches import TEXTS_AT_ONCE, batches
from diptych.client.catalogue import Catalogue
from diptych.client.collection import Collection, Hit
from diptych.client.folder_index.folder_index import FolderIndex
from diptych.client.images import UNDECODABLE, ImageInput, check_kind, encode, is_large, name_of
from schema.errors import InputError
from schema.text.messages import number_of

_INDEX = "index"  # folder of a release

T = TypeVar("T")


class Release:
    """A loaded release, or a model that TensorFlow Serving serves. Its methods may run in threads.

    Args:
        backend: the model.
        folder: of the release; None: it is served elsewhere.
    """

    def __init__(self, backend: Backend, folder: Path | None):
        self._backend, self._folder = backend, folder

    def __repr__(self) -> str:
        return f"<{self.name}, {self.dim} values>"

    @property
    def name(self) -> str:
        """Return the name of the pipeline and the number: 'emoji release 3'."""
        return self._backend.name

    @property
    def dim(self) -> int:
        """Return how many values an embedding has."""
        return self._backend.dim

    @property
    def folder(self) -> Path | None:
        """Return the folder of the release; None: the model is served elsewhere."""
        return self._folder

    def embed_images(self, images: Iterable[ImageInput]) -> np.ndarray:
        """Embed images.

        Args:
            images: paths, bytes of files, arrays uint8 [h, w, 3], or images of Pillow, also mixed.

        Returns:
            float32 [n, d].

        Raises:
            InputError: an image cannot be read or decoded, the message names it; or the model does
                not answer.
        """
        listed = _listed(images, "images")
        embeddings, failures = self._embed(listed)
        for position, failure in failures.items():
            more = len(failures) - 1
            also = f"; {number_of(more, 'more image')} cannot be used either" if more else ""
            raise InputError(f"{name_of(listed[position], position)}: {failure}{also}")
        return embeddings

    def try_embed_images(self, images: Iterable[ImageInput]) -> tuple[np.ndarray, np.ndarray]:
        """Embed those of some images that can be decoded.

        Args:
            images: as of `embed_images`.

        Returns:
            float32 [n, d], NaN for an image that cannot be read or decoded, and valid, bool [n].

        Raises:
            InputError: something in the list is of a kind that is never an image, or the model does
                not answer.
        """
        embeddings, failures = self._embed(_listed(images, "images"))
        valid = np.ones(len(embeddings), bool)
        valid[list(failures)] = False
        return embeddings, valid

    def embed_texts(self, texts: Iterable[str]) -> np.ndarray:
        """Embed texts.

        Returns:
            float32 [m, d].

        Raises:
            InputError: one is not a text, or the model does not answer.
        """
        encoded = _encoded(texts)
        embeddings = np.empty((len(encoded), self.dim), np.float32)
        for start in range(0, len(encoded), TEXTS_AT_ONCE):
            part = slice(start, start + TEXTS_AT_ONCE)
            embeddings[part] = self._backend.embed_texts(encoded[part])
        return embeddings

    def similarity(self, images: Iterable[ImageInput], texts: Iterable[str]) -> np.ndarray:
        """Return the inner product of every image with every text, float32 [n, m].

        Embeddings are of length 1 unless the config has `model.normalize: false`, so that this is
        their cosine, as the signature `similarity` answers.

        Raises:
            InputError: as `embed_images` and `embed_texts`.
        """
        return np.asarray(self.embed_images(images) @ self.embed_texts(texts).T)

    def search(self, query: str | ImageInput | np.ndarray, k: int = 5) -> list[Hit]:
        """Search the release's own index.

        Args:
            query: a text; an image that is not given as a text: `Path`, bytes, an array
                uint8 [h, w, 3] or an image of Pillow; or an embedding [d].
            k: most answers.

        Returns:
            The nearest images, best first.

        Raises:
            InputError: the release has no index, or the query cannot be used.
        """
        return self.catalogue().search(self.embed_query(query), k)

    def embed_query(self, query: str | ImageInput | np.ndarray) -> np.ndarray:
        """Return the embedding of a query, as of `search`: float32 [d].

        Raises:
            InputError: the query cannot be used.
        """
        if isinstance(query, str):
            return np.asarray(self.embed_texts([query])[0])
        if isinstance(query, np.ndarray) and query.ndim == 1:
            return query
        return np.asarray(self.embed_images([query])[0])

    def index(
        self, folder: str | Path, progress: Callable[[int, int], None] | None = None
    ) -> FolderIndex:
        """Embed the images in a folder, at any depth, and index them.

        Embeddings are kept below the user's cache folder, by file and by model: a second call
        embeds only what has changed.

        Args:
            folder: of images; what is hidden or not named like an image is left out.
            progress: called with how many images are done, and of how many.

        Raises:
            InputError: the folder cannot be read, or the model does not answer. A file that cannot
                be used raises nothing: see `FolderIndex.failures`.
        """
        return FolderIndex(self._backend, folder, progress)

    def catalogue(self) -> Collection:
        """Return the release's own index.

        Raises:
            InputError: the release has none, or the model is served elsewhere.
        """
        return self._catalogue

    @functools.cached_property
    def _catalogue(self) -> Catalogue:
        if self._folder is None:
            raise InputError(
                f"{self.name}: a model server has no index of images; load the folder of the "
                "release, or index a folder"
            )
        catalogue = Catalogue(self._folder / _INDEX)
        if catalogue.dim != self.dim:
            raise InputError(
                f"{self._folder / _INDEX}: its vectors have {catalogue.dim} values, the model's "
                f"{self.dim}"
            )
        return catalogue

    def _embed(self, images: Sequence[ImageInput]) -> tuple[np.ndarray, dict[int, str]]:
        """Return embeddings [n, d], NaN where there is none, and why, by position, ascending."""
        if isinstance(images, np.ndarray) and images.ndim != 4:
            raise InputError(
                f"images are given as a list or as an array uint8 [n, height, width, 3], not as an "
                f"array {list(images.shape)}"
            )
        for position, image in enumerate(images):
            check_kind(image, position)
        embeddings = np.full((len(images), self.dim), np.nan, np.float32)
        failures: dict[int, str] = {}
        for batch in batches(
            range(len(images)),
            lambda position: encode(images[position]),
            lambda position: is_large(images[position]),
        ):
            failures |= {read.item: read.failure for read in batch if read.image is None}
            positions = [read.item for read in batch if read.image is not None]
            if not positions:
                continue
            data = [read.image.data for read in batch if read.image is not None]
            embedded, valid = self._backend.embed_images(data)
            embeddings[positions] = np.where(valid[:, None], embedded, np.nan)
            failures |= {
                position: UNDECODABLE
                for position, is_valid in zip(positions, valid, strict=True)
                if not is_valid
            }
        return embeddings, dict(sorted(failures.items()))


def _listed(values: Iterable[T], what: str) -> Sequence[T]:
    """Return some values as a sequence; a generator is read to its end.

    Raises:
        InputError: it holds no values.
    """
    if isinstance(values, str | Path | bytes | Image.Image):
        raise InputError(f"{what} are given as a list: write [{what[:-1]}] for a single one")
    if isinstance(values, Sequence):
        return values
    if isinstance(values, np.ndarray) and values.ndim:
        return cast("Sequence[T]", values)
    try:
        return list(values)
    except TypeError as error:
        raise InputError(f"{what} are given as a list, not as {type(values).__name__}") from error


def _encoded(texts: Iterable[str]) -> list[bytes]:
    encoded = []
    for position, text in enumerate(_listed(texts, "texts")):
        if not isinstance(text, str):
            raise InputError(f"texts[{position}] is of the type {type(text).__name__}, not a text")
        try:
            encoded.append(text.encode())
        except UnicodeEncodeError as error:
            raise InputError(f"texts[{position}] holds half of a character: {error}") from error
    return encoded
