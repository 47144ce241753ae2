"""Load the weights that towers start with: from a release, a file or a preset."""

import posixpath
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from schema.errors import InputError
from schema.serving_names import CONFIG, IMAGE_TOWER, TEXT_TOWER
from schema.text import json_text
from schema.text.messages import first_line
from schema.text.text_files import LARGEST_OBJECT
from trainer.config import release_tower
from trainer.config.trainer import TrainerConfig
from trainer.export.saved_models import Tower
from trainer.models.dual_encoder import DualEncoder, precision_policy
from trainer.towers.layers import BACKBONE, SEED_STATE
from trainer.towers.registry import IMAGE_TOWERS, TEXT_TOWERS, TowerConfig
from trainer.weights.places import saved_tower

VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"  # suffix of a variable in a TensorFlow checkpoint
ROOT = Tower.NETWORK + "/"  # prefix of the network's weights in a tower's SavedModel


def load(model: DualEncoder) -> None:
    """Load into each tower the weights that its config names.

    Raises:
        InputError: they do not exist, or belong to another network.
    """
    for key, tower, config in _towers(model):
        if config.release is not None:
            _copy(key, tower, saved_tower(key, config.release), model.config)
        elif config.brings_weights:
            _load_backbone(model.config, key, tower.get_layer(BACKBONE).network)


def check_vocabulary(config: TrainerConfig, vocabulary: str) -> None:
    """Check that a text tower to start from was trained with the vocabulary of this run.

    Args:
        config: the run's.
        vocabulary: file of the run's tokens.

    Raises:
        InputError: they differ.
    """
    release = config.model.text_tower.release
    if release is None:
        return
    saved = saved_tower(TEXT_TOWER, release)
    [theirs] = tf.io.gfile.glob(posixpath.join(saved, "assets", "vocabulary*")) or [None]
    if theirs is None or _tokens(theirs) != _tokens(vocabulary):
        raise InputError(
            f"model.text_tower.weights = release:{release} was trained with another vocabulary "
            f"than this run's: set text.vocabulary = {theirs or 'the file it was trained with'}"
        )


def _tokens(path: str) -> list[str]:
    with tf.io.gfile.GFile(path) as file:
        return file.read().splitlines()


def _towers(model: DualEncoder) -> Iterator[tuple[str, keras.Model, TowerConfig]]:
    yield IMAGE_TOWER, model.image_tower, model.config.model.image_tower
    yield TEXT_TOWER, model.text_tower, model.config.model.text_tower


def _copy(key: str, tower: keras.Model, saved: str, config: TrainerConfig) -> None:
    remaining = {id(v): v for v in tower.variables if v.name != SEED_STATE}
    try:
        reader = tf.train.load_checkpoint(posixpath.join(saved, "variables", "variables"))
        shapes = reader.get_variable_to_shape_map()
        names = sorted(name for name in shapes if name.startswith(ROOT) and name.endswith(VALUE))
        if len(names) != len(remaining):
            raise ValueError(f"it has {len(names)} weights where {len(remaining)} are expected")
        for name in names:
            place = name.removeprefix(ROOT).removesuffix(VALUE)
            variable = remaining.pop(id(_follow(tower, place)), None)
            if variable is None or list(variable.shape) != shapes[name]:
                raise ValueError(f"{place} of the shape {shapes[name]} has no counterpart")
            variable.assign(reader.get_tensor(name))
    # The type depends on where the networks differ, and on how a file is damaged.
    except (ValueError, RuntimeError, AttributeError, LookupError, tf.errors.OpError) as error:
        reason = "; ".join(_differences(key, saved, config)) or first_line(error)
        raise InputError(release_tower.refusal(key, saved, reason)) from error


def _differences(key: str, saved: str, config: TrainerConfig) -> Iterator[str]:
    """Name the keys that differ from the config of a tower's release, if it can be read.

    Args:
        key: 'image_tower' or 'text_tower'.
        saved: the SavedModel: FOLDER/image_tower/3 in a release, which has a config in FOLDER.
        config: of this run.
    """
    file_name = posixpath.join(posixpath.dirname(posixpath.dirname(saved)), CONFIG)
    if not tf.io.gfile.exists(file_name):
        return
    try:
        with tf.io.gfile.GFile(file_name) as file:
            there = json_text.parse(file.read(LARGEST_OBJECT))
    except (ValueError, tf.errors.OpError):  # damaged, or of another program
        return
    if isinstance(there, dict):
        yield from release_tower.differences(key, there, config)


def _follow(tower: keras.Model, path: str) -> object:
    """Return the object at a path of a TensorFlow checkpoint: attributes and indices of lists.

    TensorFlow's own reader silently skips weights in lists of layers, as KerasHub's ViT has them.
    """
    target: Any = tower
    for part in path.split("/"):
        if isinstance(target, list | tuple):
            target = target[int(part)]
        else:
            target = target[part] if isinstance(target, dict) else getattr(target, part)
    return target


def _load_backbone(config: TrainerConfig, key: str, network: keras.Model) -> None:
    image, text = config.model.image_tower, config.model.text_tower
    with precision_policy(config.training.precision):
        if key == IMAGE_TOWER:
            load_weights = IMAGE_TOWERS[image.kind].load_weights
            assert load_weights is not None
            load_weights(image, config.image.size, network)
        else:
            load_text_weights = TEXT_TOWERS[text.kind].load_weights
            assert load_text_weights is not None
            load_text_weights(text, config.text, network)
