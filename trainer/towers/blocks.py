"""The blocks of a backbone, in the order from the input to the output.

Deep networks repeat a block. Where a library writes it as a layer of its own, as in transformers,
the class of that layer is repeated; where it is a row of plain layers, as in convolutional
networks, their names begin alike.
"""

import math
import re
from collections.abc import Sequence

import keras

# What a block's number stands behind in the names of keras.applications and KerasHub:
# conv2_block1_, block2a_, block_3_, expanded_conv_4_, conv_dw_5, convnext_tiny_stage_0_block_1_.
NUMBERED = re.compile(
    r"(?:(?:.*_)?(?:stage|stack)_?\d+_block_?\d+|conv\d+_block\d+|(?:.*_)?blocks?_?\d+[a-z]?"
    r"|expanded_conv(?:_\d+)?|conv_[dp]w_(?P<pair>\d+))(?=_|$)"
)

Blocks = list[list[keras.layers.Layer]]


def recognised(backbone: keras.Model) -> Blocks:
    """Return the layers of each block of a backbone; fewer than two blocks are none.

    Args:
        backbone: built.
    """
    blocks = _of_one_class(backbone) or _of_alike_names(backbone)
    return blocks if len(blocks) > 1 else []


def in_order(backbone: keras.Model, blocks: Sequence[Sequence[keras.layers.Layer]]) -> Blocks:
    """Sort blocks from the input to the output."""
    places = {id(v): n for n, v in enumerate(backbone.variables)}
    return sorted(map(list, blocks), key=lambda b: min(places[id(v)] for v in weights_of(b)))


def weights_of(block: Sequence[keras.layers.Layer]) -> list[keras.Variable]:
    """Return the weights of a block's layers."""
    return [weight for layer in block for weight in layer.weights]


def all_layers(backbone: keras.Model) -> list[keras.layers.Layer]:
    """Return the layers of a network and of the networks and layers within."""
    # Keras has no public way into networks within layers.
    return list(backbone._flatten_layers(include_self=False))


def _of_one_class(backbone: keras.Model) -> Blocks:
    """Return the layers of the class that repeats and holds the most weights."""
    classes: dict[type, Blocks] = {}
    for layer in all_layers(backbone):
        if isinstance(layer, keras.Model) or not layer.weights:
            continue
        if any(inner.weights for inner in layer._flatten_layers(include_self=False)):
            classes.setdefault(type(layer), []).append([layer])
    repeated = [blocks for blocks in classes.values() if len(blocks) > 1]
    return max(repeated, key=_size, default=[])


def _of_alike_names(backbone: keras.Model) -> Blocks:
    blocks: dict[str, list[keras.layers.Layer]] = {}
    for layer in all_layers(backbone):
        match = NUMBERED.match(layer.name)
        if match is not None and layer.weights and not isinstance(layer, keras.Model):
            blocks.setdefault(match["pair"] or match[0], []).append(layer)
    return list(blocks.values())


def _size(blocks: Blocks) -> int:
    return sum(math.prod(weight.shape) for block in blocks for weight in weights_of(block))
