"""What the three SavedModels of an export hold."""

import math
from pathlib import Path

import pytest
import tensorflow as tf

from schema import serving_names

# The convnet of the small run, 32 x 32 pixels: 3x3 kernels over 12 channels of 2x2 patches to 8,
# over 8 to 16, 4 values of batch normalisation per channel, 8 x 8 x 16 flattened to 32 plus bias.
IMAGE_WEIGHTS = 3 * 3 * 12 * 8 + 4 * 8 + 3 * 3 * 8 * 16 + 4 * 16 + 8 * 8 * 16 * 32 + 32
# The bag: 400 word pieces of width 256, layer normalisation, 256 to 32 plus bias.
TEXT_WEIGHTS = 400 * 256 + 2 * 256 + 256 * 32 + 32
WEIGHTS = {
    serving_names.JOINT: IMAGE_WEIGHTS + TEXT_WEIGHTS,  # and no optimiser's slots
    serving_names.IMAGE_TOWER: IMAGE_WEIGHTS,
    serving_names.TEXT_TOWER: TEXT_WEIGHTS,
}


@pytest.fixture(scope="module")
def artifact(small_run) -> Path:
    [model] = small_run.outputs["Trainer"]["model"]
    return Path(model.uri)


@pytest.mark.parametrize("model", serving_names.MODELS)
def test_each_model_holds_its_own_weights_and_no_other(artifact, model):
    folder = artifact / serving_names.FOLDERS[model] / "variables"
    shapes = tf.train.load_checkpoint(str(folder / "variables")).get_variable_to_shape_map()
    shapes.pop("_CHECKPOINTABLE_OBJECT_GRAPH")
    assert sum(math.prod(shape) for shape in shapes.values()) == WEIGHTS[model]
    [data] = folder.glob("*.data-*")
    # 4 bytes a weight, and the object graph, which is small.
    assert 0 <= data.stat().st_size - 4 * WEIGHTS[model] < 30_000


@pytest.mark.parametrize("model", serving_names.MODELS)
def test_each_model_that_reads_texts_brings_its_vocabulary(artifact, model):
    files = list((artifact / serving_names.FOLDERS[model] / "assets").iterdir())
    expected = [] if model == serving_names.IMAGE_TOWER else [True]
    assert [len(file.read_text().splitlines()) <= 400 for file in files] == expected


@pytest.mark.parametrize("model", [serving_names.IMAGE_TOWER, serving_names.TEXT_TOWER])
def test_a_tower_alone_has_one_signature(artifact, model):
    loaded = tf.saved_model.load(str(artifact / serving_names.FOLDERS[model]))
    assert list(loaded.signatures) == [serving_names.SERVING_DEFAULT]
