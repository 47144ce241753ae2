"""Small images of a catalogue, for pages that show what a search found."""

import dataclasses
import io

from PIL import Image, ImageOps

from components.example_gen.images import preparation
from components.example_gen.images.preparation import ImageLimits
from components.example_gen.rows import UnusableError
from schema.config.section import LARGEST_INT

NO_LIMITS = ImageLimits(max_pixels=LARGEST_INT, max_bytes=LARGEST_INT)
LARGEST = 256  # pixels of the larger side
_QUALITY = 80  # of WebP, 0 to 100
_METHOD = 2  # of WebP, 0 to 6: more takes longer and saves a few per cent


def thumbnail(image: bytes, pixels: int, limits: ImageLimits = NO_LIMITS) -> bytes | None:
    """Shrink an image, upright and of its first frame, as WebP with its transparency.

    Args:
        image: a file of any format that ingest reads.
        pixels: most of the larger side; a smaller image is not enlarged.
        limits: what the image may cost, `max_side` apart; default: none, as ingest had limits.

    Returns:
        The bytes of the file; None: the image cannot be decoded or is above the limits.
    """
    try:
        small = preparation.prepare(image, dataclasses.replace(limits, max_side=pixels))
        with Image.open(io.BytesIO(small.image)) as picture:
            upright = ImageOps.exif_transpose(picture)
            out = io.BytesIO()
            upright.save(out, "webp", quality=_QUALITY, method=_METHOD)
    except (UnusableError, OSError, ValueError):  # the second two are Pillow's
        return None
    return out.getvalue()
