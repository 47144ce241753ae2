"""What a config allows and yet will not learn from. Free of TensorFlow."""

from trainer.config.model import TrainerConfig
from trainer.losses.registry import LOSSES


def config_warnings(config: TrainerConfig) -> list[str]:
    """Collect warnings: sentences that name the key and what to set instead."""
    warnings = LOSSES[config.loss.name].warnings
    return [] if warnings is None else list(warnings(config.loss, config.training.batch_size))
