"""Towers of a config as Keras models: input, the registered network, projection."""

import keras

from trainer.towers.registry import IMAGE_TOWERS, TEXT_TOWERS, TextSizes, TowerConfig


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
    return _projected(config, pixels, features, embedding_dim, "image_tower")


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
    return _projected(config, tokens, features, embedding_dim, "text_tower")


def _projected(
    config: TowerConfig,
    inputs: keras.KerasTensor,
    features: keras.KerasTensor,
    embedding_dim: int,
    name: str,
) -> keras.Model:
    projection = keras.layers.Dense(embedding_dim, name="projection")
    tower = keras.Model(inputs, projection(features), name=name)
    tower.trainable = not config.frozen or config.spares_projection
    return tower
