import numpy as np
import pytest

from components.evaluation import eval_config
from components.evaluation.config import EvaluationConfig, Gate, failed_bounds
from components.evaluation.metrics import FUNCTIONS, RANKS, RankMetric
from components.evaluation.names import METRICS

RANKS_GIVEN = [1, 1, 2.5, 6, 40]


def value(name: str, ranks: list[float]) -> float:
    unique, counts = np.unique(ranks, return_counts=True)
    order = np.random.default_rng(0).permutation(len(unique))  # counters keep no order
    return FUNCTIONS[name](unique[order], counts[order])


def test_statistics_by_hand():
    assert value("recall_at_1", RANKS_GIVEN) == pytest.approx(2 / 5)
    assert value("recall_at_5", RANKS_GIVEN) == pytest.approx(3 / 5)
    assert value("recall_at_10", RANKS_GIVEN) == pytest.approx(4 / 5)
    # (1 + 1 + 1/2.5 + 1/6 + 1/40) / 5
    assert value("mrr", RANKS_GIVEN) == pytest.approx(2.5916666 / 5)
    assert value("median_rank", RANKS_GIVEN) == 2.5
    assert value("median_rank", [1, 2, 4, 9]) == 3.0


@pytest.mark.parametrize("size", [1, 2, 9, 10])
def test_the_median_is_numpys(size):
    ranks = np.random.default_rng(size).integers(1, 6, size)
    assert value("median_rank", ranks) == np.median(ranks)


def test_the_combiner_merges_and_leaves_queries_without_rank_out():
    [computation] = RankMetric("text_to_image", "recall_at_1").computations()
    combiner, feature = computation.combiner, RANKS["text_to_image"]

    class Element:
        def __init__(self, ranks):
            self._ranks = ranks

        def get_features(self):
            return {feature: np.array(self._ranks)}

    first = combiner.add_input(combiner.create_accumulator(), Element([1.0, np.nan]))
    second = combiner.add_input(combiner.create_accumulator(), Element([3.0, 1.0]))
    [(key, found)] = combiner.extract_output(combiner.merge_accumulators([first, second])).items()
    assert key.name == "text_to_image_recall_at_1"
    assert found == pytest.approx(2 / 3)
    [(_, none)] = combiner.extract_output(combiner.create_accumulator()).items()
    assert np.isnan(none)


def test_gates_become_thresholds():
    gates = (
        Gate(metric="text_to_image_recall_at_1", at_least=0.4),
        Gate(metric="image_to_text_median_rank", at_most=9.0),
        Gate(metric="image_to_text_median_rank", at_least=1.0),
    )
    built = eval_config.build(EvaluationConfig(slices=("vendor",), gates=gates))
    [spec] = built.metrics_specs
    assert len(spec.metrics) == len(METRICS)
    bounds = {}
    for metric in spec.metrics:
        assert not metric.HasField("threshold")  # it would hold every slice to the bound
        for each in metric.per_slice_thresholds:
            assert [list(s.feature_keys) for s in each.slicing_specs] == [[]]
            bounds[metric.config] = each.threshold.value_threshold
    [recall] = [b for config, b in bounds.items() if "recall_at_1" in config]
    [median] = [b for config, b in bounds.items() if "median" in config]
    assert len(bounds) == 2
    assert recall.lower_bound.value == 0.4
    assert not recall.HasField("upper_bound")
    assert (median.lower_bound.value, median.upper_bound.value) == (1.0, 9.0)
    assert [list(s.feature_keys) for s in built.slicing_specs] == [[], ["attributes/vendor"]]


def test_a_failed_gate_says_metric_value_and_bound():
    gates = [
        Gate(metric="text_to_image_recall_at_1", at_least=0.4),
        Gate(metric="text_to_image_median_rank", at_most=5.0),
    ]
    values = {"text_to_image_recall_at_1": 0.31, "text_to_image_median_rank": 7.0}
    assert failed_bounds(gates, values) == [
        "text_to_image_recall_at_1 is 0.31, below the gate of 0.4",
        "text_to_image_median_rank is 7, above the gate of 5",
    ]
    assert failed_bounds(gates, dict.fromkeys(values, 0.4) | {"text_to_image_median_rank": 5}) == []
    assert len(failed_bounds(gates, dict.fromkeys(values, float("nan")))) == 2
