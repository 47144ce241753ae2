"""Load a config for training, and check first that the files it names can be used.

Commands that only read releases load it without these checks, so that a rollback works although a
file of weights is gone, and without importing the user's loss.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from pipeline.config import path_names
from pipeline.config.run_config import RunConfig, load
from pipeline.config.user_modules import make_importable
from pipeline.process.redirect_output import output_to
from schema.errors import ConfigError, InputError
from schema.text import text_files
from trainer.config import machine_memory, release_tower
from trainer.config.config_paths import named_files
from trainer.config.transform import TextConfig
from trainer.losses.custom import CustomConfig
from trainer.losses.registry import LOSSES
from trainer.preprocessing import vocabulary
from trainer.preprocessing.tokenizer import create_tokenizer
from trainer.training.performance.cpu import choose_kernels


def load_to_compile(path: Path, given: Sequence[str] = ()) -> RunConfig:
    """Read and check a config file, and make the module of the user's loss findable for digests.

    Args:
        path: the file.
        given: texts like 'training.epochs=3', whose values replace those of the file.

    Raises:
        ConfigError: as `load`, or another module hides that of the loss.
    """
    config = load(path, given=given)
    for trained in config.trained():
        if isinstance(trained.loss, CustomConfig):
            try:
                make_importable("loss.function", trained.loss.function, path)
            except InputError as error:
                raise ConfigError(f"{path}: {error}") from error
    return config


def load_to_train(path: Path, given: Sequence[str] = ()) -> RunConfig:
    """Read and check a config file, the files that it names, and the user's own loss.

    Args:
        path: the file.
        given: as of `load_to_compile`.

    Raises:
        ConfigError: as `load`, or one sentence that names the key and the file that is not there
            or cannot be used, the folder in whose name no run can work, or the line of the user's
            loss that fails.
        InputError: this machine has too little memory to train it.
    """
    config = load_to_compile(path, given)
    path_names.check(config, path)
    for key, name in named_files(config).items():
        # Where a folder may not be entered, pathlib would raise.
        there = "://" in name or os.path.exists(name)  # noqa: PTH110
        usable = "://" in name or os.path.isfile(name) or os.path.isdir(name)  # noqa: PTH112, PTH113
        if not usable:
            what = "is neither a file nor a folder" if there else "no such file or folder"
            raise ConfigError(f"{path}: {key} = {text_files.shown(name)}: {what}")
    _check_retained(config, path)
    _check_vocabulary(config.text, path)
    for trained in config.trained():
        try:
            trained.check_weights()
            release_tower.check(trained)
        except InputError as error:
            raise ConfigError(f"{path}: {error}") from error
    # The trainer, which knows its devices, checks again; this is before an hour of ingest.
    machine_memory.check(config, devices=1, on_cpu=not machine_memory.has_gpu())
    _check_losses(config, path)
    return config


def _check_retained(config: RunConfig, path: Path) -> None:
    if not config.data.retain:
        return
    # Readers and stores take half a second to import.
    from components.example_gen.files import check_retained

    try:
        check_retained(config.data)
    except InputError as error:
        raise ConfigError(f"{path}: {error}") from error


def _check_vocabulary(text: TextConfig, path: Path) -> None:
    if text.vocabulary is None or "://" in text.vocabulary:
        return
    try:
        file = vocabulary.file_of(text)
    except InputError as error:
        raise ConfigError(f"{path}: {error}") from error
    try:
        content = text_files.read_bytes(file, vocabulary.LARGEST)
    except InputError as error:
        raise ConfigError(f"{path}: {vocabulary.KEY} = {error}") from error
    try:
        create_tokenizer(text).check(content)
    except InputError as error:
        raise ConfigError(f"{path}: {error}") from error


def _check_losses(config: RunConfig, path: Path) -> None:
    """Check the loss as the trainer will, and each of a search.

    What TensorFlow prints while it is imported is hidden.
    """
    checked = []
    for trained in config.trained():
        check, case = LOSSES[trained.loss.name].check, (trained.loss, trained.training.batch_size)
        if check is None or case in checked:
            continue
        checked.append(case)
        choose_kernels()  # before anything imports TensorFlow
        try:
            with output_to(Path(os.devnull)):
                check(*case)
        except InputError as error:
            raise ConfigError(f"{path}: {error}") from error
