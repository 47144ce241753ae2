"""A fixed sample of records, from the train split or held out, on which networks are measured."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from schema import features
from trainer.config.transform import TransformConfig
from trainer.training.data import input_pipeline
from trainer.training.data.input_pipeline import Keep

Embed = Callable[[tf.Tensor], tf.Tensor]

RECORDS = 512
AT_ONCE = 128  # records


@dataclasses.dataclass(frozen=True)
class Sample:
    """The first records of some files.

    Attributes:
        pixels: uint8 [n, size, size, 3].
        tokens: of all their captions, int64 [m, tokens].
        owner: the index of each caption's image, [m].
        caption_ids: of each caption, [m]; equal if and only if the texts are.
        place: of each caption in its record, padding included, [m].
        image_inputs: what networks that learn get of the images, [n, ...]; None: the pixels.
        text_inputs: what they get of the captions, [m, ...]; None: the tokens.
    """

    pixels: np.ndarray
    tokens: np.ndarray
    owner: np.ndarray
    caption_ids: np.ndarray
    place: np.ndarray | None = None
    image_inputs: np.ndarray | None = None
    text_inputs: np.ndarray | None = None

    @property
    def count(self) -> int:
        """The number of images."""
        return len(self.pixels)

    @property
    def distinct_texts(self) -> int:
        """The number of different captions."""
        return len(np.unique(self.caption_ids))

    @property
    def images_alike(self) -> bool:
        """Whether all images, two or more, have the same pixels."""
        return self.count > 1 and bool((self.pixels == self.pixels[0]).all())

    @property
    def texts_alike(self) -> bool:
        """Whether all captions, two or more, have the same tokens."""
        return len(self.tokens) > 1 and bool((self.tokens == self.tokens[0]).all())

    def first(self, count: int) -> "Sample":
        """Return the first images, with their captions."""
        kept = self.owner < count
        per_image, per_caption = slice(count), kept

        def part(values: np.ndarray | None, chosen: slice | np.ndarray) -> np.ndarray | None:
            return None if values is None else values[chosen]

        return Sample(
            self.pixels[per_image],
            self.tokens[per_caption],
            self.owner[per_caption],
            self.caption_ids[per_caption],
            part(self.place, per_caption),
            part(self.image_inputs, per_image),
            part(self.text_inputs, per_caption),
        )

    def embed(self, images: Embed, texts: Embed) -> tuple[np.ndarray, np.ndarray]:
        """Embed the sample: image embeddings [n, d] and text embeddings [m, d].

        Args:
            images: embeds a batch of `image_inputs`.
            texts: embeds a batch of `text_inputs`.
        """
        pixels, tokens = self.image_inputs, self.text_inputs
        return (
            _in_parts(images, self.pixels if pixels is None else pixels),
            _in_parts(texts, self.tokens if tokens is None else tokens),
        )

    def ranks(self, images: np.ndarray, texts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rank the best match of each distinct text, and of each image with a caption.

        As in the Evaluator, a text that several images carry is one query, which matches all of
        them, and one candidate. The first rank is 1; a tie counts as half.

        Args:
            images: embeddings [n, d].
            texts: embeddings [m, d].

        Returns:
            Ranks of images for texts [u], and of texts for images [at most n].
        """
        first, matches = self._matches()
        similarity = texts[first] @ images.T
        return _ranks(similarity, matches), _ranks(similarity.T, matches.T)

    def chance(self, k: int) -> float:
        """Return the expected text-to-image recall@k of a random ranking.

        If m of N images carry a text, none of the first k does with probability
        C(N - m, k) / C(N, k). The result is the mean over distinct texts.
        """
        others = self.count - self._matches()[1].sum(1)
        drawn = np.arange(min(k, self.count))
        missed = np.maximum(others[:, None] - drawn, 0) / (self.count - drawn)
        return float(1 - missed.prod(1).mean())

    def _matches(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the first caption of each distinct text [u], and which images carry it [u, n]."""
        _, first, text = np.unique(self.caption_ids, return_index=True, return_inverse=True)
        matches = np.zeros((len(first), self.count), bool)
        matches[text, self.owner] = True
        return first, matches


def recall(ranks: np.ndarray, k: int) -> float:
    """Return recall@k: the share of ranks up to k."""
    return float((ranks <= k).mean())


def _in_parts(embed: Embed, values: np.ndarray) -> np.ndarray:
    parts = (values[start : start + AT_ONCE] for start in range(0, len(values), AT_ONCE))
    return np.concatenate([embed(tf.constant(part)).numpy() for part in parts])


def _ranks(similarity: np.ndarray, matches: np.ndarray) -> np.ndarray:
    """Rank the best match of each query that has one; both arguments are [queries, candidates].

    A query whose best match is NaN ranks last: every comparison with NaN is false, so that it would
    otherwise rank first.
    """
    best = np.where(matches, similarity, -np.inf).max(1, keepdims=True)
    others = np.where(matches, -np.inf, similarity)
    rank = 1 + (others > best).sum(1) + 0.5 * (others == best).sum(1)
    rank[~np.isfinite(best[:, 0])] = similarity.shape[1]
    return rank[matches.any(1)]


def read_sample(
    files: Sequence[str],
    spec: input_pipeline.Spec,
    config: TransformConfig,
    keep: Keep | None = None,
    most: int = RECORDS,
) -> Sample | None:
    """Read the first records of transformed files.

    Args:
        files: transformed records.
        spec: their parsing spec.
        config: how images are decoded.
        keep: which records to take; None: all.
        most: records to read.

    Returns:
        The sample; None if there is no record.
    """
    dataset = input_pipeline.examples(files, spec, config, keep=keep)
    records = list(dataset.take(most).as_numpy_iterator())
    if not records:
        return None
    stacked = {name: np.stack([record[name] for record in records]) for name in records[0]}
    ids = stacked[features.CAPTION_IDS]
    matching = (ids != 0) & (stacked[features.CAPTION_LABELS] == 1)
    owner, place = np.nonzero(matching)
    tokens = stacked[features.TOKENS][matching]
    return Sample(stacked[features.PIXELS], tokens, owner, ids[matching], place)
