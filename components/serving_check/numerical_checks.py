"""Numerical checks: an export's answers against the golden outputs and against each other."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from components.serving_check import calls
from components.serving_check.clients.isolated_client import Observed
from components.serving_check.config import ServingCheckConfig
from components.serving_check.contract import SIGNATURES, Call
from components.serving_check.inputs.golden_records import GoldenRecords
from components.serving_check.report import Check, Latency, judge
from schema import features, serving_names

SERVING = "tensorflow-serving"
UNIT = 1e-5  # largest deviation of a length from 1


def unit_norm(observed: Observed, golden: GoldenRecords) -> Check:
    """Check that every embedding has length 1."""
    worst, where = 0.0, ""
    for key, outputs in observed.answers.items():
        for name, value in outputs.items():
            if key in calls.MAY_BE_NAN or name in (features.SIMILARITY, features.VALID):
                continue
            has_caption = golden.present[: len(value)]
            rows = value[has_caption] if name == features.TEXT_EMBEDDINGS else value
            lengths = np.linalg.norm(rows.astype(np.float64), axis=-1)
            off = float(np.abs(lengths - 1).max(initial=0))
            if off > worst:
                worst, where = off, key
    fault = f"the length of an embedding of {where} differs from 1 by {worst:.2g}"
    faults = [fault] if worst > UNIT else []
    return judge("unit-norm", faults, f"every embedding has length 1 to within {worst:.1g}")


def agreement(
    observed: Observed, expected: Mapping[str, calls.Arrays], config: ServingCheckConfig
) -> Check:
    """Check that the answers are the trainer's own embeddings of the same bytes."""
    return _equal(
        "agreement",
        {
            f"{name} of {key}": (observed.answers[key][name], value)
            for key, outputs in expected.items()
            for name, value in outputs.items()
        },
        "the trainer's",
        config.agreement,
    )


def towers_agree(observed: Observed, config: ServingCheckConfig) -> Check:
    """Check that the towers alone answer like the joint model."""
    pairs = {}
    for tower, signature in (
        (serving_names.IMAGE_TOWER, serving_names.EMBED_IMAGE),
        (serving_names.TEXT_TOWER, serving_names.EMBED_TEXT),
    ):
        mine = observed.answers[calls.key(tower, serving_names.SERVING_DEFAULT)][features.EMBEDDING]
        joint = observed.answers[calls.key(serving_names.JOINT, signature)][features.EMBEDDING]
        pairs[tower] = (mine, joint)
    return _equal("towers-agree", pairs, "the joint model's", config.agreement)


def batch_independent(
    observed: Observed, golden: GoldenRecords, config: ServingCheckConfig
) -> Check:
    """Check that a record gets the same answer alone as in a batch."""
    pairs = {}
    for model, name, i in calls.singles(golden):
        key, together = calls.single_key(model, name, i), observed.answers[calls.key(model, name)]
        for output, value in calls.alone(name, together, i).items():
            pairs[f"{output} of {key}"] = (observed.answers[key][output], value)
    return _equal("batch-independent", pairs, "that of the whole batch", config.agreement)


def latency(measured: Mapping[str, Latency], config: ServingCheckConfig) -> Check:
    """Check the latency of single calls against the config."""
    limits = {
        serving_names.EMBED_TEXT: config.text_p99_ms,
        serving_names.EMBED_IMAGE: config.image_p99_ms,
    }
    figures = [
        f"{name} p50 {one.p50:.2f} ms, p99 {one.p99:.2f} ms" for name, one in measured.items()
    ]
    faults = [
        f"{name} has a p99 of {one.p99:.2f} ms, over the limit of {limits[name]:g} ms"
        for name, one in measured.items()
        if (limits[name] or math.inf) < one.p99
    ]
    return judge("latency", faults, ", ".join(figures))


def percentiles(observed: Observed) -> dict[str, Latency]:
    """Return the latency of every timed call."""
    return {
        name: Latency(p50=float(np.percentile(one, 50)), p99=float(np.percentile(one, 99)))
        for name, one in observed.milliseconds.items()
        if one
    }


def warm_up(observed: Observed, requests: Sequence[Call], config: ServingCheckConfig) -> Check:
    """Check that every request in the warm-up files gets the answer of its record."""
    keys = {
        calls.warm_up_key(call): calls.single_key(call.model, call.signature, 0)
        for call in requests
    }
    pairs = {
        f"{output} of {key}": (observed.answers[key][output], value)
        for key, plain in keys.items()
        for output, value in observed.answers[plain].items()
    }
    same = _equal("warm-up", pairs, "that of the same record", config.agreement)
    requested = {(call.model, call.signature) for call in requests}
    lacking = [
        f"{calls.key(model, name)} has no warm-up request"
        for model, promised in SIGNATURES.items()
        for name in promised
        if (model, name) not in requested
    ]
    fine = f"{len(requests)} warm-up requests were read back and answered"
    return judge("warm-up", lacking + ([] if same.passed else [same.sentence]), fine)


def served_alike(
    given: Mapping[str, calls.Arrays], observed: Observed, config: ServingCheckConfig
) -> Check:
    """Check that TensorFlow Serving answers like the fresh process."""
    pairs = {
        f"{name} of {key}": (value, observed.answers[key][name])
        for key, outputs in given.items()
        for name, value in outputs.items()
    }
    return _equal(SERVING, pairs, "the fresh process's", config.agreement)


def _equal(
    name: str, pairs: Mapping[str, tuple[np.ndarray, np.ndarray]], whose: str, limit: float
) -> Check:
    differences = {key: difference(mine, other) for key, (mine, other) in pairs.items()}
    faults = [
        f"{key} differs from {whose} by {off:.2g}, over {limit:g}"
        for key, off in differences.items()
        if not off <= limit
    ]
    worst = max(differences.values(), default=0.0)
    return judge(name, faults, f"no answer differs from {whose} by more than {worst:.1g}")


def difference(mine: np.ndarray, other: np.ndarray) -> float:
    """Return the largest difference; as a share of the largest value where that is over 1."""
    if mine.shape != other.shape:
        return float("inf")
    scale = max(1.0, float(np.abs(other).max(initial=0)))
    return float(np.abs(mine.astype(np.float64) - other).max(initial=0)) / scale
