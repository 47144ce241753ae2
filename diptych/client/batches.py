"""Read and encode images in threads, and hand them to the model in batches of bounded memory."""

import collections
import concurrent.futures
import dataclasses
import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

from diptych.client.images import Encoded, UnusableImageError

MOST_IMAGES = 64  # of one call
MOST_PIXELS = 2**26  # of one call, except for an image that has more by itself
MOST_BYTES = 2**25  # likewise: 32 MiB
TEXTS_AT_ONCE = 256
MOST_THREADS = 8

Item = TypeVar("Item")


@dataclasses.dataclass(frozen=True, slots=True)
class Read(Generic[Item]):
    """An item with its image, or with the reason why it has none.

    Attributes:
        item: as it was given.
        image: encoded; None where `failure` says why.
        failure: without the name of the item; empty if there is none.
    """

    item: Item
    image: Encoded | None
    failure: str = ""


def batches(
    items: Iterable[Item], encode: Callable[[Item], Encoded], is_large: Callable[[Item], bool]
) -> Iterator[list[Read[Item]]]:
    """Encode items ahead of their use and yield them in batches, in their order.

    The threads are two calls ahead of the model. What is large is only read when its turn comes, so
    that memory does not grow with the sizes of the files.

    Args:
        items: of any kind.
        encode: reads one; raises `UnusableImageError` where it cannot. It runs in threads.
        is_large: whether an item is not to be read ahead.

    Yields:
        At most `MOST_IMAGES` items. Items without an image are among them and count for nothing.
    """
    batch: list[Read[Item]] = []
    count = pixels = size = 0
    for read in _ahead(items, encode, is_large):
        image = read.image
        if image is not None:
            full = (
                count == MOST_IMAGES
                or pixels + image.pixels > MOST_PIXELS
                or size + len(image.data) > MOST_BYTES
            )
            if count and full:
                yield batch
                batch, count, pixels, size = [], 0, 0, 0
            count, pixels, size = count + 1, pixels + image.pixels, size + len(image.data)
        batch.append(read)
    if batch:
        yield batch


def _ahead(
    items: Iterable[Item], encode: Callable[[Item], Encoded], is_large: Callable[[Item], bool]
) -> Iterator[Read[Item]]:
    def read(item: Item) -> Read[Item]:
        try:
            return Read(item, encode(item))
        except UnusableImageError as error:
            return Read(item, None, str(error))

    threads = min(MOST_THREADS, 2 * (os.cpu_count() or 1))
    waiting: collections.deque[Callable[[], Read[Item]]] = collections.deque()
    left = iter(items)
    with concurrent.futures.ThreadPoolExecutor(threads, "diptych-read") as pool:
        try:
            while True:
                for item in itertools.islice(left, 2 * MOST_IMAGES - len(waiting)):
                    if is_large(item):
                        waiting.append(lambda item=item: read(item))  # type: ignore[misc]
                    else:
                        waiting.append(pool.submit(read, item).result)
                if not waiting:
                    return
                yield waiting.popleft()()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
