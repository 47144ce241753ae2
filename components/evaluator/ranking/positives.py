"""Which distinct texts and images belong together."""

import numpy as np

from components.evaluator.ranking.embedded import Embedded


def match_pairs(embedded: Embedded) -> tuple[np.ndarray, np.ndarray]:
    """Each text with each image that carries it as a match, once: no more pairs than captions.

    As in training, a text that an image calls a mismatch does not match it, even if another
    caption of the image that says the same is called a match.

    Returns:
        Text and image index of each pair, int64 [p] each, in the order of text, then image.
    """
    images = max(len(embedded.keys), 1)
    carried = embedded.text * images + embedded.owner
    pairs = np.setdiff1d(carried[embedded.is_match], carried[~embedded.is_match])
    text, image = np.divmod(pairs, images)
    return text, image
