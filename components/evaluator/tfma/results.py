"""Turn measurements into the metrics of TFMA, and read them back from its files."""

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

from tensorflow_model_analysis import constants as tfma
from tensorflow_model_analysis.metrics.metric_types import MetricKey
from tensorflow_model_analysis.proto import metrics_for_slice_pb2 as proto
from tensorflow_model_analysis.writers import metrics_plots_and_validations_writer as writer

from components.evaluator.metrics.measurement import (
    Background,
    ClassCounts,
    Estimate,
    Measurement,
    Measurements,
    Results,
    Slice,
)
from components.evaluator.slices import slice_name

# TFMA's own names of two models; a model alone has the name ''.
CANDIDATE, BASELINE = tfma.CANDIDATE_KEY, tfma.BASELINE_KEY

# Behind a metric's name: how many queries it is measured on, of how many candidates, and its level
# by chance. The last one stands by itself: JSON of the slice's classes.
COUNT, CANDIDATES, CHANCE = "/count", "/candidates", "/chance"
CLASSES = "zero_shot/classes"


def to_tfma(
    measurements: Measurements, classes: ClassCounts | None, models: tuple[str, ...]
) -> dict[MetricKey, Any]:
    """Turn measurements into TFMA's metrics: its keys for models and differences, its intervals.

    Args:
        measurements: of one slice.
        classes: of the same.
        models: TFMA's name of the candidate and, when there is one, of the baseline.
    """
    metrics: dict[MetricKey, Any] = {}
    for name, measured in measurements.items():
        key = MetricKey(name, model_name=models[0])
        known = measured.background
        for suffix, value in (
            (COUNT, known.count),
            (CANDIDATES, known.candidates),
            (CHANCE, known.chance),
        ):
            if value is not None:
                metrics[MetricKey(name + suffix, model_name=models[0])] = float(value)
        metrics[key] = _bounded(measured.candidate)
        if measured.baseline is not None and measured.difference is not None:
            metrics[key.make_baseline_key(models[1])] = _bounded(measured.baseline)
            metrics[key.make_diff_key()] = _bounded(measured.difference)
    if classes is not None:
        payload = json.dumps(dataclasses.asdict(classes))
        metrics[MetricKey(CLASSES, model_name=models[0])] = payload.encode()
    return metrics


def _bounded(estimate: Estimate) -> proto.BoundedValue:
    return proto.BoundedValue(
        value={"value": estimate.value},
        lower_bound={"value": estimate.low},
        upper_bound={"value": estimate.high},
    )


def read(uri: str) -> tuple[Results, ClassCounts | None]:
    """Read the classes of an evaluation and its measurements by slice, of all queries under ().

    A metric that a slice does not allow (labels of one kind only, no class) is absent.
    """
    measured, classes = {}, None
    for each in writer.load_and_deserialize_metrics(uri):
        key = _slice_of(each.slice_key)
        measured[key] = dict(_measurements(each))
        for metric in each.metric_keys_and_values:
            if metric.key.name == CLASSES and key == ():
                classes = ClassCounts(**json.loads(metric.value.bytes_value))
    return measured, classes


def _slice_of(key: proto.SliceKey) -> Slice:
    if not key.single_slice_keys:
        return ()
    [single] = key.single_slice_keys
    return slice_name(single.column), single.bytes_value.decode()


def _measurements(metrics: proto.MetricsForSlice) -> Iterator[tuple[str, Measurement]]:
    known: dict[str, float] = {}
    estimates: dict[str, dict[str, Estimate]] = {}
    for each in metrics.metric_keys_and_values:
        value, interval = each.value.double_value.value, each.confidence_interval
        if each.HasField("confidence_interval"):
            low, high = interval.lower_bound, interval.upper_bound
            estimate = Estimate(value, low.double_value.value, high.double_value.value)
            estimates.setdefault(each.key.name, {})[_role(each.key)] = estimate
        else:
            known[each.key.name] = value
    for name, roles in estimates.items():
        candidates = known.get(name + CANDIDATES)
        background = Background(
            round(known[name + COUNT]),
            None if candidates is None else round(candidates),
            known.get(name + CHANCE),
        )
        yield name, Measurement(background, **roles)


def _role(key: proto.MetricKey) -> str:
    if key.is_diff:
        return "difference"
    return "baseline" if key.model_name == BASELINE else "candidate"
