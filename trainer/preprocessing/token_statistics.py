"""Count what tokenizing loses: unknown characters, and captions that become equal."""

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np
import tensorflow as tf

from schema import features
from trainer.preprocessing.vocabulary import BYTES, HALF_BYTES, UNKNOWN

BATCH = 1000  # records
_FACTOR = np.uint64(0x9E3779B97F4A7C15)  # 2^64 by the golden ratio, odd


@dataclasses.dataclass(frozen=True)
class TokenStatistics:
    """Counts over captions, each distinct text once.

    Attributes:
        tokens: of all captions.
        unknown: tokens that are `UNKNOWN` or spell an unknown character.
        captions: distinct texts.
        equal: distinct texts with the same tokens as another one.
    """

    tokens: int
    unknown: int
    captions: int
    equal: int

    @property
    def unknown_share(self) -> float:
        """The share of tokens that are unknown."""
        return self.unknown / max(1, self.tokens)

    @property
    def equal_share(self) -> float:
        """The share of captions that no network can distinguish from another one."""
        return self.equal / max(1, self.captions)


def unknown_ids(pieces: Sequence[str]) -> np.ndarray:
    """Return the ids of a vocabulary that stand for unknown characters or spell them."""
    spelling = {UNKNOWN, *BYTES, *HALF_BYTES}
    return np.array([i for i, piece in enumerate(pieces) if piece in spelling])


def count(batches: Iterable[tuple[np.ndarray, np.ndarray]], unknown: np.ndarray) -> TokenStatistics:
    """Count over batches of caption ids [n], 0 = no caption, and tokens [n, max_tokens]."""
    rows = []
    for caption_ids, tokens in batches:
        present = caption_ids != 0
        ids, first = np.unique(caption_ids[present], return_index=True)
        distinct = tokens[present][first]
        counts = (distinct != 0).sum(axis=1), np.isin(distinct, unknown).sum(axis=1)
        columns = (ids, _digest(distinct), *counts)
        rows.append(np.stack([column.astype(np.uint64) for column in columns], axis=1))
    if not rows:
        return TokenStatistics(0, 0, 0, 0)
    table = np.concatenate(rows)
    _, first = np.unique(table[:, 0], return_index=True)
    table = table[first]
    _, times = np.unique(table[:, 1], return_counts=True)
    return TokenStatistics(
        tokens=int(table[:, 2].sum()),
        unknown=int(table[:, 3].sum()),
        captions=len(table),
        equal=int(times[times > 1].sum()),
    )


def _digest(tokens: np.ndarray) -> np.ndarray:
    """Hash each row to 64 bits; among a million rows two collide with odds of 1 in 10^7."""
    hashes = np.zeros(len(tokens), np.uint64)
    for column in tokens.astype(np.uint64).T:
        hashes = (hashes ^ column) * _FACTOR
        hashes ^= hashes >> np.uint64(29)
    return hashes


def captions_of(folder: str, limit: int = -1) -> tf.data.Dataset:
    """Read the captions of a split's examples, in batches [n].

    Args:
        folder: holds gzip files of serialized tf.train.Example.
        limit: records to read; -1: all.
    """
    files = sorted(tf.io.gfile.glob(f"{folder}/*"))
    spec = {features.CAPTIONS: tf.io.RaggedFeature(tf.string)}

    def captions(batch: tf.Tensor) -> tf.Tensor:
        return tf.io.parse_example(batch, spec)[features.CAPTIONS].flat_values

    return tf.data.TFRecordDataset(files, "GZIP").take(limit).batch(BATCH).map(captions)
