"""The numbers of a config at their smallest and largest sensible values, through the code."""

import json
from collections import Counter
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from pydantic import ValidationError
from tensorflow_transform.tf_metadata.dataset_metadata import DatasetMetadata

from schema import features
from tests.integration.trainer.test_given_vocabulary import SPEC, picture
from tests.support.training import config, trained, weights, write_records
from trainer.config.transform import TransformConfig
from trainer.preprocessing.captions import words_of
from trainer.preprocessing.transform_graph import write_graph

SMALLEST = {
    "image": {"size": 1, "fit": "crop"},
    "text": {"vocabulary_size": 32, "max_tokens": 1, "max_captions": 1},
}
LARGEST = {
    "image": {"size": 512},
    "text": {"vocabulary_size": 200_000, "max_tokens": 512, "max_captions": 100},
}


@pytest.mark.parametrize("values", [SMALLEST, LARGEST], ids=["smallest", "largest"])
def test_records_at_the_bounds_of_transform(values, tmp_path):
    settings = TransformConfig.model_validate_json(json.dumps(values))
    records: list[dict[str, list[Any]]] = [
        {
            features.IMAGE_KEY: [b"one"],
            features.IMAGE_ENCODED: [picture()],
            features.CAPTIONS: ["Red cats แมวสีแดง".encode(), b"a cat"],
            features.LABELS: [0, 1],
        },
        {
            features.IMAGE_KEY: [b"two"],
            features.IMAGE_ENCODED: [picture()],
            features.CAPTIONS: [b"a cat"],
            features.LABELS: [],
        },
    ]
    words = Counter(
        word.encode()
        for record in records
        for caption in record[features.CAPTIONS][: settings.text.max_captions]
        for word in words_of(caption.decode())
    )
    write_graph(str(tmp_path), settings, DatasetMetadata.from_feature_spec(SPEC), words)
    transform = tft.TFTransformOutput(str(tmp_path))
    captions, tokens = settings.text.max_captions, settings.text.max_tokens
    shapes = {name: each.shape for name, each in transform.transformed_feature_spec().items()}
    assert shapes[features.CAPTION_LABELS] == shapes[features.CAPTION_IDS] == [captions]
    assert shapes[features.TOKENS] == [captions, tokens]
    raw_records = {
        name: tf.ragged.constant([each[name] for each in records]).to_sparse()
        for name in (features.CAPTIONS, features.LABELS)
    } | {
        name: tf.constant([each[name] for each in records])
        for name in (features.IMAGE_KEY, features.IMAGE_ENCODED)
    }
    raw_records[features.LABELS] = tf.cast(raw_records[features.LABELS], tf.int64)
    found = transform.transform_features_layer()(raw_records)
    expected = np.zeros((2, captions), np.int64)
    expected[0, 1:2] = expected[1, 0] = 1
    assert found[features.CAPTION_LABELS].numpy().tolist() == expected.tolist()
    assert (found[features.TOKENS].numpy()[:, 0, 0] > 0).all()


TOWERS = {
    "convnet and bag": (
        {"kind": "convnet", "widths": [1], "dropout": 0.0},
        {"kind": "bag", "width": 1, "dropout": 0.99},
    ),
    "convnet without a stage": (
        {"kind": "convnet", "widths": [], "dropout": 0.99},
        {"kind": "bag", "width": 1},
    ),
    "conv and lstm": (
        {"kind": "conv", "filters": 1},
        {"kind": "lstm", "width": 1, "units": 1, "vocabulary_size": 40},
    ),
    "vit and transformer": (
        {"kind": "vit", "patch": 4, "width": 1, "depth": 1, "heads": 1, "mlp_ratio": 1},
        {"kind": "transformer", "width": 1, "depth": 1, "heads": 1, "dropout": 0.99},
    ),
}
AUGMENT = {"shift": 1.0, "zoom": 0.99, "stretch": 0.99, "brightness": 1.0, "contrast": 0.99}


@pytest.mark.parametrize("name", TOWERS)
def test_networks_at_their_bounds_learn_numbers(name, tmp_path):
    image, said = TOWERS[name]
    settings = config(
        model={"image_tower": image, "text_tower": said, "embedding_dim": 2},
        loss={"name": "info_nce", "temperature": 0.01},
        augment={**AUGMENT, "colour": 1.0},
        training={
            **{"epochs": 1, "warmup_steps": 0, "checkpoint_steps": 0, "cache_mb": 0},
            **{"shuffle_buffer": 1, "average": 0.999999, "clip_norm": 1e-9, "batch_size": 2},
            **{"learning_rate": 1e-12, "weight_decay": 0.0, "seed": 2**32 - 1, "xla": False},
        },
    )
    model = trained(settings, write_records(tmp_path / "data", 4), tmp_path)
    assert all(np.isfinite(each).all() for each in weights(model))


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"text": {"vocabulary_size": 31}}, "vocabulary_size = 31 is too small to learn"),
        ({"image": {"size": 3}, "model": {"image_tower": {"kind": "conv"}}}, "at least 4"),
        (
            {"model": {"text_tower": {"kind": "bag", "dropout": 1.0}}},
            "dropout",
        ),
        ({"model": {"image_tower": {"kind": "convnet", "dropout": 1.0}}}, "dropout"),
    ],
)
def test_beyond_them_a_config_is_refused(values, told):
    with pytest.raises(ValidationError, match=told):
        config(**values)
