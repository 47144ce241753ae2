"""AdamW or Muon with warm-up and cosine decay, made of the public API of Keras and TensorFlow."""

import functools
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from trainer.config.training import TrainingConfig
from trainer.training.optimization import schedule
from trainer.training.optimization.orthogonal import MOMENTUM, is_hidden_matrix, orthogonal_step

# As open_clip trains CLIP: a shorter memory of squared gradients than Adam's default.
BETA_1, BETA_2 = 0.9, 0.98
EPSILON = 1e-6


class _State(NamedTuple):
    """The optimizer's variables and settings of one trainable variable."""

    rate: float  # share of the learning rate
    constraint: Callable[[tf.Variable], tf.Tensor] | None  # of Keras, applied after each step
    momentum: keras.Variable
    velocity: keras.Variable | None = None  # None: the variable takes orthogonal steps
    average: keras.Variable | None = None


class ClippedAdamW(keras.optimizers.Optimizer):
    """AdamW that clips the global norm, scales the rate of each variable, and averages weights.

    Differences from Keras's AdamW:

    - The gradients of all replicas are summed before they are clipped.
    - Biases, norms, the logit scale and its bias, all variables with less than two dimensions, do
      not decay.
    - TensorFlow's own kernel makes one pass over memory where Keras's formula makes fourteen.
    - Sparse gradients are summed by row before they are squared, as Adam is defined.
    - The average of the weights starts short: after n steps it covers about the last tenth of them,
      as `tf.train.ExponentialMovingAverage` does with `num_updates`. Keras would keep 0.999 of the
      average from the second step on, and after 72 steps still nearly hold the first weights.

    Args:
        learning_rate: by step.
        decay: share of a weight that a step at a learning rate of 1 takes from it.
        clip_norm: the largest global norm of the gradients; None: any.
        rates: each variable's share of the learning rate; None: all of it.
        average: what a step keeps of the average of the weights, at most; 0: no average.
        muon: whether kernels within the networks take orthogonal steps; all else learns by AdamW.

    Reference: Loshchilov and Hutter, "Decoupled weight decay regularization" (2019).
    """

    def __init__(
        self,
        learning_rate: keras.optimizers.schedules.LearningRateSchedule,
        decay: float,
        clip_norm: float | None,
        rates: Sequence[float] | None,
        average: float,
        muon: bool = False,
    ):
        super().__init__(learning_rate, name="adam")
        self._schedule, self._decay, self._clip_norm = learning_rate, decay, clip_norm
        self._rates = None if rates is None else tuple(rates)
        self._average, self._muon = average, muon
        self._states = dict[int, _State]()

    def build(self, variables: Sequence[keras.Variable]) -> None:
        """Create the state of each variable.

        Raises:
            ValueError: the number of rates differs.
        """
        rates = self._rates or (1.0,) * len(variables)
        if len(rates) != len(variables):
            raise ValueError(f"{len(rates)} rates for {len(variables)} variables")
        super().build(variables)
        kept = ("average",) if self._average else ()
        for variable, rate in zip(variables, rates, strict=True):
            orthogonal = self._muon and is_hidden_matrix(variable)
            names = ("momentum", *(() if orthogonal else ("velocity",)), *kept)
            made = {name: self.add_variable_from_reference(variable, name) for name in names}
            self._states[id(variable)] = _State(rate, variable.constraint, **made)

    @property
    def last_rate(self) -> float:
        """The learning rate of the last step; Keras's `learning_rate` is that of the next one."""
        return float(self._schedule(self.iterations - 1))

    @property
    def averages(self) -> dict[int, keras.Variable]:
        """The average of each variable, by the variable's id; empty if there is none."""
        return {
            key: state.average for key, state in self._states.items() if state.average is not None
        }

    def apply(
        self, grads: Sequence[Any], trainable_variables: Sequence[keras.Variable] | None = None
    ) -> None:
        """Update variables by the sum of all replicas' gradients.

        Args:
            grads: tensors or IndexedSlices, or None for a variable that stays.
            trainable_variables: those of the gradients. The first call builds the optimizer for
                them, unless `build` was called.
        """
        variables = list(trainable_variables or ())
        if not self.built:
            self.build(variables)
        pairs = [(g, v) for g, v in zip(grads, variables, strict=True) if g is not None]
        if len(pairs) < len(variables):
            missing = [v.path for g, v in zip(grads, variables, strict=True) if g is None]
            warnings.warn(f"no gradient for {', '.join(missing)}", stacklevel=2)
        if not pairs:
            return
        gradients = [tf.cast(tf.convert_to_tensor(g), v.dtype) for g, v in pairs]
        context = tf.distribute.get_replica_context()
        if context.num_replicas_in_sync > 1:
            gradients = context.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
        if self._clip_norm is not None:
            gradients, _ = tf.clip_by_global_norm(gradients, self._clip_norm)
        update_all = functools.partial(self._update_all, [v for _, v in pairs])
        step = tf.cast(self.iterations.value, tf.float32)  # before this one
        context.merge_call(update_all, (list(gradients), self.learning_rate, step))
        self.iterations.assign_add(1)

    def _update_all(
        self,
        variables: Sequence[keras.Variable],
        strategy: tf.distribute.Strategy,
        gradients: Sequence[tf.Tensor],
        learning_rate: tf.Tensor,
        step: tf.Tensor,
    ) -> None:
        """Update each variable on the devices that hold it."""
        for gradient, variable in zip(gradients, variables, strict=True):
            update = functools.partial(self._update, self._states[id(variable)])
            arguments = (gradient, learning_rate, step)
            strategy.extended.update(variable.value, update, arguments, group=False)

    def _update(
        self,
        state: _State,
        variable: tf.Variable,
        gradient: tf.Tensor,
        learning_rate: tf.Tensor,
        step: tf.Tensor,
    ) -> None:
        rate = tf.cast(learning_rate, variable.dtype) * state.rate
        if self._decay and len(variable.shape) > 1:
            variable.assign(variable * (1 - rate * self._decay))
        if state.velocity is None:
            momentum = state.momentum.value
            momentum.assign(MOMENTUM * momentum + (1 - MOMENTUM) * gradient)
            # Nesterov's: the momentum that the next step would have with the same gradient.
            ahead = MOMENTUM * momentum + (1 - MOMENTUM) * gradient
            variable.assign_sub(rate * orthogonal_step(ahead))
        else:
            _adam_step(state.momentum, state.velocity, variable, gradient, rate, step)
        if state.constraint is not None:
            variable.assign(state.constraint(variable))
        if state.average is not None:
            kept = tf.minimum(self._average, (1 + step) / (10 + step))
            kept = tf.cast(tf.where(step > 0, kept, 0.0), variable.dtype)
            state.average.value.assign(kept * state.average.value + (1 - kept) * variable)


def _adam_step(
    momentum: keras.Variable,
    velocity: keras.Variable,
    variable: tf.Variable,
    gradient: tf.Tensor,
    rate: tf.Tensor,
    step: tf.Tensor,
) -> None:
    count = tf.cast(step + 1, variable.dtype)
    tf.raw_ops.ResourceApplyAdam(
        var=variable.handle,
        m=momentum.value.handle,
        v=velocity.value.handle,
        beta1_power=tf.pow(tf.cast(BETA_1, variable.dtype), count),
        beta2_power=tf.pow(tf.cast(BETA_2, variable.dtype), count),
        lr=rate,
        beta1=BETA_1,
        beta2=BETA_2,
        epsilon=EPSILON,
        grad=gradient,
    )


def averages(optimizer: keras.optimizers.Optimizer) -> dict[int, keras.Variable]:
    """Return the average of each variable by the variable's id; empty if there is none."""
    return optimizer.averages if isinstance(optimizer, ClippedAdamW) else {}


def build(
    config: TrainingConfig, steps: int, rates: Sequence[float] | None = None
) -> keras.optimizers.Optimizer:
    """Create the optimizer of a run.

    Args:
        config: optimizer, peak learning rate, warm-up, decay, clipping, average.
        steps: length of the whole run, more than its warm-up; the rate ends at 0.
        rates: each variable's share of that rate, as `TrainableDualEncoder.rates`; None: all of it.
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
        config.weight_decay,
        config.clip_norm,
        rates,
        config.average,
        muon=config.optimizer == "muon",
    )
