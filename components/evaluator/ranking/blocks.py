"""Count over the matrix of all scores, tile by tile.

One product serves both directions: along the rows of a tile it is compared with what its texts
must beat, along its columns with what its images must beat. A thread holds one tile at a time, so
memory does not grow with texts x images.
"""

import itertools
import threading

import numpy as np

from components.evaluator.ranking import threads
from components.evaluator.ranking.block import Counts, Tile
from components.evaluator.ranking.targets import Targets

# Large enough for a full-speed product, small enough to be counted while still in the cache.
TEXTS_AT_ONCE = 1024
IMAGES_AT_ONCE = 1280


def count(
    texts: np.ndarray, images: np.ndarray, of_texts: Targets, of_images: Targets
) -> tuple[Counts, Counts]:
    """Count over the product of some texts with all images.

    Args:
        texts: float32 [m, d], all candidates of the images or a part of them.
        images: float32 [n, d], all candidates of the texts.
        of_texts: targets of these texts.
        of_images: targets of the images.

    Returns:
        Counts for the texts, complete; and for the images, as far as these texts go.
    """
    totals = Counts.zeros(of_texts), Counts.zeros(of_images)
    lock = threading.Lock()

    def one(corner: tuple[int, int]) -> None:
        row, column = corner
        rows = slice(row, row + TEXTS_AT_ONCE)
        columns = slice(column, column + IMAGES_AT_ONCE)
        tile = Tile(texts[rows], images[columns], of_texts[rows], of_images[columns], column)
        of_rows, of_columns = tile.count()
        with lock:
            totals[0].add(of_rows, of_texts.starts[row])
            totals[1].add(of_columns, of_images.starts[column])

    rows, columns = range(0, len(texts), TEXTS_AT_ONCE), range(0, len(images), IMAGES_AT_ONCE)
    threads.for_each(one, itertools.product(rows, columns))
    return totals
