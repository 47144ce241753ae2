"""Images and sentences whose reference features are kept; needs NumPy only.

`tests/support/programs/reference_features.py` computed the features with the original frameworks.
"""

from pathlib import Path

import numpy as np

FOLDER = Path(__file__).resolve().parent / "data" / "reference"
FEATURES = FOLDER / "features.npz"
IDS = FOLDER / "bert_ids.npz"
SENTENCES = (
    "A duck swims on a pond.",
    "Two children play football in the rain",
    "red cup",
    "Ein Café in Zürich, naïve façade",
    "the quick brown fox jumps over the lazy dog, twice; and then it sleeps (for an hour).",
    "東京 tower at night",
    "unbelievably antidisestablishmentarianism 🦆",
    "a",
)


def images(size: int = 224) -> np.ndarray:
    """Draw four images, uint8 [4, size, size, 3], by formulas that any NumPy computes alike."""
    y, x = np.mgrid[0:size, 0:size] / size
    waves = np.stack([np.sin(20 * x * y), np.cos(9 * x + 3 * y), np.sin(31 * (x - y))], -1)
    disc = ((x - 0.4) ** 2 + (y - 0.6) ** 2 < 0.08)[..., None]
    ramp = np.stack([x, y, 1 - x], -1)
    checks = ((np.floor(12 * x) + np.floor(12 * y)) % 2)[..., None] * np.array([1.0, 0.5, 0.2])
    drawn = np.stack(
        [
            0.5 + 0.5 * waves,
            np.where(disc, [0.9, 0.2, 0.1], ramp),
            checks,
            np.where(disc, 1, waves**2),
        ]
    )
    return np.floor(255 * np.clip(drawn, 0, 1) + 0.5).astype(np.uint8)
