"""A metric that one file of a user adds is measured, gated and given to TFMA like the built-in."""

import subprocess
import sys

import numpy as np
import pytest
from pydantic import ValidationError

from components.evaluator.config import EvaluationConfig, Gate
from components.evaluator.gates import decide
from components.evaluator.metrics.measure import measure
from components.evaluator.metrics.queries import QueryMeans, text_queries
from components.evaluator.metrics.registry import METRICS, Metric
from components.evaluator.metrics.scores import Scores
from components.evaluator.tfma.metric import RetrievalMetrics
from tests.support.scores import scores_of

NAME = "text_to_image_recall_at_2"


def recall_at_2(scores: Scores) -> QueryMeans:
    queries = text_queries(scores)
    chance = 2 / queries.candidates
    return QueryMeans(queries, {NAME: queries.ranks <= 2}, {NAME: chance})


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    list(METRICS)  # read the built-in ones first
    monkeypatch.setitem(METRICS._entries, NAME, Metric(recall_at_2, is_share=True))


def test_a_metric_is_not_known_before_it_is_registered():
    with pytest.raises(ValidationError, match=f"metric = '{NAME}' is none of equal_"):
        Gate(metric=NAME, at_least=0.5)


@pytest.mark.usefixtures("registered")
def test_a_registered_metric_is_measured_and_gated():
    # Three of four captions are first or second; of 50 images.
    scores = Scores.concatenate(scores_of([1.0, 1.0], [[1.0, 2.0], [2.0, 5.0]]))
    measured = measure(scores, 100, 0.95)
    assert measured[NAME].candidate.value == 0.75
    assert measured[NAME].background.chance == 0.04
    gate = Gate(metric=NAME, at_least=0.8)
    result = decide(EvaluationConfig(gates=(gate,)), {(): measured}, None).gates[0]
    assert not result.passed
    assert result.sentence.startswith(f"{NAME} = 0.750 [")
    [computation] = RetrievalMetrics(resamples=100, confidence=0.9).computations()
    assert NAME in {key.name for key in computation.keys}


@pytest.mark.usefixtures("registered")
def test_metrics_of_one_statistic_are_measured_together():
    built = [metric.statistic for metric in METRICS.values()]
    assert built.count(recall_at_2) == 1
    assert len(set(built)) == 7  # both directions, pairs, classes, embeddings, tokens, and this one
    scores = Scores.concatenate(scores_of([1.0, 1.0], [[1.0, 2.0], [2.0, 5.0]])).sorted()
    np.testing.assert_array_equal(recall_at_2(scores).values(), [[0.75]])


def test_the_metrics_of_a_config_are_known_without_tensorflow():
    program = (
        "import sys; from components.evaluator.config import Gate; "
        "Gate(metric='pair_auc', at_least=0.5); "
        "print(sorted({'tensorflow', 'tfx', 'apache_beam'} & sys.modules.keys()))"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert answer.stdout == "[]\n", answer.stderr
