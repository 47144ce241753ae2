"""TFMA's EvalConfig from ours."""

import json

from google.protobuf.wrappers_pb2 import DoubleValue
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
            bounds = [_threshold(gate) for gate in config.gates if gate.metric == name]
            if bounds:
                metric.threshold.value_threshold.CopyFrom(bounds[0])
                for other in bounds[1:]:  # an upper bound beside a lower one
                    metric.threshold.value_threshold.MergeFrom(other)
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


def _threshold(gate: Gate) -> config_pb2.GenericValueThreshold:
    if gate.at_least is not None:
        return config_pb2.GenericValueThreshold(lower_bound=DoubleValue(value=gate.at_least))
    return config_pb2.GenericValueThreshold(upper_bound=DoubleValue(value=gate.at_most or 0.0))
