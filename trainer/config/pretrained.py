"""Towers of other libraries' networks. Free of TensorFlow, as all of the config."""

import difflib
from collections.abc import Iterable
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from schema.config.section import Json, Name
from schema.text.messages import excerpt, excerpt_of
from trainer.config.backbone_names import (
    HUB_IMAGE_BACKBONES,
    HUB_TEXT_BACKBONES,
    KERAS_APPLICATIONS,
    WITHOUT_BATCH_NORM,
)
from trainer.config.tower import TowerConfig


def _one_of(names: Iterable[str], what: str) -> AfterValidator:
    """The value is one of many names; of those, an error tells the nearest."""

    def check(name: str) -> str:
        if name not in names:
            near = difflib.get_close_matches(excerpt(name), names, cutoff=0)
            raise ValueError(f"{excerpt_of(name)} is no {what}; the nearest are {', '.join(near)}")
        return name

    return AfterValidator(check)


class KerasApplicationConfig(TowerConfig):
    """A network of keras.applications without its classifier; the mean of its feature map."""

    kind: Literal["keras_application"]
    name: Annotated[str, _one_of(KERAS_APPLICATIONS, "model of keras.applications")]
    weights: str | None = None  # a .h5 file; imagenet: of Keras's cache, never downloaded

    @property
    def brings_weights(self) -> bool:
        """Whether a file is named."""
        return self.weights is not None

    @property
    def batch_norm(self) -> bool:
        """Most have it."""
        return not self.name.startswith(WITHOUT_BATCH_NORM)

    @model_validator(mode="after")
    def _file_of_weights(self) -> Self:
        if self.weights not in (None, "imagenet") and not self.weights.endswith(".h5"):
            raise ValueError(
                f"weights = {self.weights!r} is neither imagenet nor a file that ends in .h5"
            )
        return self


class KerasHubConfig(TowerConfig):
    """A backbone of KerasHub: a new one by its `name`, or a trained one by its `preset`."""

    kind: Literal["keras_hub"]
    name: str | None = None  # of the class, like BertBackbone
    arguments: dict[Name, Json] = Field(default_factory=dict)  # of its constructor
    preset: str | None = None  # a folder, written with a slash; else of KerasHub's cache

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


class KerasHubImageConfig(KerasHubConfig):
    """For images: its class token, or the mean of its feature map."""

    name: Annotated[str, _one_of(HUB_IMAGE_BACKBONES, "backbone of KerasHub for images")] | None = (
        None
    )

    @property
    def batch_norm(self) -> bool:
        """Of a preset only the file tells."""
        return self.name is not None and HUB_IMAGE_BACKBONES[self.name]


class KerasHubTextConfig(KerasHubConfig):
    """For texts: the mean of what it makes of the tokens."""

    name: Annotated[str, _one_of(HUB_TEXT_BACKBONES, "backbone of KerasHub for texts")] | None = (
        None
    )
    pooling: Literal["mean", "pooled"] = "mean"  # pooled: what a BERT makes of its first token
