"""How a backbone divides into blocks."""

import keras
import pytest

from trainer.towers.blocks import in_order, recognised
from trainer.towers.transformer_layers import Block


def named(*names: str) -> keras.Model:
    x = inputs = keras.Input((4,))
    for name in names:
        x = keras.layers.Dense(4, name=name)(x)
    return keras.Model(inputs, x)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (
            ("conv1_conv", "conv2_block1_1_conv", "conv2_block1_2_conv", "conv3_block1_1_conv"),
            [["conv2_block1_1_conv", "conv2_block1_2_conv"], ["conv3_block1_1_conv"]],
        ),
        (
            ("stem_conv", "block1a_dwconv", "block2a_expand", "block2a_project", "top_conv"),
            [["block1a_dwconv"], ["block2a_expand", "block2a_project"]],
        ),
        (
            ("expanded_conv_depthwise", "expanded_conv_1_expand", "expanded_conv_1_project"),
            [["expanded_conv_depthwise"], ["expanded_conv_1_expand", "expanded_conv_1_project"]],
        ),
        (
            ("conv_dw_1", "conv_pw_1", "conv_dw_2"),
            [["conv_dw_1", "conv_pw_1"], ["conv_dw_2"]],
        ),
        (
            ("conv_stem", "blocks_9_project_conv", "blocks_10_bn0", "blocks_10_bn1", "conv_head"),
            [["blocks_9_project_conv"], ["blocks_10_bn0", "blocks_10_bn1"]],
        ),
        (("dense", "block1_only"), []),
    ],
)
def test_layers_whose_names_begin_alike_are_a_block(names, expected):
    network = named(*names)
    found = in_order(network, recognised(network))
    assert [sorted(layer.name for layer in block) for block in found] == expected


def test_layers_of_the_class_that_repeats_are_the_blocks():
    inputs = keras.Input((3, 8))
    first, second = (Block(8, 2, 2, 0.0) for _ in range(2))
    is_token = keras.ops.ones_like(inputs[:, :, 0])
    network = keras.Model(inputs, keras.layers.Dense(2)(second(first(inputs, is_token), is_token)))
    assert in_order(network, recognised(network)) == [[first], [second]]
