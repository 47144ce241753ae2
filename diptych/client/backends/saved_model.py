"""The joint SavedModel of a release, called in this process."""

import os
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from diptych.client.backends import model_copies
from diptych.client.backends.backend import checked
from schema import features, serving_names
from schema.errors import InputError
from schema.text.messages import excerpt
from schema.text.untrusted_text import for_people

_QUIET = "TF_CPP_MIN_LOG_LEVEL"
_WITHOUT_CAUSE = ("Graph execution error", "Detected at node", "<stack traces", "[[")


class SavedModel:
    """A `Backend` of a SavedModel.

    Args:
        folder: of the joint SavedModel.
        name: of the model and its version.
        digest: of the model.

    Raises:
        InputError: TensorFlow is not installed, or the folder holds no such model.
    """

    def __init__(self, folder: Path, name: str, digest: str):
        os.environ.setdefault(_QUIET, "2")  # before its import: no lines about the processor
        try:
            import tensorflow as tf
            import tensorflow_text  # noqa: F401  registers the ops of the tokenizer
        except ImportError as error:
            raise InputError(
                f"{folder}: a model is loaded by TensorFlow and TensorFlow Text, which are not "
                f"installed ({error}); install diptych[client]"
            ) from error
        self.name, self.digest = name, digest
        self._folder, self._tf, self._process = folder, tf, os.getpid()
        try:
            self._model = tf.saved_model.load(str(self._with_own_assets(folder)))
        except (OSError, ValueError, KeyError, tf.errors.OpError) as error:
            raise InputError(f"{folder}: has no SavedModel that can be loaded") from error
        self._image = self._signature(serving_names.EMBED_IMAGE)
        self._text = self._signature(serving_names.EMBED_TEXT)
        self.dim = self._text_embedding([b""], None).shape[1]

    def embed_images(self, images: Sequence[bytes]) -> tuple[np.ndarray, np.ndarray]:
        """Embed encoded images [n]: float32 [n, d], and valid, bool [n]."""
        outputs = self._call(self._image, serving_names.IMAGE_INPUT, images)
        valid = outputs[features.VALID].numpy().astype(bool)
        where, answers = str(self._folder), outputs[features.EMBEDDING].numpy()
        return checked(answers, len(images), self.dim, where, valid), valid

    def embed_texts(self, texts: Sequence[bytes]) -> np.ndarray:
        """Embed texts in UTF-8 [n]: float32 [n, d]."""
        return self._text_embedding(texts, self.dim)

    def _text_embedding(self, texts: Sequence[bytes], dim: int | None) -> np.ndarray:
        outputs = self._call(self._text, serving_names.TEXT_INPUT, texts)
        return checked(outputs[features.EMBEDDING].numpy(), len(texts), dim, str(self._folder))

    def _call(self, signature: Any, name: str, values: Sequence[bytes]) -> Any:
        if os.getpid() != self._process:  # TensorFlow's threads are not there: it would wait
            raise InputError(
                f"{self._folder}: the model was loaded before this process was forked; load it in "
                "each process, or start processes by `spawn`"
            )
        try:
            return signature(**{name: self._tf.constant(list(values), self._tf.string)})
        except self._tf.errors.OpError as error:
            raise InputError(f"{self._folder}: the model fails: {_cause(error)}") from error

    def _with_own_assets(self, folder: Path) -> Path:
        """Return a folder of the model whose assets stay there as long as this object.

        The graph opens the vocabulary in every call, and a release may be removed meanwhile.
        """
        if not (folder / model_copies.ASSETS).is_dir():
            return folder
        try:
            copy = model_copies.make(folder)
        except OSError:  # nothing can be written here
            return folder
        weakref.finalize(self, model_copies.remove, *copy, os.getpid())
        return copy.folder

    def _signature(self, name: str) -> Any:
        if name not in self._model.signatures:
            raise InputError(f"{self._folder}: has no signature {name}")
        return self._model.signatures[name]


def _cause(error: Exception) -> str:
    """Return the line of TensorFlow's message that says what is wrong."""
    lines = [line.strip() for line in str(error).splitlines()]
    causes = [line for line in lines if line and not line.startswith(_WITHOUT_CAUSE)]
    return excerpt(for_people(causes[0] if causes else type(error).__name__), 300)
