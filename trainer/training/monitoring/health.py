"""Health checks: signs that training goes wrong, as sentences that say what to try."""

import dataclasses
import math
from collections.abc import Iterator

import numpy as np

from trainer.training.data.retrieval_sample import Sample, recall
from trainer.training.serving_weights import ServingCopy

COLLAPSED = 0.002  # spread of unit vectors; independent directions have 1
SETTLED = 0.2  # of a run: a transformer starts with nearly equal embeddings
AT_CLAMP = 0.999  # of the largest logit scale
CLAMPED_IN_A_ROW = 5  # measurements
GRACE = 0.5  # of a run, in which any recall is accepted
FEWEST_CANDIDATES = 100  # images; among fewer, chance varies too much
OVERFITTING_K = 10  # of the recall
OVERFITTING_FEWEST = 50  # images of each kind; among fewer, chance varies too much
LEARNED = 0.3  # recall on training images above chance, from which on something was learned
CARRIED_OVER = 0.5  # share of that gain which held-out images must show


@dataclasses.dataclass(frozen=True)
class Measurement:
    """The state of the networks at a step.

    Attributes:
        done: steps done, as a share of the run.
        image_spread: `spread` of the sample's image embeddings.
        text_spread: of its text embeddings.
        recall_at_10: text-to-image recall on the sample.
        chance: that recall for a random ranking.
        candidates: images in the sample.
        queries: distinct texts in the sample.
        scale: the logit scale, as a share of the largest; 0 without one.
        images_alike: whether all images of the sample have the same pixels.
        texts_alike: whether all captions of the sample have the same tokens.
    """

    done: float
    image_spread: float
    text_spread: float
    recall_at_10: float
    chance: float
    candidates: int
    queries: int
    scale: float
    images_alike: bool = False
    texts_alike: bool = False


def spread(embeddings: np.ndarray) -> float:
    """Measure how far embeddings [n, d] differ in direction: 1 - |mean of unit vectors|^2.

    It is 0 if all directions are the same, near 1 if they are independent, and equals the sum of
    the variances of the d components.

    Source: Wang and Isola (2020) call its absence collapse.
    """
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    return float(1 - np.square((embeddings / np.maximum(lengths, 1e-12)).mean(0)).sum())


class HealthChecks:
    """Checks the measurements of one run, in their order."""

    def __init__(self) -> None:
        self._clamped = 0  # measurements in a row

    def check(self, measurement: Measurement) -> str | None:
        """Return a sentence if training should stop, else None."""
        return next(self._problems(measurement), None)

    def _problems(self, measurement: Measurement) -> Iterator[str]:
        if measurement.done >= SETTLED:
            yield from _collapsed_towers(measurement)
        self._clamped = self._clamped + 1 if measurement.scale > AT_CLAMP else 0
        if self._clamped == CLAMPED_IN_A_ROW:
            yield (
                "the logit scale stays at its largest value: repeated records may count as "
                "mismatches, or training.learning_rate is too high"
            )
        if measurement.done < GRACE or measurement.candidates < FEWEST_CANDIDATES:
            return
        # Three standard deviations of a random ranking. Captions of one image succeed and fail
        # together, and so do images of one caption, so the smaller number counts.
        independent = min(measurement.candidates, measurement.queries)
        slack = 3 * math.sqrt(measurement.chance * (1 - measurement.chance) / independent)
        if measurement.recall_at_10 < measurement.chance - slack:
            yield (
                f"recall@10 on {measurement.candidates} images of the evaluated split is "
                f"{measurement.recall_at_10:.3f}, below chance, {measurement.chance:.3f}: captions "
                "may be paired with the wrong images, or labels be swapped"
            )


def _collapsed_towers(measurement: Measurement) -> Iterator[str]:
    for tower, value, alike, inputs in (
        (
            "image",
            measurement.image_spread,
            measurement.images_alike,
            "images have the same pixels",
        ),
        ("text", measurement.text_spread, measurement.texts_alike, "captions have the same tokens"),
    ):
        if value >= COLLAPSED:  # false for NaN
            continue
        if alike:
            yield (
                f"all {inputs} in the {measurement.candidates} records that are held out, so that "
                "nothing can be ranked: correct the data, the networks are not the cause"
            )
        yield (
            f"the {tower} tower gives all records nearly the same embedding (spread {value:.2g}, "
            "healthy is near 1): a lower training.learning_rate, a longer training.warmup_steps or "
            "another loss may help"
        )


def overfitting_remark(copy: ServingCopy, learned: Sample, held_out: Sample) -> str | None:
    """Compare the recall among training images and among as many held-out ones.

    Returns:
        A sentence that says what to try; None if the networks do not overfit.
    """
    count = min(learned.count, held_out.count)
    if count < OVERFITTING_FEWEST:
        return None
    recalls = []
    for sample in (learned.first(count), held_out.first(count)):
        to_image, _ = sample.ranks(*sample.embed(copy.embed_images, copy.embed_texts))
        recalls.append(recall(to_image, OVERFITTING_K))
    return compare_recalls(recalls[0], recalls[1], count)


def compare_recalls(learned: float, held_out: float, count: int) -> str | None:
    """Return a sentence if less than `CARRIED_OVER` of what was learned shows on other images.

    Args:
        learned: text-to-image recall@10 among images of the train split.
        held_out: among as many images that were held out.
        count: images of each.
    """
    chance = OVERFITTING_K / count
    if learned - chance < LEARNED or held_out - chance >= CARRIED_OVER * (learned - chance):
        return None
    return (
        f"overfitting: recall@{OVERFITTING_K} is {learned:.3f} among {count} training images, but "
        f"{held_out:.3f} among {count} held-out ones (chance is {chance:.3f}); fewer "
        "training.epochs, dropout in the towers, stronger augment, more records, a smaller tower "
        "or one with pretrained weights may help"
    )
