"""Mix the weights before and after a fine-tuning, and choose the mix that forgets little enough.

Weights of a network that was fine-tuned lie on a line with those it started from: along it both the
old and the new skill change smoothly, and a mix often keeps nearly all of both.

Source: Wortsman et al., "Robust fine-tuning of zero-shot models" (WiSE-FT, 2022), section 3.
"""

import json
import math
import posixpath
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from schema.serving_names import WEIGHT_MIXING
from trainer.training.data.retrieval_sample import Sample
from trainer.training.fine_tuning.mixing_curve import HELD_OUT, Limit, Mixing, Point, plain
from trainer.training.serving_weights import ServingCopy

RECORDS = 2048  # of the holdout and of each retained data set that are measured, at most
NORMAL_95 = 1.96  # half the width of a 95 % interval, in standard errors
PER_QUERY: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "recall_at_1": lambda ranks: ranks <= 1,
    "recall_at_5": lambda ranks: ranks <= 5,
    "recall_at_10": lambda ranks: ranks <= 10,
    "mrr": lambda ranks: 1 / ranks,
}
DIRECTIONS = ("text_to_image", "image_to_text")
Values = dict[str, np.ndarray]  # of each query, by metric


def measured_metrics() -> frozenset[str]:
    """Return the metrics that a mix can be measured by; other gates are left to the Evaluator."""
    return frozenset(f"{direction}_{name}" for direction in DIRECTIONS for name in PER_QUERY)


def mix(
    copy: ServingCopy,
    before: Sequence[np.ndarray],
    ratios: int,
    held_out: Sample,
    retained: Mapping[str, Sample],
    limits: Sequence[Limit] = (),
) -> Mixing:
    """Measure equally spaced mixes and leave the best one in the copy.

    See `choose` for which one is the best.

    Args:
        copy: of the networks that have learned.
        before: the weights they started from, in the order of the copy's `model.weights`.
        ratios: number of mixes, ends included.
        held_out: records that were not trained on.
        retained: records of each retained data set, by name.
        limits: on retained data sets that were measured.
    """
    after = copy.current()
    points: list[Point] = []
    start: dict[str, Values] = {}
    recalled: list[np.ndarray] = []
    for ratio in np.linspace(0, 1, ratios).round(6).tolist():
        copy.set_mix(before, after, ratio)
        values = {name: _measure(copy, sample) for name, sample in retained.items()}
        start = start or values
        recalled.append(_measure(copy, held_out)[HELD_OUT])
        points.append(
            Point(
                ratio,
                float(recalled[-1].mean()),
                {name: float(metrics[HELD_OUT].mean()) for name, metrics in values.items()},
                sum(_short_of(limit, values, start) for limit in limits if limit.data in values),
            )
        )
    best = choose(points, recalled)
    copy.set_mix(before, after, best.ratio)
    return Mixing(best.ratio, tuple(points))


def choose(points: Sequence[Point], recalled: Sequence[np.ndarray]) -> Point:
    """Return the best mix of those that keep all limits, or that miss them least.

    A holdout is small, and neighbours on the curve differ by less than chance. So every mix counts
    as good whose recall there is at most one standard error of the paired difference below the
    highest, and of those the one that learned most is the best: the limits keep what was known.

    Args:
        points: of all ratios, ascending.
        recalled: of each point, whether each held-out query found its image, [n].
    """
    least = min(point.short_of for point in points)
    kept = [number for number, point in enumerate(points) if point.short_of == least]
    best = max(kept, key=lambda number: points[number].held_out)

    def is_good(number: int) -> bool:
        behind = recalled[best] - recalled[number]
        return bool(behind.mean() <= behind.std() / math.sqrt(len(behind)))

    return points[max(number for number in kept if is_good(number))]


def _measure(copy: ServingCopy, sample: Sample) -> Values:
    ranks = sample.ranks(*sample.embed(copy.embed_images, copy.embed_texts))
    return {
        f"{direction}_{name}": of(its).astype(np.float64)
        for direction, its in zip(DIRECTIONS, ranks, strict=True)
        for name, of in PER_QUERY.items()
    }


def _short_of(limit: Limit, values: Mapping[str, Values], start: Mapping[str, Values]) -> float:
    """Return by how much a limit is missed; 0: it is kept."""
    now = values[limit.data][limit.metric]
    if limit.at_least is not None:
        return max(0.0, limit.at_least - float(now.mean()))
    assert limit.worse_by is not None
    return max(0.0, -limit.worse_by - lower_end(now - start[limit.data][limit.metric]))


def lower_end(differences: np.ndarray) -> float:
    """Return the lower end of the 95 % interval of the mean of paired differences [n]."""
    error = float(differences.std()) / math.sqrt(max(len(differences), 1))
    return float(differences.mean()) - NORMAL_95 * error


def write(mixing: Mixing, folder: str) -> None:
    """Write the curve into the Trainer's artifact, on any file system that TensorFlow writes."""
    with tf.io.gfile.GFile(posixpath.join(folder, WEIGHT_MIXING), "w") as file:
        file.write(json.dumps(plain(mixing), indent=1) + "\n")
