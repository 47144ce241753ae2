"""Count the records that flow through a Beam stage and report them while they do."""

import time
from collections.abc import Callable
from typing import Any

import apache_beam as beam
from apache_beam.metrics import Metrics

from schema.progress import report

SECONDS_BETWEEN_REPORTS = 0.5


@beam.ptransform_fn
def count_records(
    records: beam.PCollection, node: str, count: Callable[[Any], int] = lambda _: 1
) -> Any:
    """Pass every element on and count its records, for the log and for Beam's own metrics.

    Args:
        records: to pass on.
        node: whose records they are.
        count: returns the number of records of an element. Default: each is one.
    """
    return records | beam.ParDo(_Count(node, count))


class _Count(beam.DoFn):
    """Reports how many records are new since its last report; many may run at once."""

    def __init__(self, node: str, count: Callable[[Any], int]):
        self._node, self._count = node, count

    def setup(self) -> None:
        self._new, self._reported = 0, time.monotonic()
        self._metric = Metrics.counter(self._node, "records")

    def process(self, element: Any) -> Any:
        count = self._count(element)
        self._new += count
        self._metric.inc(count)
        if time.monotonic() - self._reported > SECONDS_BETWEEN_REPORTS:
            self._report()
        yield element

    def finish_bundle(self) -> None:
        self._report()

    def _report(self) -> None:
        if self._new:
            report(self._node, new_records=self._new)
        self._new, self._reported = 0, time.monotonic()
