"""Images are read ahead in threads, and come in their order and in calls of bounded size."""

import threading
import time

import pytest

from diptych.client import batches as module
from diptych.client.batches import MOST_BYTES, MOST_IMAGES, MOST_PIXELS, batches
from diptych.client.images import Encoded, UnusableImageError


def run(items, encode, is_large=lambda _: False):
    return list(batches(items, encode, is_large))


def test_the_order_is_that_of_the_items_whichever_is_read_first():
    def encode(item):
        time.sleep(0.002 * (item % 3))
        return Encoded(bytes([item]), 1)

    read = run(range(150), encode)
    assert [len(batch) for batch in read] == [MOST_IMAGES, MOST_IMAGES, 150 - 2 * MOST_IMAGES]
    assert [one.item for batch in read for one in batch] == [*range(150)]
    assert all(one.image.data == bytes([one.item]) for batch in read for one in batch)


def test_a_failure_stands_in_the_place_of_its_item_and_does_not_count():
    def encode(item):
        if item % 2:
            raise UnusableImageError("odd")
        return Encoded(b"", 1)

    [first, second] = run(range(4 * MOST_IMAGES), encode)
    assert len(first) == len(second) == 2 * MOST_IMAGES
    assert [one.failure for one in first[:3]] == ["", "odd", ""]


@pytest.mark.parametrize(
    ("image", "count"),
    [
        (Encoded(b"", MOST_PIXELS // 4), 4),
        (Encoded(b"", MOST_PIXELS + 1), 1),
        (Encoded(bytes(MOST_BYTES // 2), 1), 2),
    ],
)
def test_a_call_is_bounded_in_pixels_and_bytes(image, count):
    assert [len(batch) for batch in run(range(8), lambda _: image)] == [count] * (8 // count)


def test_large_files_are_read_when_their_turn_comes():
    reading = set()

    def encode(item):
        reading.add((item, threading.current_thread() is threading.main_thread()))
        return Encoded(b"", MOST_PIXELS)

    turns = batches(range(20), encode, lambda item: item % 2 == 0)
    next(turns)
    large = {item for item, in_main in reading if in_main}
    assert large <= {0, 2}  # the second one is what ended the first call
    list(turns)
    assert {item for item, in_main in reading if in_main} == {*range(0, 20, 2)}


def test_no_more_is_read_ahead_than_two_calls():
    started = []

    def encode(item):
        started.append(item)
        return Encoded(b"", 1)

    turns = batches(range(100 * MOST_IMAGES), encode, lambda _: False)
    next(turns)
    del turns
    assert len(started) <= 3 * MOST_IMAGES + 1


def test_another_error_ends_it():
    def encode(item):
        raise MemoryError

    with pytest.raises(MemoryError):
        run(range(3), encode)
    assert not [t for t in threading.enumerate() if t.name.startswith("diptych-read")]
    assert run([], encode) == []
    assert module.MOST_THREADS <= 8
