"""From an image's bytes to those that are stored: checked, upright, and no larger than asked.

What the transform graph decodes to the pixels that a viewer shows is kept byte for byte; the rest
is encoded anew, and `prepared.CHANGES` says what and how. Every pixel is decoded once on the way,
so that damage is found here.
"""

import contextlib
import threading

from components.example_gen.images.image_header import ImageLimits, read_header
from components.example_gen.images.jpeg_pixels import prepare_jpeg
from components.example_gen.images.other_pixels import prepare_other
from components.example_gen.images.prepared import Prepared

LARGE = 8_000_000  # pixels; an image of more is decoded while no other one of more is
_LARGE_ONES = threading.Lock()


def prepare(image: bytes, limits: ImageLimits) -> Prepared:
    """Check one image and make of it what is stored.

    Safe in threads; most of its time is spent in C code that lets other threads run.

    Raises:
        UnusableError: the image cannot be used; what `image_header.read_header` raises, or
            `damaged_pixels`.
    """
    header = read_header(image, limits)
    large = header.width * header.height > LARGE
    with _LARGE_ONES if large else contextlib.nullcontext():
        if header.format == "jpeg":
            return prepare_jpeg(image, header, limits.max_side)
        return prepare_other(image, header, limits.max_side)
