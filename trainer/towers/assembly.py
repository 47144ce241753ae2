"""Towers of a config as Keras models: input, the registered network, head."""

import dataclasses
from collections.abc import Sequence

import keras
import tensorflow as tf

from trainer.towers.registry import IMAGE_TOWERS, TEXT_TOWERS, TextSizes, TowerConfig

HIDDEN, DROPOUT, PROJECTION = "hidden", "hidden_dropout", "projection"  # layers of a head


def build_image_tower(config: TowerConfig, size: int, embedding_dim: int) -> keras.Model:
    """Build the image tower of a config; all weights are new.

    Args:
        config: the `model.image_tower` section.
        size: side of the images, pixels.
        embedding_dim: components of an embedding.

    Returns:
        A model from float32 [n, size, size, 3] in -1 to 1 to float32 [n, embedding_dim].

    Raises:
        InputError: a library's network cannot be built.
    """
    pixels = keras.Input((size, size, 3), name="pixels")
    features = IMAGE_TOWERS[config.kind].build(config, size, pixels)
    return _with_head(config, pixels, features, embedding_dim, "image_tower")


def build_text_tower(config: TowerConfig, text: TextSizes, embedding_dim: int) -> keras.Model:
    """Build the text tower of a config; all weights are new.

    Args:
        config: the `model.text_tower` section.
        text: the `text` section.
        embedding_dim: components of an embedding.

    Returns:
        A model from int64 token ids [n, at most text.max_tokens], 0 = padding, to float32
        [n, embedding_dim].

    Raises:
        InputError: a library's network cannot be built.
    """
    length = text.max_tokens if config.fixed_length else None
    tokens = keras.Input((length,), dtype="int64", name="tokens")
    features = TEXT_TOWERS[config.kind].build(config, text, tokens)
    return _with_head(config, tokens, features, embedding_dim, "text_tower")


@dataclasses.dataclass(frozen=True)
class Parts:
    """The two parts of a tower, which share their layers with it.

    Not a Keras object, so that whoever holds it does not save the weights a second time.

    Attributes:
        backbone: from the input of the tower to features [n, f].
        head: from features to embeddings; None: the features are the embeddings.
    """

    backbone: keras.Model
    head: keras.Model | None

    def embed(self, features: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Embed features [n, f]."""
        return features if self.head is None else self.head(features, training=training)


def split(tower: keras.Model, config: TowerConfig) -> Parts:
    """Split a tower where its head begins.

    Args:
        tower: just built; a layer of the head that is called again has more than one input.
        config: its section. Where it says `frozen` of a tower of a release, head included, the
            whole tower is the backbone.
    """
    if config.cached and not config.spares_head:
        return Parts(tower, None)
    layers = [tower.get_layer(name) for name in _head_names(config)]
    features = layers[0].input
    inputs = keras.Input(features.shape[1:], dtype=features.dtype, name="features")
    head = keras.Model(inputs, _applied(layers, inputs), name="head")
    return Parts(keras.Model(tower.input, features, name="features"), head)


def _with_head(
    config: TowerConfig,
    inputs: keras.KerasTensor,
    features: keras.KerasTensor,
    embedding_dim: int,
    name: str,
) -> keras.Model:
    layers = [keras.layers.Dense(embedding_dim, name=PROJECTION)]
    if config.head is not None:
        hidden = keras.layers.Dense(config.head.hidden, activation="gelu", name=HIDDEN)
        layers = [hidden, keras.layers.Dropout(config.head.dropout, name=DROPOUT), *layers]
    return keras.Model(inputs, _applied(layers, features), name=name)


def _head_names(config: TowerConfig) -> tuple[str, ...]:
    return (PROJECTION,) if config.head is None else (HIDDEN, DROPOUT, PROJECTION)


def _applied(layers: Sequence[keras.layers.Layer], x: keras.KerasTensor) -> keras.KerasTensor:
    for layer in layers:
        x = layer(x)
    return x
