"""The helper that bounds the memory of a test, after a test that took more."""

import numpy as np

from tests.support.peak_memory import begin_peak, peak

MB = 1_000_000


def test_an_earlier_peak_hides_no_later_one():
    np.ones(200 * MB, np.uint8)
    before = begin_peak()
    assert peak() - before < 20 * MB
    np.ones(80 * MB, np.uint8)
    assert 70 * MB < peak() - before < 100 * MB
