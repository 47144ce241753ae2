"""Embed texts by the text tower of a served model."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401  registers the ops of the served model, in workers too

from schema import features, serving_names

TEXTS_AT_ONCE = 1024


class TextEmbedder:
    """Load the model at the first call, so that it travels to Beam's workers as a path.

    Args:
        path: of a SavedModel with the signature `embed_text`.
    """

    def __init__(self, path: str):
        self._path = path
        self._model: Any = None

    def __reduce__(self) -> tuple[Any, ...]:
        return TextEmbedder, (self._path,)

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        """Embed some texts, float32 [n, d]; n > 0."""
        if self._model is None:
            self._model = tf.saved_model.load(self._path)
        embed = self._model.signatures[serving_names.EMBED_TEXT]
        parts = [list(texts[n : n + TEXTS_AT_ONCE]) for n in range(0, len(texts), TEXTS_AT_ONCE)]
        answers = [embed(**{serving_names.TEXT_INPUT: tf.constant(part)}) for part in parts]
        return np.concatenate([answer[features.EMBEDDING].numpy() for answer in answers])
