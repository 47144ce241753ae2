"""AdamW with warm-up and cosine decay."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from trainer.config.training import TrainingConfig
from trainer.training import schedule

# As open_clip trains CLIP: a shorter memory of squared gradients than Adam's default.
BETA_2 = 0.98
EPSILON = 1e-6


class ClippedAdamW(keras.optimizers.Adam):
    """AdamW for several replicas, towers at rates of their own, and decay only where it helps.

    What is clipped is what all replicas' gradients add up to, and not each one's part of it.
    Biases, norms, the logit scale and its bias, all that has less than two dimensions, do not
    decay.

    Args:
        decay: share of a weight that a step at a learning rate of 1 would take from it.
        clip_to: the largest norm of all gradients together; None: any.
        rates: of each variable that it is built for, its share of the learning rate; None: all.
    """

    def __init__(
        self,
        schedule: keras.optimizers.schedules.LearningRateSchedule,
        *args: Any,
        decay: float,
        clip_to: float | None,
        rates: Sequence[float] | None,
        **kwargs: Any,
    ):
        super().__init__(schedule, *args, **kwargs)
        self._schedule, self._decay, self._clip_to = schedule, decay, clip_to
        self._rates = None if rates is None else tuple(rates)

    def build(self, variables: Any) -> None:
        """Make what is kept of each variable."""
        if self._rates is not None and len(self._rates) != len(variables):
            raise ValueError(f"{len(self._rates)} rates for {len(variables)} variables")
        super().build(variables)

    @property
    def last_rate(self) -> float:
        """The learning rate of the last step; Keras's `learning_rate` is that of the next one."""
        return float(self._schedule(self.iterations - 1))

    def _update_model_variables_moving_average(self, trainable_variables: Any) -> None:
        # Keras keeps 0.999 of the average from the second step on: after 72 steps it would still be
        # nearly what the first one left. As TensorFlow's `tf.train.ExponentialMovingAverage` does
        # with `num_updates`, less is kept at first: of n steps, about the last tenth counts.
        done = tf.cast(self.iterations, tf.float32)  # before this step
        kept = tf.where(done > 0, tf.minimum(self.ema_momentum, (1 + done) / (10 + done)), 0.0)
        averages = self._model_variables_moving_average
        for variable, average in zip(trainable_variables, averages, strict=True):
            average.assign(kept * average + (1 - kept) * variable)

    def update_step(self, gradient: Any, variable: tf.Variable, learning_rate: tf.Tensor) -> None:
        """Keras's formula by TensorFlow's own kernel: one pass over memory instead of fourteen."""
        index = self._get_variable_index(variable)
        rate = tf.cast(learning_rate, variable.dtype)
        if self._rates is not None:
            rate *= self._rates[index]
        if self._decay and len(variable.shape) > 1:
            variable.assign(variable * (1 - rate * self._decay))
        step = tf.cast(self.iterations + 1, variable.dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=tf.pow(tf.cast(self.beta_1, variable.dtype), step),
            beta2_power=tf.pow(tf.cast(self.beta_2, variable.dtype), step),
            lr=rate,
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=tf.cast(gradient, variable.dtype),
        )

    def _all_reduce_sum_gradients(self, grads_and_vars: Any) -> Any:
        # Keras squares the gradient of each mention of a word, and not their sum, which is what
        # Adam means and what gradient caching gives; a norm would be as wrong.
        whole = [(g if g is None else tf.convert_to_tensor(g), v) for g, v in grads_and_vars]
        summed = super()._all_reduce_sum_gradients(whole)
        if self._clip_to is None:
            return summed
        gradients, variables = zip(*summed, strict=True)
        clipped, _ = tf.clip_by_global_norm(gradients, self._clip_to)
        return list(zip(clipped, variables, strict=True))


def averages(optimizer: keras.optimizers.Optimizer) -> dict[int, keras.Variable]:
    """The average that is kept of each variable, by the variable's id; empty if none is."""
    if not optimizer.use_ema:
        return {}
    kept = optimizer._model_variables_moving_average
    return dict(zip(map(id, optimizer._trainable_variables), kept, strict=True))


def build(
    config: TrainingConfig, steps: int, rates: Sequence[float] | None = None
) -> keras.optimizers.Optimizer:
    """The optimizer of a run.

    Args:
        config: peak learning rate, warm-up, decay, clipping, average.
        steps: length of the whole run, more than its warm-up; the rate ends at 0.
        rates: each variable's share of that rate, as `DualEncoder.rates`; None: all of it.
    """
    warmup = schedule.warmup_of(config, steps)
    rate = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0 if warmup else config.learning_rate,
        decay_steps=steps - warmup,
        warmup_target=config.learning_rate if warmup else None,
        warmup_steps=warmup,
    )
    return ClippedAdamW(
        rate,
        decay=config.weight_decay,
        beta_2=BETA_2,
        epsilon=EPSILON,
        clip_to=config.clip_norm,
        rates=rates,
        use_ema=config.average > 0,
        ema_momentum=config.average or None,
    )
