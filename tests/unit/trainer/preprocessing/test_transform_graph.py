"""The graph of Transform as tf.Transform and TensorFlow read it, and the records it writes."""

import gzip
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_transform.tf_metadata.dataset_metadata import DatasetMetadata

from schema import features
from trainer.config.transform import TransformConfig
from trainer.preprocessing import preprocessing_fn, transform_graph, vocabulary_file
from trainer.preprocessing.tokenizer import Tokenizer

CONFIG = TransformConfig.model_validate(
    {"text": {"max_tokens": 4, "max_captions": 2, "vocabulary_size": 100}, "image": {"size": 64}}
)
SPEC = {
    features.IMAGE_KEY: tf.io.FixedLenFeature([1], tf.string),
    features.IMAGE_ENCODED: tf.io.FixedLenFeature([1], tf.string),
    features.CAPTIONS: tf.io.VarLenFeature(tf.string),
    features.LABELS: tf.io.VarLenFeature(tf.int64),
    features.IMAGE_WIDTH: tf.io.FixedLenFeature([1], tf.int64),  # which the graph does not use
}
COUNTS = Counter({b"red": 9, b"cat": 5, b"": 3})


@pytest.fixture(scope="module")
def graph(tmp_path_factory) -> str:
    folder = str(tmp_path_factory.mktemp("jürgen"))
    raw = DatasetMetadata.from_feature_spec(SPEC)
    transform_graph.write_graph(folder, CONFIG, raw, COUNTS)
    return folder


def record(key: str, captions: list[str], size: tuple[int, int] = (40, 20)) -> bytes:
    def of(*values: bytes) -> tf.train.Feature:
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))

    image = tf.io.encode_png(tf.zeros([*size, 3], tf.uint8)).numpy()
    held = {
        features.IMAGE_KEY: of(key.encode()),
        features.IMAGE_ENCODED: of(image),
        features.CAPTIONS: of(*(caption.encode() for caption in captions)),
    }
    return tf.train.Example(features=tf.train.Features(feature=held)).SerializeToString()


def write(path: Path, records: list[bytes]) -> str:
    with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
        for each in records:
            writer.write(each)
    return str(path)


def test_tf_transform_reads_it_with_its_vocabulary_and_both_schemas(graph):
    output = tft.TFTransformOutput(graph)
    assert output.raw_feature_spec() == SPEC
    shapes = {name: each.shape for name, each in output.transformed_feature_spec().items()}
    assert shapes == {
        features.TOKENS: [2, 4],
        features.CAPTION_IDS: [2],
        features.CAPTION_LABELS: [2],
        features.PIXELS: [],
        features.KEY_ID: [],
    }
    file = output.vocabulary_file_by_name("vocabulary")
    assert file.startswith(graph)
    pieces = Path(file).read_text().splitlines()
    assert {"red", "cat"} <= set(pieces)
    layer = output.transform_features_layer()
    captions = tf.sparse.from_dense([["Red red"]])
    # As serving calls it: with captions alone.
    found = tf.function(lambda: layer({features.CAPTIONS: captions})[features.TOKENS])()
    assert found.numpy().tolist() == [[[pieces.index("red")] * 2 + [0] * 2, [0] * 4]]


def test_records_come_out_in_their_order_in_files_that_are_not_compressed(graph, tmp_path):
    keys = [f"key {number}" for number in range(transform_graph.BATCH + 3)]
    source = write(tmp_path / "in.gz", [record(key, ["red"]) for key in keys])
    target = str(tmp_path / "out.gz")
    assert transform_graph.Records(graph).write(source, target) == len(keys)
    spec: Any = tft.TFTransformOutput(graph).transformed_feature_spec()
    read = [
        tf.io.parse_single_example(each, spec) for each in tf.data.TFRecordDataset(target, "GZIP")
    ]
    ids = tf.strings.to_hash_bucket_fast(keys, 2**63 - 2) + 1
    assert [int(each[features.KEY_ID]) for each in read] == ids.numpy().tolist()
    assert [each[features.CAPTION_LABELS].numpy().tolist() for each in read] == [[1, 0]] * len(keys)
    pixels = tf.io.parse_tensor(read[-1][features.PIXELS], tf.uint8)
    assert pixels.shape == [64, 64, 3]
    assert len(gzip.decompress(Path(target).read_bytes())) <= Path(target).stat().st_size
    assert Path(target).stat().st_size > len(keys) * 64 * 64 * 3


def test_a_file_without_records_becomes_one(graph, tmp_path):
    source, target = write(tmp_path / "in.gz", []), str(tmp_path / "out.gz")
    assert transform_graph.Records(graph).write(source, target) == 0
    assert not list(tf.data.TFRecordDataset(target, "GZIP"))


def test_words_are_counted_as_the_graph_splits_them(tmp_path):
    records = [
        record("a", ["Red,red", "cat", "beyond"]),
        record("b", []),
        record("c", ["\uff23AT"]),
    ]
    counts = vocabulary_file.count_words(write(tmp_path / "in.gz", records), 2)
    assert counts == {b"red": 2, b",": 1, b"cat": 2}


def test_the_folder_for_temporary_files_may_have_any_name(tmp_path, monkeypatch):
    temporary = tmp_path / "jürgen [1]"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    folder = str(tmp_path / "graph")
    transform_graph.write_graph(folder, CONFIG, DatasetMetadata.from_feature_spec(SPEC), COUNTS)
    pieces = Path(tft.TFTransformOutput(folder).vocabulary_file_by_name("vocabulary")).read_text()
    assert {"red", "cat"} <= set(pieces.splitlines())


class FirstWord(Tokenizer):
    """Reads the vocabulary itself, as no table does: the id of a caption's first word."""

    def learn(self, counts):
        return ["[PAD]", "[UNK]", *sorted(counts)]

    def tokenize(self, captions, words, file):
        tokens = tf.strings.split(tf.io.read_file(file), "\n")
        same = tf.equal(words.flat_values[:, None], tokens[None])
        ids = tf.where(tf.reduce_any(same, 1), tf.argmax(same, 1), 1)
        return words.with_flat_values(ids).to_tensor(shape=[None, self.config.max_tokens])


def test_a_tokenizer_may_read_the_vocabulary_in_any_way(tmp_path, monkeypatch):
    monkeypatch.setattr(preprocessing_fn, "create_tokenizer", FirstWord)
    monkeypatch.setattr(vocabulary_file, "create_tokenizer", FirstWord)
    folder = tmp_path / "made"
    raw = DatasetMetadata.from_feature_spec(SPEC)
    transform_graph.write_graph(str(folder), CONFIG, raw, COUNTS)
    moved = folder.rename(tmp_path / "moved elsewhere")
    source = write(tmp_path / "in.gz", [record("one", ["Red cat", "a dog"])])
    target = str(tmp_path / "out.gz")
    transform_graph.Records(str(moved)).write(source, target)
    [example] = tf.data.TFRecordDataset(target, "GZIP")
    found = tf.train.Example.FromString(example.numpy()).features.feature
    # Of [PAD], [UNK], cat, red.
    assert list(found[features.TOKENS].int64_list.value) == [3, 2, 0, 0, 1, 1, 0, 0]
