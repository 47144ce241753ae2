"""Count the steps of a run and of its warm-up. Free of TensorFlow."""

from schema.errors import InputError
from schema.text.messages import number_of
from trainer.config.training import TrainingConfig

WARMUP_STEPS = 50  # default
WARMUP_SHARE = 10  # of a short run, one step in so many


def steps_of(config: TrainingConfig, records: int) -> int:
    """Count the steps of the whole run, each over a full batch.

    Args:
        config: batch size, epochs, warm-up.
        records: of the train split.

    Raises:
        InputError: there is less than one batch, or the warm-up is not shorter than the run.
    """
    if records < config.batch_size:
        raise InputError(
            f"training.batch_size = {config.batch_size} is more than the "
            f"{number_of(records, 'record')} of the train split; set it to at most {records}"
        )
    steps = records // config.batch_size * config.epochs
    if config.warmup_steps is not None and config.warmup_steps >= steps:
        raise InputError(
            f"training.warmup_steps = {config.warmup_steps} is too long: the run has "
            f"{number_of(steps, 'step')} ({config.epochs} x {records // config.batch_size} "
            "batches); the default is "
            f"{warmup_of(config.model_copy(update={'warmup_steps': None}), steps)}"
        )
    return steps


def warmup_of(config: TrainingConfig, steps: int) -> int:
    """Count the first steps of a run, in which the learning rate rises."""
    if config.warmup_steps is not None:
        return config.warmup_steps
    return min(WARMUP_STEPS, steps // WARMUP_SHARE)
