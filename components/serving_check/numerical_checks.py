"""Checks of the values an export answers with, against the trainer's and against each other."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from components.example_gen.images.originals import Original
from components.serving_check import calls
from components.serving_check.config import ServingCheckConfig
from components.serving_check.contract import SIGNATURES
from components.serving_check.isolated_client import Call, Seen
from components.serving_check.odd_images import OddImage
from components.serving_check.records import Probed
from components.serving_check.report import Check, Latency, judge
from schema import features, serving_names

SERVING = "tensorflow-serving"
SIMILAR = 0.9  # least cosine of an image with itself at another size; turned, it has much less
UNIT = 1e-5  # largest deviation of a length from 1
RECOGNISED = (
    0.25  # red and blue count as exchanged if exchanging them leaves less of the difference
)


def unit_norm(seen: Seen, probed: Probed) -> Check:
    """Has every embedding the length 1?"""
    worst, where = 0.0, ""
    for key, outputs in seen.answers.items():
        for name, value in outputs.items():
            if key in calls.MAY_BE_NAN or name in (features.SIMILARITY, features.VALID):
                continue
            if name == features.TEXT_EMBEDDINGS:
                value = value[probed.present[: len(value)]]
            off = float(
                np.abs(np.linalg.norm(value.astype(np.float64), axis=-1) - 1).max(initial=0)
            )
            if off > worst:
                worst, where = off, key
    faults = [f"an embedding of {where} is off the length 1 by {worst:.2g}"] if worst > UNIT else []
    return judge("unit-norm", faults, f"every embedding has the length 1, to {worst:.1g}")


def agreement(
    seen: Seen, expected: Mapping[str, calls.Arrays], config: ServingCheckConfig
) -> Check:
    """Are the answers the trainer's own embeddings of the same bytes?"""
    return _equal(
        "agreement",
        {
            f"{name} of {key}": (seen.answers[key][name], value)
            for key, outputs in expected.items()
            for name, value in outputs.items()
        },
        "the trainer's",
        config.agreement,
    )


def channels(seen: Seen, probed: Probed, config: ServingCheckConfig) -> Check:
    """Would the model agree with the trainer if red and blue were exchanged?"""
    plain = seen.answers[calls.key(serving_names.JOINT, serving_names.EMBED_IMAGE)][
        features.EMBEDDING
    ]
    swapped = seen.answers[calls.SWAPPED][features.EMBEDDING]
    wrong = float(np.abs(plain - probed.image_embeddings).mean())
    still_wrong = float(np.abs(swapped - probed.image_embeddings).mean())
    differs = _difference(plain, probed.image_embeddings) > config.agreement
    faults = []
    if differs and still_wrong < RECOGNISED * wrong:
        faults = [
            "red and blue are exchanged: the mean difference to the trainer's embeddings is "
            f"{wrong:.2g}, and {still_wrong:.2g} on images with both exchanged"
        ]
    return judge("channels", faults, "red, green and blue are in their places")


def towers_agree(seen: Seen, config: ServingCheckConfig) -> Check:
    """Does each tower alone answer like the joint model?"""
    pairs = {}
    for tower, signature in (
        (serving_names.IMAGE_TOWER, serving_names.EMBED_IMAGE),
        (serving_names.TEXT_TOWER, serving_names.EMBED_TEXT),
    ):
        mine = seen.answers[calls.key(tower, serving_names.SERVING_DEFAULT)][features.EMBEDDING]
        joint = seen.answers[calls.key(serving_names.JOINT, signature)][features.EMBEDDING]
        pairs[tower] = (mine, joint)
    return _equal("towers-agree", pairs, "the joint model's", config.agreement)


def batch_independent(seen: Seen, probed: Probed, config: ServingCheckConfig) -> Check:
    """Does a record get the same answer alone as among others?"""
    pairs = {}
    for model, name, i in calls.singles(probed):
        key, together = calls.single_key(model, name, i), seen.answers[calls.key(model, name)]
        for output, value in calls.alone(name, together, i).items():
            pairs[f"{output} of {key}"] = (seen.answers[key][output], value)
    return _equal("batch-independent", pairs, "that of the whole batch", config.agreement)


def odd_images(seen: Seen, odd: Sequence[OddImage], config: ServingCheckConfig) -> Check:
    """Is an image of any kind embedded like the same image as a plain PNG?"""
    mine, plain = (seen.answers[key][features.EMBEDDING] for key in (calls.ODD, calls.PLAIN))
    differences = {each.kind: _difference(mine[i], plain[i]) for i, each in enumerate(odd)}
    faults = [
        f"{kind}: the embedding differs from that of the same image as a plain PNG by "
        f"{difference:.2g}, over {config.agreement:g}"
        for kind, difference in differences.items()
        if not difference <= config.agreement
    ]
    return judge("odd-images", faults, f"{len(odd)} odd kinds of image are embedded as plain ones")


def as_received(seen: Seen, originals: Sequence[Original], config: ServingCheckConfig) -> Check:
    """Is an image that ingest encoded anew embedded like what it stored, or marked?"""
    given, stored = (
        seen.answers[key][features.EMBEDDING] for key in (calls.ORIGINAL, calls.STORED)
    )
    valid = seen.answers[calls.ORIGINAL][features.VALID]
    faults = []
    for i, each in enumerate(originals):
        if not valid[i]:
            continue
        # Shrunk twice is not shrunk once: then the embedding is only a similar one.
        if "shrunk" in each.kind:
            lengths = np.linalg.norm(given[i]) * np.linalg.norm(stored[i])
            right = bool(given[i] @ stored[i] >= SIMILAR * lengths)
        else:
            right = bool(_difference(given[i], stored[i]) <= config.agreement)
        if not right:
            faults.append(f"{each.kind}: an image as received is embedded unlike what is stored")
    fine = (
        f"{int(valid.sum())} of {len(originals)} images as received are embedded like what is "
        "stored, the others are marked"
    )
    return judge("as-received", faults, fine)


def damaged(seen: Seen, config: ServingCheckConfig) -> Check:
    """Are images that nobody can decode marked, and the others of their batch answered?"""
    faults = []
    batch = seen.answers[calls.key(serving_names.JOINT, serving_names.EMBED_IMAGE)][
        features.EMBEDDING
    ]
    for key in calls.DAMAGED:
        valid = seen.answers[key][features.VALID]
        [name] = seen.answers[key].keys() & {
            features.IMAGE_EMBEDDING,
            features.EMBEDDING,
            features.SIMILARITY,
        }
        value = seen.answers[key][name]
        if not (valid[0] and valid[-1]) or valid[1:-1].any():
            faults.append(f"{key}: valid is {valid.tolist()}")
        elif not np.isnan(value[1:-1]).all():
            faults.append(f"{key}: {name} of a damaged image is not NaN")
        elif name != features.SIMILARITY:
            for i in (0, -1):
                if not _difference(value[i], batch[i]) <= config.agreement:
                    faults.append(f"{key}: another image's {name} changes")
    empty = seen.answers[calls.NO_IMAGE][features.EMBEDDING].shape
    if empty != (0, batch.shape[1]):
        faults.append(f"{calls.NO_IMAGE}: the shape is {list(empty)}")
    return judge("damaged-images", faults, "damaged images are marked and the others answered")


def latency(measured: Mapping[str, Latency], config: ServingCheckConfig) -> Check:
    """Is a single call quick enough?"""
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


def percentiles(seen: Seen) -> dict[str, Latency]:
    """The latency of each timed call."""
    return {
        name: Latency(p50=float(np.percentile(one, 50)), p99=float(np.percentile(one, 99)))
        for name, one in seen.milliseconds.items()
        if one
    }


def warm_up(seen: Seen, requests: Sequence[Call], config: ServingCheckConfig) -> Check:
    """Does every request in the warm-up files, read back, get the answer of its record?"""
    keys = {
        calls.warm_up_key(call): calls.single_key(call.model, call.signature, 0)
        for call in requests
    }
    pairs = {
        f"{output} of {key}": (seen.answers[key][output], value)
        for key, plain in keys.items()
        for output, value in seen.answers[plain].items()
    }
    same = _equal("warm-up", pairs, "that of the same record", config.agreement)
    asked = {(call.model, call.signature) for call in requests}
    lacking = [
        f"{calls.key(model, name)} has no warm-up request"
        for model, promised in SIGNATURES.items()
        for name in promised
        if (model, name) not in asked
    ]
    fine = f"{len(requests)} warm-up requests were read back and answered"
    return judge("warm-up", lacking + ([] if same.passed else [same.sentence]), fine)


def served_alike(
    given: Mapping[str, calls.Arrays], seen: Seen, config: ServingCheckConfig
) -> Check:
    """Does TensorFlow Serving answer like the fresh process?"""
    pairs = {
        f"{name} of {key}": (value, seen.answers[key][name])
        for key, outputs in given.items()
        for name, value in outputs.items()
    }
    return _equal(SERVING, pairs, "the fresh process's", config.agreement)


def _equal(
    name: str, pairs: Mapping[str, tuple[np.ndarray, np.ndarray]], whose: str, limit: float
) -> Check:
    differences = {key: _difference(mine, other) for key, (mine, other) in pairs.items()}
    faults = [
        f"{key} differs from {whose} by {difference:.2g}, over {limit:g}"
        for key, difference in differences.items()
        if not difference <= limit
    ]
    worst = max(differences.values(), default=0.0)
    return judge(name, faults, f"no answer differs from {whose} by more than {worst:.1g}")


def _difference(mine: np.ndarray, other: np.ndarray) -> float:
    """The largest difference; as a share of the largest value where that is over 1."""
    if mine.shape != other.shape:
        return float("inf")
    scale = max(1.0, float(np.abs(other).max(initial=0)))
    return float(np.abs(mine.astype(np.float64) - other).max(initial=0)) / scale
