"""Transformed records as towers read them: pixels, token ids, and who matches whom."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from schema import features
from trainer.config.transform import ImageConfig, TextConfig
from trainer.preprocessing import images


@dataclasses.dataclass(frozen=True)
class Records:
    """Some records of a split.

    Attributes:
        pixels: uint8 [n, size, size, 3].
        tokens: of every caption, record by record, int64 [m, max_tokens].
        owner: the record of each caption, int64 [m].
        caption_ids: of each caption, int64 [m], equal iff the captions are the same.
        is_match: whether a caption matches its own image, bool [m].
    """

    pixels: np.ndarray
    tokens: np.ndarray
    owner: np.ndarray
    caption_ids: np.ndarray
    is_match: np.ndarray


def read(files: Sequence[str], most: int, image: ImageConfig, text: TextConfig) -> Records:
    """Read the first records of a split that Transform wrote.

    Args:
        files: GZIP TFRecords.
        most: how many records, at most.
        image: how pixels are stored.
        text: how many captions and tokens there are.
    """
    captions = [text.max_captions]
    spec = {
        features.PIXELS: tf.io.FixedLenFeature([], tf.string),
        features.TOKENS: tf.io.FixedLenFeature([*captions, text.max_tokens], tf.int64),
        features.CAPTION_IDS: tf.io.FixedLenFeature(captions, tf.int64),
        features.CAPTION_LABELS: tf.io.FixedLenFeature(captions, tf.int64),
    }

    def parse(serialized: tf.Tensor) -> dict[str, tf.Tensor]:
        record = tf.io.parse_single_example(serialized, spec)
        return {**record, features.PIXELS: images.read(record[features.PIXELS], image)}

    records = tf.data.TFRecordDataset(list(files), compression_type="GZIP").take(most)
    found = list(records.map(parse).as_numpy_iterator())
    names = (features.TOKENS, features.CAPTION_IDS, features.CAPTION_LABELS)
    tokens, ids, labels = (np.array([record[name] for record in found]) for name in names)
    owner, place = np.nonzero(ids)
    return Records(
        pixels=np.array([record[features.PIXELS] for record in found]),
        tokens=tokens[owner, place],
        owner=owner,
        caption_ids=ids[owner, place],
        is_match=labels[owner, place] != 0,
    )


def recall(images: np.ndarray, texts: np.ndarray, records: Records, at: int) -> tuple[float, int]:
    """Return the share of captions with a matching image among the `at` nearest, and their number.

    An image matches a caption if it has the same caption. Of equal similarities, those of other
    images count as greater.

    Args:
        images: embeddings of all records [n, d].
        texts: embeddings of all captions [m, d].
        records: who matches whom.
        at: answers to a query.
    """
    _, number = np.unique(records.caption_ids, return_inverse=True)
    matching = np.zeros((number.max(initial=-1) + 1, len(images)), bool)
    matching[number[records.is_match], records.owner[records.is_match]] = True
    asked = records.is_match
    scores, matches = texts[asked] @ images.T, matching[number[asked]]
    best = np.where(matches, scores, -np.inf).max(1)
    before = ((scores >= best[:, None]) & ~matches).sum(1)
    return float((before < at).mean()) if len(before) else 0.0, len(before)
