"""Look at some pictures: their sizes, and whether they are photographs or drawings."""

import dataclasses
import io
import statistics
import time
from collections.abc import Sequence

import numpy as np
from PIL import Image

from components.example_gen.images.preparation import ImageLimits, prepare, read_header
from components.example_gen.readers.registry import ReadOptions
from components.example_gen.rows import Row, UnusableError, as_unusable
from components.example_gen.storage import named_files

SECONDS = 6.0  # for all of them
SIDE = 512  # pixels to which larger ones are shrunk before they are looked at
MOST_PIXELS = 50_000_000
STEP = 2  # of 255: neighbours that differ by no more are of one colour
FLAT = 0.5  # share of such neighbours from which on a picture is a drawing


@dataclasses.dataclass(frozen=True)
class Pictures:
    """What some pictures are like.

    Attributes:
        sizes: width and height in pixels.
        flat: shares of neighbouring pixels of one colour, of each picture that was decoded.
        formats: how many there are of each.
        faults: reasons and details of those that cannot be decoded.
    """

    sizes: tuple[tuple[int, int], ...]
    flat: tuple[float, ...]
    faults: tuple[tuple[str, str], ...]

    @property
    def side(self) -> int:
        """The median of the smaller sides, pixels."""
        return round(statistics.median(map(min, self.sizes))) if self.sizes else 0

    @property
    def are_drawings(self) -> bool:
        """Whether most have large areas of one colour, as drawings and cut-outs have."""
        return bool(self.flat) and statistics.median(self.flat) >= FLAT


def examine(rows: Sequence[Row], options: ReadOptions) -> Pictures:
    """Read and decode the pictures of some rows, as long as `SECONDS` last."""
    end = time.monotonic() + SECONDS
    sizes: list[tuple[int, int]] = []
    flat: list[float] = []
    faults: list[tuple[str, str]] = []
    for row in rows:
        if time.monotonic() > end:
            break
        try:
            body = row.image
            if body is None:
                if row.image_path is None:
                    raise UnusableError("no_image")
                body = named_files.read(row.image_path, options.max_bytes, options.access)
            header = read_header(body, ImageLimits(MOST_PIXELS, options.max_bytes))
            shrunk = prepare(body, ImageLimits(MOST_PIXELS, options.max_bytes, SIDE))
        except Exception as error:
            fault = as_unusable(error)
            faults.append((fault.reason, fault.detail))
            continue
        sizes.append((header.width, header.height))
        with Image.open(io.BytesIO(shrunk.image)) as picture:
            flat.append(flatness(picture))
    return Pictures(tuple(sizes), tuple(flat), tuple(faults))


def flatness(picture: Image.Image) -> float:
    """Return the share of horizontally neighbouring pixels of one colour, on white."""
    on_white = Image.new("RGBA", picture.size, "white")
    on_white.alpha_composite(picture.convert("RGBA"))
    pixels = np.asarray(on_white.convert("RGB")).astype(np.int16)
    if pixels.shape[1] < 2:
        return 0.0
    steps = np.abs(np.diff(pixels, axis=1)).max(axis=2)
    return float((steps <= STEP).mean())
