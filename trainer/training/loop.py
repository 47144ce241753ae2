"""The training loop: steps on one or many devices, checkpoints, reports.

It replaces Keras's `fit`, which fails under several workers before its first step (Keras 3.15) and
cannot resume within an epoch.
"""

import dataclasses
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal

import tensorflow as tf

from schema.errors import InputError
from trainer.config.trainer import TrainerConfig
from trainer.training.checkpoints import Checkpoints
from trainer.training.distribution.strategy import Consensus
from trainer.training.performance import xla
from trainer.training.preemption import Preemption
from trainer.training.step import TrainableDualEncoder

Batches = Callable[[int], tf.data.Dataset]
OnStep = Callable[[int, tf.Tensor, float], None]
LOGGER = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Run:
    """The parts of a training run.

    Attributes:
        model: built and compiled under the strategy's scope.
        strategy: of the devices.
        batches: makes this worker's endless batches for one replica, from a step on.
        steps: of the whole run.
        checkpoints: None: none are kept.
        on_step: called after each step with the number of steps done, the step's loss, and the
            seconds that the step waited for its batch.
        preemption: asked after each step whether the run should end.
    """

    model: TrainableDualEncoder
    strategy: tf.distribute.Strategy
    batches: Batches
    steps: int
    checkpoints: Checkpoints | None
    on_step: OnStep
    preemption: Preemption


def run_steps(run: Run, config: TrainerConfig) -> None:
    """Train from the newest checkpoint on, or from the start.

    Raises:
        PreemptedError: the run was asked to end early; a checkpoint was written.
        InputError: `on_step` raised it, here or at another worker; the workers see different
            checkpoints; a checkpoint cannot be written; `training.xla` is true and XLA cannot
            compile the step.
    """
    interval = config.training.checkpoint_steps
    checkpoints = run.checkpoints
    notes: dict[str, Any] = checkpoints.restore() if checkpoints is not None else {"step": 0}
    done = int(notes["step"])
    if done:
        LOGGER.info("training resumes from step %d of %d", done, run.steps)
    use_xla: bool | None = notes.get("xla")  # a resumed run must compute as it started
    consensus = Consensus(run.strategy)
    consensus.check_same_step(done)
    step, first = None, done
    batches = run.strategy.distribute_datasets_from_function(lambda _: run.batches(first))
    for batch, waited in _timed(batches, run.steps - first):
        if step is None:
            signature = [batches.element_spec]  # batches differ in the length of their texts
            step, use_xla = _compiled(
                run, config.training.xla, use_xla, batch, run.steps - done, signature
            )
        loss = step(batch)["loss"]
        done += 1
        error = _report(run, done, loss, waited)
        preempted, failed = consensus.any(run.preemption.requested(), error is not None)
        if failed:
            raise error or InputError("another worker has stopped; its log says why")
        due = preempted or done == run.steps or (interval and done % interval == 0)
        if checkpoints is not None and due:
            checkpoints.save(done, {"xla": use_xla})
        if preempted and done < run.steps:
            run.preemption.end_run(done, run.steps, saved=checkpoints is not None)


def _report(run: Run, done: int, loss: tf.Tensor, waited: float) -> InputError | None:
    """Call `on_step` and return its error: other workers must hear of it before this one leaves."""
    try:
        run.on_step(done, loss, waited)
    except InputError as error:
        return error
    return None


def _compiled(
    run: Run,
    setting: bool | Literal["auto"],
    use_xla: bool | None,
    batch: Any,
    steps: int,
    signature: list[Any],
) -> tuple[xla.Step, bool | None]:
    """Make the step as a graph, with XLA or without.

    Returns:
        The step, and whether it uses XLA; None: the run ended before that was measured.
    """
    plain = tf.function(_step(run), input_signature=signature)
    if run.strategy.num_replicas_in_sync > 1 or run.model.config.training.captions == "all":
        # XLA compiles neither communication between devices nor a number of texts that varies.
        return plain, False
    fixed = _step(run, fixed_shapes=True)
    compiled = tf.function(fixed, input_signature=signature, jit_compile=True)
    if use_xla is None and setting == "auto":
        use_xla = xla.is_faster(
            plain, compiled, batch, run.model.changing, steps, run.preemption.requested
        )
    elif use_xla is None:
        use_xla = setting is True
    return (xla.with_clear_error(compiled) if use_xla else plain), use_xla


def _step(run: Run, fixed_shapes: bool = False) -> Callable[[Any], dict[str, tf.Tensor]]:
    def step(batch: Any) -> dict[str, tf.Tensor]:
        logs = run.strategy.run(run.model.train_step, args=(batch, fixed_shapes))
        # Each replica reports the same.
        return {k: run.strategy.experimental_local_results(v)[0] for k, v in logs.items()}

    return step


def _timed(batches: Iterable[Any], count: int) -> Iterator[tuple[Any, float]]:
    """Yield `count` batches with the seconds that each took to arrive."""
    iterator = iter(batches)
    for _ in range(count):
        started = time.perf_counter()
        batch = next(iterator)
        yield batch, time.perf_counter() - started
