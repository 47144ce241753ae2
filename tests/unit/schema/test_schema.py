"""The curated schema, the attributes added to it, and what the strict validator says."""

import pyarrow as pa
import pytest
import tensorflow_transform as tft
import tfx.components  # noqa: F401  TFDV needs its patches

import tensorflow_data_validation as tfdv  # isort: skip
from tensorflow_data_validation.statistics.stats_impl import generate_statistics_in_memory
from tensorflow_metadata.proto.v0 import schema_pb2

from components.example_validator.rules import sentences, validate
from components.import_schema.component import CURATED, with_attributes
from schema import features
from schema.errors import InputError

GOOD = {
    features.IMAGE_KEY: [[b"a"], [b"b"]],
    features.IMAGE_FORMAT: [[b"png"], [b"jpeg"]],
    features.IMAGE_WIDTH: [[64], [64]],
    features.IMAGE_HEIGHT: [[64], [64]],
    features.IMAGE_BYTES: [[640], [641]],
    features.CAPTIONS: [[b"x", b"y x"], [b"!"]],
    features.CAPTION_WORDS: [[1, 2], [0]],
    features.WORDS: [[b"x", b"y"], None],
    features.attribute("vendor"): [[b"v"], None],
}


@pytest.fixture(scope="module")
def schema() -> schema_pb2.Schema:
    return with_attributes(CURATED.read_text(), ["vendor"])


def anomalies(schema, **changes) -> list[str]:
    columns = GOOD | {features_by_word[word]: values for word, values in changes.items()}
    batch = pa.RecordBatch.from_pydict({k: pa.array(v) for k, v in columns.items() if v})
    statistics = generate_statistics_in_memory(batch, tfdv.StatsOptions())
    return sentences(validate(statistics, schema))


features_by_word = {
    "width": features.IMAGE_WIDTH,
    "format": features.IMAGE_FORMAT,
    "captions": features.CAPTIONS,
    "labels": features.LABELS,
    "bytes": features.IMAGE_BYTES,
    "key": features.IMAGE_KEY,
    "words": features.WORDS,
    "caption_words": features.CAPTION_WORDS,
    "vendor": features.attribute("vendor"),
    "new": "extra",
}


def test_good_data_has_no_anomaly(schema):
    assert anomalies(schema) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"width": [[64], [0]]}, ["image/width", "small value: 0"]),
        ({"width": [[64], None]}, ["image/width", "fewer examples than expected"]),
        ({"format": [[b"png"], [b"tiff"]]}, ["image/format", "tiff"]),
        ({"captions": None}, ["text/captions", "completely missing"]),
        ({"labels": [[1, 0], [2]]}, ["text/labels", "large value: 2"]),
        ({"vendor": [[b"v", b"w"], None]}, ["attributes/vendor", "more values than expected"]),
        ({"width": [[64], [65536]]}, ["image/width", "large value: 65536"]),
        ({"bytes": [[1], [0]]}, ["image/bytes", "small value: 0"]),
        ({"key": [[b"a"], None]}, ["image/key", "fewer examples than expected"]),
        ({"labels": [[1, 0], [-1]]}, ["text/labels", "small value: -1"]),
        ({"caption_words": [[1, 2], [-1]]}, ["text/caption_words", "small value: -1"]),
        ({"caption_words": [[1, 2], None]}, ["text/caption_words", "fewer examples"]),
        ({"words": None}, ["text/words", "completely missing"]),
        ({"new": [[1], [2]]}, ["extra", "New column"]),
    ],
)
def test_an_anomaly_names_feature_and_rule(schema, changes, words):
    found = anomalies(schema, **changes)
    assert all(sentence.startswith(f"{words[0]}: ") for sentence in found)
    assert any(words[1].lower() in sentence.lower() for sentence in found)


def test_the_schema_parses_records_as_transform_expects(schema):
    spec = tft.tf_metadata.schema_utils.schema_as_feature_spec(schema).feature_spec
    assert spec[features.IMAGE_ENCODED].shape == [1]
    assert type(spec[features.CAPTIONS]).__name__ == "VarLenFeature"
    for name in (features.attribute("vendor"), features.WORDS, features.PERCEPTUAL_HASH):
        assert type(spec[name]).__name__ == "VarLenFeature"


def test_the_curated_file_is_left_as_it_is(schema):
    again = with_attributes(CURATED.read_text(), [])
    assert [f.name for f in schema.feature if f not in again.feature] == ["attributes/vendor"]


@pytest.mark.parametrize("text", ["feature {", "feature { nam: 'x' }", "x" * 5000, "\0"])
def test_a_damaged_schema_is_one_short_sentence(text):
    with pytest.raises(InputError, match="is not a Schema in text format: ") as caught:
        with_attributes(text, [])
    assert len(str(caught.value)) < 300
