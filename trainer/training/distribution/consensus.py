"""What the workers of a run decide together: when one of them leaves, the others must not wait."""

import tensorflow as tf

from schema.errors import InputError
from trainer.training.distribution import strategy as devices


class Agreement:
    """Asks all workers; a single one agrees with itself at no cost.

    Every worker must ask the same, after the same steps.
    """

    def __init__(self, strategy: tf.distribute.Strategy):
        several = isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
        self._totals = devices.totals(strategy) if several else None

    def any(self, *flags: bool) -> list[bool]:
        """Of each flag, whether it is up at one of the workers."""
        if self._totals is None:
            return list(flags)
        return [total > 0 for total in self._totals(flags)]

    def check_start(self, step: int) -> None:
        """Refuse to go on from different steps.

        Raises:
            InputError: the workers do not see the same checkpoints.
        """
        if self._totals is None:
            return
        count, total, squares = self._totals((1, step, step**2))
        if count * squares != total**2:  # equal if and only if all steps are
            raise InputError(
                "the workers found different checkpoints: the folder of checkpoints must be one "
                "that all of them see"
            )
