"""Turn a batch of TFMA's extracts into embedded records and their slices."""

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401  registers the ops of the served model, in workers too

from components.evaluator import slices
from components.evaluator.config import ASPECT_RATIO, CAPTION_LENGTH
from components.evaluator.ranking.embedded import Embedded, first_occurrences
from schema import features, serving_names
from trainer.preprocessing.captions import text_ids

Embed = Callable[[Sequence[str]], np.ndarray]  # n texts to float32 [n, d]
TEXTS_AT_ONCE = 1024
Raw = dict[str, Any]  # a batch of raw features as TFMA hands them over


@dataclasses.dataclass(frozen=True)
class Records:
    """The captions of a batch, one row a caption.

    Attributes:
        keys: [n].
        captions: [m].
        owner: the record of each caption, int [m], ascending.
        is_match: False for an explicit mismatch, bool [m].
    """

    keys: list[str]
    captions: list[str]
    owner: np.ndarray
    is_match: np.ndarray

    @classmethod
    def of(cls, raw: Raw) -> "Records":
        """Read them from the raw features."""
        captions = [[text.decode() for text in row] for row in rows(raw[features.CAPTIONS])]
        labels = [np.ones(len(texts), bool) for texts in captions]
        if features.LABELS in raw:
            for record, given in enumerate(rows(raw[features.LABELS])):
                if len(given):
                    labels[record] = np.asarray(given, bool)
        return cls(
            [row[0].decode() for row in rows(raw[features.IMAGE_KEY])],
            [text for texts in captions for text in texts],
            np.repeat(np.arange(len(captions)), [len(texts) for texts in captions]),
            np.concatenate(labels),
        )

    def embedded(self, predicted: dict[str, np.ndarray], embed_texts: Embed) -> Embedded:
        """Embed them by one model; a text of several captions has the embedding of the first.

        Args:
            predicted: the outputs of the model's serving_default.
            embed_texts: its text tower, for captions beyond the number that serving_default
                embeds: a baseline may have been trained when records had fewer.
        """
        table = np.asarray(predicted[features.TEXT_EMBEDDINGS], np.float32)
        ids = text_ids(self.captions)
        first, text = first_occurrences(ids)
        column = np.arange(len(self.owner)) - np.searchsorted(self.owner, self.owner)
        texts = table[self.owner[first], np.minimum(column[first], table.shape[1] - 1)]
        [beyond] = np.nonzero(column[first] >= table.shape[1])
        if len(beyond):
            texts[beyond] = embed_texts([self.captions[caption] for caption in first[beyond]])
        return Embedded(
            self.keys,
            _numbers(np.asarray(predicted[features.IMAGE_EMBEDDING], np.float32)),
            _numbers(texts),
            ids[first],
            text,
            self.owner,
            self.is_match,
        )

    def slice_values(self, name: str, raw: Raw) -> list[str]:
        """Return the value of a slice for each record, [n]."""
        if name == CAPTION_LENGTH:
            matching = zip(self.captions, self.owner, self.is_match, strict=True)
            by_record: list[list[str]] = [[] for _ in self.keys]
            for caption, record, is_match in matching:
                if is_match:
                    by_record[record].append(caption)
            return [slices.caption_length(captions) for captions in by_record]
        if name == ASPECT_RATIO:
            sides = zip(
                rows(raw[features.IMAGE_WIDTH]), rows(raw[features.IMAGE_HEIGHT]), strict=True
            )
            return [slices.aspect_ratio(width[0], height[0]) for width, height in sides]
        values = self.attribute(name, raw)
        return [slices.ABSENT if value is None else value for value in values]

    def attribute(self, name: str, raw: Raw) -> list[str | None]:
        """Return the attribute of each record, None where it has none, [n]."""
        given = raw.get(features.attribute(name))
        if given is None:
            return [None] * len(self.keys)
        return [row[0].decode() if len(row) else None for row in rows(given)]


def _numbers(vectors: np.ndarray) -> np.ndarray:
    """Set rows with a nan or an infinity to zero.

    Compared with anything, nan is not larger, and so would rank first. Zero ties with all that is
    zero: a model that answers nan to everything lands in the middle, and its variance is 0.
    """
    return np.where(np.isfinite(vectors).all(axis=1, keepdims=True), vectors, np.float32(0))


def rows(values: Any) -> Iterable[np.ndarray]:
    """Return the values of each record, whether TFMA passes them dense or sparse."""
    if hasattr(values, "dense_shape"):  # of TFMA's three sparse types and TensorFlow's one
        counts = np.bincount(values.indices[:, 0], minlength=values.dense_shape[0])
        return np.split(values.values, np.cumsum(counts)[:-1])
    return list(values)


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
