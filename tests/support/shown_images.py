"""What the transform graph and Pillow show of an image."""

import io

import numpy as np
import tensorflow as tf
from PIL import Image, ImageOps

from components.example_gen.images.preparation import ImageLimits
from tests.support.image_files import over_white
from trainer.preprocessing.image_files.image_formats import decode

LIMITS = ImageLimits(1_000_000, 1_000_000)
DECODE = tf.function(decode, input_signature=[tf.TensorSpec([], tf.string)])

# Where the corners (top left, top right, bottom left, bottom right) of the stored image are shown.
CORNERS = {
    1: (0, 1, 2, 3), 2: (1, 0, 3, 2), 3: (3, 2, 1, 0), 4: (2, 3, 0, 1),
    5: (0, 2, 1, 3), 6: (2, 0, 3, 1), 7: (3, 1, 2, 0), 8: (1, 3, 0, 2),
}  # fmt: skip


def shown(image: bytes) -> np.ndarray:
    """float [height, width, 3] as the Transform graph makes of it."""
    return DECODE(tf.constant(image)).numpy()


def opened(image: bytes) -> np.ndarray:
    """What Pillow shows: upright, over white."""
    with Image.open(io.BytesIO(image)) as file:
        picture = ImageOps.exif_transpose(file)
    return over_white(np.asarray(picture.convert("RGBA")))


def small(image: Image.Image) -> np.ndarray:
    return np.asarray(image.resize((32, 32), Image.Resampling.BILINEAR))


def corners(rgb: np.ndarray) -> np.ndarray:
    return np.array([rgb[1, 1], rgb[1, -2], rgb[-2, 1], rgb[-2, -2]], float)
