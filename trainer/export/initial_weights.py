"""The weights that towers start with: of a release, of a file, of a preset."""

import posixpath
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from schema.errors import InputError
from schema.serving_names import CONFIG, IMAGE_TOWER, TEXT_TOWER
from schema.text import json_text
from trainer.config.overrides import value_at
from trainer.config.trainer import TrainerConfig
from trainer.export.saved_models import Tower
from trainer.models.dual_encoder import DualEncoder, precision_policy
from trainer.towers.layers import BACKBONE, SEED_STATE
from trainer.towers.registry import IMAGE_TOWERS, TEXT_TOWERS, TowerConfig

VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"  # ends the name of a variable's value
NO_SIZE = ("start_from", "frozen", "rate", "dropout")  # keys of a tower that its size ignores
SIZES = {IMAGE_TOWER: ("image.size",), TEXT_TOWER: ("text.vocabulary_size", "text.max_tokens")}
LARGEST_CONFIG = 1 << 20  # characters of a release's config.json
ROOT = Tower.NETWORK + "/"  # below it, a tower's SavedModel keeps the weights of its network


def load(model: DualEncoder) -> None:
    """Give each tower of new networks the weights that its config names.

    Raises:
        InputError: they are not there, or are of another network.
    """
    for key, tower, told in _towers(model):
        if told.start_from is not None:
            _copy(key, tower, saved_tower(key, told.start_from), model.config)
        elif told.brings_weights:
            _load_backbone(model.config, key, tower.get_layer(BACKBONE).network)


def check_vocabulary(config: TrainerConfig, vocabulary: str) -> None:
    """Refuse a text tower that learned other word pieces than those of this run.

    Args:
        config: the run's.
        vocabulary: file of the run's word pieces.

    Raises:
        InputError: they differ.
    """
    told = config.model.text_tower
    if told.start_from is None:
        return
    saved = saved_tower(TEXT_TOWER, told.start_from)
    [theirs] = tf.io.gfile.glob(posixpath.join(saved, "assets", "vocabulary*")) or [None]
    if theirs is None or _pieces(theirs) != _pieces(vocabulary):
        raise InputError(
            f"model.text_tower.start_from = {told.start_from} learned other word pieces than this "
            f"run has: set text.vocabulary = {theirs or 'the file it was trained with'}"
        )


def _pieces(path: str) -> list[str]:
    with tf.io.gfile.GFile(path) as file:
        return file.read().splitlines()


def _towers(model: DualEncoder) -> Iterator[tuple[str, keras.Model, TowerConfig]]:
    yield IMAGE_TOWER, model.image_tower, model.config.model.image_tower
    yield TEXT_TOWER, model.text_tower, model.config.model.text_tower


def saved_tower(key: str, place: str) -> str:
    """The SavedModel of a tower in a release's folder, or in any that holds towers, or itself."""
    patterns = ("saved_model.pb", f"{key}/saved_model.pb", f"{key}/*/saved_model.pb")
    found = [each for p in patterns for each in tf.io.gfile.glob(posixpath.join(place, p))]
    if len(found) != 1:
        raise InputError(
            f"model.{key}.start_from = {place} holds {len(found)} SavedModels of a tower; the "
            "folder of a release is expected, like serving/releases/3, or a tower's in it"
        )
    return posixpath.dirname(found[0])


def _copy(key: str, tower: keras.Model, saved: str, config: TrainerConfig) -> None:
    mine = {id(each): each for each in tower.variables if each.name != SEED_STATE}
    try:
        reader = tf.train.load_checkpoint(posixpath.join(saved, "variables", "variables"))
        shapes = reader.get_variable_to_shape_map()
        names = sorted(name for name in shapes if name.startswith(ROOT) and name.endswith(VALUE))
        if len(names) != len(mine):
            raise ValueError(f"it has {len(names)} weights where {len(mine)} are expected")
        for name in names:
            place = name.removeprefix(ROOT).removesuffix(VALUE)
            variable = mine.pop(id(_reached(tower, place)), None)
            if variable is None or list(variable.shape) != shapes[name]:
                raise ValueError(f"{place} of the shape {shapes[name]} has no counterpart")
            variable.assign(reader.get_tensor(name))
    # Which one depends on where the two part, and on what is wrong with a damaged file.
    except (ValueError, RuntimeError, AttributeError, LookupError, tf.errors.OpError) as error:
        reason = "; ".join(_differences(key, saved, config)) or str(error).splitlines()[0]
        raise InputError(
            f"model.{key}.start_from: {saved} is not a tower of this kind and size: {reason}"
        ) from error


def _differences(key: str, saved: str, config: TrainerConfig) -> Iterator[str]:
    """Name the keys that decide a tower's size and differ from its release's config, if it has one.

    Args:
        key: 'image_tower' or 'text_tower'.
        saved: the SavedModel, in a release: FOLDER/image_tower/3.
        config: of this run.
    """
    file_name = posixpath.join(posixpath.dirname(posixpath.dirname(saved)), CONFIG)
    if not tf.io.gfile.exists(file_name):
        return
    try:
        with tf.io.gfile.GFile(file_name) as file:
            there = json_text.parse(file.read(LARGEST_CONFIG))
    except (ValueError, tf.errors.OpError):  # damaged, or another program's
        return
    if not isinstance(there, dict):
        return
    here = config.model_dump(mode="json")
    tower = {f"model.{key}.{each}" for each in here["model"][key]} - {
        f"model.{key}.{each}" for each in NO_SIZE
    }
    for path in sorted({*tower, "model.embedding_dim", *SIZES[key]}):
        try:
            theirs = value_at(there, path)
        except KeyError:
            continue
        if theirs != value_at(here, path):
            yield f"{path} is {theirs} there and {value_at(here, path)} here"


def _reached(tower: keras.Model, place: str) -> object:
    """What TensorFlow names in a file by the way to it: attributes, and places in lists.

    TensorFlow's own reader is no help: it takes no other way than its own, and leaves weights in
    lists of layers as they are, as KerasHub's ViT has them, without a word.
    """
    each: Any = tower
    for part in place.split("/"):
        if isinstance(each, list | tuple):
            each = each[int(part)]
        else:
            each = each[part] if isinstance(each, dict) else getattr(each, part)
    return each


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
