"""Backbones of KerasHub as image towers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from schema.errors import InputError
from schema.text import json_text, text_files
from trainer.towers.keras_hub import KerasHubConfig, build_backbone, described, preset_folder
from trainer.towers.registry import IMAGE_TOWERS, ParameterCount, Tower, one_of

if TYPE_CHECKING:
    import keras

KEY = "model.image_tower"
LARGEST_CONVERTER = 1 << 20  # bytes of image_converter.json
# Backbones that take pixels alone, and whether they normalise over the batch.
BATCH_NORM = {
    **dict.fromkeys(
        ("CSPNetBackbone", "DenseNetBackbone", "EfficientNetBackbone", "HGNetV2Backbone"), True
    ),
    **dict.fromkeys(("MobileNetBackbone", "ResNetBackbone", "XceptionBackbone"), True),
    **dict.fromkeys(("DeiTBackbone", "DINOV2Backbone", "DINOV3Backbone", "MiTBackbone"), False),
    **dict.fromkeys(("MobileNetV5Backbone", "SwinTransformerBackbone", "VGGBackbone"), False),
    **dict.fromkeys(("ViTBackbone", "ViTDetBackbone"), False),
}
# Backbones that put a token of the whole image before those of its patches.
WITH_CLASS_TOKEN = ("DeiTBackbone", "DINOV2Backbone", "DINOV3Backbone", "ViTBackbone")


class KerasHubImageConfig(KerasHubConfig):
    """A backbone of KerasHub for images: its class token, or the mean of its feature map."""

    name: Annotated[str, one_of(BATCH_NORM, "backbone of KerasHub for images")] | None = None
    """Class of a new backbone, such as ViTBackbone."""

    @property
    def batch_norm(self) -> bool:
        """Whether its output depends on the rest of the batch; of a preset only the file knows."""
        return self.name is not None and BATCH_NORM[self.name]


def _build(config: KerasHubImageConfig, size: int, pixels: keras.KerasTensor) -> keras.KerasTensor:
    from keras import ops

    from trainer.towers.layers import Backbone

    backbone = _backbone(config, size)
    network = _encoder(backbone)
    [expected] = network.inputs
    if expected.shape[1:3] not in ((None, None), (size, size)):
        raise InputError(
            f"image.size = {size}, but {described(config, KEY)} is for images of "
            f"{expected.shape[1]} by {expected.shape[2]} pixels"
        )
    x = Backbone(network)(
        pixels if config.preset is None else _as_preset_wants(config.preset, pixels)
    )
    if len(x.shape) == 4:
        return ops.mean(ops.cast(x, "float32"), axis=(1, 2))
    name = type(backbone).__name__
    if name in WITH_CLASS_TOKEN and getattr(backbone, "use_class_token", True):
        return x[:, 0]
    return ops.mean(ops.cast(x, "float32"), axis=1)


def _backbone(config: KerasHubImageConfig, size: int, load_weights: bool = False) -> keras.Model:
    return build_backbone(
        config, KEY, BATCH_NORM, {"image_shape": (size, size, 3)}, load_weights=load_weights
    )


def _encoder(backbone: keras.Model) -> keras.Model:
    """Return the part of a backbone that leads to one feature map or one row of tokens."""
    import keras

    output = backbone.output
    if isinstance(output, dict):  # of several stages the last one has seen the most
        output = list(output.values())[-1]
    return keras.Model(backbone.input, output)


def _as_preset_wants(preset: str, pixels: keras.KerasTensor) -> keras.KerasTensor:
    """Scale pixels as those that a preset was trained on; if it does not say how, leave them."""
    from keras import ops

    path = Path(preset_folder(preset, f"{KEY}.preset"), "image_converter.json")
    if not path.is_file():
        return pixels
    try:
        settings = json_text.parse(text_files.read_text(str(path), LARGEST_CONVERTER))["config"]
        scale, offset = settings.get("scale"), settings.get("offset")
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: is not an image converter of KerasHub: {error}") from error
    x = (pixels + 1.0) * 127.5
    if scale is not None:
        x = x * ops.convert_to_tensor(scale, "float32")
    return x if offset is None else x + ops.convert_to_tensor(offset, "float32")


def _load_weights(config: KerasHubImageConfig, size: int, network: keras.Model) -> None:
    trained = _encoder(_backbone(config, size, load_weights=True))
    network.set_weights(trained.get_weights())


def _count(config: KerasHubImageConfig, _size: int) -> ParameterCount:
    return ParameterCount({f"{KEY}.arguments": config.parameters_of_arguments()})


IMAGE_TOWERS.add(
    "keras_hub",
    Tower(config=KerasHubImageConfig, build=_build, count=_count, load_weights=_load_weights),
)
