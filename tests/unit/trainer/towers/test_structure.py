"""What a config says of a backbone before it is built, against the built network."""

import pytest

from tests.support.training import config
from trainer.towers import blocks, partial_training
from trainer.towers.registry import IMAGE_TOWERS, TEXT_TOWERS
from trainer.training.step import TrainableDualEncoder

BLOCKS = {"width": 8, "heads": 2}


@pytest.mark.parametrize(
    ("image", "text"),
    [
        ({"kind": "vit", "patch": 16, "depth": 3, **BLOCKS}, {"kind": "transformer", **BLOCKS}),
        (
            {"kind": "efficientnet_lite", "variant": "lite0"},
            {"kind": "minilm", "sizes": {"layers": 3, "width": 8, "heads": 2, "hidden": 16}},
        ),
    ],
)
def test_blocks_and_layers_are_those_of_the_network(image, text):
    settings = config(image={"size": 32}, model={"image_tower": image, "text_tower": text})
    model = TrainableDualEncoder(settings)
    for registry, section, parts in (
        (IMAGE_TOWERS, settings.model.image_tower, model.image_parts),
        (TEXT_TOWERS, settings.model.text_tower, model.text_parts),
    ):
        structure_of = registry[section.kind].structure
        assert structure_of is not None
        found = structure_of(section)
        layers = filter(partial_training._is_adaptable, blocks.all_layers(parts.backbone))
        assert found.adaptable == {layer.name for layer in layers}
        assert found.blocks == len(blocks.recognised(parts.backbone))
