"""Gates that the data can never pass, found before anything is trained."""

from collections.abc import Iterator
from typing import Any

from components.evaluator.config import EvaluationConfig
from components.evaluator.metrics.registry import METRICS
from schema import features


def impossible_gates(evaluation: EvaluationConfig, statistics: Any) -> Iterator[str]:
    """Name each gate whose metric the evaluated split does not allow.

    Args:
        evaluation: says which split, and the gates.
        statistics: DatasetFeatureStatistics of that split.
    """
    metrics = [g.metric for g in evaluation.gates if METRICS[g.metric].needs == "labels"]
    if metrics and not _has_both_labels(statistics):
        yield (
            f"evaluation.gates: {', '.join(metrics)} compares captions that match with captions "
            f"that do not, and the split {evaluation.split} has no caption with the label 0 beside "
            "one that matches: leave the gate out, or give the captions labels"
        )


def _has_both_labels(statistics: Any) -> bool:
    for feature in statistics.features:
        if feature.path.step[0] == features.LABELS:
            numbers = feature.num_stats
            # A record without labels is one of matches.
            unlabelled = numbers.common_stats.num_non_missing < statistics.num_examples
            return numbers.min == 0 and (numbers.max == 1 or unlabelled)
    return False
