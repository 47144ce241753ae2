"""The blocks of EfficientNet-Lite and the shapes of their parameters. Free of TensorFlow."""

import dataclasses
import math
from collections.abc import Iterator

from trainer.towers.registry import CHANNELS
from trainer.weights.class_names import CLASSES

STEM, FEATURES = 32, 1280  # channels behind the first and the last convolution
CLASSIFIER = ("_fc.weight", "_fc.bias")
# (repeats, kernel, stride, expansion, channels) of the stages of lite0.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
# (width, depth) in those of lite0, and the side of the images that the published weights saw.
VARIANTS = {
    "lite0": (1.0, 1.0, 224),
    "lite1": (1.0, 1.1, 240),
    "lite2": (1.1, 1.2, 260),
    "lite3": (1.2, 1.4, 280),
    "lite4": (1.4, 1.8, 300),
}
STATISTICS = ("weight", "bias", "running_mean", "running_var")  # in the order of Keras's layer


@dataclasses.dataclass(frozen=True)
class Block:
    """An inverted residual block: widen, convolve each channel, narrow, and add the input.

    Args:
        name: as a state dict has it, '_blocks.3'.
        kernel: side of the kernel, pixels.
        stride: of the convolution.
        inputs: channels.
        inside: channels of the convolution.
        outputs: channels.
    """

    name: str
    kernel: int
    stride: int
    inputs: int
    inside: int
    outputs: int

    @property
    def is_residual(self) -> bool:
        """Whether the input is added to the output."""
        return self.stride == 1 and self.inputs == self.outputs


def blocks(variant: str) -> Iterator[Block]:
    """Yield the blocks of a variant, in their order."""
    width, depth, _ = VARIANTS[variant]
    number, inputs = 0, STEM
    for stage, (repeats, kernel, stride, expansion, channels) in enumerate(STAGES):
        outputs = _rounded(width * channels)
        scaled = repeats if stage in (0, len(STAGES) - 1) else math.ceil(depth * repeats)
        for repeat in range(scaled):
            step = stride if repeat == 0 else 1
            inside = inputs * expansion
            yield Block(f"_blocks.{number}", kernel, step, inputs, inside, outputs)
            number, inputs = number + 1, outputs


def _rounded(channels: float) -> int:
    """Round channels to a multiple of 8, not below nine tenths of them."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded


def shapes(variant: str, classes: bool = False) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the parameters by their names in a state dict of torch.

    Args:
        variant: a key of VARIANTS.
        classes: whether those of the classifier belong to them.
    """
    by_name: dict[str, tuple[int, ...]] = {}

    def norm(name: str, channels: int) -> None:
        by_name.update({f"{name}.{part}": (channels,) for part in STATISTICS})

    by_name["_conv_stem.weight"] = (STEM, CHANNELS, 3, 3)
    norm("_bn0", STEM)
    for block in blocks(variant):
        if block.inside != block.inputs:
            by_name[f"{block.name}._expand_conv.weight"] = (block.inside, block.inputs, 1, 1)
            norm(f"{block.name}._bn0", block.inside)
        kernel = (block.inside, 1, block.kernel, block.kernel)
        by_name[f"{block.name}._depthwise_conv.weight"] = kernel
        norm(f"{block.name}._bn1", block.inside)
        by_name[f"{block.name}._project_conv.weight"] = (block.outputs, block.inside, 1, 1)
        norm(f"{block.name}._bn2", block.outputs)
    by_name["_conv_head.weight"] = (FEATURES, block.outputs, 1, 1)
    norm("_bn1", FEATURES)
    if classes:
        by_name.update(zip(CLASSIFIER, ((CLASSES, FEATURES), (CLASSES,)), strict=True))
    return by_name
