"""A config whose files and folders can be used, so that a run does not find out after an hour.

What only looks at releases must not ask for them: a rollback works when a file of weights is gone.
"""

import os
from pathlib import Path

from pipeline import path_names
from pipeline.config import ConfigError, RunConfig, load
from pipeline.quiet import output_to
from schema.errors import InputError
from trainer import processor, vocabulary
from trainer.loss_config import CustomConfig
from trainer.named_files import named_files


def load_to_train(path: Path) -> RunConfig:
    """Read and check a config file, and the files that it names.

    Raises:
        ConfigError: as `load`, or one sentence that names the key and the file that is not there
            or cannot be used, the folder in whose name no run can work, or the line of the user's
            loss that fails.
    """
    config = load(path)
    path_names.check(config, path)
    for key, name in named_files(config).items():
        if "://" not in name and not Path(name).exists():
            raise ConfigError(f"{path}: {key} = {name}: no such file or folder")
    given = config.text.vocabulary
    if given is not None and "://" not in given:
        try:
            vocabulary.pieces_of(Path(given).read_bytes(), config.text)
        except OSError as error:
            raise ConfigError(f"{path}: {vocabulary.KEY} = {given}: {error.strerror}") from error
        except InputError as error:
            raise ConfigError(f"{path}: {error}") from error
    if isinstance(config.loss, CustomConfig):
        _check_loss(config.loss, config.training.batch_size, path)
    return config


def _check_loss(loss: CustomConfig, batch_size: int, path: Path) -> None:
    """Trace the user's own loss, which takes TensorFlow; what that prints is of no use here."""
    processor.choose_kernels()  # before anything imports TensorFlow
    try:
        with output_to(Path(os.devnull)):
            from trainer import custom_loss

            custom_loss.load(loss, batch_size)
    except InputError as error:
        raise ConfigError(f"{path}: {error}") from error
