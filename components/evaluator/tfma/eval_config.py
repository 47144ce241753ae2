"""Build TFMA's EvalConfig from ours, and read from it what our extractor needs."""

import json
from collections.abc import Sequence

from tensorflow_model_analysis.proto import config_pb2

from components.evaluator.config import EvaluationConfig, ZeroShotConfig
from components.evaluator.slices import slice_feature
from schema.config.section import canonical_json
from schema.serving_names import SERVING_DEFAULT


def build(config: EvaluationConfig, classes: Sequence[str] = ()) -> config_pb2.EvalConfig:
    """Ask for all metrics over all queries and over each value of each slice.

    There are no thresholds in it: TFMA knows none that depend on an interval or on the size of a
    slice, so the gates are decided afterwards, by `gates.decide`. TFX adds the baseline's model
    when it is given one.

    Args:
        config: the section of the run's config.
        classes: that zero-shot classification chooses from.
    """
    metric = config_pb2.MetricConfig(
        class_name="RetrievalMetrics",
        module="components.evaluator.tfma.metric",
        config=json.dumps(
            {
                "resamples": config.resamples,
                "confidence": config.confidence,
                "zero_shot": canonical_json(config.zero_shot) if config.zero_shot else "",
                "classes": list(classes),
            }
        ),
    )
    slices = [config_pb2.SlicingSpec(feature_keys=[slice_feature(s)]) for s in config.slices]
    return config_pb2.EvalConfig(
        model_specs=[config_pb2.ModelSpec(model_type="tf_generic", signature_name=SERVING_DEFAULT)],
        slicing_specs=[config_pb2.SlicingSpec(), *slices],
        metrics_specs=[config_pb2.MetricsSpec(metrics=[metric])],
    )


def zero_shot_of(
    eval_config: config_pb2.EvalConfig,
) -> tuple[ZeroShotConfig | None, tuple[str, ...]]:
    """Return the zero-shot section and the classes that `build` put there."""
    [spec] = eval_config.metrics_specs
    payload = json.loads(spec.metrics[0].config)
    section = payload["zero_shot"]
    return ZeroShotConfig.model_validate_json(section) if section else None, tuple(
        payload["classes"]
    )
