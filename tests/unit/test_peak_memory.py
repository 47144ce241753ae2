"""The helper that bounds the memory of a test, after a test that took more."""

import mmap

from tests.support.peak_memory import begin_peak, peak

MB = 1_000_000


def take(size: int) -> None:
    """Fill memory that goes back to the kernel at once, whatever allocator the process has."""
    with mmap.mmap(-1, size) as taken:
        taken.write(b"x" * MB * (size // MB))


def test_an_earlier_peak_hides_no_later_one():
    take(200 * MB)
    before = begin_peak()
    assert peak() - before < 20 * MB
    take(80 * MB)
    assert peak() - before > 70 * MB
