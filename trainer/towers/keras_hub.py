"""Backbones of KerasHub as towers: what those for images and those for texts share.

KerasHub is imported only where such a tower is built.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from schema.config.section import Json, Name, numbers_in
from schema.errors import InputError
from schema.text.messages import first_line
from trainer.towers.registry import FileKeys, TowerConfig
from trainer.weights.source import path_or_cached

if TYPE_CHECKING:
    import keras

LARGEST_ARGUMENT = 10**6  # of all numbers in the arguments of a backbone
PRESET_CONFIG = "config.json"  # every preset has it


def _of_sensible_size(arguments: dict[str, Any]) -> dict[str, Any]:
    largest = max(numbers_in(arguments), default=0)
    if largest > LARGEST_ARGUMENT:
        raise ValueError(f"holds the number {largest:.3g}; the limit is {LARGEST_ARGUMENT:,}")
    return arguments


class KerasHubConfig(TowerConfig):
    """A backbone of KerasHub: a new one by its `name`, or a trained one by its `preset`."""

    kind: Literal["keras_hub"]
    """Name of the tower."""
    name: str | None = None
    """Class of a new backbone, such as BertBackbone."""
    arguments: Annotated[dict[Name, Json], AfterValidator(_of_sensible_size)] = Field(
        default_factory=dict
    )
    """Arguments of the constructor of a new backbone."""
    preset: str | None = None
    """A trained backbone: a folder, written with a slash, or a name in KerasHub's cache."""

    file_keys: ClassVar[FileKeys] = {
        **TowerConfig.file_keys,
        "preset": path_or_cached,
    }
    other_weights: ClassVar[str] = "a preset"

    @property
    def network(self) -> str:
        """The name of the network, for messages."""
        return str(self.preset or self.name)

    @property
    def brings_weights(self) -> bool:
        """Whether it is a trained one."""
        return self.preset is not None

    @model_validator(mode="after")
    def _name_or_preset(self) -> Self:
        if (self.name is None) == (self.preset is None):
            raise ValueError("keras_hub needs either name or preset")
        if self.preset is not None and self.arguments:
            raise ValueError("arguments belong to name; a preset brings its own")
        if self.preset is not None and "://" in self.preset:
            raise ValueError(
                f"preset = {self.preset!r} is an address; nothing is downloaded, give a folder"
            )
        return self

    def parameters_of_arguments(self) -> int:
        """Estimate the parameters of a new backbone from usual names of arguments.

        Of a transformer its table and blocks count, of a convolutional network its widest layer.
        """

        def value(*names: str) -> int:
            values = (self.arguments.get(name) for name in names)
            return next((number for number in values if isinstance(number, int)), 0)

        width = value("hidden_dim", "hidden_size", "embedding_dim")
        hidden = value("intermediate_dim", "mlp_dim") or 4 * width
        layers = value("num_layers", "depth") or 1
        table = value("vocabulary_size", "vocab_size") * width
        filters = (
            number
            for name, argument in self.arguments.items()
            if "filters" in name
            for number in numbers_in(argument)
        )
        convolution = 9 * int(max(filters, default=0)) ** 2
        return table + layers * width * (4 * width + 2 * hidden) + convolution


def described(config: KerasHubConfig, key: str) -> str:
    """Name a backbone in a message: 'model.image_tower.preset = ./vit'."""
    chosen_by = "name" if config.preset is None else "preset"
    return f"{key}.{chosen_by} = {getattr(config, chosen_by)}"


def build_backbone(
    config: KerasHubConfig,
    key: str,
    classes: Collection[str],
    arguments: Mapping[str, object],
    load_weights: bool = False,
) -> keras.Model:
    """Build a backbone as KerasHub makes it.

    Args:
        config: its section.
        key: of the section, for messages.
        classes: names of the classes of KerasHub that the tower can be.
        arguments: further arguments of the constructor of a new backbone, before its own.
        load_weights: whether a preset comes with its weights.

    Raises:
        InputError: KerasHub cannot build it, or it is not a backbone for this tower.
    """
    import keras
    import keras_hub

    policy = keras.config.dtype_policy().name
    try:
        if config.preset is not None:
            backbone = keras_hub.models.Backbone.from_preset(
                preset_folder(config.preset, f"{key}.preset"), load_weights, dtype=policy
            )
        else:
            build = getattr(keras_hub.models, str(config.name))
            accepted = inspect.signature(build.__init__).parameters
            other_names = {"image_shape": "input_shape", "vocabulary_size": "vocab_size"}
            own = {(n if n in accepted else other_names[n]): v for n, v in arguments.items()}
            backbone = build(**{**own, **config.arguments}, dtype=policy)
    except (ValueError, TypeError, OSError, LookupError, ImportError) as error:
        reason = first_line(error)
        raise InputError(f"{described(config, key)} cannot be built: {reason}") from error
    if type(backbone).__name__ not in classes:
        raise InputError(
            f"{described(config, key)} is a {type(backbone).__name__}, which cannot be this tower"
        )
    return backbone


def preset_folder(preset: str, key: str) -> str:
    """Return the folder of a preset on this machine; nothing is downloaded.

    Args:
        preset: a folder, written with a slash, or the name of one of KerasHub's own.
        key: of the config, for messages.

    Raises:
        InputError: it is not there.
    """
    if "/" in preset:
        if not Path(preset, PRESET_CONFIG).is_file():
            raise InputError(
                f"{key} = {preset} is not a preset of KerasHub: no {PRESET_CONFIG} in it"
            )
        return preset
    import keras_hub
    from kagglehub.cache import get_cached_path
    from kagglehub.handle import parse_model_handle

    presets = keras_hub.models.Backbone.presets
    if preset not in presets:
        raise InputError(
            f"{key} = {preset} is none of KerasHub's presets; a folder is written with a slash"
        )
    handle = presets[preset]["kaggle_handle"].removeprefix("kaggle://")
    folder = get_cached_path(parse_model_handle(handle))
    if not Path(folder, PRESET_CONFIG).is_file():
        raise InputError(f"{key} = {preset}: nothing is downloaded; put its files into {folder}")
    return folder
