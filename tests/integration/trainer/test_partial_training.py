"""Towers of which a part learns: a head, adapters, the last blocks."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from schema import features
from schema.errors import InputError
from tests.integration.trainer.test_initial_weights import of, release, same
from tests.support.partial_training import HEAD, save_presets, started, with_keys
from tests.support.training import (
    SIZE,
    SPEC,
    config,
    trained,
    weights,
    write_records,
)
from trainer.towers.layers import BACKBONE, batch_norms
from trainer.training import serving_weights
from trainer.training.data import input_pipeline
from trainer.training.preemption import PreemptedError, Preemption
from trainer.training.step import TrainableDualEncoder

pytestmark = pytest.mark.filterwarnings(  # Keras, when it saves
    "ignore:.*__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)
VIT = {"kind": "vit", "patch": 4, "width": 8, "depth": 3, "heads": 2}
TEXT = {"kind": "transformer", "width": 8, "depth": 3, "heads": 2, "dropout": 0.1}


@pytest.fixture(scope="module")
def records(tmp_path_factory) -> list[str]:
    return write_records(tmp_path_factory.mktemp("data"), 48)


@pytest.fixture(scope="module")
def presets(tmp_path_factory) -> dict[str, dict]:
    return save_presets(tmp_path_factory.mktemp("presets"))


@pytest.fixture(scope="module")
def transformers(tmp_path_factory) -> dict[str, dict]:
    """Both towers as transformers of a release, with weights that were not trained."""
    folder = tmp_path_factory.mktemp("release")
    keras.utils.set_random_seed(3)
    release(folder, TrainableDualEncoder(config(model={"image_tower": VIT, "text_tower": TEXT})))
    return {
        "image_tower": {**VIT, "weights": f"release:{folder}"},
        "text_tower": {**TEXT, "weights": f"release:{folder}"},
    }


@pytest.mark.parametrize("train", ["head", "frozen"])
def test_only_the_head_learns_and_statistics_stay(presets, records, tmp_path, train):
    settings = config(
        model=with_keys(presets, train=train, head=HEAD),
        training={"epochs": 3, "learning_rate": 0.03},
    )
    model = trained(settings, records, tmp_path)
    before = started(settings.model.model_dump(mode="json"))
    for tower, fresh in (
        (model.image_tower, before.image_tower),
        (model.text_tower, before.text_tower),
    ):
        backbone = [tower.get_layer(BACKBONE), fresh.get_layer(BACKBONE)]
        assert all(same(*map(of, backbone)))
        hidden = [np.array(each.get_layer("hidden").bias) for each in (tower, fresh)]
        assert np.abs(hidden[0]).max() > 0 == np.abs(hidden[1]).max()
    sample = next(iter(input_pipeline.examples(records, SPEC, settings).batch(48)))
    texts = sample[features.TOKENS][:, 0]
    images, texts = model.embed_images(sample[features.PIXELS]), model.embed_texts(texts)
    assert np.isfinite(images @ tf.transpose(texts)).all()


def test_adapters_change_nothing_at_first_and_are_merged_at_the_end(
    transformers, records, tmp_path, monkeypatch
):
    towers = with_keys(transformers, train="lora", lora={"rank": 2, "alpha": 6})
    plain, adapted = started(transformers), started(towers)
    pixels = tf.constant(np.random.default_rng(0).integers(0, 256, (5, SIZE, SIZE, 3), np.uint8))
    np.testing.assert_allclose(plain.embed_images(pixels), adapted.embed_images(pixels), atol=1e-6)
    names = {each.name for each in adapted.image_tower.trainable_variables}
    assert names == {"lora_kernel_a", "lora_kernel_b", "kernel", "bias"}
    trainable = adapted.image_tower.trainable_variables
    # 4 products of each of 3 blocks, that of the patches, and the head.
    assert len(trainable) == 2 * (4 * 3 + 1) + 2
    learned: list[TrainableDualEncoder] = []
    update = serving_weights.ServingCopy.update

    def noted(copy):
        learned[:] = [copy.learning]
        return update(copy)

    monkeypatch.setattr(serving_weights.ServingCopy, "update", noted)
    settings = config(model=towers, training={"epochs": 2, "learning_rate": 0.03})
    served = trained(settings, records, tmp_path / "run")
    assert not served.adapters
    [learning] = learned
    assert len(learning.adapters) == 13 + 12
    np.testing.assert_allclose(
        served.embed_images(pixels), learning.embed_images(pixels), atol=1e-6
    )
    assert np.abs(served.embed_images(pixels) - plain.embed_images(pixels)).max() > 0.01
    release(tmp_path / "release", served)
    again = {
        name: {**tower, "weights": f"release:{tmp_path}/release"}
        for name, tower in transformers.items()
    }
    np.testing.assert_array_equal(started(again).embed_images(pixels), served.embed_images(pixels))


def test_a_target_that_does_not_exist_is_reported_with_those_that_do(presets):
    wrong = with_keys(presets, train="lora", lora={"targets": ["*pool*"]})
    with pytest.raises(InputError) as caught:
        started(wrong)
    assert str(caught.value).startswith(
        "model.image_tower.lora.targets: no layer of "
        f"{presets['image_tower']['preset']} that can have an adapter is named *pool*; there are "
    )


def shares(model: TrainableDualEncoder, tower: keras.Model) -> dict[str, set[float]]:
    """The rates of the weights that learn, by the name of the layer in the tower."""
    rates = dict(zip(map(id, model.trainable_variables), model.rates, strict=True))
    found = {
        layer.name: {rates[id(v)] for v in layer.weights if id(v) in rates}
        for layer in tower.layers
    }
    return {name: values for name, values in found.items() if values}


def test_the_last_blocks_learn_and_each_at_a_share_of_the_rate_behind_it(transformers):
    keras.utils.clear_session()
    layers: dict[str, float | str] = {"last": 2, "decay": 0.5}
    model = started(with_keys(transformers, train="layers", layers=layers, rate=0.1))
    assert shares(model, model.image_tower) == {
        "block_1": {0.05}, "block_2": {0.1}, "norm_6": {0.1}, "projection": {0.1}
    }  # fmt: skip
    every = {"last": "all", "decay": 0.5}
    model = started(with_keys(transformers, train="layers", layers=every))
    text = shares(model, model.text_tower)
    assert sorted(min(values) for values in text.values()) == [0.125, 0.125, 0.25, 0.5, 1, 1, 1]


def test_more_blocks_than_there_are_and_blocks_of_library_towers(presets):
    model = started(with_keys(presets, train="layers", layers={"last": 1}))
    trainable = {v.path for v in model.text_tower.trainable_variables}
    assert trainable
    assert all("transformer_layer_1" in path or "projection" in path for path in trainable)
    learning = [v.name for v in model.image_tower.trainable_variables]
    assert {"gamma", "beta"} <= set(learning)
    assert not any(layer.trainable for layer in batch_norms(model.image_tower))
    with pytest.raises(InputError, match=r"image_tower.layers.last = 9, but .* has 2 blocks"):
        started(with_keys(presets, train="layers", layers={"last": 9}))


@pytest.fixture(scope="module")
def both_ways(presets, transformers) -> dict[str, dict]:
    """An image tower whose features are cached, with dropout in its head, and one with adapters."""
    return {
        "image_tower": {**presets["image_tower"], "train": "frozen", "head": HEAD},
        "text_tower": {**transformers["text_tower"], "train": "lora"},
    }


def test_an_interrupted_run_ends_as_if_nothing_had_happened(
    both_ways, records, tmp_path, monkeypatch
):
    settings = config(model=both_ways, training={"epochs": 2, "xla": False})
    undisturbed = weights(trained(settings, records, tmp_path / "once"))
    steps = iter([False] * 4 + [True] * 9)
    with monkeypatch.context() as patch:
        patch.setattr(Preemption, "requested", lambda _: next(steps))
        with pytest.raises(PreemptedError, match="step 5 of 8"):
            trained(settings, records, tmp_path / "twice")
    resumed = weights(trained(settings, records, tmp_path / "twice"))
    assert all(same(resumed, undisturbed))
