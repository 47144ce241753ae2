"""Whether XLA pays for a training step: measured on the first batch, where there is time to win."""

import logging
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

Step = Callable[[Any], dict[str, tf.Tensor]]
TIMED = 5  # steps
# Compiling a large step takes minutes. A shorter run than this cannot win them back.
LONG_RUN = 600.0  # seconds
GAIN = 0.95  # XLA is taken below this share of the time without it: less may be noise
LOGGER = logging.getLogger(__name__)


def pays(
    plain: Step, compiled: Step, batch: Any, variables: Sequence[tf.Variable], steps: int
) -> bool:
    """Time a few steps without XLA, and with it if the run is long; nothing of them remains.

    Args:
        plain: a step.
        compiled: the same with XLA.
        batch: for both.
        variables: all that a step changes; they are put back.
        steps: that are still to do.
    """
    before = [variable.numpy() for variable in variables]
    try:
        seconds = _seconds(plain, batch)
        if seconds * steps < LONG_RUN:
            return False
        try:
            fused = _seconds(compiled, batch)
        except (tf.errors.OpError, ValueError) as error:
            # Some operations have no XLA kernel, or a shape is known only when it runs.
            LOGGER.info("XLA cannot compile this step: %s", str(error).splitlines()[0])
            return False
        LOGGER.info("a step takes %.3f s, with XLA %.3f s", seconds, fused)
        return fused < GAIN * seconds
    finally:
        for variable, value in zip(variables, before, strict=True):
            variable.assign(value)


def _seconds(step: Step, batch: Any) -> float:
    taken = []
    for _ in range(1 + TIMED):  # the first one compiles
        started = time.perf_counter()
        float(step(batch)["loss"])
        taken.append(time.perf_counter() - started)
    return statistics.median(taken[1:])
