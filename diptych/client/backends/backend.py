"""What a client needs of a model, wherever it runs."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from schema.errors import InputError


class Backend(Protocol):
    """A model that embeds the bytes of images and of texts. Its methods may run in threads.

    Attributes:
        name: of the model and its version: 'emoji release 3'.
        dim: values of an embedding.
        digest: differs between two models whose embeddings differ.
    """

    name: str
    dim: int
    digest: str

    def embed_images(self, images: Sequence[bytes]) -> tuple[np.ndarray, np.ndarray]:
        """Embed encoded images [n]: float32 [n, d], and valid, bool [n].

        Raises:
            InputError: the model does not answer.
        """

    def embed_texts(self, texts: Sequence[bytes]) -> np.ndarray:
        """Embed texts in UTF-8 [n]: float32 [n, d].

        Raises:
            InputError: the model does not answer.
        """


def checked(
    embeddings: object,
    count: int,
    dim: int | None,
    where: str,
    valid: np.ndarray | None = None,
) -> np.ndarray:
    """Return the embeddings that a model answered with, as float32 [count, dim].

    Args:
        embeddings: the answer.
        count: of the inputs.
        dim: values of an embedding; None: any number.
        where: the model, for the error.
        valid: which of them are used, bool [count]; None: all.

    Raises:
        InputError: they have another shape, are no numbers, or one that is used is not finite.
    """
    try:
        array = np.asarray(embeddings, np.float32)
    except (TypeError, ValueError) as error:
        raise InputError(f"{where}: does not answer with embeddings") from error
    if array.ndim != 2 or len(array) != count or not array.shape[1]:
        raise InputError(f"{where}: answers {count} inputs with an array {list(array.shape)}")
    if dim is not None and array.shape[1] != dim:
        raise InputError(f"{where}: answers with {array.shape[1]} values, not {dim}")
    if not np.isfinite(array if valid is None else array[valid]).all():
        raise InputError(f"{where}: answers with an embedding that is not finite")
    return array
