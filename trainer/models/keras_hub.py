"""Towers of KerasHub's backbones. KerasHub is imported only where such a tower is built."""

import inspect
import os
from typing import TYPE_CHECKING

import keras
from keras import ops

from schema.errors import InputError
from schema.text import json_text, text_files
from trainer.config.backbone_names import HUB_IMAGE_BACKBONES, HUB_TEXT_BACKBONES, WITH_CLASS_TOKEN
from trainer.config.keras_hub_preset import folder_of
from trainer.config.pretrained import (
    KerasHubConfig,
    KerasHubImageConfig,
    KerasHubTextConfig,
)
from trainer.models.backbone import Backbone
from trainer.models.transformer import mean_of_tokens

if TYPE_CHECKING:
    from trainer.config.model import TextConfig

LARGEST_CONVERTER = 1 << 20  # bytes of image_converter.json
IMAGE, TEXT = "model.image_tower", "model.text_tower"


def image_body(config: KerasHubImageConfig, pixels: keras.KerasTensor) -> keras.KerasTensor:
    """Pixels [n, size, size, 3] in -1 to 1 to features [n, f]; the weights are new.

    Raises:
        InputError: KerasHub cannot build it, or it is for images of another size.
    """
    size = pixels.shape[1]
    made = image_backbone(config, size)
    network = image_encoder(made)
    [given] = network.inputs
    if given.shape[1:3] not in ((None, None), (size, size)):
        raise InputError(
            f"image.size = {size}, but {_told(config, IMAGE)} is for images of {given.shape[1]} "
            f"by {given.shape[2]} pixels"
        )
    x = Backbone(network, held=config.frozen and config.spares_projection)(
        pixels if config.preset is None else _as_preset_wants(config.preset, pixels)
    )
    if len(x.shape) == 4:
        return ops.mean(ops.cast(x, "float32"), axis=(1, 2))
    name = type(made).__name__
    if name in WITH_CLASS_TOKEN and getattr(made, "use_class_token", True):
        return x[:, 0]
    return ops.mean(ops.cast(x, "float32"), axis=1)


def text_body(
    config: KerasHubTextConfig, text: "TextConfig", tokens: keras.KerasTensor
) -> keras.KerasTensor:
    """Token ids [n, max_tokens], 0 = padding, to features [n, f]; the weights are new.

    Raises:
        InputError: KerasHub cannot build it, or it has too few token embeddings or positions.
    """
    made = text_backbone(config, text)
    network = text_encoder(config, made)
    rows = made.token_embedding.input_dim
    if rows < text.vocabulary_size:
        raise InputError(
            f"text.vocabulary_size = {text.vocabulary_size}, but {_told(config, TEXT)} knows "
            f"{rows} tokens"
        )
    places = getattr(made, "max_sequence_length", None)
    if places is not None and places < text.max_tokens:
        raise InputError(
            f"text.max_tokens = {text.max_tokens}, but {_told(config, TEXT)} has {places} places"
        )
    is_token = ops.not_equal(tokens, 0)
    known = {
        "token_ids": ops.cast(tokens, "int32"),
        "padding_mask": ops.cast(is_token, "int32"),
        "segment_ids": ops.zeros_like(tokens, "int32"),
    }
    asked = {name: known[name] for name in made.input}
    x = Backbone(network, held=config.frozen and config.spares_projection)(asked)
    return x if config.pooling == "pooled" else mean_of_tokens(x, is_token)


def image_backbone(
    config: KerasHubImageConfig, size: int, load_weights: bool = False
) -> keras.Model:
    """The backbone for images of a size, as KerasHub makes it."""
    return _made(config, IMAGE, HUB_IMAGE_BACKBONES, {"image_shape": (size, size, 3)}, load_weights)


def text_backbone(
    config: KerasHubTextConfig, text: "TextConfig", load_weights: bool = False
) -> keras.Model:
    """The backbone for texts, as KerasHub makes it; a new one has our vocabulary's size."""
    return _made(
        config, TEXT, HUB_TEXT_BACKBONES, {"vocabulary_size": text.vocabulary_size}, load_weights
    )


def image_encoder(made: keras.Model) -> keras.Model:
    """Of a backbone, what leads to one feature map or one row of tokens."""
    found = made.output
    if isinstance(found, dict):  # of several stages the last one has seen the most
        found = list(found.values())[-1]
    return keras.Model(made.input, found)


def text_encoder(config: KerasHubTextConfig, made: keras.Model) -> keras.Model:
    """Of a backbone, what leads to its pooled output or to the vectors of its tokens.

    What is left out has no weights here that would never get a gradient.

    Raises:
        InputError: it pools nothing.
    """
    found = made.output
    if config.pooling == "pooled" and (not isinstance(found, dict) or "pooled_output" not in found):
        raise InputError(f"{TEXT}.pooling = pooled, but {_told(config, TEXT)} gives no such vector")
    if isinstance(found, dict):
        found = found["pooled_output" if config.pooling == "pooled" else "sequence_output"]
    return keras.Model(made.input, found)


def _made(
    config: KerasHubConfig,
    key: str,
    names: tuple[str, ...] | dict[str, bool],
    usual: dict[str, object],
    load_weights: bool,
) -> keras.Model:
    import keras_hub

    policy = keras.config.dtype_policy().name
    try:
        if config.preset is not None:
            made = keras_hub.models.Backbone.from_preset(
                folder_of(config.preset, f"{key}.preset"), load_weights, dtype=policy
            )
        else:
            build = getattr(keras_hub.models, str(config.name))
            others = {"image_shape": "input_shape", "vocabulary_size": "vocab_size"}
            known = inspect.signature(build.__init__).parameters
            told = {(n if n in known else others[n]): value for n, value in usual.items()}
            made = build(**{**told, **config.arguments}, dtype=policy)
    except (ValueError, TypeError, OSError, LookupError, ImportError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"{_told(config, key)} cannot be made: {reason}") from error
    if type(made).__name__ not in names:
        raise InputError(
            f"{_told(config, key)} is a {type(made).__name__}, which cannot be this tower"
        )
    return made


def _told(config: KerasHubConfig, key: str) -> str:
    given = "name" if config.preset is None else "preset"
    return f"{key}.{given} = {getattr(config, given)}"


def _as_preset_wants(preset: str, pixels: keras.KerasTensor) -> keras.KerasTensor:
    """Pixels on the scale that a preset was trained on; without a word of it, as they are."""
    path = os.path.join(folder_of(preset, f"{IMAGE}.preset"), "image_converter.json")
    if not os.path.isfile(path):
        return pixels
    try:
        told = json_text.parse(text_files.read_text(path, LARGEST_CONVERTER))["config"]
        scale, offset = told.get("scale"), told.get("offset")
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: is not an image converter of KerasHub: {error}") from error
    x = (pixels + 1.0) * 127.5
    if scale is not None:
        x = x * ops.convert_to_tensor(scale, "float32")
    return x if offset is None else x + ops.convert_to_tensor(offset, "float32")
