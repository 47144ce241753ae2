"""The section `data`, and what of it ingest gets: by value."""

from typing import Any

import pytest
from pydantic import ValidationError

from components.example_gen.ingest.examine import Limits
from pipeline.config.data import DataConfig
from trainer.config.transform import ImageConfig

PAIRS: dict[str, Any] = {"path": "/pairs", "splits": {"train": "t", "eval": "e"}}


@pytest.mark.parametrize(
    ("given", "size", "fit", "larger", "smaller"),
    [
        ({}, 32, "pad", 224, None),
        ({}, 224, "pad", 224, None),
        ({}, 384, "pad", 384, None),
        ({}, 32, "crop", None, 224),
        ({}, 384, "crop", None, 384),
        ({"max_side": "auto"}, 384, "crop", None, 384),
        ({"max_smaller_side": 300}, 384, "crop", None, 300),
        ({"max_smaller_side": 300}, 224, "pad", 224, 300),
        ({"max_side": 100}, 384, "crop", 100, None),
        ({"max_side": 100}, 384, "pad", 100, None),
        ({"max_side": None}, 384, "pad", None, None),
        ({"max_side": None}, 384, "crop", None, None),
    ],
)
def test_the_sides_that_ingest_shrinks_to(given, size, fit, larger, smaller):
    config = DataConfig(**PAIRS, **given).for_ingest(ImageConfig(size=size, fit=fit))
    assert (config.max_side, config.max_smaller_side) == (larger, smaller)
    images = Limits.of(config).images
    assert (images.max_side, images.max_smaller_side) == (larger, smaller)


def test_another_size_of_images_changes_ingest_only_where_it_changes_what_is_stored():
    config = DataConfig(**PAIRS)
    assert config.for_ingest(ImageConfig(size=32)) == config.for_ingest(ImageConfig(size=128))
    assert config.for_ingest(ImageConfig(size=32)) != config.for_ingest(ImageConfig(size=256))


@pytest.mark.parametrize("side", ["automatic", 31, 0, -1, 2.5])
def test_a_side_that_is_none(side):
    with pytest.raises(ValidationError, match="max_side"):
        DataConfig(**PAIRS, max_side=side)
