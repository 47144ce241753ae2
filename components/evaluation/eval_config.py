"""TFMA's EvalConfig from ours."""

import json
from collections.abc import Sequence

from tensorflow_model_analysis.proto import config_pb2

from components.evaluation.config import EvaluationConfig, Gate
from components.evaluation.names import DIRECTIONS, STATISTICS, metric_name
from schema import features


def build(config: EvaluationConfig) -> config_pb2.EvalConfig:
    """Metrics of both directions, sliced by attribute, with the gates as thresholds."""
    metrics = []
    for direction in DIRECTIONS:
        for statistic in STATISTICS:
            metric = config_pb2.MetricConfig(
                class_name="RankMetric",
                module="components.evaluation.metrics",
                config=json.dumps({"direction": direction, "statistic": statistic}),
            )
            name = metric_name(direction, statistic)
            threshold = _threshold([gate for gate in config.gates if gate.metric == name])
            if threshold is not None:
                metric.per_slice_thresholds.append(threshold)
            metrics.append(metric)
    slices = [config_pb2.SlicingSpec()]
    slices += [config_pb2.SlicingSpec(feature_keys=[features.attribute(a)]) for a in config.slices]
    return config_pb2.EvalConfig(
        model_specs=[
            config_pb2.ModelSpec(model_type="tf_generic", signature_name="serving_default")
        ],
        slicing_specs=slices,
        metrics_specs=[config_pb2.MetricsSpec(metrics=metrics)],
    )


def _threshold(gates: Sequence[Gate]) -> config_pb2.PerSliceMetricThreshold | None:
    """The bounds of one metric, for the slice of all queries only.

    TFMA's plain `threshold` would hold every slice to the same bound.
    """
    value = config_pb2.GenericValueThreshold()
    for gate in gates:
        if gate.at_least is not None:
            value.lower_bound.value = gate.at_least
        if gate.at_most is not None:
            value.upper_bound.value = gate.at_most
    if not gates:
        return None
    return config_pb2.PerSliceMetricThreshold(
        slicing_specs=[config_pb2.SlicingSpec()],
        threshold=config_pb2.MetricThreshold(value_threshold=value),
    )
