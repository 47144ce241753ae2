"""The one metric that TFMA runs: it gathers the scores of a slice once and measures all together.

TFMA would run a combiner for each metric and each model. One for all of them lets candidate and
baseline share the bootstrap's draws, and pays for gathering and drawing once.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
from tensorflow_model_analysis.metrics import metric_types

from components.evaluator.metrics.measure import count_classes, measure
from components.evaluator.metrics.registry import METRICS
from components.evaluator.metrics.scores import Scores
from components.evaluator.tfma.results import to_tfma

SCORES = "scores"  # the feature that holds a record's Scores; the extractor puts it there
LOOSE = 256  # parts an accumulator holds before the small ones are joined


class RetrievalMetrics(metric_types.Metric):
    """All metrics of `registry.METRICS` that a slice allows.

    Args:
        resamples: of the bootstrap.
        confidence: of each interval.
        zero_shot: canonical JSON of the section of the config, or ''. It is the extractor that
            reads it: TFMA hands an extractor nothing but its EvalConfig, which holds this metric.
        classes: to choose from in zero-shot classification; for the extractor, too.
    """

    def __init__(
        self,
        resamples: int,
        confidence: float,
        zero_shot: str = "",
        classes: Sequence[str] = (),
        name: str = "retrieval",
    ):
        super().__init__(
            _computations,
            resamples=resamples,
            confidence=confidence,
            zero_shot=zero_shot,
            classes=classes,
            name=name,
        )


def _computations(
    resamples: int, confidence: float, model_names: list[str] | None = None, **_: Any
) -> list[metric_types.MetricComputation]:
    models = tuple(model_names or [""])
    return [
        metric_types.MetricComputation(
            keys=[
                metric_types.MetricKey(name, model_name=models[0])
                for name, metric in METRICS.items()
                if metric.statistic is not None
            ],
            preprocessors=[
                metric_types.FeaturePreprocessor(
                    feature_keys=[SCORES], include_default_inputs=False
                )
            ],
            combiner=MeasureFn(models, resamples, confidence),
        )
    ]


class MeasureFn(beam.CombineFn):
    """Gather the scores of records; the result does not depend on their order or bundles.

    Args:
        models: TFMA's name of the candidate and, when there is one, of the baseline.
        resamples: of the bootstrap.
        confidence: of each interval.
    """

    def __init__(self, models: tuple[str, ...], resamples: int, confidence: float):
        self._models, self._resamples, self._confidence = models, resamples, confidence

    def create_accumulator(self) -> list[Scores]:
        return []

    def add_input(self, accumulator: list[Scores], element: Any) -> list[Scores]:
        accumulator.append(np.ravel(element.get_features()[SCORES])[0])
        return join_small(accumulator) if len(accumulator) > LOOSE else accumulator

    def merge_accumulators(self, accumulators: Iterable[list[Scores]]) -> list[Scores]:
        return self.compact([part for each in accumulators for part in each])

    def compact(self, accumulator: list[Scores]) -> list[Scores]:
        return [Scores.concatenate(accumulator)] if len(accumulator) > 1 else accumulator

    def extract_output(self, accumulator: list[Scores]) -> dict[metric_types.MetricKey, Any]:
        if not accumulator:
            return {}
        scores = Scores.concatenate(accumulator)
        measured = measure(scores, self._resamples, self._confidence)
        return to_tfma(measured, count_classes(scores), self._models)


def join_small(parts: list[Scores]) -> list[Scores]:
    """Join parts from the last one backwards while what is joined is no smaller than the next.

    Sizes then at least double towards the front: few parts, and no record is copied often.
    """
    start, joined = len(parts), LOOSE
    while start and len(parts[start - 1].keys) <= joined:
        start -= 1
        joined += len(parts[start].keys)
    return [*parts[:start], Scores.concatenate(parts[start:])]
