"""What tokenising loses: unknown characters, and captions that become equal."""

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np
import tensorflow as tf

from schema import features
from trainer.preprocessing.vocabulary import BYTES, HALF_BYTES, UNKNOWN

AT_ONCE = 1000  # records
_FACTOR = np.uint64(0x9E3779B97F4A7C15)  # 2^64 by the golden ratio, odd


@dataclasses.dataclass(frozen=True)
class TokenStatistics:
    """Counts over captions, each distinct text once.

    Attributes:
        tokens: kept of all captions.
        unknown: of them `UNKNOWN`, or a piece that spells an unknown character.
        captions: distinct texts.
        equal: of them with the same tokens as another one.
    """

    tokens: int
    unknown: int
    captions: int
    equal: int

    @property
    def unknown_share(self) -> float:
        """Share of the tokens that are unknown."""
        return self.unknown / max(1, self.tokens)

    @property
    def equal_share(self) -> float:
        """Share of the captions that no network can tell from another one."""
        return self.equal / max(1, self.captions)


def unknown_ids(pieces: Sequence[str]) -> np.ndarray:
    """The ids of a vocabulary that stand for unknown characters or spell them."""
    spelling = {UNKNOWN, *BYTES, *HALF_BYTES}
    return np.array([i for i, piece in enumerate(pieces) if piece in spelling])


def count(batches: Iterable[tuple[np.ndarray, np.ndarray]], unknown: np.ndarray) -> TokenStatistics:
    """Count over batches of caption ids [n], 0 = no caption, and tokens [n, max_tokens]."""
    rows = []
    for caption_ids, tokens in batches:
        there = caption_ids != 0
        ids, first = np.unique(caption_ids[there], return_index=True)
        kept = tokens[there][first]
        amounts = (kept != 0).sum(axis=1), np.isin(kept, unknown).sum(axis=1)
        columns = (ids, _digest(kept), *amounts)
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
    """64 bits of each row; different rows have different ones, but for odds of 1 in 10^7."""
    found = np.zeros(len(tokens), np.uint64)
    for column in tokens.astype(np.uint64).T:
        found = (found ^ column) * _FACTOR
        found ^= found >> np.uint64(29)
    return found


def captions_of(folder: str, limit: int = -1) -> tf.data.Dataset:
    """Batches [n] of the captions of a split's examples.

    Args:
        folder: of gzip files of serialized tf.train.Example.
        limit: records that are read; -1: all.
    """
    files = sorted(tf.io.gfile.glob(f"{folder}/*"))
    spec = {features.CAPTIONS: tf.io.RaggedFeature(tf.string)}

    def captions(batch: tf.Tensor) -> tf.Tensor:
        return tf.io.parse_example(batch, spec)[features.CAPTIONS].flat_values

    return tf.data.TFRecordDataset(files, "GZIP").take(limit).batch(AT_ONCE).map(captions)
