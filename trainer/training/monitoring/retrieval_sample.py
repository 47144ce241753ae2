"""A fixed sample of records, of those learned from or of others, to measure networks on."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from schema import features
from trainer.config.trainer import TrainerConfig
from trainer.training import input_pipeline
from trainer.training.holdout import Keep

Embed = Callable[[tf.Tensor], tf.Tensor]

RECORDS = 512
AT_ONCE = 128


@dataclasses.dataclass(frozen=True)
class Sample:
    """The first records of some files.

    Attributes:
        pixels: uint8 [n, size, size, 3].
        tokens: of all their captions, int64 [m, tokens].
        owner: of each caption, the place of its image, [m].
        caption_ids: of each caption, [m]; equal iff the texts are.
    """

    pixels: np.ndarray
    tokens: np.ndarray
    owner: np.ndarray
    caption_ids: np.ndarray

    @property
    def count(self) -> int:
        """How many images."""
        return len(self.pixels)

    @property
    def images_alike(self) -> bool:
        """Whether all images, two or more, have the same pixels."""
        return self.count > 1 and bool((self.pixels == self.pixels[0]).all())

    @property
    def texts_alike(self) -> bool:
        """Whether all captions, two or more, have the same word pieces."""
        return len(self.tokens) > 1 and bool((self.tokens == self.tokens[0]).all())

    def first(self, count: int) -> "Sample":
        """The first images, with their captions."""
        kept = self.owner < count
        return Sample(
            self.pixels[:count], self.tokens[kept], self.owner[kept], self.caption_ids[kept]
        )

    def embed(self, images: Embed, texts: Embed) -> tuple[np.ndarray, np.ndarray]:
        """Image embeddings [n, d] and text embeddings [m, d], by the towers of a model."""
        return _in_parts(images, self.pixels), _in_parts(texts, self.tokens)

    def ranks(self, images: np.ndarray, texts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of each distinct text its best image's rank, and of each image its best text's.

        As in evaluation: a text that stands with several images is one query, which matches each of
        them, and one candidate. The first rank is 1, and a tie counts as half; an image without a
        caption has no rank.
        """
        first, matches = self._matches()
        similarity = texts[first] @ images.T
        return _ranks(similarity, matches), _ranks(similarity.T, matches.T)

    def chance(self, k: int) -> float:
        """The text-to-image recall@k of images in random order, the mean over distinct texts.

        Of N images m carry a text; none of the first k does with C(N - m, k) / C(N, k).
        """
        others = self.count - self._matches()[1].sum(1)
        drawn = np.arange(min(k, self.count))
        missed = np.maximum(others[:, None] - drawn, 0) / (self.count - drawn)
        return float(1 - missed.prod(1).mean())

    def _matches(self) -> tuple[np.ndarray, np.ndarray]:
        """The first caption of each distinct text, [u], and whether an image carries it, [u, n]."""
        _, first, text = np.unique(self.caption_ids, return_index=True, return_inverse=True)
        matches = np.zeros((len(first), self.count), bool)
        matches[text, self.owner] = True
        return first, matches


def recall(ranks: np.ndarray, k: int) -> float:
    """Recall@k: the share of ranks up to k."""
    return float((ranks <= k).mean())


def _in_parts(embed: Embed, values: np.ndarray) -> np.ndarray:
    parts = (values[start : start + AT_ONCE] for start in range(0, len(values), AT_ONCE))
    return np.concatenate([embed(tf.constant(part)).numpy() for part in parts])


def _ranks(similarity: np.ndarray, matches: np.ndarray) -> np.ndarray:
    """The rank of the best match of each query [q, candidates] that has one."""
    best = np.where(matches, similarity, -np.inf).max(1, keepdims=True)
    others = np.where(matches, -np.inf, similarity)
    rank = 1 + (others > best).sum(1) + 0.5 * (others == best).sum(1)
    return rank[matches.any(1)]


def read(
    files: Sequence[str], spec: input_pipeline.Spec, config: TrainerConfig, keep: Keep | None = None
) -> Sample | None:
    """The first records of some transformed files that are kept; None if there is none."""
    if not files:
        return None
    found = input_pipeline.examples(files, spec, config, keep=keep)
    records = list(found.take(RECORDS).as_numpy_iterator())
    if not records:
        return None
    stacked = {name: np.stack([record[name] for record in records]) for name in records[0]}
    ids = stacked[features.CAPTION_IDS]
    told = (ids != 0) & (stacked[features.CAPTION_LABELS] == 1)
    return Sample(
        stacked[features.PIXELS],
        stacked[features.TOKENS][told],
        np.nonzero(told)[0],
        ids[told],
    )
