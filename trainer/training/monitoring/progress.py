"""Report the progress of a training run: steps, loss, rate, time left."""

import math
import time
from collections.abc import Callable

import tensorflow as tf

from schema.errors import InputError
from schema.progress import report

SECONDS_BETWEEN_REPORTS = 0.5
SMOOTHING = 0.95  # of the reported loss, per step
COMPILING_STEPS = 2  # not counted in the rate: tracing and first allocations
READ_AT_ONCE = 10  # losses: reading each one would make a GPU wait after every step


class ProgressReporter:
    """Called after every step; reports at most every `SECONDS_BETWEEN_REPORTS`.

    Args:
        steps: length of the whole run.
        batch_size: pairs in one step.
        clock: returns seconds; replaced by tests.
    """

    def __init__(
        self, steps: int, batch_size: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._steps, self._batch_size, self._clock = steps, batch_size, clock
        self._seen, self._started, self._reported = 0, 0.0, 0.0
        self._resumed_from = 0  # step of the checkpoint that this attempt started from
        self._losses: list[tf.Tensor] = []  # not read yet
        self._smoothed: float | None = None
        self._held_out: dict[str, float] = {}
        self.pairs_per_second = 0.0
        self.loss = math.nan  # of the last step that was read

    def step(self, done: int, loss: tf.Tensor) -> None:
        """Note a step.

        Args:
            done: steps done so far, by earlier attempts too.
            loss: of the last step, a scalar.

        Raises:
            InputError: a loss is not finite.
        """
        if not self._seen:
            self._resumed_from = done - 1
        self._seen += 1
        self._losses.append(loss)
        now = self._clock()
        if self._seen == COMPILING_STEPS:
            self._started = now
        due = done == self._steps or now - self._reported > SECONDS_BETWEEN_REPORTS
        if not due and len(self._losses) < READ_AT_ONCE:
            return
        self.catch_up(done)
        if due:
            self._reported = now
            self._report(done)

    def measured(self, done: int, held_out_recall_at_10: float) -> None:
        """Report a measurement of the networks, now and with all that is reported after it.

        Args:
            done: steps done so far; `catch_up` was called with it.
            held_out_recall_at_10: text to image, on the sample that is held out.
        """
        self._held_out = {"held_out_recall_at_10": round(held_out_recall_at_10, 4)}
        self._report(done)

    def catch_up(self, done: int) -> None:
        """Read the losses so far, so that `loss` and `pairs_per_second` are up to date.

        Raises:
            InputError: a loss is not finite.
        """
        self._read(done)
        if self._seen > COMPILING_STEPS:
            counted = self._seen - COMPILING_STEPS
            self.pairs_per_second = counted * self._batch_size / (self._clock() - self._started)

    def _read(self, done: int) -> None:
        first = done - len(self._losses) + 1
        for number, loss in enumerate(map(float, self._losses), first):
            if not math.isfinite(loss):
                raise InputError(
                    f"training: the loss is {loss} at step {number} of {self._steps}; "
                    "a lower training.learning_rate usually helps"
                )
            previous = loss if self._smoothed is None else self._smoothed
            self._smoothed = SMOOTHING * previous + (1 - SMOOTHING) * loss
            self.loss = loss
        self._losses = []

    def _report(self, done: int) -> None:
        left = (self._steps - done) * self._batch_size
        rate = self.pairs_per_second
        assert self._smoothed is not None
        resumed = {"resumed_from": self._resumed_from} if self._resumed_from else {}
        report(
            "Trainer",
            **resumed,
            step=done,
            steps=self._steps,
            records=done * self._batch_size,
            loss=round(self._smoothed, 4),
            **self._held_out,
            pairs_per_second=round(rate),
            seconds_left=round(left / rate) if rate else -1,
        )
