"""AdamW with warm-up and cosine decay."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from trainer.config import TrainingConfig

# As open_clip trains CLIP: a shorter memory of squared gradients than Adam's default.
BETA_2 = 0.98
EPSILON = 1e-6


class ClippedAdamW(keras.optimizers.AdamW):
    """AdamW for several replicas, towers at rates of their own, and decay only where it helps.

    What is clipped is what all replicas' gradients add up to, and not each one's part of it.
    Biases, norms, the logit scale and its bias, all that has less than two dimensions, do not
    decay.

    Args:
        clip_to: the largest norm of all gradients together; None: any.
        rates: of each variable that it is built for, its share of the learning rate; None: all.
    """

    def __init__(
        self, *args: Any, clip_to: float | None, rates: Sequence[float] | None, **kwargs: Any
    ):
        super().__init__(*args, **kwargs)
        self._clip_to = clip_to
        self._rates = None if rates is None else tuple(rates)

    def build(self, variables: Any) -> None:
        """Make what is kept of each variable."""
        if self._rates is not None and len(self._rates) != len(variables):
            raise ValueError(f"{len(self._rates)} rates for {len(variables)} variables")
        super().build(variables)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Decay and change a variable, each at the variable's own rate."""
        if self._rates is not None:
            share = self._rates[self._get_variable_index(variable)]
            learning_rate = learning_rate * tf.cast(share, learning_rate.dtype)
        if self._use_weight_decay(variable):
            rate = tf.cast(learning_rate, variable.dtype)
            variable.assign_sub(variable * tf.cast(self.weight_decay, variable.dtype) * rate)
        super().update_step(gradient, variable, learning_rate)

    def _apply_weight_decay(self, variables: Any) -> None:
        """Nothing: Keras would take the common rate, `update_step` takes each variable's."""

    def _use_weight_decay(self, variable: Any) -> bool:
        return len(variable.shape) > 1

    def _all_reduce_sum_gradients(self, grads_and_vars: Any) -> Any:
        summed = super()._all_reduce_sum_gradients(grads_and_vars)
        if self._clip_to is None:
            return summed
        gradients, variables = zip(*summed, strict=True)
        clipped, _ = tf.clip_by_global_norm(gradients, self._clip_to)
        return list(zip(clipped, variables, strict=True))


def build(
    config: TrainingConfig, steps: int, rates: Sequence[float] | None = None
) -> keras.optimizers.Optimizer:
    """The optimizer of a run.

    Args:
        config: peak learning rate, warm-up, decay, clipping, average.
        steps: length of the whole run; the rate ends at 0.
        rates: each variable's share of that rate, as `DualEncoder.rates`; None: all of it.
    """
    warmup = min(config.warmup_steps, steps - 1)
    rate = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0 if warmup else config.learning_rate,
        decay_steps=steps - warmup,
        warmup_target=config.learning_rate if warmup else None,
        warmup_steps=warmup,
    )
    return ClippedAdamW(
        rate,
        weight_decay=config.weight_decay,
        beta_2=BETA_2,
        epsilon=EPSILON,
        clip_to=config.clip_norm,
        rates=rates,
        use_ema=config.average > 0,
        ema_momentum=config.average or None,
    )
