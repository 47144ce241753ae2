"""Whether XLA pays for a training step: measured on the first batch, where there is time to win."""

import logging
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from schema.errors import InputError

Step = Callable[[Any], dict[str, tf.Tensor]]
TIMED = 5  # steps
# Compiling a large step takes minutes. A shorter run than this cannot win them back.
LONG_RUN = 600.0  # seconds
GAIN = 0.95  # XLA is taken below this share of the time without it: less may be noise
LOGGER = logging.getLogger(__name__)


def pays(
    plain: Step,
    compiled: Step,
    batch: Any,
    variables: Sequence[tf.Variable],
    steps: int,
    stop: Callable[[], bool] = lambda: False,
) -> bool | None:
    """Time a few steps without XLA, and with it if the run is long; nothing of them remains.

    Args:
        plain: a step.
        compiled: the same with XLA.
        batch: for both.
        variables: all that a step changes; they are put back.
        steps: that are still to do.
        stop: whether the run was asked to end; timing may take longer than it is given then.

    Returns:
        Whether it pays; None if the run was asked to end before that was known.
    """
    before = [variable.numpy() for variable in variables]
    try:
        seconds = _seconds(plain, batch, stop)
        if stop():
            return None
        if seconds * steps < LONG_RUN:
            return False
        try:
            fused = _seconds(compiled, batch, stop)
        except (tf.errors.OpError, ValueError) as error:
            # Some operations have no XLA kernel, or a shape is known only when it runs.
            LOGGER.info("XLA cannot compile this step: %s", str(error).splitlines()[0])
            return False
        if stop():
            return None
        LOGGER.info("a step takes %.3f s, with XLA %.3f s", seconds, fused)
        return fused < GAIN * seconds
    finally:
        for variable, value in zip(variables, before, strict=True):
            variable.assign(value)


def or_refused(compiled: Step) -> Step:
    """A step with XLA, which says in one sentence that it cannot be compiled."""

    def step(batch: Any) -> dict[str, tf.Tensor]:
        try:
            return compiled(batch)
        except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError) as error:
            raise InputError(
                "training.xla: true: XLA cannot compile this step, and auto would go without: "
                f"{error.message.splitlines()[0]}"
            ) from error

    return step


def _seconds(step: Step, batch: Any, stop: Callable[[], bool]) -> float:
    taken = [0.0]
    for _ in range(1 + TIMED):  # the first one compiles
        if stop():
            break
        started = time.perf_counter()
        float(step(batch)["loss"])
        taken.append(time.perf_counter() - started)
    return statistics.median(taken[2:] or taken)
