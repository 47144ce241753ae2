"""A vocabulary that was given, through Transform and an export of library towers to a server."""

import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_transform.tf_metadata.dataset_metadata import DatasetMetadata

from schema import features
from schema.errors import InputError
from schema.serving_names import FOLDERS, IMAGE_TOWER, JOINT, TEXT_TOWER
from trainer.config.trainer import TrainerConfig
from trainer.config.transform import TextConfig, TransformConfig
from trainer.export import initial_weights, saved_models
from trainer.models.dual_encoder import DualEncoder
from trainer.preprocessing import transform_graph, vocabulary_file
from trainer.towers.layers import BACKBONE

PIECES = ["[PAD]", "[CLS]", "red", "[UNK]", "cat", "##s", "[SEP]", *"bcdefghijkl"]
CAPTIONS = ["Red cats", "a cat cat cat cat"]
# [CLS] red cat ##s [SEP]; [CLS] [UNK] cat cat cat [SEP] of six places, the last cat cut off.
IDS = [[1, 2, 4, 5, 6, 0], [1, 3, 4, 4, 4, 6], [0] * 6]
SPEC = {
    features.IMAGE_KEY: tf.io.FixedLenFeature([1], tf.string),
    features.IMAGE_ENCODED: tf.io.FixedLenFeature([1], tf.string),
    features.CAPTIONS: tf.io.VarLenFeature(tf.string),
    features.LABELS: tf.io.VarLenFeature(tf.int64),
}
PROGRAM = """
import json, sys
import numpy as np, tensorflow as tf, tensorflow_text
place, picture, captions = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
load = lambda name: tf.saved_model.load(f"{place}/{name}").signatures["serving_default"]
image, text = tf.constant([open(picture, "rb").read()]), tf.constant(captions)
np.savez(f"{place}/found.npz", image=load("image_tower")(image=image)["embedding"],
         text=load("text_tower")(text=text)["embedding"],
         joint=tf.saved_model.load(f"{place}/Format-Serving").signatures["embed_text"](
             text=text)["embedding"])
print(sorted(name for name in sys.modules if name in ("keras_hub", "trainer", "kagglehub")))
"""


def picture() -> bytes:
    drawn = np.random.default_rng(0).integers(0, 256, (40, 30, 3)).astype(np.uint8)
    return tf.io.encode_png(drawn).numpy()


@pytest.fixture(scope="module")
def told(tmp_path_factory) -> TrainerConfig:
    path = tmp_path_factory.mktemp("given") / "vocab.txt"
    path.write_text("\n".join(PIECES) + "\n")
    bert = {"num_layers": 1, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 8}
    values = {
        "text": {
            "vocabulary": str(path),
            "vocabulary_size": len(PIECES),
            "start_token": "[CLS]",
            "end_token": "[SEP]",
            "max_tokens": 6,
            "max_captions": 3,
        },
        "model": {
            "image_tower": {"kind": "keras_application", "name": "MobileNetV3Small"},
            "text_tower": {"kind": "keras_hub", "name": "BertBackbone", "arguments": bert},
            "embedding_dim": 5,
        },
    }
    return TrainerConfig.model_validate_json(json.dumps(values))


@pytest.fixture(scope="module")
def transform(told, tmp_path_factory) -> tft.TFTransformOutput:
    """The graph that Transform makes."""
    folder = str(tmp_path_factory.mktemp("transform"))
    config = TransformConfig(image=told.image, text=told.text)
    transform_graph.write_graph(folder, config, DatasetMetadata.from_feature_spec(SPEC), {})
    return tft.TFTransformOutput(folder)


def test_transform_takes_its_pieces_and_puts_pieces_around(transform):
    layer = transform.transform_features_layer()

    @tf.function
    def tokens(captions):
        # As serving calls it: captions alone, and no other feature.
        return layer({features.CAPTIONS: tf.sparse.from_dense(captions)})[features.TOKENS]

    assert tokens(tf.constant([[*CAPTIONS, ""]])).numpy().tolist() == [IDS]


def test_the_text_tower_of_a_release_must_have_learned_the_same_pieces(told, transform, tmp_path):
    file = transform.vocabulary_file_by_name("vocabulary")
    assert Path(file).read_text().splitlines() == PIECES
    assets = tmp_path / "text_tower" / "3" / "assets"
    assets.mkdir(parents=True)
    (assets.parent / "saved_model.pb").touch()
    (assets / "vocabulary").write_text("\n".join(PIECES) + "\n")
    tower = told.model.text_tower.model_copy(update={"weights": f"release:{tmp_path}"})
    model = told.model.model_copy(update={"text_tower": tower})
    starting = told.model_copy(update={"model": model})
    initial_weights.check_vocabulary(starting, file)
    (assets / "vocabulary").write_text("\n".join(reversed(PIECES)) + "\n")
    with pytest.raises(InputError) as caught:
        initial_weights.check_vocabulary(starting, file)
    assert str(caught.value) == (
        f"model.text_tower.weights = release:{tmp_path} was trained with another "
        f"vocabulary than this run's: set text.vocabulary = {assets}/vocabulary"
    )


def test_library_towers_are_served_where_their_libraries_are_not(told, transform, tmp_path):
    model = DualEncoder(told)
    # New weights and new statistics let nothing through; with those of a batch something comes.
    network = model.image_tower.get_layer(BACKBONE).network
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    network(np.random.default_rng(1).uniform(0, 255, (8, 32, 32, 3)), training=True)
    served = saved_models.Served(
        model, transform.transform_features_layer(), transform.raw_feature_spec()
    )
    saved_models.export(served, str(tmp_path))
    assert {FOLDERS[name] for name in (JOINT, IMAGE_TOWER, TEXT_TOWER)} <= {
        each.name for each in tmp_path.iterdir()
    }
    (tmp_path / "picture.png").write_bytes(picture())
    done = subprocess.run(
        [
            *(sys.executable, "-c", PROGRAM),
            *(str(tmp_path), str(tmp_path / "picture.png"), json.dumps(CAPTIONS)),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.strip() == "[]"
    found = np.load(tmp_path / "found.npz")
    texts = model.embed_texts(tf.constant(IDS[:2], tf.int64))
    np.testing.assert_allclose(found["text"], texts, atol=1e-5)
    np.testing.assert_allclose(found["joint"], texts, atol=1e-5)
    image = served.image_tower(tf.constant([picture()]))[features.EMBEDDING]
    np.testing.assert_allclose(found["image"], image, atol=1e-5)
    assert np.abs(np.linalg.norm(image, axis=1) - 1).max() < 1e-5


def test_a_vocabulary_that_is_not_there_is_told(tmp_path):
    config = TextConfig(vocabulary=str(tmp_path / "absent.txt"))
    with pytest.raises(InputError, match=r"text\.vocabulary = .*absent\.txt: cannot be read"):
        vocabulary_file.write(str(tmp_path / "vocabulary"), config, {})
