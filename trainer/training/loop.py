"""The training loop: steps on one or many devices, checkpoints, reports.

Keras's `fit` fails under several workers before its first step (3.15), and knows no position within
an epoch to go on from; hence a loop of our own, the same for all.
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
from trainer.training.distribution.consensus import Agreement
from trainer.training.performance import xla
from trainer.training.preemption import Stop
from trainer.training.step import TrainableDualEncoder

Batches = Callable[[int], tf.data.Dataset]
Notice = Callable[[int, tf.Tensor, float], None]
LOGGER = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Run:
    """What a loop needs.

    Attributes:
        model: built and compiled under the strategy's scope.
        strategy: of the devices.
        batches: this worker's endless batches for one replica, from a step on.
        steps: of the whole run.
        checkpoints: None: none are kept.
        notice: told, after each step, how many were done, the last one's loss, and the seconds
            that it waited for its batch.
        stop: asked after each step.
    """

    model: TrainableDualEncoder
    strategy: tf.distribute.Strategy
    batches: Batches
    steps: int
    checkpoints: Checkpoints | None
    notice: Notice
    stop: Stop


def train(run: Run, config: TrainerConfig) -> None:
    """Train from the newest checkpoint on, or from the start.

    Raises:
        StopError: it was asked to end before its time; a checkpoint was written.
        InputError: what `notice` raises, here or at another worker; the workers found different
            checkpoints, or a checkpoint cannot be written; XLA was asked for and cannot compile
            the step.
    """
    every = config.training.checkpoint_steps
    kept = run.checkpoints
    notes: dict[str, Any] = kept.restore() if kept is not None else {"step": 0}
    done = int(notes["step"])
    if done:
        LOGGER.info("training resumes from step %d of %d", done, run.steps)
    use_xla: bool | None = notes.get("xla")  # an attempt that goes on must compute as it was begun
    agreement = Agreement(run.strategy)
    agreement.check_start(done)
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
        wrong = _noticed(run, done, loss, waited)
        asked, stuck = agreement.any(run.stop.asked(), wrong is not None)
        if stuck:
            raise wrong or InputError("another worker has stopped; its log says why")
        if kept is not None and (asked or done == run.steps or (every and done % every == 0)):
            kept.save(done, {"xla": use_xla})
        if asked and done < run.steps:
            run.stop.now(done, run.steps, saved=kept is not None)


def _noticed(run: Run, done: int, loss: tf.Tensor, waited: float) -> InputError | None:
    """What is wrong, if anything is: the other workers must hear of it before this one leaves."""
    try:
        run.notice(done, loss, waited)
    except InputError as error:
        return error
    return None


def _compiled(
    run: Run,
    asked: bool | Literal["auto"],
    before: bool | None,
    batch: Any,
    steps: int,
    signature: list[Any],
) -> tuple[xla.Step, bool | None]:
    """The step as a graph, with XLA or without, and which; None: there was no time to find out."""
    plain = tf.function(_step(run), input_signature=signature)
    if run.strategy.num_replicas_in_sync > 1:
        return plain, False  # what devices tell each other is outside of what XLA compiles
    fused = tf.function(_step(run), input_signature=signature, jit_compile=True)
    if before is None and asked == "auto":
        before = xla.pays(plain, fused, batch, run.model.changing, steps, run.stop.asked)
    elif before is None:
        before = asked is True
    return (xla.or_refused(fused) if before else plain), before


def _step(run: Run) -> Callable[[Any], dict[str, tf.Tensor]]:
    def step(batch: Any) -> dict[str, tf.Tensor]:
        logs = run.strategy.run(run.model.train_step, args=(batch,))
        # Each replica reports the same.
        return {k: run.strategy.experimental_local_results(v)[0] for k, v in logs.items()}

    return step


def _timed(batches: Iterable[Any], count: int) -> Iterator[tuple[Any, float]]:
    """So many batches, each with the seconds that it took to come."""
    found = iter(batches)
    for _ in range(count):
        started = time.perf_counter()
        batch = next(found)
        yield batch, time.perf_counter() - started
