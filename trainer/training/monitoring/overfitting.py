"""Overfitting: what the networks know of the images they learned from, and of others."""

from trainer.training.monitoring.retrieval_sample import Sample, recall
from trainer.training.serving_weights import ServingCopy

K = 10  # of the recall
FEWEST = 50  # images of each kind; among fewer, chance and luck are too wide
LEARNED = 0.3  # recall on training images above guessing, from which on something was learned
CARRIED_OVER = 0.5  # share of that which others must show


def remark(copy: ServingCopy, learned: Sample, held_out: Sample) -> str | None:
    """Compare the recall on as many images that were learned from as were held out.

    Returns:
        A sentence with what to try; None if the networks do not overfit.
    """
    count = min(learned.count, held_out.count)
    if count < FEWEST:
        return None
    return judge(_recall(copy, learned.first(count)), _recall(copy, held_out.first(count)), count)


def _recall(copy: ServingCopy, sample: Sample) -> float:
    to_image, _ = sample.ranks(*copy.embed(sample))
    return recall(to_image, K)


def judge(learned: float, held_out: float, count: int) -> str | None:
    """A sentence if less than `CARRIED_OVER` of what was learned shows on other images.

    Args:
        learned: text-to-image recall@10 among images that were learned from.
        held_out: among as many that were not.
        count: images of each.
    """
    chance = K / count
    if learned - chance < LEARNED or held_out - chance >= CARRIED_OVER * (learned - chance):
        return None
    return (
        f"overfitting: recall@{K} is {learned:.3f} among {count} images that were learned from, "
        f"but {held_out:.3f} among {count} held out, where guessing gives {chance:.3f}; fewer "
        "training.epochs, dropout in the towers, stronger augment, more records, a smaller tower "
        "or one with pretrained weights may help"
    )
