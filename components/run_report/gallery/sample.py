"""Embed a fixed sample of the evaluated records by the model that would be released."""

import dataclasses
import heapq
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401  registers the ops of the served model

from components.evaluator.ranking.embedded import Embedded
from components.evaluator.tfma.predictions import Records, TextEmbedder
from schema import features, serving_names
from schema.errors import InputError
from schema.text.stable_hash import hash_of

AT_ONCE = 128  # records of one call of the model


@dataclasses.dataclass(frozen=True)
class Shown:
    """What a report shows of a record: its image as it is stored, captions and attributes."""

    key: str
    image: bytes
    captions: tuple[str, ...]
    attributes: Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class Sample:
    """Embedded records.

    Attributes:
        shown: of each record, [n].
        embedded: images [n, d] and distinct texts [u, d].
        texts: the distinct texts, as the first record writes each, [u].
        of_records: how many the split holds.
    """

    shown: Sequence[Shown]
    embedded: Embedded
    texts: Sequence[str]
    of_records: int


def read_sample(folder: Path, model: Path, most: int) -> Sample:
    """Read and embed records, those whose keys hash lowest: the same ones every time.

    Args:
        folder: of a split, gzipped TFRecords of tf.train.Example.
        model: folder of the joint SavedModel.
        most: records to embed; an image that the model cannot decode is left out.

    Raises:
        InputError: the split holds no record, or none that the model can embed.
    """
    kept, count = _lowest(_records(folder), most)
    if not kept:
        raise InputError(f"{folder}: holds no record that a report could show")
    return _embed([record for _, record in sorted(kept)], model, count)


def _records(folder: Path) -> Iterable[bytes]:
    files = sorted(map(str, folder.iterdir()))
    return tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator()


def _lowest(records: Iterable[bytes], most: int) -> tuple[list[tuple[str, bytes]], int]:
    """Return the (key, record) whose keys hash lowest, and the number of all records."""
    heap: list[tuple[int, str, bytes]] = []
    count = 0
    for record in records:
        key = tf.train.Example.FromString(record).features.feature[features.IMAGE_KEY]
        name = key.bytes_list.value[0].decode()
        entry = (-hash_of(name), name, record)
        count += 1
        if len(heap) < most:
            heapq.heappush(heap, entry)
        else:
            heapq.heappushpop(heap, entry)
    return [(name, record) for _, name, record in heap], count


def _embed(records: list[bytes], model: Path, count: int) -> Sample:
    signature = tf.saved_model.load(str(model)).signatures[serving_names.SERVING_DEFAULT]
    answers: list[dict[str, np.ndarray]] = []
    for start in range(0, len(records), AT_ONCE):
        batch = tf.constant(records[start : start + AT_ONCE])
        answer = signature(**{serving_names.EXAMPLES_INPUT: batch})
        answers.append({name: value.numpy() for name, value in answer.items()})
    predicted = {name: np.concatenate([one[name] for one in answers]) for name in answers[0]}
    images = predicted[features.IMAGE_EMBEDDING]
    [usable] = np.nonzero(np.isfinite(images).all(axis=1))
    if not len(usable):
        raise InputError(f"{model}: embeds no image of the evaluated split")
    parsed = [_parsed(records[place]) for place in usable]
    rows = Records(
        [shown.key for shown, _ in parsed],
        [caption for shown, _ in parsed for caption in shown.captions],
        np.repeat(np.arange(len(parsed)), [len(shown.captions) for shown, _ in parsed]),
        np.concatenate([labels for _, labels in parsed]),
    )
    embedded = rows.embedded(
        {name: values[usable] for name, values in predicted.items()}, TextEmbedder(str(model))
    )
    first = np.unique(embedded.text, return_index=True)[1]
    return Sample(
        [shown for shown, _ in parsed], embedded, [rows.captions[place] for place in first], count
    )


def _parsed(record: bytes) -> tuple[Shown, np.ndarray]:
    """Return what is shown of a record, and whether each caption is a match."""
    feature: Any = tf.train.Example.FromString(record).features.feature
    captions = tuple(text.decode() for text in feature[features.CAPTIONS].bytes_list.value)
    labels = np.ones(len(captions), bool)
    if features.LABELS in feature and feature[features.LABELS].int64_list.value:
        labels = np.asarray(feature[features.LABELS].int64_list.value, bool)
    attributes = {
        features.attribute_name(name): value.bytes_list.value[0].decode()
        for name, value in sorted(feature.items())
        if features.is_attribute(name) and value.bytes_list.value
    }
    shown = Shown(
        feature[features.IMAGE_KEY].bytes_list.value[0].decode(),
        feature[features.IMAGE_ENCODED].bytes_list.value[0],
        captions,
        attributes,
    )
    return shown, labels
