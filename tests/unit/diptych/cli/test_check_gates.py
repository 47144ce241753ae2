"""Gates that the data cannot pass are found by `diptych check`."""

import pytest
import tensorflow as tf
import tfx  # noqa: F401  TensorFlow Data Validation needs it to be there first

import tensorflow_data_validation as tfdv  # isort: skip

from components.evaluator.config import EvaluationConfig
from diptych.cli.check.command import impossible_gates
from schema import features


def statistics(folder, labels: list[list[int]]):
    path = str(folder / "records")
    with tf.io.TFRecordWriter(path) as writer:
        for given in labels:
            example = tf.train.Example()
            example.features.feature[features.LABELS].int64_list.value.extend(given)
            example.features.feature[features.CAPTIONS].bytes_list.value.append(b"a")
            if not given:
                del example.features.feature[features.LABELS]
            writer.write(example.SerializeToString())
    return tfdv.generate_statistics_from_tfrecord(path).datasets[0]


@pytest.mark.parametrize(
    ("labels", "possible"),
    [
        ([[1, 0], [1, 1]], True),
        ([[0], []], True),  # a record without labels is one of matches
        ([[1, 1], [1]], False),
        ([[], []], False),
    ],
)
def test_pair_metrics_need_both_labels(tmp_path, labels, possible):
    gates = [
        {"metric": "pair_auc", "at_least": 0.7},
        {"metric": "image_to_text_mrr", "at_least": 0},
    ]
    given = EvaluationConfig.model_validate({"split": "test", "gates": gates}, strict=False)
    found = list(impossible_gates(given, statistics(tmp_path, labels)))
    assert bool(found) is not possible
    if found:
        assert found == [
            "evaluation.gates: pair_auc compares captions that match with captions that do not, "
            "and the split test has no caption with the label 0 beside one that matches: leave "
            "the gate out, or give the captions labels"
        ]


def test_without_such_a_gate_the_statistics_are_not_looked_at():
    given = EvaluationConfig.model_validate(
        {"gates": [{"metric": "image_to_text_mrr", "at_least": 0}]}, strict=False
    )
    assert list(impossible_gates(given, None)) == []
