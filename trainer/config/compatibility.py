"""Which towers go together with the rest of the config, in sentences."""

from typing import TYPE_CHECKING

from trainer.config.backbone_names import KERAS_APPLICATIONS
from trainer.config.pretrained import (
    KerasApplicationConfig,
    KerasHubTextConfig,
)
from trainer.config.tower import TowerConfig
from trainer.config.towers import BlocksConfig, ConvConfig, ConvNetConfig, LstmConfig, ViTConfig
from trainer.losses.registry import LOSSES

if TYPE_CHECKING:
    from trainer.config.model import TrainerConfig

SMALLEST_CONV = 4  # pixels: a 3x3 convolution leaves two, which are pooled


def check(config: "TrainerConfig") -> None:
    """Refuse towers that cannot be built or cannot learn.

    Raises:
        ValueError: names the key and what was expected.
    """
    model = config.model
    for key, tower in (("image_tower", model.image_tower), ("text_tower", model.text_tower)):
        _check_start(f"model.{key}", tower)
        if isinstance(tower, BlocksConfig) and tower.width % tower.heads:
            raise ValueError(
                f"model.{key}.width = {tower.width} cannot be shared out among {tower.heads} heads"
            )
    _check_image(config)
    _check_text(config)
    towers = (model.image_tower, model.text_tower)
    held = all(tower.frozen and not tower.spares_projection for tower in towers)
    if held and LOSSES[config.loss.name].initial_temperature is None:
        raise ValueError(
            "model.image_tower.frozen and model.text_tower.frozen leave nothing to learn: "
            f"loss.name = {config.loss.name} learns nothing by itself"
        )


def check_chunks(config: "TrainerConfig") -> None:
    """Refuse gradient caching where, for all the names tell, the batch is normalised as a whole.

    Raises:
        ValueError: names the key and the network.
    """
    tower = config.model.image_tower
    if tower.batch_norm and not tower.frozen:
        raise ValueError(no_chunks(getattr(tower, "name", tower.kind)))


def no_chunks(network: str) -> str:
    """Why a network's training cannot be cut into chunks."""
    return (
        "training.chunk_size needs an image tower without batch normalisation, which "
        f"{network} has: what it gives an image depends on the whole batch"
    )


def _check_start(key: str, tower: TowerConfig) -> None:
    if tower.frozen and tower.start_from is None and not tower.brings_weights:
        others = {"keras_application": " or weights", "keras_hub": " or a preset"}
        raise ValueError(f"{key}.frozen needs weights: give start_from{others.get(tower.kind, '')}")
    if tower.frozen and tower.rate != 1:
        raise ValueError(f"{key}.rate = {tower.rate} says how fast, but {key}.frozen: not at all")
    if isinstance(tower, KerasApplicationConfig) and tower.weights and tower.start_from:
        raise ValueError(f"{key}.weights and {key}.start_from are both given; leave out one")


def _check_image(config: "TrainerConfig") -> None:
    tower, size = config.model.image_tower, config.image.size
    if isinstance(tower, ConvConfig) and size < SMALLEST_CONV:
        raise ValueError(f"image.size = {size} must be at least {SMALLEST_CONV} for conv")
    if isinstance(tower, ConvNetConfig) and size % 2:
        raise ValueError(f"image.size = {size} must be even for convnet")
    if isinstance(tower, ViTConfig) and size % tower.patch:
        raise ValueError(
            f"model.image_tower.patch = {tower.patch} does not divide image.size = {size}"
        )
    if isinstance(tower, KerasApplicationConfig) and size < KERAS_APPLICATIONS[tower.name]:
        raise ValueError(
            f"model.image_tower.name = {tower.name} needs image.size of at least "
            f"{KERAS_APPLICATIONS[tower.name]}; it is {size}"
        )


def _check_text(config: "TrainerConfig") -> None:
    tower, text = config.model.text_tower, config.text
    if isinstance(tower, LstmConfig) and tower.vocabulary_size < text.vocabulary_size:
        raise ValueError(
            f"model.text_tower.vocabulary_size = {tower.vocabulary_size} cannot hold "
            f"text.vocabulary_size = {text.vocabulary_size}"
        )
    if not isinstance(tower, KerasHubTextConfig):
        return
    for name, least, key in (
        ("vocabulary_size", text.vocabulary_size, "text.vocabulary_size"),
        ("vocab_size", text.vocabulary_size, "text.vocabulary_size"),
        ("max_sequence_length", text.max_tokens, "text.max_tokens"),
    ):
        given = tower.arguments.get(name)
        if isinstance(given, int) and given < least:
            raise ValueError(
                f"model.text_tower.arguments.{name} = {given} cannot hold {key} = {least}"
            )
