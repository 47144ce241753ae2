"""The raw records behind the trainer's golden outputs."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from schema import features
from trainer.preprocessing.captions import caption_ids, fingerprint, normalise, split_words

READ_AT_ONCE = 64  # records


@dataclasses.dataclass(frozen=True)
class GoldenRecords:
    """Records as received, and the trainer's embeddings of them."""

    examples: Sequence[bytes]  # serialized tf.train.Example, [n]
    images: Sequence[bytes]  # encoded as received, [n]
    texts: Sequence[bytes]  # every caption, record by record, [m]
    image_embeddings: np.ndarray  # [n, d]
    present: np.ndarray  # bool [n, max_captions], where the table stands for a caption
    text_table: np.ndarray  # [n, max_captions, d], zero where there is no caption
    text_embeddings: np.ndarray  # [m, d], the table's rows of `texts`


def find_records(golden_outputs: Mapping[str, np.ndarray], files: Sequence[str]) -> GoldenRecords:
    """Find the records of the golden outputs among raw ones, by fingerprints of key and captions.

    Args:
        golden_outputs: see `trainer.export.golden_outputs.embed`.
        files: GZIP TFRecords of raw records.

    Returns:
        Those that are there, in the order of the golden outputs.
    """
    keys, ids = golden_outputs[features.KEY_ID], golden_outputs[features.CAPTION_IDS]
    wanted = {
        (int(key), tuple(row)): i
        for i, (key, row) in enumerate(zip(keys, ids.tolist(), strict=True))
    }
    records: dict[int, tuple[bytes, bytes, list[bytes]]] = {}
    dataset = tf.data.TFRecordDataset(list(files), compression_type="GZIP")
    for batch in dataset.batch(READ_AT_ONCE).as_numpy_iterator():
        for identity, record in _identified(batch, ids.shape[1]):
            if identity in wanted:
                records.setdefault(wanted[identity], record)
        if len(records) == len(wanted):
            break
    rows = sorted(records)
    present = ids[rows] != 0
    table = golden_outputs[features.TEXT_EMBEDDINGS][rows]
    captions = [caption for row in rows for caption in records[row][2]]
    return GoldenRecords(
        examples=[records[row][0] for row in rows],
        images=[records[row][1] for row in rows],
        texts=captions,
        image_embeddings=golden_outputs[features.IMAGE_EMBEDDING][rows],
        present=present,
        text_table=table,
        text_embeddings=table[present],
    )


def _identified(
    batch: np.ndarray, max_captions: int
) -> list[tuple[tuple[int, tuple[int, ...]], tuple[bytes, bytes, list[bytes]]]]:
    """Return records with their identities: ((key id, caption ids), (example, image, captions))."""
    parsed = tf.io.parse_example(
        batch,
        {
            features.IMAGE_KEY: tf.io.FixedLenFeature([], tf.string),
            features.IMAGE_ENCODED: tf.io.FixedLenFeature([], tf.string),
            features.CAPTIONS: tf.io.RaggedFeature(tf.string),
        },
    )
    keys = fingerprint(parsed[features.IMAGE_KEY]).numpy().tolist()
    images = parsed[features.IMAGE_ENCODED].numpy().tolist()
    captions = parsed[features.CAPTIONS]
    words = split_words(normalise(captions.values))
    flat_ids = captions.with_values(caption_ids(words))
    result = []
    for example, key, image, texts, ids in zip(
        batch.tolist(), keys, images, captions.to_list(), flat_ids.to_list(), strict=True
    ):
        padded = tuple(ids[:max_captions] + [0] * (max_captions - len(ids)))
        # A caption without a word has the id of padding, in the model as well.
        kept = [caption for caption, i in zip(texts, padded, strict=False) if i]
        result.append(((key, padded), (example, image, kept)))
    return result
