"""The table that `diptych check` prints."""

import pytest
from tensorflow_metadata.proto.v0 import statistics_pb2

from pipeline.check_data import _range


@pytest.mark.parametrize(
    ("low", "high", "median", "one", "shown"),
    [
        (1, 6, 3, 1, "1 to 6, median 3"),
        (3, 6, 4.5, 1, "3 to 6, median 4.5"),
        (160, 160, 160, 1, "160"),
        (640, 4032, 1024, 1, "640 to 4,032, median 1,024"),
        (1508, 3630, 1578, 1000, "1.5 to 3.6, median 1.6"),
        (9949, 12345678, 1234567.5, 1000, "9.9 to 12,346, median 1,235"),
    ],
)
def test_a_range_is_short(low, high, median, one, shown):
    numbers = statistics_pb2.NumericStatistics(min=low, max=high, median=median)
    assert _range(numbers, one) == shown
