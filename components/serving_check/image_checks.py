"""Numerical checks of images: colours, odd kinds, damaged ones, and those that ingest changed."""

from collections.abc import Sequence

import numpy as np

from components.example_gen.images.originals import Original
from components.serving_check import calls
from components.serving_check.clients.isolated_client import Observed
from components.serving_check.config import ServingCheckConfig
from components.serving_check.inputs.golden_records import GoldenRecords
from components.serving_check.inputs.odd_images import OddImage
from components.serving_check.numerical_checks import difference
from components.serving_check.report import Check, judge
from schema import features, serving_names

SIMILAR = 0.9  # least cosine of an image with itself at another size; turned, it has much less
# Red and blue count as exchanged if exchanging them leaves less than this share of the difference.
EXCHANGED = 0.25


def channels(observed: Observed, golden: GoldenRecords, config: ServingCheckConfig) -> Check:
    """Check that the model does not exchange red and blue."""
    plain = observed.answers[calls.key(serving_names.JOINT, serving_names.EMBED_IMAGE)][
        features.EMBEDDING
    ]
    swapped = observed.answers[calls.SWAPPED][features.EMBEDDING]
    wrong = float(np.abs(plain - golden.image_embeddings).mean())
    still_wrong = float(np.abs(swapped - golden.image_embeddings).mean())
    differs = difference(plain, golden.image_embeddings) > config.agreement
    faults = []
    if differs and still_wrong < EXCHANGED * wrong:
        faults = [
            "red and blue are exchanged: the mean difference to the trainer's embeddings is "
            f"{wrong:.2g}, and {still_wrong:.2g} on images with both exchanged"
        ]
    return judge("channels", faults, "red and blue are not exchanged")


def odd_images(observed: Observed, odd: Sequence[OddImage], config: ServingCheckConfig) -> Check:
    """Check that an image of any kind is embedded like the same image as a plain PNG."""
    mine, plain = (observed.answers[key][features.EMBEDDING] for key in (calls.ODD, calls.PLAIN))
    differences = {image.kind: difference(mine[i], plain[i]) for i, image in enumerate(odd)}
    faults = [
        f"{kind}: the embedding differs from that of the same image as a plain PNG by "
        f"{off:.2g}, over {config.agreement:g}"
        for kind, off in differences.items()
        if not off <= config.agreement
    ]
    return judge("odd-images", faults, f"{len(odd)} odd kinds of image are embedded as plain ones")


def as_received(
    observed: Observed, originals: Sequence[Original], config: ServingCheckConfig
) -> Check:
    """Check that an image that ingest re-encoded is embedded like what is stored, or marked."""
    given, stored = (
        observed.answers[key][features.EMBEDDING] for key in (calls.ORIGINAL, calls.STORED)
    )
    valid = observed.answers[calls.ORIGINAL][features.VALID]
    faults = []
    for i, original in enumerate(originals):
        if not valid[i]:
            continue
        # Shrunk twice is not shrunk once: then the embedding is only a similar one.
        if "shrunk" in original.kind:
            lengths = np.linalg.norm(given[i]) * np.linalg.norm(stored[i])
            right = bool(given[i] @ stored[i] >= SIMILAR * lengths)
        else:
            right = bool(difference(given[i], stored[i]) <= config.agreement)
        if not right:
            faults.append(f"{original.kind}: an image as received and its stored form differ")
    fine = (
        f"{int(valid.sum())} of {len(originals)} images as received are embedded like what is "
        "stored, the others are marked"
    )
    return judge("as-received", faults, fine)


def damaged(observed: Observed, config: ServingCheckConfig) -> Check:
    """Check that damaged images are marked, and the others of their batch answered."""
    faults = []
    batch = observed.answers[calls.key(serving_names.JOINT, serving_names.EMBED_IMAGE)][
        features.EMBEDDING
    ]
    for key in calls.DAMAGED:
        valid = observed.answers[key][features.VALID]
        [name] = observed.answers[key].keys() & {
            features.IMAGE_EMBEDDING,
            features.EMBEDDING,
            features.SIMILARITY,
        }
        value = observed.answers[key][name]
        if not (valid[0] and valid[-1]) or valid[1:-1].any():
            faults.append(f"{key}: valid is {valid.tolist()}")
        elif not np.isnan(value[1:-1]).all():
            faults.append(f"{key}: {name} of a damaged image is not NaN")
        elif name != features.SIMILARITY:
            faults += [
                f"{key}: another image's {name} changes"
                for i in (0, -1)
                if not difference(value[i], batch[i]) <= config.agreement
            ]
    empty = observed.answers[calls.NO_IMAGE][features.EMBEDDING].shape
    if empty != (0, batch.shape[1]):
        faults.append(f"{calls.NO_IMAGE}: the shape is {list(empty)}")
    return judge("damaged-images", faults, "damaged images are marked and the others answered")
