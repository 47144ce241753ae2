"""Measurements as TFMA keeps them: its keys, its intervals; read back typed."""

from collections.abc import Iterator

from tensorflow_model_analysis import constants as tfma
from tensorflow_model_analysis.metrics.metric_types import MetricKey
from tensorflow_model_analysis.proto import metrics_for_slice_pb2 as proto
from tensorflow_model_analysis.writers import metrics_plots_and_validations_writer as writer

from components.evaluation import text_metrics
from components.evaluation.measurement import Estimate, Measurement, Measurements, Results, Slice
from components.evaluation.slices import slice_name

# TFMA's own names of two models; a model alone has the name ''.
CANDIDATE, BASELINE = tfma.CANDIDATE_KEY, tfma.BASELINE_KEY

COUNT = "/count"  # behind a metric's name: how many queries it is measured on


def to_tfma(
    measurements: Measurements, models: tuple[str, ...]
) -> dict[MetricKey, proto.BoundedValue | float]:
    """Measurements as TFMA's metrics: its keys for models and differences, its intervals.

    Args:
        measurements: of one slice.
        models: TFMA's name of the candidate and, when there is one, of the baseline.
    """
    found: dict[MetricKey, proto.BoundedValue | float] = {}
    for name, measured in measurements.items():
        key = MetricKey(name, model_name=models[0])
        found[MetricKey(name + COUNT, model_name=models[0])] = float(measured.count)
        found[key] = _bounded(measured.candidate)
        if measured.baseline is not None and measured.difference is not None:
            found[key.make_baseline_key(models[1])] = _bounded(measured.baseline)
            found[key.make_diff_key()] = _bounded(measured.difference)
    return found


def _bounded(estimate: Estimate) -> proto.BoundedValue:
    return proto.BoundedValue(
        value={"value": estimate.value},
        lower_bound={"value": estimate.low},
        upper_bound={"value": estimate.high},
    )


def read(uri: str) -> Results:
    """The measurements of an evaluation by slice; those of all queries are under ().

    A metric that a slice does not allow (labels of one kind only, no class) is absent.
    """
    found = {
        _slice_of(each.slice_key): dict(_measurements(each))
        for each in writer.load_and_deserialize_metrics(uri)
    }
    return found | {(): found.get((), {}) | text_metrics.read(uri)}


def _slice_of(key: proto.SliceKey) -> Slice:
    if not key.single_slice_keys:
        return ()
    [single] = key.single_slice_keys
    return slice_name(single.column), single.bytes_value.decode()


def _measurements(found: proto.MetricsForSlice) -> Iterator[tuple[str, Measurement]]:
    counts: dict[str, int] = {}
    estimates: dict[str, dict[str, Estimate]] = {}
    for each in found.metric_keys_and_values:
        value, interval = each.value.double_value.value, each.confidence_interval
        if each.key.name.endswith(COUNT):
            counts[each.key.name.removesuffix(COUNT)] = round(value)
        elif each.HasField("confidence_interval"):
            low, high = interval.lower_bound, interval.upper_bound
            estimate = Estimate(value, low.double_value.value, high.double_value.value)
            estimates.setdefault(each.key.name, {})[_role(each.key)] = estimate
    for name, roles in estimates.items():
        yield name, Measurement(counts[name], **roles)


def _role(key: proto.MetricKey) -> str:
    if key.is_diff:
        return "difference"
    return "baseline" if key.model_name == BASELINE else "candidate"
