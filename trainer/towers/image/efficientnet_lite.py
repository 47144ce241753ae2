"""EfficientNet-Lite as an image tower, new or with the weights of a torch state dict.

Tan and Le, "EfficientNet: rethinking model scaling for convolutional neural networks" (2019). The
Lite variants leave out squeeze-and-excitation, cut activations off at 6, and scale neither the
first nor the last layer. Padding is TensorFlow's, as in the original, at images of any size.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Literal

from trainer.towers.efficientnet_lite_blocks import (
    CLASSIFIER,
    FEATURES,
    STATISTICS,
    STEM,
    VARIANTS,
    blocks,
    shapes,
)
from trainer.towers.registry import (
    CHANNELS,
    IMAGE_TOWERS,
    ParameterCount,
    Tower,
    TowerConfig,
)
from trainer.towers.structure import Structure
from trainer.weights import places, state_dicts
from trainer.weights.class_names import CERTAIN, CLASSES
from trainer.weights.description import ImageInput
from trainer.weights.source import Kind

if TYPE_CHECKING:
    import keras

KEY = "model.image_tower.weights"
EPSILON, MOMENTUM = 1e-3, 0.99  # of batch normalisations
SMALLEST = 32  # pixels: the network halves the image five times
UPDATES = "num_batches_tracked"  # in a file: how often a normalisation was updated


class EfficientNetLiteConfig(TowerConfig):
    """EfficientNet-Lite: the mean of its feature map, 1,280 features."""

    kind: Literal["efficientnet_lite"]
    """Name of the tower."""
    variant: Literal["lite0", "lite1", "lite2", "lite3", "lite4"] = "lite0"
    """Its size; lite0 is the smallest."""
    classes: bool = False
    """Whether the probabilities of the 1,000 classes of ImageNet are features, too. With
    `training.start: correlated`, the names of the classes then join the captions."""

    takes: ClassVar[tuple[Kind, ...]] = (Kind.RELEASE, Kind.PACKAGE, Kind.PATH)
    endings: ClassVar[tuple[str, ...]] = state_dicts.TORCH + state_dicts.SAFETENSORS

    @property
    def network(self) -> str:
        """The name of the network, for messages."""
        return f"EfficientNet-{self.variant.capitalize()}"

    @property
    def names_classes(self) -> bool:
        """Whether its last features are the probabilities of ImageNet's classes."""
        return self.classes

    @property
    def batch_norm(self) -> bool:
        """Whether its output depends on the rest of the batch: it does."""
        return True

    @property
    def image_input(self) -> ImageInput:
        """What the published weights were trained on: (bytes - 127) / 128."""
        return ImageInput(VARIANTS[self.variant][2], mean=127.0, deviation=128.0)


def _build(
    config: EfficientNetLiteConfig, size: int, pixels: keras.KerasTensor
) -> keras.KerasTensor:
    from trainer.towers.layers import Backbone

    network = build_network(config.variant, size, config.classes)
    prepared = config.image_input.prepare(pixels)
    return Backbone(network)(prepared)


def build_network(variant: str, size: int, classes: bool = False) -> keras.Model:
    """Build the network: normalised pixels [n, size, size, 3] to features [n, 1280].

    With `classes`, they are [n, 2280]: behind those the probabilities of the classes times CERTAIN.
    Its layers have the names of a state dict, with '_' for '.'.
    """
    import keras
    from keras import layers

    def norm(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
        return layers.BatchNormalization(
            epsilon=EPSILON, momentum=MOMENTUM, name=_layer_name(name)
        )(x)

    def convolution(
        x: keras.KerasTensor, name: str, channels: int, kernel: int = 1, stride: int = 1
    ) -> keras.KerasTensor:
        return layers.Conv2D(
            *(channels, kernel, stride, "same"), use_bias=False, name=_layer_name(name)
        )(x)

    def cut_off(x: keras.KerasTensor) -> keras.KerasTensor:
        return layers.ReLU(6.0)(x)

    pixels = keras.Input((size, size, CHANNELS))
    x = cut_off(norm(convolution(pixels, "_conv_stem", STEM, 3, 2), "_bn0"))
    for block in blocks(variant):
        before, name = x, block.name
        if block.inside != block.inputs:
            x = convolution(x, f"{name}._expand_conv", block.inside)
            x = cut_off(norm(x, f"{name}._bn0"))
        depthwise = layers.DepthwiseConv2D(
            *(block.kernel, block.stride, "same"),
            use_bias=False,
            name=_layer_name(f"{name}._depthwise_conv"),
        )
        x = cut_off(norm(depthwise(x), f"{name}._bn1"))
        x = norm(convolution(x, f"{name}._project_conv", block.outputs), f"{name}._bn2")
        if block.is_residual:
            x = layers.Add()([x, before])
    x = cut_off(norm(convolution(x, "_conv_head", FEATURES), "_bn1"))
    features = layers.GlobalAveragePooling2D()(x)
    if classes:
        likely = layers.Dense(CLASSES, activation="softmax", name=_layer_name("_fc"))(features)
        features = layers.Concatenate()([features, layers.Rescaling(CERTAIN)(likely)])
    return keras.Model(pixels, features, name=f"efficientnet_{variant}")


def _layer_name(name: str) -> str:
    return name.removeprefix("_").replace("._", "_").replace(".", "_")


def _load_weights(config: EfficientNetLiteConfig, _size: int, network: keras.Model) -> None:
    import numpy as np

    path = _file(config)
    arrays = state_dicts.read(path)
    _compare(config, path, {name: array.shape for name, array in arrays.items()})
    for name in shapes(config.variant, config.classes):
        module, _, part = name.rpartition(".")
        if part != "weight":
            continue
        layer = network.get_layer(_layer_name(module))
        if f"{module}.running_mean" in arrays:
            layer.set_weights([arrays[f"{module}.{part}"] for part in STATISTICS])
        elif name in CLASSIFIER:
            layer.set_weights([np.transpose(arrays[name]), arrays[f"{module}.bias"]])
        else:
            # (out, in, y, x) to (y, x, in, out); a depthwise one (out, 1, y, x) to (y, x, out, 1)
            axes = (2, 3, 0, 1) if module.endswith("_depthwise_conv") else (2, 3, 1, 0)
            layer.set_weights([np.transpose(arrays[name], axes)])


def _file(config: EfficientNetLiteConfig) -> str:
    source = config.source
    assert source is not None
    return places.file_of(KEY, source, config.endings)


def _compare(config: EfficientNetLiteConfig, path: str, given: dict[str, tuple[int, ...]]) -> None:
    needed = shapes(config.variant, config.classes)
    unused = set() if config.classes else set(CLASSIFIER)
    unused.update(name for name in given if name.endswith(UPDATES))
    place = f"{KEY} = {config.weights}" + ("" if config.weights == path else f" ({path})")
    state_dicts.check_shapes(place, config.network, given, needed, unused)


def _check_weights(config: EfficientNetLiteConfig, _size: int) -> None:
    path = _file(config)
    _compare(config, path, state_dicts.shapes_of(path))


def _count(config: EfficientNetLiteConfig, _size: int) -> ParameterCount:
    numbers = sum(math.prod(shape) for shape in shapes(config.variant, config.classes).values())
    features = FEATURES + (CLASSES if config.classes else 0)
    return ParameterCount({"model.image_tower.variant": numbers}, features)


def _structure(config: EfficientNetLiteConfig) -> Structure:
    """Return the blocks, and the layers that are products: convolutions of one pixel, classes."""
    needed = shapes(config.variant, config.classes)
    kernels = [n for n, shape in needed.items() if shape[2:] == (1, 1) or len(shape) == 2]
    names = frozenset(_layer_name(name.removesuffix(".weight")) for name in kernels)
    return Structure(names, len(list(blocks(config.variant))))


def _check(config: EfficientNetLiteConfig, size: int) -> None:
    if config.classes and config.weights is None:
        raise ValueError(
            "model.image_tower.classes needs model.image_tower.weights: they tell the classes"
        )
    if size < SMALLEST:
        raise ValueError(
            f"model.image_tower.kind = efficientnet_lite needs image.size of at least {SMALLEST}; "
            f"it is {size}"
        )


def _warnings(config: EfficientNetLiteConfig, size: int) -> Iterator[str]:
    if config.brings_weights:
        warning = config.image_input.warning(size, config.network)
        if warning is not None:
            yield warning


IMAGE_TOWERS.add(
    "efficientnet_lite",
    Tower(
        config=EfficientNetLiteConfig,
        build=_build,
        count=_count,
        check=_check,
        structure=_structure,
        load_weights=_load_weights,
        check_weights=_check_weights,
        warnings=_warnings,
    ),
)
