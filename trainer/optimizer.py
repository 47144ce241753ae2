"""AdamW with warm-up and cosine decay."""

import keras

from trainer.config import TrainingConfig

# As open_clip trains CLIP: a shorter memory of squared gradients than Adam's default.
BETA_2 = 0.98
EPSILON = 1e-6
# Biases, norms and the logit scale are not weights to be kept small.
NOT_DECAYED = ("bias", "gamma", "beta", "log_logit_scale")


def build(config: TrainingConfig, steps: int) -> keras.optimizers.Optimizer:
    """The optimizer of a run.

    Args:
        config: peak learning rate, warm-up and decay.
        steps: length of the whole run; the rate ends at 0.
    """
    warmup = min(config.warmup_steps, steps - 1)
    rate = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0 if warmup else config.learning_rate,
        decay_steps=steps - warmup,
        warmup_target=config.learning_rate if warmup else None,
        warmup_steps=warmup,
    )
    optimizer = keras.optimizers.AdamW(
        rate, weight_decay=config.weight_decay, beta_2=BETA_2, epsilon=EPSILON
    )
    optimizer.exclude_from_weight_decay(var_names=list(NOT_DECAYED))
    return optimizer
