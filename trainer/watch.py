"""Watch training: report progress, stop on a loss that is no number."""

import math
import time
from typing import Any

import keras

from schema.errors import InputError
from schema.progress import report

SECONDS_BETWEEN_REPORTS = 0.5
SMOOTHING = 0.95  # of the reported loss, per step
COMPILING_STEPS = 2  # not counted in the rate: tracing and first allocations


class Watch(keras.callbacks.Callback):
    """Keras callback; one for one `fit`.

    Args:
        steps: length of the whole run.
        batch_size: pairs in one step.
    """

    def __init__(self, steps: int, batch_size: int):
        super().__init__()
        self._steps, self._batch_size = steps, batch_size
        self._done, self._started, self._reported = 0, 0.0, 0.0
        self._loss: float | None = None
        self._pairs_per_second = 0.0

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        assert logs is not None
        self._done += 1
        now = time.monotonic()
        if self._done == COMPILING_STEPS:
            self._started = now
        if self._done > COMPILING_STEPS:
            counted = self._done - COMPILING_STEPS
            self._pairs_per_second = counted * self._batch_size / (now - self._started)
        loss = float(logs["loss"])
        if not math.isfinite(loss):
            raise InputError(
                f"training: the loss is {loss} at step {self._done} of {self._steps}; "
                "a lower training.learning_rate usually helps"
            )
        self._loss = (
            loss if self._loss is None else (SMOOTHING * self._loss + (1 - SMOOTHING) * loss)
        )
        if now - self._reported > SECONDS_BETWEEN_REPORTS or self._done == self._steps:
            self._reported = now
            self._report()

    def _report(self) -> None:
        left = (self._steps - self._done) * self._batch_size
        rate = self._pairs_per_second
        assert self._loss is not None
        report(
            "Trainer",
            step=self._done,
            steps=self._steps,
            records=self._done * self._batch_size,
            loss=round(self._loss, 4),
            pairs_per_second=round(rate),
            seconds_left=round(left / rate) if rate else -1,
        )
