"""Signs that training goes wrong, each a sentence with what to try."""

import dataclasses
import math
from collections.abc import Iterator

import numpy as np

COLLAPSED = 0.002  # spread of unit vectors; independent directions have 1
SETTLED = 0.2  # of a run: a transformer starts with nearly equal embeddings
AT_CLAMP = 0.999  # of the largest logit scale
CLAMPED_LOOKS = 5  # in a row
GRACE = 0.5  # of a run, in which the recall may still be anything
FEWEST = 100  # images; among fewer, chance is too wide


@dataclasses.dataclass(frozen=True)
class Look:
    """What is known of the networks at a step.

    Attributes:
        done: steps so far, a share of all.
        image_spread: `spread` of the image embeddings of the sample.
        text_spread: of the text embeddings.
        recall_at_10: text to image, of the sample's captions.
        chance: that recall of a network that guesses.
        candidates: images in the sample.
        queries: distinct texts in the sample.
        scale: the logit scale, as a share of the largest; 0 without one.
        images_alike: whether all images of the sample have the same pixels.
        texts_alike: whether all captions of the sample have the same word pieces.
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
    """How far embeddings [n, d] point into different directions: 1 - |mean of unit vectors|^2.

    0 if all are the same, near 1 if their directions are independent. It is the sum of the
    variances of the d components. Source: Wang and Isola (2020) call its absence collapse.
    """
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    return float(1 - np.square((embeddings / np.maximum(lengths, 1e-12)).mean(0)).sum())


class Trouble:
    """Judges one look after the other."""

    def __init__(self) -> None:
        self._clamped = 0

    def judge(self, look: Look) -> str | None:
        """A sentence if training should stop; else None."""
        return next(self._sentences(look), None)

    def _sentences(self, look: Look) -> Iterator[str]:
        for tower, found, alike, what in (
            ("image", look.image_spread, look.images_alike, "images have the same pixels"),
            ("text", look.text_spread, look.texts_alike, "captions have the same word pieces"),
        ):
            if look.done >= SETTLED and not found >= COLLAPSED:  # nor if it is no number
                if alike:
                    yield (
                        f"all {what} in the {look.candidates} records that are held out, so that "
                        "nothing can be ranked: the data must be mended, not the networks"
                    )
                yield (
                    f"the {tower} tower gives all records nearly the same embedding (spread "
                    f"{found:.2g}, healthy is near 1): a lower training.learning_rate, a longer "
                    "training.warmup_steps or another loss may help"
                )
        self._clamped = self._clamped + 1 if look.scale > AT_CLAMP else 0
        if self._clamped == CLAMPED_LOOKS:
            yield (
                "the logit scale stands at its largest value: repeated records may be told as "
                "mismatches, or training.learning_rate is too high"
            )
        if look.done < GRACE or look.candidates < FEWEST:
            return
        # Three standard deviations of a network that guesses. Captions of one image succeed and
        # fail together, and so do images of one caption: the fewer are what counts.
        independent = min(look.candidates, look.queries)
        slack = 3 * math.sqrt(look.chance * (1 - look.chance) / independent)
        if look.recall_at_10 < look.chance - slack:
            yield (
                f"recall@10 on {look.candidates} images of the evaluated split is "
                f"{look.recall_at_10:.3f}, below the {look.chance:.3f} of guessing: captions may "
                "be paired with the wrong images, or labels turned around"
            )
