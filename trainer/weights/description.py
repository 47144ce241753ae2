"""What comes with the weights of an image network: the images that they were trained on."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

FULL_SCALE = 255.0
TOLERATED = 1.5  # ratio of sides within which a convolutional network serves nearly as well


@dataclasses.dataclass(frozen=True)
class ImageInput:
    """The images that weights were trained on.

    Args:
        size: side, pixels.
        mean: subtracted from bytes 0 to 255.
        deviation: what they are divided by then.
    """

    size: int
    mean: float
    deviation: float

    def prepare(self, pixels: keras.KerasTensor) -> keras.KerasTensor:
        """Normalise pixels in -1 to 1 as those images were."""
        half = FULL_SCALE / 2
        return pixels * (half / self.deviation) + (half - self.mean) / self.deviation

    def warning(self, size: int, network: str) -> str | None:
        """Return a sentence about images of another size, which only cost quality; None: none.

        A convolutional network takes images of any size, and smaller ones are cheaper.
        """
        if size * TOLERATED >= self.size and size <= self.size * TOLERATED:
            return None
        return (
            f"image.size = {size}, and the weights of {network} were trained at {self.size} "
            f"pixels: its features will be weaker; {self.size} is the size to start with"
        )
