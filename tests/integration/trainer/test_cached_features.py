"""Features of frozen towers, computed once: the same as in each step, in memory or on the disk."""

import numpy as np
import pytest
import tensorflow as tf

from schema import features
from tests.support.partial_training import HEAD, save_presets, started, with_keys
from tests.support.training import CAPTIONS, SPEC, TOKENS, config, trained, write_records
from trainer.training.data import input_pipeline
from trainer.training.data.featurizer import Featurizer
from trainer.training.fine_tuning.correlated_heads import correlate

pytestmark = pytest.mark.filterwarnings(  # Keras, when it saves
    "ignore:.*__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)


@pytest.fixture(scope="module")
def records(tmp_path_factory) -> list[str]:
    return write_records(tmp_path_factory.mktemp("data"), 48)


@pytest.fixture(scope="module")
def presets(tmp_path_factory) -> dict[str, dict]:
    return save_presets(tmp_path_factory.mktemp("presets"))


def test_embeddings_of_cached_features_are_those_of_raw_inputs(presets, records):
    model = started(with_keys(presets, train="frozen", head=HEAD))
    cached = Featurizer(model, None).of_records(records, SPEC, 48)
    batches = input_pipeline.training_batches(records, SPEC, model.config, 48, 12, cached=cached)
    raw = next(iter(input_pipeline.examples(records, SPEC, model.config).batch(48)))
    images = model.embed_images(raw[features.PIXELS]).numpy()
    texts = model.embed_texts(tf.reshape(raw[features.TOKENS], [-1, TOKENS])).numpy()
    seen = []
    for batch in batches.take(4):
        of = batch[features.KEY_ID].numpy()  # the records' keys are their numbers
        row = np.argsort(raw[features.KEY_ID].numpy())[of]
        np.testing.assert_allclose(
            model.embed_image_inputs(batch[features.PIXELS]), images[row], atol=1e-5
        )
        np.testing.assert_allclose(
            model.embed_text_inputs(batch[features.TOKENS]),
            texts[CAPTIONS * row + batch[features.CHOSEN].numpy()],
            atol=1e-5,
        )
        seen += list(of)
    assert sorted(seen) == list(range(48))
    assert cached.captions is not None
    assert len(cached.captions) == 96  # each distinct caption once


def test_features_beyond_the_memory_lie_on_the_disk_and_are_the_same(presets, records, tmp_path):
    model = started(with_keys(presets, train="frozen"))
    small = started(with_keys(presets, train="frozen"), training={"cache_mb": 0})
    in_memory = Featurizer(model, None).of_records(records, SPEC, 48)
    on_disk = Featurizer(small, str(tmp_path)).of_records(records, SPEC, 48)
    assert isinstance(on_disk.images, np.memmap)
    assert not isinstance(in_memory.images, np.memmap)
    np.testing.assert_array_equal(on_disk.images, in_memory.images)
    np.testing.assert_array_equal(on_disk.captions, in_memory.captions)
    assert not list(tmp_path.iterdir())  # the file has no name, so nothing remains of it


def test_heads_start_where_the_features_of_the_records_correlate(presets, records, tmp_path):
    settings = config(
        model=with_keys(presets, train="frozen"),
        training={"start": "correlated", "epochs": 1, "learning_rate": 1e-9, "xla": False},
    )
    model = trained(settings, records, tmp_path)
    raw = next(iter(input_pipeline.examples(records, SPEC, settings).batch(48)))
    tokens = tf.reshape(raw[features.TOKENS], [-1, TOKENS])
    images, texts = model.image_features(raw[features.PIXELS]), model.text_features(tokens)
    pairs = np.stack([np.repeat(np.arange(48), CAPTIONS), np.arange(48 * CAPTIONS)], axis=1)
    of_images, of_texts = correlate(
        images.numpy(), texts.numpy(), pairs, settings.model.embedding_dim
    )
    expected = of_images(images.numpy()) @ of_texts(texts.numpy()).T
    made = model.image_tower(images_of(raw)) @ tf.transpose(model.text_tower(tokens))
    np.testing.assert_allclose(made, expected, atol=1e-3)


def images_of(raw: dict[str, tf.Tensor]) -> tf.Tensor:
    return tf.cast(raw[features.PIXELS], tf.float32) / 127.5 - 1.0
