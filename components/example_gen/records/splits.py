"""Which split an image belongs to, by its key alone: the same in every run."""

import hashlib
from collections.abc import Mapping, Sequence

TRAIN = "train"  # the split that trains the towers; evaluation must not contain its images
DIGESTS = "digests-{}.npy"  # of a split's records; beside the folders of the splits


def position(key: str) -> float:
    """Return a number in [0, 1) that looks random and depends on the key alone."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") / 2**64


def split_of(key: str, shares: Mapping[str, float]) -> str:
    """Return the split of a key.

    Adding records moves none between splits; changing the shares moves as few as it can.

    Args:
        key: of an image.
        shares: of each split, adding up to 1; their order matters.
    """
    here = position(key)
    end = 0.0
    for name, share in shares.items():
        end += share
        if here < end:
            return name
    return name  # the shares add up to slightly less than 1


def precedence(splits: Sequence[str]) -> dict[str, int]:
    """Rank splits by which keeps a key that several have: train first, then as in the config."""
    ordered = sorted(splits, key=lambda name: name != TRAIN)
    return {name: rank for rank, name in enumerate(ordered)}
