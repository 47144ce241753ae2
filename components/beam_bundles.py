"""What a DoFn yields at the end of a bundle, where Beam leaves the window to it."""

from typing import Any

from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.timestamp import MIN_TIMESTAMP
from apache_beam.utils.windowed_value import WindowedValue


def at_the_end(value: Any) -> WindowedValue:
    """Return an element of bounded data, as `finish_bundle` has to yield it."""
    return WindowedValue(value, MIN_TIMESTAMP, [GlobalWindow()])
