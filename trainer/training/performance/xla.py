"""Choose whether a training step uses XLA, by timing the first batch of a long run."""

import logging
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from schema.errors import InputError
from schema.text.messages import first_line

Step = Callable[[Any], dict[str, tf.Tensor]]
TIMED_STEPS = 5
# Compiling a large step takes minutes, which a shorter run cannot win back.
LONG_RUN = 600.0  # seconds
GAIN = 0.95  # use XLA below this share of the time without it: a smaller gain may be noise
LOGGER = logging.getLogger(__name__)


def is_faster(
    plain: Step,
    compiled: Step,
    batch: Any,
    variables: Sequence[tf.Variable],
    steps: int,
    stop: Callable[[], bool] = lambda: False,
) -> bool | None:
    """Time a few steps without XLA, and with XLA if the run is long, then undo them.

    Args:
        plain: a step.
        compiled: the same step with XLA.
        batch: for both.
        variables: all variables that a step changes; their values are restored.
        steps: steps still to do.
        stop: returns whether the run was asked to end; timing ends early then.

    Returns:
        Whether XLA saves time; None: the run was asked to end before that was known.
    """
    values = [variable.numpy() for variable in variables]
    try:
        seconds = seconds_of(plain, batch, stop)
        if stop():
            return None
        if seconds * steps < LONG_RUN:
            return False
        try:
            with_xla = seconds_of(compiled, batch, stop)
        except (tf.errors.OpError, ValueError) as error:
            # Some operations have no XLA kernel, or a shape is known only at run time.
            LOGGER.info("XLA cannot compile this step: %s", first_line(error))
            return False
        if stop():
            return None
        LOGGER.info("a step takes %.3f s, with XLA %.3f s", seconds, with_xla)
        return with_xla < GAIN * seconds
    finally:
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)


def with_clear_error(compiled: Step) -> Step:
    """Return a step that raises an `InputError` if XLA cannot compile it."""

    def step(batch: Any) -> dict[str, tf.Tensor]:
        try:
            return compiled(batch)
        except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError) as error:
            raise InputError(
                "training.xla: true: XLA cannot compile this step (set it to auto or false): "
                f"{error.message.splitlines()[0]}"
            ) from error

    return step


def seconds_of(step: Step, batch: Any, stop: Callable[[], bool] = lambda: False) -> float:
    """Time a few steps, after one that traces or compiles; return the median, in seconds."""
    taken = [0.0]
    for _ in range(1 + TIMED_STEPS):  # the first one compiles
        if stop():
            break
        started = time.perf_counter()
        float(step(batch)["loss"])
        taken.append(time.perf_counter() - started)
    return statistics.median(taken[2:] or taken)
